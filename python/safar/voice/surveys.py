"""Surveys beside a log: which scales they have, and where in the journeys their answers stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import Array, Duration, End, Floats, Frame, Integers, TimeUnit
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said, paragraph, so_many
from safar.result import ResultTable
from safar.voice.scales import KNOWN, Scale, checked_bounds

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Answers", "Scores", "Surveys", "with_scores"]

L = TypeVar("L", bound="Log")

# Pairs of an answer and an event before it that are looked at together.
_MOST_PAIRS = 50_000_000
# What the events were called before `named_by` gave them other names.
_ORIGINAL = "original_event"
# What answers and their periods are called beside a log, and what its events are.
_TAKEN = ("score", "period", "event")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Scores(ResultTable):
    """Which surveys stand beside a log, on which scales, and what of them can't be used?

    Parameters
    ----------
    table
        One row a kind of survey, in the order of their names: ``kind``, ``low``, ``high`` (of the scale), ``better``
        (``"high"`` or ``"low"``), ``rows``, ``answers`` (whole numbers of the scale), ``unanswered`` (no score),
        ``rejected`` (any other score), ``without_customer`` (answers whose customer is null or has no event in the log;
        they count in scores, but have no journey), ``without_time`` (answers with no time that a log may hold),
        ``repeated`` (answers whose customer and time an earlier answer of the kind has as well; they count),
        ``after_end`` (answers after ``observed_until``, up to which alone the journey is known).
    rejects
        The rejected answers: ``row`` (from 0), ``kind``, ``score``.
    """

    rejects: ResultTable
    _: KW_ONLY
    _surveys: Surveys

    @property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """Lowest and highest answer of each kind."""
        return self._surveys.kinds

    @property
    def kept(self) -> dict[str, str]:
        """The columns of the surveys that answers may be split by, and what they are called there."""
        return dict(self._surveys.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Surveys:
    """Rows of surveys, which a log has beside it."""

    # The columns that were named, as given, and how the core finds customer and time in a log.
    table: Table
    place: dict[str, Any]
    scales: tuple[Scale, ...]
    # By row: its number in what was given, rising; the place of its kind, -1 for none; the score, NaN for none.
    row: Integers
    kind: Integers
    score: Floats
    score_name: str
    kind_name: str | None
    # The column with what customers wrote.
    comment: str | None
    # What segments are called beside the log, and in the table.
    columns: dict[str, str]
    answer_events: tuple[str, ...]
    # Of the customers of a part of the log only, which are not looked up yet.
    of_part: bool = False
    # Of nobody in the data, whatever their ids may be.
    of_nobody: bool = False

    @property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """Lowest and highest answer of each kind."""
        return {scale.kind: (scale.low, scale.high) for scale in self.scales}

    def rows(self, positions: Integers) -> Surveys:
        """Some of these rows."""
        return replace(
            self,
            table=self.table.rows(np.ascontiguousarray(positions, dtype=np.int64)),
            row=self.row[positions],
            kind=self.kind[positions],
            score=self.score[positions],
        )

    def those_of(self, log: EventLog) -> Surveys:
        """The rows of customers of a log."""
        return replace(self.rows(np.flatnonzero(_Located.of(log, self, 0).customer >= 0)), of_part=False)

    def kind_of(self, kind: str | None, usual: str | None = None) -> Scale:
        """The scale of a kind; without a name, of the usual one or of the only one."""
        kinds = [scale.kind for scale in self.scales]
        if kind is None:
            if usual in kinds:
                return self.scales[kinds.index(usual)]
            if usual is None and len(kinds) == 1:
                return self.scales[0]
            if usual is None:
                raise ArgumentError(
                    f"the log has scores of several kinds ({_args.listing(kinds)}), whose scales are not mixed; say "
                    f'which one is meant, such as kind="{kinds[0]}"'
                )
            raise ArgumentError(
                f'the log has no scores of the kind "{usual}" (it has {_args.listing(kinds)}); say which one is meant '
                f'with kind="…"'
            )
        if _args.text(kind, "kind") not in kinds:
            raise ArgumentError(
                f'kind="{kind}" is not a kind of score of this log{_args.suggestion(kind, kinds)} (available: '
                f"{_args.listing(kinds)})"
            )
        return self.scales[kinds.index(kind)]

    def answers(self, log: EventLog, kinds: Sequence[Scale], *, only_answers: bool = False) -> Answers:
        """The rows of some kinds, and where they are in the log; with `only_answers`, those of the scale."""
        places = [self.scales.index(scale) for scale in kinds]
        chosen = np.isin(self.kind, places)
        if only_answers:
            chosen &= self.of_scale()
        rows = np.flatnonzero(chosen)
        place = _Located.of(log, self, 0).at(rows)
        return Answers(log, self, rows, self.kind[rows], self.score[rows], place)

    def of_scale(self) -> Array:
        """Which rows have an answer of their scale."""
        holds = np.zeros(len(self.score), dtype=bool)
        for place, scale in enumerate(self.scales):
            holds |= (self.kind == place) & scale.holds(self.score)
        return holds

    def refuse_clash(self, columns: Mapping[str, str]) -> None:
        """Refuse columns of a log that the kept ones could be taken for."""
        for name, column in self.columns.items():
            if name in columns or name in _TAKEN:
                what = "a column of the log" if name in columns else "what the result says beside it"
                raise ArgumentError(
                    f'the column "{column}" of the surveys would be called "{name}" like {what}; give it another name: '
                    f'with_scores(…, columns={{"survey_{name}": "{column}"}})'
                )

    def note(self) -> dict[str, Any]:
        """What is to be noted with the table, for `of_note`."""
        every = len(self.row) == 0 or (self.row[0] == 0 and self.row[-1] == len(self.row) - 1)
        return {
            "place": self.place,
            "scales": [[s.kind, s.low, s.high, s.good_from, s.falling] for s in self.scales],
            "score": self.score_name,
            "kind": self.kind_name,
            "comment": self.comment,
            "columns": self.columns,
            "answer_events": list(self.answer_events),
            "rows": None if every else self.row.tolist(),
        }

    @classmethod
    def of_note(cls, note: Mapping[str, Any], table: Table) -> Surveys:
        """The surveys that were noted so."""
        scales = tuple(Scale(*scale) for scale in note["scales"])
        # The scale of NPS is known by being that very one.
        scales = tuple(KNOWN[scale.kind] if scale == KNOWN.get(scale.kind) else scale for scale in scales)
        rows = np.arange(table.num_rows) if note["rows"] is None else np.array(note["rows"], dtype=np.int64)
        if len(rows) != table.num_rows:
            raise ValueError("rows of surveys are missing")
        place = note["place"]
        names = (
            place["customer"],
            place["time"],
            note["score"],
            note["kind"],
            note["comment"],
            *note["columns"].values(),
        )
        table = table.select([name for name in dict.fromkeys(names) if name is not None])
        numbers, missing = scores_of(table, note["score"])
        return cls(
            table, dict(place), scales, rows, _kind_of_rows(table, note["kind"], [s.kind for s in scales]),
            np.where(missing, np.nan, numbers), note["score"], note["kind"], note["comment"], dict(note["columns"]),
            tuple(note["answer_events"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Located:
    """Where rows are in a log: -1 where they are nowhere."""

    # µs UTC; without meaning where there is none.
    time: Integers
    has_time: Array
    customer: Integers
    first: Integers
    # The first event of the customer after the instant; the end of the customer's events where there is none.
    later: Integers

    @classmethod
    def of(cls, log: EventLog, surveys: Surveys, shift_us: int) -> _Located:
        place = surveys.place | {"shift_us": shift_us}
        table = log.core.locate(surveys.table, json.dumps(place))

        def numbers(name: str) -> Integers:
            values, missing = table.numpy(name)
            values = values.astype(np.int64)
            if surveys.of_nobody:
                return np.full(len(values), -1)
            return values if missing is None else np.where(missing, -1, values)

        time, missing = table.numpy("time")
        has_time = np.ones(len(time), dtype=bool) if missing is None else ~missing
        positions = (numbers(name) for name in ("customer", "first", "later"))
        return cls(time.astype(np.int64), has_time, *positions)

    def at(self, rows: Integers) -> _Located:
        columns = (self.time, self.has_time, self.customer, self.first, self.later)
        return _Located(*(column[rows] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Rows of surveys with their places in a log."""

    log: EventLog
    surveys: Surveys
    rows: Integers
    kind: Integers
    score: Floats
    place: _Located

    def last_events(self, lookback_us: int) -> Integers:
        """The last event of the customer at or before each answer, at most so long before it; -1 where none is."""
        place, times = self.place, self.log.core.view("times")
        last = np.where(place.later >= 0, place.later - 1, -1)
        is_answer = self._is_answer_event()
        if is_answer is not None:
            # Few events in a row are answers, so that few rounds are needed.
            while (back := (last >= place.first) & (last >= 0) & is_answer(last)).any():
                last[back] -= 1
        found = (last >= place.first) & (last >= 0)
        found &= place.time - times[np.where(found, last, 0)] <= lookback_us
        return np.where(found, last, -1)

    def touched_events(self, lookback_us: int) -> tuple[Integers, Integers]:
        """All events of the customers in the time before their answers: the number of the answer, and the event."""
        # From the lookback on, which belongs to it, to the answer.
        begin = _Located.of(self.log, self.surveys, -lookback_us - 1).at(self.rows).later
        return self._spans(begin, self.place.later)

    def following_events(self, within_us: int, *, answers: bool = False) -> tuple[Integers, Integers]:
        """All events of the customers in the time after their answers: the number of the answer, and the event.

        With `answers`, events that are answers themselves are among them.
        """
        end = _Located.of(self.log, self.surveys, within_us).at(self.rows).later
        return self._spans(self.place.later, end, answers=answers)

    def _spans(self, begin: Integers, end: Integers, *, answers: bool = False) -> tuple[Integers, Integers]:
        lengths = np.where((begin >= 0) & (end >= 0), end - begin, 0)
        total = int(lengths.sum())
        if total > _MOST_PAIRS:
            raise ArgumentError(
                f"the answers have {total:,} events in that time, more than {_MOST_PAIRS:,}; choose a shorter time"
            )
        answer = np.repeat(np.arange(len(lengths)), lengths)
        before = np.cumsum(lengths) - lengths
        event = np.repeat(begin, lengths) + np.arange(total) - np.repeat(before, lengths)
        is_answer = None if answers else self._is_answer_event()
        if is_answer is not None and total:
            kept = ~is_answer(event)
            answer, event = answer[kept], event[kept]
        return answer, event

    def _is_answer_event(self) -> Callable[[Integers], Array] | None:
        """Which events are answers themselves; none where the log has no such events."""
        wanted = self.surveys.answer_events
        if not wanted:
            return None
        if _ORIGINAL in self.log.columns:
            # The events of this log are called by another column.
            def is_answer(events: Integers) -> Array:
                codes, texts = values_of(self.log, [_ORIGINAL], events).codes(_ORIGINAL)
                return np.array([text in wanted for text in texts], dtype=bool)[codes]

            return is_answer
        names = self.log.core.names("event").numpy("name")[0].tolist()
        answers = np.isin(names, wanted)
        codes = self.log.core.view("events")

        def is_answer_code(events: Integers) -> Array:
            found: Array = answers[codes[np.where(events >= 0, events, 0)]]
            return found

        return is_answer_code


