"""Which segments a chart shows, and which name each gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MOST", "largest_segments", "segment_name"]

MOST = 6


def segment_name(segment: str | None) -> str:
    """Name a segment; customers without a value are ``(missing)``.

    Parameters
    ----------
    segment
        Value of the column ``segment``.

    Returns
    -------
    str
    """
    return "(missing)" if segment is None else segment


def largest_segments(
    columns: Mapping[str, Sequence[Any]], size: str, rows: Sequence[int]
) -> tuple[list[Any], str]:
    """Choose the largest segments for a chart.

    Parameters
    ----------
    columns
        A table with the column ``segment``.
    size
        The column whose sum over `rows` is the size of a segment.
    rows
        The rows to sum.

    Returns
    -------
    list, str
        At most six segments, largest first, and a sentence that says how many there are (empty where all are shown).

    Examples
    --------
    >>> table = {"segment": ["web", None, "web"], "customers": [5, 2, 1]}
    >>> largest_segments(table, "customers", range(3))
    (['web', None], '')
    """
    sizes: dict[Any, int] = {}
    for row in rows:
        segment = columns["segment"][row]
        sizes[segment] = sizes.get(segment, 0) + columns[size][row]
    order = sorted(sizes, key=lambda segment: (-sizes[segment], segment_name(segment)))
    said = f"The {MOST} largest of {len(order)} segments" if len(order) > MOST else ""
    return order[:MOST], said
