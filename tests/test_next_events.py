"""Next events: contexts, their probabilities, which of them are kept, and what is foreseen."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import safar
from safar import _core
from safar.analyses import _context_tree

Context = tuple[str, ...]
DAY_US = 86_400_000_000
BASE_US = 1_772_323_200_000_000  # 2026-03-01 UTC


def log_of(journeys: dict[str, list[tuple[int, str]]], **options: Any) -> safar.EventLog:
    """A log of customers with their events, each at a day."""
    rows = [(who, day, what) for who, events in journeys.items() for day, what in events]
    return safar.EventLog(
        {
            "who": [row[0] for row in rows],
            "when": [row[1] * DAY_US + BASE_US for row in rows],
            "what": [row[2] for row in rows],
        },
        customer="who", time="when", event="what", time_unit="us", **options,
    )  # fmt: skip


def followed(
    events: list[tuple[int, str]], until: int, gap: int | None, order: int
) -> list[tuple[Context, str]]:
    """What followed which context in one customer's journeys, by days."""
    known = [(day, what) for day, what in events if day < until]
    pairs, context, last = [], ["(start)"], None
    for day, what in known:
        if last is not None and gap is not None and day - last > gap:
            pairs.append((tuple(context[-order:]), "(end)"))
            context = ["(start)"]
        pairs.append((tuple(context[-order:]), what))
        context.append(what)
        last = day
    if last is not None and gap is not None and until - 1 - last > gap:
        pairs.append((tuple(context[-order:]), "(end)"))
    return pairs


class Oracle:
    """Contexts by dictionaries, one count at a time."""

    def __init__(self, pairs: list[tuple[Context, str]], outcomes: set[str]) -> None:
        self.outcomes = sorted(outcomes)
        self.counts: dict[Context, Counter[str]] = defaultdict(Counter)
        for context, outcome in pairs:
            for back in range(len(context) + 1):
                self.counts[context[back:]][outcome] += 1

    def chance(self, context: Context, outcome: str, kept: set[Context] | None = None) -> float:
        """Witten and Bell's probability."""
        if context and kept is not None and context not in kept:
            return self.chance(context[1:], outcome, kept)
        base = self.chance(context[1:], outcome, kept) if context else 1 / len(self.outcomes)
        seen = self.counts.get(context, Counter())
        if not seen:
            return base
        kinds, total = len(seen), sum(seen.values())
        return (seen[outcome] + kinds * base) / (total + kinds)

    def kept(self, order: int, alpha: float) -> set[Context]:
        """Contexts that tell more than shorter ones, and those that longer kept ones need."""
        p_values = {}
        for context, mine in [*self.counts.items()]:
            total, wider = sum(mine.values()), self.counts[context[1:]]
            if not context or len(context) > order or total < 2 or len(wider) < 2:
                continue
            names = sorted(wider)
            seen, share = [mine[name] for name in names], np.array([wider[name] for name in names])
            share = share / share.sum()
            p_value = stats.multinomial.pmf(seen, total, share) / stats.dirichlet_multinomial.pmf(
                seen, share, total
            )
            if total >= 5:
                test = stats.power_divergence(seen, total * share, lambda_="log-likelihood")
                p_value = min(p_value, test.pvalue)
            p_values[context] = min(2 * p_value, 1.0)
        adjusted = dict(zip(p_values, stats.false_discovery_control([*p_values.values()]), strict=True))
        kept: set[Context] = {()}
        for context in sorted(self.counts, key=len, reverse=True):
            if not context or len(context) > order:
                continue
            tells = adjusted.get(context, 1) <= alpha
            if tells or any(longer[1:] == context for longer in kept if longer):
                kept.add(context)
        return kept


JOURNEYS = st.dictionaries(
    st.sampled_from([f"c{number}" for number in range(30)]),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from("ABC")), min_size=1, max_size=9),
    min_size=4,
)


def held_out(log: safar.EventLog, share: float, seed: int) -> dict[str, bool]:
    """Who is held out, as the kernel says of a log of each customer alone."""
    found = {}
    for who in sorted(set(log.to_pandas()["customer"])):
        params = {
            "chain": {"column": "event", "at_us": None, "gap_us": None, "order": 1},
            "held_out": share, "seed": seed, "max_cells": 1000,
        }  # fmt: skip
        table = log.of_customer(who).ask("next_events", {"params": params})
        parts = set(table.numpy("part")[0].tolist())
        assert len(parts) == 1
        found[who] = parts != {0}
    return found


