"""A page of figures: one HTML file that needs no network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from safar import _args
from safar._typing import Language
from safar.errors import ArgumentError
from safar.pages.colours import PageTheme
from safar.pages.markup import Markup, element, written
from safar.pages.style import style_of
from safar.pages.tables import data_table
from safar.pages.tiles import Tile, tile_markup

if TYPE_CHECKING:
    import altair

    from safar.pages.filters import Filters
    from safar.result import Result

from safar.language import Locale
from safar.pages.section import Section
from safar.pages.sections import section_for

__all__ = ["Page"]


@dataclass(frozen=True, slots=True)
class Page:
    """Key figures and analyses on one offline HTML page.

    Parameters
    ----------
    title
        Heading of the page.
    tiles
        Key figures, in order.
    sections
        Figures, in order; a result gets the figure of its analysis, a chart of Altair is drawn once.
    subtitle
        One line under the heading, for example the span of the data.
    notes
        Terms and their meaning in the footer: data span, time zone, rejected rows.
    results
        The results behind the figures, by name; not shown, for use after the page.
    language
        Language of the page's own words, numbers and dates: ``"en"``, or ``"fa"`` for Persian, from right to left.
    theme
        ``"light"`` or ``"dark"`` paper, or ``"auto"`` for that of the reader's system; what is printed is light.
    filters
        The choice of customers at the top of the page; None has none, and the page has no script.
    others
        The same page in other languages: one file holds them all, and a switch at its top shows one at a time, this
        one first. It needs no script.

    Examples
    --------
    >>> page = Page("Spring", tiles=[Tile(label="Customers", value=3)])
    >>> "<h1>Spring</h1>" in page.to_html()
    True
    """

    title: str
    tiles: Sequence[Tile] = ()
    sections: Sequence[Section | Result | altair.TopLevelMixin] = ()
    subtitle: str | None = None
    notes: Sequence[tuple[str, str]] = ()
    results: Mapping[str, Result] = field(default_factory=dict)
    language: Language = "en"
    theme: PageTheme = "light"
    filters: Filters | None = None
    others: Sequence[Page] = ()

    def __post_init__(self) -> None:
        _args.choice(self.language, "language", Language)
        _args.choice(self.theme, "theme", PageTheme)
        shown = {self.language}
        for page in self.others:
            if page.others:
                raise ArgumentError(
                    f"others holds {page!r}, which has others itself; give all of them to one page"
                )
            if page.language in shown:
                raise ArgumentError(
                    f'others holds {page!r} in the language "{page.language}", in which there is a page already; '
                    "expected a page in each language"
                )
            if page.theme != self.theme:
                raise ArgumentError(
                    f'others holds {page!r} with the theme "{page.theme}", and this page has "{self.theme}"; expected '
                    "one theme for all languages"
                )
            shown.add(page.language)

    @property
    def locale(self) -> Locale:
        """How the page writes numbers, dates and words."""
        return Locale(self.language)

    def to_html(self) -> str:
        """Write the page.

        Returns
        -------
        str
            A complete HTML document with its style and drawings inside; it loads nothing from elsewhere.
        """
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("safar.pages", "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            finalize=written,
        )
        pages = (self, *self.others)
        return environment.get_template("page.html").render(
            first=self,
            pages=pages,
            style=Markup(style_of(self.theme, [page.locale for page in pages])),
            languages=" · ".join(page.locale.say("Language") for page in pages),
            scripted=next((page.filters for page in pages if page.filters is not None), None),
            sections_of=_sections_of,
            tile_markup=tile_markup,
            element=element,
            data_table=data_table,
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file; an existing file is replaced in one move, never left half written.

        Parameters
        ----------
        path
            Where to write; the folder must exist.

        Returns
        -------
        Path
            The file.
        """
        target = Path(path)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            unfinished.write_text(self.to_html(), encoding="utf-8")
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return target

    def _repr_html_(self) -> str:
        """Show the page in a notebook inside its own frame, so that styles don't mix."""
        return (
            f'<iframe srcdoc="{escape(self.to_html(), quote=True)}" title="{escape(self.title, quote=True)}" '
            'style="width:100%;height:900px;border:1px solid #dfe5ea;border-radius:6px" sandbox="allow-scripts">'
            "</iframe>"
        )

    def __repr__(self) -> str:
        return f"Page({self.title!r}, {len(self.tiles)} tiles, {len(self.sections)} sections)"


def _sections_of(page: Page) -> list[Section]:
    return [
        section if isinstance(section, Section) else section_for(section, locale=page.locale)
        for section in page.sections
    ]
