"""Chart of stickiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import BLUE, INK, STEEL, Direction, inline, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.stickiness import StickinessResult

__all__ = ["stickiness"]


def stickiness(
    result: StickinessResult,
    *,
    title: str = "Stickiness",
    width: int = 340,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw on how many days of a period customers are there.

    Parameters
    ----------
    result
        Stickiness; by segments it gives a panel for each of the six largest segments.
    title
        Heading.
    width
        Width of a panel in pixels.
    direction
        ``"rtl"`` mirrors the chart.

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

    columns = columns_of(result.totals())
    panels = panels_of(columns, "customers")
    data = records(columns, sorted(panels.rows(columns)))
    units = f"{result.unit.capitalize()}s of the {result.period}"
    tooltip = [
        alt.Tooltip("units:Q", title=units),
        alt.Tooltip("active:Q", title="Active customers, each period", format=","),
        alt.Tooltip("customers:Q", title="With exactly so many", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("at_least:Q", title="With so many or more", format=","),
        alt.Tooltip("at_least_share:Q", title="Share", format=".1%"),
        *interval("at_least_share"),
    ]
    x = alt.X(
        "units:O",
        title=units,
        sort="descending" if direction == "rtl" else "ascending",
        axis=alt.Axis(labelAngle=0, ticks=False, labelOverlap=True),
    )
    base = alt.Chart().encode(x=x)

    def share(name: str) -> alt.Y:
        axis = alt.Axis(format=".0%", tickCount=5, domain=False, orient=side(direction))
        return alt.Y(
            f"{name}:Q", title="Share of active customers", scale=alt.Scale(domain=[0, 1]), axis=axis
        )

    bars = base.mark_bar(color=STEEL, cornerRadiusEnd=2).encode(y=share("share"), tooltip=tooltip)
    band = base.mark_area(color=BLUE, opacity=0.2).encode(
        y=share("at_least_share_low"), y2="at_least_share_high:Q"
    )
    line = base.mark_line(color=INK, point=alt.OverlayMarkDef(color=INK, size=26)).encode(
        y=share("at_least_share"), tooltip=tooltip
    )
    return panels.finish(
        alt.layer(bars, band, line, data=inline(data)).properties(width=width, height=240),
        title=title,
        subtitle=f"Bars: exactly so many {result.unit}s; line: so many or more, with its 95% interval",
        direction=direction,
    )
