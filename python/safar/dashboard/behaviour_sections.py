"""Sections of transitions and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from safar.dashboard.figures import histogram_figure, matrix_figure, ranking_figure
from safar.dashboard.formatting import count
from safar.dashboard.section import Columns, Section, plain_section, section_of
from safar.dashboard.svg import Direction

if TYPE_CHECKING:
    from safar.result import Result

__all__ = ["matrix_section", "sessions_section", "transitions_section"]

_VIRTUAL = ("(start)", "(end)", "(open)")
_MATRIX_EVENTS = 8
_RANKED = 12


def _departures(edges: Columns) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Departures of each event, and how often each edge was taken."""
    totals: dict[str, int] = {}
    taken: dict[tuple[str, str], int] = {}
    for source, target, events in zip(edges["from"], edges["to"], edges["events"], strict=True):
        taken[source, target] = events
        totals[source] = totals.get(source, 0) + events
    return totals, taken


def matrix_section(
    result: Result, *, title: str = "What comes next", direction: Direction = "ltr"
) -> Section:
    """Show what customers do after each of the commonest events.

    Parameters
    ----------
    result
        Transitions without segments.
    title
        Heading.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    edges = result.to_dict()
    if "segment" in edges:
        return plain_section(result, title, edges)
    totals, taken = _departures(edges)
    events = sorted((name for name in totals if name not in _VIRTUAL), key=lambda name: (-totals[name], name))
    rows = events[:_MATRIX_EVENTS]
    columns = [*rows, "(end)", "(open)"]
    counts = [[taken.get((source, target), 0) for target in columns] for source in rows]
    figure = matrix_figure(rows, columns, counts, [totals[name] for name in rows])
    shown = [
        i
        for i, (a, b) in enumerate(zip(edges["from"], edges["to"], strict=True))
        if a in rows and b in columns
    ]
    table = {name: [values[i] for i in shown] for name, values in edges.items()}
    of = f"the {len(rows)} commonest of {len(events)} events" if len(events) > len(rows) else "all events"
    return section_of(
        result,
        title=title,
        subtitle=f"Share of departures in %, {of}; each row sums to 100",
        figure=figure,
        table=table,
        width="half",
    )


def transitions_section(
    result: Result, *, title: str = "Most frequent transitions", direction: Direction = "ltr"
) -> Section:
    """Rank the steps from event to event by how often they are taken.

    Parameters
    ----------
    result
        Transitions without segments.
    title
        Heading.
    direction
        Direction of the page.

    Returns
    -------
    Section
        The twelve commonest between two different real events; the data table has the hundred commonest of all.
    """
    edges = result.to_dict()
    if "segment" in edges:
        return plain_section(result, title, edges)
    order = sorted(
        range(len(edges["from"])), key=lambda i: (-edges["events"][i], edges["from"][i], edges["to"][i])
    )
    real = [
        i
        for i in order
        if edges["from"][i] not in _VIRTUAL
        and edges["to"][i] not in _VIRTUAL
        and edges["from"][i] != edges["to"][i]
    ]
    ranked = {name: [values[i] for i in real[:_RANKED]] for name, values in edges.items()}
    table = {name: [values[i] for i in order[:100]] for name, values in edges.items()}
    note = f"The data table has the {min(100, len(order))} commonest of {len(order):,} transitions."
    return section_of(
        result,
        title=title,
        subtitle="Between two different events, repeats of one event left out",
        figure=ranking_figure(ranked),
        note=note if len(order) > 100 else None,
        table=table,
        width="half",
    )


_Bins = tuple[tuple[float, str], ...]
_EVENT_BINS: _Bins = ((1, "1"), (2, "2"), (3, "3"), (4, "4–5"), (6, "6–10"), (11, "11–20"), (21, "over 20"))
_MINUTE_BINS: _Bins = (
    (0, "0"),
    (1e-9, "<1"),
    (1, "1–5"),
    (5, "5–15"),
    (15, "15–30"),
    (30, "30–60"),
    (60, "over 60"),
)


def sessions_section(
    result: Result,
    *,
    measure: Literal["events", "minutes"] = "minutes",
    title: str | None = None,
    direction: Direction = "ltr",
) -> Section:
    """Show how long sessions are, or how many events they have.

    Parameters
    ----------
    result
        A sessions result.
    measure
        ``"minutes"`` from the first to the last event (0 for a session of one event) or ``"events"``.
    title
        Heading.
    direction
        Direction of the page.

    Returns
    -------
    Section
        A histogram.
    """
    if measure == "events":
        values, bins = result.table.numpy("events")[0].astype(np.float64), _EVENT_BINS
        title, axis = title or "Events per session", "events in the session"
    else:
        length = result.table.numpy("end")[0] - result.table.numpy("start")[0]
        values, bins = length / np.timedelta64(60, "s"), _MINUTE_BINS
        title, axis = title or "Length of sessions", "minutes from the first to the last event"
    lows = np.array([low for low, _ in bins], dtype=np.float64)
    counts = np.bincount(np.searchsorted(lows, values, side="right") - 1, minlength=len(bins)).tolist()
    names = [name for _, name in bins]
    return section_of(
        result,
        title=title,
        subtitle=f"Share of {count(len(values))} sessions",
        figure=histogram_figure(names, counts, label=title, axis=axis, direction=direction),
        table={measure: names, "sessions": counts},
        width="third",
    )
