"""Whoever waits for a long computation can see how far it is, and stop it."""

import io
import itertools
import json
import os
import subprocess
import sys

import pytest

import safar
from safar import _progress

STAGES = {"reading", "spilling", "grouping", "ordering", "counting", "asking"}
ROLES = {"customer": "customer", "time": "time", "event": "event"}


# So many events on one thread that a log of them is not built between two looks.
BUILD = """
import numpy as np, pyarrow as pa, safar
numbers = np.random.default_rng(3).integers(0, 1 << 40, 8_000_000)
events = pa.DictionaryArray.from_arrays(pa.array((numbers % 5).astype(np.int8)), pa.array(list("abcde")))
times = pa.array(numbers + 1_700_000_000_000_000).cast(pa.timestamp("us"))
table = pa.table({"customer": pa.array(numbers % 300_007), "time": times, "event": events})
roles = {"customer": "customer", "time": "time", "event": "event"}
"""


def run(script: str) -> str:
    """What a script prints that computes on one thread."""
    environment = {**os.environ, "SAFAR_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", BUILD + script]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_a_build_tells_its_stages_and_never_more_than_all() -> None:
    told, after = json.loads(
        run("""
import json
told = []
with safar.progress(lambda *step: told.append(step)):
    safar.EventLog(table, **roles)
before = len(told)
safar.EventLog(table, **roles)
print(json.dumps([told[:before], told[before:]]))
""")
    )
    assert told
    for stage, done, total in told:
        assert stage in STAGES
        assert total == 8_000_000
        assert 0 <= done <= total
    for _, of_stage in itertools.groupby(told, key=lambda step: step[0]):
        counts = [done for _, done, _ in of_stage]
        assert counts == sorted(counts)
    assert not after, "outside of the context nobody watches"


def test_what_the_function_raises_stops_the_computation_and_comes_out() -> None:
    printed = run("""
def stop(*_):
    raise RuntimeError("enough")

try:
    with safar.progress(stop):
        safar.EventLog(table, **roles)
except RuntimeError as error:
    print(error, len(safar.EventLog(table.slice(0, 10), **roles)))
""")
    assert printed == "enough 10\n"


def test_a_scan_tells_the_parts_that_are_asked_and_only_those() -> None:
    data = {
        "customer": [str(number % 997) for number in range(40_000)],
        "time": [f"2026-03-{1 + number % 28:02d}" for number in range(40_000)],
        "event": ["view" if number % 3 else "purchase" for number in range(40_000)],
    }
    scan = safar.scan(data, **ROLES, memory="1 MB")
    parts = scan.info["parts"]
    assert parts > 1
    told: list[tuple[str, int, int | None]] = []
    with safar.progress(lambda *step: told.append(step)):
        scan.run([safar.Funnel(["view", "purchase"]), safar.Transitions()])
    assert told == [("asking", index, parts) for index in range(parts)]


@pytest.mark.parametrize("on_screen", [True, False])
def test_the_line_says_what_is_done_and_leaves_nothing_on_a_screen(
    monkeypatch: pytest.MonkeyPatch, on_screen: bool
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return on_screen

    ticks = itertools.count(0.0, 20.0)
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "modules", {k: v for k, v in sys.modules.items() if k != "ipykernel"})
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(ticks))
    with safar.progress():
        _progress.tell("reading", 1_000, None)
        _progress.tell("grouping", 25_000, 100_000)
        _progress.tell("asking", 0, 8)
    written = screen.getvalue()
    if on_screen:
        shown = [line.strip() for line in written.split("\r")]
        assert shown == [
            "",
            "reading: 1,000 rows",
            "[#####...............] grouping: 25,000 of 100,000 rows (25%), about 0 s left",
            "[....................] asking: 0 of 8 parts (0%)",
            "",
            "",
        ]
    else:
        assert written == "grouping: 25,000 of 100,000 rows (25%), about 0 s left\n"


def test_what_is_left_is_reckoned_from_the_beginning_of_each_computation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    clock = iter([0.0, 10.0, 20.0, 1_000.0, 1_010.0])
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    line = _progress.Line()
    for done in (0, 50, 1, 50):
        line("counting", done, 100)
    left = [text.split("about ")[1].strip() for text in screen.getvalue().split("\r") if "about" in text]
    assert left == ["10 s left", "10 s left"]


def test_a_watcher_that_is_no_function_is_refused() -> None:
    with (
        pytest.raises(safar.ArgumentTypeError, match="show is a str; expected a function"),
        safar.progress("x"),
    ):  # type: ignore[arg-type]
        pass
