"""Purchases of customers, counted from a log or given as a summary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from safar import _args, _core, _table
from safar._log import Log
from safar._typing import Calendar, Duration, Frame, Instant
from safar.analyses._periods import checked_week_start
from safar.analyses._spec import observed
from safar.errors import ArgumentError, DataError
from safar.language import Length, Listed, Moment, Said, so_many

__all__ = [
    "Counts",
    "Opportunities",
    "Unit",
    "ahead",
    "ahead_in_words",
    "counts_of",
    "in_units",
    "opportunities_ahead",
    "opportunities_of",
    "over_by",
    "purchases_of",
]

Unit: TypeAlias = Literal["day", "week", "month"]

# Months have no fixed length: they are opportunities, never what times are counted in.
_DAYS = {"day": 1, "week": 7}
_UNITS = {"day": "days", "week": "weeks", "month": "months"}
_DAY_US = 86_400_000_000
_A_YEAR = "365d"
# How many opportunities are a year.
_YEARS = {"day": 365, "week": 52, "month": 12}
_AHEAD = {
    "day": ("1 day", "{number} days"),
    "week": ("1 week", "{number} weeks"),
    "month": ("1 month", "{number} months"),
}


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Which periods of the calendar are opportunities to buy, of which a customer takes each once or not."""

    period: Unit
    calendar: Calendar
    week_start: int


@dataclass(frozen=True, slots=True)
class Counts:
    """One row a customer, what the counts mean, and the column that says how many purchases a mean value is of."""

    table: _core.Table
    definition: Said
    valued: str | None


def in_units(duration: Duration, unit: Unit) -> float:
    """A duration in days or weeks."""
    return _args.microseconds(duration, "duration") / (_DAY_US * _DAYS[unit])


def opportunities_ahead(horizon: object, unit: Unit) -> int:
    """How many opportunities a horizon is: their number, or a length of whole ones; 365 days are a year of them."""
    if not isinstance(horizon, str | dt.timedelta):
        return _args.whole(horizon, "horizon")
    if _args.duration(horizon, "horizon") == _A_YEAR:
        return _YEARS[unit]
    if unit in _DAYS:
        found = in_units(horizon, unit)
        if found != int(found):
            raise ArgumentError(
                f"horizon={horizon!r} is {found:g} {_UNITS[unit]}; BG/BB counts whole opportunities, so give their "
                f"number, such as horizon={_YEARS[unit]}"
            )
        return int(found)
    raise ArgumentError(
        f"horizon={horizon!r} is no number of {_UNITS[unit]}, which differ in length; give one, such as "
        f"horizon={_YEARS[unit]}"
    )


def ahead(question: Mapping[str, Any]) -> float:
    """The horizon of a question in its unit."""
    horizon: str | int = question["horizon"]
    return float(horizon) if isinstance(horizon, int) else in_units(horizon, question["unit"])


def ahead_in_words(question: Mapping[str, Any]) -> Said | Length:
    """The horizon of a question for a sentence."""
    horizon: str | int = question["horizon"]
    if isinstance(horizon, str):
        return Length(horizon)
    return so_many(horizon, *_AHEAD[question["unit"]])


def opportunities_of(question: Mapping[str, Any]) -> Opportunities | None:
    """The opportunities of a question of a log, where its model counts such."""
    if question["model"] != "bg_bb":
        return None
    week_start = checked_week_start(question["week_start"], question["calendar"])
    return Opportunities(question["unit"], question["calendar"], week_start)


def over_by(log: Log, at_us: int, opportunities: Opportunities) -> int:
    """The last instant of the opportunities that are over at an instant."""
    period, calendar, week_start = opportunities.period, opportunities.calendar, opportunities.week_start
    start, beyond = _core.period_starts(at_us, at_us, period, log.timezone, calendar, week_start)
    return at_us if at_us + 1 >= beyond else start - 1


