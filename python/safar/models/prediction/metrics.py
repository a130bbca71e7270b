"""How good are scores: ranking, calibration and profit, with ties taken for what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from safar._typing import Array, Floats
from safar.errors import ArgumentError

__all__ = [
    "Auc",
    "Calibration",
    "Profit",
    "auc",
    "auc_difference",
    "average_precision",
    "brier",
    "calibration",
    "campaign_profit",
    "captured",
    "emp_churn",
    "expected_calibration_error",
    "hull",
    "ks",
    "log_loss",
    "newton",
    "stability_index",
]

_Z = float(stats.norm.ppf(0.975))


class Auc(NamedTuple):
    """Area under the ROC curve: the share of pairs of a true and a false case that are ranked rightly, ties half."""

    area: float
    standard_error: float
    low: float
    high: float


def _placements(truth: Array, score: Floats) -> tuple[Floats, Floats]:
    """Of each true case the share of false ones below it, of each false case that of true ones above; ties half."""
    true, false = score[truth], score[~truth]
    ranks = stats.rankdata(np.concatenate([true, false]))
    above = ranks[: len(true)] - stats.rankdata(true)
    below = ranks[len(true) :] - stats.rankdata(false)
    return above / len(false), 1 - below / len(true)


def auc(truth: Array, score: Floats) -> Auc:
    """The area under the ROC curve with the 95 % interval of DeLong, DeLong and Clarke-Pearson (1988).

    NaN where there is one class only; the standard error is NaN where a class has one case.
    """
    truth = truth.astype(bool)
    if not truth.any() or truth.all():
        return Auc(np.nan, np.nan, np.nan, np.nan)
    above, below = _placements(truth, score)
    area = float(above.mean())
    error = float(np.sqrt(_variance(above) / len(above) + _variance(below) / len(below)))
    return Auc(area, error, max(area - _Z * error, 0.0), min(area + _Z * error, 1.0))


def _variance(values: Floats) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else np.nan


def auc_difference(truth: Array, score: Floats, other: Floats) -> tuple[float, float, float, float]:
    """The difference of two areas over the same cases, its 95 % interval and p-value (DeLong et al. 1988, paired)."""
    truth = truth.astype(bool)
    if truth.sum() < 2 or (~truth).sum() < 2:
        return np.nan, np.nan, np.nan, np.nan
    (above, below), (other_above, other_below) = _placements(truth, score), _placements(truth, other)
    difference = float(above.mean() - other_above.mean())
    variance = _variance(above - other_above) / len(above) + _variance(below - other_below) / len(below)
    error = float(np.sqrt(variance))
    p = 1.0 if difference == 0 else float(2 * stats.norm.sf(abs(difference) / error)) if error > 0 else 0.0
    return difference, difference - _Z * error, difference + _Z * error, p


def average_precision(truth: Array, score: Floats) -> float:
    """Average precision: the step sum over the distinct scores, not a trapezoid; NaN without a true case."""
    if not truth.any():
        return np.nan
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score))


def brier(truth: Array, probability: Floats) -> tuple[float, float]:
    """The Brier score, and its skill: 1 minus its ratio to that of the base rate; the skill of one class is NaN."""
    score = float(np.mean((probability - truth) ** 2))
    base = float(np.mean((truth.mean() - truth) ** 2))
    return score, 1 - score / base if base > 0 else np.nan


def log_loss(truth: Array, probability: Floats) -> float:
    """Mean of minus the logarithm of the probability of what came to pass, kept off 0 and 1 by 1e-15."""
    kept = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(truth.astype(bool), np.log(kept), np.log1p(-kept))))


def ks(truth: Array, score: Floats) -> float:
    """The largest distance between the score distributions of the two classes; NaN for one class."""
    truth = truth.astype(bool)
    if not truth.any() or truth.all():
        return np.nan
    places = np.unique(score)
    below = (np.searchsorted(np.sort(score[each]), places, side="right") for each in (truth, ~truth))
    true, false = (count / each.sum() for count, each in zip(below, (truth, ~truth), strict=True))
    return float(np.abs(true - false).max())


class Calibration(NamedTuple):
    """How probabilities relate to what came to pass, on the logit scale: slope 1 and intercept 0 are perfect."""

    slope: float
    intercept: float
    # The intercept where the slope is held at 1.
    in_the_large: float


def calibration(truth: Array, probability: Floats) -> Calibration:
    """Cox's (1958) calibration slope and intercept, and calibration in the large; NaN for one class or one score."""
    truth = truth.astype(np.float64)
    if truth.min() == truth.max():
        return Calibration(np.nan, np.nan, np.nan)
    logit = special.logit(np.clip(probability, 1e-12, 1 - 1e-12))
    large = newton(truth, logit, np.ones((len(truth), 1)))
    if np.ptp(logit) == 0:
        return Calibration(np.nan, np.nan, float(large[0]))
    both = newton(truth, np.zeros(len(truth)), np.column_stack([np.ones(len(truth)), logit]))
    return Calibration(float(both[1]), float(both[0]), float(large[0]))


def newton(truth: Floats, offset: Floats, design: Floats) -> Floats:
    """Coefficients of a logistic regression without penalty; NaN where they run away."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(100):
        fitted = special.expit(offset + design @ coefficients)
        weight = fitted * (1 - fitted)
        information = design.T @ (weight[:, None] * design)
        try:
            step = np.linalg.solve(information, design.T @ (truth - fitted))
        except np.linalg.LinAlgError:
            return np.full(design.shape[1], np.nan)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            return coefficients
    return np.full(design.shape[1], np.nan)


def expected_calibration_error(truth: Array, probability: Floats, bins: int = 10) -> float:
    """Mean distance of observed and predicted shares over bins of equally many cases, weighted by their cases."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(float(truth[part].mean() - probability[part].mean())) for part in parts]
    return float(sum(gaps) / len(order))