def with_scores(
    log: L,
    surveys: Frame,
    *,
    customer: str,
    time: str,
    score: str,
    kind: str | None = None,
    scale: str | tuple[int, int] | Mapping[str, tuple[int, int]] | None = None,
    direction: End | Mapping[str, End] = "high",
    columns: str | Sequence[str] | Mapping[str, str] = (),
    comment: str | None = None,
    answer_events: str | Sequence[str] = (),
    time_unit: TimeUnit | None = None,
) -> L:
    """What do customers say along their journeys: surveys beside the events?

    Parameters
    ----------
    surveys
        One row a question that was asked: a frame as of `EventLog`. Only the columns named here are read.
    customer, time, score
        The columns with the customer's id, as the log has it; with the time of the answer (of the question, where
        nobody answered); and with the answer, a whole number, null where nobody answered.
    kind
        The column that says which survey a row is of, where the rows of several stand together. ``"nps"``, ``"csat"``
        and ``"ces"`` are known, in letters of any case.
    scale
        The lowest and the highest answer. With `kind` a mapping for kinds whose scale is not known, or another one than
        usual: ``{"effort": (1, 5)}``. Without, one survey: ``"nps"`` (0 to 10), ``"csat"`` (1 to 5), ``"ces"`` (1 to
        7), or such as ``(1, 10)``, whose kind is called ``"score"``.
    direction
        Which end of the scale is the good one: ``"high"`` or ``"low"``, or a mapping by kind.
    columns
        Further columns of the surveys, such as the agent, the branch or the question, that answers may be split by
        (`by` of `safar.nps`). A mapping says what they are called beside the log: ``{"survey_channel": "channel"}``
        where the log has a channel of its own, for no name may mean two columns.
    comment
        The column with what customers wrote, which `ScoreResult.comments` lists; by default none is kept.
    answer_events
        Names of events that are the answers themselves, where the log has them: the journey is looked at without them,
        so that the last event before an answer is not the answer.
    time_unit
        What a number in `time` counts since 1970: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.

    Returns
    -------
    EventLog or Scan
        This log with its `EventLog.scores`, which count what can't be used. `safar.nps`, `safar.csat` and `safar.ces`
        take it, and `EventLog.emotion_curve` and `EventLog.after_scores` ask it.

    Notes
    -----
    Answers outside of their scale are rejected and counted; answers without a customer, or of one without events, count
    in scores, but have no journey; so do answers that stand twice, which are counted as ``repeated``. A part of the log
    has the surveys of its customers; a log of other units (`per`) has none. They are saved with the log, comments
    included.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-07", "2026-03-02"],
    ...         "event": ["view", "purchase", "call"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> surveys = {
    ...     "who": ["ann", "bob"],
    ...     "at": ["2026-03-08", "2026-03-03"],
    ...     "nps": [10, 3],
    ...     "agent": ["sara", "omid"],
    ... }
    >>> scored = log.with_scores(
    ...     surveys, customer="who", time="at", score="nps", scale="nps", columns="agent"
    ... )
    >>> safar.nps(scored, by="event").to_dict()["nps"]
    [-100.0, 100.0]
    >>> safar.nps(scored, by="agent").to_dict()["agent"]
    ['omid', 'sara']
    """
    roles = {"customer": customer, "time": time, "score": score} | ({} if kind is None else {"kind": kind})
    for role, name in roles.items():
        _args.text(name, role)
    if len(set(roles.values())) < len(roles):
        raise ArgumentError(
            f"customer, time, score and kind name the columns {list(roles.values())}; each needs its own"
        )
    kept = _kept(columns)
    if comment is not None:
        roles["comment"] = _args.text(comment, "comment")
    taken: dict[str, str] = {}
    for role, name in [*roles.items(), *(("columns", name) for name in kept.values())]:
        if name in taken and (role == "comment" or (role == "columns" and taken[name] != "columns")):
            raise ArgumentError(
                f'the column "{name}" is given as {taken[name]}= and in {role}=; leave it out of {role}'
            )
        taken[name] = role
    if time_unit is not None:
        _args.choice(time_unit, "time_unit", TimeUnit)
    named = isinstance(answer_events, str) or len(answer_events)
    events = _args.names(answer_events, "answer_events") if named else ()
    _args.known_events(events, log.events, "answer_events")
    table = _table.to_table(surveys, [*roles.values(), *kept.values()])
    if table.num_rows == 0:
        raise DataError("the surveys have no rows; a score needs at least one question that was asked")
    for name in [*kept.values()] + ([] if comment is None else [comment]):
        refuse_nested(table, name)
    kinds = [] if kind is None else _kinds(table, kind)
    scales = _scales(kinds, kind, scale, direction)
    place = {
        "customer": customer,
        "time": time,
        "time_unit": time_unit,
        "normalize": log.roles.get("normalize"),
    }
    numbers, missing = scores_of(table, score)
    found = Surveys(
        table, place, tuple(scales), np.arange(table.num_rows), _kind_of_rows(table, kind, kinds),
        np.where(missing, np.nan, numbers), score, kind, comment, kept, events,
    )  # fmt: skip
    for at, one in enumerate(found.scales):
        own = (found.kind == at) & ~missing
        if own.any() and not one.holds(found.score[own]).any():
            raise DataError(
                f'column "{score}": none of the {own.sum():,} answers of the kind "{one.kind}" is a whole number from '
                f"{one.low} to {one.high}, such as {found.score[own][0]:g}; give the scale that was asked"
            )
    return log.scored(found)


