"""Why a customer is worth what it is: each event, what it counts as, and what the models make of it."""

from __future__ import annotations

import json

import numpy as np

from safar import _args
from safar._log import Log
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Digits, Length, Said, Share
from safar.models.value.counts import in_units, purchases_of
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
    for time, event in zip(times.tolist(), events.numpy("event")[0].tolist(), strict=True):
        day = _args.local_datetime(time, log.timezone).date()
        if event not in question["purchase"]:
            decisions.append(Said("no purchase"))
        elif time > at_us:
            decisions.append(Said("after the end of observation"))
        elif day in days:
            decisions.append(Said("part of the purchase of that day"))
        else:
            days.append(day)
            text = "first purchase" if len(days) == 1 else "repeat purchase {number}"
            decisions.append(Said(text, number=len(days) - 1))
    if not days:
        conclusion = [Said("No purchase up to the end of observation, so no row.")]
    else:
        conclusion = _conclusion(one, question, at_us, model, spending)
    return explanation(one, customer, decisions, conclusion, definition)


def _conclusion(
    one: Log, question: dict[str, object], at_us: int, model: PurchaseModel, spending: GammaGamma | None
) -> list[Said]:
    value = question["value"] or ("value" if "value" in one.columns else None)
    unit, horizon = model.unit, str(question["horizon"])
    row = purchases_of(one, list(question["purchase"]), value, at_us, unit)  # type: ignore[arg-type,call-overload]
    counts = {name: row.numpy(name)[0][0] for name in ("frequency", "recency", "age", "valued")}
    alive = float(model.probability_alive(row)[0])
    ahead = float(model.expected_purchases(row, in_units(horizon, unit))[0])  # type: ignore[arg-type]
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
            purchases=Digits(f"{ahead:.3g}"),
            horizon=Length(horizon),
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
    words = Said("days") if unit == "day" else Said("weeks")
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
