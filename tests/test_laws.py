"""Laws that every kernel keeps, read from the list of kernels: a new one is covered by one entry in EXERCISES."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from oracles import DAY, SECOND, Event
from safar import _core
from strategies import BASE, CUSTOMERS, columns_of, core_log, in_order, logs, plan, rows_in

HERE = Path(__file__).parent

RETENTION = {
    "start": None,
    "back": None,
    "period": "day",
    "calendar": "gregorian",
    "week_start": 0,
    "same_period": False,
    "max_periods": None,
}
STEP_A = {"events": ["A"], "where": None, "name": "A"}
STEP_BC = {"events": ["B", "C"], "where": "value > 0", "name": "B or C"}
STEP_D = {"events": ["D"], "where": None, "name": "D"}

JOURNEYS = {
    "per": "customers",
    "gap_us": SECOND,
    "inactivity_us": 2 * SECOND,
    "events": None,
    "collapse": False,
}
SESSIONS = JOURNEYS | {"per": "sessions", "events": ["A", "B", "C"], "collapse": True}
SUBPATHS = {"units": JOURNEYS, "goal": ["C"], "within_us": None, "longest": 2, "contiguous": False}

# A designed journey with every block.
CONFORMANCE = {
    "units": JOURNEYS,
    "columns": ["event"],
    "steps": [
        {"column": 0, "label": label, "within_us": within, "stage": stage}
        for label, within, stage in (
            ("A", None, "first"),
            ("B", SECOND, "second"),
            ("C", None, "second"),
            ("A", 2 * SECOND, None),
            ("D", None, "first"),
        )
    ],
    "design": {
        "sequence": [
            {"step": 0},
            {"parallel": [{"step": 1}, {"choice": [{"step": 2}, {"optional": {"step": 3}}]}]},
            {"loop": [[{"step": 4}], []]},
        ]
    },
    "collapse": True,
    "others": "ignore",
    "goal": ["C"],
    "score": "score",
}

# Every rule by which journeys are cut.
CUTS = {
    "gap_us": 2 * SECOND,
    "gaps_us": [["app", 4 * SECOND]],
    "starts": [STEP_A],
    "ends": [STEP_BC],
    "stops": [STEP_D],
    "duration": {"column": "score", "unit_us": SECOND},
}

MEASURE = {
    "count": "events",
    "numerator": "event = 'A'",
    "minus": None,
    "denominator": None,
    "sum": None,
    "least": 1,
    "most": None,
}
WAITS = {
    "of": "plan",
    "same": None,
    "gap_us": None,
    "duration": None,
    "hours": None,
    "expected": [],
    "max_pairs": 1_000,
}
EXPECTED = [
    {"from": None, "to": "pro", "us": 2 * SECOND},
    {"from": "free", "to": "pro", "us": SECOND},
    {"from": "pro", "to": "none", "us": SECOND},
]
HOURS = {"open_us": 3 * SECOND, "close_us": 9 * SECOND, "weekend": [3], "holidays": []}
STAGES = {"stage": "plan", "inactivity_us": 2 * SECOND, "within": [], "value": False, "costs": None}

CUTOFFS = {
    "at_us": [BASE + 4 * SECOND, BASE + 9 * SECOND],
    "observe_us": 6 * SECOND,
    "active": ["A", "B", "C"],
    "active_where": None,
    "arrived": None,
}
EVER = {
    "at_us": [BASE + 20 * SECOND],
    "observe_us": None,
    "active": None,
    "active_where": None,
    "arrived": None,
}

CHAIN = {"column": "event", "at_us": None, "gap_us": 2 * SECOND, "order": 3}
SHORT_CHAIN = {"column": "channel", "at_us": BASE + 6 * SECOND, "gap_us": None, "order": 1}


def feature(name: str, measure: object, **options: Any) -> dict[str, Any]:
    usual = {"events": None, "where": None, "within_us": None, "history": False}
    return {"name": name, "measure": measure} | usual | options


# kernel -> the parameters it is exercised with
EXERCISES: dict[str, list[dict[str, Any]]] = {
    "conformance": [
        CONFORMANCE,
        CONFORMANCE | {"units": SESSIONS, "columns": ["channel"], "others": "extra", "score": "value"},
        CONFORMANCE | {"columns": ["plan", "event"], "collapse": False, "others": "extra", "goal": None},
    ],
    "conformance_moves": [CONFORMANCE, CONFORMANCE | {"units": SESSIONS, "others": "extra"}],
    "contact_times": [
        {"contact": ["A"], "response": ["B", "C"], "within_us": 2 * SECOND, "holidays": [BASE // DAY]},
        {"contact": ["A", "D"], "response": ["C"], "within_us": DAY, "holidays": []},
    ],
    "conversion": [
        {
            "start": ["A", "B"],
            "outcomes": ["C", "D"],
            "horizon_us": 6 * SECOND,
            "resolution_us": 2 * SECOND,
            "max_rows": 1_000_000,
        },
        {"start": None, "outcomes": ["B"], "horizon_us": None, "resolution_us": 1, "max_rows": 1_000_000},
    ],
    "features": [
        {
            "cutoffs": CUTOFFS,
            "features": [
                feature("count", "count", events=["A", "C"], within_us=2 * SECOND),
                feature("first", "since_first", history=True),
                feature("sum", {"sum": "value"}, where="value > 0"),
                feature("median", {"gaps": "median"}),
                feature("share", {"share": {"column": "channel", "value": "web"}}),
                feature("last", {"last_text": "plan"}),
                feature("open", {"open": {"opened": ["A"], "closed": ["B"]}}),
            ],
        },
        {"cutoffs": EVER, "features": []},
    ],
    "features_names": [
        {"cutoffs": CUTOFFS, "columns": ["event", "plan"], "where": "value > 0"},
        {"cutoffs": EVER, "columns": ["channel"], "where": None},
    ],
    "flow": [{"units": JOURNEYS, "depth": 3, "max_edges": 10_000}],
    "funnel": [
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": 3 * SECOND, "order": "ordered"},
        {"steps": [STEP_A, STEP_A], "within_us": None, "order": "ordered"},
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": 3 * SECOND, "order": "any", "segment_step": 2},
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": None, "order": "anchored", "ties": "stable"},
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": None, "order": "ordered", "optional": [2]},
        {
            "steps": [STEP_A, STEP_BC, STEP_A],
            "within_us": 3 * SECOND,
            "order": "ordered",
            "window": {"strict_order": True},
            "same_time": {"kind": "tolerance", "us": SECOND},
        },
    ],
    "funnel_attempts": [
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": 3 * SECOND, "order": "ordered"},
        {
            "steps": [STEP_A, STEP_A],
            "within_us": None,
            "order": "strict",
            "entry": "all",
            "ties": "stable",
            "exclude": [{"what": STEP_D, "from": 1, "to": 2}],
        },
    ],
    "funnel_events": [
        {"steps": [STEP_A, STEP_BC, STEP_D], "within_us": 3 * SECOND, "order": "ordered"},
    ],
    "journeys": [{"gap_us": 2 * SECOND}, CUTS],
    "journeys_chains": [
        {"cut": {"gap_us": 2 * SECOND}, "most_touches": None, "most_chains": 1_000},
        {"cut": CUTS, "most_touches": 1, "most_chains": 1_000},
    ],
    "kpis": [
        {
            "period": "day",
            "calendar": "gregorian",
            "week_start": 0,
            "cuts": [[], ["channel"], ["plan", "channel"]],
            "measures": [
                MEASURE | {"count": "customers", "denominator": "event in ('A', 'B')"},
                MEASURE | {"minus": "event = 'C'", "sum": "value", "denominator": "value is not null"},
                MEASURE | {"count": {"column": "plan"}, "least": 0, "most": 1, "denominator": "true"},
            ],
            "max_cells": 100_000,
        },
        {
            "period": None,
            "calendar": "gregorian",
            "week_start": 0,
            "cuts": [[]],
            "measures": [MEASURE | {"numerator": "nth_of_event > 1 and seconds_since_same < 3"}],
            "max_cells": 100_000,
        },
    ],
    "next_events": [
        {"chain": CHAIN, "held_out": 0.5, "seed": 7, "max_cells": 10_000},
        {"chain": CHAIN | SHORT_CHAIN, "held_out": 0.2, "seed": 0, "max_cells": 10_000},
    ],
    "next_events_customers": [
        {"chain": CHAIN, "contexts": [[], ["A"], ["(start)", "A"], ["B", "A"], ["C"]]},
        {"chain": CHAIN | SHORT_CHAIN, "contexts": [[], ["web"], ["(missing)"]]},
    ],
    "labels": [
        {
            "cutoffs": CUTOFFS,
            "events": ["C"],
            "where": "value > 0",
            "gap_us": SECOND,
            "predict_us": 4 * SECOND,
            "term": None,
            "value": "value",
        },
        {
            "cutoffs": EVER,
            "events": ["A", "B"],
            "where": None,
            "gap_us": 0,
            "predict_us": DAY,
            "term": {"length_us": 20 * SECOND, "grace_us": SECOND},
            "value": None,
        },
    ],
    "lifecycle": [
        {"events": None, "period": "day", "calendar": "gregorian", "week_start": 0},
        {"events": ["A", "B"], "period": "month", "calendar": "jalali", "week_start": 5},
    ],
    "loops": [{"units": JOURNEYS}, {"units": SESSIONS | {"collapse": False}}],
    "match": [
        {"pattern": "A -> (!C)* -> B within 3s"},
        {"pattern": "(A | B[value > 0])+ ->[1s..4s] D -> !(A | B) within 2s same plan"},
    ],
    "match_customers": [{"pattern": "A -> !B within 2s"}, {"pattern": "(A => B){2}"}],
    "match_events": [{"pattern": "A -> C? -> D within 4s same channel"}],
    "match_rows": [
        {"pattern": "channel:web ->[1s..] ((C -> D within 2s) | B)"},
        {"pattern": "A -> . same plan"},
    ],
    "paths": [
        {"units": JOURNEYS, "most_events": None, "top": None, "most_variants": 100_000},
        {"units": SESSIONS, "most_events": 2, "top": None, "most_variants": 100_000},
    ],
    "retention": [
        RETENTION,
        RETENTION
        | {"start": ["A"], "back": ["B"], "period": "month", "calendar": "jalali", "same_period": True},
        RETENTION
        | {
            "start": ["A", "C"],
            "entry": "recurring",
            "start_time_us": BASE,
            "end_time_us": BASE + 300 * DAY,
            "clock": "rolling",
            "mode": "on_or_after",
            "brackets": [[0, 0], [2, 3], [7, 30]],
            "minimum": 2,
            "value": True,
        },
        RETENTION | {"entry": "first", "start_time_us": BASE + SECOND, "mode": "on_or_before"},
        RETENTION | {"mode": "streak", "value": True},
    ],
    "rfm": [
        {"events": None, "at_us": None, "value": "value"},
        {"events": ["A"], "at_us": BASE + 8 * SECOND, "value": "score"},
        {"events": ["B", "D"], "at_us": None, "value": None},
    ],
    "rfm_purchases": [
        {"events": None, "at_us": None, "value": "value", "unit_days": 1},
        {"events": ["A", "B"], "at_us": BASE + 8 * SECOND, "value": "score", "unit_days": 7},
        {
            "events": ["A", "B"],
            "at_us": BASE + 80 * DAY,
            "value": "score",
            "unit_days": 1,
            "opportunities": {"period": "week", "calendar": "gregorian", "week_start": 5},
        },
    ],
    "separating_paths": [
        {"subpaths": SUBPATHS, "support": None, "most_cells": 100_000},
        {
            "subpaths": SUBPATHS
            | {"units": SESSIONS, "goal": ["B", "D"], "within_us": SECOND, "longest": 3, "contiguous": True},
            "support": None,
            "most_cells": 100_000,
        },
    ],
    "separating_paths_units": [
        {"subpaths": SUBPATHS, "paths": [["A"], ["B", "A"], ["A", "A"]], "most_words": 1_000_000},
        {
            "subpaths": SUBPATHS | {"units": SESSIONS, "longest": 3},
            "paths": [[first, second, "B"] for first in "ABC" for second in "ABC"] * 8,
            "most_words": 1_000_000,
        },
    ],
    "sessions": [{"gap_us": 2 * SECOND}, CUTS],
    "sessions_events": [{"gap_us": 2 * SECOND}, CUTS],
    "stickiness": [
        {"events": None, "period": "week", "unit": "day", "calendar": "gregorian", "week_start": 0},
        {"events": ["A", "B"], "period": "day", "unit": "hour", "calendar": "jalali", "week_start": 5},
    ],
    "stages": [
        STAGES | {"within": ["channel", "score"], "value": True},
        STAGES | {"stage": "event", "costs": {"of": "channel", "each": {"web": 2.5, "post": 1.0}}},
    ],
    "steps": [
        {"units": JOURNEYS, "positions": 4, "around": None, "which": "first", "max_cells": 10_000},
        {"units": SESSIONS, "positions": 2, "around": ["B"], "which": "each", "max_cells": 10_000},
    ],
    "transitions": [
        {"inactivity_us": 2 * SECOND, "quantiles": True, "max_edges": 10_000},
        {"inactivity_us": 2 * SECOND, "quantiles": False, "max_edges": 10_000},
    ],
    "waits": [
        WAITS
        | {"gap_us": 4 * SECOND, "duration": {"column": "score", "unit_us": SECOND}, "expected": EXPECTED},
        WAITS | {"of": "event", "same": "plan", "hours": HOURS},
    ],
}
SEGMENTS = [(None, "entry"), ("channel", "first"), ("plan", "last"), ("channel", "entry")]
PLANS = [
    pytest.param(kernel, plan(params, by, at), id=f"{kernel}-{i}-{by}-{at}")
    for kernel, exercises in EXERCISES.items()
    for i, params in enumerate(exercises)
    for by, at in SEGMENTS
]

# Every log of these laws holds each event once for a customer of its own, so that no plan names an unknown event.
ANCHOR = [Event("anchor", BASE, name) for name in "ABCD"]


def anchored(rows: list[Event]) -> list[Event]:
    return [*rows, *ANCHOR]


def rows_of(rows: list[Event], kernel: str, plan_json: str, until: int) -> list[tuple[Any, ...]]:
    return in_order(rows_in(_core.run(core_log(rows, observed_until_us=until), kernel, plan_json)))


# ------------------------------------------------------------------------------------------------------- list


def test_every_kernel_is_exercised() -> None:
    kernels = _core.kernels()
    assert kernels == sorted(kernels)
    missing = sorted(set(kernels) - set(EXERCISES))
    assert not missing, f"add it: EXERCISES in {Path(__file__).name} has no entry for {missing}"
    assert not set(EXERCISES) - set(kernels), "EXERCISES names a kernel that does not exist"


# ------------------------------------------------------------------------------------------------------ merge


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
@settings(max_examples=30)
@given(data=st.data())
def test_parts_that_were_split_by_customer_merge_to_the_whole(
    kernel: str, plan_json: str, data: st.DataObject
) -> None:
    rows = data.draw(logs())
    left = data.draw(st.sets(st.sampled_from(CUSTOMERS)))
    until = max(row.time for row in rows + ANCHOR) + 3 * SECOND
    first = [row for row in rows if row.customer in left] + ANCHOR
    second = [row for row in rows if row.customer not in left]
    second += [event._replace(customer="other anchor") for event in ANCHOR]
    whole = first + second
    parts = [
        _core.run(core_log(part, observed_until_us=until), kernel, plan_json) for part in (first, second)
    ]
    expected = rows_of(whole, kernel, plan_json, until)
    assert in_order(rows_in(_core.merge(parts))) == expected
    assert in_order(rows_in(_core.merge(parts[::-1]))) == expected


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
def test_a_part_that_lacks_an_event_of_the_question_still_merges(kernel: str, plan_json: str) -> None:
    full = [event._replace(customer="full") for event in ANCHOR]
    poor = [Event("poor", BASE + i * SECOND, "D") for i in range(3)]
    parts = [
        _core.run(core_log(part, observed_until_us=BASE + DAY), kernel, plan_json) for part in (full, poor)
    ]
    expected = rows_of(full + poor, kernel, plan_json, BASE + DAY)
    assert in_order(rows_in(_core.merge(parts))) == expected


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
def test_merging_many_parts_does_not_depend_on_the_grouping(kernel: str, plan_json: str) -> None:
    until = BASE + DAY
    parts = [[event._replace(customer=f"u{i}", time=event.time + i) for event in ANCHOR] for i in range(5)]
    whole = rows_of([event for part in parts for event in part], kernel, plan_json, until)
    tables = [_core.run(core_log(part, observed_until_us=until), kernel, plan_json) for part in parts]
    at_once = _core.merge(tables)
    left = tables[0]
    for table in tables[1:]:
        left = _core.merge([left, table])
    right = _core.merge([tables[0], _core.merge([tables[1], _core.merge(tables[2:])])])
    assert in_order(rows_in(at_once)) == in_order(rows_in(left)) == in_order(rows_in(right)) == whole


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
def test_a_single_part_merges_to_itself(kernel: str, plan_json: str) -> None:
    part = _core.run(core_log(ANCHOR), kernel, plan_json)
    assert in_order(rows_in(_core.merge([part]))) == in_order(rows_in(part))


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
@pytest.mark.parametrize("size", [1, 50, 20_000])
def test_parts_that_share_customers_are_refused(kernel: str, plan_json: str, size: int) -> None:
    if size == 20_000 and not plan_json.endswith('"by": null, "at": "entry"}'):
        pytest.skip("a big log once per kernel is enough")
    first = [Event(f"u{i}", BASE + i, "ABCD"[i % 4]) for i in range(4 * size)]
    second = [Event(f"u{4 * size - 1 + i}", BASE + i, "ABCD"[i % 4]) for i in range(4 * size)]
    # A witness is a sample: a single shared customer of many may stay unseen, a tenth of them may not.
    if size > 1_000:
        second = [row._replace(customer=f"u{int(row.customer[1:]) - size // 2}") for row in second]
    parts = [_core.run(core_log(part), kernel, plan_json) for part in (first, second)]
    with pytest.raises(safar.errors.SafarError, match="customer"):
        _core.merge(parts)


@pytest.mark.parametrize("kernel", sorted(EXERCISES))
def test_the_same_part_twice_is_refused(kernel: str) -> None:
    part = _core.run(core_log(ANCHOR), kernel, plan(EXERCISES[kernel][0]))
    with pytest.raises(safar.errors.SafarError, match="customer"):
        _core.merge([part, part])


def test_parts_of_different_questions_are_refused() -> None:
    other = [event._replace(customer="b") for event in ANCHOR]
    sessions = _core.run(core_log(ANCHOR), "sessions", plan({"gap_us": SECOND}))
    longer = _core.run(core_log(other), "sessions", plan({"gap_us": 2 * SECOND}))
    edges = _core.run(core_log(other), "transitions", plan(EXERCISES["transitions"][0]))
    for part in (longer, edges):
        with pytest.raises(safar.errors.SafarError):
            _core.merge([sessions, part])
    with pytest.raises(safar.errors.SafarError):
        _core.merge([])


# ------------------------------------------------------------------------------------------------------ order


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
@settings(max_examples=30)
@given(rows=logs(unique_times=True), seed=st.randoms(use_true_random=False))
def test_the_order_of_the_input_is_nothing_where_times_are_unique(
    kernel: str, plan_json: str, rows: list[Event], seed: Any
) -> None:
    anchor = [event._replace(time=event.time + i) for i, event in enumerate(ANCHOR)]
    rows = rows + anchor
    shuffled = list(rows)
    seed.shuffle(shuffled)
    until = max(row.time for row in rows)
    log, other = (core_log(r, observed_until_us=until) for r in (rows, shuffled))
    assert rows_in(_core.run(log, kernel, plan_json)) == rows_in(_core.run(other, kernel, plan_json))


@pytest.mark.parametrize(("kernel", "plan_json"), PLANS)
@settings(max_examples=30)
@given(rows=logs())
def test_a_question_asked_twice_has_one_answer(kernel: str, plan_json: str, rows: list[Event]) -> None:
    log = core_log(anchored(rows))
    first, second = (_core.run(log, kernel, plan_json) for _ in range(2))
    assert rows_in(first) == rows_in(second)
    assert first.schema == second.schema


# ---------------------------------------------------------------------------------------------------- threads


def script(body: str, **values: Any) -> str:
    """Return the text of a program that knows big logs and the given values."""
    head = f"import sys\nsys.path.insert(0, {str(HERE)!r})\n"
    head += (
        "import json\nfrom safar import _core\nfrom strategies import ROLES, big_log, big_table, columns_in\n"
    )
    return head + "".join(f"{k} = {v!r}\n" for k, v in values.items()) + textwrap.dedent(body)


def run_script(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_thread_equals_two_bit_for_bit() -> None:
    plans = [list(parameter.values) for parameter in PLANS]
    code = script(
        """
        import hashlib

        def digest(table):
            whole = hashlib.sha256(repr((table.schema, table.num_rows)).encode())
            if "features" in table.names:
                table = table.unnest("features")
            for name, kind in table.schema:
                if kind.startswith("List"):
                    whole.update(repr(columns_in(table.select([name]))).encode())
                    continue
                values, mask = table.numpy(name)
                whole.update(repr(values.tolist()).encode() if values.dtype == object else values.tobytes())
                whole.update(b"-" if mask is None else mask.tobytes())
            return whole.hexdigest()

        log = big_log(250_000, 20_000)
        print("events", digest(log.events_table(None)))
        print("customers", digest(log.customers()))
        for name in ("offsets", "times", "events", "channels"):
            print(name, hashlib.sha256(log.view(name).tobytes()).hexdigest())
        for kernel, plan_json in PLANS:
            print(kernel, plan_json, digest(_core.run(log, kernel, plan_json)))
        """,
        PLANS=plans,
    )
    one, two, three = (run_script(code, SAFAR_THREADS=str(n)) for n in (1, 2, 3))
    assert len(one.splitlines()) == len(plans) + 6
    assert one == two == three


# ---------------------------------------------------------------------------------------------------- Ctrl-C

# What is ready before, and what is then done again and again until the interrupt comes.
LONG_WORK = {
    "analysis": ("log = big_log(6_000_000, 200_000)", '_core.run(log, "transitions", PLAN)'),
    "writing": ("table = big_table(4_000_000, 500_000)", 'table.write_parquet(FOLDER + "/events.parquet")'),
    "reading": (
        'big_table(4_000_000, 500_000).write_parquet(FOLDER + "/events.parquet")',
        '_core.Table.read([FOLDER + "/events.parquet"], None)',
    ),
    "objects": (
        'import numpy as np; names = np.array([f"customer {i}" for i in range(100_000)] * 40, dtype=object)',
        '_core.Table({"customer": names})',
    ),
    "building": ("table = big_table(8_000_000, 500_000)", "_core.EventLog.build(table, json.dumps(ROLES))"),
}


@pytest.mark.parametrize("work", sorted(LONG_WORK))
def test_an_interrupt_ends_a_long_call_within_a_fifth_of_a_second(work: str, tmp_path: Path) -> None:
    prepare, again = LONG_WORK[work]
    pauses = [0.05, 0.23, 0.41]
    code = script(
        """
        import time
        exec(PREPARE)
        again = compile(AGAIN, "again", "exec")
        for _ in range(TIMES):
            print("ready", flush=True)
            try:
                while True:
                    exec(again)
            except KeyboardInterrupt:
                print(time.monotonic(), flush=True)
        exec(again)  # and the next call works as ever
        print("done", flush=True)
        """,
        PREPARE=prepare,
        AGAIN=again,
        FOLDER=str(tmp_path),
        PLAN=plan(EXERCISES["transitions"][0], "plan", "last"),
        TIMES=len(pauses),
    )
    delays = []
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for pause in pauses:
                assert process.stdout.readline().strip() == "ready"
                time.sleep(pause)
                sent = time.monotonic()
                process.send_signal(signal.SIGINT)
                delays.append(float(process.stdout.readline()) - sent)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert output.strip() == "done", errors
    # Another program may hold the processor during one of the three, so the middle one counts.
    assert sorted(delays)[1] < 0.2, delays


# ------------------------------------------------------------------------------------------------------- fork


def test_an_analysis_works_in_a_forked_child() -> None:
    code = script(
        """
        import os, signal, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of fork where threads exist
        log = big_log(200_000, 5_000)
        before = _core.run(log, "transitions", PLAN).num_rows
        for _ in range(3):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                again = big_log(200_000, 5_000)
                same = [_core.run(which, "transitions", PLAN).num_rows for which in (log, again)]
                os._exit(0 if same == [before, before] else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert _core.run(log, "transitions", PLAN).num_rows == before
        print("done")
        """,
        PLAN=plan(EXERCISES["transitions"][0]),
    )
    assert run_script(code, SAFAR_THREADS="2").strip() == "done"


def test_analyses_work_in_a_pool_of_forked_workers() -> None:
    code = script(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        log = big_log(100_000, 5_000)
        before = _core.run(log, "sessions", PLAN).num_rows

        def ask(_):
            return _core.run(log, "sessions", PLAN).num_rows

        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map_async(ask, range(6)).get(timeout=40)
        assert found == [before] * 6
        print("done")
        """,
        PLAN=plan(EXERCISES["sessions"][0]),
    )
    assert run_script(code, SAFAR_THREADS="2").strip() == "done"


