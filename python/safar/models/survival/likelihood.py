"""The partial likelihood of Cox's model, and its maximum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.errors import ArgumentError
from safar.models.survival.watched import Watched

__all__ = [
    "Fit",
    "Stratum",
    "Ties",
    "concordant",
    "fitted",
    "residuals_of",
    "scores_of",
    "strata_of",
    "terms_of",
]

Ties: TypeAlias = Literal["efron", "breslow", "exact"]

# Newton's steps; a likelihood with a maximum takes about six.
_MOST_STEPS = 30
# The largest step that is none, in units of the linear predictor.
_STILL = 1e-9
# A linear predictor that means that there is no largest likelihood: who has it is e⁶⁰ times as likely to go.
_FARTHEST = 60.0
# Additions that the exact likelihood may take, about ten seconds.
_MOST_EXACT = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """Customers whose hazards have one baseline, ordered by the end of their watch.

    Parameters
    ----------
    rows
        Which rows of the data they are.
    values
        Their columns, centred.
    exit, entry, event, weight
        As of `Watched`.
    times
        Times of events, rising.
    first
        The first customer who is watched up to each of them or longer.
    order, late
        The order of entries, the latest first, and how many come at each time or later.
    at, before
        Of each customer the last time up to the end of the watch, and the last up to the entry; -1 for none.
    tied
        Events at each time, customers counted by weight.
    """

    rows: Integers
    values: Floats
    exit: Floats
    entry: Floats
    event: Array
    weight: Floats
    times: Floats
    first: Integers
    order: Integers
    late: Integers
    at: Integers
    before: Integers
    tied: Integers

    @classmethod
    def of(cls, found: Watched, values: Floats, rows: Integers) -> Stratum:
        """The customers of some rows."""
        rows = rows[np.argsort(found.exit[rows], kind="stable")]
        until, since, event = found.exit[rows], found.entry[rows], found.cause[rows] > 0
        weight = found.weight[rows]
        times = np.unique(until[event])
        order = np.argsort(-since, kind="stable")
        tied = np.zeros(len(times), dtype=np.int64)
        np.add.at(tied, np.searchsorted(times, until[event]), weight[event])
        return cls(
            rows,
            values[rows],
            until,
            since,
            event,
            weight.astype(np.float64),
            times,
            np.searchsorted(until, times, side="left"),
            order,
            np.searchsorted(-since[order], -times, side="right"),
            np.searchsorted(times, until, side="right") - 1,
            np.searchsorted(times, since, side="right") - 1,
            tied,
        )

    def at_risk(self, values: Array) -> Array:
        """Sums over those at risk at each time of an event: watched until then or longer, less those yet to come."""
        ending = np.cumsum(values[::-1], axis=0)[::-1]
        zero = np.zeros((1, *values.shape[1:]))
        coming = np.concatenate([zero, np.cumsum(values[self.order], axis=0)])
        found: Array = ending[self.first] - coming[self.late]
        return found

    def at_events(self, values: Array) -> Array:
        """Sums over those with the event at each time."""
        found = np.zeros((len(self.times), *values.shape[1:]))
        np.add.at(found, self.at[self.event], values[self.event])
        return found

    def spread(self, of_times: Floats) -> Floats:
        """For each customer the sum of what belongs to the times at which they were at risk."""
        total = np.append(0.0, np.cumsum(of_times))
        return np.asarray(total[self.at + 1] - total[self.before + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where the likelihood is largest.

    Parameters
    ----------
    coefficients
        Of the columns.
    information
        The second derivative there, with its sign turned.
    logs
        The logarithm of the likelihood at zero and there.
    score
        The score test's statistic, from the derivatives at zero.
    loose
        Columns whose coefficient goes on growing, so that there is no largest; none in a good fit.
    """

    coefficients: Floats
    information: Floats
    logs: tuple[float, float]
    score: float
    loose: Integers


def strata_of(found: Watched, values: Floats, codes: Integers) -> list[Stratum]:
    """The strata that have an event."""
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    strata = [Stratum.of(found, values, rows) for rows in groups if len(rows)]
    return [stratum for stratum in strata if len(stratum.times)]


def fitted(strata: list[Stratum], ties: Ties, columns: int) -> Fit:
    """The coefficients, by Newton's steps that are halved where they go too far."""
    if ties == "exact":
        size = sum(int((stratum.at_risk(stratum.weight)).sum()) for stratum in strata)
        if size > _MOST_EXACT:
            raise ArgumentError(
                f'ties="exact" would look at {size:,} customers at risk one by one, more than {_MOST_EXACT:,}; choose '
                '"efron", which is near it'
            )
    derive = {"efron": _derived, "breslow": _derived, "exact": _derived_exactly}[ties]

    def whole(beta: Floats) -> tuple[float, Floats, Floats]:
        # A step that goes too far overflows, and is halved.
        with np.errstate(all="ignore"):
            parts = [derive(stratum, beta, ties) for stratum in strata]
        return (
            sum(part[0] for part in parts),
            np.sum([part[1] for part in parts], axis=0),
            np.sum([part[2] for part in parts], axis=0),
        )

    reach = np.max([np.abs(stratum.values).max(axis=0) for stratum in strata], axis=0)
    beta = np.zeros(columns)
    log, slope, information = whole(beta)
    at_zero, step = log, _solved(information, slope)
    score = float(slope @ step)
    for _ in range(_MOST_STEPS):
        step = _solved(information, slope)
        if (np.abs(step) * reach).max() < _STILL or (np.abs(beta) * reach).max() > _FARTHEST:
            break
        advanced = _advanced(whole, beta, step, log)
        if advanced is None:
            break
        beta, log, slope, information = advanced
    loose = np.flatnonzero(np.abs(step) * reach > 1e-3)
    return Fit(beta, information, (at_zero, log), score, loose)


