"""A card of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from safar.language import ENGLISH, Locale
from safar.pages.charts import chart_figure, is_chart
from safar.pages.markup import Markup
from safar.pages.tables import data_table

if TYPE_CHECKING:
    import altair

    from safar.result import Result

__all__ = ["Columns", "Section", "Width", "plain_section", "section_of"]

Width = Literal["third", "half", "most", "full"]
Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One card of the page.

    Parameters
    ----------
    title
        Heading.
    figure
        HTML or SVG, already escaped; or a chart of Altair, such as that of ``result.plot()``, which is drawn once
        (with vl-convert, ``pip install safar[images]``) and stands on the page without a script.
    subtitle
        One line under the heading, for example how the steps were chosen.
    note
        One line under the figure.
    table
        Columns of the data table under the figure.
    words
        Whether the table is one of KPIs, alerts or scores: what stands in its columns such as ``status`` and ``period``
        is written in the language of the page.
    names
        What is written in the table for names of the data, such as the ids of a journey map.
    definition
        What the numbers mean.
    spec
        JSON that replays the result.
    width
        A third, a half, two thirds (``"most"``) or all of the page's width.

    Examples
    --------
    >>> Section(title="Orders", figure=Markup("<p>12</p>")).width
    'half'
    """

    title: str
    figure: Markup | altair.TopLevelMixin
    subtitle: str | None = None
    note: str | None = None
    table: Mapping[str, Sequence[object]] | None = None
    words: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    definition: str | None = None
    spec: str | None = None
    width: Width = "half"

    @property
    def drawn(self) -> Markup:
        """The figure as HTML or SVG."""
        return chart_figure(self.figure, self.title) if is_chart(self.figure) else Markup(self.figure)

    @property
    def follows(self) -> bool:
        """Whether numbers of the figure follow a choice of customers."""
        return not is_chart(self.figure) and ' data-live="' in str(self.figure)


def section_of(result: Result, **parts: Any) -> Section:
    """Make a section with the definition and the spec of a result."""
    return Section(definition=result.definition, spec=result.spec, **parts)


def plain_section(
    result: Result, title: str, columns: Columns, locale: Locale = ENGLISH, *, words: bool = False
) -> Section:
    """Make a section for a result by segments: its table is the figure."""
    figure = data_table(columns, caption=title, words=words, locale=locale)
    return section_of(result, title=title, figure=figure, width="full")
