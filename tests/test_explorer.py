"""The explorer: its code gives what is on screen, its cohorts are right, its widgets follow and choose."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from safar.calendar import jalali_date
from safar.explorer import Choice, Explorer
from safar.explorer.choice import Analysis

pytest.importorskip("ipywidgets", reason="the explorer needs ipywidgets (make test installs it)")

ODD = ["it's", 'a "b"', "]`x`", "خرید", "plain", None]
EVENTS = ["view", "add to cart", "خرید", 'say "hi"', "back\\slash"]


def rows() -> list[tuple[str, dt.datetime, str, str | None, bool, int]]:
    """Sixty customers over half a year, with names that need care in code."""
    found = []
    for number in range(60):
        for event in range(number % 5 + 1):
            time = dt.datetime(2026, 1, 1) + dt.timedelta(days=3 * number + 2 * event, hours=number % 24)
            name = EVENTS[(number // 3 + event) % 5]
            found.append((f"c{number}", time, name, ODD[number % 6], number % 2 == 0, number % 4))
    return found


def odd_log() -> safar.EventLog:
    who, when, what, plan, old, stars = (list(column) for column in zip(*rows(), strict=True))
    columns = {"who": who, "when": when, "what": what, "a plan": plan, "old": old, "not": stars}
    return safar.EventLog(
        columns,
        customer="who",
        time="when",
        event="what",
        attributes=["a plan", "old", "not"],
        timezone="Asia/Tehran",
    )


LOG = odd_log()


def explorer_of(choice: Choice, **options: Any) -> Explorer:
    return Explorer(LOG, choice, **options)


def ran(explorer: Explorer) -> dict[str, Any]:
    """Run the code as a notebook would: the names that it makes, and what its last lines show."""
    names: dict[str, Any] = {"log": explorer.log}
    for line in explorer.code.splitlines():
        if " = " in line.split("(")[0]:
            exec(line, names)
        else:
            shown = eval(line, names)  # noqa: S307
            names["table" if isinstance(shown, safar.ResultTable) else "chart"] = shown
    return names


def assert_code_gives_what_is_shown(explorer: Explorer) -> None:
    try:
        names = ran(explorer)
    except safar.SafarError as error:
        assert explorer.problem == str(error)
        assert (explorer.result, explorer.chart, explorer.table) == (None, None, None)
        return
    assert explorer.problem is None
    result, table = explorer.result, explorer.table
    assert result is not None
    assert table is not None
    assert names["result"].spec == result.spec
    assert str(names["result"].to_dict()) == str(result.to_dict())
    assert str(names.get("table", names["result"]).to_dict()) == str(table.to_dict())
    assert names["chart"].to_dict() == explorer.view.spec
    assert explorer.view.customers == names.get("cohort", LOG).customers


days = st.none() | st.dates(dt.date(2025, 12, 25), dt.date(2026, 7, 10))
events = st.sampled_from(EVENTS)
values = {"a plan": ODD, "old": [True, False], "not": [0, 1, 2, 3]}
choices = st.builds(
    Choice,
    analysis=st.sampled_from(get_args(Analysis)),
    steps=st.lists(events, max_size=4).map(tuple),
    within=st.none() | st.sampled_from(["30m", "3d", "60d"]),
    start=st.none() | events,
    goal=st.none() | events,
    period=st.sampled_from(["day", "week", "month"]),
    by=st.none() | st.sampled_from(["a plan", "old", "not", "no such column"]),
    first_from=days,
    first_before=days,
    column=st.none() | st.sampled_from(list(values)),
).flatmap(
    lambda choice: (
        st.just(choice)
        if choice.column is None
        else st.sampled_from(values[choice.column]).map(lambda value: replace(choice, value=value))
    )
)


@given(choice=choices, persian=st.booleans())
def test_the_code_gives_exactly_what_is_shown_or_the_error_that_is(choice: Choice, persian: bool) -> None:
    assert_code_gives_what_is_shown(explorer_of(choice, language="fa" if persian else "en"))


@given(choice=choices)
def test_a_cohort_is_that_of_plain_python(choice: Choice) -> None:
    first: dict[str, dt.date] = {}
    having = set()
    for who, when, _, *attributes in rows():
        # Times without a zone are wall clock of the log.
        first[who] = min(first.get(who, when.date()), when.date())
        if choice.column is None or dict(zip(values, attributes, strict=True))[choice.column] == choice.value:
            having.add(who)
    expected = {
        who
        for who, day in first.items()
        if who in having
        and (choice.first_from is None or day >= choice.first_from)
        and (choice.first_before is None or day < choice.first_before)
    }
    explorer = explorer_of(Choice(analysis="transitions"))
    explorer.choose(
        first_from=choice.first_from,
        first_before=choice.first_before,
        column=choice.column,
        value=choice.value,
    )
    if expected:
        part = ran(explorer).get("cohort", LOG)
        assert set(part.to_polars()["customer"]) == expected
    else:
        assert explorer.problem is not None
        assert "no event is left" in explorer.problem


def test_numbers_without_end_choose_the_customers_who_have_them() -> None:
    values = [1.0, math.inf, -math.inf, math.nan]
    log = safar.EventLog(
        {"who": list("abcd"), "when": ["2026-01-01"] * 4, "what": ["view"] * 4, "amount": values},
        customer="who", time="when", event="what", attributes=["amount"],
    )  # fmt: skip
    for who, value in zip("abcd", values, strict=True):
        (chosen,) = Choice(column="amount", value=value).cohort("UTC")
        part = eval(f"log{chosen}", {"log": log})  # noqa: S307
        assert part.to_polars()["customer"].to_list() == [who]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": []}, "steps"),
        ({"steps": ["view", "veiw"]}, 'did you mean "view"'),
        ({"by": "plan"}, "a plan"),
        ({"within": "7x"}, "within='7x' is not a duration"),
        ({"analysis": "conversion", "goal": None}, "end"),
        ({"column": "plan", "value": "x"}, "plan"),
        ({"first_from": dt.date(2031, 1, 1)}, "no event is left"),
    ],
)
def test_a_choice_that_cannot_be_answered_says_why_and_the_next_one_is_answered(
    changes: dict[str, Any], words: str
) -> None:
    explorer = LOG.explore(["view", "خرید"])
    assert explorer.widget is not None
    before = explorer.choice
    explorer.choose(**changes)
    assert explorer.problem is not None
    assert words in explorer.problem
    assert explorer.result is None
    assert escape(explorer.problem) in html(explorer)
    explorer.choose(**{name: getattr(before, name) for name in changes})
    assert explorer.problem is None
    assert_code_gives_what_is_shown(explorer)


def test_what_cannot_be_chosen_is_refused_by_name() -> None:
    explorer = LOG.explore(["view"])
    with pytest.raises(safar.ArgumentError, match=r'"step" can\'t be chosen; did you mean "steps"'):
        explorer.choose(step=["view"])
    with pytest.raises(safar.ArgumentError, match=r"analysis='funel'.*did you mean \"funnel\""):
        explorer.choose(analysis="funel")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": ["veiw"]}, 'did you mean "view"'),
        ({"by": "plan"}, 'by="plan"'),
        ({"within": "week"}, "within='week'"),
        ({"language": "de"}, "language='de'"),
        ({"theme": "blue"}, "theme='blue'"),
        ({"name": "my log"}, "name='my log'"),
        ({"name": "class"}, "name='class'"),
    ],
)
def test_arguments_of_explore_are_checked_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(safar.SafarError) as caught:
        LOG.explore(**options)
    assert words in str(caught.value)


def test_without_ipywidgets_the_error_has_the_way_out_and_the_rest_works() -> None:
    code = """
