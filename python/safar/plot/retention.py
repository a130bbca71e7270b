"""Chart of retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.plot.curves import told_apart
from safar.plot.look import Look, look_of
from safar.plot.matrix import shaded, written
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.retention import RetentionResult

__all__ = ["retention"]

What = Literal["cohorts", "curves"]

_CELL = (40, 26)
_LATER = {"day": "Days later", "week": "Weeks later", "month": "Months later"}
_AFTER = {
    "day": "Days after the cohort's day",
    "week": "Weeks after the cohort's week",
    "month": "Months after the cohort's month",
}
_AFTER_FIRST = {
    "day": "Days after the first event",
    "week": "Weeks after the first event",
    "month": "Months after the first event",
}


def retention(
    result: RetentionResult,
    *,
    what: What = "cohorts",
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw retention as a heat table of cohorts by period, or as curves.

    Parameters
    ----------
    result
        Retention; by segments it gives a panel for each of the six largest segments, or a row with ``cohort="all"``.
    what
        ``"cohorts"`` (default): a heat table, a cohort a row and a period a column; ``"curves"``: the share of all
        cohorts together by period, with its 95 % interval, over the pale curves of the cohorts.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Cells hold the share in per cent. A period that is not over has a dashed grey cell without a number;
        its tooltip gives the customers so far. A period that has not begun has no cell.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-02", "2026-03-10", "2026-03-02"],
    ...         "what": ["a", "a", "a"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-16",
    ... )
    >>> chart = retention(log.retention(period="week"))
    >>> [row["share"] for row in chart.data.values if row["complete"]]
    [1.0, 0.5]
    """
    import altair as alt

    _args.choice(what, "what", What)
    look = look_of(language, theme, result)
    if what == "curves":
        return _curves(result, title, look)
    cells = columns_of(result, look)
    together = "cohort" not in cells
    if not together:
        first_days = sorted(set(cells["cohort"]))
        cohorts = {day: look.period(day, result.period, result.calendar) for day in first_days}
        cells["label"] = [cohorts[day] for day in cells["cohort"]]
    cells["number"] = [look.span(label) for label in result.period_labels()]
    first = min(cells["period"], default=0)
    size = "customers" if "customers" in cells else "eligible"
    panels = panels_of(
        cells, size, look, [row for row, period in enumerate(cells["period"]) if period == first]
    )
    data = records(cells, sorted(panels.rows(cells)))
    for row in data:
        row["written"] = look.locale.percent(row["share"]) if row["share"] is not None else "…"
        row["observed"] = look.yes(row["complete"])
        if together:
            row["label"] = row.get("segment", look.say("All customers"))
    labels = [*panels.shown] if together and panels.shown else [row["label"] for row in data if together]
    labels = list(dict.fromkeys(labels)) if together else list(cohorts.values())
    periods = list(dict.fromkeys(row["number"] for row in sorted(data, key=lambda row: row["period"])))
    tooltip = [
        look.tooltip("label", "Cohort"),
        look.tooltip("number", _LATER[result.period]),
        look.tooltip("returned", "Customers back", ","),
        look.tooltip("eligible", "Customers counted", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
        look.tooltip("observed", "Period fully observed"),
    ]
    after = _AFTER_FIRST if result.clock == "rolling" else _AFTER
    x = alt.X(
        "number:O",
        title=look.say(after[result.period]),
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        sort=look.across(periods),
    )
    y = alt.Y(
        "label:O",
        sort=labels,
        title=None if together else look.say("Cohort"),
        axis=alt.Axis(orient=look.side, domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    heat = shaded(base.transform_filter("datum.complete"), look, look.say("Share back"))
    blank = base.transform_filter("!datum.complete").mark_rect(
        cornerRadius=2, fill=look.colours.grey, stroke=look.colours.rule, strokeDash=[3, 2], strokeWidth=1
    )
    layers = alt.layer(heat, blank, written(base, look, fontWeight=600), data=inline(data)).properties(
        width=_CELL[0] * max(1, len(periods)), height=_CELL[1] * max(1, len(labels))
    )
    subtitle = look.say("Share of the cohort in %; dotted: the period is not over yet")
    heading = look.heading(title, "Retention by cohort")
    if together:
        return finish(layers, title=heading, subtitle=[subtitle, panels.said], look=look)
    return panels.finish(layers, title=heading, subtitle=subtitle, look=look)


def _curves(result: RetentionResult, title: str | None, look: Look) -> alt.LayerChart | alt.FacetChart:
    import altair as alt

    means = columns_of(result.means(), look)
    columns = columns_of(result, look)
    first = min(means["period"], default=0)
    panels = panels_of(
        means, "eligible", look, [row for row, period in enumerate(means["period"]) if period == first]
    )
    spans = dict(zip(columns["period"], result.period_labels(), strict=True))
    data = records(means, sorted(panels.rows(means)))
    single: list[dict[str, Any]] = []
    # Cohorts of several segments in one panel could not be told apart.
    if "cohort" in columns and panels.shown is None:
        days = {
            day: look.period(day, result.period, result.calendar) for day in sorted(set(columns["cohort"]))
        }
        columns["label"] = [days[day] for day in columns["cohort"]]
        single = [row for row in records(columns) if row["complete"]]
    for row in [*data, *single]:
        row["number"] = look.span(spans[row["period"]])
    periods = [look.span(spans[period]) for period in sorted({row["period"] for row in data})]
    after = _AFTER_FIRST if result.clock == "rolling" else _AFTER
    x = alt.X(
        "number:O",
        title=look.say(after[result.period]),
        axis=alt.Axis(labelAngle=0, ticks=False, labelOverlap=True),
        sort=look.across(periods),
    )
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%", tickCount=5, domain=False, orient=look.side)
    said = look.say("Share back")
    tooltip = [
        look.tooltip("number", _LATER[result.period]),
        look.tooltip("weighted", "Share", ".1%"),
        *look.interval("weighted"),
        look.tooltip("returned", "Customers back", ","),
        look.tooltip("eligible", "Customers counted", ","),
        look.tooltip("cohorts", "Cohorts", ","),
    ]
    if panels.shown:
        tooltip.insert(0, look.tooltip("segment", "Segment"))
    base = alt.Chart(inline(data)).encode(x=x, tooltip=tooltip, **told_apart(panels.shown, look))
    band = base.mark_area(opacity=0.15).encode(
        y=alt.Y("weighted_low:Q", title=said, scale=scale, axis=axis), y2="weighted_high:Q"
    )
    line = base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=30)).encode(
        y=alt.Y("weighted:Q", title=said, scale=scale, axis=axis)
    )
    pale = alt.Chart(inline(single)).mark_line(color=look.colours.rule, strokeWidth=1, opacity=0.6)
    cohorts = pale.encode(
        x=x,
        y=alt.Y("share:Q", title=said, scale=scale, axis=axis),
        detail="label:N",
        tooltip=[
            look.tooltip("label", "Cohort"),
            look.tooltip("number", _LATER[result.period]),
            look.tooltip("share", "Share", ".1%"),
            look.tooltip("eligible", "Customers counted", ","),
        ],
    )
    chart = alt.layer(*([cohorts] if single else []), band, line)
    lines = [
        look.say("Share of all cohorts together with its 95% interval; pale: each cohort")
        if single
        else look.say("Share of all cohorts together with its 95% interval"),
        panels.said,
    ]
    width = max(320, min(640, 44 * len(periods)))
    heading = look.heading(title, "Retention by cohort")
    return finish(chart.properties(width=width, height=280), title=heading, subtitle=lines, look=look)