def counts_of(
    data: Log | Frame,
    purchase: Sequence[str],
    value: str | None,
    at: Instant | None,
    unit: Unit,
    opportunities: Opportunities | None = None,
) -> Counts:
    """The purchases that a model is fitted to."""
    if isinstance(data, Log):
        return _of_log(data, purchase, value, at, unit, opportunities)
    for argument, given in (("at", at), ("value", value)):
        if given is not None:
            raise ArgumentError(
                f"{argument}={given!r} is for a log; a summary holds counts up to a time, and values in mean_value"
            )
    names = _table.names_of(data)
    valued = "valued" if "valued" in names else "frequency"
    further = [name for name in ("valued", "mean_value") if name in names]
    table = _table.to_table(data, ["customer", "frequency", "recency", "age", *further])
    if table.num_rows == 0:
        raise DataError("the summary has no customers; expected one row for each")
    definition = Said(
        "Purchases of {customers} customers, as given, in {units}.",
        customers=table.num_rows,
        units=Said(_UNITS[unit]),
    )
    return Counts(table, definition, valued if "mean_value" in names else None)


def _of_log(
    log: Log,
    purchase: Sequence[str],
    value: str | None,
    at: Instant | None,
    unit: Unit,
    opportunities: Opportunities | None,
) -> Counts:
    _args.known_events(purchase, log.events, "purchase")
    if value is not None:
        _args.known_columns_of_log([value], log.columns, "value")
    at_us = log.observed_until_us if at is None else _args.instant_us(at, "at", log.timezone)
    if at_us > log.observed_until_us:
        raise ArgumentError(
            f"at={at!r} is after {observed(log)}, where the data end: what customers did until then is not known; "
            "choose an earlier time, or build the log with observed_until= if the data do reach so far"
        )
    column = value or ("value" if "value" in log.columns else None)
    table = purchases_of(log, purchase, column, at_us, unit, opportunities)
    until = Said(
        "{moment} {timezone}", moment=Moment(_args.local_datetime(at_us, log.timezone)), timezone=log.timezone
    )
    if table.num_rows == 0:
        over = "" if opportunities is None else f" in a {opportunities.period} that was over then"
        raise DataError(f"no customer has an event {_args.listing(purchase)} up to {until}{over}")
    if opportunities is not None:
        counted = Said(
            "Events {events} up to {until}. Opportunities are {periods} that were over then: events of a customer in "
            "one are one purchase, frequency counts the opportunities after the first purchase that were taken, "
            "recency those from the first purchase to the last, age all of them.",
            events=Listed(list(purchase), last="or"),
            until=until,
            periods=_periods(opportunities),
        )
        return Counts(table, counted, None if column is None else "valued")
    definition = Said(
        "Events {events} up to {until}; those of a customer on one day are one purchase: frequency counts those after "
        "the first, recency is the time from the first to the last, age that from the first to the end, in {units}.",
        events=Listed(list(purchase), last="or"),
        until=until,
        units=Said(_UNITS[unit]),
    )
    return Counts(table, definition, None if column is None else "valued")


def _periods(opportunities: Opportunities) -> Said:
    """The opportunities in words."""
    if opportunities.period != "month":
        return Said(_UNITS[opportunities.period])
    return Said("Jalali months") if opportunities.calendar == "jalali" else Said("Gregorian months")


def purchases_of(
    log: Log,
    purchase: Sequence[str],
    value: str | None,
    at_us: int,
    unit: Unit,
    opportunities: Opportunities | None = None,
) -> _core.Table:
    """One row a customer with a purchase up to an instant."""
    params = {
        "events": list(purchase),
        "at_us": at_us,
        "value": value,
        "unit_days": 1 if opportunities is not None else _DAYS[unit],
        "opportunities": None if opportunities is None else asdict(opportunities),
    }
    return log.ask("rfm_purchases", {"params": params, "by": None, "at": "entry"})
