"""Chart of conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.plot.bars import interval
from safar.plot.panels import columns_of, facet, panels_of
from safar.plot.theme import BLUE, Direction, finish, inline, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.conversion import ConversionResult

__all__ = ["conversion"]

# Apart in hue and in lightness; dashes tell them apart once more.
_COLOURS = (BLUE, "#e8821a", "#52606d", "#8b4a9c", "#2f8f5b", "#b8475a")
_DASHES = ((1, 0), (7, 2), (2, 2), (7, 2, 2, 2), (12, 3), (4, 4))
# Steps of one curve; more than a screen has columns can't be seen.
_MOST = 1_000
_UNITS = (
    ("days", 86_400.0),
    ("hours", 3_600.0),
    ("minutes", 60.0),
    ("seconds", 1.0),
)


def conversion(
    result: ConversionResult,
    *,
    title: str = "Conversion by time since the entry",
    width: int = 520,
    height: int = 300,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw conversion as step curves with their 95 % intervals.

    Parameters
    ----------
    result
        Conversion; by segments it gives a curve for each of the six largest, with competing outcomes a panel each.
    title
        Heading.
    width, height
        Size of a panel in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Time runs in the largest of days, hours, minutes and seconds that the curves fill. A curve ends with the
        longest watch, and shows at most a thousand of its steps.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {"who": [1, 1], "when": ["2026-03-01", "2026-03-03"], "what": ["view", "buy"]},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = conversion(log.conversion("buy"))
    >>> [(row["time"], row["share"]) for row in chart.data.values]
    [(0.0, 0.0), (2.0, 1.0)]
    """
    import altair as alt

    columns = columns_of(result)
    curves = _curves(columns)
    panels = panels_of(columns, "at_risk", [rows[0] for rows in curves])
    if panels.shown is not None:
        curves = [rows for rows in curves if columns["segment"][rows[0]] in panels.shown]
    longest = max((columns["time_seconds"][rows[-1]] for rows in curves), default=0.0)
    unit, length = next(((name, each) for name, each in _UNITS if longest >= each), _UNITS[-1])
    data: list[dict[str, Any]] = []
    for rows in curves:
        # Everybody is there at the beginning, and the last step is always drawn.
        every = -(-len(rows) // _MOST)
        first = records(columns, rows[:1])[0] | {"time_seconds": 0.0, "reached": 0, "censored": 0}
        first |= {"share": 0.0, "share_low": None, "share_high": None}
        drawn = [first, *records(columns, sorted({*rows[::every], rows[-1]}))]
        for row in drawn:
            row["time"] = row["time_seconds"] / length
        data += drawn
    x = alt.X(
        "time:Q",
        title=f"{unit.capitalize()} since the entry",
        scale=alt.Scale(reverse=direction == "rtl", nice=False),
        axis=alt.Axis(grid=False),
    )
    y = alt.Y(
        "share:Q",
        title="Share that has reached the outcome",
        axis=alt.Axis(format=".0%", domain=False, orient=side(direction)),
    )
    tooltip = [
        alt.Tooltip("time:Q", title=f"{unit.capitalize()} since the entry", format=",.2f"),
        alt.Tooltip("share:Q", title="Share so far", format=".1%"),
        *interval("share"),
        alt.Tooltip("at_risk:Q", title="Customers not decided before", format=","),
    ]
    colour: Any = alt.value(BLUE)
    dash: Any = alt.value([1, 0])
    if panels.shown:
        names = list(panels.shown)
        tooltip.insert(0, alt.Tooltip("segment:N", title="Segment"))
        legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, symbolSize=300)
        colours = alt.Scale(domain=names, range=list(_COLOURS[: len(names)]))
        dashes = alt.Scale(domain=names, range=[list(each) for each in _DASHES[: len(names)]])
        colour = alt.Color("segment:N", title="Segment", scale=colours, legend=legend)
        dash = alt.StrokeDash("segment:N", title="Segment", scale=dashes, legend=legend)
    base = alt.Chart().encode(x=x, color=colour, strokeDash=dash, tooltip=tooltip)
    band = base.mark_area(opacity=0.15, interpolate="step-after", line=False).encode(
        y=alt.Y("share_low:Q"), y2="share_high:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=y)
    layers = alt.layer(band, line, data=inline(data)).properties(width=width, height=height)
    subtitle = [
        "Estimated from customers for as long as they were watched; the band is the 95% interval",
        panels.said,
    ]
    if "outcome" not in columns:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    whole = facet(layers, "outcome", dict.fromkeys(columns["outcome"]))
    return finish(whole, title=title, subtitle=subtitle, direction=direction)


def _curves(columns: dict[str, list[Any]]) -> list[list[int]]:
    """The rows of each segment and outcome."""
    curves: dict[tuple[Any, Any], list[int]] = {}
    nothing = [None] * len(columns["share"])
    keys = zip(columns.get("segment", nothing), columns.get("outcome", nothing), strict=True)
    for row, key in enumerate(keys):
        curves.setdefault(key, []).append(row)
    return list(curves.values())
