"""Charts of models of customer value: what a history says of a customer, and who stays under a contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args
from safar._palette import Theme
from safar._typing import Floats, Integers, Language
from safar.errors import ArgumentError
from safar.plot.look import Look, look_of
from safar.plot.matrix import shaded, written
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.models.value.contracts import ContractModel
    from safar.models.value.purchases import PurchaseModel

__all__ = ["contract_model", "purchase_model"]

What: TypeAlias = Literal["alive", "purchases"]

_UNITS = ("day", "week", "month", "year")
# Fewer purchases than this are none that anybody waits for.
_LEAST = 0.01
_CELL = (48, 26)
# As many columns of recency as can be read.
_COLUMNS = 12
_MOST_ROWS = 30
_MOST_PERIODS = 240


def purchase_model(
    model: PurchaseModel,
    age: float,
    *,
    what: What = "alive",
    horizon: float | None = None,
    most: int = 10,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart:
    """Draw what a model makes of each history: purchases so far by the time of the last one.

    Parameters
    ----------
    model
        The model; of one with covariates, customers whose covariates are 0.
    age
        Time since the first purchase, in the unit of the model.
    what
        ``"alive"`` (default): the probability that the customer has not left for good; ``"purchases"``: the purchases
        to be expected within `horizon`.
    horizon
        The time ahead, in the unit of the model; by default `age`.
    most
        The largest number of repeat purchases, up to 30.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A cell for each number of repeat purchases and time of the last one that can be.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    >>> chart = purchase_model(model, 36, most=2)
    >>> [round(row["value"], 2) for row in chart.data.values if row["recency"] == 36]
    [0.75, 0.81]
    """
    import altair as alt

    _args.choice(what, "what", What)
    look = look_of(language, theme)
    until = _time(age, "age")
    ahead = until if horizon is None else _time(horizon, "horizon")
    rows = _args.whole(most, "most", most=_MOST_ROWS)
    frequency, recency = _histories(until, rows, counted=model.counted)
    customers = {
        "frequency": frequency, "recency": recency, "age": np.full(len(frequency), until),
        **{name: np.zeros(len(frequency)) for name in {*model.purchase_covariates, *model.dropout_covariates}},
    }  # fmt: skip
    alive = what == "alive"
    values = model.probability_alive(customers) if alive else model.expected_purchases(customers, ahead)
    top = 1.0 if alive else float(values.max(initial=0.0)) or 1.0
    data = _cells(frequency, recency, values, look, percent=alive)
    base = alt.Chart().encode(
        x=alt.X(
            "last:O",
            title=look.say(
                "From the first purchase to the last, in units of: {unit}", unit=_unit(model.unit, look)
            ),
            sort=look.across([look.locale.number(each, 1) for each in np.unique(recency)]),
            axis=alt.Axis(labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y(
            "bought:O",
            title=look.say("Repeat purchases"),
            sort=[look.locale.count(each) for each in range(rows, -1, -1)],
            axis=alt.Axis(orient=look.side, domain=False, ticks=False),
        ),
        tooltip=[
            look.tooltip("bought", "Repeat purchases"),
            look.tooltip("last", "From the first purchase to the last"),
            look.tooltip("written", "Still there" if alive else "Purchases to come"),
        ],
    )
    # Values that are no shares are shaded by their part of the largest one, and the cells say them.
    cells = shaded(base, look, look.say("Still there"))
    if not alive:
        cells.encoding.color.legend = None
    layers = alt.LayerChart(
        layer=[cells, written(base, look)],
        data=inline([{**row, "share": row["value"] / top} for row in data]),
    )
    sized = layers.properties(
        width=_CELL[0] * len(np.unique(recency)), height=_CELL[1] * len(np.unique(frequency))
    )
    heading = "Who is still there" if alive else "Purchases to come"
    subtitle = look.say(
        "{model}; time since the first purchase: {age}",
        model=look.name(model.words), age=look.locale.number(until, 1),
    )  # fmt: skip
    found: alt.LayerChart = finish(sized, title=look.heading(title, heading), subtitle=subtitle, look=look)
    return found


def contract_model(
    model: ContractModel,
    periods: int = 24,
    *,
    title: str | None = None,
    width: int = 560,
    height: int = 260,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.Chart:
    """Draw which share of customers is still there after each period.

    Parameters
    ----------
    model
        The model of a contract.
    periods
        How many periods, up to 240.
    title
        Heading; by default it says what is drawn.
    width, height
        Size in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.Chart
        The curve of survival; tooltips have the retention of each period.

    Examples
    --------
    >>> import safar
    >>> model = safar.models.ShiftedBetaGeometric.of(alpha=0.704, beta=1.182, unit="year")
    >>> chart = contract_model(model, 2)
    >>> [round(row["survival"], 3) for row in chart.data.values]
    [1.0, 0.627, 0.474]
    """
    import altair as alt

    look = look_of(language, theme)
    ends = np.arange(_args.whole(periods, "periods", most=_MOST_PERIODS) + 1)
    survival = model.survival(ends)
    retention = [None, *model.retention(ends[1:]).tolist()]
    data = [
        {"period": int(end), "survival": stays, "retention": kept}
        for end, stays, kept in zip(ends, survival.tolist(), retention, strict=True)
    ]
    base = alt.Chart(inline(data)).encode(
        x=alt.X(
            "period:Q",
            title=look.say("Time, in units of: {unit}", unit=_unit(model.unit, look)),
            scale=alt.Scale(reverse=look.rtl, nice=False),
            axis=alt.Axis(format="d", tickMinStep=1, grid=False),
        ),
        y=alt.Y(
            "survival:Q",
            title=look.say("Still there"),
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format=".0%", tickCount=5, domain=False, orient=look.side),
        ),
        tooltip=[
            look.tooltip("period", "Period", "d"),
            look.tooltip("survival", "Still there", ".1%"),
            look.tooltip("retention", "Kept of those before", ".1%"),
        ],
    )
    curve = base.mark_line(strokeWidth=2.5, point=len(ends) <= _MOST_ROWS, color=look.colours.blue)
    chart = curve.properties(width=width, height=height)
    found: alt.Chart = finish(
        chart, title=look.heading(title, "Who is still there"), subtitle=look.name(model.words), look=look
    )
    return found


def _histories(age: float, most: int, *, counted: bool) -> tuple[Integers, Floats]:
    """All numbers of repeat purchases with all times of the last one that can be."""
    times = np.linspace(0, age, _COLUMNS + 1)
    times = np.unique(np.round(times) if counted else times)
    frequency, recency = (each.ravel() for each in np.meshgrid(np.arange(most + 1), times, indexing="ij"))
    possible = (frequency > 0) == (recency > 0)
    if counted:
        possible &= frequency <= recency
    return frequency[possible], recency[possible]


def _cells(
    frequency: Integers, recency: Floats, values: Floats, look: Look, *, percent: bool
) -> list[dict[str, Any]]:
    rows = zip(frequency.tolist(), recency.tolist(), values.tolist(), strict=True)
    return [
        {
            "frequency": bought, "recency": last, "value": value,
            "bought": look.locale.count(bought), "last": look.locale.number(last, 1),
            "written": look.locale.percent(value) if percent else _few(value, look),
        }
        for bought, last, value in rows
    ]  # fmt: skip


def _few(value: float, look: Look) -> str:
    """A number for a small cell."""
    tiny = 0 < value < _LEAST
    return look.locale.signs("<") + look.locale.number(_LEAST, 2) if tiny else look.locale.number(value, 2)


def _unit(unit: str, look: Look) -> str:
    """A unit as readers call it; one that is no unit of calendars has its own name."""
    return look.say(unit) if unit in _UNITS else look.name(unit)


def _time(given: object, argument: str) -> float:
    length = _args.cost(given, argument)
    if length <= 0:
        raise ArgumentError(f"{argument}={given!r}; expected a time above 0, in the unit of the model")
    return float(length)
