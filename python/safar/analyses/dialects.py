"""Dialects: the same funnel as other tools count it, and the customers that this moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _table
from safar._typing import Duration
from safar.analyses import _funnel_dialects, _funnel_steps
from safar.analyses._funnel_steps import ExclusionLike, StepLike
from safar.analyses.funnel import Funnel
from safar.errors import ArgumentError
from safar.language import Said, paragraph, quoted
from safar.result import ResultTable
from safar.spoken import SpokenTable, spoken_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["DialectsResult", "compare_dialects"]

_ALL = ("posthog", "mixpanel", "amplitude", "clickhouse")
# What each option does, in the words of a report.
_RULES = {
    "entry": {
        "first": "only the first entry begins an attempt",
        "best": "of the furthest attempts the earliest counts",
        "latest": "of the furthest attempts the latest counts",
    },
    "ties": {
        "2s": "events within 2 seconds count in any order",
        "same second": "events of one second count in any order",
    },
    "on_exclude": {"drop_customer": "an exclusion takes the customer out of the funnel"},
}
_MODES = {
    "strict_order": "the search ends at an event that stands between the steps",
    "allow_reentry": "a step that comes too early does not end the search",
    "strict_deduplication": "the search ends when a step comes again",
    "strict_increase": "a step comes later than the one before, not at the same time",
    "strict_once": "an event takes one step, not several",
}
_REUSE = "an event may take several steps"
_TOGETHER = "several rules together"


class DialectsResult(ResultTable):
    """The steps of a funnel as several tools count them.

    Parameters
    ----------
    table
        One row a step for each dialect: ``dialect`` ("safar" first), ``step``, ``name``, ``customers`` (that reached
        the step), ``difference`` (customers, from safar's), ``from_first`` (share of those at step 1, 0 to 1; null
        where there is nobody).
    """

    __slots__ = ("_moved",)

    analysis: ClassVar[str] = "dialects"

    _moved: SpokenTable

    def moved(self) -> SpokenTable:
        """Which customers count otherwise, and which rule moves them?

        Returns
        -------
        SpokenTable
            One row a customer for each dialect that counts it otherwise than safar: ``dialect``, ``customer``,
            ``reached`` (the last step taken, safar's count; 0 where it is not in the funnel), ``reached_there``,
            ``rule`` (in words; `SpokenTable.told` says them in another language).

        Notes
        -----
        The rule is the one without which the dialect would count the customer as safar does, the others being kept;
        where there is none such, several work together.
        """
        return self._moved


def compare_dialects(
    log: Log,
    steps: Sequence[StepLike],
    *,
    within: Duration | None = None,
    exclude: ExclusionLike | Sequence[ExclusionLike] = (),
    dialects: Sequence[str] = _ALL,
) -> DialectsResult:
    """How would other tools count this funnel, and which customers does that move?

    Parameters
    ----------
    log
        The log to ask.
    steps, within, exclude
        As of `EventLog.funnel`. With exclusions or optional steps, ClickHouse is left out unless it is named: it knows
        none.
    dialects
        Those to compare with safar's own rules, as `EventLog.funnel` names them; all four tools by default.

    Returns
    -------
    DialectsResult
        One row a step for each dialect, safar's own first; `DialectsResult.moved` lists the customers.

    Notes
    -----
    The rules are those that the makers publish, as far as they bear on which steps a customer reaches: see
    ``docs/definitions.md``. What the tools do beside that (how they find customers, clean events or sample) is
    not in it.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann"],
    ...         "time": ["2026-03-01 10:00", "2026-03-01 10:30", "2026-03-01 11:15"],
    ...         "event": ["view", "view", "purchase"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> found = safar.compare_dialects(log, ["view", "purchase"], within="1h")
    >>> found.moved().to_dict()["rule"]
    ['only the first entry begins an attempt']
    """
    own = Funnel(steps, within=within, exclude=exclude)
    if isinstance(dialects, str) or not dialects:
        raise ArgumentError(f"dialects={dialects!r} is no list of dialects such as {list(_ALL)!r}")
    left_out = None
    optional = any(each.optional for each in _funnel_steps.steps(own.steps))
    if (own.exclude or optional) and tuple(dialects) == _ALL:
        dialects = [name for name in _ALL if name != "clickhouse"]
        left_out = (
            Said("ClickHouse is left out: it knows no exclusions.")
            if own.exclude
            else Said("ClickHouse is left out: it knows no optional steps.")
        )
    asked = {"safar": own} | {
        name: replace(own, dialect=name) for name in map(_funnel_dialects.dialect, dialects)
    }
    reached = {name: _reached(question, log) for name, question in asked.items()}
    count = len(own.names())
    results = {name: question.run(log) for name, question in asked.items()}
    at_least = {name: _table.integers(result.table, "customers") for name, result in results.items()}
    customers = np.concatenate(list(at_least.values()))
    entered = np.repeat([found[0] for found in at_least.values()], count)
    columns = {
        "dialect": np.repeat(np.array(list(asked), dtype=object), count),
        "step": np.tile(np.arange(1, count + 1), len(asked)),
        "name": own.names() * len(asked),
        "customers": customers,
        "difference": customers - np.tile(at_least["safar"], len(asked)),
        "from_first": _table.nullable(
            np.divide(customers, entered, out=np.full(len(customers), np.nan), where=entered > 0)
        ),
    }
    text = "The same steps under the rules of each tool, of {customers} customers: {tools}."
    definition = paragraph(
        Said(text, customers=log.customers, tools=quoted(asked)), left_out, results["safar"].definition
    )
    result = DialectsResult(
        _table.table_of(columns), definition, log.timezone, shares=frozenset({"from_first"})
    )
    object.__setattr__(result, "_moved", _moved(own, asked, reached, log))
    return result


_WHY = Said(
    "Customers whose steps another tool counts otherwise than safar, and the rule without which it would not; 0 steps "
    "are a customer who is not in the funnel."
)


def _reached(question: Funnel, log: Log) -> dict[object, int]:
    """The steps that each customer of the funnel reached."""
    attempts = question.attempts(log)
    reached = _table.integers(attempts, "reached")
    if question.on_exclude == "drop_customer":
        reached = np.where(attempts.numpy("status")[0] == "excluded", 0, reached)
    return dict(zip(attempts.numpy("customer")[0].tolist(), reached.tolist(), strict=True))


def _moved(
    own: Funnel, asked: dict[str, Funnel], reached: dict[str, dict[object, int]], log: Log
) -> SpokenTable:
    here = reached["safar"]
    rows: list[tuple[str, object, int, int, str]] = []
    for name, question in asked.items():
        there = reached[name]
        moved = [who for who in here.keys() | there.keys() if here.get(who, 0) != there.get(who, 0)]
        moved.sort(key=str)
        if not moved:
            continue
        rules = dict.fromkeys(moved, _TOGETHER)
        for rule, without in _without(own, question):
            counts = _reached(without, log)
            for who in moved:
                if rules[who] == _TOGETHER and counts.get(who, 0) == here.get(who, 0):
                    rules[who] = rule
        rows += [(name, who, here.get(who, 0), there.get(who, 0), rules[who]) for who in moved]
    names = ("dialect", "customer", "reached", "reached_there", "rule")
    lists = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
    columns: dict[str, object] = dict(zip(names, lists, strict=True))
    for name in ("reached", "reached_there"):
        columns[name] = np.array(columns[name], dtype=np.int64)
    for name in ("dialect", "customer"):
        columns[name] = np.array(columns[name], dtype=object)
    words = {"rule": [Said(row[-1]) for row in rows]}
    return SpokenTable(_table.table_of(columns | spoken_columns(words)), _WHY, log.timezone, words=words)


def _without(own: Funnel, question: Funnel) -> Iterator[tuple[str, Funnel]]:
    """The dialect less one of its rules, for each of them."""
    tool, *used = (question.dialect or "").split()
    if tool == "clickhouse":
        for mode in used:
            rest = [
                other
                for other in used
                if other != mode and not (mode == "strict_order" and other == "allow_reentry")
            ]
            yield _MODES[mode], replace(own, dialect=" ".join(["clickhouse", *rest]))
        if not used:
            yield _REUSE, replace(own, dialect="clickhouse strict_once")
        return
    for option, words in _RULES.items():
        value = getattr(question, option)
        if value != getattr(own, option):
            yield words[value], replace(question, dialect=None, **{option: getattr(own, option)})
