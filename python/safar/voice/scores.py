"""NPS, CSAT and CES: scores of survey answers by any segment, their distribution, and what sets segments apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import adjusted_wald, mean_bounds, newcombe
from safar._significance import cliff, heterogeneity, holm, mann_whitney, two_nps, two_shares
from safar._typing import Array, Calendar, Duration, End, Floats, Frame, Integers, Period, ScoreAt
from safar.errors import ArgumentError, DataError
from safar.language import Listed, Said, paragraph
from safar.language.naming import called
from safar.result import ResultTable, share_columns
from safar.voice.journeys import (
    PERIOD,
    Cut,
    Journeyed,
    codes_of,
    distinct,
    is_log,
    missing_last,
    scored,
    surveys_of,
)
from safar.voice.scales import DETRACTORS_TO, KNOWN, NPS, Scale, checked_bounds
from safar.voice.surveys import scores_of

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar._log import Log

__all__ = ["ScoreResult", "ces", "csat", "nps"]

_MOST_SEGMENTS = 100_000


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ScoreResult(ResultTable):
    """What do customers say, and how sure is that?

    Parameters
    ----------
    table
        One row a segment, or one in all; the columns are listed by `nps`, `csat` and `ces`.
    called
        What stages, touchpoints and channels are called, by language and by their text in the table.
    """

    _: KW_ONLY
    _scale: Scale
    _by: tuple[str, ...]
    # Answers by segment (row) and score (column, from the lowest).
    _counts: Integers
    # By name of a group of answers, the first and the last score of it.
    _groups: dict[str, tuple[int, int]]
    _written: _Written | None
    called: Mapping[str, Mapping[str, str]]

    @property
    def kind(self) -> str:
        """``"nps"``, ``"csat"`` or ``"ces"``."""
        return self._scale.kind

    @property
    def by(self) -> tuple[str, ...]:
        """The columns that the answers are split by."""
        return self._by

    def plot(self, **options: Any) -> ChartType:
        """The scores as an Altair chart; the options are those of `safar.plot.scores`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").scores(self, **options)
        return chart

    def distribution(self) -> ResultTable:
        """How often was each score given?

        Returns
        -------
        ResultTable
            One row for every segment and score of the scale: the segment, ``score``, ``answers``, ``share`` of the
            segment's answers with its 95 % Wilson interval (``share_low``, ``share_high``); null where a segment has
            no answer.

        Examples
        --------
        >>> import safar
        >>> safar.csat({"score": [5, 4, 5, 1]}).distribution().to_dict()["answers"]
        [1, 0, 0, 1, 2]
        """
        rows, scores = self._counts.shape
        answers = self._counts.ravel()
        columns: dict[str, object] = {name: self._repeated(name, scores) for name in self._by}
        columns |= {
            "score": np.tile(np.arange(self._scale.low, self._scale.high + 1), rows),
            "answers": answers,
        }
        columns |= share_columns("share", answers, np.repeat(self._counts.sum(axis=1), scores))
        words = Said("Answers by score, with their share of the segment's and its 95 % Wilson interval.")
        definition = paragraph(words, self.definition)
        shares = frozenset({"share", "share_low", "share_high"})
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=shares)

    def comments(
        self, segment: str | Sequence[str] | None = None, *, group: str | None = None
    ) -> ResultTable:
        """What did customers write to their answers?

        Parameters
        ----------
        segment
            Only this one, as in the table (a list where there are several columns of segments); by default all.
        group
            Only these answers: ``"detractors"``, ``"passives"`` or ``"promoters"``; of CSAT ``"satisfied"`` or
            ``"others"``, of CES ``"easy"`` or ``"others"``. By default all, and comments of those who gave no score.

        Returns
        -------
        ResultTable
            One row a comment, in the order of the segments and within them the worst answer first: the segment,
            ``score`` (null where there is none), ``comment``, and of a log also ``customer`` and ``time``. Empty
            comments are left out, and so are those of rejected answers.

        Examples
        --------
        >>> import safar
        >>> surveys = {
        ...     "score": [9, 2, 4],
        ...     "agent": ["omid"] * 3,
        ...     "text": ["quick", "no answer", None],
        ... }
        >>> found = safar.nps(surveys, by="agent", comment="text").comments(
        ...     "omid", group="detractors"
        ... )
        >>> found.to_dict()["comment"]
        ['no answer']
        """
        written = self._written
        if written is None:
            raise ArgumentError(
                "no comments were kept; say which column they stand in: comment= here for a frame, "
                "log.with_scores(…, comment=…) for a log"
            )
        keep = np.ones(len(written.segment), dtype=bool)
        if segment is not None:
            keep &= written.segment == self._position(segment, "segment")
        if group is not None:
            if group not in self._groups:
                raise ArgumentError(
                    f"group={group!r} is not a group of answers{_args.suggestion(str(group), self._groups)} "
                    f"(available: {_args.listing(self._groups)})"
                )
            low, high = self._groups[group]
            keep &= (written.score >= low) & (written.score <= high)
        rows = np.flatnonzero(keep)
        sign = -1.0 if self._scale.falling else 1.0
        # A missing score sorts last.
        rows = rows[np.lexsort((rows, sign * written.score[rows], written.segment[rows]))]
        columns: dict[str, object] = {name: self._picked(name, written.segment[rows]) for name in self._by}
        columns |= {"score": _table.nullable(written.score[rows])}
        chosen = written.further.rows(rows)
        for name in chosen.names:
            values, missing = chosen.numpy(name)
            if chosen.zone(name) is not None:
                columns[name] = values, {"zone": "UTC"} | ({} if missing is None else {"mask": missing})
            elif values.dtype.kind in "iu":
                columns[name] = values if missing is None else _table.nullable(values, missing)
            else:
                columns[name] = _table.named(*chosen.codes(name))
        text = (
            "Comments, by segment, the worst answer first; empty ones are left out, and those of rejected answers."
            if group is None
            else "Comments of {group}, by segment, the worst answer first; empty ones are left out, and those of "
            "rejected answers."
        )
        definition = paragraph(Said(text, group=None if group is None else Said(group)), self.definition)
        return ResultTable(_table.table_of(columns), definition, self.timezone)

    def _segment_words(self, row: int) -> Listed:
        """A segment, for a definition."""
        columns = self.to_dict()
        return Listed(
            [Said("{column} {value}", column=name, value=str(columns[name][row])) for name in self._by]
        )

    def compare(self, baseline: str | Sequence[str] | None = None) -> ResultTable:
        """Which segments differ from one of them, beyond chance?

        Parameters
        ----------
        baseline
            The segment that the others are compared with, as in the table (a list where there are several columns of
            segments); by default the one with the most answers.

        Returns
        -------
        ResultTable
            One row for every other segment: ``difference`` less the baseline's score with its 95 % interval
            (``difference_low``, ``difference_high``), ``p_value`` and, after Holm, ``p_adjusted``; for CSAT and CES
            also ``cliffs_delta`` and ``rank_p_value`` of the whole distributions. ``heterogeneity_p_value`` is the same
            in all rows: whether the segments differ at all.

        Notes
        -----
        NPS: differences of adjusted scores with the adjusted Wald interval; z test with the variance of all answers;
        the chi-squared test of one score over all segments, with the same variance. CSAT and CES: Newcombe's
        interval, the test of two shares (pooled variance; Fisher's exact where fewer than 5 are expected),
        Mann-Whitney with ties (normal approximation) and Cliff's delta; the chi-squared test of equal shares over all
        segments. Answers of one customer are not independent of each other; where customers answered several times
        the intervals are too narrow.

        Examples
        --------
        >>> import safar
        >>> answers = {
        ...     "score": [10, 9, 10, 3] * 20 + [2, 9, 6, 5] * 20,
        ...     "channel": ["app"] * 80 + ["store"] * 80,
        ... }
        >>> compared = safar.nps(answers, by="channel").compare(baseline="app")
        >>> compared.to_dict()["difference"]
        [-100.0]
        """
        if not self._by or len(self) < 2:
            raise ArgumentError("there is one segment; give by= a column with several to compare them")
        base = self._position(baseline)
        rest = np.array([row for row in range(len(self)) if row != base], dtype=np.int64)
        columns: dict[str, object] = {name: self._picked(name, rest) for name in self._by}
        counts, bases = self._counts[rest], np.repeat(self._counts[[base]], len(rest), axis=0)
        figures = (
            self._nps_against(counts, bases) if self._scale is NPS else self._share_against(counts, bases)
        )
        columns |= {name: _table.nullable(values) for name, values in figures.items()}
        compared = Said(
            "Segments beside {segment}: difference is a segment's score less the baseline's, with its 95 % interval; "
            "p_adjusted is Holm's over all rows.",
            segment=self._segment_words(base),
        )
        definition = paragraph(compared, self.definition)
        shares = (
            frozenset()
            if self._scale is NPS
            else frozenset({"difference", "difference_low", "difference_high"})
        )
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=shares)

    def non_response(self, baseline: str | Sequence[str] | None = None) -> ResultTable:
        """Who does not answer?

        Parameters
        ----------
        baseline
            The segment that the others are compared with, as in `compare`; by default the one that was asked most.

        Returns
        -------
        ResultTable
            One row a segment: ``asked``, ``unanswered``, ``share`` (unanswered of asked) with its 95 % Wilson interval
            (``share_low``, ``share_high``), ``difference`` less the share of the baseline with Newcombe's 95 % interval
            (``difference_low``, ``difference_high``), ``p_value`` of two equal shares and ``p_adjusted`` after Holm;
            the last five are null for the baseline.

        Notes
        -----
        Where segments answer less often, their scores are those of fewer and perhaps of other customers.

        Examples
        --------
        >>> import safar
        >>> asked = {"score": [9, None, 8, None, None, 7], "channel": ["app"] * 3 + ["store"] * 3}
        >>> safar.nps(asked, by="channel").non_response().to_dict()["unanswered"]
        [1, 2]
        """
        if not self._by:
            raise ArgumentError("there is one segment; give by= a column with several to compare who answers")
        asked = _table.integers(self.table, "asked")
        unanswered = asked - self._counts.sum(axis=1)
        if not unanswered.any():
            raise ArgumentError(
                "every row has an answer, so that nobody knows who was asked and did not; give the questions without "
                "an answer as rows whose score is null"
            )
        base = int(asked.argmax()) if baseline is None else self._position(baseline)
        others = np.arange(len(asked)) != base
        k2, n2 = np.full(len(asked), unanswered[base]), np.full(len(asked), asked[base])
        low, high = newcombe(unanswered, asked, k2, n2)
        p = np.where(others, two_shares(unanswered, asked, k2, n2), np.nan)
        compared = {
            "difference": _divided(unanswered, asked) - _divided(k2, n2),
            "difference_low": low,
            "difference_high": high,
            "p_value": p,
            "p_adjusted": holm(p),
        }
        columns: dict[str, object] = {name: self._picked(name, np.arange(len(asked))) for name in self._by}
        columns |= {"asked": asked, "unanswered": unanswered, **share_columns("share", unanswered, asked)}
        columns |= {
            name: _table.nullable(np.where(others, values, np.nan)) for name, values in compared.items()
        }
        definition = Said(
            "Who was asked and did not answer, with the 95 % Wilson interval; difference is the share less that of "
            "{segment}, with Newcombe's 95 % interval; p_adjusted is Holm's over all other rows.",
            segment=self._segment_words(base),
        )
        shares = {"share", "share_low", "share_high", "difference", "difference_low", "difference_high"}
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=frozenset(shares))

    def _nps_against(self, counts: Integers, bases: Integers) -> dict[str, Floats]:
        ours, theirs = _promoters_and_detractors(counts), _promoters_and_detractors(bases)
        answers = (counts.sum(axis=1), bases.sum(axis=1))
        difference, low, high, p = two_nps(ours, theirs, answers)
        together = heterogeneity(*_promoters_and_detractors(self._counts), self._counts.sum(axis=1))
        return {
            "difference": 100 * difference,
            "difference_low": 100 * low,
            "difference_high": 100 * high,
            "p_value": p,
            "p_adjusted": holm(p),
            "heterogeneity_p_value": np.full(len(p), together),
        }

    def _share_against(self, counts: Integers, bases: Integers) -> dict[str, Floats]:
        from scipy.stats import chi2_contingency

        good = self._good()
        (k1, n1), (k2, n2) = ((c[:, good].sum(axis=1), c.sum(axis=1)) for c in (counts, bases))
        low, high = newcombe(k1, n1, k2, n2)
        p = two_shares(k1, n1, k2, n2)
        tables = np.stack([self._counts[:, good].sum(axis=1), self._counts[:, ~good].sum(axis=1)], axis=1)
        tables = tables[tables.sum(axis=1) > 0]
        varies = (tables.sum(axis=0) > 0).all() and len(tables) > 1
        together = float(chi2_contingency(tables, correction=False).pvalue) if varies else np.nan
        pairs = list(zip(counts, bases, strict=True))
        sign = -1.0 if self._scale.falling else 1.0
        return {
            "difference": _divided(k1, n1) - _divided(k2, n2),
            "difference_low": low,
            "difference_high": high,
            "p_value": p,
            "p_adjusted": holm(p),
            "cliffs_delta": sign * np.array([cliff(ours, theirs) for ours, theirs in pairs]),
            "rank_p_value": np.array([mann_whitney(ours, theirs) for ours, theirs in pairs]),
            "heterogeneity_p_value": np.full(len(p), together),
        }

    def _good(self) -> Array:
        return self._scale.good(np.arange(self._scale.low, self._scale.high + 1, dtype=np.float64))

    def _repeated(self, name: str, times: int) -> object:
        codes, texts = self.table.codes(name)
        return _table.named(np.repeat(codes, times), texts)

    def _picked(self, name: str, rows: Integers) -> object:
        codes, texts = self.table.codes(name)
        return _table.named(codes[rows], texts)

    def _position(self, baseline: str | Sequence[str] | None, argument: str = "baseline") -> int:
        if baseline is None:
            return int(self._counts.sum(axis=1).argmax())
        wanted = (baseline,) if isinstance(baseline, str) else tuple(baseline)
        columns = self.to_dict()
        labels = list(zip(*(columns[name] for name in self._by), strict=True))
        if wanted not in labels:
            known = [" / ".join(map(str, label)) for label in labels]
            raise ArgumentError(
                f"{argument}={baseline!r} is not a segment of this result"
                f"{_args.suggestion(' / '.join(map(str, wanted)), known)} (available: {_args.listing(known)})"
            )
        return labels.index(wanted)


