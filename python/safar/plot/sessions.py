"""Chart of sessions."""

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

__all__ = ["sessions"]

_COUNTED = Counted("sessions", "Sessions", "All sessions", "Share of sessions", "{number} sessions")
_MINUTES = (
    (0, "0"),
    (1e-9, "under 1"),
    (1, "1–5"),
    (5, "5–15"),
    (15, "15–30"),
    (30, "30–60"),
    (60, "over 60"),
)


def sessions(
    result: Result,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.HConcatChart:
    """Draw how long sessions are and how many events they have.

    Parameters
    ----------
    result
        Sessions; segments are drawn together.
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
        Two histograms with bins that do not depend on the data, so that two charts compare: minutes from the first to
        the last event (0 for a session of one event; a bin holds its lower end, not its upper), and events.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01T10:00", "2026-03-01T10:10", "2026-03-01T10:00"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = sessions(log.sessions("30m"))
    >>> [row["sessions"] for row in chart.hconcat[0].data.values]
    [1, 0, 0, 1, 0, 0, 0]
    """
    look = look_of(language, theme, result)
    length = (result.table.numpy("end")[0] - result.table.numpy("start")[0]) / np.timedelta64(60, "s")
    events = result.table.numpy("events")[0].astype(np.float64)
    panels = (
        ("Minutes from the first to the last event", length, _MINUTES),
        ("Events in the session", events, EVENTS),
    )
    return histograms(panels, _COUNTED, title=look.heading(title, "Sessions"), width=width, look=look)
