"""Columns made comparable: long tails drawn in, extremes cut, all of one spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from safar import _args
from safar._typing import Array, Floats, Integers
from safar.errors import DataError
from safar.models.personas.columns import Column, Customers

__all__ = ["Missing", "Points", "Preparation", "Unseen", "preparation_of"]

Missing: TypeAlias = Literal["typical", "unassigned"]
Unseen: TypeAlias = Literal["error", "unassigned"]

# From this skewness on, a number that is never negative is taken by its logarithm.
_SKEWED = 2.0
# The squares of smaller differences are none.
_LEAST_SPREAD = 1e-150
# Beyond these quantiles a number is as far as they are.
_TAILS = (0.01, 0.99)
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Points:
    """Customers as points: what clustering sees.

    Parameters
    ----------
    numbers
        Prepared numbers, a row a customer; NaN in no place.
    categories
        Places in the categories, a row a customer.
    usable
        Which customers can be placed.
    """

    numbers: Floats
    categories: Integers
    usable: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, positions: Array) -> Points:
        """Some of the points."""
        return Points(self.numbers[positions], self.categories[positions], self.usable[positions])


@dataclass(frozen=True, slots=True)
class Scaling:
    """How one number is prepared: ``(f(x) - centre) / spread``, with `f` a logarithm where `unit` is given."""

    column: str
    unit: float | None
    low: float
    high: float
    centre: float
    spread: float
    typical: float

    def apply(self, values: Floats) -> Floats:
        """Prepare values; unknown ones are as the middle of the known."""
        cut = np.clip(np.where(np.isnan(values), self.typical, values), self.low, self.high)
        drawn = cut if self.unit is None else np.log1p(cut / self.unit)
        scaled: Floats = (drawn - self.centre) / self.spread
        return scaled


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one column that clustering knows."""

    column: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the columns of customers become points.

    Parameters
    ----------
    numbers, categories
        The columns, in order.
    missing
        What becomes of customers with unknown values.
    left_out
        Columns that can't tell customers apart, and why.
    """

    numbers: tuple[Scaling, ...]
    categories: tuple[Categories, ...]
    missing: Missing
    left_out: tuple[tuple[str, str], ...]

    @property
    def names(self) -> list[str]:
        """The columns that clustering sees."""
        return [*(each.column for each in self.numbers), *(each.column for each in self.categories)]

    def apply(self, customers: Customers, unseen: Unseen = "error") -> Points:
        """Turn customers into points; `unseen` says what becomes of those with a category that was not there."""
        size = len(customers)
        usable = np.ones(size, dtype=bool)
        numbers = np.zeros((size, len(self.numbers)))
        for place, scaling in enumerate(self.numbers):
            column = _of_kind(customers, scaling.column, "number")
            numbers[:, place] = scaling.apply(column.values)
            usable &= ~column.missing | (self.missing == "typical")
        codes = np.zeros((size, len(self.categories)), dtype=np.int64)
        for place, known in enumerate(self.categories):
            column = _of_kind(customers, known.column, "category")
            codes[:, place] = _places(column, known.labels, unseen)
            usable &= (codes[:, place] >= 0) & (~column.missing | (self.missing == "typical"))
        return Points(numbers, codes, usable)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Preparation:
        """Read what `to_dict` wrote."""
        return cls(
            tuple(Scaling(**each) for each in given["numbers"]),
            tuple(Categories(each["column"], tuple(each["labels"])) for each in given["categories"]),
            _args.choice(given["missing"], "missing", Missing),
            tuple((name, reason) for name, reason in given["left_out"]),
        )


def preparation_of(columns: Sequence[Column], missing: Missing) -> Preparation:
    """Learn from customers how their columns are prepared."""
    left_out = [(column.name, reason) for column in columns if (reason := _useless(column))]
    if len(left_out) == len(columns):
        raise DataError(
            "no column tells customers apart: "
            + ", ".join(f'"{name}" is {reason}' for name, reason in left_out)
            + "; give columns in which customers differ"
        )
    gone = {name for name, _ in left_out}
    kept = [column for column in columns if column.name not in gone]
    return Preparation(
        tuple(_scaling(column) for column in kept if column.labels is None),
        tuple(
            Categories(column.name, _labels(column, missing)) for column in kept if column.labels is not None
        ),
        missing,
        tuple(left_out),
    )


def _useless(column: Column) -> str | None:
    """Why a column can't tell customers apart; None if it can."""
    known = column.values[~column.missing]
    if not len(known):
        return "unknown of all customers"
    if (known == known[0]).all() and (column.labels is None or not column.missing.any()):
        return "the same for all customers"
    return None


def _scaling(column: Column) -> Scaling:
    known = np.sort(column.values[~column.missing])
    low, high = np.quantile(known, _TAILS)
    if low == high:
        low, high = known[0], known[-1]
    cut = np.clip(known, low, high)
    unit = None
    positive = known[known > 0]
    if known[0] >= 0 and known[-1] > _LEAST_SPREAD and _skewness(cut) > _SKEWED:
        # The logarithm of a number in its own typical size, so that the unit of the column does not matter.
        unit = float(np.median(positive))
        cut = np.log1p(cut / unit)
    spread = float(cut.std())
    if spread < _LEAST_SPREAD:
        raise DataError(
            f'column "{column.name}" differs by {spread:g} between customers, too little to count with; count in a '
            "smaller unit"
        )
    return Scaling(
        column.name,
        unit,
        float(low),
        float(high),
        float(cut.mean()),
        spread,
        float(np.median(known)),
    )


def _skewness(values: Floats) -> float:
    apart = values - values.mean()
    variance = float((apart**2).mean())
    return float((apart**3).mean()) / variance**1.5 if variance > 0 else 0.0


def _labels(column: Column, missing: Missing) -> tuple[str, ...]:
    labels = column.labels or ()
    counts = np.bincount(column.values[~column.missing], minlength=len(labels))
    present = tuple(label for label, count in zip(labels, counts, strict=True) if count)
    return (*present, MISSING) if missing == "typical" and column.missing.any() else present


def _of_kind(customers: Customers, name: str, kind: str) -> Column:
    if name not in customers.columns:
        raise DataError(
            f'the customers have no column "{name}"{_args.suggestion(name, customers.columns)}, which the personas '
            f"were found with (available: {_args.listing(customers.columns)})"
        )
    column = customers.columns[name]
    if column.kind != kind and not column.missing.all():
        raise DataError(
            f'column "{name}" holds {"texts" if column.kind == "category" else "numbers"}, and the personas were found '
            f"with {'numbers' if kind == 'number' else 'texts'} in it; give it as it was then"
        )
    if column.kind != kind:
        return Column(
            name,
            np.full(len(customers), np.nan if kind == "number" else -1),
            None if kind == "number" else (),
        )
    return column


def _places(column: Column, labels: tuple[str, ...], unseen: Unseen) -> Integers:
    """Places in the labels that were learnt; -1 where there is none."""
    place = {label: number for number, label in enumerate(labels)}
    of_missing = place.get(MISSING, -1)
    found = np.array([place.get(label, -1) for label in column.labels or ()] + [of_missing], dtype=np.int64)
    codes = found[column.values.astype(np.int64)]
    strange = sorted(
        {(column.labels or ())[code] for code in np.unique(column.values[(codes < 0) & ~column.missing])}
    )
    if strange and unseen == "error":
        raise DataError(
            f'column "{column.name}" has {_args.listing(strange, 5)}, which nobody had when the personas were found '
            f'(known: {_args.listing(labels)}); with unseen="unassigned" such customers get no persona'
        )
    return codes
