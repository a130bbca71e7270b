"""Horizontal rows, a name each: bars and dots with their 95 % interval, and text at their end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from safar.plot.theme import BLUE, INK, MUTED, STEEL, Direction, inline, side

if TYPE_CHECKING:
    import altair as alt

__all__ = ["end_texts", "interval", "interval_dots", "layered", "names_down", "share_axis", "share_bars"]

# What is free between two bars, in pixels.
_FREE = 8


def names_down(
    field: str,
    names: Iterable[str],
    direction: Direction,
    *,
    title: str | None = None,
    limit: int | None = None,
) -> alt.Y:
    """A row for each name, from the top; the names stand where reading begins.

    Parameters
    ----------
    field
        The column with the names.
    names
        In which order; each counts once.
    direction
        Of reading.
    title
        What the names are.
    limit
        Width in pixels that a name has at most; by default that of the theme.
    """
    import altair as alt

    given: dict[str, Any] = {} if limit is None else {"labelLimit": limit}
    axis = alt.Axis(orient=side(direction), domain=False, ticks=False, **given)
    return alt.Y(f"{field}:N", sort=list(dict.fromkeys(names)), title=title, axis=axis)


def share_axis(field: str, title: str, direction: Direction, *, whole: bool = False) -> alt.X:
    """Shares from where reading begins.

    Parameters
    ----------
    field
        The column with the shares.
    title
        Of what they are.
    direction
        Of reading.
    whole
        Whether the axis goes up to 100 %, and not just as far as the shares.
    """
    import altair as alt

    reverse = direction == "rtl"
    scale = alt.Scale(domain=[0, 1], reverse=reverse) if whole else alt.Scale(reverse=reverse)
    return alt.X(
        f"{field}:Q", title=title, scale=scale, axis=alt.Axis(format=".0%", tickCount=5, domain=False)
    )


def interval(field: str = "", form: str = ".1%") -> list[alt.Tooltip]:
    """The bounds of the 95 % interval in a tooltip, from ``<field>_low`` and ``<field>_high``."""
    import altair as alt

    name = f"{field}_" if field else ""
    return [
        alt.Tooltip(f"{name}low:Q", title="95% interval from", format=form),
        alt.Tooltip(f"{name}high:Q", title="95% interval to", format=form),
    ]


def layered(
    layers: Sequence[alt.Chart], data: list[dict[str, Any]], *, width: int, row: int
) -> alt.LayerChart | alt.FacetChart:
    """Lay charts of the same rows over each other; `row` is the height of one in pixels."""
    import altair as alt

    return alt.layer(*layers, data=inline(data)).properties(width=width, height=alt.Step(row))


def share_bars(base: alt.Chart, x: alt.X, *, row: int) -> list[alt.Chart]:
    """Bars of ``share`` along `x`, each with a line from ``share_low`` to ``share_high``."""
    return [
        base.mark_bar(color=STEEL, cornerRadiusEnd=2, height=row - _FREE).encode(x=x),
        base.mark_rule(color=INK, strokeWidth=2).encode(x="share_low:Q", x2="share_high:Q"),
    ]


def interval_dots(base: alt.Chart, x: alt.X, field: str = "") -> list[alt.Chart]:
    """Dots along `x`, each on a line from ``<field>_low`` to ``<field>_high``."""
    name = f"{field}_" if field else ""
    return [
        base.mark_rule(color=BLUE, strokeWidth=3, opacity=0.45).encode(x=f"{name}low:Q", x2=f"{name}high:Q"),
        base.mark_point(color=INK, filled=True, size=70, opacity=1).encode(x=x),
    ]


def end_texts(base: alt.Chart, width: int, direction: Direction) -> alt.Chart:
    """The column ``said`` in each row, beyond the end of the axis."""
    import altair as alt

    rtl = direction == "rtl"
    texts = base.mark_text(color=MUTED, align=side(direction), dx=-8 if rtl else 8)
    placed: alt.Chart = texts.encode(x=alt.value(0 if rtl else width), text="said:N")
    return placed
