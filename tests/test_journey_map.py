"""The journey map: what a file may say, what is wrong with it and where, and which event is at which touchpoint."""

from __future__ import annotations

import datetime as dt
import pickle
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import safar
from oracles import Event
from safar._typing import Language
from safar.datasets import shop
from safar.errors import MapError
from safar.journey_map.draft import TEMPLATES, WORDS, guessed
from strategies import BASE, CONDITIONS, NAMES, SECOND, day_times, logs, public_log

START = """version = 1
[[stage]]
id = "consideration"
[[stage]]
id = "purchase"
"""
# A condition of the map on one event, and the same in Python.
HOLDS: dict[str, oracles.Predicate] = dict(CONDITIONS)
FILES = Path(safar.__file__).parent / "journey_map" / "files"


def problems(text: str) -> list[tuple[int, int, str]]:
    """Return what is wrong with the text of a map."""
    with pytest.raises(MapError) as refused:
        safar.JourneyMap(text)
    return refused.value.problems


def small(**columns: list[Any]) -> safar.EventLog:
    data: dict[str, Any] = {
        "customer": ["ann", "ann", "ann", "bob", "bob"],
        "time": ["2026-03-20 10:00", "2026-03-21", "2026-03-22", "2026-03-21 12:00", "2026-03-25"],
        "event": ["view", "cart", "buy", "view", "call"],
        "channel": ["web", "web", "app", None, "phone"],
        "price": [None, 5.0, 50.0, None, None],
    }
    return safar.EventLog(
        data | columns,
        customer="customer",
        time="time",
        event="event",
        channel="channel",
        attributes=["price"],
        timezone="Asia/Tehran",
    )


def touchpoints(log: safar.EventLog) -> list[str | None]:
    """Return the touchpoint of each event, by customer and time."""
    import polars as pl

    frame = log.to_polars().sort("customer", maintain_order=True)
    return frame["touchpoint"].cast(pl.String).to_list()


def counted(table: safar.ResultTable) -> Counter[tuple[Any, Any]]:
    """Return the events of each pair of the first two columns."""
    one, other, events, *_ = table.to_dict().values()
    return Counter(dict(zip(zip(one, other, strict=True), events, strict=True)))


# ------------------------------------------------------------------------------------------------- what a file may say


def test_a_map_says_what_its_file_says() -> None:
    journey_map = safar.JourneyMap.shop()
    written = tomllib.loads(journey_map.to_toml())
    assert [stage.id for stage in journey_map.stages] == [stage["id"] for stage in written["stage"]]
    assert journey_map.stage("loyalty").name.of("fa") == "وفاداری"
    assert str(journey_map.stage("loyalty").name) == "Loyalty"
    call = journey_map.touchpoint("call")
    assert (call.event, call.kind, call.cost) == (("call_started", "call_answered"), "support", 45_000.0)
    assert journey_map.touchpoint("buying survey").where == "ticket_id is null"
    assert journey_map.currency == "toman"
    assert journey_map.plan.valid_from == "1404-03-11"
    kpi = next(kpi for kpi in journey_map.kpis if kpi.id == "failed payments")
    assert (kpi.count, kpi.direction, kpi.target, kpi.unit, kpi.review) == (
        "events",
        "down",
        10.0,
        "%",
        "day",
    )
    assert [step.optional for step in journey_map.designed] == [True] + [False] * 5 + [True]
    assert journey_map.designed[2].within == "2d"


def test_a_name_is_that_of_a_language_or_of_all() -> None:
    journey_map = safar.JourneyMap(
        START + 'name = "خرید"\n[[channel]]\nid = "web"\nname = { fa = "وب" }\n[[channel]]\nid = "app"\n'
    )
    web, app = journey_map.channels
    assert [web.name.of(language) for language in get_args(Language)] == ["وب", "وب"]
    assert web.name.en is None
    assert (app.name.en, app.name.fa) == ("app", "app")
    assert journey_map.stages[1].name.of("en") == "خرید"
    with pytest.raises(safar.ArgumentError, match="language='de'"):
        web.name.of("de")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*TEMPLATES, "shop"])
def test_a_shipped_map_fits_the_schema_and_survives_each_form(name: str) -> None:
    text = (FILES / f"{name}.toml").read_text(encoding="utf-8")
    journey_map = safar.JourneyMap(text)
    assert journey_map.to_toml() == text
    assert safar.JourneyMap.from_dict(journey_map.to_dict()) == journey_map
    assert pickle.loads(pickle.dumps(journey_map)) == journey_map
    assert hash(journey_map) == hash(safar.JourneyMap(text + "\n# a remark\n"))
    jsonschema.Draft7Validator(safar.JourneyMap.schema()).validate(as_json(tomllib.loads(text)))


