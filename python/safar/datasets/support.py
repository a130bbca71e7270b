"""Support: what goes wrong, who asks for help where, and how long they wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.datasets.journal import CHANNEL, DESKTOP, MOBILE, Journal
from safar.datasets.orders import Orders
from safar.datasets.people import People
from safar.datasets.rhythm import CALLS, DAY_MS, ONLINE, STORE, YEAR_MS, milliseconds
from safar.datasets.visits import Visits

TOPICS = ("payment", "delivery", "product", "refund")

# Median minutes to the first answer: the call centre is slow, everyone else is quick.
CALL_MINUTES, CHAT_MINUTES, DESK_MINUTES = 27.0, 5.0, 4.0
_SPREAD = 0.85


@dataclass(frozen=True)
class Tickets:
    """One entry a question; `answered` and `closed` are -1 where they do not (or not yet) happen."""

    person: Array
    order: Array
    product: Array
    topic: Array
    channel: Array
    device: Array
    opened: Integers
    answered: Integers
    closed: Integers

    def __len__(self) -> int:
        return len(self.person)

    @property
    def calls(self) -> Array:
        """Whether the question came by telephone."""
        return np.asarray(self.channel == CHANNEL["call_center"])

    @property
    def response_minutes(self) -> Floats:
        """Minutes from the question to its first answer, NaN without one."""
        return np.where(self.answered >= 0, (self.answered - self.opened) / 60_000.0, np.nan)


def _reasons(
    random: np.random.Generator, visits: Visits, orders: Orders
) -> tuple[Array, Integers, Array, Array, Array]:
    """What makes people ask: person, moment, topic, order (-1: none) and product."""
    number = np.arange(len(orders), dtype=np.int32)
    travel = orders.delivered - orders.at
    late = np.clip(travel / DAY_MS - 3.0, 0.0, 4.0)
    sources = (
        (visits.failed, visits.person, None, visits.product, 0, 0.18),
        (
            np.where(orders.delivered >= 0, orders.at + travel * 4 // 5, -1),
            orders.person,
            number,
            orders.product,
            1,
            0.06 + 0.05 * late,
        ),
        (orders.delivered, orders.person, number, orders.product, 2, 0.18),
        (np.where(orders.online, -1, orders.at), orders.person, number, orders.product, 2, 0.05),
        (orders.returned, orders.person, number, orders.product, 3, 0.32),
    )
    parts = []
    for at, person, order, product, topic, probability in sources:
        chosen = np.flatnonzero((at >= 0) & (random.random(len(at)) < probability))
        about = np.full(len(chosen), -1, dtype=np.int32) if order is None else order[chosen]
        parts.append(
            (person[chosen], at[chosen], np.full(len(chosen), topic, dtype=np.int8), about, product[chosen])
        )
    person, moment, topics, about, products = (
        np.concatenate(columns) for columns in zip(*parts, strict=True)
    )
    return person, moment, topics, about, products


def ask(random: np.random.Generator, people: People, visits: Visits, orders: Orders) -> Tickets:
    """The questions of the year, with their answers."""
    person, reason_at, topic, order, product = _reasons(random, visits, orders)
    count = len(person)
    channel = _channels(random, people, person, order, orders)
    call, desk = channel == CHANNEL["call_center"], channel == CHANNEL["store"]
    delay = random.standard_exponential(count) * 0.12
    opened = np.where(
        call,
        CALLS.after(reason_at, delay),
        np.where(desk, STORE.after(reason_at, delay * 12), ONLINE.after(reason_at, delay)),
    ) + milliseconds(random, 60.0, 0.6, count)
    phone = random.random(count) < people.mobile[person]
    device = np.where(call | desk, -1, np.where(phone | (channel == CHANNEL["app"]), MOBILE, DESKTOP)).astype(
        np.int8
    )
    wait = _waiting(random, call, desk)
    # Who waits too long hangs up; a chat is nearly always answered.
    patient = random.random(count) < np.where(call, 1.0 / (1.0 + (wait / (160.0 * 60_000.0)) ** 1.5), 0.97)
    answered = np.where(patient & (opened + wait < YEAR_MS), opened + wait, -1)
    handling = milliseconds(random, 420.0, 0.6, count)
    handling = handling + np.where(
        random.random(count) < 0.3, random.standard_exponential(count) * 1.5 * DAY_MS, 0.0
    ).astype(np.int64)
    closed = np.where((answered >= 0) & (answered + handling < YEAR_MS), answered + handling, -1)
    asked = opened < YEAR_MS
    columns: tuple[Array, ...] = (person, order, product, topic, channel, device, opened, answered, closed)
    return Tickets(*(values[asked] for values in columns))


def _channels(
    random: np.random.Generator, people: People, person: Array, order: Array, orders: Orders
) -> Array:
    count = len(person)
    calls = random.random(count) < people.trait("calls", person)
    app = people.uses_app[person] & (random.random(count) < 0.6)
    channel = np.where(calls, CHANNEL["call_center"], np.where(app, CHANNEL["app"], CHANNEL["web"]))
    in_store = np.concatenate((~orders.online, [False]))[order]
    return np.where(in_store & ~calls, CHANNEL["store"], channel).astype(np.int8)


def _waiting(random: np.random.Generator, call: Array, desk: Array) -> Integers:
    """Milliseconds to the first answer, whole tenths of a minute."""
    median = np.where(call, CALL_MINUTES, np.where(desk, DESK_MINUTES, CHAT_MINUTES))
    minutes = np.minimum(median * np.exp(random.standard_normal(len(call)) * _SPREAD), 600.0)
    tenths: Integers = np.maximum(np.rint(minutes * 10.0), 1.0).astype(np.int64)
    return tenths * 6_000


def write(journal: Journal, tickets: Tickets) -> None:
    """The events of the tickets."""
    number = np.arange(len(tickets), dtype=np.int32)
    call = tickets.calls
    steps = (
        ("call_started", np.where(call, tickets.opened, -1)),
        ("support_ticket", np.where(call, -1, tickets.opened)),
        ("call_answered", np.where(call, tickets.answered, -1)),
        ("support_answered", np.where(call, -1, tickets.answered)),
        ("ticket_closed", tickets.closed),
    )
    for event, at in steps:
        journal.add(
            event, tickets.person, at, channel=tickets.channel, device=tickets.device, product=tickets.product,
            order=tickets.order, ticket=number,
        )  # fmt: skip
