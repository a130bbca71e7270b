"""The emotion curve: how customers feel along the stages of their journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._intervals import mean_bounds
from safar._typing import Along, Duration, ScoreAt
from safar.errors import ArgumentError
from safar.language import Length, Said, paragraph, quoted
from safar.result import ResultTable
from safar.voice.journeys import journeyed, surveys_of

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar._log import Log
    from safar.journey_map.parts import Name

__all__ = ["EmotionCurveResult", "emotion_curve"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class EmotionCurveResult(ResultTable):
    """How do customers feel along their journey?

    Parameters
    ----------
    table
        One row a stage (or touchpoint), in the order of the map: ``stage`` (or ``touchpoint``), ``answers``, ``mean``,
        ``mean_low``, ``mean_high`` (95 % interval of Student's t); null where nobody answered, the interval also where
        one did.
    along
        ``"stage"`` or ``"touchpoint"``.
    low, high
        The worst and the best answer that the means can be: the ends of the scale, or 0 and 1 where they are rescaled.
    """

    along: Along
    low: float
    high: float
    _: KW_ONLY
    _names: Mapping[str, Name]

    def names(self, language: str = "en") -> list[str]:
        """What the map calls the rows, in ``"en"`` or ``"fa"``; their ids where it does not say."""
        ids = self.to_dict()[self.along]
        return [self._names[id].of(language) or id if id in self._names else id for id in ids]  # type: ignore[arg-type]

    def plot(self, **options: Any) -> ChartType:
        """The curve as an Altair chart; the options are those of `safar.plot.emotion_curve`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").emotion_curve(self, **options)
        return chart


def emotion_curve(
    log: Log,
    *,
    kind: str | None = None,
    rescaled: bool = False,
    along: Along = "stage",
    order: Sequence[str] | None = None,
    at: ScoreAt = "last",
    lookback: Duration = "30d",
) -> EmotionCurveResult:
    """How do customers feel along their journey: the mean score of every stage?

    Parameters
    ----------
    kind
        The kind of score; needed where the log has several, whose scales are not mixed.
    rescaled
        Whether answers are brought to 0 (the worst of their scale) to 1 (the best); then, without `kind`, all kinds
        stand in one curve. A middling answer of one scale need not feel like one of another.
    along
        ``"stage"`` (default) or ``"touchpoint"``: a column of the log, as `EventLog.with_map` gives it.
    order
        The stages (or touchpoints) that are shown, in this order; by default those of the map.
    at, lookback
        Which events before an answer say where it belongs, as of `safar.nps`: the ``"last"`` one or all that were
        ``"touched"``, at most 30 days before it by default.

    Returns
    -------
    EmotionCurveResult
        One row a stage: ``stage`` (or ``touchpoint``), ``answers``, ``mean`` with its 95 % interval of Student's t, cut
        at the ends of the scale (``mean_low``, ``mean_high``); where all answers are equal it is as of `safar.csat`,
        for one answer null. A stage without an answer is a row with nulls: nobody said anything there, which is not a
        low.

    Notes
    -----
    Who answers is not everybody, and answers of one customer are not independent of each other: where customers
    answered several times the intervals are too narrow. A score is asked after some events and not after others; the
    curve shows what was said there, not what a stage did to customers.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-01", "2026-03-01"],
    ...         "event": ["visit", "order", "order"],
    ...         "stage": ["look", "buy", "buy"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     attributes=["stage"],
    ... )
    >>> surveys = {"who": ["ann", "bob", "cem"], "at": ["2026-03-02"] * 3, "csat": [2, 4, 5]}
    >>> scored = log.with_scores(surveys, customer="who", time="at", score="csat", scale="csat")
    >>> curve = scored.emotion_curve(order=["look", "buy", "use"])
    >>> curve.to_dict()["mean"]
    [2.0, 4.5, None]
    """
    _args.choice(along, "along", Along)
    _args.flag(rescaled, "rescaled")
    surveys = surveys_of(log)
    if kind is None and len(surveys.kinds) > 1 and not rescaled:
        kinds = _args.listing(surveys.kinds)
        raise ArgumentError(
            f"the log has scores of several kinds ({kinds}), whose scales are not mixed in one curve; choose one with "
            "kind=, or give rescaled=True, which brings all to 0 for the worst and 1 for the best answer"
        )
    scales = surveys.scales if kind is None else (surveys.kind_of(kind),)
    found = journeyed(log, scales, (along,), at, lookback, only_answers=True)
    rows, names = _rows(log, along, order)
    value = found.score
    if rescaled:
        value = np.zeros(len(found.row))
        for place, scale in enumerate(surveys.scales):
            own = found.kind == place
            value[own] = scale.rescaled(found.score[own])
    codes, texts = found.columns[along]
    place_of = {row: place for place, row in enumerate(rows)}
    elsewhere = len(rows)
    stage = np.array(
        [place_of.get(text, elsewhere) if text is not None else elsewhere for text in texts] or [0]
    )
    of_stage = stage[codes]
    shown = of_stage < elsewhere
    count = np.bincount(of_stage[shown], minlength=elsewhere)
    total = np.bincount(of_stage[shown], value[shown], minlength=elsewhere)
    squares = np.bincount(of_stage[shown], value[shown] ** 2, minlength=elsewhere)
    ends = (0.0, 1.0) if rescaled else (float(scales[0].low), float(scales[0].high))
    low, high = mean_bounds(count, total, squares, *ends)
    mean = np.divide(total, count, out=np.full(elsewhere, np.nan), where=count > 0)
    table = _table.table_of(
        {
            along: rows,
            "answers": count.astype(np.int64),
            "mean": _table.nullable(mean),
            "mean_low": _table.nullable(low),
            "mean_high": _table.nullable(high),
        }
    )
    every = len(np.unique(found.row))
    nowhere = every - len(np.unique(found.row[shown]))
    kinds = quoted(scale.kind for scale in scales)
    counted = Said(
        "Mean score ({kinds}, {low} to {high}) {by}, with the 95 % interval of Student's t, no wider than the scale "
        "(where all answers are equal, that of Clopper and Pearson for the share of others); {nowhere} of {all} "
        "answers are at none of them.",
        kinds=(
            Said("{kinds}, rescaled from 0 (the worst answer) to 1 (the best)", kinds=kinds)
            if rescaled
            else kinds
        ),
        low=ends[0],
        high=ends[1],
        by=Said(_BY[at], along=Said(along), lookback=Length(lookback)),
        nowhere=nowhere,
        all=every,
    )
    falling = not rescaled and scales[0].falling
    definition = paragraph(counted, Said("Low answers are the good ones.") if falling else None)
    return EmotionCurveResult(table, definition, log.timezone, along, *ends, _names=names)


_BY = {
    "last": "by the {along} of the customer's last event at or before the answer, at most {lookback} before it",
    "touched": (
        "by every {along} that the customer touched in the {lookback} before the answer, which counts once in each"
    ),
}


def _rows(log: Log, along: Along, order: Sequence[str] | None) -> tuple[list[str], Mapping[str, Name]]:
    """The stages or touchpoints in their order, and what they are called."""
    journey_map = log.map
    parts = () if journey_map is None else journey_map.stages if along == "stage" else journey_map.touchpoints
    names = {part.id: part.name for part in parts}
    if order is not None:
        return list(_args.names(order, "order")), names
    if not names:
        raise ArgumentError(
            f"the log has no journey map that says in which order its {along}s come; read it through one with "
            f"log.with_map(…), or give order=[…] with the {along}s"
        )
    return list(names), names
