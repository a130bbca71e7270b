"""Chart of journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import names_down
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.journeys import JourneysResult

__all__ = ["journeys"]

_ROW = 24
# What stands between two channels in the result.
_ARROW = " → "
# What became of journeys, from the axis on.
_OUTCOMES = ("converted", "not converted", "open")


def journeys(
    result: JourneysResult,
    *,
    most: int = 15,
    title: str | None = None,
    width: int = 360,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.Chart | alt.FacetChart:
    """Draw the most frequent chains of channels with what became of their journeys.

    Parameters
    ----------
    result
        Journeys; by segments it gives a panel for each of the six largest segments.
    most
        How many chains are shown, of each segment.
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
    altair.Chart or altair.FacetChart
        A bar is the number of journeys with the chain: converted, not converted (stopped or ended) and open.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": ["visit", "order", "visit"],
    ...         "where": ["web", "app", "web"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     channel="where",
    ... )
    >>> chart = journeys(log.journeys(ends="order"))
    >>> [(row["chain"], row["outcome"], row["number"]) for row in chart.data.values]
    [('web', 'open', 1), ('web › app', 'converted', 1)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(most=most)
    columns = columns_of(result.chains(most), look)
    panels = panels_of(columns, "journeys", look)
    data = []
    for row in records(columns, panels.rows(columns)):
        row["chain"] = look.say("(none)") if row["chain"] is None else look.path(row["chain"].split(_ARROW))
        numbers = {"converted": row["converted"], "open": row["open"]}
        numbers["not converted"] = row["journeys"] - row["converted"] - row["open"]
        data += [
            {**row, "outcome": look.say(outcome), "place": place, "number": numbers[outcome]}
            for place, outcome in enumerate(_OUTCOMES)
            if numbers[outcome]
        ]
    tooltip = [
        look.tooltip("chain", "Channels"),
        look.tooltip("outcome", "What became of them"),
        look.tooltip("number", "Journeys", ","),
        look.tooltip("journeys", "Journeys of this chain", ","),
        look.tooltip("share", "Share of all journeys", ".1%"),
        look.tooltip("settled", "With a whole gap observed", ","),
        look.tooltip("converted_share", "Converted of them", ".1%"),
        *look.interval("converted_share"),
    ]
    colours = [look.colours.blue, look.colours.rest, look.colours.grey]
    bars = alt.Chart(inline(data)).mark_bar(height=_ROW - 8, stroke=look.colours.rule, strokeWidth=0.8)
    chart = bars.encode(
        y=names_down("chain", (row["chain"] for row in data), look),
        x=alt.X(
            "number:Q",
            title=look.say("Journeys"),
            scale=alt.Scale(reverse=look.rtl),
            axis=alt.Axis(format=",d", tickCount=5, domain=False),
        ),
        color=alt.Color(
            "outcome:N",
            title=None,
            scale=alt.Scale(domain=[look.say(name) for name in _OUTCOMES], range=colours),
            legend=alt.Legend(orient="bottom"),
        ),
        order=alt.Order("place:Q"),
        tooltip=tooltip,
    )
    return panels.finish(
        chart.properties(width=width, height=alt.Step(_ROW)),
        title=look.heading(title, "Journeys by their channels"),
        subtitle=look.say("The most frequent chains of channels"),
        look=look,
        columns=1,
        own_rows=True,
    )
