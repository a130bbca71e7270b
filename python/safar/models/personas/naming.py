"""Names of personas from what is most typical of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from safar._typing import Array
from safar.language import Listed, Locale, Said, Spoken, heading

__all__ = ["Heading", "PersonaName", "distinct", "suggested"]

_CERTAIN = 0.05
# Traits in a name, and how many more are tried where two personas would be called alike.
_WORDS, _MOST = 2, 4


class Heading(Spoken):
    """A column within a sentence.

    Examples
    --------
    >>> Heading("median_seconds")
    'median time'
    """

    column: str

    def __new__(cls, column: str) -> Heading:
        """Take the name of the column."""
        made = super().__new__(cls, heading(column).lower())
        made.column = column
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Heading, (self.column,)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        found = heading(self.column, locale.language)
        return str(self) if found == heading(self.column) else found


class PersonaName(Spoken):
    """The name of a persona in each language.

    Examples
    --------
    >>> from safar.language import Locale
    >>> Locale("fa").say(PersonaName("planners", "برنامه‌ریزان"))
    'برنامه‌ریزان'
    """

    persian: str

    def __new__(cls, english: str, persian: str | None = None) -> PersonaName:
        """Take the name; one for all languages where there is no other."""
        made = super().__new__(cls, english)
        made.persian = english if persian is None else persian
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return PersonaName, (str(self), self.persian)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return self.persian


def suggested(rows: Mapping[str, Array], size: int) -> list[Spoken]:
    """A name for each persona, from the traits of its own that are strongest."""
    if size == 1:
        return [Said("All customers")]
    told = [_traits(rows, persona) for persona in range(size)]
    for words in range(_WORDS, _MOST + 1):
        names: list[Spoken] = [Listed(each[:words] or [Said("as all customers")]) for each in told]
        if len(set(names)) == size:
            return names
    return [Said("{name} ({number})", name=name, number=place + 1) for place, name in enumerate(names)]


def _traits(rows: Mapping[str, Array], persona: int) -> list[Said]:
    """What is typical of a persona, one trait a column, the strongest first."""
    own = np.flatnonzero(rows["persona"] == persona)
    strength = np.nan_to_num(rows["effect"])
    order = own[np.argsort(-np.abs(strength[own]), kind="stable")]
    found: dict[str, Said] = {}
    for row in order:
        column, value = rows["column"][row], rows["value"][row]
        if (
            column in found
            or not rows["q_value"][row] < _CERTAIN
            or (value is not None and strength[row] < 0)
        ):
            continue
        found[column] = _said(column, value, strength[row] > 0)
    return list(found.values())


def _said(column: str, value: str | None, high: bool) -> Said:
    called = Heading(column)
    if value is not None:
        return Said("{column}: {value}", column=called, value=value)
    return Said("high {column}", column=called) if high else Said("low {column}", column=called)


def distinct(names: Sequence[str]) -> list[str]:
    """The same names, later ones of equal ones with a number behind."""
    found: list[str] = []
    for name in names:
        others = (f"{name} {number}" for number in count(2))
        found.append(name if name not in found else next(other for other in others if other not in found))
    return found
