"""Cox's model: what goes with leaving earlier, whatever the course of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Floats, Frame, Integers
from safar.analyses._survival import Z
from safar.errors import ArgumentError, DataError
from safar.language import Said, paragraph
from safar.models.survival.design import Term, design_of, encoded
from safar.models.survival.likelihood import (
    Fit,
    Stratum,
    Ties,
    concordant,
    fitted,
    residuals_of,
    scores_of,
    strata_of,
    terms_of,
)
from safar.models.survival.watched import Watched, refuse, watched_of
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["CoxResult", "cox"]

Transform: TypeAlias = Literal["rank", "identity", "log", "survival"]

# The least events for each coefficient below which it is hardly known (Peduzzi and others 1995).
_FEW_EVENTS = 10
# Nothing is known of a coefficient whose linear predictor has a larger standard error.
_LOST = 1e4
# The exponential of more is no number.
_LARGEST_LOG = 700.0
_TIES = {
    "efron": "Efron's",
    "breslow": "Breslow's",
    "exact": "the exact discrete",
}
_TOLD = (
    "Cox's model of {events} events among {customers} customers: hazard_ratio says by how much the rate of the event "
    "is multiplied where a column is 1 higher and all others are alike, with its 95 % interval ({ties} likelihood). It "
    "takes these ratios to be the same at all times, which proportionality() tests, and it describes: a ratio is no "
    "effect."
)
_BASE = '"{column}" is compared with {value}.'
_STRATA = 'Each value of "{column}" has a baseline of its own.'
_ROBUST = "Standard errors are robust (Lin and Wei): they hold where the model is only nearly true."
_CLUSTER = 'Rows with the same "{column}" are taken as one witness.'
_SCARCE = "There are fewer than {few} events for each coefficient, so that they may be far off."


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CoxResult(ResultTable):
    """What goes with leaving earlier?

    Parameters
    ----------
    table
        One row a column of the model; `cox` lists the columns.
    """

    _: KW_ONLY
    _fit: Fit
    _covariance: Floats
    _terms: tuple[Term, ...]
    _bases: dict[str, str]
    _centre: Floats
    _strata: tuple[tuple[str | None, Stratum], ...]
    _stratified: str | None
    _ties: Ties
    _watched: Watched
    _concordance: float

    @property
    def log_likelihood(self) -> float:
        """Logarithm of the partial likelihood."""
        return self._fit.logs[1]

    @property
    def concordance(self) -> float | None:
        """Of pairs of which is known who went first, the share in which it was who had the higher risk; 0.5 is chance.

        Harrell's C (1982); customers of one stratum are compared, equal risks count half. None where customers came
        late, and where there are no such pairs.
        """
        return None if np.isnan(self._concordance) else self._concordance

    def tests(self) -> ResultTable:
        """Does the model say anything at all?

        Returns
        -------
        ResultTable
            Three tests that all coefficients are 0: ``test`` (``"likelihood ratio"``, ``"wald"``, ``"score"``),
            ``chi_squared``, ``degrees_of_freedom``, ``p_value``. They agree where there are many events; the first is
            the one to trust where they don't. With robust errors ``"wald"`` alone takes them, and is the one to trust.

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 1, 0, 1], "visits": [0, 3, 4, 1]}
        >>> result = safar.cox(watched, duration="days", event="gone", columns=["visits"])
        >>> result.tests().to_dict()["degrees_of_freedom"]
        [1, 1, 1]
        """
        fit = self._fit
        found = {
            "likelihood ratio": 2 * (fit.logs[1] - fit.logs[0]),
            "wald": float(fit.coefficients @ _inverse(self._covariance) @ fit.coefficients),
            "score": fit.score,
        }
        statistics = np.array(list(found.values()))
        columns: dict[str, object] = {"test": list(found), **_chances(statistics, len(self._terms))}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def proportionality(self, transform: Transform = "rank") -> ResultTable:
        """Are the hazard ratios the same at all times?

        Parameters
        ----------
        transform
            Along what they may change: the ``"rank"`` of the times of events (default, whatever their distances), the
            times themselves (``"identity"``), their ``"log"``, or one minus ``"survival"``.

        Returns
        -------
        ResultTable
            One row a column of the model, and one for all (``column`` null): ``column``, ``correlation`` of scaled
            Schoenfeld residuals with time (null for all), ``chi_squared``, ``degrees_of_freedom``, ``p_value``. A small
            p-value says that a ratio is an average of different ones: part the time, or put the column into `strata`.

        Notes
        -----
        Grambsch and Therneau (1994, doi:10.1093/biomet/81.3.515), with the variance of residuals taken as the same at
        all times, and the errors as those of the model, robust or not. Twins: ``cox.zph`` of R's survival before
        version 3, ``lifelines.statistics.proportional_hazard_test``.

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 1, 0, 1], "visits": [0, 3, 4, 1]}
        >>> result = safar.cox(watched, duration="days", event="gone", columns=["visits"])
        >>> result.proportionality().to_dict()["column"]
        ['visits', None]
        """
        _args.choice(transform, "transform", Transform)
        times, residuals = self._residuals()
        if transform == "log" and not (times > 0).all():
            raise ArgumentError(
                'transform="log" needs times above 0, and there is an event at 0; choose "rank"'
            )
        along = self._along(times, transform)
        along = along - along.mean()
        covariance = _inverse(self._fit.information)
        spread, moved = float(along @ along), along @ residuals
        number = len(times)
        slope = number * covariance @ moved
        columns: dict[str, object] = {"column": [*(term.name for term in self._terms), None]}
        unknown = np.full(len(self._terms) + 1, np.nan)
        alone, all_of_it, correlation = unknown[:-1], np.nan, unknown[:-1]
        if spread > 0:
            scaled = number * residuals @ covariance
            alone = slope**2 / (number * np.diag(covariance) * spread)
            all_of_it = float(number * moved @ covariance @ moved / spread)
            deviation = np.sqrt(spread * ((scaled - scaled.mean(axis=0)) ** 2).sum(axis=0))
            correlation = np.divide(slope, deviation, out=unknown[:-1].copy(), where=deviation > 0)
        columns["correlation"] = _table.nullable(np.append(correlation, np.nan))
        degrees = np.append(np.ones(len(self._terms), dtype=np.int64), len(self._terms))
        columns |= _chances(np.append(alone, all_of_it), degrees)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def baseline(self) -> ResultTable:
        """How does the hazard run for a customer who is average in every column?

        Returns
        -------
        ResultTable
            One row a time with an event: the column of `strata` as ``stratum`` (only with it), ``time``,
            ``cumulative_hazard``, ``survival`` (0 to 1), where every column of the model has its mean.

        Notes
        -----
        Breslow's estimate (1972), with the ties of the model. R's ``basehaz(centered=TRUE)``.

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 1, 0, 1], "visits": [0, 3, 4, 1]}
        >>> result = safar.cox(watched, duration="days", event="gone", columns=["visits"])
        >>> result.baseline().to_dict()["time"]
        [1.0, 2.0, 4.0]
        """
        parts = [(name, stratum.times, self._hazard(stratum)) for name, stratum in self._strata]
        columns: dict[str, object] = {}
        if self._stratified is not None:
            columns["stratum"] = [name for name, times, _ in parts for _ in times]
        hazard = np.concatenate([hazard for *_, hazard in parts])
        columns |= {
            "time": np.concatenate([times for _, times, _ in parts]),
            "cumulative_hazard": hazard,
            "survival": np.exp(-hazard),
        }
        table = _table.table_of(columns)
        return ResultTable(table, self.definition, self.timezone, shares=frozenset({"survival"}))

    def predict(self, data: Frame, *, at: Sequence[float]) -> ResultTable:
        """Which customers will still be there?

        Parameters
        ----------
        data
            A frame with the columns of the model (and of its strata), a row a customer.
        at
            Times since the beginning, in the unit of `duration`, such as ``[30, 90, 365]``.

        Returns
        -------
        ResultTable
            One row for each row of the data and time: ``row`` (from 0), ``time``, ``relative_risk`` (hazard as a
            multiple of that of an average customer; null beyond 1e308), ``survival`` (0 to 1; null beyond the last time
            that anybody of the stratum was watched).

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 1, 0, 1], "visits": [0, 3, 4, 1]}
        >>> result = safar.cox(watched, duration="days", event="gone", columns=["visits"])
        >>> found = result.predict({"visits": [0, 4]}, at=[2, 9]).to_dict()
        >>> found["survival"][0] < found["survival"][2], found["survival"][1]
        (True, None)
        """
        times = _times(at)
        named = [*dict.fromkeys(term.column for term in self._terms)]
        table = _table.to_table(data, [*named, *([] if self._stratified is None else [self._stratified])])
        values = encoded(table, self._terms, self._bases) - self._centre
        linear = values @ self._fit.coefficients
        place = self._places(table)
        hazards = np.empty((len(self._strata), len(times)))
        for row, (_, stratum) in enumerate(self._strata):
            hazard = np.append(0.0, self._hazard(stratum))
            hazards[row] = hazard[np.searchsorted(stratum.times, times, side="right")]
            hazards[row, times > stratum.exit.max()] = np.nan
        # Far from all that was seen, a risk is more than a number can be; what is left of the customers is known still.
        with np.errstate(over="ignore", divide="ignore"):
            risk = np.exp(linear)
            survival = np.exp(-np.exp(np.log(hazards[place]) + linear[:, None]))
        columns = {
            "row": np.repeat(np.arange(len(risk)), len(times)),
            "time": np.tile(times, len(risk)),
            "relative_risk": _table.nullable(
                np.repeat(np.where(np.isfinite(risk), risk, np.nan), len(times))
            ),
            "survival": _table.nullable(survival.ravel()),
        }
        found = _table.table_of(columns)
        return ResultTable(found, self.definition, self.timezone, shares=frozenset({"survival"}))

    def plot(self, **options: Any) -> ChartType:
        """The hazard ratios as an Altair chart; the options are those of `safar.plot.cox`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").cox(self, **options)
        return chart

    def _places(self, table: Table) -> Integers:
        """The stratum of each row."""
        if self._stratified is None:
            return np.zeros(table.num_rows, dtype=np.int64)
        codes, texts = table.codes(self._stratified)
        names = [name for name, _ in self._strata]
        for text in texts:
            if text not in names:
                known = _args.listing(str(name) for name in names)
                raise DataError(
                    f'column "{self._stratified}": no event was seen in the stratum {text!r} (known: {known})'
                )
        return np.array([names.index(text) for text in texts], dtype=np.int64)[codes]

    def _hazard(self, stratum: Stratum) -> Floats:
        terms = terms_of(stratum, self._fit.coefficients, self._ties)
        return np.cumsum(terms.hazards(len(stratum.times)))

    def _residuals(self) -> tuple[Floats, Floats]:
        parts = [residuals_of(stratum, self._fit.coefficients, self._ties) for _, stratum in self._strata]
        return np.concatenate([times for times, _ in parts]), np.concatenate([each for _, each in parts])

    def _along(self, times: Floats, transform: Transform) -> Floats:
        """The times as the residuals are compared with them."""
        if transform == "rank":
            from scipy.stats import rankdata

            return np.asarray(rankdata(times))
        if transform == "survival":
            own = np.concatenate([stratum.rows for _, stratum in self._strata])
            (curve,) = self._watched.rows(own).curves(1)
            return np.asarray(1 - curve.before[np.searchsorted(curve.time, times)])
        return times if transform == "identity" else np.log(times)