@settings(max_examples=40, deadline=None)
@given(
    journeys=JOURNEYS,
    order=st.integers(1, 5),
    gap=st.sampled_from([None, 1, 4]),
    alpha=st.sampled_from([0.05, 0.9]),
)
def test_probabilities_pruning_and_losses_are_those_of_plain_counting(
    journeys: dict[str, list[tuple[int, str]]], order: int, gap: int | None, alpha: float
) -> None:
    journeys = {who: sorted(events, key=lambda event: event[0]) for who, events in journeys.items()}
    log = log_of(journeys)
    until = max(day for events in journeys.values() for day, _ in events) + 1
    held = held_out(log, 0.4, 3)
    # The last instant is that of the last event, so a journey is over by whole days before it.
    pairs = {who: followed(events, until, gap, order) for who, events in journeys.items()}
    outcomes = {outcome for each in pairs.values() for _, outcome in each}
    oracle = Oracle([pair for who, each in pairs.items() if not held[who] for pair in each], outcomes)
    result = log.next_events(
        order=order, gap=None if gap is None else f"{gap}d", held_out=0.4, seed=3, alpha=alpha
    )
    losses = result.losses().to_dict()
    tested = [pair for who, each in pairs.items() if held[who] for pair in each]
    for place, (length, pruned) in enumerate(zip(losses["order"], losses["pruned"], strict=True)):
        kept = oracle.kept(length, alpha) if pruned else None
        assert losses["events"][place] == len(tested)
        size = len(kept) if kept else sum(len(context) <= length for context in oracle.counts)
        if oracle.counts:
            assert losses["contexts"][place] == size
        if not tested:
            assert losses["log_loss"][place] is None
            continue
        expected = [
            -math.log(oracle.chance(context[-length:] if length else (), what, kept))
            for context, what in tested
        ]
        assert losses["log_loss"][place] == pytest.approx(sum(expected) / len(tested))
    chosen = losses["order"][losses["chosen"].index(True)]
    kept = oracle.kept(chosen, alpha)
    table = result.to_dict()
    for context, following, probability, events in zip(
        table["context"], table["next"], table["probability"], table["events"], strict=True
    ):
        names = tuple(context.split(" > ")) if context else ()
        assert names in kept
        assert oracle.counts[names][following] == events
        assert probability == pytest.approx(oracle.chance(names, following, kept))


def chain(order: int, customers: int, seed: int) -> dict[str, list[tuple[int, str]]]:
    """Sequences in which one event of the past decides, or nothing does."""
    draw = random.Random(seed)
    journeys = {}
    for who in range(customers):
        events = [draw.choice("AB") for _ in range(order)]
        while len(events) < 20:
            likely = events[-order] if order else draw.choice("AB")
            events.append(likely if draw.random() < 0.9 else draw.choice("AB"))
        journeys[f"c{who}"] = list(enumerate(events))
    return journeys


def test_the_order_of_the_chain_is_found() -> None:
    result = log_of(chain(2, 200, 5)).next_events(order=4, gap=None)
    losses = result.losses().to_dict()
    row = losses["chosen"].index(True)
    assert losses["order"][row] == 2
    # The chain repeats the event before last with 0.95.
    entropy = -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))
    assert losses["log_loss"][row] == pytest.approx((entropy * 18 + 2 * math.log(2)) / 20, abs=0.03)
    assert losses["gain_low"][row] > 0
    assert "Order 2 is used" in result.definition
    hits = result.accuracy().to_dict()
    best = {
        (order, top): share
        for order, top, share in zip(hits["order"], hits["top"], hits["share"], strict=True)
    }
    assert best[2, 1] > 0.85 > 0.6 > best[0, 1]
    assert best[0, 3] == 1


@pytest.mark.parametrize("back", [1, 2, 3])
def test_the_order_of_many_chains_is_found(back: int) -> None:
    found = [
        log_of(chain(back, 200, seed)).next_events(order=5, gap=None).losses().to_dict() for seed in range(22)
    ]
    orders = [losses["order"][losses["chosen"].index(True)] for losses in found]
    assert orders.count(back) >= 21


