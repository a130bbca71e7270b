"""Altair charts on a page: drawn once, so that the page needs no script for them."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from safar.errors import ArgumentError
from safar.language.fonts import FOLDER
from safar.pages.markup import Markup, element

if TYPE_CHECKING:
    import altair

__all__ = ["chart_figure", "is_chart", "titles_of"]


def is_chart(thing: object) -> TypeGuard[altair.TopLevelMixin]:
    """Whether something is a chart of Altair, which is not loaded for the question."""
    module = sys.modules.get("altair")
    return module is not None and isinstance(thing, module.TopLevelMixin)


def titles_of(chart: Any) -> tuple[str | None, str | None, Any]:
    """The title of a chart and the line under it, if it has them, and the chart without them."""
    from altair import Undefined

    title = chart.to_dict().get("title")
    parts = title if isinstance(title, dict) else {"text": title}
    lines = [parts.get(name) for name in ("text", "subtitle")]
    text, under = (" ".join(line) if isinstance(line, list) else line for line in lines)
    bare = chart.copy(deep=False)
    bare.title = Undefined
    return text, under, bare


def chart_figure(chart: Any, label: str) -> Markup:
    """Draw a chart as it stands on a page.

    Parameters
    ----------
    chart
        A chart of Altair.
    label
        What it shows, for readers who can't see it.

    Returns
    -------
    Markup
        An ``<svg>`` as wide as its card at most.

    Raises
    ------
    ArgumentError
        If vl-convert is not installed.
    """
    try:
        import vl_convert
    except ModuleNotFoundError as problem:
        raise ArgumentError(
            "a page draws charts of Altair with vl-convert, which is not installed: pip install safar[images]"
        ) from problem
    vl_convert.register_font_directory(str(FOLDER))
    drawn = vl_convert.vegalite_to_svg(chart.to_dict())
    inner = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", drawn, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]*)"', drawn)
    width = re.search(r'<svg[^>]* width="([\d.]+)"', drawn)
    # Two drawings of one page must not call their parts alike.
    mark = hashlib.sha256(drawn.encode()).hexdigest()[:8]
    named = re.compile(r'(\bid="|url\(#|href="#)')
    inner = re.sub(r"<[^>]+>", lambda tag: named.sub(rf"\g<1>chart-{mark}-", tag[0]), inner)
    return element(
        "svg",
        Markup(inner),
        viewBox=box[1] if box else None,
        role="img",
        aria_label=label,
        class_="chart",
        style=f"max-inline-size:{width[1]}px" if width else None,
    )