def cox(
    data: Frame,
    *,
    duration: str,
    event: str,
    columns: str | Sequence[str],
    entry: str | None = None,
    strata: str | None = None,
    weights: str | None = None,
    ties: Ties = "efron",
    robust: bool = False,
    cluster: str | None = None,
) -> CoxResult:
    """What goes with leaving earlier, and by how much?

    Parameters
    ----------
    data
        A frame with one row a customer.
    duration, event, entry, weights
        Columns of the frame, as of `safar.survival`.
    columns
        The columns that may go with it: numbers, true or false, or text, of which each value is compared with the
        commonest. What is known only later than the beginning must not stand there: it would foresee the future.
    strata
        A column each value of which has a baseline of its own and no coefficient: what changes the course of time.
    ties
        What is done with events at the same time: ``"efron"`` (default, near the exact one), ``"breslow"`` (simpler,
        draws towards 0 where there are many) or ``"exact"`` (the discrete likelihood, for small data).
    robust
        Whether standard errors hold even where the model is only nearly true, as where a ratio changes with time; by
        default they are those of the model, which are a little smaller where it is true.
    cluster
        The column with what rows belong to, such as a household, a store or a customer with several rows: rows of one
        are no separate witnesses. Errors are robust then, and only as sure as there are many of them.

    Returns
    -------
    CoxResult
        One row a column of the model: ``column`` (with text as ``column = value``), ``coefficient`` (logarithm of the
        hazard ratio), ``standard_error``, ``hazard_ratio`` with its 95 % interval (``hazard_ratio_low``,
        ``hazard_ratio_high``), ``z``, ``p_value`` (Wald). `CoxResult.tests` tests all together,
        `CoxResult.proportionality` the assumption, `CoxResult.baseline` and `CoxResult.predict` give curves.

    Raises
    ------
    DataError
        If a column is the same for all, follows from others, or parts those with the event from the rest so well that
        its coefficient has no end; if there are no more clusters than coefficients.

    Notes
    -----
    Cox (1972) with the partial likelihood, maximised by Newton's steps that are halved where they go too far; standard
    errors from the second derivative. At risk is who entered before a time and was watched up to it or longer. Weights
    count as so many rows; R's ``coxph`` takes weights otherwise where events are tied. Robust errors: the sandwich of
    score residuals (Lin and Wei 1989, doi:10.1080/01621459.1989.10478874), summed within clusters first; a row of
    weight 3 is three customers, of one cluster if one is given. Twins: R's
    ``survival::coxph``, ``lifelines.CoxPHFitter``.

    Examples
    --------
    Weeks of remission of a few children, with treatment and without:

    >>> import safar
    >>> children = {
    ...     "weeks": [6, 6, 7, 10, 13, 22, 1, 2, 5, 8, 11, 6],
    ...     "relapse": [1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0],
    ...     "treated": [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
    ... }
    >>> result = safar.cox(children, duration="weeks", event="relapse", columns="treated")
    >>> round(result.to_dict()["hazard_ratio"][0], 3)
    0.473
    """
    _args.choice(ties, "ties", Ties)
    sandwich = _args.flag(robust, "robust") or cluster is not None
    if sandwich and ties == "exact":
        raise ArgumentError('ties="exact" has no robust errors; choose "efron", which is near it')
    named = _args.names(columns, "columns")
    roles = {"duration": duration, "event": event, "entry": entry, "weights": weights, "strata": strata}
    roles["cluster"] = cluster
    for role, column in roles.items():
        if column in named:
            raise ArgumentError(
                f'the column "{column}" is given for both columns= and {role}=; leave it out of one'
            )
    others = [
        *named,
        *(_args.text(roles[role], role) for role in ("strata", "cluster") if roles[role] is not None),
    ]
    found, table = watched_of(
        data, duration=duration, event=event, entry=entry, weights=weights, others=others
    )
    if not found.cause.any():
        raise DataError(
            f'column "{event}": no event came in {table.num_rows:,} rows, so that nothing can be learned'
        )
    terms, bases = design_of(table, named)
    values = encoded(table, terms, bases)
    centre = np.average(values, axis=0, weights=found.weight)
    codes, names = (
        (np.zeros(table.num_rows, dtype=np.int64), [None]) if strata is None else table.codes(strata)
    )
    parts = strata_of(found, values - centre, codes)
    _check(parts, terms, values, strata)
    fit = fitted(parts, ties, len(terms))
    _check_fit(fit, parts, terms)
    covariance = (
        _sandwich(parts, fit, ties, _clusters(table, cluster, terms))
        if sandwich
        else _inverse(fit.information)
    )
    late = bool(np.isfinite(found.entry).any())
    events = int(found.weight[found.cause > 0].sum())
    told = Said(_TOLD, events=events, customers=int(found.weight.sum()), ties=Said(_TIES[ties]))
    definition = paragraph(
        told,
        *(Said(_BASE, column=column, value=value) for column, value in bases.items()),
        None if strata is None else Said(_STRATA, column=strata),
        Said(_ROBUST) if sandwich else None,
        None if cluster is None else Said(_CLUSTER, column=cluster),
        Said(_SCARCE, few=_FEW_EVENTS) if events < _FEW_EVENTS * len(terms) else None,
    )
    return CoxResult(
        _table.table_of(_rows(fit, covariance, terms)),
        definition,
        "UTC",
        _fit=fit,
        _covariance=covariance,
        _terms=tuple(terms),
        _bases=bases,
        _centre=centre,
        _strata=tuple((names[codes[part.rows[0]]], part) for part in parts),
        _stratified=strata,
        _ties=ties,
        _watched=found,
        _concordance=np.nan if late else _concordance(parts, fit),
    )


