"""Chart of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._typing import Language
from safar.plot.bars import layered, names_down, share_axis, share_bars
from safar.plot.look import look_of
from safar.plot.palette import Theme
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["paths"]

_ROW = 24
# What stands between two events in the result.
_BETWEEN = " > "


def paths(
    result: Result,
    *,
    most: int = 15,
    title: str | None = None,
    width: int = 360,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the most frequent paths as bars with their intervals.

    Parameters
    ----------
    result
        Paths; by segments it gives a panel for each of the six largest segments.
    most
        How many paths are shown, of each segment.
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
        A bar is the share of all units that took the path, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = paths(log.paths())
    >>> [(row["path"], row["units"]) for row in chart.data.values]
    [('a', 1), ('a > b', 1)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(most=most)
    columns = columns_of(result, look)
    panels = panels_of(columns, "units", look)
    data = records(columns, panels.rows(columns, most=most))
    for row in data:
        row["shown"] = look.path(row["path"].split(_BETWEEN))
    tooltip = [
        look.tooltip("shown", "Path"),
        look.tooltip("units", "Units", ","),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("open", "Units that may go on", ","),
        look.tooltip("share", "Share", ".2%"),
        *look.interval("share", ".2%"),
        look.tooltip("coverage", "Share down to here", ".1%"),
    ]
    y = names_down("shown", (row["shown"] for row in data), look, limit=420)
    x = share_axis("share", look.say("Share of all units"), look)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, look, row=_ROW)
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "Most frequent paths"),
        subtitle=look.say("Share of all units with its 95% interval"),
        look=look,
        columns=1,
        own_rows=True,
    )
