"""Who will leave, and who will buy: models of customers from their events, judged on later ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from safar import _args
from safar._log import Log
from safar._typing import Duration, Frame, Instant, Integers
from safar.analyses.features import Features
from safar.analyses.labels import LabelKind, Labels
from safar.errors import ArgumentError
from safar.features import FeatureLike
from safar.language import Said, paragraph
from safar.models.prediction.cases import Cases, cases_of_log, last_cutoffs
from safar.models.prediction.estimators import (
    Calibrate,
    Estimator,
    EstimatorName,
    Predictor,
    few_threads,
    fitted,
)
from safar.models.prediction.evaluation import evaluated, refuse_one_class, rule_of, thresholds
from safar.models.prediction.frames import cases_of_frame
from safar.models.prediction.metrics import Profit
from safar.models.prediction.model import PredictionModel, reported

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["churn", "leads"]

_BANDS = (0.1, 0.3)
_SPREAD = 1_000
_RULES: dict[LabelKind, tuple[str, ...]] = {
    "inactivity": ("recency_days",),
    "event": ("-recency_days",),
    "renewal": ("recency_days",),
}


def _model(
    data: EventLog | Frame,
    question: dict[str, Any],
    *,
    label: str | None,
    positive: object,
    key: str | None,
    columns: Sequence[str] | None,
    time: str | None,
    features: dict[str, Any],
    cutoffs: int | Sequence[Instant] | None,
    every: Duration | None,
    estimator: EstimatorName | Estimator,
    calibrate: Calibrate,
    rule: str | None,
    profit: Profit | None,
    most_rows: int,
    seed: int,
) -> PredictionModel:
    _args.whole(most_rows, "most_rows")
    _args.whole(seed, "seed", least=0, most=2**32 - 1)
    if isinstance(data, Log):
        if any(each is not None for each in (label, key, columns, time)):
            raise ArgumentError(
                "label=, key=, columns= and time= are for a frame; a log has its labels from its events"
            )
        log = cast("EventLog", data)
        labels = _labels(log, question, cutoffs, every)
        cases = cases_of_log(log, Features(**features), labels, most_rows=most_rows, seed=seed)
        timezone, usual = log.timezone, _RULES[labels.kind]
    else:
        if label is None:
            raise ArgumentError(
                'a frame needs label=, the column that says what came to pass, such as label="churned"'
            )
        ahead = sum(
            _args.microseconds(each) for each in (question["predict"], question["gap"]) if each is not None
        )
        cases = cases_of_frame(
            data, label=label, positive=positive, key=key, columns=columns, time=time, known_after=ahead,
            most_rows=most_rows, seed=seed,
        )  # fmt: skip
        timezone, usual = "UTC", ()
    refuse_one_class(cases)
    return _fitted(
        cases, timezone, rule_of(cases, rule, usual), estimator=estimator, calibrate=calibrate,
        profit=profit or Profit(), seed=seed,
    )  # fmt: skip


# What a part is judged by, by whether there is a time and whether the rows are those of a frame.
_PARTS = {
    (False, True): (Said("other parts"), Said("a part of its own")),
    (True, True): (Said("earlier rows whose labels were known before"), Said("the latest of these")),
    (True, False): (Said("cut-offs whose labels had ended before"), Said("a cut-off between the two")),
}


def _labels(
    log: EventLog, question: dict[str, Any], cutoffs: int | Sequence[Instant] | None, every: Duration | None
) -> Labels:
    """The labels that are asked for, at cut-offs that the data surround."""
    if cutoffs is None or isinstance(cutoffs, int):
        spans = [question[name] for name in ("predict", "gap", "grace")]
        ahead = sum(_args.microseconds(each) for each in spans if each is not None)
        found: Sequence[Instant] = last_cutoffs(log, cutoffs, every, ahead, question["observe"])
    else:
        if every is not None:
            raise ArgumentError(
                "every= goes with a number of cut-offs; those given are as far apart as they are"
            )
        found = list(cutoffs)
    return Labels(at=found, **question)


def _fitted(
    cases: Cases,
    timezone: str,
    rule: Any,
    *,
    estimator: EstimatorName | Estimator,
    calibrate: Calibrate,
    profit: Profit,
    seed: int,
) -> PredictionModel:
    def learn(train: Integers, held: Integers) -> Predictor:
        def of(rows: Integers) -> dict[str, Any]:
            return {name: values[rows] for name, values in cases.columns.items()}

        return fitted(
            of(train), cases.truth[train], of(held), cases.truth[held],
            estimator=estimator, calibrate=calibrate, seed=seed,
        )  # fmt: skip

    with few_threads(len(cases) * len(cases.columns)):
        evaluation = evaluated(cases, learn, rule, profit, _BANDS)
        predictor = learn(cases.train, cases.calibrate)
    method = predictor.calibrator.method
    earlier, between = _PARTS[cases.timed, cases.features is None]
    how = Said(
        "Each part was judged by a model that had learnt from {earlier}, calibrated ({method}) with {between}.",
        earlier=earlier,
        method=method,
        between=between,
    )
    whole = paragraph(cases.meaning, how)
    remarks = (*cases.remarks, *predictor.remarks)
    with few_threads(len(cases) * len(cases.columns)):
        report = reported(evaluation, whole, timezone, remarks, seed)
    important = tuple(report.importance.to_dict()["feature"])
    held = {name: cases.columns[name][cases.calibrate] for name in predictor.encoder.names}
    probability = predictor(held)
    numbers = [name for name in important if held.get(name) is not None and held[name].dtype != object][:12]
    spread = {"score": _sample(probability)} | {name: _sample(held[name]) for name in numbers}
    return PredictionModel(
        whole, report, predictor, cases.features, timezone,
        tuple(thresholds(probability, _BANDS).tolist()), spread,
        tuple(name for name in important if name in predictor.encoder.names),
    )  # fmt: skip


def _sample(values: Any) -> tuple[float, ...]:
    """So many of the known values, evenly spread over their order."""
    known = np.sort(values[~np.isnan(values)])
    places = np.linspace(0, len(known) - 1, min(len(known), _SPREAD)).round().astype(np.int64)
    return tuple(known[places].tolist())


def churn(
    data: EventLog | Frame,
    kind: LabelKind = "inactivity",
    *,
    predict: Duration = "30d",
    observe: Duration = "90d",
    gap: Duration | None = None,
    events: str | Sequence[str] | None = None,
    where: str | None = None,
    term: Duration | None = None,
    grace: Duration | None = None,
    active: str | Sequence[str] | None = None,
    active_where: str | None = None,
    arrived: str | None = None,
    features: FeatureLike | Sequence[FeatureLike] | None = None,
    attributes: str | Sequence[str] = (),
    cutoffs: int | Sequence[Instant] | None = None,
    every: Duration | None = None,
    label: str | None = None,
    positive: object = None,
    key: str | None = None,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    estimator: EstimatorName | Estimator = "boosting",
    calibrate: Calibrate = "auto",
    rule: str | None = None,
    profit: Profit | None = None,
    most_rows: int = 200_000,
    seed: int = 0,
) -> PredictionModel:
    """Who will leave?

    Parameters
    ----------
    data
        A log, whose own past gives features and labels; or a frame with one row a customer and a `label`.
    kind
        What leaving is: ``"inactivity"``, none of the `events` in the prediction window; ``"event"``, one of them, such
        as a cancellation; ``"renewal"``, a term that ends in the window and is not renewed.
    predict
        Length of the prediction window.
    observe
        Length of the observation window before each cut-off.
    gap
        Time to act between the cut-off and the prediction window; by default none.
    events, where, term, grace, active, active_where, arrived
        As for `EventLog.labels`.
    features, attributes
        As for `EventLog.features`; by default all groups.
    cutoffs
        How many cut-offs are learnt from and judged by, the latest that the data allow, or the cut-offs themselves; by
        default up to 5, and at least 3: one to learn from, one to calibrate with, one to judge by.
    every
        Time between cut-offs; by default that of gap and prediction window, so that labels don't overlap.
    label, positive, key, columns
        Of a frame: the column with the outcome, the value that stands for leaving, the column with the ids, and the
        columns to learn from (by default all others).
    time
        Of a frame: the column with the moment at which each row was looked at, a date or a time (UTC, where it has no
        zone of its own). Rows are then judged by what was learnt from earlier ones whose labels were known by then,
        `predict` and `gap` after their moment. Without it, rows are split at random, and the report says so.
    estimator
        ``"boosting"`` (gradient boosting of scikit-learn), ``"logistic"`` (L2, C = 1, standardised, undefined numbers
        as the median with a mark), or any classifier of scikit-learn's protocol.
    calibrate
        ``"isotonic"``, ``"sigmoid"`` (Platt), ``"none"``, or ``"auto"``: steps from 1,000 cases of each class on.
    rule
        The feature that the model is held against, with ``"-"`` before it where less is riskier; by default the days
        since the last event, and for a frame the best single column.
    profit
        What a campaign costs and brings, for the expected maximum profit.
    most_rows
        Rows to learn from at most; customers are sampled where there are more.
    seed
        Of all that is drawn at random; the same seed gives the same model.

    Returns
    -------
    PredictionModel
        With its `report`; ``model.score(log)`` gives the customers at risk.

    Raises
    ------
    ArgumentError
        If windows are longer than the data, or cut-offs too few.
    DataError
        If there is one class only, or no feature varies.

    Notes
    -----
    Each cut-off is judged by a model that knew only labels that had ended before it (purged temporal validation), and
    was calibrated on the latest of these. Scores are associations: who is likely to leave is not who can be kept.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(600).log()
    >>> model = safar.churn(log, predict="45d", observe="90d", estimator="logistic")
    >>> model.report.folds.to_dict()["cases"][-1] > 300
    True
    >>> model.score(log).to_dict()["band"][0]
    'high'
    """
    question = {
        "kind": kind, "predict": predict, "observe": observe, "gap": gap, "events": events, "where": where,
        "term": term, "grace": grace, "active": active, "active_where": active_where, "arrived": arrived,
    }  # fmt: skip
    return _model(
        data, question, label=label, positive=positive, key=key, columns=columns,
        time=time, features={"features": features, "attributes": attributes}, cutoffs=cutoffs, every=every,
        estimator=estimator, calibrate=calibrate, rule=rule, profit=profit, most_rows=most_rows, seed=seed,
    )  # fmt: skip


def leads(
    data: EventLog | Frame,
    goal: str | Sequence[str] | None = None,
    *,
    predict: Duration = "14d",
    observe: Duration = "60d",
    gap: Duration | None = None,
    where: str | None = None,
    again: bool = False,
    active: str | Sequence[str] | None = None,
    active_where: str | None = None,
    arrived: str | None = None,
    features: FeatureLike | Sequence[FeatureLike] | None = None,
    attributes: str | Sequence[str] = (),
    cutoffs: int | Sequence[Instant] | None = None,
    every: Duration | None = None,
    label: str | None = None,
    positive: object = None,
    key: str | None = None,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    estimator: EstimatorName | Estimator = "boosting",
    calibrate: Calibrate = "auto",
    rule: str | None = None,
    profit: Profit | None = None,
    most_rows: int = 200_000,
    seed: int = 0,
) -> PredictionModel:
    """Who will buy, register, or do whatever is hoped for?

    Parameters
    ----------
    data
        A log, or a frame with a `label`, as for `churn`.
    goal
        The event, or events, that are hoped for, such as ``"purchase"``.
    predict, observe, gap
        Windows as for `churn`.
    where
        A condition that the goal has to meet.
    again
        Customers who reached the goal before the cut-off are scored as well; by default only those who never did.
    active, active_where, arrived, features, attributes, cutoffs, every, label, positive, key, columns, time, estimator
        As for `churn`.
    calibrate, rule, profit, most_rows, seed
        As for `churn`; the usual rule is: who was here most recently comes first.

    Returns
    -------
    PredictionModel
        With its `report`; ``model.score(log)`` gives the leads, the best first.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(600).log()
    >>> model = safar.leads(log, "purchase", predict="45d", estimator="logistic")
    >>> model.score(log).columns[:4]
    ['customer', 'at', 'probability', 'band']
    """
    if isinstance(data, Log) and goal is None:
        raise ArgumentError('leads of a log need a goal, the event that is hoped for, such as "purchase"')
    kind: Literal["event"] = "event"
    question = {
        "kind": kind, "predict": predict, "observe": observe, "gap": gap, "events": goal, "where": where,
        "again": again, "active": active, "active_where": active_where, "arrived": arrived,
    }  # fmt: skip
    return _model(
        data, question | {"term": None, "grace": None}, label=label, positive=positive, key=key, columns=columns,
        time=time, features={"features": features, "attributes": attributes}, cutoffs=cutoffs, every=every,
        estimator=estimator, calibrate=calibrate, rule=rule, profit=profit, most_rows=most_rows, seed=seed,
    )  # fmt: skip
