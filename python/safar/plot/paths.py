"""Chart of paths."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down, share_axis, share_bars
from safar.plot.look import Look, look_of
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["paths"]

What = Literal["bars", "tiles"]

_ROW = 24
_TILE = 46
# What stands between two events in the result.
_BETWEEN = " > "


def paths(
    result: Result,
    *,
    what: What = "bars",
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
    what
        ``"bars"`` (default): the share of each path; ``"tiles"``: its events as tiles in a row, a colour for each
        of the six commonest, with the share beside them.
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

    look = look_of(language, theme, result, of_events=True)
    _args.choice(what, "what", What)
    at_least_one(most=most)
    columns = columns_of(result, look)
    panels = panels_of(columns, "units", look)
    data = records(columns, panels.rows(columns, most=most))
    for row in data:
        row["shown"] = look.path(row["path"].split(_BETWEEN))
    if what == "tiles":
        return panels.finish(
            _tiles(data, look),
            title=look.heading(title, "Most frequent paths"),
            subtitle=look.say("A row is a path, a tile an event; at the end the share of all units"),
            look=look,
            columns=1,
            own_rows=True,
        )
    tooltip = [
        look.tooltip("shown", "Path"),
        look.tooltip("units", "Units", ","),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("open", "Units that may go on", ","),
        look.tooltip("share", "Share", ".2%"),
        *look.interval("share", ".2%"),
        look.tooltip("coverage", "Share down to here", ".1%"),
    ]
    y = names_down("shown", (row["shown"] for row in data), look)
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


def _tiles(data: list[dict[str, Any]], look: Look) -> alt.LayerChart | alt.FacetChart:
    """The paths as rows of tiles."""
    import altair as alt

    tiles: list[dict[str, Any]] = []
    used: Counter[str] = Counter()
    for row in data:
        events = [look.name(event) for event in row["path"].split(_BETWEEN)]
        for event in events:
            used[event] += row["units"]
        beside = {"said": look.locale.share(row["share"]), "last": len(events)}
        tiles += [{**row, **beside, "event": event, "place": at} for at, event in enumerate(events)]
    kinds = [event for event, _ in sorted(used.items(), key=lambda each: (-each[1], each[0]))]
    named = kinds[: len(look.colours.kinds)]
    others = look.say("other events")
    for tile in tiles:
        tile["kind"] = tile["event"] if tile["event"] in named else others
    domain = [*named, *([others] if len(kinds) > len(named) else [])]
    colours = [*look.colours.kinds[: len(named)], look.colours.grey][: len(domain)]
    longest = max((tile["last"] for tile in tiles), default=1)
    scale = alt.Scale(domain=[0, longest + 2], nice=False, reverse=look.rtl)
    tooltip = [
        look.tooltip("event", "Event"),
        look.tooltip("shown", "Path"),
        look.tooltip("units", "Units", ","),
        look.tooltip("share", "Share", ".2%"),
        *look.interval("share", ".2%"),
    ]
    paths = list(dict.fromkeys(row["shown"] for row in data))
    y = alt.Y("shown:N", sort=paths, title=None, axis=None)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    cells = (
        base.transform_calculate(end="datum.place + 1")
        .mark_rect(stroke=look.colours.paper, strokeWidth=2, cornerRadius=4)
        .encode(
            x=alt.X("place:Q", title=None, scale=scale, axis=None),
            x2="end:Q",
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=domain, range=colours),
                legend=alt.Legend(orient="bottom", columns=3),
            ),
        )
    )
    texts = (
        base.transform_filter("datum.place == 0")
        .mark_text(align=look.side, dx=look.onwards(8), color=look.colours.muted)
        .encode(x=alt.X("last:Q", scale=scale, axis=None), text="said:N")
    )
    return alt.layer(cells, texts, data=inline(tiles)).properties(
        width=_TILE * (longest + 2), height=alt.Step(_ROW)
    )
