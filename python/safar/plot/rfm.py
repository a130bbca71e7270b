"""Chart of recency and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar.plot.sessions import binned
from safar.plot.theme import STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["rfm"]

_DAYS = (
    (0, "under 1"),
    (1, "1–7"),
    (7, "7–30"),
    (30, "30–90"),
    (90, "90–180"),
    (180, "180–365"),
    (365, "365 and more"),
)
_EVENTS = ((1, "1"), (2, "2"), (3, "3"), (4, "4–5"), (6, "6–10"), (11, "11–20"), (21, "over 20"))


def rfm(
    result: Result, *, title: str = "Recency and frequency", width: int = 320, direction: Direction = "ltr"
) -> alt.HConcatChart:
    """Draw how long ago customers were last there, and how often.

    Parameters
    ----------
    result
        Recency, frequency and monetary value; segments are drawn together.
    title
        Heading.
    width
        Width of each of the two panels in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.HConcatChart
        Two histograms of customers with bins that do not depend on the data, so that two charts compare: days since
        the last event (a bin holds its lower end, not its upper), and events.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-10", "2026-03-02"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = rfm(log.rfm())
    >>> [row["customers"] for row in chart.hconcat[0].data.values]
    [1, 0, 1, 0, 0, 0, 0]
    """
    import altair as alt

    recency = result.table.numpy("recency_days")[0]
    frequency = result.table.numpy("frequency")[0].astype(np.float64)
    rtl = direction == "rtl"
    panels = []
    for values, bins, axis in (
        (recency, _DAYS, "Days since the last event"),
        (frequency, _EVENTS, "Events of the customer"),
    ):
        names, counts = [name for _, name in bins], binned(values, [low for low, _ in bins])
        total = sum(counts)
        shares = [number / total if total else None for number in counts]
        data = records({"bin": names, "customers": counts, "of": [total] * len(bins), "share": shares})
        base = alt.Chart(inline(data)).encode(
            x=alt.X(
                "bin:O",
                sort=names[::-1] if rtl else names,
                title=axis,
                axis=alt.Axis(labelAngle=0, ticks=False),
            ),
            y=alt.Y(
                "share:Q",
                title="Share of customers",
                axis=alt.Axis(format=".0%", tickCount=4, domain=False, orient="right" if rtl else "left"),
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=axis),
                alt.Tooltip("customers:Q", title="Customers", format=","),
                alt.Tooltip("of:Q", title="All customers", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        panels.append(base.mark_bar(color=STEEL, cornerRadiusEnd=2).properties(width=width, height=220))
    if rtl:
        panels.reverse()
    subtitle = f"{len(result):,} customers"
    return finish(alt.hconcat(*panels), title=title, subtitle=subtitle, direction=direction)
