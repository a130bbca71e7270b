"""Waits: where customers wait, how long things take, and what is lost in hand-overs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import clustered_share
from safar._typing import Array, Duration, DurationUnit, Integers
from safar.analyses._cells import CellsResult
from safar.analyses._cutting import DURATION_UNITS
from safar.analyses._histograms import quantiles
from safar.analyses._kpi_series import day_of
from safar.analyses._parts import Rows, merged, time_columns
from safar.analyses._spec import Column, Spec, observed, segments
from safar.design import of_map, steps_of, ways_into
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Digits, Length, Listed, Said, paragraph, so_many
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Waits", "WaitsResult", "waits"]

_MOST_PAIRS = 1_000_000
_SHARES = frozenset({"share", "share_low", "share_high"})
_DAY_US = 86_400_000_000
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class WaitsResult(CellsResult):
    """Where the time of customers goes.

    Parameters
    ----------
    table
        One row for each pair of what follows each other, for each segment, the one that takes most time in all first:
        ``segment`` (only with `by`), ``from``, ``to``, ``count`` (times), ``customers``, ``handed_over`` (times with
        another channel after than before; only of a log with channels), ``overlapping`` (times that the next one began
        before the one before had ended; they count with no wait), ``total_seconds``, ``share``, ``share_low``,
        ``share_high`` (of all time, waits and service together, 0 to 1), ``median_seconds``, ``median_seconds_low``,
        ``median_seconds_high``, ``mean_seconds``, ``mean_seconds_low``, ``mean_seconds_high``, ``p90_seconds``, with
        `cost_per_hour` ``cost`` (of all of this time, a total and no estimate, so that it has no interval), and where
        waits have an expected time ``expected_seconds``, ``late`` (waits that took longer, open ones that last longer
        already among them), ``late_open`` (of these, the open ones), ``late_share``, ``late_share_low``,
        ``late_share_high`` (late of ``count`` and ``late_open``, 0 to 1). All intervals are 95 %.
    """

    analysis: ClassVar[str] = "waits"

    _partial: Table

    def channels(self) -> ResultTable:
        """How long do hand-overs from channel to channel take?

        Returns
        -------
        ResultTable
            One row a pair of channels, the same one among them, for each segment: ``from``, ``to`` (null where there is
            no channel), ``count``, ``customers``, ``share``, ``share_low``, ``share_high`` (of what follows ``from``,
            0 to 1, with Wilson's interval, as if all were independent), ``total_seconds`` and the times as of the
            table.
        """
        rows = Rows(self._partial, "channels")
        sort = np.lexsort((-rows.seconds(), rows.segment))
        columns = rows.segment_column(sort)
        for side in ("from", "to"):
            columns[side] = [name or None for name in rows.text(side)[sort].tolist()]
        count = rows.whole("count")
        origins = np.array([f"{at}/{name}" for at, name in zip(rows.segment, rows.text("from"), strict=True)])
        _, origin = np.unique(origins, return_inverse=True)
        total = np.bincount(origin, weights=count).astype(np.int64)[origin] if len(count) else count
        columns |= {"count": count[sort], "customers": rows.whole("customers")[sort]}
        columns |= share_columns("share", count[sort], total[sort])
        columns |= {"total_seconds": rows.seconds()[sort], **rows.times(sort)}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=_SHARES)

    def service(self) -> ResultTable:
        """How long does it take what happens, and how much of all time is that?

        Returns
        -------
        ResultTable
            One row for each value, for each segment: ``touchpoint`` (or as `of` is called), ``count``, ``customers``,
            ``total_seconds``, ``share``, ``share_low``, ``share_high`` (of all time, 0 to 1) and the times as of the
            table. Without `duration` there is none: a time stamp alone says nothing of how long something took.
        """
        rows = Rows(self._partial, "service")
        sort = np.lexsort((-rows.seconds(), rows.segment))
        columns = rows.segment_column(sort)
        columns |= {
            self._question.of: rows.text("from")[sort],
            "count": rows.whole("count")[sort],
            "customers": rows.whole("customers")[sort],
            "total_seconds": rows.seconds()[sort],
            **_share_columns("share", rows, self._partial, sort),
            **rows.times(sort),
        }
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=_SHARES)

    def until_next(self) -> ResultTable:
        """After what do customers wait longest, those who still wait among them?

        Returns
        -------
        ResultTable
            One row for each value, for each segment: ``from``, ``count`` (times that something followed), ``open``
            (that may still be followed within `gap`), ``pauses`` (followed after more than `gap`), ``silent`` (followed
            by nothing for more than `gap`), ``median_seconds`` (that half of the waits are over by, by the estimate of
            Kaplan and Meier, in which open ones count as long as they have lasted, and pauses and silence as longer
            than `gap`; null where fewer than half are over by then).
        """
        parts = {part: Rows(self._partial, part) for part in ("pair", "open", "pause", "silent")}
        known = sorted({owner for rows in parts.values() for owner in _owners(rows)})
        place = {key: number for number, key in enumerate(known)}
        counts = {part: np.zeros(len(known), dtype=np.int64) for part in parts}
        waited: list[list[Integers]] = [[] for _ in known]
        waiting: list[list[Integers]] = [[] for _ in known]
        for part, rows in parts.items():
            histograms = rows.histograms()
            for number, (key, times) in enumerate(zip(_owners(rows), rows.whole("count"), strict=True)):
                counts[part][place[key]] += times
                (waited if part == "pair" else waiting)[place[key]].append(histograms[number])
        empty = np.zeros(0, dtype=np.int64)
        median = np.array(
            [
                _kaplan_meier(
                    merged(np.concatenate([empty, *over])), merged(np.concatenate([empty, *not_over]))
                )
                for over, not_over in zip(waited, waiting, strict=True)
            ],
            dtype=np.float64,
        )
        columns: dict[str, object] = {}
        if parts["pair"].has_segment:
            columns["segment"] = [parts["pair"].segments[at] for at, _ in known]
        columns |= {
            "from": [name for _, name in known],
            "count": counts["pair"],
            "open": counts["open"],
            "pauses": counts["pause"],
            "silent": counts["silent"],
            "median_seconds": _table.nullable(median),
        }
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def efficiency(self) -> ResultTable:
        """How much of the time is service, and how much is waiting?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``service_seconds``, ``wait_seconds``, ``total_seconds`` (their sum) and
            ``flow_efficiency``, ``flow_efficiency_low``, ``flow_efficiency_high`` (service of all time, 0 to 1; null
            without `duration`).
        """
        every, served = Rows(self._partial, "all"), Rows(self._partial, "served")
        many = max(len(every.segments), 1)
        sums = {name: np.zeros(many) for name in ("service_seconds", "wait_seconds", "total_seconds")}
        np.add.at(sums["total_seconds"], every.segment, every.seconds())
        np.add.at(sums["service_seconds"], served.segment, served.seconds())
        sums["wait_seconds"] = sums["total_seconds"] - sums["service_seconds"]
        columns: dict[str, object] = {"segment": every.segments} if every.has_segment else {}
        columns |= sums
        efficiency = {f"flow_efficiency{end}": np.full(many, np.nan) for end in ("", "_low", "_high")}
        if self._question.duration is not None:
            for name, values in _shares("flow_efficiency", served, self._partial).items():
                efficiency[name][served.segment] = values
        columns |= {name: _table.nullable(values) for name, values in efficiency.items()}
        shares = frozenset(efficiency)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    @property
    def _question(self) -> Waits:
        question = Spec.from_json(self.spec)
        assert isinstance(question, Waits)
        return question


@dataclass(frozen=True, slots=True)
class Waits(Spec[WaitsResult]):
    """The question of `EventLog.waits`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Waits("event", same="ticket_id", gap="4w").gap
    '28d'
    """

    analysis: ClassVar[str] = "waits"

    of: str = "touchpoint"
    _: KW_ONLY
    same: str | None = None
    gap: Duration | None = "30d"
    duration: str | None = None
    duration_unit: DurationUnit = "s"
    hours: Sequence[str] | None = None
    weekend: str | int | Sequence[str | int] = ()
    holidays: Sequence[str | dt.date] = ()
    expected: Mapping[str | tuple[str, str], Duration] | Sequence[Sequence[Any]] | None = None
    cost_per_hour: float | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        _args.text(self.of, "of")
        for name in ("same", "duration", "by"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)
        if self.gap is not None:
            object.__setattr__(self, "gap", _args.duration(self.gap, "gap"))
        _args.choice(self.duration_unit, "duration_unit", DurationUnit)
        object.__setattr__(self, "weekend", _args.weekdays(self.weekend, "weekend"))
        object.__setattr__(self, "holidays", _holidays(self.holidays))
        if self.hours is not None:
            object.__setattr__(self, "hours", _hours(self.hours))
        elif self.weekend or self.holidays:
            raise ArgumentError(
                "weekend= and holidays= are days without working hours, and hours= is not given; "
                'write hours=("09:00", "17:00") as well'
            )
        if self.expected is not None:
            object.__setattr__(self, "expected", _expected(self.expected, self.gap))
        if self.cost_per_hour is not None:
            object.__setattr__(self, "cost_per_hour", _args.cost(self.cost_per_hour, "cost_per_hour"))

    @property
    def _days_off(self) -> list[int]:
        """The days without working hours, from 0 for Monday."""
        return list(_args.weekdays(self.weekend, "weekend"))

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        if self.of != "event" and self.of not in log.columns:
            way_out = (
                "read the log through a journey map first, log.with_map(safar.JourneyMap.load(...)), or name another "
                'column, such as of="event"'
                if self.of == "touchpoint"
                else f"available: {_args.listing(['event', *log.columns])}"
            )
            near = _args.suggestion(self.of, ["event", *log.columns])
            raise ArgumentError(f'of="{self.of}" is not a column of this log{near}; {way_out}')
        named = [name for name in (self.same, self.duration) if name is not None]
        _args.known_columns_of_log(named, log.columns, "waits")
        _args.known_segment(self.by, log.columns, log.roles)
        params: dict[str, object] = {
            "of": self.of,
            "same": self.same,
            "gap_us": None if self.gap is None else _args.microseconds(self.gap),
            "duration": None,
            "hours": None,
            "expected": [
                {"from": before, "to": to, "us": expected}
                for (before, to), expected in self._expected_us(log).items()
            ],
            "max_pairs": _MOST_PAIRS,
        }
        if self.duration is not None:
            params["duration"] = {"column": self.duration, "unit_us": DURATION_UNITS[self.duration_unit]}
        if self.hours is not None:
            open_us, close_us = (_clock_us(text) for text in self.hours)
            days = np.array(self.holidays, dtype="datetime64[D]").astype(np.int64)
            params["hours"] = {
                "open_us": open_us,
                "close_us": close_us,
                "weekend": self._days_off,
                "holidays": days.tolist(),
            }
        return {"params": params, "by": self.by, "at": "first"}

    def _expected_us(self, log: Log) -> dict[tuple[str | None, str], int]:
        """How long waits should take at most, by what is before and after; None stands for whatever is before."""
        if self.expected is not None:
            return {(before, to): _args.microseconds(time) for before, to, time in self._given}
        # The times of a map are those of the clock on the wall, and not working hours.
        if self.of != "touchpoint" or self.hours is not None or log.map is None:
            return {}
        longest: dict[str, int] = {}
        design = of_map(log.map.designed)
        for step in steps_of(design):
            if step.column == "touchpoint" and step.within is not None:
                label = str(step.step)
                longest[label] = max(longest.get(label, 0), _args.microseconds(step.within))
        most = None if self.gap is None else _args.microseconds(self.gap)
        known = {label: time for label, time in longest.items() if most is None or time < most}
        found: dict[tuple[str | None, str], int] = {(None, label): time for label, time in known.items()}
        named = {step.step for step in steps_of(design) if step.column == "touchpoint"}
        for before, step in ways_into(design):
            if step.column != "touchpoint" or step.step not in known:
                continue
            # A stage as a step is any of its touchpoints that is no step itself.
            labels = (
                [before.step]
                if before.column == "touchpoint"
                else [
                    each.id
                    for each in log.map.touchpoints
                    if each.stage == before.step and each.id not in named
                ]
            )
            found |= {(label, step.step): known[step.step] for label in labels if label != step.step}
        return found

    @property
    def _given(self) -> tuple[tuple[str | None, str, str], ...]:
        """The expected times as they were given."""
        return () if self.expected is None else _expected(self.expected, self.gap)

    def _check_expected(self, partial: Table, log: Log) -> None:
        """Refuse expected times of what nothing in the log is."""
        parts = [Rows(partial, part).text("from").tolist() for part in ("pair", "open", "pause", "silent")]
        known = sorted({name for names in parts for name in names})
        mapped = (
            [] if log.map is None or self.of != "touchpoint" else [each.id for each in log.map.touchpoints]
        )
        for before, to, _ in self._given:
            for name in (before, to):
                if name is not None and name not in known and name not in mapped:
                    raise ArgumentError(
                        f'expected "{name}" is no value of "{self.of}" in this log{_args.suggestion(name, known)} '
                        f"(available: {_args.listing(known)})"
                    )

    def _late_columns(self, rows: Rows, sort: Integers, log: Log) -> dict[str, object]:
        """Which waits took longer than expected, where anything is expected."""
        expected = self._expected_us(log)
        if not expected:
            return {}

        def limit(before: str, to: str) -> float:
            general = expected.get((None, to)) if before != to else None
            found = expected.get((before, to), general)
            return np.nan if found is None else found / 1e6

        pairs = zip(rows.text("from")[sort].tolist(), rows.text("to")[sort].tolist(), strict=True)
        seconds = np.array([limit(before, to) for before, to in pairs], dtype=np.float64)
        unknown = np.isnan(seconds)
        late_open = rows.whole("late_open")[sort]
        late = rows.whole("late")[sort] + late_open
        whole = np.where(unknown, 0, rows.whole("count")[sort] + late_open)
        return {
            "expected_seconds": _table.nullable(seconds),
            "late": _table.nullable(late, unknown),
            "late_open": _table.nullable(late_open, unknown),
            **share_columns("late_share", late, whole),
        }

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        kept = rows["part"][0] == "pair"
        cell = ("segment", "customer", "from", "to", "count")
        found: dict[str, Column] = {
            name: (rows[name][0][kept], None if (gone := rows[name][1]) is None else gone[kept])
            for name in cell
            if name in rows
        }
        if self._expected_us(log):
            late, late_open = (rows[name][0][kept] for name in ("late", "late_open"))
            found |= {"late": (late + late_open, None), "late_open": (late_open, None)}
        return found

    def finish(self, partial: Table, log: Log) -> WaitsResult:
        """Shares of the time and medians from the sums of each pair."""
        self._check_expected(partial, log)
        rows = Rows(partial, "pair")
        histograms = rows.histograms()
        sort = np.lexsort(
            (rows.text("to").astype(str), rows.text("from").astype(str), -rows.seconds(), rows.segment)
        )
        columns = rows.segment_column(sort)
        columns |= {"from": rows.text("from")[sort], "to": rows.text("to")[sort]}
        columns |= {"count": rows.whole("count")[sort], "customers": rows.whole("customers")[sort]}
        if "channel" in log.columns:
            columns["handed_over"] = rows.whole("handed_over")[sort]
        if self.duration is not None:
            columns["overlapping"] = rows.whole("overlapping")[sort]
        seconds = rows.seconds()[sort]
        columns |= {"total_seconds": seconds, **_share_columns("share", rows, partial, sort)}
        ordered = [histograms[row] for row in sort]
        columns |= time_columns(ordered, rows.whole("count")[sort], seconds, rows.square_seconds()[sort])
        columns["p90_seconds"] = _table.nullable(quantiles([90], ordered)[0] / 1e6)
        if self.cost_per_hour is not None:
            columns["cost"] = seconds / 3_600 * self.cost_per_hour
        columns |= self._late_columns(rows, sort, log)
        return WaitsResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            partial,
            shares=_SHARES | {"late_share", "late_share_low", "late_share_high"},
        )

    def _definition(self, log: Log) -> Said:
        if self.duration is None:
            text = "the time between two of them runs from one to the next, because nothing says how long they last"
            ends = Said(text)
        else:
            text = 'a wait runs from the end of one, as "{column}" says, to the beginning of the next'
            ends = Said(text, column=self.duration)
        followed = 'The events of a customer with a value of "{of}" in a row: {ends}.'
        if self.same is not None:
            followed = 'The events of a customer of one "{same}" with a value of "{of}" in a row: {ends}.'
        pause = "Longer than {gap} is a pause and counts apart."
        return paragraph(
            Said(followed, of=self.of, same=self.same, ends=ends),
            None if self.gap is None else Said(pause, gap=Length(self.gap)),
            self._working(log),
            Said(
                "share is the part of all time, waits and service together, with a Wilson interval at the effective "
                "number of customers; the interval of a median is that of order statistics, that of a mean Student's "
                "t, as if waits were independent."
            ),
            self._late(log),
            Said("The data end at {end}.", end=observed(log)),
            segments(self.by, Said("at the first event of the customer")),
        )

    def _working(self, log: Log) -> Said | None:
        """Which hours count, for the definition."""
        if self.hours is None:
            return None
        places: dict[str, object] = {
            "first": Digits(self.hours[0]),
            "last": Digits(self.hours[1]),
            "timezone": log.timezone,
        }
        free = [Said(_WEEKDAYS[day]) for day in self._days_off]
        if self.holidays:
            free.append(so_many(len(self.holidays), "1 holiday", "{number} holidays"))
        if not free:
            return Said("Only time from {first} to {last} counts, in {timezone}.", **places)
        return Said(
            "Only time from {first} to {last} counts, without {free}, in {timezone}.",
            free=Listed(free, last="and"),
            **places,
        )

    def _late(self, log: Log) -> Said | None:
        """When a wait is late, for the definition."""
        if not self._expected_us(log):
            return None
        return Said(
            "A wait is late if it took longer than expected, {source}; so is one that is open and lasts longer "
            "already, where what comes next is known beforehand; other open waits, pauses and silence are in no share "
            "of late ones. These have Wilson intervals.",
            source=(
                Said("as given")
                if log.map is None or self.expected is not None
                else Said("as {file} says", file=log.map.file)
            ),
        )


def _owners(rows: Rows) -> list[tuple[int, str]]:
    return list(zip(rows.segment.tolist(), rows.text("from").tolist(), strict=True))


def _shares(name: str, rows: Rows, partial: Table) -> dict[str, Array]:
    """The part that the time of each row is of all time of its segment, with its interval over customers."""
    every = Rows(partial, "all")
    # At most one row a segment; no time at all has no row.
    place = np.full(max(len(every.segments), 1), -1)
    place[every.segment] = np.arange(len(every.segment))
    at = place[rows.segment]

    def whole(values: Array) -> Array:
        return np.asarray(np.append(values, 0)[at])

    seconds = whole(every.seconds())
    share = np.divide(rows.seconds(), seconds, out=np.full(len(seconds), np.nan), where=seconds > 0)
    low, high = clustered_share(
        rows.seconds(),
        seconds,
        part_squares=rows.number("customer_squares") / 1e12,
        products=rows.number("customer_products") / 1e12,
        whole_squares=whole(every.number("customer_squares")) / 1e12,
        clusters=whole(every.whole("customers")),
        units=whole(every.whole("count")),
    )
    return {name: share, f"{name}_low": low, f"{name}_high": high}


def _share_columns(name: str, rows: Rows, partial: Table, sort: Integers) -> dict[str, object]:
    return {column: _table.nullable(values[sort]) for column, values in _shares(name, rows, partial).items()}


def _kaplan_meier(over: Integers, still: Integers) -> float:
    """The time by which half of the waits are over, in seconds; those not over count as long as they have lasted."""
    buckets = np.union1d(over[::2], still[::2])
    ended, censored = (np.zeros(len(buckets), dtype=np.int64) for _ in range(2))
    ended[np.searchsorted(buckets, over[::2])] = over[1::2]
    censored[np.searchsorted(buckets, still[::2])] = still[1::2]
    # What ends and what is cut off within one bucket: the ends come first.
    leaving = ended + censored
    at_risk = leaving[::-1].cumsum()[::-1]
    survival = np.cumprod(1 - ended / np.maximum(at_risk, 1))
    reached = np.flatnonzero(survival <= 0.5 + 1e-12)
    if not len(reached):
        return float("nan")
    bucket = int(buckets[reached[0]])
    octave = max((bucket >> 7) - 1, 0)
    low, width = (bucket - (octave << 7)) << octave, 1 << octave
    return (low + (width / 2 if width > 1 else 0)) / 1e6


def _expected(value: Any, gap: Duration | None) -> tuple[tuple[str | None, str, str], ...]:
    """Expected times as what is before (None for anything), what is after and the time."""
    wrong = ArgumentTypeError(
        f"expected={value!r}; expected a mapping of what comes next, or of pairs, to durations, such as "
        '{"answer": "2h"} or {("question", "answer"): "2h"}'
    )
    if isinstance(value, Mapping):
        value = [
            (None, key, time) if isinstance(key, str) else (*key, time) if isinstance(key, tuple) else ()
            for key, time in value.items()
        ]
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise wrong
    found = []
    for each in value:
        if not isinstance(each, list | tuple) or len(each) != 3:
            raise wrong
        before, to, time = each
        name = f'expected of "{to}"'
        if before is not None:
            _args.text(before, "expected")
        length = _args.duration(time, name)
        if gap is not None and _args.microseconds(length) >= _args.microseconds(gap):
            raise ArgumentError(
                f"{name} is {length}, and a time longer than gap={gap!r} is no wait but a pause, so none could be "
                "late; give a longer gap, or gap=None"
            )
        found.append((before, _args.text(to, "expected"), length))
    return tuple(found)


def _hours(value: object) -> tuple[str, str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise ArgumentTypeError(f'hours={value!r}; expected two times of day such as ("09:00", "17:00")')
    first, last = (_clock(each) for each in value)
    if _clock_us(first) >= _clock_us(last):
        raise ArgumentError(f"hours={value!r} end before they begin; expected two times of one day")
    return first, last


def _clock(value: object) -> str:
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > 24 * 60:
        raise ArgumentError(f'hours holds {value!r}, which is no time of day; expected text such as "09:00"')
    return f"{int(found[1]):02d}:{found[2]}"


def _clock_us(text: str) -> int:
    hour, minute = text.split(":")
    return (int(hour) * 60 + int(minute)) * 60_000_000


def _holidays(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ArgumentTypeError(f'holidays={value!r}; expected a list of dates, such as ["2026-03-21"]')
    return tuple(sorted({day_of(day, "holidays holds a value that").isoformat() for day in value}))


def waits(
    log: Log,
    of: str = "touchpoint",
    *,
    same: str | None = None,
    gap: Duration | None = "30d",
    duration: str | None = None,
    duration_unit: DurationUnit = "s",
    hours: Sequence[str] | None = None,
    weekend: str | int | Sequence[str | int] = (),
    holidays: Sequence[str | dt.date] = (),
    expected: Mapping[str | tuple[str, str], Duration] | None = None,
    cost_per_hour: float | None = None,
    by: str | None = None,
) -> WaitsResult:
    """Where do customers wait, how long does it take, and what does it cost?

    Parameters
    ----------
    of
        The column that says where a customer is: ``"touchpoint"`` (default, which `EventLog.with_map` adds),
        ``"event"``, ``"stage"`` or another one. Events without a value are passed over.
    same
        A column whose values are followed each for itself, such as ``"ticket_id"``: then waits are those from one event
        of a ticket to its next, whatever else the customer does. By default all events of a customer are one row.
    gap
        A longer time between two events is a pause between journeys and no wait; 30 days by default, None for none.
    duration
        A column that says how long an event lasts, such as a call: numbers in `duration_unit`, or spans of time. Waits
        run from its end then, and service times are counted; without it only the time between events is known.
    duration_unit
        ``"s"`` (default), ``"m"``, ``"h"``, ``"d"``, ``"ms"`` or ``"us"``.
    hours
        Only these working hours of the zone of the log count, such as ``("09:00", "17:00")``; by default all time.
    weekend
        Days without working hours, such as ``["thursday", "friday"]``, or numbers from 0 (Monday) to 6 (Sunday).
    holidays
        Further dates without working hours, such as those of `safar.calendar.holidays`.
    expected
        How long a wait should take at most, for the columns of late ones: ``{("question", "answer"): "2h"}`` for one
        pair, ``{"answer": "2h"}`` for all waits that end with an answer (but from one answer to the next), measured as
        all waits here, with `hours` in working time. By default the times (``within``) of the designed journey of the
        map that the log was read through; they are no working hours, so with `hours` there is no default, and neither
        is there for one that is not shorter than `gap`. ``{}`` for none.
    cost_per_hour
        What an hour of waiting costs, for the column ``cost``.
    by
        A column of the log (``"channel"`` or an attribute); each customer belongs to the value at the first event.

    Returns
    -------
    WaitsResult
        One row a pair of what follows each other, the greatest waste first. `WaitsResult.channels` has hand-overs,
        `WaitsResult.service` service times, `WaitsResult.until_next` those who still wait as well, and
        `WaitsResult.efficiency` the share of service.

    Notes
    -----
    A wait that is open and lasts longer than expected already is late as well, but of an open wait it must be known for
    what: it counts for the pairs that `expected` names, and by the map for those whose second step is due right after
    the first one, because it is neither optional nor one of several to choose from. Where two things are expected
    after one, it counts for both. Shorter open waits may still end in time, and pauses and silence are no waits: they
    are not in the denominator. A pair that is only late and open stands in the table with a ``count`` of 0. Late ones
    have Wilson's interval (1927, doi:10.1080/01621459.1927.10502953), as if waits were independent.

    The interval of ``share`` is that of a ratio of sums over customers: Wilson's at the effective number of customers'
    times (Kish, Survey Sampling, 1965; Franco, Little, Louis and Slud 2019, PMC6690503), null where there is one
    customer. Means have Student's (1908, doi:10.2307/2331554).

    Service and waits of a customer add up to the time from the first to the last of the events, as far as no pause and
    no overlap lies between. An event that nothing followed yet is open, in `WaitsResult.until_next`: without such cases
    long waits would vanish (Kaplan and Meier 1958, doi:10.1080/01621459.1958.10501452).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann"],
    ...         "time": ["2026-03-04 16:30", "2026-03-07 09:30", "2026-03-07 10:00"],
    ...         "event": ["ticket", "answer", "closed"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> found = log.waits(
    ...     "event", hours=("09:00", "17:00"), weekend=["thursday", "friday"]
    ... ).to_dict()
    >>> list(zip(found["from"], found["to"], found["total_seconds"]))
    [('ticket', 'answer', 3600.0), ('answer', 'closed', 1800.0)]
    """
    return Waits(
        of,
        same=same,
        gap=gap,
        duration=duration,
        duration_unit=duration_unit,
        hours=hours,
        weekend=weekend,
        holidays=_holidays(holidays),
        expected=expected,
        cost_per_hour=cost_per_hour,
        by=by,
    ).run(log)
