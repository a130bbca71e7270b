"""Funnel: how many customers come through a sequence of steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, cast, get_args

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import At, Duration, Entry, Instant, Integers, OnExclude, Order, Ties
from safar.analyses import _funnel_dialects, _funnel_steps, _funnel_words
from safar.analyses._funnel_result import FunnelResult
from safar.analyses._funnel_steps import Exclusion, ExclusionLike, Gap, Step, StepLike, exclusion, step
from safar.analyses._spec import Spec
from safar.errors import ArgumentError, SafarError
from safar.result import share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Exclusion", "Funnel", "FunnelResult", "Step", "StepLike", "exclusion", "funnel", "step"]

_SHARES = frozenset(
    f"{share}{bound}" for share in ("from_previous", "from_first") for bound in ("", "_low", "_high")
)
# The column of sessions that a funnel makes for itself; no column of the data is in its way.
_SESSION = "(session)"


@dataclass(frozen=True, slots=True)
class Funnel(Spec[FunnelResult]):
    """The question of `EventLog.funnel`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Funnel(["view", "purchase"], within="168h").within
    '7d'
    """

    analysis: ClassVar[str] = "funnel"

    steps: Sequence[StepLike]
    _: KW_ONLY
    within: Duration | None = None
    order: Order = "ordered"
    step_within: Duration | Gap | Sequence[Duration | Gap | None] | None = None
    entry: Entry = "latest"
    exclude: ExclusionLike | Sequence[ExclusionLike] = ()
    on_exclude: OnExclude = "stop_attempt"
    hold: str | Sequence[str] = ()
    ties: Duration = "favour"
    start: Instant | None = None
    end: Instant | None = None
    count: str = "customers"
    gap: Duration = "30m"
    by: str | None = None
    at: str = "entry"
    dialect: str | None = None

    def __post_init__(self) -> None:
        steps = _funnel_steps.steps(self.steps)
        self._set("steps", steps)
        if self.within is not None and self.within != "session":
            self._set("within", _args.duration(self.within, "within"))
        _args.choice(self.order, "order", Order)
        self._set("step_within", _funnel_steps.gaps(self.step_within, len(steps)))
        _args.choice(self.entry, "entry", Entry)
        self._set("exclude", _funnel_steps.exclusions(self.exclude, len(steps)))
        _args.choice(self.on_exclude, "on_exclude", OnExclude)
        self._set("hold", () if self.hold in ((), []) else _args.names(self.hold, "hold"))
        self._set("ties", _ties(self.ties))
        for name in ("start", "end"):
            if (given := getattr(self, name)) is not None:
                self._set(name, _args.instant(given, name))
        _args.text(self.count, "count")
        self._set("gap", _args.duration(self.gap, "gap"))
        if self.by is not None:
            _args.text(self.by, "by")
        self._set("at", _at(self.at, len(steps)))
        if self.dialect is not None:
            self._follow_dialect()
        self._check_together()

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _follow_dialect(self) -> None:
        self._set("dialect", _funnel_dialects.dialect(self.dialect))
        defaults = {each.name: each.default for each in fields(self)} | {"step_within": ()}
        for name, value in _funnel_dialects.options(cast("str", self.dialect)).items():
            given = getattr(self, name)
            if given not in (value, defaults[name]):
                does = f"sets {name}={value!r}" if value else f"knows no {name}"
                raise ArgumentError(f"dialect={self.dialect!r} {does}; leave out one of the two")
            self._set(name, value)

    def _check_together(self) -> None:
        """Refuse options that contradict one another."""
        steps = self._steps
        if self.count == "attempts" and self.entry != "all":
            if self.entry != "latest":
                raise ArgumentError(
                    f'count="attempts" counts every attempt, so entry={self.entry!r} can\'t choose one; leave it out'
                )
            self._set("entry", "all")
        if self.entry == "all":
            if self.count not in ("customers", "attempts"):
                raise ArgumentError(
                    f'entry="all" counts attempts, not {self.count}; leave out one of the two'
                )
            self._set("count", "attempts")
        if self.order in ("any", "anchored"):
            for name, given in (("exclude", self.exclude), ("step_within", self.step_within)):
                if given:
                    raise ArgumentError(
                        f"{name} speaks of one step after the other, which order={self.order!r} does not have; leave "
                        "it out"
                    )
            if self.order == "anchored" and len(steps) == 1:
                raise ArgumentError('order="anchored" needs a first and a last step; there is one step')
        optional = next((each.name for each in steps if each.optional), None)
        if optional is not None:
            reason = (
                f"order={self.order!r} has no order to leave it out of"
                if self.order in ("any", "anchored")
                else "step_within has no step to count the time from"
                if self.step_within
                else f"dialect={self.dialect!r} does not know such steps"
                if self.dialect is not None and self.dialect.startswith("clickhouse")
                else None
            )
            if reason is not None:
                raise ArgumentError(f'step "{optional}" is optional, but {reason}')

    @property
    def unit(self) -> str:
        """What is counted: customers, attempts, sessions, or units where it is the values of a column."""
        return self.count if self.count in ("customers", "attempts", "sessions") else "units"

    def events(self) -> list[str] | None:
        """Every event that stands in a step or an exclusion; None where events of any other name matter as well."""
        lists: list[Sequence[str]] = [each.events for each in self._steps]
        lists += [each.events for each in self._exclude]
        for pattern in (each.match for each in self._steps if each.match is not None):
            names, all_events = _core.check_pattern(pattern)
            if all_events:
                return None
            lists.append(names)
        return list(dict.fromkeys(itertools.chain.from_iterable(lists)))

    def between(self, start_us: int, end_us: int, timezone: str) -> Funnel | None:
        """The same funnel for entries in a range of time (µs UTC); None where its own range does not reach there."""
        own_start, own_end = self.entries(timezone)
        start = start_us if own_start is None else max(own_start, start_us)
        end = end_us if own_end is None else min(own_end, end_us)
        if start >= end:
            return None
        return replace(
            self, start=str(_args.local_datetime(start, "UTC")), end=str(_args.local_datetime(end, "UTC"))
        )

    def entries(self, timezone: str) -> tuple[int | None, int | None]:
        """The bounds of the entry, µs UTC."""
        start = None if self.start is None else _args.instant_us(self.start, "start", timezone)
        end = None if self.end is None else _args.instant_us(self.end, "end", timezone)
        return start, end

    @property
    def _steps(self) -> tuple[Step, ...]:
        return cast("tuple[Step, ...]", self.steps)

    @property
    def _exclude(self) -> tuple[Exclusion, ...]:
        return cast("tuple[Exclusion, ...]", self.exclude)

    def units(self, log: Log) -> Log:
        """The log whose customers are the units that are counted, with what is held."""
        if self.count not in ("customers", "attempts"):
            # What the units leave out is still an event of this log.
            self._check_names(log)
        return self.units_of_part(log)

    def units_of_part(self, log: Log) -> Log:
        """The same of a part of a log, which need not have every event that is named."""
        if self.count in ("customers", "attempts"):
            return log.with_sessions(self.gap, column=_SESSION) if self.within == "session" else log
        if self.count == "sessions":
            return log.with_sessions(self.gap, column=_SESSION).per(_SESSION)
        _args.known_columns_of_log([self.count], log.columns, "count")
        log = log.per(self.count, across_customers=True)
        return log.with_sessions(self.gap, column=_SESSION) if self.within == "session" else log

    def attempts(self, log: Log) -> Table:
        """The attempts that count, one row each."""
        units = self.units(log)
        return units.ask("funnel_attempts", self.plan(units))

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log; `units` has checked those of other units."""
        if self.count in ("customers", "attempts"):
            self._check_names(log)
        return self.plan_of_part(log)

    def _check_names(self, log: Log) -> None:
        events = log.events
        for position, each in enumerate(self._steps, start=1):
            if each.match is not None:
                log.check_pattern(each.match)
            _args.known_events(each.events, events, f"step {position}")
        for excluded in self._exclude:
            _args.known_events(excluded.events, events, "exclude")
        _args.known_columns_of_log(self.hold, log.columns, "hold")
        _args.known_segment(self.by, log.columns, log.roles)

    def plan_of_part(self, log: Log) -> dict[str, object]:
        """The kernel's plan for a part of a log, which need not have every event."""

        def what(each: Step | Exclusion) -> dict[str, object]:
            pattern = each.match if isinstance(each, Step) else None
            return {"events": list(each.events), "where": each.where, "pattern": pattern}

        def limit(value: Duration | None) -> int | None:
            return None if value is None else _args.microseconds(value)

        start, end = self.entries(log.timezone)
        if start is not None and end is not None and start >= end:
            raise ArgumentError(
                f"start={self.start!r} is not before end={self.end!r}; no entry can lie between them"
            )
        gaps = cast("tuple[Gap, ...]", self.step_within)
        in_session = self.within == "session" and self.count != "sessions"
        free = self.within is None or self.within == "session"
        params: dict[str, object] = {
            "steps": [what(each) for each in self._steps],
            "within_us": None if free else limit(self.within),
            "order": self.order,
            "gaps_us": [(limit(least) or 0, limit(longest)) for least, longest in gaps],
            "exclude": [
                {"what": what(each), "from": between[0], "to": between[1]}
                for each in self._exclude
                for between in [each.between or (1, len(self._steps))]
            ],
            "on_exclude": self.on_exclude,
            "entry": self.entry,
            "ties": self.ties if self.ties in get_args(Ties) else "favour",
            "same_time": _same_time(self.ties),
            "hold": [*self.hold, *([_SESSION] if in_session else [])],
            "entries_us": (start, end),
            "optional": [position for position, each in enumerate(self._steps, start=1) if each.optional],
            "segment_step": int(self.at.split()[1]) if self.at.startswith("step ") else None,
            "window": _funnel_dialects.modes(self.dialect),
        }
        return {"params": params, "by": self.by, "at": self.at if self.at in get_args(At) else "entry"}

    def finish(self, partial: Table, log: Log) -> FunnelResult:
        """The funnel from the units at each furthest step and status."""
        steps = len(self._steps)
        segment, segments = _table.segments(partial)
        status, statuses = partial.codes("status")
        counts = np.zeros((len(segments), steps, len(statuses)), dtype=np.int64)
        reached = _table.integers(partial, "reached") - 1
        units = _table.integers(partial, "customers")
        np.add.at(counts, (segment, reached, status), units)

        def stopped(name: str) -> Integers:
            index = statuses.index(name) if name in statuses else None
            return np.zeros(counts.shape[:2], dtype=np.int64) if index is None else counts[:, :, index]

        stand = np.ones(len(units), dtype=bool)
        counted = counts.sum(axis=2)
        if self.on_exclude == "drop_customer":
            counted -= stopped("excluded")
            stand = status != (statuses.index("excluded") if "excluded" in statuses else -1)
        customers = counted[:, ::-1].cumsum(axis=1)[:, ::-1].copy()
        # An optional step has not been taken by all who came further.
        skipped = _table.integers(partial, "skipped")
        optional = [index for index, each in enumerate(self._steps) if each.optional]
        for bit, index in enumerate(optional):
            without = stand & (skipped >> bit & 1 == 1)
            np.subtract.at(customers[:, index], segment[without], units[without])
        required = [index for index in range(steps) if index not in optional]
        previous = [
            max((other for other in required if other < index), default=index) for index in range(steps)
        ]
        before = customers[:, previous]
        # Nobody stands before step 1.
        before[:, :1] = 0
        first = np.repeat(customers[:, :1], steps, axis=1)
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name in segments for _ in range(steps)]
        columns["step"] = np.tile(np.arange(1, steps + 1), len(segments))
        columns["name"] = self.names() * len(segments)
        columns[self.unit] = customers.ravel()
        columns["dropped"] = stopped("dropped").ravel()
        columns["still_open"] = stopped("open").ravel()
        columns["excluded"] = stopped("excluded").ravel()
        columns |= share_columns("from_previous", customers.ravel(), before.ravel())
        columns |= share_columns("from_first", customers.ravel(), first.ravel())
        words = _funnel_words.definition(self, log)
        return FunnelResult(_table.table_of(columns), words, log.timezone, self.to_json(), shares=_SHARES)

    def names(self) -> list[str]:
        """What the rows are called: the steps, or their number where their order is free."""
        names = [each.name for each in self._steps]
        count = len(names)
        if self.order == "any":
            return [
                f"any {number} of {count}" if number < count else f"all {count}"
                for number in range(1, count + 1)
            ]
        if self.order == "anchored":
            return [
                names[0],
                *(f"{number} of {count - 2} between" for number in range(1, count - 1)),
                names[-1],
            ]
        return names


