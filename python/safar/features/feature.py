"""One feature: a measure of some of the events that are known of a customer at a cut-off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple, TypeAlias

from safar import _args
from safar._typing import Duration
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Listed, Said, Spoken

__all__ = ["MEASURES", "Feature", "FeatureLike", "feature", "feature_of", "whole"]

FeatureLike: TypeAlias = "str | Feature | Mapping[str, Any]"

_EPOCH = dt.date(1970, 1, 1)


class _Measure(NamedTuple):
    """What a measure needs beside its events, its unit, its sentence, and what the kernel calls it."""

    needs: tuple[str, ...]
    unit: str
    sentence: str
    kernel: Callable[[Feature], object]


def _named(name: str) -> Callable[[Feature], object]:
    return lambda _: name


def _of_column(name: str) -> Callable[[Feature], object]:
    return lambda feature: {name: feature.column}


def _days(feature: Feature) -> list[int]:
    return sorted({(day - _EPOCH).days for day in map(dt.date.fromisoformat, map(str, feature.days or ()))})


# By name. {what} are the events, {when} is the time that is looked at.
MEASURES: dict[str, _Measure] = {
    "count": _Measure((), "events", "Number of {what} {when}.", _named("count")),
    "active_days": _Measure((), "days", "Number of local days with {what} {when}.", _named("active_days")),
    "days_since_last": _Measure(
        (),
        "days",
        "Days of 24 hours from the last of the {what} {when} to the cut-off.",
        _named("since_last"),
    ),
    "days_since_first": _Measure(
        (),
        "days",
        "Days of 24 hours from the first of the {what} {when} to the cut-off.",
        _named("since_first"),
    ),
    "sum": _Measure(
        ("column",),
        "",
        'Sum of "{column}" over {what} {when}: 0 without such an event, undefined where they have no value.',
        _of_column("sum"),
    ),
    "mean": _Measure(
        ("column",), "", 'Mean of "{column}" over {what} {when} that have a value.', _of_column("mean")
    ),
    "max": _Measure(("column",), "", 'Largest value of "{column}" over {what} {when}.', _of_column("max")),
    "min": _Measure(("column",), "", 'Smallest value of "{column}" over {what} {when}.', _of_column("min")),
    "last": _Measure(("column",), "", 'Last known value of "{column}" of {what} {when}.', _of_column("last")),
    "last_text": _Measure(
        ("column",), "", 'Last known value of "{column}" of {what} {when}.', _of_column("last_text")
    ),
    "distinct": _Measure(
        ("column",),
        "values",
        'Number of different values of "{column}" of {what} {when}.',
        _of_column("distinct"),
    ),
    "entropy": _Measure(
        ("column",),
        "bits",
        'Shannon entropy of the values of "{column}" of {what} {when}.',
        _of_column("entropy"),
    ),
    "switches": _Measure(
        ("column",),
        "switches",
        'How often "{column}" changes from one of the {what} {when} to the next; those without a value are left out.',
        _of_column("switches"),
    ),
    "share": _Measure(
        ("column", "value"),
        "share",
        'Share of {what} {when} with the value "{value}" in "{column}", of those that have one.',
        lambda feature: {"share": {"column": feature.column, "value": feature.value}},
    ),
    "gap_mean": _Measure(
        (), "days", "Mean time between successive {what} {when}.", lambda _: {"gaps": "mean"}
    ),
    "gap_median": _Measure(
        (), "days", "Median time between successive {what} {when}.", lambda _: {"gaps": "median"}
    ),
    "gap_sd": _Measure(
        (),
        "days",
        "Standard deviation (n − 1) of the times between successive {what} {when}; needs two such times.",
        lambda _: {"gaps": "sd"},
    ),
    "gap_cv": _Measure(
        (),
        "",
        "Standard deviation (n − 1) divided by the mean of the times between successive {what} {when}; needs two "
        "such times.",
        lambda _: {"gaps": "cv"},
    ),
    "days_since_last_in_gaps": _Measure(
        (),
        "median gaps",
        "Time from the last of the {what} {when} to the cut-off, divided by the median time between them.",
        lambda _: {"gaps": "since_last"},
    ),
    "burstiness": _Measure(
        (),
        "",
        "Burstiness (s − m) / (s + m) of the times between successive {what} {when}, with mean m and standard "
        "deviation s (n): −1 regular, 0 random, 1 in bursts (Goh and Barabási 2008); needs two such times.",
        lambda _: {"gaps": "burstiness"},
    ),
    "burstiness_finite": _Measure(
        (),
        "",
        "Burstiness of the times between successive {what} {when}, corrected for their small number (Kim and Jo 2016); "
        "needs two such times.",
        lambda _: {"gaps": "burstiness_finite"},
    ),
    "memory": _Measure(
        (),
        "",
        "Correlation of each time between successive {what} {when} with the next one (Goh and Barabási 2008); needs "
        "four such times.",
        lambda _: {"gaps": "memory"},
    ),
    "week_slope": _Measure(
        (),
        "events a week, a week",
        "Least-squares slope of the number of {what} a week {when}, over the whole weeks before the cut-off since the "
        "customer's first event; needs four weeks.",
        lambda _: {"weeks": "slope"},
    ),
    "week_theil_sen": _Measure(
        (),
        "events a week, a week",
        "Theil–Sen slope (median over all pairs of weeks) of the number of {what} a week {when}, over the whole weeks "
        "before the cut-off since the customer's first event; needs four weeks.",
        lambda _: {"weeks": "theil_sen"},
    ),
    "week_recent": _Measure(
        (),
        "ratio",
        "Number of {what} in the last four weeks before the cut-off, divided by that of the four weeks before; "
        "undefined for customers of less than eight weeks, and where those four weeks have none ({when}).",
        lambda _: {"weeks": "recent"},
    ),
    "week_ewma": _Measure(
        (),
        "events a week",
        "Exponentially weighted mean of the number of {what} a week {when}, over the whole weeks before the cut-off "
        "since the customer's first event: each week counts 0.7 times as much as the next one; needs four weeks.",
        lambda _: {"weeks": "ewma"},
    ),
    "hour_share": _Measure(
        ("hours",),
        "share",
        "Share of {what} {when} from {start}:00 to before {end}:00, local time.",
        lambda feature: {"hours": dict(zip(("from", "to"), feature.hours or (), strict=False))},
    ),
    "weekday_share": _Measure(
        ("weekday",),
        "share",
        "Share of {what} {when} on a {weekday}.",
        lambda feature: {"weekday": feature.weekday},
    ),
    "days_share": _Measure(
        ("days",),
        "share",
        "Share of {what} {when} on one of {number} given days.",
        lambda feature: {"days": _days(feature)},
    ),
    "mean_hour": _Measure(
        (), "hours", "Circular mean of the local time of day of {what} {when}, 0 to 24.", _named("mean_hour")
    ),
    "hour_concentration": _Measure(
        (),
        "",
        "Length of the mean direction of the local times of day of {what} {when}: 1 where all are the same, 0 where "
        "they are spread evenly.",
        _named("hour_concentration"),
    ),
    "follows": _Measure(
        ("sequence",),
        "times",
        "How often {sequence} follow each other directly among the {what} {when}.",
        lambda feature: {"follows": list(feature.sequence or ())},
    ),
    "reached": _Measure(
        ("steps",),
        "steps",
        "How many of the steps {steps} are reached in this order {when}.",
        lambda feature: {"reached": [list(step) for step in feature.steps or ()]},
    ),
    "open": _Measure(
        ("events", "closed"),
        "open cases",
        "How many {what} {when} are open at the cut-off: each {closed} closes one.",
        lambda feature: {
            "open": {"opened": list(feature.events or ()), "closed": list(feature.closed or ())}
        },
    ),
}

# From Saturday.
_WEEKDAYS = tuple(
    Said(day) for day in ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
)
_NEEDED = ("column", "value", "hours", "weekday", "days", "sequence", "steps", "closed")


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of `EventLog.features`; `feature` describes the arguments.

    Examples
    --------
    >>> import safar
    >>> complaints = safar.feature("complaints_30d", "count", events="complaint", within="30d")
    >>> complaints.unit, complaints.sentence
    ('events', 'Number of complaint events in the 30 days before the cut-off.')
    """

    name: str
    measure: str
    _: KW_ONLY
    events: str | Sequence[str] | None = None
    where: str | None = None
    within: Duration | None = None
    history: bool = False
    column: str | None = None
    value: str | None = None
    hours: Sequence[int] | None = None
    weekday: int | None = None
    days: Sequence[str | dt.date] | None = None
    sequence: Sequence[str] | None = None
    steps: Sequence[str | Sequence[str]] | None = None
    closed: str | Sequence[str] | None = None
    unit: str | None = None
    definition: str | None = None
    group: str = "own"

    def __post_init__(self) -> None:
        _args.text(self.name, "name")
        if self.measure not in MEASURES:
            near = _args.suggestion(str(self.measure), MEASURES)
            raise ArgumentError(
                f'feature "{self.name}": measure={self.measure!r} is not known{near} (available: '
                f"{_args.listing(MEASURES, 40)})"
            )
        needs = MEASURES[self.measure].needs
        for name in (each for each in (*_NEEDED, "events") if each in needs or each != "events"):
            given = getattr(self, name) is not None
            if given != (name in needs):
                what = f"needs {name}=" if name in needs else f"takes no {name}="
                raise ArgumentError(f'feature "{self.name}": the measure "{self.measure}" {what}')
        for name in ("events", "closed"):
            if getattr(self, name) is not None:
                self._set(name, _args.names(getattr(self, name), name))
        for name in ("where", "column", "value"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)
        if self.within is not None:
            self._set("within", _args.duration(self.within, "within"))
        _args.flag(self.history, "history")
        if self.sequence is not None:
            # An event may follow itself.
            items = self._items("sequence", "events")
            self._set("sequence", tuple(_args.names([item], "sequence")[0] for item in items))
        if self.steps is not None:
            self._set("steps", tuple(_args.names(step, "steps") for step in self._items("steps", "events")))
        self._check_clock()
        for name in ("unit", "definition"):
            if not isinstance(getattr(self, name), str | None):
                raise ArgumentTypeError(f'feature "{self.name}": {name}={getattr(self, name)!r} is no text')
        if self.unit is None:
            self._set("unit", MEASURES[self.measure].unit)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _items(self, name: str, what: str) -> list[Any]:
        """What a list holds, of which there has to be something."""
        given = getattr(self, name)
        items = (
            [given]
            if isinstance(given, str | dt.date)
            else list(given)
            if isinstance(given, Iterable)
            else []
        )
        if not items:
            raise ArgumentError(
                f'feature "{self.name}": {name}={given!r} names nothing; expected a list of {what}'
            )
        return items

    def _check_clock(self) -> None:
        if self.hours is not None:
            hours = tuple(self._items("hours", "two hours"))
            if len(hours) != 2 or not all(map(whole, hours)) or not 0 <= hours[0] < hours[1] <= 24:
                raise ArgumentError(
                    f'feature "{self.name}": hours={self.hours!r} is no part of a day; expected a first hour and the '
                    "one before which it ends, such as (18, 24)"
                )
            self._set("hours", hours)
        if self.weekday is not None and not (whole(self.weekday) and self.weekday in range(7)):
            raise ArgumentError(
                f'feature "{self.name}": weekday={self.weekday!r} is no day; expected 0 (Saturday) to 6 (Friday)'
            )
        if self.days is not None:
            days = tuple(sorted({_args.instant(day, "days") for day in self._items("days", "days")}))
            for day in days:
                if len(day) != len("2026-03-21"):
                    raise ArgumentError(
                        f'feature "{self.name}": days holds {day!r}, which is an instant; expected a day'
                    )
            self._set("days", days)

    def to_plan(self) -> dict[str, object]:
        """The feature as the kernel takes it."""
        events = None if self.events is None else list(self.events)
        if self.measure == "open":
            events = [*(self.events or ()), *(self.closed or ())]
        return {
            "name": self.name,
            "measure": MEASURES[self.measure].kernel(self),
            "events": events,
            "where": self.where,
            "within_us": None if self.within is None else _args.microseconds(self.within, "within"),
            "history": self.history,
        }

    def named_events(self) -> tuple[str, ...]:
        """All events that the feature names."""
        steps = [event for step in self.steps or () for event in step]
        return (*(self.events or ()), *(self.closed or ()), *(self.sequence or ()), *steps)

    @property
    def sentence(self) -> str:
        """What the number means."""
        if self.definition is not None:
            return self.definition
        start, end = self.hours or (0, 0)
        return Said(
            MEASURES[self.measure].sentence,
            what=self._what(),
            when=self._when(),
            column=self.column or "",
            value=self.value or "",
            start=start,
            end=end,
            weekday="" if self.weekday is None else _WEEKDAYS[self.weekday],
            number=len(self.days or ()),
            sequence=Listed(list(self.sequence or ()), " → "),
            steps=Listed([Listed(list(step), last="or") for step in self.steps or ()], " → "),
            closed=self._closing(),
        )

    def _what(self) -> Spoken:
        events = None if self.events is None else Listed(list(self.events), last="or")
        if self.where is None:
            return Said("events") if events is None else Said("{events} events", events=events)
        if events is None:
            return Said("events with {condition}", condition=self.where)
        return Said("{events} events with {condition}", events=events, condition=self.where)

    def _closing(self) -> Spoken:
        event = Said("{events} event", events=Listed(list(self.closed or ()), last="or"))
        if self.where is None:
            return event
        return Said("{event} with {condition}", event=event, condition=self.where)

    def _when(self) -> Spoken:
        if self.within is not None:
            return Said("in the {within} before the cut-off", within=Length(self.within))
        return (
            Said("in all the time before the cut-off") if self.history else Said("in the observation window")
        )


