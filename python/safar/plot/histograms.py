"""Histograms side by side, with bins that do not depend on the data, so that two charts compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar._typing import Floats
from safar.plot.look import Look
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

__all__ = ["EVENTS", "Bins", "Counted", "binned", "histograms"]

# The lower end of each bin, and what it is called.
Bins = Sequence[tuple[float, str]]

EVENTS: Bins = ((1, "1"), (2, "2"), (3, "3"), (4, "4–5"), (6, "6–10"), (11, "11–20"), (21, "over 20"))


@dataclass(frozen=True, slots=True)
class Counted:
    """What has the values that a histogram counts, in English.

    Attributes
    ----------
    column : the column of their number.
    name, all, share, number : what they are called, all of them, a share of them, and a number of them.
    """

    column: str
    name: str
    all: str
    share: str
    number: str


def histograms(
    panels: Sequence[tuple[str, Floats, Bins]], counted: Counted, *, title: str, width: int, look: Look
) -> alt.HConcatChart:
    """Draw how values are distributed, a panel for each kind of values.

    Parameters
    ----------
    panels
        Title of the axis, values and bins of each.
    counted
        What has the values.
    title
        Heading, in the language.
    width
        Width of a panel in pixels.
    look
        How it is written and coloured.
    """
    import altair as alt

    rtl = look.rtl
    charts = []
    for axis, values, bins in panels:
        names, counts = (
            [look.laid_out(look.locale.signs(look.locale.say(name))) for _, name in bins],
            binned(values, [low for low, _ in bins]),
        )
        total = sum(counts)
        shares = [number / total if total else None for number in counts]
        data = records({"bin": names, counted.column: counts, "of": [total] * len(bins), "share": shares})
        base = alt.Chart(inline(data)).encode(
            x=alt.X(
                "bin:O",
                sort=look.across(names),
                title=look.say(axis),
                axis=alt.Axis(labelAngle=0, ticks=False),
            ),
            y=alt.Y(
                "share:Q",
                title=look.say(counted.share),
                axis=alt.Axis(format=".0%", tickCount=4, domain=False, orient=look.side),
            ),
            tooltip=[
                look.tooltip("bin", axis),
                look.tooltip(counted.column, counted.name, ","),
                look.tooltip("of", counted.all, ","),
                look.tooltip("share", "Share", ".1%"),
            ],
        )
        charts.append(
            base.mark_bar(color=look.colours.steel, cornerRadiusEnd=2).properties(width=width, height=220)
        )
    whole = alt.hconcat(*(charts[::-1] if rtl else charts))
    subtitle = look.say(counted.number, number=look.locale.count(len(panels[0][1])))
    return finish(whole, title=title, subtitle=subtitle, look=look)


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
