"""The tiles of a log's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar._intervals import wilson
from safar._typing import Floats
from safar.dashboard.activity import (
    Periods,
    active_customers,
    events_per_period,
    periods_of,
    sessions_per_period,
    typical_length,
    value_per_period,
)
from safar.dashboard.choice import Conversion
from safar.dashboard.formatting import compact, count, share
from safar.dashboard.series import Series
from safar.dashboard.tiles import Tile

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

    Returns
    -------
    KeyFigures
        Customers, events, sessions, conversion, revenue where the log has values, and the median session.
    """
    periods = periods_of(log)
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
    number, length = _sessions(log, sessions, periods)
    tiles = [_customers(log, customers, active), _events(log, periods), number]
    tiles.append(_conversion(log, converted, conversion, converting))
    if "value" in log.columns:
        tiles.append(_value(log, periods))
    return KeyFigures((*tiles, length), customers)


def _active(log: EventLog, periods: Periods, events: Sequence[str] | None) -> Series:
    """Count the customers with an event of some kind in each period."""
    result = log.retention(events, events, period=periods.period)
    counts: list[float | None] = [float(number) for number in active_customers(result, periods)]
    return periods.series(counts)


def _customers(log: EventLog, course: Series | None, active: Sequence[str] | None) -> Tile:
    of = "any event" if active is None else " or ".join(active)
    return Tile(
        label="Customers",
        value=log.customers,
        detail=None if course is None else f"line: customers with {of} in the {course.period}",
        series=course,
    )


def _events(log: EventLog, periods: Periods | None) -> Tile:
    each = len(log) / log.customers if log.customers else None
    return Tile(
        label="Events",
        value=len(log),
        detail=None if each is None else f"{compact(round(each, 1))} per customer, {len(log.events):,} kinds",
        series=None if periods is None else periods.series(events_per_period(log, periods)),
    )


def _sessions(log: EventLog, sessions: SessionsResult, periods: Periods | None) -> tuple[Tile, Tile]:
    summary = {name: values[0] for name, values in sessions.summary().to_dict().items()}
    counts = medians = None
    if periods is not None:
        numbers, lengths = sessions_per_period(sessions, periods)
        counts, medians = periods.series(numbers), periods.series(lengths)
    mean, single = summary["mean_events"], summary["single_event_share"]
    number = Tile(
        label="Sessions",
        value=summary["sessions"],
        detail=None if mean is None else f"{mean:.1f} events each; {share(single)} have one event",
        series=counts,
    )
    middle, several = typical_length(sessions)
    length = Tile(
        label="Median session",
        value=middle,
        unit="seconds",
        detail=f"of the {count(several)} sessions with two or more events",
        series=medians,
        better="neither",
    )
    return number, length


def _conversion(
    log: EventLog, converted: FunnelResult, conversion: Conversion, course: Series | None
) -> Tile:
    buyers, everyone = converted.entered, log.customers
    low, high = (float(end[0]) for end in wilson(np.array([buyers]), np.array([everyone])))
    interval = f"{100 * low:.1f} to {share(high)}"
    return Tile(
        label="Conversion",
        value=buyers / everyone if everyone else None,
        unit="share",
        detail=f"{count(buyers)} of {count(everyone)} customers (95%: {interval})",
        series=course,
    )


def _value(log: EventLog, periods: Periods | None) -> Tile:
    column = str(log.roles["value"])
    values, mask = log.core.events_table(["value"]).numpy("value")
    amounts: Floats = np.asarray(values, dtype=np.float64)
    given = ~np.isnan(amounts) if mask is None else ~(np.asarray(mask, dtype=bool) | np.isnan(amounts))
    amounts = np.where(given, amounts, 0.0)
    total, number = float(amounts.sum()), int(given.sum())
    return Tile(
        label="Revenue" if column.casefold() in _REVENUE else column,
        value=total,
        unit="money",
        detail=f"{count(number)} events with a value"
        + (f", {compact(total / number)} each" if number else ""),
        series=None if periods is None else periods.series(value_per_period(log, periods, amounts)),
    )
