"""Chart of matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down, share_axis, share_bars
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["match"]

_ROW = 30


def match(
    result: Result,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw which share of the customers has a match.

    Parameters
    ----------
    result
        Matches; by segments it gives a bar for each of the six largest.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A bar is the share of the customers with a match, a line its 95 % interval.

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
    >>> chart = match(log.match("a -> b"))
    >>> [row["share"] for row in chart.data.values]
    [0.5]
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    columns = columns_of(result, look)
    panels = panels_of(columns, "customers", look)
    data = [
        {
            "segment": look.say("All customers"),
            **row,
            "median": look.laid_out(look.locale.duration(row["median_seconds"])),
        }
        for row in records(columns, panels.rows(columns))
    ]
    tooltip = [
        look.tooltip("segment", "Segment"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("matched", "With a match", ","),
        look.tooltip("still_open", "With one that may still complete", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
        look.tooltip("matches", "Matches", ","),
        look.tooltip("median", "Median time of a match"),
    ]
    y = names_down("segment", (row["segment"] for row in data), look)
    x = share_axis("share", look.say("Share of the customers"), look, whole=True)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, look, row=_ROW)
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "Customers with a match"),
        subtitle=[look.say("Share of all customers; the line is the 95% interval"), panels.said],
        look=look,
    )
