"""Why a customer has its score: what each feature adds to the logit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from safar._typing import Array, Floats
from safar.errors import ArgumentError
from safar.models.prediction.estimators import Linear, Predictor

__all__ = ["How", "contributions", "method_of"]

How: TypeAlias = Literal["replacement", "paths"]

_EXACT = "exact: weight times distance from the mean of the rows that were learnt from, on the logit scale"
_METHODS: dict[How, str] = {
    "replacement": (
        "replacement: the logit less that with the feature at its median or commonest category, others as they are"
    ),
    "paths": (
        "Shapley values over the paths of the trees, which add up to the logit less its mean in the rows learnt from"
    ),
}


def method_of(predictor: Predictor, how: How) -> str:
    """How contributions are found, in words."""
    return _EXACT if isinstance(predictor.machine, Linear) else _METHODS[how]


def contributions(
    predictor: Predictor, columns: Mapping[str, Array], names: Sequence[str], how: How = "replacement"
) -> Floats:
    """What features add to the logit before calibration: one row a row, one column a name."""
    machine = predictor.machine
    if how == "paths":
        return _of_paths(predictor, columns, names)
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
    return _by_feature(parts, predictor, names)


def _of_paths(predictor: Predictor, columns: Mapping[str, Array], names: Sequence[str]) -> Floats:
    """Shapley values by the paths that a customer takes through the trees (Lundberg and others 2020)."""
    explainer = _explainer(predictor)
    parts = explainer.shap_values(predictor.encoder.transform(columns), check_additivity=False)
    return _by_feature(np.asarray(parts, dtype=np.float64), predictor, names)


def _explainer(predictor: Predictor) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    if isinstance(predictor.machine, Linear):
        raise ArgumentError(
            'how="paths" is for trees, and the reasons of a logistic regression are exact; leave it out'
        )
    machine = predictor.machine.machine
    if not isinstance(machine, HistGradientBoostingClassifier | GradientBoostingClassifier):
        raise ArgumentError(
            f'how="paths" is for boosted trees, whose parts add up to the logit, and the machine is a '
            f'{type(machine).__name__}; leave it out, or fit with estimator="boosting"'
        )
    try:
        import shap
    except ImportError as problem:
        raise ArgumentError(
            'how="paths" needs the library "shap", which is not installed: pip install "safar[shap]"; '
            'how="replacement" needs nothing'
        ) from problem
    return shap.TreeExplainer(machine, feature_perturbation="tree_path_dependent")


def _by_feature(parts: Floats, predictor: Predictor, names: Sequence[str]) -> Floats:
    """The sums of what the columns of each feature add."""
    slots = np.array(predictor.encoder.slots())
    place_of = {name: place for place, name in enumerate(predictor.encoder.names)}
    return np.column_stack([parts[:, slots == place_of[name]].sum(axis=1) for name in names])
