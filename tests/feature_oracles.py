"""What features and labels must be, written a second time from their definitions: plain, slow and obvious."""

from __future__ import annotations

import cmath
import itertools
import math
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from oracles import DAY, EPOCH, Event, Predicate, journeys

WEEK = 7 * DAY
# When an event became known, µs; None where that is not written down.
Arrival = Callable[[Event], int | None]


class Asked(NamedTuple):
    """One feature: its measure, the events that it looks at, and what the measure needs beside them."""

    measure: str
    names: Sequence[str] | None = None
    holds: Predicate = lambda _: True
    within: int | None = None
    history: bool = False
    further: Mapping[str, Any] = {}
    zone: str = "UTC"


class Row(NamedTuple):
    """One customer at one cut-off, with what is known by then, oldest first."""

    at: int
    opens: int | None
    known: Sequence[Event]


def population(
    rows: Sequence[Event],
    cutoffs: Sequence[int],
    observe: int | None,
    active: Predicate = lambda _: True,
    arrived: Arrival | None = None,
) -> dict[tuple[str, int], Row]:
    """Return who is looked at, by customer and cut-off."""
    found = {}
    for customer, journey in journeys(rows).items():
        for at in cutoffs:
            opens = None if observe is None else at - observe
            known = [e for e in journey if e.time < at and not _late(e, at, arrived)]
            if any(active(e) for e in known if opens is None or e.time >= opens):
                found[customer, at] = Row(at, opens, known)
    return found


def _late(event: Event, at: int, arrived: Arrival | None) -> bool:
    time = None if arrived is None else arrived(event)
    return time is not None and time >= at


def value(asked: Asked, row: Row) -> Any:
    """Return the value of a feature, None where it is undefined."""
    begins = None if asked.history else row.opens
    if asked.within is not None:
        begins = row.at - asked.within
    looked = [e for e in row.known if begins is None or e.time >= begins]
    names = asked.names
    if asked.measure == "open":
        names = [*(asked.names or ()), *asked.further["closed"]]
    chosen = [e for e in looked if (names is None or e.event in names) and asked.holds(e)]
    return MEASURES[asked.measure](chosen, row, begins, asked)


# What a measure is given: the events it looks at, the row, where its window begins, and the feature.
Measure = Callable[[list[Event], Row, int | None, Asked], Any]
MEASURES: dict[str, Measure] = {}


def _measure(name: str) -> Callable[[Measure], Measure]:
    def add(function: Measure) -> Measure:
        MEASURES[name] = function
        return function

    return add


def _of_times(name: str, function: Callable[[list[int], int], Any]) -> None:
    MEASURES[name] = lambda events, row, _, __: function([e.time for e in events], row.at)


_of_times("count", lambda times, _: len(times))
_of_times("days_since_last", lambda times, at: (at - max(times)) / DAY if times else None)
_of_times("days_since_first", lambda times, at: (at - min(times)) / DAY if times else None)


def _of_values(name: str, function: Callable[[list[Any]], Any]) -> None:
    """Measure the values of a column, in the order of time; of events without one nothing is known."""

    def measured(events: list[Event], _: Row, __: int | None, asked: Asked) -> Any:
        cells = (getattr(e, asked.further["column"]) for e in events)
        return function([cell for cell in cells if cell is not None])

    MEASURES[name] = measured


_of_values("mean", lambda values: sum(values) / len(values) if values else None)
_of_values("max", lambda values: max(values, default=None))
_of_values("min", lambda values: min(values, default=None))
_of_values("last", lambda values: values[-1] if values else None)
_of_values("last_text", lambda values: values[-1] if values else None)
_of_values("distinct", lambda values: len(set(values)))
_of_values("switches", lambda values: sum(one != two for one, two in itertools.pairwise(values)))


@_measure("sum")
def _sum(events: list[Event], _: Row, __: int | None, asked: Asked) -> Any:
    if not events:
        return 0
    values = [v for e in events if (v := getattr(e, asked.further["column"])) is not None]
    return sum(values) if values else None


def _entropy(values: list[Any]) -> float | None:
    shares = [number / len(values) for number in Counter(values).values()]
    return sum(-share * math.log2(share) for share in shares) if values else None


_of_values("entropy", _entropy)


@_measure("share")
def _share(events: list[Event], _: Row, __: int | None, asked: Asked) -> float | None:
    values = [v for e in events if (v := getattr(e, asked.further["column"])) is not None]
    return sum(v == asked.further["value"] for v in values) / len(values) if values else None


