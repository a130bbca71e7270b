"""What customers are worth: purchases to come, times what they spend, discounted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args, _core, _table
from safar._log import Log
from safar._typing import Calendar, Duration, Floats, Frame, Instant, Integers
from safar.analyses._periods import checked_week_start
from safar.errors import ArgumentError, ArgumentTypeError
from safar.explanation import Explanation
from safar.language import Length, Said, paragraph
from safar.models.value.columns import numbers
from safar.models.value.counts import (
    Counts,
    Opportunities,
    Unit,
    ahead,
    ahead_in_words,
    counts_of,
    in_units,
    opportunities_ahead,
)
from safar.models.value.explaining import explained
from safar.models.value.fitted import drawn
from safar.models.value.holdout import HoldoutResult, holdout_of
from safar.models.value.outcomes import Lives
from safar.models.value.purchases import BgBb, BgNbd, MbgNbd, ParetoNbd, PurchaseModel
from safar.models.value.spending import GammaGamma, fit_known, repeat_values
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["LifetimeValueResult", "lifetime_value"]

EventData: TypeAlias = Log | Frame
ModelName: TypeAlias = Literal["mbg_nbd", "bg_nbd", "pareto_nbd", "bg_bb"]

_MODELS: dict[str, type[PurchaseModel]] = {kind.model: kind for kind in (MbgNbd, BgNbd, ParetoNbd, BgBb)}
_PERIOD = "30d"
_YEAR = "365d"
# How many opportunities a year has, for its discount.
_OPPORTUNITIES = {"day": 365.0, "week": 365 / 7, "month": 12.0}
_LEVEL = 0.95
_MOST_DRAWS = 10_000
# Above this, frequency and value are too closely tied for a model that takes them for independent.
_TIED = 0.3


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LifetimeValueResult(ResultTable):
    """What is each customer worth?

    Parameters
    ----------
    table
        One row a customer; the columns are listed by `lifetime_value`.
    model
        The model of purchases.
    spending
        The model of their values; None where there are no values.
    correlation
        Of frequency and mean value, over customers with repeat purchases of a value above 0; None without values.
    holdout
        The forecast of a time that the model had not seen, beside what came; None where none was asked for.
    spec
        The question, as JSON.
    """

    _: KW_ONLY
    model: PurchaseModel
    spending: GammaGamma | None
    correlation: float | None
    holdout: HoldoutResult | None
    spec: str
    _source: Log | None

    @property
    def parameters(self) -> ResultTable:
        """The parameters of both models with their errors: ``model`` and the columns of `FittedModel.parameters`."""
        models = [each for each in (self.model, self.spending) if each is not None]
        tables = [each.parameters.to_dict() for each in models]
        columns: dict[str, object] = {
            "model": np.array(
                [each.words for each in models for _ in each.estimates],
                dtype=object,
            ),
            "parameter": np.array([name for table in tables for name in table["parameter"]], dtype=object),
        }
        for name in ("estimate", "standard_error", "low", "high"):
            values = [np.nan if each is None else each for table in tables for each in table[name]]
            columns[name] = _table.nullable(np.array(values, dtype=np.float64))
        return ResultTable(_table.table_of(columns), self.model.parameters.definition, self.timezone)

    def plot(self, **options: Any) -> ChartType:
        """Which customers the value lies with; the options are those of `safar.plot.lifetime_value`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").lifetime_value(self, **options)
        return chart

    def outcomes(
        self,
        customers: Sequence[object] | None = None,
        *,
        level: float = 0.95,
        draws: int = 1000,
        seed: int = 0,
    ) -> ResultTable:
        """What may a single customer buy within the horizon, and what will hardly be exceeded?

        Parameters
        ----------
        customers
            Ids, as the data give them; by default all, which takes some milliseconds for each.
        level, draws, seed
            As of `safar.models.BgNbd.outcomes`.

        Returns
        -------
        ResultTable
            One row a customer, in the order of the result: ``customer``, ``expected_purchases``, ``purchases_low``,
            ``purchases_median``, ``purchases_high``, ``lifetime_value``, ``value_low``, ``value_median``,
            ``value_high``, ``reason``.

        Notes
        -----
        The intervals of `lifetime_value` are of the mean of all customers of a history; these are of one customer.
        Rates, ends and mean values are drawn from what the models take for likely of it, purchases and their values
        from these, with the parameters held at the estimates. A value is discounted as the customer's mean purchase is.

        Examples
        --------
        >>> import safar
        >>> result = safar.lifetime_value(safar.datasets.shop(400).log())
        >>> found = result.outcomes(result.to_dict()["customer"][:2]).to_dict()
        >>> found["purchases_high"][0] > found["expected_purchases"][0]
        True
        """
        table = self.table if customers is None else self.table.rows(self._places(customers))
        question, lives = json.loads(self.spec), Lives(level, draws, seed)
        horizon = ahead(question)
        worth, valued = _worth(table), "valued" if "valued" in table.names else "frequency"

        def drawn(rows: Integers) -> tuple[Floats, Floats]:
            own = table.rows(rows)
            purchases = self.model.drawn(own, horizon, lives.uniform)
            if self.spending is None:
                return purchases, np.full_like(purchases, np.nan)
            spent = self.spending.drawn(own, valued, purchases, lives.uniform)
            return purchases, worth[rows, None] * spent

        names = ["customer", "expected_purchases", "lifetime_value", "reason"]
        purchases, value = lives.quantiles(table.num_rows, drawn, [True, False])
        columns: dict[str, object] = {f"purchases_{name}": each for name, each in purchases.items()}
        columns |= {f"value_{name}": _table.nullable(each) for name, each in value.items()}
        found = _table.table_of(columns).beside(table.select(names))
        order = [*names[:2], *list(columns)[:3], names[2], *list(columns)[3:], names[3]]
        definition = Said(
            "What single customers make of {horizon}: at least {level} % of such customers buy from purchases_low to "
            "purchases_high, worth value_low to value_high ({draws} drawn lives each; parameters as estimated).",
            horizon=ahead_in_words(question),
            level=100 * level,
            draws=draws,
        )
        return ResultTable(found.select(order), definition, self.timezone)

    def _places(self, customers: Sequence[object]) -> Integers:
        """The rows of some customers, in the order of the table."""
        ids = self.table.numpy("customer")[0]
        wanted = set(customers)
        found = np.flatnonzero([each in wanted for each in ids.tolist()])
        missing = wanted.difference(ids[found].tolist())
        if missing or not wanted:
            named = f"{next(iter(missing))!r}" if missing else "[]"
            raise ArgumentError(
                f"customers={named}: no row of these {len(ids):,} customers; ids are compared as the data give them"
            )
        return found

    def explain(self, customer: object) -> Explanation:
        """Why is a customer worth that?

        Parameters
        ----------
        customer
            An id, as the data give it.

        Returns
        -------
        Explanation
            One row an event of the customer with what it counts as; ``conclusion`` says what the models make of it.
        """
        if self._source is None:
            raise ArgumentError(
                "this result comes from a summary, which has no events to explain it by; ask a log"
            )
        return explained(self._source, customer, self.spec, self.model, self.spending, self.definition)


