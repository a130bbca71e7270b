"""How good a forecast is: a model that saw only the time before, beside what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _core, _table
from safar._log import Log
from safar._typing import Floats, Instant
from safar.errors import ArgumentError, DataError
from safar.language import Length, Moment, Said
from safar.models.value.counts import Opportunities, Unit, in_units, purchases_of
from safar.models.value.purchases import PurchaseModel
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["HoldoutResult", "holdout_of"]

_WEEK_US = 7 * 86_400_000_000
# Customers with as many repeat purchases or more are told together.
_MOST = 7


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class HoldoutResult(ResultTable):
    """How many purchases came, week by week, and how many had been forecast?

    Parameters
    ----------
    table
        One row a week of the time held out: ``week`` (from 1; with BG/BB a ``day``, ``week`` or ``month`` that is an
        opportunity), ``until`` (its end), ``actual`` and ``forecast`` (purchases in it), ``actual_so_far`` and
        ``forecast_so_far`` (since the time began). The last week may be shorter, an opportunity never is.
    model
        The model, fitted to the time before.
    by_frequency
        One row a number of repeat purchases before: ``frequency`` (the last one and above), ``customers``, ``actual``
        and ``forecast`` (purchases a customer).
    mean_absolute_error
        Of the purchases of one customer over the time held out.
    correlation
        Of actual and forecast purchases over customers; None where either never differs.
    """

    _: KW_ONLY
    model: PurchaseModel
    by_frequency: ResultTable
    mean_absolute_error: float
    correlation: float | None

    def plot(self, **options: Any) -> ChartType:
        """Forecast and actual purchases by week; the options are those of `safar.plot.holdout`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").holdout(self, **options)
        return chart


def holdout_of(
    log: Log,
    kind: type[PurchaseModel],
    purchase: Sequence[str],
    at: Instant | None,
    unit: Unit,
    length: str,
    opportunities: Opportunities | None,
) -> HoldoutResult:
    """The forecast of the last part of a log by a model that saw the part before."""
    end = log.observed_until_us if at is None else _args.instant_us(at, "at", log.timezone)
    start = end - _args.microseconds(length, "holdout")
    before = purchases_of(log, purchase, None, start, unit, opportunities)
    if before.num_rows == 0:
        raise ArgumentError(f'holdout="{length}" leaves no purchase before it; choose a shorter time')
    try:
        model = kind.fit(before, unit=unit)
    except DataError as problem:
        raise DataError(
            f"holdout={length!r}, of the time before it: {problem}; or leave holdout= out"
        ) from problem
    if opportunities is None:
        ends = [*range(start + _WEEK_US, end, _WEEK_US), end]
        units = [(each - start) / (end - start) * in_units(length, unit) for each in ends]
    else:
        ends = _ends(log, opportunities, start, end, length)
        units = [float(number) for number in range(1, len(ends) + 1)]
    histories = _core.score(before, "group", json.dumps({"counted": kind.counted, "weight": None}))
    customers = np.asarray(histories.numpy("customers")[0])
    forecast = np.array([float(customers @ model.expected_purchases(histories, each)) for each in units])
    known = np.asarray(before.numpy("frequency")[0])
    came = [_came(log, purchase, each, before, unit, opportunities) - known for each in ends]
    actual = np.array([float(each.sum()) for each in came])
    expected = model.expected_purchases(before, units[-1])
    definition = Said(
        "Purchases in the {length} after {start} of the {customers} customers who had bought by then, beside the "
        "forecast by {model} from the time before; the mean error of a customer is {error} purchases.",
        length=Length(length),
        start=Moment(_args.local_datetime(start, log.timezone)),
        customers=before.num_rows,
        model=model.words,
        error=round(float(np.abs(came[-1] - expected).mean()), 3),
    )
    columns = {
        "week" if opportunities is None else opportunities.period: np.arange(1, len(ends) + 1),
        "until": _table.instants(np.array(ends, dtype="datetime64[us]")),
        "actual": np.diff(actual, prepend=0.0),
        "forecast": np.diff(forecast, prepend=0.0),
        "actual_so_far": actual,
        "forecast_so_far": forecast,
    }
    varied = np.ptp(came[-1]) > 0 and np.ptp(expected) > 0
    return HoldoutResult(
        _table.table_of(columns),
        definition,
        log.timezone,
        model=model,
        by_frequency=_by_frequency(known, came[-1], expected, definition, log.timezone),
        mean_absolute_error=float(np.abs(came[-1] - expected).mean()),
        correlation=float(np.corrcoef(came[-1], expected)[0, 1]) if varied else None,
    )


def _ends(log: Log, opportunities: Opportunities, start: int, end: int, length: str) -> list[int]:
    """The last instants of the opportunities that are over at the end and were not at the start."""
    period, calendar, week_start = opportunities.period, opportunities.calendar, opportunities.week_start
    starts = _core.period_starts(start, end, period, log.timezone, calendar, week_start)
    ends = [each - 1 for each in starts if start < each - 1 <= end]
    if not ends:
        raise ArgumentError(
            f'holdout="{length}" holds no {period} that is over at the end; choose a longer time'
        )
    return ends


def _came(
    log: Log,
    purchase: Sequence[str],
    until: int,
    before: _core.Table,
    unit: Unit,
    opportunities: Opportunities | None,
) -> Floats:
    """Repeat purchases up to an instant of the customers who were there before, in their order."""
    table = purchases_of(log, purchase, None, until, unit, opportunities)
    # Rows are in the order of the log, so those of customers who came later are all that is too much.
    first = np.asarray(before.numpy("customer")[0])
    later = np.asarray(table.numpy("customer")[0])
    kept = np.isin(later, first) if len(later) > len(first) else np.ones(len(later), dtype=bool)
    return np.asarray(table.numpy("frequency")[0], dtype=np.float64)[kept]


def _by_frequency(
    known: Floats, came: Floats, expected: Floats, definition: str, timezone: str
) -> ResultTable:
    group = np.minimum(known, _MOST).astype(np.int64)
    present = np.unique(group)
    sizes = np.bincount(group)[present]
    columns = {
        "frequency": present,
        "customers": sizes,
        "actual": np.bincount(group, came)[present] / sizes,
        "forecast": np.bincount(group, expected)[present] / sizes,
    }
    return ResultTable(_table.table_of(columns), definition, timezone)
