"""Funnel: how many customers come through a sequence of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import At, Duration, Integers
from safar.analyses._spec import Spec, observed, segmented
from safar.errors import ArgumentError, ArgumentTypeError
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Funnel", "FunnelResult", "Step", "funnel", "step"]

_MOST_STEPS = 64
_SHARES = frozenset(
    f"{share}{bound}" for share in ("from_previous", "from_first") for bound in ("", "_low", "_high")
)
_AT = {"entry": "at the entry", "first": "at the first event", "last": "at the last event"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel; `step` writes one more briefly.

    Parameters
    ----------
    events
        Names of the events that fulfil the step: any one of them does.
    where
        A condition on the columns of the log that the event must meet, such as ``"value > 0"``.
    name
        How results call the step; by default the events joined by "or".
    """

    events: tuple[str, ...]
    _: KW_ONLY
    where: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", _args.names(self.events, "events"))
        if self.where is not None:
            _args.text(self.where, "where")
        object.__setattr__(self, "name", _args.text(self.name or " or ".join(self.events), "name"))


# What is taken as a step: an event, several events of which any will do, or a `Step`.
StepLike: TypeAlias = str | Sequence[str] | Step


def step(*events: str, where: str | None = None, name: str | None = None) -> Step:
    """What fulfils a step of a funnel?

    Parameters
    ----------
    *events
        Names of the events that fulfil the step: any one of them does.
    where
        A condition on the columns of the log that the event must meet, such as ``"value > 0"``.
    name
        How results call the step; by default the events joined by "or".

    Returns
    -------
    Step
        For the `steps` of a funnel.

    Examples
    --------
    >>> import safar
    >>> safar.step("purchase", "order", where="value > 0", name="Paid")
    Step(events=('purchase', 'order'), where='value > 0', name='Paid')
    """
    return Step(events, where=where, name=name or "")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FunnelResult(Result):
    """How many customers came through each step.

    The balance holds: ``entered = completed + dropped + still_open + excluded``.

    Parameters
    ----------
    table
        One row a step, for each segment: ``segment`` (only with `by`; null where the customer has no value),
        ``step`` (from 1), ``name``, ``customers`` (that reached the step), ``dropped`` (that went no further,
        and can't any more), ``still_open`` (that went no further, but whose window was not over),
        ``excluded`` (that an exclusion took out here), ``from_previous`` (share of the customers of the step
        before; null at step 1) and ``from_first`` (share of those that entered), each with the ``_low`` and
        ``_high`` of its 95 % Wilson interval. Shares are 0 to 1, and null where nobody is in the denominator.
    """

    analysis: ClassVar[str] = "funnel"

    @property
    def entered(self) -> int:
        """Customers that reached step 1."""
        return int(self._grid("customers")[:, 0].sum())

    @property
    def completed(self) -> int:
        """Customers that reached the last step."""
        return int(self._grid("customers")[:, -1].sum())

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
        customers = self._grid("customers")
        columns |= {"entered": customers[:, 0].copy(), "completed": customers[:, -1].copy()}
        columns |= {name: self._grid(name).sum(axis=1) for name in ("dropped", "still_open", "excluded")}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def _grid(self, column: str) -> Integers:
        """A column as segments by steps."""
        steps = _table.integers(self.table, "step").max(initial=1)
        return _table.integers(self.table, column).reshape(-1, steps)


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
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        if isinstance(self.steps, str | Step) or not isinstance(self.steps, Iterable):
            raise ArgumentTypeError(
                f'steps={self.steps!r} is not a list; expected one such as ["view", "purchase"]'
            )
        steps = tuple(_step(given, position) for position, given in enumerate(self.steps, start=1))
        if not 1 <= len(steps) <= _MOST_STEPS:
            raise ArgumentError(f"steps holds {len(steps)} steps; expected 1 to {_MOST_STEPS}")
        object.__setattr__(self, "steps", steps)
        if self.within is not None:
            object.__setattr__(self, "within", _args.duration(self.within, "within"))
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    def events(self) -> list[str]:
        """Every event that stands in a step."""
        return list(dict.fromkeys(name for each in self._steps for name in each.events))

    @property
    def _steps(self) -> tuple[Step, ...]:
        return cast("tuple[Step, ...]", self.steps)

    def plan(self, log: EventLog) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        events = log.events
        for position, each in enumerate(self._steps, start=1):
            _args.known_events(each.events, events, f"step {position}")
        _args.known_segment(self.by, log.columns, log.roles)
        steps = [
            {"events": list(each.events), "where": each.where, "name": each.name} for each in self._steps
        ]
        within_us = None if self.within is None else _args.microseconds(self.within)
        return {
            "params": {"steps": steps, "within_us": within_us, "order": "ordered"},
            "by": self.by,
            "at": self.at,
        }

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

        customers = counts.sum(axis=2)[:, ::-1].cumsum(axis=1)[:, ::-1]
        before = np.roll(customers, 1, axis=1)
        # Nobody stands before step 1.
        before[:, :1] = 0
        first = np.repeat(customers[:, :1], steps, axis=1)
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name in segments for _ in range(steps)]
        columns["step"] = np.tile(np.arange(1, steps + 1), len(segments))
        columns["name"] = [each.name for each in self._steps] * len(segments)
        columns["customers"] = customers.ravel()
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
        if self.within is None:
            window = "with no time limit, so that an unfinished customer is still open"
            still_open = "who have not completed"
        else:
            window = f"within {_args.duration_words(self.within)} of the entry (inclusive)"
            still_open = f"whose window since their latest entry was not over at {observed(log)}"
        return (
            f"Customers who came through {steps} in this order, other events between them allowed, {window}; "
            "each customer counts once, by the furthest step of any attempt. from_previous is the share of the "
            "customers of the step before, from_first of those who entered, each with its 95 % Wilson interval; "
            f"still_open are those {still_open}.{segmented(self.by, _AT[self.at])}"
        )


def _step(given: object, position: int) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, Mapping):
        return _args.from_fields(Step, given, f"step {position}")
    if isinstance(given, str | Sequence):
        return Step(_args.names(given, f"step {position}"))
    raise ArgumentTypeError(
        f"step {position} is {given!r}, a {type(given).__name__}; expected an event name, a list of event names "
        "of which any will do, or safar.step(...)"
    )


def funnel(
    log: EventLog,
    steps: Sequence[StepLike],
    *,
    within: Duration | None = None,
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
        ever dropped, because each may still complete.
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
    Other events may stand between the steps. Every entry starts an attempt; the customer counts
    at the furthest step that any attempt reached inside its window. Events at the same time are ordered in
    the customer's favour, but one event never fills two steps. A customer who has not completed is
    ``still_open`` while the window of the latest entry is not over at `observed_until`, and ``dropped`` after
    that; both stay in the denominators. The balance ``entered = completed + dropped + still_open + excluded``
    always holds. The same counts as ClickHouse's ``windowFunnel`` in its default mode, except that this one
    accepts equal times in any order.

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
    return Funnel(steps, within=within, by=by, at=at).run(log)
