"""Chart of recency and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar.plot.histograms import EVENTS, histograms
from safar.plot.theme import Direction

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
    recency = result.table.numpy("recency_days")[0]
    frequency = result.table.numpy("frequency")[0].astype(np.float64)
    panels = (
        ("Days since the last event", recency, _DAYS),
        ("Events of the customer", frequency, EVENTS),
    )
    return histograms(panels, "customers", title=title, width=width, direction=direction)
