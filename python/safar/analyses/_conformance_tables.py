"""The tables of conformance, from what the kernel counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safar import _table
from safar._core import Table
from safar._intervals import newcombe, student
from safar._significance import two_means, two_shares
from safar._typing import Array, Floats, Integers
from safar.analyses._evidence import false_discovery
from safar.result import share_columns

# Whole numbers of the kernel that stand for shares and scores.
_SHARE = 1e12
_SCORE = 1e6

DEVIATIONS = ("skipped", "out_of_order", "late", "extra")
STATUSES = ("conforming", "deviating", "open", "open_deviating", "outside")
_STANDINGS = ("in_order", "late", "out_of_order", "skipped")
_COUNTS = ("in_order", "missing", "consumed", "remaining", "produced", "events", "ignored", "unmapped")
_FIXED = ("fitness", "fitness_squares", "replay", "replay_squares")


@dataclass(frozen=True)
class StepRow:
    """A step as the tables show it."""

    label: str
    stage: str | None
    optional: bool
    within: str | None


class Counted:
    """The kernel's rows by segment."""

    def __init__(self, partial: Table, *, segmented: bool) -> None:
        self.segmented = segmented
        self.segment, self.segments = _table.segments(partial)
        self.kind = partial.numpy("kind")[0].astype(object)
        self.label = partial.numpy("label")[0]
        self.step = _table.integers(partial, "step")
        self.units = _table.integers(partial, "units")
        self.converted = _table.integers(partial, "converted")
        self.scored = _table.integers(partial, "scored")
        self.score, self.score_squares = (
            partial.numpy(name)[0].astype(np.float64) for name in ("score", "score_squares")
        )
        all_rows = np.flatnonzero(self.kind == "all")
        self.all = np.zeros(len(self.segments), dtype=np.int64)
        self.all[self.segment[all_rows]] = all_rows
        self.sums = {name: _table.integers(partial, name)[self.all] for name in _COUNTS}
        self.fixed = {name: partial.numpy(name)[0].astype(np.float64)[self.all] for name in _FIXED}

    @property
    def closed(self) -> Integers:
        """Units that are over, by segment."""
        return self.units[self.all]

    def of_kind(self, kind: str) -> Integers:
        """The units of a kind, by segment."""
        found = np.zeros(len(self.segments), dtype=np.int64)
        rows = self.kind == kind
        np.add.at(found, self.segment[rows], self.units[rows])
        return found

    def head(self, repeats: int = 1) -> dict[str, object]:
        """The column of the segments, where there is one."""
        if not self.segmented:
            return {}
        return {"segment": [name for name in self.segments for _ in range(repeats)]}


def overall(counted: Counted) -> Table:
    """One row, or one a segment."""
    closed = counted.closed
    columns: dict[str, object] = {**counted.head(), "units": closed}
    columns["conforming"] = conforming = counted.of_kind("conforming")
    columns |= share_columns("share", conforming, closed)
    columns["in_order"] = counted.sums["in_order"]
    some = np.where(closed > 0, closed, np.nan)
    for name, kernel in (("fitness", "fitness"), ("replay_fitness", "replay")):
        total = counted.fixed[kernel] / _SHARE
        squares = counted.fixed[f"{kernel}_squares"] / _SHARE**2
        low, high = student(closed, total, squares)
        columns[name] = _table.nullable(total / some)
        columns[f"{name}_low"] = _table.nullable(np.clip(low, 0.0, 1.0))
        columns[f"{name}_high"] = _table.nullable(np.clip(high, 0.0, 1.0))
    missing, consumed, remaining, produced = (
        np.where(closed > 0, counted.sums[name], np.nan)
        for name in ("missing", "consumed", "remaining", "produced")
    )
    with np.errstate(invalid="ignore"):
        tokens = 0.5 * (1 - missing / consumed) + 0.5 * (1 - remaining / produced)
    columns["token_fitness"] = _table.nullable(tokens)
    columns |= {name: counted.of_kind(name) for name in ("open", "open_deviating", "outside")}
    columns |= {name: counted.sums[name] for name in ("events", "ignored", "unmapped")}
    return _table.table_of(columns)


