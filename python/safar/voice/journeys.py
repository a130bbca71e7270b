"""Answers with the journey before them: what the customer had touched, and when."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from safar import _args, _core
from safar._core import Table
from safar._typing import Array, Calendar, Duration, Floats, Integers, Period, ScoreAt
from safar.calendar import period_label
from safar.errors import ArgumentError, UnknownColumnError
from safar.language import Length, Said, quoted, so_many
from safar.voice.scales import Scale
from safar.voice.surveys import Answers, Surveys, lookback_us, refuse_nested, values_of

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = [
    "PERIOD",
    "Cut",
    "Journeyed",
    "codes_of",
    "distinct",
    "is_log",
    "journeyed",
    "known_columns",
    "missing_last",
    "scored",
    "surveys_of",
]

# The column of the answers, and that of their periods.
SCORE, PERIOD = "score", "period"
# The first day of the week, by ISO 8601 and where the Jalali calendar is used.
_WEEK_STARTS = {"gregorian": 0, "jalali": 5}


@dataclass(frozen=True, slots=True)
class Cut:
    """How answers beside a log find the segments that they are split by."""

    at: ScoreAt = "last"
    lookback: Duration = "30d"
    period: Period | None = None
    calendar: Calendar = "gregorian"
    week_start: int | None = None

    def refuse(self) -> None:
        """Refuse whatever is only for a log."""
        usual = Cut()
        given = [name for name in self.__slots__ if getattr(self, name) != getattr(usual, name)]
        if given:
            raise ArgumentError(
                f"{given[0]}= is for a log with scores, because a frame has no journeys; give "
                "log.with_scores(surveys, …) instead of the frame"
            )


def is_log(surveys: object) -> TypeGuard[Log]:
    """Whether these are events of customers, not a frame of surveys."""
    from safar._log import Log

    return isinstance(surveys, Log)


@dataclass(frozen=True, slots=True, eq=False)
class Journeyed:
    """Rows of surveys with what the customer had been through; several of a row that counts in several segments."""

    # Numbers of the rows in what was given, rising.
    row: Integers
    kind: Integers
    score: Floats
    # µs UTC; without meaning where there is none.
    time: Integers
    has_time: Array
    # The place of the customer in the log, -1 where it has none.
    customer: Integers
    # Codes and texts of each column of segments.
    columns: dict[str, tuple[Integers, list[str | None]]]

    @classmethod
    def together(cls, parts: Sequence[Journeyed]) -> Journeyed:
        """The rows of parts that share none."""
        if len(parts) == 1:
            return parts[0]
        row = np.concatenate([part.row for part in parts])
        order = np.argsort(row, kind="stable")

        def whole(name: str) -> Any:
            return np.concatenate([getattr(part, name) for part in parts])[order]

        columns = {}
        for name in parts[0].columns:
            texts = sorted({text for part in parts for text in part.columns[name][1]}, key=missing_last)
            place = {text: at for at, text in enumerate(texts)}
            codes = [
                np.array([place[text] for text in own], dtype=np.int64)[codes]
                for codes, own in (part.columns[name] for part in parts)
            ]
            columns[name] = np.concatenate(codes)[order], texts
        # Places of customers have a meaning within their part alone.
        return cls(
            row[order],
            kind=whole("kind"),
            score=whole("score"),
            time=whole("time"),
            has_time=whole("has_time"),
            customer=whole("customer"),
            columns=columns,
        )


def missing_last(text: str | None) -> tuple[bool, str]:
    """Where a segment stands among others."""
    return text is None, text or ""


def codes_of(table: Table, name: str) -> tuple[Integers, list[str | None]]:
    """The codes and texts of a column that segments come from."""
    refuse_nested(table, name)
    return table.codes(name)


def surveys_of(log: Log) -> Surveys:
    """The surveys of a log, which must have some."""
    surveys = log.surveys
    if surveys is None:
        raise ArgumentError("this log has no scores; give it surveys first: log.with_scores(surveys, …)")
    return surveys


def journeyed(
    log: Log,
    scales: Sequence[Scale],
    by: tuple[str, ...],
    at: ScoreAt,
    lookback: Duration,
    *,
    only_answers: bool = False,
) -> Journeyed:
    """The rows of some kinds, with their segments."""
    _args.choice(at, "at", ScoreAt)
    back = lookback_us(lookback)
    known_columns(log, by)

    def look(part: EventLog) -> Journeyed:
        answers = surveys_of(part).answers(part, scales, only_answers=only_answers)
        columns, of_answer = _segments(answers, by, at, back)
        place = answers.place.at(of_answer)
        return Journeyed(
            answers.surveys.row[answers.rows][of_answer],
            answers.kind[of_answer],
            answers.score[of_answer],
            place.time,
            place.has_time,
            place.customer,
            columns,
        )

    return Journeyed.together(log.each(look))


_PERIODS = {
    ("gregorian", "day"): Said("gregorian day"),
    ("gregorian", "week"): Said("gregorian week"),
    ("gregorian", "month"): Said("gregorian month"),
    ("jalali", "day"): Said("jalali day"),
    ("jalali", "week"): Said("jalali week"),
    ("jalali", "month"): Said("jalali month"),
}


def scored(
    log: Log, usual: str, score: str, by: tuple[str, ...], kind: str | None, cut: Cut
) -> tuple[Journeyed, Scale, tuple[str, ...], list[Said]]:
    """The rows of a kind with their segments, the scale, the names of the segments, and how they came about."""
    surveys = surveys_of(log)
    if score != SCORE:
        raise ArgumentError(
            f"score={score!r} is for a frame; the log knows the column of its scores; leave it out"
        )
    scale = surveys.kind_of(kind, usual)
    _args.choice(cut.calendar, "calendar", Calendar)
    if cut.period is not None and PERIOD in by:
        raise ArgumentError(
            'by has the column "period", and period= makes another of this name; rename the first'
        )
    found = journeyed(log, [scale], by, cut.at, cut.lookback)
    if not len(found.row):
        raise ArgumentError(f'no customer of this part of the log has scores of the kind "{scale.kind}"')
    names, words = by, list[Said]()
    of_events = [name for name in by if name not in surveys.columns]
    if of_events:
        text = (
            "Segments by {columns} are those of the customer's last event at or before the answer, at most {lookback} "
            "before it; null where there is none."
            if cut.at == "last"
            else "Segments by {columns} are all that the customer touched in the {lookback} before the answer; an "
            "answer counts once in each of them, so that rows add up to more than all answers."
        )
        words.append(Said(text, columns=quoted(of_events), lookback=Length(cut.lookback)))
    own = [surveys.columns[name] for name in by if name in surveys.columns]
    if own:
        words.append(Said("Segments by {columns} are what the survey says itself.", columns=quoted(own)))
    if cut.period is not None:
        found.columns[PERIOD] = _periods(found, log, cut)
        names = (*names, PERIOD)
        text = (
            "period is the {period} of the answer ({timezone}); all from the first to the last are rows, "
            "also those without one."
        )
        words.append(Said(text, period=_PERIODS[cut.calendar, cut.period], timezone=log.timezone))
    known = found.customer >= 0
    without = len(np.unique(found.row[~known]))
    if without:
        words.append(
            so_many(
                without,
                "1 row is of no customer of the log.",
                "{number} rows are of no customer of the log.",
            )
        )
    late = found.has_time & known & (found.time > log.observed_until_us)
    after = len(np.unique(found.row[late & scale.holds(found.score)]))
    if after and of_events:
        words.append(
            so_many(
                after,
                "1 answer came after the log ends; what its customer did between is not known.",
                "{number} answers came after the log ends; what their customers did between is not known.",
            )
        )
    return found, scale, names, words


def known_columns(log: Log, names: tuple[str, ...]) -> None:
    """Refuse columns that neither the log nor its surveys have; events are known by their name."""
    surveys = surveys_of(log)
    for name in names:
        if name == SCORE:
            raise ArgumentError(
                f'by has the column "{SCORE}", which is what answers are called; they are not split by themselves'
            )
        if name == "event" or name in surveys.columns:
            continue
        if surveys.columns and name not in log.columns:
            known = [*log.columns, *surveys.columns]
            raise UnknownColumnError(
                f'by="{name}" is a column neither of this log nor kept of its surveys{_args.suggestion(name, known)} '
                f"(available: {_args.listing(known)}); a further column of the surveys is kept with "
                f'with_scores(…, columns=["{name}"])'
            )
        _args.known_segment(name, log.columns, log.roles)


def _segments(
    answers: Answers, by: tuple[str, ...], at: ScoreAt, back: int
) -> tuple[dict[str, tuple[Integers, list[str | None]]], Integers]:
    """The segments of answers, and which answer each row is of."""
    answer = np.arange(len(answers.rows))
    of_events = [name for name in by if name not in answers.surveys.columns]
    columns = {}
    if of_events and at == "last":
        table = values_of(answers.log, of_events, answers.last_events(back))
        columns = {name: table.codes(name) for name in of_events}
    elif of_events:
        every = answer
        answer, event = answers.touched_events(back)
        # Whoever touched nothing is a row nevertheless.
        untouched = np.setdiff1d(every, answer)
        answer, event = np.append(answer, untouched), np.append(event, np.full(len(untouched), -1))
        table = values_of(answers.log, of_events, event)
        columns = {name: table.codes(name) for name in of_events}
        first, _ = distinct([answer, *(codes for codes, _ in columns.values())])
        answer = answer[first]
        columns = {name: (codes[first], texts) for name, (codes, texts) in columns.items()}
    for name in by:
        if name not in columns:
            codes, texts = answers.surveys.table.codes(answers.surveys.columns[name])
            columns[name] = codes[answers.rows][answer], texts
    return {name: columns[name] for name in by}, answer


def distinct(columns: Sequence[Integers]) -> tuple[Integers, Integers]:
    """The first row of each distinct row of codes, in the order of the codes, and which of them each row is."""
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    if math.prod(sizes) < 2**62:
        # One number for a row is sorted many times faster than the row.
        together = np.zeros(len(columns[0]), dtype=np.int64)
        for column, size in zip(columns, sizes, strict=True):
            together = together * size + column
        _, first, place = np.unique(together, return_index=True, return_inverse=True)
    else:
        _, first, place = np.unique(np.stack(columns, axis=1), axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int64), place.ravel().astype(np.int64)


def _periods(found: Journeyed, log: Log, cut: Cut) -> tuple[Integers, list[str | None]]:
    """The period of each row as its calendar writes it, none without a time, and all from the first to the last."""
    assert cut.period is not None
    _args.choice(cut.period, "period", Period)
    start = cut.week_start
    if start is None:
        start = _WEEK_STARTS[cut.calendar]
    elif start not in range(7):
        raise ArgumentError(f"week_start={start!r} is not a weekday; expected 0 (Monday) to 6 (Sunday)")
    times = found.time[found.has_time]
    if not len(times):
        return np.zeros(len(found.row), dtype=np.int64), [None]
    bounds = _core.period_starts(
        int(times.min()), int(times.max()), cut.period, log.timezone, cut.calendar, start
    )
    days: list[dt.date] = [_args.local_datetime(bound, log.timezone).date() for bound in bounds[:-1]]
    texts: list[str | None] = [period_label(day, period=cut.period, calendar=cut.calendar) for day in days]
    codes = np.full(len(found.row), len(texts), dtype=np.int64)
    codes[found.has_time] = np.searchsorted(np.array(bounds), times, side="right") - 1
    return codes, [*texts, None]