# ------------------------------------------------------------------------------------------------------- gaps


def _mean(values: Sequence[int]) -> Fraction:
    return Fraction(sum(values), len(values))


def _root(square: Fraction) -> float:
    return math.sqrt(square)


def _squares(values: Sequence[int]) -> Fraction:
    mean = _mean(values)
    return sum(((v - mean) ** 2 for v in values), Fraction(0))


def _of_gaps(name: str, least: int, function: Callable[[list[int], int], Any]) -> None:
    """Measure the times between successive events, µs; fewer than `least` leave it undefined."""

    def measured(events: list[Event], row: Row, _: int | None, __: Asked) -> Any:
        gaps = [two.time - one.time for one, two in itertools.pairwise(events)]
        return function(gaps, row.at - events[-1].time) if len(gaps) >= least else None

    MEASURES[name] = measured


def _ratio(gaps: Sequence[int], freedom: int) -> float | None:
    """Standard deviation by mean, undefined where all events are at one time."""
    if not any(gaps):
        return None
    return _root(_squares(gaps) / (len(gaps) - freedom)) / float(_mean(gaps))


def _burstiness(gaps: list[int], _: int) -> float | None:
    ratio = _ratio(gaps, 0)
    return None if ratio is None else (ratio - 1) / (ratio + 1)


def _burstiness_finite(gaps: list[int], _: int) -> float | None:
    """Equation 22 of Kim and Jo (2016): 1 for one long pause among n, 0 for random ones."""
    ratio, n = _ratio(gaps, 0), len(gaps)
    if ratio is None:
        return None
    return (math.sqrt(n + 1) * ratio - math.sqrt(n - 1)) / ((math.sqrt(n + 1) - 2) * ratio + math.sqrt(n - 1))


def _memory(gaps: list[int], _: int) -> float | None:
    before, after = gaps[:-1], gaps[1:]
    spread = _squares(before) * _squares(after)
    if not spread:
        return None
    pairs = zip(before, after, strict=True)
    together = sum(((b - _mean(before)) * (a - _mean(after)) for b, a in pairs), Fraction(0))
    return float(together) / _root(spread)


_of_gaps("gap_mean", 1, lambda gaps, _: float(_mean(gaps)) / DAY)
_of_gaps("gap_median", 1, lambda gaps, _: median(gaps) / DAY)
_of_gaps("gap_sd", 2, lambda gaps, _: _root(_squares(gaps) / (len(gaps) - 1)) / DAY)
_of_gaps("gap_cv", 2, lambda gaps, _: _ratio(gaps, 1))
_of_gaps("days_since_last_in_gaps", 1, lambda gaps, since: since / median(gaps) if median(gaps) else None)
_of_gaps("burstiness", 2, _burstiness)
_of_gaps("burstiness_finite", 2, _burstiness_finite)
_of_gaps("memory", 4, _memory)


# ------------------------------------------------------------------------------------------------------ weeks


def _of_weeks(name: str, least: int, function: Callable[[list[int]], Any]) -> None:
    """Measure the number of events of each whole week, oldest first, back to the customer's first known event."""

    def measured(events: list[Event], row: Row, begins: int | None, _: Asked) -> Any:
        first = row.known[0].time
        weeks = (row.at - (first if begins is None else max(first, begins))) // WEEK
        ends = [row.at - back * WEEK for back in range(weeks)][::-1]
        counts = [sum(end - WEEK <= e.time < end for e in events) for end in ends]
        return function(counts) if weeks >= least else None

    MEASURES[name] = measured


def _slope(counts: list[int]) -> float:
    middle = Fraction(len(counts) - 1, 2)
    above = sum(((week - middle) * count for week, count in enumerate(counts)), Fraction(0))
    return float(above / sum((week - middle) ** 2 for week in range(len(counts))))


def _theil_sen(counts: list[int]) -> float:
    pairs = itertools.combinations(enumerate(counts), 2)
    return float(median(Fraction(b - a, j - i) for (i, a), (j, b) in pairs))


def _recent(counts: list[int]) -> float | None:
    before = sum(counts[-8:-4])
    return sum(counts[-4:]) / before if before else None


def _ewma(counts: list[int]) -> float:
    weights = [Fraction(7, 10) ** back for back in range(len(counts))][::-1]
    return float(sum(map(operator.mul, weights, counts), Fraction(0)) / sum(weights))