def lifetime_value(
    data: EventData,
    *,
    purchase: str | Sequence[str] = "purchase",
    model: ModelName = "mbg_nbd",
    horizon: Duration | int = "365d",
    discount: float = 0.1,
    margin: float = 1.0,
    value: str | None = None,
    at: Instant | None = None,
    unit: Unit = "day",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    holdout: Duration | None = None,
    draws: int = 200,
    seed: int = 0,
) -> LifetimeValueResult:
    """What will each customer still buy, and what is that worth today?

    Parameters
    ----------
    data
        A log; or a summary, one row a customer: ``customer``, ``frequency``, ``recency``, ``age`` and, for values,
        ``mean_value`` of the repeat purchases (with ``valued``, their number, where it is not the frequency).
    purchase
        The event, or events, that are purchases.
    model
        ``"mbg_nbd"`` (default), in which also a customer with one purchase may be gone; ``"bg_nbd"``, in which nobody
        is before a second one; ``"pareto_nbd"``, in which customers leave at any time; ``"bg_bb"``, in which each
        `unit` of the calendar is an opportunity that a customer takes once or not, such as a month with its bill.
    horizon
        The time ahead that is counted, from the end of observation; by default a year. Of BG/BB the number of
        opportunities, or a length of whole ones; ``"365d"`` is 365 days, 52 weeks or 12 months.
    discount
        A year's discount: with 0.1, an amount in a year is worth 1 / 1.1 of one today. Purchases count at the end of
        their period of 30 days, with BG/BB at the end of their week or month.
    margin
        The share of the value that is earned, above 0 and at most 1; by default all.
    value
        The column of the log with the amounts; by default ``"value"`` where the log has it. Without values there are
        purchases and no worth.
    at
        The end of observation; by default `observed_until`. Nothing after it is looked at.
    unit
        What times are counted in: ``"day"`` or ``"week"``. Of a summary, what they are in. Of BG/BB the opportunities:
        ``"day"``, ``"week"`` or ``"month"`` of the log's zone, of which those that were over at the end count.
    calendar, week_start
        Of BG/BB and a log: whose weeks and months are opportunities, ``"gregorian"`` or ``"jalali"``, and the day on
        which weeks begin, from 0 for Monday; by default that of the calendar.
    holdout
        How much of the end of a log is kept from a second fit, to see how good its forecast is; by default none.
    draws
        Parameters drawn for the intervals; 0 leaves the intervals null, which is faster with millions of
        customers.
    seed
        Of the draws: the same seed gives the same intervals.

    Returns
    -------
    LifetimeValueResult
        One row a customer with a purchase: ``customer``, ``frequency`` (repeat purchases), ``recency``, ``age`` (in
        units), ``valued`` (repeat purchases with a value), ``mean_value`` (of those; null without), the
        ``probability_alive``, ``expected_purchases`` within the horizon, ``expected_value`` (mean of a later purchase),
        ``lifetime_value`` (discounted, times margin), all but the mean with their 95 % interval
        (``probability_alive_low``, ``probability_alive_high`` and so on), and ``reason`` (why there is no value; null
        where there is one).

    Notes
    -----
    Events of a customer on one day of the log's zone are one purchase, their values are added up, so that refunds of
    the day are netted. Values: `safar.models.GammaGamma`, which takes frequency and value for independent; the
    correlation is in the definition. A mean value of 0 or less has no place in it: such customers are left out of its
    fit and have a reason instead of a value. Intervals: quantiles over parameters drawn from the normal distribution
    of their logarithms; they are of the expectation, not of what one customer will do. What the discount takes hardly
    depends on the parameters, so that all draws share that of the estimates.

    Examples
    --------
    >>> import numpy as np
    >>> import safar
    >>> chance = np.random.default_rng(1)
    >>> rate, stays = chance.gamma(0.6, 1 / 20, 4000), chance.beta(0.9, 2, 4000)
    >>> gaps = chance.exponential(1 / rate[:, None], (4000, 40)).cumsum(axis=1)
    >>> alive = (chance.random((4000, 40)) > stays[:, None]).cumprod(axis=1)
    >>> inside = (gaps < 200) & (alive > 0)
    >>> summary = {
    ...     "customer": np.arange(4000),
    ...     "frequency": inside.sum(axis=1),
    ...     "recency": np.where(inside, gaps, 0).max(axis=1),
    ...     "age": np.full(4000, 200.0),
    ... }
    >>> result = safar.lifetime_value(summary, horizon="90d")
    >>> result.parameters.to_dict()["parameter"]
    ['r', 'alpha', 'a', 'b']
    >>> max(result.to_dict()["expected_purchases"]) > 1
    True
    """
    _args.choice(model, "model", ModelName)
    _args.choice(unit, "unit", Unit)
    purchases = _args.names(purchase, "purchase")
    discount = _args.cost(discount, "discount")
    opportunities = _opportunities(data, model, unit, calendar, week_start)
    if _MODELS[model].counted:
        horizon = opportunities_ahead(horizon, unit)
    elif unit == "month":
        raise ArgumentError('unit="month" has no fixed length; expected "day" or "week", or model="bg_bb"')
    else:
        horizon = _args.duration(horizon, "horizon")
    if not 0 < _args.cost(margin, "margin") <= 1:
        raise ArgumentError(f"margin={margin!r}; expected a share above 0 and at most 1")
    _whole_number(draws, "draws", _MOST_DRAWS)
    _whole_number(seed, "seed", 2**63 - 1)
    if holdout is not None:
        holdout = _args.duration(holdout, "holdout")
        if not isinstance(data, Log):
            raise ArgumentError(
                f"holdout={holdout!r} needs the events of a log; a summary has only their counts"
            )
    counts = counts_of(data, purchases, value, at, unit, opportunities)
    fitted = _MODELS[model].fit(counts.table, unit=unit)
    spending = None if counts.valued is None else fit_known(counts.table, counts.valued)
    params = {
        "draws": drawn(fitted, draws, seed).tolist(),
        "spending": None if spending is None else drawn(spending, draws, seed + 1).tolist(),
        "valued": counts.valued or "frequency",
        "periods": _periods(horizon, unit, discount, margin),
        "level": _LEVEL,
    }
    table = _core.score(counts.table, f"{model}_customer_value", json.dumps(params))
    correlation = None if counts.valued is None else _correlation(counts)
    spec = {
        "purchase": purchases,
        "model": model,
        "horizon": horizon,
        "discount": discount,
        "margin": margin,
        "value": value,
        "at": None if at is None else _args.instant(at, "at"),
        "unit": unit,
        "calendar": calendar,
        "week_start": week_start,
        "holdout": holdout,
        "draws": draws,
        "seed": seed,
    }
    log = data if isinstance(data, Log) else None
    return LifetimeValueResult(
        table,
        _definition(counts, fitted, ahead_in_words(spec), discount, margin, correlation),
        "UTC" if log is None else log.timezone,
        shares=frozenset({"probability_alive", "probability_alive_low", "probability_alive_high"}),
        model=fitted,
        spending=spending,
        correlation=correlation,
        holdout=None
        if log is None or holdout is None
        else holdout_of(log, _MODELS[model], purchases, at, unit, holdout, opportunities),
        spec=json.dumps({"question": "lifetime_value", **spec}, ensure_ascii=False),
        _source=log,
    )


