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
