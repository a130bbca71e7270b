"""How well a model foresees what it has not seen, beside a simple rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from safar import _args, _table
from safar._intervals import wilson
from safar._typing import Array, Floats, Integers
from safar.errors import DataError
from safar.language import Said, paragraph
from safar.models.prediction import metrics
from safar.models.prediction.cases import Cases, Fold
from safar.models.prediction.estimators import Predictor
from safar.models.prediction.metrics import Profit
from safar.result import ResultTable

__all__ = ["Evaluation", "Rule", "evaluated", "refuse_one_class", "rule_of"]

_TOP = 0.1
_LEAST_NEW = 50
_FRACTIONS = np.round(np.arange(0.05, 1.01, 0.05), 2)
_BINS = 10
_MOST_PERMUTED = 2_000
_SHUFFLES = 3
# A difference that is no more than chance may make it.
_LEVEL = 0.05
_BEATS = 'The model beats the rule "{rule}" in the last part: the area is larger by {difference} ({low} to {high}).'
_BEATS_NOT = (
    'The model does not beat the rule "{rule}" in the last part: the areas differ by {difference} ({low} to {high}), '
    "no more than chance may make it; use the rule, or find better features."
)
_WORSE = (
    'The model is worse than the rule "{rule}" in the last part: the areas differ by {difference} ({low} to {high}). '
    "What it learnt does not hold later; use the rule, or features that mean the same at any time."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A score of one column, which needs no model: who has more of it, or less, comes first."""

    column: str
    sign: int

    def score(self, columns: Mapping[str, Array]) -> Floats:
        """The score of rows; those without a value come last."""
        values = self.sign * columns[self.column].astype(np.float64)
        worst = np.nanmin(values) - 1 if not np.isnan(values).all() else 0.0
        return np.where(np.isnan(values), worst, values)

    def words(self) -> Said:
        """The rule in words."""
        return Said("most {column} first" if self.sign > 0 else "least {column} first", column=self.column)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The rows of one fold that were judged."""

    fold: Fold
    truth: Array
    probability: Floats
    rule: Floats
    seen: Array
    predictor: Predictor


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evaluation:
    """What a report is made of: each fold as it was judged."""

    cases: Cases
    judged: tuple[Judged, ...]
    rule: Rule
    profit: Profit
    bands: tuple[float, ...]

    @property
    def last(self) -> Judged:
        """The latest fold."""
        return self.judged[-1]

    def folds(self, definition: str, timezone: str) -> ResultTable:
        """One row a fold, with every measure."""
        rows = [_measures(each, self.profit) for each in self.judged]
        columns: dict[str, object] = {
            "judged": np.array([each.fold.name for each in self.judged], dtype=object)
        }
        for name in rows[0]:
            values = [row[name] for row in rows]
            whole = all(isinstance(value, int) for value in values)
            columns[name] = (
                np.array(values, dtype=np.int64)
                if whole
                else _table.nullable(np.array(values, dtype=np.float64))
            )
        return ResultTable(_table.table_of(columns), definition, timezone)

    def gains(self, definition: str, timezone: str) -> ResultTable:
        """Which share of the true cases the highest scores hold."""
        last = self.last
        found, by_rule = (
            metrics.captured(last.truth, score, _FRACTIONS) for score in (last.probability, last.rule)
        )
        precision = found * last.truth.mean() / _FRACTIONS
        columns: dict[str, object] = {
            "contacted": _FRACTIONS,
            "captured": _table.nullable(found),
            "captured_by_rule": _table.nullable(by_rule),
            "lift": _table.nullable(found / _FRACTIONS),
            "precision": _table.nullable(precision),
            "profit": _table.nullable(metrics.campaign_profit(last.truth, found, _FRACTIONS, self.profit)),
        }
        shares = frozenset({"contacted", "captured", "captured_by_rule", "precision"})
        return ResultTable(_table.table_of(columns), definition, timezone, shares=shares)

    def contacts(self, definition: str, timezone: str) -> ResultTable:
        """What contacting all customers from each different score on reaches and brings."""
        last = self.last
        order = np.argsort(-last.probability, kind="stable")
        ends = np.flatnonzero(np.diff(last.probability[order], append=np.nan) != 0) + 1
        true = np.cumsum(last.truth[order].astype(np.int64))[ends - 1]
        share, captured, precision = ends / len(order), true / true[-1], true / ends
        low, high = wilson(true, ends)
        profit = metrics.campaign_profit(last.truth, captured, share, self.profit)
        columns: dict[str, object] = {
            "contacted": share,
            "customers": ends,
            "true": true,
            "captured": captured,
            "precision": precision,
            "precision_low": low,
            "precision_high": high,
            "lift": captured / share,
            "profit": profit,
            "best": np.arange(len(ends)) == profit.argmax(),
        }
        shares = frozenset({"contacted", "captured", "precision", "precision_low", "precision_high"})
        return ResultTable(_table.table_of(columns), definition, timezone, shares=shares)

    def calibration(self, definition: str, timezone: str) -> ResultTable:
        """Predicted and observed shares, by bins of equally many cases of all folds."""
        truth, probability = self._pooled()
        order = np.argsort(probability, kind="stable")
        parts = [part for part in np.array_split(order, _BINS) if len(part)]
        observed = np.array([truth[part].sum() for part in parts], dtype=np.int64)
        cases = np.array([len(part) for part in parts], dtype=np.int64)
        low, high = wilson(observed, cases)
        columns: dict[str, object] = {
            "predicted": np.array([probability[part].mean() for part in parts]),
            "observed": observed / cases,
            "observed_low": low,
            "observed_high": high,
            "cases": cases,
        }
        shares = frozenset({"predicted", "observed", "observed_low", "observed_high"})
        return ResultTable(_table.table_of(columns), definition, timezone, shares=shares)

    def banded(self, definition: str, timezone: str) -> ResultTable:
        """What came to pass in each band of risk, over all folds."""
        names, rows, found = [], [], []
        for name, chosen in self._in_bands():
            names.append(name)
            rows.append(sum(len(each) for each in chosen))
            found.append(int(sum(each.sum() for each in chosen)))
        cases, true = np.array(rows, dtype=np.int64), np.array(found, dtype=np.int64)
        low, high = wilson(true, cases)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = true / cases
        columns: dict[str, object] = {
            "band": np.array(names, dtype=object),
            "cases": cases,
            "true": true,
            "share": _table.nullable(share),
            "share_low": _table.nullable(low),
            "share_high": _table.nullable(high),
        }
        shares = frozenset({"share", "share_low", "share_high"})
        return ResultTable(_table.table_of(columns), definition, timezone, shares=shares)

    def _in_bands(self) -> list[tuple[str, list[Array]]]:
        of_fold = [(each, thresholds(each.probability, self.bands)) for each in self.judged]
        return [
            (name, [each.truth[band_of(each.probability, limits) == place] for each, limits in of_fold])
            for place, name in enumerate(BANDS)
        ]

    def importance(self, definition: str, timezone: str, seed: int) -> ResultTable:
        """How much of the area under the curve is lost when a feature is shuffled, in the latest fold."""
        last = self.last
        draw = np.random.default_rng(seed)
        test = last.fold.test
        kept = np.sort(draw.permutation(len(test))[:_MOST_PERMUTED])
        predictor, truth = last.predictor, last.truth[kept]
        names = predictor.encoder.names
        matrix = predictor.encoder.transform({name: self.cases.columns[name][test[kept]] for name in names})
        slots = np.array(predictor.encoder.slots())
        whole = metrics.auc(truth, predictor.machine.raw(matrix)).area
        lost = []
        for place, name in enumerate(names):
            own = np.flatnonzero(slots == place)
            areas = []
            for _ in range(_SHUFFLES):
                shuffled = matrix.copy()
                shuffled[:, own] = matrix[draw.permutation(len(kept))][:, own]
                areas.append(metrics.auc(truth, predictor.machine.raw(shuffled)).area)
            lost.append((whole - float(np.mean(areas)), float(np.std(areas, ddof=1)), name))
        lost.sort(key=lambda each: (-each[0], each[2]))
        found: dict[str, object] = {
            "feature": np.array([name for _, _, name in lost], dtype=object),
            "auc_lost": np.array([loss for loss, _, _ in lost]),
            "standard_deviation": np.array([spread for _, spread, _ in lost]),
        }
        return ResultTable(_table.table_of(found), definition, timezone)

    def _pooled(self) -> tuple[Array, Floats]:
        truth = np.concatenate([each.truth for each in self.judged])
        return truth, np.concatenate([each.probability for each in self.judged])

    def verdict(self) -> Said:
        """Whether the model is worth its while."""
        # Every part has cases of both classes, or it would not have been judged.
        areas = [metrics.auc(each.truth, each.probability).area for each in self.judged]
        last = self.last
        difference, low, high, p = metrics.auc_difference(last.truth, last.probability, last.rule)
        spread = Said(
            "Over {folds} judged parts the area under the ROC curve is {mean} on average ({least} to {most}).",
            folds=len(areas),
            mean=_said(float(np.mean(areas))),
            least=_said(min(areas)),
            most=_said(max(areas)),
        )
        if np.isnan(difference):
            return spread
        sentence = _BEATS_NOT if p >= _LEVEL else _BEATS if difference > 0 else _WORSE
        return paragraph(
            spread,
            Said(
                sentence,
                rule=self.rule.words(),
                difference=_said(difference),
                low=_said(low),
                high=_said(high),
            ),
        )


BANDS = ("high", "medium", "low")


def thresholds(probability: Floats, bands: Sequence[float]) -> Floats:
    """The probabilities from which on the bands begin, so that so large shares of the rows lie above."""
    ordered = np.sort(probability)[::-1]
    places = [min(max(round(share * len(ordered)), 1), len(ordered)) - 1 for share in bands]
    return ordered[places]


def band_of(probability: Floats, limits: Floats) -> Integers:
    """The number of the band of each row: 0 is the highest."""
    # Of a band that begins where the higher one does, nothing is left: ties go to the higher band.
    found: Integers = (probability[:, None] < limits[None, :]).sum(axis=1)
    return found


def _said(value: float) -> float:
    return round(float(value), 3)


def _measures(judged: Judged, profit: Profit) -> dict[str, Any]:
    truth, probability, rule = judged.truth, judged.probability, judged.rule
    area = metrics.auc(truth, probability)
    baseline = metrics.auc(truth, rule)
    difference, low, high, p = metrics.auc_difference(truth, probability, rule)
    score, skill = metrics.brier(truth, probability)
    lines = metrics.calibration(truth, probability)
    earned, contacted = metrics.emp_churn(truth, probability, profit)
    top = metrics.captured(truth, probability, np.array([_TOP]))[0]
    new = ~judged.seen
    fresh = (
        metrics.auc(truth[new], probability[new]) if new.sum() >= _LEAST_NEW else metrics.Auc(*[np.nan] * 4)
    )
    return {
        "learnt": len(judged.fold.train),
        "cases": len(truth),
        "true": int(truth.sum()),
        "auc": area.area,
        "auc_low": area.low,
        "auc_high": area.high,
        "average_precision": metrics.average_precision(truth, probability),
        "brier": score,
        "brier_skill": skill,
        "log_loss": metrics.log_loss(truth, probability),
        "calibration_slope": lines.slope,
        "calibration_intercept": lines.intercept,
        "calibration_in_the_large": lines.in_the_large,
        "expected_calibration_error": metrics.expected_calibration_error(truth, probability),
        "ks": metrics.ks(truth, probability),
        "top_tenth_captured": top,
        "top_tenth_lift": top / _TOP,
        "expected_maximum_profit": earned,
        "contacted_for_profit": contacted,
        "rule_auc": baseline.area,
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "p": p,
        "new_customers": int(new.sum()),
        "new_customers_auc": fresh.area,
    }


def evaluated(
    cases: Cases,
    learn: Callable[[Integers, Integers], Predictor],
    rule: Rule,
    profit: Profit,
    bands: tuple[float, ...],
) -> Evaluation:
    """Judge every fold with a model of its own."""
    judged = []
    for fold in cases.folds:
        truth = cases.truth[fold.test]
        predictor = learn(fold.train, fold.calibrate)
        columns = {name: values[fold.test] for name, values in cases.columns.items()}
        seen = np.isin(
            cases.customer[fold.test], cases.customer[np.concatenate([fold.train, fold.calibrate])]
        )
        judged.append(Judged(fold, truth, predictor(columns), rule.score(columns), seen, predictor))
    return Evaluation(cases, tuple(judged), rule, profit, bands)


def refuse_one_class(cases: Cases) -> None:
    """Refuse folds from which nothing can be learnt, or by which nothing can be judged."""
    for fold in cases.folds:
        for what, rows in (("learn from", fold.train), ("judge by", fold.test)):
            if not cases.truth[rows].any() or cases.truth[rows].all():
                raise DataError(
                    f"{fold.name}: the {len(rows):,} rows to {what} are of one class only; choose a longer predict=, "
                    "other cut-offs or more customers"
                )


def rule_of(cases: Cases, given: str | None, usual: Sequence[str]) -> Rule:
    """The rule that a model is held against: a column, with a minus before it where less comes first."""
    if given is not None:
        name = given.removeprefix("-")
        if name not in cases.columns or cases.columns[name].dtype == object:
            numbers = [column for column, values in cases.columns.items() if values.dtype != object]
            raise DataError(
                f'rule="{given}" is not a feature that is a number{_args.suggestion(name, numbers)} (available: '
                f"{_args.listing(numbers)})"
            )
        return Rule(name, -1 if given.startswith("-") else 1)
    for each in usual:
        if each.removeprefix("-") in cases.columns:
            return Rule(each.removeprefix("-"), -1 if each.startswith("-") else 1)
    return _best_rule(cases)


def _best_rule(cases: Cases) -> Rule:
    """The one column that ranks best the rows that the last model learns from, and not those that it is judged by."""
    rows = cases.folds[-1].train
    best, found = 0.0, None
    for name, values in cases.columns.items():
        if values.dtype == object:
            continue
        for sign in (1, -1):
            area = metrics.auc(cases.truth[rows], Rule(name, sign).score({name: values[rows]})).area
            if area > best:
                best, found = area, Rule(name, sign)
    if found is None:
        raise DataError(
            "no feature is a number, so that there is no rule to hold a model against; give rule="
        )
    return found