def _worth(table: _core.Table) -> Floats:
    """What a unit of value that a customer spends within the horizon is worth today, on average."""
    value, purchases, mean = (
        numbers(table, name) for name in ("lifetime_value", "expected_purchases", "expected_value")
    )
    spent = purchases * mean
    return np.divide(value, spent, out=np.where(np.isnan(spent), np.nan, 0.0), where=spent > 0)


def _opportunities(
    data: EventData, model: ModelName, unit: Unit, calendar: Calendar, week_start: int | None
) -> Opportunities | None:
    """The periods of a log that are opportunities, where the model counts such."""
    _args.choice(calendar, "calendar", Calendar)
    counted, of_log = _MODELS[model].counted, isinstance(data, Log)
    if (calendar != "gregorian" or week_start is not None) and not (counted and of_log):
        raise ArgumentError(
            'calendar= and week_start= say which periods of a log are opportunities, for model="bg_bb"; leave them out'
        )
    return (
        Opportunities(unit, calendar, checked_week_start(week_start, calendar))
        if counted and of_log
        else None
    )


def _periods(horizon: str | int, unit: Unit, discount: float, margin: float) -> list[tuple[float, float]]:
    """Ends of the periods up to the horizon, and what a purchase in each is worth today."""
    if isinstance(horizon, int):
        length, end, year = 30.0 if unit == "day" else 1.0, float(horizon), _OPPORTUNITIES[unit]
    else:
        length, end, year = (in_units(each, unit) for each in (_PERIOD, horizon, _YEAR))
    ends = [*np.arange(length, end, length).tolist(), end]
    return [(each, margin * (1 + discount) ** (-each / year)) for each in ends]


