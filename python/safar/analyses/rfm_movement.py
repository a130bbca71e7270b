"""Movement of customers between segments of recency, frequency and monetary value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._typing import Instant, Integers
from safar.analyses._rfm_rules import RfmRules, Rule, rules_of
from safar.analyses._rfm_segments import SHARES, RfmSegments, called_of, placed_ids
from safar.analyses.rfm import rfm
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar._log import Log

__all__ = ["RfmMovement", "rfm_movement"]

_TOLD = (
    "Customers by their segment at one instant (from_segment, null for those who had no counted event yet) and at the "
    "next (to_segment); share is that of all customers of from_segment, with its 95 % Wilson interval. At each instant "
    "nothing after it is looked at, and scores are among the customers of that instant. Nobody leaves: who does "
    "nothing more is still there, with an older last event."
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RfmMovement(ResultTable):
    """Where do customers of each segment go?

    Parameters
    ----------
    table
        One row for every two instants and segments; the columns are listed by `EventLog.rfm_movement`.
    called
        What segments are called, by language and by their name in the table.
    segments
        The segments at each instant.
    """

    _: KW_ONLY
    called: Mapping[str, Mapping[str, str]]
    segments: tuple[RfmSegments, ...]

    def plot(self, **options: Any) -> ChartType:
        """The movement as an Altair chart; the options are those of `safar.plot.rfm_movement`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").rfm_movement(self, **options)
        return chart


def rfm_movement(
    log: Log,
    events: str | Sequence[str] | None = None,
    *,
    at: Sequence[Instant],
    rules: RfmRules | None = None,
    bins: int = 5,
    value: str | None = None,
) -> RfmMovement:
    """Where do customers of each segment of recency and frequency go from one date to the next?

    Parameters
    ----------
    events, value
        As of `EventLog.rfm`.
    at
        Two or more instants, rising, such as the first days of quarters.
    rules, bins
        As of `RfmResult.segments`.

    Returns
    -------
    RfmMovement
        One row for every two successive instants and every two segments: ``from_at``, ``to_at`` (times),
        ``from_segment`` (null for customers whose first counted event came after the first instant), ``to_segment``,
        ``customers``, ``share`` of all customers of ``from_segment`` with its 95 % Wilson interval (``share_low``,
        ``share_high``; null where it has none). A segment that nobody moved to has 0 customers.

    Notes
    -----
    Recency makes scores fall by itself: who buys nothing loses score while others buy. A score is a rank among the
    customers of its day, so that a customer may move because others did. See `RfmResult.scores`.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(300).log()
    >>> moved = log.rfm_movement("purchase", at=["2025-09-01", "2026-01-01"]).to_polars()
    >>> kept = moved.filter(
    ...     moved["from_segment"] == "champions", moved["to_segment"] == "champions"
    ... )
    >>> 0 < kept["share"][0] < 1
    True
    """
    chosen = rules_of(rules, bins)
    instants = _instants(at, log.timezone)
    found = []
    for instant, moment in zip(at, instants, strict=True):
        asked = rfm(log, events, at=instant, value=value)
        if not len(asked):
            when = _args.local_datetime(moment, log.timezone)
            raise DataError(
                f"at: no customer had a counted event up to {when:%Y-%m-%d %H:%M:%S}; begin later"
            )
        found.append(asked.segments(rules=rules, bins=bins))
    columns: dict[str, list[Any]] = {
        name: [] for name in ("from_at", "to_at", "from", "to", "customers", "of")
    }
    for (start, one), (end, other) in pairwise(zip(instants, found, strict=True)):
        counts = _moved(one, other, len(chosen))
        rows, places = counts.shape
        columns["from_at"].append(np.full(counts.size, start))
        columns["to_at"].append(np.full(counts.size, end))
        columns["from"].append(np.repeat(np.arange(rows), places))
        columns["to"].append(np.tile(np.arange(places), rows))
        columns["customers"].append(counts.ravel())
        columns["of"].append(np.repeat(counts.sum(axis=1), places))
    whole: dict[str, Integers] = {name: np.concatenate(parts) for name, parts in columns.items()}
    return RfmMovement(
        _table.table_of(_columns(whole, chosen)),
        paragraph(Said(_TOLD), Said("At the last instant: {definition}", definition=found[-1].definition)),
        log.timezone,
        shares=SHARES,
        called=called_of(chosen),
        segments=tuple(found),
    )


def _columns(whole: Mapping[str, Integers], rules: Sequence[Rule]) -> dict[str, object]:
    names: list[str | None] = [*(rule.segment for rule in rules), None]
    # Customers without a score that the rules need stand in the last column; those who are new in the last row.
    shown = (whole["to"] < len(rules)) | (whole["customers"] > 0)
    kept = {name: values[shown] for name, values in whole.items()}
    return {
        "from_at": _table.instants(kept["from_at"].astype("datetime64[us]")),
        "to_at": _table.instants(kept["to_at"].astype("datetime64[us]")),
        "from_segment": _table.named(kept["from"], names),
        "to_segment": _table.named(kept["to"], names),
        "customers": kept["customers"],
        **share_columns("share", kept["customers"], kept["of"]),
    }


def _moved(one: RfmSegments, other: RfmSegments, segments: int) -> Integers:
    """Customers by their segment before (new ones last) and after (those without a score last)."""
    ids, places = placed_ids(one)
    before = dict(zip(ids, places.tolist(), strict=True))
    ids, after = placed_ids(other)
    start = np.array([before.get(customer, segments) for customer in ids], dtype=np.int64)
    counts = np.zeros((segments + 1, segments + 1), dtype=np.int64)
    np.add.at(counts, (start, after), 1)
    return counts


def _instants(at: object, timezone: str) -> list[int]:
    if isinstance(at, str) or not isinstance(at, Sequence):
        raise ArgumentTypeError(
            f"at={at!r} is a {type(at).__name__}; expected a list of instants such as "
            '["2026-01-01", "2026-04-01"]'
        )
    found = [_args.instant_us(each, "at", timezone) for each in at]
    if len(found) < 2 or any(after <= before for before, after in pairwise(found)):
        raise ArgumentError(f"at={list(at)!r}; expected two or more instants, each after the one before")
    return found
