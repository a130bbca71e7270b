"""Chart of KPIs over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safar import _args
from safar.errors import ArgumentError
from safar.plot.bars import interval
from safar.plot.panels import at_least_one, facet
from safar.plot.theme import BLUE, INK, MUTED, Direction, finish, inline, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar._typing import Language
    from safar.analyses.kpis import KpisResult

__all__ = ["kpis"]


def kpis(
    result: KpisResult,
    *,
    kpis: str | Sequence[str] | None = None,
    title: str = "KPIs",
    panels: int = 12,
    columns: int = 3,
    language: Language = "en",
    direction: Direction = "ltr",
) -> alt.FacetChart:
    """Draw KPIs period by period, a panel each.

    Parameters
    ----------
    result
        KPIs; of those that are cut by columns, the rows of everything at once are drawn.
    kpis
        Ids of the KPIs to draw; by default the first ones.
    title
        Heading.
    panels
        How many are drawn at most.
    columns
        Panels in a row.
    language
        Of the names of KPIs.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.FacetChart
        A line is the value, the band its 95 % interval, the dashed line the target; a hollow point is a period that
        was not observed to its end.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 2],
    ...         "when": ["2026-03-01", "2026-03-02"],
    ...         "what": ["visit", "purchase"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = kpis(log.kpis(kpis=["visits"], period="day"))
    >>> [(row["name"], row["value"]) for row in chart.data.values]
    [('Visits (traffic)', 1.0), ('Visits (traffic)', 0.0)]
    """
    import altair as alt

    at_least_one(panels=panels, columns=columns)
    table, known = result.to_dict(), result.definitions.to_dict()
    names = dict(zip(known["kpi"], known[f"name_{language}"], strict=True))
    asked = list(names) if kpis is None else list(_args.names(kpis, "kpis"))
    for name in asked:
        if name not in names:
            raise ArgumentError(
                f'kpis: "{name}" is not in this result{_args.suggestion(name, names)} (there are '
                f"{_args.listing(names)})"
            )
    shown = asked[:panels]
    cut = result.cut_by
    rows = [
        row
        for row, kpi in enumerate(table["kpi"])
        if kpi in shown and all(table[column][row] is None for column in cut)
    ]
    units = dict(zip(known["kpi"], known["unit"], strict=True))
    title_of = {kpi: f"{names[kpi] or kpi}" + (f" ({units[kpi]})" if units[kpi] else "") for kpi in shown}
    data = [
        {**row, "name": names[row["kpi"]] or row["kpi"], "panel": title_of[row["kpi"]]}
        for row in records({name: table[name] for name in table if name not in cut}, rows)
    ]
    tooltip = [
        alt.Tooltip("name:N", title="KPI"),
        alt.Tooltip("date:T", title="From"),
        alt.Tooltip("value:Q", title="Value", format=",.4~g"),
        *interval(form=",.4~g"),
        alt.Tooltip("numerator:Q", title="Numerator", format=",.4~g"),
        alt.Tooltip("denominator:Q", title="Denominator", format=",.4~g"),
        alt.Tooltip("target:Q", title="Target", format=",.4~g"),
        alt.Tooltip("status:N", title="Status"),
        alt.Tooltip("complete:N", title="Period fully observed"),
    ]
    axis = alt.Axis(orient=side(direction), domain=False, tickCount=4, format="~s")
    x = alt.X(
        "date:T",
        title=None,
        scale=alt.Scale(reverse=direction == "rtl"),
        axis=alt.Axis(tickCount=4, labelOverlap=True),
    )
    base = alt.Chart().encode(x=x)
    band = base.mark_area(color=BLUE, opacity=0.18).encode(
        y=alt.Y("low:Q", title=None, axis=axis), y2="high:Q"
    )
    line = base.mark_line(color=BLUE, strokeWidth=2).encode(y=alt.Y("value:Q", axis=axis))
    points = base.mark_point(size=24, filled=False, color=BLUE).encode(
        y=alt.Y("value:Q", axis=axis),
        fill=alt.condition("datum.complete", alt.value(BLUE), alt.value("#ffffff")),
        tooltip=tooltip,
    )
    target = base.mark_line(color=MUTED, strokeDash=[5, 4]).encode(y=alt.Y("target:Q", axis=axis))
    chart = alt.layer(band, target, line, points, data=inline(data)).properties(width=230, height=120)
    header = alt.Header(
        labelColor=INK, labelFontWeight="bold", labelAnchor="end" if direction == "rtl" else "start"
    )
    titles = [title_of[kpi] for kpi in shown]
    return finish(
        facet(chart, "panel", titles, columns=columns, own_rows=True, header=header),
        title=title,
        subtitle=[
            "Value and its 95% interval; dashed: the target; hollow: not observed to the end of the period",
            f"The first {panels} of {len(asked)} KPIs" if len(asked) > panels else "",
        ],
        direction=direction,
    )
