"""Counts of several kinds in one table, and the times that they took."""

from __future__ import annotations

import numpy as np

from safar import _table
from safar._core import Table
from safar._intervals import student
from safar._typing import Array, Floats, Integers
from safar.analyses._histograms import median_interval, quantiles

__all__ = ["Rows", "bounds", "mean_columns", "merged", "time_columns"]


class Rows:
    """The rows of one kind.

    Parameters
    ----------
    partial
        What the kernel counted, with a column ``part`` that says the kind of each row.
    part
        The kind.
    column
        Only rows of this column of the log, where the counts say of which they are.
    """

    def __init__(self, partial: Table, part: str, column: str = "") -> None:
        self._partial = partial
        kept = partial.numpy("part")[0] == part
        if "column" in partial.names:
            kept = kept & (partial.numpy("column")[0] == column)
        self._kept = np.flatnonzero(kept)
        self.has_segment = "segment" in partial.names
        segment, self.segments = _table.segments(partial)
        self.segment = segment[self._kept]

    def text(self, name: str) -> Array:
        """A column of text."""
        return np.asarray(self._partial.numpy(name)[0][self._kept], dtype=object)

    def whole(self, name: str) -> Integers:
        """A column of counts."""
        return _table.integers(self._partial, name)[self._kept]

    def number(self, name: str) -> Floats:
        """A column of numbers."""
        return np.asarray(self._partial.numpy(name)[0][self._kept], dtype=np.float64)

    def seconds(self) -> Floats:
        """The sums of times."""
        return self.number("time_sum_us") / 1e6

    def square_seconds(self) -> Floats:
        """The sums of squares of times."""
        return self.number("time_squares") / 1e12

    def histograms(self) -> list[Integers]:
        """The times of each row, as bucket and count in turn."""
        lists = self._partial.numpy("time_histogram")[0]
        return [np.asarray(lists[row], dtype=np.int64) for row in self._kept]

    def segment_column(self, sort: Integers) -> dict[str, object]:
        """The segments in an order, where there are any."""
        return {"segment": _table.named(self.segment[sort], self.segments)} if self.has_segment else {}

    def times(self, sort: Integers) -> dict[str, object]:
        """Median and mean of the times, in an order."""
        histograms = self.histograms()
        count = np.array([int(histogram[1::2].sum()) for histogram in histograms], dtype=np.int64)
        return time_columns(
            [histograms[row] for row in sort], count[sort], self.seconds()[sort], self.square_seconds()[sort]
        )


def time_columns(
    histograms: list[Integers], count: Integers, total: Floats, squares: Floats
) -> dict[str, object]:
    """Median and mean of times with their intervals, null where there are none."""
    median = quantiles([50], histograms)[0] / 1e6
    low, high = (bound / 1e6 for bound in median_interval(histograms))
    return {
        "median_seconds": _table.nullable(median),
        "median_seconds_low": _table.nullable(low),
        "median_seconds_high": _table.nullable(high),
        **mean_columns("mean_seconds", count, total, squares),
    }


def mean_columns(name: str, count: Integers, total: Array, squares: Array) -> dict[str, object]:
    """A mean and its 95 % interval of Student's t, as columns; null where there are no values."""
    mean = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return {name: _table.nullable(mean), **bounds(name, *student(count, total, squares))}


def bounds(name: str, low: Floats, high: Floats) -> dict[str, object]:
    """An interval as columns, null where it is not known."""
    return {f"{name}_low": _table.nullable(low), f"{name}_high": _table.nullable(high)}


def merged(histogram: Integers) -> Integers:
    """Histograms one after the other as one."""
    buckets, place = np.unique(histogram[::2], return_inverse=True)
    counts = np.zeros(len(buckets), dtype=np.int64)
    np.add.at(counts, place, histogram[1::2])
    return np.stack([buckets, counts], axis=1).ravel()
