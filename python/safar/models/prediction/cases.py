"""Cases that a model learns from: rows of features with labels, and which of them may be used together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from safar import _args
from safar._typing import Array, Duration, Integers
from safar.analyses.features import Features, FeaturesResult
from safar.analyses.labels import Labels
from safar.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = [
    "Cases",
    "Fold",
    "cases_of_log",
    "columns_of",
    "last_cutoffs",
    "sampled",
]

_LEAST_CUTOFFS = 3


class Fold(NamedTuple):
    """Rows to learn from, to calibrate with and to judge by; the name says what is judged."""

    name: str
    train: Integers
    calibrate: Integers
    test: Integers


@dataclass(frozen=True, slots=True)
class Cases:
    """Rows with a label, and the folds that they are judged in."""

    columns: Mapping[str, Array]
    truth: Array
    customer: Array
    # µs UTC; 0 for all where there is no time.
    at: Integers
    folds: tuple[Fold, ...]
    # The rows that the model to be used learns from and is calibrated with.
    train: Integers
    calibrate: Integers
    # What the label means, and what can't be known for sure, in words.
    meaning: str
    remarks: tuple[str, ...]
    # What is asked of a log to score it, and what the labels mean; none for a frame.
    features: Features | None
    undated: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def timed(self) -> bool:
        """Whether it is known when the rows were looked at."""
        return bool(self.at.any())


def columns_of(result: FeaturesResult) -> dict[str, Array]:
    """The features as columns: numbers with NaN, texts with None."""
    return {name: result.values(name) for name in result.names}


def cases_of_log(log: EventLog, features: Features, labels: Labels, *, most_rows: int, seed: int) -> Cases:
    """Cases of a log at the cut-offs of the labels."""
    asked = replace(features, at=labels.at, observe=labels.observe, active=labels.active,
                    active_where=labels.active_where, arrived=labels.arrived).expanded(log)  # fmt: skip
    labelled = labels.run(log)
    label = labelled.values()
    result = asked.run(log)
    eligible = np.flatnonzero(~np.isnan(label))
    chosen = sampled(eligible, result.table.numpy("customer")[0], most_rows, seed)
    if not len(chosen):
        raise DataError(
            "no customer is eligible at any of the cut-offs; choose other cut-offs, or see log.labels(…).totals()"
        )
    columns = {name: values[chosen] for name, values in columns_of(result).items()}
    truth = label[chosen] == 1
    at = result.table.numpy("at")[0].astype(np.int64)[chosen]
    lasts = _args.microseconds(labels.predict) + (0 if labels.gap is None else _args.microseconds(labels.gap))
    lasts += 0 if labels.grace is None else _args.microseconds(labels.grace)
    folds = _temporal(at, lasts, log.timezone)
    if not folds:
        raise ArgumentError(
            f"{len(np.unique(at))} cut-offs are too few: the labels of one must have ended before the next one to "
            "learn from, and one more is needed to calibrate and one to judge; give more cut-offs, further apart"
        )
    cutoffs = np.unique(at)
    last = int(cutoffs[-1])
    remarks = []
    if labels.arrived is None:
        remarks.append(
            "Events are taken to be known at their time; where they arrive later, name the column with the time of "
            "arrival: arrived="
        )
    if len(chosen) < len(eligible):
        remarks.append(
            f"{len(chosen):,} of {len(eligible):,} rows are used, those of a sample of the customers."
        )
    return Cases(
        columns, truth, result.table.numpy("customer")[0][chosen], at, folds,
        np.flatnonzero(at + lasts <= last), np.flatnonzero(at == last), labelled.definition, tuple(remarks), asked,
        _undated(log, asked, result),
    )  # fmt: skip


def _undated(log: EventLog, asked: Features, result: FeaturesResult) -> tuple[str, ...]:
    """Features that are what they are today: their past is not known."""
    undated = {
        name for each in log.profiles if each["events_before_first"] is None for name in each["columns"]
    }
    names = [entry.name for entry in result.entries if entry.group == "attributes" and entry.name in undated]
    return tuple(names)


def sampled(rows: Integers, customer: Array, most: int, seed: int) -> Integers:
    """At most so many of the rows: all of some customers, the same ones for one seed."""
    if len(rows) <= most:
        return rows
    names, of_row = np.unique(customer[rows], return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    counts = np.bincount(of_row, minlength=len(names))[order]
    kept = np.zeros(len(names), dtype=bool)
    kept[order[np.cumsum(counts) <= most]] = True
    return rows[kept[of_row]]


def _temporal(at: Integers, lasts: int, timezone: str) -> tuple[Fold, ...]:
    """Each cut-off judged by what was learnt from labels that had ended by then."""
    cutoffs = np.unique(at)
    folds = []
    for test in cutoffs.tolist():
        ended = cutoffs[cutoffs + lasts <= test]
        if len(ended) < 2:
            continue
        calibrate = int(ended[-1])
        train = ended[ended + lasts <= calibrate]
        if not len(train):
            continue
        name = f"{_args.local_datetime(test, timezone):%Y-%m-%d}"
        rows = (np.isin(at, train), at == calibrate, at == test)
        folds.append(Fold(name, *(np.flatnonzero(each) for each in rows)))
    return tuple(folds)


def last_cutoffs(
    log: EventLog, number: int | None, every: Duration | None, ahead: int, observe: Duration
) -> tuple[str, ...]:
    """The latest days whose labels are known and whose observation window the data cover, so far apart."""
    step = ahead if every is None else _args.microseconds(every, "every")
    latest = log.observed_until_us + 1 - ahead
    earliest = int(log.info["first_us"]) + _args.microseconds(observe, "observe")
    fitting = 0 if latest < earliest else (latest - earliest) // step + 1
    wanted = min(5, fitting) if number is None else _args.whole(number, "cutoffs")
    if wanted < _LEAST_CUTOFFS or wanted > fitting:
        days = (log.observed_until_us - int(log.info["first_us"])) / 86_400_000_000
        raise ArgumentError(
            f"{'at least ' if number is None else ''}{max(wanted, _LEAST_CUTOFFS)} cut-offs are needed, and {fitting} "
            f"fit into the {days:.0f} days of the data with observe={observe!r} before each and the prediction window "
            "after it; choose shorter windows, or cut-offs closer together with every="
        )
    found = []
    for back in range(wanted):
        day = _args.local_datetime(latest - back * step, log.timezone).date()
        found.append(day.isoformat())
    return tuple(reversed(found))