def _advanced(
    whole: Callable[[Floats], tuple[float, Floats, Floats]], beta: Floats, step: Floats, log: float
) -> tuple[Floats, float, Floats, Floats] | None:
    """One step, half of it, a quarter …, until the likelihood does not fall; none where it falls in any case."""
    for _ in range(10):
        found = whole(beta + step)
        if found[0] >= log - 1e-12 * abs(log) and all(np.isfinite(each).all() for each in found):
            return beta + step, *found
        step = step / 2
    return None


def _solved(information: Floats, slope: Floats) -> Floats:
    """Newton's step; where nothing is to be learned of a direction, none is made in it."""
    return np.asarray(np.linalg.lstsq(information, slope, rcond=1e-14)[0])


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The terms of the likelihood of one stratum.

    Parameters
    ----------
    number, place
        How often each counts, and its time.
    part
        What part of the tied events has gone by then.
    risk, whole
        Risks of customers, and their sums over those at risk, both divided by the exponential of `top`.
    mean
        The mean of the columns over those at risk, by their risks.
    """

    number: Floats
    place: Integers
    part: Floats
    linear: Floats
    top: float
    risk: Floats
    whole: Floats
    mean: Floats

    def hazards(self, times: int) -> Floats:
        """The baseline hazard at each time."""
        hazards: Floats = np.bincount(self.place, self.number / self.whole, minlength=times) * np.exp(
            -self.top
        )
        return hazards


def terms_of(stratum: Stratum, beta: Floats, ties: Ties) -> Terms:
    """The terms at some coefficients."""
    linear = stratum.values @ beta
    top = float(linear.max())
    risk = stratum.weight * np.exp(linear - top)
    moved = risk[:, None] * stratum.values
    number, place, part = _parts(stratum, ties)
    whole = stratum.at_risk(risk)[place] - part * stratum.at_events(risk)[place]
    means = stratum.at_risk(moved)[place] - part[:, None] * stratum.at_events(moved)[place]
    return Terms(number, place, part, linear, top, risk, whole, means / whole[:, None])


def residuals_of(stratum: Stratum, beta: Floats, ties: Ties) -> tuple[Floats, Floats]:
    """Times of events and what the columns of who had them are above the mean of those at risk (Schoenfeld 1982)."""
    terms = terms_of(stratum, beta, ties)
    mean = np.zeros((len(stratum.times), len(beta)))
    np.add.at(mean, terms.place, terms.number[:, None] * terms.mean)
    mean /= stratum.tied[:, None]
    rows = np.repeat(np.flatnonzero(stratum.event), stratum.weight[stratum.event].astype(np.int64))
    return stratum.exit[rows], stratum.values[rows] - mean[stratum.at[rows]]


def scores_of(stratum: Stratum, beta: Floats, ties: Ties) -> Floats:
    """What each customer adds to the slope, less what it takes from that of the others (Lin and Wei 1989).

    A row counts as one customer of its weight.
    """
    found, own, at = terms_of(stratum, beta, ties), stratum.event, stratum.at
    size, width = len(stratum.times), len(beta)
    each = found.number / found.whole
    # By time: the hazard, and the mean of those at risk times it; of all, and the part that tied events have less of.
    sums = np.zeros((size, 2 * width + 2))
    of_terms = np.column_stack([each, each[:, None] * found.mean])
    np.add.at(sums, found.place, np.hstack([of_terms, found.part[:, None] * of_terms]))
    mean = np.zeros((size, width))
    np.add.at(mean, found.place, found.number[:, None] * found.mean)
    mean /= stratum.tied[:, None]
    whole = np.column_stack([stratum.spread(column) for column in sums[:, : width + 1].T])
    whole[own] -= sums[at[own], width + 1 :]
    whole *= (found.risk / stratum.weight)[:, None]
    scores = whole[:, 1:] - whole[:, :1] * stratum.values
    scores[own] += stratum.values[own] - mean[at[own]]
    return np.asarray(scores)


def _derived(stratum: Stratum, beta: Floats, ties: Ties) -> tuple[float, Floats, Floats]:
    """Logarithm of the likelihood of one stratum, its slope, and the information."""
    found, values, weight, own = terms_of(stratum, beta, ties), stratum.values, stratum.weight, stratum.event
    log = float((weight[own] * found.linear[own]).sum())
    log -= float((found.number * (np.log(found.whole) + found.top)).sum())
    slope = weight[own] @ values[own] - found.number @ found.mean
    # The squares of those at risk, summed over times first and over customers then, so that they never stand together.
    each, times = found.number / found.whole, len(stratum.times)
    rate, tied = (
        np.bincount(found.place, part, minlength=times).astype(np.float64)
        for part in (each, each * found.part)
    )
    share = found.risk * (stratum.spread(rate) - np.where(own, tied[stratum.at], 0.0))
    information = values.T @ (share[:, None] * values) - found.mean.T @ (found.number[:, None] * found.mean)
    return log, np.asarray(slope), np.asarray(information)


def _parts(stratum: Stratum, ties: Ties) -> tuple[Floats, Integers, Floats]:
    """Terms of the likelihood: how often each counts, its time, and what part of the tied events has gone by then.

    Efron (1977, doi:10.1080/01621459.1977.10480613) takes tied events one after the other, an average one each time;
    Breslow (1974) as if nobody had gone yet.
    """
    tied, place = stratum.tied, np.arange(len(stratum.times))
    if ties != "efron":
        return tied.astype(np.float64), place, np.zeros(len(tied))
    place = np.repeat(place, tied)
    gone = np.arange(len(place)) - np.repeat(np.cumsum(tied) - tied, tied)
    return np.ones(len(place)), place, gone / tied[place]


def _derived_exactly(stratum: Stratum, beta: Floats, ties: Ties) -> tuple[float, Floats, Floats]:
    """The same with the discrete likelihood: these of all sets of as many at risk (Cox 1972; Gail and others 1981)."""
    columns = len(beta)
    log, slope, information = 0.0, np.zeros(columns), np.zeros((columns, columns))
    repeated = np.repeat(np.arange(len(stratum.rows)), stratum.weight.astype(np.int64))
    values, until, since = stratum.values[repeated], stratum.exit[repeated], stratum.entry[repeated]
    own = stratum.event[repeated]
    linear = values @ beta
    for time, tied in zip(stratum.times, stratum.tied.tolist(), strict=True):
        risk = (since < time) & (until >= time)
        events = own & (until == time)
        top = float(linear[risk].max())
        # Sums over sets of 0, 1 … tied customers of the product of their risks, with both derivatives.
        total, first, second = (
            np.zeros(tied + 1),
            np.zeros((tied + 1, columns)),
            np.zeros((tied + 1, columns, columns)),
        )
        total[0] = 1.0
        for row in np.flatnonzero(risk).tolist():
            value, factor = values[row], float(np.exp(linear[row] - top))
            cross = first[:-1, :, None] * value
            second[1:] += factor * (
                second[:-1]
                + cross
                + cross.transpose(0, 2, 1)
                + total[:-1, None, None] * np.outer(value, value)
            )
            first[1:] += factor * (first[:-1] + total[:-1, None] * value)
            total[1:] += factor * total[:-1]
        mean = first[tied] / total[tied]
        log += float(linear[events].sum()) - float(np.log(total[tied])) - tied * top
        slope += values[events].sum(axis=0) - mean
        information += second[tied] / total[tied] - np.outer(mean, mean)
    return log, slope, information


def concordant(exit: Floats, event: Array, weight: Floats, risk: Floats) -> tuple[float, float]:
    """Pairs of which it is known who went first: those where that one had the higher risk, and all of them.

    Equal risks count half; two events at one time are no pair. Every customer is compared with all later ones by
    merging: at each level those of the left half of a block with those of the right.
    """
    ranks = np.unique(risk, return_inverse=True)[1].astype(np.int64)
    # Events before ends of a watch at one time, and those by falling risk, so that among them no pair is discordant.
    order = np.lexsort((-ranks, ~event, exit))
    own, ranks, weight = event[order], ranks[order], weight[order]
    most = int(ranks.max()) + 1
    won = total = 0.0
    size = 1
    while size < len(order):
        block = np.arange(len(order)) // size
        key = block * most + ranks
        sort = np.argsort(key, kind="stable")
        sums = np.append(0.0, np.cumsum(weight[sort]))
        left = np.flatnonzero(own & (block % 2 == 0))
        beside = (block[left] + 1) * most
        begin, below, upto, end = (
            sums[np.searchsorted(key[sort], beside + each, side="left")]
            for each in (0, ranks[left], ranks[left] + 1, most)
        )
        won += float((weight[left] * (below - begin + (upto - below) / 2)).sum())
        total += float((weight[left] * (end - begin)).sum())
        size *= 2
    # What was counted of events at one time is taken back.
    places = np.unique(exit[order][own], return_inverse=True)[1]
    same, alike = (
        np.bincount(np.unique(each, return_inverse=True)[1], weight[own])
        for each in (places, places * most + ranks[own])
    )
    squares = float(np.bincount(places, weight[own] ** 2).sum())
    pairs, equal = ((float((each**2).sum()) - squares) / 2 for each in (same, alike))
    return won - (pairs - equal / 2), total - pairs
