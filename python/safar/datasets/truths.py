"""What is planted in the demo shop, so that an analysis can be checked against what it should find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from safar.datasets import campaigns, support, visits, voice
from safar.datasets.personas import QUICK_TRYER
from safar.datasets.rhythm import NOWRUZ


@dataclass(frozen=True)
class Truth:
    """One planted truth.

    Attributes
    ----------
    name : a short name in snake_case.
    description : what is true in the data, in a sentence or two.
    where : the exact place: names, first day (`start`) and the day after the last (`end`), in Tehran time.
    expected : what an analysis of a big shop finds, by measure; shares in 0..1.
    how_to_find : Python code, with `shop` for the data, that shows it.
    """

    name: str
    description: str
    where: Mapping[str, str]
    expected: Mapping[str, float]
    how_to_find: str


def _truth(
    name: str, description: str, where: dict[str, str], expected: dict[str, float], how_to_find: str
) -> Truth:
    return Truth(name, description, MappingProxyType(where), MappingProxyType(expected), how_to_find)


def _conversion(fails: float, retry: float) -> float:
    return round((1.0 - fails) * visits.PAYS + fails * retry, 3)


_GIVEAWAY = campaigns.CAMPAIGNS[campaigns.CODE[campaigns.GIVEAWAY]]

TRUTHS = (
    _truth(
        "broken_mobile_checkout",
        f"From {visits.BROKEN_START} until before {visits.BROKEN_END} most payments on phones fail: the share of "
        "mobile checkouts that end in a purchase collapses, and payment_failed rises. Computers are not affected.",
        {"device": "mobile", "start": str(visits.BROKEN_START), "end": str(visits.BROKEN_END)},
        {
            "conversion_inside": _conversion(visits.BROKEN_PAYMENT_FAILS, visits.BROKEN_RETRY_WORKS),
            "conversion_outside": _conversion(visits.PAYMENT_FAILS, visits.RETRY_WORKS),
            "failed_inside": visits.BROKEN_PAYMENT_FAILS,
            "failed_outside": visits.PAYMENT_FAILS,
        },
        f'shop.log(start="{visits.BROKEN_START}", end="{visits.BROKEN_END}")'
        '.funnel(["checkout", "purchase"], within="1d", by="device")',
    ),
    _truth(
        "slow_call_center",
        "Callers wait far longer for an answer than people who write, and the longer they waited, the lower the NPS "
        "answer about that call.",
        {"channel": "call_center"},
        {
            "median_response_minutes_call": support.CALL_MINUTES,
            "median_response_minutes_chat": support.CHAT_MINUTES,
            "nps_points_for_each_doubling_of_1_plus_minutes_over_15": -voice.WAIT_DOUBLING_COSTS,
        },
        "shop.surveys.to_pandas().query(\"kind == 'nps'\").merge("
        'shop.tickets.to_pandas()[["ticket_id", "response_minutes"]], on="ticket_id")'
        '.groupby("channel")[["response_minutes", "score"]].median()',
    ),
    _truth(
        "persona_that_leaves",
        f"People of the persona {QUICK_TRYER} visit often after they register, more than anyone else, and nearly all "
        "stop between day 40 and day 60: by calendar months little is left in the second and next to nothing from the "
        "third on.",
        {"persona": QUICK_TRYER},
        {
            "share_active_in_month_1": 0.63,
            "share_active_in_month_3": 0.03,
            "share_active_in_month_3_others": 0.38,
        },
        'shop.log().retention("registration", ["visit", "store_visit"], period="month", by="persona")',
    ),
    _truth(
        "campaign_without_buyers",
        f"The campaign {campaigns.GIVEAWAY} brings more visits in its three weeks than any other campaign, and "
        "practically nobody who comes through it buys.",
        {"campaign": campaigns.GIVEAWAY, "start": str(_GIVEAWAY.start), "end": str(_GIVEAWAY.end)},
        {"purchases_per_visit": 0.0006, "purchases_per_visit_other_campaigns": 0.14},
        'shop.log().funnel(["visit", "purchase"], within="1d", by="campaign")',
    ),
    _truth(
        "nowruz_peak",
        f"Sales rise through the month of Esfand to about two and a half times the usual in the three weeks before the "
        f"New Year ({NOWRUZ}), and fall to about half in the holidays that follow.",
        {"start": str(NOWRUZ - np.timedelta64(23, "D")), "end": str(NOWRUZ - np.timedelta64(2, "D"))},
        {"orders_a_day_over_median_day": 2.5},
        'shop.log().sessions(gap="30m").to_pandas().query("events > 1").resample("W-FRI", on="start").size()',
    ),
)

# The truths that are planted in a part of the year, and by will: what `shop(incidents=False)` has not.
INCIDENTS = ("broken_mobile_checkout", "campaign_without_buyers")
