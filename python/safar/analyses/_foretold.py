"""Features that a model foretells, which is fitted to what was known at a cut-off and to nothing else."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from safar import _args
from safar._core import Table
from safar.errors import DataError
from safar.features import Feature

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["foretold", "known_at"]

# Where the values of each measure come from: a function `values` of a log that ends at the cut-off, a feature and the
# cut-off. Models stand above analyses, so they are looked up when one is asked for.
_MODELS = {
    "probability_alive": "safar.models.value.alive",
    "expected_steps": "safar.analyses._steps_to_come",
    "reach_probability": "safar.analyses._steps_to_come",
}


def known_at(log: Log, cutoff: int, arrived: str | None) -> Log:
    """The events that were known at a cut-off, µs UTC."""
    end = _args.local_datetime(cutoff, "UTC")
    if arrived is None:
        return log.filter(end=end)
    column = _args.in_condition(arrived)
    return log.filter(end=end, where=f"{column} is null or {column} < '{end.isoformat()}'")


def foretold(known: Log, feature: Feature, cutoff: int) -> Table:
    """The values of a feature, one row a customer: ``customer``, and a column with the name of the feature."""
    try:
        table: Table = import_module(_MODELS[feature.measure]).values(known, feature, cutoff)
    except DataError as problem:
        moment = _args.local_datetime(cutoff, known.timezone)
        raise DataError(
            f'feature "{feature.name}" at the cut-off {moment:%Y-%m-%d %H:%M}: {problem}; or leave the feature out'
        ) from None
    return table
