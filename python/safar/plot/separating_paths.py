"""Chart of separating paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.separating_paths import SeparatingPathsResult

__all__ = ["separating_paths"]

_ROW = 24
# What stands between two events in the result.
_BETWEEN = " > "


def separating_paths(
    result: SeparatingPathsResult,
    *,
    most: int = 15,
    title: str | None = None,
    width: int = 360,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw by how much more often units with a sub-path convert than units of the same length without it.

    Parameters
    ----------
    result
        Separating paths; by segments it gives a panel for each of the six largest segments.
    most
        How many sub-paths with the strongest evidence are shown, of each segment.
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
        A dot is by how much the share that converts is greater with the sub-path than without it among units of the
        same length, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> paths = {"a": ["search", "review", "buy"], "b": ["review", "search"]}
    >>> rows = [
    ...     (f"{kind}{number}", f"2026-03-0{day + 1}", event)
    ...     for kind, path in paths.items()
    ...     for number in range(8)
    ...     for day, event in enumerate(path)
    ... ]
    >>> who, when, what = map(list, zip(*rows))
    >>> log = safar.EventLog(
    ...     {"who": who, "when": when, "what": what},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-06-01",
    ... )
    >>> chart = separating_paths(log.separating_paths("buy"))
    >>> [(row["path"], row["difference_stratified"]) for row in chart.data.values]
    [('review > search', -1.0), ('search > review', 1.0)]
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    at_least_one(most=most)
    columns = columns_of(result, look)
    panels = panels_of(columns_of(result.totals(), look), "units", look)
    data = records(columns, panels.rows(columns, most=most))
    for row in data:
        row["shown"] = look.path(row["path"].split(_BETWEEN))
    tooltip = [
        look.tooltip("shown", "Sub-path"),
        look.tooltip("units_with", "Units with it", ","),
        look.tooltip("share_with", "Convert with it", ".1%"),
        look.tooltip("units_without", "Units without it", ","),
        look.tooltip("share_without", "Convert without it", ".1%"),
        look.tooltip("difference", "Difference", "+.1%"),
        look.tooltip("difference_stratified", "At the same length", "+.1%"),
        *look.interval("difference_stratified", "+.1%"),
        look.tooltip("odds_ratio", "Odds ratio at one length", ".2f"),
        look.tooltip("q_stratified", "q-value at one length", ".2g"),
    ]
    y = names_down("shown", (row["shown"] for row in data), look)
    x = alt.X(
        "difference_stratified:Q",
        title=look.say("Share that converts, with it minus without it"),
        scale=alt.Scale(reverse=look.rtl, zero=True),
        axis=alt.Axis(format="+.0%", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    zero = alt.Chart().mark_rule(color=look.colours.muted, strokeDash=[2, 2]).encode(x=alt.XDatum(0))
    lines = base.mark_rule(color=look.colours.ink).encode(
        x="difference_stratified_low:Q", x2="difference_stratified_high:Q"
    )
    dots = base.mark_circle(color=look.colours.blue, size=70, opacity=1).encode(x=x)
    return panels.finish(
        layered([zero, lines, dots], data, width=width, row=_ROW),
        title=look.heading(title, "What separates those who convert"),
        subtitle=look.say("Sub-paths with the strongest evidence among units of the same length"),
        look=look,
        own_rows=True,
    )
