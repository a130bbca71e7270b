"""Chart of KPIs over time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from safar import _args
from safar._palette import Theme
from safar.errors import ArgumentError
from safar.plot.kpi_axes import kpi_format, periods_across
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, facet
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar._typing import Language
    from safar.analyses.kpis import KpisResult

__all__ = ["kpis"]


def kpis(
    result: KpisResult,
    *,
    kpis: str | Sequence[str] | None = None,
    title: str | None = None,
    panels: int = 12,
    columns: int = 3,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.FacetChart:
    """Draw KPIs period by period, a panel each.

    Parameters
    ----------
    result
        KPIs; of those that are cut by columns, the rows of everything at once are drawn.
    kpis
        Ids of the KPIs to draw; by default the first ones.
    title
        Heading; by default it says what is drawn.
    panels
        How many are drawn at most.
    columns
        Panels in a row.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

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

    look = look_of(language, theme, result)
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
    # Money stands without a unit: its currency is that of the data.
    units = dict(zip(known["kpi"], known["unit"], strict=True))
    title_of = {
        kpi: look.laid_out(
            look.locale.name(names[kpi] or kpi)
            + (f" ({look.locale.say(units[kpi])})" if units[kpi] not in (None, "", "money") else "")
        )
        for kpi in shown
    }
    data = [
        {
            **row,
            "name": look.name(names[row["kpi"]] or row["kpi"]),
            "panel": title_of[row["kpi"]],
            "period": look.laid_out(look.locale.day(dt.date.fromisoformat(row["date"]))),
            "judged": look.say(row["status"]) if row["status"] else "",
            "observed": look.yes(row["complete"]),
        }
        for row in records({name: table[name] for name in table if name not in cut}, rows)
    ]
    tooltip = [
        look.tooltip("name", "KPI"),
        look.tooltip("period", "From"),
        look.tooltip("value", "Value", kpi_format(percent=False)),
        *look.interval(form=kpi_format(percent=False)),
        look.tooltip("numerator", "Numerator", kpi_format(percent=False)),
        look.tooltip("denominator", "Denominator", kpi_format(percent=False)),
        look.tooltip("target", "Target", kpi_format(percent=False)),
        look.tooltip("judged", "Status"),
        look.tooltip("observed", "Period fully observed"),
    ]
    axis = alt.Axis(orient=look.side, domain=False, tickCount=4, **look.amounts())
    base = alt.Chart().encode(x=periods_across([table["date"][row] for row in rows], look, labels=3))
    band = base.mark_area(color=look.colours.blue, opacity=0.18).encode(
        y=alt.Y("low:Q", title=None, axis=axis), y2="high:Q"
    )
    line = base.mark_line(color=look.colours.blue, strokeWidth=2).encode(y=alt.Y("value:Q", axis=axis))
    points = base.mark_point(size=24, filled=False, color=look.colours.blue).encode(
        y=alt.Y("value:Q", axis=axis),
        fill=alt.condition("datum.complete", alt.value(look.colours.blue), alt.value(look.colours.paper)),
        tooltip=tooltip,
    )
    target = base.mark_line(color=look.colours.muted, strokeDash=[5, 4]).encode(
        y=alt.Y("target:Q", axis=axis)
    )
    chart = alt.layer(band, target, line, points, data=inline(data)).properties(width=230, height=120)
    header = alt.Header(
        labelColor=look.colours.ink, labelFontWeight="bold", labelAnchor="end" if look.rtl else "start"
    )
    titles = [title_of[kpi] for kpi in shown]
    numbers = {"shown": look.locale.count(panels), "all": look.locale.count(len(asked))}
    return finish(
        facet(chart, "panel", titles, look, columns=columns, own_rows=True, header=header),
        title=look.heading(title, "KPIs"),
        subtitle=[
            look.say(
                "Value and its 95% interval; dashed: the target; hollow: not observed to the end of the period"
            ),
            look.say("The first {shown} of {all} KPIs", **numbers) if len(asked) > panels else "",
        ],
        look=look,
    )
