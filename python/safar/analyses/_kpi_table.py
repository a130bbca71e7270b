"""The table of KPIs: from what the kernel counted to the values and intervals of each period and slice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Floats
from safar.analyses._kpi_series import Series, readings
from safar.analyses._periods import ObservedPeriods, checked_cells, observed_periods
from safar.errors import DataError
from safar.kpi import Formula
from safar.kpi.values import REASONS, status_of, value_and_interval

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.kpis import Kpis

__all__ = ["MISSING", "columns_of", "label"]

# What a slice is called whose events have no value in the column; a null says that the column does not cut.
MISSING = "(missing)"


def columns_of(question: Kpis, owners: list[tuple[int, bool]], partial: Table, log: Log) -> dict[str, object]:
    """The columns of the table.

    Parameters
    ----------
    question
        Which KPIs, periods and slices.
    owners
        Of each measure of the kernel: the number of its formula, and whether it is the denominator alone.
    partial
        What the kernel counted.
    log
        The log that was asked.
    """
    periods = observed_periods(log, question.period, question.calendar, question.week_start)
    if log.observed_until_us <= periods.starts[-1] and log.info["last_us"] < periods.starts[-1]:
        # Of a period that begins where the data end, nothing is known.
        periods = periods.but_last()
    counted = _Counted.of(partial, periods, owners)
    blocks = [
        block
        for number, formula in enumerate(question.formulas)
        for cut, columns in enumerate(question.cuts)
        for block in _blocks(question, number, formula, cut, columns, counted, periods)
    ]
    checked_cells(len(blocks) * len(periods))
    for name in question.columns:
        if {None, MISSING} <= {block.slice[name] for block in blocks if name in block.slice}:
            raise DataError(
                f'column "{name}": there are events without a value and others with the value "{MISSING}", which is '
                "what those without one are called; write the value in another way, or make it null"
            )
    return _columns(question, blocks, periods, log)


def _blocks(
    question: Kpis,
    number: int,
    formula: Formula,
    cut: int,
    columns: tuple[str, ...],
    counted: _Counted,
    periods: ObservedPeriods,
) -> Iterator[_Block]:
    """The periods of one KPI, slice by slice."""
    if formula.lag and columns:
        return
    series = {
        side: readings(question.readings, name, columns, periods)
        for side, name in (
            ("numerator", formula.numerator_series),
            ("denominator", formula.denominator_series),
        )
        if name is not None
    }
    nothing = Series.empty(len(periods))
    found = {slice for side in series.values() for slice in side}
    found |= counted.slices(number, cut)
    if not columns:
        found.add(())
    for slice in sorted(found, key=lambda slice: [(text is None, text or "") for text in slice]):
        sums = counted.sums(number, cut, slice, alone=False)
        base = counted.sums(number, cut, slice, alone=True)
        top, squares, bottom = sums.numerator, sums.squares, sums.denominator
        if formula.lag or formula.numerator is None:
            bottom = base.numerator
        if formula.lag:
            bottom = np.append(np.full(formula.lag, np.nan), bottom[: -formula.lag])[: len(bottom)]
        if "numerator" in series:
            top, squares = series["numerator"].get(slice, nothing).sums
            if formula.form == "level":
                bottom = series["numerator"].get(slice, nothing).number
        if "denominator" in series:
            bottom = series["denominator"].get(slice, nothing).sums[0]
        if formula.form == "total":
            bottom = np.full(len(periods), np.nan)
        if formula.complement:
            top = bottom - top
        yield _Block(formula, dict(zip(columns, slice, strict=True)), top, bottom, squares)


def _columns(question: Kpis, blocks: list[_Block], periods: ObservedPeriods, log: Log) -> dict[str, object]:
    many, length = len(blocks), len(periods)
    names = question.columns

    def of_block(values: Sequence[object]) -> list[object]:
        return [value for value in values for _ in range(length)]

    columns: dict[str, object] = {
        "date": np.tile(periods.days, many),
        "stage": of_block([block.formula.stage for block in blocks]),
        "touchpoint": of_block([block.formula.touchpoint for block in blocks]),
    }
    for name in names:
        columns[name] = of_block(
            [label(block.slice[name]) if name in block.slice else None for block in blocks]
        )
    columns["kpi"] = of_block([block.formula.id for block in blocks])
    for field in ("form", "unit", "direction"):
        columns[field] = of_block([getattr(block.formula, field) for block in blocks])
    scale = np.repeat([block.formula.scale for block in blocks], length).astype(np.float64)
    columns["scale"] = scale
    measured = [value_and_interval(block.formula.form, block.sums) for block in blocks]
    stacked = {
        "numerator": np.concatenate([block.numerator for block in blocks]),
        "denominator": np.concatenate([block.denominator for block in blocks]),
        "squares": np.concatenate(
            [
                block.squares if block.formula.form in ("mean", "nps") else np.full(length, np.nan)
                for block in blocks
            ]
        ),
        "value": np.concatenate([each.value for each in measured]) * scale,
        "low": np.concatenate([each.low for each in measured]) * scale,
        "high": np.concatenate([each.high for each in measured]) * scale,
    }
    columns |= {name: _table.nullable(values) for name, values in stacked.items()}
    target = np.repeat(
        [np.nan if block.formula.target is None else block.formula.target for block in blocks], length
    ).astype(np.float64)
    columns["target"] = _table.nullable(target)
    complete = np.concatenate([_complete(block.formula, periods, log) for block in blocks])
    held = [
        block.formula.form != "total" or block.formula.review in (None, question.period) for block in blocks
    ]
    # Half a period is not held against the target of a whole one, nor a week against that of a month.
    aimed = np.where(complete & np.repeat(held, length), target, np.nan)
    columns["status"] = status_of(
        stacked["value"], stacked["low"], stacked["high"], aimed, columns["direction"]
    )
    columns["complete"] = complete
    reason = np.concatenate([each.reason for each in measured])
    columns["reason"] = _table.named(reason, REASONS)
    return columns


class _Sums(NamedTuple):
    """What was counted in the periods of one slice."""

    numerator: Floats
    squares: Floats
    denominator: Floats


class _Counted(NamedTuple):
    """What the kernel counted, by KPI, whether it is the denominator alone, cut and slice."""

    cells: dict[tuple[int, bool, int, tuple[str | None, ...]], _Sums]
    periods: int

    @classmethod
    def of(cls, partial: Table, periods: ObservedPeriods, owners: list[tuple[int, bool]]) -> _Counted:
        cut, measure = (_table.integers(partial, name) for name in ("cut", "measure"))
        codes, texts = partial.codes("slice")
        labels = [tuple(json.loads(text or "[]")) for text in texts]
        place = periods.index(partial.numpy("period")[0].astype("datetime64[D]"))
        columns = [partial.numpy(name)[0] for name in ("numerator", "squares", "denominator")]
        cells: dict[tuple[int, bool, int, tuple[str | None, ...]], _Sums] = {}
        keys = zip(cut.tolist(), measure.tolist(), codes.tolist(), strict=True)
        for (at, number, code), rows in groupby(enumerate(keys), key=lambda row: row[1]):
            chosen = np.fromiter((row for row, _ in rows), dtype=np.int64)
            sums = [np.zeros(len(periods)) for _ in columns]
            for into, values in zip(sums, columns, strict=True):
                np.add.at(into, place[chosen], values[chosen])
            formula, alone = owners[number]
            cells[formula, alone, at, labels[code]] = _Sums(*sums)
        return cls(cells, len(periods))

    def slices(self, formula: int, cut: int) -> set[tuple[str | None, ...]]:
        """The slices of a cut in which a KPI has anything."""
        return {slice for number, _, at, slice in self.cells if number == formula and at == cut}

    def sums(self, formula: int, cut: int, slice: tuple[str | None, ...], *, alone: bool) -> _Sums:
        """The sums of a slice; zeros where nothing was counted."""
        nothing = _Sums(*(np.zeros(self.periods) for _ in range(3)))
        return self.cells.get((formula, alone, cut, slice), nothing)


class _Block(NamedTuple):
    """The periods of one KPI in one slice."""

    formula: Formula
    slice: dict[str, str | None]
    numerator: Floats
    denominator: Floats
    squares: Floats

    @property
    def sums(self) -> tuple[Floats, Floats, Floats]:
        """Numerator, denominator and squares."""
        return self.numerator, self.denominator, self.squares


def label(value: str | None) -> str:
    """What a slice is called."""
    return MISSING if value is None else value


def _complete(formula: Formula, periods: ObservedPeriods, log: Log) -> Array:
    if formula.lag:
        earlier = np.append(np.zeros(formula.lag, dtype=bool), periods.complete)[: len(periods)]
        both: Array = periods.complete & earlier
        return both
    if formula.horizon is None:
        return periods.complete
    late = periods.ends + _args.microseconds(formula.horizon) > log.observed_until_us
    return periods.complete & ~late