import sys
sys.modules["ipywidgets"] = None
import safar
log = safar.EventLog({"who": [1], "when": ["2026-03-01"], "what": ["view"]}, customer="who", time="when", event="what")
assert safar.Explorer(log, safar.explorer.Choice(steps=("view",))).result.completed == 1
try:
    log.explore()
except safar.ArgumentError as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(safar.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert 'pip install "safar[notebook]"' in done.stdout
    assert "log.funnel" in done.stdout


def test_it_begins_with_the_conversion_and_a_window_that_fits() -> None:
    log = safar.datasets.shop(300).log()
    explorer = log.explore()
    assert explorer.choice.steps == (next(iter(log.events)), "purchase")
    assert explorer.choice.within == "30d"
    assert explorer.code.startswith(
        f'result = log.funnel(["{next(iter(log.events))}", "purchase"], within="30d")'
    )


def test_one_event_at_one_time_can_be_explored() -> None:
    data = {"who": [1], "when": ["2026-03-01"], "what": ["view"]}
    log = safar.EventLog(data, customer="who", time="when", event="what")
    explorer = log.explore()
    for analysis in get_args(Analysis):
        explorer.choose(analysis=analysis, within=None)
        assert explorer.problem is None
        assert explorer.widget is not None


def test_columns_of_too_many_values_and_measures_are_not_offered() -> None:
    log = safar.datasets.shop(400).log()
    offered = log.explore().offers.columns
    known = log.to_polars()
    for name in log.columns:
        distinct = known[name].n_unique()
        if name in offered:
            assert 1 < distinct <= 50
            assert name not in ("value", "response_minutes")
        else:
            assert distinct == 1 or distinct > 50 or name in ("value", "response_minutes"), name


@pytest.mark.parametrize("name", ["a plan", "old", "not"])
def test_values_of_a_column_come_commonest_first(name: str) -> None:
    counts = LOG.to_polars()[name].value_counts(name="events")
    expected = dict(counts.iter_rows())
    offered = explorer_of(Choice(steps=("view",))).offers.values(name)
    assert sorted(map(str, offered)) == sorted(map(str, expected))
    told = [expected[value] for value in offered if value is not None]
    assert told == sorted(told, reverse=True)


def test_first_events_are_offered_by_months_of_the_readers_calendar() -> None:
    shop = safar.datasets.shop(200).log()
    gregorian, jalali = (shop.explore(language=each).offers for each in ("en", "fa"))
    assert (gregorian.period, jalali.period) == ("month", "month")
    assert all(day.day == 1 for day in gregorian.starts)
    assert all(jalali_date(day)[2] == 1 for day in jalali.starts)
    short = shop.filter(start="2025-09-01", end="2025-09-20").explore(language="fa").offers
    # Weeks of the Jalali calendar begin on Saturday.
    assert short.period == "week"
    assert {day.weekday() for day in short.starts} == {5}


def test_a_persian_reader_gets_jalali_months_and_a_persian_chart() -> None:
    explorer = LOG.explore(["view"], language="fa", theme="dark", name="events")
    explorer.choose(analysis="retention", start=None, goal=None)
    first, *_, last = explorer.code.splitlines()
    assert first == 'result = events.retention(period="month", calendar="jalali")'
    assert last == 'result.plot(language="fa", theme="dark")'


# ------------------------------------------------------------------------------------------------- widgets


def all_widgets(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_widgets(child)


def called(explorer: Explorer, description: str) -> Any:
    """The control that bears this description."""
    (found,) = [
        each
        for each in all_widgets(explorer.widget)
        if getattr(each, "description", None) == description and each.layout.display != "none"
    ]
    return found


def buttons(explorer: Explorer, said: str) -> list[Any]:
    return [each for each in all_widgets(explorer.widget) if getattr(each, "tooltip", None) == said]


def html(explorer: Explorer) -> str:
    return "".join(str(each.value) for each in all_widgets(explorer.widget) if type(each).__name__ == "HTML")


def test_widgets_choose_and_show_chart_table_and_code() -> None:
    explorer = safar.datasets.shop(300).log().explore(["visit", "purchase"], within="7d")
    called(explorer, "Segments by").value = "channel"
    called(explorer, "Within").value = "30d"
    assert (explorer.choice.by, explorer.choice.within) == ("channel", "30d")
    for description, nothing in (("Segments by", "Nothing"), ("Within", "No limit")):
        before = called(explorer, description).label
        called(explorer, description).label = nothing
        assert called(explorer, description).label == nothing
        called(explorer, description).label = before
    (output,) = [each for each in all_widgets(explorer.widget) if type(each).__name__ == "Output"]
    ((_, bundle),) = [(each["output_type"], each["data"]) for each in output.outputs]
    drawn = bundle["application/vnd.vegalite.v5+json"]
    assert {**drawn, "$schema": ""} == {**explorer.chart.to_dict(), "$schema": ""}  # type: ignore[union-attr]
    assert "by=&quot;channel&quot;" in html(explorer)
    assert '<table class="data exact">' in html(explorer)
    assert f"<td>{explorer.table.to_dict()['customers'][0]}</td>" in html(explorer)  # type: ignore[union-attr]


def test_steps_are_added_moved_and_removed() -> None:
    explorer = LOG.explore(["view", "خرید"])
    called(explorer, "Add a step").click()
    added = next(name for name in LOG.events if name not in ("view", "خرید"))
    assert explorer.choice.steps == ("view", "خرید", added)
    buttons(explorer, "Earlier")[2].click()
    assert explorer.choice.steps == ("view", added, "خرید")
    buttons(explorer, "Later")[0].click()
    assert explorer.choice.steps == (added, "view", "خرید")
    called(explorer, "3").value = added
    assert explorer.choice.steps == (added, "view", added)
    buttons(explorer, "Remove")[1].click()
    assert explorer.choice.steps == (added, added)
    assert [each.disabled for each in buttons(explorer, "Earlier")] == [True, False]
    assert_code_gives_what_is_shown(explorer)


def test_a_cohort_is_chosen_by_its_widgets() -> None:
    explorer = LOG.explore(["view"])
    assert (called(explorer, "First event from").label, called(explorer, "until").label) == (
        "Jan 2026",
        "Jul 2026",
    )
    called(explorer, "First event from").label = "Mar 2026"
    called(explorer, "until").label = "Apr 2026"
    assert (explorer.choice.first_from, explorer.choice.first_before) == (
        dt.date(2026, 3, 1),
        dt.date(2026, 5, 1),
    )
    called(explorer, "Only").value = "a plan"
    called(explorer, "that is").value = "it's"
    assert (explorer.choice.column, explorer.choice.value) == ("a plan", "it's")
    assert_code_gives_what_is_shown(explorer)
    called(explorer, "Only").label = "Everybody"
    assert (explorer.choice.column, explorer.choice.value) == (None, None)


def test_each_analysis_has_its_own_controls() -> None:
    explorer = LOG.explore(["view", "خرید"])
    (analyses,) = [each for each in all_widgets(explorer.widget) if type(each).__name__ == "ToggleButtons"]
    controls = ["Within", "From the first", "To", "Period", "Add a step"]
    shown = {}
    for _, analysis in analyses.options:
        analyses.value = analysis
        shown[analysis] = [
            each.description
            for each in all_widgets(explorer.widget)
            if getattr(each, "description", None) in controls and each.layout.display != "none"
        ]
        assert explorer.problem is None
        assert_code_gives_what_is_shown(explorer)
    assert shown == {
        "funnel": ["Add a step", "Within"],
        "retention": ["From the first", "To", "Period"],
        "conversion": ["From the first", "To", "Within"],
        "transitions": [],
    }


def test_a_choice_made_in_code_moves_the_widgets_and_asks_once() -> None:
    explorer = LOG.explore(["view"])
    explorer.widget  # noqa: B018
    asked = []
    answer = explorer._answer
    explorer._answer = lambda: (asked.append(1), answer())[1]  # type: ignore[method-assign, func-returns-value]
    explorer.choose(within="45d", by="old", steps=["view", "خرید", "view"], column="not", value=3)
    assert len(asked) == 1
    assert called(explorer, "Within").value == "45d"
    assert called(explorer, "Segments by").value == "old"
    assert [called(explorer, str(place)).value for place in (1, 2, 3)] == ["view", "خرید", "view"]
    assert (called(explorer, "Only").value, called(explorer, "that is").value) == ("not", 3)


def test_a_problem_is_shown_in_words_and_takes_the_old_answer_away() -> None:
    explorer = LOG.explore(["view"])
    assert '<table class="data exact">' in html(explorer)
    explorer.choose(analysis="conversion", goal=None)
    (output,) = [each for each in all_widgets(explorer.widget) if type(each).__name__ == "Output"]
    assert output.outputs == ()
    assert 'role="alert"' in html(explorer)
    assert "Traceback" not in html(explorer)
    assert '<table class="data exact">' not in html(explorer)


def test_a_log_of_thousands_of_events_suggests_the_commonest_and_takes_any() -> None:
    names = [f"event {number}" for number in range(3_000) for _ in range(1 + (number == 1_234))]
    data = {"who": [1] * len(names), "when": range(len(names)), "what": names}
    log = safar.EventLog(data, customer="who", time="when", event="what", time_unit="s")
    explorer = log.explore(["event 1", "event 2999"])
    second = called(explorer, "2")
    assert type(second).__name__ == "Combobox"
    assert second.options[0] == "event 1234"
    assert len(second.options) == 500
    second.value = "event 2998"
    assert explorer.choice.steps == ("event 1", "event 2998")
    assert explorer.problem is None
    second.value = "evnt 2998"
    assert explorer.problem is not None
    assert "did you mean" in explorer.problem
    explorer.choose(analysis="retention", steps=["event 1"])
    called(explorer, "From the first").value = ""
    assert explorer.choice.start is None


def test_a_persian_explorer_runs_from_right_to_left_and_says_nothing_in_english() -> None:
    explorer = safar.datasets.shop(300).log().explore(["visit", "purchase"], language="fa")
    assert "safar-rtl" in explorer.widget._dom_classes
    own = {"", *"۱۲۳"}
    for each in all_widgets(explorer.widget):
        said = getattr(each, "description", "")
        assert said in own or any("\u0600" <= letter <= "\u06ff" for letter in said), said


def test_what_is_sent_passes_the_checks_that_are_left_out() -> None:
    explorer = LOG.explore(["view", "خرید"], by="old")
    for analysis in get_args(Analysis):
        explorer.choose(analysis=analysis)
        assert explorer.chart is not None
        assert json.dumps(explorer.chart.to_dict(validate=True)) == json.dumps(explorer.view.spec)


def test_what_can_not_be_chosen_is_refused() -> None:
    log = safar.EventLog(
        {"c": ["a", "b", "c"], "t": ["2026-01-01"] * 3, "e": ["view"] * 3, "size": [0.5, 1.5, 0.5]},
        customer="c", time="t", event="e", attributes=["size"],
    )  # fmt: skip
    explorer = log.explore()
    for steps in ("view", None):
        with pytest.raises(safar.ArgumentTypeError, match="expected a list of events"):
            explorer.choose(steps=steps)
    with pytest.raises(safar.ArgumentError, match="period='year' is not a choice"):
        explorer.choose(period="year")
    explorer.choose(steps=["view"], column="size", value=0.5)
    assert explorer.problem is None
    assert explorer.result is not None
    assert explorer.result.to_dict()["customers"] == [2]