@dataclass(frozen=True, slots=True, eq=False)
class _Written:
    """Comments, each with the place of its segment and its score, NaN for none."""

    segment: Integers
    score: Floats
    # `comment`, and what else is listed beside it.
    further: Table


def nps(
    surveys: Frame | Log,
    *,
    score: str = "score",
    by: str | Sequence[str] | None = None,
    kind: str | None = None,
    comment: str | None = None,
    at: ScoreAt = "last",
    lookback: Duration = "30d",
    period: Period | None = None,
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
) -> ScoreResult:
    """Would customers recommend us: what is the Net Promoter Score, and how sure is it?

    Parameters
    ----------
    surveys
        One row a question that was asked: a frame as of `EventLog`; or a log with scores, as `EventLog.with_scores`
        gives it.
    score
        The column with the answers, whole numbers from 0 to 10; null where nobody answered. A log knows its own.
    by
        The column, or columns, that the answers are split by: stage, touchpoint, channel, persona, month … Of a log
        they are columns of the events, as the journey was when the answer came, or columns of the surveys that
        `EventLog.with_scores` kept, such as the agent.
    kind
        Of a log: the kind that is scored, by default the one of this function's name. Of a frame: the column that says
        which survey a row is of, where the rows of several stand together; only those with ``"nps"`` are read (of
        `csat` and `ces`: with theirs), in letters of any case. By default all rows are, and a column that is called
        ``"kind"`` and has this kind among others is an error: scales are not mixed.
    comment
        Of a frame: the column with what customers wrote, for `ScoreResult.comments`. A log knows its own.
    at
        Of a log, which events say what `by` is. ``"last"`` (default): the last one of the customer at or before the
        answer. ``"touched"``: all of them in `lookback`; an answer counts once for each value that was touched, so that
        the rows add up to more than all answers.
    lookback
        Of a log: how long before the answer an event may be; 30 days by default. Without any, `by` is null.
    period, calendar, week_start
        Of a log: also split by the ``"day"``, ``"week"`` or ``"month"`` of the answer, in the column ``period``, in the
        Gregorian or ``"jalali"`` calendar; weeks begin on Monday, or Saturday in the Jalali one. Each segment has a row
        for every period from the first to the last of all answers, with nulls where nobody answered.

    Returns
    -------
    ScoreResult
        One row a segment, in the order of their names: the columns of `by`, ``nps`` (promoters less detractors in per
        cent of the answers, -100 to 100) with its 95 % interval (``nps_low``, ``nps_high``), ``answers``, ``promoters``
        (9 and 10), ``passives`` (7 and 8), ``detractors`` (0 to 6), ``asked`` (rows), ``response_rate`` (answers of
        asked) with its 95 % Wilson interval (null where no row at all lacks an answer, because then who was asked is
        not known), ``rejected`` (rows whose answer is none of the scale; they count neither as asked nor as answers).
        Scores are null where there is no answer.

    Notes
    -----
    The interval is the adjusted Wald interval: three quarters of an answer more for promoters and for detractors,
    three in all (Rocks 2016, doi:10.1080/00031305.2016.1158124). It covers what it says for few answers as well, and
    has a width where all answers are equal, which the plain one has not. It is drawn towards 0; that of a single
    answer is widened to hold the score. Who answers is not who was asked: look at the
    response rate of the segments before comparing their scores.

    Examples
    --------
    >>> import safar
    >>> found = safar.nps({"score": [10] * 19 + [8] * 12 + [3] * 5}).to_dict()
    >>> [round(found[name][0], 1) for name in ("nps", "nps_low", "nps_high")]
    [38.9, 13.2, 58.6]
    """
    cut = Cut(at, lookback, period, calendar, week_start)
    scale, counts, facts, names, score = _counted(surveys, NPS, score, by, kind, comment, cut)
    if scale.bounds != NPS.bounds or scale.falling:
        raise ArgumentError(
            f'the answers of the kind "{scale.kind}" are {scale.low} to {scale.high}; a Net Promoter Score needs 0 to '
            "10, 10 being best"
        )
    (promoters, detractors), answers = _promoters_and_detractors(counts), counts.sum(axis=1)
    low, high = adjusted_wald(promoters, detractors, answers)
    columns: dict[str, object] = {
        "nps": _table.nullable(100 * _divided(promoters - detractors, answers)),
        "nps_low": _table.nullable(100 * low),
        "nps_high": _table.nullable(100 * high),
        "answers": answers,
        "promoters": promoters,
        "passives": answers - promoters - detractors,
        "detractors": detractors,
    }
    definition = Said(
        'Net Promoter Score of the column "{column}": promoters (9 and 10) less detractors (0 to 6) in per cent of the '
        "answers, with the 95 % adjusted Wald interval.",
        column=score,
    )
    groups = {
        "detractors": (NPS.low, DETRACTORS_TO),
        "passives": (DETRACTORS_TO + 1, NPS.good_from - 1),
        "promoters": (NPS.good_from, NPS.high),
    }
    return _result(NPS, names, counts, columns, facts, definition, groups)


