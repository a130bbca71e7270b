"""Chart of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import names_down
from safar.plot.look import look_of
from safar.plot.matrix import shaded, written
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["steps"]

_CELL = (44, 26)
_VIRTUAL = ("(start)", "(end)", "(open)")


def steps(
    result: Result,
    *,
    events: int = 12,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw steps as a heat matrix of events by position.

    Parameters
    ----------
    result
        Steps; by segments it gives a panel for each of the six largest segments.
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
        A cell holds the share of units, in per cent, that have the event at the position. Where all events are shown,
        each column sums to 100.

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
    >>> chart = steps(log.steps(positions=2))
    >>> {(row["position"], row["event"]): row["share"] for row in chart.data.values}[2, "b"]
    0.5
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    at_least_one(events=events)
    cells = columns_of(result, look, "event")
    virtual = [look.name(name) for name in _VIRTUAL]
    panels = panels_of(cells, "units", look)
    real, which = commonest(cells["event"], cells["units"], events, look, but=virtual)
    kept = [*real, *(name for name in virtual if name in cells["event"])]
    data = records(cells, [row for row in sorted(panels.rows(cells)) if cells["event"][row] in kept])
    for row in data:
        row["written"] = look.locale.percent(row["share"])
        row["place"] = look.locale.count(row["position"])
    positions = sorted({row["position"] for row in data})
    tooltip = [
        look.tooltip("place", "Position"),
        look.tooltip("event", "Event"),
        look.tooltip("units", "Units", ","),
        look.tooltip("of", "All units", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
        look.tooltip("customers", "Customers", ","),
    ]
    x = alt.X(
        "place:O",
        sort=look.across(look.locale.count(position) for position in positions),
        title=look.say("Position"),
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
    )
    base = alt.Chart().encode(
        x=x, y=names_down("event", kept, look, title=look.say("Event")), tooltip=tooltip
    )
    layers = alt.layer(
        shaded(base, look, look.say("Share")), written(base, look), data=inline(data)
    ).properties(width=_CELL[0] * max(1, len(positions)), height=_CELL[1] * max(1, len(kept)))
    return panels.finish(
        layers,
        title=look.heading(title, "Step by step"),
        subtitle=look.say("Share of units at each position in %; {which}", which=which),
        look=look,
    )
