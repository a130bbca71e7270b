"""Scores of recency, frequency and monetary value, and the segments that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Integers
from safar.analyses._rfm_rules import MEASURES, Rule, placed
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Listed, Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["RfmSegments", "Scored", "called_of", "ids_of", "placed_ids", "scored", "segments_of"]

_COLUMNS = {"recency": "recency_days", "frequency": "frequency", "monetary": "monetary"}
SHARES = frozenset({"share", "share_low", "share_high"})
_SCORES = (
    "A score is 1 + the whole part of {bins} times the share of customers who are strictly worse, so that equal "
    "customers have equal scores; for recency, worse is longer ago. The best is {bins}."
)
_TIED = "All customers have the same {measure}, so that it has no score."


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores from 1 of each customer, 0 where there is none, and the measures that are the same for all."""

    scores: Mapping[str, Integers]
    tied: tuple[str, ...]
    bins: int

    def columns(self, rows: Array | slice = slice(None)) -> dict[str, object]:
        """The scores as columns of a result."""
        return {
            f"{measure}_score": _table.nullable(scores[rows], scores[rows] == 0)
            for measure, scores in self.scores.items()
        }

    def said(self) -> list[Said]:
        """How scores are given, for a definition."""
        return [
            Said(_SCORES, bins=self.bins),
            *(Said(_TIED, measure=Said(measure)) for measure in self.tied),
        ]


def scored(table: Table, bins: int) -> Scored:
    """The scores of customers among all of a table."""
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer):
        raise ArgumentTypeError(
            f"bins={bins!r} is a {type(bins).__name__}; expected a whole number of scores"
        )
    if not 2 <= bins <= 100:
        raise ArgumentError(f"bins={bins!r} is out of range; expected 2 to 100 scores")
    scores: dict[str, Integers] = {}
    tied = []
    for measure, name in _COLUMNS.items():
        values, missing = _table.numbers(table, name)
        known = np.sort(values[~missing])
        scores[measure] = np.zeros(len(values), dtype=np.int64)
        if not len(known):
            continue
        if known[0] == known[-1]:
            tied.append(measure)
            continue
        own = values[~missing]
        worse = (
            len(known) - np.searchsorted(known, own, side="right")
            if measure == "recency"
            else np.searchsorted(known, own, side="left")
        )
        # In whole numbers, so that no share is rounded to the wrong side.
        scores[measure][~missing] = 1 + bins * worse // len(known)
    return Scored(scores, tuple(tied), int(bins))


