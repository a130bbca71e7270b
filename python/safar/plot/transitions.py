"""Chart of transitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from safar import _args
from safar._intervals import newcombe
from safar._palette import Theme
from safar._significance import holm, two_shares
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.bars import names_down
from safar.plot.look import Look, look_of
from safar.plot.matrix import diverging, shaded, written
from safar.plot.panels import Panels, at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import inline, records
from safar.plot.transition_graph import graph, layers_of

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["transitions"]

What = Literal["matrix", "graph"]
Weight = Literal["share", "events", "customers", "median_seconds"]

_LEVEL = 0.05
_THICK: dict[str, str] = {
    "share": "As thick as the share of departures, thinner towards the next event; {which}",
    "events": "As thick as the number of times, thinner towards the next event; {which}",
    "customers": "As thick as the number of customers, thinner towards the next event; {which}",
    "median_seconds": "As thick as the median time between is long, thinner towards the next event; {which}",
}

_CELL = (44, 26)
_START, _LAST = "(start)", ("(end)", "(open)")
_DRAWN = (
    "segment", "from", "to", "events", "customers", "share", "share_low", "share_high", "median_seconds",
)  # fmt: skip


def transitions(
    result: Result,
    *,
    what: What = "matrix",
    events: int = 12,
    most: int = 40,
    weight: Weight = "share",
    compare: Sequence[str | None] | None = None,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw transitions as a heat matrix of events by next event, or as a graph.

    Parameters
    ----------
    result
        Transitions; by segments it gives a panel for each of the six largest segments.
    what
        ``"matrix"`` (default), or ``"graph"``: events in layers from the start to the end, by the stages of the map
        where all of them are its touchpoints, and else by their typical position in journeys. The ways of an event
        under the pointer stand out.
    events
        How many of the commonest events are shown.
    most
        How many of the commonest transitions a graph shows, of each segment.
    weight
        What the ways of a graph are as thick as: ``"share"`` of the event's departures (default), ``"events"`` (times),
        ``"customers"``, or ``"median_seconds"`` between.
    compare
        Two segments: the first minus the second is drawn, and masked where it could be chance: where the p-value of
        equal shares, adjusted for all transitions shown (Holm), is 0.05 or more. Interval: Newcombe. Both take
        departures as independent, which those of one customer may not be.
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

    _args.choice(what, "what", What)
    _args.choice(weight, "weight", Weight)
    look = look_of(language, theme, result, of_events=True)
    at_least_one(events=events, most=most)
    edges = columns_of(result, look, "from", "to")
    timed = "median_seconds" in edges
    if weight == "median_seconds" and not timed:
        raise ArgumentError(
            'weight="median_seconds" needs times, which transitions with quantiles=False do not have; ask with '
            f"quantiles=True, or choose another weight of {_args.listing(get_args(Weight))}"
        )
    start, *last = (look.name(name) for name in (_START, *_LAST))
    panels = panels_of(edges, "events", look)
    if compare is not None:
        ours, theirs = _compared(compare, edges, look)
        panels = Panels((ours, theirs), "")
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
        if timed:
            row["median"] = look.laid_out(look.locale.duration(row["median_seconds"]))
        row["kind"] = look.say("went on")
    tooltip = [
        look.tooltip("from", "From"),
        look.tooltip("to", "To"),
        look.tooltip("events", "Times", ","),
        look.tooltip("departures", "Departures from the event", ","),
        look.tooltip("share", "Share of departures", ".1%"),
        *look.interval("share"),
        look.tooltip("customers", "Customers", ","),
        *([look.tooltip("median", "Median time between")] if timed else []),
    ]
    kinds = {"": (look.say("went on"), look.colours.steel)}
    heading = look.heading(title, "What comes next")
    subtitle = look.say("Share of each event's departures in %; {which}", which=which)
    column: str = weight
    if compare is not None:
        names = {"ours": look.locale.name(ours), "theirs": look.locale.name(theirs)}
        kinds = {
            "more": (look.say("more often: {name}", name=names["ours"]), look.colours.blue),
            "less": (look.say("more often: {name}", name=names["theirs"]), look.colours.lost),
            "same": (look.say("could be chance"), look.colours.rest),
        }
        data = _differences(data, ours, theirs, departures, kinds, look)
        column = "difference"
        tooltip = [
            *tooltip[:2],
            look.tooltip("difference", "Difference", "+.1%"),
            *look.interval("difference", "+.1%"),
            look.tooltip("ours", "Share: {name}", ".1%", name=names["ours"]),
            look.tooltip("ours_of", "Departures: {name}", ",", name=names["ours"]),
            look.tooltip("theirs", "Share: {name}", ".1%", name=names["theirs"]),
            look.tooltip("theirs_of", "Departures: {name}", ",", name=names["theirs"]),
            look.tooltip("p_adjusted", "Adjusted p", ".2g"),
        ]
        panels = Panels(None, "")
        said = "Share of departures, {ours} minus {theirs}, in percentage points; empty: could be chance; {which}"
        if what == "graph":
            said = "As thick as the shares of departures are apart; a hair: could be chance; {which}"
        subtitle = look.say(said, which=which, **names)
    if what == "graph":
        drawn = sorted(data, key=lambda row: (-row["events"], row["from"], row["to"]))
        if panels.shown is None:
            drawn = drawn[:most]
        else:
            drawn = [
                row
                for segment in panels.shown
                for row in [each for each in drawn if each["segment"] == segment][:most]
            ]
        layers = layers_of(drawn, start, last, _stages(result, look))
        if compare is None:
            subtitle = look.say(_THICK[weight], which=which)
        return panels.finish(
            graph(drawn, layers, look, weight=column, tooltip=tooltip, kinds=kinds),
            title=heading,
            subtitle=subtitle,
            look=look,
            columns=1,
        )
    x = alt.X(
        "to:N",
        sort=look.across(targets),
        title=look.say("Next event"),
        axis=alt.Axis(orient="top", labelAngle=-90, domain=False, ticks=False),
    )
    base = alt.Chart().encode(
        x=x, y=names_down("from", sources, look, title=look.say("Event")), tooltip=tooltip
    )
    cells = (
        [shaded(base, look, look.say("Share")), written(base, look)]
        if compare is None
        else diverging(base, data, look, look.say("Difference"))
    )
    layered = alt.layer(*cells, data=inline(data)).properties(
        width=_CELL[0] * len(targets), height=_CELL[1] * len(sources)
    )
    return panels.finish(layered, title=heading, subtitle=subtitle, look=look)


def _compared(
    compare: Sequence[str | None], edges: Mapping[str, Sequence[Any]], look: Look
) -> tuple[str, str]:
    """The two segments that are compared, as the chart names them."""
    known = list(dict.fromkeys(edges.get("segment", ())))
    if len(known) < 2:
        raise ArgumentError("compare needs two segments; ask for the transitions by= a column")
    if isinstance(compare, str) or len(compare) != 2 or compare[0] == compare[1]:
        raise ArgumentError(f"compare={compare!r} must be two different segments of {_args.listing(known)}")
    ours, theirs = (look.name(segment) for segment in compare)
    for given, name in zip(compare, (ours, theirs), strict=True):
        if name not in known:
            raise ArgumentError(f"compare: {given!r} is not a segment (available: {_args.listing(known)})")
    return ours, theirs


def _differences(
    rows: Sequence[Mapping[str, Any]],
    ours: str,
    theirs: str,
    departures: Mapping[tuple[str, str], int],
    kinds: Mapping[str, tuple[str, str]],
    look: Look,
) -> list[dict[str, Any]]:
    """A row for each transition that one of two segments has, with the difference of its shares."""
    times = {(row["segment"], row["from"], row["to"]): row["events"] for row in rows}
    pairs = [
        (source, target)
        for source, target in dict.fromkeys((row["from"], row["to"]) for row in rows)
        if departures.get((ours, source)) and departures.get((theirs, source))
    ]
    taken, entered = (
        [np.array([counted(segment, *pair) for pair in pairs], dtype=np.int64) for segment in (ours, theirs)]
        for counted in (
            lambda segment, source, target: times.get((segment, source, target), 0),
            lambda segment, source, _: departures[segment, source],
        )
    )
    low, high = newcombe(taken[0], entered[0], taken[1], entered[1])
    adjusted = holm(two_shares(taken[0], entered[0], taken[1], entered[1]))
    found: list[dict[str, Any]] = []
    for row, (source, target) in enumerate(pairs):
        shares = [float(taken[side][row] / entered[side][row]) for side in (0, 1)]
        difference = shares[0] - shares[1]
        certain = bool(adjusted[row] < _LEVEL)
        kind = "same" if not certain else "more" if difference > 0 else "less"
        found.append(
            {
                "from": source,
                "to": target,
                "events": int(taken[0][row] + taken[1][row]),
                "difference": difference,
                "difference_low": float(low[row]),
                "difference_high": float(high[row]),
                "p_adjusted": float(adjusted[row]),
                "certain": certain,
                "ours": shares[0],
                "ours_of": int(entered[0][row]),
                "theirs": shares[1],
                "theirs_of": int(entered[1][row]),
                "written": look.locale.signs(f"{100 * difference:+.0f}") if certain else "",
                "kind": kinds[kind][0],
            }
        )
    return found


def _stages(result: Result, look: Look) -> dict[str, int]:
    """The place of the stage of each touchpoint, as charts name it, if the log was read through a map."""
    log = result._source
    if log is None or log.map is None:
        return {}
    place = {stage.id: at for at, stage in enumerate(log.map.stages)}
    return {look.name(each.id): place[each.stage] for each in log.map.touchpoints if each.stage in place}