def test_a_context_seen_once_is_no_rule() -> None:
    journeys = {f"c{who}": [(day, "A") for day in range(9)] for who in range(200)}
    # After B, once, comes C, which is rare elsewhere.
    journeys["odd"] = [(0, "A"), (1, "B"), (2, "C"), (3, "A")]
    for seed in range(3):
        losses = log_of(journeys).next_events(gap=None, seed=seed).losses().to_dict()
        assert {
            size for size, pruned in zip(losses["contexts"], losses["pruned"], strict=True) if pruned
        } == {1}


def test_what_follows_is_found_among_hundreds_of_events() -> None:
    draw = random.Random(4)
    journeys = {}
    for who in range(400):
        events = [draw.randrange(300)]
        while len(events) < 12:
            events.append((events[-1] + draw.randrange(3) + 1) % 300)
        journeys[f"c{who}"] = [(day, str(event)) for day, event in enumerate(events)]
    losses = log_of(journeys).next_events(order=2, gap=None).losses().to_dict()
    used = losses["chosen"].index(True)
    assert losses["order"][used] == 1
    # Nearly all of the 300 events, the start, and the empty one.
    assert losses["contexts"][used] > 250


def test_blocks_of_contexts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(chain(3, 80, 2))

    def answers() -> list[dict[str, Any]]:
        result = log.next_events(order=4, gap="3d")
        tables = (result, result.accuracy(), result.contexts(), result.of_customers(top=2))
        return [table.to_dict() for table in tables]

    whole = answers()
    monkeypatch.setattr(_context_tree, "_CELLS_AT_ONCE", 5)
    assert answers() == whole


def test_hits_are_those_of_predictions_one_by_one() -> None:
    journeys = chain(2, 60, 3) | {f"d{who}": [(0, "C"), (1, "DEFG"[who % 4])] for who in range(30)}
    log = log_of(journeys)
    result = log.next_events(order=2, gap=None, held_out=0.4, seed=3)
    held = held_out(log, 0.4, 3)
    tested = [pair for who, events in journeys.items() if held[who] for pair in followed(events, 99, None, 2)]
    likeliest = {
        context: result.predict(context, top=9).to_dict()["next"] for context in {each for each, _ in tested}
    }
    found = result.accuracy().to_dict()
    for order, top, hits in zip(found["order"], found["top"], found["hits"], strict=True):
        if order:
            assert hits == sum(following in likeliest[context][:top] for context, following in tested)


def test_where_nothing_decides_order_0_is_used_and_said() -> None:
    result = log_of(chain(0, 200, 6)).next_events(gap=None)
    losses = result.losses().to_dict()
    assert losses["order"][losses["chosen"].index(True)] == 0
    assert "No order is better than order 0" in result.definition
    assert set(result.to_dict()["context"]) == {""}


def test_events_from_the_cut_off_on_change_nothing() -> None:
    journeys = chain(2, 60, 7)
    at = 12
    before = {who: [event for event in events if event[0] < at] for who, events in journeys.items()}
    # Another future, with a name that was never seen before.
    other = {who: [*events, (at, "Z"), (at + 2, "A")] for who, events in before.items()}
    found = [log_of(each).next_events("2026-03-13", gap="2d") for each in (journeys, other)]
    assert found[0].to_dict() == found[1].to_dict()
    assert found[0].losses().to_dict() == found[1].losses().to_dict()
    assert found[0].of_customers().to_dict() == found[1].of_customers().to_dict()


def test_customers_are_foreseen_by_their_last_events() -> None:
    journeys = chain(2, 100, 8) | {"late": [(0, "A"), (1, "B")], "now": [(17, "B"), (18, "A"), (19, "B")]}
    result = log_of(journeys).next_events(order=3, gap="5d")
    rows = result.of_customers(top=2).to_dict()
    assert len(rows["customer"]) == 102
    late, now = rows["customer"].index("late"), rows["customer"].index("now")
    assert (rows["over"][late], rows["next_1"][late], rows["probability_1"][late]) == (True, None, None)
    expected = result.predict(["(start)", "B", "A", "B"], top=2).to_dict()
    assert [rows["next_1"][now], rows["next_2"][now]] == expected["next"]
    assert rows["probability_1"][now] == pytest.approx(expected["probability"][0])
    assert rows["context"][now] == expected["context"][0]
    assert expected["next"][0] == "A"
    said = result.explain("now")
    assert f"A ({expected['probability'][0]:.1%})" in said.conclusion[1]
    assert "over" in result.explain("late").conclusion[0]