def _clusters(table: Table, cluster: str | None, terms: Sequence[Term]) -> Integers | None:
    """What each row belongs to, by number; None where each customer is alone."""
    if cluster is None:
        return None
    codes, texts = table.codes(cluster)
    unknown = np.array([text is None for text in texts], dtype=bool)[codes]
    refuse(unknown, table, cluster, "no value; leave these rows out or fill them in")
    number = len(np.unique(codes))
    if number <= len(terms):
        raise DataError(
            f'column "{cluster}" has {number} value{"" if number == 1 else "s"}, and {len(terms)} '
            f"coefficient{'' if len(terms) == 1 else 's'} can't be told from chance by so few clusters; expected more "
            "clusters than coefficients, and better 30 or more"
        )
    return codes


def _sandwich(parts: Sequence[Stratum], fit: Fit, ties: Ties, clusters: Integers | None) -> Floats:
    """The covariance of the coefficients that holds whether or not the model is true."""
    rows = np.concatenate([part.rows for part in parts])
    weight = np.concatenate([part.weight for part in parts])[:, None]
    scores = np.concatenate([scores_of(part, fit.coefficients, ties) for part in parts])
    if clusters is None:
        middle = scores.T @ (weight * scores)
    else:
        sums = np.zeros((int(clusters.max()) + 1, scores.shape[1]))
        np.add.at(sums, clusters[rows], weight * scores)
        middle = sums.T @ sums
    bread = _inverse(fit.information)
    return np.asarray(bread @ middle @ bread)


