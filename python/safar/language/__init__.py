"""How numbers, dates and words are written in the languages of readers; data stays as it is."""

from __future__ import annotations

from safar.language.live import Live, LiveText, joined, of_all, recipes_of
from safar.language.locale import ENGLISH, MISSING, Direction, Locale
from safar.language.said import (
    Digits,
    Length,
    Listed,
    Moment,
    PeriodLabel,
    Said,
    Share,
    Span,
    Spoken,
    paragraph,
    quoted,
    so_many,
)
from safar.language.words import heading, translated

__all__ = [
    "ENGLISH",
    "MISSING",
    "Digits",
    "Direction",
    "Length",
    "Listed",
    "Live",
    "LiveText",
    "Locale",
    "Moment",
    "PeriodLabel",
    "Said",
    "Share",
    "Span",
    "Spoken",
    "heading",
    "joined",
    "of_all",
    "paragraph",
    "quoted",
    "recipes_of",
    "so_many",
    "translated",
]
