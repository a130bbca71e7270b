"""Arguments checked early and by name: durations, choices, instants, names and the suggestions in error messages."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar, cast, get_args

import numpy as np

from safar._typing import Array, Duration
from safar.errors import ArgumentError, ArgumentTypeError, UnknownColumnError, UnknownEventError

_UNITS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
_WORDS = {"d": "day", "h": "hour", "m": "minute", "s": "second", "ms": "millisecond", "us": "microsecond"}
_DURATION = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(w|d|h|m|s|ms|us)\s*")
_DURATION_HELP = 'such as "30m", "2h", "7d" or a timedelta'
# Times lie in 1900-2200, so nothing longer can matter; the bound keeps time + duration inside 64 bits.
_LONGEST = 1_000 * 366 * _UNITS["d"]
# Fuzzy matching is quadratic in the length of a name and linear in their number: this many take about 0.2 s.
_MOST_COMPARED = 10_000

T = TypeVar("T")


def microseconds(value: object, argument: str = "duration") -> int:
    """Length of a duration that is longer than zero."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None:
            raise ArgumentError(
                f"{argument}={value!r} is not a duration; expected a number and a unit "
                f"(w weeks, d days, h hours, m minutes, s seconds, ms, us), {_DURATION_HELP}"
            )
        number, unit = match.groups()
        total = round(float(number) * _UNITS[unit]) if "." in number else int(number) * _UNITS[unit]
    elif isinstance(value, dt.timedelta):
        total = value // dt.timedelta(microseconds=1)
    elif isinstance(value, np.timedelta64) and not np.isnat(value):
        total = int(value.astype("timedelta64[us]").astype(np.int64))
    else:
        way_out = f'; for minutes write "{value}m"' if isinstance(value, int | float) else ""
        raise ArgumentTypeError(
            f"{argument}={value!r} is a {type(value).__name__}; expected a duration {_DURATION_HELP}{way_out}"
        )
    if total <= 0:
        raise ArgumentError(
            f"{argument}={value!r} must be longer than 0; expected a duration {_DURATION_HELP}"
        )
    if total > _LONGEST:
        raise ArgumentError(
            f"{argument}={value!r} is longer than 1000 years; expected a duration {_DURATION_HELP}"
        )
    return total


def duration(value: object, argument: str) -> str:
    """The one text of a duration: ``"168h"``, ``"1w"`` and ``timedelta(7)`` all become ``"7d"``."""
    amount, unit = duration_parts(value, argument)
    return f"{amount}{unit}"


def duration_words(value: Duration) -> str:
    """A duration for a sentence: ``"7d"`` → ``"7 days"``."""
    amount, unit = duration_parts(value)
    return f"{amount} {_WORDS[unit]}{'' if amount == 1 else 's'}"


def duration_parts(value: object, argument: str = "duration") -> tuple[int, str]:
    """A duration in the largest unit that divides it: ``"26h"`` and ``"1560m"`` → ``(26, "h")``."""
    total = microseconds(value, argument)
    unit = next(unit for unit in _WORDS if total % _UNITS[unit] == 0)
    return total // _UNITS[unit], unit


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def weekdays(value: object, argument: str) -> tuple[int, ...]:
    """Different days of the week, from 0 for Monday to 6, from such numbers or from English names."""
    if isinstance(value, str | int):
        value = (value,)
    if not isinstance(value, Iterable):
        raise ArgumentTypeError(
            f"{argument}={value!r} is a {type(value).__name__}; expected days of the week such as "
            '["thursday", "friday"]'
        )
    return tuple(sorted({_weekday(day, argument) for day in value}))


def _weekday(day: object, argument: str) -> int:
    if isinstance(day, str):
        if day.strip().casefold() not in _WEEKDAYS:
            raise ArgumentError(
                f"{argument}={day!r} is not a choice{suggestion(day, _WEEKDAYS)} (allowed: {listing(_WEEKDAYS)}, or "
                "0 for Monday to 6)"
            )
        return _WEEKDAYS.index(day.strip().casefold())
    if isinstance(day, bool) or not isinstance(day, int | np.integer):
        raise ArgumentTypeError(
            f"{argument} holds {day!r}, a {type(day).__name__}; expected names of weekdays, or numbers from 0 (Monday) "
            "to 6 (Sunday)"
        )
    if not 0 <= day <= 6:
        raise ArgumentError(f"{argument}={day} is out of range; expected 0 (Monday) to 6 (Sunday)")
    return int(day)


def zone(name: object, argument: str = "timezone") -> str:
    """The name of a time zone, checked."""
    if not isinstance(name, str):
        raise ArgumentTypeError(
            f'{argument}={name!r} is a {type(name).__name__}; expected the name of a time zone such as "Asia/Tehran"'
        )
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = suggestion(name, sorted(zoneinfo.available_timezones()))
        raise ArgumentError(
            f'{argument}={name!r} is not a time zone{hint or "; expected an IANA name"} such as "Asia/Tehran" or "UTC"'
        ) from None
    return name


