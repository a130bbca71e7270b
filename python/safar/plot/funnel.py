"""Chart of a funnel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import layered, names_down
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["funnel"]

_ROW = 34


@dataclass(frozen=True, slots=True)
class _Words:
    """What a funnel counts, in English."""

    name: str
    before: str
    axis: str


_UNITS = {
    "customers": _Words("Customers", "Customers at the step before", "Customers (share of the step before)"),
    "attempts": _Words("Attempts", "Attempts at the step before", "Attempts (share of the step before)"),
    "sessions": _Words("Sessions", "Sessions at the step before", "Sessions (share of the step before)"),
    "units": _Words("Units", "Units at the step before", "Units (share of the step before)"),
}


def funnel(
    result: Result,
    *,
    title: str | None = None,
    width: int = 460,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw a funnel as bars of customers, one a step.

    Parameters
    ----------
    result
        A funnel; one by segments gives a panel for each of the six largest segments, on one scale.
    title
        Heading; by default it says what is drawn.
    width
        Width of a panel in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Each bar is cut into those who went on (at the last step: who are through), who may yet go on and whose time is
        over. It is written with its customers and their share of the step before; the tooltip has numerator,
        denominator and the 95 % Wilson interval.

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
    >>> chart = funnel(log.funnel(["view", "buy"]))
    >>> [(row["kind"], row["number"]) for row in chart.data.values][:2]
    [('went on', 1), ('still open: they may yet go on', 1)]
    """
    import altair as alt

    look = look_of(language, theme, result, of_events=True)
    steps = columns_of(result, look, "name")
    unit = next(name for name in _UNITS if name in steps)
    words = _UNITS[unit]
    panels = panels_of(steps, unit, look, [row for row, step in enumerate(steps["step"]) if step == 1])
    found = records(steps, sorted(panels.rows(steps)))
    at_step = {(row.get("segment"), row["step"]): row[unit] for row in found}
    colours = look.colours
    kinds = {
        "went on": colours.blue,
        "still open: they may yet go on": colours.grey,
        "dropped: their time is over": colours.lost,
    }
    if any(row.get("excluded") for row in found):
        kinds["excluded: they did what takes them out"] = colours.rest
    data: list[dict[str, Any]] = []
    for row in found:
        previous, number = row["from_previous"], look.locale.count(row[unit])
        row["written"] = number if previous is None else f"{number}  ({look.locale.share(previous)})"
        row["written"] = look.laid_out(row["written"])
        row["of_step_before"] = None if previous is None else at_step[row.get("segment"), row["step"] - 1]
        left = {
            "still open: they may yet go on": row["still_open"],
            "dropped: their time is over": row["dropped"],
        }
        parts = {"went on": row[unit] - sum(left.values()), **left}
        data += [
            {**row, "kind": look.say(kind), "place": place, "number": parts[kind]}
            for place, kind in enumerate(kinds)
        ]
    tooltip = [
        look.tooltip("name", "Step"),
        look.tooltip(unit, words.name, ","),
        look.tooltip("of_step_before", words.before, ","),
        look.tooltip("from_previous", "Share of the step before", ".1%"),
        *look.interval("from_previous"),
        look.tooltip("from_first", "Share of the first step", ".1%"),
        look.tooltip("dropped", "Dropped here (time over)", ","),
        look.tooltip("still_open", "Still open here", ","),
    ]
    in_order = sorted(found, key=lambda row: row["step"])
    largest = max([row[unit] for row in found], default=1) or 1
    # Room at the end of the longest bar for what is written there.
    scale = alt.Scale(domain=[0, largest * 1.32], reverse=look.rtl, nice=False)
    axis = alt.Axis(tickCount=4, format=",d")
    y = names_down("name", (row["name"] for row in in_order), look)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=[look.say(kind) for kind in kinds], range=list(kinds.values())),
        legend=alt.Legend(orient="bottom"),
    )
    bars = base.mark_bar(height=_ROW - 10, stroke=colours.rule, strokeWidth=0.8).encode(
        x=alt.X("number:Q", title=look.say(words.axis), scale=scale, axis=axis, stack="zero"),
        color=colour,
        order=alt.Order("place:Q"),
    )
    texts = base.transform_filter("datum.place == 0").mark_text(
        align=look.side, dx=look.onwards(6), color=colours.ink, fontSize=12
    )
    written = texts.encode(x=alt.X(f"{unit}:Q", scale=scale, axis=axis), text="written:N")
    chart = layered([bars, written], data, width=width, row=_ROW)
    return panels.finish(chart, title=look.heading(title, "Funnel"), look=look)
