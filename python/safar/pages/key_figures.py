"""The tiles of a log's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from safar._typing import Floats
from safar.language import ENGLISH, Locale, of_all
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
from safar.pages.cube import Cube, bounds, ratio
from safar.pages.filtered import Totals, followed_active, followed_totals
from safar.pages.series import Series
from safar.pages.tiles import Tile

if TYPE_CHECKING:
    from safar.analyses.funnel import FunnelResult
    from safar.analyses.retention import RetentionResult
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
    cube: Cube | None = None,
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
    cube
        Groups of customers that a reader can choose; None has no choice.

    Returns
    -------
    KeyFigures
        Customers, events, sessions, conversion, revenue where the log has values, and the median session.
    """
    periods = periods_of(log, locale.calendar)
    customers = converting = None
    if periods is not None:
        customers = _active(log, periods, active, cube)
        buyers = _active(log, periods, list(conversion.events))
        everyone = customers if active is None else _active(log, periods, None)
        converting = periods.series(
            [
                None if not n or k is None else k / n
                for k, n in zip(buyers.values, everyone.values, strict=True)
            ]
        )
    totals, amounts = _totals(log, sessions, converted)
    if cube is not None:
        totals = followed_totals(cube, totals, sessions, list(conversion.events), amounts)
    number, length = _sessions(totals, sessions, periods, locale)
    tiles = [
        _customers(totals, customers, active, locale),
        _events(totals, log, periods, locale),
        number,
        _conversion(totals, converting, locale),
    ]
    if amounts is not None:
        tiles.append(_value(totals, log, periods, amounts, locale))
    return KeyFigures((*tiles, length), customers)


def _totals(log: EventLog, sessions: SessionsResult, converted: FunnelResult) -> tuple[Totals, Floats | None]:
    """What the tiles show of the whole log; and the value of each event, NaN where it has none."""
    several = sessions.table.numpy("events")[0] > 1
    totals = Totals(log.customers, len(log), len(several), int((~several).sum()), converted.entered)
    if "value" not in log.columns:
        return totals, None
    values, mask = log.core.events_table(["value"]).numpy("value")
    amounts: Floats = np.asarray(values, dtype=np.float64)
    # An infinite amount is none that could be added up.
    given = np.isfinite(amounts) if mask is None else np.isfinite(amounts) & ~np.asarray(mask, dtype=bool)
    amounts = np.where(given, amounts, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        return replace(totals, value=float(np.nansum(amounts)), valued=int(given.sum())), amounts


def _active(
    log: EventLog, periods: Periods, events: Sequence[str] | None, cube: Cube | None = None
) -> Series:
    """Count the customers with an event of some kind in each period."""

    def ask(log: EventLog, by: str | None) -> RetentionResult:
        return log.retention(events, events, period=periods.period, calendar=periods.calendar, by=by)

    counts: list[float | None] = [float(number) for number in active_customers(ask(log, None), periods)]
    return periods.series(counts if cube is None else followed_active(cube, periods, counts, ask))


def _customers(totals: Totals, course: Series | None, active: Sequence[str] | None, locale: Locale) -> Tile:
    said = {
        "day": "line: customers with {events} on the day",
        "week": "line: customers with {events} in the week",
        "month": "line: customers with {events} in the month",
    }
    of = locale.say("any event") if active is None else locale.listing(active)
    return Tile(
        label=locale.say("Customers"),
        value=totals.customers,
        of_line=None if course is None else locale.say(said[course.period], events=of),
        series=course,
    )


def _events(totals: Totals, log: EventLog, periods: Periods | None, locale: Locale) -> Tile:
    detail = None
    if totals.customers:
        each = locale.number(ratio(totals.events, totals.customers))
        detail = locale.sentence(
            [
                locale.say("{each} per customer", each=each),
                of_all(locale.say("{kinds} kinds", kinds=locale.count(len(log.events))), totals.events),
            ],
            ", ",
        )
    return Tile(
        label=locale.say("Events"),
        value=totals.events,
        detail=detail,
        series=None if periods is None else periods.series(events_per_period(log, periods)),
    )


def _sessions(
    totals: Totals, sessions: SessionsResult, periods: Periods | None, locale: Locale
) -> tuple[Tile, Tile]:
    counts = medians = None
    if periods is not None:
        numbers, lengths = sessions_per_period(sessions, periods)
        counts, medians = periods.series(numbers), periods.series(lengths)
    number = Tile(
        label=locale.say("Sessions"),
        value=totals.sessions,
        detail=None
        if not totals.sessions
        else locale.say(
            "{mean} events each; {single} have one event",
            mean=locale.number(ratio(totals.events, totals.sessions)),
            single=locale.share(ratio(totals.single, totals.sessions)),
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


def _conversion(totals: Totals, course: Series | None, locale: Locale) -> Tile:
    buyers, everyone = totals.buyers, totals.customers
    low, high = bounds(buyers, everyone)
    detail = locale.say(
        "{number} of {all} customers (95%: {low} to {high})",
        number=locale.count(buyers),
        all=locale.count(everyone),
        low=locale.share(low),
        high=locale.share(high),
    )
    return Tile(
        label=locale.say("Conversion"),
        value=ratio(buyers, everyone),
        unit="share",
        detail=detail,
        series=course,
    )


def _value(totals: Totals, log: EventLog, periods: Periods | None, amounts: Floats, locale: Locale) -> Tile:
    column = str(log.roles["value"])
    detail = locale.say("{number} events with a value", number=locale.count(totals.valued))
    if totals.valued:
        detail = locale.say(
            "{number} events with a value, {each} each",
            number=locale.count(totals.valued),
            each=locale.compact(ratio(totals.value, totals.valued)),
        )
    known = np.nan_to_num(amounts)
    return Tile(
        label=locale.say("Revenue") if column.casefold() in _REVENUE else column,
        value=totals.value,
        unit="money",
        detail=detail,
        series=None if periods is None else periods.series(value_per_period(log, periods, known)),
    )
