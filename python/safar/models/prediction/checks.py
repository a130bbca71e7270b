"""Whether a model may have looked into the future: checks that run each time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from safar.models.prediction import metrics
from safar.models.prediction.cases import Cases, Fold
from safar.models.prediction.evaluation import Evaluation, Rule

__all__ = ["Check", "checks"]

_TOO_GOOD = 0.95
_GIVES_AWAY = 0.9
# Of the population stability index: much has changed, by the rule of thumb.
_MOVED = 0.25
_NAMED = 5


class Check(NamedTuple):
    """One check: what was looked at, whether all is well, and what was found."""

    check: str
    passed: bool
    found: str


def checks(evaluation: Evaluation) -> list[Check]:
    """All checks of a model."""
    cases = evaluation.cases
    return [
        _before_the_cutoff(cases),
        _undated(cases),
        _too_good(evaluation),
        *_given_away(evaluation),
        _moved(evaluation),
    ]


def _before_the_cutoff(cases: Cases) -> Check:
    if cases.features is None:
        return Check(
            "time of the features",
            False,
            "Nobody knows when the columns of these rows were written."
            if cases.timed
            else "The data have no time; nobody knows when the columns were written.",
        )
    return Check(
        "time of the features", True, "Features saw only events before their cut-off, by construction."
    )


def _undated(cases: Cases) -> Check:
    if not cases.undated:
        return Check("attributes of today", True, "No feature is an attribute whose past is not known.")
    named = ", ".join(cases.undated)
    return Check(
        "attributes of today",
        False,
        f"{named}: profiles without since= are what they are today, and may have changed because of the outcome.",
    )


def _too_good(evaluation: Evaluation) -> Check:
    areas = [metrics.auc(each.truth, each.probability).area for each in evaluation.judged]
    best = float(np.nanmax(areas)) if not np.isnan(areas).all() else np.nan
    passed = not best > _TOO_GOOD
    words = (
        "no more than people can be foreseen"
        if passed
        else f"more than {_TOO_GOOD}: something may give the answer away"
    )
    return Check(
        "too good to be true", passed, f"The largest area under the ROC curve is {best:.3f}, {words}."
    )


def _given_away(evaluation: Evaluation) -> list[Check]:
    """Single features that all but know the answer."""
    cases, test = evaluation.cases, evaluation.last.fold.test
    truth = cases.truth[test]
    found = []
    for name, values in cases.columns.items():
        if values.dtype == object:
            area = _area_of_texts(cases, evaluation.last.fold, name)
        else:
            area = metrics.auc(truth, Rule(name, 1).score({name: values[test]})).area
        area = max(area, 1 - area)
        if area > _GIVES_AWAY:
            words = f"{name} alone has an area of {area:.3f}: it may be written after the outcome."
            found.append(Check("one feature knows it all", False, words))
    return found or [
        Check("one feature knows it all", True, f"No feature alone has an area above {_GIVES_AWAY}.")
    ]


def _moved(evaluation: Evaluation) -> Check:
    """Features that are spread otherwise where the model is judged than where it learnt."""
    fold, columns = evaluation.last.fold, evaluation.cases.columns
    indices = []
    for name, values in columns.items():
        if values.dtype != object:
            before, after = (part[~np.isnan(part)] for part in (values[fold.train], values[fold.test]))
            index = metrics.stability_index(before, after)
            indices.append((0.0 if np.isnan(index) else index, name))
    moved = [f"{name} ({index:.2f})" for index, name in sorted(indices, reverse=True) if index > _MOVED]
    if not moved:
        return Check(
            "the same at any time", True, "No feature has moved since the rows that were learnt from."
        )
    words = (
        f"{len(moved)} features have moved since the rows that were learnt from, with their stability index: "
    )
    return Check("the same at any time", False, words + ", ".join(moved[:_NAMED]))


def _area_of_texts(cases: Cases, fold: Fold, name: str) -> float:
    """The area of each category's share in the rows that are learnt from."""
    values = np.array([str(value) for value in cases.columns[name].tolist()])
    names, group = np.unique(values[fold.train], return_inverse=True)
    base = float(cases.truth[fold.train].mean())
    share = np.bincount(group, weights=cases.truth[fold.train]) / np.bincount(group)
    of_name = dict(zip(names.tolist(), share.tolist(), strict=True))
    score = np.array([of_name.get(value, base) for value in values[fold.test].tolist()])
    return metrics.auc(cases.truth[fold.test], score).area
