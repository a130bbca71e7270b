"""Models of repeat purchases, where customers leave without a word: BG/NBD, MBG/NBD, Pareto/NBD, BG/BB."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from safar import _args, _core, _table
from safar._typing import Floats, Frame
from safar.errors import ArgumentError, DataError
from safar.language import Said
from safar.models.value.columns import numbers
from safar.models.value.fitted import FittedModel
from safar.models.value.maximum import LogLikelihood, every, maximum
from safar.models.value.outcomes import (
    History,
    Lives,
    bought_at_opportunities,
    bought_until_tails,
    bought_until_the_end,
)
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["BgBb", "BgNbd", "MbgNbd", "ParetoNbd", "PurchaseModel"]

_COLUMNS = ("frequency", "recency", "age")


@dataclass(frozen=True, slots=True)
class PurchaseModel(FittedModel):
    """A model of repeat purchases and of the silent end of a customer.

    All of them take customers as a frame, or a mapping of arrays, with the columns ``frequency`` (purchases after the
    first), ``recency`` (time from the first to the last) and ``age`` (time from the first to the end of observation).
    """

    # Whether times are numbers of opportunities.
    counted: ClassVar[bool] = False
    # On which parameters covariates of the purchases and of the end act, and in which direction.
    acts: ClassVar[Mapping[str, tuple[float, float, float, float]]] = {}

    purchase_covariates: tuple[str, ...] = ()
    dropout_covariates: tuple[str, ...] = ()

    @classmethod
    @abstractmethod
    def _starts(cls, age: float) -> list[list[float]]:
        """Where a search begins, for customers of some mean age."""

    @classmethod
    def fit(
        cls,
        data: Frame,
        *,
        weights: str | None = None,
        purchase_covariates: str | Sequence[str] = (),
        dropout_covariates: str | Sequence[str] = (),
        unit: str = "day",
    ) -> Self:
        """Which parameters make these purchases most likely?

        Parameters
        ----------
        data
            A frame or a mapping of columns, one row a customer: ``frequency``, ``recency`` and ``age``, and the columns
            named here.
        weights
            The column that says how many customers a row stands for; one each by default.
        purchase_covariates, dropout_covariates
            Columns of numbers that never change, such as the channel of acquisition as 0 or 1, that multiply the rate
            of purchases, or the parameters of the end, by ``exp(coefficient · value)``. BG/BB takes none.
        unit
            What times are counted in, for the tables; ``"day"`` by default.

        Returns
        -------
        PurchaseModel
            The fitted model. Data without a highest likelihood are an error, never a model.

        Notes
        -----
        Maximum likelihood over the different histories, with the exact gradient, from three starts (BFGS, then Newton);
        standard errors by the observed information. Histories that can't be, such as a recency above the age, are an
        error that names the first, and so are data in which nobody bought again.
        """
        purchase, dropout = (
            _covariates(purchase_covariates, "purchase_covariates"),
            _covariates(dropout_covariates, "dropout_covariates"),
        )
        covariates = (*purchase, *dropout)
        if covariates and not cls.acts:
            raise ArgumentError(f"{cls.words} takes no covariates")
        _args.text(unit, "unit")
        named = [*_COLUMNS, *covariates, *([] if weights is None else [_args.text(weights, "weights")])]
        table = _table.to_table(data, named)
        rows = cls._rows(table, weights, covariates)
        known = {name: np.asarray(rows.numpy(name)[0], dtype=np.float64) for name in (*_COLUMNS, "customers")}
        customers = float(known["customers"].sum())
        if customers <= 0 or not (known["frequency"] * known["customers"]).any():
            raise DataError(
                f"none of the {customers:,.0f} customers bought again, so nothing is known of how often they buy and "
                "when they stop; observe them for longer"
            )
        age = float(known["age"] @ known["customers"]) / customers
        starts = [np.array([*np.log(start), *([0.0] * len(covariates))]) for start in cls._starts(age)]
        names = (*cls.names, *covariates)
        found = maximum(
            cls._log_likelihood(rows, purchase, dropout),
            starts,
            customers,
            names,
            cls.words,
            rough=cls._rough(rows, known["customers"], purchase, dropout),
        )
        further = {"purchase_covariates": purchase, "dropout_covariates": dropout}
        return cls.of_maximum(found, customers, unit, **further)

    @classmethod
    def _rows(cls, table: _core.Table, weights: str | None, covariates: Sequence[str]) -> _core.Table:
        """The different histories and how many customers have each; covariates leave each customer alone."""
        if not covariates:
            return _core.score(table, "group", json.dumps({"counted": cls.counted, "weight": weights}))
        columns = {name: numbers(table, name) for name in _COLUMNS} | {
            name: _known(table, name) for name in covariates
        }
        ones = np.ones(table.num_rows) if weights is None else _known(table, weights)
        return _table.table_of({**columns, "customers": ones})

    @classmethod
    def _log_likelihood(
        cls, rows: _core.Table, purchase: Sequence[str], dropout: Sequence[str]
    ) -> LogLikelihood:
        own = len(cls.names)

        def function(at: Floats) -> tuple[float, Floats]:
            effects = cls._effects(purchase, dropout, at[own:].tolist())
            params = {"logarithms": at[:own].tolist(), "effects": effects}
            found = _core.score(rows, f"{cls.model}_likelihood", json.dumps(params)).numpy("value")[0]
            return float(found[0]), np.asarray(found[1:], dtype=np.float64)

        return function

    def _likelihood_of(self, data: Frame, weights: str | None) -> LogLikelihood:
        covariates = (*self.purchase_covariates, *self.dropout_covariates)
        named = [*_COLUMNS, *covariates, *([] if weights is None else [_args.text(weights, "weights")])]
        rows = self._rows(_table.to_table(data, named), weights, covariates)
        return self._log_likelihood(rows, self.purchase_covariates, self.dropout_covariates)

    @classmethod
    def _rough(
        cls, rows: _core.Table, customers: Floats, purchase: Sequence[str], dropout: Sequence[str]
    ) -> tuple[LogLikelihood, float] | None:
        """The same over every so manieth row, where there are many."""
        some = every(rows.num_rows)
        if some is None:
            return None
        return cls._log_likelihood(rows.rows(some), purchase, dropout), float(customers[some].sum())

    @classmethod
    def _effects(
        cls, purchase: Sequence[str], dropout: Sequence[str], coefficients: Sequence[float]
    ) -> list[dict[str, Any]]:
        kinds = [*(["purchase"] * len(purchase)), *(["dropout"] * len(dropout))]
        return [
            {"column": column, "on": cls.acts[kind], "coefficient": coefficient}
            for column, kind, coefficient in zip((*purchase, *dropout), kinds, coefficients, strict=True)
        ]

    def _labels(self) -> Iterator[str]:
        yield from self.names
        for kind, names in (("purchase", self.purchase_covariates), ("dropout", self.dropout_covariates)):
            yield from (f"{kind}: {name}" for name in names)

    def log_likelihood_of(self, data: Frame) -> float:
        """The log-likelihood of customers at these parameters.

        Parameters
        ----------
        data
            As of `fit`.
        """
        function = self._likelihood_of(data, None)
        own = len(self.names)
        return float(function(np.concatenate([np.log(self.estimates[:own]), self.estimates[own:]]))[0])

    def probability_alive(self, data: Frame) -> Floats:
        """How likely is each customer to be still there, and so to buy again at some time?

        Parameters
        ----------
        data
            As of `fit`.

        Returns
        -------
        numpy.ndarray
            A probability for each row.
        """
        return self._scores(data, 0.0, "probability_alive")

    def expected_purchases(self, data: Frame, horizon: float) -> Floats:
        """How many purchases will each customer make within a time from the end of observation?

        Parameters
        ----------
        data
            As of `fit`.
        horizon
            The time, in the unit of the model.

        Returns
        -------
        numpy.ndarray
            A number for each row.
        """
        return self._scores(data, horizon, "expected_purchases")

    def probability_of_purchase(self, data: Frame, horizon: float) -> Floats:
        """How likely is each customer to buy again within a time from the end of observation?

        Parameters
        ----------
        data
            As of `fit`.
        horizon
            The time, in the unit of the model.

        Returns
        -------
        numpy.ndarray
            A probability for each row.
        """
        return self._scores(data, horizon, "probability_of_purchase")

    def expected_purchases_of_new_customer(self, horizon: float) -> float:
        """How many purchases will a customer make within a time from the first one, which does not count?

        Parameters
        ----------
        horizon
            The time, in the unit of the model. Covariates of such a customer are 0.
        """
        covariates = (*self.purchase_covariates, *self.dropout_covariates)
        new = {name: np.zeros(1) for name in (*_COLUMNS, *covariates)}
        return float(self.expected_purchases(new, horizon)[0])

    def outcomes(
        self, data: Frame, horizon: float, *, level: float = 0.95, draws: int = 1000, seed: int = 0
    ) -> ResultTable:
        """How many purchases may each single customer make within a time, and how many will hardly be exceeded?

        Parameters
        ----------
        data
            As of `fit`.
        horizon
            The time, in the unit of the model.
        level
            The share of such customers that the interval holds, at least; 0.95 by default.
        draws
            Lives drawn for each customer; the quantiles of fewer are rougher.
        seed
            Of the draws: the same seed gives the same intervals, whatever the order of the customers.

        Returns
        -------
        ResultTable
            One row a row: ``expected_purchases``, ``probability_of_purchase``, ``purchases_low``, ``purchases_median``,
            ``purchases_high`` (whole numbers).

        Notes
        -----
        Rates and ends are drawn from what the model takes for likely of a customer of this history, purchases from
        these. Parameters are held at the estimates: with hundreds of customers, what they leave open is little beside
        what customers of one history differ by.

        Examples
        --------
        >>> import safar
        >>> model = safar.models.BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
        >>> customer = {"frequency": [2, 26], "recency": [30.43, 30.86], "age": [38.86, 31]}
        >>> model.outcomes(customer, 39).to_dict()["purchases_high"]
        [5, 42]
        """
        table = self._to_table(data)
        lives = Lives(level, draws, seed)
        scores = self._table_of_scores(table, horizon)
        (quantiles,) = lives.quantiles(
            table.num_rows, lambda rows: [self.drawn(table.rows(rows), horizon, lives.uniform)], [True]
        )
        columns: dict[str, object] = {
            name: scores.numpy(name)[0] for name in ("expected_purchases", "probability_of_purchase")
        }
        columns |= {f"purchases_{name}": each for name, each in quantiles.items()}
        definition = Said(
            "Purchases of single customers by {model}: at least {level} % of such customers make from purchases_low to "
            "purchases_high ({draws} drawn lives each).",
            model=self.words,
            level=100 * level,
            draws=draws,
        )
        return ResultTable(
            _table.table_of(columns), definition, "UTC", shares=frozenset({"probability_of_purchase"})
        )

    def plot(self, age: float, **options: Any) -> ChartType:
        """What each history says of a customer of some age; the options are those of `safar.plot.purchase_model`."""
        # Charts stand above models, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").purchase_model(self, age, **options)
        return chart

    def drawn(self, table: _core.Table, horizon: float, draws: Floats) -> Floats:
        """Purchases of each customer in each drawn life; the uniform numbers stand in the rows of `draws`."""
        alive = numbers(self._table_of_scores(table, horizon), "probability_alive")[:, None]
        history = History(*(numbers(table, name)[:, None] for name in ("frequency", "age")))
        own = self._own(table)
        return np.where(
            draws[0] < self._alive_at_the_end(alive, own, history),
            self._bought(own, history, float(horizon), draws),
            0.0,
        )

    def _own(self, table: _core.Table) -> Floats:
        """The parameters of each customer, by its covariates: one row a parameter, then one a customer."""
        number = len(self.names)
        logarithms = np.repeat(np.log(self.estimates[:number])[:, None], table.num_rows, axis=1)
        for effect in self._effects(
            self.purchase_covariates, self.dropout_covariates, self.estimates[number:]
        ):
            moved = effect["coefficient"] * _known(table, effect["column"])
            logarithms += np.array(effect["on"])[:, None] * moved
        return np.asarray(np.exp(logarithms)[:, :, None])

    @staticmethod
    def _alive_at_the_end(alive: Floats, own: Floats, history: History) -> Floats:
        """The probability of being alive at the end of observation, of that of buying at some time or other."""
        return alive

    @staticmethod
    @abstractmethod
    def _bought(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
        """Purchases of customers who are alive at the end of observation, in each drawn life."""

    def _to_table(self, data: Frame) -> _core.Table:
        return _table.to_table(data, [*_COLUMNS, *self.purchase_covariates, *self.dropout_covariates])

    def _scores(self, data: Frame, horizon: float, column: str) -> Floats:
        return numbers(self._table_of_scores(self._to_table(data), horizon), column)

    def _table_of_scores(self, table: _core.Table, horizon: float) -> _core.Table:
        horizon = _args.cost(horizon, "horizon")
        if self.counted and horizon != int(horizon):
            raise ArgumentError(
                f"horizon={horizon!r}; {self.words} counts opportunities, so it is a whole number"
            )
        own = len(self.names)
        effects = self._effects(self.purchase_covariates, self.dropout_covariates, self.estimates[own:])
        params = {"parameters": self.estimates[:own], "horizon": horizon, "effects": effects}
        return _core.score(table, self.model, json.dumps(params))


def _covariates(given: str | Sequence[str], argument: str) -> tuple[str, ...]:
    return () if not isinstance(given, str) and not len(given) else _args.names(given, argument)


def _known(table: _core.Table, name: str) -> Floats:
    """A column that has a number in every row."""
    found = numbers(table, name)
    if not np.isfinite(found).all():
        missing = int((~np.isfinite(found)).sum())
        raise DataError(f'column "{name}" lacks a number in {missing:,} rows; fill or drop them')
    return found


class _Nbd:
    """Where searches for the beta-geometric models begin."""

    __slots__ = ()

    @classmethod
    def _starts(cls, age: float) -> list[list[float]]:
        """Where a search begins, for customers of some mean age."""
        return [[1.0, age, 1.0, 1.0], [0.25, age / 5, 0.8, 2.5], [2.0, age, 0.2, 3.0]]


@dataclass(frozen=True, slots=True)
class BgNbd(_Nbd, PurchaseModel):
    """BG/NBD: after every repeat purchase a customer may stop for good.

    Who never bought again is alive by construction: nobody stops before the first repeat purchase. `MbgNbd` is without
    that, and so the better choice for lists of who is still there.

    Notes
    -----
    Fader, Hardie and Lee 2005, doi:10.1287/mksc.1040.0098; ``BetaGeoFitter`` of lifetimes, ``bgnbd.*`` of R's BTYD.
    ``r`` and ``alpha`` are of the gamma of the rates of purchases, ``a`` and ``b`` of the beta of stopping. Conditional
    expectations by Euler's transformation of the published form, which is exact where that one overflows.
    Covariates: rate ``exp(coefficient · value)``, ``a`` and ``b`` the same (Fader and Hardie 2007, note 019).

    Examples
    --------
    >>> import safar
    >>> model = safar.models.BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    >>> customer = {"frequency": [2], "recency": [30.43], "age": [38.86]}
    >>> model.expected_purchases(customer, 39).round(3)
    array([1.226])
    """

    model: ClassVar[str] = "bg_nbd"
    words: ClassVar[str] = "BG/NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    acts: ClassVar[Mapping[str, tuple[float, float, float, float]]] = {
        "purchase": (0.0, -1.0, 0.0, 0.0),
        "dropout": (0.0, 0.0, 1.0, 1.0),
    }

    @staticmethod
    def _bought(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
        return bought_until_tails(own, history, horizon, draws, 0)


@dataclass(frozen=True, slots=True)
class MbgNbd(_Nbd, PurchaseModel):
    """MBG/NBD: after every purchase, the first too, a customer may stop for good.

    Notes
    -----
    Batislam, Denizel and Filiztekin 2007, doi:10.1016/j.ijresmar.2006.12.005; ``ModifiedBetaGeoFitter`` of lifetimes.
    Parameters and covariates are those of `BgNbd`.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.MbgNbd.of(r=0.5248, alpha=6.183, a=0.8914, b=1.614, unit="week")
    >>> model.probability_alive(
    ...     {"frequency": [0, 2], "recency": [0, 30.43], "age": [38.86, 38.86]}
    ... ).round(2)
    array([0.39, 0.71])
    """

    model: ClassVar[str] = "mbg_nbd"
    words: ClassVar[str] = "MBG/NBD"
    names: ClassVar[tuple[str, ...]] = BgNbd.names
    acts: ClassVar[Mapping[str, tuple[float, float, float, float]]] = BgNbd.acts

    @staticmethod
    def _bought(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
        return bought_until_tails(own, history, horizon, draws, 1)


@dataclass(frozen=True, slots=True)
class ParetoNbd(PurchaseModel):
    """Pareto/NBD: customers buy at a rate of their own until their time is over.

    Notes
    -----
    Schmittlein, Morrison and Colombo 1987, doi:10.1287/mnsc.33.1.1; ``ParetoNBDFitter`` of lifetimes, ``pnbd.*`` of
    R's BTYD. ``r`` and ``alpha`` are of the gamma of the rates of purchases, ``s`` and ``beta`` of that of ends; the
    last two often are hardly told apart, so compare likelihoods, not them.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.ParetoNbd.of(
    ...     r=0.5533, alpha=10.58, s=0.6062, beta=11.67, unit="week"
    ... )
    >>> model.probability_alive({"frequency": [2], "recency": [30.43], "age": [38.86]}).round(2)
    array([0.87])
    """

    model: ClassVar[str] = "pareto_nbd"
    words: ClassVar[str] = "Pareto/NBD"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    acts: ClassVar[Mapping[str, tuple[float, float, float, float]]] = {
        "purchase": (0.0, -1.0, 0.0, 0.0),
        "dropout": (0.0, 0.0, 0.0, -1.0),
    }

    @staticmethod
    def _bought(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
        return bought_until_the_end(own, history, horizon, draws)

    @classmethod
    def _starts(cls, age: float) -> list[list[float]]:
        """Where a search begins, for customers of some mean age."""
        return [[1.0, age, 1.0, age], [0.5, age / 3, 0.5, age / 3], [2.0, age, 2.0, 2 * age]]

    def discounted_expected_purchases(self, data: Frame, discount: float) -> Floats:
        """How many purchases will each customer ever make, those to come later counting for less?

        Parameters
        ----------
        data
            As of `fit`, without covariates.
        discount
            The continuous rate of discount for one unit of time, above 0: ``log(1.1) / 52`` for 10 % a year in weeks.

        Returns
        -------
        numpy.ndarray
            A number for each row (DERT: Fader, Hardie and Lee 2005, doi:10.1509/jmkr.2005.42.4.415).
        """
        from scipy.special import hyperu

        if self.purchase_covariates or self.dropout_covariates:
            raise ArgumentError("discounted purchases are known only of models without covariates")
        rate = _args.cost(discount, "discount")
        if rate == 0:
            raise ArgumentError(
                "discount=0; without a discount purchases to come have no end, expected one above 0"
            )
        r, alpha, s, beta = self.estimates
        table = _table.to_table(data, _COLUMNS)
        frequency, age = numbers(table, "frequency"), numbers(table, "age")
        tail = hyperu(s, s, rate * (beta + age)) * rate ** (s - 1) * (beta + age) ** s
        found = self.probability_alive(data) * (r + frequency) / (alpha + age) * tail
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class BgBb(PurchaseModel):
    """BG/BB: at each opportunity, such as a monthly bill or a weekly class, a living customer buys or not.

    Recency, age and horizon count opportunities after the first purchase.

    Notes
    -----
    Fader, Hardie and Shang 2010, doi:10.1287/mksc.1100.0580; ``BetaGeoBetaBinomFitter`` of lifetimes, ``bgbb.*`` of
    R's BTYD. ``alpha`` and ``beta`` are of the beta of buying at an opportunity, ``gamma`` and ``delta`` of that of
    stopping before one. The probability of being alive is that at the next opportunity.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.BgBb.of(
    ...     alpha=1.204, beta=0.750, gamma=0.657, delta=2.783, unit="year"
    ... )
    >>> round(model.expected_purchases_of_new_customer(10), 2)
    3.18
    """

    model: ClassVar[str] = "bg_bb"
    words: ClassVar[str] = "BG/BB"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")
    counted: ClassVar[bool] = True

    @staticmethod
    def _alive_at_the_end(alive: Floats, own: Floats, history: History) -> Floats:
        # The probability of the model is that of being alive at the next opportunity.
        _, _, gamma, delta = own
        at_the_end: Floats = alive * (gamma + delta + history.age) / (delta + history.age)
        return at_the_end

    @staticmethod
    def _bought(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
        return bought_at_opportunities(own, history, horizon, draws)

    @classmethod
    def _starts(cls, age: float) -> list[list[float]]:
        """Where a search begins, for customers of some mean age."""
        return [[1.0, 1.0, 1.0, age], [1.2, 0.75, 0.7, 2.8], [0.5, 2.0, 0.5, 2 * age]]
