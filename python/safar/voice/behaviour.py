"""What customers do after they have answered: who returns, and what they spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar import _args, _table
from safar._intervals import newcombe, student
from safar._significance import holm, two_shares, welch
from safar._typing import Array, Duration, Floats, Integers
from safar.errors import ArgumentError
from safar.language import Length, Said, paragraph, quoted, so_many
from safar.result import ResultTable, share_columns
from safar.voice.journeys import surveys_of
from safar.voice.scales import DETRACTORS_TO, KNOWN, Scale
from safar.voice.surveys import values_of

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["AfterScoresResult", "after_scores"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AfterScoresResult(ResultTable):
    """What do customers do after their answers, by what they said?

    Parameters
    ----------
    table
        One row a group of answers; the columns are listed by `EventLog.after_scores`.
    """

    _: KW_ONLY
    _groups: tuple[str, ...]
    _counts: Integers
    _returned: Integers
    # Sum and sum of squares of the spend of each group; none without values.
    _spend: tuple[Floats, Floats] | None

    def compare(self, baseline: str | None = None) -> ResultTable:
        """Do the groups differ, beyond chance?

        Parameters
        ----------
        baseline
            The group that the others are compared with; by default the first one, which said the worst.

        Returns
        -------
        ResultTable
            One row for every other group: ``group``, ``difference`` of the shares who returned with Newcombe's 95 %
            interval (``difference_low``, ``difference_high``), ``p_value`` of two equal shares, ``p_adjusted`` after
            Holm; where there are values also ``spend_difference`` of the means with Welch's 95 % interval
            (``spend_difference_low``, ``spend_difference_high``), ``spend_p_value``, ``spend_p_adjusted``.

        Notes
        -----
        Groups differ in much beside what they said: the differences are associations, not effects of a score.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "who": [1, 2, 1],
        ...         "at": ["2026-03-01", "2026-03-01", "2026-03-05"],
        ...         "what": list("vvv"),
        ...     },
        ...     customer="who",
        ...     time="at",
        ...     event="what",
        ...     observed_until="2026-04-01",
        ... )
        >>> surveys = {"who": [1, 2], "at": ["2026-03-02"] * 2, "nps": [10, 0]}
        >>> scored = log.with_scores(surveys, customer="who", time="at", score="nps", scale="nps")
        >>> scored.after_scores("7d").compare().to_dict()["difference"]
        [None, 1.0]
        """
        if baseline is None:
            base = 0
        elif baseline in self._groups:
            base = self._groups.index(baseline)
        else:
            raise ArgumentError(
                f"baseline={baseline!r} is not a group of this result{_args.suggestion(str(baseline), self._groups)} "
                f"(available: {_args.listing(self._groups)})"
            )
        rest = np.array([row for row in range(len(self._groups)) if row != base], dtype=np.int64)
        k1, n1 = self._returned[rest], self._counts[rest]
        k2, n2 = (np.repeat(counts[base], len(rest)) for counts in (self._returned, self._counts))
        low, high = newcombe(k1, n1, k2, n2)
        p = two_shares(k1, n1, k2, n2)
        shares = [
            np.divide(k, n, out=np.full(len(rest), np.nan), where=n > 0) for k, n in ((k1, n1), (k2, n2))
        ]
        figures = {
            "difference": shares[0] - shares[1],
            "difference_low": low,
            "difference_high": high,
            "p_value": p,
            "p_adjusted": holm(p),
        }
        words = None
        if self._spend is not None:
            total, squares = self._spend
            base_total, base_squares = (np.repeat(sums[base], len(rest)) for sums in self._spend)
            apart, apart_low, apart_high, apart_p = welch(
                (n1, total[rest], squares[rest]), (n2, base_total, base_squares)
            )
            figures |= {
                "spend_difference": apart,
                "spend_difference_low": apart_low,
                "spend_difference_high": apart_high,
                "spend_p_value": apart_p,
                "spend_p_adjusted": holm(apart_p),
            }
            words = Said("spend_difference is that of the mean spend, with Welch's interval.")
        definition = paragraph(
            Said(
                'Groups beside "{group}": difference is that of the shares who returned, with the 95 % interval of '
                "Newcombe; p_adjusted is Holm's over all rows.",
                group=self._groups[base],
            ),
            words,
            Said("Associations, not effects."),
            self.definition,
        )
        columns: dict[str, object] = {"group": [self._groups[row] for row in rest]}
        columns |= {name: _table.nullable(values) for name, values in figures.items()}
        percent = frozenset({"difference", "difference_low", "difference_high"})
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=percent)


def after_scores(
    log: Log,
    within: Duration = "90d",
    *,
    kind: str | None = None,
    event: str | Sequence[str] | None = None,
    value: str | None = None,
) -> AfterScoresResult:
    """What do customers do after their answers: do those who praise come back, and spend more?

    Parameters
    ----------
    within
        How long after an answer customers are looked at; 90 days by default.
    kind
        The kind of score; needed where the log has several.
    event
        The events that count as coming back, such as ``"purchase"``; by default any but those that are answers.
    value
        A column with numbers, such as ``"value"``, whose sum over these events is the spend; by default there is none.

    Returns
    -------
    AfterScoresResult
        One row a group of answers, the worst first: ``group`` (NPS: ``"detractor"``, ``"passive"``, ``"promoter"``;
        CSAT and CES: the answers below the best boxes and those in them; other kinds: each answer), ``answers`` (whose
        time within was fully observed), ``still_open`` (other answers), ``returned`` (answers with an event in that
        time), ``share`` (of the answers) with its 95 % Wilson interval (``share_low``, ``share_high``); with `value`
        also ``spend`` (mean of an answer's sum, 0 where nobody came back) with its 95 % interval of Student's t
        (``spend_low``, ``spend_high``; null where all sums are equal, whose spread is not known).

    Notes
    -----
    An event counts from after the answer until `within` after it, both instants as usual: an event at the very instant
    of the answer came before it, one exactly `within` later counts. Answers without a customer of the log are left out
    and counted in the definition. What is shown is an association: who praises differs in much else from who complains.
    Answers of one customer overlap in time and are not independent; where customers answered several times the
    intervals are too narrow. Spend is skewed: with few answers the interval is rough.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-07", "2026-03-02"],
    ...         "event": ["purchase", "purchase", "purchase"],
    ...         "value": [10.0, 25.0, 10.0],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     value="value",
    ...     observed_until="2026-06-01",
    ... )
    >>> surveys = {"who": ["ann", "bob"], "at": ["2026-03-03"] * 2, "nps": [10, 3]}
    >>> scored = log.with_scores(surveys, customer="who", time="at", score="nps", scale="nps")
    >>> found = scored.after_scores("30d", event="purchase", value="value").to_dict()
    >>> found["group"], found["returned"], found["spend"]
    (['detractor', 'passive', 'promoter'], [0, 0, 1], [0.0, None, 25.0])
    """
    within_us = _args.microseconds(within, "within")
    surveys = surveys_of(log)
    scale = surveys.kind_of(kind)
    names = None if event is None else _args.names(event, "event")
    _args.known_events(names or (), log.events, "event")
    if value is not None:
        _args.known_columns_of_log([_args.text(value, "value")], log.columns, "value")

    def look(part: EventLog) -> tuple[Integers, Floats, Array, Integers, Array, Floats]:
        own = surveys_of(part)
        answers = own.answers(part, [scale], only_answers=True)
        place = answers.place
        answer, position = answers.following_events(within_us, answers=names is not None)
        if names is not None and len(position):
            codes = part.core.view("events")[position]
            kept = np.isin(part.core.names("event").numpy("name")[0].tolist(), names)[codes]
            answer, position = answer[kept], position[kept]
        has_event = np.zeros(len(answers.rows), dtype=bool)
        has_event[answer] = True
        known = (place.customer >= 0) & place.has_time
        spent = _sums(part, value, answer, position, len(answers.rows))
        return own.row[answers.rows], answers.score, known, place.time, has_event, spent

    parts = list(zip(*log.each(look), strict=True))
    order = np.argsort(np.concatenate(parts[0]), kind="stable")
    score, known, time, has_event, sums = (np.concatenate(part)[order] for part in parts[1:])
    observed = known & (time + within_us <= log.observed_until_us)
    groups, group = _groups(scale, score)
    number = len(groups)
    count = np.bincount(group[observed], minlength=number).astype(np.int64)
    returned = np.bincount(group[observed & has_event], minlength=number).astype(np.int64)
    columns: dict[str, object] = {
        "group": list(groups),
        "answers": count,
        "still_open": np.bincount(group[known & ~observed], minlength=number).astype(np.int64),
        "returned": returned,
        **share_columns("share", returned, count),
    }
    spend, words = None, None
    if value is not None:
        total = _weighed(group[observed], sums[observed], number)
        squares = _weighed(group[observed], sums[observed] ** 2, number)
        low, high = student(count, total, squares)
        # Where nothing varies, Student's interval has no width, which is not certainty.
        equal = np.array([len(np.unique(sums[observed & (group == each)])) < 2 for each in range(number)])
        low, high = (np.where(equal, np.nan, bound) for bound in (low, high))
        mean = np.divide(total, count, out=np.full(number, np.nan), where=count > 0)
        columns |= {
            "spend": _table.nullable(mean),
            "spend_low": _table.nullable(low),
            "spend_high": _table.nullable(high),
        }
        spend = (total, squares)
        text = (
            'spend is the mean sum of "{column}" over these events, with the 95 % interval of Student\'s t.'
        )
        words = Said(text, column=value)
    left = int((~known).sum())
    definition = paragraph(
        Said(
            "Answers ({kind}) by what was said: returned have {event} in the {within} after the answer; share is of "
            "the answers whose time was observed in full, with the 95 % Wilson interval, and still_open are the "
            "others.",
            kind=scale.kind,
            event=(
                Said("any event but an answer")
                if names is None
                else Said("one of {events}", events=quoted(names))
            ),
            within=Length(within),
        ),
        words,
        so_many(
            left,
            "1 answer has no customer of the log or no time.",
            "{number} answers have no customer of the log or no time.",
        ),
        Said("An association, not an effect."),
    )
    return AfterScoresResult(
        _table.table_of(columns), definition, log.timezone, shares=frozenset({"share", "share_low", "share_high"}),
        _groups=tuple(groups), _counts=count, _returned=returned, _spend=spend,
    )  # fmt: skip


def _groups(scale: Scale, score: Floats) -> tuple[list[str], Integers]:
    """The groups of answers, the worst first, and that of each answer."""
    if scale.kind == "nps":
        group = np.where(score <= DETRACTORS_TO, 0, np.where(score >= scale.good_from, 2, 1))
        return ["detractor", "passive", "promoter"], group.astype(np.int64)
    if scale.kind in KNOWN:
        values = np.arange(scale.low, scale.high + 1, dtype=np.float64)
        rest = values[~scale.good(values)]
        words = f"{rest[0]:g}" if len(rest) == 1 else f"{rest[0]:g} to {rest[-1]:g}"
        return [words, scale.words()], scale.good(score).astype(np.int64)
    each = range(scale.high, scale.low - 1, -1) if scale.falling else range(scale.low, scale.high + 1)
    group = (scale.high - score if scale.falling else score - scale.low).astype(np.int64)
    return [f"{value}" for value in each], group


def _sums(log: EventLog, value: str | None, answer: Integers, position: Integers, number: int) -> Floats:
    """The sum of a column over the events of each answer; a missing value adds nothing."""
    if value is None or not len(position):
        return np.zeros(number)
    values, missing = values_of(log, [value], position).numpy(value)
    if values.dtype.kind not in "iuf":
        raise ArgumentError(
            f'value="{value}" is a column of the type {log.columns[value]}; expected numbers that can be added up'
        )
    numbers = values.astype(np.float64)
    gone = np.isnan(numbers) if missing is None else missing | np.isnan(numbers)
    return _weighed(answer, np.where(gone, 0.0, numbers), number)


def _weighed(group: Integers, weights: Floats, number: int) -> Floats:
    """The sum of the weights of each group."""
    return np.bincount(group, weights, minlength=number).astype(np.float64)
