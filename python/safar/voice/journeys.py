"""Answers with the journey before them: what the customer had touched, and when."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import Calendar, Duration, Integers, Period, ScoreAt
from safar.calendar import period_label
from safar.errors import ArgumentError
from safar.voice.scales import Scale
from safar.voice.surveys import Answers, Scores, lookback_us, values_of

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["PERIOD", "SCORE", "Cut", "distinct", "is_log", "scored_table", "scores_in"]

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


def is_log(surveys: object) -> TypeGuard[EventLog]:
    """Whether these are events of customers, not a frame of surveys."""
    from safar._log import Log

    return isinstance(surveys, Log)


def scores_in(log: EventLog) -> Scores:
    """The scores of a log, which must have some."""
    if log.in_parts:
        raise ArgumentError(
            "a scan has no scores, because it holds a part of the customers at a time; put the surveys beside a log, "
            "such as that of scan.filter(sample=0.01).collect()"
        )
    scores = log.scores
    if scores is None:
        raise ArgumentError("this log has no scores; give it surveys first: log.with_scores(surveys, …)")
    return scores


def scored_table(
    log: EventLog, usual: str, score: str, by: tuple[str, ...], kind: str | None, cut: Cut
) -> tuple[Table, Scale, tuple[str, ...], str]:
    """Answers of a kind with their segments, the scale, the names of the segments, and how they came about."""
    scores = scores_in(log)
    if score != SCORE:
        raise ArgumentError(
            f"score={score!r} is for a frame; the log knows the column of its scores; leave it out"
        )
    scale = scores.kind_of(kind, usual)
    _args.choice(cut.at, "at", ScoreAt)
    _args.choice(cut.calendar, "calendar", Calendar)
    back = lookback_us(cut.lookback)
    known_columns(log, by)
    answers = scores.answers(log, [scale])
    if not len(answers.rows):
        raise ArgumentError(f'no customer of this part of the log has scores of the kind "{scale.kind}"')
    columns, of_answer = _segments(answers, by, cut.at, back)
    names, words = by, ""
    if by:
        when = _args.duration_words(cut.lookback)
        listed = _args.listing(by)
        if cut.at == "last":
            words = (
                f" Segments by {listed} are those of the customer's last event at or before the answer, at most {when} "
                "before it; null where there is none."
            )
        else:
            words = (
                f" Segments by {listed} are all that the customer touched in the {when} before the answer; an answer "
                "counts once in each of them, so that rows add up to more than all answers."
            )
    if cut.period is not None:
        if PERIOD in by:
            raise ArgumentError(
                'by has the column "period", and period= makes another of this name; rename the first'
            )
        columns[PERIOD] = _periods(answers, log, cut)[of_answer]
        names = (*names, PERIOD)
        words += f" period is the {cut.calendar} {cut.period} of the answer ({log.timezone})."
    without = int((answers.place.customer < 0).sum())
    if without:
        words += f" {without:,} rows are of no customer of the log."
    numbers = answers.score[of_answer]
    columns[SCORE] = _table.nullable(numbers)
    return _table.table_of(columns), scale, names, words


def known_columns(log: EventLog, names: tuple[str, ...]) -> None:
    """Refuse columns that the log does not have; events are known by their name."""
    for name in names:
        if name == SCORE:
            raise ArgumentError(
                f'by has the column "{SCORE}", which is what answers are called; they are not split by themselves'
            )
        if name != "event":
            _args.known_segment(name, log.columns, log.roles)


def _segments(
    answers: Answers, by: tuple[str, ...], at: ScoreAt, back: int
) -> tuple[dict[str, Any], Integers]:
    """The segments of answers, and which answer each row is of."""
    every = np.arange(len(answers.rows))
    if not by:
        return {}, every
    if at == "last":
        return _named(values_of(answers.log, by, answers.last_events(back)), by), every
    answer, event = answers.touched_events(back)
    # Whoever touched nothing is a row nevertheless.
    untouched = np.setdiff1d(every, answer)
    answer, event = np.append(answer, untouched), np.append(event, np.full(len(untouched), -1))
    table = values_of(answers.log, by, event)
    first, _ = distinct([answer, *(table.codes(name)[0] for name in by)])
    answer, event = answer[first], event[first]
    return _named(values_of(answers.log, by, event), by), answer


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


def _named(table: Table, by: tuple[str, ...]) -> dict[str, Any]:
    return {name: _table.named(*table.codes(name)) for name in by}


def _periods(answers: Answers, log: EventLog, cut: Cut) -> np.ndarray[Any, Any]:
    """The period of each answer as its calendar writes it; none without a time."""
    assert cut.period is not None
    _args.choice(cut.period, "period", Period)
    start = cut.week_start
    if start is None:
        start = _WEEK_STARTS[cut.calendar]
    elif start not in range(7):
        raise ArgumentError(f"week_start={start!r} is not a weekday; expected 0 (Monday) to 6 (Sunday)")
    place = answers.place
    labels = np.full(len(answers.rows), None, dtype=object)
    if not place.has_time.any():
        return labels
    times = place.time[place.has_time]
    bounds = _core.period_starts(
        int(times.min()), int(times.max()), cut.period, log.timezone, cut.calendar, start
    )
    days: list[dt.date] = [_args.local_datetime(bound, log.timezone).date() for bound in bounds[:-1]]
    names = np.array(
        [period_label(day, period=cut.period, calendar=cut.calendar) for day in days], dtype=object
    )
    labels[place.has_time] = names[np.searchsorted(np.array(bounds), times, side="right") - 1]
    return labels
