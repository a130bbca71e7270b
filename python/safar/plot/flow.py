"""Chart of the flow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.palette import Theme
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["flow"]

_STEP = (130, 34)
_THICKEST = 22
_ENDS = ("(end)", "(open)")


def flow(
    result: Result,
    *,
    events: int = 8,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the flow from event to event, position by position.

    Parameters
    ----------
    result
        A flow; by segments it gives a panel for each of the six largest segments.
    events
        How many of the commonest events are shown.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A line goes from an event at a position to the next one, and is as thick as it has units; every event has a row.

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
    >>> chart = flow(log.flow(depth=2))
    >>> [(row["from"], row["to"], row["units"]) for row in chart.data.values]
    [('a', '(open)', 1), ('a', 'b', 1)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(events=events)
    edges = columns_of(result, look, "from", "to")
    ends = [look.name(name) for name in _ENDS]
    panels = panels_of(edges, "units", look, [row for row, at in enumerate(edges["position"]) if at == 0])
    real, which = commonest(edges["to"], edges["units"], events, look, but=ends)
    kept = [*real, *(name for name in ends if name in edges["to"])]
    rows = [
        row
        for row in sorted(panels.rows(edges))
        if edges["position"][row] > 0 and edges["from"][row] in kept and edges["to"][row] in kept
    ]
    data = records(edges, rows)
    for row in data:
        row["next"] = row["position"] + 1
        row["row"], row["next_row"] = kept.index(row["from"]), kept.index(row["to"])
    last = max((row["next"] for row in data), default=1)
    tooltip = [
        look.tooltip("position", "Position", "d"),
        look.tooltip("from", "From"),
        look.tooltip("to", "To"),
        look.tooltip("units", "Units", ","),
        look.tooltip("share", "Share of those at from", ".1%"),
        *look.interval("share"),
        look.tooltip("customers", "Customers", ","),
    ]
    x = alt.X(
        "position:Q",
        title=look.say("Position"),
        scale=alt.Scale(domain=[1, max(last, 2)], nice=False, reverse=look.rtl),
        axis=alt.Axis(orient="top", values=list(range(1, last + 1)), format="d", grid=False, domain=False),
    )
    y = alt.Y(
        "row:Q",
        title=None,
        scale=alt.Scale(domain=[-0.5, max(1, len(kept)) - 0.5], nice=False, reverse=True),
        axis=alt.Axis(
            orient=look.side,
            values=list(range(len(kept))),
            labelExpr=f"{json.dumps(kept, ensure_ascii=False)}[datum.value]",
            domain=False,
            ticks=False,
        ),
    )
    thickness = alt.StrokeWidth(
        "units:Q", title=look.say("Units"), scale=alt.Scale(domainMin=0, range=[0.5, _THICKEST]), legend=None
    )
    lines = (
        alt.Chart()
        .mark_rule(color=look.colours.steel, opacity=0.45, strokeCap="butt")
        .encode(x=x, x2="next:Q", y=y, y2="next_row:Q", strokeWidth=thickness, tooltip=tooltip)
    )
    layers = alt.layer(lines, data=inline(data)).properties(
        width=_STEP[0] * max(1, last - 1), height=_STEP[1] * max(1, len(kept))
    )
    return panels.finish(
        layers,
        title=look.heading(title, "Where journeys go"),
        subtitle=look.say("Units from each event to the next; {which}", which=which),
        look=look,
        columns=1,
    )
