"""Match: who comes through a pattern of events, how often, and how long it takes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import At, Integers, MatchStatus, MatchUnit
from safar.analyses._histograms import quantiles
from safar.analyses._spec import Spec, at_words, observed, segments
from safar.language import Said, paragraph
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Match", "MatchResult", "match", "with_match"]

_ENTRY = Said("at the first event of the first match, for customers without one at their first event")
# How the kernel calls what users see.
_STATUS = {"matched": "matched", "open": "still_open", "unmatched": "unmatched"}


class MatchResult(Result):
    """Who comes through a pattern, how often, and how long it takes.

    Parameters
    ----------
    table
        One row, or one a segment: ``segment`` (only with `by`; null where there is no value), ``customers``,
        ``matched`` (customers with at least one match), ``still_open`` (customers without one, but with one that
        has begun and may still complete), ``share`` (matched of all customers, 0 to 1), ``share_low``,
        ``share_high`` (its 95 % Wilson interval), ``matches`` (number), ``mean_events`` (events from the first to
        the last of a match), ``mean_seconds``, ``median_seconds``, ``min_seconds``, ``max_seconds`` (time from
        the first to the last; null where there is no match).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "match"

    def matches(self) -> ResultTable:
        """Which matches are there?

        Returns
        -------
        ResultTable
            One row a match: ``segment`` (only with `by`), ``customer``, ``match`` (from 1 for each customer, in
            the order of their first events), ``start``, ``end`` (times of the first and the last event),
            ``events`` (number from the first to the last, the ones between among them; with ``same``, of those
            that share the value).

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "who": [1, 1, 1],
        ...         "when": ["2026-03-01", "2026-03-02", "2026-03-05"],
        ...         "what": list("aab"),
        ...     },
        ...     customer="who",
        ...     time="when",
        ...     event="what",
        ... )
        >>> found = log.match("a -> b").matches().to_dict()
        >>> found["start"][0].day, found["end"][0].day, found["events"]
        (2, 5, [2])
        """
        found = self._rows("match_rows")
        return ResultTable(found, paragraph(Said("One row a match."), self.definition), self.timezone)

    def customers(self, status: MatchStatus | None = None) -> ResultTable:
        """Who has a match, and who has none?

        Parameters
        ----------
        status
            Only those who are ``"matched"``, ``"still_open"`` or ``"unmatched"``; all by default.

        Returns
        -------
        ResultTable
            One row a customer: ``segment`` (only with `by`), ``customer``, ``status``, ``matches`` (number).
        """
        if status is not None:
            _args.choice(status, "status", MatchStatus)
        found = self._rows("match_customers")
        names = [_STATUS[name] for name in found.numpy("status")[0].tolist()]
        kept = np.array([status is None or name == status for name in names], dtype=bool)
        columns: dict[str, object] = {}
        if "segment" in found.names:
            columns["segment"] = found.numpy("segment")[0][kept]
        columns |= {
            "customer": found.numpy("customer")[0][kept],
            "status": np.array(names, dtype=object)[kept],
            "matches": _table.integers(found, "matches")[kept],
        }
        definition = (
            Said("Each customer, of: {definition}", definition=self.definition)
            if status is None
            else Said(
                "Each customer who is {status}, of: {definition}",
                status=Said(status),
                definition=self.definition,
            )
        )
        return ResultTable(_table.table_of(columns), definition, self.timezone)

    def _rows(self, kernel: str) -> Table:
        log = self._asked()
        return log.ask(kernel, Spec.from_json(self.spec).plan(log))


@dataclass(frozen=True, slots=True)
class Match(Spec[MatchResult]):
    """The question of `EventLog.match`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Match("cart -> !purchase within 24h").to_json()
    '{"analysis": "match", "pattern": "cart -> !purchase within 24h", "by": null, "at": "entry"}'
    """

    analysis: ClassVar[str] = "match"

    pattern: str
    _: KW_ONLY
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        _core.check_pattern(_args.text(self.pattern, "pattern"))
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        log.check_pattern(self.pattern)
        _args.known_segment(self.by, log.columns, log.roles)
        return {"params": {"pattern": self.pattern}, "by": self.by, "at": self.at}

    def finish(self, partial: Table, log: Log) -> MatchResult:
        """The share and the times from their sums, and the median from its histogram."""
        segment, segments = _table.segments(partial)
        status = partial.numpy("status")[0]
        customers = _table.integers(partial, "customers")

        def of_each(values: Any, rows: Any) -> Any:
            """The values of some rows, by segment; 0 where a segment has none."""
            sums = np.zeros(len(segments), dtype=values.dtype)
            sums[segment[rows]] = values[rows]
            return sums

        everybody = np.zeros(len(segments), dtype=np.int64)
        np.add.at(everybody, segment, customers)
        hit = status == "matched"
        matched, matches = of_each(customers, hit), of_each(_table.integers(partial, "matches"), hit)
        columns: dict[str, Any] = {}
        if self.by is not None:
            columns["segment"] = segments
        columns |= {"customers": everybody, "matched": matched}
        columns["still_open"] = of_each(customers, status == "open")
        columns |= share_columns("share", matched, everybody)
        columns["matches"] = matches

        none = matches == 0
        divisor = np.where(none, 1, matches)
        total, low, high = (
            of_each(partial.numpy(f"time_{name}_us")[0].astype(np.float64), hit)
            for name in ("sum", "min", "max")
        )
        histograms = [
            each for each, has in zip(partial.numpy("time_histogram")[0].tolist(), hit, strict=True) if has
        ]
        median = np.zeros(len(segments))
        median[segment[hit]] = quantiles((50,), histograms)[0]
        events = of_each(_table.integers(partial, "events"), hit)

        def seconds(values: Any) -> object:
            return _table.nullable(np.where(none, np.nan, values / 1e6))

        columns["mean_events"] = _table.nullable(np.where(none, np.nan, events / divisor))
        columns["mean_seconds"] = seconds(total / divisor)
        columns["median_seconds"] = seconds(np.clip(median, low, high))
        columns["min_seconds"], columns["max_seconds"] = seconds(low), seconds(high)
        return MatchResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _definition(self, log: Log) -> Said:
        counted = Said(
            "A customer matched who came through {pattern} at least once; events at one time count in the order in "
            "which the data hold them. The first event at which any match is complete ends one, of several the one "
            "that began last, and the search goes on behind it, so that matches do not overlap. share is the part of "
            "all customers, with its 95 % Wilson interval; still_open are those without a match in whom one has begun "
            "that may still complete after {end}. Times run from the first event of a match to its last.",
            pattern=" ".join(self.pattern.split()),
            end=observed(log),
        )
        return paragraph(counted, segments(self.by, at_words(self.at, _ENTRY)))


