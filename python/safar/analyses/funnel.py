"""Funnel: how many customers come through a sequence of steps."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import (
    Array,
    At,
    Duration,
    Entry,
    Instant,
    Integers,
    OnExclude,
    Order,
    Period,
    Status,
    Ties,
)
from safar.analyses import _funnel_steps
from safar.analyses._funnel_steps import Exclusion, ExclusionLike, Gap, Step, StepLike, exclusion, step
from safar.analyses._spec import Spec, observed, segmented
from safar.errors import ArgumentError
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Exclusion", "Funnel", "FunnelResult", "Step", "StepLike", "exclusion", "funnel", "step"]

_SHARES = frozenset(
    f"{share}{bound}" for share in ("from_previous", "from_first") for bound in ("", "_low", "_high")
)
_AT = {"entry": "at the entry", "first": "at the first event", "last": "at the last event"}
# How the kernel calls what users see.
_STATUS = {"completed": "completed", "dropped": "dropped", "open": "still_open", "excluded": "excluded"}
# More periods than this make a trend that nobody reads, and each is a pass over the log.
_MOST_PERIODS = 400


class FunnelResult(Result):
    """How many customers came through each step.

    The balance holds: ``entered = completed + dropped + still_open + excluded``.

    Parameters
    ----------
    table
        One row a step, for each segment: ``segment`` (only with `by`; null where the customer has no value),
        ``step`` (from 1), ``name``, ``customers`` (that reached the step; ``attempts`` where each attempt
        counts), ``dropped`` (that went no further, and can't any more), ``still_open`` (that went no further,
        but whose window was not over), ``excluded`` (that an exclusion took out here), ``from_previous`` (share
        of the customers of the step before; null at step 1) and ``from_first`` (share of those at step 1), each
        with the ``_low`` and ``_high`` of its 95 % Wilson interval. Shares are 0 to 1, and null where nobody is in
        the denominator.
    """

    __slots__ = ()

    analysis: ClassVar[str] = "funnel"

    @property
    def unit(self) -> str:
        """What is counted: ``"customers"``, or ``"attempts"`` where each attempt counts."""
        return "attempts" if "attempts" in self.table.names else "customers"

    @property
    def entered(self) -> int:
        """Customers that began, those that an exclusion took out of the funnel among them."""
        return self.completed + self.dropped + self.still_open + self.excluded

    @property
    def completed(self) -> int:
        """Customers that reached the last step."""
        return int(self._grid(self.unit)[:, -1].sum())

    @property
    def dropped(self) -> int:
        """Customers that did not complete, and can't any more."""
        return int(self._grid("dropped").sum())

    @property
    def still_open(self) -> int:
        """Customers that had not completed, but whose window was not over when the data end."""
        return int(self._grid("still_open").sum())

    @property
    def excluded(self) -> int:
        """Customers that an exclusion took out."""
        return int(self._grid("excluded").sum())

    def balance(self) -> ResultTable:
        """What became of the customers that entered?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``entered``, ``completed``, ``dropped``, ``still_open``,
            ``excluded`` (customers).
        """
        columns: dict[str, object] = {}
        if "segment" in self.table.names:
            columns["segment"] = self.table.numpy("segment")[0][_table.integers(self.table, "step") == 1]
        ends = {name: self._grid(name).sum(axis=1) for name in ("dropped", "still_open", "excluded")}
        ends = {"completed": self._grid(self.unit)[:, -1].copy(), **ends}
        columns |= {"entered": sum(ends.values()), **ends}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def customers(self, step: int | None = None, status: Status | None = None) -> ResultTable:
        """Who stands at a cell of the funnel?

        Parameters
        ----------
        step
            A step from 1: with `status` those whose last step it is, without those who reached it. All steps by
            default.
        status
            What became of them: ``"completed"``, ``"dropped"``, ``"still_open"`` or ``"excluded"``; any by default.

        Returns
        -------
        ResultTable
            One row a customer, or an attempt where each counts: ``segment`` (only with `by`), ``customer``,
            ``reached`` (steps), ``status``, ``entry``, ``last_step`` (times).

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
        >>> log.funnel(["view", "purchase"], within="1h").customers(
        ...     step=1, status="still_open"
        ... ).to_dict()["customer"]
        ['bob']
        """
        last = self._grid(self.unit).shape[1]
        if step is not None and step not in range(1, last + 1):
            raise ArgumentError(f"step={step!r} is not a step of this funnel; expected 1 to {last}")
        if status is not None:
            _args.choice(status, "status", Status)
        attempts = self._attempts()
        reached = _table.integers(attempts, "reached")
        found = attempts.numpy("status")[0]
        stands = np.ones(len(reached), dtype=bool)
        if status is not None:
            stands &= found == next(kernel for kernel, shown in _STATUS.items() if shown == status)
            stands &= (reached == step) if step is not None else True
        elif step is not None:
            stands &= reached >= step
            if json.loads(self.spec)["on_exclude"] == "drop_customer":
                stands &= found != "excluded"
        times = attempts.numpy("times")[0][stands].tolist()
        columns: dict[str, object] = {}
        if "segment" in attempts.names:
            columns["segment"] = attempts.numpy("segment")[0][stands]
        columns |= {
            "customer": attempts.numpy("customer")[0][stands],
            "reached": reached[stands],
            "status": [_STATUS[name] for name in found[stands].tolist()],
            "entry": _instants([each[0] for each in times]),
            "last_step": _instants([each[-1] for each in times]),
        }
        which = f"Those who reached step {step}" if step is not None and status is None else "Those who came"
        at = "" if step is None or status is None else f" to step {step} and no further"
        became = "" if status is None else f" and are {status}"
        return ResultTable(
            _table.table_of(columns), f"{which}{at}{became}, of: {self.definition}", self.timezone
        )

    def times(self) -> ResultTable:
        """How long do the steps take?

        Returns
        -------
        ResultTable
            One row a step after the first, for each segment, and one for the way from the first to the last:
            ``segment`` (only with `by`), ``step`` (from 2; null for the whole way), ``name``, ``customers`` (that
            took the step), ``mean_seconds``, ``median_seconds``, ``p90_seconds``, ``min_seconds``, ``max_seconds``
            (from the step before, or from the entry for the whole way; null where nobody took it).

        Notes
        -----
        Exact, over the attempts that count; steps that take no time are among them. A quantile is the smallest time
        that at least that share of the times do not exceed. Attempts that are still open may yet add long times, so
        the times of a young cohort look short; `EventLog.conversion` accounts for that.
        """
        attempts = self._attempts()
        segment, segments = _table.segments(attempts)
        count = self._grid(self.unit).shape[1]
        names = [each["name"] for each in json.loads(self.spec)["steps"]]
        reached = _table.integers(attempts, "reached")
        if json.loads(self.spec)["on_exclude"] == "drop_customer":
            reached = np.where(attempts.numpy("status")[0] == "excluded", 0, reached)
        lists = [each.astype("datetime64[us]").astype(np.int64) for each in attempts.numpy("times")[0]]
        flat = np.concatenate([np.zeros(0, dtype=np.int64), *lists])
        start = np.cumsum([0, *map(len, lists)])[:-1].astype(np.int64)
        rows: list[tuple[object, ...]] = []
        for index, label in enumerate(segments):
            here = segment == index
            for k in range(2, count + 1):
                taken = start[here & (reached >= k)]
                rows.append((label, k, names[k - 1], *_spread(flat[taken + k - 1] - flat[taken + k - 2])))
            whole = start[here & (reached == count)]
            rows.append(
                (label, None, f"{names[0]} → {names[-1]}", *_spread(flat[whole + count - 1] - flat[whole]))
            )
        labels, number, name, *numbers = (list(column) for column in zip(*rows, strict=True))
        columns: dict[str, object] = {"segment": labels} if "segment" in attempts.names else {}
        columns["step"] = _table.nullable(
            np.array([each or 0 for each in number], dtype=np.int64),
            np.array([each is None for each in number]),
        )
        columns |= {"name": name, self.unit: np.array(numbers[0], dtype=np.int64)}
        for column, values in zip(("mean", "median", "p90", "min", "max"), numbers[1:], strict=True):
            columns[f"{column}_seconds"] = _table.nullable(np.array(values, dtype=np.float64) / 1e6)
        return ResultTable(
            _table.table_of(columns),
            f"Time from step to step, and from the entry to the last step in the last row, of: {self.definition}",
            self.timezone,
        )

    def trend(self, period: Period = "week") -> ResultTable:
        """How does the funnel change with the time of entry?

        Parameters
        ----------
        period
            ``"day"``, ``"week"`` or ``"month"``, in the zone of the log; Gregorian, weeks from Monday.

        Returns
        -------
        ResultTable
            One row a period that the funnel's entries may fall into, for each segment: ``segment`` (only with
            `by`), ``period`` (its first day), ``entered``, ``completed``, ``dropped``, ``still_open``,
            ``excluded``, ``share`` (completed of those that entered) with its 95 % Wilson interval.

        Notes
        -----
        Each row is the same funnel with its entries bounded by the period; later events still count. A customer may
        enter in several periods and then stands in each, so the rows need not add up to the funnel.
        """
        log = self._asked()
        _args.choice(period, "period", Period)
        question = cast("Funnel", Spec.from_json(self.spec))
        starts = _core.period_starts(
            log.info["first_us"], log.info["last_us"], period, log.timezone, "gregorian", 0
        )
        if len(starts) - 1 > _MOST_PERIODS:
            raise ArgumentError(
                f"the log spans {len(starts) - 1} periods of one {period}, more than the {_MOST_PERIODS} of one trend; "
                "choose a longer period"
            )
        balances: list[dict[str, list[Any]]] = []
        for first, end in itertools.pairwise(starts):
            inside = question.between(first, end, log.timezone)
            if inside is not None:
                balance = inside.run(log).balance().to_dict()
                day = _args.local_datetime(first, log.timezone).date()
                balances.append({**balance, "period": [day] * len(balance["entered"])})
        names = ["entered", "completed", "dropped", "still_open", "excluded"]
        rows = {
            name: [value for balance in balances for value in balance[name]]
            for name in [*names, "period", *(["segment"] if question.by is not None else [])]
        }
        entered = np.array(rows["entered"], dtype=np.int64)
        found = entered > 0
        columns: dict[str, object] = {}
        if question.by is not None:
            columns["segment"] = np.array(rows["segment"], dtype=object)[found]
        columns["period"] = np.array(rows["period"], dtype="datetime64[D]")[found]
        counts = {name: np.array(rows[name], dtype=np.int64)[found] for name in names}
        columns |= counts
        columns |= share_columns("share", counts["completed"], counts["entered"])
        return ResultTable(
            _table.table_of(columns),
            f"By the {period} of the entry, each {period} a funnel of its own: {self.definition}",
            self.timezone,
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def ties_matter(self) -> int:
        """How many customers count otherwise where events at one time go against them instead of in their favour?

        Returns
        -------
        int
            Customers whose steps reached or whose status differ between ``ties="favour"`` and ``ties="against"``.
        """
        asked = cast("Funnel", Spec.from_json(self.spec))
        ways: list[dict[object, list[tuple[int, str]]]] = []
        for ties in ("favour", "against"):
            found: dict[object, list[tuple[int, str]]] = {}
            attempts = self._attempts(replace(asked, ties=ties))
            columns = [attempts.numpy(name)[0].tolist() for name in ("customer", "reached", "status")]
            for customer, reached, status in zip(*columns, strict=True):
                found.setdefault(customer, []).append((reached, status))
            ways.append(found)
        favour, against = ways
        return sum(
            favour.get(customer) != against.get(customer) for customer in favour.keys() | against.keys()
        )

    def _attempts(self, asked: Spec[Any] | None = None) -> Table:
        """The attempts that count, one row each."""
        log = self._asked()
        plan = (asked or Spec.from_json(self.spec)).plan(log)
        return _core.run(log.core, "funnel_attempts", json.dumps(plan))

    def _grid(self, column: str) -> Integers:
        """A column as segments by steps."""
        steps = _table.integers(self.table, "step").max(initial=1)
        return _table.integers(self.table, column).reshape(-1, steps)


def _instants(times: list[Any]) -> Array:
    return np.array(times, dtype="datetime64[us]")


def _spread(times: Integers) -> tuple[int, float, float, float, float, float]:
    """How many, and their mean, median, 90th percentile, least and greatest in µs."""
    if not len(times):
        return 0, np.nan, np.nan, np.nan, np.nan, np.nan
    median, p90 = np.quantile(times, [0.5, 0.9], method="inverted_cdf")
    return len(times), float(times.mean()), float(median), float(p90), float(times.min()), float(times.max())


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
    ties: Ties = "favour"
    start: Instant | None = None
    end: Instant | None = None
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        steps = _funnel_steps.steps(self.steps)
        object.__setattr__(self, "steps", steps)
        if self.within is not None:
            object.__setattr__(self, "within", _args.duration(self.within, "within"))
        _args.choice(self.order, "order", Order)
        object.__setattr__(self, "step_within", _funnel_steps.gaps(self.step_within, len(steps)))
        _args.choice(self.entry, "entry", Entry)
        object.__setattr__(self, "exclude", _funnel_steps.exclusions(self.exclude, len(steps)))
        _args.choice(self.on_exclude, "on_exclude", OnExclude)
        object.__setattr__(self, "hold", () if self.hold in ((), []) else _args.names(self.hold, "hold"))
        _args.choice(self.ties, "ties", Ties)
        for name in ("start", "end"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, _args.instant(given, name))
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    def events(self) -> list[str]:
        """Every event that stands in a step or an exclusion."""
        lists = [each.events for each in self._steps] + [each.events for each in self._exclude]
        return list(dict.fromkeys(itertools.chain.from_iterable(lists)))

    def between(self, start_us: int, end_us: int, timezone: str) -> Funnel | None:
        """The same funnel for entries in a range of time (µs UTC); None where its own range does not reach there."""
        own_start, own_end = self._entries(timezone)
        start = start_us if own_start is None else max(own_start, start_us)
        end = end_us if own_end is None else min(own_end, end_us)
        if start >= end:
            return None
        return replace(
            self, start=str(_args.local_datetime(start, "UTC")), end=str(_args.local_datetime(end, "UTC"))
        )

    def _entries(self, timezone: str) -> tuple[int | None, int | None]:
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

    def plan(self, log: EventLog) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        events = log.events
        for position, each in enumerate(self._steps, start=1):
            _args.known_events(each.events, events, f"step {position}")
        for excluded in self._exclude:
            _args.known_events(excluded.events, events, "exclude")
        _args.known_columns_of_log(self.hold, log.columns, "hold")
        _args.known_segment(self.by, log.columns, log.roles)

        def what(each: Step | Exclusion) -> dict[str, object]:
            return {"events": list(each.events), "where": each.where}

        def limit(value: Duration | None) -> int | None:
            return None if value is None else _args.microseconds(value)

        start, end = self._entries(log.timezone)
        if start is not None and end is not None and start >= end:
            raise ArgumentError(
                f"start={self.start!r} is not before end={self.end!r}; no entry can lie between them"
            )
        gaps = cast("tuple[Gap, ...]", self.step_within)
        params = {
            "steps": [what(each) for each in self._steps],
            "within_us": limit(self.within),
            "order": self.order,
            "gaps_us": [(limit(least) or 0, limit(longest)) for least, longest in gaps],
            "exclude": [
                {"what": what(each), "from": between[0], "to": between[1]}
                for each in self._exclude
                for between in [each.between or (1, len(self._steps))]
            ],
            "on_exclude": self.on_exclude,
            "entry": self.entry,
            "ties": self.ties,
            "hold": list(self.hold),
            "entries_us": (start, end),
        }
        return {"params": params, "by": self.by, "at": self.at}

    def finish(self, partial: Table, log: EventLog) -> FunnelResult:
        """The funnel from the customers at each furthest step and status."""
        steps = len(self._steps)
        segment, segments = _table.segments(partial)
        status, statuses = _table.factorize(partial.numpy("status")[0])
        counts = np.zeros((len(segments), steps, len(statuses)), dtype=np.int64)
        reached = _table.integers(partial, "reached") - 1
        np.add.at(counts, (segment, reached, status), _table.integers(partial, "customers"))

        def stopped(name: str) -> Integers:
            index = statuses.index(name) if name in statuses else None
            return np.zeros(counts.shape[:2], dtype=np.int64) if index is None else counts[:, :, index]

        counted = counts.sum(axis=2)
        if self.on_exclude == "drop_customer":
            counted -= stopped("excluded")
        customers = counted[:, ::-1].cumsum(axis=1)[:, ::-1]
        before = np.roll(customers, 1, axis=1)
        # Nobody stands before step 1.
        before[:, :1] = 0
        first = np.repeat(customers[:, :1], steps, axis=1)
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name in segments for _ in range(steps)]
        columns["step"] = np.tile(np.arange(1, steps + 1), len(segments))
        columns["name"] = [each.name for each in self._steps] * len(segments)
        columns["attempts" if self.entry == "all" else "customers"] = customers.ravel()
        columns["dropped"] = stopped("dropped").ravel()
        columns["still_open"] = stopped("open").ravel()
        columns["excluded"] = stopped("excluded").ravel()
        columns |= share_columns("from_previous", customers.ravel(), before.ravel())
        columns |= share_columns("from_first", customers.ravel(), first.ravel())
        return FunnelResult(
            _table.table_of(columns), self._definition(log), log.timezone, self.to_json(), shares=_SHARES
        )

    def _definition(self, log: EventLog) -> str:
        steps = " → ".join(f"{each.name} [{each.where}]" if each.where else each.name for each in self._steps)
        unit, who = ("attempts", "Attempts that") if self.entry == "all" else ("customers", "Customers who")
        between = {
            "ordered": "in this order, other events between them allowed",
            "strict": "in this order with no other event between them (repeats of the step just taken aside)",
        }[self.order]
        limits = [
            "with no time limit"
            if self.within is None
            else f"within {_args.duration_words(self.within)} of the entry (inclusive)",
            *self._gap_words(),
        ]
        if self.hold:
            limits.append(f"all steps with the same {' and '.join(self.hold)}")
        counts = {
            "latest": "each customer counts once, by the furthest step of any attempt, of equals by the latest entry",
            "best": "each customer counts once, by the furthest step of any attempt, of equals by the earliest entry",
            "first": "each customer counts once, by the attempt that begins at the first entry",
            "all": "each attempt counts, one after the other: none begins while another is under way",
        }[self.entry]
        ties = {
            "favour": "",
            "against": " Events at one time do not follow one another.",
            "stable": " Events at one time count in the order in which the data hold them.",
        }[self.ties]
        entries = ""
        if self.start is not None or self.end is not None:
            bounds = [f"from {self.start}"] * (self.start is not None) + [f"before {self.end}"] * (
                self.end is not None
            )
            entries = f" Only entries {' and '.join(bounds)} count; later events are still read."
        return (
            f"{who} came through {steps} {between}, {', '.join(limits)}; "
            f"{counts}. from_previous is the share of the {unit} of the step before, from_first of those at step 1, "
            "each with its 95 % Wilson interval; still_open are those who have not completed and still may after "
            f"{observed(log)}."
            f"{self._exclusion_words()}{ties}{entries}{segmented(self.by, _AT[self.at])}"
        )

    def _gap_words(self) -> list[str]:
        words = []
        for position, (least, longest) in enumerate(cast("tuple[Gap, ...]", self.step_within), start=2):
            parts = []
            if least is not None:
                parts.append(f"at least {_args.duration_words(least)}")
            if longest is not None:
                parts.append(f"at most {_args.duration_words(longest)}")
            if parts:
                words.append(f"step {position} {' and '.join(parts)} after step {position - 1}")
        return words

    def _exclusion_words(self) -> str:
        if not self._exclude:
            return ""
        named = [
            " or ".join(each.events)
            + (f" [{each.where}]" if each.where else "")
            + (f" between steps {each.between[0]} and {each.between[1]}" if each.between else "")
            for each in self._exclude
        ]
        ends = {
            "stop_attempt": "ends an attempt, which counts up to the step that it reached",
            "drop_customer": "takes an attempt out of the funnel; a customer who has no other attempt is excluded and "
            "stands at no step",
        }[self.on_exclude]
        return f" {'; '.join(named)} {ends}."