_of_weeks("week_slope", 4, _slope)
_of_weeks("week_theil_sen", 4, _theil_sen)
_of_weeks("week_recent", 8, _recent)
_of_weeks("week_ewma", 4, _ewma)


# ------------------------------------------------------------------------------------------------------ clock


def _of_clock(name: str, function: Callable[[list[datetime], Mapping[str, Any]], Any]) -> None:
    def measured(events: list[Event], _: Row, __: int | None, asked: Asked) -> Any:
        zone = ZoneInfo(asked.zone)
        clocks = [(EPOCH + timedelta(microseconds=e.time)).astimezone(zone) for e in events]
        return function(clocks, asked.further)

    MEASURES[name] = measured


def _share_of(holds: Callable[[datetime, Mapping[str, Any]], bool]) -> Callable[..., float | None]:
    return lambda clocks, further: (
        sum(holds(clock, further) for clock in clocks) / len(clocks) if clocks else None
    )


def _direction(clocks: list[datetime]) -> complex:
    seconds = [(c.hour * 60 + c.minute) * 60 + c.second + c.microsecond / 1e6 for c in clocks]
    return sum(cmath.exp(2j * math.pi * s / 86_400) for s in seconds) / len(clocks)


def _mean_hour(clocks: list[datetime], _: Mapping[str, Any]) -> float | None:
    if not clocks or abs(_direction(clocks)) < 1e-9:
        return None
    return cmath.phase(_direction(clocks)) / (2 * math.pi) * 24 % 24


_of_clock("active_days", lambda clocks, _: len({clock.date() for clock in clocks}))
_of_clock(
    "hour_share", _share_of(lambda clock, further: further["hours"][0] <= clock.hour < further["hours"][1])
)
# Python's weeks begin on Monday, two days after Saturday.
_of_clock("weekday_share", _share_of(lambda clock, further: (clock.weekday() + 2) % 7 == further["weekday"]))
_of_clock(
    "days_share",
    _share_of(lambda clock, further: clock.date() in {date.fromisoformat(day) for day in further["days"]}),
)
_of_clock("mean_hour", _mean_hour)
_of_clock("hour_concentration", lambda clocks, _: abs(_direction(clocks)) if clocks else None)


# ------------------------------------------------------------------------------------------------------ order


@_measure("follows")
def _follows(events: list[Event], _: Row, __: int | None, asked: Asked) -> int:
    names, sequence = [e.event for e in events], list(asked.further["sequence"])
    return sum(names[i : i + len(sequence)] == sequence for i in range(len(names)))


@_measure("reached")
def _reached(events: list[Event], _: Row, __: int | None, asked: Asked) -> int:
    steps = asked.further["steps"]
    step = 0
    for event in events:
        if step < len(steps) and event.event in steps[step]:
            step += 1
    return step


@_measure("open")
def _open(events: list[Event], _: Row, __: int | None, asked: Asked) -> int:
    cases = 0
    for event in events:
        if asked.names is not None and event.event in asked.names:
            cases += 1
        else:
            cases = max(cases - 1, 0)
    return cases


# ----------------------------------------------------------------------------------------------------- labels


class Label(NamedTuple):
    """What became of a customer after a cut-off."""

    label: bool | None
    events: int
    first: int | None
    value: float | None


class Future(NamedTuple):
    """What is waited for, and when."""

    kind: str
    predict: int
    holds: Predicate = lambda _: True
    gap: int = 0
    again: bool = False
    term: int = 0
    grace: int = 0


def label(future: Future, journey: Sequence[Event], at: int) -> Label:
    """Return the label of one customer at one cut-off; `journey` are all its events in the order of time."""
    begin, end = at + future.gap, at + future.gap + future.predict
    waited = [e for e in journey if future.holds(e)]
    found = [e for e in waited if begin <= e.time < end]
    before = [e for e in waited if e.time < at]
    amounts = [e.value for e in found if e.value is not None]
    came = None
    if future.kind == "inactivity":
        came = not found
    elif future.kind == "event":
        came = None if before and not future.again else bool(found)
    elif before and begin <= before[-1].time + future.term < end:
        last = before[-1].time + future.term + future.grace
        came = not any(at <= e.time <= last for e in waited)
    total = sum(amounts) if amounts else None if found else 0
    return Label(came, len(found), found[0].time if found else None, total)
