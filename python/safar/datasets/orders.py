"""Orders, from the payment to the delivery and sometimes back, and the loyalty programme that grows on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.datasets import campaigns, catalogue
from safar.datasets.journal import CHANNEL, Journal
from safar.datasets.people import INCOME_SPEND, People
from safar.datasets.rhythm import COURIER, DAY_MS, ONLINE, STORE, YEAR_MS, milliseconds
from safar.datasets.visits import StoreVisits, Visits

_MEMBER_BEFORE, _JOINS, _REDEEMS = 0.30, 0.38, 0.30
_REVIEWS = 0.08


@dataclass(frozen=True)
class Orders:
    """One entry an order; moments are -1 where they do not (or not yet) happen."""

    person: Array
    at: Integers
    channel: Array
    device: Array
    campaign: Array
    product: Array
    retried: Array
    items: Integers
    value: Floats
    discount: Floats
    delivered: Integers
    returned: Integers
    refund: Floats
    joined: Integers
    redeemed: Integers
    reviewed: Integers

    def __len__(self) -> int:
        return len(self.person)

    @property
    def online(self) -> Array:
        """Whether the order was placed in the web shop or the app."""
        return np.asarray(self.channel != CHANNEL["store"])


def place(random: np.random.Generator, people: People, visits: Visits, stores: StoreVisits) -> Orders:
    """The orders that the visits end with, and what follows them."""
    paid, bought = visits.purchase >= 0, stores.purchase >= 0
    in_store = int(np.count_nonzero(bought))
    none = np.full(in_store, -1, dtype=np.int8)
    person = np.concatenate((visits.person[paid], stores.person[bought]))
    at = np.concatenate((visits.purchase[paid], stores.purchase[bought]))
    channel = np.concatenate((visits.channel[paid], none + np.int8(1 + CHANNEL["store"])))
    campaign = np.concatenate((visits.campaign[paid], none))
    product = np.concatenate((visits.product[paid], stores.product[bought]))
    discount = _discounts(random, people, person, campaign)
    items, value = catalogue.baskets(
        random, product, people.trait("spend", person) * INCOME_SPEND[people.income[person]], discount
    )
    online = channel != CHANNEL["store"]
    delivered = _deliveries(random, at, online)
    returned, share = _returns(random, at, delivered, online, product)
    joined, redeemed = _loyalty(random, people, person, at)
    return Orders(
        person=person, at=at, channel=channel, device=np.concatenate((visits.device[paid], none)), campaign=campaign,
        product=product, retried=np.concatenate((visits.failed[paid] >= 0, np.zeros(in_store, dtype=bool))),
        items=items, value=value, discount=discount, delivered=delivered, returned=returned,
        refund=np.where(returned >= 0, np.rint(value * share), 0.0),
        joined=joined, redeemed=redeemed, reviewed=_reviews(random, people, person, delivered),
    )  # fmt: skip


def _moments(at: Integers, happens: Array) -> Integers:
    return np.where(happens & (at < YEAR_MS), at, -1)


def _discounts(random: np.random.Generator, people: People, person: Array, campaign: Array) -> Floats:
    count = len(person)
    reduced = random.random(count) < 0.25 + 0.4 * people.trait("discount", person)
    promoted = campaigns.QUALITY[campaign] > 1.2
    depth = 0.05 + 0.30 * random.random(count) ** 2 + 0.10 * promoted
    return np.where(reduced | promoted, np.rint(depth * 20.0) / 20.0, 0.0)


def _deliveries(random: np.random.Generator, at: Integers, online: Array) -> Integers:
    days = np.exp(random.standard_normal(len(at)) * 0.5) * 2.0
    return _moments(COURIER.after(at, days), online)


def _returns(
    random: np.random.Generator, at: Integers, delivered: Integers, online: Array, product: Array
) -> tuple[Integers, Floats]:
    """When an order comes back, and the share of its value that is paid back."""
    count = len(at)
    sent_back = random.random(count) < catalogue.RETURNED[product // catalogue.PRODUCTS_EACH]
    days = 1.0 + random.standard_exponential(count) * 3.0
    home = ONLINE.after(np.maximum(delivered, 0), days)
    desk = STORE.after(at, days)
    returned = _moments(np.where(online, home, desk), sent_back & (~online | (delivered >= 0)))
    return returned, np.where(random.random(count) < 0.75, 1.0, 0.5)


def ranks(person: Array, at: Integers) -> Array:
    """0 for the first order of each person, 1 for the second and so on."""
    order = np.lexsort((at, person))
    sorted_person = person[order]
    position = np.arange(len(person))
    starts = np.ones(len(person), dtype=bool)
    starts[1:] = sorted_person[1:] != sorted_person[:-1]
    rank = np.empty(len(person), dtype=np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(starts, position, 0))
    return rank


def _loyalty(
    random: np.random.Generator, people: People, person: Array, at: Integers
) -> tuple[Integers, Integers]:
    """When an order is followed by joining the programme, and when points pay for a part of it."""
    draw = random.random(len(people))
    member_before = people.existing & (draw < _MEMBER_BEFORE)
    joins_at = np.where(draw < _JOINS, (random.random(len(people)) < 0.7).astype(np.int64), 1_000_000)
    joins_at[member_before] = -1
    rank = ranks(person, at)
    joined = _moments(at + milliseconds(random, 90.0, 0.7, len(at)), rank == joins_at[person])
    spends = (rank > joins_at[person]) & (random.random(len(at)) < _REDEEMS)
    return joined, np.where(spends, at - 1, -1)


def _reviews(random: np.random.Generator, people: People, person: Array, delivered: Integers) -> Integers:
    writes = random.random(len(person)) < _REVIEWS * (1.0 + 0.6 * (np.abs(people.contentment[person]) > 1.0))
    at = ONLINE.after(np.maximum(delivered, 0) + DAY_MS, random.standard_exponential(len(person)) * 4.0)
    return _moments(at, writes & (delivered >= 0))


def write(journal: Journal, orders: Orders) -> None:
    """The events of the orders."""
    number = np.arange(len(orders), dtype=np.int32)
    steps = {
        "points_redeemed": orders.redeemed,
        "purchase": orders.at,
        "loyalty_joined": orders.joined,
        "delivery": orders.delivered,
        "return": orders.returned,
        "review_written": orders.reviewed,
    }
    for event, at in steps.items():
        journal.add(
            event, orders.person, at, channel=orders.channel, device=orders.device, product=orders.product,
            order=number, campaign=orders.campaign if event == "purchase" else -1,
        )  # fmt: skip
