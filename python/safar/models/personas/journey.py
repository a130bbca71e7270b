"""How personas travel: their channels, stages and paths, what they are worth and how content they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from safar import _table
from safar._intervals import student
from safar._typing import Array, Floats, Frame, Integers
from safar.analyses.paths import PathsResult
from safar.analyses.stages import StagesResult
from safar.errors import ArgumentError, DataError
from safar.language import Said
from safar.log import EventLog
from safar.models.personas.columns import customers_of
from safar.result import ResultTable
from safar.voice import ScoreResult, nps

if TYPE_CHECKING:
    from safar.models.personas.result import PersonasResult

__all__ = ["PersonaJourneys", "journeys_of"]

_SUMMARY = Said(
    "Of the customers of each persona: those with events in the log, their mean number of events and value with 95% "
    "intervals of Student's t, the median of the days since the last event, and the mean risk of churn as it was given."
)


@dataclass(frozen=True, slots=True)
class PersonaJourneys:
    """How do personas travel?

    Parameters
    ----------
    log
        The log with the personas as its column ``persona``, for ``by="persona"`` in any other question.
    summary
        One row a persona: ``persona``, ``customers`` (with events), ``events_per_customer``, ``value_per_customer``
        (null where the log has no values), both with 95 % intervals, ``median_recency_days``, ``churn_risk`` (mean;
        null where none was given).
    channels
        What each persona does in each channel, and how soon it goes on: `EventLog.stages` of the column ``channel``,
        with personas as segments; None of a log without channels.
    stages
        The same of the stages; None of a log without a column ``stage``.
    paths
        The commonest paths of sessions, repeats of an event in a row counted once.
    satisfaction
        Net Promoter Scores by persona; None of a log without answers to them.
    channel_satisfaction
        The same by persona and channel.
    """

    log: EventLog
    summary: ResultTable
    channels: StagesResult | None
    stages: StagesResult | None
    paths: PathsResult
    satisfaction: ScoreResult | None
    channel_satisfaction: ScoreResult | None


def journeys_of(result: PersonasResult, log: EventLog, churn: Frame | None) -> PersonaJourneys:
    """Ask a log by persona, each question once."""
    if not isinstance(log, EventLog):
        raise ArgumentError(f"log is a {type(log).__name__}; expected an EventLog")
    known = log.with_profiles(result.to_profiles(), key="customer", columns="persona")
    if not known.profiles[-1]["customers_with_profile"]:
        raise DataError(
            "none of the customers of the log has a persona; expected the log of the same customers"
        )
    channels = known.stages("channel", within=[], by="persona") if "channel" in log.columns else None
    scored = log.surveys is not None and any(scale.kind == "nps" for scale in log.surveys.scales)
    return PersonaJourneys(
        known,
        _summary(known, result.names, _risks(churn)),
        channels,
        known.stages(by="persona") if "stage" in log.columns else None,
        known.paths("sessions", collapse=True, top=5, by="persona"),
        nps(known, by="persona", kind="nps") if scored else None,
        nps(known, by=["persona", "channel"], kind="nps") if scored and channels is not None else None,
    )


def _risks(churn: Frame | None) -> dict[object, float]:
    if churn is None:
        return {}
    known = customers_of(churn, "customer", ["probability"])
    (risks,) = known.known(["probability"], "churn")
    values = risks.values
    beyond = (values < 0) | (values > 1)
    if risks.kind != "number" or beyond.any():
        given = "texts" if risks.kind != "number" else values[beyond][0]
        raise DataError(f'the column "probability" of churn holds {given}; expected numbers from 0 to 1')
    return dict(zip(known.ids.tolist(), values.tolist(), strict=True))


def _summary(log: EventLog, names: Sequence[str], risks: dict[object, float]) -> ResultTable:
    found = log.rfm(by="persona").table
    code, texts = found.codes("segment")
    place = {name: number for number, name in enumerate(names)}
    group = np.array([-1 if text is None else place[text] for text in texts] or [-1])[code]
    of_churn = np.array(
        [risks.get(each, np.nan) for each in found.numpy("customer")[0].tolist()], dtype=np.float64
    )
    columns: dict[str, object] = {
        "persona": list(names),
        "customers": np.bincount(group[group >= 0], minlength=len(names)).astype(np.int64),
        **_means("events_per_customer", found.numpy("frequency")[0].astype(np.float64), group, len(names)),
        **_means("value_per_customer", _values(found.numpy("monetary")), group, len(names)),
        "median_recency_days": _each(found.numpy("recency_days")[0], group, len(names), _median),
        "churn_risk": _each(of_churn, group, len(names), _mean),
    }
    return ResultTable(_table.table_of(columns), _SUMMARY, log.timezone, shares=frozenset({"churn_risk"}))


def _values(column: tuple[Array, Array | None]) -> Floats:
    values, missing = column
    return np.where(False if missing is None else missing, np.nan, values.astype(np.float64))


def _means(name: str, values: Floats, group: Integers, size: int) -> dict[str, object]:
    own = [values[(group == each) & np.isfinite(values)] for each in range(size)]
    count = np.array([len(each) for each in own], dtype=np.float64)
    total = np.array([each.sum() for each in own])
    low, high = student(count, total, np.array([(each**2).sum() for each in own]))
    mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
    ends = {name: mean, f"{name}_low": low, f"{name}_high": high}
    return {column: _table.nullable(each) for column, each in ends.items()}


def _each(values: Floats, group: Integers, size: int, of: Callable[[Floats], float]) -> object:
    own = [values[(group == each) & np.isfinite(values)] for each in range(size)]
    return _table.nullable(np.array([of(each) if len(each) else np.nan for each in own], dtype=np.float64))


def _median(values: Floats) -> float:
    return float(np.median(values))


def _mean(values: Floats) -> float:
    return float(values.mean())
