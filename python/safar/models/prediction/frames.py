"""Cases of a frame with one row a customer, split at random or in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Floats, Frame, Integers
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said
from safar.models.prediction.cases import Cases, Fold, sampled

__all__ = ["cases_of_frame", "frame_columns"]

_FOLDS = 5
_DAY_US = 86_400_000_000
_NO_TIME = (
    "The data have no time: they are split at random, so that the future may be harder to foresee than this report "
    "says, and columns that were written after the outcome can't be told apart."
)


def cases_of_frame(
    data: Frame,
    *,
    label: str,
    positive: object,
    key: str | None,
    columns: Sequence[str] | None,
    time: str | None,
    known_after: int,
    most_rows: int,
    seed: int,
) -> Cases:
    """Cases of a frame with one row a customer; of one without a time, parts are drawn at random.

    With a time, the label of a row is known so many microseconds after it.
    """
    table = _table.to_table(data)
    _args.known_columns([each for each in (label, key, time) if each is not None], table.names)
    wanted = (
        [name for name in table.names if name not in (label, key, time)] if columns is None else list(columns)
    )
    _args.known_columns(wanted, table.names)
    if label in wanted:
        raise ArgumentError(f'columns holds the label "{label}", which a model must not see; leave it out')
    truth, known = _truth(table, label, positive)
    rows = np.flatnonzero(known)
    customer = np.arange(len(truth)) if key is None else table.numpy(key)[0]
    chosen = sampled(rows, customer, most_rows, seed)
    found = {name: frame_columns(table, name)[chosen] for name in wanted}
    if time is None:
        at = np.zeros(len(chosen), dtype=np.int64)
        split = _at_random(truth[chosen], seed)
        remarks = [_NO_TIME]
    else:
        at = _instants(table, time)[chosen]
        split = _in_time(at, known_after, time)
        remarks = [
            f'Rows are those of "{time}"; their labels are taken for known {known_after / _DAY_US:g} days later '
            "(predict= and gap=)."
        ]
    if len(rows) < len(truth):
        remarks.append(f"{len(truth) - len(rows):,} rows without a label are left out.")
    if len(chosen) < len(rows):
        remarks.append(f"{len(chosen):,} of {len(rows):,} rows are used, a sample.")
    meaning = Said(
        'The label is true where "{column}" is {value}.',
        column=label,
        value=repr(1 if positive is None else positive),
    )
    return Cases(
        found, truth[chosen], customer[chosen], at, split.folds, split.train, split.calibrate, meaning, tuple(remarks),
        None,
    )  # fmt: skip


class _Split(NamedTuple):
    """The folds, and the rows that the model to be used learns from and is calibrated with."""

    folds: tuple[Fold, ...]
    train: Integers
    calibrate: Integers


def _at_random(truth: Array, seed: int) -> _Split:
    """Parts with both classes alike, each judged once."""
    order = np.random.default_rng(seed).permutation(len(truth))
    part = np.empty(len(truth), dtype=np.int64)
    for value in (False, True):
        of_class = order[truth[order] == value]
        part[of_class] = np.arange(len(of_class)) % _FOLDS
    folds = tuple(
        Fold(
            f"part {fold + 1} of {_FOLDS}",
            np.flatnonzero((part != fold) & (part != (fold + 1) % _FOLDS)),
            np.flatnonzero(part == (fold + 1) % _FOLDS),
            np.flatnonzero(part == fold),
        )
        for fold in range(_FOLDS)
    )
    return _Split(folds, np.flatnonzero(part != 0), np.flatnonzero(part == 0))


def _in_time(at: Integers, known_after: int, time: str) -> _Split:
    """Parts one after the other; each is judged by what was learnt from labels that were known when it began."""
    # Rows of one moment are in one part.
    starts = np.unique(np.sort(at)[np.arange(_FOLDS) * len(at) // _FOLDS])
    part = np.searchsorted(starts, at, side="right") - 1
    folds = []
    for test in range(len(starts)):
        known = (at + known_after <= starts[test]) & (part < test)
        if not known.any():
            continue
        calibrate = known & (part == part[known].max())
        begins = at[calibrate].min()
        train = (at + known_after <= begins) & (at < begins)
        if train.any():
            name = f"from {_args.local_datetime(int(starts[test]), 'UTC'):%Y-%m-%d}"
            rows = (train, calibrate, part == test)
            folds.append(Fold(name, *(np.flatnonzero(each) for each in rows)))
    if not folds:
        raise ArgumentError(
            f'time="{time}": the rows span {(at.max() - at.min()) / _DAY_US:g} days, in which labels that are known '
            f"{known_after / _DAY_US:g} days later leave no row to learn from before one to calibrate with and one to "
            "judge; give a shorter predict= or gap=, or leave time= out"
        )
    last = part == part.max()
    return _Split(
        tuple(folds), np.flatnonzero((at + known_after <= starts[-1]) & ~last), np.flatnonzero(last)
    )


def _instants(table: Table, time: str) -> Integers:
    """The moments of a column, µs UTC."""
    values, missing = table.numpy(time)
    unknown = np.zeros(len(values), dtype=bool) if missing is None else missing
    if values.dtype.kind in "iufb":
        raise ArgumentTypeError(
            f'time="{time}" is a column of numbers ({dict(table.schema)[time]}); expected dates or times'
        )
    if values.dtype == object:
        unknown = unknown | np.array([value is None for value in values.tolist()], dtype=bool)
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise DataError(
            f'column "{time}" has no time in {int(unknown.sum()):,} of {len(values):,} rows (the first is row {row}); '
            "leave these rows out or fill them in"
        )
    if values.dtype.kind == "M":
        return np.asarray(values.astype("datetime64[us]").astype(np.int64))
    found = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values.tolist()):
        try:
            found[row] = _args.instant_us(value, time, "UTC")
        except (ArgumentError, ArgumentTypeError) as problem:
            raise DataError(f'column "{time}", row {row}: {problem}') from None
    return found


def _truth(table: Any, label: str, positive: object) -> tuple[Array, Array]:
    """Which rows are true, and which have a label at all."""
    values, missing = table.numpy(label)
    known = np.ones(len(values), dtype=bool) if missing is None else ~missing
    if values.dtype == object:
        known &= np.array([value is not None for value in values.tolist()])
    if values.dtype.kind == "f":
        known &= ~np.isnan(values)
    distinct = sorted({str(value) if values.dtype == object else value for value in values[known].tolist()})
    if positive is None:
        if not set(distinct) <= {0, 1} or values.dtype == object:
            raise ArgumentError(
                f'label "{label}" has the values {_args.listing(map(repr, distinct), 6)}; say which one is meant: '
                f"positive={distinct[-1] if distinct else None!r}"
            )
        positive = 1
    if len(distinct) < 2 or positive not in distinct:
        raise DataError(
            f'label "{label}": {"there is one class only, " if len(distinct) < 2 else ""}the values are '
            f"{_args.listing(map(repr, distinct), 6)} and positive={positive!r}; a model needs cases of both"
        )
    return np.asarray(values == positive, dtype=bool), known


def frame_columns(table: Any, name: str) -> Array:
    """A column as numbers with NaN, or as texts with None."""
    values, missing = table.numpy(name)
    if values.dtype == object:
        return np.array([None if value is None else str(value) for value in values.tolist()], dtype=object)
    if values.dtype.kind in "mM":
        raise ArgumentError(
            f'column "{name}" holds times; leave it out with columns=[…], or give the days since then as a number'
        )
    numbers: Floats = values.astype(np.float64)
    if missing is not None:
        numbers[missing] = np.nan
    return numbers
