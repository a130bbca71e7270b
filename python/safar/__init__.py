"""Customer-journey analytics: events from every channel go in, funnels, retention and the like come out.

Build a log from a frame of any kind, then ask it:

>>> import safar
>>> log = safar.EventLog(
...     {
...         "user": ["ann", "ann", "bob"],
...         "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
...         "what": ["view", "purchase", "view"],
...     },
...     customer="user",
...     time="at",
...     event="what",
... )
>>> log.funnel(["view", "purchase"], within="1h").completed
1
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from safar import calendar, design
from safar._core import __version__
from safar._progress import progress
from safar.analyses import (
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
    Spec,
    Stages,
    Steps,
    Stickiness,
    Transitions,
    Waits,
)
from safar.analyses._rfm_rules import rfm_rules
from safar.analyses._rfm_segments import RfmSegments
from safar.analyses.conformance import ConformanceResult
from safar.analyses.conversion import ConversionResult
from safar.analyses.dialects import DialectsResult, compare_dialects
from safar.analyses.features import FeaturesResult
from safar.analyses.flow import FlowResult
from safar.analyses.funnel import Exclusion, FunnelResult, Step, exclusion, step
from safar.analyses.journeys import JourneysResult
from safar.analyses.kpis import KpisResult, kpis
from safar.analyses.labels import LabelsResult
from safar.analyses.lifecycle import LifecycleResult
from safar.analyses.loops import LoopsResult
from safar.analyses.match import MatchResult
from safar.analyses.next_events import NextEventsResult
from safar.analyses.paths import PathsResult
from safar.analyses.retention import RetentionResult
from safar.analyses.rfm import RfmResult
from safar.analyses.rfm_movement import RfmMovement
from safar.analyses.separating_paths import SeparatingPathsResult
from safar.analyses.sessions import SessionsResult
from safar.analyses.stages import StagesResult
from safar.analyses.steps import StepsResult
from safar.analyses.stickiness import StickinessResult
from safar.analyses.transitions import TransitionsResult
from safar.analyses.waits import WaitsResult
from safar.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    EmptyLogError,
    FileError,
    InternalError,
    MapError,
    SafarError,
    UnknownColumnError,
    UnknownEventError,
)
from safar.explanation import Explanation
from safar.features import Feature, feature
from safar.journey_map import JourneyMap, MapCoverage
from safar.kpi import kpi_catalogue
from safar.log import EventLog, read
from safar.log import open_log as open
from safar.one_shot import funnel, rfm
from safar.quality import QualityResult
from safar.result import Result, ResultTable
from safar.scan import Scan, scan
from safar.voice import AfterScoresResult, EmotionCurveResult, ScoreResult, Scores, ces, csat, nps

if TYPE_CHECKING:
    from safar import datasets, models, pages, plot
    from safar.explorer import Explorer
    from safar.models import HoldoutResult, LifetimeValueResult, lifetime_value
    from safar.models.contact import ContactTimesResult, contact_times
    from safar.models.personas import (
        PersonaDriftResult,
        PersonaJourneys,
        PersonaModel,
        PersonasResult,
        personas,
    )
    from safar.models.prediction import (
        CampaignResult,
        PredictionModel,
        PredictionReport,
        Profit,
        ScoresResult,
        churn,
        leads,
    )
    from safar.models.survival import CoxResult, SurvivalResult, TenuresResult, cox, survival, tenures
    from safar.monitoring import AlertResult, KpiComparisonResult, TrendResult, alerts, compare_kpis, trend
    from safar.pages import dashboard, journey_picture

__all__ = [
    "AfterScoresResult",
    "AlertResult",
    "ArgumentError",
    "ArgumentTypeError",
    "CampaignResult",
    "Conformance",
    "ConformanceResult",
    "ContactTimesResult",
    "Conversion",
    "ConversionResult",
    "CoxResult",
    "DataError",
    "DialectsResult",
    "EmotionCurveResult",
    "EmptyLogError",
    "EventLog",
    "Exclusion",
    "Explanation",
    "Explorer",
    "Feature",
    "Features",
    "FeaturesResult",
    "FileError",
    "Flow",
    "FlowResult",
    "Funnel",
    "FunnelResult",
    "HoldoutResult",
    "InternalError",
    "JourneyMap",
    "Journeys",
    "JourneysResult",
    "KpiComparisonResult",
    "Kpis",
    "KpisResult",
    "Labels",
    "LabelsResult",
    "Lifecycle",
    "LifecycleResult",
    "LifetimeValueResult",
    "Loops",
    "LoopsResult",
    "MapCoverage",
    "MapError",
    "Match",
    "MatchResult",
    "NextEvents",
    "NextEventsResult",
    "Paths",
    "PathsResult",
    "PersonaDriftResult",
    "PersonaJourneys",
    "PersonaModel",
    "PersonasResult",
    "PredictionModel",
    "PredictionReport",
    "Profit",
    "QualityResult",
    "Result",
    "ResultTable",
    "Retention",
    "RetentionResult",
    "Rfm",
    "RfmMovement",
    "RfmResult",
    "RfmSegments",
    "SafarError",
    "Scan",
    "ScoreResult",
    "Scores",
    "ScoresResult",
    "SeparatingPaths",
    "SeparatingPathsResult",
    "Sessions",
    "SessionsResult",
    "Spec",
    "Stages",
    "StagesResult",
    "Step",
    "Steps",
    "StepsResult",
    "Stickiness",
    "StickinessResult",
    "SurvivalResult",
    "TenuresResult",
    "Transitions",
    "TransitionsResult",
    "TrendResult",
    "UnknownColumnError",
    "UnknownEventError",
    "Waits",
    "WaitsResult",
    "__version__",
    "alerts",
    "calendar",
    "ces",
    "churn",
    "compare_dialects",
    "compare_kpis",
    "contact_times",
    "cox",
    "csat",
    "dashboard",
    "datasets",
    "design",
    "exclusion",
    "feature",
    "funnel",
    "journey_picture",
    "kpi_catalogue",
    "kpis",
    "leads",
    "lifetime_value",
    "models",
    "nps",
    "open",
    "pages",
    "personas",
    "plot",
    "progress",
    "read",
    "rfm",
    "rfm_rules",
    "scan",
    "step",
    "survival",
    "tenures",
    "trend",
]

# Names that are looked up at their first use, so that `import safar` stays fast: a module, and a name in it or none.
_LATER = {
    "AlertResult": ("safar.monitoring", "AlertResult"),
    "CampaignResult": ("safar.models.prediction", "CampaignResult"),
    "ContactTimesResult": ("safar.models.contact", "ContactTimesResult"),
    "CoxResult": ("safar.models.survival", "CoxResult"),
    "Explorer": ("safar.explorer", "Explorer"),
    "HoldoutResult": ("safar.models", "HoldoutResult"),
    "KpiComparisonResult": ("safar.monitoring", "KpiComparisonResult"),
    "LifetimeValueResult": ("safar.models", "LifetimeValueResult"),
    "PersonaDriftResult": ("safar.models.personas", "PersonaDriftResult"),
    "PersonaJourneys": ("safar.models.personas", "PersonaJourneys"),
    "PersonaModel": ("safar.models.personas", "PersonaModel"),
    "PersonasResult": ("safar.models.personas", "PersonasResult"),
    "PredictionModel": ("safar.models.prediction", "PredictionModel"),
    "PredictionReport": ("safar.models.prediction", "PredictionReport"),
    "Profit": ("safar.models.prediction", "Profit"),
    "ScoresResult": ("safar.models.prediction", "ScoresResult"),
    "SurvivalResult": ("safar.models.survival", "SurvivalResult"),
    "TenuresResult": ("safar.models.survival", "TenuresResult"),
    "TrendResult": ("safar.monitoring", "TrendResult"),
    "alerts": ("safar.monitoring", "alerts"),
    "churn": ("safar.models.prediction", "churn"),
    "compare_kpis": ("safar.monitoring", "compare_kpis"),
    "contact_times": ("safar.models.contact", "contact_times"),
    "cox": ("safar.models.survival", "cox"),
    "dashboard": ("safar.pages", "dashboard"),
    "datasets": ("safar.datasets", None),
    "journey_picture": ("safar.pages", "journey_picture"),
    "leads": ("safar.models.prediction", "leads"),
    "lifetime_value": ("safar.models", "lifetime_value"),
    "models": ("safar.models", None),
    "pages": ("safar.pages", None),
    "personas": ("safar.models.personas", "personas"),
    "plot": ("safar.plot", None),
    "survival": ("safar.models.survival", "survival"),
    "tenures": ("safar.models.survival", "tenures"),
    "trend": ("safar.monitoring", "trend"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'safar' has no attribute {name!r}")
    module, attribute = _LATER[name]
    found = import_module(module)
    return found if attribute is None else getattr(found, attribute)


def __dir__() -> list[str]:
    return __all__
