"""Chart of the differences of a KPI between slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, interval_dots, layered, names_down
from safar.plot.kpi_axes import known_kpi, kpi_format
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

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
    language: Language = "en",
    theme: Theme = "light",
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
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

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

    look = look_of(language, theme, result)
    columns = result.to_dict()
    known = list(dict.fromkeys(columns["kpi"]))
    kpi = known_kpi(known[0] if kpi is None else kpi, known)
    rows = [row for row, name in enumerate(columns["kpi"]) if name == kpi]
    names = ("value", "baseline", "difference", "difference_low", "difference_high", "p_adjusted")
    data = []
    for row in rows:
        p = columns["p_adjusted"][row]
        said = "no test" if p is None else "p < 0.001" if p < 0.001 else "p = {number}"
        said = look.say(said, number=look.locale.signs("" if p is None else f"{p:.3f}"))
        figures = {name: columns[name][row] for name in names}
        data.append({"slice": look.name(columns[result.by][row]), "said": said, **figures})
    unit, percent = result.unit(rows[0])
    form = kpi_format(percent)
    ends = [row[name] for row in data for name in ("difference", "difference_low", "difference_high")]
    far = 1.05 * max((abs(end) for end in ends if end is not None), default=1.0)
    tooltip = [
        look.tooltip("slice", "Slice"),
        look.tooltip("value", "Value", form),
        look.tooltip("baseline", "Baseline", form),
        look.tooltip("difference", "Difference", f"+{form}"),
        *look.interval("difference", f"+{form}"),
        look.tooltip("p_adjusted", "Adjusted p", ".2g"),
    ]
    y = names_down("slice", (row["slice"] for row in data), look)
    x = alt.X(
        "difference:Q",
        title=look.say("Difference ({unit})", unit=look.locale.say(unit)) if unit else look.say("Difference"),
        scale=alt.Scale(domain=[-far, far] if far > 0 else [-1, 1], reverse=look.rtl),
        axis=alt.Axis(format="+.0%" if percent else "+,.3~f", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    zero = (
        alt.Chart(inline([{"zero": 0}]))
        .mark_rule(color=look.colours.muted, strokeDash=[4, 3])
        .encode(x="zero:Q")
    )
    layers = [zero, *interval_dots(base, x, look, "difference"), end_texts(base, width, look)]
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.laid_out(title or look.locale.label(kpi)),
        subtitle=look.say("Difference from the baseline, its 95% interval, and the adjusted p-value"),
        look=look,
    )
