"""The comparison with other engines, on a log too small to measure anything: all answers are equal."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benches" / "peers.py"
ROWS = 20_000
PEERS = ("chdb", "duckdb", "polars")
INSTALLED = [peer for peer in PEERS if importlib.util.find_spec(peer) is not None]


def script() -> Any:
    """Return the comparison as a module."""
    spec = importlib.util.spec_from_file_location("peers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Return the run with all peers that are installed."""
    command = [sys.executable, SCRIPT, "--rows", str(ROWS), "--rounds", "1", "--peers", ",".join(INSTALLED)]
    command += ["--data", tmp_path_factory.mktemp("peers")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.skipif(not INSTALLED, reason="no peer is installed: requirements/dev.txt has them")
def test_all_answers_are_compared_and_equal(ended: subprocess.CompletedProcess[str]) -> None:
    peers = script()
    assert ended.returncode == 0, ended.stderr
    compared = [line for line in ended.stderr.splitlines() if line.endswith("answers equal, measured")]
    asked = [f"{task} {mode}" for mode in peers.MODES.values() for task in peers.TASKS]
    assert compared == [f"{question}: answers equal, measured" for question in asked]
    assert "All answers are equal." in ended.stdout


@pytest.mark.parametrize("engine", ["safar", *PEERS])
def test_every_engine_has_answered_every_question(engine: str, request: pytest.FixtureRequest) -> None:
    if engine in PEERS and engine not in INSTALLED:
        pytest.skip(
            f"{engine} is not installed, so its answers can't be compared: requirements/dev.txt has it"
        )
    peers, ended = script(), request.getfixturevalue("ended")
    lines = [line.split(" | ")[:3] for line in ended.stdout.splitlines() if f" | {engine} | " in line]
    asked = [
        [f"| {task} {name}", mode, engine]
        for mode in peers.MODES.values()
        for task, name in peers.TASKS.items()
    ]
    assert lines == asked


def test_an_answer_that_differs_ends_the_comparison() -> None:
    peers = script()
    answers = {"safar": {"steps": [3, 2], "mean": 1.0}, "other": {"steps": [3, 2], "mean": 1.0 + 1e-12}}
    peers.compare("T1", "warm", answers)
    for other in (
        {"steps": [3, 1], "mean": 1.0},
        {"steps": [3], "mean": 1.0},
        {"steps": [3, 2], "mean": 1.001},
    ):
        with pytest.raises(SystemExit, match="T1 warm: safar and other answer differently: "):
            peers.compare("T1", "warm", answers | {"other": other})
