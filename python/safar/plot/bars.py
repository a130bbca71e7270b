"""Horizontal rows, a name each: bars and dots with their 95 % interval, and text at their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from safar.plot.look import Look
from safar.plot.theme import inline

if TYPE_CHECKING:
    import altair as alt

__all__ = ["end_texts", "interval_dots", "layered", "names_down", "share_axis", "share_bars"]

# What is free between two bars, in pixels.
_FREE = 8


def names_down(
    field: str,
    names: Iterable[str],
    look: Look,
    *,
    title: str | None = None,
) -> alt.Y:
    """A row for each name, from the top; the names stand where reading begins.

    Parameters
    ----------
    field
        The column with the names.
    names
        In which order; each counts once.
    look
        How it is written.
    title
        What the names are, already in the language.
    """
    import altair as alt

    axis = alt.Axis(orient=look.side, domain=False, ticks=False)
    return alt.Y(f"{field}:N", sort=list(dict.fromkeys(names)), title=title, axis=axis)


def share_axis(field: str, title: str, look: Look, *, whole: bool = False) -> alt.X:
    """Shares from where reading begins.

    Parameters
    ----------
    field
        The column with the shares.
    title
        What they are, already in the language.
    look
        How it is written.
    whole
        Whether the axis goes up to 100 %, and not just as far as the shares.
    """
    import altair as alt

    scale = alt.Scale(domain=[0, 1], reverse=look.rtl) if whole else alt.Scale(reverse=look.rtl)
    return alt.X(
        f"{field}:Q", title=title, scale=scale, axis=alt.Axis(format=".0%", tickCount=5, domain=False)
    )


def layered(
    layers: Sequence[alt.Chart], data: list[dict[str, Any]], *, width: int, row: int
) -> alt.LayerChart | alt.FacetChart:
    """Lay charts of the same rows over each other; `row` is the height of one in pixels."""
    import altair as alt

    return alt.layer(*layers, data=inline(data)).properties(width=width, height=alt.Step(row))


def share_bars(base: alt.Chart, x: alt.X, look: Look, *, row: int) -> list[alt.Chart]:
    """Bars of ``share`` along `x`, each with a line from ``share_low`` to ``share_high``."""
    return [
        base.mark_bar(color=look.colours.steel, cornerRadiusEnd=2, height=row - _FREE).encode(x=x),
        base.mark_rule(color=look.colours.ink, strokeWidth=2).encode(x="share_low:Q", x2="share_high:Q"),
    ]


def interval_dots(base: alt.Chart, x: alt.X, look: Look, field: str = "") -> list[alt.Chart]:
    """Dots along `x`, each on a line from ``<field>_low`` to ``<field>_high``."""
    name = f"{field}_" if field else ""
    return [
        base.mark_rule(color=look.colours.steel, strokeWidth=3).encode(x=f"{name}low:Q", x2=f"{name}high:Q"),
        base.mark_point(color=look.colours.ink, filled=True, size=70, opacity=1).encode(x=x),
    ]


def end_texts(base: alt.Chart, width: int, look: Look) -> alt.Chart:
    """The column ``said`` in each row, beyond the end of the axis."""
    import altair as alt

    texts = base.mark_text(color=look.colours.muted, align=look.side, dx=look.onwards(8))
    placed: alt.Chart = texts.encode(x=alt.value(0 if look.rtl else width), text="said:N")
    return placed
