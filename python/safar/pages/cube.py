"""Sums over groups of customers, from which a page makes its numbers anew for the customers that a reader chooses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safar import _args, _core
from safar._intervals import adjusted_wald, wilson
from safar._typing import Array, Floats, Integers
from safar.errors import ArgumentError
from safar.language import Live, Locale, heading
from safar.pages.customers import channel_names, groups_of

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["FUNCTIONS", "GROUP", "Ask", "Cube", "Dimension", "bounds", "cube_of", "ratio", "summed"]

# The column of the groups beside the log.
GROUP, _BOTH = "(group)", "(group and value)"
# The month of a customer's first event, as something to choose customers by.
PERIOD = "period"
# Values of a column that have a choice of their own; the others share one.
_VALUES = 12
_MONTHS = 24
# As many as two columns of so many values, and these months, can make.
_GROUPS = (_VALUES + 1) ** 2 * _MONTHS
# Parts may differ from the whole by what adding up in another order does.
_NEAR = 1e-9

# Asks a question of a log, of all customers or by a column.
Ask = Callable[["EventLog", str | None], Any]

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that customers are chosen by.

    Attributes
    ----------
    name : ``"channel"``, ``"period"`` or a column.
    title : what it is called.
    choices : what each value is called.
    days : where the values follow one another, the first day of each; neighbours can be chosen together then.
    """

    name: str
    title: str
    choices: Sequence[str]
    days: Sequence[dt.date] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """Groups of customers that share none, and sums over each of them.

    Attributes
    ----------
    log : the log with a column of the groups.
    codes : the group of each customer.
    dimensions : what groups differ in.
    places : the value of each group in each dimension.
    """

    log: EventLog
    codes: Integers
    dimensions: Sequence[Dimension]
    places: Sequence[Sequence[int]]
    _sums: list[Floats] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, log: EventLog, filters: Sequence[str], locale: Locale) -> Cube:
        """Group the customers of a log.

        Parameters
        ----------
        log
            The log.
        filters
            ``"channel"`` (of the first event), ``"period"`` (the month of the first event) and columns (their value at
            the first event).
        locale
            How readers are written to.
        """
        dimensions, codes = [], []
        for name in filters:
            dimension, code = (_periods if name == PERIOD else _values)(log, name, locale)
            # What all customers share is no choice.
            if len(dimension.choices) > 1:
                dimensions.append(dimension)
                codes.append(code)
        if not dimensions:
            return cls(log, np.zeros(log.customers, dtype=np.int64), [], [[]])
        found, group = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
        if len(found) > _GROUPS:
            listed = _args.listing(filters)
            raise ArgumentError(
                f"filters={listed}: the customers fall into {len(found):,} groups, and a page holds sums of "
                f"{_GROUPS:,} at most; name fewer columns, or such with fewer values"
            )
        group = group.reshape(-1).astype(np.int64)
        offsets = log.core.view("offsets").astype(np.int64)
        events = offsets[1:] - offsets[:-1]
        grouped = log.with_columns({GROUP: np.repeat(group.astype(np.int32), events)})
        return cls(grouped, group, dimensions, found.tolist())

    def __len__(self) -> int:
        return len(self.places)

    def ask(self, question: Ask) -> dict[str, list[Any]]:
        """Ask a question by groups: the columns of its answer."""
        columns: dict[str, list[Any]] = question(self.log, GROUP).to_dict()
        return columns

    def across(self, column: str) -> tuple[Integers, Sequence[str | None]]:
        """Group and value of a column of each event, as one number: the group times the number of values, and both."""
        codes, names = self.log.core.events_table([column]).codes(column)
        offsets = self.log.core.view("offsets").astype(np.int64)
        return np.repeat(self.codes, offsets[1:] - offsets[:-1]) * len(names) + codes, names

    def ask_across(self, column: str, question: Ask) -> dict[str, list[Any]]:
        """Ask a question by groups and the values of a column: the columns of its answer, with one of the groups."""
        both, names = self.across(column)
        columns: dict[str, list[Any]] = question(self.log.with_columns({_BOTH: both}), _BOTH).to_dict()
        numbers = [int(segment) for segment in columns["segment"]]
        columns["segment"] = [names[number % len(names)] for number in numbers]
        columns[GROUP] = [number // len(names) for number in numbers]
        return columns

    def by_key(
        self, columns: Mapping[str, Sequence[Any]], keys: Sequence[str], values: str, segment: str = "segment"
    ) -> dict[tuple[Any, ...], Floats]:
        """Spread a column of an answer by groups: for each key what every group has."""
        found: dict[tuple[Any, ...], Floats] = {}
        rows = zip(columns[segment], columns[values], *(columns[key] for key in keys), strict=True)
        for group, value, *key in rows:
            if group is not None and value is not None:
                found.setdefault(tuple(key), np.zeros(len(self)))[int(group)] += value
        return found

    def per_customer(self, values: Array | None = None) -> Floats:
        """Add up a number of each customer by group; without any, count the customers."""
        return np.bincount(self.codes, weights=values, minlength=len(self)).astype(np.float64)

    def sum(self, value: Any, parts: Floats | None, rest: float = 0.0) -> Any:
        """A number as the sum of its parts, and of a rest in no group; as it is where they don't add up to it."""
        if value is None or parts is None:
            return value
        # Neither do sums beyond all numbers.
        if (
            not abs(parts.sum() + rest - value) <= _NEAR * max(1.0, abs(value))
            or not np.isfinite(parts).all()
        ):
            return value
        key = parts.tobytes()
        if key not in self._known:
            self._known[key] = len(self._sums)
            self._sums.append(parts)
        return Live(value, f"n:{self._known[key]}")

    def counts(self, values: Iterable[Any], keys: Iterable[K], parts: Mapping[K, Floats]) -> list[Any]:
        """Numbers of a column as sums."""
        nothing = np.zeros(len(self))
        return [self.sum(value, parts.get(key, nothing)) for value, key in zip(values, keys, strict=True)]

    def made(self, function: str, value: Any, *parts: Any, factor: float = 1.0, of_all: bool = True) -> Any:
        """A number that a function makes of sums; as it is where one of them is no sum, or it makes another number.

        Parameters
        ----------
        function
            One of `FUNCTIONS`.
        value
            The number.
        parts
            What the function takes.
        factor
            What its answer is multiplied by.
        of_all
            Whether all groups together must make the number; else some of what it was made of is in no group.
        """
        if value is None or not all(
            isinstance(part, Live) and part.recipe.startswith("n:") for part in parts
        ):
            return value
        arguments = ",".join(part.sum for part in parts)
        recipe = f"{function}:{arguments}" + ("" if factor == 1 else f"*{factor:g}")
        if of_all and not abs(self.evaluate(recipe) - value) <= _NEAR * max(1.0, abs(value)):
            return value
        return Live(value, recipe)

    def column(self, function: str, values: Iterable[Any], *parts: Iterable[Any]) -> list[Any]:
        """Numbers of a column as a function of sums in other columns."""
        return [self.made(function, value, *each) for value, *each in zip(values, *parts, strict=True)]

    def shares(self, columns: dict[str, list[Any]], name: str, part: list[Any], whole: list[Any]) -> None:
        """Let a column of shares, and those of their Wilson intervals, follow their parts."""
        for function, end in (("r", ""), ("wl", "_low"), ("wh", "_high")):
            if name + end in columns:
                columns[name + end] = self.column(function, columns[name + end], part, whole)

    def evaluate(self, recipe: str, groups: Array | None = None) -> float:
        """What a recipe makes of some groups, or of all; NaN where it makes nothing. The script of the page does alike.

        Parameters
        ----------
        recipe
            As of `Live`.
        groups
            Which groups count: their places, or a mask.
        """
        rest, _, factor = recipe.partition("*")
        name, arguments = rest.split(":")
        chosen = slice(None) if groups is None else groups
        values = [
            sum(float(self._sums[int(place)][chosen].sum()) for place in each.split("+"))
            for each in arguments.split(",")
        ]
        return FUNCTIONS[name](*values) * float(factor or 1)

    def sums(self) -> dict[str, Any]:
        """What the script of a page reads: the places of each group, and where each sum is not 0, and how much."""
        found = []
        for parts in self._sums:
            groups = np.flatnonzero(parts)
            found.append([groups.tolist(), [_short(value) for value in parts[groups].tolist()]])
        return {"groups": self.places, "sums": found}


def cube_of(
    log: EventLog, filters: str | Sequence[str] | None, personas: str | None, locale: Locale
) -> Cube | None:
    """Group customers by what a reader of the page chooses them by.

    Parameters
    ----------
    log
        The log.
    filters
        As of `dashboard`: columns, ``"channel"`` and ``"period"``; None takes what there is.
    personas
        The column of the personas.
    locale
        How readers are written to.

    Returns
    -------
    Cube or None
        None where nothing is to be chosen, or where all customers are alike.
    """
    if filters is None:
        usual = (personas, "channel" if log.channels else None, PERIOD)
        filters = [name for name in usual if name is not None]
    elif isinstance(filters, str) or len(filters):
        filters = _args.names(filters, "filters")
    for name in filters:
        if name != PERIOD:
            _args.known_segment(name, log.columns, log.roles, "filters")
    locale = replace(locale, names=channel_names(log, locale))
    cube = Cube.of(log, filters, locale) if len(filters) and len(log) else None
    return cube if cube is not None and cube.dimensions else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """A number over another, which follows a choice of customers if both are sums that do; None over nothing."""
    if part is None or not whole:
        return None
    return _followed("r", part / whole, part, whole)


def summed(numbers: Sequence[float]) -> float:
    """The sum of counts, which follows a choice of customers if they all do."""
    total = sum(int(number) for number in numbers)
    recipes = [number.sum for number in numbers if isinstance(number, Live)]
    return Live(total, f"n:{'+'.join(recipes)}") if recipes and len(recipes) == len(numbers) else total


def bounds(part: int, whole: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share, which follows a choice of customers if both numbers do."""
    low, high = (float(end[0]) for end in wilson(np.array([int(part)]), np.array([int(whole)])))
    return _followed("wl", low, part, whole), _followed("wh", high, part, whole)


def _followed(function: str, value: float, *parts: float) -> float:
    sums = [part.sum for part in parts if isinstance(part, Live)]
    return Live(value, f"{function}:{','.join(sums)}") if len(sums) == len(parts) else value


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _bounds(interval: Callable[..., tuple[Floats, Floats]], end: int, factor: float) -> Callable[..., float]:
    def bound(*numbers: float) -> float:
        return factor * float(interval(*(np.array([number]) for number in numbers))[end][0])

    return bound


# What recipes may make of sums: the sum itself; the first over the second, and its Wilson interval; a score of those
# who promote, those who detract and all who answered, with its adjusted Wald interval.
FUNCTIONS: dict[str, Callable[..., float]] = {
    "n": lambda number: number,
    "r": _ratio,
    "wl": _bounds(wilson, 0, 1.0),
    "wh": _bounds(wilson, 1, 1.0),
    "s": lambda promoters, detractors, answers: 100 * _ratio(promoters - detractors, answers),
    "sl": _bounds(adjusted_wald, 0, 100.0),
    "sh": _bounds(adjusted_wald, 1, 100.0),
}


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _values(log: EventLog, name: str, locale: Locale) -> tuple[Dimension, Integers]:
    """The values of a column at the first event of each customer; those of few customers share one."""
    groups = groups_of(log, name)
    largest = groups.largest(_VALUES)
    choices = [locale.label(groups.names[place]) for place in largest]
    rest = [place for place in range(len(groups.names)) if place not in largest]
    if rest:
        choices.append(locale.label(groups.names[rest[0]]) if len(rest) == 1 else locale.say("All others"))
    new = np.full(len(groups.names), len(largest), dtype=np.int64)
    new[largest] = np.arange(len(largest))
    title = locale.say("First channel") if name == "channel" else heading(name, locale.language)
    return Dimension(name, title, choices), new[groups.codes]


def _periods(log: EventLog, name: str, locale: Locale) -> tuple[Dimension, Integers]:
    """The month of each customer's first event; with many months the oldest share one."""
    first = log.core.view("times")[log.core.view("offsets")[:-1].astype(np.int64)]
    start, end = int(first.min()), int(first.max())
    bounds = np.array(
        _core.period_starts(start, end + 1, "month", log.timezone, locale.calendar, 0), dtype=np.int64
    )
    place = np.searchsorted(bounds, first, side="right") - 1
    months = [_args.local_datetime(int(bound), log.timezone).date() for bound in bounds]
    used = range(int(place.max()) + 1)
    begin = max(0, len(used) - _MONTHS)
    choices = [locale.month(months[at]) for at in used][begin:]
    if begin:
        choices[0] = locale.say("{month} and before", month=choices[0])
    title = locale.say("Month of the first event")
    return Dimension(name, title, choices, months[begin : len(used)]), np.maximum(place - begin, 0)
