"""Matrices of shares: a cell is the darker the greater its share, and says it in per cent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.plot.look import Look

if TYPE_CHECKING:
    import altair as alt

__all__ = ["diverging", "shaded", "written"]


def shaded(base: alt.Chart, look: Look, title: str, most: float = 1.0) -> alt.Chart:
    """Cells by ``share``, the darkest at `most`; `title` is that of the legend."""
    import altair as alt

    colours = look.colours
    shade = alt.Color(
        "share:Q",
        title=title,
        scale=alt.Scale(domain=[0, most], range=[colours.pale, colours.blue], interpolate="rgb"),
        legend=alt.Legend(format=".0%"),
    )
    cells: alt.Chart = base.mark_rect(cornerRadius=2, stroke=colours.paper, strokeWidth=2).encode(color=shade)
    return cells


def written(
    base: alt.Chart, look: Look, most: float = 1.0, column: str = "written", **mark: Any
) -> alt.Chart:
    """The column ``written`` in each cell, readable on light and on dark ones; `mark` are options of the text."""
    import altair as alt

    colours = look.colours
    high = f"datum.share > {colours.turn * most}"
    ink = alt.condition(high, alt.value(colours.text_high), alt.value(colours.text_low))
    texts: alt.Chart = base.mark_text(**{"fontSize": 12, **mark}).encode(text=f"{column}:N", color=ink)
    return texts


def diverging(base: alt.Chart, data: list[dict[str, Any]], look: Look, title: str) -> list[alt.Chart]:
    """Cells by ``difference`` where it is ``certain``, with the column ``written``; `title` is that of the legend."""
    import altair as alt

    colours = look.colours
    far = max((abs(row["difference"]) for row in data if row["certain"]), default=1.0)
    shade = alt.Color(
        "difference:Q",
        title=title,
        scale=alt.Scale(
            domain=[-far, 0, far], range=[colours.lost, colours.paper, colours.blue], interpolate="rgb"
        ),
        legend=alt.Legend(format="+.0%"),
    )
    certain = base.transform_filter("datum.certain")
    masked = base.transform_filter("!datum.certain")
    return [
        masked.mark_rect(cornerRadius=2, fill=colours.paper, stroke=colours.grid, strokeWidth=1),
        # Half opaque, so that one colour of text is readable on all of them.
        certain.mark_rect(cornerRadius=2, stroke=colours.paper, strokeWidth=2, opacity=0.5).encode(
            color=shade
        ),
        certain.mark_text(fontSize=12, color=colours.text_low).encode(text="written:N"),
    ]
