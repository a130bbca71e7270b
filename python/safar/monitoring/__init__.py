"""Monitoring: control charts, season, alerts, trends and comparisons of KPIs."""

from __future__ import annotations

from safar.monitoring.alerts import AlertResult, alerts
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

__all__ = [
    "AlertResult",
    "ControlChart",
    "Cusum",
    "alerts",
    "cusum_chart",
    "ewma_chart",
    "individuals_chart",
    "moving_ranges",
    "p_chart",
    "u_chart",
]
