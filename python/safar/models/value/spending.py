"""What customers spend at a purchase: Gamma-Gamma."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from safar import _core, _table
from safar._typing import Floats, Frame
from safar.errors import DataError
from safar.models.value.columns import numbers
from safar.models.value.fitted import FittedModel, unweighted
from safar.models.value.maximum import LogLikelihood, every, maximum
from safar.models.value.outcomes import spent

__all__ = ["GammaGamma", "fit_known", "repeat_values"]


@dataclass(frozen=True, slots=True)
class GammaGamma(FittedModel):
    """Gamma-Gamma: values of purchases vary around a mean of each customer's own, which does not depend on frequency.

    Notes
    -----
    Fader and Hardie 2013, note 025 of brucehardie.com; ``GammaGammaFitter`` of lifetimes, ``spend.*`` of R's BTYD.
    The mean of a customer with few purchases is drawn towards that of all, ``p·v / (q - 1)``, which only ``q`` above 1
    has.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.GammaGamma.of(p=6.25, q=3.74, v=15.44)
    >>> model.expected_value({"frequency": [0, 2], "mean_value": [None, 22.35]}).round(2)
    array([35.22, 24.66])
    """

    model: ClassVar[str] = "gamma_gamma"
    words: ClassVar[str] = "Gamma-Gamma"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "v")
    timed: ClassVar[bool] = False

    def drawn(self, table: _core.Table, valued: str, purchases: Floats, draws: Floats) -> Floats:
        """What drawn purchases of each customer come to; NaN where the mean value is not above 0."""
        number, mean = (each[:, None] for each in repeat_values(table, valued))
        found = spent(self.estimates, number, np.where(number > 0, mean, 0.0), purchases, draws)
        return np.where((number > 0) & ~(mean > 0), np.nan, found)

    @staticmethod
    def fit(data: Frame) -> GammaGamma:
        """Which parameters make these mean values most likely?

        Parameters
        ----------
        data
            A frame or a mapping of columns, one row a customer: ``frequency`` (purchases that the mean is of, mostly
            those after the first) and ``mean_value``. Customers with a frequency of 0 say nothing and are passed over.

        Returns
        -------
        GammaGamma
            The fitted model. Means of 0 or less are an error, and so are data without a highest likelihood and a ``q``
            of 1 or less, with which the mean of all customers is infinite.
        """
        table = _table.to_table(data, ["frequency", "mean_value"])
        frequency, mean = repeat_values(table, "frequency")
        wrong = np.flatnonzero((frequency > 0) & ~(mean > 0))
        if len(wrong):
            raise DataError(
                f"{len(wrong):,} customers have purchases and no mean value above 0 (the first is row {wrong[0]}: "
                f"frequency {frequency[wrong[0]]:g}, mean_value {mean[wrong[0]]:g}); net refunds first, and leave out "
                "customers whose purchases are worth nothing"
            )
        return fit_known(table, "frequency")

    def _likelihood_of(self, data: Frame, weights: str | None) -> LogLikelihood:
        unweighted(weights, self.words)
        return _log_likelihood(_grouped(_checked(data), "frequency"))

    def expected_value(self, data: Frame) -> Floats:
        """What will each customer spend at a later purchase, on average?

        Parameters
        ----------
        data
            As of `fit`; where the frequency is 0, the mean of all customers.

        Returns
        -------
        numpy.ndarray
            A value for each row, NaN where the mean value is not above 0.
        """
        if self.estimates[1] <= 1:
            raise DataError(
                f"q is {self.estimates[1]:.3g}; the mean value of customers is infinite unless it is above 1"
            )
        table = _checked(data)
        params = json.dumps({"parameters": self.estimates, "valued": "frequency"})
        found = _core.score(table, "gamma_gamma", params).numpy("expected_value")[0]
        return np.asarray(found, dtype=np.float64)


def fit_known(table: _core.Table, valued: str) -> GammaGamma:
    """Fit customers with a mean above 0, of as many purchases as the column `valued` says."""
    frequency, mean = repeat_values(table, valued)
    known = (frequency > 0) & (mean > 0)
    customers = int(known.sum())
    if customers == 0:
        raise DataError(
            "no customer has a repeat purchase with a value above 0, so nothing is known of values"
        )
    typical = float(np.median(mean[known]))
    if np.ptp(mean[known]) == 0:
        raise DataError(
            f"all {customers:,} customers spend the same, {typical:g} at a purchase; there is nothing to fit, "
            "multiply the expected purchases by it"
        )

    rows = _grouped(table, valued)
    some = every(rows.num_rows)
    rough = (
        None
        if some is None
        else (_log_likelihood(rows.rows(some)), float(numbers(rows, "customers")[some].sum()))
    )
    starts = [
        np.log([shape, q, typical * (q - 1) / shape]) for shape, q in ((1.0, 2.0), (6.0, 4.0), (3.0, 12.0))
    ]
    found = maximum(_log_likelihood(rows), starts, customers, GammaGamma.names, GammaGamma.words, rough=rough)
    model = GammaGamma.of_maximum(found, customers)
    if model.estimates[1] <= 1:
        raise DataError(
            f"Gamma-Gamma: q is {model.estimates[1]:.3g}, and the mean value of all customers is infinite unless "
            "it is above 1; look for values that are out of line"
        )
    return model


def _checked(data: Frame) -> _core.Table:
    """The columns of the model, after a check of the numbers of purchases."""
    table = _table.to_table(data, ["frequency", "mean_value"])
    repeat_values(table, "frequency")
    return table


def _grouped(table: _core.Table, valued: str) -> _core.Table:
    """The different mean values and how many customers have each."""
    return _core.score(table, "group_values", json.dumps({"valued": valued}))


def _log_likelihood(rows: _core.Table) -> LogLikelihood:
    def function(at: Floats) -> tuple[float, Floats]:
        params = json.dumps({"logarithms": at.tolist()})
        found = _core.score(rows, "gamma_gamma_likelihood", params).numpy("value")[0]
        return float(found[0]), np.asarray(found[1:], dtype=np.float64)

    return function


def repeat_values(table: _core.Table, valued: str) -> tuple[Floats, Floats]:
    """How many purchases each customer's mean is of, and the mean; NaN where it is null."""
    number = numbers(table, valued)
    wrong = np.flatnonzero(~((number >= 0) & (number == np.floor(number)) & np.isfinite(number)))
    if len(wrong):
        rows = "1 row has" if len(wrong) == 1 else f"{len(wrong):,} rows have"
        raise DataError(
            f'column "{valued}": {rows} no number of purchases (the first is row {wrong[0]}: {number[wrong[0]]:g}); '
            "expected whole numbers of at least 0, with 0 where there is no purchase that the mean could be of"
        )
    return number, numbers(table, "mean_value")
