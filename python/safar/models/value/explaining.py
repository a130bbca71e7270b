"""Why a customer is worth what it is: each event, what it counts as, and what the models make of it."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from safar import _args, _core
from safar._log import Log
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Digits, Said, Share
from safar.models.value.counts import (
    Opportunities,
    ahead,
    ahead_in_words,
    opportunities_of,
    over_by,
    purchases_of,
)
from safar.models.value.purchases import PurchaseModel
from safar.models.value.spending import GammaGamma

__all__ = ["explained"]


def explained(
    log: Log, customer: object, spec: str, model: PurchaseModel, spending: GammaGamma | None, definition: str
) -> Explanation:
    """The events of a customer under a question of `lifetime_value`."""
    question = json.loads(spec)
    one = one_customer(log, customer)
    at_us = log.observed_until_us
    if question["at"] is not None:
        at_us = _args.instant_us(question["at"], "at", log.timezone)
    events = one.core.events_table(["time", "event"])
    times = events.numpy("time")[0].astype(np.int64)
    decisions: list[Said] = []
    days: list[object] = []
    opportunities = opportunities_of(question)
    day_of = _day_of(log, int(times.max()), opportunities)
    at_us = at_us if opportunities is None else over_by(log, at_us, opportunities)
    within = (
        Said("part of the purchase of that day")
        if opportunities is None
        else Said("part of the purchase of that opportunity")
    )
    for time, event in zip(times.tolist(), events.numpy("event")[0].tolist(), strict=True):
        day = day_of(time)
        if event not in question["purchase"]:
            decisions.append(Said("no purchase"))
        elif time > at_us:
            decisions.append(Said("after the end of observation"))
        elif day in days:
            decisions.append(within)
        else:
            days.append(day)
            text = "first purchase" if len(days) == 1 else "repeat purchase {number}"
            decisions.append(Said(text, number=len(days) - 1))
    if not days:
        conclusion = [Said("No purchase up to the end of observation, so no row.")]
    else:
        conclusion = _conclusion(one, question, at_us, model, spending)
    return explanation(one, customer, decisions, conclusion, definition)


def _day_of(log: Log, last: int, opportunities: Opportunities | None) -> Callable[[int], object]:
    """What tells purchases apart: the local day, or the opportunity."""
    if opportunities is None:
        return lambda time: _args.local_datetime(time, log.timezone).date()
    period, calendar, week_start = opportunities.period, opportunities.calendar, opportunities.week_start
    first = int(log.info["first_us"])
    starts = _core.period_starts(first, max(first, last), period, log.timezone, calendar, week_start)
    return lambda time: bisect_right(starts, time)


def _conclusion(
    one: Log, question: dict[str, Any], at_us: int, model: PurchaseModel, spending: GammaGamma | None
) -> list[Said]:
    value = question["value"] or ("value" if "value" in one.columns else None)
    unit = model.unit
    row = purchases_of(one, question["purchase"], value, at_us, question["unit"], opportunities_of(question))
    counts = {name: row.numpy(name)[0][0] for name in ("frequency", "recency", "age", "valued")}
    alive = float(model.probability_alive(row)[0])
    purchases = float(model.expected_purchases(row, ahead(question))[0])
    said = [
        Said(
            "{frequency} repeat purchases, the last {recency} after the first, and {silence} of silence since.",
            frequency=int(counts["frequency"]),
            recency=_length(counts["recency"], unit),
            silence=_length(counts["age"] - counts["recency"], unit),
        ),
        Said(
            "By {model} the customer is still there with a probability of {alive}, and {purchases} purchases are to be "
            "expected within {horizon}.",
            model=model.words,
            alive=Share(alive),
            purchases=Digits(f"{purchases:.3g}"),
            horizon=ahead_in_words(question),
        ),
    ]
    if spending is not None:
        known, missing = row.numpy("mean_value")
        mean = None if missing is not None and missing[0] else float(known[0])
        value_row = {"frequency": [counts["valued"]], "mean_value": [mean]}
        worth = float(spending.expected_value(value_row)[0])
        said.append(_worth(int(counts["valued"]), mean, worth))
    return said


def _length(number: float, unit: str) -> Said:
    words = {"day": Said("days"), "week": Said("weeks"), "month": Said("months")}[unit]
    return Said("{number} {unit}", number=Digits(f"{number:g}"), unit=words)


def _worth(purchases: int, mean: float | None, worth: float) -> Said:
    """What is known of a customer's values, and what comes of it."""
    own = (
        Said("no known value of its own")
        if mean is None
        else Said("a mean value of {mean} so far", mean=Digits(f"{mean:,.2f}"))
    )
    expected = (
        Said("none can be expected")
        if worth != worth
        else Said("{worth} is to be expected of each", worth=Digits(f"{worth:,.2f}"))
    )
    text = "With {own} over {purchases} repeat purchases, {expected}."
    return Said(text, own=own, purchases=purchases, expected=expected)
