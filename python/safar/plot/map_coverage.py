"""Chart of what a journey map covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import end_texts, layered, names_down
from safar.plot.panels import at_least_one
from safar.plot.theme import BLUE, Direction, finish

if TYPE_CHECKING:
    import altair as alt

    from safar.journey_map import MapCoverage

__all__ = ["map_coverage"]

_ROW = 22
_UNMAPPED = "#c3cad2"


def map_coverage(
    result: MapCoverage,
    *,
    title: str = "What the map covers",
    width: int = 420,
    touchpoints: int = 40,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how many events are at each touchpoint of a map, and how many at none.

    Parameters
    ----------
    result
        What a map covers of a log.
    title
        Heading.
    width
        Width in pixels.
    touchpoints
        How many touchpoints are shown at most: those with the most events, in the order of the map.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart
        A bar a touchpoint; the last one, grey, is what no touchpoint matches.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(100).log().with_map(safar.JourneyMap.shop())
    >>> map_coverage(log.map_coverage()).data.values[-1]["events"]
    0
    """
    import altair as alt

    at_least_one(touchpoints=touchpoints)
    columns = result.to_dict()
    many = len(columns["touchpoint"])
    largest = sorted(range(many), key=lambda row: (-columns["events"][row], row))[:touchpoints]
    data = [
        {
            "touchpoint": columns["touchpoint"][row],
            "stage": columns["stage"][row],
            "events": columns["events"][row],
            "said": f"{columns['events'][row]:,} events, {columns['customers'][row]:,} customers",
            "mapped": True,
        }
        for row in sorted(largest)
    ]
    missed = result.events - result.mapped
    said = f"{missed:,} events"
    data.append({"touchpoint": "(unmapped)", "stage": None, "events": missed, "said": said, "mapped": False})
    tooltip = [
        alt.Tooltip("touchpoint:N", title="Touchpoint"),
        alt.Tooltip("stage:N", title="Stage"),
        alt.Tooltip("events:Q", title="Events", format=","),
    ]
    y = names_down("touchpoint", (row["touchpoint"] for row in data), direction)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=14).encode(
        x=alt.X(
            "events:Q",
            title="Events",
            scale=alt.Scale(reverse=direction == "rtl"),
            axis=alt.Axis(format="~s", tickCount=5, domain=False),
        ),
        color=alt.condition("datum.mapped", alt.value(BLUE), alt.value(_UNMAPPED)),
    )
    share = result.mapped / result.events if result.events else 0.0
    return finish(
        layered([bars, end_texts(base, width, direction)], data, width=width, row=_ROW),
        title=title,
        subtitle=[
            f"{result.mapped:,} of {result.events:,} events ({share:.1%}) are at a touchpoint",
            f"The {touchpoints} of {many} touchpoints with the most events" if many > touchpoints else "",
        ],
        direction=direction,
    )