def test_segments_have_models_of_their_own() -> None:
    journeys = {f"{name}-{who}": events for name in (0, 2) for who, events in chain(name, 120, name).items()}
    rows = [(who, day, what) for who, events in journeys.items() for day, what in events]
    log = safar.EventLog(
        {
            "who": [row[0] for row in rows],
            "when": [row[1] * DAY_US for row in rows],
            "what": [row[2] for row in rows],
            "kind": [row[0][0] for row in rows],
        },
        customer="who", time="when", event="what", time_unit="us", attributes=["kind"],
    )  # fmt: skip
    result = log.next_events(order=3, gap=None, by="kind")
    losses = result.losses().to_dict()
    chosen = {
        losses["segment"][row]: losses["order"][row] for row, used in enumerate(losses["chosen"]) if used
    }
    assert chosen == {"0": 0, "2": 2}
    customers = result.of_customers(top=1).to_dict()
    by_kind = {
        kind: {
            context
            for context, segment in zip(customers["context"], customers["segment"], strict=True)
            if segment == kind
        }
        for kind in "02"
    }
    assert by_kind["0"] == {""}
    assert by_kind["2"] == {"A > A", "A > B", "B > A", "B > B"}
    assert "Likeliest next" in result.explain("2-c1").conclusion[1]


def test_probabilities_after_a_context_sum_to_one() -> None:
    result = log_of(chain(2, 50, 9)).next_events(order=3, gap="2d")
    for context in ([], ["A"], ["B", "A"], ["(start)"], ["A", "A", "B", "A"]):
        assert sum(result.predict(context, top=9).to_dict()["probability"]) == pytest.approx(1)
    contexts = result.contexts().to_dict()
    assert all(0 < entropy <= math.log(3) + 1e-9 for entropy in contexts["entropy"])


def test_nobody_held_out_is_said_and_no_loss_is_given() -> None:
    result = log_of({"a": [(0, "A"), (1, "B")], "b": [(0, "A")]}).next_events(held_out=1e-9, gap=None)
    assert set(result.losses().to_dict()["log_loss"]) == {None}
    assert "Nobody is held out" in result.definition


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 6}, "order=6"),
        ({"order": 0}, "order=0"),
        ({"held_out": 1.5}, "held_out=1.5"),
        ({"column": "nowhere"}, "nowhere"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": "1"}, "seed='1'"),
        ({"at": "2020-01-01"}, "not after the first event"),
        ({"gap": "0d"}, "gap"),
    ],
)
def test_wrong_arguments_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        log_of({"a": [(0, "A"), (1, "B")]}).next_events(**options)


def test_an_unseen_event_is_told_with_a_way_out() -> None:
    result = log_of({"a": [(0, "view"), (1, "cart")], "b": [(0, "view")]}).next_events(gap=None)
    with pytest.raises(safar.ArgumentError, match='did you mean "view"'):
        result.predict("vew")
    with pytest.raises(safar.ArgumentError, match="segment='x'"):
        result.predict("view", segment="x")


def test_too_many_contexts_are_refused() -> None:
    log = log_of(chain(0, 20, 1))
    chain_of = {"column": "event", "at_us": None, "gap_us": None, "order": 5}
    with pytest.raises(safar.ArgumentError, match="smaller order"):
        log.ask("next_events", {"params": {"chain": chain_of, "held_out": 0.1, "seed": 0, "max_cells": 3}})
    assert "next_events" in _core.kernels()


@pytest.mark.parametrize(
    ("context", "message"),
    [(5, "context=5"), (None, "context=None"), (["A", "(start)", "B"], "before all events"), ([5], '"5"')],
)
def test_what_is_no_context_is_told(context: Any, message: str) -> None:
    result = log_of({"a": [(0, "A"), (1, "B")]}).next_events(gap=None)
    with pytest.raises(safar.SafarError, match=message):
        result.predict(context)


def test_columns_without_end_are_refused() -> None:
    result = log_of({"a": [(0, "A"), (1, "B")]}).next_events(gap=None)
    with pytest.raises(safar.ArgumentError, match="top=101"):
        result.of_customers(top=101)
