"""Numbers, shares, durations and dates as readers see them; data stays as it is."""

from __future__ import annotations

import math
from datetime import date, datetime

__all__ = ["MISSING", "change", "compact", "count", "day", "duration", "share", "value_text"]

MISSING = "–"
_MINUS = "\u2212"


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


def count(value: float | None) -> str:
    """Write a count with thousands separators.

    Examples
    --------
    >>> count(12345), count(None)
    ('12,345', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    return _signed(f"{value:,.0f}")


def compact(value: float | None) -> str:
    """Write a large amount in at most four digits with K, M or B.

    Examples
    --------
    >>> compact(246_600), compact(1_859), compact(12.5)
    ('246.6K', '1,859', '12.5')
    """
    if value is None or math.isnan(value):
        return MISSING
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e4, "K")):
        if abs(value) >= limit:
            return _signed(f"{value / (1e3 if letter == 'K' else limit):,.1f}{letter}")
    return _signed(f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}")


def share(value: float | None, decimals: int = 1) -> str:
    """Write a share between 0 and 1 as a percentage; a share that would round to 0 or 100 but is not, says so.

    Examples
    --------
    >>> share(0.634), share(0.0002), share(0.99999), share(None)
    ('63.4%', '<0.1%', '>99.9%', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    least = 0.1**decimals
    percent = round(100 * value, decimals)
    if percent == 0 and value > 0:
        return f"<{least:.{decimals}f}%"
    if percent == 100 and value < 1:
        return f">{100 - least:.{decimals}f}%"
    return _signed(f"{percent:.{decimals}f}%")


def duration(seconds: float | None) -> str:
    """Write a length of time in its two largest units.

    Examples
    --------
    >>> duration(45), duration(4320), duration(200_000), duration(0.25)
    ('45 s', '1 h 12 min', '2 d 7 h', '0.2 s')
    """
    if seconds is None or math.isnan(seconds):
        return MISSING
    if seconds < 1:
        return "0 s" if seconds == 0 else "<0.1 s" if seconds < 0.05 else f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, large_name, small_name in (
        (86400, 3600, "d", "h"),
        (3600, 60, "h", "min"),
        (60, 1, "min", "s"),
    ):
        if whole >= large:
            rest = (whole % large) // small
            return f"{whole // large:,} {large_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


def day(value: date | datetime | None) -> str:
    """Write a day in words that can't be read two ways.

    Examples
    --------
    >>> day(date(2026, 3, 2))
    '2 Mar 2026'
    """
    return MISSING if value is None else f"{value.day} {value:%b %Y}"


def change(value: float | None, unit: str) -> str:
    """Write a change: relative in per cent, or for a share in percentage points.

    Parameters
    ----------
    value
        Relative change (0.1 = 10 % more), or for a share the difference of the two shares.
    unit
        ``"share"`` for percentage points, anything else for per cent.

    Examples
    --------
    >>> change(-0.064, "count"), change(0.012, "share")
    ('−6.4%', '+1.2 pp')
    """
    if value is None or math.isnan(value):
        return MISSING
    sign = "+" if value > 0 else ""
    if unit == "share":
        return _signed(f"{sign}{100 * value:.1f} pp")
    digits = 0 if abs(value) >= 0.995 else 1
    return _signed(f"{sign}{100 * value:,.{digits}f}%")


_WRITERS = {"count": count, "money": compact, "seconds": duration, "share": share}


def value_text(value: float | None, unit: str) -> str:
    """Write a value in its unit: ``count``, ``money``, ``seconds`` or ``share``.

    Examples
    --------
    >>> value_text(0.5, "share"), value_text(90, "seconds")
    ('50.0%', '1 min 30 s')
    """
    return _WRITERS[unit](value)
