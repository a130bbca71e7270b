"""Series that a log does not hold, such as costs: read from a frame and added up by period and slice."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from safar import _args, _table
from safar._typing import Floats, Frame
from safar.analyses._periods import ObservedPeriods
from safar.calendar import gregorian_date
from safar.errors import ArgumentError, DataError

__all__ = ["Reading", "Series", "day_of", "read", "readings"]

_JALALI = re.compile(r"(1[2-6]\d\d)-(\d{1,2})-(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Reading:
    """One number of a series: the day it is of, as ISO 8601, and its slice, as pairs of column and value."""

    series: str
    day: str
    value: float
    slice: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "slice", tuple((column, value) for column, value in self.slice))


class Series(NamedTuple):
    """A series by period: sums of its readings and of their squares, NaN where there is none, and their number."""

    sums: tuple[Floats, Floats]
    number: Floats

    @staticmethod
    def empty(periods: int) -> Series:
        """A series without any reading."""
        return Series((np.full(periods, np.nan), np.full(periods, np.nan)), np.zeros(periods))


def read(series: str, data: Frame, columns: Sequence[str], timezone: str) -> list[Reading]:
    """The readings of a frame, with those of these columns that it has."""
    names = _table.names_of(data)
    value = series if series in names else "value"
    for name in ("date", value):
        if name not in names:
            raise DataError(
                f'given["{series}"] has no column "{name}"{_args.suggestion(name, names)} (available: '
                f'{_args.listing(names)}); expected "date" and "{series}" or "value"'
            )
    cut = [column for column in columns if column in names]
    table = _table.to_lists(_table.to_table(data, ["date", value, *cut]), timezone)
    found = []
    for row, (day, number) in enumerate(zip(table["date"], table[value], strict=True)):
        if number is None or isinstance(number, str | bool) or number != number:
            raise DataError(
                f'given["{series}"], row {row}: {value} is {number!r}; expected a number (leave out rows without one)'
            )
        labels = [(column, _label(table[column][row])) for column in cut if table[column][row] is not None]
        if not np.isfinite(number):
            raise DataError(f'given["{series}"], row {row}: {value} is {number!r}; expected a finite number')
        found.append(Reading(series, _day(day, series, row, timezone).isoformat(), float(number), labels))
    return found


def _day(value: Any, series: str, row: int, timezone: str) -> dt.date:
    return day_of(value, f'given["{series}"], row {row}: date', timezone)


def day_of(value: Any, where: str, timezone: str = "UTC") -> dt.date:
    """The day of a date, of an instant in a zone, or of text, ISO 8601 or Jalali; `where` is for messages."""
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo is None else value.astimezone(zoneinfo.ZoneInfo(timezone))).date()
    if isinstance(value, dt.date):
        return value
    if isinstance(value, str):
        if (jalali := _JALALI.fullmatch(value.strip())) is not None:
            try:
                return gregorian_date(*(int(part) for part in jalali.groups()))
            except ArgumentError as problem:
                raise DataError(f"{where}: {problem}") from None
        try:
            return day_of(dt.datetime.fromisoformat(value.strip()), where, timezone)
        except ValueError:
            pass
    raise DataError(
        f'{where} is {value!r}; expected a date, or text such as "2026-03-21" or, Jalali, "1405-01-01"'
    )


def _label(value: Any) -> str:
    """A value as slices are called."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def readings(
    rows: Sequence[Reading], series: str, columns: tuple[str, ...], periods: ObservedPeriods
) -> dict[tuple[str | None, ...], Series]:
    """A series by slice of these columns: only readings that say all of them count, and all where there are none."""
    found: dict[tuple[str | None, ...], Series] = {}
    for row in rows:
        labels = dict(row.slice)
        if row.series != series or any(column not in labels for column in columns):
            continue
        at = int(periods.index(np.array([row.day], dtype="datetime64[D]"))[0])
        if at < 0 or np.datetime64(row.day) >= periods.days[-1] + periods.lengths[-1]:
            continue
        slice = tuple(labels[column] for column in columns)
        into = found.setdefault(slice, Series.empty(len(periods)))
        for sums, more in zip(into.sums, (row.value, row.value**2), strict=True):
            sums[at] = more if np.isnan(sums[at]) else sums[at] + more
        into.number[at] += 1
    return found
