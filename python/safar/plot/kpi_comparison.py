"""Chart of the differences of a KPI between slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar import _args
from safar.errors import ArgumentError
from safar.plot.alerts import kpi_format
from safar.plot.theme import BLUE, INK, MUTED, Direction, finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.monitoring import KpiComparisonResult

__all__ = ["kpi_comparison"]

_ROW = 26


def kpi_comparison(
    result: KpiComparisonResult,
    kpi: str | None = None,
    *,
    title: str | None = None,
    width: int = 420,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how the slices of one KPI differ from the baseline, a row a slice.

    Parameters
    ----------
    result
        Differences of KPIs.
    kpi
        The KPI; by default that of the first row.
    title
        Heading; by default the KPI.
    width
        Width in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart
        A point is the difference, a line its 95 % interval, the upright line no difference; the adjusted p-value
        stands beside it.

    Examples
    --------
    >>> import safar
    >>> kpis = {
    ...     "date": ["2026-03-01", "2026-03-02"] * 2,
    ...     "kpi": ["conversion"] * 4,
    ...     "form": ["share"] * 4,
    ...     "channel": ["app", "app", "web", "web"],
    ...     "numerator": [28, 28, 24, 24],
    ...     "denominator": [35, 35, 40, 40],
    ... }
    >>> chart = kpi_comparison(safar.compare_kpis(kpis, by="channel", baseline="web"))
    >>> [(row["slice"], round(row["difference"], 2)) for row in chart.data.values]
    [('app', 0.2)]
    """
    import altair as alt

    columns = result.to_dict()
    known = list(dict.fromkeys(columns["kpi"]))
    if kpi is None:
        kpi = known[0]
    if kpi not in known:
        raise ArgumentError(
            f"kpi={kpi!r} is not in this result{_args.suggestion(kpi, known)} (available: {_args.listing(known)})"
        )
    rows = [row for row, name in enumerate(columns["kpi"]) if name == kpi]
    names = ("value", "baseline", "difference", "difference_low", "difference_high", "p_adjusted")
    data = []
    for row in rows:
        p = columns["p_adjusted"][row]
        said = "no test" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        figures = {name: columns[name][row] for name in names}
        data.append({"slice": columns[result.by][row], "said": said, **figures})
    unit, percent = result.unit(rows[0])
    rtl, form = direction == "rtl", kpi_format(percent)
    ends = [row[name] for row in data for name in ("difference", "difference_low", "difference_high")]
    far = 1.05 * max((abs(end) for end in ends if end is not None), default=1.0)
    scale = alt.Scale(domain=[-far, far] if far > 0 else [-1, 1], reverse=rtl)
    axis = alt.Axis(format="+.0%" if percent else "+~s", tickCount=5, domain=False)
    label = "Difference" + (f" ({unit})" if unit else "")
    tooltip = [
        alt.Tooltip("slice:N", title="Slice"),
        alt.Tooltip("value:Q", title="Value", format=form),
        alt.Tooltip("baseline:Q", title="Baseline", format=form),
        alt.Tooltip("difference:Q", title="Difference", format=f"+{form}"),
        alt.Tooltip("difference_low:Q", title="95% interval from", format=f"+{form}"),
        alt.Tooltip("difference_high:Q", title="95% interval to", format=f"+{form}"),
        alt.Tooltip("p_adjusted:Q", title="Adjusted p", format=".2g"),
    ]
    y = alt.Y(
        "slice:N",
        sort=[row["slice"] for row in data],
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    zero = alt.Chart(inline([{"zero": 0}])).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x="zero:Q")
    lines = base.mark_rule(color=BLUE, strokeWidth=3, opacity=0.45).encode(
        x=alt.X("difference_low:Q", title=label, scale=scale, axis=axis), x2="difference_high:Q"
    )
    marks = base.mark_point(color=INK, filled=True, size=70, opacity=1).encode(
        x=alt.X("difference:Q", title=label, scale=scale, axis=axis)
    )
    end = alt.value(0 if rtl else width)
    texts = base.mark_text(color=MUTED, align="right" if rtl else "left", dx=-8 if rtl else 8).encode(
        x=end, text="said:N"
    )
    chart = alt.layer(zero, lines, marks, texts, data=inline(data)).properties(
        width=width, height=alt.Step(_ROW)
    )
    return finish(
        chart,
        title=kpi if title is None else title,
        subtitle="Difference from the baseline, its 95% interval, and the adjusted p-value",
        direction=direction,
    )
