"""Charts of conformance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, GREY, INK, STEEL, Direction, finish, inline, records

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
    if most < 1:
        raise ArgumentError(f"most={most!r} must be at least 1")
    draw = _deviations if what == "deviations" else _steps
    heading = "Where journeys leave the design" if what == "deviations" else "The steps of the design"
    chart, data, shown, said = draw(result, most, width, direction == "rtl")
    overall = result.to_dict()
    units, conforming = sum(overall["units"]), sum(overall["conforming"])
    subtitle = [
        f"{conforming:,} of {units:,} units conform" + (f" ({conforming / units:.1%})" if units else ""),
        *([said] if said else []),
    ]
    if "segment" in overall:
        import altair as alt

        panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
        faceted: alt.FacetChart = chart.facet(panel, columns=2, data=inline(data))
        if what == "deviations":
            faceted = faceted.resolve_scale(y="independent")
        return finish(faceted, title=title or heading, subtitle=subtitle, direction=direction)
    chart.data = inline(data)
    finished: alt.LayerChart | alt.Chart = finish(
        chart, title=title or heading, subtitle=subtitle, direction=direction
    )
    return finished


def _shown(result: ConformanceResult) -> tuple[list[Any], str]:
    """Which segments are drawn."""
    overall = result.to_dict()
    return (
        largest_segments(overall, "units", range(len(overall["units"])))
        if "segment" in overall
        else ([None], "")
    )


def _deviations(
    result: ConformanceResult, most: int, width: int, rtl: bool
) -> tuple[Any, list[dict[str, Any]], list[Any], str]:
    import altair as alt

    columns = result.deviations().to_dict()
    shown, said = _shown(result)
    data: list[dict[str, Any]] = []
    for segment in shown:
        mine = [
            i
            for i in range(len(columns["kind"]))
            if "segment" not in columns or columns["segment"][i] == segment
        ]
        data += records(columns, mine[:most])
    for row in data:
        step = "" if row["step"] is None else f"{row['step']} "
        row["name"] = f"{step}{row['label']}: {_KINDS[row['kind']]}"
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    y = alt.Y(
        "name:N",
        sort=list(dict.fromkeys(row["name"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False, labelLimit=260),
    )
    x = alt.X(
        "share:Q",
        title="Share of the units",
        scale=alt.Scale(reverse=rtl, zero=True),
        axis=alt.Axis(format=".0%", tickCount=5, domain=False),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Deviation"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
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
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(color=STEEL, cornerRadiusEnd=2, height=_ROW - 8).encode(x=x)
    lines = base.mark_rule(color=INK).encode(x=alt.X("share_low:Q"), x2="share_high:Q")
    return alt.layer(bars, lines).properties(width=width, height=alt.Step(_ROW)), data, shown, said


def _steps(
    result: ConformanceResult, most: int, width: int, rtl: bool
) -> tuple[Any, list[dict[str, Any]], list[Any], str]:
    import altair as alt

    columns = result.steps().to_dict()
    shown, said = _shown(result)
    data: list[dict[str, Any]] = []
    for row in records(columns):
        if "segment" in row and row["segment"] not in shown:
            continue
        for place, (standing, (name, _)) in enumerate(_STANDINGS.items()):
            units = row[standing]
            share = units / row["units"] if row["units"] else 0.0
            one = {"name": f"{row['step']} {row['label']}", "standing": name, "place": place}
            one |= {"units": units, "of": row["units"], "share": share}
            data.append(one | ({"segment": segment_name(row["segment"])} if "segment" in row else {}))
    y = alt.Y(
        "name:N",
        sort=list(dict.fromkeys(row["name"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False, labelLimit=260),
    )
    x = alt.X(
        "share:Q",
        title="Share of the units",
        scale=alt.Scale(reverse=rtl, domain=[0, 1]),
        axis=alt.Axis(format=".0%", tickCount=5, domain=False),
    )
    names, colours = zip(*_STANDINGS.values(), strict=True)
    colour = alt.Color(
        "standing:N",
        title=None,
        scale=alt.Scale(domain=list(names), range=list(colours)),
        legend=alt.Legend(orient="bottom", direction="horizontal"),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Step"),
        alt.Tooltip("standing:N", title="Standing"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("of:Q", title="Of all", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
    ]
    bars = (
        alt.Chart()
        .mark_bar(height=_ROW - 8)
        .encode(x=x, y=y, color=colour, order=alt.Order("place:Q"), tooltip=tooltip)
        .properties(width=width, height=alt.Step(_ROW))
    )
    return bars, data, shown, said
