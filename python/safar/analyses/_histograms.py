"""Quantiles of the times that kernels put into histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safar._typing import Floats, Integers


def quantiles(percents: Sequence[int], histograms: list[Integers]) -> list[Floats]:
    """The quantiles of each histogram, given as bucket, count, bucket, count …; NaN for one without times."""
    cells = len(histograms)
    flat = np.concatenate([np.zeros(0, dtype=np.int64), *histograms])
    bucket, count = flat[::2], flat[1::2]
    # All histograms in turn: how many times there are up to the end of each bucket, and before its first.
    until = np.cumsum(count)
    last = np.cumsum(np.array([len(histogram) // 2 for histogram in histograms], dtype=np.int64))
    total_until = np.concatenate([[0], until])[last]
    before = np.concatenate([[0], total_until[:-1]]) if cells else total_until
    total = total_until - before
    found = np.flatnonzero(total > 0)
    octave = np.maximum((bucket >> 7) - 1, 0)
    low, width = (bucket - (octave << 7)) << octave, np.left_shift(1, octave)
    answers = []
    for percent in percents:
        # The rank of the smallest time that at least `percent` of the times do not exceed.
        rank = (before - (-percent * total // 100))[found]
        at = np.searchsorted(until, rank)
        # A bucket of one microsecond is exact; in a wider one the times are taken to be spread evenly.
        inside = (rank - (until[at] - count[at]) - 0.5) / count[at]
        values = np.full(cells, np.nan)
        values[found] = low[at] + np.where(width[at] > 1, width[at] * inside, 0.0)
        answers.append(values)
    return answers


def median_interval(histograms: list[Integers], *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Between which times does the true median of each histogram lie? NaN where there are too few to say.

    The bounds are order statistics whose ranks follow from the binomial distribution with one half, by its normal
    approximation (Conover, Practical Nonparametric Statistics, 3.2).
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low, high = np.full(len(histograms), np.nan), np.full(len(histograms), np.nan)
    for at, histogram in enumerate(histograms):
        until = np.cumsum(histogram[1::2])
        count = int(until[-1]) if len(until) else 0
        half = z * count**0.5 / 2
        ranks = int(np.floor(count / 2 - half)), int(np.ceil(count / 2 + half)) + 1
        if ranks[0] < 1 or ranks[1] > count:
            continue
        for bounds, rank in zip((low, high), ranks, strict=True):
            place = int(np.searchsorted(until, rank))
            bucket, inside = int(histogram[2 * place]), int(histogram[2 * place + 1])
            octave = max((bucket >> 7) - 1, 0)
            width = 1 << octave
            share = (rank - (int(until[place]) - inside) - 0.5) / inside
            bounds[at] = ((bucket - (octave << 7)) << octave) + (width * share if width > 1 else 0.0)
    return low, high
