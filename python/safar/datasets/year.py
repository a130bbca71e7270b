"""The year of the shop: people live through it block by block, and the blocks become numbered tables."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from safar._typing import Array
from safar.datasets import campaigns, catalogue, identity, mailing, orders, support, visits, voice
from safar.datasets.journal import CHANNEL, DESKTOP, MOBILE, Journal, join
from safar.datasets.people import People, populate
from safar.datasets.rhythm import ONLINE, milliseconds

# Big enough to be vectorised, small enough for the cache; also the unit of the random streams.
BLOCK = 32_768

Columns = dict[str, Array]


@dataclass(frozen=True)
class Year:
    """Raw tables: codes instead of names, milliseconds of the year instead of times, -1 for "none"."""

    people: Columns
    events: Columns
    orders: Columns
    tickets: Columns
    surveys: Columns


def live(customers: int, seed: int, incidents: bool = True) -> Year:
    """The whole year; each block of people has its own random stream, so the result depends on nothing else."""
    blocks = []
    for number, first in enumerate(range(0, customers, BLOCK)):
        stream = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,)))
        blocks.append(_block(np.random.Generator(stream), min(BLOCK, customers - first), incidents))
    return _number(blocks)


def _block(random: np.random.Generator, count: int, incidents: bool) -> Year:
    giveaway = campaigns.PAID[campaigns.CODE[campaigns.GIVEAWAY]]
    people = populate(random, count, giveaway.span, incidents)
    online = visits.browse(random, people, visits.arrivals(random, people, giveaway, incidents), incidents)
    stores = visits.store_visits(random, people)
    known = identity.register(random, people, online, stores)
    mails = mailing.send(random, people, known.known_from)
    landed = visits.browse(random, people, mailing.landings(random, people, mails), incidents)
    online = visits.stack(online, landed)
    placed = orders.place(random, people, online, stores)
    tickets = support.ask(random, people, online, placed)
    answers = voice.listen(random, people, placed, tickets)

    journal = Journal()
    mailing.write(journal, mails)
    _write_social(random, journal, people)
    _write_visits(random, journal, online, known.known_from)
    journal.add("store_visit", stores.person, stores.at, channel=CHANNEL["store"])
    journal.add("registration", known.person, known.at, channel=known.channel, device=known.device)
    orders.write(journal, placed)
    support.write(journal, tickets)
    voice.write(random, journal, answers)
    return Year(
        people=_people(people, known),
        events=journal.columns(),
        orders=_columns(placed),
        tickets=_columns(tickets) | {"response_minutes": tickets.response_minutes},
        surveys=_columns(answers),
    )


def _columns(table: orders.Orders | support.Tickets | voice.Surveys) -> Columns:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _people(people: People, known: identity.Registrations) -> Columns:
    return {
        "persona": people.persona,
        "existing": people.existing,
        "known_from": known.known_from,
        "uses_app": people.uses_app,
        "income": people.income,
        "email_consent": people.email_consent,
        **people.profile,
    }


def _write_social(random: np.random.Generator, journal: Journal, people: People) -> None:
    """Posts seen without a visit that follows."""
    busy = (ONLINE.position(people.last) - ONLINE.position(people.first)) / ONLINE.total
    person = np.repeat(np.arange(len(people), dtype=np.int32), random.poisson(2.5 * busy * people.pace))
    at = ONLINE.between(random, people.first[person], people.last[person])
    device = np.where(random.random(len(person)) < 0.85, MOBILE, DESKTOP)
    journal.add("social_view", person, at, channel=CHANNEL["social"], device=device)


def _write_visits(
    random: np.random.Generator, journal: Journal, online: visits.Visits, known_from: Array
) -> None:
    """The events of the visits, from the click that brought them to the payment."""
    where = {"channel": online.channel, "device": online.device, "campaign": online.campaign}
    before = online.at - milliseconds(random, 6.0, 0.5, len(online.at))
    paid_on = np.array([CHANNEL[campaign.channel] for campaign in campaigns.CAMPAIGNS] + [0])[online.campaign]
    clicked = np.where(online.source == visits.AD, before, -1)
    journal.add(
        "ad_click", online.person, clicked, channel=paid_on, device=online.device, campaign=online.campaign
    )
    seen = np.where(online.source == visits.SOCIAL, before, -1)
    journal.add("social_view", online.person, seen, channel=CHANNEL["social"], device=online.device)
    journal.add("visit", online.person, online.at, **where)
    known = (known_from[online.person] < online.at) & (random.random(len(online.at)) < 0.3)
    journal.add("login", online.person, np.where(known, online.at + 2_500, -1), **where)
    journal.add("search", online.person, online.search, **where)

    visit = np.repeat(np.arange(len(online.at)), online.views)
    position = np.arange(len(visit)) - np.repeat(np.cumsum(online.views) - online.views, online.views)
    at = (
        online.viewed_from[visit] + position * online.view_pace[visit] + random.integers(0, 1_500, len(visit))
    )
    # The last product of a visit is the one that may be bought.
    last = position == online.views[visit] - 1
    product = online.product[visit]
    others = np.flatnonzero(~last)
    product[others] = catalogue.products(random, product[others] // catalogue.PRODUCTS_EACH)
    journal.add(
        "view_product", online.person[visit], at, product=product,
        channel=online.channel[visit], device=online.device[visit], campaign=online.campaign[visit],
    )  # fmt: skip
    for event, moment in (
        ("wishlist", online.wishlist),
        ("add_to_cart", online.cart),
        ("checkout", online.checkout),
        ("payment_failed", online.failed),
    ):
        journal.add(event, online.person, moment, product=online.product, **where)


def _number(blocks: list[Year]) -> Year:
    """One year out of the blocks; orders, tickets and answers are numbered in the order of their time."""
    shifted = []
    person = order = ticket = survey = 0
    for block in blocks:
        offsets = {"person": person, "order": order, "ticket": ticket, "survey": survey}
        tables = (block.events, block.orders, block.tickets, block.surveys)
        shifted.append([_shift(table, offsets) for table in tables])
        person += len(block.people["persona"])
        order += len(block.orders["at"])
        ticket += len(block.tickets["opened"])
        survey += len(block.surveys["at"])
    events, placed, tickets, surveys = (join(list(tables)) for tables in zip(*shifted, strict=True))
    placed, order_number = _by_time(placed, "at")
    tickets, ticket_number = _by_time(tickets, "opened")
    surveys, survey_number = _by_time(surveys, "at")
    for table in (events, tickets, surveys):
        table["order"] = order_number[table["order"]]
        if "ticket" in table:
            table["ticket"] = ticket_number[table["ticket"]]
    events["survey"] = survey_number[events["survey"]]
    if len(blocks) > 1:
        events, _ = _by_time(events, "at")
    return Year(join([block.people for block in blocks]), events, placed, tickets, surveys)


def _shift(table: Columns, offsets: dict[str, int]) -> Columns:
    return {
        name: np.where(values >= 0, values + offsets[name], -1).astype(np.int32)
        if offsets.get(name)
        else values
        for name, values in table.items()
    }


def _by_time(table: Columns, time: str) -> tuple[Columns, Array]:
    """The table sorted by time, and the new number of each old one; -1 stays -1."""
    sequence = np.argsort(table[time], kind="stable")
    number = np.full(len(sequence) + 1, -1, dtype=np.int32)
    number[sequence] = np.arange(len(sequence), dtype=np.int32)
    return {name: values[sequence] for name, values in table.items()}, number
