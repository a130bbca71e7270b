"""Matrices of shares: a cell is the darker the greater its share, and says it in per cent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.plot.theme import BLUE, INK, PALE

if TYPE_CHECKING:
    import altair as alt

__all__ = ["per_cent", "shaded", "written"]


def per_cent(share: float) -> str:
    """A share as a whole number of per cent.

    Examples
    --------
    >>> per_cent(0.004), per_cent(0.25)
    ('<1', '25')
    """
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def shaded(base: alt.Chart, title: str = "Share") -> alt.Chart:
    """Cells by ``share``; `title` is that of the legend."""
    import altair as alt

    shade = alt.Color(
        "share:Q",
        title=title,
        scale=alt.Scale(domain=[0, 1], range=[PALE, BLUE]),
        legend=alt.Legend(format=".0%"),
    )
    cells: alt.Chart = base.mark_rect(cornerRadius=2, stroke="white", strokeWidth=2).encode(color=shade)
    return cells


def written(base: alt.Chart, **mark: Any) -> alt.Chart:
    """The column ``written`` in each cell, white on dark ones; `mark` are options of the text."""
    import altair as alt

    ink = alt.condition("datum.share > 0.72", alt.value("#ffffff"), alt.value(INK))
    texts: alt.Chart = base.mark_text(fontSize=12, **mark).encode(text="written:N", color=ink)
    return texts