def captured(truth: Array, score: Floats, fractions: Floats) -> Floats:
    """The share of all true cases among the highest scores, for each fraction of the cases.

    Of cases with one score, a fraction takes its part of the true ones: the expected value over all orders of the ties.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0) + 1
    places = np.concatenate([[0], ends]) / len(score)
    found = np.concatenate([[0], np.cumsum(truth[order].astype(np.int64))[ends - 1]])
    total = found[-1]
    return np.full(len(fractions), np.nan) if total == 0 else np.interp(fractions, places, found / total)


def hull(truth: Array, score: Floats) -> tuple[Floats, Floats]:
    """The upper convex hull of the ROC curve: false and true positive rates, from (0, 0) to (1, 1)."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0)
    true = np.concatenate([[0], np.cumsum(truth[order])[ends]]) / truth.sum()
    false = np.concatenate([[0], np.cumsum(1 - truth[order])[ends]]) / (1 - truth).sum()
    kept: list[int] = []
    for point in range(len(true)):
        while len(kept) > 1 and _turns_left(false, true, kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return false[kept], true[kept]


def _turns_left(x: Floats, y: Floats, first: int, second: int, third: int) -> bool:
    cross = (x[second] - x[first]) * (y[third] - y[first]) - (y[second] - y[first]) * (x[third] - x[first])
    return bool(cross >= 0)


@dataclass(frozen=True, slots=True)
class Profit:
    """What a retention campaign brings, and what it costs, in one currency.

    The defaults are those of Verbraken, Verbeke and Baesens (2013, doi:10.1109/TKDE.2012.50) for telephony, in euros;
    yours are other ones.

    Parameters
    ----------
    value
        What a customer who stays is worth.
    offer
        What the offer costs where it is taken.
    contact
        What a contact costs.
    accept
        The two parameters of the beta distribution of the share of churners who take the offer and stay; its mean is
        30 % by default.

    Examples
    --------
    >>> Profit(value=2_000_000, offer=150_000, contact=20_000).accept
    (6.0, 14.0)
    """

    value: float = 200.0
    offer: float = 10.0
    contact: float = 1.0
    accept: tuple[float, float] = (6.0, 14.0)

    def __post_init__(self) -> None:
        costs = (self.offer, self.contact)
        if not (0 < self.value < np.inf and all(0 <= cost < self.value for cost in costs)):
            raise ArgumentError(
                f"value={self.value!r}, offer={self.offer!r} and contact={self.contact!r} make no campaign; expected a "
                "value above 0, and costs from 0 to below it"
            )
        if not all(0 < each < np.inf for each in self.accept):
            raise ArgumentError(
                f"accept={self.accept!r} is no beta distribution; expected two numbers above 0"
            )


def emp_churn(truth: Array, score: Floats, profit: Profit | None = None) -> tuple[float, float]:
    """The expected maximum profit of a customer of a retention campaign, and the share of customers that it contacts.

    Verbraken, Verbeke and Baesens (2013, doi:10.1109/TKDE.2012.50); in closed form over the hull of the ROC curve.
    """
    profit = profit or Profit()
    truth = truth.astype(np.float64)
    share = truth.mean()
    if share in (0.0, 1.0):
        return np.nan, np.nan
    false, true = hull(truth, score)
    delta, phi = profit.offer / profit.value, profit.contact / profit.value
    a, b = profit.accept
    # The acceptance at which the next point of the hull becomes the better one.
    rise = share * np.diff(true)
    with np.errstate(divide="ignore"):
        switch = ((delta + phi) * (1 - share) * np.diff(false) / rise + phi) / (1 - delta)
    edges = np.concatenate([[0.0], np.clip(switch, 0, 1), [1.0]])
    mass = np.diff(special.betainc(a, b, edges))
    moment = a / (a + b) * np.diff(special.betainc(a + 1, b, edges))
    gained = profit.value * share * true * ((1 - delta) * moment - phi * mass)
    lost = profit.value * (delta + phi) * (1 - share) * false * mass
    contacted = mass * (share * true + (1 - share) * false)
    return float(np.sum(gained - lost)), float(contacted.sum())


def campaign_profit(truth: Array, found: Floats, contacted: Floats, profit: Profit) -> Floats:
    """What a campaign brings for each customer of the population that reaches so large shares of the true cases.

    The profit of Verbraken et al. (2013) where the share who accept is the mean of its distribution.
    """
    share = truth.mean()
    a, b = profit.accept
    stays = a / (a + b) * (profit.value - profit.offer) - profit.contact
    right = share * found
    earned: Floats = stays * right - (profit.offer + profit.contact) * (contacted - right)
    return earned


def stability_index(before: Floats, after: Floats, bins: int = 10) -> float:
    """The population stability index of two samples over the quantiles of the first; empty bins count half a case.

    Below 0.1 little has changed, above 0.25 much has: rules of thumb, no test.
    """
    if not len(before) or not len(after):
        return np.nan
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    parts = [
        np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1)
        for each in (before, after)
    ]
    first, second = (
        np.maximum(part, 0.5) / len(each) for part, each in zip(parts, (before, after), strict=True)
    )
    return float(np.sum((second - first) * np.log(second / first)))
