"""Charts of conformance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down, share_axis, share_bars
from safar.plot.look import Look, look_of
from safar.plot.panels import Panels, at_least_one, columns_of, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.conformance import ConformanceResult

__all__ = ["conformance"]

What = Literal["deviations", "steps"]

_ROW = 26
_KINDS = {
    "skipped": "{step}: skipped",
    "out_of_order": "{step}: out of order",
    "late": "{step}: late",
    "extra": "{step}: extra",
}
_STANDINGS = {
    "in_order": "In order",
    "late": "Late",
    "out_of_order": "Out of order",
    "skipped": "Skipped",
    "not_due": "Not due",
}


def conformance(
    result: ConformanceResult,
    *,
    what: What = "deviations",
    most: int = 15,
    title: str | None = None,
    width: int = 360,
    language: Language = "en",
    theme: Theme = "light",
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
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

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
    look = look_of(language, theme, result)
    _args.choice(what, "what", What)
    at_least_one(most=most)
    overall = columns_of(result, look)
    panels = panels_of(overall, "units", look)
    units, conforming = sum(overall["units"]), sum(overall["conforming"])
    chart: alt.LayerChart | alt.Chart | alt.FacetChart
    if what == "deviations":
        heading = look.heading(title, "Where journeys leave the design")
        chart = _deviations(result, panels, most, width, look)
    else:
        heading = look.heading(title, "The steps of the design")
        chart = _steps(result, panels, width, look)
    return panels.finish(
        chart,
        title=heading,
        subtitle=look.say(
            "{number} of {all} units conform ({share})",
            number=look.locale.count(conforming),
            all=look.locale.count(units),
            share=look.locale.share(conforming / units if units else None),
        ),
        look=look,
        own_rows=what == "deviations",
    )


def _deviations(
    result: ConformanceResult, panels: Panels, most: int, width: int, look: Look
) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    columns = columns_of(result.deviations(), look)
    data = records(columns, panels.rows(columns, most=most))
    for row in data:
        number = "" if row["step"] is None else f"{look.locale.count(row['step'])} "
        row["name"] = look.say(_KINDS[row["kind"]], step=number + look.locale.name(row["label"]))
    tooltip = [
        look.tooltip("name", "Deviation"),
        look.tooltip("units", "Units", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
    ]
    if "conversion_with" in columns:
        tooltip += [
            look.tooltip("conversion_with", "Reach the goal with it", ".1%"),
            look.tooltip("conversion_without", "Reach the goal without it", ".1%"),
            look.tooltip("q_value", "q-value", ".2g"),
        ]
    if "score_with" in columns:
        tooltip += [
            look.tooltip("score_with", "Mean score with it", ".2f"),
            look.tooltip("score_without", "Mean score without it", ".2f"),
        ]
    y = names_down("name", (row["name"] for row in data), look)
    x = share_axis("share", look.say("Share of the units"), look)
    return layered(
        share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, look, row=_ROW), data, width=width, row=_ROW
    )


def _steps(result: ConformanceResult, panels: Panels, width: int, look: Look) -> alt.Chart:
    import altair as alt

    columns = columns_of(result.steps(), look)
    data: list[dict[str, Any]] = []
    for row in records(columns, sorted(panels.rows(columns))):
        step = look.laid_out(f"{look.locale.count(row['step'])} {look.locale.name(row['label'])}")
        for place, (standing, name) in enumerate(_STANDINGS.items()):
            units = row[standing]
            share = units / row["units"] if row["units"] else 0.0
            one = {"name": step, "standing": look.say(name), "place": place}
            one |= {"units": units, "of": row["units"], "share": share}
            data.append(one | ({"segment": row["segment"]} if "segment" in row else {}))
    kinds, names = look.colours.kinds, [look.say(name) for name in _STANDINGS.values()]
    colours = [kinds[0], kinds[1], kinds[3], kinds[2], look.colours.grey]
    bars = alt.Chart(inline(data), width=width, height=alt.Step(_ROW)).mark_bar(
        height=_ROW - 8, stroke=look.colours.rule, strokeWidth=0.8
    )
    chart: alt.Chart = bars.encode(
        x=share_axis("share", look.say("Share of the units"), look, whole=True),
        y=names_down("name", (row["name"] for row in data), look),
        color=alt.Color(
            "standing:N",
            title=None,
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(orient="bottom", direction="horizontal"),
        ),
        order=alt.Order("place:Q"),
        tooltip=[
            look.tooltip("name", "Step"),
            look.tooltip("standing", "Standing"),
            look.tooltip("units", "Units", ","),
            look.tooltip("of", "Of all", ","),
            look.tooltip("share", "Share", ".1%"),
        ],
    )
    return chart
