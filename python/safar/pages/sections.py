"""Which section fits which result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from safar.language import ENGLISH, Locale
from safar.pages.behaviour_sections import matrix_section, sessions_section, transitions_section
from safar.pages.charts import is_chart, titles_of
from safar.pages.progress_sections import (
    flow_section,
    funnel_section,
    retention_section,
    segments_section,
)
from safar.pages.section import Section, plain_section

if TYPE_CHECKING:
    import altair

    from safar.result import Result

__all__ = [
    "Section",
    "flow_section",
    "funnel_section",
    "matrix_section",
    "retention_section",
    "section_for",
    "segments_section",
    "sessions_section",
    "transitions_section",
]

# Every figure by the name of its analysis, sorted.
_SECTIONS: dict[str, Callable[..., Section]] = {
    "funnel": funnel_section,
    "retention": retention_section,
    "sessions": sessions_section,
    "transitions": matrix_section,
}


def section_for(result: Result | altair.TopLevelMixin, *, locale: Locale = ENGLISH) -> Section:
    """Choose the section that fits the analysis of a result; one without a figure is shown as a table.

    Parameters
    ----------
    result
        Any result, or a chart of Altair: its title is that of the section.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    if is_chart(result):
        title, subtitle, chart = titles_of(result)
        return Section(title=title or locale.say("Chart"), subtitle=subtitle, figure=chart)
    found = cast("Result", result)
    make = _SECTIONS.get(found.analysis)
    if make is None:
        title = found.analysis.replace("_", " ").capitalize()
        words = found.analysis == "kpis"
        return plain_section(found, title, found.to_dict(), locale, words=words)
    return make(found, locale=locale)
