"""The tiles of a log's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar._intervals import wilson
from safar._typing import Floats
from safar.language import ENGLISH, Locale
from safar.pages.activity import (
    Periods,
    active_customers,
    events_per_period,
    periods_of,
    sessions_per_period,
    typical_length,
    value_per_period,
)
from safar.pages.choice import Conversion
from safar.pages.series import Series
from safar.pages.tiles import Tile

if TYPE_CHECKING:
    from safar.analyses.funnel import FunnelResult
    from safar.analyses.sessions import SessionsResult
    from safar.log import EventLog

__all__ = ["KeyFigures", "key_figures"]


# Names of value columns that hold money; any other column keeps its own name.
_REVENUE = ("amount", "price", "revenue", "sales", "turnover", "value")


@dataclass(frozen=True, slots=True)
class KeyFigures:
    """The tiles, and the course that has a figure of its own.

    Parameters
    ----------
    tiles
        In the order to show.
    customers
        Active customers per period; None where the data is too short.
    """

    tiles: tuple[Tile, ...]
    customers: Series | None


def key_figures(
    log: EventLog,
    sessions: SessionsResult,
    converted: FunnelResult,
    conversion: Conversion,
    active: Sequence[str] | None,
    locale: Locale = ENGLISH,
) -> KeyFigures:
    """Work out the key figures of a log.

    Parameters
    ----------
    log
        The log.
    sessions
        Its sessions.
    converted
        A funnel of one step, the conversion.
    conversion
        Which events convert.
    active
        Events that show that a customer is there; None takes any.
    locale
        How readers are written to.

    Returns
    -------
    KeyFigures
        Customers, events, sessions, conversion, revenue where the log has values, and the median session.
    """
    periods = periods_of(log, locale.calendar)
    customers = converting = None
    if periods is not None:
        customers = _active(log, periods, active)
        buyers = _active(log, periods, list(conversion.events))
        everyone = customers if active is None else _active(log, periods, None)
        converting = periods.series(
            [
                None if not n or k is None else k / n
                for k, n in zip(buyers.values, everyone.values, strict=True)
            ]
        )
    number, length = _sessions(sessions, periods, locale)
    tiles = [_customers(log, customers, active, locale), _events(log, periods, locale), number]
    tiles.append(_conversion(log, converted, converting, locale))
    if "value" in log.columns:
        tiles.append(_value(log, periods, locale))
    return KeyFigures((*tiles, length), customers)


def _active(log: EventLog, periods: Periods, events: Sequence[str] | None) -> Series:
    """Count the customers with an event of some kind in each period."""
    result = log.retention(events, events, period=periods.period, calendar=periods.calendar)
    counts: list[float | None] = [float(number) for number in active_customers(result, periods)]
    return periods.series(counts)


def _customers(log: EventLog, course: Series | None, active: Sequence[str] | None, locale: Locale) -> Tile:
    said = {
        "day": "line: customers with {events} on the day",
        "week": "line: customers with {events} in the week",
        "month": "line: customers with {events} in the month",
    }
    of = locale.say("any event") if active is None else locale.listing(active)
    return Tile(
        label=locale.say("Customers"),
        value=log.customers,
        of_line=None if course is None else locale.say(said[course.period], events=of),
        series=course,
    )


def _events(log: EventLog, periods: Periods | None, locale: Locale) -> Tile:
    detail = None
    if log.customers:
        each = locale.compact(round(len(log) / log.customers, 1))
        detail = locale.say(
            "{each} per customer, {kinds} kinds", each=each, kinds=locale.count(len(log.events))
        )
    return Tile(
        label=locale.say("Events"),
        value=len(log),
        detail=detail,
        series=None if periods is None else periods.series(events_per_period(log, periods)),
    )


def _sessions(sessions: SessionsResult, periods: Periods | None, locale: Locale) -> tuple[Tile, Tile]:
    summary = {name: values[0] for name, values in sessions.summary().to_dict().items()}
    counts = medians = None
    if periods is not None:
        numbers, lengths = sessions_per_period(sessions, periods)
        counts, medians = periods.series(numbers), periods.series(lengths)
    mean, single = summary["mean_events"], summary["single_event_share"]
    number = Tile(
        label=locale.say("Sessions"),
        value=summary["sessions"],
        detail=None
        if mean is None
        else locale.say(
            "{mean} events each; {single} have one event",
            mean=locale.signs(f"{mean:.1f}"),
            single=locale.share(single),
        ),
        series=counts,
    )
    middle, several = typical_length(sessions)
    length = Tile(
        label=locale.say("Median session"),
        value=middle,
        unit="seconds",
        detail=locale.say("of the {number} sessions with two or more events", number=locale.count(several)),
        series=medians,
        better="neither",
    )
    return number, length


def _conversion(log: EventLog, converted: FunnelResult, course: Series | None, locale: Locale) -> Tile:
    buyers, everyone = converted.entered, log.customers
    low, high = (float(end[0]) for end in wilson(np.array([buyers]), np.array([everyone])))
    detail = locale.say(
        "{number} of {all} customers (95%: {low} to {high})",
        number=locale.count(buyers),
        all=locale.count(everyone),
        low=locale.share(low),
        high=locale.share(high),
    )
    return Tile(
        label=locale.say("Conversion"),
        value=buyers / everyone if everyone else None,
        unit="share",
        detail=detail,
        series=course,
    )


def _value(log: EventLog, periods: Periods | None, locale: Locale) -> Tile:
    column = str(log.roles["value"])
    values, mask = log.core.events_table(["value"]).numpy("value")
    amounts: Floats = np.asarray(values, dtype=np.float64)
    # An infinite amount is none that could be added up.
    given = np.isfinite(amounts) if mask is None else np.isfinite(amounts) & ~np.asarray(mask, dtype=bool)
    amounts = np.where(given, amounts, 0.0)
    with np.errstate(over="ignore"):
        total, number = float(amounts.sum()), int(given.sum())
    detail = locale.say("{number} events with a value", number=locale.count(number))
    if number:
        detail = locale.say(
            "{number} events with a value, {each} each",
            number=locale.count(number),
            each=locale.compact(total / number),
        )
    return Tile(
        label=locale.say("Revenue") if column.casefold() in _REVENUE else column,
        value=total,
        unit="money",
        detail=detail,
        series=None if periods is None else periods.series(value_per_period(log, periods, amounts)),
    )
