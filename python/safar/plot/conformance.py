"""Charts of conformance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar.plot.bars import interval, layered, names_down, share_axis, share_bars
from safar.plot.panels import Panels, at_least_one, columns_of, panels_of
from safar.plot.theme import BLUE, GREY, Direction, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.conformance import ConformanceResult

__all__ = ["conformance"]

What = Literal["deviations", "steps"]

_ROW = 26
_KINDS = {"skipped": "skipped", "out_of_order": "out of order", "late": "late", "extra": "extra"}
_STANDINGS = {
    "in_order": ("In order", BLUE),
    "late": ("Late", "#e0a63a"),
    "out_of_order": ("Out of order", "#c8703a"),
    "skipped": ("Skipped", "#a33d3d"),
    "not_due": ("Not due", GREY),
}


def conformance(
    result: ConformanceResult,
    *,
    what: What = "deviations",
    most: int = 15,
    title: str | None = None,
    width: int = 360,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.Chart | alt.FacetChart:
    """Draw where journeys leave the designed one.

    Parameters
    ----------
    result
        Conformance; by segments it gives a panel for each of the six largest segments.
    what
        ``"deviations"`` (default): a bar for each of the commonest; ``"steps"``: a bar for each step of the design, by
        what became of it.
    most
        How many deviations are shown, of each segment.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels, of each panel.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart, altair.Chart or altair.FacetChart
        The length of a bar is the share of the units that are over; a line is its 95 % interval.

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
    ...     observed_until="2026-06-01",
    ... )
    >>> chart = conformance(log.conformance(["a", "b"]))
    >>> [(row["name"], row["share"]) for row in chart.data.values]
    [('2 b: skipped', 0.5)]
    """
    _args.choice(what, "what", What)
    at_least_one(most=most)
    overall = columns_of(result)
    panels = panels_of(overall, "units")
    units, conforming = sum(overall["units"]), sum(overall["conforming"])
    share = f" ({conforming / units:.1%})" if units else ""
    chart: alt.LayerChart | alt.Chart | alt.FacetChart
    if what == "deviations":
        heading = "Where journeys leave the design"
        chart = _deviations(result, panels, most, width, direction)
    else:
        heading = "The steps of the design"
        chart = _steps(result, panels, width, direction)
    return panels.finish(
        chart,
        title=title or heading,
        subtitle=f"{conforming:,} of {units:,} units conform{share}",
        direction=direction,
        own_rows=what == "deviations",
    )


def _deviations(
    result: ConformanceResult, panels: Panels, most: int, width: int, direction: Direction
) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    columns = columns_of(result.deviations())
    data = records(columns, panels.rows(columns, most=most))
    for row in data:
        step = "" if row["step"] is None else f"{row['step']} "
        row["name"] = f"{step}{row['label']}: {_KINDS[row['kind']]}"
    tooltip = [
        alt.Tooltip("name:N", title="Deviation"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        *interval("share"),
    ]
    if "conversion_with" in columns:
        tooltip += [
            alt.Tooltip("conversion_with:Q", title="Reach the goal with it", format=".1%"),
            alt.Tooltip("conversion_without:Q", title="Reach the goal without it", format=".1%"),
            alt.Tooltip("q_value:Q", title="q-value", format=".2g"),
        ]
    if "score_with" in columns:
        tooltip += [
            alt.Tooltip("score_with:Q", title="Mean score with it", format=".2f"),
            alt.Tooltip("score_without:Q", title="Mean score without it", format=".2f"),
        ]
    y = names_down("name", (row["name"] for row in data), direction, limit=260)
    x = share_axis("share", "Share of the units", direction)
    return layered(
        share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, row=_ROW), data, width=width, row=_ROW
    )


def _steps(result: ConformanceResult, panels: Panels, width: int, direction: Direction) -> alt.Chart:
    import altair as alt

    columns = columns_of(result.steps())
    data: list[dict[str, Any]] = []
    for row in records(columns, sorted(panels.rows(columns))):
        for place, (standing, (name, _)) in enumerate(_STANDINGS.items()):
            units = row[standing]
            share = units / row["units"] if row["units"] else 0.0
            one = {"name": f"{row['step']} {row['label']}", "standing": name, "place": place}
            one |= {"units": units, "of": row["units"], "share": share}
            data.append(one | ({"segment": row["segment"]} if "segment" in row else {}))
    names, colours = zip(*_STANDINGS.values(), strict=True)
    bars = alt.Chart(inline(data), width=width, height=alt.Step(_ROW)).mark_bar(height=_ROW - 8)
    chart: alt.Chart = bars.encode(
        x=share_axis("share", "Share of the units", direction, whole=True),
        y=names_down("name", (row["name"] for row in data), direction, limit=260),
        color=alt.Color(
            "standing:N",
            title=None,
            scale=alt.Scale(domain=list(names), range=list(colours)),
            legend=alt.Legend(orient="bottom", direction="horizontal"),
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("name:N", title="Step"),
            alt.Tooltip("standing:N", title="Standing"),
            alt.Tooltip("units:Q", title="Units", format=","),
            alt.Tooltip("of:Q", title="Of all", format=","),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    )
    return chart