def steps_table(counted: Counted, steps: Sequence[StepRow]) -> Table:
    """One row a step, for each segment."""
    many, of_segments = len(steps), len(counted.segments)
    columns: dict[str, object] = counted.head(many)
    columns["step"] = np.tile(np.arange(1, many + 1, dtype=np.int64), of_segments)
    columns["label"] = [step.label for step in steps] * of_segments
    if any(step.stage is not None for step in steps):
        columns["stage"] = [step.stage for step in steps] * of_segments
    columns["within"] = [step.within for step in steps] * of_segments
    columns["units"] = units = np.repeat(counted.closed, many)
    found: dict[str, Integers] = {}
    for standing in _STANDINGS:
        cells = np.zeros(of_segments * many, dtype=np.int64)
        rows = np.flatnonzero(counted.kind == f"step_{standing}")
        cells[counted.segment[rows] * many + counted.step[rows] - 1] = counted.units[rows]
        columns[standing] = found[standing] = cells
    due = sum(found.values())
    columns["not_due"] = units - due
    columns |= share_columns("share", found["in_order"], np.asarray(due))
    return _table.table_of(columns)


def stages_table(counted: Counted, stages: Sequence[str]) -> Table:
    """One row a stage, for each segment."""
    many, of_segments = len(stages), len(counted.segments)
    columns: dict[str, object] = {**counted.head(many), "stage": list(stages) * of_segments}
    columns["units"] = np.repeat(counted.closed, many)
    place = {stage: number for number, stage in enumerate(stages)}
    labels: list[str] = counted.label.tolist()
    found: dict[str, Integers] = {}
    for passage in ("reached", "in_order", "deviating"):
        cells = np.zeros(of_segments * many, dtype=np.int64)
        for row in np.flatnonzero(counted.kind == f"stage_{passage}").tolist():
            cells[counted.segment[row] * many + place[labels[row]]] = counted.units[row]
        columns[passage] = found[passage] = cells
    columns |= share_columns("share", found["in_order"], found["reached"])
    return _table.table_of(columns)


def deviations_table(counted: Counted, *, goal: bool, score: bool) -> Table:
    """One row a deviation, for each segment, the commonest first."""
    rank = {kind: number for number, kind in enumerate(DEVIATIONS)}
    kinds: list[str] = counted.kind.tolist()
    rows = [row for row, kind in enumerate(kinds) if kind in rank]
    rows.sort(
        key=lambda row: (
            counted.segment[row],
            -counted.units[row],
            rank[kinds[row]],
            counted.step[row],
            counted.label[row],
        )
    )
    chosen = np.array(rows, dtype=np.int64)
    segment = counted.segment[chosen]
    units, closed = counted.units[chosen], counted.closed[segment]
    columns: dict[str, object] = {}
    if counted.segmented:
        columns["segment"] = _table.named(segment, counted.segments)
    columns["kind"] = counted.kind[chosen]
    step = counted.step[chosen]
    columns["step"] = _table.nullable(step, step == 0)
    columns["label"] = counted.label[chosen]
    columns["units"] = units
    columns |= share_columns("share", units, closed)
    of_all = counted.all[segment]
    if goal:
        converted = counted.converted[chosen]
        others, others_converted = closed - units, counted.converted[of_all] - converted
        columns |= {"converted_with": converted, "converted_without": others_converted}
        columns |= share_columns("conversion_with", converted, units)
        columns |= share_columns("conversion_without", others_converted, others)
        low, high = newcombe(converted, units, others_converted, others)
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = converted / units - others_converted / others
        p = two_shares(converted, units, others_converted, others)
        columns |= _nullable(conversion_difference=np.where(others > 0, difference, np.nan))
        columns |= _nullable(conversion_difference_low=low, conversion_difference_high=high)
        columns |= _nullable(p_value=p, q_value=_by_segment(p, segment))
    if score:
        sums = (counted.scored, counted.score / _SCORE, counted.score_squares / _SCORE**2)
        ours = tuple(each[chosen] for each in sums)
        theirs = tuple(each[of_all] - each[chosen] for each in sums)
        columns["scored_with"], columns["scored_without"] = ours[0], theirs[0]
        for name, (count, total, _) in (("score_with", ours), ("score_without", theirs)):
            columns |= _nullable(**{name: total / np.where(count > 0, count, np.nan)})
        difference, low, high, p = two_means(ours, theirs)  # type: ignore[arg-type]
        columns |= _nullable(
            score_difference=difference, score_difference_low=low, score_difference_high=high
        )
        columns |= _nullable(score_p_value=p, score_q_value=_by_segment(p, segment))
    return _table.table_of(columns)


def _nullable(**columns: Floats) -> dict[str, object]:
    return {name: _table.nullable(values) for name, values in columns.items()}


def _by_segment(p: Array, segment: Integers) -> Floats:
    """q-values, each segment by itself."""
    q = np.full(len(p), np.nan)
    for code in np.unique(segment):
        mine = segment == code
        q[mine] = false_discovery(p[mine])
    return q
