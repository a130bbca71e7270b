"""Results as Altair charts, in one look and either reading direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from safar import _args
from safar.errors import ArgumentError
from safar.plot.alerts import alerts
from safar.plot.campaign import campaign
from safar.plot.conformance import conformance
from safar.plot.contact_times import contact_times
from safar.plot.conversion import conversion
from safar.plot.cox import cox
from safar.plot.emotion_curve import emotion_curve
from safar.plot.features import features
from safar.plot.flow import flow
from safar.plot.funnel import funnel
from safar.plot.holdout import holdout
from safar.plot.journeys import journeys
from safar.plot.kpi_comparison import kpi_comparison
from safar.plot.kpis import kpis
from safar.plot.labels import labels
from safar.plot.lifecycle import lifecycle
from safar.plot.lifetime_value import lifetime_value
from safar.plot.loops import loops
from safar.plot.map_coverage import map_coverage
from safar.plot.match import match
from safar.plot.next_events import next_events
from safar.plot.notebook import offline
from safar.plot.paths import paths
from safar.plot.personas import persona_drift, personas
from safar.plot.prediction import prediction
from safar.plot.retention import retention
from safar.plot.rfm import rfm
from safar.plot.rfm_segments import rfm_movement, rfm_segments
from safar.plot.scores import scores
from safar.plot.separating_paths import separating_paths
from safar.plot.sessions import sessions
from safar.plot.stages import stages
from safar.plot.steps import steps
from safar.plot.stickiness import stickiness
from safar.plot.survival import survival
from safar.plot.transitions import transitions
from safar.plot.trend import trend
from safar.plot.value_models import contract_model, purchase_model
from safar.plot.waits import waits

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar.result import Result

__all__ = [
    "CHARTS",
    "alerts",
    "campaign",
    "conformance",
    "contact_times",
    "contract_model",
    "conversion",
    "cox",
    "emotion_curve",
    "features",
    "flow",
    "funnel",
    "holdout",
    "journeys",
    "kpi_comparison",
    "kpis",
    "labels",
    "lifecycle",
    "lifetime_value",
    "loops",
    "map_coverage",
    "match",
    "next_events",
    "offline",
    "paths",
    "persona_drift",
    "personas",
    "plot",
    "prediction",
    "purchase_model",
    "retention",
    "rfm",
    "rfm_movement",
    "rfm_segments",
    "scores",
    "separating_paths",
    "sessions",
    "stages",
    "steps",
    "stickiness",
    "survival",
    "transitions",
    "trend",
    "waits",
]

# Every chart by the name of its analysis, sorted.
CHARTS: dict[str, Callable[..., Any]] = {
    "conformance": conformance,
    "conversion": conversion,
    "features": features,
    "flow": flow,
    "funnel": funnel,
    "journeys": journeys,
    "kpis": kpis,
    "labels": labels,
    "lifecycle": lifecycle,
    "loops": loops,
    "match": match,
    "next_events": next_events,
    "paths": paths,
    "retention": retention,
    "rfm": rfm,
    "separating_paths": separating_paths,
    "sessions": sessions,
    "stages": stages,
    "steps": steps,
    "stickiness": stickiness,
    "transitions": transitions,
    "waits": waits,
}


def plot(result: Result, **options: Any) -> ChartType:
    """Draw a result as the chart of its analysis.

    Parameters
    ----------
    result
        Any result.
    **options
        Options of the function of the same name here: ``title``, ``direction`` and others.

    Returns
    -------
    altair chart

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {"who": [1, 1], "when": ["2026-03-01", "2026-03-02"], "what": ["view", "buy"]},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> plot(log.funnel(["view", "buy"]), title="Buying").title.text
    'Buying'
    """
    draw = CHARTS.get(result.analysis)
    if draw is None:
        raise ArgumentError(
            f'there is no chart for the analysis "{result.analysis}" (available: {_args.listing(CHARTS)}); '
            "result.to_pandas() gives the table"
        )
    chart: ChartType = draw(result, **options)
    return chart
