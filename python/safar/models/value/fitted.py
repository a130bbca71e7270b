"""What all models of customer value share: estimates with their errors, and JSON in and out."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, fields
from statistics import NormalDist
from typing import Any, ClassVar, Self

import numpy as np

from safar import _args, _table
from safar._typing import Floats, Frame
from safar.errors import ArgumentError
from safar.language import Said, paragraph
from safar.models.value.maximum import LEVEL_GROUND, LogLikelihood, Maximum
from safar.models.value.profile import profile_bounds
from safar.result import ResultTable

__all__ = ["FittedModel", "drawn", "unweighted"]

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class FittedModel(ABC):
    """A model with its parameters, as a fit found them or as they were given.

    Parameters
    ----------
    estimates
        The parameters in the order of `names`.
    covariance
        Of the logarithms of the parameters (of coefficients themselves); None where the parameters were given.
    log_likelihood
        Of the data at the estimates; None where the parameters were given.
    gradient_norm
        The largest slope of the log-likelihood a customer, by the logarithms of the parameters.
    customers
        How many customers the fit is of.
    unit
        What times are counted in.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    >>> safar.models.FittedModel.from_json(model.to_json()) == model
    True
    """

    model: ClassVar[str]
    words: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    # Whether some of its parameters are times.
    timed: ClassVar[bool] = True

    estimates: tuple[float, ...]
    _: KW_ONLY
    covariance: tuple[tuple[float, ...], ...] | None = None
    log_likelihood: float | None = None
    gradient_norm: float | None = None
    customers: float | None = None
    unit: str = "day"

    @classmethod
    def of(cls, *, unit: str = "day", **parameters: float) -> Self:
        """The model with given parameters, such as published ones.

        Parameters
        ----------
        unit
            What times are counted in.
        **parameters
            A positive number for each parameter.
        """
        for name in parameters:
            if name not in cls.names:
                raise ArgumentError(
                    f'"{name}" is not a parameter of {cls.words}{_args.suggestion(name, cls.names)} (parameters: '
                    f"{_args.listing(cls.names)})"
                )
        missing = [name for name in cls.names if name not in parameters]
        if missing:
            raise ArgumentError(f"{cls.words} lacks {_args.listing(missing)}; expected a number for each")
        for name, value in parameters.items():
            if _args.cost(value, name) == 0:
                raise ArgumentError(f"{name}={value!r}; parameters of {cls.words} are above 0")
        return cls(tuple(float(parameters[name]) for name in cls.names), unit=_args.text(unit, "unit"))

    @classmethod
    def of_maximum(cls, found: Maximum, customers: float, unit: str = "day", **further: Any) -> Self:
        """The model at the highest point of its likelihood; coefficients stand behind the logarithms."""
        own = len(cls.names)
        return cls(
            tuple(np.concatenate([np.exp(found.at[:own]), found.at[own:]]).tolist()),
            covariance=tuple(map(tuple, found.covariance.tolist())),
            log_likelihood=found.height,
            gradient_norm=found.gradient_norm,
            customers=customers,
            unit=unit,
            **further,
        )

    @property
    def converged(self) -> bool:
        """Whether a fit found these parameters: a fit that does not converge is an error and leaves no model."""
        return self.gradient_norm is not None and self.gradient_norm <= LEVEL_GROUND

    @property
    def parameters(self) -> ResultTable:
        """The parameters with their errors.

        Returns
        -------
        ResultTable
            One row a parameter: ``parameter``, ``estimate``, ``standard_error``, ``low`` and ``high`` (95 % interval);
            the last three are null where the parameters were given.
        """
        value = np.array(self.estimates)
        error = np.full(len(value), np.nan)
        if self.covariance is not None:
            error = np.sqrt(np.diag(np.array(self.covariance)))
        positive = np.arange(len(value)) < len(self.names)
        with np.errstate(over="ignore"):
            columns = {
                "standard_error": np.where(positive, value * error, error),
                "low": np.where(positive, value * np.exp(-_Z * error), value - _Z * error),
                "high": np.where(positive, value * np.exp(_Z * error), value + _Z * error),
            }
        definition = paragraph(
            Said(
                "Parameters of {model}: standard errors by the observed information, 95 % intervals from the "
                "logarithms, so that they stay above 0.",
                model=self.words,
            ),
            self._of_unit(),
        )
        table = {
            "parameter": np.array(list(self._labels()), dtype=object),
            "estimate": value,
            **{name: _table.nullable(column) for name, column in columns.items()},
        }
        return ResultTable(_table.table_of(table), definition, "UTC")

    def profile_intervals(
        self, data: Frame, *, weights: str | None = None, level: float = 0.95
    ) -> ResultTable:
        """Between which values may each parameter lie, also where its likelihood is lopsided?

        Parameters
        ----------
        data, weights
            Those of the fit.
        level
            How sure the intervals are to hold the parameter; 0.95 by default.

        Returns
        -------
        ResultTable
            One row a parameter: ``parameter``, ``estimate``, ``low``, ``high``; a bound is null where a value a
            thousand times the estimate, or a thousandth of it, is as good.

        Notes
        -----
        The values at which the highest likelihood of the other parameters falls short of that of the fit by half the
        quantile of χ² (1 degree of freedom): Venzon and Moolgavkar 1988, doi:10.2307/2347496. They need no normal
        likelihood, which the intervals of `parameters` do, and some hundred times as long.

        Examples
        --------
        >>> import safar
        >>> years = {"period": [0, 1, 2, 3, 4], "customers": [1000, 869, 743, 653, 593]}
        >>> model = safar.models.ShiftedBetaGeometric.fit(years, unit="year")
        >>> [round(each, 2) for each in model.profile_intervals(years).to_dict()["low"]]
        [0.68, 3.73]
        """
        if self.covariance is None or self.log_likelihood is None or self.customers is None:
            raise ArgumentError(
                f"these parameters of {self.words} were given, not fitted; the likelihood has a profile around a fit"
            )
        function = self._likelihood_of(data, weights)
        own, estimates = len(self.names), np.array(self.estimates)
        at = np.concatenate([np.log(estimates[:own]), estimates[own:]])
        bounds = profile_bounds(
            function, at, self.log_likelihood, np.array(self.covariance), self.customers, _args.share(level, "level")
        )  # fmt: skip
        bounds[:own] = np.exp(bounds[:own])
        definition = paragraph(
            Said(
                "Parameters of {model}: {level} % intervals by the profile of the likelihood.",
                model=self.words,
                level=100 * level,
            ),
            self._of_unit(),
        )
        table = {
            "parameter": np.array(list(self._labels()), dtype=object),
            "estimate": estimates,
            "low": _table.nullable(bounds[:, 0]),
            "high": _table.nullable(bounds[:, 1]),
        }
        return ResultTable(_table.table_of(table), definition, "UTC")

    @abstractmethod
    def _likelihood_of(self, data: Frame, weights: str | None) -> LogLikelihood:
        """The log-likelihood of customers, of the logarithms of the parameters and of the coefficients."""

    def _of_unit(self) -> Said | None:
        return Said("Times are in units of: {unit}.", unit=self.unit) if self.timed else None

    def _labels(self) -> Iterator[str]:
        """Names of all estimates."""
        yield from self.names

    def to_json(self) -> str:
        """The model as JSON text, for `from_json`."""
        return json.dumps({"model": self.model, **asdict(self)}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str, /) -> FittedModel:
        """The model that `to_json` wrote, of any kind.

        Parameters
        ----------
        text
            A JSON object: ``model`` names the model, the other fields are its own.
        """
        try:
            given = json.loads(text)
        except json.JSONDecodeError as problem:
            raise ArgumentError(f"the model is not JSON: {problem}") from None
        if not isinstance(given, Mapping) or "model" not in given:
            raise ArgumentError('the model is not an object with the field "model"')
        known = {kind.model: kind for kind in _kinds(FittedModel)}
        name = given["model"]
        if name not in known:
            near = _args.suggestion(str(name), known)
            raise ArgumentError(f'"{name}" is not a model{near} (available: {_args.listing(sorted(known))})')
        kind = known[name]
        columns = {field.name for field in fields(kind)}
        values = {key: _frozen(value) for key, value in given.items() if key != "model"}
        if not columns >= values.keys() or "estimates" not in values:
            raise ArgumentError(
                f"the fields of {kind.words} are {_args.listing(sorted(columns))}, estimates among them"
            )
        return kind(**values)


def unweighted(weights: str | None, words: str) -> None:
    """Refuse weights for a model whose rows have none."""
    if weights is not None:
        raise ArgumentError(f"weights={weights!r}; {words} takes no weights, leave it out")


def _kinds(base: Any) -> Iterator[type[FittedModel]]:
    """All models that can be had."""
    for kind in base.__subclasses__():
        if hasattr(kind, "model"):
            yield kind
        yield from _kinds(kind)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def drawn(model: FittedModel, draws: int, seed: int) -> Floats:
    """The estimates, and below them parameters drawn from the normal distribution of their logarithms."""
    if model.covariance is None or draws == 0:
        return np.array([model.estimates])
    own = len(model.names)
    middle = np.concatenate([np.log(model.estimates[:own]), model.estimates[own:]])
    found = np.random.default_rng(seed).multivariate_normal(
        middle, np.array(model.covariance), draws, method="cholesky"
    )
    found[:, :own] = np.exp(found[:, :own])
    return np.vstack([model.estimates, found])
