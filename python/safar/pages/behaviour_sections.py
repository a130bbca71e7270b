"""Sections of transitions and sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from safar._typing import Integers
from safar.language import ENGLISH, Locale
from safar.pages.cube import summed
from safar.pages.figures import course_figure, histogram_figure, matrix_figure, ranking_figure
from safar.pages.section import Columns, Section, plain_section, section_of
from safar.pages.series import Series

if TYPE_CHECKING:
    from safar.result import Result

__all__ = ["active_section", "matrix_section", "sessions_section", "transitions_section"]

_VIRTUAL = ("(start)", "(end)", "(open)")
_MATRIX_EVENTS = 8
_RANKED = 12
_LISTED = 100


# Lets the numbers of columns follow a choice of customers.
Follow = Callable[[Columns], Columns]


def _as_it_is(columns: Columns) -> Columns:
    return columns


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
    result: Result, *, title: str | None = None, follow: Follow = _as_it_is, locale: Locale = ENGLISH
) -> Section:
    """Show what customers do after each of the commonest events.

    Parameters
    ----------
    result
        Transitions without segments.
    title
        Heading.
    follow
        Lets the numbers of rows follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    title = title or locale.say("What comes next")
    if "segment" in result.columns:
        return plain_section(result, title, result.to_dict(), locale)
    sources, events = (result.table.numpy(name)[0].tolist() for name in ("from", "events"))
    totals: dict[str, int] = {}
    for source, number in zip(sources, events, strict=True):
        totals[source] = totals.get(source, 0) + number
    names = sorted((name for name in totals if name not in _VIRTUAL), key=lambda name: (-totals[name], name))
    rows = names[:_MATRIX_EVENTS]
    columns = [*rows, "(end)", "(open)"]
    mine = follow(_chosen(result, [i for i, source in enumerate(sources) if source in rows]))
    of_rows = list(zip(mine["from"], mine["to"], mine["events"], strict=True))
    taken = {(source, target): number for source, target, number in of_rows}
    counts = [[taken.get((source, target), 0) for target in columns] for source in rows]
    all_of = {source: [number for of, _, number in of_rows if of == source] for source in rows}
    others = {
        source: [number for of, to, number in of_rows if of == source and to not in columns]
        for source in rows
    }
    shown = [place for place, (_, to, _) in enumerate(of_rows) if to in columns]
    said = "Share of departures in %, all events; each row sums to 100"
    if len(names) > len(rows):
        said = "Share of departures in %, the {shown} commonest of {all} events; each row sums to 100"
    return section_of(
        result,
        title=title,
        subtitle=locale.say(said, shown=locale.count(len(rows)), all=locale.count(len(names))),
        figure=matrix_figure(
            rows,
            columns,
            counts,
            [summed(all_of[name]) for name in rows],
            [summed(others[name]) for name in rows],
            locale=locale,
        ),
        table={name: [values[place] for place in shown] for name, values in mine.items()},
        width="half",
    )


def transitions_section(
    result: Result, *, title: str | None = None, follow: Follow = _as_it_is, locale: Locale = ENGLISH
) -> Section:
    """Rank the steps from event to event by how often they are taken.

    Parameters
    ----------
    result
        Transitions without segments.
    title
        Heading.
    follow
        Lets the numbers of rows follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
        The twelve commonest between two different real events; the data table has the hundred commonest of all.
    """
    title = title or locale.say("Most frequent transitions")
    if "segment" in result.columns:
        return plain_section(result, title, result.to_dict(), locale)
    sources, targets, events = (result.table.numpy(name)[0] for name in ("from", "to", "events"))
    # The rows of the result stand in a fixed order, so a stable sort ranks alike on every machine.
    order = np.argsort(-events.astype(np.int64), kind="stable").tolist()
    real = (
        i
        for i in order
        if sources[i] not in _VIRTUAL and targets[i] not in _VIRTUAL and sources[i] != targets[i]
    )
    note = locale.say(
        "The data table has the {listed} commonest of {all} transitions.",
        listed=locale.count(_LISTED),
        all=locale.count(len(order)),
    )
    return section_of(
        result,
        title=title,
        subtitle=locale.say("Between two different events, repeats of one event left out"),
        figure=ranking_figure(follow(_chosen(result, list(islice(real, _RANKED)))), locale=locale),
        note=note if len(order) > _LISTED else None,
        table=follow(_chosen(result, order[:_LISTED])),
        width="half",
    )


_ACTIVE = {
    "day": (
        "Active customers per day",
        "A hollow dot is a day that the data does not cover fully.",
        "Customers with at least one event ({events}) on the day, in {timezone}.",
    ),
    "week": (
        "Active customers per week",
        "A hollow dot is a week that the data does not cover fully.",
        "Customers with at least one event ({events}) in the week, in {timezone}.",
    ),
    "month": (
        "Active customers per month",
        "A hollow dot is a month that the data does not cover fully.",
        "Customers with at least one event ({events}) in the month, in {timezone}.",
    ),
}


def active_section(course: Series, events: str, timezone: str, *, locale: Locale = ENGLISH) -> Section:
    """Show how many customers were there in each period.

    Parameters
    ----------
    course
        Customers by period.
    events
        What shows that a customer is there, in words.
    timezone
        Where periods begin.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    title, note, definition = _ACTIVE[course.period]
    title = locale.say(title)
    return Section(
        title=title,
        subtitle=locale.say("Customers with {events}", events=events),
        figure=course_figure(course, label=title, locale=locale),
        note=locale.say(note),
        table={
            course.period: list(course.starts),
            "customers": list(course.values),
            "complete": list(course.complete),
        },
        definition=locale.say(definition, events=events, timezone=timezone),
        width="third",
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
    follow: Callable[[Integers, Sequence[int]], Sequence[int]] = lambda _, counts: counts,
    locale: Locale = ENGLISH,
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
    follow
        Lets the counts of bins follow a choice of customers, from the bin of each session.
    locale
        How readers are written to.

    Returns
    -------
    Section
        A histogram.
    """
    if measure == "events":
        values, bins = result.table.numpy("events")[0].astype(np.float64), _EVENT_BINS
        title = title or locale.say("Events per session")
        axis = locale.say("events in the session")
    else:
        length = result.table.numpy("end")[0] - result.table.numpy("start")[0]
        values, bins = length / np.timedelta64(60, "s"), _MINUTE_BINS
        title = title or locale.say("Length of sessions")
        axis = locale.say("minutes from the first to the last event")
    lows = np.array([low for low, _ in bins], dtype=np.float64)
    place: Integers = np.searchsorted(lows, values, side="right") - 1
    counts = follow(place, np.bincount(place, minlength=len(bins)).tolist())
    names = [locale.signs(locale.say(name)) for _, name in bins]
    return section_of(
        result,
        title=title,
        subtitle=locale.say("Share of {number} sessions", number=locale.count(summed(counts))),
        figure=histogram_figure(names, counts, label=title, axis=axis, locale=locale),
        table={measure: names, "sessions": list(counts)},
        width="third",
    )