def _rows(fit: Fit, covariance: Floats, terms: Sequence[Term]) -> dict[str, object]:
    error = np.sqrt(np.diag(covariance))
    z = fit.coefficients / error
    for term, each, farthest in zip(
        terms, fit.coefficients, np.abs(fit.coefficients) + Z * error, strict=True
    ):
        if farthest > _LARGEST_LOG:
            raise DataError(
                f'column "{term.name}" moves so little that a difference of 1 in it would multiply the rate by '
                f"exp({each:.3g}), which is no number; count in a smaller unit, such as thousandths"
            )
    return {
        "column": [term.name for term in terms],
        "coefficient": fit.coefficients,
        "standard_error": error,
        "hazard_ratio": np.exp(fit.coefficients),
        "hazard_ratio_low": np.exp(fit.coefficients - Z * error),
        "hazard_ratio_high": np.exp(fit.coefficients + Z * error),
        "z": z,
        "p_value": _chances(z**2, 1)["p_value"],
    }


def _check(parts: Sequence[Stratum], terms: Sequence[Term], values: Floats, strata: str | None) -> None:
    """Refuse columns that say nothing of their own."""
    from scipy.linalg import qr

    for place, term in enumerate(terms):
        if (values[:, place] == values[0, place]).all():
            raise DataError(
                f'column "{term.column}" is the same for all rows, so that it tells nothing; leave it out'
            )
    inside = np.concatenate([part.values - part.values.mean(axis=0) for part in parts])
    length = np.sqrt((inside**2).sum(axis=0))
    for place, term in enumerate(terms):
        if length[place] <= 1e-10 * np.abs(values[:, place]).max() * np.sqrt(len(inside)):
            if strata is None:
                raise DataError(
                    f'column "{term.column}" differs by less than rounding beside its own size (row 0: '
                    f"{values[0, place]:g}); subtract a number near it first, such as the least one"
                )
            raise DataError(
                f'column "{term.column}" is the same within each value of "{strata}" that has an event, so that it '
                "tells nothing beside it; leave one of them out"
            )
    _, triangle, order = qr(inside / length, mode="economic", pivoting=True)
    left = np.flatnonzero(np.abs(np.diag(triangle)) < 1e-9)
    # Of fewer rows than columns, the last columns follow from the others as well.
    extra = order[left[0]] if len(left) else order[len(inside)] if len(inside) < len(terms) else None
    if extra is not None:
        others = [terms[place].name for place in _needed(inside / length, int(extra))]
        raise DataError(
            f'column "{terms[extra].name}" follows from the others ({_args.listing(others)}), so that their '
            "coefficients can't be told apart; leave it or one of them out"
        )


