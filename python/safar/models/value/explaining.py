"""Why a customer is worth what it is: each event, what it counts as, and what the models make of it."""

from __future__ import annotations

import json

import numpy as np

from safar import _args
from safar._log import Log
from safar.explanation import Explanation, explanation, one_customer
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
    decisions: list[str] = []
    days: list[object] = []
    for time, event in zip(times.tolist(), events.numpy("event")[0].tolist(), strict=True):
        day = _args.local_datetime(time, log.timezone).date()
        if event not in question["purchase"]:
            decisions.append("no purchase")
        elif time > at_us:
            decisions.append("after the end of observation")
        elif day in days:
            decisions.append("part of the purchase of that day")
        else:
            days.append(day)
            decisions.append("first purchase" if len(days) == 1 else f"repeat purchase {len(days) - 1}")
    if not days:
        conclusion = ["No purchase up to the end of observation, so no row."]
    else:
        conclusion = _conclusion(one, question, at_us, model, spending)
    return explanation(one, customer, decisions, conclusion, definition)


def _conclusion(
    one: Log, question: dict[str, object], at_us: int, model: PurchaseModel, spending: GammaGamma | None
) -> list[str]:
    value = question["value"] or ("value" if "value" in one.columns else None)
    unit, horizon = model.unit, str(question["horizon"])
    row = purchases_of(one, list(question["purchase"]), value, at_us, unit)  # type: ignore[arg-type,call-overload]
    counts = {name: row.numpy(name)[0][0] for name in ("frequency", "recency", "age", "valued")}
    alive = float(model.probability_alive(row)[0])
    ahead = float(model.expected_purchases(row, in_units(horizon, unit))[0])  # type: ignore[arg-type]
    said = [
        f"{counts['frequency']:,} repeat purchases, the last {counts['recency']:g} {unit}s after the first, and "
        f"{counts['age'] - counts['recency']:g} {unit}s of silence since.",
        f"By {model.words} the customer is still there with a probability of {alive:.1%}, and {ahead:.3g} purchases "
        f"are to be expected within {_args.duration_words(horizon)}.",
    ]
    if spending is not None:
        known, missing = row.numpy("mean_value")
        mean = None if missing is not None and missing[0] else float(known[0])
        value_row = {"frequency": [counts["valued"]], "mean_value": [mean]}
        worth = float(spending.expected_value(value_row)[0])
        own = "no known value of its own" if mean is None else f"a mean value of {mean:,.2f} so far"
        expected = "none can be expected" if worth != worth else f"{worth:,.2f} is to be expected of each"
        said.append(f"With {own} over {counts['valued']:,} repeat purchases, {expected}.")
    return said
