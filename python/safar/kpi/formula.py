"""What a KPI is made of, and what its formula means for a log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from safar import _args
from safar.errors import ArgumentError

__all__ = ["Direction", "Form", "Formula", "Input", "Missing", "Sources"]

# share: a part of a whole; rate: a count for each of something; mean: an amount for each; nps: those for less those
# against; total: a count or an amount; ratio: an amount for each of another; level: readings of a series.
Form: TypeAlias = Literal["share", "rate", "mean", "nps", "total", "ratio", "level"]
Direction: TypeAlias = Literal["up", "down", "none"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
# What is derived from the events of an input, such as nth_purchase; nth_event and nth_of_event are of all events.
_REFERENCE = re.compile(
    r"\b(?:nth|seconds_since_first|seconds_since_last|seconds_until_next|periods_since_last)_(?!event\b|of_)(\w+)"
)
_CONDITIONS = ("numerator", "minus", "denominator", "sum")
# Words of conditions that are no names of columns.
_WORDS = ("and", "or", "not", "in", "is", "null", "true", "false")
_PERCENT = ("%", "٪", "percent")
_SERIES = ("numerator_series", "denominator_series")


@dataclass(frozen=True, slots=True)
class Formula:
    """One KPI: a numerator and perhaps a denominator.

    Parameters
    ----------
    id
        How the KPI is called in tables.
    name_en, name_fa
        What readers see, in English and in Persian.
    definition
        A sentence that says what is measured.
    form
        How value and interval come about: ``"share"`` (Wilson), ``"rate"`` (exact Poisson), ``"mean"`` (Student's t),
        ``"nps"`` (adjusted Wald); ``"total"``, ``"ratio"`` and ``"level"`` have no interval.
    unit
        The unit of the value; of a share, rate or ratio in ``"%"`` and of nps it is a hundred times the quotient.
    direction
        Which values are better: ``"up"``, ``"down"`` or ``"none"``.
    stage, touchpoint
        Where in the journey it is measured; None for the whole journey.
    count
        What is counted: ``"events"``, ``"customers"``, ``"session"``, or another column whose values within a customer
        are the units.
    numerator, denominator
        Conditions on events. A unit that is no event is in the denominator if it has such an event in the period and
        slice, and in the numerator if it has one of the numerator as well.
    minus
        Events that count against the numerator.
    sum
        A number of each event of the numerator that is added up; by default each counts one.
    least, most
        How many events of the numerator a unit needs, 1 by default, and may have.
    numerator_series, denominator_series
        Names of series that are given, in place of a condition.
    lag
        The denominator is that of so many periods before; it can't be cut into slices then.
    complement
        Whether the value is that of the denominator less the numerator.
    horizon
        How long after its end a period must have been observed to be complete.
    target
        The value that is aimed at, in `unit`.
    review
        The period that the target is for: totals of other periods are not held against it.
    references
        Conditions by the name that derived columns such as ``nth_purchase`` end with.
    within
        A column: of the events of such a condition, only those with the same value count.
    """

    id: str
    definition: str
    _: KW_ONLY
    form: Form
    name_en: str | None = None
    name_fa: str | None = None
    unit: str | None = None
    direction: Direction = "none"
    stage: str | None = None
    touchpoint: str | None = None
    count: str = "events"
    numerator: str | None = None
    denominator: str | None = None
    minus: str | None = None
    sum: str | None = None
    least: int = 1
    most: int | None = None
    numerator_series: str | None = None
    denominator_series: str | None = None
    lag: int = 0
    complement: bool = False
    horizon: str | None = None
    target: float | None = None
    review: str | None = None
    references: Sequence[tuple[str, str]] = ()
    within: str | None = None

    def __post_init__(self) -> None:
        _args.choice(self.form, f'the form of the KPI "{self.id}"', Form)
        _args.choice(self.direction, f'the direction of the KPI "{self.id}"', Direction)
        object.__setattr__(self, "references", tuple((name, text) for name, text in self.references))
        if self.numerator is None and self.numerator_series is None:
            raise ArgumentError(f'the KPI "{self.id}" has no numerator')
        if self.horizon is not None:
            _args.duration(self.horizon, f'the horizon of the KPI "{self.id}"')
        for field, least in (("lag", 0), ("least", 0), ("most", 0)):
            value = getattr(self, field)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ArgumentError(
                    f'{field}={value!r} of the KPI "{self.id}"; expected a whole number, at least 0'
                )
        if self.most is not None and self.most < self.least:
            raise ArgumentError(
                f'the KPI "{self.id}" has most={self.most}, which is below least={self.least}'
            )
        if self.count != "events" and self.minus is not None:
            raise ArgumentError(f'the KPI "{self.id}" has minus, which is for count="events"')

    @property
    def scale(self) -> float:
        """What the quotient of numerator and denominator is multiplied by."""
        in_percent = self.unit in _PERCENT and self.form in ("share", "rate", "ratio")
        return 100.0 if in_percent or self.form == "nps" else 1.0

    @property
    def adds_up(self) -> bool:
        """Whether sums over periods and slices are those of the whole: units that are no events may be in several."""
        return self.count == "events" and not self.lag

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that the formula names, in their order."""
        texts = [getattr(self, field) for field in (*_CONDITIONS, "within")]
        written = [text for text in texts if text is not None]
        named = [name for text in written for name in _PLACEHOLDER.findall(text)]
        named += [name for text in written for name in _REFERENCE.findall(text)]
        series = [getattr(self, field) for field in _SERIES]
        return tuple(dict.fromkeys([*named, *(name for name in series if name is not None)]))

    def to_dict(self) -> dict[str, Any]:
        """The fields that say something, as `Formula` takes them."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @staticmethod
    def of_dict(plain: Mapping[str, Any]) -> Formula:
        """The formula of these fields."""
        return _args.from_fields(Formula, plain, f'the KPI "{plain.get("id", "")}"')


@dataclass(frozen=True, slots=True)
class Input:
    """What formulas need of a log, under a name that all companies share."""

    id: str
    description: str
    any: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    column: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    condition: str | None = None
    series: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """An input that a KPI needs and the log does not have."""

    kpi: str
    input: str
    reason: str


class Sources:
    """What the inputs of formulas are in one log.

    Parameters
    ----------
    inputs
        The inputs that are known.
    given
        Conditions, or names of columns, that stand for inputs here.
    series
        Names of the series that are given.
    events, columns
        Names of the events and columns of the log.
    """

    def __init__(
        self,
        inputs: Mapping[str, Input],
        given: Mapping[str, str],
        series: frozenset[str],
        events: Mapping[str, int],
        columns: Mapping[str, str],
    ) -> None:
        self._inputs, self._given, self._series = inputs, given, series
        self._events, self._columns = events, columns

    def resolved(self, formula: Formula) -> Formula | list[Missing]:
        """The formula in the words of the log, or everything that it lacks there."""
        missing = [
            Missing(formula.id, name, reason)
            for name in formula.inputs
            if (reason := self._reason(name)) is not None
        ]
        if missing:
            return missing
        texts: dict[str, Any] = {
            field: self._written(text)
            for field in _CONDITIONS
            if (text := getattr(formula, field)) is not None
        }
        if formula.within is not None:
            texts["within"] = _PLACEHOLDER.sub(lambda found: self._column(found[1]), formula.within)
        named = [name for text in texts.values() for name in _REFERENCE.findall(text) if name in self._inputs]
        texts["references"] = [(name, self._meaning(name)) for name in dict.fromkeys(named)]
        return replace(formula, **texts)

    def _written(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: self._meaning(found[1]), text)

    def _meaning(self, name: str) -> str:
        """What an input is in the log; its reason to be missing was looked at before."""
        known = self._inputs[name]
        if known.column:
            column = self._column(name)
            plain = column.isidentifier() and column.lower() not in _WORDS
            return column if plain else _args.in_condition(column)
        if name in self._given:
            return f"({self._given[name]})"
        if known.condition is not None:
            return f"({self._written(known.condition)})"
        events = [event for event in known.any or known.first if event in self._events]
        listed = ", ".join(
            "'" + event.replace("'", "''") + "'" for event in events[: 1 if known.first else None]
        )
        return f"event in ({listed})"

    def _column(self, name: str) -> str:
        """The column that an input is in the log."""
        given = self._given.get(name)
        return given or next(column for column in self._inputs[name].column if column in self._columns)

    def _reason(self, name: str) -> str | None:
        """Why an input is not there, if it is not."""
        if name not in self._inputs:
            return None if name in self._series else f'the series "{name}" is not given; give it in given='
        known = self._inputs[name]
        if name in self._given and not known.series:
            return None
        if known.series:
            way_out = f"give it as given={{'{name}': a table of date and {name}}}"
            return (
                None if name in self._series else f"it is no part of the log ({known.description}); {way_out}"
            )
        if known.column:
            found = any(column in self._columns for column in known.column)
            way_out = f'say which column it is: inputs={{"{name}": "..."}}'
            return None if found else f"no column {_args.listing(known.column)}; {way_out}"
        lacking = [column for column in known.columns if column not in self._columns]
        if lacking:
            return f"no column {_args.listing(lacking)}"
        if known.condition is not None:
            needed = _PLACEHOLDER.findall(known.condition)
            return next((reason for other in needed if (reason := self._reason(other)) is not None), None)
        names = known.any or known.first
        if any(event in self._events for event in names):
            return None
        return f'no event {_args.listing(names)}; say which events they are: inputs={{"{name}": "event = \'...\'"}}'


FORMS = get_args(Form)
