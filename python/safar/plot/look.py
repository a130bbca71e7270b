"""How a chart is written and coloured: the language of its reader, the direction of reading, light or dark paper."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import bidirectional

from safar import _args
from safar._palette import PALETTES, Palette, Theme
from safar._typing import Calendar, Language, Period
from safar.calendar import period_label
from safar.language import ENGLISH, Locale
from safar.language.naming import names_of

if TYPE_CHECKING:
    import altair as alt

    from safar.result import ResultTable

__all__ = ["Look", "look_of"]

# Isolates: text that is laid out from right to left, text by its own first letter, and their end.
_RIGHT, _OWN, _END = "\u2067", "\u2068", "\u2069"
_LETTERS = frozenset({"L", "R", "AL"})
_RIGHT_LETTERS = frozenset({"R", "AL"})
_QUIET = frozenset({"R", "AL", "NSM", "BN", "WS"})
# Days from which on a period is named by the month that it begins in.
_MONTH = 28


@dataclass(frozen=True, slots=True)
class Look:
    """How a chart is written and coloured.

    Parameters
    ----------
    locale
        How its reader is written to.
    colours
        Its colours.

    Examples
    --------
    >>> Look(Locale("fa")).say("Customers"), Look(Locale("fa")).side
    ('مشتریان', 'right')
    """

    locale: Locale = ENGLISH
    colours: Palette = field(default_factory=lambda: PALETTES["light"])

    @property
    def rtl(self) -> bool:
        """Whether it is read from right to left."""
        return self.locale.direction == "rtl"

    @property
    def side(self) -> Literal["left", "right"]:
        """Where reading begins."""
        return "right" if self.rtl else "left"

    def onwards(self, pixels: float) -> float:
        """A distance in the direction of reading."""
        return -pixels if self.rtl else pixels

    # --------------------------------------------------------------------------------------------------- words

    def say(self, text: str, /, **values: object) -> str:
        """Say an English text in the language; values are already written.

        Examples
        --------
        >>> Look().say("{number} rows", number=3)
        '3 rows'
        """
        return self.laid_out(self.locale.say(text, **values))

    def laid_out(self, text: str) -> str:
        """Mark a sentence that pictures would lay out from the wrong side.

        Vega draws every text from left to right, whatever its first letter.
        """
        return f"{_RIGHT}{text}{_END}" if self.rtl and not _is_quiet(text) else text

    def lines(self, text: str, letters: int) -> list[str]:
        """Break a text into lines of so many letters at most.

        Pictures lay out the lines of a text together, so that all of them are marked or none.

        Examples
        --------
        >>> Look().lines("one two three", 8)
        ['one two', 'three']
        """
        return [f"{_RIGHT}{line}{_END}" if self.rtl else line for line in wrap(text, letters)]

    def heading(self, given: str | None, text: str, /, **values: object) -> str:
        """The heading of a chart: what was given, or else the text in the language."""
        return self.say(text, **values) if given is None else self.laid_out(given)

    def name(self, name: object) -> str:
        """Write a name of the data as it is called in the language, for a place of its own.

        Examples
        --------
        >>> Look(Locale("fa")).name("(end)").strip("\u2068\u2069"), Look().name(None)
        ('(پایان)', '(missing)')
        """
        text = self.locale.label(name)
        mixed = any(bidirectional(letter) in _RIGHT_LETTERS for letter in text) and not _is_quiet(text)
        return f"{_OWN}{text}{_END}" if mixed else text

    def path(self, names: Iterable[object]) -> str:
        """Write names one after the other, in the direction of reading.

        Examples
        --------
        >>> Look().path(["view", "buy"])
        'view › buy'
        """
        # A sign that turns with the direction, and that the typeface has, unlike arrows.
        return self.laid_out(" › ".join(self.locale.name(name) for name in names))

    def joined(self, names: Iterable[str]) -> str:
        """Write names that say one thing together."""
        return self.laid_out(" · ".join(names))

    def span(self, label: str) -> str:
        """Write a number, or two with all between them.

        Examples
        --------
        >>> Look().span("2-7"), Look(Locale("fa")).span("2-7").strip("\u2067\u2069")
        ('2-7', '۲ تا ۷')
        """
        if self.locale.language == "en":
            return label
        first, *last = (self.locale.signs(number) for number in label.split("-"))
        return self.say("{first} to {last}", first=first, last=last[0]) if last else first

    def yes(self, value: object) -> str:
        """Write whether something holds."""
        return self.say("yes" if value else "no")

    def period(self, day: dt.date, period: Period, calendar: Calendar) -> str:
        """Write a period of a calendar by its first day.

        Examples
        --------
        >>> day = dt.date(2026, 3, 21)
        >>> Look().period(day, "month", "jalali"), Look(Locale("fa")).period(day, "day", "jalali")
        ('1405-01', '۱۴۰۵/۰۱/۰۱')
        """
        if self.locale.language == "en":
            return period_label(day, period=period, calendar=calendar)
        own = replace(self.locale, shown_calendar=calendar)
        return self.laid_out(own.month(day)) if period == "month" else own.date(day)

    # ------------------------------------------------------------------------------------------ parts of charts

    def across(self, names: Iterable[str]) -> list[str]:
        """Names from left to right, so that the first stands where reading begins."""
        order = list(dict.fromkeys(names))
        return order[::-1] if self.rtl else order

    def tooltip(self, column: str, title: str, form: str | None = None, /, **values: object) -> alt.Tooltip:
        """One line of a tooltip.

        Parameters
        ----------
        column
            The column.
        title
            What it is called, in English.
        form
            How its numbers are written; by default it is text.
        **values
            What stands in the places of `title`.
        """
        import altair as alt

        said = self.say(title, **values)
        if form is None:
            return alt.Tooltip(f"{column}:N", title=said)
        return alt.Tooltip(f"{column}:Q", title=said, format=form)

    def interval(self, column: str = "", form: str = ".1%") -> list[alt.Tooltip]:
        """The bounds of the 95 % interval in a tooltip, from ``<column>_low`` and ``<column>_high``."""
        name = f"{column}_" if column else ""
        return [
            self.tooltip(f"{name}low", "95% interval from", form),
            self.tooltip(f"{name}high", "95% interval to", form),
        ]

    def amounts(self) -> dict[str, Any]:
        """Options of an axis of amounts, large ones shortened."""
        if self.locale.language == "en":
            return {"format": "~s"}
        # The letters of SI prefixes are Latin in every language of the library that draws.
        text = "format(datum.value, ',.4~f')"
        for least, unit, word in reversed(self.locale.large):
            shown = f"format(datum.value / {unit:.0f}, ',.4~f') + {json.dumps(word, ensure_ascii=False)}"
            text = f"abs(datum.value) >= {least:.0f} ? {shown} : {text}"
        return {"labelExpr": text}

    def days_across(self, days: Sequence[dt.date], *, labels: int = 7) -> dict[str, Any]:
        """Where an axis of time has its labels, and what these say in the calendar of the reader.

        Parameters
        ----------
        days
            First days of the periods.
        labels
            How many at most.
        """
        known = sorted(set(days))
        every = max(1, -(-len(known) // labels))
        shown = known[::every]
        months = len(known) > 1 and all((after - day).days >= _MONTH for day, after in pairwise(known))
        one_year = len({self.locale.year(day) for day in known}) <= 1
        write = self.locale.month if months else self.locale.short_day if one_year else self.locale.day
        texts = [self.laid_out(write(day)) for day in shown]
        instants = [_instant(day) for day in shown]
        look_up = f"{json.dumps(texts, ensure_ascii=False)}[indexof({instants}, time(datum.value))]"
        return {"values": instants, "labelExpr": look_up}


def look_of(
    language: Language, theme: Theme, result: ResultTable | None = None, *, of_events: bool = False
) -> Look:
    """The look of a chart; names are those of the map that the result's log was read through.

    Parameters
    ----------
    language
        ``"en"`` or ``"fa"``.
    theme
        ``"light"`` or ``"dark"``.
    result
        What is drawn.
    of_events
        Whether it names events. An event may be called as a touchpoint is, or a stage, which is more than this event;
        so it keeps its name, unless the events of the log are touchpoints or stages (`EventLog.named_by`).
    """
    _args.choice(theme, "theme", Theme)
    log = getattr(result, "_source", None)
    journey_map = getattr(result, "journey_map", None) if log is None else log.map
    names = {} if journey_map is None else names_of(journey_map, language)
    if of_events and log is not None and journey_map is not None:
        parts = [{part.id for part in kind} for kind in (journey_map.touchpoints, journey_map.stages)]
        if not any(set(log.events) <= ids for ids in parts):
            names = {name: called for name, called in names.items() if name not in log.events}
    # Results about a table of KPIs or of scores have no log of their own; they keep the names instead.
    names = {**getattr(result, "called", {}).get(language, {}), **names}
    return Look(Locale(language, names=names), PALETTES[theme])


def _is_quiet(text: str) -> bool:
    """Whether nothing in a text is laid out differently from left to right and from right to left."""
    kinds = {bidirectional(letter) for letter in text}
    return kinds <= _QUIET or not (kinds & _LETTERS or "WS" in kinds)


def _instant(day: dt.date) -> int:
    """Milliseconds since 1970 of a day's beginning, UTC, as Vega reads a date without a time."""
    return (day - dt.date(1970, 1, 1)).days * 86_400_000
