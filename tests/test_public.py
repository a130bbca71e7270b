"""The public face: its names, its docstrings, the time it takes to import, and what it leaves alone."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import safar
from safar import _core
from safar.analyses import SPECS

PYTHON = Path(safar.__file__).parent.parent
PUBLIC = [
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
# One question of each analysis with arguments that are not the defaults.
# Of questions whose arguments exclude one another.
FURTHER: dict[str, list[safar.Spec[Any]]] = {
    "labels": [safar.Labels("renewal", at="2026-03-01", predict="30d", events="pay", term="30d", grace="3d")],
}
QUESTIONS: dict[str, safar.Spec[Any]] = {
    "conversion": safar.Conversion(
        ["buy", "order"],
        start="view",
        stop="leave",
        competing=["cancel"],
        horizon="90d",
        resolution="1m",
        by="channel",
        at="last",
    ),
    "features": safar.Features(
        ["2026-03-01", "2026-04-01"],
        observe="60d",
        features=[
            "recency",
            safar.feature("calls", "count", events=["call", "chat"], where="value > 0", within="7d"),
            safar.feature(
                "evenings", "hour_share", hours=(18, 24), history=True, unit="%", definition="Late."
            ),
            safar.feature("holidays", "days_share", days=["2026-03-21"]),
            safar.feature("way", "reached", steps=["view", ["cart", "wish"]]),
        ],
        active=["view"],
        active_where="channel = 'web'",
        arrived="ingested_at",
        attributes=["plan"],
        most=5,
    ),
    "labels": safar.Labels(
        "event",
        at=["2026-03-01"],
        predict="30d",
        events="buy",
        where="value > 0",
        gap="2d",
        observe="90d",
        active="view",
        active_where="channel = 'web'",
        arrived="ingested_at",
        again=True,
        value="value",
    ),
    "flow": safar.Flow(
        "sessions", depth=3, gap="1h", inactivity="7d", collapse=True, events="view", by="channel"
    ),
    "funnel": safar.Funnel(
        ["view", ("cart", "basket"), safar.step("buy", where="value > 0", name="Paid")],
        within="36h",
        order="strict",
        step_within=["2h", ("1m", None)],
        entry="best",
        exclude=["call", safar.exclusion("leave", where="value is null", between=(1, 2))],
        on_exclude="drop_customer",
        hold="channel",
        ties="same second",
        start="2026-03-01",
        end="2026-04-01 12:00+03:30",
        count="sessions",
        gap="45m",
        by="channel",
        at="step 2",
        dialect="amplitude",
    ),
    "journeys": safar.Journeys(
        "90d",
        ends=["buy", safar.step("order", where="value > 0")],
        stops="leave",
        gaps={"store": "120d", "call": "45d"},
        start_events="signup",
        duration="score",
        duration_unit="m",
        by="channel",
    ),
    "kpis": safar.Kpis(
        [
            {"id": "orders", "definition": "Orders", "form": "total", "numerator": "event = 'buy'"},
            {"id": "cost", "definition": "Cost", "form": "total", "numerator_series": "cost"},
        ],
        period="week",
        calendar="jalali",
        week_start=6,
        by=["channel", ("channel", "device")],
        gap="1h",
        readings=[{"series": "cost", "day": "2026-03-01", "value": 2.0, "slice": [["channel", "web"]]}],
        missing=[{"kpi": "nps", "input": "score", "reason": "no column"}],
    ),
    "lifecycle": safar.Lifecycle(
        "view", period="month", calendar="jalali", week_start=6, by="channel", at="last"
    ),
    "loops": safar.Loops("sessions", gap="1h", inactivity="7d", events=["view", "cart"], by="channel"),
    "match": safar.Match("view -> (!call)* -> buy within 2h", by="channel", at="last"),
    "next_events": safar.NextEvents(
        "2026-06-01", order=3, gap=None, column="channel", held_out=0.3, alpha=0.01, seed=4, by="plan"
    ),
    "paths": safar.Paths(
        "sessions",
        top=None,
        gap="1h",
        inactivity="7d",
        collapse=True,
        events=["view", "cart"],
        most_events=5,
        by="channel",
    ),
    "retention": safar.Retention(
        "view",
        ["buy", "cart"],
        period="month",
        calendar="jalali",
        week_start=6,
        same_period=True,
        entry="recurring",
        start_time="2026-01-01",
        end_time="2026-07-01 12:00",
        clock="rolling",
        mode="streak",
        brackets=[(0, 0), (1, 3)],
        minimum=2,
        value=True,
        cohort="all",
        by="channel",
        at="first",
    ),
    "rfm": safar.Rfm(["buy", "order"], at="2026-04-01 12:00", value="score", by="channel"),
    "sessions": safar.Sessions(
        "90m",
        gaps=[("call", "2h")],
        start_events="login",
        end_events=["logout"],
        duration="score",
        duration_unit="ms",
        by="channel",
    ),
    "conformance": safar.Conformance(
        ["view", safar.design.loop("call", again="chat"), safar.design.step("buy", within="1d")],
        of="event",
        per="sessions",
        gap="1h",
        inactivity="7d",
        collapse=False,
        others="extra",
        goal="order",
        score="score",
        by="channel",
    ),
    "separating_paths": safar.SeparatingPaths(
        ["buy", "order"],
        per="sessions",
        within="7d",
        longest=3,
        contiguous=True,
        support=0.05,
        top=None,
        permutations=99,
        seed=7,
        gap="1h",
        inactivity="7d",
        collapse=True,
        events=["view", "cart"],
        by="channel",
    ),
    "stickiness": safar.Stickiness(
        "view", period="month", unit="hour", calendar="jalali", week_start=6, by="channel", at="last"
    ),
    "stages": safar.Stages(
        "phase", order=["look", "buy"], inactivity="7d", within="channel", costs={"call": 2}, by="channel"
    ),
    "steps": safar.Steps(
        "sessions",
        positions=3,
        around="cart",
        which="each",
        gap="1h",
        inactivity="7d",
        collapse=True,
        events=["view", "cart"],
        by="channel",
    ),
    "transitions": safar.Transitions(inactivity="7d", quantiles=False, by="channel"),
    "waits": safar.Waits(
        "event",
        same="ticket_id",
        gap="7d",
        duration="minutes",
        duration_unit="m",
        hours=("9:00", "17:00"),
        weekend=(3, 4),
        holidays=["2026-03-21"],
        expected={"answer": "120m", ("call", "answer"): "5m"},
        cost_per_hour=20,
        by="channel",
    ),
}


def in_a_fresh_process(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(PYTHON), os.environ.get("PYTHONPATH", "")])
    }
    return subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True, env=environment
    )


def test_the_public_names_are_these_and_no_others() -> None:
    assert sorted(safar.__all__) == safar.__all__ == PUBLIC
    assert dir(safar) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_with_a_docstring(name: str) -> None:
    found = getattr(safar, name)
    assert name == "__version__" or inspect.getdoc(found)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'safar' has no attribute 'funel'"):
        _ = safar.funel  # type: ignore[attr-defined]


def test_public_functions_take_at_most_two_positional_arguments() -> None:
    methods = [method for _, method in inspect.getmembers(safar.EventLog, inspect.isfunction)]
    functions = [value for name in PUBLIC if inspect.isfunction(value := getattr(safar, name))]
    for function in [*methods, *functions]:
        names = [
            parameter.name
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        assert len([name for name in names if name not in ("self", "log")]) <= 2, function


def test_the_import_takes_less_than_three_tenths_of_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Byte code is there, as it is where the package was installed: the first run writes it.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    code = (
        "import time; wall, own = time.perf_counter(), time.process_time(); import numpy; "
        "numpy = time.process_time() - own; import safar; "
        "print(min(time.perf_counter() - wall, time.process_time() - own), numpy)"
    )
    # Another process may hold the machine, but nothing makes an import faster than it is. NumPy, a part of it, takes
    # less than a tenth of a second on a machine of today; on a slower one the limit is as much higher.
    times = (tuple(map(float, in_a_fresh_process(code).stdout.split())) for _ in range(10))
    assert any(seconds < max(0.3, 3 * numpy) for seconds, numpy in times)


def test_the_import_loads_no_heavy_module() -> None:
    heavy = {
        "altair",
        "ipywidgets",
        "jinja2",
        "pandas",
        "polars",
        "pyarrow",
        "scipy",
        "sklearn",
        "difflib",
        "statistics",
    }
    heavy |= {f"safar.{name}" for name in ("cli", "datasets", "explorer", "models", "pages", "plot")}
    found = in_a_fresh_process("import sys, safar; print(*sorted(sys.modules))").stdout.split()
    assert heavy.isdisjoint(found)


def test_the_import_prints_and_warns_nothing() -> None:
    done = in_a_fresh_process("import safar", "-W", "error", "-X", "dev")
    assert done.stdout + done.stderr == ""


def test_the_list_of_analyses_is_sorted_and_each_has_a_kernel_and_a_method() -> None:
    names = [spec.analysis for spec in SPECS]
    assert names == sorted(set(names))
    assert set(names) <= set(_core.kernels())
    # A kernel without an analysis of its own gives the rows behind one that has.
    # That of contact times counts for a model.
    assert all(kernel.startswith((*names, "contact_times")) for kernel in _core.kernels())
    for spec in SPECS:
        method = getattr(safar.EventLog, spec.analysis)
        assert inspect.getdoc(method)
        asked = [name for name in inspect.signature(method).parameters if name != "log"]
        # The method of KPIs takes names, of a map and of the catalogue, and the spec what they mean in the log.
        assert asked == list(inspect.signature(spec).parameters) or spec is safar.Kpis
        assert spec.__name__ in safar.__all__
        assert f"{spec.__name__}Result" in safar.__all__


@pytest.mark.parametrize("spec", SPECS)
def test_every_spec_survives_json(spec: type[safar.Spec[Any]]) -> None:
    questions = [QUESTIONS[spec.analysis], *FURTHER.get(spec.analysis, [])]
    read = [safar.Spec.from_json(question.to_json()) for question in questions]
    for question, again in zip(questions, read, strict=True):
        assert type(question) is spec
        assert again == question
        assert again.to_json() == question.to_json()
        assert hash(again) == hash(question)
        written = json.loads(question.to_json())
        assert list(written) == ["analysis", *inspect.signature(spec).parameters]
    # Every argument is in the JSON: one that differs from its default reads back so.
    defaults = {name: parameter.default for name, parameter in inspect.signature(spec).parameters.items()}
    for name, default in defaults.items():
        assert any(getattr(again, name) != default for again in read), name


def test_the_version_is_that_of_the_core() -> None:
    assert safar.__version__ == _core.__version__
    assert safar.__version__.count(".") == 2