def match(log: Log, pattern: str, *, by: str | None = None, at: At = "entry") -> MatchResult:
    """Who comes through this pattern of events, how often, and how long does it take?

    Parameters
    ----------
    pattern
        Such as ``"cart -> (!support)* -> purchase within 2h same order_id"``: event names (in quotes if they have
        spaces) joined by ``->`` (later), ``=>`` (directly after) or ``->[10m..2h]`` (after a least and a longest
        time); ``.`` for any event, ``channel:web`` for any with that value, ``[value > 100]`` behind an event for a
        condition on columns, ``!x`` for any event but x, ``(a | b)`` for either; ``+``, ``?``, ``{2,4}`` for counts,
        ``x*`` for "nothing but x between"; ``!x within 2h`` for no x for so long; at the end ``within`` for a longest
        time from the first event to the last and ``same`` for columns whose value they share. ``docs/patterns.md``
        has the grammar and examples.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the first event of the first match (default; for customers
        without a match their first event), the customer's first event, or the last.
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.

    Returns
    -------
    MatchResult
        One row, or one a segment: ``segment`` (only with `by`), ``customers``, ``matched``, ``still_open``
        (customers), ``share``, ``share_low``, ``share_high`` (matched of all customers, 0 to 1), ``matches``
        (number), ``mean_events``, ``mean_seconds``, ``median_seconds``, ``min_seconds``, ``max_seconds``.
        `MatchResult.matches` gives each match, `MatchResult.customers` each customer.

    Notes
    -----
    The events of a customer are read in order, those at one time as the data hold them. The first event at which any
    match is complete ends one; of several that are complete there, the one that began last counts. The search goes on
    behind that event. A pattern that ends in an absence is complete when its time is over, up to and including
    `observed_until`; its last event is the one before the absence. With ``same``, the events of each value are searched
    for themselves. Customers who are still open stay in the denominator of the share.

    One pass over the events: time grows with the events, and for patterns with a least time (``->[10m..]``) or an
    absence also with the events inside that time. The median comes from a histogram whose relative error is below
    0.8 %; mean, least and greatest are exact. Intervals are Wilson's score intervals at 95 % (1927,
    doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "bob", "bob"],
    ...         "time": [f"2026-03-01 10:{minute:02}" for minute in (0, 5, 0, 20, 40)],
    ...         "event": ["cart", "purchase", "cart", "support", "purchase"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> log.match("cart -> purchase within 1h").to_dict()["matched"]
    [2]
    >>> log.match("cart -> (!support)* -> purchase within 1h").to_dict()["matched"]
    [1]
    """
    return Match(pattern, by=by, at=at).run(log)


def with_match(log: EventLog, pattern: str, *, column: str = "match", per: MatchUnit = "match") -> EventLog:
    """Which events lie inside a match of this pattern?

    Parameters
    ----------
    pattern
        As of `EventLog.match`.
    column
        Name of the new column.
    per
        ``"match"`` (default): each event has the number of its customer's match that it lies in, from the first
        event of the match to the last, and null outside of all; with ``same`` only events that share the value lie
        inside. ``"customer"``: each event says whether its customer has a match.

    Returns
    -------
    EventLog
        A log with this column, for conditions, `by` and `hold`.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 1, 2],
    ...         "day": ["2026-03-01", "2026-03-02", "2026-03-05", "2026-03-05"],
    ...         "what": list("aabb"),
    ...     },
    ...     customer="who",
    ...     time="day",
    ...     event="what",
    ... )
    >>> log.with_match("a -> b").to_pandas().sort_values(["customer", "time"])["match"].tolist()
    [<NA>, 1, 1, <NA>]
    >>> log.with_match("a -> b", column="came", per="customer").match("b", by="came").to_dict()[
    ...     "segment"
    ... ]
    ['false', 'true']
    """
    _args.text(column, "column")
    _args.choice(per, "per", MatchUnit)
    question = Match(pattern)
    plan = question.plan(log)
    if per == "match":
        numbers = _table.integers(log.ask("match_events", plan), "match")
        values: object = _table.nullable(numbers, numbers == 0)
    else:
        customers = log.ask("match_customers", plan)
        has = _table.integers(customers, "matches") > 0
        offsets: Integers = log.core.view("offsets").astype(np.int64)
        values = np.repeat(has, offsets[1:] - offsets[:-1])
    return log.with_columns(_table.table_of({column: values}))