def called_of(rules: Sequence[Rule]) -> dict[str, dict[str, str]]:
    """What segments are called, by language and by their name."""
    found: dict[str, dict[str, str]] = {}
    for rule in rules:
        for language, name in rule.called.items():
            found.setdefault(language, {})[rule.segment] = name
    return found


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RfmSegments(ResultTable):
    """How many customers are in which segment of recency, frequency and monetary value?

    Parameters
    ----------
    table
        One row a segment; the columns are listed by `RfmResult.segments`.
    called
        What segments are called, by language and by their name in the table.
    """

    _: KW_ONLY
    called: Mapping[str, Mapping[str, str]]
    _rules: tuple[Rule, ...]
    _scored: Scored
    _place: Integers
    _customers: Table

    @property
    def bins(self) -> int:
        """The best score."""
        return self._scored.bins

    def customers(self, segment: str | None = None) -> ResultTable:
        """Who is in a segment?

        Parameters
        ----------
        segment
            Its name; by default the customers of all.

        Returns
        -------
        ResultTable
            One row a customer: ``customer``, ``rfm_segment`` (null where a score that the rules need is missing),
            ``recency_score``, ``frequency_score``, ``monetary_score``. `EventLog.with_profiles` takes it as it is
            (``key="customer"``), and then ``rfm_segment`` does for `by`.

        Examples
        --------
        >>> import safar
        >>> log = safar.datasets.shop(300).log()
        >>> found = log.rfm("purchase").segments().customers()
        >>> profiled = log.with_profiles(found, key="customer", columns="rfm_segment")
        >>> "champions" in profiled.sessions(by="rfm_segment").to_dict()["segment"]
        True
        """
        names = [rule.segment for rule in self._rules]
        rows = np.arange(len(self._place))
        if segment is not None:
            if segment not in names:
                raise ArgumentError(
                    f"segment={segment!r} is not a segment{_args.suggestion(str(segment), names)} (available: "
                    f"{_args.listing(names)})"
                )
            rows = np.flatnonzero(self._place == names.index(segment))
        columns = {
            "customer": ids_of(self._customers.rows(rows)),
            "rfm_segment": _table.named(self._place[rows] % (len(names) + 1), [*names, None]),
            **self._scored.columns(rows),
        }
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def grid(self) -> ResultTable:
        """How many customers have which scores of recency and frequency?

        Returns
        -------
        ResultTable
            One row for every two scores: ``recency_score``, ``frequency_score``, ``rfm_segment`` (null where other
            scores decide as well), ``customers``, ``share`` of all customers with its 95 % Wilson interval
            (``share_low``, ``share_high``).

        Examples
        --------
        >>> import safar
        >>> grid = safar.datasets.shop(300).log().rfm("purchase").segments().grid().to_dict()
        >>> len(grid["customers"]), grid["rfm_segment"][-1]
        (25, 'champions')
        """
        bins = self.bins
        scores = np.stack([self._scored.scores[measure] for measure in MEASURES[:2]])
        cell = ((scores[0] - 1) * bins + scores[1] - 1)[(scores > 0).all(axis=0)]
        customers = np.bincount(cell, minlength=bins * bins)
        recency, frequency = np.divmod(np.arange(bins * bins), bins)
        cells = [
            {"recency": one, "frequency": other}
            for one, other in zip((recency + 1).tolist(), (frequency + 1).tolist(), strict=True)
        ]
        clear = not any("monetary" in rule.ranges for rule in self._rules)
        columns: dict[str, object] = {"recency_score": recency + 1, "frequency_score": frequency + 1}
        columns["rfm_segment"] = [
            next(rule.segment for rule in self._rules if rule.holds(cell)) if clear else None
            for cell in cells
        ]
        columns["customers"] = customers
        columns |= share_columns("share", customers, np.full(bins * bins, len(self._place), dtype=np.int64))
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=SHARES)

    def plot(self, **options: Any) -> ChartType:
        """The segments as an Altair chart; the options are those of `safar.plot.rfm_segments`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").rfm_segments(self, **options)
        return chart


def placed_ids(segments: RfmSegments) -> tuple[list[Any], Integers]:
    """The customers' ids, and the number of the segment of each, after all others where there is none."""
    ids: list[Any] = segments._customers.numpy("customer")[0].tolist()
    return ids, segments._place % (len(segments._rules) + 1)


def segments_of(table: Table, rules: tuple[Rule, ...], bins: int, told: str, timezone: str) -> RfmSegments:
    """The segments of the customers of a table of recency, frequency and monetary value."""
    found = scored(table, bins)
    used = [measure for measure in MEASURES if any(measure in rule.ranges for rule in rules)]
    for measure in used:
        if not found.scores[measure].any():
            why = "is the same for all of them" if measure in found.tied else "is known of none of them"
            raise DataError(
                f"{table.num_rows:,} customers can't be told apart by {measure}, which {why}; give rules= without it, "
                "or look at more customers"
            )
    place = placed(rules, found.scores)
    definition = paragraph(
        told,
        *found.said(),
        Said(
            "A customer is of the first segment whose ranges of {measures} hold; share is that of all customers, with "
            "its 95 % Wilson interval.",
            measures=Listed([Said(measure) for measure in used], last="and"),
        ),
    )
    return RfmSegments(
        _table.table_of(_rows(table, rules, place)),
        definition,
        timezone,
        shares=SHARES,
        called=called_of(rules),
        _rules=rules,
        _scored=found,
        _place=place,
        _customers=table,
    )


def _rows(table: Table, rules: Sequence[Rule], place: Integers) -> dict[str, object]:
    """A row a segment, and one for customers without."""
    names: list[str | None] = [rule.segment for rule in rules]
    if (place < 0).any():
        names.append(None)
    counts = np.bincount(place % (len(rules) + 1), minlength=len(names))[: len(names)]
    order = np.argsort(place % (len(rules) + 1), kind="stable")
    members = np.split(order, np.cumsum(counts)[:-1])
    columns: dict[str, object] = {"rfm_segment": names, "customers": counts}
    columns |= share_columns("share", counts, np.full(len(counts), len(place), dtype=np.int64))
    for name in _COLUMNS.values():
        values, _ = _table.numbers(table, name)
        medians = [_median(values[rows]) for rows in members]
        columns[f"median_{name}"] = _table.nullable(np.array(medians, dtype=np.float64))
    return columns


def _median(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def ids_of(table: Table) -> object:
    """The customers' ids as a column of a result, as the data give them."""
    values, _ = table.numpy("customer")
    return values.tolist() if values.dtype == object else values