def _correlation(counts: Counts) -> float | None:
    """Of frequency and mean value, where the model of values has both."""
    frequency, mean = repeat_values(counts.table, counts.valued or "frequency")
    known = (frequency > 0) & (mean > 0)
    if known.sum() < 3 or np.ptp(frequency[known]) == 0:
        return None
    return float(np.corrcoef(frequency[known], mean[known])[0, 1])


def _definition(
    counts: Counts,
    model: PurchaseModel,
    horizon: Said | Length,
    discount: float,
    margin: float,
    correlation: float | None,
) -> Said:
    purchases = Said(
        "expected_purchases are those within {horizon} by {model} (95 % intervals of the parameters).",
        horizon=horizon,
        model=model.words,
    )
    worth = None
    if counts.valued is not None:
        frequency, mean = repeat_values(counts.table, counts.valued)
        worth = Said(
            "lifetime_value is their value by Gamma-Gamma, times a margin of {margin}, discounted by {discount} % a "
            "year; {excluded} customers whose mean value is not above 0 have none.",
            margin=float(margin),
            discount=100 * float(discount),
            excluded=int(((frequency > 0) & ~(mean > 0)).sum()),
        )
    alive = None
    if model.model == "bg_nbd":
        alive = Said("With BG/NBD, who bought once is alive by construction.")
    tied = None
    if correlation is not None:
        tied = Said(
            "Frequency and mean value correlate by {correlation}, little enough to take them for independent."
            if abs(correlation) < _TIED
            else "Frequency and mean value correlate by {correlation}: the model takes them for independent, so values "
            "of frequent buyers are off.",
            correlation=round(correlation, 4),
        )
    return paragraph(counts.definition, purchases, worth, alive, tied)


def _whole_number(given: object, argument: str, most: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise ArgumentTypeError(f"{argument}={given!r} is a {type(given).__name__}; expected a whole number")
    if not 0 <= given <= most:
        raise ArgumentError(f"{argument}={given!r} is out of range; expected 0 to {most:,}")
