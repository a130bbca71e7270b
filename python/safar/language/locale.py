"""Numbers, shares, lengths of time, dates and sentences as readers see them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard
from unicodedata import bidirectional

from safar import _args, calendar
from safar._typing import Calendar, Duration, Language
from safar.language.conventions import CONVENTIONS, Conventions, Direction
from safar.language.live import filled, joined, written
from safar.language.said import Spoken
from safar.language.words import translated

__all__ = ["ENGLISH", "MISSING", "Direction", "Locale"]

MISSING = "–"
_MOST_DECIMALS = 6
_LENGTHS = {
    "d": "days",
    "h": "hours",
    "m": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
}
# First-strong isolate and its end: a name is laid out by its own first strong letter, whatever stands around it.
_NO_NAMES = ("(missing)", "(start)", "(end)", "(open)")
_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Locale:
    """How a reader is written to.

    Parameters
    ----------
    language
        ``"en"``, or ``"fa"`` for Persian with its digits, from right to left.
    shown_calendar
        The calendar of dates; by default that of the language, Jalali in Persian.
    names
        What names of the data are called in the language.

    Examples
    --------
    >>> Locale("fa").count(1859), Locale("fa").share(0.619)
    ('۱٬۸۵۹', '۶۱٫۹٪')
    """

    language: Language = "en"
    shown_calendar: Calendar | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _args.choice(self.language, "language", Language)
        if self.shown_calendar is not None:
            _args.choice(self.shown_calendar, "shown_calendar", Calendar)

    @property
    def own_name(self) -> str:
        """What readers of the language call it."""
        return self._conventions.own_name

    @property
    def direction(self) -> Direction:
        """Reading direction."""
        return self._conventions.direction

    @property
    def calendar(self) -> Calendar:
        """The calendar that dates are written in."""
        return self.shown_calendar or self._conventions.calendar

    @property
    def large(self) -> tuple[tuple[float, float, str], ...]:
        """From which amount on numbers are shortened, by how much, and what follows them then; largest first."""
        words = self._conventions
        return (1e9, 1e9, words.billion), (1e6, 1e6, words.million), (1e4, 1e3, words.thousand)

    @property
    def marks(self) -> dict[str, str | list[str]]:
        """The digits and signs of numbers, by their names in the number locales of D3 and Vega."""
        decimal, thousands, minus, percent = (self.signs(sign) for sign in ".,-%")
        digits = [self.signs(digit) for digit in "0123456789"]
        signs: dict[str, str | list[str]] = {"decimal": decimal, "thousands": thousands}
        return signs | {"minus": minus, "percent": percent, "numerals": digits}

    @property
    def _conventions(self) -> Conventions:
        return CONVENTIONS[self.language]

    # --------------------------------------------------------------------------------------------------- words

    def say(self, text: str, /, **values: object) -> str:
        """Say an English sentence in the language, with values in its places.

        Parameters
        ----------
        text
            In English, with places such as ``{number}``, or a text that knows what stands in its places (`Said`).
        **values
            What stands there, already written.

        Returns
        -------
        str

        Examples
        --------
        >>> Locale("fa").say("Customers"), Locale().say("{number} rows", number=3)
        ('مشتریان', '3 rows')
        """
        if isinstance(text, Spoken):
            return str(text) if self.language == "en" else text.spoken(self)
        found = translated(text, self.language)
        return filled(found, values) if values else found

    def sentence(self, parts: Iterable[str], mark: str = "; ") -> str:
        """Join parts of a sentence with a mark of the language.

        Examples
        --------
        >>> ENGLISH.sentence(["3 dropped", "1 open"])
        '3 dropped; 1 open'
        """
        return joined(self.say(mark), list(parts))

    def label(self, name: object) -> str:
        """Write a name that came with the data as it is called in the language, if that is known.

        Examples
        --------
        >>> ENGLISH.label(None), Locale("fa").label("(end)"), Locale("fa").label("end")
        ('(missing)', '(پایان)', 'end')
        """
        text = "(missing)" if name is None else str(name)
        called = self.names.get(text)
        return called or (self.say(text) if text in _NO_NAMES else text)

    def name(self, name: object) -> str:
        """Put a name that came with the data into a sentence; one of the other direction is kept apart."""
        text = self.label(name)
        other = ("L",) if self.direction == "rtl" else ("R", "AL")
        apart = any(bidirectional(letter) in other for letter in text)
        return f"{_ISOLATE}{text}{_POP_ISOLATE}" if apart else text

    def listing(self, names: Iterable[str], word: str = "or") -> str:
        """Write names one after the other, with a word between them."""
        return f" {self.say(word)} ".join(self.name(name) for name in names)

    def signs(self, text: str) -> str:
        """Write a number that Python wrote, such as ``-1,234.5``, with the digits and signs of the language.

        Examples
        --------
        >>> Locale("fa").signs("1,234.5")
        '۱٬۲۳۴٫۵'
        """
        return text.translate(self._conventions.signs)

    # ------------------------------------------------------------------------------------------------- numbers

    @written("count")
    def count(self, value: float | None) -> str:
        """Write a count with thousands separators.

        Examples
        --------
        >>> ENGLISH.count(12345), ENGLISH.count(None)
        ('12,345', '–')
        """
        return self.signs(f"{value:z,.0f}") if _finite(value) else self._no_digits(value)

    @written("number")
    def number(self, value: float | None, decimals: int = 1) -> str:
        """Write a number with so many decimals at most, none from a thousand on, and below 1 two significant digits.

        Examples
        --------
        >>> (
        ...     ENGLISH.number(12.5),
        ...     ENGLISH.number(12.0),
        ...     ENGLISH.number(1234.5),
        ...     ENGLISH.number(0.0432),
        ... )
        ('12.5', '12', '1,234', '0.043')
        """
        if not _finite(value):
            return self._no_digits(value)
        if 0 < abs(value) < 1:
            decimals = max(decimals, min(_MOST_DECIMALS, 1 - math.floor(math.log10(abs(value)))))
        if abs(round(value, decimals)) >= 1_000:
            return self.count(value)
        text = f"{value:z.{decimals}f}"
        return self.signs(text.rstrip("0").rstrip(".") if decimals else text)

    @written("amount")
    def amount(self, value: float | None) -> str:
        """Write a number for a table: whole ones without decimals, small ones with two digits, others with two places.

        Examples
        --------
        >>> ENGLISH.amount(1234.0), ENGLISH.amount(3.456), ENGLISH.amount(0.0432)
        ('1,234', '3.46', '0.043')
        """
        if not _finite(value):
            return self._no_digits(value)
        if float(value).is_integer():
            return self.count(value)
        return self.number(value) if abs(value) < 1 else self.signs(f"{value:,.2f}")

    @written("compact")
    def compact(self, value: float | None) -> str:
        """Write a large amount in at most four digits with K, M or B.

        Examples
        --------
        >>> (
        ...     ENGLISH.compact(246_600),
        ...     ENGLISH.compact(1_859),
        ...     ENGLISH.compact(12.5),
        ...     ENGLISH.compact(999_960),
        ... )
        ('246.6K', '1,859', '12.5', '1.0M')
        >>> Locale("fa").compact(246_600)
        '۲۴۶٫۶ هزار'
        """
        if not _finite(value):
            return self._no_digits(value)
        # A unit is chosen by what the next smaller one would show.
        shown = [unit / 10 for _, unit, _ in self.large[1:]] + [1.0]
        for (least, unit, word), step in zip(self.large, shown, strict=True):
            if abs(round(value / step) * step) >= least:
                return self.signs(f"{value / unit:,.1f}") + word
        return self.count(value) if abs(round(value, 1)) >= 100 else self.number(value)

    @written("share")
    def share(self, value: float | None, decimals: int = 1) -> str:
        """Write a share between 0 and 1 in per cent; one that would round to 0 or 100 but is not, says so.

        Examples
        --------
        >>> ENGLISH.share(0.634), ENGLISH.share(0.0002), ENGLISH.share(0.99999), ENGLISH.share(None)
        ('63.4%', '<0.1%', '>99.9%', '–')
        """
        if not _finite(value):
            return self._no_digits(value)
        least = 0.1**decimals
        percent = round(100 * value, decimals)
        if percent == 0 and value > 0:
            return self.signs(f"<{least:.{decimals}f}%")
        if percent == 100 and value < 1:
            return self.signs(f">{100 - least:.{decimals}f}%")
        return self.signs(f"{percent:z.{decimals}f}%")

    @written("percent")
    def percent(self, value: float) -> str:
        """Write a share as a whole per cent without its sign, for small cells.

        Examples
        --------
        >>> ENGLISH.percent(0.634), ENGLISH.percent(0.002), ENGLISH.percent(0.0)
        ('63', '<1', '0')
        """
        return self.signs("<1" if 0 < 100 * value < 0.5 else f"{100 * value:.0f}")

    @written("signed")
    def signed(self, value: float | None) -> str:
        """Write a whole number with its sign, such as a Net Promoter Score.

        Examples
        --------
        >>> ENGLISH.signed(12.4), ENGLISH.signed(-7.0), ENGLISH.signed(-0.3)
        ('+12', '−7', '0')
        """
        if not _finite(value):
            return self._no_digits(value)
        return self.signs(f"{value:+.0f}" if round(value) else "0")

    def change(self, value: float | None, unit: str) -> str:
        """Write a change: relative in per cent, or for a share in percentage points.

        Parameters
        ----------
        value
            Relative change (0.1 is 10 % more), or for a share the difference of the two shares.
        unit
            ``"share"`` for percentage points, anything else for per cent.

        Examples
        --------
        >>> ENGLISH.change(-0.064, "count"), ENGLISH.change(0.012, "share")
        ('−6.4%', '+1.2 pp')
        """
        if not _finite(value):
            return self._no_digits(value)
        if unit == "share":
            return self.signs(f"{100 * value:+.1f}" if value else "0.0") + self._conventions.points
        digits = 0 if abs(value) >= 0.995 else 1
        return self.signs(f"{100 * value:+,.{digits}f}%" if value else "0.0%")

    def value(self, value: float | None, unit: str) -> str:
        """Write a value in its unit: ``count``, ``money``, ``seconds`` or ``share``.

        Examples
        --------
        >>> ENGLISH.value(0.5, "share"), ENGLISH.value(90, "seconds")
        ('50.0%', '1 min 30 s')
        """
        write = {"count": self.count, "money": self.compact, "seconds": self.duration, "share": self.share}[
            unit
        ]
        return write(value)

    def measure(self, value: float | None, unit: str | None) -> str:
        """Write a value with a unit in words, such as ``"%"`` or ``"minutes"``; money stands without one.

        Examples
        --------
        >>> (
        ...     ENGLISH.measure(12.5, "%"),
        ...     ENGLISH.measure(3.0, "minutes"),
        ...     ENGLISH.measure(9000, "money"),
        ... )
        ('12.5%', '3 minutes', '9,000')
        >>> Locale("fa").measure(3.0, "minutes")
        '۳ دقیقه'
        """
        text = self.number(value)
        if value is None or not unit or unit == "money":
            return text
        return text + (self.signs("%") if unit == "%" else f" {self.say(unit)}")

    def _no_digits(self, value: float | None) -> str:
        """What stands for a value that no digits can write."""
        if value is None or math.isnan(value):
            return MISSING
        return self.signs("-∞" if value < 0 else "∞")

    # --------------------------------------------------------------------------------------------------- times

    def duration(self, seconds: float | None) -> str:
        """Write a length of time in its two largest units.

        Examples
        --------
        >>> (
        ...     ENGLISH.duration(45),
        ...     ENGLISH.duration(4320),
        ...     ENGLISH.duration(200_000),
        ...     ENGLISH.duration(0.25),
        ... )
        ('45 s', '1 h 12 min', '2 d 7 h', '0.2 s')
        >>> Locale("fa").duration(4320)
        '۱ ساعت و ۱۲ دقیقه'
        """
        if not _finite(seconds):
            return self._no_digits(seconds)
        if seconds < 0:
            return self.signs("-") + self.duration(-seconds)
        names = self._conventions.lengths
        if round(seconds, 1) < 1:
            short = "0" if seconds == 0 else "<0.1" if seconds < 0.05 else f"{seconds:.1f}"
            return self.signs(f"{short} ") + names[3]
        whole = round(seconds)
        for large, small, place in ((86400, 3600, 0), (3600, 60, 1), (60, 1, 2)):
            if whole >= large:
                rest = (whole % large) // small
                text = self.signs(f"{whole // large:,} ") + names[place]
                return (
                    text + self._conventions.joined + self.signs(f"{rest} ") + names[place + 1]
                    if rest
                    else text
                )
        return self.signs(f"{whole} ") + names[3]

    def length(self, given: Duration) -> str:
        """Write the length of a window to the last part of it.

        Examples
        --------
        >>> ENGLISH.length("30d"), Locale("fa").length("30d"), Locale("fa").length("90m")
        ('30 days', '۳۰ روز', '۹۰ دقیقه')
        """
        if self.language == "en":
            return _args.duration_words(given)
        amount, unit = _args.duration_parts(given)
        return f"{self.signs(str(amount))} {self.say(_LENGTHS[unit])}"

    def day(self, value: dt.date | None) -> str:
        """Write a day in words that can't be read two ways.

        Examples
        --------
        >>> ENGLISH.day(dt.date(2026, 3, 2)), Locale("fa").day(dt.date(2026, 3, 2))
        ('2 Mar 2026', '۱۱ اسفند ۱۴۰۴')
        """
        if value is None:
            return MISSING
        year, month, day = self._parts(value)
        return f"{self.signs(str(day))} {self._month(month)} {self.signs(str(year))}"

    def short_day(self, value: dt.date) -> str:
        """Write a day without its year.

        Examples
        --------
        >>> ENGLISH.short_day(dt.date(2026, 3, 2))
        '2 Mar'
        """
        _, month, day = self._parts(value)
        return f"{self.signs(str(day))} {self._month(month)}"

    def year(self, value: dt.date) -> int:
        """The year of a day.

        Examples
        --------
        >>> ENGLISH.year(dt.date(2026, 3, 21)), Locale("fa").year(dt.date(2026, 3, 21))
        (2026, 1405)
        """
        return self._parts(value)[0]

    def month(self, value: dt.date) -> str:
        """Write the month of a day.

        Examples
        --------
        >>> ENGLISH.month(dt.date(2026, 3, 21)), Locale("fa").month(dt.date(2026, 3, 21))
        ('Mar 2026', 'فروردین ۱۴۰۵')
        """
        year, month, _ = self._parts(value)
        return f"{self._month(month)} {self.signs(str(year))}"

    def date(self, value: dt.date) -> str:
        """Write a day in numbers, the year first.

        Examples
        --------
        >>> ENGLISH.date(dt.date(2026, 3, 2)), Locale("fa").date(dt.date(2026, 3, 2))
        ('2026-03-02', '۱۴۰۴/۱۲/۱۱')
        """
        year, month, day = self._parts(value)
        return self.period(f"{year:04d}-{month:02d}-{day:02d}")

    def period(self, label: str) -> str:
        """Write the label of a day, week or month of a calendar.

        Examples
        --------
        >>> ENGLISH.period("2026-03"), Locale("fa").period("1404-12")
        ('2026-03', '۱۴۰۴/۱۲')
        """
        return self._conventions.date_mark.join(self.signs(part) for part in label.split("-"))

    def moment(self, value: dt.datetime, *, seconds: bool = False) -> str:
        """Write a day and the time of day in numbers.

        Examples
        --------
        >>> ENGLISH.moment(dt.datetime(2026, 3, 2, 14, 5))
        '2026-03-02 14:05'
        """
        return f"{self.date(value)} {self.signs(f'{value:%H:%M:%S}' if seconds else f'{value:%H:%M}')}"

    def _parts(self, value: dt.date) -> tuple[int, int, int]:
        day = value.date() if isinstance(value, dt.datetime) else value
        return calendar.jalali_date(day) if self.calendar == "jalali" else (day.year, day.month, day.day)

    def _month(self, month: int) -> str:
        return self._conventions.short_months[self.calendar][month - 1]


ENGLISH = Locale("en")


def _finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