def whole(value: object) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def feature(
    name: str,
    measure: str,
    *,
    events: str | Sequence[str] | None = None,
    where: str | None = None,
    within: Duration | None = None,
    history: bool = False,
    column: str | None = None,
    value: str | None = None,
    hours: Sequence[int] | None = None,
    weekday: int | None = None,
    days: Sequence[str | dt.date] | None = None,
    sequence: Sequence[str] | None = None,
    steps: Sequence[str | Sequence[str]] | None = None,
    closed: str | Sequence[str] | None = None,
    unit: str | None = None,
    definition: str | None = None,
) -> Feature:
    """What else should be known of each customer at a cut-off?

    Parameters
    ----------
    name
        The name of the column.
    measure
        What is told of the events: ``"count"``, ``"active_days"``, ``"days_since_last"``, ``"days_since_first"``; of a
        `column` ``"sum"``, ``"mean"``, ``"max"``, ``"min"``, ``"last"``, ``"last_text"``, ``"distinct"``,
        ``"entropy"``, ``"switches"``, ``"share"`` (of a `value`); of the times between events ``"gap_mean"``,
        ``"gap_median"``, ``"gap_sd"``, ``"gap_cv"``, ``"days_since_last_in_gaps"``, ``"burstiness"``,
        ``"burstiness_finite"``, ``"memory"``; of events a week ``"week_slope"``, ``"week_theil_sen"``,
        ``"week_recent"``, ``"week_ewma"``; of the clock ``"hour_share"``, ``"weekday_share"``, ``"days_share"``,
        ``"mean_hour"``, ``"hour_concentration"``; of the order ``"follows"`` (a `sequence`), ``"reached"`` (`steps`),
        ``"open"`` (`events` not `closed` yet).
    events
        The events that are meant; by default all.
    where
        A condition that they have to meet; with ``"open"`` those that close as well.
    within
        Only those of the last time before the cut-off; by default all of the observation window.
    history
        Look at all the time before the cut-off rather than at the observation window; with `within`, at that time even
        where it is longer than the window.
    column, value
        A column of the log, and one of its values.
    hours
        A first hour and the one before which the part of the day ends, local time: ``(18, 24)``.
    weekday
        0 for Saturday to 6 for Friday.
    days
        Days such as holidays.
    sequence
        Events that follow each other with no other one between.
    steps
        Events, or lists of events that stand for each other, in order.
    closed
        The events that close what `events` opened.
    unit, definition
        What the data dictionary says; by default that of the measure.

    Returns
    -------
    Feature
        To be named in ``features=[…]`` of `EventLog.features`.

    Notes
    -----
    Whatever a feature asks for, it is given the events before the cut-off alone: no feature can see later ones.

    Examples
    --------
    >>> import safar
    >>> nowruz = [safar.calendar.nowruz(1405)]
    >>> safar.feature("nowruz_share", "days_share", days=nowruz).sentence
    'Share of events in the observation window on one of 1 given days.'
    """
    given = {key: value for key, value in locals().items() if key not in ("name", "measure")}
    return Feature(name, measure, **given)


def feature_of(given: FeatureLike) -> Feature:
    """A feature as it was given, or as JSON has it."""
    if isinstance(given, Feature):
        return given
    if isinstance(given, Mapping):
        return _args.from_fields(Feature, given, "a feature")
    raise ArgumentTypeError(
        f"features holds {given!r}, a {type(given).__name__}; expected the name of a group or safar.feature(…)"
    )
