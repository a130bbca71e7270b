"""Curves of several groups in one panel, told apart by colour and once more by dashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from safar.plot.look import Look
from safar.plot.theme import inline

if TYPE_CHECKING:
    import altair as alt

__all__ = ["every_step", "stepped", "told_apart"]

# Steps of one curve; more than a screen has columns can't be seen.
_MOST = 1_000

_DASHES = ((1, 0), (7, 2), (2, 2), (7, 2, 2, 2), (12, 3), (4, 4))


def told_apart(names: Sequence[str] | None, look: Look) -> dict[str, Any]:
    """Colour and dashes of the curves of segments, or of a single curve.

    Parameters
    ----------
    names
        The segments, at most six; None for a single curve.
    look
        How it is written and coloured.

    Returns
    -------
    dict
        Encodings ``color`` and ``strokeDash``.
    """
    import altair as alt

    if not names:
        return {"color": alt.value(look.colours.blue), "strokeDash": alt.value([1, 0])}
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, symbolSize=300)
    colours = alt.Scale(domain=list(names), range=list(look.colours.kinds[: len(names)]))
    dashes = alt.Scale(domain=list(names), range=[list(each) for each in _DASHES[: len(names)]])
    said = look.say("Segment")
    return {
        "color": alt.Color("segment:N", title=said, scale=colours, legend=legend),
        "strokeDash": alt.StrokeDash("segment:N", title=said, scale=dashes, legend=legend),
    }


def every_step(rows: Sequence[int]) -> list[int]:
    """The rows of one curve that are drawn: at most a thousand, the last always.

    Examples
    --------
    >>> every_step(range(3))
    [0, 1, 2]
    """
    return sorted({*rows[:: -(-len(rows) // _MOST) or 1], *rows[-1:]})


def stepped(
    data: list[dict[str, Any]],
    *,
    value: str,
    title: str,
    across: str,
    tooltip: Iterable[alt.Tooltip],
    names: Sequence[str] | None,
    look: Look,
    form: str = ".0%",
    pale: bool = False,
) -> alt.LayerChart | alt.FacetChart:
    """Curves that go in steps, with the bands of their intervals.

    Parameters
    ----------
    data
        Rows with ``time``, the value and its bounds.
    value
        The column that is drawn; its bounds are ``<value>_low`` and ``<value>_high``.
    title
        What it is, in English.
    across
        What time is, in English.
    tooltip
        What a place says.
    names
        The segments, at most six; None for a single curve.
    look
        How it is written and coloured.
    form
        How values are written.
    pale
        Whether a part of a curve (``part``) is pale where the column ``few`` says so.
    """
    import altair as alt

    x = alt.X(
        "time:Q",
        title=look.say(across),
        scale=alt.Scale(reverse=look.rtl, nice=False),
        axis=alt.Axis(grid=False, tickCount=8),
    )
    y = alt.Y(f"{value}:Q", title=look.say(title), axis=alt.Axis(format=form, domain=False, orient=look.side))
    said = list(tooltip)
    if names:
        said.insert(0, look.tooltip("segment", "Segment"))
    apart = told_apart(names, look)
    if pale:
        apart |= {
            "detail": alt.Detail("part:N"),
            "opacity": alt.condition("datum.few", alt.value(0.35), alt.value(1)),
        }
    base = alt.Chart().encode(x=x, tooltip=said, **apart)
    # Vega-Lite draws along the screen, which is back in time where an axis is reversed.
    steps: Any = "step-before" if look.rtl else "step-after"
    band = base.mark_area(opacity=0.15, interpolate=steps, line=False).encode(
        y=alt.Y(f"{value}_low:Q"), y2=f"{value}_high:Q", opacity=alt.value(0.15)
    )
    line = base.mark_line(interpolate=steps, strokeWidth=2).encode(y=y)
    return alt.layer(band, line, data=inline(data))