def csat(
    surveys: Frame | Log,
    *,
    score: str = "score",
    by: str | Sequence[str] | None = None,
    kind: str | None = None,
    comment: str | None = None,
    at: ScoreAt = "last",
    lookback: Duration = "30d",
    period: Period | None = None,
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    scale: tuple[int, int] | None = None,
    top: int = 2,
) -> ScoreResult:
    """Are customers satisfied: which share gives one of the best answers?

    Parameters
    ----------
    surveys, by, kind, comment, at, lookback, period, calendar, week_start
        As of `nps`.
    score
        The column with the answers, whole numbers of the scale, the higher the better; null where nobody answered.
    scale
        The lowest and the highest answer; by default 1 to 5, the custom of the field. A log knows its own.
    top
        How many of the best answers count as satisfied; 2 ("top two boxes") is the custom of the field.

    Returns
    -------
    ScoreResult
        As of `nps`, with ``csat`` (satisfied of answers) and its 95 % Wilson interval, ``answers``, ``satisfied``,
        ``mean`` and its 95 % interval (Student's t, cut at the ends of the scale; where all answers are equal, that of
        Clopper and Pearson for the share of others; null for one answer), ``asked``, ``response_rate``, ``rejected``.

    Examples
    --------
    >>> import safar
    >>> safar.csat({"score": [5, 4, 4, 2, None]}).to_dict()["csat"]
    [0.75]
    """
    cut = Cut(at, lookback, period, calendar, week_start)
    return _share_of(surveys, "csat", "satisfied", score, by, kind, comment, cut, scale, ("top", top), None)