def _kept(columns: object) -> dict[str, str]:
    """What the further columns are called beside the log, and in the surveys."""
    if isinstance(columns, Mapping):
        for name, column in columns.items():
            _args.text(name, "columns")
            _args.text(column, f'columns["{name}"]')
        return dict(columns)
    if not isinstance(columns, str) and isinstance(columns, Sequence) and not columns:
        return {}
    return {name: name for name in _args.names(columns, "columns")}


def refuse_nested(table: Table, name: str) -> None:
    """Refuse a column whose values are no single ones."""
    kind = dict(table.schema)[name]
    if kind.startswith(("List", "LargeList", "FixedSizeList", "Struct", "Map", "Union")):
        raise ArgumentTypeError(
            f'column "{name}" has the nested type {kind}; expected one plain value for each row'
        )


def scores_of(table: Table, score: str) -> tuple[Floats, Array]:
    """The answers as numbers, and which are missing."""
    return _table.numbers(table, score, "the answers as numbers")


def _kinds(table: Table, kind: str) -> list[str]:
    """The kinds in the order of their names."""
    kinds = sorted({name for text in table.codes(kind)[1] if (name := _kind_of_text(text)) is not None})
    if not kinds:
        raise DataError(
            f'column "{kind}": no row says of which kind it is; leave kind= out for a single survey'
        )
    return kinds


