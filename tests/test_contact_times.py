"""Contact times: what counts as answered, how slots lean on each other, and what is recommended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import safar
from safar.models.contact import times
from safar.models.contact.shrinkage import prior_of

MONDAY = dt.datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Tehran"))


def log_of(rows: Sequence[tuple[object, dt.datetime, str]], **options: Any) -> safar.EventLog:
    given = {"timezone": "Asia/Tehran", "observed_until": "2026-06-01"} | options
    return safar.EventLog(
        {"who": [row[0] for row in rows], "when": [row[1] for row in rows], "what": [row[2] for row in rows]},
        customer="who", time="when", event="what", **given,
    )  # fmt: skip


def campaign(slots: dict[int, tuple[int, int]]) -> list[tuple[object, dt.datetime, str]]:
    """By hour, how many calls were answered of how many; one customer a call."""
    rows: list[tuple[object, dt.datetime, str]] = []
    for hour, (answered, calls) in slots.items():
        for call in range(calls):
            at = MONDAY + dt.timedelta(hours=hour)
            rows.append((f"{hour}-{call}", at, "call"))
            if call < answered:
                rows.append((f"{hour}-{call}", at + dt.timedelta(minutes=5), "answer"))
    return rows


SLOTS = {9: (120, 900), 10: (3, 15), 11: (40, 500), 12: (35, 480), 13: (66, 500), 14: (52, 610), 2: (30, 60)}


def asked(log: safar.EventLog, **options: Any) -> safar.ContactTimesResult:
    return safar.contact_times(log, contact="call", response="answer", **options)


def test_three_of_fifteen_do_not_come_before_120_of_900() -> None:
    rows = asked(log_of(campaign(SLOTS))).to_dict()
    tried = {slot: place for place, slot in enumerate(rows["slot"]) if rows["contacts"][place]}
    assert rows["rate"][tried["10-11"]] == pytest.approx(0.2)
    assert rows["rate"][tried["10-11"]] > rows["rate"][tried["09-10"]]
    assert rows["rank"][tried["09-10"]] < rows["rank"][tried["10-11"]]
    assert rows["rank"][0] == 1


def test_the_prior_has_the_greatest_likelihood_of_a_grid() -> None:
    answered, calls = np.array(list(SLOTS.values())).T
    prior = prior_of(answered, calls)
    assert prior is not None

    def likelihood(alpha: float, beta: float) -> float:
        return float(stats.betabinom.logpmf(answered, calls, alpha, beta).sum())

    best = likelihood(*prior)
    grid = [
        likelihood(mean * strength, (1 - mean) * strength)
        for mean in np.linspace(0.02, 0.6, 120)
        for strength in np.geomspace(0.5, 1e4, 120)
    ]
    assert best >= max(grid)
    assert best == pytest.approx(max(grid), abs=0.05)


def test_quantiles_are_those_of_the_posterior() -> None:
    result = asked(log_of(campaign(SLOTS)))
    priors = result.priors().to_dict()
    rows = result.to_dict()
    place = rows["slot"].index("11-12")
    posterior = stats.beta(40 + priors["alpha"][0], 460 + priors["beta"][0])
    found = [rows[name][place] for name in ("low", "cautious", "median", "high", "probability")]
    assert found == pytest.approx([*posterior.ppf([0.05, 0.1, 0.5, 0.95]), posterior.mean()])


def test_slots_that_differ_by_chance_alone_are_level() -> None:
    result = asked(log_of(campaign(dict.fromkeys(range(9, 17), (10, 100)))))
    assert result.priors().to_dict()["level"] == [True]
    assert "no more than chance" in result.definition


def test_quiet_hours_and_holidays_are_counted_and_never_recommended() -> None:
    holiday = [(f"h{call}", MONDAY + dt.timedelta(days=19, hours=9), "call") for call in range(4)]
    log = log_of([*campaign(SLOTS), *holiday])
    days = safar.calendar.holidays("2026-03-01", "2026-04-01")
    result = asked(log, holidays=days)
    rows = result.to_dict()
    night = rows["slot"].index("02-03")
    assert (rows["quiet"][night], rows["contacts"][night], rows["rank"][night]) == (True, 60, None)
    assert rows["reason"][night] == "quiet time"
    apart = rows["holiday"].index(True)
    assert (rows["slot"][apart], rows["contacts"][apart], rows["rank"][apart]) == ("09-10", 4, None)
    assert {slot for slot, rank in zip(rows["slot"], rows["rank"], strict=True) if rank} == {
        f"{hour:02}-{hour + 1:02}" for hour in range(8, 22)
    }
    assert "02-03" not in result.plan(500).to_dict()["slot"]
    assert set(result.of_customers().to_dict()["slot"]).isdisjoint({"02-03", "22-23"})


EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 24 * 60 * 10), st.sampled_from(["call", "answer", "view"])),
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(events=EVENTS, slots=st.sampled_from(["hour", "weekday_hour", "part"]))
def test_contacts_and_answers_are_those_of_plain_counting(
    events: list[tuple[int, int, str]], slots: Any
) -> None:
    rows = [(who, MONDAY + dt.timedelta(minutes=minute), what) for who, minute, what in events]
    rows += [(9, MONDAY, "call"), (9, MONDAY, "answer")]
    until = MONDAY + dt.timedelta(days=9)
    rows = [row for row in rows if row[1] <= until]
    found = asked(log_of(rows, observed_until=until), slots=slots, within="3h", quiet=(20, 7)).to_dict()
    expected: dict[tuple[str, bool], list[int]] = {}
    for who in {row[0] for row in rows}:
        mine = sorted((row for row in rows if row[0] == who), key=lambda row: row[1])
        for place, (_, at, what) in enumerate(mine):
            if what != "call":
                continue
            later = [row for row in mine[place + 1 :] if row[2] != "view"]
            answered = bool(later) and later[0][2] == "answer" and later[0][1] < at + dt.timedelta(hours=3)
            hours = f"{at.hour:02}-{at.hour + 1:02}"
            slot = {
                "hour": hours,
                "weekday_hour": f"{at:%a} {hours}",
                "part": ["night 00-06", "morning 06-12", "afternoon 12-18", "evening 18-24"][at.hour // 6],
            }[slots]
            cell = expected.setdefault((slot, at.hour >= 20 or at.hour < 7), [0, 0, 0])
            if at + dt.timedelta(hours=3) > until + dt.timedelta(microseconds=1):
                cell[2] += 1
            else:
                cell[0] += 1
                cell[1] += answered
    table = {
        (slot, quiet): [contacts, answered, still]
        for slot, quiet, contacts, answered, still in zip(
            *(found[name] for name in ("slot", "quiet", "contacts", "answered", "open")), strict=True
        )
        if contacts + still
    }
    assert table == expected


def test_a_customer_who_answers_at_another_hour_is_asked_then() -> None:
    rows = campaign(SLOTS)
    for day in range(1, 21):
        for hour, answers in ((9, False), (14, True)):
            at = MONDAY + dt.timedelta(days=day, hours=hour)
            rows.append(("late", at, "call"))
            if answers:
                rows.append(("late", at + dt.timedelta(minutes=1), "answer"))
    result = asked(log_of(rows))
    found = result.of_customers().to_dict()
    place = found["customer"].index("late")
    assert (found["slot"][place], found["contacts"][place], found["answered"][place]) == ("14-15", 20, 20)
    assert (
        found["probability"][place] > result.to_dict()["probability"][result.to_dict()["slot"].index("14-15")]
    )


def test_the_plan_is_seeded_and_prefers_what_is_answered() -> None:
    result = asked(log_of(campaign(SLOTS)))
    plan = result.plan(400, seed=3).to_dict()
    assert plan == result.plan(400, seed=3).to_dict() != result.plan(400, seed=4).to_dict()
    given = dict(zip(plan["slot"], plan["contacts"], strict=True))
    assert sum(given.values()) == 400
    assert given["10-11"] > given["12-13"]


def test_without_any_answer_nothing_is_ranked_and_why_is_said() -> None:
    rows = [*campaign({9: (0, 20), 10: (0, 30)}), ("x", MONDAY, "answer")]
    result = asked(log_of(rows))
    found = result.to_dict()
    assert set(found["rank"]) == set(found["probability"]) == {None}
    assert "No contact was answered" in result.definition
    with pytest.raises(safar.DataError, match="nothing to draw"):
        result.plan()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quiet": (8, 8)}, "quiet"),
        ({"quiet": (0, 24)}, "quiet"),
        ({"quiet": (24, 0)}, "quiet"),
        ({"quiet": (True, 8)}, "quiet"),
        ({"slots": "minute"}, "slots"),
        ({"response": "call"}, "one or the other"),
        ({"response": "reply"}, "reply"),
        ({"holidays": ["21 March"]}, "holidays"),
        ({"within": "400d"}, "too soon"),
        ({"by": "nowhere"}, "nowhere"),
        ({"prior": "none"}, "prior"),
        ({"prior": "all"}, "give by="),
        ({"prior": (0, 4)}, "above 0"),
        ({"prior": (True, 4)}, "above 0"),
    ],
)
def test_wrong_arguments_are_told(options: dict[str, Any], message: str) -> None:
    given = {"contact": "call", "response": "answer"} | options
    with pytest.raises(safar.SafarError, match=message):
        safar.contact_times(log_of(campaign({9: (2, 4)})), **given)


def segmented() -> safar.EventLog:
    """Two large segments that answer alike, and a small one of which nobody answers."""
    rows = [
        (f"{kind}-{who}", at, what, kind)
        for kind, times in (("app", 1), ("web", 1), ("new", 0))
        for who, at, what in (campaign(SLOTS) if times else campaign({9: (0, 6), 14: (0, 4)}))
    ]
    columns = ("who", "when", "what", "kind")
    return safar.EventLog(
        {name: [row[place] for row in rows] for place, name in enumerate(columns)},
        customer="who", time="when", event="what", attributes=["kind"], timezone="Asia/Tehran",
        observed_until="2026-06-01",
    )  # fmt: skip


def test_a_small_segment_leans_on_all_of_them() -> None:
    log = segmented()
    alone = asked(log, by="kind").to_dict()
    assert {
        rank for rank, segment in zip(alone["rank"], alone["segment"], strict=True) if segment == "new"
    } == {None}
    result = asked(log, by="kind", prior="all")
    rows, priors = result.to_dict(), result.priors().to_dict()
    place = next(
        row for row, slot in enumerate(rows["slot"]) if slot == "09-10" and rows["segment"][row] == "new"
    )
    # By hand: all have 240 answers of 1,806 at nine, shrunk by the prior of all slots.
    hits, made = (np.array([2 * each[at] for each in SLOTS.values()]) for at in (0, 1))
    made[list(SLOTS).index(9)] += 6
    made[list(SLOTS).index(14)] += 4
    prior = prior_of(hits, made)
    assert prior is not None
    mean = (240 + prior.alpha) / (1806 + sum(prior))
    strength = priors["strength"][0]
    posterior = stats.beta(mean * strength, (1 - mean) * strength + 6)
    assert rows["probability"][place] == pytest.approx(posterior.mean(), rel=1e-3)
    assert rows["cautious"][place] == pytest.approx(posterior.ppf(0.1), rel=1e-3)
    assert set(priors["alpha"]) == {None}
    assert "lean on the same slots of all" in result.definition
    assert sum(result.plan(50, segment="new").to_dict()["contacts"]) == 50


def test_a_given_prior_is_taken_even_where_nobody_answered() -> None:
    log = log_of([*campaign({9: (0, 20), 10: (0, 30)}), ("x", MONDAY, "answer")])
    result = asked(log, prior=(2, 18))
    rows = result.to_dict()
    found = dict(zip(rows["slot"], zip(rows["probability"], rows["high"], strict=True), strict=True))
    assert found["09-10"] == pytest.approx((2 / 40, stats.beta(2, 38).ppf(0.95)))
    assert found["15-16"] == pytest.approx((0.1, stats.beta(2, 18).ppf(0.95)))
    assert "Beta(2, 18)" in result.definition


def test_a_customer_is_explained_event_by_event() -> None:
    at = MONDAY + dt.timedelta(days=1)
    rows = [
        *campaign(SLOTS),
        ("ann", at + dt.timedelta(hours=9), "call"),
        ("ann", at + dt.timedelta(hours=9, minutes=25), "answer"),
        ("ann", at + dt.timedelta(hours=10), "answer"),
        ("ann", at + dt.timedelta(hours=23), "call"),
        ("ann", at + dt.timedelta(days=90), "call"),
    ]
    result = asked(log_of(rows, observed_until=at + dt.timedelta(days=90, hours=1)))
    said = result.explain("ann")
    assert said.to_dict()["decision"] == [
        "contact at 09-10, answered",
        "answers the contact 25 min before",
        "answers no contact",
        "contact at 23-24 (quiet time), not answered",
        "contact at 00-01 (quiet time), open: not followed long enough",
    ]
    own = result.of_customers().to_dict()
    place = own["customer"].index("ann")
    assert f"Probability {own['probability'][place]:.1%}" in said.conclusion[0]
    mean = dict(zip(result.to_dict()["slot"], result.to_dict()["probability"], strict=True))[
        own["slot"][place]
    ]
    share = own["answered"][place] / own["contacts"][place]
    weight = own["weight"][place]
    assert own["probability"][place] == pytest.approx(weight * share + (1 - weight) * mean)
    with pytest.raises(safar.ArgumentError, match="customer='bob'"):
        result.explain("bob")


def test_the_hour_that_a_change_of_clocks_doubles_is_one_slot() -> None:
    # In Berlin 02:00 comes twice on 2026-10-25; 00:30 and 01:30 UTC are both 02:30.
    first = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
    rows = [(who, first + dt.timedelta(hours=who), "call") for who in (0, 1, 2)]
    rows.append((0, first + dt.timedelta(minutes=1), "answer"))
    found = asked(log_of(rows, timezone="Europe/Berlin", observed_until="2026-11-01"), quiet=None).to_dict()
    contacts = dict(zip(found["slot"], found["contacts"], strict=True))
    assert (contacts["02-03"], contacts["03-04"]) == (2, 1)


@pytest.mark.parametrize(
    "options", [{"contacts": 2.5}, {"contacts": True}, {"contacts": 10**9}, {"seed": -1}, {"seed": "x"}]
)
def test_a_plan_without_numbers_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(safar.SafarError, match=next(iter(options))):
        asked(log_of(campaign(SLOTS))).plan(**options)


def test_a_plan_drawn_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    result = asked(log_of(campaign(SLOTS)))
    whole = result.plan(300, seed=2).to_dict()
    monkeypatch.setattr(times, "_CHUNK", 100)
    assert result.plan(300, seed=2).to_dict() == whole


@pytest.mark.parametrize("data", ["calls", {"contact": ["call"]}, None])
def test_what_is_no_log_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match=f"log is a {type(data).__name__}; expected an EventLog"):
        safar.contact_times(data, contact="call", response="answer")
