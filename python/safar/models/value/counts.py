"""Purchases of customers, counted from a log or given as a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from safar import _args, _core, _table
from safar._log import Log
from safar._typing import Frame, Instant
from safar.analyses._spec import observed
from safar.errors import ArgumentError, DataError
from safar.language import Listed, Moment, Said

__all__ = ["Counts", "Unit", "counts_of", "in_units", "purchases_of"]

Unit: TypeAlias = Literal["day", "week"]

_DAYS = {"day": 1, "week": 7}
_UNITS = {"day": "days", "week": "weeks"}
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Counts:
    """One row a customer, what the counts mean, and the column that says how many purchases a mean value is of."""

    table: _core.Table
    definition: Said
    valued: str | None


def in_units(duration: str, unit: Unit) -> float:
    """A duration in days or weeks."""
    return _args.microseconds(duration, "duration") / (_DAY_US * _DAYS[unit])


def counts_of(
    data: Log | Frame, purchase: Sequence[str], value: str | None, at: Instant | None, unit: Unit
) -> Counts:
    """The purchases that a model is fitted to."""
    if isinstance(data, Log):
        return _of_log(data, purchase, value, at, unit)
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


def _of_log(log: Log, purchase: Sequence[str], value: str | None, at: Instant | None, unit: Unit) -> Counts:
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
    table = purchases_of(log, purchase, column, at_us, unit)
    until = Said(
        "{moment} {timezone}", moment=Moment(_args.local_datetime(at_us, log.timezone)), timezone=log.timezone
    )
    if table.num_rows == 0:
        raise DataError(f"no customer has an event {_args.listing(purchase)} up to {until}")
    definition = Said(
        "Events {events} up to {until}; those of a customer on one day are one purchase: frequency counts those after "
        "the first, recency is the time from the first to the last, age that from the first to the end, in {units}.",
        events=Listed(list(purchase), last="or"),
        until=until,
        units=Said(_UNITS[unit]),
    )
    return Counts(table, definition, None if column is None else "valued")


def purchases_of(log: Log, purchase: Sequence[str], value: str | None, at_us: int, unit: Unit) -> _core.Table:
    """One row a customer with a purchase up to an instant."""
    params = {"events": list(purchase), "at_us": at_us, "value": value, "unit_days": _DAYS[unit]}
    return log.ask("rfm_purchases", {"params": params, "by": None, "at": "entry"})
