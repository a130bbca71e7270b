"""Chart of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar._typing import Floats
from safar.plot.theme import STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["sessions"]

_EVENTS = ((1, "1"), (2, "2"), (3, "3"), (4, "4–5"), (6, "6–10"), (11, "11–20"), (21, "over 20"))
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
    result: Result, *, title: str = "Sessions", width: int = 320, direction: Direction = "ltr"
) -> alt.HConcatChart:
    """Draw how long sessions are and how many events they have.

    Parameters
    ----------
    result
        Sessions; segments are drawn together.
    title
        Heading.
    width
        Width of each of the two panels in pixels.
    direction
        ``"rtl"`` mirrors the chart.

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
    import altair as alt

    length = (result.table.numpy("end")[0] - result.table.numpy("start")[0]) / np.timedelta64(60, "s")
    events = result.table.numpy("events")[0].astype(np.float64)
    rtl = direction == "rtl"
    panels = []
    for values, bins, axis in (
        (length, _MINUTES, "Minutes from the first to the last event"),
        (events, _EVENTS, "Events in the session"),
    ):
        names, counts = [name for _, name in bins], binned(values, [low for low, _ in bins])
        total = sum(counts)
        shares = [number / total if total else None for number in counts]
        data = records({"bin": names, "sessions": counts, "of": [total] * len(bins), "share": shares})
        base = alt.Chart(inline(data)).encode(
            x=alt.X(
                "bin:O",
                sort=names[::-1] if rtl else names,
                title=axis,
                axis=alt.Axis(labelAngle=0, ticks=False),
            ),
            y=alt.Y(
                "share:Q",
                title="Share of sessions",
                axis=alt.Axis(format=".0%", tickCount=4, domain=False, orient="right" if rtl else "left"),
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=axis),
                alt.Tooltip("sessions:Q", title="Sessions", format=","),
                alt.Tooltip("of:Q", title="All sessions", format=","),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
        panels.append(base.mark_bar(color=STEEL, cornerRadiusEnd=2).properties(width=width, height=220))
    if rtl:
        panels.reverse()
    subtitle = f"{len(result):,} sessions"
    return finish(alt.hconcat(*panels), title=title, subtitle=subtitle, direction=direction)


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
