"""Visits to the web shop, the app and the stores: when they happen, what brings them and how far they get."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.datasets import campaigns, catalogue, personas
from safar.datasets.journal import CHANNEL, DESKTOP, MOBILE
from safar.datasets.people import People
from safar.datasets.rhythm import (
    DAY_MS,
    DAY_WEIGHT,
    GIFTS,
    NOWRUZ,
    ONLINE,
    STORE,
    YEAR_MS,
    Rhythm,
    milliseconds,
    moment_of,
)

# The broken mobile checkout: a release after which most payments on phones fail.
BROKEN_START = np.datetime64("2025-10-12")
BROKEN_END = np.datetime64("2025-10-24")
PAYMENT_FAILS, RETRY_WORKS = 0.07, 0.45
BROKEN_PAYMENT_FAILS, BROKEN_RETRY_WORKS = 0.68, 0.10
PAYS = 0.82

_MONTH = 30.4 * DAY_WEIGHT
_CHECKOUT = 0.60
_NEVER = np.int64(-1)

# What brought the visit.
DIRECT, AD, SOCIAL, EMAIL = 0, 1, 2, 3


@dataclass(frozen=True)
class Arrivals:
    """Visits before it is known what happens in them."""

    person: Array
    at: Integers
    channel: Array
    device: Array
    campaign: Array
    source: Array


@dataclass(frozen=True)
class Visits(Arrivals):
    """Visits with the moment of each step; -1 where the visit did not get so far."""

    product: Array
    views: Array
    viewed_from: Integers
    view_pace: Integers
    search: Integers
    wishlist: Integers
    cart: Integers
    checkout: Integers
    failed: Integers
    purchase: Integers
    ends: Integers


def stack(first: Visits, second: Visits) -> Visits:
    """Both sets of visits in one."""
    return Visits(
        **{
            field.name: np.concatenate((getattr(first, field.name), getattr(second, field.name)))
            for field in fields(Visits)
        }
    )


def _poisson_moments(
    random: np.random.Generator, people: People, rate: Floats, rhythm: Rhythm
) -> tuple[Array, Integers]:
    """Person and moment of visits at `rate` a month while the person is active."""
    busy = (rhythm.position(people.last) - rhythm.position(people.first)) / _MONTH
    person = np.repeat(np.arange(len(people), dtype=np.int32), random.poisson(rate * busy))
    return person, rhythm.between(random, people.first[person], people.last[person])


def arrivals(
    random: np.random.Generator, people: People, giveaway: campaigns.Campaign, incidents: bool = True
) -> Arrivals:
    """Every online visit that is not the answer to an e-mail; those of the giveaway only if it happens."""
    rate = people.pace * people.trait("visits")
    gift = people.persona == personas.NAMES.index(personas.GIFT_GIVER)
    person, at = _poisson_moments(random, people, np.where(gift, 0.0, rate), ONLINE)
    gift_person, gift_at = _poisson_moments(random, people, np.where(gift, rate, 0.0), GIFTS)
    shopper = random.random(len(people)) < 1.0 - 0.5 * (people.trait("store_visits") > 0.3)
    newcomer = np.flatnonzero(~people.existing & (shopper | people.giveaway)).astype(np.int32)
    person = np.concatenate((person, gift_person, newcomer))
    at = np.concatenate((at, gift_at, people.first[newcomer]))
    channel, device = _devices(random, people, person)
    first = np.arange(len(person)) >= len(person) - len(newcomer)
    campaign = _campaigns(random, at, channel, first)
    campaign[first & people.giveaway[person]] = campaigns.CODE[giveaway.name]
    source = np.where(campaign >= 0, AD, np.where(random.random(len(person)) < 0.10, SOCIAL, DIRECT)).astype(
        np.int8
    )
    ordinary: tuple[Array, ...] = (person, at, channel, device, campaign, source)
    if not incidents:
        return Arrivals(*ordinary)
    extra = _giveaway_visits(random, people, giveaway)
    return Arrivals(*(np.concatenate(pair) for pair in zip(ordinary, extra, strict=True)))


def _devices(random: np.random.Generator, people: People, person: Array) -> tuple[Array, Array]:
    app = people.uses_app[person] & (random.random(len(person)) < 0.7)
    phone = app | (random.random(len(person)) < people.mobile[person])
    channel = np.where(app, CHANNEL["app"], CHANNEL["web"]).astype(np.int8)
    return channel, np.where(phone, MOBILE, DESKTOP).astype(np.int8)


def _campaigns(random: np.random.Generator, at: Integers, channel: Array, first: Array) -> Array:
    """The paid campaign behind each visit, -1 for none; newcomers come through campaigns more often."""
    campaign = np.full(len(at), -1, dtype=np.int8)
    for code, paid in enumerate(campaigns.PAID):
        if paid.pull == 0.0:
            continue
        start, end = paid.span
        fits = (at >= start) & (at < end) & (campaign < 0)
        if paid.channel == "app":
            fits &= channel == CHANNEL["app"]
        where = np.flatnonzero(fits)
        pull = np.minimum(paid.pull * (1.0 + 1.5 * first[where]), 0.8)
        campaign[where[random.random(len(where)) < pull]] = code
    return campaign


def _giveaway_visits(
    random: np.random.Generator, people: People, giveaway: campaigns.Campaign
) -> tuple[Array, ...]:
    """Visits that come only to enter the giveaway: its newcomers come back, some customers join in."""
    start, end = giveaway.span
    again = np.repeat(
        np.flatnonzero(people.giveaway).astype(np.int32),
        random.poisson(0.8, int(np.count_nonzero(people.giveaway))),
    )
    around = ~people.giveaway & (people.first < start) & (people.last > end)
    joining = np.flatnonzero(around & (random.random(len(people)) < 0.06)).astype(np.int32)
    person = np.concatenate((again, joining))
    low = np.maximum(people.first[person], start)
    at = ONLINE.between(random, low, np.full(len(person), end, dtype=np.int64))
    campaign = np.full(len(person), campaigns.CODE[giveaway.name], dtype=np.int8)
    channel, device = _devices(random, people, person)
    return person, at, channel, device, campaign, np.full(len(person), AD, dtype=np.int8)


def browse(random: np.random.Generator, people: People, arrived: Arrivals, incidents: bool = True) -> Visits:
    """Let the visits happen: how many products are seen, and whether cart, checkout and payment follow."""
    count = len(arrived.person)
    quality = campaigns.QUALITY[arrived.campaign]
    bounced = random.random(count) < np.where(quality < 0.1, 0.72, 0.24)
    views = np.where(bounced, 0, np.minimum(random.geometric(0.36, count), 25)).astype(np.int16)
    clock = arrived.at + milliseconds(random, 9.0, 0.6, count)
    search = _step(random, clock, (views > 0) & (random.random(count) < 0.28), 8.0)
    viewed_from = np.where(search >= 0, search, clock) + milliseconds(random, 7.0, 0.7, count)
    view_pace = milliseconds(random, 34.0, 0.8, count) // 2 + 2_000
    seen = viewed_from + view_pace * views
    wishlist = _step(random, seen, (views > 0) & (random.random(count) < 0.06), 5.0)
    wants = (views > 0) & (random.random(count) < _cart_probability(people, arrived, quality))
    cart = _step(random, seen, wants, 14.0)
    checkout = _step(random, cart, (cart >= 0) & (random.random(count) < _CHECKOUT), 70.0)
    failed, purchase = _pay(random, checkout, arrived.device, incidents)
    return Visits(
        **{field.name: getattr(arrived, field.name) for field in fields(Arrivals)},
        product=catalogue.products(random, catalogue.categories(random, count)),
        views=views, viewed_from=viewed_from, view_pace=view_pace, search=search, wishlist=wishlist, cart=cart,
        checkout=checkout, failed=failed, purchase=purchase, ends=np.maximum(seen, np.maximum(checkout, purchase)),
    )  # fmt: skip


def _cart_probability(people: People, arrived: Arrivals, quality: Floats) -> Floats:
    base = people.trait("cart", arrived.person) * people.propensity[arrived.person]
    until = moment_of(NOWRUZ) - arrived.at
    festive = np.where((until > 0) & (until < 25 * DAY_MS), 1.2, 1.0)
    return np.minimum(base * festive * quality, 0.9)


def _step(random: np.random.Generator, clock: Integers, happens: Array, median_seconds: float) -> Integers:
    """The moment of the next step where it happens, -1 elsewhere and after the end of the year."""
    at = clock + milliseconds(random, median_seconds, 0.7, len(clock))
    return np.where(happens & (at < YEAR_MS), at, _NEVER)


def is_broken(at: Integers, device: Array) -> Array:
    """Whether a payment at that moment on that device meets the broken mobile checkout."""
    window = (at >= moment_of(BROKEN_START)) & (at < moment_of(BROKEN_END))
    return np.asarray(window & (device == MOBILE))


def _pay(
    random: np.random.Generator, checkout: Integers, device: Array, incidents: bool
) -> tuple[Integers, Integers]:
    """Moments of the failed and of the successful payment."""
    count = len(checkout)
    broken = is_broken(checkout, device) & incidents
    fails = (checkout >= 0) & (random.random(count) < np.where(broken, BROKEN_PAYMENT_FAILS, PAYMENT_FAILS))
    failed = _step(random, checkout, fails, 55.0)
    retry = np.where(broken, BROKEN_RETRY_WORKS, RETRY_WORKS)
    pays = (checkout >= 0) & (random.random(count) < np.where(fails, retry, PAYS)) & (fails == (failed >= 0))
    return failed, _step(random, np.where(fails, failed, checkout), pays, 75.0)


@dataclass(frozen=True)
class StoreVisits:
    """Visits to a store; `purchase` is -1 where nothing was bought."""

    person: Array
    at: Integers
    product: Array
    purchase: Integers


def store_visits(random: np.random.Generator, people: People) -> StoreVisits:
    """Every visit to a store by someone with the loyalty card."""
    person, at = _poisson_moments(random, people, people.pace * people.trait("store_visits"), STORE)
    count = len(person)
    buys = random.random(count) < np.minimum(0.42 * people.propensity[person], 0.85)
    product = catalogue.products(random, catalogue.categories(random, count))
    return StoreVisits(person, at, product, _step(random, at, buys, 900.0))
