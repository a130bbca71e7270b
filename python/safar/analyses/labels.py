"""Labels: what customers did after a cut-off, the truth that models learn from and are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Duration
from safar.analyses import _cutoffs
from safar.analyses._cutoffs import Cutoffs
from safar.analyses._spec import Spec, observed
from safar.errors import ArgumentError
from safar.language import Length, Listed, Said, Spoken, paragraph
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["LabelKind", "Labels", "LabelsResult", "labels"]

LabelKind: TypeAlias = Literal["inactivity", "event", "renewal"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LabelsResult(Result):
    """What became of each customer after a cut-off?

    Parameters
    ----------
    table
        One row a customer and cut-off, row for row those of `EventLog.features` with the same cut-offs and population:
        ``customer`` (as given), ``at`` (the cut-off), ``label`` (true where it came to pass; null for those who are not
        eligible), ``events`` (found in the prediction window), ``first`` (time of the first of them) and, with `value`,
        ``value`` (their sum: 0 without such an event, null where none of them has a value).
    """

    analysis: ClassVar[str] = "labels"

    def values(self) -> Array:
        """The labels as 64-bit floats, 1 and 0, with NaN for those who are not eligible."""
        label, missing = self.table.numpy("label")
        numbers = label.astype(np.float64)
        if missing is not None:
            numbers[missing] = np.nan
        return numbers

    def totals(self) -> ResultTable:
        """How many are eligible at each cut-off, and of how many does it come to pass?

        Returns
        -------
        ResultTable
            One row a cut-off: ``at``, ``customers`` (in the population), ``eligible``, ``labelled`` (true) and
            ``share`` (of the eligible) with its 95 % Wilson interval ``share_low``, ``share_high``.
        """
        label = self.values()
        at, group = np.unique(self.table.numpy("at")[0], return_inverse=True)
        eligible = ~np.isnan(label)
        customers, known, true = (
            np.bincount(group, weights=weights, minlength=len(at)).astype(np.int64)
            for weights in (np.ones(len(label)), eligible, np.nan_to_num(label))
        )
        columns: dict[str, object] = {
            "at": _table.instants(at),
            "customers": customers,
            "eligible": known,
            "labelled": true,
        }
        columns |= share_columns("share", true, known)
        return ResultTable(
            _table.table_of(columns), self.definition, self.timezone,
            shares=frozenset({"share", "share_low", "share_high"}),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels(Spec[LabelsResult]):
    """The question of `EventLog.labels`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Labels("inactivity", at="2026-06-01", predict="30d").kind
    'inactivity'
    """

    analysis: ClassVar[str] = "labels"

    kind: LabelKind
    _: KW_ONLY
    at: Cutoffs
    predict: Duration
    events: str | Sequence[str] | None = None
    where: str | None = None
    gap: Duration | None = None
    observe: Duration | None = None
    active: str | Sequence[str] | None = None
    active_where: str | None = None
    arrived: str | None = None
    again: bool = False
    term: Duration | None = None
    grace: Duration | None = None
    value: str | None = None

    def __post_init__(self) -> None:
        _args.choice(self.kind, "kind", LabelKind)
        if self.at is None:
            raise ArgumentError(
                'labels need a cut-off with data after it: at="2026-06-01"; the default of features, the end of the '
                "data, has no future yet"
            )
        self._set("at", _cutoffs.checked(self.at))
        for name in ("predict", "gap", "observe", "term", "grace"):
            if name == "predict" or getattr(self, name) is not None:
                self._set(name, _args.duration(getattr(self, name), name))
        for name in ("events", "active"):
            if getattr(self, name) is not None:
                self._set(name, _args.names(getattr(self, name), name))
        for name in ("where", "active_where", "arrived", "value"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)
        _args.flag(self.again, "again")
        self._check_together()

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_together(self) -> None:
        if self.kind != "inactivity" and self.events is None and self.where is None:
            raise ArgumentError(f'kind="{self.kind}" needs events=, the events that are waited for')
        if (self.kind == "renewal") != (self.term is not None):
            what = "needs term=, how long a renewal holds" if self.kind == "renewal" else "takes no term="
            raise ArgumentError(f'kind="{self.kind}" {what}')
        if self.grace is not None and self.kind != "renewal":
            raise ArgumentError(f'kind="{self.kind}" takes no grace=; it is for renewals')
        if self.again and self.kind != "event":
            raise ArgumentError(f'kind="{self.kind}" takes no again=; it is for events')

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name and of the windows against the log."""
        at_us = _cutoffs.cutoffs_us(self.at, log)
        events = self.events
        active = self.active
        if events is not None:
            _args.known_events(events, log.events, "events")
        if self.value is not None:
            _args.known_columns_of_log([self.value], log.columns, "value")
        cutoffs = _cutoffs.plan(log, at_us, self.observe, active, self.active_where, self.arrived)
        gap, predict, term, grace = (
            0 if each is None else _args.microseconds(each)
            for each in (self.gap, self.predict, self.term, self.grace)
        )
        _refuse_unseen(log, at_us, gap + predict + grace)
        params = {
            "cutoffs": cutoffs,
            "events": None if events is None else list(events),
            "where": self.where,
            "gap_us": gap,
            "predict_us": predict,
            "term": {"length_us": term, "grace_us": grace} if self.kind == "renewal" else None,
            "value": self.value,
        }
        return {"params": params}

    def finish(self, partial: Table, log: Log) -> LabelsResult:
        """The kernel's counts as labels."""
        found = _table.integers(partial, "events") > 0
        before = _table.integers(partial, "before") > 0
        if self.kind == "event":
            label, eligible = found, np.ones(len(found), dtype=bool) if self.again else ~before
        elif self.kind == "inactivity":
            label, eligible = ~found, np.ones(len(found), dtype=bool)
        else:
            never = partial.numpy("term_end")[1]
            label, eligible = ~found, np.ones(len(found), dtype=bool) if never is None else ~never
        kept = ["events", "first", *(["value"] if self.value is not None else [])]
        labels = _table.table_of({"label": _table.nullable(label, ~eligible)})
        table = partial.select(["customer", "at"]).beside(labels).beside(partial.select(kept))
        return LabelsResult(table, self._definition(log), log.timezone, self.to_json())

    def _definition(self, log: Log) -> Said:
        events = self.events
        what: Spoken = Said("event") if events is None else Said(
            "{events} event", events=Listed(list(events), last="or")
        )  # fmt: skip
        if self.where is not None:
            what = Said("{event} with {condition}", event=what, condition=self.where)
        window = (
            Said("The prediction window is the {length} from the cut-off on.", length=Length(self.predict))
            if self.gap is None
            else Said(
                "The prediction window begins {gap} after the cut-off and lasts {length}.",
                gap=Length(self.gap),
                length=Length(self.predict),
            )
        )
        active = self.active
        at_us = _cutoffs.cutoffs_us(self.at, log)
        return paragraph(
            _cutoffs.population(log, at_us, self.observe, active, self.active_where),
            window,
            self._rule(what),
        )

    def _rule(self, event: Spoken) -> Said:
        """When a label is true, for a definition."""
        if self.kind == "inactivity":
            return Said("The label is true where a customer has no {event} in it.", event=event)
        if self.kind == "event":
            whole = (
                "The label is true where a customer has at least one {event} in it."
                if self.again
                else "The label is true where a customer has at least one {event} in it; those who had one before the "
                "cut-off are not eligible."
            )
            return Said(whole, event=event)
        term = Length(cast("Duration", self.term))
        eligible = Said(
            "Eligible are customers whose term, {term} from the last {event} before the cut-off, ends in it.",
            term=term,
            event=event,
        )
        renewed = (
            Said("The label is true where none follows from the cut-off to that end.")
            if self.grace is None
            else Said(
                "The label is true where none follows from the cut-off to {grace} after that end.",
                grace=Length(self.grace),
            )
        )
        return paragraph(eligible, renewed)


