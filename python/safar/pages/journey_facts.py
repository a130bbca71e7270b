"""What the picture of a journey shows: stages, channels within them, scores, and what stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from safar._intervals import adjusted_wald, mean_bounds, wilson
from safar._significance import holm, two_nps, two_shares
from safar._typing import Duration, Floats, Integers
from safar.errors import ArgumentError
from safar.pages.customers import groups_of

if TYPE_CHECKING:
    from safar.analyses.stages import StagesResult
    from safar.log import EventLog
    from safar.voice import ScoreResult

__all__ = [
    "FEW",
    "SEGMENTS",
    "Cell",
    "JourneyFacts",
    "Kind",
    "Score",
    "StageFacts",
    "journey_facts",
    "usual_kind",
]

Kind = Literal["nps", "csat", "ces"]
# Fewer answers say too little of a cell to give it a colour.
FEW = 10
# More journeys than these are not looked at one by one.
SEGMENTS = 30
_SIGNIFICANT = 0.05
_MOMENTS = 3


@dataclass(frozen=True, slots=True)
class Score:
    """What customers said somewhere.

    Attributes
    ----------
    answers : how many.
    value, low, high : NPS (-100 to 100) or the share of satisfied answers (0 to 1), with its 95 % interval.
    others : the same value of all other answers.
    p : the probability of so great a difference by chance, after Holm; None where nothing was compared.
    impact : what the score of all answers owes to these: their share of all, times the difference.
    """

    answers: int
    value: float | None
    low: float | None
    high: float | None
    others: float | None = None
    p: float | None = None
    impact: float | None = None

    @property
    def stands_out(self) -> bool:
        """Whether the score differs from that of all other answers beyond chance."""
        return self.p is not None and self.p <= _SIGNIFICANT


@dataclass(frozen=True, slots=True)
class Cell:
    """A channel within a stage."""

    events: int
    customers: int
    score: Score | None


@dataclass(frozen=True, slots=True)
class StageFacts:
    """One stage; `row` is that of the table of `EventLog.stages`, `mean` the mean answer with its interval."""

    id: str
    row: Mapping[str, Any]
    answers: int
    mean: float | None
    mean_low: float | None
    mean_high: float | None


@dataclass(frozen=True, slots=True)
class JourneyFacts:
    """One journey: that of everybody, or of one segment.

    Attributes
    ----------
    segment : its name; None is everybody.
    customers : with any stage.
    stages : in the order of the journey.
    channels : those with the most events first.
    cells : by stage and channel.
    score : of all answers.
    mean : of all answers.
    ends : the lowest and the highest answer of the scale; `falling` where the lowest is the best.
    moments : cells whose score stands out, those that move the score of all most first, three at most.
    pains : all cells that stand out because they are worse.
    """

    segment: str | None
    customers: int
    stages: Sequence[StageFacts]
    channels: Sequence[str | None]
    cells: Mapping[tuple[str, str | None], Cell]
    kind: Kind | None
    score: Score | None
    mean: float | None
    ends: tuple[float, float]
    falling: bool
    moments: Sequence[tuple[str, str | None]]
    pains: Sequence[tuple[str, str | None]]


def journey_facts(
    log: EventLog, *, kind: Kind | None, by: str | None, lookback: Duration, order: Sequence[str]
) -> list[JourneyFacts]:
    """Count what the picture shows: for everybody, and for each value of a column.

    Parameters
    ----------
    log
        A log with a map, and with scores if `kind` is given.
    kind
        Which score colours cells; None has none.
    by
        A column: the customers of each of its values, as it is at their first event; None is everybody alone.
    lookback
        How long before an answer an event may be that it is said of.
    order
        The stages in their order.

    Returns
    -------
    list of JourneyFacts
        Everybody first, then the segments with the most customers, 30 at most.
    """
    found = [_of(log, None, kind, lookback, order)]
    if not found[0].stages:
        raise ArgumentError(
            "no event of the log fits a touchpoint of its map, so that there is no stage to draw; "
            "log.map_coverage() says what each touchpoint looks for and which events are left"
        )
    if by is None:
        return found
    groups = groups_of(log, by)
    largest = groups.largest(SEGMENTS)
    if not largest:
        raise ArgumentError(f'by="{by}": no customer has a value there; name a column that customers have')
    parts = ((groups.names[place], groups.part(log, place)) for place in largest)
    return [*found, *(_of(part, name, kind, lookback, order) for name, part in parts)]


def usual_kind(log: EventLog) -> Kind | None:
    """The kind of score with the most answers, the first of several; None where the log has none that is known."""
    answers = _answers_of(log)
    known: list[Kind] = [each for each in get_args(Kind) if answers.get(each)]
    return max(known, key=lambda each: answers[each], default=None)


def _answers_of(log: EventLog) -> dict[str, int]:
    """How many answers of each kind stand beside a log."""
    if log.scores is None:
        return {}
    table = log.scores.to_dict()
    return dict(zip(table["kind"], table["answers"], strict=True))


def _of(
    log: EventLog, segment: str | None, kind: Kind | None, lookback: Duration, order: Sequence[str]
) -> JourneyFacts:
    """The journey of all customers of a log."""
    stages = log.stages()
    table = stages.to_dict()
    rows = {stage: {name: table[name][row] for name in table} for row, stage in enumerate(table["stage"])}
    cells = _cells(log, stages, rows)
    # In a segment it may be that nobody answered.
    silent = kind is None or (segment is not None and not _answers_of(log).get(kind))
    asked = None if kind is None or silent else _Answers.of(log, kind, lookback)
    scores = {} if asked is None else asked.scores()
    means, mean, ends = ({}, None, (0.0, 1.0)) if asked is None else asked.means()
    made = {key: Cell(events, customers, scores.get(key)) for key, (events, customers) in cells.items()}
    out = [key for key, score in scores.items() if score.stands_out and key in made]
    # A share is of all customers with any stage.
    first = next(iter(rows.values()), None)
    return JourneyFacts(
        segment=segment,
        customers=round(first["customers"] / first["share"]) if first is not None and first["share"] else 0,
        stages=[
            StageFacts(stage, rows[stage], *means.get(stage, (0, None, None, None)))
            for stage in order
            if stage in rows
        ],
        channels=_channels(cells),
        cells=made,
        kind=kind,
        score=None if asked is None else asked.whole(),
        mean=mean,
        ends=ends,
        falling=kind is not None and _falling(log, kind),
        moments=sorted(out, key=lambda key: (-abs(scores[key].impact or 0.0), str(key)))[:_MOMENTS],
        pains=[key for key in out if (scores[key].impact or 0.0) < 0],
    )


def _cells(
    log: EventLog, stages: StagesResult, rows: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, str | None], tuple[int, int]]:
    """Events and customers of each channel within a stage; a log without channels has one for all of its events."""
    if not log.channels or not rows:
        return {(stage, None): (row["events"], row["customers"]) for stage, row in rows.items()}
    mixed = stages.mix("channel").to_dict()
    keys = zip(mixed["stage"], mixed["channel"], strict=True)
    return dict(zip(keys, zip(mixed["events"], mixed["customers"], strict=True), strict=True))


def _falling(log: EventLog, kind: Kind) -> bool:
    """Whether a lower answer is a better one."""
    if log.scores is None:
        return False
    table = log.scores.to_dict()
    return dict(zip(table["kind"], table["better"], strict=True)).get(kind) == "low"


def _channels(cells: Mapping[tuple[str, str | None], tuple[int, int]]) -> list[str | None]:
    total: dict[str | None, int] = {}
    for (_, channel), (events, _) in cells.items():
        total[channel] = total.get(channel, 0) + events
    return sorted(total, key=lambda name: (-total[name], name or ""))


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Answers by stage and channel."""

    kind: Kind
    result: ScoreResult
    # The rows of the result by stage and channel.
    rows: Mapping[tuple[str | None, str | None], int]

    @classmethod
    def of(cls, log: EventLog, kind: Kind, lookback: Duration) -> _Answers:
        from safar.voice import ces, csat, nps

        ask = {"nps": nps, "csat": csat, "ces": ces}[kind]
        result = ask(log, by=["stage", "channel"] if log.channels else ["stage"], lookback=lookback)
        table = result.to_dict()
        channels = table["channel"] if log.channels else [None] * len(table["stage"])
        rows = {key: row for row, key in enumerate(zip(table["stage"], channels, strict=True))}
        return cls(kind, result, rows)

    @property
    def counts(self) -> tuple[Integers, Integers, Integers]:
        """Answers of each cell, those that are for, and those that are against, which only an NPS has."""
        table, at = self.result.to_dict(), list(self.rows.values())
        good, bad = {"nps": ("promoters", "detractors"), "csat": ("satisfied", None), "ces": ("easy", None)}[
            self.kind
        ]
        columns = (table["answers"], table[good], [0] * len(table["answers"]) if bad is None else table[bad])
        answers, for_, against = (np.array([column[row] for row in at], dtype=np.int64) for column in columns)
        return answers, for_, against

    def whole(self) -> Score:
        """The score of all answers."""
        answers, good, bad = (part.sum(keepdims=True) for part in self.counts)
        value, low, high = self._estimates(answers, good, bad)
        return Score(int(answers[0]), *(_known(each[0]) for each in (value, low, high)))

    def scores(self) -> dict[tuple[str, str | None], Score]:
        """The score of each cell, beside that of all other answers."""
        answers, good, bad = self.counts
        if not len(answers):
            return {}
        rest = tuple(part.sum() - part for part in (answers, good, bad))
        value, low, high = self._estimates(answers, good, bad)
        others, _, _ = self._estimates(*rest)
        tested = (answers >= FEW) & (rest[0] >= FEW)
        if self.kind == "nps":
            p = two_nps((good, bad), (rest[1], rest[2]), (answers, rest[0]))[3]
        else:
            p = two_shares(good, answers, rest[1], rest[0])
        p = holm(np.where(tested, p, np.nan))
        impact = np.where(tested, answers / max(answers.sum(), 1) * (value - others), np.nan)
        numbers = (value, low, high, others, p, impact)
        return {
            (stage, channel): Score(int(answers[row]), *(_known(each[row]) for each in numbers))
            for row, (stage, channel) in enumerate(self.rows)
            if stage is not None
        }

    def means(
        self,
    ) -> tuple[
        dict[str, tuple[int, float | None, float | None, float | None]], float | None, tuple[float, float]
    ]:
        """The mean answer of each stage with its interval, that of all answers, and the ends of the scale."""
        given = self.result.distribution().to_dict()
        scores = sorted(set(given["score"])) or [0, 1]
        each = len(scores)
        sums: dict[str | None, list[float]] = {}
        for (stage, _), row in self.rows.items():
            numbers = given["answers"][row * each : (row + 1) * each]
            total = sums.setdefault(stage, [0.0, 0.0, 0.0])
            for score, number in zip(given["score"][row * each : (row + 1) * each], numbers, strict=True):
                for power in range(3):
                    total[power] += number * score**power
        ends = float(scores[0]), float(scores[-1])
        answers, points = (sum(total[power] for total in sums.values()) for power in (0, 1))
        found = {}
        for stage, total in sums.items():
            if stage is None:
                continue
            count, first, second = (np.array([number]) for number in total)
            low, high = mean_bounds(count, first, second, *ends)
            mean = total[1] / total[0] if total[0] else None
            found[stage] = (int(total[0]), mean, _known(low[0]), _known(high[0]))
        return found, points / answers if answers else None, ends

    def _estimates(self, answers: Integers, good: Integers, bad: Integers) -> tuple[Floats, Floats, Floats]:
        value = np.divide(good - bad, answers, out=np.full(len(answers), np.nan), where=answers > 0)
        if self.kind == "nps":
            low, high = adjusted_wald(good, bad, answers)
            return 100 * value, 100 * low, 100 * high
        low, high = wilson(good, answers)
        return value, low, high


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
