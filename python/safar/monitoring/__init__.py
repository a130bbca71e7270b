"""Monitoring: control charts, season, alerts, trends and comparisons of KPIs."""

from __future__ import annotations

from safar.monitoring.alerting import AlertResult, alerts
from safar.monitoring.charts import (
    ControlChart,
    Cusum,
    cusum_chart,
    ewma_chart,
    individuals_chart,
    moving_ranges,
    p_chart,
    u_chart,
)
from safar.monitoring.comparing import KpiComparisonResult, compare_kpis
from safar.monitoring.trending import TrendResult, trend

__all__ = [
    "AlertResult",
    "ControlChart",
    "Cusum",
    "KpiComparisonResult",
    "TrendResult",
    "alerts",
    "compare_kpis",
    "cusum_chart",
    "ewma_chart",
    "individuals_chart",
    "moving_ranges",
    "p_chart",
    "trend",
    "u_chart",
]
