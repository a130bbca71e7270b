"""Result tables as HTML: readable in the cell, and exact in the ``value`` attribute where the cell rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time

from safar.language import ENGLISH, MISSING, Live, Locale, heading, of_all
from safar.pages.markup import Markup, element, name_markup

__all__ = ["data_table"]

_ROWS = 400
# Numbers that say which row it is, or what was set, whoever is counted.
_FIXED = ("step", "period", "scale", "target")
# Words that are said of the numbers beside them.
_JUDGED = ("status", "reason")
# Columns of KPIs, alerts and scores whose values are the library's own words; lists of them stand in `rules`.
_WORDS = ("direction", "effect", "form", "reason", "rule", "severity", "side", "status", "unit")
_SHARES = ("share", "from_previous", "from_first", "weighted", "simple", "drop_off", "response_rate")
# Scores that are shares; a Net Promoter Score is none.
_SCORES = ("csat", "ces")


def _number(column: str, value: float, locale: Locale) -> tuple[str, bool]:
    """A number as text, and whether this is all of it."""
    measure = column.removesuffix("_low").removesuffix("_high")
    if measure.endswith("_seconds"):
        return locale.duration(value), False
    if measure.startswith(_SHARES) or measure in _SCORES:
        return locale.share(value), False
    return locale.amount(value), float(value).is_integer()


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _cell(column: str, value: object, locale: Locale, follows: object = None) -> Markup:
    """Write a cell; beside numbers that follow a choice of customers, one that does not vanishes with the choice."""
    if _is_missing(value):
        return element("td", MISSING, class_="missing")
    if isinstance(value, bool):
        return element("td", element("bdi", locale.say("yes" if value else "no")))
    if isinstance(value, int | float):
        text, is_all = _number(column, value, locale)
        if not isinstance(value, Live) and column not in _FIXED:
            text = of_all(text, follows)
        return element("td", text if is_all else element("data", text, value=repr(value)))
    if isinstance(value, datetime) and (value.tzinfo is not None or value.time() != time()):
        return element("td", element("time", locale.moment(value, seconds=True), datetime=value.isoformat()))
    if isinstance(value, date):
        # The first day of a period, whether it comes as a date or as the midnight that begins it.
        return element("td", element("time", locale.date(value), datetime=f"{value:%Y-%m-%d}"))
    if column in _JUDGED and follows is not None:
        return element("td", of_all(locale.label(value), follows))
    return element("td", name_markup(locale.label(value)))


def _said(column: str, value: object, locale: Locale) -> object:
    """A word of the library, or the label of a period, in the language; anything else as it is."""
    if not isinstance(value, str):
        return value
    if column == "rules":
        return locale.say(", ").join(locale.say(rule) for rule in value.split(", "))
    if column in _WORDS:
        return locale.say(value.replace("_", " "))
    return locale.period(value) if column == "period" else value


def data_table(
    columns: Mapping[str, Sequence[object]],
    *,
    caption: str,
    words: bool = False,
    names: Mapping[str, str] | None = None,
    rows: int = _ROWS,
    locale: Locale = ENGLISH,
) -> Markup:
    """Write the table behind a figure.

    Parameters
    ----------
    columns
        Column name → values, all of one length.
    caption
        What the rows are.
    words
        Whether the table is one of KPIs, alerts or scores, whose columns such as ``status`` hold the library's words.
    names
        What is written for names of the data; by default as the locale has it.
    rows
        Rows written at most (400); more are announced in the caption, never left out in silence.
    locale
        How readers are written to.

    Returns
    -------
    Markup

    Examples
    --------
    >>> table = data_table({"customers": [7], "share": [1 / 8]}, caption="Steps")
    >>> '<td>7</td><td><data value="0.125">12.5%</data></td>' in table
    True
    """
    if names:
        locale = replace(locale, names=names)
    heads = list(columns)
    length = len(columns[heads[0]]) if heads else 0
    shown = min(length, rows)
    said = caption
    if shown < length:
        places = {"shown": locale.count(shown), "length": locale.count(length)}
        said = locale.say("{caption}: the first {shown} of {length} rows", caption=caption, **places)
    legend = said
    if any(_is_missing(each) for name in heads for each in columns[name][:shown]):
        legend = locale.say("{caption} ({mark}: not defined)", caption=said, mark=MISSING)
    head = element("tr", *(element("th", heading(name, locale.language), scope="col") for name in heads))
    follows = next((each for name in heads for each in columns[name] if isinstance(each, Live)), None)

    def value(name: str, row: int) -> object:
        given = columns[name][row]
        return _said(name, given, locale) if words else given

    body = [
        element("tr", *(_cell(name, value(name, row), locale, follows) for name in heads))
        for row in range(shown)
    ]
    table = element(
        "table",
        element("caption", legend),
        element("thead", head),
        element("tbody", *body),
        class_="data exact",
    )
    return element("div", table, class_="scroll", tabindex="0", role="group", aria_label=said)
