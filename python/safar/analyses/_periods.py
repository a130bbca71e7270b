"""Calendar periods of a log up to where its data end, as several analyses count them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from safar import _args, _core
from safar._typing import Array, At, Calendar, Integers, Period
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Listed, Said

if TYPE_CHECKING:
    from safar._log import Log

_DAY_US = 86_400_000_000
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CALENDAR_PERIODS: dict[Period, Said] = {
    "day": Said("calendar day"),
    "week": Said("calendar week"),
    "month": Said("calendar month"),
}
# Monday by ISO 8601; Saturday is the first day of the week where the Jalali calendar is used.
_WEEK_STARTS = {"gregorian": 0, "jalali": 5}
# Beyond this many cells a table takes gigabytes, and nobody reads it.
_MOST_CELLS = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ObservedPeriods:
    """Consecutive calendar periods, the last one holds `observed_until`.

    Parameters
    ----------
    days
        First local day of each.
    lengths
        Days of each.
    starts, ends
        Bounds in µs UTC; a period does not hold its end.
    complete
        The data cover the whole period: it was over at `observed_until`, and the first event of the log is not later
        than a day after it began.
    """

    days: Array
    lengths: Integers
    starts: Integers
    ends: Integers
    complete: Array

    def __len__(self) -> int:
        return len(self.starts)

    def index(self, days: Array) -> Integers:
        """The period that each of these first days is of."""
        # A day that the zone skipped bears the date of the next one, which is the one that has events.
        return np.searchsorted(self.days, days, side="right") - 1

    def but_last(self) -> ObservedPeriods:
        """All periods but the last one."""
        return ObservedPeriods(
            self.days[:-1], self.lengths[:-1], self.starts[:-1], self.ends[:-1], self.complete[:-1]
        )

    def of(self, time: int) -> int:
        """The number of the period that an instant (µs UTC) is in."""
        return int(np.searchsorted(self.starts, time, side="right")) - 1


def observed_periods(
    log: Log, period: Period, calendar: Calendar, week_start: int | None, first_us: int | None = None
) -> ObservedPeriods:
    """The periods from the one that holds an instant, by default the first event, to where the data end."""
    assert week_start is not None
    begin = log.info["first_us"] if first_us is None else first_us
    beyond = log.observed_until_us + 32 * _DAY_US
    bounds = np.array(
        _core.period_starts(begin, beyond, period, log.timezone, calendar, week_start), dtype=np.int64
    )
    days = np.array(
        [_args.local_datetime(bound, log.timezone).date() for bound in bounds.tolist()], dtype="datetime64[D]"
    )
    begun = int(np.searchsorted(bounds, log.observed_until_us, side="right"))
    starts, ends = bounds[:begun], bounds[1 : begun + 1]
    complete = (ends <= log.observed_until_us) & (log.info["first_us"] - starts < _DAY_US)
    lengths = np.diff(days[: begun + 1]).astype(np.int64)
    return ObservedPeriods(days[:begun], lengths, starts, ends, complete)


class CountsActivity(Protocol):
    """A question about who was there in calendar periods."""

    @property
    def events(self) -> str | Sequence[str] | None:
        """The events that count."""

    @property
    def period(self) -> Period:
        """The kind of period."""

    @property
    def calendar(self) -> Calendar:
        """Whose weeks and months."""

    @property
    def week_start(self) -> int | None:
        """The first day of the week, from 0 for Monday."""

    @property
    def by(self) -> str | None:
        """The column to segment by."""

    @property
    def at(self) -> At:
        """The event that decides the segment."""


def check_activity(spec: CountsActivity) -> None:
    """Check the shared arguments and bring them into their one form."""
    if spec.events is not None:
        object.__setattr__(spec, "events", _args.names(spec.events, "events"))
    _args.choice(spec.period, "period", Period)
    _args.choice(spec.calendar, "calendar", Calendar)
    object.__setattr__(spec, "week_start", checked_week_start(spec.week_start, spec.calendar))
    if spec.by is not None:
        _args.text(spec.by, "by")
    _args.choice(spec.at, "at", At)


def activity_params(spec: CountsActivity, log: Log) -> dict[str, object]:
    """The kernel's parameters, after a check of every name against the log."""
    _args.known_events(spec.events or (), log.events, "events")
    _args.known_segment(spec.by, log.columns, log.roles)
    return {
        "events": spec.events,
        "period": spec.period,
        "calendar": spec.calendar,
        "week_start": spec.week_start,
    }


def checked_week_start(value: object, calendar: Calendar) -> int:
    """The first day of the week, by default that of the calendar."""
    if value is None:
        return _WEEK_STARTS[calendar]
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArgumentTypeError(
            f"week_start={value!r} is a {type(value).__name__}; expected a number from 0 (Monday) to 6 (Sunday)"
        )
    if not 0 <= value <= 6:
        raise ArgumentError(f"week_start={value} is not a weekday; expected 0 (Monday) to 6 (Sunday)")
    return value


def checked_cells(cells: int) -> None:
    """Refuse a table that would take gigabytes."""
    if cells > _MOST_CELLS:
        raise ArgumentError(
            f"the table would have {cells:,} cells, more than the {_MOST_CELLS:,} allowed; choose a longer period or "
            "a column with fewer values for by="
        )


def active_words(events: Sequence[str] | None) -> Said:
    """With which event a customer is active, for a definition."""
    if events is None:
        return Said("any event")
    return Said("a {events} event", events=Listed(list(events), " or "))


def period_words(period: Period, calendar: Calendar, week_start: int | None, timezone: str) -> Said:
    """The kind of period for a definition: ``calendar week (Gregorian calendar, weeks from Monday, UTC)``."""
    assert week_start is not None
    places: dict[str, object] = {
        "period": _CALENDAR_PERIODS[period],
        "calendar": Said("Jalali calendar" if calendar == "jalali" else "Gregorian calendar"),
        "timezone": timezone,
    }
    if period != "week":
        return Said("{period} ({calendar}, {timezone})", **places)
    day = Said(_WEEKDAYS[week_start])
    return Said("{period} ({calendar}, weeks from {day}, {timezone})", day=day, **places)
