"""The probability of being alive as a feature."""

from __future__ import annotations

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._log import Log
from safar.errors import DataError
from safar.features import Feature
from safar.models.value.counts import purchases_of
from safar.models.value.purchases import MbgNbd

__all__ = ["values"]


def values(known: Log, feature: Feature, cutoff: int) -> Table:
    """How likely each customer is to have such events again; customers without any have no row."""
    events = [each for each in feature.events or known.events if each in known.events]
    if not events:
        raise DataError(f"nobody had {_args.listing(feature.events or ())} by then")
    counts = purchases_of(known, events, None, cutoff, "day")
    alive = MbgNbd.fit(counts, unit="day").probability_alive(counts)
    return counts.select(["customer"]).beside(_table.table_of({feature.name: np.asarray(alive)}))
