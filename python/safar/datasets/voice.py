"""The voice of the customer: NPS, CSAT and CES answers, and the comments that some of them carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.datasets import phrases
from safar.datasets.journal import CHANNEL, EVENT, MOBILE, STAGES, Journal
from safar.datasets.orders import Orders
from safar.datasets.people import People
from safar.datasets.rhythm import DAY_MS, ONLINE, YEAR_MS
from safar.datasets.support import Tickets

KINDS = ("nps", "csat", "ces")
NPS, CSAT, CES = range(3)
LANGUAGES = ("fa", "en")
COMMENTED = 0.4

# NPS points that a wait for support costs: at once, and for every doubling of (1 + minutes / 15).
WAIT_COSTS, WAIT_DOUBLING_COSTS = 0.5, 1.15

_CALL, _CHAT, _DELIVERY, _PRODUCT, _PAYMENT, _STORE = range(6)


@dataclass(frozen=True)
class Surveys:
    """One entry an answer; `order` and `ticket` say what was asked about, -1 for the other one."""

    person: Array
    at: Integers
    kind: Array
    score: Integers
    channel: Array
    device: Array
    stage: Array
    order: Array
    ticket: Array
    comment: Array
    language: Array

    def __len__(self) -> int:
        return len(self.person)


def _asked(
    random: np.random.Generator, base: Integers, share: float, days: float, spread: float
) -> tuple[Array, Integers]:
    """Which of the moments lead to an answer, and when it is given."""
    chosen = np.flatnonzero((base >= 0) & (random.random(len(base)) < share))
    delay = days + spread * random.standard_exponential(len(chosen))
    at = ONLINE.after(base[chosen] + 120_000, delay)
    inside = at < YEAR_MS
    return chosen[inside], at[inside]


def _questions(random: np.random.Generator, orders: Orders, tickets: Tickets) -> dict[str, Array]:
    """Every answer that will be given: moment, kind, and the order or the ticket that it is about."""
    helped = np.where(tickets.closed >= 0, tickets.closed, -1)
    in_store = np.where(orders.online, -1, orders.at)
    bought = np.where(orders.online, orders.at, -1)
    plan = (
        (helped, "ticket", CSAT, 0.32, 0.02, 0.1),
        (helped, "ticket", CES, 0.14, 0.02, 0.1),
        (helped, "ticket", NPS, 0.42, 0.8, 0.8),
        (orders.delivered, "order", CSAT, 0.15, 0.3, 0.5),
        (orders.delivered, "order", NPS, 0.15, 2.5, 1.5),
        (in_store, "order", CSAT, 0.08, 0.1, 0.3),
        (in_store, "order", NPS, 0.07, 2.0, 1.5),
        (bought, "order", CES, 0.09, 0.0, 0.01),
    )
    parts: dict[str, list[Array]] = {"at": [], "kind": [], "order": [], "ticket": []}
    for base, about, kind, share, days, spread in plan:
        chosen, at = _asked(random, base, share, days, spread)
        missing = np.full(len(chosen), -1, dtype=np.int64)
        parts["at"].append(at)
        parts["kind"].append(np.full(len(chosen), kind, dtype=np.int8))
        parts["order"].append(chosen if about == "order" else missing)
        parts["ticket"].append(chosen if about == "ticket" else missing)
    return {name: np.concatenate(values) for name, values in parts.items()}


def listen(random: np.random.Generator, people: People, orders: Orders, tickets: Tickets) -> Surveys:
    """All answers of the year."""
    asked = _questions(random, orders, tickets)
    kind, order, ticket = asked["kind"], asked["order"], asked["ticket"]
    by_ticket = ticket >= 0

    def subject(of_ticket: Array, of_order: Array) -> Array:
        """What the answer inherits from its ticket or its order."""
        padded_ticket = np.append(of_ticket, of_ticket[:1] if len(of_ticket) else 0)
        padded_order = np.append(of_order, of_order[:1] if len(of_order) else 0)
        return np.where(by_ticket, padded_ticket[ticket], padded_order[order])

    person = subject(tickets.person, orders.person)
    channel = subject(tickets.channel, orders.channel)
    score = _scores(random, people.contentment[person], asked, orders, tickets)
    about = _subjects(random, kind, channel, by_ticket)
    comment, language = _comments(random, people.persian[person], kind, score, about)
    stage = np.where(kind == NPS, STAGES.index("loyalty"), STAGES.index("experience"))
    stage = np.where((kind == CES) & ~by_ticket, STAGES.index("purchase"), stage)
    return Surveys(
        person=person, at=asked["at"], kind=kind, score=score, channel=channel,
        device=subject(tickets.device, orders.device), stage=stage.astype(np.int8), order=order, ticket=ticket,
        comment=comment, language=language,
    )  # fmt: skip


def _scores(
    random: np.random.Generator, mood: Floats, asked: dict[str, Array], orders: Orders, tickets: Tickets
) -> Integers:
    kind, order, ticket = asked["kind"], asked["order"], asked["ticket"]
    noise = random.standard_normal(len(kind))
    doublings = np.log2(1.0 + np.append(tickets.response_minutes, 0.0)[ticket] / 15.0)
    travel = np.where(orders.delivered >= 0, (orders.delivered - orders.at) / DAY_MS, 0.0)
    late = np.append(np.clip(travel - 3.0, 0.0, 5.0), 0.0)[order]
    struggle = np.append(orders.retried, False)[order]
    waited = np.where(ticket >= 0, WAIT_COSTS + WAIT_DOUBLING_COSTS * doublings, 0.0)
    nps = 8.2 + mood + 1.2 * noise - waited - 0.35 * late
    csat = 4.2 + 0.4 * mood + 0.7 * noise - 0.30 * waited - 0.20 * late
    ces = 5.8 + 0.4 * mood + 0.9 * noise - 0.45 * waited - 1.6 * struggle
    latent = np.choose(kind, (nps, csat, ces))
    low, high = np.choose(kind, (0, 1, 1)), np.choose(kind, (10, 5, 7))
    return np.clip(np.rint(latent), low, high).astype(np.int64)


def _subjects(random: np.random.Generator, kind: Array, channel: Array, by_ticket: Array) -> Array:
    """What a comment would be about."""
    call = channel == CHANNEL["call_center"]
    support = np.where(call, _CALL, np.where(channel == CHANNEL["store"], _STORE, _CHAT))
    goods = np.where(random.random(len(kind)) < 0.5, _DELIVERY, _PRODUCT)
    buying = np.where(channel == CHANNEL["store"], _STORE, np.where(kind == CES, _PAYMENT, goods))
    return np.where(by_ticket, support, buying)


def _comments(
    random: np.random.Generator, persian: Array, kind: Array, score: Integers, about: Array
) -> tuple[Array, Array]:
    """Texts that fit the scores, None where nothing was written, and their languages (-1: no text)."""
    count = len(kind)
    written = random.random(count) < COMMENTED
    language = np.where(persian ^ (random.random(count) < 0.04), 0, 1).astype(np.int8)
    critical = np.choose(kind, (6, 2, 3))
    happy = np.choose(kind, (9, 4, 6))
    tone = np.where(
        score <= critical, phrases.NEGATIVE, np.where(score >= happy, phrases.POSITIVE, phrases.NEUTRAL)
    )
    comment = np.full(count, None, dtype=object)
    for code, name in enumerate(LANGUAGES):
        for mood in (phrases.NEGATIVE, phrases.NEUTRAL, phrases.POSITIVE):
            for subject, sentences in enumerate(phrases.SENTENCES[name].values()):
                where = np.flatnonzero(written & (language == code) & (tone == mood) & (about == subject))
                comment[where] = _texts(random, name, mood, sentences[mood], len(where))
    return comment, np.where(written, language, -1).astype(np.int8)


def _texts(
    random: np.random.Generator, language: str, mood: int, sentences: tuple[str, ...], count: int
) -> Array:
    """Opening, sentence and closing; some Persian keyboards write Arabic letters."""
    parts = (phrases.OPENINGS[language][mood], sentences, phrases.CLOSINGS[language][mood])
    arabic = random.random(count) < (0.08 if language == "fa" else 0.0)
    texts = np.full(count, "", dtype=object)
    for part in parts:
        both = part + tuple(phrase.replace("ی", "ي").replace("ک", "ك") for phrase in part)
        texts = (
            texts + np.array(both, dtype=object)[random.integers(len(part), size=count) + len(part) * arabic]
        )
    return texts


def write(random: np.random.Generator, journal: Journal, surveys: Surveys) -> None:
    """The events of the answers, and the referrals of the happiest."""
    number = np.arange(len(surveys), dtype=np.int32)
    for code, kind in enumerate(KINDS):
        journal.add(
            f"{kind}_answer", surveys.person, np.where(surveys.kind == code, surveys.at, -1), channel=surveys.channel,
            device=surveys.device, order=surveys.order, ticket=surveys.ticket, survey=number,
        )  # fmt: skip
    promoter = np.flatnonzero((surveys.kind == NPS) & (surveys.score >= 9))
    promoter = promoter[random.random(len(promoter)) < 0.25]
    own = surveys.device[promoter] >= 0
    at = ONLINE.after(surveys.at[promoter], random.standard_exponential(len(promoter)) * 0.3)
    journal.add(
        "referral_sent", surveys.person[promoter], at,
        channel=np.where(own, surveys.channel[promoter], CHANNEL["web"]),
        device=np.where(own, surveys.device[promoter], MOBILE),
    )  # fmt: skip


EVENT_OF_KIND = np.array([EVENT[f"{kind}_answer"] for kind in KINDS], dtype=np.int8)
