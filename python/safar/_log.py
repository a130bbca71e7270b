"""What can be asked of events, whether they lie in memory or on disk."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np

from safar import _args
from safar._core import Table
from safar._typing import Frame
from safar.analyses.conformance import conformance
from safar.analyses.conversion import conversion
from safar.analyses.features import features
from safar.analyses.flow import flow
from safar.analyses.funnel import funnel
from safar.analyses.journeys import journeys
from safar.analyses.kpis import kpis
from safar.analyses.labels import labels
from safar.analyses.lifecycle import lifecycle
from safar.analyses.loops import loops
from safar.analyses.match import match
from safar.analyses.next_events import next_events
from safar.analyses.paths import paths
from safar.analyses.retention import retention
from safar.analyses.rfm import rfm
from safar.analyses.rfm_movement import rfm_movement
from safar.analyses.separating_paths import separating_paths
from safar.analyses.sessions import sessions
from safar.analyses.stages import stages
from safar.analyses.steps import steps
from safar.analyses.stickiness import stickiness
from safar.analyses.transitions import transitions
from safar.analyses.waits import waits
from safar.journey_map import JourneyMap, map_coverage
from safar.language import Said
from safar.result import ResultTable
from safar.voice import Scores, Surveys, after_scores, emotion_curve, with_scores

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Log"]

T = TypeVar("T")


class Log(ABC):
    """Events of customers, and the questions that they answer."""

    # Whether the answers are put together from those of parts, which then must hold all that a merge needs.
    in_parts: ClassVar[bool]

    _roles: dict[str, Any]
    # Through which the events were read.
    _map: JourneyMap | None = None

    conformance = conformance
    conversion = conversion
    sessions = sessions
    journeys = journeys
    funnel = funnel
    retention = retention
    lifecycle = lifecycle
    stickiness = stickiness
    rfm = rfm
    rfm_movement = rfm_movement
    transitions = transitions
    paths = paths
    steps = steps
    flow = flow
    loops = loops
    separating_paths = separating_paths
    match = match
    stages = stages
    waits = waits
    kpis = kpis
    features = features
    labels = labels
    next_events = next_events
    map_coverage = map_coverage
    with_scores = with_scores
    emotion_curve = emotion_curve
    after_scores = after_scores

    @abstractmethod
    def ask(self, kernel: str, plan: Mapping[str, object]) -> Table:
        """What a kernel counts in these events, before it becomes a result."""

    @abstractmethod
    def check_pattern(self, pattern: str) -> None:
        """Refuse a pattern that can't be read, or that names what these events don't have."""

    @abstractmethod
    def of_customer(self, customer: object) -> EventLog:
        """The events of one customer, whose id is as the data give it."""

    @abstractmethod
    def filter(self, *conditions: Any, **more: Any) -> Log:
        """Which part of these events meets all of these conditions?"""

    @abstractmethod
    def with_sessions(self, *rules: Any, **more: Any) -> Log:
        """Which session does each event belong to?"""

    @abstractmethod
    def with_journeys(self, *rules: Any, **more: Any) -> Log:
        """Which journey does each event belong to?"""

    @abstractmethod
    def with_match(self, *rules: Any, **more: Any) -> Log:
        """Which match of a pattern does each event belong to?"""

    @abstractmethod
    def with_map(self, journey_map: JourneyMap) -> Log:
        """Which touchpoint and stage does each event belong to?"""

    @abstractmethod
    def with_profiles(self, customers: Frame, *, key: str) -> Log:
        """What is known of the customers: their attributes as columns of their events."""

    @property
    @abstractmethod
    def profiles(self) -> list[dict[str, Any]]:
        """What was found each time profiles of customers were put beside the events."""

    @abstractmethod
    def scored(self, surveys: Surveys) -> Self:
        """The same events with surveys beside them, as `with_scores` gives it."""

    @property
    @abstractmethod
    def surveys(self) -> Surveys | None:
        """The rows of surveys that stand beside these events."""

    @property
    @abstractmethod
    def scores(self) -> Scores | None:
        """What is known of the surveys beside these events, with `with_scores`; None without any."""

    @abstractmethod
    def each(self, question: Callable[[EventLog], T]) -> list[T]:
        """The answers of all parts; of nobody's surveys too, where there are surveys."""

    @abstractmethod
    def covered(self, journey_map: JourneyMap) -> dict[str, Any]:
        """What a map covers of these events, before it becomes a result."""

    @abstractmethod
    def per(self, column: str, *, across_customers: bool = False) -> Log:
        """What would these events be with other units than customers?"""

    @property
    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Everything that the core knows about the log, counts and bounds (times in µs UTC)."""

    @property
    @abstractmethod
    def customers(self) -> int:
        """Number of customers."""

    @property
    @abstractmethod
    def events(self) -> dict[str, int]:
        """Names of the events with their counts, the commonest first."""

    @property
    @abstractmethod
    def channels(self) -> dict[str, int]:
        """Names of the channels with their counts of events, the commonest first."""

    @property
    @abstractmethod
    def rejects(self) -> ResultTable:
        """The rows that could not be events: ``row`` (from 0), ``column``, ``reason``, ``value`` (as text)."""

    def __len__(self) -> int:
        """Number of events."""
        return int(self.info["events"])

    @property
    def map(self) -> JourneyMap | None:
        """The map that these events were read through, with `with_map`; None without one."""
        return self._map

    @property
    def roles(self) -> dict[str, Any]:
        """Which column of the data had which role."""
        return dict(self._roles)

    @property
    def columns(self) -> dict[str, str]:
        """Columns that conditions and `by` may use, with their types."""
        return dict(self.info["columns"])

    @property
    def first(self) -> dt.datetime:
        """Time of the first event."""
        return _args.local_datetime(self.info["first_us"], self.timezone)

    @property
    def last(self) -> dt.datetime:
        """Time of the latest event."""
        return _args.local_datetime(self.info["last_us"], self.timezone)

    @property
    def observed_until(self) -> dt.datetime:
        """The last instant that the data fully cover."""
        return _args.local_datetime(self.observed_until_us, self.timezone)

    @property
    def observed_until_us(self) -> int:
        """The last instant that the data fully cover, in µs UTC since 1970."""
        return int(self.info["observed_until_us"])

    @property
    def observed_until_given(self) -> bool:
        """Whether `observed_until` was given; else it is the time of the latest event."""
        return bool(self.info["observed_until_given"])

    @property
    def timezone(self) -> str:
        """The zone that days, weeks and months are counted in."""
        return str(self.info["timezone"])

    @property
    def rejected(self) -> dict[str, int]:
        """Number of rows that could not be events, by reason."""
        return dict(self.info["rejected"])

    def _rejects_of(self, table: Table) -> ResultTable:
        definition = Said(
            "Rows of the data that could not be events, with the row's number (from 0) and the value at fault."
        )
        return ResultTable(table, definition, self.timezone)


def commonest_first(names: Table) -> dict[str, int]:
    """Names that some event bears with their counts, the commonest first, then by name."""
    count, texts = names.numpy("events")[0], names.numpy("name")[0]
    # Codes rise with the names, so a stable sort leaves equals in their order.
    order = np.argsort(-count, kind="stable")
    order = order[: np.count_nonzero(count)]
    return dict(zip(texts[order].tolist(), count[order].tolist(), strict=True))