def test_each_template_has_the_stages_that_words_lead_to() -> None:
    for name, stages in TEMPLATES.items():
        journey_map = safar.JourneyMap.template(name)
        assert set(stages.values()) == {stage.id for stage in journey_map.stages}
        assert stages.keys() == WORDS.keys()
        assert all(stage.name.en and stage.name.fa for stage in journey_map.stages)
    with pytest.raises(safar.ArgumentError, match="template='purchas'; did you mean \"purchase\""):
        safar.JourneyMap.template("purchas")


def test_blocks_of_the_designed_journey_are_steps_in_steps_and_written_as_they_were_read() -> None:
    text = START + (
        '[[designed]]\nstage = "consideration"\n[[designed]]\noptional = true\n'
        'loop = [{ stage = "purchase", within = "1d" }]\n'
        'again = [\n{ choice = [{ stage = "consideration" }, '
        '{ sequence = [{ stage = "purchase", optional = true }] }] }]\n'
    )
    journey_map = safar.JourneyMap(text)
    first, second = journey_map.designed
    assert (first.stage, first.loop, first.again) == ("consideration", (), ())
    assert (second.stage, second.optional, second.loop[0].within) == (None, True, "1d")
    assert second.again[0].choice[1].sequence[0].stage == "purchase"
    assert safar.JourneyMap.from_dict(journey_map.to_dict()) == journey_map
    jsonschema.Draft7Validator(safar.JourneyMap.schema()).validate(as_json(tomllib.loads(text)))
    wrong = as_json(
        tomllib.loads(text.replace('{ stage = "purchase", optional', '{ stge = "purchase", optional'))
    )
    assert not jsonschema.Draft7Validator(safar.JourneyMap.schema()).is_valid(wrong)


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def test_the_schema_knows_the_keys_that_the_reader_knows() -> None:
    schema = safar.JourneyMap.schema()
    jsonschema.Draft7Validator.check_schema(schema)
    tables = {"": schema, "[plan]": schema["properties"]["plan"]}
    for key, value in schema["properties"].items():
        if value.get("type") == "array":
            tables[f"[[{key}]]"] = value["items"]
    assert len(tables) == 7
    for head, table in tables.items():
        text = (
            'zzz = 1\nversion = 1\n[[stage]]\nid = "a"\n'
            if not head
            else START + f'{head}\nid = "x"\nzzz = 1\n'
        )
        [found] = [message for _, _, message in problems(text) if 'the key "zzz" is unknown' in message]
        keys = re.findall(r"\(keys: (.*)\)", found)[0].split(", ")
        assert sorted(keys) == sorted(table["properties"]), head


def test_a_file_is_saved_and_loaded_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journey.toml"
    safar.JourneyMap.shop().save(path)
    again = safar.JourneyMap.load(path)
    assert again == safar.JourneyMap.shop()
    assert again.file == str(path)
    path.write_bytes(b"\xef\xbb\xbf" + START.encode())
    assert len(safar.JourneyMap.load(path).stages) == 2
    path.write_bytes("version = 1\nname = 'خرید'".encode("utf-16"))
    with pytest.raises(safar.FileError, match="UTF-8"):
        safar.JourneyMap.load(path)
    with pytest.raises(safar.FileError, match="No such file"):
        safar.JourneyMap.load(tmp_path / "none.toml")
    path.write_text("version = 2\n")
    with pytest.raises(MapError, match=rf"{re.escape(str(path))}:1:11: the map: version: expected 1"):
        safar.JourneyMap.load(path)


def test_a_map_in_a_notebook_shows_its_stages_and_escapes_what_it_says() -> None:
    html = safar.JourneyMap.shop()._repr_html_()
    assert "Online order" in html
    assert "Completed checkouts ≥ 80 %" in html
    assert "<b>" not in safar.JourneyMap(START + 'name = "<b>"')._repr_html_()


