"""E-mails: to whom each mailing goes, and who opens it, clicks and arrives at the shop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Integers
from safar.datasets import campaigns
from safar.datasets.journal import CHANNEL, DESKTOP, MOBILE, Journal
from safar.datasets.people import People
from safar.datasets.rhythm import HOUR_MS, ONLINE, YEAR_MS, milliseconds
from safar.datasets.visits import EMAIL, Arrivals

AUDIENCE = 0.5
OPENS, CLICKS = 0.40, 0.24
_OPENS_AFTER_LEAVING, _CLICKS_AFTER_LEAVING = 0.05, 0.02


@dataclass(frozen=True)
class Mails:
    """One entry an e-mail; `opened` and `clicked` are -1 where that did not happen."""

    person: Array
    campaign: Array
    sent: Integers
    opened: Integers
    clicked: Integers


def send(random: np.random.Generator, people: People, known_from: Integers) -> Mails:
    """Every mailing goes to half of the customers who are known by then and agreed to e-mails."""
    first = len(campaigns.PAID)
    start = np.array([mailing.span[0] for mailing in campaigns.MAILINGS]) + 10 * HOUR_MS
    invited = random.random((len(start), len(people))) < AUDIENCE
    mailing, person = np.nonzero(invited & (known_from < start[:, None]) & people.email_consent)
    count = len(person)
    sent = start[mailing] + (random.random(count) * 2 * HOUR_MS).astype(np.int64)
    active = sent <= people.last[person]
    engaged = np.minimum(people.propensity[person], 2.0)
    opens = random.random(count) < np.where(active, OPENS * engaged, _OPENS_AFTER_LEAVING)
    clicks = opens & (random.random(count) < np.where(active, CLICKS * engaged, _CLICKS_AFTER_LEAVING))
    opened = ONLINE.after(sent, random.standard_exponential(count) * 0.35) + 20_000
    opened = np.where(opens & (opened < YEAR_MS), opened, -1)
    clicked = opened + milliseconds(random, 25.0, 0.8, count)
    clicked = np.where(clicks & (opened >= 0) & (clicked < YEAR_MS), clicked, -1)
    return Mails(person.astype(np.int32), (mailing + first).astype(np.int8), sent, opened, clicked)


def landings(random: np.random.Generator, people: People, mails: Mails) -> Arrivals:
    """The visits that clicked e-mails lead to."""
    clicked = np.flatnonzero(mails.clicked >= 0)
    person = mails.person[clicked]
    app = people.uses_app[person] & (random.random(len(person)) < 0.35)
    phone = app | (random.random(len(person)) < people.mobile[person])
    return Arrivals(
        person=person,
        at=mails.clicked[clicked] + 3_000,
        channel=np.where(app, CHANNEL["app"], CHANNEL["web"]).astype(np.int8),
        device=np.where(phone, MOBILE, DESKTOP).astype(np.int8),
        campaign=mails.campaign[clicked],
        source=np.full(len(person), EMAIL, dtype=np.int8),
    )


def write(journal: Journal, mails: Mails) -> None:
    """The events of the e-mails."""
    for event, at in (
        ("email_sent", mails.sent),
        ("email_opened", mails.opened),
        ("email_clicked", mails.clicked),
    ):
        journal.add(event, mails.person, at, channel=CHANNEL["email"], campaign=mails.campaign)
