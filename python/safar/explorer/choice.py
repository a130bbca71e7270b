"""What is chosen in an explorer, as the calls that answer it."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from safar import _args
from safar._typing import Calendar, Period
from safar.errors import ArgumentTypeError

__all__ = ["Analysis", "Call", "Choice"]

Analysis = Literal["funnel", "retention", "conversion", "transitions"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words that mean something else in a condition.
_KEPT = {"and", "or", "not", "in", "is", "null", "true", "false"}
# Times of a curve are rounded to the finest of these that leaves it at most so many.
_RESOLUTIONS = ("1s", "1m", "1h", "1d")
_MOST_TIMES = 2_500
# The table of a curve has at most so many of these times, and the window.
_MOST_ROWS = 5
_TIMES = ("1m", "10m", "1h", "6h", "1d", "7d", "14d", "30d", "90d", "180d", "365d")


@dataclass(frozen=True, slots=True)
class Call:
    """A method and its arguments, to be called or to be written as code.

    Examples
    --------
    >>> call = Call("split", (",",), {"maxsplit": 1})
    >>> str(call), call.of("a,b,c")
    ('.split(",", maxsplit=1)', ['a', 'b,c'])
    """

    method: str
    positional: tuple[object, ...] = ()
    named: Mapping[str, object] = field(default_factory=dict)

    def of(self, subject: object) -> Any:
        """What the method of this object gives."""
        return getattr(subject, self.method)(*self.positional, **self.named)

    def __str__(self) -> str:
        given = [_written(value) for value in self.positional]
        given += [f"{name}={_written(value)}" for name, value in self.named.items()]
        return f".{self.method}({', '.join(given)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen in an explorer.

    Parameters
    ----------
    analysis
        ``"funnel"``, ``"retention"``, ``"conversion"`` (time to convert) or ``"transitions"`` (next events).
    steps
        Steps of the funnel, in order.
    within
        The longest time: of the funnel from its first step to its last, of a conversion since the start.
    start
        Event that retention and conversion begin with; None for any.
    goal
        Event that counts as coming back, None for any, or that is the conversion.
    period
        Length of cohorts and periods of retention: ``"day"``, ``"week"`` or ``"month"``.
    by
        Column of the segments.
    first_from, first_before
        Only customers whose first event of all lies on or after the one day, and before the other.
    column, value
        Only customers with an event that has this value in this column, such as one of their profile; the value
        None stands for a missing one.

    Examples
    --------
    >>> str(Choice(steps=("view", "buy"), within="7d").question(dt.timedelta(days=90)))
    '.funnel(["view", "buy"], within="7d")'
    """

    analysis: Analysis = "funnel"
    steps: tuple[str, ...] = ()
    within: str | None = None
    start: str | None = None
    goal: str | None = None
    period: Period = "month"
    by: str | None = None
    first_from: dt.date | None = None
    first_before: dt.date | None = None
    column: str | None = None
    value: object = None

    def __post_init__(self) -> None:
        _args.choice(self.analysis, "analysis", Analysis)
        _args.choice(self.period, "period", Period)
        if not isinstance(self.steps, tuple | list):
            raise ArgumentTypeError(
                f"steps={self.steps!r} is a {type(self.steps).__name__}; expected a list of events, such as "
                '["visit", "purchase"]'
            )

    def cohort(self, timezone: str) -> tuple[Call, ...]:
        """The calls that give the log of the chosen customers."""
        conditions: dict[str, object] = {}
        if self.first_before is not None:
            conditions["match"] = f'.[time < "{_midnight(self.first_before, timezone)}"]'
        if self.first_from is not None:
            conditions["without_match"] = f'.[time < "{_midnight(self.first_from, timezone)}"]'
        of_column: dict[str, object] = (
            {} if self.column is None else {"match": _having(self.column, self.value)}
        )
        together = [conditions, of_column] if "match" in conditions else [of_column | conditions]
        return tuple(Call("filter", named=each) for each in together if each)

    def question(self, span: dt.timedelta, calendar: Calendar = "gregorian") -> Call:
        """The call that asks a log of this length."""
        match self.analysis:
            case "funnel":
                return Call("funnel", (list(self.steps),), _given(within=self.within, by=self.by))
            case "retention":
                shown = None if calendar == "gregorian" else calendar
                events = _given(start=self.start, back=self.goal)
                return Call(
                    "retention", (), events | {"period": self.period} | _given(calendar=shown, by=self.by)
                )
            case "conversion":
                asked = _given(start=self.start, horizon=self.within)
                asked |= {"resolution": self._resolution(span)} | _given(by=self.by)
                return Call("conversion", (self.goal,), asked)
            case "transitions":
                # The times between events would take longer than all the rest.
                return Call("transitions", (), {"quantiles": False} | _given(by=self.by))

    def table(self, span: dt.timedelta) -> Call | None:
        """The call that gives the small table of a result; None where the result is one."""
        if self.analysis == "retention":
            return Call("means")
        if self.analysis == "conversion":
            resolution, longest = self._resolution(span), self._longest(span)
            finest = _args.microseconds(resolution)
            times = [time for time in _TIMES if finest <= _args.microseconds(time) < longest]
            last = [] if self.within is None else [self.within]
            return Call("at", (*times[-_MOST_ROWS:], *last) or (resolution,))
        return None

    def _resolution(self, span: dt.timedelta) -> str:
        longest = self._longest(span)
        fine = (each for each in _RESOLUTIONS if longest <= _MOST_TIMES * _args.microseconds(each))
        return next(fine, _RESOLUTIONS[-1])

    def _longest(self, span: dt.timedelta) -> int:
        """The longest time that can be seen, in µs."""
        length = span // dt.timedelta(microseconds=1)
        return length if self.within is None else min(length, _args.microseconds(self.within, "within"))


def _given(**arguments: object) -> dict[str, object]:
    return {name: value for name, value in arguments.items() if value is not None}


def _midnight(day: dt.date, timezone: str) -> str:
    """The beginning of a day, with its distance from UTC."""
    return _args.local_datetime(_args.instant_us(day, "day", timezone), timezone).isoformat(
        timespec="minutes"
    )


def _having(column: str, value: object) -> str:
    """The pattern of an event with a value in a column."""
    plain = _WORD.fullmatch(column) and column.lower() not in _KEPT
    name = column if plain else f"`{column.replace('`', '``')}`"
    if value is None or value != value:
        return f".[{name} is null]"
    if isinstance(value, float) and math.isinf(value):
        # A condition has no word for what lies beyond all numbers.
        return f".[{name} > {sys.float_info.max}]" if value > 0 else f".[{name} < {-sys.float_info.max}]"
    if isinstance(value, bool | int | float):
        return f".[{name} = {str(value).lower()}]"
    text = str(value).replace("'", "''")
    return f".[{name} = '{text}']"


def _written(value: object) -> str:
    """A value as code; texts stand between double quotes."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