def _needed(values: Floats, extra: int) -> Integers:
    """The columns that one column follows from."""
    others = np.setdiff1d(np.arange(values.shape[1]), [extra])
    parts = np.linalg.lstsq(values[:, others], values[:, extra], rcond=1e-9)[0]
    return np.asarray(others[np.abs(parts) > 1e-6])


def _check_fit(fit: Fit, parts: Sequence[Stratum], terms: Sequence[Term]) -> None:
    """Refuse coefficients that have no end, or of which nothing is known."""
    reach = np.max([np.abs(part.values).max(axis=0) for part in parts], axis=0)
    sizes, directions = np.linalg.eigh(fit.information / np.outer(reach, reach))
    unknown = np.abs(directions[:, sizes < _LOST**-2]).max(axis=1, initial=0.0) > 0.1
    lost = sorted({*fit.loose.tolist(), *np.flatnonzero(unknown).tolist()})
    if not lost:
        return
    listed = _args.listing(terms[place].name for place in lost)
    if (np.abs(fit.coefficients) * reach)[lost].max() < 1:
        raise DataError(
            f"columns {listed}: all customers at risk were the same in them whenever an event came, so that they tell "
            "nothing; leave them out"
        )
    raise DataError(
        f"columns {listed}: those with the event differ from all others at risk in the same way each time, so that "
        "a greater coefficient is always more likely and there is no greatest; leave the column out, put its rare "
        "values together, or put it into strata="
    )


