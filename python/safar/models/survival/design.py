"""Columns of a frame as the columns of a model: numbers as they are, text as a column for each value but one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safar import _args
from safar._core import Table
from safar._typing import Array, Floats
from safar.errors import DataError
from safar.models.survival.watched import numbers_of, refuse

__all__ = ["Term", "design_of", "encoded"]

# More values of text than this are no groups but names.
_MOST_VALUES = 50
_LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Term:
    """One column of a model: a column of numbers, or one value of a column of text."""

    column: str
    value: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.column if self.value is None else f"{self.column} = {self.value}"


def design_of(table: Table, columns: Sequence[str]) -> tuple[list[Term], dict[str, str]]:
    """The terms of some columns, and by column of text the value that others are compared with: the commonest."""
    terms: list[Term] = []
    bases: dict[str, str] = {}
    for column in columns:
        if table.numpy(column)[0].dtype.kind != "O":
            terms.append(Term(column))
            continue
        codes, texts = table.codes(column)
        refuse(_missing(codes, texts), table, column, "no value; leave these rows out or fill them in")
        if len(texts) > _MOST_VALUES:
            raise DataError(
                f'column "{column}" has {len(texts)} values, more than {_MOST_VALUES}: that many groups can\'t be '
                "compared; put them together first"
            )
        # The first by name where two are as common.
        base = texts[int(np.argmax(np.bincount(codes, minlength=len(texts))))]
        bases[column] = str(base)
        terms += [Term(column, text) for text in texts if text is not None and text != base]
        if len(texts) == 1:
            terms.append(Term(column, str(base)))
    return terms, bases


def encoded(table: Table, terms: Sequence[Term], bases: dict[str, str]) -> Floats:
    """The values of the terms in each row."""
    found = np.empty((table.num_rows, len(terms)))
    for place, term in enumerate(terms):
        if term.value is None:
            numbers, missing = numbers_of(table, term.column)
            bad = missing | ~np.isfinite(numbers)
            refuse(bad, table, term.column, "no number; leave these rows out or fill them in")
            said = f"a number beyond {_LARGEST:g}, whose square is none; count in a larger unit"
            refuse(np.abs(numbers) > _LARGEST, table, term.column, said)
            found[:, place] = numbers
            continue
        codes, texts = table.codes(term.column)
        known = {each.value for each in terms if each.column == term.column} | {bases[term.column]}
        said = f"a value that the model has not seen (it knows {_args.listing(sorted(filter(None, known)))})"
        refuse(np.array([text not in known for text in texts], dtype=bool)[codes], table, term.column, said)
        found[:, place] = np.array([text == term.value for text in texts], dtype=np.float64)[codes]
    return found


def _missing(codes: Array, texts: Sequence[str | None]) -> Array:
    missing: Array = np.array([text is None for text in texts], dtype=bool)[codes]
    return missing