def instant_us(value: object, argument: str, timezone: str) -> int:
    """Microseconds since 1970 UTC of an instant; without a zone of its own it is the wall clock of `timezone`."""
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            raise ArgumentError(
                f'{argument}={value!r} is not a time; expected ISO 8601 such as "2026-03-01" or "2026-03-01 18:00"'
            ) from None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    # A missing time of pandas is a datetime too, and the only one that differs from itself.
    if not isinstance(value, dt.datetime) or value != value:
        raise ArgumentTypeError(
            f"{argument}={value!r} is a {type(value).__name__}; expected a datetime, a date or ISO 8601 text"
        )
    if value.tzinfo is None:
        value = value.replace(tzinfo=zoneinfo.ZoneInfo(timezone))
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return int((value - epoch) // dt.timedelta(microseconds=1))


def instant(value: object, argument: str) -> str:
    """The one text of an instant, in ISO 8601; one without a zone stays so, for the zone of the log to decide."""
    instant_us(value, argument, "UTC")
    return value.strip() if isinstance(value, str) else str(value)


def local_datetime(us: int, timezone: str) -> dt.datetime:
    """The instant as a datetime of the zone."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return (epoch + dt.timedelta(microseconds=us)).astimezone(zoneinfo.ZoneInfo(timezone))


def in_condition(column: str) -> str:
    """The name of a column as conditions write it, whatever stands in it."""
    return "`" + column.replace("`", "``") + "`"


def choice(value: T, argument: str, literal: Any) -> T:
    """The value, if it is one of the `Literal`'s."""
    allowed = get_args(literal)
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(
            f"{argument}={value!r} is not a choice{suggestion(str(value), allowed)} (allowed: {listing(allowed)})"
        )
    return value


def flag(value: object, argument: str) -> bool:
    """The value, if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected True or False")
    return bool(value)


def cell_value(value: object, values: Array, argument: str, known: Iterable[str]) -> object:
    """A value as it compares with a column of cells; dates may be text. `known` are texts that may stand there."""
    if np.issubdtype(values.dtype, np.datetime64):
        try:
            return np.datetime64(value.isoformat() if isinstance(value, dt.date) else str(value))
        except ValueError:
            raise ArgumentError(
                f"{argument}={value!r} is not a date; expected one such as 2026-03-01"
            ) from None
    if values.dtype == object:
        texts = sorted({*known, *(each for each in values.tolist() if isinstance(each, str))})
        if value not in texts:
            raise ArgumentError(
                f"{argument}={value!r} stands in no cell{suggestion(str(value), texts)} (available: {listing(texts)})"
            )
        return value
    if not isinstance(value, int | float | np.number):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected a number")
    return value


def share(value: object, argument: str) -> float:
    """The value, if it lies between 0 and 1, neither of them."""
    if not isinstance(value, float | np.floating) or not 0 < value < 1:
        raise ArgumentError(f"{argument}={value!r}; expected a number above 0 and below 1, such as 0.5")
    return float(value)


def cost(value: object, argument: str) -> float:
    """The value, if it is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected a number")
    if not 0 <= value < float("inf"):
        raise ArgumentError(f"{argument}={value!r}; expected a number of at least 0")
    return float(value)


def shares(values: object, argument: str) -> list[float]:
    """Different numbers between 0 and 1."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ArgumentTypeError(
            f"{argument}={values!r} is a {type(values).__name__}; expected a list of numbers such as [0.5, 0.9]"
        )
    found = [share(value, argument) for value in values]
    if len({f"{100 * value:g}" for value in found}) < len(found):
        raise ArgumentError(f"{argument}={list(found)!r} names one twice; each is a column of its own")
    return found


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)


def size(value: object, argument: str) -> int:
    """Bytes, from a whole number or from text such as ``"400 MB"`` (10⁶) and ``"2 GiB"`` (2³⁰)."""
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        number, unit, binary = found.groups()
        value = int(float(number) * (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " "))
    if isinstance(value, bool) or not isinstance(value, int | np.integer | str):
        raise ArgumentTypeError(
            f'{argument}={value!r} is a {type(value).__name__}; expected bytes, or text such as "400 MB"'
        )
    if isinstance(value, str) or value < 1:
        raise ArgumentError(
            f'{argument}={value!r} is no size; expected bytes above 0, or text such as "400 MB"'
        )
    # More than any machine has is as much as there is.
    return min(int(value), 2**63 - 1)


def whole(value: object, argument: str, *, least: int = 1, most: int = 2**53) -> int:
    """A whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArgumentTypeError(
            f"{argument}={value!r} is a {type(value).__name__}; expected a whole number from {least:,} to {most:,}"
        )
    if not least <= value <= most:
        raise ArgumentError(f"{argument}={value!r}; expected a whole number from {least:,} to {most:,}")
    return value


def text(value: object, argument: str) -> str:
    """The value, if it is text with something in it."""
    if not isinstance(value, str):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected text")
    if not value.strip():
        raise ArgumentError(f"{argument}={value!r} is empty")
    return value


def character(value: object, argument: str) -> str:
    """The value, if it is one ASCII character."""
    if not isinstance(value, str) or len(value) != 1 or not value.isascii():
        raise ArgumentError(f'{argument}={value!r} is not one ASCII character; expected one such as ";"')
    if value in '"\r\n\0':
        meaning = {'"': "encloses fields", "\0": "stands in no text"}.get(value, "ends a line")
        raise ArgumentError(
            f"{argument}={value!r} can't stand between fields, because it {meaning}; expected another character such "
            'as ";"'
        )
    return value


def names(value: object, argument: str) -> tuple[str, ...]:
    """One name or several, as a tuple without repeats."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, Sequence):
        raise ArgumentTypeError(
            f"{argument}={value!r} is a {type(value).__name__}; expected a name or a list of names"
        )
    if not value:
        raise ArgumentError(f"{argument} is an empty list; expected at least one name")
    for name in value:
        if not isinstance(name, str):
            raise ArgumentTypeError(
                f"{argument} holds {name!r}, a {type(name).__name__}; expected names as text"
            )
        if not name:
            raise ArgumentError(f"{argument} holds an empty name")
    return tuple(dict.fromkeys(value))


def suggestion(name: str, available: Iterable[str]) -> str:
    """``; did you mean "cart"?`` when a name is near, else nothing."""
    import difflib

    candidates = list(available)
    folded = name.strip().casefold()
    near = [candidate for candidate in candidates if candidate.strip().casefold() == folded]
    near = near or difflib.get_close_matches(name, candidates[:_MOST_COMPARED], n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def listing(available: Iterable[str], most: int = 20) -> str:
    """``"a", "b", "c" and 7 more``."""
    shown = [f'"{name}"' for name in available]
    rest = len(shown) - most
    return ", ".join(shown) if rest <= 0 else f"{', '.join(shown[:most])} and {rest} more"


def from_fields(kind: type[T], given: Mapping[str, Any], what: str) -> T:
    """The dataclass `kind` with these fields; `what` is its name in a message."""
    known = fields(cast("Any", kind))
    allowed = [field.name for field in known]
    for name in given:
        if name not in allowed:
            raise ArgumentError(
                f'"{name}" is not a field of {what}{suggestion(str(name), allowed)} (its fields: {listing(allowed)})'
            )
    for field in known:
        if field.default is MISSING and field.name not in given:
            raise ArgumentError(f'{what} lacks the field "{field.name}"')
    return kind(**given)


def known_columns(wanted: Iterable[str], available: Sequence[str], *, index: Sequence[object] = ()) -> None:
    """Refuse a wanted column that the data does not have."""
    for name in wanted:
        if name in available:
            continue
        if name in index:
            raise UnknownColumnError(
                f'"{name}" is the index of the frame, not a column; pass frame.reset_index()'
            )
        raise UnknownColumnError(
            f'the data has no column "{name}"{suggestion(name, available)} (available: {listing(available) or "none"})'
        )


def known_events(wanted: Iterable[str], available: Mapping[str, int], argument: str) -> None:
    """Refuse a wanted event that the log does not have; `argument` says where it was named."""
    for name in wanted:
        if name not in available:
            raise UnknownEventError(
                f'{argument} "{name}" is not an event of this log{suggestion(name, available)} '
                f"({len(available)} event{'' if len(available) == 1 else 's'}: {listing(available)})"
            )


def known_columns_of_log(wanted: Iterable[str], columns: Mapping[str, str], argument: str) -> None:
    """Refuse a wanted column that the log does not carry."""
    for name in wanted:
        if name not in columns:
            raise UnknownColumnError(
                f'{argument} "{name}" is not a column of this log{suggestion(name, columns)} (available: '
                f'{listing(columns) or "none"}); to add it, build the log with attributes=["{name}"]'
            )


def known_segment(
    by: str | None, columns: Mapping[str, str], roles: Mapping[str, object], argument: str = "by"
) -> None:
    """Refuse a `by` that is not a column of the log; `argument` is what it is called."""
    if by is None or by in columns:
        return
    role = next((role for role in ("channel", "value") if roles.get(role) == by), None)
    if role is not None:
        raise UnknownColumnError(
            f'{argument}="{by}": that column is the {role} of this log; write {argument}="{role}"'
        )
    raise UnknownColumnError(
        f'{argument}="{by}" is not a column of this log{suggestion(by, columns)} (available: '
        f'{listing(columns) or "none"}); to add it, build the log with attributes=["{by}"]'
    )
