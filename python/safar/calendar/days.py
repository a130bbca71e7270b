"""What makes days differ: weekends and public holidays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from safar import _args
from safar._typing import Language
from safar.calendar.dates import checked_date, gregorian_date, jalali_date
from safar.errors import ArgumentError, ArgumentTypeError

__all__ = ["holidays", "is_weekend"]

# Month and day of the Jalali calendar, the first year, and the names.
_SOLAR: tuple[tuple[int, int, int, str, str], ...] = (
    (1, 1, 1359, "Nowruz", "جشن نوروز"),
    (1, 2, 1359, "Nowruz holiday", "عید نوروز"),
    (1, 3, 1359, "Nowruz holiday", "عید نوروز"),
    (1, 4, 1359, "Nowruz holiday", "عید نوروز"),
    (1, 12, 1359, "Islamic Republic Day", "روز جمهوری اسلامی"),
    (1, 13, 1359, "Nature Day", "روز طبیعت"),
    (3, 14, 1368, "Death of Imam Khomeini", "رحلت امام خمینی"),
    (3, 15, 1359, "15 Khordad uprising", "قیام ۱۵ خرداد"),
    (11, 22, 1359, "Islamic Revolution Day", "پیروزی انقلاب اسلامی"),
    (12, 29, 1359, "Nationalisation of the oil industry", "روز ملی شدن صنعت نفت"),
    (12, 30, 1359, "Last day of the year", "آخرین روز سال"),
)
# The law of holidays that holds today is of 1359.
_FIRST_DAY = dt.date(1980, 3, 21)
_IRAN = ("IR", "IRN")


def is_weekend(
    date: dt.date, /, *, weekend: str | int | Sequence[str | int] = ("thursday", "friday")
) -> bool:
    """Is a date a day of the weekend?

    Parameters
    ----------
    date
        A Gregorian date.
    weekend
        The days of the weekend, by their English names: ``["thursday", "friday"]`` (default, Iran), ``"friday"`` alone,
        ``["friday", "saturday"]``, ``["saturday", "sunday"]`` or any other; or by number, 0 (Monday) to 6 (Sunday).

    Returns
    -------
    bool

    Examples
    --------
    >>> import datetime
    >>> (
    ...     is_weekend(datetime.date(2026, 3, 19)),
    ...     is_weekend(datetime.date(2026, 3, 19), weekend="friday"),
    ... )
    (True, False)
    """
    return checked_date(date).weekday() in _args.weekdays(weekend, "weekend")


def holidays(
    start: dt.date | str,
    end: dt.date | str,
    *,
    language: Language = "en",
    solar: bool = True,
    countries: str | Sequence[str] = (),
    further: Mapping[dt.date, str] | None = None,
) -> dict[dt.date, str]:
    """Which days of a span are public holidays?

    Parameters
    ----------
    start, end
        The span, which holds `start` but not `end`: dates or ISO 8601 text.
    language
        The language of the names; of other countries English is taken where theirs are not known in it.
    solar
        Whether to take the public holidays of Iran that stand in the solar calendar, from a table of safar's own: 1 to
        4, 12 and 13 Farvardin, 14 and 15 Khordad, 22 Bahman, 29 Esfand, and 30 Esfand in leap years. They are those of
        the law of 1359, so that the span can't begin before 1980-03-21.
    countries
        Codes of countries such as ``"IR"`` or ``["IR", "TR"]``, whose holidays the library ``holidays`` knows (MIT;
        ``pip install "safar[holidays]"``). Those of the lunar calendar need it; in Iran they are announced, so that the
        library calls those of years to come "estimated", and one may move by a day.
    further
        Holidays of one's own: date → name.

    Returns
    -------
    dict
        Gregorian date → name, sorted by date. Where several fall on a day, their names stand beside each other, with
        "; " between them.

    Examples
    --------
    >>> found = holidays("2025-03-20", "2025-03-26", language="en")
    >>> [f"{day:%d}: {name}" for day, name in found.items()][:2]
    ['20: Last day of the year', '21: Nowruz']
    >>> holidays(
    ...     "2026-11-01", "2026-12-01", solar=False, further={dt.date(2026, 11, 27): "Sale"}
    ... )
    {datetime.date(2026, 11, 27): 'Sale'}
    """
    first, beyond = _day(start, "start"), _day(end, "end")
    if first >= beyond:
        raise ArgumentError(f"start={start!r} is not before end={end!r}; the span holds start, but not end")
    _args.choice(language, "language", Language)
    named: dict[dt.date, list[str]] = {}

    def add(day: dt.date, name: str) -> None:
        if first <= day < beyond and name not in named.setdefault(day, []):
            named[day].append(name)

    if _args.flag(solar, "solar"):
        for day, name in _solar_holidays(first, beyond, language):
            add(day, name)
    codes = _args.names(countries, "countries") if isinstance(countries, str) or len(countries) else ()
    for code in codes:
        for day, name in _library_holidays(code, first, beyond, language, solar):
            add(day, name)
    if further is not None and not isinstance(further, Mapping):
        raise ArgumentTypeError(
            f"further is a {type(further).__name__}; expected a mapping of dates to names"
        )
    for day, name in (further or {}).items():
        add(checked_date(day, "further"), _args.text(name, f"further[{day}]"))
    return {day: "; ".join(names) for day, names in sorted(named.items()) if names}


def _day(value: object, argument: str) -> dt.date:
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value.strip())
        except ValueError:
            raise ArgumentError(
                f'{argument}={value!r} is not a date; expected ISO 8601 such as "2026-03-21"'
            ) from None
    return checked_date(value, argument)


def _solar_holidays(first: dt.date, beyond: dt.date, language: Language) -> list[tuple[dt.date, str]]:
    if first < _FIRST_DAY:
        raise ArgumentError(
            f"start is {first}, and the holidays of the solar calendar are known from {_FIRST_DAY} (1 Farvardin 1359) "
            "on; begin later, or give solar=False and your own with further="
        )
    found = []
    for year in range(jalali_date(first)[0], jalali_date(beyond - dt.timedelta(days=1))[0] + 1):
        for month, day, since, en, fa in _SOLAR:
            if year >= since and (day < 30 or _is_leap(year)):
                found.append((gregorian_date(year, month, day), fa if language == "fa" else en))
    return found


def _is_leap(year: int) -> bool:
    # Esfand has 30 days in a leap year; the day after its 29th is the first of the next year otherwise.
    return jalali_date(gregorian_date(year, 12, 29) + dt.timedelta(days=1))[1] == 12


def _library_holidays(
    code: str, first: dt.date, beyond: dt.date, language: Language, solar: bool
) -> list[tuple[dt.date, str]]:
    try:
        import holidays as library
    except ImportError:
        raise ArgumentError(
            f'countries={code!r} needs the library "holidays", which is not installed: pip install "safar[holidays]"; '
            "or give the holidays with further="
        ) from None
    known: dict[str, Any] = library.list_supported_countries()
    if code not in known and code not in _IRAN:
        raise ArgumentError(
            f'countries: "{code}" is not a country that the library "holidays" knows'
            f"{_args.suggestion(code, known)} (codes of two letters, such as IR)"
        )
    # Far enough for the leap years before and after.
    years = range(first.year - 6, beyond.year + 7)
    last = int(getattr(library.country_holidays(code), "end_year", 2100))
    if beyond - dt.timedelta(days=1) > dt.date(last, 12, 31):
        raise ArgumentError(
            f'the library "holidays" knows those of {code} until {last}; end the span there, or give others with '
            "further="
        )
    found = library.country_holidays(
        code, years=years, language="fa_IR" if language == "fa" and code in _IRAN else "en_US"
    )
    entries = [(day, name) for day in list(found) if first <= day < beyond for name in found.get_list(day)]
    if code not in _IRAN or not solar:
        return entries

    def is_solar(day: dt.date, name: str) -> bool:
        """Stands at this Jalali date in the next years that have it too, where one of the lunar calendar has moved."""
        year, month, of_month = jalali_date(day)
        is_leap_day = (month, of_month) == (12, 30)
        apart = (-5, -4, 4, 5) if is_leap_day else (-1, 1)
        others = [year + years for years in apart if not is_leap_day or _is_leap(year + years)]
        return any(name in found.get_list(gregorian_date(other, month, of_month)) for other in others)

    # Those of the solar calendar have the names of safar's own table.
    return [(day, name) for day, name in entries if not is_solar(day, name)]
