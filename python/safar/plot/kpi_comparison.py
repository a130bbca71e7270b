"""Chart of the differences of a KPI between slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import end_texts, interval, interval_dots, layered, names_down
from safar.plot.kpi_axes import known_kpi, kpi_format
from safar.plot.theme import MUTED, Direction, finish, inline

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
    kpi = known_kpi(known[0] if kpi is None else kpi, known)
    rows = [row for row, name in enumerate(columns["kpi"]) if name == kpi]
    names = ("value", "baseline", "difference", "difference_low", "difference_high", "p_adjusted")
    data = []
    for row in rows:
        p = columns["p_adjusted"][row]
        said = "no test" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        figures = {name: columns[name][row] for name in names}
        data.append({"slice": columns[result.by][row], "said": said, **figures})
    unit, percent = result.unit(rows[0])
    form = kpi_format(percent)
    ends = [row[name] for row in data for name in ("difference", "difference_low", "difference_high")]
    far = 1.05 * max((abs(end) for end in ends if end is not None), default=1.0)
    tooltip = [
        alt.Tooltip("slice:N", title="Slice"),
        alt.Tooltip("value:Q", title="Value", format=form),
        alt.Tooltip("baseline:Q", title="Baseline", format=form),
        alt.Tooltip("difference:Q", title="Difference", format=f"+{form}"),
        *interval("difference", f"+{form}"),
        alt.Tooltip("p_adjusted:Q", title="Adjusted p", format=".2g"),
    ]
    y = names_down("slice", (row["slice"] for row in data), direction)
    x = alt.X(
        "difference:Q",
        title="Difference" + (f" ({unit})" if unit else ""),
        scale=alt.Scale(domain=[-far, far] if far > 0 else [-1, 1], reverse=direction == "rtl"),
        axis=alt.Axis(format="+.0%" if percent else "+~s", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    zero = alt.Chart(inline([{"zero": 0}])).mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x="zero:Q")
    layers = [zero, *interval_dots(base, x, "difference"), end_texts(base, width, direction)]
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=kpi if title is None else title,
        subtitle="Difference from the baseline, its 95% interval, and the adjusted p-value",
        direction=direction,
    )
