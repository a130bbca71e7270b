"""Whom a campaign contacts with what it may cost, and what that is to bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import special, stats

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Floats, Integers
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said, paragraph, so_many
from safar.models.prediction.metrics import Profit
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["CampaignResult", "Limits", "campaign_of"]

# The distribution of a sum of so many cases is reckoned exactly; that of more is normal.
_EXACT = 2_000
_TAILS = (0.025, 0.975)
_ENDS = {
    "gain": Said("one more contact would cost more than it brings"),
    "capacity": Said("the capacity is used up"),
    "budget": Said("the budget is used up"),
    "customers": Said("nobody is left"),
}


class Limits(NamedTuple):
    """What a campaign may not exceed: customers, or a share of them; costs to be expected; None for no limit."""

    capacity: int | float | None
    budget: float | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CampaignResult(ResultTable):
    """Whom to contact, and what that is to bring.

    Parameters
    ----------
    table
        One row a customer to contact, the best first; `ScoresResult.campaign` lists the columns.
    totals
        One row: ``customers`` (to contact), ``scored`` (of how many), ``expected_cases`` (of whom the label is true)
        with ``cases_low`` and ``cases_high``, ``expected_accepted`` (who of these take the offer), ``expected_costs``,
        ``most_costs`` (if all of them take the offer), ``expected_profit`` with ``profit_low`` and ``profit_high``.
    stopped_by
        Why nobody else is contacted: ``"gain"``, ``"capacity"``, ``"budget"`` or ``"customers"``.
    """

    _: KW_ONLY
    totals: ResultTable
    stopped_by: str
    # What contacting the first 0, 1, 2 … brings, of all who could be, and how many are.
    _sums: Floats

    def plot(self, **options: Any) -> ChartType:
        """What contacts bring, the best first; the options are those of `safar.plot.campaign`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").campaign(self, **options)
        return chart


def campaign_of(
    scores: Table,
    profit: Profit,
    limits: Limits,
    values: Mapping[object, float] | None,
    definition: str,
    timezone: str,
) -> CampaignResult:
    """The customers of a table of scores that a campaign contacts."""
    ids, probability = scores.numpy("customer")[0], scores.numpy("probability")[0].astype(np.float64)
    limit = _limit(limits.capacity, len(ids))
    if limits.budget is not None:
        _args.cost(limits.budget, "budget")
    value, known = _values(ids, values, profit)
    stays = profit.accept[0] / sum(profit.accept)
    gain = probability * stays * (value - profit.offer) - (1 - probability) * profit.offer - profit.contact
    cost = profit.contact + profit.offer * (1 - probability + probability * stays)
    order = _order(ids, probability, gain, cost, known, by_cost=limits.budget is not None)
    worth = int((gain[order] > 0).sum())
    affordable = len(order) if limits.budget is None else _affordable(cost[order], limits.budget)
    ends = {"gain": worth, "capacity": limit, "budget": affordable, "customers": len(order)}
    number = min(ends.values())
    # Nobody left is no limit that was set.
    stopped_by = next(name for name in ("customers", "gain", "capacity", "budget") if ends[name] == number)
    chosen = order[:number]
    table = _table.table_of(
        {
            "customer": ids[chosen],
            "probability": probability[chosen],
            "value": value[chosen],
            "expected_gain": gain[chosen],
            "expected_cost": cost[chosen],
            "gain_so_far": np.cumsum(gain[chosen]),
            "cost_so_far": np.cumsum(cost[chosen]),
        }
    )
    totals = _totals(probability[chosen], value[chosen], cost[chosen], profit, len(ids))
    tied = _tied(gain, order, number)
    whole = paragraph(
        definition,
        _WHAT,
        Said("After {number} customers {end}.", number=number, end=_ENDS[stopped_by]),
        None if known.all() else so_many(int((~known).sum()), _WORTHLESS_ONE, _WORTHLESS),
        so_many(tied, _TIED_ONE, _TIED) if tied else None,
    )
    return CampaignResult(
        table,
        whole,
        timezone,
        shares=frozenset({"probability"}),
        totals=ResultTable(_table.table_of(totals), whole, timezone),
        stopped_by=stopped_by,
        _sums=np.concatenate([[0.0], np.cumsum(gain[order])]),
    )


_WHAT = Said(
    "expected_gain is what contacting a customer brings: cases, for whom the label is true, take the offer with the "
    "mean share of accept= and are then worth value less the offer; all others take the offer as well and bring "
    "nothing more; each contact costs. Probabilities are taken for calibrated, customers for independent of each "
    "other; what an offer does to whom it reaches is assumed, and only a campaign that leaves some out at random can "
    "tell."
)
_WORTHLESS_ONE = "1 customer without a value is left out."
_WORTHLESS = "{number} customers without a value are left out."
_TIED_ONE = (
    "1 further customer has the expected gain of the last one: of equal ones, the first by id are taken."
)
_TIED = "{number} further customers have the expected gain of the last one: of equal ones, the first by id are taken."