def _ties(given: object) -> str:
    if isinstance(given, str) and given in (*get_args(Ties), "same second"):
        return given
    try:
        return _args.duration(given, "ties")
    except SafarError as problem:
        allowed = _args.listing((*get_args(Ties), "same second"))
        raise ArgumentError(
            f'ties={given!r} is neither a choice (allowed: {allowed}) nor a tolerance such as "2s"'
        ) from problem


def _same_time(ties: Duration) -> dict[str, object]:
    if ties == "same second":
        return {"kind": "unit", "us": 1_000_000}
    if ties in get_args(Ties):
        return {"kind": "instant"}
    return {"kind": "tolerance", "us": _args.microseconds(ties)}


def _at(given: object, steps: int) -> str:
    if isinstance(given, str):
        if given in get_args(At):
            return given
        word, _, number = given.partition(" ")
        if word == "step" and number.isdecimal() and 1 <= int(number) <= steps:
            return f"step {int(number)}"
    raise ArgumentError(
        f'at={given!r} is not a choice (allowed: {_args.listing(get_args(At))}, "step 1" to "step {steps}")'
    )


def funnel(
    log: Log,
    steps: Sequence[StepLike],
    *,
    within: Duration | None = None,
    order: Order = "ordered",
    step_within: Duration | Gap | Sequence[Duration | Gap | None] | None = None,
    entry: Entry = "latest",
    exclude: ExclusionLike | Sequence[ExclusionLike] = (),
    on_exclude: OnExclude = "stop_attempt",
    hold: str | Sequence[str] = (),
    ties: Duration = "favour",
    start: Instant | None = None,
    end: Instant | None = None,
    count: str = "customers",
    gap: Duration = "30m",
    by: str | None = None,
    at: str = "entry",
    dialect: str | None = None,
) -> FunnelResult:
    """How many customers come through these steps, and where do they stop?

    Parameters
    ----------
    steps
        1 to 64 steps in order: an event name, a list of names of which any will do, or `safar.step` with a
        condition. The same event may stand in two steps and then needs two events.
    within
        The longest time from the entry (the event of step 1) to the last step, such as ``"7d"`` or a
        timedelta; an event exactly this long after the entry counts. ``"session"``: all steps in one session, cut by
        `gap`. Without a limit (the default) nobody is ever dropped for its sake, because each may still complete.
    order
        How the steps follow one another. ``"ordered"`` (default, because customers do other things too): one after
        the other, whatever stands between. ``"strict"``: with nothing between but repeats of the step just taken.
        ``"any"``: in any order, each with an event of its own; row k counts those who took any k of them.
        ``"anchored"``: the first and the last keep their places, those between come in any order.
    step_within
        The longest time from each step to the next, or a pair ``(least, longest)`` in which either may be None; a
        list gives one for each step after the first. An attempt takes the first event that fits.
    entry
        Which attempt stands for a customer. ``"latest"`` (default): every event of step 1 begins an attempt; the
        first to complete counts, else the furthest, of equals the latest. ``"best"``: the same, of equals the
        earliest. ``"first"``: only the first event of step 1 begins one. ``"all"``: one attempt after the other,
        and each counts; the column is then ``attempts``.
    exclude
        What must not happen on the way: an event, a list of them, or `safar.exclusion` with a condition or the two
        steps it must not stand between.
    on_exclude
        ``"stop_attempt"`` (default): the attempt ends and counts up to the step it reached. ``"drop_customer"``: it
        does not count at all, not even at step 1, and a customer without another attempt is ``excluded``.
    hold
        Columns whose value all steps of one attempt share, such as an order number: the funnel is asked of the
        events of each value for itself. Events without a value do not count.
    ties
        The order of events at one time: in the customer's favour (``"favour"``, the default, because clocks that tie
        say nothing), against (``"against"``: they do not follow one another), or as stored (``"stable"``). A
        tolerance such as ``"2s"``, or ``"same second"``, takes what lies so close together as at one time, that of
        the first, in the customer's favour.
    start, end
        Bounds of the entry, half-open: only attempts that begin in ``[start, end)`` count. Later events are still
        read. Without a zone they are wall clock of the log.
    count
        What is counted: ``"customers"`` (default), ``"attempts"`` (as ``entry="all"``), ``"sessions"`` (each for
        itself, cut by `gap`), or a column whose values are the units, such as an account: all events that bear a
        value are one unit, of whichever customer; events without one are left out.
    gap
        The longest pause inside a session, where sessions are counted or are the window.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the entry of the attempt that counts (``"entry"``, the
        default, so that a customer who changes device stays whole), the customer's ``"first"`` event, the
        ``"last"``, or that of a step, ``"step 2"`` (the furthest one before it where it was not reached).
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.
    dialect
        Count as another tool does: ``"posthog"``, ``"mixpanel"``, ``"amplitude"``, or ``"clickhouse"`` (its
        ``windowFunnel``), with its modes behind it, such as ``"clickhouse strict_order strict_increase"``. It sets
        the options that make the difference; `safar.compare_dialects` shows which customers that moves.

    Returns
    -------
    FunnelResult
        One row a step, for each segment: ``segment`` (only with `by`), ``step``, ``name``, ``customers`` (or
        ``attempts``, ``sessions``, ``units``), ``dropped``, ``still_open``, ``excluded`` (customers),
        ``from_previous``, ``from_first`` (shares, 0 to 1) and their ``_low`` and ``_high``.

    Notes
    -----
    An attempt begins at an event of step 1 and takes, for each step that follows, the first event that fits; one event
    never fills two steps. A customer who has not completed is ``still_open`` while any attempt could still go on
    after `observed_until`, ``excluded`` if an exclusion ended the attempt that counts, else ``dropped``; all stay
    in the denominators, but for those that ``on_exclude="drop_customer"`` takes out. The balance
    ``entered = completed + dropped + still_open + excluded`` always holds. By default the same counts as ClickHouse's
    ``windowFunnel`` in its default mode, except that this one accepts equal times in any order.

    Intervals are Wilson's score intervals at 95 % (1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...         "event": ["view", "purchase", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.funnel(["view", "purchase"], within="1h")
    >>> result.to_dict()["customers"]
    [2, 1]
    >>> result.still_open
    1
    """
    return Funnel(
        steps,
        within=within,
        order=order,
        step_within=step_within,
        entry=entry,
        exclude=exclude,
        on_exclude=on_exclude,
        hold=hold,
        ties=ties,
        start=start,
        end=end,
        count=count,
        gap=gap,
        by=by,
        at=at,
        dialect=dialect,
    ).run(log)
