"""Chart of a KPI and its trend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.errors import ArgumentError
from safar.plot.kpi_axes import known_kpi, kpi_format, periods_across, value_axis
from safar.plot.theme import BLUE, INK, Direction, finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.monitoring import TrendResult

__all__ = ["trend"]


def trend(
    result: TrendResult,
    kpi: str | None = None,
    *,
    row: int | None = None,
    title: str | None = None,
    width: int = 640,
    height: int = 220,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw one KPI and its trend.

    Parameters
    ----------
    result
        Trends.
    kpi
        The KPI; by default that of the first row. Of several slices, the first row of the table.
    row
        Row of the table, from 0, instead.
    title
        Heading; by default the KPI and its slice.
    width, height
        Size in pixels.
    direction
        ``"rtl"`` mirrors the chart: time runs from right to left.

    Returns
    -------
    altair.LayerChart
        Points are the periods, the line has the median slope (Theil-Sen) through the middle of the points.

    Examples
    --------
    >>> import safar
    >>> kpis = {
    ...     "date": [f"2026-03-{day:02}" for day in range(1, 13)],
    ...     "kpi": ["cost per lead"] * 12,
    ...     "numerator": [50, 52, 51, 54, 53, 55, 57, 56, 58, 60, 59, 61],
    ...     "denominator": [1] * 12,
    ... }
    >>> trend(safar.trend(kpis)).title.text
    'cost per lead'
    """
    import altair as alt

    columns = result.to_dict()
    if row is None:
        known = sorted(set(columns["kpi"]))
        row = 0 if kpi is None else columns["kpi"].index(known_kpi(kpi, known))
    elif kpi is not None:
        raise ArgumentError(f"kpi={kpi!r} and row={row!r} both say what is drawn; give one")
    if not 0 <= row < len(result):
        raise ArgumentError(f"row={row!r} is not a row of the trends; expected 0 to {len(result) - 1}")
    periods, unit, percent = result.course(row)
    data = [
        {
            "date": period["date"].isoformat(),
            "value": period["value"],
            "trend": period["trend"] if period["trend"] == period["trend"] else None,
        }
        for period in periods
    ]
    form, axis, scale = kpi_format(percent), value_axis(percent, direction), alt.Scale(zero=False)
    tooltip = [
        alt.Tooltip("date:T", title="Period"),
        alt.Tooltip("value:Q", title="Value", format=form),
        alt.Tooltip("trend:Q", title="Trend", format=form),
    ]
    base = alt.Chart().encode(x=periods_across(direction), tooltip=tooltip)
    points = base.mark_point(color=INK, filled=True, size=26, opacity=0.7)
    line = base.mark_line(color=BLUE, strokeWidth=2.5)
    chart = alt.layer(
        line.encode(y=alt.Y("trend:Q", title=unit or None, scale=scale, axis=axis)),
        points.encode(y=alt.Y("value:Q", title=unit or None, scale=scale, axis=axis)),
        data=inline(data),
    ).properties(width=width, height=height)
    subtitle = "Too few periods for a trend"
    if columns["slope"][row] is not None:
        slope, low, high = (columns[name][row] for name in ("slope", "slope_low", "slope_high"))
        times = 100 if percent else 1
        points_word = " percentage points" if percent else f" {unit}" if unit else ""
        subtitle = (
            f"{times * slope:+.3g}{points_word} a period (95% interval {times * low:+.3g} to {times * high:+.3g}), "
            f"p = {columns['p_adjusted'][row]:.2g} adjusted"
        )
    heading = result.label(row) if title is None else title
    return finish(chart, title=heading, subtitle=subtitle, direction=direction)
