"""Chart of a KPI and its trend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.kpi_axes import known_kpi, kpi_format, periods_across, value_axis
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

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
    language: Language = "en",
    theme: Theme = "light",
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
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        Points are the periods, the line has the median slope (Theil-Sen) through the middle of the points; the band
        are the lines whose slopes are in its 95 % interval.

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

    look = look_of(language, theme, result)
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
            "period": look.laid_out(look.locale.day(period["date"])),
            **{
                name: period[name] if period[name] == period[name] else None
                for name in ("value", "trend", "trend_low", "trend_high")
            },
        }
        for period in periods
    ]
    form, axis, scale = kpi_format(percent), value_axis(percent, look), alt.Scale(zero=False)
    tooltip = [
        look.tooltip("period", "Period"),
        look.tooltip("value", "Value", form),
        look.tooltip("trend", "Trend", form),
        *look.interval("trend", form),
    ]
    base = alt.Chart().encode(x=periods_across([period["date"] for period in periods], look), tooltip=tooltip)
    points = base.mark_point(color=look.colours.ink, filled=True, size=26, opacity=0.7)
    line = base.mark_line(color=look.colours.blue, strokeWidth=2.5)
    band = base.mark_area(color=look.colours.blue, opacity=0.18)
    chart = alt.layer(
        band.encode(y=alt.Y("trend_low:Q", scale=scale, axis=axis), y2="trend_high:Q"),
        line.encode(y=alt.Y("trend:Q", title=look.say(unit) if unit else None, scale=scale, axis=axis)),
        points.encode(y=alt.Y("value:Q", title=look.say(unit) if unit else None, scale=scale, axis=axis)),
        data=inline(data),
    ).properties(width=width, height=height)
    subtitle = look.say("Too few periods for a trend")
    if columns["slope"][row] is not None:
        slope, low, high = (columns[name][row] for name in ("slope", "slope_low", "slope_high"))
        times = 100 if percent else 1
        words = look.locale.say("percentage points") if percent else look.locale.say(unit) if unit else ""
        number = {
            name: look.locale.signs(f"{times * each:+.3g}")
            for name, each in (("slope", slope), ("low", low), ("high", high))
        }
        p = look.locale.signs(f"{columns['p_adjusted'][row]:.2g}")
        number["slope"] = f"{number['slope']} {words}".strip()
        said = "{slope} a period (95% interval {low} to {high}), p = {p} adjusted"
        subtitle = look.say(said, **number, p=p)
    heading = look.laid_out(title or result.label(row, language))
    return finish(chart, title=heading, subtitle=subtitle, look=look)
