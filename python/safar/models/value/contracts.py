"""How long customers with a contract stay: shifted beta-geometric and beta-discrete-Weibull."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from safar import _args, _table
from safar._typing import Array, Floats, Frame
from safar.errors import ArgumentError, DataError
from safar.models.value.fitted import FittedModel, unweighted
from safar.models.value.maximum import LogLikelihood, maximum

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["BetaDiscreteWeibull", "ContractModel", "ShiftedBetaGeometric"]

# Those who left in periods and those who were left at the end of the last: from, to and how many.
_Spells = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class ContractModel(FittedModel):
    """A model of customers who renew at the end of every period, or leave and say so."""

    @classmethod
    @abstractmethod
    def _starts(cls) -> list[list[float]]:
        """Where a search begins."""

    @staticmethod
    @abstractmethod
    def _log_survival(estimates: Floats, periods: Floats) -> tuple[Floats, Floats]:
        """The logarithms of survival, and their slopes by the logarithms of the parameters, one row each."""

    @classmethod
    def fit(cls, data: Frame, *, unit: str = "period") -> Self:
        """Which parameters make these renewals most likely?

        Parameters
        ----------
        data
            A frame or a mapping of columns: ``period`` (0 for the start, then 1, 2, …), ``customers`` (who are still
            there at its end) and, where there are several groups that began at different times, ``cohort``.
        unit
            What a period is, for the tables.

        Returns
        -------
        ContractModel
            The fitted model. Cohorts with a gap in their periods or with more customers than before are an error.

        Notes
        -----
        Maximum likelihood of the periods in which customers left; those who are still there are censored, in each
        cohort at its own last period.
        """
        spells, customers = _spells(data)
        function = cls._log_likelihood(spells)
        starts = [np.log(start) for start in cls._starts()]
        found = maximum(function, starts, customers, cls.names, cls.words)
        return cls.of_maximum(found, customers, _args.text(unit, "unit"))

    @classmethod
    def _log_likelihood(cls, spells: _Spells) -> LogLikelihood:
        before, after, number = spells
        left = np.isfinite(after)

        def function(at: Floats) -> tuple[float, Floats]:
            stayed, slopes = cls._log_survival(np.exp(at), before)
            later, later_slopes = cls._log_survival(np.exp(at), np.where(left, after, 0.0))
            # Of those who left, the share of the survivors who did so; all others are counted as they are.
            gone = np.where(left, -np.expm1(np.minimum(later - stayed, -1e-300)), 1.0)
            share = np.where(left, np.exp(later - stayed) / gone, 0.0)
            heights = stayed + np.log(gone)
            return float(number @ heights), (slopes - share * (later_slopes - slopes)) @ number

        return function

    def _likelihood_of(self, data: Frame, weights: str | None) -> LogLikelihood:
        unweighted(weights, self.words)
        return self._log_likelihood(_spells(data)[0])

    def plot(self, periods: int = 24, **options: Any) -> ChartType:
        """Who is still there after each period; the options are those of `safar.plot.contract_model`."""
        # Charts stand above models, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").contract_model(self, periods, **options)
        return chart

    def survival(self, periods: object) -> Floats:
        """Which share of customers is still there after so many periods?

        Parameters
        ----------
        periods
            Numbers of periods, of at least 0.
        """
        return np.exp(self._log_survival(np.array(self.estimates), _periods(periods, 0))[0])

    def retention(self, periods: object) -> Floats:
        """Which share of the customers who are there at the beginning of a period is so at its end?

        Parameters
        ----------
        periods
            Numbers of periods, of at least 1.
        """
        given = _periods(periods, 1)
        return self.survival(given) / self.survival(given - 1)


@dataclass(frozen=True, slots=True)
class ShiftedBetaGeometric(ContractModel):
    """sBG: each customer leaves with a probability of its own at the end of every period, always the same.

    Retention rises with time although no customer changes: those who leave easily are gone first.

    Notes
    -----
    Fader and Hardie 2007, doi:10.1002/dir.20074; with several cohorts, 2010, doi:10.1287/mksc.1080.0482.

    Examples
    --------
    >>> import safar
    >>> years = {"period": [0, 1, 2, 3, 4], "customers": [1000, 869, 743, 653, 593]}
    >>> model = safar.models.ShiftedBetaGeometric.fit(years, unit="year")
    >>> model.survival([1, 4, 12]).round(2)
    array([0.86, 0.59, 0.31])
    """

    model: ClassVar[str] = "shifted_beta_geometric"
    words: ClassVar[str] = "shifted beta-geometric"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    @classmethod
    def _starts(cls) -> list[list[float]]:
        return [[1.0, 1.0], [0.5, 4.0], [4.0, 16.0]]

    @staticmethod
    def _log_survival(estimates: Floats, periods: Floats) -> tuple[Floats, Floats]:
        height, slopes = _beta_survival(estimates, periods)
        return height, estimates[:, None] * slopes[:2]

    def expected_lifetime(self, discount: float, *, renewals: int = 0) -> float:
        """How many periods is a customer worth, those to come later counting for less?

        Parameters
        ----------
        discount
            The rate of discount for a period, of at least 0.
        renewals
            0 for a new customer, whose first period counts in full (DEL); n for one who is just about to make the
            n-th renewal (DERL), where the period after that is the first to count.

        Returns
        -------
        float
            Discounted periods. Without a discount they have no end where ``alpha`` is 1 or less: an error.
        """
        from scipy.special import hyp2f1

        rate = _args.cost(discount, "discount")
        if _args.cost(renewals, "renewals") != int(renewals):
            raise ArgumentError(f"renewals={renewals!r}; expected a whole number of at least 0")
        alpha, beta = self.estimates
        if rate == 0 and alpha <= 1:
            raise ArgumentError(
                f"discount=0 and alpha is {alpha:.3g}: the expected lifetime has no end unless alpha is above 1; give "
                "a discount"
            )
        own = beta + renewals
        begun = 1.0 if renewals == 0 else (own - 1) / (alpha + own - 1)
        return float(begun * hyp2f1(1, own, alpha + own, 1 / (1 + rate)))


@dataclass(frozen=True, slots=True)
class BetaDiscreteWeibull(ContractModel):
    """BdW: as `ShiftedBetaGeometric`, but the inclination of a customer to leave changes with time.

    It falls with ``c`` below 1 and rises above; with 1 it is the shifted beta-geometric model.

    Notes
    -----
    Fader, Hardie, Liu, Davin and Steenburgh 2018, doi:10.1016/j.intmar.2018.01.002.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.BetaDiscreteWeibull.of(a=0.4556, b=0.7793, c=1.2835, unit="year")
    >>> model.survival([8, 12]).round(3)
    array([0.223, 0.177])
    """

    model: ClassVar[str] = "beta_discrete_weibull"
    words: ClassVar[str] = "beta-discrete-Weibull"
    names: ClassVar[tuple[str, ...]] = ("a", "b", "c")

    @classmethod
    def _starts(cls) -> list[list[float]]:
        return [[1.0, 1.0, 1.0], [0.5, 0.8, 1.3], [2.0, 8.0, 0.7]]

    @staticmethod
    def _log_survival(estimates: Floats, periods: Floats) -> tuple[Floats, Floats]:
        grown = periods ** estimates[2]
        height, slopes = _beta_survival(estimates[:2], grown)
        # ln 1 is 0, and at the start nothing has grown.
        turned = slopes[2] * grown * np.log(np.maximum(periods, 1.0))
        return height, estimates[:, None] * np.vstack([slopes[:2], turned])


def _beta_survival(estimates: Floats, grown: Floats) -> tuple[Floats, Floats]:
    """The logarithm of B(a, b + τ) / B(a, b), and its slopes by a, b and τ."""
    from scipy.special import betaln, digamma

    a, b = estimates
    all_of = digamma(a + b + grown)
    by_growth = digamma(b + grown) - all_of
    by_b = by_growth - digamma(b) + digamma(a + b)
    height = betaln(a, b + grown) - betaln(a, b)
    return height, np.vstack([digamma(a + b) - all_of, by_b, by_growth])


def _periods(given: object, least: int) -> Floats:
    found = np.atleast_1d(np.asarray(given))
    if found.dtype.kind not in "iuf" or not (np.isfinite(found) & (found >= least)).all():
        raise ArgumentError(f"periods={given!r}; expected numbers of at least {least}")
    return found.astype(np.float64)


def _spells(data: Frame) -> tuple[_Spells, float]:
    """Who left in which period and who is still there, of all cohorts, and the number of customers."""
    names = _table.names_of(data)
    table = _table.to_table(data, [*(["cohort"] if "cohort" in names else []), "period", "customers"])
    period, customers = _whole(table.numpy("period"), "period"), _whole(table.numpy("customers"), "customers")
    cohorts = np.zeros(len(period), dtype=np.int64)
    if "cohort" in table.names:
        cohorts = np.unique(np.asarray(table.numpy("cohort")[0]).astype(str), return_inverse=True)[1]
    parts: list[list[float]] = []
    begun = 0.0
    for cohort in range(int(cohorts.max(initial=-1)) + 1):
        own = np.flatnonzero(cohorts == cohort)
        own = own[np.argsort(period[own], kind="stable")]
        times, left = period[own], customers[own]
        if not np.array_equal(times, np.arange(len(own))):
            raise DataError(
                f"a cohort has the periods {times.tolist()}; expected 0, 1, 2 and so on, each once"
            )
        rises = np.flatnonzero(np.diff(left) > 0)
        if len(rises):
            at = int(rises[0])
            raise DataError(
                f"a cohort has {left[at + 1]:g} customers in period {at + 1} after {left[at]:g} in the period before; "
                "customers who come later are a cohort of their own"
            )
        parts.extend([at, at + 1, left[at] - left[at + 1]] for at in range(len(own) - 1))
        parts.append([len(own) - 1, np.inf, left[-1]])
        begun += float(left[0])
    if not any(after < np.inf and number for _, after, number in parts):
        raise DataError(
            "no customer left in any period, so nothing is known of how they do; observe them for longer"
        )
    before, after, number = np.array(parts).T
    return (before, after, number), begun


def _whole(column: tuple[Array, Array | None], name: str) -> Floats:
    values, missing = column
    known = values.dtype.kind in "iuf" and (missing is None or not missing.any())
    if not known or not (np.isfinite(values) & (values >= 0)).all():
        raise DataError(f'column "{name}" has to hold numbers of at least 0 in every row')
    return values.astype(np.float64)
