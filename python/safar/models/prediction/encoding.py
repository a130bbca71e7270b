"""Columns as a matrix: numbers, gaps and categories, the same for rows that come later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from safar import _args
from safar._typing import Array, Floats
from safar.errors import DataError

__all__ = ["Encoder"]

_MOST_CATEGORIES = 20


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as it was when the model learnt: a number with its median, or a text with its categories."""

    name: str
    median: float | None = None
    # Whether it was undefined somewhere.
    gaps: bool = False
    categories: tuple[str, ...] = ()
    # Whether there were further, rarer ones.
    others: bool = False

    @property
    def is_number(self) -> bool:
        return self.median is not None


@dataclass(frozen=True, slots=True)
class Encoder:
    """How columns become a matrix; what did not vary in the rows that it was fitted to is left out.

    Numbers that are undefined become the median and are marked in a column of their own (`impute`), or stay NaN. Texts
    become a column for each of the 20 commonest categories, one for the others and one for the missing.
    """

    columns: tuple[_Column, ...]
    impute: bool
    left_out: tuple[str, ...]

    @classmethod
    def fit(cls, columns: Mapping[str, Array], *, impute: bool) -> Encoder:
        """Learn the columns of some rows."""
        found = {
            name: _text(name, values) if values.dtype == object else _number(name, values)
            for name, values in columns.items()
        }
        kept = tuple(column for column in found.values() if column is not None)
        if not kept:
            raise DataError(
                f"none of the {len(columns)} features varies over the rows to learn from; choose other features or "
                "more customers"
            )
        return cls(kept, impute, tuple(name for name, column in found.items() if column is None))

    @property
    def names(self) -> list[str]:
        """Names of the columns that are looked at."""
        return [column.name for column in self.columns]

    def slots(self) -> list[int]:
        """For each column of the matrix, the place of the column that it comes from."""
        return [place for place, column in enumerate(self.columns) for _ in range(self._width(column))]

    def _width(self, column: _Column) -> int:
        if column.is_number:
            return 1 + (self.impute and column.gaps)
        return len(column.categories) + column.others + column.gaps

    def transform(self, columns: Mapping[str, Array]) -> Floats:
        """The matrix of rows; a column that is missing from them is an error."""
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise DataError(
                f"the model knows {len(self.names)} features, and the data lack {_args.listing(missing)}; score data "
                "with the columns that the model was fitted to"
            )
        parts: list[Floats] = []
        for column in self.columns:
            values = columns[column.name]
            if (values.dtype != object) != column.is_number:
                kinds = ("texts", "numbers")
                raise DataError(
                    f'column "{column.name}" holds {kinds[values.dtype != object]}, and the model was fitted to '
                    f"{kinds[column.is_number]}"
                )
            parts += self._numbers(column, values) if column.is_number else self._texts(column, values)
        return np.column_stack(parts)

    def unseen(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Where a text is none that was seen, by the columns in which that says nothing known."""
        found = {}
        for column in self.columns:
            if not column.is_number:
                known = {*column.categories, *([None] if column.gaps else [])}
                texts = columns[column.name].tolist()
                strange = np.array([text not in known for text in texts], dtype=bool)
                if column.others:
                    # Others were seen too, so that a further one is as they are.
                    strange &= np.array([text is None for text in texts], dtype=bool)
                if strange.any():
                    found[column.name] = strange
        return found

    def _numbers(self, column: _Column, values: Array) -> list[Floats]:
        _refuse_infinite(column.name, values)
        if not self.impute:
            return [values.astype(np.float64)]
        gone = np.isnan(values)
        filled = np.where(gone, np.float64(column.median or 0.0), values)
        return [filled, gone.astype(np.float64)] if column.gaps else [filled]

    def _texts(self, column: _Column, values: Array) -> list[Floats]:
        codes = {text: code for code, text in enumerate(column.categories)}
        # A category that was not seen is one of the others, where there were some; else it is none of those known.
        rare = len(column.categories)
        missing = rare + 1
        of_row = np.array([missing if text is None else codes.get(text, rare) for text in values.tolist()])
        places = [*range(rare), *([rare] if column.others else []), *([missing] if column.gaps else [])]
        return [(of_row == place).astype(np.float64) for place in places]

    def typical(self) -> dict[str, Array]:
        """One row with the median of each number and the commonest category of each text."""
        return {
            column.name: np.array([column.median])
            if column.is_number
            else np.array([column.categories[0]], dtype=object)
            for column in self.columns
        }

    def to_dict(self) -> dict[str, Any]:
        """The encoder as JSON has it."""
        return asdict(self)

    @classmethod
    def of_dict(cls, given: Mapping[str, Any]) -> Encoder:
        """The encoder that was written so."""
        columns = (_Column(**{**each, "categories": tuple(each["categories"])}) for each in given["columns"])
        return cls(tuple(columns), bool(given["impute"]), tuple(given["left_out"]))


def _number(name: str, values: Array) -> _Column | None:
    _refuse_infinite(name, values)
    gone = np.isnan(values)
    known = values[~gone]
    if not len(known) or (np.ptp(known) == 0 and not gone.any()):
        return None
    return _Column(name, median=float(np.median(known)), gaps=bool(gone.any()))


def _refuse_infinite(name: str, values: Array) -> None:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise DataError(
            f'column "{name}", row {infinite[0]}: {values[infinite[0]]} can\'t be learnt from; make it null or a large '
            "number"
        )


def _text(name: str, values: Array) -> _Column | None:
    texts, counts = np.unique(
        np.array([text for text in values.tolist() if text is not None], dtype=object), return_counts=True
    )
    gaps = any(text is None for text in values.tolist())
    if not len(texts) or (len(texts) == 1 and not gaps):
        return None
    # The commonest first, then by name.
    order = np.argsort(-counts, kind="stable")
    kept = tuple(str(text) for text in texts[order[:_MOST_CATEGORIES]])
    return _Column(name, gaps=gaps, categories=kept, others=len(texts) > len(kept))
