"""What single customers may do: purchases drawn for customers who are alive, from the same uniform numbers for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from safar import _args
from safar._typing import Array, Floats, Integers

__all__ = [
    "History",
    "Lives",
    "bought_at_opportunities",
    "bought_until_tails",
    "bought_until_the_end",
    "spent",
]

_MOST_DRAWS = 100_000
# Drawn lives at a time.
_CELLS = 1_000_000

# Numbers that a draw takes: whether alive, the rate or probability of purchases, of the end, purchases, the end, the
# rate of values, values.
_NEEDED = 7


class History(NamedTuple):
    """Purchases after the first and age of customers, one row each, beside draws in columns."""

    frequency: Floats
    age: Floats


class Lives:
    """Lives drawn for customers, and what is told of them."""

    __slots__ = ("_shares", "uniform")

    def __init__(self, level: float, draws: int, seed: int) -> None:
        _args.share(level, "level")
        _args.whole(draws, "draws", most=_MOST_DRAWS)
        random = np.random.default_rng(_args.whole(seed, "seed", least=0))
        self._shares = ((1 - level) / 2, 0.5, (1 + level) / 2)
        # One column a draw, the same for all customers, so that their order says nothing.
        self.uniform: Floats = random.random((_NEEDED, draws))

    def quantiles(
        self, rows: int, drawn: Callable[[Integers], Sequence[Floats]], whole: Sequence[bool]
    ) -> list[dict[str, Array]]:
        """The middle and the ends of each figure that was drawn, for as many rows at a time as memory holds."""
        step = max(_CELLS // self.uniform.shape[1], 1)
        parts: list[list[Floats]] = [[np.empty((3, 0))] for _ in whole]
        for start in range(0, rows, step):
            figures = drawn(np.arange(start, min(start + step, rows)))
            for part, figure, is_whole in zip(parts, figures, whole, strict=True):
                method: Literal["inverted_cdf", "linear"] = "inverted_cdf" if is_whole else "linear"
                part.append(np.quantile(figure, self._shares, axis=1, method=method))
        found = (np.concatenate(part, axis=1) for part in parts)
        return [
            dict(zip(("low", "median", "high"), each.astype(np.int64) if is_whole else each, strict=True))
            for each, is_whole in zip(found, whole, strict=True)
        ]


def bought_until_tails(own: Floats, history: History, horizon: float, draws: Floats, coins: int) -> Floats:
    """Purchases where a coin is tossed after each; `coins` were tossed beside those after repeat purchases."""
    from scipy import special, stats

    r, alpha, a, b = own
    rate = special.gammaincinv(r + history.frequency, draws[1]) / (alpha + history.age)
    stop = special.betaincinv(a, b + history.frequency + coins, draws[2])
    # Which purchase is the last: where none ever is, the logarithm is 0.
    with np.errstate(divide="ignore"):
        last = np.ceil(np.log1p(-draws[4]) / np.log1p(-stop))
    return np.asarray(np.minimum(stats.poisson.ppf(draws[3], rate * horizon), np.maximum(last, 1.0)))


def bought_until_the_end(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
    """Purchases where the time of a customer ends at a rate of its own."""
    from scipy import special, stats

    r, alpha, s, beta = own
    rate = special.gammaincinv(r + history.frequency, draws[1]) / (alpha + history.age)
    end = special.gammaincinv(s, draws[2]) / (beta + history.age)
    with np.errstate(divide="ignore"):
        left = np.minimum(-np.log1p(-draws[4]) / end, horizon)
    return np.asarray(stats.poisson.ppf(draws[3], rate * left))


def bought_at_opportunities(own: Floats, history: History, horizon: float, draws: Floats) -> Floats:
    """Purchases where each opportunity is taken or not, and a customer may stop before it."""
    from scipy import special, stats

    alpha, beta, gamma, delta = own
    buys = special.betaincinv(alpha + history.frequency, beta + history.age - history.frequency, draws[1])
    stop = special.betaincinv(gamma, delta + history.age, draws[2])
    with np.errstate(divide="ignore"):
        survived = np.minimum(np.floor(np.log1p(-draws[4]) / np.log1p(-stop)), horizon)
    return np.where(survived > 0, stats.binom.ppf(draws[3], np.maximum(survived, 1.0), buys), 0.0)


def spent(own: tuple[float, ...], valued: Floats, mean: Floats, purchases: Floats, draws: Floats) -> Floats:
    """What so many purchases of each customer come to in each drawn life, by Gamma-Gamma."""
    from scipy import special

    p, q, v = own
    rate = special.gammaincinv(q + p * valued, draws[5]) / (v + valued * mean)
    return np.where(purchases > 0, special.gammaincinv(p * np.maximum(purchases, 1.0), draws[6]) / rate, 0.0)
