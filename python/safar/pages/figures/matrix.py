"""Where customers go next, as a heat table of events by next event."""

from __future__ import annotations

from collections.abc import Sequence

from safar.language import ENGLISH, Locale
from safar.pages.colours import shade
from safar.pages.cube import ratio
from safar.pages.markup import Markup, element, following, name_markup, scrolled

__all__ = ["matrix_figure"]


def _turned(text: str, title: str) -> Markup:
    """Write a column heading upwards, so that long names stay whole over narrow columns."""
    return element("th", element("span", text), scope="col", class_="turned", title=title)


def matrix_figure(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[int]],
    totals: Sequence[float],
    others: Sequence[float],
    *,
    locale: Locale = ENGLISH,
) -> Markup:
    """Write the matrix of next events.

    Parameters
    ----------
    rows
        Events that are left.
    columns
        Events that follow; ``(end)`` and ``(open)`` may be among them.
    counts
        How often the column followed the row.
    totals
        All departures of each row, also to columns that are not shown.
    others
        Those to columns that are not shown.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        A table of shares in per cent; the last column takes what the shown columns leave, so each row sums to 100.
    """
    head = element(
        "tr",
        element("th", locale.say("From ↓  to →"), scope="col", class_="label", style="inline-size:23%"),
        *(_turned(name_markup(locale.label(name)), locale.label(name)) for name in columns),
        _turned(locale.say("all others"), locale.say("all other events")),
    )
    body = []
    for name, line, total, rest in zip(rows, counts, totals, others, strict=True):
        cells = []
        for to, number in zip([*columns, locale.say("other events")], [*line, rest], strict=True):
            part = ratio(number, total)
            hint = locale.say(
                "{source} → {target}: {number} of {all} departures = {share}",
                source=locale.name(name),
                target=locale.name(to),
                number=locale.count(number),
                all=locale.count(total),
                share=locale.share(part),
            )
            if not number or part is None:
                cells.append(element("td", "·", class_="none", title=hint))
                continue
            cells.append(
                element("td", locale.percent(part), title=hint, class_=shade(part), **following(heat=part))
            )
        body.append(element("tr", element("th", name_markup(name), scope="row"), *cells))
    caption = locale.say("Share of the departures of each event, in per cent, by next event")
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="heat",
    )
    return scrolled(table, label=caption)
