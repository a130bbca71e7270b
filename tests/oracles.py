"""What safar must count, written a second time: plain, slow and obvious, with the standard library alone.

Nothing here knows how the compiled core works. Each function takes the rows of a log in input order and follows
the written contract of what is counted word by word, so that a test can ask whether the core agrees.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

START, END, OPEN = "(start)", "(end)", "(open)"


class Event(NamedTuple):
    """One row of a log; `time` is in microseconds since 1970 UTC."""

    customer: str
    time: int
    event: str
    channel: str | None = None
    value: float | None = None
    plan: str | None = None
    score: int | None = None


Predicate = Callable[[Event], bool]


def journeys(rows: Iterable[Event]) -> dict[str, list[Event]]:
    """Return the events of each customer by time; equal times keep input order (`sorted` is stable)."""
    grouped: dict[str, list[Event]] = defaultdict(list)
    for row in rows:
        grouped[row.customer].append(row)
    return {customer: sorted(events, key=lambda e: e.time) for customer, events in grouped.items()}


def last_time(rows: Iterable[Event]) -> int:
    """Return the latest event time: what `observed_until` is where nobody gave it."""
    return max(row.time for row in rows)


# -------------------------------------------------------------------------------------------------------- rfm


class Rfm(NamedTuple):
    """Recency, frequency and monetary value of one customer."""

    customer: str
    recency_days: float
    frequency: int
    monetary: float | None
    without_value: int | None
    first: int
    last: int


def rfm(
    rows: Sequence[Event],
    names: Iterable[str] | None,
    at: int,
    amount: Callable[[Event], float | None] | None,
) -> list[Rfm]:
    """What customers did up to `at`, of events with these names, and its sum."""
    wanted = None if names is None else set(names)
    found = []
    for customer, events in journeys(rows).items():
        counted = [e for e in events if e.time <= at and (wanted is None or e.event in wanted)]
        if not counted:
            continue
        amounts = [] if amount is None else [a for a in map(amount, counted) if a is not None]
        found.append(
            Rfm(
                customer,
                (at - counted[-1].time) / DAY,
                len(counted),
                sum(amounts) if amounts else None,
                None if amount is None else len(counted) - len(amounts),
                counted[0].time,
                counted[-1].time,
            )
        )
    return found


# --------------------------------------------------------------------------------------------------- sessions


class Session(NamedTuple):
    """One session of one customer."""

    customer: str
    session: int
    start: int
    end: int
    events: int
    open: bool


def sessions(rows: Sequence[Event], gap: int, observed_until: int | None = None) -> list[Session]:
    """Cut each journey where the pause is greater than `gap`; equal stays together."""
    until = last_time(rows) if observed_until is None else observed_until
    found = []
    for customer, events in journeys(rows).items():
        pieces: list[list[Event]] = []
        for event in events:
            if pieces and event.time - pieces[-1][-1].time <= gap:
                pieces[-1].append(event)
            else:
                pieces.append([event])
        for number, piece in enumerate(pieces, start=1):
            start, end = piece[0].time, piece[-1].time
            found.append(Session(customer, number, start, end, len(piece), until - end <= gap))
    return found


class Piece(NamedTuple):
    """One unit that a journey was cut into: a session, or a journey up to its conversion."""

    customer: str
    number: int
    events: tuple[Event, ...]
    end: int
    status: str
    settled: bool
    cause: str


@dataclass(frozen=True)
class Cuts:
    """Rules by which journeys are cut; `unit` is how long a score of 1 lasts, where scores are durations."""

    gap: int
    gaps: tuple[tuple[str, int], ...] = ()
    starts: tuple[Step, ...] = ()
    ends: tuple[Step, ...] = ()
    stops: tuple[Step, ...] = ()
    unit: int = 0

    def last_to_end(self, events: Sequence[Event]) -> tuple[int, int]:
        """Return when the last of the events is over, and the gap after it; of several the last one stored."""
        ends = [event.time + (event.score or 0) * self.unit for event in events]
        latest = max(range(len(events)), key=lambda i: (ends[i], i))
        return ends[latest], dict(self.gaps).get(events[latest].channel or "", self.gap)

    def cause(self, unit: Sequence[Event], event: Event) -> str | None:
        """Return why the event does not belong to the unit before it, None if it does."""
        if any(step.matches(unit[-1]) for step in (*self.ends, *self.stops)):
            return "after"
        end, gap = self.last_to_end(unit)
        if event.time - end > gap:
            return "pause"
        return "start" if any(step.matches(event) for step in self.starts) else None

    def pieces(self, rows: Sequence[Event], observed_until: int | None = None) -> list[Piece]:
        """Return the units of every customer."""
        until = last_time(rows) if observed_until is None else observed_until
        found = []
        for customer, journey in journeys(rows).items():
            units: list[tuple[str, list[Event]]] = [("first", [journey[0]])]
            for event in journey[1:]:
                cause = self.cause(units[-1][1], event)
                if cause is None:
                    units[-1][1].append(event)
                else:
                    units.append((cause, [event]))
            for number, (cause, events) in enumerate(units, start=1):
                end, gap = self.last_to_end(events)
                settled = until - end > gap
                status = "open" if number == len(units) and not settled else "ended"
                if any(step.matches(events[-1]) for step in self.stops):
                    status = "stopped"
                if any(step.matches(events[-1]) for step in self.ends):
                    status = "converted"
                found.append(Piece(customer, number, tuple(events), end, status, settled, cause))
        return found


def touches(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the channels of events one after the other, repeats in a row once, events without one passed over."""
    channels = [event.channel for event in events if event.channel is not None]
    return tuple(channel for channel, _ in itertools.groupby(channels))


# ----------------------------------------------------------------------------------------------------- funnel


@dataclass(frozen=True)
class Step:
    """One funnel step: any of `events`, under a condition given twice, as safar's text and as Python."""

    events: tuple[str, ...]
    where: str | None = None
    holds: Predicate = field(default=lambda event: True, compare=False)

    def matches(self, event: Event) -> bool:
        """Return whether the event may stand in this step."""
        return event.event in self.events and self.holds(event)


class Reached(NamedTuple):
    """How far one customer came in a funnel."""

    reached: int
    status: str
    entry: int


