"""Why a customer has its score: what each feature adds to the logit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from safar._typing import Array, Floats
from safar.models.prediction.estimators import Linear, Predictor

__all__ = ["METHODS", "contributions"]

METHODS = {
    True: "exact: weight times distance from the mean of the rows that were learnt from, on the logit scale",
    False: "replacement: the logit less that with the feature at its median or commonest category, others as they are",
}


def contributions(predictor: Predictor, columns: Mapping[str, Array], names: Sequence[str]) -> Floats:
    """What features add to the logit before calibration: one row a row, one column a name."""
    machine = predictor.machine
    if isinstance(machine, Linear):
        return _of_weights(predictor, machine, columns, names)
    whole = predictor.raw(columns)
    typical = predictor.encoder.typical()
    found = np.empty((len(whole), len(names)))
    for place, name in enumerate(names):
        replaced = np.repeat(typical[name], len(whole))
        found[:, place] = whole - predictor.raw(dict(columns) | {name: replaced})
    return found


def _of_weights(
    predictor: Predictor, machine: Linear, columns: Mapping[str, Array], names: Sequence[str]
) -> Floats:
    parts = machine.standardised(predictor.encoder.transform(columns)) * machine.weights
    slots = np.array(predictor.encoder.slots())
    place_of = {name: place for place, name in enumerate(predictor.encoder.names)}
    return np.column_stack([parts[:, slots == place_of[name]].sum(axis=1) for name in names])
