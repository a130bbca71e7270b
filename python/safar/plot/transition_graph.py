"""Transitions as a graph: events in layers from the start of journeys to their end, ways between them as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from safar.plot.look import Look
from safar.plot.theme import inline

if TYPE_CHECKING:
    import altair as alt

__all__ = ["graph", "layers_of"]

_LAYER, _LINE = 150, 62
# Points of a curve, and how far it bends away, of its length.
_POINTS, _BEND = 17, 0.16
_THICKEST = 13
_HOVERED = "!isValid(hovered.event) || indexof(hovered.event, datum.from) >= 0 || indexof(hovered.event, datum.to) >= 0"


def layers_of(
    edges: Sequence[Mapping[str, Any]],
    first: str,
    last: Sequence[str],
    stages: Mapping[str, int],
) -> dict[str, int]:
    """Put events into layers: by stage where all have one, else by their typical position in journeys.

    Parameters
    ----------
    edges
        Rows with ``from``, ``to`` and ``events``.
    first, last
        What journeys begin and end with; they are the first and the last layer.
    stages
        Place of the stage of each event, of those that have one.

    Returns
    -------
    dict
        Event → layer, from 0.

    Notes
    -----
    The typical position of an event is the mean number of events before it in a random walk along the transitions: one
    more than the mean of the positions of the events before it, each weighted by how often it came before.

    Examples
    --------
    >>> edges = [
    ...     {"from": "(start)", "to": "view", "events": 9},
    ...     {"from": "view", "to": "buy", "events": 4},
    ...     {"from": "buy", "to": "(end)", "events": 4},
    ... ]
    >>> layers_of(edges, "(start)", ["(end)"], {})
    {'(start)': 0, 'view': 1, 'buy': 2, '(end)': 3}
    """
    names = list(dict.fromkeys(edge[end] for edge in edges for end in ("from", "to")))
    between = [name for name in names if name != first and name not in last]
    layers = {first: 0} if first in names else {}
    if between and all(name in stages for name in between):
        order = sorted({stages[name] for name in between})
        layers |= {name: 1 + order.index(stages[name]) for name in sorted(between, key=stages.__getitem__)}
    else:
        position = _positions(edges, between)
        ordered = sorted(between, key=lambda name: (position[name], name))
        columns = min(6, max(1, round(1.5 * len(ordered) ** 0.5)))
        layers |= {name: 1 + place * columns // len(ordered) for place, name in enumerate(ordered)}
    end = max(layers.values(), default=0) + 1
    return layers | {name: end for name in last if name in names}


def _positions(edges: Sequence[Mapping[str, Any]], events: Sequence[str]) -> dict[str, float]:
    place = {event: row for row, event in enumerate(events)}
    system, one = np.eye(len(events)), np.ones(len(events))
    arrivals = np.zeros((len(events), len(events)))
    # Where nothing else leads to an event, it stands behind the start.
    total = np.full(len(events), 1e-6)
    for edge in edges:
        if edge["to"] in place and edge["to"] != edge["from"]:
            total[place[edge["to"]]] += edge["events"]
            if edge["from"] in place:
                arrivals[place[edge["to"]], place[edge["from"]]] += edge["events"]
    found = np.linalg.solve(system - arrivals / total[:, None], one) if events else one
    return {event: float(found[row]) for event, row in place.items()}


def _rows(edges: Sequence[Mapping[str, Any]], layers: Mapping[str, int]) -> dict[str, float]:
    """Where each event stands in its layer: beside those that it comes from and goes to."""
    members: dict[int, list[str]] = {}
    for name, layer in layers.items():
        members.setdefault(layer, []).append(name)
    row = {name: at - (len(names) - 1) / 2 for names in members.values() for at, name in enumerate(names)}
    near: dict[str, list[tuple[str, float]]] = {name: [] for name in layers}
    for edge in edges:
        near[edge["from"]].append((edge["to"], edge["events"]))
        near[edge["to"]].append((edge["from"], edge["events"]))
    for _ in range(6):
        for names in members.values():
            wish = {
                name: sum(row[other] * weight for other, weight in near[name])
                / max(sum(weight for _, weight in near[name]), 1)
                for name in names
            }
            names.sort(key=lambda name: (wish[name], name))
            row |= {name: at - (len(names) - 1) / 2 for at, name in enumerate(names)}
    return row


def graph(
    edges: Sequence[dict[str, Any]],
    layers: Mapping[str, int],
    look: Look,
    *,
    weight: str,
    tooltip: list[alt.Tooltip],
    kinds: Mapping[str, tuple[str, str]],
) -> alt.LayerChart | alt.FacetChart:
    """Draw the graph of one panel.

    Parameters
    ----------
    edges
        Rows with ``from``, ``to``, ``events``, ``kind`` and the column `weight`.
    layers
        Layer of each event.
    look
        How it is written and coloured.
    weight
        The column that curves are as thick as.
    tooltip
        What is said of a curve.
    kinds
        What the kinds of curves are called, and their colours; one kind needs no legend.
    """
    import altair as alt

    rows = _rows(edges, layers)
    data: list[dict[str, Any]] = []
    segments = list(dict.fromkeys(edge.get("segment") for edge in edges))
    for segment in segments:
        own = [edge for edge in edges if edge.get("segment") == segment]
        cut = {} if segment is None else {"segment": segment}
        times: dict[str, int] = {}
        for edge in own:
            times[edge["from"]] = times.get(edge["from"], 0) + edge["events"]
        arrived: dict[str, int] = {}
        for edge in own:
            arrived[edge["to"]] = arrived.get(edge["to"], 0) + edge["events"]
        data += [
            {
                "part": "node",
                "event": name,
                "x": layers[name],
                "y": rows[name],
                "times": max(times.get(name, 0), arrived.get(name, 0)),
                **cut,
            }
            for name in layers
        ]
        for number, edge in enumerate(own):
            # What could be chance is a hair.
            thick = abs(edge[weight] or 0) if edge.get("certain", True) else 0.0
            for point, (across, down) in enumerate(_curve(edge, layers, rows)):
                t = point / (_POINTS - 1)
                shape = {
                    "part": "edge",
                    "edge": f"{segment} {number}",
                    "point": point,
                    "x": across,
                    "y": down,
                }
                # A curve grows thinner towards where it leads to.
                data.append({**edge, **shape, "thickness": thick * (1 - 0.75 * t)})
    most = max((row["thickness"] for row in data if row["part"] == "edge"), default=1) or 1
    colours = look.colours
    last = max(layers.values(), default=1)
    low, high = min(rows.values(), default=0), max(rows.values(), default=0)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.45, last + 0.45], nice=False, reverse=look.rtl))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[low - 0.7, high + 0.7], nice=False, reverse=True))
    hovered = alt.selection_point(name="hovered", on="pointerover", clear="pointerout", fields=["event"])
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(
            domain=[name for name, _ in kinds.values()], range=[shade for _, shade in kinds.values()]
        ),
        legend=alt.Legend(orient="bottom") if len(kinds) > 1 else None,
    )
    curves = (
        alt.Chart()
        .transform_filter("datum.part == 'edge'")
        .mark_trail()
        .encode(
            x=x,
            y=y,
            detail="edge:N",
            order="point:Q",
            size=alt.Size(
                "thickness:Q", legend=None, scale=alt.Scale(domain=[0, most], range=[0.4, _THICKEST])
            ),
            color=colour,
            opacity=alt.condition(_HOVERED, alt.value(0.62), alt.value(0.06)),
            tooltip=tooltip,
        )
    )
    nodes = alt.Chart().transform_filter("datum.part == 'node'").encode(x=x, y=y)
    about = [look.tooltip("event", "Event"), look.tooltip("times", "Times", ",")]
    dots = nodes.mark_circle(
        color=colours.blue, opacity=1, stroke=colours.paper, strokeWidth=2, size=260
    ).encode(tooltip=about)
    # Letters with a border of the colour of the paper stay readable on curves.
    halo = nodes.mark_text(dy=20, fontSize=11, stroke=colours.paper, strokeWidth=4, strokeJoin="round")
    names = nodes.mark_text(dy=20, fontSize=11, color=colours.ink)
    chart = alt.layer(
        curves,
        dots.add_params(hovered),
        halo.encode(text="event:N"),
        names.encode(text="event:N"),
        data=inline(data),
    )
    return chart.properties(width=_LAYER * max(1, last), height=_LINE * (high - low + 1.4))


def _curve(
    edge: Mapping[str, Any], layers: Mapping[str, int], rows: Mapping[str, float]
) -> list[tuple[float, float]]:
    """The points of the curve of an edge; ways forward bend to one side and ways back to the other."""
    source, target = edge["from"], edge["to"]
    x0, y0, x1, y1 = layers[source], rows[source], layers[target], rows[target]
    steps = np.linspace(0, 1, _POINTS)
    if source == target:
        angle = 2 * np.pi * steps - np.pi / 2
        return [(x0 + 0.13 * float(np.cos(each)), y0 - 0.3 - 0.28 * float(np.sin(each))) for each in angle]
    # The bend is to the left of the way, so that two ways between the same events do not lie on each other.
    across, down = (y1 - y0) * _BEND, -(x1 - x0) * _BEND * 1.6
    middle_x, middle_y = (x0 + x1) / 2 + across, (y0 + y1) / 2 + down
    if x0 == x1:
        middle_x = x0 + 0.28 * (1 if y1 > y0 else -1)
    return [
        (
            float((1 - t) ** 2 * x0 + 2 * t * (1 - t) * middle_x + t * t * x1),
            float((1 - t) ** 2 * y0 + 2 * t * (1 - t) * middle_y + t * t * y1),
        )
        for t in steps
    ]
