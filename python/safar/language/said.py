"""Texts of the library that know what stands in their places, so that they can be said in other languages too."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from safar import _args
from safar._typing import Duration
from safar.language.conventions import CONVENTIONS, Conventions

if TYPE_CHECKING:
    from safar.language.locale import Locale

__all__ = [
    "Digits",
    "Length",
    "Listed",
    "Moment",
    "PeriodLabel",
    "Said",
    "Share",
    "Span",
    "Spoken",
    "paragraph",
    "quoted",
    "so_many",
]

_DAY, _HOUR, _MINUTE, _SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000


class Spoken(str, ABC):
    """A text in English, as any other, that can be said in another language (`Locale.say`)."""

    @abstractmethod
    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""


class Said(Spoken):
    """A text with what stands in its places.

    Parameters
    ----------
    template
        In English, with places such as ``{number}``.
    **values
        What stands there: text of the library (`Spoken`), numbers, or names of the data.

    Examples
    --------
    >>> from safar.language import Locale
    >>> said = Said("{rows}; {bad} rejected", rows=1200, bad=3)
    >>> said, Locale("fa").say(said)
    ('1,200; 3 rejected', '۱٬۲۰۰؛ ۳ ردیف رد شد')
    """

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: object) -> Said:
        """Take the template and what stands in its places."""
        made = super().__new__(
            cls, template.format(**{name: _english(each) for name, each in values.items()})
        )
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Said, self.template, **self.values), ()

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.say(self.template, **{name: _told(each, locale) for name, each in self.values.items()})


class Length(Spoken):
    """A length of time.

    Examples
    --------
    >>> Length("90m")
    '90 minutes'
    """

    given: Duration

    def __new__(cls, given: Duration) -> Length:
        """Take the length as it was given."""
        made = super().__new__(cls, _args.duration_words(given))
        made.given = given
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Length, (self.given,)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.length(self.given)


class Moment(Spoken):
    """An instant to the second, or a day.

    Examples
    --------
    >>> Moment(dt.datetime(2026, 6, 1)), Moment(dt.date(2026, 6, 1))
    ('2026-06-01 00:00:00', '2026-06-01')
    """

    given: dt.date

    def __new__(cls, given: dt.date) -> Moment:
        """Take the instant or the day."""
        form = "%Y-%m-%d %H:%M:%S" if isinstance(given, dt.datetime) else "%Y-%m-%d"
        made = super().__new__(cls, f"{given:{form}}")
        made.given = given
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Moment, (self.given,)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        if isinstance(self.given, dt.datetime):
            return locale.moment(self.given, seconds=True)
        return locale.date(self.given)


class Span(Spoken):
    """A length of time that was measured, in microseconds, in the two largest units that it has.

    Examples
    --------
    >>> Span(183_600_000_000), Span(90_000_000)
    ('2 d 3 h', '1 min 30 s')
    """

    given: int

    def __new__(cls, given: int) -> Span:
        """Take the length; only its size counts."""
        made = super().__new__(cls, _span(given, CONVENTIONS["en"]))
        made.given = given
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Span, (self.given,)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.signs(_span(self.given, CONVENTIONS[locale.language]))


class PeriodLabel(Spoken):
    """The label of a day, week or month of a calendar, such as ``"2026-03"``."""

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.period(str(self))


class Digits(Spoken):
    """Digits as they stand: a number that Python wrote, or a time of day, such as ``"1,234.50"`` and ``"09:30"``."""

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.signs(str(self))


class Share(Spoken):
    """A share between 0 and 1, in per cent.

    Examples
    --------
    >>> Share(0.0625), Share(0.25, 0)
    ('6.2%', '25%')
    """

    given: float
    decimals: int

    def __new__(cls, given: float, decimals: int = 1) -> Share:
        """Take the share, and how many decimals of its per cent are said."""
        made = super().__new__(cls, f"{given:.{decimals}%}")
        made.given, made.decimals = given, decimals
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Share, (self.given, self.decimals)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        return locale.share(self.given, self.decimals)


class Listed(Spoken):
    """Names of the data, or texts of the library, one after the other.

    Parameters
    ----------
    items
        What is listed.
    mark
        What stands between the items.
    last
        The word that stands before the last one instead.

    Examples
    --------
    >>> Listed(["a", "b", "c"], last="and"), Listed(["a", "b"], " → ")
    ('a, b and c', 'a → b')
    """

    items: tuple[str, ...]
    mark: str
    last: str | None

    def __new__(cls, items: Sequence[str], mark: str = ", ", last: str | None = None) -> Listed:
        """Take the items and what stands between them."""
        made = super().__new__(cls, _joined(list(items), mark, last))
        made.items, made.mark, made.last = tuple(items), mark, last
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Listed, (self.items, self.mark, self.last)

    def spoken(self, locale: Locale) -> str:
        """Say it to a reader."""
        items = [str(_told(item, locale)) for item in self.items]
        return _joined(items, locale.say(self.mark), None if self.last is None else locale.say(self.last))


def paragraph(*sentences: str | None) -> Said:
    """Put sentences one after the other; what is None is left out.

    Examples
    --------
    >>> paragraph(Said("One."), None, Said("Two."))
    'One. Two.'
    """
    kept = {f"sentence_{place}": each for place, each in enumerate(sentences) if each}
    return Said(" ".join(f"{{{name}}}" for name in kept), **kept)


def so_many(number: int, one: str, many: str) -> Said:
    """Say a sentence about so many of something, which has another form for one.

    Examples
    --------
    >>> so_many(1, "1 row is bad.", "{number} rows are bad.")
    '1 row is bad.'
    """
    return Said(one if number == 1 else many, number=number)


def quoted(names: Iterable[str], last: str | None = None) -> Listed:
    """List names of the data in quotation marks.

    Examples
    --------
    >>> quoted(["a", "b", "c"], "and")
    '"a", "b" and "c"'
    """
    return Listed([Said('"{event}"', event=name) for name in names], last=last)


def _span(microseconds: int, words: Conventions) -> str:
    left = abs(microseconds)
    parts = []
    for name, length in zip(words.lengths, (_DAY, _HOUR, _MINUTE), strict=False):
        if left >= length:
            parts.append(f"{left // length} {name}")
            left %= length
    if left or not parts:
        seconds = f"{float(f'{left / _SECOND:.3g}'):.6f}".rstrip("0").rstrip(".")
        parts.append(f"{seconds} {words.lengths[3]}")
    return words.joined.join(parts[:2])


def _joined(items: list[str], mark: str, last: str | None) -> str:
    if last is None or len(items) < 2:
        return mark.join(items)
    return f"{mark.join(items[:-1])} {last} {items[-1]}"


def _english(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _told(value: object, locale: Locale) -> str:
    """What stands in a place, to a reader."""
    if isinstance(value, Spoken):
        return value.spoken(locale)
    if isinstance(value, int):
        return locale.count(value)
    return locale.number(value, 2) if isinstance(value, float) else locale.name(value)
