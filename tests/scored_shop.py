"""The demo shop with its journey map and the answers of its customers, as several tests look at it."""

from __future__ import annotations

import safar

# The events that are the answers themselves.
KINDS = ["nps_answer", "csat_answer", "ces_answer"]


def scored(shop: safar.datasets.Shop, journey_map: safar.JourneyMap | None = None) -> safar.EventLog:
    """The log of a shop, read through a map, with its surveys."""
    log = shop.log().with_map(journey_map or safar.JourneyMap.shop())
    return log.with_scores(
        shop.surveys, customer="customer_id", time="time", score="score", kind="kind", answer_events=KINDS
    )