def _concordance(parts: Sequence[Stratum], fit: Fit) -> float:
    pairs = [concordant(part.exit, part.event, part.weight, part.values @ fit.coefficients) for part in parts]
    won, total = (sum(each[place] for each in pairs) for place in (0, 1))
    return won / total if total > 0 else np.nan


def _inverse(information: Floats) -> Floats:
    return np.asarray(np.linalg.inv(information))


def _chances(statistics: Floats, degrees: int | Integers) -> dict[str, Any]:
    """Statistics with their degrees of freedom and p-values as columns."""
    from scipy.special import chdtrc

    free: Array = np.broadcast_to(np.asarray(degrees, dtype=np.int64), np.shape(statistics)).copy()
    return {
        "chi_squared": _table.nullable(statistics),
        "degrees_of_freedom": free,
        "p_value": _table.nullable(np.asarray(chdtrc(free, statistics))),
    }


def _times(at: object) -> Floats:
    if isinstance(at, str) or not isinstance(at, Sequence) or not len(at):
        raise ArgumentError(f"at={at!r}; expected a list of times such as [30, 90]")
    for time in at:
        if isinstance(time, bool) or not isinstance(time, int | float | np.number) or not 0 <= time < np.inf:
            raise ArgumentError(f"at holds {time!r}; expected numbers of at least 0")
    return np.array(at, dtype=np.float64)