# ------------------------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('[[touchpoint]]\nid = "a"\nstage = "considration"\nevent = "a"', 8, 9,
         'touchpoint "a": the stage "considration" is unknown; did you mean "consideration"? '
         '(stages: "consideration", "purchase")'),
        ('[[touchpoint]]\nid = "a"\nevent = "a"', 6, 1, 'touchpoint "a": the key "stage" is missing'),
        ('[[touchpoint]]\nstage = "purchase"\nevent = "a"', 6, 1, 'touchpoint 1: the key "id" is missing'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"', 6, 1, "nothing says which events it is"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevnt = "a"', 9, 1,
         'the key "evnt" is unknown; did you mean "event"?'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = ["a", "b", "a"]', 9, 20, '"a" stands twice'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = ["a", 3]', 9, 15, "expected names, found a number"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = []', 9, 9, "expected 1 to 2000 names, found 0"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = 3', 9, 9, "expected a name or a list of names"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = ""', 9, 9, "event: the text is empty"),
        ('[[touchpoint]]\nid = "(start)"\nstage = "purchase"\nevent = "a"', 7, 6, '"(start)" is reserved'),
        ('[[touchpoint]]\nid = " a"\nstage = "purchase"\nevent = "a"', 7, 6, "has spaces around it"),
        ('[[stage]]\nid = "purchase"', 7, 6, 'there is a stage "purchase" already'),
        ('[[stage]]\nid = "x"\nname = { de = "X" }', 8, 10, 'stage "x": name: the key "de" is unknown'),
        ('[[channel]]\nid = "web"\n[[touchpoint]]\nid = "a"\nstage = "purchase"\nchannel = ["web", "wbe"]', 11, 19,
         'the channel "wbe" is unknown; did you mean "web"?'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nwhere = "price > > 5"', 9, 18,
         'touchpoint "a": where: can\'t read the condition: expected a value'),
        ("[[touchpoint]]\nid = 'a'\nstage = 'purchase'\nwhere = '''\nprice >\n  (5'''", 11, 5,
         'expected ")"'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nwhere = "stage = \'x\'"', 9, 10,
         '"stage" is a column that the map gives'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nuntil = 2026-03-01\nfrom = 2026-03-01', 10, 9,
         "2026-03-01 is not after from (2026-03-01)"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "1404-12-30"', 10, 8,
         'from: "1404-12-30" is no date of the Jalali calendar: month 12 of 1404 has 29 days'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "1404-07-31"', 10, 8,
         "month 7 of 1404 has 30 days"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "1404-13-01"', 10, 8, "months are 1 to 12"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "1104-01-01"', 10, 8,
         "years are those from 1200 to 1699"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "2026-01-01"', 10, 8,
         "Gregorian dates are written without quotes"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = 1405-01-01', 10, 8,
         'a Jalali date is written in quotes, as "1405-01-01"'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = "soon"', 10, 8, "expected a Jalali date"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = 2300-01-01', 10, 8, "outside 1900 to 2199"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nfrom = 10:00:00', 10, 8, "has no date"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\ncost = 5', 10, 8, "needs the currency"),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\nkind = "onw"', 10, 8,
         'kind: "onw" is unknown; did you mean "own"? (allowed: "own", "paid", "earned", "support")'),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ntarget = 5\ndirection = "up"', 9, 10, "a target needs a unit"),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ntarget = 5\nunit = "%"', 9, 10, "needs the direction"),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ntarget = 5\nunit = "%"\ndirection = "none"', 9, 10,
         "needs the direction"),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ntarget = inf\nunit = "%"\ndirection = "up"', 9, 10, "finite number"),
        ('[[kpi]]\nid = "k"', 6, 1, 'the key "definition" is missing'),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ndenominator = "a = 1"', 9, 15, "needs a numerator"),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ncatalogue = "nps"\nnumerator = "a = 1"', 9, 13, "of its own"),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\ntouchpoint = "x"', 9, 14, 'the touchpoint "x" is unknown'),
        ('[[kpi]]\nid = "k"\ndefinition = "d"\nstage = "purchas"', 9, 9, 'did you mean "purchase"?'),
        ('[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = "a"\n[[kpi]]\nid = "k"\ndefinition = "d"\n'
         'touchpoint = "a"\nstage = "consideration"', 14, 9, 'the touchpoint "a" is of the stage "purchase"'),
        ('[[designed]]\nstage = "purchase"\nwithin = "7d"', 8, 10, "this is the first one"),
        ('[[designed]]\nstage = "purchase"\n[[designed]]\nstage = "purchase"\nwithin = "7 days"', 10, 10,
         '"7 days" is no length of time'),
        ('[[designed]]\nstage = "purchase"\noptional = true', 6, 1, "optional steps only"),
        ('[[designed]]\noptional = false', 6, 1, "expected either a touchpoint or a stage"),
        ('[[designed]]\nchoice = [{ stage = "purchase" }, { stage = "consideration" }]\nwithin = "1d"', 8, 10,
         "a block has no time limit"),
        ('[[designed]]\nchoice = [{ stage = "purchase" }]', 7, 10,
         "designed 1: choice: expected 2 to 2000 steps, found 1"),
        ('[[designed]]\nparallel = [{ stage = "purchase" }, "consideration"]', 7, 37,
         "designed 1: parallel 2: expected a step such as { touchpoint = \"…\" }, found text"),
        ('[[designed]]\nparallel = [{ stage = "purchase" }, { stge = "consideration" }]', 7, 39,
         'designed 1: parallel 2: the key "stge" is unknown; did you mean "stage"?'),
        ('[[designed]]\nloop = [{ sequence = [{ stage = "purchse" }] }]', 7, 33,
         'designed 1: loop 1: sequence 1: the stage "purchse" is unknown; did you mean "purchase"?'),
        ('[[designed]]\nloop = "purchase"', 7, 8, "loop: expected a list of steps, found text"),
        ('[[designed]]\nstage = "purchase"\nagain = [{ stage = "purchase" }]', 8, 9, "between two times of a loop"),
        ('[[designed]]\nparallel = [{ stage = "purchase" }, { stage = "consideration", within = "1d" }]', 7, 73,
         "this is the first one"),
        ('[[designed]]\nchoice = [{ stage = "purchase" }, { stage = "consideration", optional = true }]', 6, 1,
         "optional steps only"),
        ('[[designed]]\nloop = [' + "{ loop = [" * 8 + '{ stage = "purchase" }' + "] }" * 8 + "]", 7, 88,
         "blocks stand more than 8 deep"),
        ("[plan]\nfrom = 2026-02-01\nuntil = 2026-01-01", 8, 9, "is not after from"),
        ("[plan]\ngoal = 3", 7, 8, "the plan: goal: expected text, found a number"),
        ("[kpi]\nid = 3", 6, 1, "expected tables that begin with [[kpi]]"),
        ("[[kpi]\nid = 3", 6, 7, "this is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, column: int, message: str) -> None:
    found = problems(START + text + "\n")
    assert (line, column) in [(place[0], place[1]) for place in found], found
    assert any(message in each for place in found if place[:2] == (line, column) for each in place[2:]), found


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = (
        'vresion = 1\n[[stage]]\nid = "آگاهی"\n[[touchpoint]]\nid = "a"\nstage = "x"\nkind = "y"\nwhere = "("\n'
        '[[kpi]]\nid = "k"\ndefinition = "d"\ntarget = 1\n'
    )
    with pytest.raises(MapError) as refused:
        safar.JourneyMap(text, "maps/journey.toml")
    places = [place[:2] for place in refused.value.problems]
    assert places == sorted(places) == [(1, 1), (1, 1), (6, 9), (7, 8), (8, 11), (12, 10), (12, 10)]
    lines = str(refused.value).splitlines()
    assert lines[0] == "maps/journey.toml has 7 problems"
    assert lines[3].startswith('maps/journey.toml:6:9: touchpoint "a": the stage "x" is unknown')
    again = pickle.loads(pickle.dumps(refused.value))
    assert (str(again), again.problems) == (str(refused.value), refused.value.problems)


def test_a_column_counts_characters_and_not_bytes() -> None:
    [(line, column, _)] = problems(START + 'name = { en = "Purchase", fa = "خرید", de = "Kauf" }\n')
    assert (line, column) == (6, 40)


def test_a_map_without_stages_is_refused_with_the_way_to_a_template() -> None:
    assert problems("version = 1\n") == [
        (1, 1, 'the map has no stage; begin with a template: safar.JourneyMap.template("purchase")')
    ]


def test_files_too_large_to_be_written_by_people_are_refused() -> None:
    assert "1048576 are allowed" in problems("#" * (2**20 + 1))[0][2]
    assert "at most 2000 are allowed" in problems(START + '[[kpi]]\nid="a"\ndefinition="b"\n' * 2001)[0][2]
    deep = START + "name = " + "[" * 5_000 + "]" * 5_000
    assert "this is not TOML" in problems(deep)[0][2]


@settings(max_examples=200)
@given(st.text(max_size=60), st.integers(0, len(START)))
def test_no_text_breaks_the_reader(text: str, place: int) -> None:
    written = START[:place] + text + START[place:]
    try:
        safar.JourneyMap(written)
    except (MapError, safar.ArgumentError) as error:
        for line, column, _ in getattr(error, "problems", []):
            lines = written.split("\n")
            assert 1 <= line <= len(lines)
            assert 1 <= column <= len(lines[line - 1]) + 1


def test_arguments_that_are_no_maps_are_refused() -> None:
    log = small()
    with pytest.raises(safar.ArgumentTypeError, match="is a str; expected a JourneyMap"):
        log.with_map("journey.toml")  # type: ignore[arg-type]
    with pytest.raises(safar.ArgumentError, match="this log has no map"):
        log.map_coverage()
    with pytest.raises(safar.ArgumentError, match='"cta" is not a touchpoint of this map'):
        safar.JourneyMap.shop().touchpoint("cta")
    with pytest.raises(safar.ArgumentTypeError, match="which a journey map cannot hold"):
        safar.JourneyMap.from_dict({"stage": [{"id": object()}]})
    with pytest.raises(safar.ArgumentTypeError, match='"stage" holds a str'):
        safar.JourneyMap.from_dict({"stage": ["a"]})
    with pytest.raises(MapError, match='the key "stages" is unknown; did you mean "stage"'):
        safar.JourneyMap.from_dict({"stages": []})


def test_what_the_log_lacks_is_said_at_once_with_its_place() -> None:
    journey_map = safar.JourneyMap(
        START
        + '[[touchpoint]]\nid = "a"\nstage = "purchase"\nwhere = "pirce > 5 and colour = 3"\n'
        + '[[touchpoint]]\nid = "b"\nstage = "purchase"\nevent = "view"\nwhere = "price = \'x\'"\n'
        + '[[touchpoint]]\nid = "c"\nstage = "purchase"\nwhere = "price + 1"\n'
        + '[[kpi]]\nid = "k"\ndefinition = "d"\nnumerator = "touchpoint = \'a\' and stag = \'b\'"\n'
        + '[[kpi]]\nid = "n"\ndefinition = "d"\nnumerator = "true"\ncount = "ticket"\n'
    )
    with pytest.raises(MapError) as refused:
        small().with_map(journey_map)
    found = refused.value.problems
    assert [place[:2] for place in found] == [(9, 10), (9, 24), (14, 9), (18, 9), (22, 35), (27, 9)]
    assert 'touchpoint "a": where: "pirce" is not a column of this log; did you mean "price"?' in found[0][2]
    assert "can't be compared" in found[2][2]
    assert "a condition must be true or false" in found[3][2]
    assert 'kpi "k": numerator: "stag" is not a column of this log; did you mean "stage"' in found[4][2]
    assert 'kpi "n": count: "ticket" is not a column of this log' in found[5][2]
    without = safar.EventLog({"c": ["a"], "t": ["2026-01-01"], "e": ["x"]}, customer="c", time="t", event="e")
    channels = safar.JourneyMap(START + '[[touchpoint]]\nid = "a"\nstage = "purchase"\nchannel = "web"\n')
    with pytest.raises(MapError, match=r"9:11: .*the log has no channels"):
        without.with_map(channels)


# ---------------------------------------------------------------------------------- which event is which touchpoint


def rules() -> st.SearchStrategy[dict[str, Any]]:
    """Draw what a touchpoint asks for."""
    names = st.lists(st.sampled_from([*NAMES, "nobody"]), min_size=1, max_size=3, unique=True)
    channels = st.lists(st.sampled_from(["web", "app", "nowhere"]), min_size=1, max_size=2, unique=True)
    return st.fixed_dictionaries(
        {"stage": st.sampled_from(["s", "t"])},
        optional={
            "event": names,
            "channel": channels,
            "where": st.sampled_from(list(HOLDS)),
            "from": st.integers(0, 5).map(lambda day: dt.date(2024, 3, 1) + dt.timedelta(days=day)),
            "until": st.integers(6, 12).map(lambda day: dt.date(2024, 3, 1) + dt.timedelta(days=day)),
        },
    ).filter(lambda rule: len(rule.keys() - {"stage", "from", "until"}) > 0)


@settings(max_examples=150, deadline=None)
@given(logs(day_times(14)), st.lists(rules(), max_size=6))
def test_every_event_is_where_the_plain_reading_puts_it(
    rows: list[Event], rules: list[dict[str, Any]]
) -> None:
    plain = {
        "stage": [{"id": "s"}, {"id": "t"}],
        "touchpoint": [{"id": f"t{number}"} | rule for number, rule in enumerate(rules)],
    }
    journey_map = safar.JourneyMap.from_dict(plain)
    assert safar.JourneyMap.from_dict(journey_map.to_dict()) == journey_map
    log = public_log(rows).with_map(journey_map)
    by_customer = oracles.journeys(rows)
    in_order = [row for customer in sorted(by_customer) for row in by_customer[customer]]
    expected = oracles.touchpoints(in_order, rules, HOLDS)
    assert touchpoints(log) == [None if not found else f"t{found[0]}" for _, found in expected]
    stages = log.to_pandas().sort_values("customer", kind="stable")["stage"].tolist()
    assert [None if stage != stage else stage for stage in stages] == [
        None if not found else rules[found[0]]["stage"] for _, found in expected
    ]
    coverage = log.map_coverage()
    counts = Counter(found[0] for _, found in expected if found)
    people = Counter(first for first, _ in {(found[0], row.customer) for row, found in expected if found})
    columns = coverage.to_dict()
    assert columns["events"] == [counts[number] for number in range(len(rules))]
    assert columns["customers"] == [people[number] for number in range(len(rules))]
    overlaps = Counter((f"t{found[0]}", f"t{later}") for _, found in expected for later in found[1:])
    assert counted(coverage.overlaps) == overlaps
    missed = Counter((row.event, row.channel) for row, found in expected if not found)
    assert counted(coverage.unmapped) == missed
    assert coverage.mapped + missed.total() == coverage.events == len(log)


def test_the_first_touchpoint_that_matches_wins_and_the_others_are_told() -> None:
    journey_map = safar.JourneyMap(
        START
        + '[[touchpoint]]\nid = "dear"\nstage = "purchase"\nevent = "buy"\nwhere = "price > 10"\n'
        + '[[touchpoint]]\nid = "look"\nstage = "consideration"\nevent = ["view", "cart"]\nchannel = "web"\n'
        + '[[touchpoint]]\nid = "web"\nstage = "consideration"\nchannel = "web"\n'
        + '[[touchpoint]]\nid = "order"\nstage = "purchase"\nevent = ["buy", "ordr"]\n'
        + '[[touchpoint]]\nid = "cal"\nstage = "purchase"\nevent = "calls"\n'
        + '[[touchpoint]]\nid = "free"\nstage = "purchase"\nwhere = "price < 0"\n'
    )
    log = small().with_map(journey_map)
    assert touchpoints(log) == ["look", "look", "dear", None, None]
    coverage = log.map_coverage()
    assert coverage.to_dict()["finding"] == [
        None,
        None,
        'never matches: all that it matches is at "look", which stands before it',
        'never matches: the log has no event "ordr"',
        'never matches: the log has no event "calls"; did you mean "call"?',
        "never matches: no event meets its conditions",
    ]
    assert coverage.never_matched == ["web", "order", "cal", "free"]
    assert coverage.overlaps.to_dict() == {
        "touchpoint": ["dear", "look"],
        "also": ["order", "web"],
        "events": [1, 2],
    }
    assert coverage.unmapped.to_dict()["event"] == ["call", "view"]
    assert coverage.unmapped.to_dict()["channel"] == ["phone", None]
    assert coverage.to_dict()["share"][:2] == [0.5, 0.5]
    assert "3 of 5 events at 6 touchpoints, 4 without any" in repr(coverage)


def test_dates_are_days_of_the_zone_of_the_log_and_the_last_is_left_out() -> None:
    dated = (
        START
        + '[[touchpoint]]\nid = "nowruz"\nstage = "purchase"\nwhere = "event is not null"\nfrom = {}\nuntil = {}\n'
    )
    for bounds in (
        ("2026-03-21", "2026-03-22"),
        ('"1405-01-01"', '"1405/1/2"'),
        ('"۱۴۰۵-۰۱-۰۱"', '"۱۴۰۵-۰۱-۰۲"'),
        ("2026-03-21T00:00:00", "2026-03-21T23:59:59.999999"),
        ("2026-03-20T20:30:00Z", "2026-03-22T00:00:00+03:30"),
    ):
        log = small().with_map(safar.JourneyMap(dated.format(*bounds)))
        assert touchpoints(log) == [None, "nowruz", None, "nowruz", None], bounds


def test_a_touchpoint_and_a_stage_are_columns_as_any_other() -> None:
    log = shop(300).log().with_map(safar.JourneyMap.shop())
    assert {"touchpoint", "stage"} <= set(log.columns)
    orders = log.filter(where="touchpoint in ('online order', 'store till')")
    assert len(orders) == log.events["purchase"]
    assert set(log.to_pandas()["stage"]) == {stage.id for stage in safar.JourneyMap.shop().stages}
    assert set(log.transitions(by="stage").to_dict()["segment"]) <= set(log.to_pandas()["stage"])
    assert log.funnel(["visit", "purchase"], by="touchpoint").to_dict()["segment"][0] == "visit"
    assert log.per("touchpoint").customers == sum(log.map_coverage().to_dict()["customers"])


def test_the_shop_has_a_map_of_all_its_events() -> None:
    coverage = shop(1_000).log().with_map(safar.JourneyMap.shop()).map_coverage()
    assert len(coverage.unmapped) == 0
    assert coverage.mapped == coverage.events
    assert coverage.never_matched == []
    # The survey about buying takes some of what the one about support would take, and the till some of the orders.
    assert set(coverage.overlaps.to_dict()["touchpoint"]) == {"buying survey", "store till"}


def test_the_stages_of_the_map_are_those_that_the_shop_gives_its_events() -> None:
    log = shop(500).log()
    assert (
        log.to_pandas()["stage"].tolist()
        == log.with_map(safar.JourneyMap.shop()).to_pandas()["stage"].tolist()
    )


def test_the_map_goes_with_the_log_until_its_columns_do() -> None:
    journey_map = safar.JourneyMap(
        START + '[[touchpoint]]\nid = "look"\nstage = "consideration"\nevent = "view"\n'
    )
    plain = small()
    log = plain.with_map(journey_map)
    assert plain.map is None
    assert "touchpoint" not in plain.columns
    assert log.map == journey_map
    part = log.filter(events="view")
    assert part.map == journey_map
    assert part.map_coverage().mapped == part.map_coverage().events == 2
    assert log.with_sessions().per("session").map_coverage().to_dict()["customers"] == [2]
    assert log.with_columns({"x": np.arange(5)}).map == journey_map
    assert log.with_columns({"stage": np.arange(5)}).map is None


def test_a_saved_log_keeps_its_map(tmp_path: Path) -> None:
    log = small().with_map(
        safar.JourneyMap(START + '[[touchpoint]]\nid = "look"\nstage = "purchase"\nevent = "view"\n')
    )
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    assert again.map == log.map
    assert again.roles == log.roles
    assert touchpoints(again) == touchpoints(log)
    small().save(tmp_path / "log.safar")
    assert safar.open(tmp_path / "log.safar").map is None


def test_a_map_without_touchpoints_maps_nothing() -> None:
    log = small().with_map(safar.JourneyMap(START))
    assert touchpoints(log) == [None] * 5
    assert log.map_coverage().mapped == 0
    assert sum(log.map_coverage().unmapped.to_dict()["events"]) == 5
    assert log.transitions(by="stage").to_dict()["segment"] == [None] * len(log.transitions())
    assert log.filter(where="touchpoint is null").customers == 2


def test_more_touchpoints_than_a_byte_counts_are_told_apart() -> None:
    names = [f"e{number}" for number in range(700)]
    log = safar.EventLog(
        {"c": ["a"] * 700, "t": np.arange(700).astype("datetime64[s]"), "e": names},
        customer="c",
        time="t",
        event="e",
    )
    plain = {
        "stage": [{"id": "s"}],
        "touchpoint": [{"id": name, "stage": "s", "event": name} for name in names],
    }
    for several in (255, 256, 700):
        mapped = log.with_map(
            safar.JourneyMap.from_dict(plain | {"touchpoint": plain["touchpoint"][:several]})
        )
        assert touchpoints(mapped) == names[:several] + [None] * (700 - several)


@settings(max_examples=25, deadline=None)
@given(logs(day_times(14)), st.lists(rules(), max_size=4))
def test_a_scan_answers_as_a_log_does(rows: list[Event], rules: list[dict[str, Any]]) -> None:
    journey_map = safar.JourneyMap.from_dict(
        {
            "stage": [{"id": "s"}, {"id": "t"}],
            "touchpoint": [{"id": f"t{number}"} | rule for number, rule in enumerate(rules)],
        }
    )
    log = public_log(rows)
    scan = safar.scan(
        log.to_polars(),
        customer="customer",
        time="time",
        event="event",
        channel="channel",
        value="value",
        attributes=["plan", "score"],
        memory="1 MB",
    ).with_map(journey_map)
    assert scan.map == journey_map
    one, other = log.with_map(journey_map).map_coverage(), scan.map_coverage()
    for kind in ("overlaps", "unmapped"):
        assert getattr(one, kind).to_dict() == getattr(other, kind).to_dict()
    assert one.to_dict() == other.to_dict()
    assert (
        scan.transitions(by="touchpoint").to_dict()
        == log.with_map(journey_map).transitions(by="touchpoint").to_dict()
    )
    assert scan.collect().map == journey_map


# ------------------------------------------------------------------------------------------------------------- drafts


@given(logs(), st.sampled_from(list(TEMPLATES)))
def test_a_draft_has_one_touchpoint_for_each_event_and_misses_none(rows: list[Event], template: str) -> None:
    log = public_log(rows)
    draft = safar.JourneyMap.from_events(log, template=template)
    assert sorted(touchpoint.event[0] for touchpoint in draft.touchpoints) == sorted(log.events)
    coverage = log.with_map(draft).map_coverage()
    assert coverage.mapped == len(log)
    assert "Nobody has looked at it yet" in draft.to_toml()
    assert draft.stages == safar.JourneyMap.template(template).stages


def test_positions_are_medians_of_the_places_among_the_events_of_a_customer() -> None:
    import json

    log = safar.EventLog(
        {
            "c": ["a"] * 4 + ["b"] * 2,
            "t": ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-01", "2026-01-02"],
            "e": ["x", "x", "y", "z", "x", "z"],
        },
        customer="c",
        time="t",
        event="e",
    )
    # Of four events the middles of the places are 1/8, 3/8, 5/8 and 7/8; of two they are 1/4 and 3/4.
    found = {name: (events, position) for name, events, position in json.loads(log.core.positions())}
    assert {name: events for name, (events, _) in found.items()} == {"x": 3, "y": 1, "z": 2}
    for name, expected in {"x": 1 / 4, "y": 5 / 8, "z": 3 / 4}.items():
        assert found[name][1] == pytest.approx(expected, abs=1 / 200)


def test_a_word_in_the_name_comes_before_the_position() -> None:
    stages = [stage.id for stage in safar.JourneyMap.template("purchase").stages]
    for event, stage in {
        "addToCart": "purchase",
        "خرید_آنلاین": "purchase",
        "ثبت‌نام": "consideration",
        "support_ticket": "loyalty",
        "Referral sent": "advocacy",
        "ad_click": "consideration",
        "download": "loyalty",
    }.items():
        assert guessed(event, 0.7, "purchase", stages)[0] == stage, event
    assert guessed("zzz", 0.0, "purchase", stages)[0] == "awareness"
    assert guessed("zzz", 0.999, "purchase", stages)[0] == "advocacy"


def test_a_draft_of_odd_names_is_a_map() -> None:
    names = [
        "(end",
        " a ",
        "a",
        'quo"te',
        "back\\slash",
        "tab\there",
        "new\nline",
        "x" * 300,
        "x" * 301,
        "del\x7f",
        "#",
    ]
    log = safar.EventLog(
        {"c": ["a"] * len(names), "t": ["2026-01-01"] * len(names), "e": names},
        customer="c",
        time="t",
        event="e",
    )
    assert log.with_map(safar.JourneyMap.from_events(log)).map_coverage().mapped == len(log)


def test_a_draft_of_ids_instead_of_names_is_refused() -> None:
    log = safar.EventLog(
        {
            "c": ["a"] * 2_001,
            "t": np.arange(2_001).astype("datetime64[s]"),
            "e": [f"order {number}" for number in range(2_001)],
        },
        customer="c",
        time="t",
        event="e",
    )
    with pytest.raises(safar.ArgumentError, match=r"2001 names of events.*are the names ids"):
        safar.JourneyMap.from_events(log)


def test_the_time_of_an_event_matters_to_the_microsecond() -> None:
    assert BASE % SECOND == 0
    edge = small(
        time=["2026-03-20 23:59:59.999999"] * 2 + ["2026-03-21"] * 2 + ["2026-03-21 00:00:00.000001"]
    )
    journey_map = safar.JourneyMap(
        START
        + '[[touchpoint]]\nid = "a"\nstage = "purchase"\nchannel = ["web", "app", "phone"]\nfrom = 2026-03-21\n'
    )
    assert touchpoints(edge.with_map(journey_map)) == [None, None, "a", None, "a"]


def test_a_draft_is_made_of_a_log_and_not_of_a_scan() -> None:
    scan = safar.scan({"c": ["a"], "t": ["2026-01-01"], "e": ["x"]}, customer="c", time="t", event="e")
    with pytest.raises(
        safar.ArgumentTypeError, match=r"is a Scan; expected an EventLog; take a part of the scan"
    ):
        safar.JourneyMap.from_events(scan)  # type: ignore[arg-type]
    with pytest.raises(safar.ArgumentTypeError, match="is a str; expected a JourneyMap"):
        scan.with_map("journey.toml")  # type: ignore[arg-type]


def test_maps_that_no_person_writes_end_with_an_answer() -> None:
    names = ", ".join(f'"n{number}"' for number in range(2_000))
    wrong = "".join(
        f'[[touchpoint]]\nid = "t{number}"\nstage = "s{number}"\nevnt = 1\n' for number in range(2_000)
    )
    assert len(problems(START + wrong)) == 1_000
    wide = (
        START
        + f'[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = [{names}]\n'
        + f'[[touchpoint]]\nid = "b"\nstage = "purchase"\nchannel = [{names}]\n'
    )
    with pytest.raises(safar.ArgumentError, match="2000 events and 2000 channels, more pairs"):
        small().with_map(safar.JourneyMap(wide))
    names = ", ".join(f'"n{number}"' for number in range(1_000))
    further = "".join(
        f'[[touchpoint]]\nid = "t{number}"\nstage = "purchase"\nwhere = "price > 0"\n'
        for number in range(1_900)
    )
    wide = (
        START
        + f'[[touchpoint]]\nid = "a"\nstage = "purchase"\nevent = [{names}]\n'
        + f'[[touchpoint]]\nid = "b"\nstage = "purchase"\nchannel = [{names}]\n'
        + further
    )
    with pytest.raises(safar.ArgumentError, match="match more than 16777216 pairs"):
        small().with_map(safar.JourneyMap(wide))