def funnel(
    log: EventLog,
    steps: Sequence[StepLike],
    *,
    within: Duration | None = None,
    order: Order = "ordered",
    step_within: Duration | Gap | Sequence[Duration | Gap | None] | None = None,
    entry: Entry = "latest",
    exclude: ExclusionLike | Sequence[ExclusionLike] = (),
    on_exclude: OnExclude = "stop_attempt",
    hold: str | Sequence[str] = (),
    ties: Ties = "favour",
    start: Instant | None = None,
    end: Instant | None = None,
    by: str | None = None,
    at: At = "entry",
) -> FunnelResult:
    """How many customers come through these steps, and where do they stop?

    Parameters
    ----------
    steps
        1 to 64 steps in order: an event name, a list of names of which any will do, or `safar.step` with a
        condition. The same event may stand in two steps and then needs two events.
    within
        The longest time from the entry (the event of step 1) to the last step, such as ``"7d"`` or a
        timedelta; an event exactly this long after the entry counts. Without a limit (the default) nobody is
        ever dropped for its sake, because each may still complete.
    order
        What may stand between two steps: any event (``"ordered"``, the default, because customers do other things
        too), or nothing but repeats of the step just taken (``"strict"``).
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
        The order of events at one time: in the customer's favour (default, because clocks that tie say nothing),
        against (they do not follow one another), or as stored (``"stable"``).
    start, end
        Bounds of the entry, half-open: only attempts that begin in ``[start, end)`` count. Later events are still
        read. Without a zone they are wall clock of the log.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the entry of the attempt that counts (default, so
        that a customer who changes device stays whole), the customer's first event, or the last.

    Returns
    -------
    FunnelResult
        One row a step, for each segment: ``segment`` (only with `by`), ``step``, ``name``, ``customers``,
        ``dropped``, ``still_open``, ``excluded`` (customers), ``from_previous``, ``from_first`` (shares, 0 to
        1) and their ``_low`` and ``_high``.

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
        by=by,
        at=at,
    ).run(log)
