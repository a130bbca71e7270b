"""The ordered funnel: the furthest step, the window, ties, and what is still open."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, Step
from safar import _core
from strategies import (
    BASE,
    CONDITIONS,
    columns_in,
    core_log,
    funnel_params,
    funnel_steps,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
    wide_times,
)


def counted(
    rows: Sequence[Event],
    steps: Sequence[Step],
    within: int | None,
    until: int | None = None,
    by: str | None = None,
    at: str = "entry",
) -> dict[tuple[Any, ...], int]:
    """Return (segment?, reached, status) -> customers from the core."""
    log = core_log(rows, observed_until_us=until)
    partial = _core.run(log, "funnel", plan(funnel_params(steps, within), by, at))
    keys = ["segment", "reached", "status"] if by else ["reached", "status"]
    found = rows_in(partial, [*keys, "customers"])
    assert len({row[:-1] for row in found}) == len(found), "a key stands twice"
    return {row[:-1]: row[-1] for row in found if row[-1] != 0}


def expected_counts(found: dict[str, oracles.Reached]) -> dict[tuple[int, str], int]:
    return dict(Counter((r.reached, r.status) for r in found.values()))


def sequence(text: str, customer: str = "u") -> list[Event]:
    """Return the events of a text such as `A1 B2`: event A at second 1, then B at second 2, stored in this order."""
    return [Event(customer, BASE + int(word[1:]) * SECOND, word[0]) for word in text.split()]


def names(text: str) -> list[Step]:
    return [Step((name,)) for name in text]


# ------------------------------------------------------------------------------------------------ golden table

GOLDEN = [
    ("A1 A9 B11", "AB", 5, 2),
    ("A1 B6", "AB", 5, 2),
    ("A1 B7", "AB", 5, 1),
    ("B1 A1", "AB", 5, 2),
    ("A1 B1", "AB", 5, 2),
    ("C1 B1 A1", "ABC", 10, 3),
    ("A1 B2 A3 C4", "ABC", 100, 3),
    ("A1 B2 A3 C4", "ABC", 3, 3),
    ("A1 B2 A3 C4", "ABC", 2, 2),
    ("A1 D2 B3 C4", "ABC", 100, 3),
    ("A1 B2 D3 C4", "ABC", 100, 3),
    ("A1 C2 B3 C4", "ABC", 100, 3),
    ("A1 B2 B3 C4", "ABC", 100, 3),
    ("A1 A2 B3 C4", "ABC", 100, 3),
    ("A1 B2 A50 B51 C52", "ABC", 10, 3),
    ("A1 D2 A3 B4 C5", "ABC", 100, 3),
    ("B1 A2", "AB", 100, 1),
    ("A1", "AA", 100, 1),
    ("A1 A1", "AA", 100, 2),
]


@pytest.mark.parametrize(("events", "steps", "within", "reached"), GOLDEN)
def test_the_default_equals_the_golden_table(events: str, steps: str, within: int, reached: int) -> None:
    rows = sequence(events)
    found = counted(rows, names(steps), within * SECOND)
    assert {key[0] for key in found} == {reached}
    assert oracles.funnel(rows, names(steps), within * SECOND)["u"].reached == reached
    assert oracles.funnel_by_rules(rows, names(steps), within * SECOND)["u"].reached == reached


@pytest.mark.parametrize(("events", "steps", "within", "reached"), GOLDEN)
def test_foreign_events_and_customers_change_nothing_in_the_golden_table(
    events: str, steps: str, within: int, reached: int
) -> None:
    rows = sequence(events)
    noise = [Event("u", BASE + s * SECOND, "Z") for s in (0, 1, 2, 3, 60, 99)] + sequence("Z1 Z2", "v")
    found = counted([*noise[:3], *rows, *noise[3:]], names(steps), within * SECOND)
    assert {key[0]: n for key, n in found.items()} == {reached: 1}


# ---------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_the_two_oracles_agree(data: st.DataObject) -> None:
    unique = data.draw(st.booleans())
    rows = data.draw(logs(max_events=12, unique_times=unique))
    steps = data.draw(funnel_steps(rows))
    within = data.draw(st.one_of(st.none(), st.integers(1, 12).map(lambda s: s * SECOND)))
    until = observed(data.draw, rows)
    search = oracles.funnel(rows, steps, within, until)
    rules = oracles.funnel_by_rules(rows, steps, within, until)
    if not unique:  # which of several equal attempts represents the customer is settled by unique times only
        search = {customer: found._replace(entry=0) for customer, found in search.items()}
        rules = {customer: found._replace(entry=0) for customer, found in rules.items()}
    assert search == rules


@given(st.data())
def test_the_funnel_equals_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs())
    steps = data.draw(funnel_steps(rows))
    within = data.draw(st.one_of(st.none(), st.integers(1, 12).map(lambda s: s * SECOND)))
    until = observed(data.draw, rows)
    assert counted(rows, steps, within, until) == expected_counts(oracles.funnel(rows, steps, within, until))


@given(st.data())
def test_the_funnel_equals_the_oracle_where_all_times_are_equal(data: st.DataObject) -> None:
    rows = data.draw(logs(st.just(BASE), max_events=12))
    steps = data.draw(funnel_steps(rows))
    assert counted(rows, steps, 1) == expected_counts(oracles.funnel(rows, steps, 1))


@given(st.data())
def test_the_funnel_equals_the_oracle_over_three_centuries(data: st.DataObject) -> None:
    rows = data.draw(logs(wide_times(), names="AB"))
    steps = data.draw(funnel_steps(rows, most=3))
    within = data.draw(st.sampled_from([None, 1, oracles.DAY, 200 * oracles.DAY, 110_000 * oracles.DAY]))
    assert counted(rows, steps, within) == expected_counts(oracles.funnel(rows, steps, within))


@given(st.data())
def test_a_segment_is_resolved_once_a_customer(data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    rows = data.draw(logs(unique_times=True))
    steps = data.draw(funnel_steps(rows, most=3))
    within = data.draw(st.one_of(st.none(), st.integers(1, 8).map(lambda s: s * SECOND)))
    by = data.draw(st.sampled_from(["channel", "plan", "score"]))
    journeys = oracles.journeys(rows)
    expected: Counter[tuple[Any, ...]] = Counter()
    for customer, result in oracles.funnel(rows, steps, within).items():
        journey = journeys[customer]
        chosen = {
            "first": journey[0],
            "last": journey[-1],
            "entry": next(e for e in journey if e.time == result.entry),
        }[at]
        value = getattr(chosen, by)
        expected[None if value is None else str(value), result.reached, result.status] += 1
    assert counted(rows, steps, within, None, by, at) == dict(expected)


@pytest.mark.parametrize(("text", "holds"), CONDITIONS)
@given(rows=logs())
def test_a_condition_means_what_it_says(rows: list[Event], text: str, holds: Any) -> None:
    present = sorted({row.event for row in rows})
    plain, conditional = Step(tuple(present)), Step((present[0],), text, holds)
    for steps in ([conditional], [conditional, plain], [plain, conditional]):
        assert counted(rows, steps, None) == expected_counts(oracles.funnel(rows, steps, None))


def test_the_funnel_equals_a_self_join_in_duckdb() -> None:
    duckdb = pytest.importorskip("duckdb")
    import random

    draw = random.Random(5)
    rows = []
    for customer in range(300):
        times = draw.sample(range(200), draw.randint(1, 25))
        rows += [Event(f"u{customer}", BASE + t * SECOND, draw.choice("ABCDE")) for t in times]
    connection = duckdb.connect()
    connection.execute("create table log (customer text, time bigint, event text)")
    connection.executemany("insert into log values (?, ?, ?)", [(e.customer, e.time, e.event) for e in rows])
    for within in (5, 20, 60, 1000):
        levels = []
        for k in range(1, 5):
            tables = ", ".join(f"log e{j}" for j in range(1, k + 1))
            rules = [f"e{j}.event = '{'ABCD'[j - 1]}'" for j in range(1, k + 1)]
            rules += [
                f"e{j}.customer = e{j - 1}.customer and e{j}.time > e{j - 1}.time" for j in range(2, k + 1)
            ]
            rules.append(f"e{k}.time - e1.time <= {within * SECOND}")
            query = f"select count(distinct e1.customer) from {tables} where {' and '.join(rules)}"
            levels.append(connection.execute(query).fetchone()[0])
        found = counted(rows, names("ABCD"), within * SECOND)
        assert [sum(n for key, n in found.items() if key[0] >= k) for k in range(1, 5)] == levels


# ------------------------------------------------------------------------------------------------------ edges


def test_one_event_that_is_the_entry_is_dropped_or_open() -> None:
    rows = sequence("A1 Z50")
    assert counted(rows, names("AB"), 10 * SECOND) == {(1, "dropped"): 1}
    assert counted(rows, names("AB"), 100 * SECOND) == {(1, "open"): 1}
    assert counted(rows, names("A"), 10 * SECOND) == {(1, "completed"): 1}


def test_an_attempt_is_open_exactly_while_its_window_is() -> None:
    rows = sequence("A1 Z2")
    entry = BASE + SECOND
    for until, status in ((4, "open"), (5, "dropped"), (6, "dropped")):
        assert counted(rows, names("AB"), 5 * SECOND, entry + until * SECOND) == {(1, status): 1}
    assert counted(rows, names("AB"), 5 * SECOND, entry + 5 * SECOND - 1) == {(1, "open"): 1}


def test_a_late_second_attempt_keeps_an_old_drop_open() -> None:
    rows = sequence("A1 B2 A100")
    assert counted(rows, names("ABC"), 10 * SECOND, BASE + 105 * SECOND) == {(2, "open"): 1}
    assert counted(rows, names("ABC"), 10 * SECOND, BASE + 110 * SECOND) == {(2, "dropped"): 1}


def test_without_a_window_nobody_is_dropped() -> None:
    rows = sequence("A1 B2", "u") + sequence("A1", "v") + sequence("A1 B2 C3", "w") + sequence("Z9999", "x")
    assert counted(rows, names("ABC"), None) == {(2, "open"): 1, (1, "open"): 1, (3, "completed"): 1}


def test_the_smallest_window_takes_what_happens_at_the_same_instant() -> None:
    assert counted(sequence("B5 A5 Z9"), names("AB"), 1) == {(2, "completed"): 1}
    assert counted(sequence("A5 B6 Z9"), names("AB"), 1) == {(1, "dropped"): 1}


def test_the_window_is_inclusive_to_the_microsecond() -> None:
    for gap, reached in ((999_999, 2), (1_000_000, 2), (1_000_001, 1)):
        rows = [Event("u", BASE, "A"), Event("u", BASE + gap, "B")]
        assert {key[0] for key in counted(rows, names("AB"), SECOND)} == {reached}


def test_one_event_never_fills_two_consecutive_steps_even_where_both_take_it() -> None:
    either = [Step(("A", "B")), Step(("A", "B")), Step(("A", "B"))]
    for count in range(1, 5):
        rows = sequence(" ".join(["A1", "B1", "A1", "B1"][:count]))
        assert {key[0] for key in counted(rows, either, 10 * SECOND)} == {min(count, 3)}


def test_no_event_is_used_twice_around_a_tie() -> None:
    assert {key[0] for key in counted(sequence("A1 B1"), names("ABA"), 10 * SECOND)} == {2}
    assert {key[0] for key in counted(sequence("A1 B1 A1"), names("ABA"), 10 * SECOND)} == {3}
    assert {key[0] for key in counted(sequence("B1 A1 B1"), names("BABA"), 10 * SECOND)} == {3}


def test_every_stored_order_of_a_tie_counts_the_same() -> None:
    for order in itertools.permutations(["A1", "B1", "C1", "B1"]):
        assert counted(sequence(" ".join(order)), names("ABBC"), 1) == {(4, "completed"): 1}


def test_a_big_tie_is_matched_best_not_greedily() -> None:
    # Two events can fill the second step, one of them only that one; a greedy matcher may spend the wrong one.
    steps = [Step(("A",)), Step(("B", "C")), Step(("B",))]
    for order in itertools.permutations(["A1", "B1", "C1"]):
        assert {key[0] for key in counted(sequence(" ".join(order)), steps, 1)} == {3}
    steps = [Step(("A", "B")), Step(("A", "C")), Step(("A",))]
    for order in itertools.permutations(["A1", "B1", "C1"]):
        assert {key[0] for key in counted(sequence(" ".join(order)), steps, 1)} == {3}


def test_a_tie_may_use_an_older_entry_for_a_longer_chain() -> None:
    rows = sequence("A1 B2 C5 B5 A5 D5")
    assert counted(rows, names("ABCD"), 4 * SECOND) == {(4, "completed"): 1}
    assert counted(rows, names("ABCD"), 3 * SECOND) == {(4, "completed"): 1}


def test_a_tie_of_many_thousand_events_ends() -> None:
    rows = [Event("u", BASE, name) for name in "CBAD" * 5_000]
    assert counted(rows, names("ABCDABCD"), 10 * SECOND) == {(8, "completed"): 1}


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "ZBYC"[i % 4]) for i in range(50_000)]
    rows += [Event("u", rows[-1].time + SECOND, "A")]
    assert counted(rows, names("ABC"), 10 * SECOND) == {(1, "open"): 1}
    rows += [Event("u", rows[-1].time + (i + 1) * SECOND, "BC"[i]) for i in range(2)]
    assert counted(rows, names("ABC"), 10 * SECOND) == {(3, "completed"): 1}


def test_numbers_that_are_not_numbers_and_both_zeros_make_no_segments_of_their_own() -> None:
    values = [None, float("nan"), 0.0, -0.0, 1.5]
    rows = [Event(f"u{i}", BASE, "A", None, value) for i, value in enumerate(values)]
    found = counted(rows, names("A"), None, by="value")
    assert sorted(found.values()) == [1, 2, 2]
    assert found[None, 1, "completed"] == 2


def test_a_funnel_may_have_many_steps() -> None:
    rows = [Event("u", BASE + i * SECOND, "AB"[i % 2]) for i in range(64)]
    steps = names("AB" * 16)
    assert counted(rows, steps, None) == {(32, "completed"): 1}


# --------------------------------------------------------------------------------------------- finished table


@given(st.data())
@example(None)
def test_the_finished_table_balances_and_agrees_with_the_oracle(data: Any) -> None:
    if data is None:
        rows, steps, within, by = sequence("A1 B2 A3 C4"), names("ABC"), 3 * SECOND, None
        until = oracles.last_time(rows)
    else:
        rows = data.draw(logs(unique_times=True))
        steps = [Step(step.events) for step in data.draw(funnel_steps(rows))]
        within = data.draw(st.one_of(st.none(), st.integers(1, 12).map(lambda s: s * SECOND)))
        by = data.draw(st.sampled_from([None, "channel"]))
        until = observed(data.draw, rows)
    duration = None if within is None else f"{within // SECOND}s"
    result = public_log(rows, observed_until=until).funnel(
        [list(s.events) for s in steps], within=duration, by=by
    )
    oracle = oracles.funnel(rows, steps, within, until)
    journeys = oracles.journeys(rows)
    customers: dict[Any, dict[str, oracles.Reached]] = defaultdict(dict)
    for customer, reached in oracle.items():
        event = next(e for e in journeys[customer] if e.time == reached.entry)
        customers[event.channel if by else None][customer] = reached

    columns = columns_in(result.table)
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for segment, members in customers.items():
        mine = [line for line in lines if line.get("segment") == segment]
        assert [line["step"] for line in mine] == list(range(1, len(steps) + 1))
        reached_at_least = [sum(r.reached >= k for r in members.values()) for k in range(1, len(steps) + 1)]
        assert [line["customers"] for line in mine] == reached_at_least
        for k, line in enumerate(mine, start=1):
            stopped = Counter(r.status for r in members.values() if r.reached == k)
            assert line["dropped"] == stopped["dropped"]
            assert line["still_open"] == stopped["open"]
            assert line["excluded"] == 0
            check_share(line, "from_first", line["customers"], len(members))
            if k == 1:
                assert line["from_previous"] is None
            else:
                check_share(line, "from_previous", line["customers"], mine[k - 2]["customers"])
    assert {line.get("segment") for line in lines} == set(customers) or not customers
    if by is None and customers:
        statuses = Counter(r.status for r in oracle.values())
        assert result.entered == len(oracle)
        assert result.completed == statuses["completed"]
        assert result.dropped == statuses["dropped"]
        assert result.still_open == statuses["open"]
        assert result.entered == result.completed + result.dropped + result.still_open + result.excluded


def check_share(line: dict[str, Any], name: str, part: int, whole: int) -> None:
    from scipy.stats import binomtest

    if whole == 0:
        assert line[name] is None
        assert line[f"{name}_low"] is None
        assert line[f"{name}_high"] is None
        return
    bounds = binomtest(part, whole).proportion_ci(method="wilson")
    assert line[name] == pytest.approx(part / whole)
    assert line[f"{name}_low"] == pytest.approx(bounds.low, abs=1e-9)
    assert line[f"{name}_high"] == pytest.approx(bounds.high, abs=1e-9)


def test_a_step_that_nobody_reached_has_no_rate_from_it() -> None:
    rows = sequence("A1 Z500", "u") + sequence("C1 D1 B1", "v")
    result = public_log(rows).funnel(["A", "B", "C", "D"], within="10s")
    columns = columns_in(result.table)
    assert columns["customers"] == [1, 0, 0, 0]
    assert columns["from_previous"] == [None, 0.0, None, None]
    assert columns["from_first"] == [1.0, 0.0, 0.0, 0.0]


def test_steps_carry_their_names_and_conditions() -> None:
    rows = [
        Event("u", BASE, "view", "web", None),
        Event("u", BASE + SECOND, "buy", "web", 5.0),
        Event("v", BASE, "view", "app", None),
        Event("v", BASE + SECOND, "buy", "app", 0.0),
    ]
    steps = ["view", safar.step("buy", where="value > 0")]
    result = public_log(rows).funnel(steps, within="1d")
    assert columns_in(result.table)["name"][0] == "view"
    assert columns_in(result.table)["customers"] == [2, 1]
    by_channel = public_log(rows).funnel(steps, within="1d", by="channel")
    found = {(row[0], row[1]): row[2] for row in rows_in(by_channel.table, ["segment", "step", "customers"])}
    assert found == {("web", 1): 1, ("web", 2): 1, ("app", 1): 1, ("app", 2): 0}


def test_the_funnel_without_segments_is_the_sum_of_its_segments() -> None:
    rows = [
        Event(f"u{i}", BASE + s * SECOND, name, ["web", "app", None][i % 3])
        for i in range(60)
        for s, name in enumerate("ABC"[: 1 + i % 4])
    ]
    whole = public_log(rows).funnel(["A", "B", "C"], within="1h")
    parts = public_log(rows).funnel(["A", "B", "C"], within="1h", by="channel")
    for column in ("customers", "dropped", "still_open", "excluded"):
        total: Counter[int] = Counter()
        for step, number in rows_in(parts.table, ["step", column]):
            total[step] += number
        assert [total[k] for k in (1, 2, 3)] == columns_in(whole.table)[column]


@given(st.data())
def test_the_one_shot_funnel_is_the_funnel_of_the_log(data: st.DataObject) -> None:
    import polars as pl

    rows = data.draw(logs(unique_times=True))
    steps = [step.events for step in data.draw(funnel_steps(rows, most=3))]
    choice = {
        "within": data.draw(st.sampled_from([None, "2s", "5s"])),
        "by": data.draw(st.sampled_from([None, "channel", "plan"])),
        "at": data.draw(st.sampled_from(["entry", "first", "last"])),
    }
    frame = pl.DataFrame(
        {
            "who": [row.customer for row in rows],
            "at": pl.Series([row.time for row in rows]).cast(pl.Datetime("us")),
            "what": [row.event for row in rows],
            "way": pl.Series([row.channel for row in rows], dtype=pl.String),
            "plan": pl.Series([row.plan for row in rows], dtype=pl.String),
        }
    )
    roles = {"customer": "who", "time": "at", "event": "what", "channel": "way", "attributes": ["plan"]}
    once = safar.funnel(frame, steps, **roles, **choice)
    log = safar.EventLog(frame, **roles).funnel(steps, **choice)
    assert once.to_dict() == log.to_dict()
    assert (once.spec, once.definition) == (log.spec, log.definition)


def test_the_one_shot_funnel_knows_when_the_data_end() -> None:
    # The last event is in no step, and it is the one that ends the observation.
    data = {"who": ["u", "u"], "at": ["2026-03-01 10:00", "2026-03-01 12:00"], "what": ["view", "buy"]}
    roles = {"customer": "who", "time": "at", "event": "what"}
    once = safar.funnel(data, ["view", "buy"], within="1h", **roles)
    assert (once.entered, once.dropped) == (1, 1)
    many = {
        "who": ["u", "u", "v"],
        "at": ["2026-03-01 10:00", "2026-03-01 12:00", "2026-03-01 10:01"],
        "what": ["view", "leave", "buy"],
    }
    once = safar.funnel(many, ["view", "buy"], within="1h", **roles)
    assert (once.entered, once.dropped, once.still_open) == (1, 1, 0)


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    log = public_log(sequence("A1 B2 A3 C4"))
    result = log.funnel(["A", ["B", "C"], safar.step("C", where="value is null")], within="2s", by="channel")
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
    assert in_order(rows_in(again.table)) == in_order(rows_in(result.table))