def ces(
    surveys: Frame | Log,
    *,
    score: str = "score",
    by: str | Sequence[str] | None = None,
    kind: str | None = None,
    comment: str | None = None,
    at: ScoreAt = "last",
    lookback: Duration = "30d",
    period: Period | None = None,
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    scale: tuple[int, int] | None = None,
    easy: int = 3,
    easiest: End | None = None,
) -> ScoreResult:
    """Is it easy for customers: which share found little effort?

    Parameters
    ----------
    surveys, by, kind, comment, at, lookback, period, calendar, week_start
        As of `nps`.
    score
        The column with the answers, whole numbers of the scale; null where nobody answered.
    scale
        The lowest and the highest answer; by default 1 to 7, as in version 2.0 of the score. A log knows its own.
    easy
        How many of the easiest answers count as easy; 3 (5 to 7 of 1 to 7) as in version 2.0.
    easiest
        Which end of the scale is easy: ``"high"`` (default; "it was easy": 7 agrees most) or ``"low"`` ("how much
        effort": 1 is the least, as in version 1). A log knows its own.

    Returns
    -------
    ScoreResult
        As of `nps`, with ``ces`` (easy of answers) and its 95 % Wilson interval, ``answers``, ``easy``, ``mean`` and
        its 95 % interval as of `csat`, ``asked``, ``response_rate``, ``rejected``.

    Examples
    --------
    >>> import safar
    >>> safar.ces({"score": [7, 6, 5, 2]}).to_dict()["ces"]
    [0.75]
    """
    cut = Cut(at, lookback, period, calendar, week_start)
    return _share_of(surveys, "ces", "easy", score, by, kind, comment, cut, scale, ("easy", easy), easiest)