def chains(
    journey: Sequence[Event], steps: Sequence[Step], within: int | None
) -> Iterator[tuple[Event, ...]]:
    """Yield every chain of different events that fills steps 1..k in time order inside the window, for every k.

    Equal times may stand in any order: a chain asks for non-decreasing times only, which is the same as asking for
    one order of each group of equal times in which the chain's positions increase. An order has every event at one
    position, so a chain never holds the same event twice, whether in consecutive steps or not: between two uses of
    one event every time of the chain would be equal, and the event would have to stand before and after another
    member of its own group.
    """

    def extend(chain: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        yield chain
        if len(chain) == len(steps):
            return
        for index, event in enumerate(journey):
            if index in chain or not steps[len(chain)].matches(event):
                continue
            if event.time < journey[chain[-1]].time:
                continue
            if within is not None and event.time - journey[chain[0]].time > within:
                continue
            yield from extend((*chain, index))

    for index, event in enumerate(journey):
        if steps[0].matches(event):
            for chain in extend((index,)):
                yield tuple(journey[i] for i in chain)


def funnel_status(
    journey: Sequence[Event], steps: Sequence[Step], within: int | None, reached: int, until: int
) -> str:
    """Return completed, open (an attempt's window is not over) or dropped."""
    if reached == len(steps):
        return "completed"
    latest = max(event.time for event in journey if steps[0].matches(event))
    if within is None or latest + within > until:
        return "open"
    return "dropped"


def funnel(
    rows: Sequence[Event], steps: Sequence[Step], within: int | None, observed_until: int | None = None
) -> dict[str, Reached]:
    """Return how far every customer came who entered, by trying every chain.

    `entry` is the time of the step-1 event of the attempt that represents the customer: of the chains that came
    furthest the latest entry, and for a completed one the latest entry at the instant of the first completion.
    """
    until = last_time(rows) if observed_until is None else observed_until
    result = {}
    for customer, journey in journeys(rows).items():
        best = 0
        longest: list[tuple[Event, ...]] = []
        for chain in chains(journey, steps, within):
            if len(chain) > best:
                best, longest = len(chain), []
            if len(chain) == best:
                longest.append(chain)
        if not longest:
            continue
        if best == len(steps):
            first_completion = min(chain[-1].time for chain in longest)
            longest = [chain for chain in longest if chain[-1].time == first_completion]
        entry = max(chain[0].time for chain in longest)
        result[customer] = Reached(best, funnel_status(journey, steps, within, best, until), entry)
    return result


def funnel_by_rules(
    rows: Sequence[Event], steps: Sequence[Step], within: int | None, observed_until: int | None = None
) -> dict[str, Reached]:
    """Return the same as `funnel` by the rules of the latest-entry matcher, one event at a time.

    For every step the matcher keeps the entry time of the chain that most recently reached it. A new step-1 event
    overwrites chain 1 and leaves the longer ones alone; an event reaches step k if chain k-1 exists and the event
    is inside its window. Steps are tried from the last to the first, so that one event cannot fill two steps of
    one chain. Every order of equal times is played through, and the best end counts.
    """
    until = last_time(rows) if observed_until is None else observed_until
    count = len(steps)

    def play(state: tuple[int | None, ...], event: Event) -> tuple[int | None, ...]:
        if state[-1] is not None:  # stop at the first completion
            return state
        entries = list(state)
        for k in range(count - 1, 0, -1):
            entry = entries[k - 1]
            if (
                entry is not None
                and steps[k].matches(event)
                and (within is None or event.time - entry <= within)
            ):
                entries[k] = entry
        if steps[0].matches(event):
            entries[0] = event.time
        return tuple(entries)

    result = {}
    for customer, journey in journeys(rows).items():
        states: set[tuple[int | None, ...]] = {(None,) * count}
        for _, group in itertools.groupby(journey, key=lambda e: e.time):
            matching = [event for event in group if any(step.matches(event) for step in steps)]
            after = set()
            for state in states:
                for order in set(itertools.permutations(matching)):
                    current = state
                    for event in order:
                        current = play(current, event)
                    after.add(current)
            states = after
            if any(state[-1] is not None for state in states):
                states = {state for state in states if state[-1] is not None}
                break
        reached = max(
            max((k + 1 for k in range(count) if state[k] is not None), default=0) for state in states
        )
        if reached == 0:
            continue
        entry = max(at for state in states if (at := state[reached - 1]) is not None)
        result[customer] = Reached(reached, funnel_status(journey, steps, within, reached, until), entry)
    return result


@dataclass(frozen=True)
class FunnelRules:
    """The rules of a funnel beyond its steps and window; `exclude` holds steps with the two steps they lie between."""

    order: str = "ordered"
    gaps: tuple[tuple[int, int | None], ...] = ()
    exclude: tuple[tuple[Step, int, int], ...] = ()
    drop_customer: bool = False
    entry: str = "latest"
    ties: str = "favour"
    hold: tuple[Callable[[Event], object], ...] = ()
    entries: tuple[int | None, int | None] = (None, None)
    optional: frozenset[int] = frozenset()


class Attempt(NamedTuple):
    """One attempt at a funnel: the times of its steps (None where one was left out), and `waiting` or how it ended."""

    times: tuple[int | None, ...]
    end: str

    @property
    def reached(self) -> int:
        """Number of steps taken."""
        return len(self.times)


def attempts(
    journey: Sequence[Event], steps: Sequence[Step], within: int | None, rules: FunnelRules, until: int
) -> list[Attempt]:
    """Follow every attempt of a customer for itself, event by event, in the order of the entries.

    Of events at one time an attempt sees the order that takes it furthest and, of equals, leaves it alive.
    """
    groups = [[event] for event in journey]
    if rules.ties != "stable":
        groups = [list(group) for _, group in itertools.groupby(journey, key=lambda e: e.time)]

    def over(attempt: Attempt, time: int) -> bool:
        gap = rules.gaps[attempt.reached - 1][1] if rules.gaps else None
        return (within is not None and time - attempt.times[0] > within) or (
            gap is not None and time - attempt.times[-1] > gap
        )

    def see(attempt: Attempt, event: Event) -> Attempt:
        """Return the attempt after one event."""
        if attempt.end != "waiting":
            return attempt
        if over(attempt, event.time):
            return attempt._replace(end="dropped")
        least = rules.gaps[attempt.reached - 1][0] if rules.gaps else 0
        if event.time - attempt.times[-1] >= least:
            for step in range(attempt.reached, len(steps)):
                if steps[step].matches(event):
                    times = (*attempt.times, *[None] * (step - attempt.reached), event.time)
                    return Attempt(times, "completed" if len(times) == len(steps) else "waiting")
                if step not in rules.optional:
                    break
        if any(what.matches(event) and a <= attempt.reached < b for what, a, b in rules.exclude):
            return attempt._replace(end="excluded")
        if rules.order == "strict" and not steps[attempt.reached - 1].matches(event):
            return attempt._replace(end="dropped")
        return attempt

    def begin(time: int) -> Attempt:
        return Attempt((time,), "completed" if len(steps) == 1 else "waiting")

    def merit(attempt: Attempt) -> tuple[int, bool]:
        return attempt.reached, attempt.end == "waiting"

    def after(attempt: Attempt, group: Sequence[Event]) -> Attempt:
        """Return a running attempt after the events of one time."""
        if rules.ties == "against" and len(group) > 1:
            # No order: an exclusion is there before and after, at most one step is taken, and the rest stands between.
            if over(attempt, group[0].time) or attempt.end != "waiting":
                return see(attempt, group[0])
            struck = any(
                what.matches(e) and a <= attempt.reached < b for e in group for what, a, b in rules.exclude
            )
            if struck:
                return attempt._replace(end="excluded")
            moved = max((see(attempt, event) for event in group), key=lambda a: a.reached)
            moved = moved if moved.reached > attempt.reached else attempt
            return leave(moved, group, {attempt.reached, moved.reached})
        return max(
            (functools.reduce(see, order, attempt) for order in itertools.permutations(group)), key=merit
        )

    def leave(attempt: Attempt, group: Sequence[Event], own: set[int]) -> Attempt:
        if attempt.end != "waiting":
            return attempt
        if any(what.matches(e) and a <= attempt.reached < b for e in group for what, a, b in rules.exclude):
            return attempt._replace(end="excluded")
        foreign = [e for e in group if not any(steps[k - 1].matches(e) for k in own)]
        return attempt._replace(end="dropped") if rules.order == "strict" and foreign else attempt

    def entered(group: Sequence[Event]) -> Attempt | None:
        """Return the attempt that the events of one time begin."""
        time = group[0].time
        first, end = rules.entries
        if (first is not None and time < first) or (end is not None and time >= end):
            return None
        if not any(steps[0].matches(event) for event in group):
            return None
        if rules.ties == "against":
            return leave(begin(time), group, {1}) if len(group) > 1 else begin(time)
        found = [
            functools.reduce(see, order[i + 1 :], begin(time))
            for order in itertools.permutations(group)
            for i, event in enumerate(order)
            if steps[0].matches(event)
        ]
        return max(found, key=merit)

    found: list[Attempt] = []
    for group in groups:
        moved = [after(attempt, group) for attempt in found]
        took = any(new.reached > old.reached for old, new in zip(found, moved, strict=True))
        running = any(attempt.end == "waiting" for attempt in moved)
        found = moved
        if rules.entry == "first" and found:
            continue
        if rules.entry == "all" and (running or took):
            continue
        new = entered(group)
        if new is not None:
            found.append(new)
    return [a._replace(end="dropped") if a.end == "waiting" and over(a, until + 1) else a for a in found]


def free_attempts(
    journey: Sequence[Event], steps: Sequence[Step], within: int | None, rules: FunnelRules, until: int
) -> list[Attempt]:
    """Try, for every event that may begin an attempt, every way to deal the events that follow to the steps."""
    anchored = rules.order == "anchored"
    free = range(1, len(steps) - 1) if anchored else range(len(steps))

    def behind(later: int, earlier: int) -> bool:
        if rules.ties == "stable":
            return later > earlier
        gap = journey[later].time - journey[earlier].time
        return gap > 0 or (gap == 0 and rules.ties == "favour" and later != earlier)

    def ways(step: int, used: tuple[int, ...], usable: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield the events that each way takes, for this step and those after it."""
        if step not in free:
            yield used
            return
        yield from ways(step + 1, used, usable)
        for event in usable:
            if event not in used and steps[step].matches(journey[event]):
                yield from ways(step + 1, (*used, event), usable)

    def best(entry: int) -> tuple[int, ...]:
        """Return the events of the best attempt: the most, and of equals the earliest."""
        inside = [
            e
            for e in range(len(journey))
            if within is None or journey[e].time - journey[entry].time <= within
        ]
        if not anchored:
            usable = [e for e in inside if e >= entry]
            found = [way for way in ways(0, (), usable) if entry in way]
        else:
            usable = [e for e in inside if behind(e, entry)]
            found = []
            for way in ways(1, (entry,), usable):
                found.append(way)
                if len(way) == len(steps) - 1:
                    found += [
                        (*way, e)
                        for e in inside
                        if e not in way
                        and steps[-1].matches(journey[e])
                        and all(behind(e, other) for other in way)
                    ]
        return min(found, key=lambda way: (-len(way), sorted(journey[e].time for e in way)))

    found = []
    beyond = 0
    for entry, event in enumerate(journey):
        begins = steps[0].matches(event) if anchored else any(step.matches(event) for step in steps)
        first, end = rules.entries
        if (first is not None and event.time < first) or (end is not None and event.time >= end):
            continue
        if not begins or entry < beyond:
            continue
        way = best(entry)
        completed = len(way) == len(steps)
        if rules.entry == "first":
            beyond = len(journey)
        elif rules.entry == "all" and completed:
            beyond = max(way) + 1
        elif rules.entry == "all":
            beyond = sum(within is None or e.time - event.time <= within for e in journey)
        waiting = within is None or until + 1 - event.time <= within
        end = "completed" if completed else "waiting" if waiting else "dropped"
        found.append(Attempt(tuple(sorted(journey[e].time for e in way)), end))
    return found


def funnel_outcomes(
    rows: Sequence[Event],
    steps: Sequence[Step],
    within: int | None,
    rules: FunnelRules,
    observed_until: int | None = None,
) -> list[tuple[str, int, str, tuple[int, ...]]]:
    """Return customer, steps reached, status and times of the steps of everything that counts."""
    until = last_time(rows) if observed_until is None else observed_until
    result = []
    for customer, journey in journeys(rows).items():
        parts = {None: journey} if not rules.hold else defaultdict(list)
        for event in journey if rules.hold else ():
            values = tuple(value(event) for value in rules.hold)
            if None not in values:
                parts[values].append(event)
        follow = free_attempts if rules.order in ("any", "anchored") else attempts
        found = [a for part in parts.values() for a in follow(part, steps, within, rules, until)]
        if rules.entry == "all":
            result += [(customer, a.reached, {"waiting": "open"}.get(a.end, a.end), a.times) for a in found]
            continue
        clean = [a for a in found if not (rules.drop_customer and a.end == "excluded")]
        if not found:
            continue
        best = min(clean or found, key=lambda a: preference(a, rules.entry))
        status = best.end
        waiting = best.end == "waiting" if rules.entry == "first" else any(a.end == "waiting" for a in found)
        if waiting and status != "completed":
            status = "open"
        result.append((customer, best.reached, status, best.times))
    return result


def preference(attempt: Attempt, entry: str) -> tuple[int, ...]:
    """Return what is least for the attempt that stands for a customer."""
    if entry == "first":
        return (attempt.times[0],)
    if entry == "best":
        return (-attempt.reached, attempt.times[0], attempt.times[-1])
    completion = attempt.times[-1] if attempt.end == "completed" else 0
    return (-attempt.reached, completion, -attempt.times[0])


# --------------------------------------------------------------------------------------------------- calendar


def local(time: int, zone: str) -> datetime:
    """Return an instant as wall-clock time of a zone, without a float on the way."""
    return (EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(zone))


def instant(when: datetime) -> int:
    """Return an aware datetime as microseconds since 1970 UTC."""
    delta = when.astimezone(UTC) - EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


def day_start(day: date, zone: str) -> int:
    """Return the first instant of a local day; where midnight is skipped, the instant of the jump."""
    return instant(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


# Years that the plain 33-year rule makes leap although the equinox of Tehran makes the next one leap.
JALALI_LEAP_ONE_YEAR_LATER = {1502, 1601, 1634, 1667}
NOWRUZ_1403 = date(2024, 3, 20)


def jalali_leap(year: int) -> bool:
    """Return whether a Jalali year has 366 days: 8 leap years in 33, moved by one year where the equinox moves."""
    if year in JALALI_LEAP_ONE_YEAR_LATER:
        return False
    if year - 1 in JALALI_LEAP_ONE_YEAR_LATER:
        return True
    return (25 * year + 11) % 33 < 8


@functools.cache
def nowruz(year: int) -> date:
    """Return 1 Farvardin of a Jalali year, counted year by year from 1403."""
    day = NOWRUZ_1403
    for y in range(1403, year):
        day += timedelta(days=366 if jalali_leap(y) else 365)
    for y in range(year, 1403):
        day -= timedelta(days=366 if jalali_leap(y) else 365)
    return day


def nowruz_by_equinox(year: int) -> tuple[date, float]:
    """Return 1 Farvardin from the sun, and how many minutes the equinox is away from true noon of Tehran.

    The day of the March equinox is new year when the equinox comes before noon at 52.5 degrees east, else the next
    day. Equinox: Meeus, Astronomical Algorithms, chapter 27 (good to about a minute for these centuries).
    """
    y = (year + 621 - 2000) / 1000
    mean = 2451623.80984 + 365242.37404 * y + 0.05169 * y**2 - 0.00411 * y**3 - 0.00057 * y**4
    t = (mean - 2451545.0) / 36525
    w = math.radians(35999.373 * t - 2.47)
    bend = 1 + 0.0334 * math.cos(w) + 0.0007 * math.cos(2 * w)
    terms = (
        (485, 324.96, 1934.136), (203, 337.23, 32964.467), (199, 342.08, 20.186), (182, 27.85, 445267.112),
        (156, 73.14, 45036.886), (136, 171.52, 22518.443), (77, 222.54, 65928.934), (74, 296.72, 3034.906),
        (70, 243.58, 9037.513), (58, 119.81, 33718.147), (52, 297.17, 150.678), (50, 21.02, 2281.226),
        (45, 247.54, 29929.562), (44, 325.15, 31555.956), (29, 60.93, 4443.417), (18, 155.12, 67555.328),
        (17, 288.79, 4562.452), (16, 198.04, 62894.029), (14, 199.76, 31436.921), (12, 95.39, 14577.848),
        (12, 287.11, 31931.756), (12, 320.81, 34777.259), (9, 227.73, 1222.114), (8, 15.45, 16859.074),
    )  # fmt: skip
    total = sum(a * math.cos(math.radians(b + c * t)) for a, b, c in terms)
    terrestrial = mean + 0.00001 * total / bend
    centuries = (year + 621 - 2000) / 100
    delta_seconds = 64.0 + 35.0 * centuries + 25.0 * centuries**2 if year > 1379 else 30.0  # TT − UT, rough
    tehran = terrestrial - delta_seconds / 86_400 + 52.5 / 360  # Julian date at local mean time
    whole = math.floor(tehran + 0.5)  # Julian day number of the local date
    equation_of_time = -7.5 / 1440  # true noon is about 7.5 minutes after mean noon in late March
    from_noon = (tehran - whole + equation_of_time) * 1440
    day = date.fromordinal(whole - 1_721_425)
    return (day if from_noon < 0 else day + timedelta(days=1)), from_noon


def to_jalali(day: date) -> tuple[int, int, int]:
    """Return year, month and day of the Jalali calendar."""
    year = day.year - 621
    while nowruz(year) > day:
        year -= 1
    rest = (day - nowruz(year)).days
    lengths = [31] * 6 + [30] * 6
    month = 1
    while month < 12 and rest >= lengths[month - 1]:
        rest -= lengths[month - 1]
        month += 1
    return year, month, rest + 1


def from_jalali(year: int, month: int, day: int) -> date:
    """Return the Gregorian date of a Jalali one."""
    before = 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    return nowruz(year) + timedelta(days=before + day - 1)


@dataclass(frozen=True)
class Periods:
    """Calendar periods of a zone, numbered so that the next one is one more."""

    period: str
    zone: str = "UTC"
    calendar: str = "gregorian"
    week_start: int = 0

    def number(self, day: date) -> int:
        """Return the number of the period that holds a local day."""
        if self.period == "day":
            return day.toordinal()
        if self.period == "week":
            back = (day.weekday() - self.week_start) % 7
            return (day - timedelta(days=back)).toordinal() // 7
        if self.calendar == "jalali":
            year, month, _ = to_jalali(day)
            return year * 12 + month - 1
        return day.year * 12 + day.month - 1

    def of(self, time: int) -> int:
        """Return the number of the period that holds an instant."""
        return self.number(local(time, self.zone).date())

    def first_day(self, number: int) -> date:
        """Return the first local day of a period."""
        if self.period == "day":
            return date.fromordinal(number)
        if self.period == "week":
            day = date.fromordinal(number * 7)
            while day.weekday() != self.week_start:
                day += timedelta(days=1)
            return day
        if self.calendar == "jalali":
            return from_jalali(number // 12, number % 12 + 1, 1)
        return date(number // 12, number % 12 + 1, 1)

    def start(self, number: int) -> int:
        """Return the first instant of a period; the end of a period is the start of the next one."""
        return day_start(self.first_day(number), self.zone)


# -------------------------------------------------------------------------------------------------- retention


class Cell(NamedTuple):
    """One cohort in one period."""

    eligible: int
    returned: int
    complete: bool


def retention(
    rows: Sequence[Event],
    periods: Periods,
    *,
    start: Sequence[str] | None = None,
    back: Sequence[str] | None = None,
    same_period: bool = False,
    observed_until: int | None = None,
) -> dict[tuple[date, int], Cell]:
    """Return every cell from period 0 to the last one that begins at or before `observed_until`."""
    until = last_time(rows) if observed_until is None else observed_until
    members: dict[int, int] = defaultdict(int)
    returned: dict[tuple[int, int], int] = defaultdict(int)
    for journey in journeys(rows).values():
        starts = [i for i, event in enumerate(journey) if start is None or event.event in start]
        if not starts:
            continue
        cohort = periods.of(journey[starts[0]].time)
        members[cohort] += 1
        later = journey[starts[0] + 1 :]
        active = {periods.of(event.time) - cohort for event in later if back is None or event.event in back}
        if not same_period:
            active.add(0)
        for k in active:
            returned[cohort, k] += 1
    cells = {}
    for cohort, eligible in members.items():
        k = 0
        while periods.start(cohort + k) <= until:
            complete = periods.start(cohort + k + 1) <= until
            cells[periods.first_day(cohort), k] = Cell(eligible, returned[cohort, k], complete)
            k += 1
    return cells


class FullCell(NamedTuple):
    """One cohort in one period or bracket, with the values of those who are eligible."""

    customers: int
    eligible: int
    returned: int
    complete: bool
    values: list[float]
    cumulative: list[float]


ROLLING = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}


class Start(NamedTuple):
    """One customer in one cohort: the journey, the position of the start event, and the cohort's number."""

    journey: list[Event]
    position: int
    cohort: int


def cohort_starts(
    journey: list[Event],
    periods: Periods,
    start: Sequence[str] | None,
    entry: str,
    begin: int | None,
    end: int | None,
) -> list[Start]:
    """Return how a customer gets into cohorts: by the first start event ever, in range, or in each period."""
    found = [i for i, event in enumerate(journey) if start is None or event.event in start]

    def in_range(position: int) -> bool:
        time = journey[position].time
        return (begin is None or time >= begin) and (end is None or time < end)

    candidates = found[:1] if entry == "first_ever" else found
    found = [i for i in candidates if in_range(i)]
    if entry == "first":
        found = found[:1]
    starts: dict[int, Start] = {}
    for i in found:
        cohort = periods.of(journey[i].time)
        starts.setdefault(cohort, Start(journey, i, cohort))
    return list(starts.values())


def retention_in_full(
    rows: Sequence[Event],
    periods: Periods,
    *,
    start: Sequence[str] | None = None,
    back: Sequence[str] | None = None,
    same_period: bool = False,
    entry: str = "first_ever",
    start_time: int | None = None,
    end_time: int | None = None,
    clock: str = "calendar",
    mode: str = "on",
    brackets: Sequence[tuple[int, int]] | None = None,
    minimum: int = 1,
    cohort: str = "period",
    observed_until: int | None = None,
) -> dict[tuple[date | None, int], FullCell]:
    """Return every cell by the cohort's first day (None for all) and the first period of its column."""
    until = last_time(rows) if observed_until is None else observed_until
    length = ROLLING[periods.period]
    members = [
        member
        for journey in journeys(rows).values()
        for member in cohort_starts(journey, periods, start, entry, start_time, end_time)
    ]

    def begins(member: Start, k: int) -> int:
        if clock == "rolling":
            return member.journey[member.position].time + k * length
        return periods.start(member.cohort + k)

    def number(member: Start, event: Event) -> int:
        if clock == "rolling":
            return (event.time - member.journey[member.position].time) // length
        return periods.of(event.time) - member.cohort

    columns: list[tuple[int, int]] = []
    if brackets is not None:
        columns = list(brackets)
    else:
        while any(begins(member, len(columns)) <= until for member in members):
            columns.append((len(columns), len(columns)))

    def is_back(event: Event) -> bool:
        return back is None or event.event in back

    def active(member: Start, j: int) -> bool:
        low, high = columns[j]
        later = member.journey[member.position + 1 :]
        return len([e for e in later if is_back(e) and low <= number(member, e) <= high]) >= minimum

    def returned(member: Start, j: int) -> bool:
        if columns[j][0] == 0:
            if not same_period:
                return True
            later = range(len(columns)) if mode == "on_or_after" else [0]
            return any(active(member, m) for m in later)
        earlier = [m for m in range(j + 1) if columns[m][0] > 0]
        if mode == "on":
            return active(member, j)
        if mode == "on_or_after":
            return any(active(member, m) for m in range(j, len(columns)))
        if mode == "on_or_before":
            return any(active(member, m) for m in earlier)
        return all(active(member, m) for m in earlier)

    def value(member: Start, low: int, high: int) -> float:
        counted = [e for e in member.journey[member.position :] if is_back(e)]
        return math.fsum(e.value or 0.0 for e in counted if low <= number(member, e) <= high)

    groups: dict[date | None, list[Start]] = defaultdict(list)
    for member in members:
        groups[periods.first_day(member.cohort) if cohort == "period" else None].append(member)
    cells = {}
    for group, everybody in groups.items():
        for j, (low, high) in enumerate(columns):
            over = [member for member in everybody if begins(member, high + 1) <= until]
            begun = [member for member in everybody if begins(member, low) <= until]
            if not begun:
                continue
            eligible = over or begun
            cells[group, low] = FullCell(
                len(everybody),
                len(eligible),
                len([member for member in eligible if returned(member, j)]),
                bool(over),
                [value(member, low, high) for member in eligible],
                [value(member, 0, high) for member in eligible],
            )
    return cells


# ----------------------------------------------------------------------------------------- lifecycle, stickiness


class Present(NamedTuple):
    """The customers of one period; `previous` and `dormant` are None in the first."""

    new: set[str]
    returning: set[str]
    resurrected: set[str]
    previous: set[str] | None
    dormant: set[str] | None


def active_customers(
    rows: Iterable[Event], periods: Periods, events: Sequence[str] | None
) -> dict[int, set[str]]:
    """Return who had a counted event in each period."""
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        if events is None or row.event in events:
            found[periods.of(row.time)].add(row.customer)
    return found


def periods_of_log(rows: Sequence[Event], periods: Periods, until: int) -> range:
    """Return the numbers of the periods from the one of the first event to the one that holds `until`."""
    first = periods.of(min(row.time for row in rows))
    last = first
    while periods.start(last + 1) <= until:
        last += 1
    return range(first, last + 1)


def covered(rows: Sequence[Event], periods: Periods, number: int, until: int) -> bool:
    """Return whether the data cover a period: it is over, and the first event is within a day of its beginning."""
    first = min(row.time for row in rows)
    return periods.start(number + 1) <= until and first - periods.start(number) < DAY


def lifecycle(
    rows: Sequence[Event], periods: Periods, *, events: Sequence[str] | None = None, observed_until: int
) -> dict[date, Present]:
    """Return the customers of every period by what they were in the periods before."""
    active = active_customers(rows, periods, events)
    found = {}
    numbers = periods_of_log(rows, periods, observed_until)
    for number in numbers:
        now, previous = active.get(number, set()), active.get(number - 1, set())
        ever = set().union(*(customers for n, customers in active.items() if n < number))
        known = number > numbers[0]
        found[periods.first_day(number)] = Present(
            {c for c in now if c not in ever},
            {c for c in now if c in previous},
            {c for c in now if c in ever and c not in previous},
            previous if known else None,
            {c for c in previous if c not in now} if known else None,
        )
    return found


def stickiness(
    rows: Sequence[Event],
    periods: Periods,
    *,
    unit: str = "day",
    events: Sequence[str] | None = None,
    observed_until: int,
) -> dict[date, dict[str, int]]:
    """Return for every period in how many units of it each of its customers had a counted event."""
    found: dict[date, dict[str, int]] = {}
    for number in periods_of_log(rows, periods, observed_until):
        start = periods.start(number)
        units: dict[str, set[object]] = defaultdict(set)
        for row in rows:
            if (events is None or row.event in events) and periods.of(row.time) == number:
                day = local(row.time, periods.zone).date()
                units[row.customer].add(day if unit == "day" else (row.time - start) // (3600 * SECOND))
        found[periods.first_day(number)] = {customer: len(times) for customer, times in units.items()}
    return found


# ------------------------------------------------------------------------------------------------ transitions


class Edge(NamedTuple):
    """What is counted on one edge; `times` are the exact pauses in microseconds, sorted."""

    events: int
    customers: int
    times: tuple[int, ...]


def transitions(
    rows: Sequence[Event], inactivity: int, observed_until: int | None = None
) -> dict[tuple[str, str], Edge]:
    """Return every step from one event to the next one of the same customer, with the virtual ends."""
    until = last_time(rows) if observed_until is None else observed_until
    events: dict[tuple[str, str], int] = defaultdict(int)
    customers: dict[tuple[str, str], set[str]] = defaultdict(set)
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for customer, journey in journeys(rows).items():
        last = journey[-1]
        walk = [(START, journey[0].event, None)]
        walk += [(a.event, b.event, b.time - a.time) for a, b in itertools.pairwise(journey)]
        walk += [(last.event, OPEN if until - last.time <= inactivity else END, None)]
        for source, target, pause in walk:
            events[source, target] += 1
            customers[source, target].add(customer)
            if pause is not None:
                times[source, target].append(pause)
    return {edge: Edge(events[edge], len(customers[edge]), tuple(sorted(times[edge]))) for edge in events}


# ------------------------------------------------------------------------------------------------------ units


class Unit(NamedTuple):
    """One journey or session: who, the names of the events that are looked at, and whether it may go on."""

    customer: str
    path: tuple[str, ...]
    open: bool
    first: Event


@dataclass(frozen=True)
class Looked:
    """How journeys become units; `gap` is None for whole journeys, which `inactivity` keeps open."""

    gap: int | None = None
    inactivity: int = 2 * SECOND
    collapse: bool = False
    events: tuple[str, ...] | None = None

    def units(self, rows: Sequence[Event], observed_until: int | None = None) -> list[Unit]:
        """Return the units that have an event that is looked at."""
        until = last_time(rows) if observed_until is None else observed_until
        found = []
        for customer, journey in journeys(rows).items():
            pieces: list[list[Event]] = []
            for event in journey:
                if pieces and (self.gap is None or event.time - pieces[-1][-1].time <= self.gap):
                    pieces[-1].append(event)
                else:
                    pieces.append([event])
            for piece in pieces:
                names = [e.event for e in piece if self.events is None or e.event in self.events]
                if self.collapse:
                    names = [name for name, _ in itertools.groupby(names)]
                rest = self.inactivity if self.gap is None else self.gap
                if names:
                    found.append(Unit(customer, tuple(names), until - piece[-1].time <= rest, piece[0]))
        return found


def counted(pairs: Iterable[tuple[Any, str]]) -> dict[Any, tuple[int, int]]:
    """Return how often each key occurs, and with how many customers."""
    times: dict[Any, int] = defaultdict(int)
    customers: dict[Any, set[str]] = defaultdict(set)
    for key, customer in pairs:
        times[key] += 1
        customers[key].add(customer)
    return {key: (times[key], len(customers[key])) for key in times}


def paths(
    units: Sequence[Unit], most_events: int | None = None
) -> dict[tuple[tuple[str, ...], bool], tuple[int, int, int]]:
    """Return (path, whether it was cut) -> units, customers, open units."""

    def key(unit: Unit) -> tuple[tuple[str, ...], bool]:
        return unit.path[:most_events], most_events is not None and len(unit.path) > most_events

    times = counted((key(unit), unit.customer) for unit in units)
    still = counted((key(unit), unit.customer) for unit in units if unit.open)
    return {path: (*counts, still.get(path, (0, 0))[0]) for path, counts in times.items()}


def steps(
    units: Sequence[Unit], positions: int, around: Sequence[str] | None = None, which: str = "first"
) -> dict[tuple[int, str], tuple[int, int]]:
    """Return (position, event) -> units, customers; `around` puts an event at position 0."""
    cells = []
    for unit in units:
        after = OPEN if unit.open else END
        if around is None:
            for position in range(1, positions + 1):
                name = unit.path[position - 1] if position <= len(unit.path) else after
                cells.append(((position, name), unit.customer))
            continue
        middles = [place for place, name in enumerate(unit.path) if name in around]
        chosen = {"first": middles[:1], "last": middles[-1:], "each": middles}[which]
        for middle in chosen:
            for position in range(-positions, positions + 1):
                place = middle + position
                name = START if place < 0 else unit.path[place] if place < len(unit.path) else after
                cells.append(((position, name), unit.customer))
    return counted(cells)


def flow(units: Sequence[Unit], depth: int) -> dict[tuple[int, str, str], tuple[int, int]]:
    """Return (position, from, to) -> units, customers."""
    edges = []
    for unit in units:
        nodes = [START, *unit.path, OPEN if unit.open else END]
        for position, (source, target) in enumerate(itertools.pairwise(nodes)):
            if position < depth:
                edges.append(((position, source, target), unit.customer))
    return counted(edges)


def loops(units: Sequence[Unit]) -> dict[str | None, dict[str, int]]:
    """Return event -> what is counted of its repeats; None stands for all events together."""
    found: dict[str | None, list[tuple[Unit, int, int]]] = defaultdict(list)
    for unit in units:
        in_all = [0, 0]
        for name in set(unit.path):
            places = [place for place, other in enumerate(unit.path) if other == name]
            pauses = [b - a for a, b in itertools.pairwise(places)]
            at_once = sum(pause == 1 for pause in pauses)
            found[name].append((unit, at_once, len(pauses) - at_once))
            in_all[0] += at_once
            in_all[1] += len(pauses) - at_once
        found[None].append((unit, in_all[0], in_all[1]))

    def count(name: str, chosen: list[Unit]) -> dict[str, int]:
        return {f"{name}units": len(chosen), f"{name}customers": len({unit.customer for unit in chosen})}

    return {
        name: {
            **count("", [unit for unit, _, _ in lines]),
            **count("repeating_", [unit for unit, a, b in lines if a + b > 0]),
            "open": sum(unit.open and a + b == 0 for unit, a, b in lines),
            **count("loop_", [unit for unit, a, _ in lines if a > 0]),
            **count("return_", [unit for unit, _, b in lines if b > 0]),
            "loops": sum(a for _, a, _ in lines),
            "returns": sum(b for _, _, b in lines),
            "most_repeats": max(a + b for _, a, b in lines),
        }
        for name, lines in found.items()
    }


# ------------------------------------------------------------------------------------------- separating paths


class Judged(NamedTuple):
    """One unit by its outcome: "open", "at once" or "closed"; `events` are all before the goal, looked at or not."""

    customer: str
    first: Event
    outcome: str
    converted: bool
    events: int
    has: frozenset[tuple[str, ...]]


def judged(
    rows: Sequence[Event],
    looked: Looked,
    goal: Sequence[str],
    *,
    within: int | None = None,
    longest: int = 2,
    contiguous: bool = False,
    observed_until: int | None = None,
) -> list[Judged]:
    """Return every unit with the sub-paths that it has before its first goal event."""
    until = last_time(rows) if observed_until is None else observed_until
    found = []
    for customer, journey in journeys(rows).items():
        pieces: list[list[Event]] = []
        for event in journey:
            if pieces and (looked.gap is None or event.time - pieces[-1][-1].time <= looked.gap):
                pieces[-1].append(event)
            else:
                pieces.append([event])
        for piece in pieces:
            rest = looked.inactivity if looked.gap is None else looked.gap
            may_go_on = until - piece[-1].time <= rest
            if within is not None:
                may_go_on = piece[0].time + within > until
            part = [e for e in piece if within is None or e.time - piece[0].time <= within]
            names = [e.event for e in part]
            reached = [i for i, name in enumerate(names) if name in goal]
            before = names[: reached[0]] if reached else names
            if may_go_on and (within is not None or not reached):
                found.append(Judged(customer, piece[0], "open", False, 0, frozenset()))
                continue
            if not before:
                found.append(Judged(customer, piece[0], "at once", True, 0, frozenset()))
                continue
            path = [name for name in before if looked.events is None or name in looked.events]
            if looked.collapse:
                path = [name for name, _ in itertools.groupby(path)]
            places: Iterable[Sequence[int]] = (
                chosen
                for size in range(1, longest + 1)
                for chosen in itertools.combinations(range(len(path)), size)
                if not contiguous or chosen[-1] - chosen[0] == size - 1
            )
            has = frozenset(tuple(path[place] for place in chosen) for chosen in places)
            found.append(Judged(customer, piece[0], "closed", bool(reached), len(before), has))
    return found


def length_from(events: int) -> int:
    """Return the fewest events of the stratum of a length: 4 to 7, times a power of two."""
    steps = 1
    while events // steps > 7:
        steps *= 2
    return events // steps * steps


def is_part(shorter: Sequence[str], longer: Sequence[str], *, contiguous: bool) -> bool:
    """Return whether a sub-path is contained in another one."""
    if contiguous:
        size = len(shorter)
        return any(tuple(longer[i : i + size]) == tuple(shorter) for i in range(len(longer) - size + 1))
    rest = iter(longer)
    return all(name in rest for name in shorter)


class Square(NamedTuple):
    """A two-by-two table: converted of those with, and of those without."""

    converted_with: int
    with_: int
    converted_without: int
    without: int


def hypergeometric(table: Square) -> dict[int, Fraction]:
    """Return the probability of each number of converted among those with, given the margins."""
    units, converted = table.with_ + table.without, table.converted_with + table.converted_without
    return {
        k: Fraction(
            math.comb(converted, k) * math.comb(units - converted, table.with_ - k),
            math.comb(units, table.with_),
        )
        for k in range(max(0, table.with_ + converted - units), min(table.with_, converted) + 1)
    }


def fisher(table: Square) -> Fraction:
    """Return the two-sided p-value: all tables no likelier than this one."""
    chances = hypergeometric(table)
    return sum((c for c in chances.values() if c <= chances[table.converted_with]), Fraction(0))


def smallest_p(table: Square) -> Fraction:
    """Return the smallest p-value that any table with these margins has."""
    chances = hypergeometric(table).values()
    return sum((c for c in chances if c == min(chances)), Fraction(0))


def tarone(smallest: Sequence[Fraction], level: Fraction = Fraction(1, 20)) -> list[bool]:
    """Return which tables can come out at the smallest share of the level that suffices for all that can."""
    for share in itertools.count(1):
        able = [p <= level / share for p in smallest]
        if sum(able) <= share:
            return able
    raise AssertionError


def mantel_haenszel(strata: Sequence[Square]) -> tuple[Fraction, Fraction, Fraction | None, Fraction | None]:
    """Return excess, its variance, the mean difference of shares and the odds ratio of all strata together."""
    excess = variance = weight = right = wrong = Fraction(0)
    for a, n1, c, n0 in strata:
        n, m = n1 + n0, a + c
        excess += a - Fraction(n1 * m, n)
        variance += Fraction(n1 * n0 * m * (n - m), n * n * (n - 1)) if n > 1 else 0
        weight += Fraction(n1 * n0, n)
        right += Fraction(a * (n0 - c), n)
        wrong += Fraction((n1 - a) * c, n)
    return (
        excess,
        variance,
        excess / weight if weight else None,
        right / wrong if right and wrong else None,
    )


def exact_stratified(strata: Sequence[Square]) -> Fraction:
    """Return the exact two-sided p-value of the sum of converted over all strata, given all margins."""
    chances: dict[int, Fraction] = {0: Fraction(1)}
    for table in strata:
        more: dict[int, Fraction] = defaultdict(Fraction)
        for so_far, chance in chances.items():
            for k, of_k in hypergeometric(table).items():
                more[so_far + k] += chance * of_k
        chances = more
    seen = chances[sum(table.converted_with for table in strata)]
    return sum((c for c in chances.values() if c <= seen), Fraction(0))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the smallest level of false discoveries at which each is still found."""
    ordered = sorted(p_values)
    return [
        min(1.0, *(q * len(ordered) / rank for rank, q in enumerate(ordered, start=1) if q >= p), 1.0)
        for p in p_values
    ]


# ------------------------------------------------------------------------------------------------- intervals


def mean_interval(
    values: Sequence[float], quantile: Callable[[int], float]
) -> tuple[float | None, float | None, float | None]:
    """Return the mean and the bounds of its 95 % interval; None where there are too few values.

    `quantile` gives that of Student's t to 0.975 by its degrees of freedom.
    """
    if not values:
        return None, None, None
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, None, None
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = quantile(len(values) - 1) * math.sqrt(variance / len(values))
    return mean, mean - half, mean + half


def clustered(
    parts: Sequence[float], wholes: Sequence[float], units: int
) -> tuple[float | None, float | None]:
    """Return Wilson's interval of sum(parts) / sum(wholes) at the draws that its variance over clusters stands for."""
    n, whole = len(wholes), sum(wholes)
    if n < 2 or whole == 0:
        return None, None
    share = sum(parts) / whole
    residuals = [part - share * all_of_it for part, all_of_it in zip(parts, wholes, strict=True)]
    variance = sum(residual**2 for residual in residuals) / whole**2 * n / (n - 1)
    if sum(parts) in (0, whole):
        draws: float = n
    else:
        draws = units if variance < 1e-18 else min(share * (1 - share) / variance, units)
    z = 1.959963984540054
    middle = (share + z * z / (2 * draws)) / (1 + z * z / draws)
    half = z * math.sqrt(share * (1 - share) / draws + z * z / (4 * draws**2)) / (1 + z * z / draws)
    return middle - half, middle + half


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the Wilson score interval (Wilson 1927), 95 % unless told."""
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


# ------------------------------------------------------------------------------------------------- conversion


class Wait(NamedTuple):
    """How long one customer was watched, and the event that decided; none where the watch ended first."""

    time: int
    event: str | None


def waits(
    rows: Sequence[Event],
    outcomes: Sequence[str],
    *,
    start: Sequence[str] | None = None,
    stop: Sequence[str] = (),
    horizon: int | None = None,
    resolution: int = 1,
    observed_until: int | None = None,
) -> dict[str, Wait]:
    """Follow each customer from the first start event to the first later event that decides anything."""
    until = last_time(rows) if observed_until is None else observed_until
    found = {}
    for customer, journey in journeys(rows).items():
        entry = next((i for i, event in enumerate(journey) if start is None or event.event in start), None)
        if entry is None:
            continue
        wait = Wait(until - journey[entry].time, None)
        for event in journey[entry + 1 :]:
            if event.event in outcomes or event.event in stop:
                decided = event.event if event.event in outcomes else None
                wait = Wait(event.time - journey[entry].time, decided)
                break
        if horizon is not None and wait.time > horizon:
            wait = Wait(horizon, None)
        found[customer] = wait._replace(time=wait.time // resolution * resolution)
    return found


def incidence(found: Sequence[Wait], events: Sequence[str]) -> dict[int, tuple[Fraction, Fraction]]:
    """Return the share that reached one of the events by each time, and its variance (Aalen-Johansen).

    The probability of each outcome is built up from hazards, time by time, in exact fractions. The variance is that of
    the delta method: the derivative of the share by every hazard before, with multinomial hazards at each time.
    """
    times = sorted({wait.time for wait in found})
    at_risk = [sum(wait.time >= time for wait in found) for time in times]
    reached = [sum(wait.time == time and wait.event in events for wait in found) for time in times]
    left = [sum(wait.time == time and wait.event is not None for wait in found) for time in times]

    def share(hazards: Sequence[tuple[Fraction, Fraction]], upto: int) -> Fraction:
        undecided, total = Fraction(1), Fraction(0)
        for own, other in hazards[: upto + 1]:
            total += undecided * own
            undecided *= 1 - own - other
        return total

    hazards = [(Fraction(k, n), Fraction(d - k, n)) for n, k, d in zip(at_risk, reached, left, strict=True)]
    curve = {}
    for upto, time in enumerate(times):
        variance = Fraction(0)
        for i, (own, other) in enumerate(hazards[: upto + 1]):

            def slope(changed: tuple[int, int], i: int = i, upto: int = upto) -> Fraction:
                # The share is linear in the hazards of one time, so a step of any size gives the derivative.
                moved = [*hazards]
                moved[i] = (hazards[i][0] + changed[0], hazards[i][1] + changed[1])
                return share(moved, upto) - share(hazards, upto)

            by_own, by_other = slope((1, 0)), slope((0, 1))
            spread = by_own**2 * own + by_other**2 * other - (by_own * own + by_other * other) ** 2
            variance += spread / at_risk[i]
        curve[time] = (share(hazards, upto), variance)
    return curve


def log_log_interval(share: float, variance: float, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the interval of a share between 0 and 1 that is symmetric for log(-log(1 - share))."""
    rest = 1 - share
    half = z * math.sqrt(variance) / abs(rest * math.log(rest))
    centre = math.log(-math.log(rest))
    low, high = (1 - math.exp(-math.exp(centre + sign * half)) for sign in (-1, 1))
    return low, high


def log_rank(groups: Sequence[Sequence[Wait]], events: Sequence[str]) -> tuple[float, int]:
    """Return the log-rank statistic of all groups and its degrees of freedom, summed time by time in fractions."""
    times = sorted({wait.time for group in groups for wait in group if wait.event in events})
    size = len(groups)
    excess = [Fraction(0)] * size
    variance = [[Fraction(0)] * size for _ in groups]
    for time in times:
        at_risk = [sum(wait.time >= time for wait in group) for group in groups]
        reached = [sum(wait.time == time and wait.event in events for wait in group) for group in groups]
        n, d = sum(at_risk), sum(reached)
        for i in range(size):
            excess[i] += reached[i] - Fraction(d * at_risk[i], n)
            for j in range(size):
                if n > 1:
                    same = Fraction(at_risk[i], n) if i == j else Fraction(0)
                    shared = same - Fraction(at_risk[i] * at_risk[j], n * n)
                    variance[i][j] += Fraction(d * (n - d), n - 1) * shared
    kept = [i for i in range(size) if variance[i][i] > 0][:-1]
    if not kept:
        return math.nan, 0
    solved = _solve([[variance[i][j] for j in kept] for i in kept], [excess[i] for i in kept])
    return float(sum((excess[i] * x for i, x in zip(kept, solved, strict=True)), Fraction(0))), len(kept)


def _solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Solve linear equations by elimination."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(len(rows)):
            if k != i:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


# --------------------------------------------------------------------------------------------------- patterns


@dataclass(frozen=True)
class Single:
    """One event of a kind, given twice: as safar's text and as Python."""

    text: str
    holds: Predicate = field(compare=False)


@dataclass(frozen=True)
class Absent:
    """No event of a kind for `within` microseconds after the event before; `text` says it all."""

    text: str
    holds: Predicate = field(compare=False)
    within: int


@dataclass(frozen=True)
class Arrow:
    """What may stand between two events, and the least and longest time from one to the other."""

    text: str
    direct: bool = False
    least: int = 0
    longest: int | None = None


LATER, DIRECTLY = Arrow("->"), Arrow("=>", direct=True)


@dataclass(frozen=True)
class Joined:
    """Parts in a row: part, arrow, part, arrow, part."""

    items: tuple[Any, ...]

    @property
    def text(self) -> str:
        """As safar reads it."""
        return " ".join(item.text for item in self.items)


@dataclass(frozen=True)
class Either:
    """Any one of the branches."""

    branches: tuple[Any, ...]

    @property
    def text(self) -> str:
        """As safar reads it."""
        return f"({' | '.join(branch.text for branch in self.branches)})"


@dataclass(frozen=True)
class Only:
    """Any number of the part, and nothing else from the part before to the part after."""

    inner: Any

    @property
    def text(self) -> str:
        """As safar reads it."""
        return f"({self.inner.text})*"


@dataclass(frozen=True)
class Times:
    """The part at least and at most so often, anything between."""

    inner: Any
    least: int
    most: int | None

    @property
    def text(self) -> str:
        """As safar reads it."""
        counts = {(0, 1): "?", (1, None): "+"}
        most = "" if self.most is None else self.most
        return f"({self.inner.text}){counts.get((self.least, self.most), f'{{{self.least},{most}}}')}"


@dataclass(frozen=True)
class Limited:
    """The part, from its first event to its last in at most so long; `limit` as safar reads it."""

    inner: Any
    limit: str
    within: int

    @property
    def text(self) -> str:
        """As safar reads it."""
        return f"({self.inner.text} within {self.limit})"


class Word(NamedTuple):
    """One way to write a pattern out: events and absences with arrows, marks of limits and of parts with ``*``."""

    items: tuple[Any, ...]

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(isinstance(item, Single) for item in self.items)


TIGHT = "nothing else stands here"


def words(node: Any, most: int) -> set[Word]:
    """Write a pattern out in every way with at most `most` events."""
    match node:
        case Single() | Absent():
            return {Word((node,))}
        case Joined():
            found = {Word(())}
            arrow = None
            for item in node.items:
                if isinstance(item, Arrow):
                    arrow = item
                else:
                    found = {
                        join(word, arrow, after)
                        for word in found
                        for after in words(item, most)
                        if word.events + after.events <= most
                    }
            return found
        case Either():
            return set().union(*(words(branch, most) for branch in node.branches))
        case Limited():
            return {Word((("begin", node.within), *word.items, "end")) for word in words(node.inner, most)}
        case Times():
            found = powers(node.inner, LATER, most, node.least, most if node.most is None else node.most)
            return {word for _, word in found}
        case Only():
            found = powers(node.inner, DIRECTLY, most, 0, most)
            return {Word((TIGHT, *word.items, TIGHT)) for _, word in found}
    raise AssertionError(node)


def powers(inner: Any, arrow: Arrow, most: int, low: int, high: int) -> set[tuple[int, Word]]:
    """Write a part out `low` to `high` times in a row."""
    once = words(inner, most)
    found = level = {(0, Word(()))}
    for count in range(1, high + 1):
        level = {
            (count, join(word, arrow, after))
            for _, word in level
            for after in once
            if word.events + after.events <= most
        }
        found = found | level
    return {(count, word) for count, word in found if count >= low}


def join(before: Word, arrow: Arrow | None, after: Word) -> Word:
    """Put one word behind the other; one without an event takes the arrow before it along."""
    if arrow is None or not after.events or not before.events:
        return Word((*before.items, *after.items))
    return Word((*before.items, arrow, *after.items))


class Placed(NamedTuple):
    """A word as numbers: its events, what lies between them, its limits, and the absences after its last event."""

    events: tuple[Single, ...]
    between: tuple[tuple[bool, int, int | None, tuple[Absent, ...]], ...]
    limits: tuple[tuple[int, int, int], ...]
    after: tuple[Absent, ...]


def placed(word: Word) -> Placed:
    """Read a word from left to right."""
    events: list[Single] = []
    between: list[list[Any]] = [[]]
    begun: list[tuple[int, int]] = []
    limits = []
    for item in word.items:
        if isinstance(item, Single):
            events.append(item)
            between.append([])
        elif isinstance(item, tuple):
            begun.append((len(events), item[1]))
        elif item == "end":
            first, within = begun.pop()
            if len(events) > first:
                limits.append((first, len(events) - 1, within))
        else:
            between[-1].append(item)
    gaps = []
    for items in between[1:]:
        arrows = [item for item in items if isinstance(item, Arrow)]
        longest = [arrow.longest for arrow in arrows if arrow.longest is not None]
        gaps.append(
            (
                TIGHT in items or any(arrow.direct for arrow in arrows),
                max([arrow.least for arrow in arrows], default=0),
                min(longest, default=None),
                tuple(item for item in items if isinstance(item, Absent)),
            )
        )
    return Placed(tuple(events), tuple(gaps[:-1]), tuple(limits), gaps[-1][3] if gaps else ())


class Hit(NamedTuple):
    """A match: the numbers of its first and last event, and when it is complete."""

    first: int
    last: int
    complete: tuple[int, float]


def absent(journey: Sequence[Event], last: int, absence: Absent) -> bool:
    """Return whether the events that are there break no absence after the event `last`."""
    end = journey[last].time + absence.within
    return not any(absence.holds(event) for event in journey[last + 1 :] if event.time <= end)


def fits(word: Placed, times: Sequence[int]) -> bool:
    """Return whether the times of the first events of a word keep every limit so far."""
    for first, last, within in word.limits:
        inside = times[first : last + 1]
        if inside and inside[-1] - inside[0] > within:
            return False
    return True


def searches(journey: Sequence[Event], word: Placed, until: int) -> Iterator[tuple[Hit | None, bool]]:
    """Yield every match of a word, and whether what has begun of it may still become one."""

    def extend(chain: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        yield chain
        if len(chain) == len(word.events):
            return
        for number in range(chain[-1] + 1 if chain else 0, len(journey)):
            event = journey[number]
            if not word.events[len(chain)].holds(event):
                continue
            if chain:
                direct, least, longest, absences = word.between[len(chain) - 1]
                gap = event.time - journey[chain[-1]].time
                if (
                    gap < least
                    or (longest is not None and gap > longest)
                    or (direct and number != chain[-1] + 1)
                ):
                    continue
                if not all(gap > a.within and absent(journey, chain[-1], a) for a in absences):
                    continue
            if fits(word, [journey[i].time for i in (*chain, number)]):
                yield from extend((*chain, number))

    for chain in extend(()):
        if not chain:
            continue
        last = chain[-1]
        times = [journey[i].time for i in chain]
        if len(chain) == len(word.events):
            if not all(absent(journey, last, a) for a in word.after):
                continue
            end = max((times[-1] + a.within for a in word.after), default=None)
            if end is None:
                yield Hit(chain[0], last, (times[-1], last)), False
            elif end <= until:
                yield Hit(chain[0], last, (end, math.inf)), False
            else:
                yield None, True
            continue
        # The rest as soon as it may come, after everything that was observed.
        for k in range(len(chain), len(word.events)):
            direct, least, longest, absences = word.between[k - 1]
            waits = [times[-1] + a.within + 1 for a in absences]
            time = max([until + 1, times[-1] + least, *waits])
            if longest is not None and time - times[-1] > longest:
                break
            if k == len(chain):
                if direct and last != len(journey) - 1:
                    break
                if not all(absent(journey, last, a) for a in absences):
                    break
            times.append(time)
        else:
            if fits(word, times):
                yield None, True


def pattern_matches(
    rows: Sequence[Event],
    pattern: Any,
    *,
    same: Callable[[Event], Any] | None = None,
    observed_until: int | None = None,
) -> dict[str, tuple[str, list[tuple[int, int, int]]]]:
    """Return what became of every customer, and start, end and number of events of each match, by their beginning."""
    until = last_time(rows) if observed_until is None else observed_until
    result = {}
    for customer, journey in journeys(rows).items():
        parts: dict[Any, list[Event]] = defaultdict(list)
        for event in journey:
            if same is None or same(event) is not None:
                parts[None if same is None else same(event)].append(event)
        found: list[tuple[int, int, int]] = []
        is_open = False
        for part in parts.values():
            hits: set[Hit] = set()
            for word in words(pattern, len(part) + 4):
                for hit, may_complete in searches(part, placed(word), until):
                    hits |= {hit} if hit is not None else set()
                    is_open = is_open or may_complete
            behind = -1
            while left := [hit for hit in hits if hit.first > behind]:
                best = min(left, key=lambda hit: (hit.complete, -hit.first, hit.last))
                number = next(i for i, event in enumerate(journey) if event is part[best.first])
                found.append(
                    (number, part[best.first].time, part[best.last].time, best.last - best.first + 1)
                )
                behind = best.last
        status = "matched" if found else "open" if is_open else "unmatched"
        result[customer] = (status, [(start, end, events) for _, start, end, events in sorted(found)])
    return result


# -------------------------------------------------------------------------------------------------------- journey map


def touchpoints(
    events: Iterable[Event], rules: Sequence[Mapping[str, Any]], holds: Mapping[str, Predicate]
) -> list[tuple[Event, list[int]]]:
    """Return each event with the places of the rules of a map that match it, `from` being a day of UTC."""
    found = []
    for event in events:
        moment = EPOCH + timedelta(microseconds=event.time)
        matching = [
            place
            for place, rule in enumerate(rules)
            if ("event" not in rule or event.event in rule["event"])
            and ("channel" not in rule or event.channel in rule["channel"])
            and ("where" not in rule or holds[rule["where"]](event))
            and ("from" not in rule or moment.date() >= rule["from"])
            and ("until" not in rule or moment.date() < rule["until"])
        ]
        found.append((event, matching))
    return found


# ------------------------------------------------------------------------------------------------ conformance

# A design: ("step", number), ("sequence", *parts), ("parallel", *parts), ("choice", *parts), ("optional", part) or
# ("loop", body, again), both of them sequences.
Design = tuple[Any, ...]


def may_be_empty(design: Design) -> bool:
    """Return whether nothing of a design has to be done."""
    kind, *parts = design
    if kind in ("step", "optional"):
        return bool(kind == "optional")
    if kind == "choice":
        return any(may_be_empty(part) for part in parts)
    return all(may_be_empty(part) for part in (parts[:1] if kind == "loop" else parts))


def first_steps(design: Design) -> Iterator[tuple[int, Design]]:
    """Yield each step that may be the next one, and what is left of the design after it."""
    kind, *parts = design
    if kind == "step":
        yield parts[0], ("sequence",)
    elif kind == "sequence":
        for place, part in enumerate(parts):
            for step, left in first_steps(part):
                yield step, ("sequence", left, *parts[place + 1 :])
            if not may_be_empty(part):
                break
    elif kind == "parallel":
        for place, part in enumerate(parts):
            for step, left in first_steps(part):
                yield step, ("parallel", *parts[:place], left, *parts[place + 1 :])
    elif kind in ("choice", "optional"):
        for part in parts:
            yield from first_steps(part)
    else:
        body, again = parts
        for step, left in first_steps(body):
            yield step, ("sequence", left, ("optional", ("sequence", again, design)))
        if may_be_empty(body):
            for step, left in first_steps(again):
                yield step, ("sequence", left, design)


class Deviating(NamedTuple):
    """A move of an alignment: "done", "skipped" or "extra", its step, and its place in the trace."""

    kind: str
    step: int | None
    place: int


def aligned(
    design: Design, labels: Sequence[str], trace: Sequence[str], *, may_go_on: bool = False
) -> list[Deviating]:
    """Return the alignment with the fewest skipped steps and extra events, found by trying out everything.

    Of several it is the first one where a step that is done comes before one that is skipped, and that before an extra
    event; and among steps the first of the design.
    """

    def search(lefts: frozenset[Design], place: int, budget: int) -> list[Deviating] | None:
        if place == len(trace) and (may_go_on or any(may_be_empty(left) for left in lefts)):
            return []
        following: dict[int, set[Design]] = defaultdict(set)
        for left in lefts:
            for step, rest in first_steps(left):
                following[step].add(rest)
        for step in sorted(following):
            if place < len(trace) and labels[step] == trace[place]:
                found = search(frozenset(following[step]), place + 1, budget)
                if found is not None:
                    return [Deviating("done", step, place), *found]
        if budget > 0:
            for step in sorted(following):
                found = search(frozenset(following[step]), place, budget - 1)
                if found is not None:
                    return [Deviating("skipped", step, place), *found]
            if place < len(trace):
                found = search(lefts, place + 1, budget - 1)
                if found is not None:
                    return [Deviating("extra", None, place), *found]
        return None

    return next(
        found for budget in itertools.count() if (found := search(frozenset([design]), 0, budget)) is not None
    )


class Net(NamedTuple):
    """A Petri net from place 0 to 1: step (None if silent), places that lose a token, places that get one."""

    moves: list[tuple[int | None, frozenset[int], frozenset[int]]]


def net_of(design: Design) -> Net:
    """Return the net of a design without the silent transitions that can go together with what is before or after."""
    fresh = itertools.count(2)
    moves: list[tuple[int | None, frozenset[int], frozenset[int]]] = []

    def add(step: int | None, takes: Iterable[int], gives: Iterable[int]) -> None:
        moves.append((step, frozenset(takes), frozenset(gives)))

    def build(part: Design, begin: int, end: int) -> None:
        kind, *parts = part
        if kind == "step":
            add(parts[0], [begin], [end])
        elif kind == "sequence":
            places = [begin, *(next(fresh) for _ in parts[1:]), end]
            for inner, (one, two) in zip(parts, itertools.pairwise(places), strict=True):
                build(inner, one, two)
        elif kind in ("choice", "optional"):
            for inner in parts:
                build(inner, begin, end)
            if kind == "optional":
                add(None, [begin], [end])
        elif kind == "parallel":
            ends = [(next(fresh), next(fresh)) for _ in parts]
            add(None, [begin], [one for one, _ in ends])
            for inner, (one, two) in zip(parts, ends, strict=True):
                build(inner, one, two)
            add(None, [two for _, two in ends], [end])
        else:
            top, bottom = next(fresh), next(fresh)
            add(None, [begin], [top])
            build(parts[0], top, bottom)
            if len(parts[1]) > 1:
                build(parts[1], bottom, top)
            else:
                add(None, [bottom], [top])
            add(None, [bottom], [end])

    build(design, 0, 1)
    while (shorter := _without_one(moves)) is not None:
        moves = shorter
    return Net(moves)


def _without_one(
    moves: list[tuple[int | None, frozenset[int], frozenset[int]]],
) -> list[tuple[int | None, frozenset[int], frozenset[int]]] | None:
    for number, (step, takes, gives) in enumerate(moves):
        if step is not None:
            continue
        rest = moves[:number] + moves[number + 1 :]
        if takes == gives or moves[number] in moves[:number]:
            return rest
        if len(takes) == 1 and 0 not in takes:
            users = [other for other in rest if takes & other[1]]
            makers = [other for other in rest if takes & other[2]]
            if not users and not takes & gives and all(not other[2] & gives for other in makers):
                return [(s, t, (g - takes) | gives if takes & g else g) for s, t, g in rest]
        if len(gives) == 1 and 1 not in gives:
            users = [other for other in rest if gives & other[1]]
            makers = [other for other in rest if gives & other[2]]
            if not makers and not takes & gives and all(not other[1] & takes for other in users):
                return [(s, (t - gives) | takes if gives & t else t, g) for s, t, g in rest]
    return None


def replayed(net: Net, labels: Sequence[str], trace: Sequence[str]) -> tuple[int, int, int, int]:
    """Return the missing, consumed, remaining and produced tokens of a trace; labels of no step are passed over."""
    missing, consumed, produced = 0, 0, 1
    tokens: dict[int, int] = {0: 1}
    silent = [move for move in net.moves if move[0] is None]

    def after(marking: dict[int, int], move: Any) -> dict[int, int]:
        moved = dict(marking)
        for place in move[1]:
            moved[place] = moved.get(place, 0) - 1
        for place in move[2]:
            moved[place] = moved.get(place, 0) + 1
        return {place: count for place, count in moved.items() if count}

    def lead(holds: Callable[[dict[int, int]], bool]) -> bool:
        nonlocal tokens, consumed, produced
        paths: list[tuple[dict[int, int], list[Any]]] = [(tokens, [])]
        seen = [tokens]
        for marking, path in paths:
            if holds(marking):
                tokens = marking
                consumed += sum(len(move[1]) for move in path)
                produced += sum(len(move[2]) for move in path)
                return True
            for move in silent:
                if all(marking.get(place, 0) > 0 for place in move[1]):
                    further = after(marking, move)
                    if further not in seen:
                        seen.append(further)
                        paths.append((further, [*path, move]))
        return False

    for label in trace:
        moves = sorted(
            (move for move in net.moves if move[0] is not None and labels[move[0]] == label),
            key=lambda move: move[0],
        )
        if not moves:
            continue

        def lacking(move: Any, marking: dict[int, int]) -> int:
            return sum(marking.get(place, 0) == 0 for place in move[1])

        lead(lambda marking, moves=moves: any(lacking(move, marking) == 0 for move in moves))  # type: ignore[misc]
        taken = min(moves, key=lambda move: lacking(move, tokens))
        for place in taken[1]:
            if not tokens.get(place):
                missing += 1
                tokens = {**tokens, place: 1}
        tokens = after(tokens, taken)
        consumed += len(taken[1])
        produced += len(taken[2])
    if not lead(lambda marking: marking == {1: 1}):
        lead(lambda marking: marking.get(1, 0) > 0)
    consumed += 1
    if not tokens.get(1):
        missing += 1
        tokens = {**tokens, 1: 1}
    return missing, consumed, sum(tokens.values()) - 1, produced


def comes_before(design: Design, earlier: int, later: int) -> bool:
    """Return whether one step stands before another one by design."""

    def has(part: Design, step: int) -> bool:
        return part[1] == step if part[0] == "step" else any(has(inner, step) for inner in part[1:])

    kind, *parts = design
    if kind == "step":
        return False
    of_earlier = next(place for place, part in enumerate(parts) if has(part, earlier))
    of_later = next(place for place, part in enumerate(parts) if has(part, later))
    inside_loop = kind == "loop"
    if of_earlier == of_later:
        inner = parts[of_earlier]
        if inside_loop:
            return earlier == later or not side_by_side(inner, earlier, later)
        return comes_before(inner, earlier, later)
    return inside_loop or (kind == "sequence" and of_earlier < of_later)


def side_by_side(design: Design, one: int, two: int) -> bool:
    """Return whether the innermost block of two different steps is a parallel one."""

    def has(part: Design, step: int) -> bool:
        return part[1] == step if part[0] == "step" else any(has(inner, step) for inner in part[1:])

    kind, *parts = design
    if kind == "step":
        return False
    for part in parts:
        if has(part, one) and has(part, two):
            return side_by_side(part, one, two)
    return bool(kind == "parallel")


class Conformed(NamedTuple):
    """One unit held against a design."""

    customer: str
    first: Event
    status: str
    cost: int
    length: int
    tokens: tuple[int, int, int, int]
    done: frozenset[int]
    skipped: frozenset[int]
    out_of_order: frozenset[int]
    late: frozenset[int]
    extra: frozenset[str]
    counts: tuple[int, int, int]
    events: tuple[Event, ...]


def conformed(
    rows: Sequence[Event],
    design: Design,
    labels: Sequence[str],
    *,
    label_of: Callable[[Event], str | None] = lambda event: event.event,
    within: Mapping[int, int] = {},
    looked: Looked = Looked(),
    collapse: bool = True,
    others: str = "ignore",
    observed_until: int | None = None,
) -> list[Conformed]:
    """Return every unit with what it is to the design."""
    until = last_time(rows) if observed_until is None else observed_until
    net = net_of(design)
    found = []
    for customer, journey in journeys(rows).items():
        pieces: list[list[Event]] = []
        for event in journey:
            if pieces and (looked.gap is None or event.time - pieces[-1][-1].time <= looked.gap):
                pieces[-1].append(event)
            else:
                pieces.append([event])
        for piece in pieces:
            rest = looked.inactivity if looked.gap is None else looked.gap
            may_go_on = until - piece[-1].time <= rest
            known = [(label_of(event), event.time) for event in piece]
            unmapped = sum(label is None for label, _ in known)
            strange = sum(label is not None and label not in labels for label, _ in known)
            events = len(known) - unmapped - strange
            trace: list[list[Any]] = []
            for label, time in known:
                if label is None or (others == "ignore" and label not in labels):
                    continue
                if collapse and trace and trace[-1][0] == label:
                    trace[-1][2] = time
                else:
                    trace.append([label, time, time])
            steps = [each for each in trace if each[0] in labels]
            foreign = [each[0] for each in trace if each[0] not in labels]
            moves = aligned(design, labels, [each[0] for each in steps], may_go_on=may_go_on)
            extras = [steps[move.place][0] for move in moves if move.kind == "extra"]
            skips: set[int] = set()
            misplaced: set[int] = set()
            late: set[int] = set()
            for number, move in enumerate(moves):
                if move.kind == "skipped" and move.step is not None:
                    if labels[move.step] in extras:
                        extras.remove(labels[move.step])
                        misplaced.add(move.step)
                    else:
                        skips.add(move.step)
                elif move.kind == "done" and move.step in within:
                    before = [
                        steps[other.place][2]
                        for other in moves[:number]
                        if other.kind == "done"
                        and other.step is not None
                        and comes_before(design, other.step, move.step)
                    ]
                    if before and steps[move.place][1] - before[-1] > within[move.step]:
                        late.add(move.step)
            cost = sum(move.kind != "done" for move in moves) + len(foreign)
            deviates = cost > 0 or bool(late)
            status = "deviating" if deviates else "conforming"
            if may_go_on:
                status = "open_deviating" if deviates else "open"
            if not trace:
                status = "outside"
            found.append(
                Conformed(
                    customer,
                    piece[0],
                    status,
                    cost,
                    len(trace),
                    replayed(net, labels, [each[0] for each in steps]),
                    frozenset(move.step for move in moves if move.kind == "done" and move.step is not None),
                    frozenset(skips),
                    frozenset(misplaced),
                    frozenset(late),
                    frozenset([*extras, *foreign]),
                    (events, strange, unmapped),
                    tuple(piece),
                )
            )
    return found