def _limit(capacity: float | None, customers: int) -> int:
    """How many customers can be contacted at most."""
    if capacity is None:
        return customers
    if isinstance(capacity, bool) or not isinstance(capacity, int | float | np.number):
        raise ArgumentTypeError(
            f"capacity={capacity!r} is a {type(capacity).__name__}; expected a number of customers, or a share"
        )
    if isinstance(capacity, int | np.integer):
        if capacity < 1:
            raise ArgumentError(f"capacity={capacity!r}; expected at least 1 customer, or a share above 0")
        return min(int(capacity), customers)
    if not 0 < capacity <= 1:
        raise ArgumentError(
            f"capacity={capacity!r} is no share; expected one above 0 and at most 1, or a whole number of customers"
        )
    # No more than the share allows; what rounding takes from a product of the two is given back.
    return int(np.floor(float(capacity) * customers + 1e-9))


def _values(ids: Array, values: Mapping[object, float] | None, profit: Profit) -> tuple[Floats, Array]:
    """What each customer who stays is worth, and of whom that is known."""
    if values is None:
        return np.full(len(ids), profit.value), np.ones(len(ids), dtype=bool)
    if hasattr(values, "to_dict"):
        # A series of pandas, by its index.
        values = values.to_dict()
    if not isinstance(values, Mapping):
        raise ArgumentTypeError(
            f"values is a {type(values).__name__}; expected a mapping of customers to what they are worth, such as "
            'dict(zip(found["customer"], found["lifetime_value"]))'
        )
    given = [values.get(each) for each in ids.tolist()]
    found = np.array([np.nan if each is None else _value(each) for each in given], dtype=np.float64)
    known = ~np.isnan(found)
    if not known.any():
        raise DataError(
            f"values names none of the {len(ids):,} customers with a score; ids are compared as the data give them"
        )
    below = np.flatnonzero(found < 0)
    if len(below):
        place = int(below[0])
        raise DataError(
            f"values: {len(below):,} customers are worth less than nothing (such as {ids[place]!r}: "
            f"{found[place]:g}); leave them out, or give 0"
        )
    return np.where(known, found, 0.0), known


def _value(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float | np.number):
        raise ArgumentTypeError(f"values holds {given!r}, a {type(given).__name__}; expected numbers")
    return float(given) if np.isfinite(given) else np.nan


def _order(
    ids: Array, probability: Floats, gain: Floats, cost: Floats, known: Array, *, by_cost: bool
) -> Integers:
    """Who could be contacted, the best first: by gain, or by gain for what it costs; of equal ones the first by id."""
    if by_cost:
        with np.errstate(divide="ignore", invalid="ignore"):
            # What costs nothing comes first if it brings anything.
            merit = np.where(cost > 0, gain / cost, np.sign(gain) * np.inf)
        merit = np.where(np.isnan(merit), 0.0, merit)
    else:
        merit = gain
    by_id = np.argsort(np.array([str(each) for each in ids.tolist()], dtype=object), kind="stable")
    place = np.empty(len(ids), dtype=np.int64)
    place[by_id] = np.arange(len(ids))
    order = np.lexsort((place, -probability, -merit))
    return order[known[order]]


def _affordable(cost: Floats, budget: float) -> int:
    """How many of the first are paid for by a budget; what rounding adds to the sums does not count."""
    sums = np.cumsum(cost)
    return int(np.searchsorted(sums, budget * (1 + 1e-12), side="right"))


def _tied(gain: Floats, order: Integers, number: int) -> int:
    """How many who are not contacted have the gain of the last one who is."""
    if not 0 < number < len(order):
        return 0
    return int((gain[order[number:]] == gain[order[number - 1]]).sum())


def _totals(
    probability: Floats, value: Floats, cost: Floats, profit: Profit, scored: int
) -> dict[str, object]:
    """What the campaign is to reach, cost and bring."""
    a, b = profit.accept
    shares = [a / (a + b), *special.betaincinv(a, b, _TAILS).tolist()]
    kept = float(probability @ (value - profit.offer))
    spent = profit.offer * float((1 - probability).sum()) + profit.contact * len(probability)
    earned = [share * kept - spent for share in shares]
    cases = _of_cases(probability)
    totals = {
        "expected_cases": float(probability.sum()),
        "cases_low": cases[0],
        "cases_high": cases[1],
        "expected_accepted": shares[0] * float(probability.sum()),
        "expected_costs": float(cost.sum()),
        "most_costs": (profit.contact + profit.offer) * len(cost),
        "expected_profit": earned[0],
        "profit_low": min(earned[1:]),
        "profit_high": max(earned[1:]),
    }
    counts = {"customers": [len(probability)], "scored": [scored]}
    return counts | {name: np.array([each], dtype=np.float64) for name, each in totals.items()}


def _of_cases(probability: Sequence[float] | Floats) -> tuple[float, float]:
    """Between which numbers of independent cases lie 95 %: Poisson's binomial, normal where there are many."""
    found = np.asarray(probability, dtype=np.float64)
    if not len(found):
        return 0.0, 0.0
    if len(found) <= _EXACT:
        # One case after the other; the distribution of scipy takes no more than some dozens.
        chances = np.ones(1)
        for each in found.tolist():
            chances = np.convolve(chances, [1 - each, each])
        low, high = np.searchsorted(np.cumsum(chances), _TAILS)
        return float(low), float(min(high, len(found)))
    spread = stats.norm.ppf(_TAILS[1]) * np.sqrt(float((found * (1 - found)).sum()))
    middle = float(found.sum())
    return max(middle - spread, 0.0), min(middle + spread, float(len(found)))
