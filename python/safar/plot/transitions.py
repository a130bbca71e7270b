"""Chart of transitions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from safar._typing import Language
from safar.plot.bars import names_down
from safar.plot.look import look_of
from safar.plot.matrix import shaded, written
from safar.plot.palette import Theme
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["transitions"]

_CELL = (44, 26)
_START, _LAST = "(start)", ("(end)", "(open)")
_DRAWN = (
    "segment", "from", "to", "events", "customers", "share", "share_low", "share_high", "median_seconds",
)  # fmt: skip


def transitions(
    result: Result,
    *,
    events: int = 12,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw transitions as a heat matrix of events by next event.

    Parameters
    ----------
    result
        Transitions; by segments it gives a panel for each of the six largest segments.
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
        A row is an event (or the start of the journey), a column the event that came next (or the end); a cell holds
        the share of the row's departures in per cent. Where all events are shown, each row sums to 100.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": ["view", "buy", "view"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = transitions(log.transitions())
    >>> {(row["from"], row["to"]): row["events"] for row in chart.data.values}["view", "buy"]
    1
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(events=events)
    edges = columns_of(result, look, "from", "to")
    start, *last = (look.name(name) for name in (_START, *_LAST))
    panels = panels_of(edges, "events", look)
    kept, which = commonest(edges["from"], edges["events"], events, look, but=(start,))
    sources, targets = [start, *kept], [*kept, *last]
    departures: Counter[tuple[str, str]] = Counter()
    everywhere = edges.get("segment", [""] * len(edges["from"]))
    for segment, source, number in zip(everywhere, edges["from"], edges["events"], strict=True):
        departures[segment, source] += number
    rows = [
        row
        for row in sorted(panels.rows(edges))
        if edges["from"][row] in sources and edges["to"][row] in targets
    ]
    data = records({name: edges[name] for name in _DRAWN if name in edges}, rows)
    for row in data:
        row["departures"] = departures[row.get("segment", ""), row["from"]]
        row["written"] = look.locale.percent(row["share"])
        row["median"] = look.laid_out(look.locale.duration(row["median_seconds"]))
    tooltip = [
        look.tooltip("from", "From"),
        look.tooltip("to", "To"),
        look.tooltip("events", "Times", ","),
        look.tooltip("departures", "Departures from the event", ","),
        look.tooltip("share", "Share of departures", ".1%"),
        *look.interval("share"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("median", "Median time between"),
    ]
    x = alt.X(
        "to:N",
        sort=look.across(targets),
        title=look.say("Next event"),
        axis=alt.Axis(orient="top", labelAngle=-90, domain=False, ticks=False),
    )
    base = alt.Chart().encode(
        x=x, y=names_down("from", sources, look, title=look.say("Event")), tooltip=tooltip
    )
    layers = alt.layer(
        shaded(base, look, look.say("Share")), written(base, look), data=inline(data)
    ).properties(width=_CELL[0] * len(targets), height=_CELL[1] * len(sources))
    return panels.finish(
        layers,
        title=look.heading(title, "What comes next"),
        subtitle=look.say("Share of each event's departures in %; {which}", which=which),
        look=look,
    )
