"""What is known of customers: numbers and categories, one row a customer, from frames of any kind."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Frame, Integers
from safar.errors import ArgumentError, DataError

__all__ = ["Column", "Customers", "Kind", "customers_of", "joined", "positions_of"]

Kind: TypeAlias = Literal["number", "category"]

# A column with more different texts is an id or a remark, and no category.
_MOST_CATEGORIES = 50
# The cubes of larger numbers are none.
_LARGEST = 1e100
_FLAGS = ("no", "yes")


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that is known of customers.

    Parameters
    ----------
    name
        As in the data.
    values
        Of a number the values, NaN where unknown; of a category the places in `labels`, -1 where unknown.
    labels
        The categories, sorted; None of a number.
    """

    name: str
    values: Array
    labels: tuple[str, ...] | None = None

    @property
    def kind(self) -> Kind:
        """Whether it is a number or a category."""
        return "number" if self.labels is None else "category"

    @property
    def missing(self) -> Array:
        """Which customers it is not known of."""
        unknown: Array = np.isnan(self.values) if self.labels is None else self.values < 0
        return unknown

    def rows(self, positions: Integers) -> Column:
        """The column of some customers; unknown where the position is -1."""
        blank = np.nan if self.labels is None else -1
        if not len(self.values):
            return Column(self.name, np.full(len(positions), blank), self.labels)
        return Column(self.name, np.where(positions >= 0, self.values[positions], blank), self.labels)


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers with their columns, in the order of the data.

    Parameters
    ----------
    key
        The column with the ids.
    ids
        Their ids, as the data have them: whole numbers or text.
    columns
        What is known of them, by name.
    available
        All columns of the data, read or not.
    profiles
        Which of the columns came from a second frame.
    """

    key: str
    ids: Array
    columns: Mapping[str, Column]
    available: tuple[str, ...]
    profiles: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.ids)

    def known(self, names: Sequence[str], argument: str) -> list[Column]:
        """The columns of these names."""
        for name in names:
            if name not in self.columns:
                raise ArgumentError(
                    f'{argument} holds "{name}", which is no column of the customers'
                    f"{_args.suggestion(name, self.available)} (available: {_args.listing(self.available)})"
                )
        return [self.columns[name] for name in names]


def customers_of(data: Frame, key: str, wanted: Container[str] | None = None) -> Customers:
    """Read customers from a frame with one row each; `wanted` are the columns that are read, by default all."""
    table = _table.to_table(data)
    _args.known_columns([key], table.names)
    ids, unknown = table.numpy(key)
    if unknown is not None and unknown.any():
        number = int(unknown.sum())
        raise DataError(
            f'the column "{key}" is null in {number:,} row{"" if number == 1 else "s"}, first in row '
            f"{int(np.argmax(unknown))}; each row needs the id of its customer: leave such rows out"
        )
    _refuse_repeats(table, key, ids)
    names = [name for name in table.names if name != key]
    read = {name: _column(table, name) for name in names if wanted is None or name in wanted}
    return Customers(key, ids, read, tuple(names))


def positions_of(ids: Array, among: Array) -> Integers:
    """Where customers stand among others, each of whom is there once; -1 for nowhere."""
    if ids.dtype.kind in "iu" and among.dtype.kind in "iu" and len(among):
        order = np.argsort(among, kind="stable")
        near = order[np.minimum(np.searchsorted(among[order], ids), len(among) - 1)]
        return np.where(among[near] == ids, near, -1)
    place: dict[Any, int] = {each: row for row, each in enumerate(among.tolist())}
    return np.array([place.get(each, -1) for each in ids.tolist()], dtype=np.int64)


def _refuse_repeats(table: Table, key: str, ids: Array) -> None:
    # Texts are numbered by the core, in a tenth of the time that sorting them takes.
    same = table.codes(key)[0] if ids.dtype.kind == "O" else ids
    ordered = np.sort(same)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(again):
        twice = str(ids[int(np.argmax(np.isin(same, again)))])
        raise DataError(
            f'the column "{key}" has {twice!r} in several rows ({len(again):,} customers do so); expected one row a '
            "customer: add them up first"
        )


def _column(table: Table, name: str) -> Column:
    values, missing = table.numpy(name)
    unknown = np.zeros(len(values), dtype=bool) if missing is None else missing
    kind = values.dtype.kind
    if kind == "b":
        return Column(name, np.where(unknown, -1, values.astype(np.int64)), _FLAGS)
    if kind in "iuf":
        numbers = np.where(unknown, np.nan, values.astype(np.float64))
        endless = np.isinf(numbers)
        if endless.any():
            raise DataError(
                f'column "{name}": row {int(np.argmax(endless))} is {numbers[endless][0]}; expected finite numbers, '
                "and null where it is not known"
            )
        beyond = np.abs(numbers) > _LARGEST
        if beyond.any():
            raise DataError(
                f'column "{name}": row {int(np.argmax(beyond))} is {numbers[beyond][0]:g}; expected numbers up to '
                f"{_LARGEST:g}: count in a larger unit, or make it null if it stands for unknown"
            )
        return Column(name, numbers)
    if kind in "mM":
        raise DataError(
            f'column "{name}" holds times; a persona needs numbers or categories: give the time since then as '
            "a number of days, or leave the column out: columns= names those that are read"
        )
    return _categories(table, name)


def _categories(table: Table, name: str) -> Column:
    codes, texts = table.codes(name)
    present = np.unique(codes)
    labels = sorted(text for code in present.tolist() if (text := texts[code]) is not None)
    if len(labels) > _MOST_CATEGORIES:
        raise DataError(
            f'column "{name}" has {len(labels):,} different texts such as {_args.listing(labels, 3)}; a category has '
            f"at most {_MOST_CATEGORIES}: leave it out (columns= names those that are read), or put it into "
            "groups"
        )
    place = {label: number for number, label in enumerate(labels)}
    table_of_codes = np.array(
        [place.get(str(text), -1) if text is not None else -1 for text in texts] or [-1]
    )
    return Column(name, table_of_codes[codes] if len(codes) else codes, tuple(labels))


def joined(one: Customers, other: Customers) -> Customers:
    """The customers of `one` with the columns of `other` beside their own; unknown where `other` has no row."""
    both = [name for name in other.columns if name in one.columns]
    if both:
        raise DataError(
            f"both frames have the columns {_args.listing(both)}; rename them in one of the two, so that it is clear "
            "which one is meant"
        )
    positions = positions_of(one.ids, other.ids)
    if len(one) and not (positions >= 0).any():
        raise DataError(
            f"none of the {len(one):,} customers has a profile: ids are such as {one.ids.tolist()[0]!r} here and "
            f"{other.ids.tolist()[:1]!r} there; expected the same ids, of one type"
        )
    return Customers(
        one.key,
        one.ids,
        {**one.columns, **{name: column.rows(positions) for name, column in other.columns.items()}},
        (*one.available, *other.available),
        frozenset(other.columns),
    )
