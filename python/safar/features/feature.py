"""One feature: a measure of some of the events that are known of a customer at a cut-off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeAlias

from safar import _args
from safar._typing import Duration
from safar.errors import ArgumentError, ArgumentTypeError
from safar.features.measures import FORETOLD, MEASURES, Measure
from safar.language import Length, Listed, Said, Spoken

__all__ = ["Feature", "FeatureLike", "feature", "feature_of", "whole"]

FeatureLike: TypeAlias = "str | Feature | Mapping[str, Any]"

# From Saturday.
_WEEKDAYS = tuple(
    Said(day) for day in ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
)
_MEASURES = MEASURES | FORETOLD
# Where no gap is given, a longer pause than this ends a journey.
_GAP = "30d"
_CHOICES = (
    "column", "value", "hours", "weekday", "days", "sequence", "steps", "closed", "events", "where", "within",
    "history", "gap",
)  # fmt: skip


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
    gap: Duration | None = None
    unit: str | None = None
    definition: str | None = None
    group: str = "own"

    def __post_init__(self) -> None:
        _args.text(self.name, "name")
        if self.measure not in _MEASURES:
            near = _args.suggestion(str(self.measure), _MEASURES)
            raise ArgumentError(
                f'feature "{self.name}": measure={self.measure!r} is not known{near} (available: '
                f"{_args.listing(_MEASURES, 40)})"
            )
        self._check_choices()
        for name in ("events", "closed"):
            if getattr(self, name) is not None:
                self._set(name, _args.names(getattr(self, name), name))
        for name in ("where", "column", "value"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)
        for name in ("within", "gap"):
            if getattr(self, name) is not None:
                self._set(name, _args.duration(getattr(self, name), name))
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
            self._set("unit", self._known.unit)

    @property
    def _known(self) -> Measure:
        return _MEASURES[self.measure]

    @property
    def foretold(self) -> bool:
        """Whether a model foretells it, which is fitted to what was before the cut-off."""
        return self.measure in FORETOLD

    def _check_choices(self) -> None:
        """Refuse what the measure has no use for, and ask for what it needs."""
        needs, takes = self._known.needs, self._known.takes
        for name in _CHOICES:
            value = getattr(self, name)
            given = value is not None and value is not False
            if given and name not in (*needs, *takes):
                raise ArgumentError(f'feature "{self.name}": the measure "{self.measure}" takes no {name}=')
            if not given and name in needs:
                raise ArgumentError(f'feature "{self.name}": the measure "{self.measure}" needs {name}=')

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
            "measure": None if self._known.kernel is None else self._known.kernel(self),
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
            self._known.sentence,
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
            gap=Length(self.gap or _GAP),
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
    gap: Duration | None = None,
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
        ``"open"`` (`events` not `closed` yet); foretold by models ``"probability_alive"``, ``"expected_steps"``,
        ``"reach_probability"``.
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
    gap
        Of ``"expected_steps"`` and ``"reach_probability"``: a longer pause ends a journey; by default 30 days.
    unit, definition
        What the data dictionary says; by default that of the measure.

    Returns
    -------
    Feature
        To be named in ``features=[…]`` of `EventLog.features`.

    Notes
    -----
    Whatever a feature asks for, it is given the events before the cut-off alone: no feature can see later ones. A model
    that foretells one is fitted anew at each cut-off, to the events of all customers before it:
    ``"probability_alive"`` is that of `safar.models.MbgNbd`, undefined without such an event;
    ``"expected_steps"`` and ``"reach_probability"`` are those of the absorbing Markov chain of the first order, the
    event being the state (Kemeny and Snell 1960), undefined where no journey was seen to end that way.

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
