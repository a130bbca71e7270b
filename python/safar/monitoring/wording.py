"""Alerts as sentences, in English with Gregorian dates and in Persian with Jalali ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from safar import calendar
from safar._typing import Language
from safar.language.conventions import CONVENTIONS
from safar.monitoring.panel import Series

__all__ = ["AlertFacts", "sentence"]

_MONTHS = CONVENTIONS["en"].months["gregorian"]
_JALALI = CONVENTIONS["fa"].months["jalali"]
_SIGNS = CONVENTIONS["fa"].signs
# A slice whose share rounds to everything, or is more because others went the other way.
_ALL = 0.995
# Units of the catalogue; amounts of money stand without one, because their currency is that of the data.
_UNITS = {
    "clicks": "کلیک", "customers": "مشتری", "hours": "ساعت", "impressions": "نمایش", "mentions": "یادکرد",
    "minutes": "دقیقه", "orders": "سفارش", "pages": "صفحه", "people": "نفر", "points": "امتیاز",
    "searches": "جست‌وجو", "visits": "بازدید",
}  # fmt: skip
_MISSING = {"en": "no value", "fa": "نامشخص"}


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What a sentence says of an alert; `last` is the last day."""

    series: Series
    first: dt.date
    last: dt.date
    rose: bool
    against_target: bool
    observed: float
    expected: float
    low: float | None
    high: float | None
    # The slice that most of the deviation is in, and its share of it.
    most: tuple[str, float] | None = None


def sentence(said: AlertFacts, language: Language, names: Mapping[str, str]) -> str:
    """Say what happened, when, against what, and where."""
    where = " · ".join(_named(label, names, language) for label in said.series.shown)
    what = names.get(said.series.kpi, said.series.kpi) + (f" ({where})" if where else "")
    most = None if said.most is None else _named(said.most[0], names, language)
    return _english(said, what, most) if language == "en" else _persian(said, what, most)


def _english(said: AlertFacts, what: str, most: str | None) -> str:
    observed, expected = (_number(said.series, value, "en") for value in (said.observed, said.expected))
    if said.against_target:
        side = "above" if said.rose else "below"
        text = f"{what} was {side} its target of {expected}, at {observed},"
    else:
        moved, bounds = "rose" if said.rose else "fell", _bounds(said, "en", ", {} to {}")
        text = f"{what} {moved} to {observed} (expected {expected}{bounds})"
    text += f" {_dates(said.first, said.last)}"
    if said.most is not None:
        share = "all" if said.most[1] >= _ALL else f"{100 * said.most[1]:.0f} %"
        text += f"; {share} of the {'rise' if said.rose else 'fall'} is in {most}"
    return f"{text[0].upper()}{text[1:]}."


def _persian(said: AlertFacts, what: str, most: str | None) -> str:
    observed, expected = (_number(said.series, value, "fa") for value in (said.observed, said.expected))
    when = _persian_dates(said.first, said.last)
    if said.against_target:
        text = f"{what} {when} {observed} بود، {'بالاتر' if said.rose else 'پایین‌تر'} از هدف {expected}"
    else:
        moved, bounds = "افزایش یافت" if said.rose else "کاهش یافت", _bounds(said, "fa", "، از {} تا {}")
        text = f"{what} {when} به {observed} {moved} (مورد انتظار: {expected}{bounds})"
    if said.most is not None:
        part = f"{100 * said.most[1]:.0f}٪ از".translate(_SIGNS)
        share, change = "همهٔ" if said.most[1] >= _ALL else part, "افزایش" if said.rose else "کاهش"
        text += f"؛ {share} این {change} در {most} است"
    return f"{text}."


def _bounds(said: AlertFacts, language: Language, words: str) -> str:
    """The interval of what was expected, where there is one."""
    if said.low is None or said.high is None:
        return ""
    return words.format(*(_number(said.series, end, language, unit=False) for end in (said.low, said.high)))


def _named(label: str, names: Mapping[str, str], language: Language) -> str:
    return names.get(label, _MISSING[language] if label == "(missing)" else label)


def _percent(series: Series) -> bool:
    return series.unit == "%" or (series.form == "share" and series.scale == 1 and not series.unit)


def _plain(series: Series, value: float) -> str:
    shown = 100 * value if _percent(series) and series.unit != "%" else value
    if shown == 0 or abs(shown) >= 100:
        return f"{shown:,.0f}"
    if abs(shown) >= 10:
        return f"{shown:.1f}".removesuffix(".0")
    return f"{shown:.3g}"


def _number(series: Series, value: float, language: Language, *, unit: bool = True) -> str:
    english = language == "en"
    text = _plain(series, value) if english else _plain(series, value).translate(_SIGNS)
    if not unit:
        return text
    if _percent(series):
        return f"{text} %" if english else f"{text}٪"
    known = "" if series.unit == "money" else series.unit if english else _UNITS.get(series.unit, series.unit)
    return f"{text} {known}".rstrip()


def _dates(first: dt.date, last: dt.date) -> str:
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return f"on {end}"
    if (first.year, first.month) == (last.year, last.month):
        return f"from {first.day} to {end}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"from {first.day} {_MONTHS[first.month - 1]}{year} to {end}"


def _persian_dates(first: dt.date, last: dt.date) -> str:
    one, two = calendar.jalali_date(first), calendar.jalali_date(last)
    end = f"{two[2]} {_JALALI[two[1] - 1]} {two[0]}"
    if first == last:
        text = f"در {end}"
    elif one[:2] == two[:2]:
        text = f"از {one[2]} تا {end}"
    else:
        year = "" if one[0] == two[0] else f" {one[0]}"
        text = f"از {one[2]} {_JALALI[one[1] - 1]}{year} تا {end}"
    return text.translate(_SIGNS)
