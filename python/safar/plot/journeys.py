"""Chart of journeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, names_down
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import BLUE, Direction, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.journeys import JourneysResult

__all__ = ["journeys"]

_ROW = 24
# What became of journeys, from the axis on.
_OUTCOMES = {"converted": BLUE, "not converted": "#c3cad2", "open": "#e3eef4"}


def journeys(
    result: JourneysResult,
    *,
    most: int = 15,
    title: str = "Journeys by their channels",
    width: int = 360,
    direction: Direction = "ltr",
) -> alt.Chart | alt.FacetChart:
    """Draw the most frequent chains of channels with what became of their journeys.

    Parameters
    ----------
    result
        Journeys; by segments it gives a panel for each of the six largest segments.
    most
        How many chains are shown, of each segment.
    title
        Heading.
    width
        Width in pixels, of each panel.
    direction
        ``"rtl"`` mirrors the chart.

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
    [('web', 'open', 1), ('web → app', 'converted', 1)]
    """
    import altair as alt

    at_least_one(most=most)
    columns = columns_of(result.chains(most))
    panels = panels_of(columns, "journeys")
    data = []
    for row in records(columns, panels.rows(columns)):
        row["chain"] = "(none)" if row["chain"] is None else row["chain"]
        numbers = {"converted": row["converted"], "open": row["open"]}
        numbers["not converted"] = row["journeys"] - row["converted"] - row["open"]
        data += [
            {**row, "outcome": outcome, "place": place, "number": numbers[outcome]}
            for place, outcome in enumerate(_OUTCOMES)
            if numbers[outcome]
        ]
    tooltip = [
        alt.Tooltip("chain:N", title="Channels"),
        alt.Tooltip("outcome:N", title="What became of them"),
        alt.Tooltip("number:Q", title="Journeys", format=","),
        alt.Tooltip("journeys:Q", title="Journeys of this chain", format=","),
        alt.Tooltip("share:Q", title="Share of all journeys", format=".1%"),
        alt.Tooltip("settled:Q", title="With a whole gap observed", format=","),
        alt.Tooltip("converted_share:Q", title="Converted of them", format=".1%"),
        *interval("converted_share"),
    ]
    bars = alt.Chart(inline(data)).mark_bar(height=_ROW - 8)
    chart = bars.encode(
        y=names_down("chain", (row["chain"] for row in data), direction, limit=420),
        x=alt.X(
            "number:Q",
            title="Journeys",
            scale=alt.Scale(reverse=direction == "rtl"),
            axis=alt.Axis(format=",d", tickCount=5, domain=False),
        ),
        color=alt.Color(
            "outcome:N",
            title=None,
            scale=alt.Scale(domain=list(_OUTCOMES), range=list(_OUTCOMES.values())),
            legend=alt.Legend(orient="bottom"),
        ),
        order=alt.Order("place:Q"),
        tooltip=tooltip,
    )
    return panels.finish(
        chart.properties(width=width, height=alt.Step(_ROW)),
        title=title,
        subtitle="The most frequent chains of channels",
        direction=direction,
        columns=1,
        own_rows=True,
    )
