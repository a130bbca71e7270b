"""Funnels beside each other: differences of shares, with their uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar import _args, _table
from safar._intervals import newcombe
from safar._significance import holm, two_shares
from safar._typing import Floats, Integers
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Said, paragraph
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar.analyses._funnel_result import FunnelResult

_SHARES = frozenset({"share", "baseline_share", "difference", "difference_low", "difference_high"})


def comparison(result: FunnelResult, other: FunnelResult | None, baseline: str | None) -> ResultTable:
    """The segments of a funnel beside one of them, or a funnel beside another."""
    if other is None:
        reached, base, labels, words = _segments(result, baseline)
    else:
        # The class stands above this module.
        if not isinstance(other, type(result)):
            raise ArgumentTypeError(
                f"other is a {type(other).__name__}; expected the result of another funnel"
            )
        if other.unit != result.unit:
            raise ArgumentError(
                f"one funnel counts {result.unit}, the other {other.unit}; they have no common share"
            )
        if baseline is not None:
            raise ArgumentError("baseline names a segment, and other is a funnel; give one of the two")
        if "segment" in result.columns or "segment" in other.columns:
            raise ArgumentError("one of the two funnels has segments; compare two without by")
        reached, base = _grid(result), _grid(other)
        labels = []
        words = Said(
            "This funnel beside another. The other: {definition} This one", definition=other.definition
        )
    if reached.shape[1:] != base.shape[1:]:
        raise ArgumentError(
            f"the funnels have {reached.shape[1]} and {base.shape[1]} steps; only funnels of as many steps compare"
        )
    if reached.shape[1] == 1:
        raise ArgumentError("the funnel has one step; there is no share to compare")
    steps = reached.shape[1] - 1
    entered = np.repeat(reached[:, 0], steps)
    base_entered = np.repeat(base[0, 0], len(entered))
    taken, base_taken = reached[:, 1:].ravel(), np.tile(base[0, 1:], len(reached))
    share, base_share = _share(taken, entered), _share(base_taken, base_entered)
    low, high = newcombe(taken, entered, base_taken, base_entered)
    tested = two_shares(taken, entered, base_taken, base_entered)
    columns: dict[str, object] = {}
    if other is None:
        columns["segment"] = np.repeat(np.array(labels, dtype=object), steps)
    names = result.table.numpy("name")[0][: steps + 1]
    columns |= {
        "step": np.tile(np.arange(2, steps + 2), len(reached)),
        "name": np.tile(names[1:], len(reached)),
    }
    numbers = {
        "share": share,
        "baseline_share": base_share,
        "difference": share - base_share,
        "difference_low": low,
        "difference_high": high,
        "p_value": tested,
        "p_adjusted": holm(tested),
    }
    columns |= {name: _table.nullable(values) for name, values in numbers.items()}
    compared = Said(
        "{compared}: difference is share less baseline_share, each of those at step 1, with Newcombe's 95 % interval; "
        "p_value is that of two shares (pooled variance; Fisher's exact where fewer than 5 are expected), p_adjusted "
        "Holm's over all rows.",
        compared=words,
    )
    definition = paragraph(compared, result.definition)
    return ResultTable(_table.table_of(columns), definition, result.timezone, shares=_SHARES)


def _grid(result: FunnelResult) -> Integers:
    steps = _table.integers(result.table, "step").max(initial=1)
    return _table.integers(result.table, result.unit).reshape(-1, steps)


def _segments(
    result: FunnelResult, baseline: str | None
) -> tuple[Integers, Integers, list[str | None], Said]:
    if "segment" not in result.columns:
        raise ArgumentError(
            "this funnel has no segments to compare; ask it with by=, or give the funnel to compare it with"
        )
    grid = _grid(result)
    labels: list[str | None] = result.table.numpy("segment")[0].reshape(grid.shape)[:, 0].tolist()
    if len(labels) < 2:
        raise ArgumentError(f"the funnel has one segment, {labels[0]!r}; there is none to compare it with")
    if baseline is None:
        index = int(np.argmax(grid[:, 0]))
    elif baseline in labels:
        index = labels.index(baseline)
    else:
        known = [label for label in labels if label is not None]
        raise ArgumentError(
            f'baseline="{baseline}" is not a segment of this funnel{_args.suggestion(baseline, known)} (available: '
            f"{_args.listing(known)})"
        )
    rest = [position for position in range(len(labels)) if position != index]
    words = Said('Segments beside "{segment}"', segment=labels[index])
    return grid[rest], grid[[index]], [labels[position] for position in rest], words


def _share(taken: Integers, entered: Integers) -> Floats:
    share = np.full(len(taken), np.nan)
    np.divide(taken, entered, out=share, where=entered > 0)
    return share