def _kind_of_rows(table: Table, kind: str | None, kinds: Sequence[str]) -> Integers:
    """The place of the kind of each row, -1 where it is null."""
    if kind is None:
        return np.zeros(table.num_rows, dtype=np.int64)
    codes, texts = table.codes(kind)
    names = [_kind_of_text(text) for text in texts]
    return np.array([-1 if name is None else kinds.index(name) for name in names], dtype=np.int64)[codes]


def _kind_of_text(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    return text.strip().casefold() if text.strip().casefold() in KNOWN else text.strip()


def _scales(kinds: list[str], kind: str | None, scale: object, direction: object) -> list[Scale]:
    if kind is None:
        if scale is None:
            raise ArgumentError(
                "scale= is missing: the answers are of one survey without kind=, so say which one: "
                f"{_args.listing(KNOWN)}, or the lowest and the highest answer, such as (1, 10)"
            )
        if isinstance(scale, str):
            if scale.casefold() not in KNOWN:
                raise ArgumentError(
                    f"scale={scale!r} is not a known scale{_args.suggestion(scale, KNOWN)} (available: "
                    f"{_args.listing(KNOWN)}, or the lowest and the highest answer, such as (1, 10))"
                )
            kinds, bounds = [scale.casefold()], {}
        else:
            kinds, bounds = ["score"], {"score": scale}
    elif scale is None or isinstance(scale, Mapping):
        bounds = dict(scale or {})
    else:
        raise ArgumentTypeError(
            f'scale={scale!r} is given beside kind="{kind}"; expected a mapping by kind, such as {{"csat": (1, 7)}}'
        )
    directions = direction if isinstance(direction, Mapping) else dict.fromkeys(kinds, direction)
    for argument, given in (("scale", bounds), ("direction", directions)):
        for name in given:
            if name not in kinds:
                raise ArgumentError(
                    f'{argument} names the kind "{name}", which no row has{_args.suggestion(str(name), kinds)} '
                    f"(available: {_args.listing(kinds)})"
                )
    unknown = [name for name in kinds if name not in bounds and name not in KNOWN]
    if unknown:
        raise ArgumentError(
            f'the scale of the kind "{unknown[0]}" is not known; say it: scale={{"{unknown[0]}": (1, 10)}}'
        )
    return [_scale(name, bounds.get(name), directions.get(name, "high")) for name in kinds]


def _scale(kind: str, bounds: object, direction: object) -> Scale:
    known = KNOWN.get(kind)
    end = _args.choice(direction, "direction", End)
    low, high = (
        (known.low, known.high)
        if bounds is None and known is not None
        else checked_bounds(bounds, f'scale["{kind}"]')
    )
    if kind == "nps":
        if (low, high) != (0, 10) or end != "high":
            raise ArgumentError(
                f"the scale of nps is given as ({low}, {high}), {end} being good; a Net Promoter Score has the answers "
                "0 to 10, 10 being best; give the survey another name of kind"
            )
        return KNOWN["nps"]
    best = min(3 if kind == "ces" else 2, high - low)
    falling = end == "low"
    return Scale(kind, low, high, low + best - 1 if falling else high - best + 1, falling)


def counted(log: Log, surveys: Surveys) -> Scores:
    """The surveys of a log with what is known of them."""

    def look(part: EventLog) -> tuple[Integers, Integers, Array, Array]:
        own = part.surveys
        assert own is not None
        found = _Located.of(part, own, 0)
        return own.row, found.time, found.has_time, found.customer >= 0

    rows, time, has_time, known = (np.concatenate(parts) for parts in zip(*log.each(look), strict=True))
    order = np.argsort(rows)
    time, has_time, known = time[order], has_time[order], known[order]
    if surveys.of_part:
        surveys = surveys.rows(np.searchsorted(surveys.row, rows[order]))
    of_scale, missing = surveys.of_scale(), np.isnan(surveys.score)
    late = has_time & (time > log.observed_until_us)
    repeated = _repeated(surveys, of_scale & has_time, time)
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "kind", "low", "high", "better", "rows", "answers", "unanswered", "rejected", "without_customer",
            "without_time", "repeated", "after_end",
        )
    }  # fmt: skip
    for place, scale in enumerate(surveys.scales):
        own = surveys.kind == place
        answers = own & of_scale
        counts = (
            own, answers, own & missing, own & ~missing & ~of_scale, answers & ~known, answers & ~has_time,
            answers & repeated, answers & late,
        )  # fmt: skip
        facts = (scale.kind, scale.low, scale.high, "low" if scale.falling else "high")
        for name, fact in zip(columns, (*facts, *(int(which.sum()) for which in counts)), strict=True):
            columns[name].append(fact)
    rejected = np.flatnonzero((surveys.kind >= 0) & ~missing & ~of_scale)
    kinds: list[str | None] = [scale.kind for scale in surveys.scales]
    rejects = _table.table_of(
        {
            "row": surveys.row[rejected],
            "kind": _table.named(surveys.kind[rejected], kinds),
            "score": surveys.score[rejected],
        }
    )
    without_kind = int((surveys.kind < 0).sum())
    definition = paragraph(
        Said(
            "Surveys beside the log, by kind: answers are whole numbers of the scale, unanswered rows have no score, "
            "all others are rejected; answers without a customer of the log count in scores, but have no journey. "
            "repeated are answers whose customer and time an earlier answer of the kind has as well; they count. "
            "after_end are answers after the instant until which the log was observed."
        ),
        so_many(
            without_kind, "1 row says no kind and is left out.", "{number} rows say no kind and are left out."
        )
        if without_kind
        else None,
    )
    return Scores(
        _table.table_of({name: _column(values) for name, values in columns.items()}),
        definition,
        log.timezone,
        ResultTable(rejects, Said("Answers that are no whole number of their scale."), log.timezone),
        _surveys=surveys,
    )


