"""Transitions: what customers do next, how often, and after how long."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Duration, Floats
from safar.analyses._cells import CellsResult
from safar.analyses._histograms import quantiles
from safar.analyses._spec import Column, Spec, observed, segments
from safar.language import Length, Said, Spoken, paragraph
from safar.result import share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Transitions", "TransitionsResult", "transitions"]

# Event names up to 1,000 can all follow one another; beyond that, a table of edges is no answer any more.
_MOST_EDGES = 1_000_000


class TransitionsResult(CellsResult):
    """What customers do next, how often, and after how long.

    Parameters
    ----------
    table
        One row an edge, for each segment, the most frequent first: ``segment`` (only with `by`; null where
        there is no value), ``from``, ``to`` (event names, or ``(start)``, ``(end)``, ``(open)``), ``events``
        (times that the edge was taken), ``customers`` (that took it), ``share``, ``share_low``,
        ``share_high`` (of all that ``from`` leads to, 0 to 1, with its 95 % Wilson interval),
        ``mean_seconds`` and, with `quantiles`, ``median_seconds``, ``p90_seconds``, ``min_seconds``,
        ``max_seconds`` (time between the two events; null at the virtual edges).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "transitions"


@dataclass(frozen=True, slots=True)
class Transitions(Spec[TransitionsResult]):
    """The question of `EventLog.transitions`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Transitions(inactivity="4w").inactivity
    '28d'
    """

    analysis: ClassVar[str] = "transitions"

    _: KW_ONLY
    inactivity: Duration = "30d"
    quantiles: bool = True
    by: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "inactivity", _args.duration(self.inactivity, "inactivity"))
        object.__setattr__(self, "quantiles", _args.flag(self.quantiles, "quantiles"))
        if self.by is not None:
            _args.text(self.by, "by")

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        _args.known_segment(self.by, log.columns, log.roles)
        params = {
            "inactivity_us": _args.microseconds(self.inactivity),
            "quantiles": self.quantiles,
            "max_edges": _MOST_EDGES,
        }
        return {"params": params, "by": self.by, "at": "first"}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        return {name: rows[name] for name in ("segment", "customer", "from", "to", "events") if name in rows}

    def finish(self, partial: Table, log: Log) -> TransitionsResult:
        """The edges from their sums, and their quantiles from their histograms."""
        keys = ["from", "to"] if self.by is None else ["segment", "from", "to"]
        codes, texts = zip(*(partial.codes(key) for key in keys), strict=True)
        identity = np.zeros(partial.num_rows, dtype=np.int64)
        for code, distinct in zip(codes, texts, strict=True):
            identity = identity * max(len(distinct), 1) + code
        events, customers = (_table.integers(partial, name) for name in ("events", "customers"))
        # The most frequent first inside a segment; then by name.
        segment = codes[0] if self.by is not None else np.zeros(len(identity), dtype=np.int64)
        order = np.lexsort((identity, -events, segment))

        columns: dict[str, object] = {
            key: _table.named(code[order], distinct)
            for key, code, distinct in zip(keys, codes, texts, strict=True)
        }
        count = events[order]
        _, origin = np.unique(identity[order] // max(len(texts[-1]), 1), return_inverse=True)
        outgoing = np.zeros(len(order), dtype=np.int64)
        np.add.at(outgoing, origin, count)
        columns |= {"events": count, "customers": customers[order]}
        columns |= share_columns("share", count, outgoing[origin])

        total = _floats(partial, "time_sum_us")[order]
        times = {"mean": total / count}
        if self.quantiles:
            low, high = (_floats(partial, name)[order] for name in ("time_min_us", "time_max_us"))
            histograms = partial.numpy("time_histogram")[0][order].tolist()
            median, p90 = (np.clip(values, low, high) for values in quantiles((50, 90), histograms))
            times |= {"median": median, "p90": p90, "min": low, "max": high}
        # A virtual edge takes no time, which the kernel says with a null sum.
        for name, values in times.items():
            columns[f"{name}_seconds"] = _table.nullable(np.where(np.isnan(total), np.nan, values / 1e6))
        return TransitionsResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _definition(self, log: Log) -> Spoken:
        counted = Said(
            "Each pair of consecutive events of a customer is one transition, and customers are those who made it at "
            "least once; (start) leads to the first event, and the last event leads to (open) if it was within "
            "{inactivity} of {end}, else to (end). share is the part of all transitions out of the same event, with "
            "its 95 % Wilson interval.",
            inactivity=Length(self.inactivity),
            end=observed(log),
        )
        return paragraph(counted, segments(self.by, Said("at the first event of the customer")))


def _floats(partial: Table, name: str) -> Floats:
    """A column as floats, NaN where null."""
    values, missing = partial.numpy(name)
    floats = values.astype(np.float64)
    return floats if missing is None else np.where(missing, np.nan, floats)


def transitions(
    log: Log,
    *,
    inactivity: Duration = "30d",
    quantiles: bool = True,
    by: str | None = None,
) -> TransitionsResult:
    """What do customers do next, how often, and after how long?

    Parameters
    ----------
    inactivity
        How long a customer must have been silent at `observed_until` for the last event to lead to ``(end)``;
        up to and including this, it leads to ``(open)``. 30 days by default.
    quantiles
        Whether to give the median, the 90th percentile and the range of the times besides their mean. They need a
        histogram an edge and take several times as long.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each customer belongs to the value
        at the first event.

    Returns
    -------
    TransitionsResult
        One row an edge, for each segment, the most frequent first: ``segment`` (only with `by`), ``from``,
        ``to``, ``events``, ``customers``, ``share``, ``share_low``, ``share_high`` (0 to 1), ``mean_seconds`` and,
        with `quantiles`, ``median_seconds``, ``p90_seconds``, ``min_seconds``, ``max_seconds``.

    Notes
    -----
    Every event leads to exactly one next event or to ``(end)`` or ``(open)``, so the shares out
    of an event sum to 1. Times between are exact in sum, mean, least and greatest. Median and 90th percentile
    (the smallest time that at least half, or 90 %, of the times do not exceed) come from a log-linear
    histogram whose buckets are at most 1/128 of their value wide, so their relative error is below 0.8 %;
    they never leave the range of the times seen. Events at equal times follow each other in the order of the
    data. The shares of an edge's interval are taken as if the events were independent.

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
    >>> result = log.transitions().to_dict()
    >>> list(zip(result["from"], result["to"], result["events"]))
    [('(start)', 'view', 2), ('purchase', '(open)', 1), ('view', '(open)', 1), ('view', 'purchase', 1)]
    """
    return Transitions(inactivity=inactivity, quantiles=quantiles, by=by).run(log)
