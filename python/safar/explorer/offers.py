"""What a log offers an explorer to choose from."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from safar import _args, _core, _table
from safar._typing import Calendar, Period

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Offers"]

# A column with more values than this in so many events makes no segments that a reader could compare.
_MOST_VALUES = 50
_LOOKED_AT = 20_000
_FEWEST_PERIODS = 3
_PERIODS: tuple[Period, ...] = ("month", "week", "day")


class Offers:
    """What a log offers to choose from; read from it when first asked for.

    Parameters
    ----------
    log
        The log.
    calendar
        Which months its first events are in.
    """

    def __init__(self, log: EventLog, calendar: Calendar) -> None:
        self._log = log
        self._calendar = calendar
        self._values: dict[str, list[object]] = {}

    @property
    def events(self) -> dict[str, int]:
        """Names of the events with their counts, the commonest first."""
        return self._log.events

    @cached_property
    def columns(self) -> list[str]:
        """Columns whose values make segments: few ones, and not measured."""
        found = []
        places = np.unique(np.linspace(0, len(self._log) - 1, _LOOKED_AT).astype(np.int64))
        for name, kind in self._log.columns.items():
            if kind.startswith(("Float", "Timestamp", "Date", "Decimal")):
                continue
            sample = self._log.core.events_table([name], places)
            if 1 < len(set(_table.to_lists(sample, self._log.timezone)[name])) <= _MOST_VALUES:
                found.append(name)
        return found

    def values(self, column: str) -> list[object]:
        """Every value of a column, the commonest first; None where some events have none."""
        if column not in self._values:
            _args.known_columns_of_log([column], self._log.columns, "column")
            self._values[column] = self._read(column)
        return self._values[column]

    def _read(self, column: str) -> list[object]:
        table = self._log.core.events_table([column])
        if self._log.columns[column].startswith(("Utf8", "LargeUtf8", "Dictionary")):
            codes, names = table.codes(column)
            counts = np.bincount(codes, minlength=len(names))
            found: list[object] = [
                names[place] for place in np.argsort(-counts, kind="stable") if counts[place]
            ]
        else:
            values, missing = table.numpy(column)
            kept = values if missing is None else values[~missing]
            distinct, counts = np.unique(kept, return_counts=True)
            found = distinct[np.argsort(-counts, kind="stable")].tolist()
            found += [None] * (len(kept) < len(values))
        return found

    @cached_property
    def period(self) -> Period:
        """The longest period of which the log has a few."""
        return next((each for each in _PERIODS if len(self._starts(each)) >= _FEWEST_PERIODS), _PERIODS[-1])

    @cached_property
    def starts(self) -> list[dt.date]:
        """First days of the periods that the log's events are in."""
        return self._starts(self.period)

    def _starts(self, period: Period) -> list[dt.date]:
        info = self._log.info
        week_start = 0 if self._calendar == "gregorian" else 5
        starts = _core.period_starts(
            info["first_us"], info["last_us"] + 1, period, self._log.timezone, self._calendar, week_start
        )
        return [
            _args.local_datetime(start, self._log.timezone).date()
            for start in starts
            if start <= info["last_us"]
        ]