def test_threads_may_ask_at_the_same_time() -> None:
    from concurrent.futures import ThreadPoolExecutor

    log = core_log([Event(f"u{i % 97}", BASE + i * SECOND, "ABCD"[i % 4]) for i in range(4_000)])
    plans = [parameter.values for parameter in PLANS] * 3
    alone = [rows_in(_core.run(log, kernel, plan_json)) for kernel, plan_json in plans]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda p: rows_in(_core.run(log, *p)), plans))
    assert together == alone


# ----------------------------------------------------------------------------------------------- no panic

JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["A", "value > 0", "day", "ordered", "jalali", "entry", "plan", "((((", "(start)"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a sound plan and put nonsense into one place of it."""
    kernel = draw(st.sampled_from(sorted(EXERCISES)))
    params = json.loads(json.dumps(draw(st.sampled_from(EXERCISES[kernel]))))
    whole: dict[str, Any] = {"params": params, "by": None, "at": "entry"}
    target = draw(st.sampled_from([whole, params]))
    key = draw(st.one_of(st.sampled_from(sorted(target)), st.text(max_size=8)))
    action = draw(st.sampled_from(["set", "set", "drop", "deep"]))
    if action == "drop":
        target.pop(key, None)
    elif action == "deep" and "steps" in params:
        step = draw(st.sampled_from(params["steps"]))
        step[draw(st.sampled_from(["events", "where", "name", "else"]))] = draw(JUNK)
    else:
        target[key] = draw(JUNK)
    return kernel, json.dumps(whole)


def answered_or_refused(kernel: str, plan_json: str) -> None:
    log = core_log([*ANCHOR, Event("u", BASE + DAY, "A", "web", 1.0, "pro", 1)])
    try:
        rows_in(_core.run(log, kernel, plan_json))
    except safar.errors.SafarError as error:
        assert not isinstance(error, safar.errors.InternalError), error
        assert str(error).strip()


@given(spoiled())
def test_a_spoiled_plan_is_answered_or_refused_with_a_reason(case: tuple[str, str]) -> None:
    answered_or_refused(*case)


@given(st.sampled_from(sorted(EXERCISES)), st.one_of(st.text(max_size=40), JUNK.map(json.dumps)))
def test_nonsense_as_a_plan_is_refused(kernel: str, text: str) -> None:
    log = core_log(ANCHOR)
    with pytest.raises(safar.errors.SafarError) as caught:
        _core.run(log, kernel, text)
    assert not isinstance(caught.value, safar.errors.InternalError)


@given(st.text(max_size=12))
def test_an_unknown_kernel_is_refused_and_the_known_ones_are_named(name: str) -> None:
    if name in EXERCISES:
        return
    with pytest.raises(safar.errors.SafarError) as caught:
        _core.run(core_log(ANCHOR), name, plan({}))
    assert all(kernel in str(caught.value) for kernel in EXERCISES)


@given(st.one_of(st.text(max_size=40), JUNK.map(json.dumps)))
def test_nonsense_as_roles_is_refused(text: str) -> None:
    table = _core.Table(columns_of(ANCHOR))
    with pytest.raises(safar.errors.SafarError) as caught:
        _core.EventLog.build(table, text)
    assert not isinstance(caught.value, safar.errors.InternalError)


@given(
    text=st.one_of(
        st.text(max_size=30),
        st.lists(
            st.sampled_from(
                [
                    "value",
                    "plan",
                    "score",
                    ">",
                    "<=",
                    "==",
                    "(",
                    ")",
                    "and",
                    "or",
                    "not",
                    "in",
                    "is",
                    "null",
                    "'pro'",
                    "1",
                    "-",
                    "/",
                    "0",
                    "1e400",
                    "*",
                    ",",
                ]
            ),
            max_size=10,
        ).map(" ".join),
    )
)
def test_any_text_as_a_condition_is_answered_or_refused(text: str) -> None:
    steps = [{"events": ["A"], "where": text, "name": "A"}]
    answered_or_refused("funnel", plan({"steps": steps, "within_us": None, "order": "ordered"}))


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "not " * 100_000, "value + " * 50_000 + "1 > 0", "-" * 100_000]
)
def test_a_very_deep_condition_is_refused_and_does_not_end_the_process(text: str) -> None:
    code = script(
        """
        from safar.errors import SafarError
        log = big_log(100, 10)
        steps = [{"events": ["A"], "where": WHERE, "name": "A"}]
        plan = {"params": {"steps": steps, "within_us": None, "order": "ordered"}, "by": None, "at": "entry"}
        try:
            _core.run(log, "funnel", json.dumps(plan))
        except SafarError as error:
            assert str(error)
        print("alive")
        """
    ).replace("WHERE", f"{text[:8]!r} * {len(text) // len(text[:8])}")
    assert run_script(code).strip() == "alive"
