"""The analyses: each module holds its question, its result and the method of the log that asks it."""

from __future__ import annotations

from typing import Any

from safar.analyses._spec import Spec
from safar.analyses.conformance import Conformance
from safar.analyses.conversion import Conversion
from safar.analyses.features import Features
from safar.analyses.flow import Flow
from safar.analyses.funnel import Funnel
from safar.analyses.journeys import Journeys
from safar.analyses.kpis import Kpis
from safar.analyses.labels import Labels
from safar.analyses.lifecycle import Lifecycle
from safar.analyses.loops import Loops
from safar.analyses.match import Match
from safar.analyses.next_events import NextEvents
from safar.analyses.paths import Paths
from safar.analyses.retention import Retention
from safar.analyses.rfm import Rfm
from safar.analyses.separating_paths import SeparatingPaths
from safar.analyses.sessions import Sessions
from safar.analyses.stages import Stages
from safar.analyses.steps import Steps
from safar.analyses.stickiness import Stickiness
from safar.analyses.transitions import Transitions
from safar.analyses.waits import Waits

__all__ = [
    "SPECS",
    "Conformance",
    "Conversion",
    "Features",
    "Flow",
    "Funnel",
    "Journeys",
    "Kpis",
    "Labels",
    "Lifecycle",
    "Loops",
    "Match",
    "NextEvents",
    "Paths",
    "Retention",
    "Rfm",
    "SeparatingPaths",
    "Sessions",
    "Spec",
    "Stages",
    "Steps",
    "Stickiness",
    "Transitions",
    "Waits",
]

# Every analysis, sorted by name.
SPECS: tuple[type[Spec[Any]], ...] = (
    Conformance,
    Conversion,
    Features,
    Flow,
    Funnel,
    Journeys,
    Kpis,
    Labels,
    Lifecycle,
    Loops,
    Match,
    NextEvents,
    Paths,
    Retention,
    Rfm,
    SeparatingPaths,
    Sessions,
    Stages,
    Steps,
    Stickiness,
    Transitions,
    Waits,
)