def _refuse_unseen(log: Log, at_us: Sequence[int], ahead: int) -> None:
    """Refuse cut-offs whose future the data do not reach."""
    if at_us[-1] + ahead - 1 <= log.observed_until_us:
        return
    latest = log.observed_until_us + 1 - ahead
    if latest <= _cutoffs.first_us(log):
        raise ArgumentError(
            "the gap and the prediction window are longer than the data; choose a shorter predict="
        )
    moment = _args.local_datetime(at_us[-1], log.timezone)
    best = _args.local_datetime(latest, log.timezone)
    raise ArgumentError(
        f"the prediction window of the cut-off {moment:%Y-%m-%d %H:%M} ends after {observed(log)}, where the data end, "
        f"so that what is not seen yet would count as nothing; choose a cut-off of at latest {best:%Y-%m-%d %H:%M} or "
        "a shorter predict="
    )


def labels(
    log: Log,
    kind: LabelKind = "inactivity",
    *,
    at: Cutoffs,
    predict: Duration,
    events: str | Sequence[str] | None = None,
    where: str | None = None,
    gap: Duration | None = None,
    observe: Duration | None = None,
    active: str | Sequence[str] | None = None,
    active_where: str | None = None,
    arrived: str | None = None,
    again: bool = False,
    term: Duration | None = None,
    grace: Duration | None = None,
    value: str | None = None,
) -> LabelsResult:
    """What became of each customer after a cut-off?

    Parameters
    ----------
    kind
        ``"inactivity"``: true where none of the events comes in the prediction window; ``"event"``: true where one
        does, such as a cancellation or a first purchase; ``"renewal"``: true where a term ends in the window and is not
        renewed.
    at
        The cut-off, or several.
    predict
        Length of the prediction window.
    events, where
        What is waited for, and a condition that it has to meet; by default any event.
    gap
        Time between the cut-off and the prediction window, in which one can act; by default none.
    observe, active, active_where, arrived
        The population, as for `EventLog.features`. Labels themselves also see events that arrived late: they are the
        truth.
    again
        With ``"event"``, also customers who had such an event before the cut-off are eligible.
    term, grace
        With ``"renewal"``: how long a renewal holds, and how long after the end of a term the next one is in time.
    value
        A column that is added up over the events in the window.

    Returns
    -------
    LabelsResult
        One row a customer and cut-off, row for row as `EventLog.features` with the same population.

    Raises
    ------
    ArgumentError
        If the data end before a prediction window does: what was not seen yet would count as nothing.

    Notes
    -----
    The windows are ``[at - observe, at)`` and ``[at + gap, at + gap + predict)``. An event at the very cut-off is of
    the future; one in the gap is of neither window, but renews a term.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-15", "2026-03-02", "2026-04-09"],
    ...         "event": ["view", "purchase", "view", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.labels("inactivity", at="2026-03-10", predict="14d").to_dict()
    >>> sorted(zip(result["customer"], result["label"]))
    [('ann', False), ('bob', True)]
    """
    return Labels(
        kind, at=at, predict=predict, events=events, where=where, gap=gap, observe=observe, active=active,
        active_where=active_where, arrived=arrived, again=again, term=term, grace=grace, value=value,
    ).run(log)  # fmt: skip
