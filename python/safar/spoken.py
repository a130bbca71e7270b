"""Tables whose cells are words of the library, in the language of their readers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Self

import numpy as np

from safar import _table
from safar._typing import Language
from safar.language import Locale, Said, heading, so_many
from safar.result import ResultTable

__all__ = ["SpokenTable", "spoken_columns"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SpokenTable(ResultTable):
    """A table with words of the library in its cells, in English and in other languages.

    Parameters
    ----------
    words
        The columns that have them, each with the text of every row.
    language
        The language of these words, of the definition and of what a notebook shows.
    """

    _: KW_ONLY
    words: Mapping[str, Sequence[str]]
    language: Language = "en"
    # What was told.
    _first: Self | None = field(default=None)

    def told(self, language: Language = "en") -> Self:
        """The same in another language, for readers.

        Parameters
        ----------
        language
            ``"en"`` (default), or ``"fa"`` for Persian: its digits, Jalali dates, and laid out from right to left.

        Returns
        -------
        SpokenTable
            The same rows and columns; names of the data, and what is no text of the library, stay as they are.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {"customer": ["ann"], "time": ["2026-03-21"], "event": ["view"]},
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> why = log.sessions().explain("ann")
        >>> why.told("fa").to_dict()["decision"]
        ['نشست ۱ آغاز می‌شود: نخستین رویداد مشتری']
        """
        return self._in(Locale(language))

    def _in(self, locale: Locale) -> Self:
        """The table as a locale tells it; it goes back to the texts, which know what stands in their places."""
        first = self._first or self
        if locale.language == first.language:
            return first
        words = {name: [locale.say(text) for text in texts] for name, texts in first.words.items()}
        others = first.table.select([name for name in first.columns if name not in words])
        table = others.beside(_table.table_of(spoken_columns(words))).select(first.columns)
        return replace(
            first,
            table=table,
            definition=locale.say(first.definition),
            words=words,
            language=locale.language,
            _first=first,
        )

    @property
    def _locale(self) -> Locale:
        return Locale(self.language)

    def _headings(self) -> list[str]:
        english = self.language == "en"
        return self.columns if english else [heading(name, self.language) for name in self.columns]

    def _extent(self) -> str:
        rows = so_many(len(self), "1 row", "{number} rows")
        if len(self) <= self.shown:
            return self._locale.say(rows)
        return self._locale.say(Said("{rows}, the first {number} shown", rows=rows, number=self.shown))

    def _cell(self, name: str, value: object) -> str:
        if isinstance(value, dt.datetime):
            return self._locale.moment(value, seconds=True)
        text = ResultTable._cell(self, name, value)
        return self._locale.signs(text) if isinstance(value, int | float) else text

    def _repr_html_(self) -> str:
        return self._laid_out(ResultTable._repr_html_(self))

    def _laid_out(self, shown: str) -> str:
        """What a notebook shows, in the direction of the language."""
        if self.language == "en":
            return shown
        return f'<div lang="{self.language}" dir="{self._locale.direction}">{shown}</div>'


def spoken_columns(words: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Columns of text for `table_of`, of one type even without a row."""
    found: dict[str, object] = {}
    for name, texts in words.items():
        places: dict[str, int] = {}
        codes = [places.setdefault(str(text), len(places)) for text in texts]
        found[name] = _table.named(np.array(codes, dtype=np.int64), list(places))
    return found
