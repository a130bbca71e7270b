"""Chart of recency and frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar._palette import Theme
from safar._typing import Language
from safar.plot.histograms import EVENTS, Counted, histograms
from safar.plot.look import look_of

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["rfm"]

_COUNTED = Counted("customers", "Customers", "All customers", "Share of customers", "{number} customers")
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
    result: Result,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.HConcatChart:
    """Draw how long ago customers were last there, and how often.

    Parameters
    ----------
    result
        Recency, frequency and monetary value; segments are drawn together.
    title
        Heading; by default it says what is drawn.
    width
        Width of each of the two panels in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

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
    look = look_of(language, theme, result)
    recency = result.table.numpy("recency_days")[0]
    frequency = result.table.numpy("frequency")[0].astype(np.float64)
    panels = (
        ("Days since the last event", recency, _DAYS),
        ("Events of the customer", frequency, EVENTS),
    )
    return histograms(
        panels, _COUNTED, title=look.heading(title, "Recency and frequency"), width=width, look=look
    )
