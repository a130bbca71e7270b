"""Chart of loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down, share_axis, share_bars
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["loops"]

_ROW = 24


def loops(
    result: Result,
    *,
    events: int = 12,
    title: str | None = None,
    width: int = 360,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw which share of the units with an event repeat it.

    Parameters
    ----------
    result
        Loops; by segments it gives a panel for each of the six largest segments.
    events
        How many of the events that most units repeat are shown, of each segment.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels, of each panel.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of the units with the event that repeat it, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": list("aaa"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = loops(log.loops())
    >>> [(row["event"], row["share"]) for row in chart.data.values]
    [('a', 0.5)]
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    at_least_one(events=events)
    columns = columns_of(result, look, "event")
    panels = panels_of(columns, "units", look)
    data = records(columns, panels.rows(columns, most=events))
    tooltip = [
        look.tooltip("event", "Event"),
        look.tooltip("units", "Units with it", ","),
        look.tooltip("repeating_units", "Units that repeat it", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
        look.tooltip("loop_units", "Units with it twice in a row", ","),
        look.tooltip("return_units", "Units that come back to it", ","),
        look.tooltip("mean_repeats", "Repeats of a repeating unit", ".2f"),
        look.tooltip("most_repeats", "Most repeats of one unit", ","),
        look.tooltip("open", "Not repeated yet and may go on", ","),
    ]
    y = names_down("event", (row["event"] for row in data), look)
    x = share_axis("share", look.say("Share of the units with the event"), look, whole=True)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, look, row=_ROW)
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "What is repeated"),
        subtitle=look.say("Share of the units with an event that have it again"),
        look=look,
        own_rows=True,
    )
