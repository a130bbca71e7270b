"""When a stranger becomes a known customer: by registering, at the first checkout or with a loyalty card in a store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Integers
from safar.datasets.journal import CHANNEL
from safar.datasets.people import People
from safar.datasets.rhythm import YEAR_MS
from safar.datasets.visits import StoreVisits, Visits


@dataclass(frozen=True)
class Registrations:
    """`known_from`: the moment from which each person is known, 0 if before the year, its end if never.

    The other arrays have one entry for each registration in the year.
    """

    known_from: Integers
    person: Array
    at: Integers
    channel: Array
    device: Array


def register(
    random: np.random.Generator, people: People, visits: Visits, stores: StoreVisits
) -> Registrations:
    """The first moment at which each newcomer says who they are."""
    signs_up = random.random(len(visits.person)) < people.trait("registers", visits.person)
    at_visit = np.where(signs_up, visits.ends + 4_000, YEAR_MS)
    at_checkout = np.where(visits.checkout >= 0, visits.checkout - 1, YEAR_MS)
    at = np.concatenate((np.minimum(at_visit, at_checkout), stores.at))
    person = np.concatenate((visits.person, stores.person))
    channel = np.concatenate((visits.channel, np.full(len(stores.at), CHANNEL["store"], dtype=np.int8)))
    device = np.concatenate((visits.device, np.full(len(stores.at), -1, dtype=np.int8)))

    known_from = np.full(len(people), YEAR_MS, dtype=np.int64)
    np.minimum.at(known_from, person, at)
    known_from[people.existing] = 0
    candidates = np.flatnonzero((at == known_from[person]) & (at < YEAR_MS) & ~people.existing[person])
    # Two moments of one person can fall into the same millisecond; the first one listed counts.
    _, chosen = np.unique(person[candidates], return_index=True)
    chosen = candidates[chosen]
    return Registrations(known_from, person[chosen], at[chosen], channel[chosen], device[chosen])
