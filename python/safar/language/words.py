"""The words of the product's own sentences in other languages than English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from safar._typing import Language

__all__ = ["heading", "translated", "words_of"]

_ENDS = {"_low": "{name}, low", "_high": "{name}, high"}


@cache
def words_of(language: Language) -> Mapping[str, Mapping[str, str]]:
    """The file of a language: ``texts`` by the English text, and ``columns`` by the name of the column."""
    if language == "en":
        return {"texts": {}, "columns": {}}
    path = Path(__file__).with_name(f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def translated(text: str, language: Language) -> str:
    """Find a text in a language; one that the language has no words for stays English.

    Parameters
    ----------
    text
        In English.
    language
        ``"en"`` or ``"fa"``.

    Returns
    -------
    str

    Examples
    --------
    >>> translated("Customers", "fa")
    'مشتریان'
    """
    return words_of(language)["texts"].get(text, text)


def heading(column: str, language: Language = "en") -> str:
    """Turn the name of a column into words.

    Parameters
    ----------
    column
        A column of a result.
    language
        ``"en"`` or ``"fa"``.

    Returns
    -------
    str

    Examples
    --------
    >>> heading("from_previous_low"), heading("median_seconds"), heading("share_low", "fa")
    ('From previous low', 'Median time', 'سهم، کران پایین')
    """
    if language != "en":
        known = words_of(language)["columns"]
        if column in known:
            return known[column]
        for end, place in _ENDS.items():
            stem = column.removesuffix(end)
            if stem != column and stem in known:
                return translated(place, language).format(name=known[stem])
    words = column.replace("_seconds", "_time").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
