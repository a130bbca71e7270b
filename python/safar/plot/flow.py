"""Chart of the flow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["flow"]

_STEP = 150
_HEIGHT = 380
# Width of a box and room after the last one, in positions.
_BOX, _ROOM = 0.06, 0.5
# What is free between boxes, and the least box with a name, of the highest column.
_GAP, _NAMED = 0.03, 0.025
# Points of a ribbon.
_POINTS = 13
_ENDS = ("(end)", "(open)")


def flow(
    result: Result,
    *,
    events: int = 8,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the flow from event to event, position by position.

    Parameters
    ----------
    result
        A flow; by segments it gives a panel for each of the six largest segments.
    events
        How many of the commonest events are shown.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A Sankey diagram: a ribbon goes from an event at a position to the next one and is as high as it has units. What
        ended there has a colour of its own, as has what may still go on.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = flow(log.flow(depth=2))
    >>> [
    ...     (row["from"], row["to"], row["units"])
    ...     for row in chart.data.values
    ...     if row.get("point") == 0
    ... ]
    [('a', 'b', 1), ('a', '(open)', 1)]
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    at_least_one(events=events)
    edges = columns_of(result, look, "from", "to")
    ends = [look.name(name) for name in _ENDS]
    panels = panels_of(edges, "units", look, [row for row, at in enumerate(edges["position"]) if at == 0])
    real, which = commonest(edges["to"], edges["units"], events, look, but=ends)
    others = look.say("other events")
    kept = [*real, others, *ends]
    data: list[dict[str, Any]] = []
    by_segment: dict[Any, list[dict[str, Any]]] = {}
    for edge in records(edges, sorted(panels.rows(edges))):
        by_segment.setdefault(edge.get("segment"), []).append(edge)
    for segment, own in by_segment.items():
        shapes = _shapes([edge for edge in own if edge["position"] > 0], kept, others)
        data += [{**shape, **({} if panels.shown is None else {"segment": segment})} for shape in shapes]
    last = max((row["x_end"] for row in data if row["part"] == "node"), default=1.0)
    for row in data:
        row["place"] = look.locale.count(row["position"])
        row["kind"] = "lost" if row["to"] == ends[0] else "open" if row["to"] == ends[1] else "on"
    colours = look.colours
    ways = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(domain=["on", "lost", "open"], range=[colours.steel, colours.lost, colours.rest]),
    )
    tooltip = [
        look.tooltip("place", "Position"),
        look.tooltip("from", "From"),
        look.tooltip("to", "To"),
        look.tooltip("units", "Units", ","),
        look.tooltip("share", "Share of those at from", ".1%"),
        *look.interval("share"),
        look.tooltip("customers", "Customers", ","),
    ]
    places = list(range(1, round(last) + 1))
    written = json.dumps([look.locale.count(place) for place in places], ensure_ascii=False)
    across = alt.Scale(domain=[1, max(last, 2) + _ROOM], nice=False, reverse=look.rtl)
    axis = alt.Axis(
        orient="top",
        values=places,
        labelExpr=f"{written}[datum.value - 1]",
        grid=False,
        domain=False,
        ticks=False,
    )
    x = alt.X("x:Q", title=look.say("Position"), scale=across, axis=axis)
    down = alt.Scale(nice=False, zero=False, reverse=True)
    y = alt.Y("y:Q", title=None, axis=None, scale=down)
    ribbons = (
        alt.Chart()
        .transform_filter("datum.part == 'ribbon'")
        .mark_area(opacity=0.5)
        .encode(x=x, y=y, y2="y_end:Q", detail="edge:N", color=ways, tooltip=tooltip)
    )
    nodes = alt.Chart().transform_filter("datum.part == 'node'")
    boxes = nodes.mark_rect().encode(
        x=x,
        x2="x_end:Q",
        y=y,
        y2="y_end:Q",
        color=ways,
        tooltip=[
            look.tooltip("place", "Position"),
            look.tooltip("to", "Event"),
            look.tooltip("units", "Units", ","),
        ],
    )
    texts = (
        nodes.transform_filter("datum.named")
        .transform_calculate(middle="(datum.y + datum.y_end) / 2")
        .mark_text(align=look.side, dx=look.onwards(4), color=colours.ink, fontSize=11)
        .encode(
            x=alt.X("x_end:Q", scale=across, axis=axis),
            y=alt.Y("middle:Q", scale=down, axis=None),
            text="to:N",
        )
    )
    layers = alt.layer(ribbons, boxes, texts, data=inline(data)).properties(
        width=_STEP * max(1, round(last) - 1) + 90, height=_HEIGHT
    )
    subtitle = look.say("Units from each event to the next, and what became of them; {which}", which=which)
    return panels.finish(
        layers,
        title=look.heading(title, "Where journeys go"),
        subtitle=subtitle,
        look=look,
        columns=1,
        own_rows=True,
    )


def _shapes(edges: list[dict[str, Any]], kept: list[str], others: str) -> list[dict[str, Any]]:
    """A box for each event at each position, and a ribbon for each edge, both as high as they have units."""
    joined: dict[tuple[int, str, str], dict[str, Any]] = {}
    for edge in edges:
        source, target = (edge[end] if edge[end] in kept else others for end in ("from", "to"))
        key = (edge["position"], source, target)
        if key not in joined:
            # What several edges have together is known of their units alone.
            alone = (source, target) == (edge["from"], edge["to"])
            unknown = {} if alone else dict.fromkeys(("share", "share_low", "share_high", "customers"))
            joined[key] = {**edge, "from": source, "to": target, **unknown}
        else:
            joined[key]["units"] += edge["units"]
    arriving: dict[tuple[int, str], int] = {}
    leaving: dict[tuple[int, str], int] = {}
    for (position, source, target), edge in joined.items():
        leaving[position, source] = leaving.get((position, source), 0) + edge["units"]
        arriving[position + 1, target] = arriving.get((position + 1, target), 0) + edge["units"]
    sizes = {
        node: max(arriving.get(node, 0), leaving.get(node, 0))
        for node in dict.fromkeys([*leaving, *arriving])
    }
    highest = max((sum(sizes[node] for node in sizes if node[0] == at) for at, _ in sizes), default=0)
    gap, top, shapes = _GAP * highest, {}, []
    for position in sorted({at for at, _ in sizes}):
        y = 0.0
        for event in kept:
            if (position, event) in sizes:
                size = sizes[position, event]
                top[position, event] = [y, y]
                shape = {"part": "node", "position": position, "to": event, "units": size}
                ends = {"x": position, "x_end": position + _BOX, "y": y, "y_end": y + size}
                shapes.append({**shape, **ends, "named": size >= _NAMED * highest})
                y += size + gap
    order = sorted(joined, key=lambda key: (key[0], kept.index(key[1]), kept.index(key[2])))
    for number, key in enumerate(order):
        edge = joined[key]
        (_, low), (high, _) = top[key[0], key[1]], top[key[0] + 1, key[2]]
        top[key[0], key[1]][1] += edge["units"]
        top[key[0] + 1, key[2]][0] += edge["units"]
        for point in range(_POINTS):
            t = point / (_POINTS - 1)
            y = low + (high - low) * t * t * (3 - 2 * t)
            x = key[0] + _BOX + (1 - _BOX) * t
            ends = {"x": x, "y": y, "y_end": y + edge["units"]}
            shapes.append({**edge, "part": "ribbon", "edge": number, "point": point, **ends})
    return shapes
