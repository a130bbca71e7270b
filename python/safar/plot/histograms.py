"""Histograms side by side, with bins that do not depend on the data, so that two charts compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from safar._typing import Floats
from safar.plot.theme import STEEL, Direction, finish, inline, records, side

if TYPE_CHECKING:
    import altair as alt

__all__ = ["EVENTS", "Bins", "binned", "histograms"]

# The lower end of each bin, and what it is called.
Bins = Sequence[tuple[float, str]]

EVENTS: Bins = ((1, "1"), (2, "2"), (3, "3"), (4, "4–5"), (6, "6–10"), (11, "11–20"), (21, "over 20"))


def histograms(
    panels: Sequence[tuple[str, Floats, Bins]], counted: str, *, title: str, width: int, direction: Direction
) -> alt.HConcatChart:
    """Draw how values are distributed, a panel for each kind of values.

    Parameters
    ----------
    panels
        Title of the axis, values and bins of each.
    counted
        What has the values: a plural.
    title
        Heading.
    width
        Width of a panel in pixels.
    direction
        ``"rtl"`` mirrors the chart.
    """
    import altair as alt

    rtl = direction == "rtl"
    charts = []
    for axis, values, bins in panels:
        names, counts = [name for _, name in bins], binned(values, [low for low, _ in bins])
        total = sum(counts)
        shares = [number / total if total else None for number in counts]
        data = records({"bin": names, counted: counts, "of": [total] * len(bins), "share": shares})
        base = alt.Chart(inline(data)).encode(
            x=alt.X(
                "bin:O",
                sort=names[::-1] if rtl else names,
                title=axis,
                axis=alt.Axis(labelAngle=0, ticks=False),
            ),
            y=alt.Y(
                "share:Q",
                title=f"Share of {counted}",
                axis=alt.Axis(format=".0%", tickCount=4, domain=False, orient=side(direction)),
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=axis),
                alt.Tooltip(f"{counted}:Q", title=counted.capitalize(), format=","),
                alt.Tooltip("of:Q", title=f"All {counted}", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        charts.append(base.mark_bar(color=STEEL, cornerRadiusEnd=2).properties(width=width, height=220))
    whole = alt.hconcat(*(charts[::-1] if rtl else charts))
    subtitle = f"{len(panels[0][1]):,} {counted}"
    return finish(whole, title=title, subtitle=subtitle, direction=direction)


def binned(values: Floats, lows: list[float]) -> list[int]:
    """Count values into bins that begin at `lows`; the last has no end.

    Parameters
    ----------
    values
        Numbers that are not below the first of `lows`.
    lows
        Lower end of each bin, rising.

    Returns
    -------
    list of int

    Examples
    --------
    >>> binned(np.array([1.0, 2.0, 2.5, 9.0]), [1, 2, 3])
    [1, 2, 1]
    """
    places = np.searchsorted(np.array(lows, dtype=np.float64), values, side="right") - 1
    return [int(number) for number in np.bincount(places, minlength=len(lows))]
