"""Curves of several groups in one panel, told apart by colour and once more by dashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safar.plot.look import Look

__all__ = ["told_apart"]

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
