"""Chart of stickiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.stickiness import StickinessResult

__all__ = ["stickiness"]

_UNITS = {
    ("day", "week"): "Days of the week",
    ("day", "month"): "Days of the month",
    ("week", "month"): "Weeks of the month",
}
_SAID = {
    "day": "Bars: exactly so many days; line: so many or more, with its 95% interval",
    "week": "Bars: exactly so many weeks; line: so many or more, with its 95% interval",
}


def stickiness(
    result: StickinessResult,
    *,
    title: str | None = None,
    width: int = 340,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw on how many days of a period customers are there.

    Parameters
    ----------
    result
        Stickiness; by segments it gives a panel for each of the six largest segments.
    title
        Heading; by default it says what is drawn.
    width
        Width of a panel in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Over all periods that the data cover: a bar for the share with exactly so many units, and a line with its 95 %
        interval for the share with at least so many. Without a complete period it is empty.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-02", "2026-03-03", "2026-03-02"],
    ...         "what": ["a"] * 3,
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-09",
    ... )
    >>> chart = stickiness(log.stickiness())
    >>> [row["at_least_share"] for row in chart.data.values][:3]
    [1.0, 0.5, 0.0]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = columns_of(result.totals(), look)
    panels = panels_of(columns, "customers", look)
    data = records(columns, sorted(panels.rows(columns)))
    units = _UNITS[result.unit, result.period]
    for row in data:
        row["number"] = look.locale.count(row["units"])
    tooltip = [
        look.tooltip("number", units),
        look.tooltip("active", "Active customers, each period", ","),
        look.tooltip("customers", "With exactly so many", ","),
        look.tooltip("share", "Share", ".1%"),
        look.tooltip("at_least", "With so many or more", ","),
        look.tooltip("at_least_share", "Share", ".1%"),
        *look.interval("at_least_share"),
    ]
    x = alt.X(
        "number:O",
        title=look.say(units),
        sort=look.across(row["number"] for row in sorted(data, key=lambda row: row["units"])),
        axis=alt.Axis(labelAngle=0, ticks=False, labelOverlap=True),
    )
    base = alt.Chart().encode(x=x)

    def share(name: str) -> alt.Y:
        axis = alt.Axis(format=".0%", tickCount=5, domain=False, orient=look.side)
        return alt.Y(
            f"{name}:Q",
            title=look.say("Share of active customers"),
            scale=alt.Scale(domain=[0, 1]),
            axis=axis,
        )

    bars = base.mark_bar(color=look.colours.steel, cornerRadiusEnd=2).encode(
        y=share("share"), tooltip=tooltip
    )
    band = base.mark_area(color=look.colours.blue, opacity=0.2).encode(
        y=share("at_least_share_low"), y2="at_least_share_high:Q"
    )
    line = base.mark_line(
        color=look.colours.ink, point=alt.OverlayMarkDef(color=look.colours.ink, size=26)
    ).encode(y=share("at_least_share"), tooltip=tooltip)
    return panels.finish(
        alt.layer(bars, band, line, data=inline(data)).properties(width=width, height=240),
        title=look.heading(title, "Stickiness"),
        subtitle=look.say(_SAID[result.unit]),
        look=look,
    )
