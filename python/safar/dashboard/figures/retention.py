"""Retention as a table of cohorts by period, shaded by share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from safar.dashboard.colours import heat
from safar.dashboard.figures.funnel import Columns
from safar.dashboard.formatting import count, day, share
from safar.dashboard.markup import Markup, element

__all__ = ["COHORTS", "PERIODS", "retention_figure"]

PERIODS = 26
COHORTS = 26


def _percent(value: float) -> str:
    """Write a share for a small cell: a whole per cent, and a tenth below ten."""
    percent = 100 * value
    return "0" if percent == 0 else ("<1" if percent < 0.5 else f"{percent:.0f}")


def _cohort_name(cohort: date, period: str) -> str:
    return f"{cohort:%b %Y}" if period == "month" else day(cohort)


def _cell(name: str, period: int, row: dict[str, Any]) -> Markup:
    eligible, returned, value = row["eligible"], row["returned"], row["share"]
    if not row["complete"] or value is None:
        hint = f"{name}, period {period}: not over yet; {count(returned)} of {count(eligible)} so far, not a rate"
        return element(
            "td", element("span", "…", aria_label="not complete yet"), class_="hatched none", title=hint
        )
    background, ink = heat(value)
    hint = (
        f"{name}, period {period}: {count(returned)} of {count(eligible)} = {share(value)} "
        f"(95% interval {share(row['share_low'])} to {share(row['share_high'])})"
    )
    return element("td", _percent(value), title=hint, style=f"background:{background};color:{ink}")


def retention_figure(
    cells: Columns, means: Columns, *, period: str, labels: Sequence[str] | None = None
) -> Markup:
    """Write a heat table: one row a cohort, one column a period, the weighted mean below.

    Parameters
    ----------
    cells
        Columns of a retention table without segments.
    means
        Columns of ``result.means()``.
    period
        ``"day"``, ``"week"`` or ``"month"``.
    labels
        How each row's cohort is written, for another calendar; by default a Gregorian date.

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
    written_as = dict(
        zip(cells["cohort"], labels or [_cohort_name(c, period) for c in cells["cohort"]], strict=True)
    )
    shown = cohorts[-COHORTS:]
    last = min(PERIODS - 1, max((max(rows[cohort]) for cohort in shown), default=0))
    periods = range(last + 1)
    head = element(
        "tr",
        element("th", "Cohort", scope="col", class_="label", style="inline-size:6.6em"),
        element("th", "Size", scope="col", style="inline-size:4.4em"),
        *(element("th", str(k), scope="col") for k in periods),
    )
    body = []
    for cohort in shown:
        name = written_as[cohort]
        written = [
            _cell(name, k, rows[cohort][k]) if k in rows[cohort] else element("td", class_="none")
            for k in periods
        ]
        size = element("td", count(rows[cohort][0]["eligible"] if 0 in rows[cohort] else None), class_="size")
        body.append(element("tr", element("th", name, scope="row"), size, *written))
    foot = element("tr", element("th", "All cohorts", scope="row"), element("td"), *_means(means, periods))
    table = element(
        "table",
        element("caption", f"Share of each cohort active again, in per cent, by {period}"),
        element("thead", head),
        element("tbody", *body),
        element("tbody", foot, class_="mean"),
        class_="heat",
    )
    return Markup("").join(
        [element("div", table, class_="wide"), _legend(period, len(cohorts), len(shown), cells)]
    )


def _means(means: Columns, periods: range) -> list[Markup]:
    at = {period: place for place, period in enumerate(means["period"])}
    written = []
    for k in periods:
        place = at.get(k)
        value = None if place is None else means["weighted"][place]
        if place is None or value is None:
            written.append(element("td", class_="none"))
            continue
        background, ink = heat(value)
        low, high = means["weighted_low"][place], means["weighted_high"][place]
        hint = (
            f"Period {k}, {means['cohorts'][place]} complete cohorts: {count(means['returned'][place])} of "
            f"{count(means['eligible'][place])} = {share(value)} (95% interval {share(low)} to {share(high)})"
        )
        written.append(
            element("td", _percent(value), title=hint, style=f"background:{background};color:{ink}")
        )
    return written


def _legend(period: str, cohorts: int, shown: int, cells: Columns) -> Markup:
    swatch = element("span", class_="swatch hatched", aria_hidden="true")
    said = [f"Columns: {period}s after the cohort's {period}, in % of the cohort."]
    if cohorts > shown:
        said.append(f"The last {shown} of {cohorts} cohorts are shown.")
    if max(cells["period"], default=0) >= PERIODS:
        said.append(f"The first {PERIODS} periods are shown.")
    return element(
        "p", element("span", " ".join(said)), element("span", swatch, "not over yet"), class_="legend"
    )
