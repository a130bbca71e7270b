"""How numbers, dates and words are written in the languages of readers; data stays as it is."""

from __future__ import annotations

from safar.language.live import Live, LiveText, joined, of_all, recipes_of
from safar.language.locale import ENGLISH, MISSING, Direction, Locale
from safar.language.said import Clock, Length, Listed, Moment, Said, Share, Spoken, paragraph, quoted, so_many
from safar.language.words import heading, translated

__all__ = [
    "ENGLISH",
    "MISSING",
    "Clock",
    "Direction",
    "Length",
    "Listed",
    "Live",
    "LiveText",
    "Locale",
    "Moment",
    "Said",
    "Share",
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
