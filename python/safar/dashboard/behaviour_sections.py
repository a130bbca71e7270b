"""Sections of transitions and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
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
_LISTED = 100


def _chosen(result: Result, rows: Sequence[int]) -> Columns:
    """Take some rows of a result; a log with thousands of events has far more edges than a page shows."""
    columns: Columns = {}
    for name in result.columns:
        values, mask = result.table.numpy(name)
        missing = np.zeros(len(rows), dtype=bool) if mask is None else mask[rows]
        columns[name] = [
            None if null or value != value else value
            for value, null in zip(values[rows].tolist(), missing.tolist(), strict=True)
        ]
    return columns


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
    if "segment" in result.columns:
        return plain_section(result, title, result.to_dict())
    sources, targets, events = (result.table.numpy(name)[0].tolist() for name in ("from", "to", "events"))
    totals: dict[str, int] = {}
    for source, number in zip(sources, events, strict=True):
        totals[source] = totals.get(source, 0) + number
    names = sorted((name for name in totals if name not in _VIRTUAL), key=lambda name: (-totals[name], name))
    rows = names[:_MATRIX_EVENTS]
    columns = [*rows, "(end)", "(open)"]
    shown = [i for i, (a, b) in enumerate(zip(sources, targets, strict=True)) if a in rows and b in columns]
    taken = {(sources[i], targets[i]): events[i] for i in shown}
    counts = [[taken.get((source, target), 0) for target in columns] for source in rows]
    of = (
        f"the {len(rows)} commonest of {count(len(names))} events" if len(names) > len(rows) else "all events"
    )
    return section_of(
        result,
        title=title,
        subtitle=f"Share of departures in %, {of}; each row sums to 100",
        figure=matrix_figure(rows, columns, counts, [totals[name] for name in rows]),
        table=_chosen(result, shown),
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
    if "segment" in result.columns:
        return plain_section(result, title, result.to_dict())
    sources, targets, events = (result.table.numpy(name)[0] for name in ("from", "to", "events"))
    # The rows of the result stand in a fixed order, so a stable sort ranks alike on every machine.
    order = np.argsort(-events.astype(np.int64), kind="stable").tolist()
    real = (
        i
        for i in order
        if sources[i] not in _VIRTUAL and targets[i] not in _VIRTUAL and sources[i] != targets[i]
    )
    note = f"The data table has the {_LISTED} commonest of {count(len(order))} transitions."
    return section_of(
        result,
        title=title,
        subtitle="Between two different events, repeats of one event left out",
        figure=ranking_figure(_chosen(result, list(islice(real, _RANKED)))),
        note=note if len(order) > _LISTED else None,
        table=_chosen(result, order[:_LISTED]),
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
