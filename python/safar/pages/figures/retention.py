"""Retention as a table of cohorts by period, shaded by share."""

from __future__ import annotations

from datetime import date
from typing import Any

from safar._typing import Period
from safar.language import ENGLISH, Locale, of_all
from safar.pages.colours import shade
from safar.pages.figures.funnel import Columns
from safar.pages.markup import Markup, element, following, scrolled

__all__ = ["COHORTS", "PERIODS", "retention_figure"]

PERIODS = 26
_CAPTIONS: dict[Period, str] = {
    "day": "Share of each cohort active again, in per cent, by day",
    "week": "Share of each cohort active again, in per cent, by week",
    "month": "Share of each cohort active again, in per cent, by month",
}
_COLUMNS: dict[Period, str] = {
    "day": "Columns: days after the cohort's day, in % of the cohort.",
    "week": "Columns: weeks after the cohort's week, in % of the cohort.",
    "month": "Columns: months after the cohort's month, in % of the cohort.",
}
COHORTS = 26


def _cell(name: str, period: int, row: dict[str, Any], locale: Locale) -> Markup:
    value = row["share"]
    said = {
        "cohort": name,
        "period": locale.count(period),
        "number": locale.count(row["returned"]),
        "all": locale.count(row["eligible"]),
    }
    if not row["complete"] or value is None:
        hint = locale.say(
            "{cohort}, period {period}: not over yet; {number} of {all} so far, not a rate", **said
        )
        unfinished = element("span", "…", aria_label=locale.say("not complete yet"))
        return element("td", unfinished, class_="hatched none", title=hint)
    hint = locale.say(
        "{cohort}, period {period}: {number} of {all} = {share} (95% interval {low} to {high})",
        share=locale.share(value),
        low=locale.share(row["share_low"]),
        high=locale.share(row["share_high"]),
        **said,
    )
    return element(
        "td",
        locale.percent(value),
        title=hint,
        class_=shade(value),
        **following(heat=value),
    )


def retention_figure(cells: Columns, means: Columns, *, period: Period, locale: Locale = ENGLISH) -> Markup:
    """Write a heat table: one row a cohort, one column a period, the weighted mean below.

    Parameters
    ----------
    cells
        Columns of a retention table without segments.
    means
        Columns of ``result.means()``.
    period
        ``"day"``, ``"week"`` or ``"month"``.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        A table with shares in per cent. A period that is not over is hatched, with the count so far in its tooltip;
        a period that has not begun is blank. At most the last 26 cohorts and the first 26 periods are shown, and the
        legend says so.
    """
    rows: dict[date, dict[int, dict[str, Any]]] = {}
    for i, cohort in enumerate(cells["cohort"]):
        rows.setdefault(cohort, {})[cells["period"][i]] = {name: cells[name][i] for name in cells}
    cohorts = sorted(rows)
    shown = cohorts[-COHORTS:]
    last = min(PERIODS - 1, max((max(rows[cohort]) for cohort in shown), default=0))
    periods = range(last + 1)
    head = element(
        "tr",
        element("th", locale.say("Cohort"), scope="col", class_="label", style="inline-size:6.6em"),
        element("th", locale.say("Size"), scope="col", style="inline-size:4.4em"),
        *(element("th", locale.count(k), scope="col") for k in periods),
    )
    body = []
    for cohort in shown:
        name = locale.month(cohort) if period == "month" else locale.day(cohort)
        written = [
            _cell(name, k, rows[cohort][k], locale) if k in rows[cohort] else element("td", class_="none")
            for k in periods
        ]
        size = element(
            "td", locale.count(rows[cohort][0]["eligible"] if 0 in rows[cohort] else None), class_="size"
        )
        body.append(element("tr", element("th", name, scope="row"), size, *written))
    everybody = element("th", locale.say("All cohorts"), scope="row")
    foot = element("tr", everybody, element("td"), *_means(means, periods, locale))
    caption = locale.say(_CAPTIONS[period])
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        element("tbody", foot, class_="mean"),
        class_="heat",
    )
    return Markup("").join(
        [scrolled(table, label=caption), _legend(period, len(cohorts), len(shown), cells, locale)]
    )


def _means(means: Columns, periods: range, locale: Locale) -> list[Markup]:
    at = {period: place for place, period in enumerate(means["period"])}
    written = []
    for k in periods:
        place = at.get(k)
        value = None if place is None else means["weighted"][place]
        if place is None or value is None:
            written.append(element("td", class_="none"))
            continue
        low, high = means["weighted_low"][place], means["weighted_high"][place]
        said = locale.say(
            "Period {period}, complete cohorts: {number} of {all} = {share} (95% interval {low} to {high})",
            period=locale.count(k),
            number=locale.count(means["returned"][place]),
            all=locale.count(means["eligible"][place]),
            share=locale.share(value),
            low=locale.share(low),
            high=locale.share(high),
        )
        cohorts = locale.say("{cohorts} cohorts", cohorts=locale.count(means["cohorts"][place]))
        hint = locale.sentence([said, of_all(cohorts, value)])
        written.append(
            element(
                "td",
                locale.percent(value),
                title=hint,
                class_=shade(value),
                **following(heat=value),
            )
        )
    return written


def _legend(period: Period, cohorts: int, shown: int, cells: Columns, locale: Locale) -> Markup:
    swatch = element("span", class_="swatch hatched", aria_hidden="true")
    said = [locale.say(_COLUMNS[period])]
    if cohorts > shown:
        numbers = {"shown": locale.count(shown), "all": locale.count(cohorts)}
        said.append(locale.say("The last {shown} of {all} cohorts are shown.", **numbers))
    if max(cells["period"], default=0) >= PERIODS:
        said.append(locale.say("The first {number} periods are shown.", number=locale.count(PERIODS)))
    unfinished = element("span", swatch, locale.say("not over yet"))
    return element("p", element("span", " ".join(said)), unfinished, class_="legend")