def _repeated(surveys: Surveys, counting: Array, time: Integers) -> Array:
    """Which answers have the kind, customer and time of an earlier one."""
    repeated = np.zeros(len(counting), dtype=bool)
    rows = np.flatnonzero(counting)
    if len(rows) < 2:
        return repeated
    # Few answers are of the same instant, and only of these the customers are compared.
    rows = rows[np.argsort(time[rows], kind="stable")]
    next_to = time[rows[1:]] == time[rows[:-1]]
    rows = np.sort(rows[np.append(next_to, False) | np.append(False, next_to)])
    if not len(rows):
        return repeated
    customer = surveys.place["customer"]
    codes, texts = surveys.table.select([customer]).rows(rows).codes(customer)
    named = np.array([text is not None and bool(text.strip()) for text in texts], dtype=bool)[codes]
    rows, codes = rows[named], codes[named]
    order = np.lexsort((rows, codes, time[rows], surveys.kind[rows]))
    rows, codes = rows[order], codes[order]
    again = codes[1:] == codes[:-1]
    for values in (time[rows], surveys.kind[rows]):
        again &= values[1:] == values[:-1]
    repeated[rows[1:][again]] = True
    return repeated


def _column(values: list[Any]) -> object:
    return values if isinstance(values[0], str) else np.array(values, dtype=np.int64)


def lookback_us(value: Duration, argument: str = "lookback") -> int:
    """A length of time in µs."""
    return _args.microseconds(value, argument)


def values_of(log: EventLog, names: Sequence[str], events: Integers) -> _core.Table:
    """Columns of the log at some events; null where the event is -1."""
    return log.core.events_table(list(names), np.ascontiguousarray(events, dtype=np.int64))
