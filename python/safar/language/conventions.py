"""What differs from language to language in numbers, dates and lengths of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from safar._typing import Calendar, Language

__all__ = ["CONVENTIONS", "Conventions", "Direction"]

Direction = Literal["ltr", "rtl"]


@dataclass(frozen=True, slots=True)
class Conventions:
    """How one language writes.

    Attributes
    ----------
    own_name : what its readers call it.
    direction : reading direction.
    calendar : the calendar of its readers.
    signs : what stands for each digit and sign of a number that Python writes.
    thousand, million, billion : what follows a shortened number.
    points : what follows a difference of two shares.
    lengths : names of days, hours, minutes and seconds.
    joined : what stands between the two parts of a length.
    months : names of the months of each calendar.
    short_months : the same where there is little room.
    date_mark : what stands between the numbers of a date.
    """

    own_name: str
    direction: Direction
    calendar: Calendar
    signs: dict[int, str]
    thousand: str
    million: str
    billion: str
    points: str
    lengths: tuple[str, str, str, str]
    joined: str
    months: dict[Calendar, tuple[str, ...]]
    short_months: dict[Calendar, tuple[str, ...]]
    date_mark: str


_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_JALALI_MONTHS = (
    "Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban", "Azar", "Dey", "Bahman",
    "Esfand",
)  # fmt: skip
_PERSIAN_JALALI = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
_PERSIAN_MONTHS = (
    "ژانویه", "فوریه", "مارس", "آوریل", "مه", "ژوئن", "ژوئیه", "اوت", "سپتامبر", "اکتبر", "نوامبر", "دسامبر",
)  # fmt: skip

CONVENTIONS: dict[Language, Conventions] = {
    "en": Conventions(
        own_name="English",
        direction="ltr",
        calendar="gregorian",
        signs=str.maketrans({"-": "\u2212"}),
        thousand="K",
        million="M",
        billion="B",
        points=" pp",
        lengths=("d", "h", "min", "s"),
        joined=" ",
        months={"gregorian": _ENGLISH_MONTHS, "jalali": _JALALI_MONTHS},
        short_months={"gregorian": tuple(name[:3] for name in _ENGLISH_MONTHS), "jalali": _JALALI_MONTHS},
        date_mark="-",
    ),
    # A sign stays at the left of its number when a mark of the left-to-right direction stands before it, as in CLDR.
    "fa": Conventions(
        own_name="فارسی",
        direction="rtl",
        calendar="jalali",
        signs=str.maketrans(
            dict(zip("0123456789", "۰۱۲۳۴۵۶۷۸۹", strict=True))
            | {",": "٬", ".": "٫", "%": "٪", "-": "\u200e\u2212"}
            | {sign: f"\u200e{sign}" for sign in "+<>≥≤"}
        ),
        thousand=" هزار",
        million=" میلیون",
        billion=" میلیارد",
        points=" واحد درصد",
        lengths=("روز", "ساعت", "دقیقه", "ثانیه"),
        joined=" و ",
        months={"gregorian": _PERSIAN_MONTHS, "jalali": _PERSIAN_JALALI},
        short_months={"gregorian": _PERSIAN_MONTHS, "jalali": _PERSIAN_JALALI},
        date_mark="/",
    ),
}
