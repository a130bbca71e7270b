"""The style sheet of a page: its typeface, what its colours are, and its rules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from safar.language import Locale
from safar.language.fonts import font_faces
from safar.pages.colours import PageTheme, theme_style

__all__ = ["rules_of", "style_of", "typeface_of"]

_TEMPLATES = Path(__file__).with_name("templates")


def style_of(theme: PageTheme, locales: Iterable[Locale]) -> str:
    """Everything that stands in the ``<style>`` of a page.

    Parameters
    ----------
    theme
        ``"light"``, ``"dark"`` or ``"auto"``.
    locales
        How the readers of the page are written to.
    """
    return typeface_of(locales) + theme_style(theme) + rules_of("page.css", "journey.css")


def rules_of(*names: str) -> str:
    """The rules of some style sheets, one after the other."""
    return "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def typeface_of(locales: Iterable[Locale]) -> str:
    """The typeface that a page brings along for readers who may have none for their letters."""
    return font_faces() + "\n" if any(locale.direction == "rtl" for locale in locales) else ""
