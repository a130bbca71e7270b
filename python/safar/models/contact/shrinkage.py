"""Beta-binomial empirical Bayes: rates of many groups that lean on each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from safar._typing import Array, Floats

__all__ = ["Prior", "prior_of", "strength_of"]

# Beyond so many contacts' worth, groups do not differ.
_LEAST, _MOST = 0.01, 1e6


class Prior(NamedTuple):
    """A beta distribution of rates."""

    alpha: float
    beta: float

    @property
    def level(self) -> bool:
        """Whether the groups differ by no more than chance makes them."""
        return self.alpha + self.beta > _MOST / 2


def prior_of(answered: Array, contacts: Array) -> Prior | None:
    """The beta distribution of greatest likelihood; None where no contact was answered, or all were."""
    total, hits = int(contacts.sum()), int(answered.sum())
    if hits in (0, total):
        return None
    from scipy import optimize, special

    tried = contacts > 0
    hit, of = answered[tried].astype(np.float64), contacts[tried].astype(np.float64)

    def loss(given: Floats) -> float:
        mean, strength = special.expit(given[0]), np.exp(given[1])
        one, other = mean * strength, (1 - mean) * strength
        return -float((special.betaln(hit + one, of - hit + other) - special.betaln(one, other)).sum())

    start = np.array([special.logit(hits / total), np.log(_moments(hit, of))])
    bounds = [(start[0] - 5, start[0] + 5), (np.log(_LEAST), np.log(_MOST))]
    # The likelihood is flat where groups hardly differ, so that one start may stop too early.
    starts = [start, *(np.array([start[0], np.log(each)]) for each in (1.0, 100.0, _MOST))]
    found = min(
        (optimize.minimize(loss, each, bounds=bounds) for each in starts), key=lambda each: float(each.fun)
    )
    mean, strength = float(special.expit(found.x[0])), float(np.exp(found.x[1]))
    return Prior(mean * strength, (1 - mean) * strength)


def strength_of(answered: Array, contacts: Array, mean: Floats) -> float:
    """How many contacts the rates of a group's members are worth, given its mean: by greatest likelihood."""
    from scipy import optimize, special

    def loss(log_strength: float) -> float:
        one, other = mean * np.exp(log_strength), (1 - mean) * np.exp(log_strength)
        return -float(
            (special.betaln(answered + one, contacts - answered + other) - special.betaln(one, other)).sum()
        )

    found = optimize.minimize_scalar(loss, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded")
    return float(np.exp(found.x))


def _moments(answered: Floats, contacts: Floats) -> float:
    """Strength of the beta distribution by the method of moments: from the spread of the rates."""
    total, groups = contacts.sum(), len(contacts)
    mean = answered.sum() / total
    spread = (contacts * (answered / contacts - mean) ** 2).sum()
    free = total - (contacts**2).sum() / total
    excess = (spread - (groups - 1) * mean * (1 - mean)) / free if free > 0 else 0.0
    share = excess / (mean * (1 - mean))
    return float(np.clip(1 / share - 1, _LEAST, _MOST)) if 0 < share < 1 else 100.0
