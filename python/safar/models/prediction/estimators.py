"""The machines that learn: logistic regression, boosting or any classifier of scikit-learn, and their calibration."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from scipy import special

from safar import _args
from safar._typing import Array, Floats
from safar.errors import ArgumentError, ArgumentTypeError
from safar.models.prediction.encoding import Encoder
from safar.models.prediction.metrics import newton

__all__ = [
    "Calibrate",
    "Calibrator",
    "Estimator",
    "EstimatorName",
    "Linear",
    "Predictor",
    "few_threads",
    "fitted",
    "foreign",
]

EstimatorName: TypeAlias = Literal["boosting", "logistic"]
# Or any classifier of scikit-learn's protocol, of which there is no common type.
Estimator: TypeAlias = object
Calibrate: TypeAlias = Literal["auto", "isotonic", "sigmoid", "none"]

# Steps need many cases to be worth their freedom.
_LEAST_ISOTONIC = 1_000
# Cells of a matrix from which on more than one thread is worth its while.
_MANY_CELLS = 5_000_000
_SEPARATED = 30.0


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression over standardised columns."""

    mean: Floats
    scale: Floats
    weights: Floats
    intercept: float

    def raw(self, matrix: Floats) -> Floats:
        """The logits."""
        logits: Floats = self.standardised(matrix) @ self.weights + self.intercept
        return logits

    def standardised(self, matrix: Floats) -> Floats:
        """The columns with mean 0 and standard deviation 1 in the rows that were learnt from."""
        scaled: Floats = (matrix - self.mean) / self.scale
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """The regression as JSON has it."""
        parts = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        return {name: values.tolist() for name, values in parts.items()} | {"intercept": self.intercept}

    @classmethod
    def of_dict(cls, given: Mapping[str, Any]) -> Linear:
        """The regression that was written so."""
        mean, scale, weights = (
            np.array(given[name], dtype=np.float64) for name in ("mean", "scale", "weights")
        )
        return cls(mean, scale, weights, float(given["intercept"]))


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A fitted classifier of another library."""

    machine: Any

    def raw(self, matrix: Floats) -> Floats:
        """The logits."""
        probability = self.machine.predict_proba(matrix)[:, 1]
        logits: Floats = special.logit(np.clip(probability, 1e-12, 1 - 1e-12))
        return logits


@dataclass(frozen=True, slots=True)
class Calibrator:
    """From logits to probabilities: steps between points, or a logistic curve."""

    method: str
    points: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    curve: tuple[float, float] | None = None

    def __call__(self, logits: Floats) -> Floats:
        """The probabilities of logits."""
        if self.points is not None:
            return np.interp(logits, *self.points)
        intercept, slope = self.curve or (0.0, 1.0)
        probability: Floats = special.expit(intercept + slope * logits)
        return probability


@dataclass(frozen=True, slots=True)
class Predictor:
    """Columns in, probabilities out."""

    encoder: Encoder
    machine: Linear | _Foreign
    calibrator: Calibrator
    remarks: tuple[str, ...]

    def raw(self, columns: Mapping[str, Array]) -> Floats:
        """Logits before calibration."""
        return self.machine.raw(self.encoder.transform(columns))

    def __call__(self, columns: Mapping[str, Array]) -> Floats:
        """Probabilities of rows."""
        return self.calibrator(self.raw(columns))


def few_threads(cells: int) -> AbstractContextManager[Any]:
    """One thread for little work: where other programs want the cores too, threads wait for each other for minutes."""
    # A library that scikit-learn itself needs.
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1) if cells < _MANY_CELLS else nullcontext()
    return limits


def foreign(machine: object) -> _Foreign:
    """A fitted classifier of another library."""
    return _Foreign(machine)


def fitted(
    columns: Mapping[str, Array],
    truth: Array,
    held: Mapping[str, Array],
    held_truth: Array,
    *,
    estimator: EstimatorName | Estimator,
    calibrate: Calibrate,
    seed: int,
) -> Predictor:
    """A predictor that learnt from some rows and is calibrated with others, which came later."""
    encoder = Encoder.fit(columns, impute=estimator != "boosting")
    matrix = encoder.transform(columns)
    machine, remarks = _machine(estimator, matrix, truth, seed)
    logits = machine.raw(encoder.transform(held))
    return Predictor(encoder, machine, _calibrator(logits, held_truth, calibrate), remarks)


def _machine(
    estimator: EstimatorName | Estimator, matrix: Floats, truth: Array, seed: int
) -> tuple[Linear | _Foreign, tuple[str, ...]]:
    if estimator == "logistic":
        return _logistic(matrix, truth)
    if estimator == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier

        # Small leaves and slow steps: with few rows, boosting learns by heart else.
        machine = HistGradientBoostingClassifier(
            learning_rate=0.06, max_iter=200, max_leaf_nodes=15, min_samples_leaf=40, l2_regularization=1.0,
            early_stopping=False, random_state=seed,
        )  # fmt: skip
        return _Foreign(machine.fit(matrix, truth)), ()
    if isinstance(estimator, str):
        _args.choice(estimator, "estimator", EstimatorName)
    if not hasattr(estimator, "fit") or not hasattr(estimator, "predict_proba"):
        raise ArgumentTypeError(
            f'estimator={estimator!r} has no fit and predict_proba; expected "boosting", "logistic" or a classifier of '
            "scikit-learn"
        )
    from sklearn.base import clone

    return _Foreign(clone(cast("Any", estimator)).fit(matrix, truth)), ()


def _logistic(matrix: Floats, truth: Array) -> tuple[Linear, tuple[str, ...]]:
    from sklearn.linear_model import LogisticRegression

    mean, scale = matrix.mean(axis=0), matrix.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    machine = LogisticRegression(C=1.0, max_iter=2000).fit((matrix - mean) / scale, truth)
    linear = Linear(mean, scale, machine.coef_[0].astype(np.float64), float(machine.intercept_[0]))
    remarks = []
    if np.abs(linear.raw(matrix)).max() > _SEPARATED:
        remarks.append(
            "Some rows are told apart all but surely (logits beyond 30): a column may give the answer away; only the "
            "penalty keeps the weights finite."
        )
    if machine.n_iter_.max() >= machine.max_iter:
        remarks.append(
            f"The logistic regression stopped after {machine.max_iter} steps, before it had settled."
        )
    return linear, tuple(remarks)


def _calibrator(logits: Floats, truth: Array, calibrate: Calibrate) -> Calibrator:
    method = _args.choice(calibrate, "calibrate", Calibrate)
    rarer = int(min(truth.sum(), (~truth).sum()))
    if method == "auto":
        method = "isotonic" if rarer >= _LEAST_ISOTONIC else "sigmoid"
    if method == "none":
        return Calibrator("none")
    if rarer == 0:
        raise ArgumentError(
            "the rows to calibrate with are of one class only; choose other cut-offs, a longer predict= or more "
            "customers"
        )
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(
            logits, truth.astype(np.float64)
        )
        heights = _never_certain(steps.y_thresholds_, steps.predict(logits))
        return Calibrator("isotonic", points=(tuple(steps.X_thresholds_.tolist()), tuple(heights.tolist())))
    # Platt's targets keep the curve from running away (Lin, Lin and Weng 2007).
    true, false = int(truth.sum()), int((~truth).sum())
    target = np.where(truth, (true + 1) / (true + 2), 1 / (false + 2))
    curve = newton(target, np.zeros(len(logits)), np.column_stack([np.ones(len(logits)), logits]))
    if np.isnan(curve).any() or curve[1] <= 0:
        # Later cases were ranked no better than by chance: all that is known of a case is the share of them all.
        return Calibrator("sigmoid", curve=(float(special.logit(target.mean())), 0.0))
    return Calibrator("sigmoid", curve=(float(curve[0]), float(curve[1])))


def _never_certain(heights: Floats, of_rows: Floats) -> Floats:
    """Steps without 0 and 1: after n cases that were all alike, the next is so in n + 1 of n + 2 (Laplace)."""
    inner = heights[(heights > 0) & (heights < 1)]
    low, high = 1 / ((of_rows == 0).sum() + 2), 1 - 1 / ((of_rows == 1).sum() + 2)
    if len(inner):
        low, high = min(low, inner.min()), max(high, inner.max())
    return np.clip(heights, low, high)