def _share_of(
    surveys: Frame | Log,
    usual: str,
    good_name: str,
    score: str,
    by: str | Sequence[str] | None,
    kind: str | None,
    comment: str | None,
    cut: Cut,
    scale: tuple[int, int] | None,
    best: tuple[str, int],
    end: End | None,
) -> ScoreResult:
    low, high = checked_bounds(KNOWN[usual].bounds if scale is None else scale)
    if end is not None:
        _args.choice(end, "easiest", End)
    wanted = Scale(usual, low, high, low, end == "low")
    declared = None if scale is None and end is None else wanted
    found, counts, facts, names, score = _counted(surveys, wanted, score, by, kind, comment, cut, declared)
    argument, number = best[0], _args.size(best[1], best[0])
    if number > found.high - found.low:
        easy = "easy" if usual == "ces" else "satisfied"
        raise ArgumentError(
            f"{argument}={number} leaves no answer of the scale {found.low} to {found.high} that is not {easy}"
        )
    scale_of = Scale(
        usual,
        found.low,
        found.high,
        found.low + number - 1 if found.falling else found.high - number + 1,
        found.falling,
    )
    values = np.arange(scale_of.low, scale_of.high + 1, dtype=np.float64)
    answers, good = counts.sum(axis=1), counts[:, scale_of.good(values)].sum(axis=1)
    total, squares = counts @ values, counts @ (values * values)
    mean_low, mean_high = mean_bounds(answers, total, squares, *scale_of.bounds)
    columns = share_columns(scale_of.kind, good, answers) | {
        "answers": answers,
        good_name: good,
        "mean": _table.nullable(_divided(total, answers)),
        "mean_low": _table.nullable(mean_low),
        "mean_high": _table.nullable(mean_high),
    }
    definition = Said(
        'Share of the answers in the column "{column}" (scale {low} to {high}) that are {good} ({answers}), with the '
        "95 % Wilson interval; mean with the 95 % interval of Student's t, cut at the ends of the scale (where all "
        "answers are equal, that of Clopper and Pearson for the share of others).",
        column=score,
        low=scale_of.low,
        high=scale_of.high,
        good=Said(good_name),
        answers=scale_of.words(),
    )
    rest = (
        (scale_of.good_from + 1, scale_of.high)
        if scale_of.falling
        else (scale_of.low, scale_of.good_from - 1)
    )
    best_ones = (
        (scale_of.low, scale_of.good_from) if scale_of.falling else (scale_of.good_from, scale_of.high)
    )
    groups = {good_name: best_ones, "others": rest}
    return _result(scale_of, names, counts, columns, facts, definition, groups)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of the rows beside the answers, by segment."""

    by: dict[str, tuple[Integers, list[str | None]]]
    asked: Integers
    rejected: Integers
    # How the segments came about, for the definition.
    words: Sequence[Said]
    timezone: str
    written: _Written | None
    called: Mapping[str, Mapping[str, str]]


def _counted(
    surveys: Frame | Log,
    scale: Scale,
    score: str,
    by: str | Sequence[str] | None,
    kind: str | None,
    comment: str | None,
    cut: Cut,
    declared: Scale | None = None,
) -> tuple[Scale, Integers, _Facts, tuple[str, ...], str]:
    """The scale, answers by segment and score, what else is known, the columns of segments, and that of the score."""
    _args.text(score, "score")
    names = () if by is None else _args.names(by, "by")
    further: Table | None = None
    if is_log(surveys):
        if declared is not None:
            raise ArgumentError("the log knows the scale of its scores from with_scores(); leave it out here")
        if comment is not None:
            raise ArgumentError(
                f"comment={comment!r} is for a frame; a log keeps comments with log.with_scores(…, comment=…); leave "
                "it out here"
            )
        found, scale, names, words = scored(surveys, scale.kind, score, names, kind, cut)
        label, timezone = surveys_of(surveys).score_name, surveys.timezone
        columns, values, missing = found.columns, found.score, np.isnan(found.score)
        further = _further(surveys, found)
    else:
        cut.refuse()
        label, words, timezone = score, [], "UTC"
        columns, values, missing, further = _frame(surveys, scale.kind, score, names, kind, comment)
    columns, here = _every_period(columns, names if cut.period is not None else ())
    segment, labels = _segments(columns, names)
    segments = max(len(next(iter(labels.values()))[0]) if labels else 1, 1)
    # Rows of periods without any are segments, and nothing else.
    segment = segment[:here] if names else np.zeros(len(values), dtype=np.int64)
    whole = ~missing & (values == np.floor(values)) & (values >= scale.low) & (values <= scale.high)
    column = np.where(whole, values - scale.low, 0).astype(np.int64)
    width = scale.high - scale.low + 1
    counts = np.bincount(segment[whole] * width + column[whole], minlength=segments * width)
    rejected = np.bincount(segment[~missing & ~whole], minlength=segments)
    asked = np.bincount(segment, minlength=segments) - rejected
    if not is_log(surveys) and rejected.sum() == (~missing).sum() > 0:
        example = values[~missing][0]
        raise DataError(
            f'column "{score}": none of the {rejected.sum():,} answers is a whole number from {scale.low} to '
            f"{scale.high}, such as {example:g}; give the scale that was asked, or only the rows of this survey"
        )
    written = None
    if further is not None:
        codes, texts = further.codes("comment")
        says = np.array([text is not None and bool(text.strip()) for text in texts], dtype=bool)
        rows = np.flatnonzero((says[codes] if len(texts) else np.zeros(0, dtype=bool)) & (whole | missing))
        written = _Written(segment[rows], np.where(missing, np.nan, values)[rows], further.rows(rows))
    facts = _Facts(
        labels,
        asked.astype(np.int64),
        rejected.astype(np.int64),
        words,
        timezone,
        written,
        called(surveys.map if is_log(surveys) else None),
    )
    return scale, counts.reshape(segments, width).astype(np.int64), facts, names, label


def _frame(
    surveys: Frame,
    wanted: str,
    score: str,
    names: tuple[str, ...],
    kind: str | None,
    comment: str | None,
) -> tuple[dict[str, tuple[Integers, list[str | None]]], Floats, Array, Table | None]:
    """The segments, answers and comments of the rows of a frame, and which answers are missing."""
    kinds = _column_of_kinds(surveys, kind)
    for role, name in (("score", score), ("comment", comment)):
        if name in names:
            raise ArgumentError(
                f'the column "{name}" is given as {role} and in by; answers are not split by themselves'
            )
    said = [] if comment is None else [_args.text(comment, "comment")]
    table = _table.to_table(surveys, [score, *names, *kinds, *said])
    if table.num_rows == 0:
        raise DataError("the surveys have no rows; a score needs at least one question that was asked")
    own = np.flatnonzero(
        _own_rows(table, kinds[0], wanted, kind is not None) if kinds else np.ones(table.num_rows, bool)
    )
    values, missing = scores_of(table, score)
    columns = {name: codes_of(table, name) for name in names}
    columns = {name: (codes[own], texts) for name, (codes, texts) in columns.items()}
    further = None
    if said:
        codes, texts = codes_of(table, said[0])
        further = _table.table_of({"comment": _table.named(codes[own], texts)})
    return columns, values[own], missing[own], further


def _further(log: Log, found: Journeyed) -> Table | None:
    """What is listed of each row of a log, if it has comments."""
    surveys = surveys_of(log)
    if surveys.comment is None:
        return None
    customer = surveys.place["customer"]
    rows = surveys.table.select([surveys.comment, customer]).rows(np.searchsorted(surveys.row, found.row))
    ids, missing = rows.numpy(customer)
    return _table.table_of(
        {
            "comment": _table.named(*rows.codes(surveys.comment)),
            "customer": _table.nullable(ids, np.zeros(len(ids), bool) if missing is None else missing)
            if ids.dtype.kind in "iu"
            else _table.named(*rows.codes(customer)),
            "time": (
                np.where(found.has_time, found.time, 0).astype("datetime64[us]"),
                {"zone": "UTC", "mask": ~found.has_time},
            ),
        }
    )


def _every_period(
    columns: dict[str, tuple[Integers, list[str | None]]], names: tuple[str, ...]
) -> tuple[dict[str, tuple[Integers, list[str | None]]], int]:
    """The segments of rows, then those of all periods that each other segment could have had; and how many rows are.

    Without names, there are no periods.
    """
    rows = len(next(iter(columns.values()))[0]) if columns else 0
    if not names:
        return columns, rows
    codes, texts = columns[PERIOD]
    periods = len(texts) - 1
    timed = codes < periods
    others = [columns[name][0][timed] for name in names[:-1]]
    first = np.flatnonzero(timed)[distinct(others)[0]] if others else np.flatnonzero(timed)[:1]
    _refuse_many(names, len(first) * periods)
    filled = {
        name: (np.append(columns[name][0], np.repeat(columns[name][0][first], periods)), columns[name][1])
        for name in names[:-1]
    }
    filled[PERIOD] = np.append(codes, np.tile(np.arange(periods), len(first))), texts
    return filled, rows


# What the column of kinds is called in the data of many tools, and in the demo's.
_KIND = "kind"


def _column_of_kinds(surveys: Frame, kind: str | None) -> list[str]:
    """The column that may say which survey a row is of, if there is one."""
    if kind is not None:
        return [_args.text(kind, "kind")]
    return [_KIND] if _KIND in _table.names_of(surveys) else []


def _own_rows(table: Table, column: str, wanted: str, asked_for: bool) -> Array:
    """The rows of one kind of survey; without a word from the caller all rows, unless they are of several kinds."""
    codes, texts = table.codes(column)
    own = np.array([text is not None and text.strip().casefold() == wanted for text in texts], dtype=bool)
    kinds = [text for text in texts if text is not None]
    if asked_for and not own.any():
        raise DataError(
            f'column "{column}": no row is of the kind "{wanted}" (available: {_args.listing(kinds)}); name the column '
            "that says which survey a row is of, or leave kind= out where all rows are of one"
        )
    if not asked_for and own.any() and not own.all():
        raise ArgumentError(
            f'the column "{column}" says that the rows are of several surveys ({_args.listing(kinds)}), whose scales '
            f'are not mixed; give kind="{column}" to read those of "{wanted}" only'
        )
    return own[codes] if asked_for else np.ones(table.num_rows, dtype=bool)


def _segments(
    given: dict[str, tuple[Integers, list[str | None]]], names: tuple[str, ...]
) -> tuple[Integers, dict[str, tuple[Integers, list[str | None]]]]:
    """The segment of each row, in the order of their names, and by column the codes and texts of the segments."""
    if not names:
        return np.zeros(0, dtype=np.int64), {}
    columns: list[tuple[Integers, list[str | None]]] = []
    for name in names:
        codes, texts = given[name]
        order = sorted(range(len(texts)), key=lambda at: missing_last(texts[at]))
        rank = np.empty(max(len(texts), 1), dtype=np.int64)
        rank[order] = np.arange(len(texts))
        columns.append((rank[codes], [texts[at] for at in order]))
    first, segment = distinct([codes for codes, _ in columns])
    _refuse_many(names, len(first))
    labels = {name: (columns[at][0][first], columns[at][1]) for at, name in enumerate(names)}
    return segment, labels


def _refuse_many(names: tuple[str, ...], segments: int) -> None:
    if segments > _MOST_SEGMENTS:
        raise ArgumentError(
            f"by={list(names)} makes {segments:,} segments, more than {_MOST_SEGMENTS:,}; choose columns with "
            "fewer values"
        )


def _promoters_and_detractors(counts: Integers) -> tuple[Integers, Integers]:
    return counts[:, NPS.good_from :].sum(axis=1), counts[:, : DETRACTORS_TO + 1].sum(axis=1)


def _divided(part: Array, whole: Array) -> Floats:
    shares: Floats = np.full(len(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _response_rates(answers: Integers, asked: Integers) -> dict[str, object]:
    """Answers of asked; null where no question lacks an answer, because then only answers were written down."""
    known = (answers < asked).any()
    return share_columns("response_rate", answers, asked if known else np.zeros_like(asked))


def _result(
    scale: Scale,
    names: tuple[str, ...],
    counts: Integers,
    columns: dict[str, object],
    facts: _Facts,
    definition: Said,
    groups: dict[str, tuple[int, int]],
) -> ScoreResult:
    answers = counts.sum(axis=1)
    first: dict[str, object] = {name: _table.named(codes, texts) for name, (codes, texts) in facts.by.items()}
    last: dict[str, object] = {
        "asked": facts.asked,
        **_response_rates(answers, facts.asked),
        "rejected": facts.rejected,
    }
    clash = [name for name in names if name in columns or name in last]
    if clash:
        raise ArgumentError(f'by has the column "{clash[0]}", which the result has already; rename it')
    rows = Said(
        "asked are the rows whose answer is missing or of the scale, response_rate is the share of them with an answer "
        "(null where no row lacks one), rejected are other rows."
    )
    shares = {"response_rate", "response_rate_low", "response_rate_high"}
    if scale is not NPS:
        shares |= {scale.kind, f"{scale.kind}_low", f"{scale.kind}_high"}
    table = _table.table_of(first | columns | last)
    return ScoreResult(
        table, paragraph(definition, rows, *facts.words), facts.timezone, shares=frozenset(shares), _scale=scale,
        _by=names, _counts=counts,
        _groups=groups, _written=facts.written, called=facts.called,
    )  # fmt: skip
