"""The command: files that it writes, errors that it tells, and real data."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyarrow import parquet

import safar
from safar.cli import main

EVENTS = """user,at,what,where,worth
ann,2026-03-02 10:00:00,view,web,0
ann,2026-03-02 10:05:00,cart,web,0
ann,2026-03-02 10:20:00,purchase,web,30
bob,2026-03-03 12:00:00,view,app,0
bob,2026-03-03 12:50:00,cart,app,0
cyd,2026-03-24 08:00:00,view,app,0
,2026-03-25 08:00:00,view,app,0
"""
ROLES = ["--customer", "user", "--time", "at", "--event", "what"]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(EVENTS, encoding="utf-8")
    return path


def command(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m safar` as a user would; options are those of `subprocess.run`."""
    package = str(Path(safar.__file__).parents[1])
    path = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])
    given = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "encoding": "utf-8",
        "check": False,
    } | options
    given["env"] = os.environ | {"PYTHONPATH": path} | options.get("env", {})
    return subprocess.run([sys.executable, "-m", "safar", *map(str, arguments)], **given)


def table(path: Path) -> dict[str, list[Any]]:
    """Return the columns of a Parquet file, read by another library."""
    columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return columns


def test_a_report_writes_page_tables_and_specs(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = command(
        "report",
        events,
        *ROLES,
        "--channel",
        "where",
        "--value",
        "worth",
        "--steps",
        "view,cart,purchase",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {
        "conversion.parquet",
        "conversion_by_channel.parquet",
        "customers_by_channel.parquet",
        "funnel.parquet",
        "funnel_by_channel.parquet",
        "index.html",
        "rejects.parquet",
        "retention.parquet",
        "sessions.parquet",
        "specs.json",
        "transitions.parquet",
    }
    assert "6 events of 3 customers" in done.stdout
    assert "1 of 7 rows rejected" in done.stdout
    assert str(out / "index.html") in done.stdout
    assert "Traceback" not in done.stderr


def test_the_tables_of_a_report_are_those_of_the_library(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command("report", events, *ROLES, "--steps", "view,cart|purchase", "--within", "7d", "--out", out)
    log = safar.read(events, customer="user", time="at", event="what")
    expected = log.funnel(["view", ("cart", "purchase")], within="7d").to_dict()
    written = table(out / "funnel.parquet")
    assert written["customers"] == expected["customers"] == [3, 2]
    assert written["still_open"] == expected["still_open"]
    assert table(out / "rejects.parquet")["column"] == ["user"]


MAP = """
version = 1
[[stage]]
id = "look"
name = { en = "Looking", fa = "بررسی" }
[[stage]]
id = "buy"
[[touchpoint]]
id = "page"
stage = "look"
event = "view"
[[touchpoint]]
id = "till"
stage = "buy"
event = ["cart", "purchase"]
[[kpi]]
id = "buyers"
name = "Buyers & friends"
stage = "buy"
definition = "Of those who looked, those who bought"
numerator = "event = 'purchase'"
denominator = "touchpoint = 'page'"
unit = "%"
direction = "up"
target = 90
"""


def test_a_report_through_a_map_shows_its_stages_and_its_targets(events: Path, tmp_path: Path) -> None:
    (tmp_path / "journey.toml").write_text(MAP, encoding="utf-8")
    out = tmp_path / "out"
    done = command("report", events, *ROLES, "--map", tmp_path / "journey.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    page = (out / "index.html").read_text(encoding="utf-8")
    for text in (
        "Stages of the journey",
        "Looking",
        "KPIs against their targets",
        "Buyers &amp; friends",
        "Alerts",
    ):
        assert text in page
    assert table(out / "stages.parquet")["stage"] == ["look", "buy"]
    log = safar.read(events, customer="user", time="at", event="what")
    expected = safar.kpis(log, safar.JourneyMap(MAP), period="week").to_dict()
    assert table(out / "kpis.parquet")["value"] == expected["value"]
    assert {"stages", "kpis"} <= set(json.loads((out / "specs.json").read_text(encoding="utf-8")))


def test_what_is_wrong_with_a_map_is_told(events: Path, tmp_path: Path) -> None:
    (tmp_path / "journey.toml").write_text(MAP.replace('stage = "buy"', 'stage = "by"'), encoding="utf-8")
    done = command("report", events, *ROLES, "--map", tmp_path / "journey.toml", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert 'did you mean "buy"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_specs_of_a_report_replay_it(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command("report", events, *ROLES, "--out", out)
    log = safar.read(events, customer="user", time="at", event="what")
    specs = json.loads((out / "specs.json").read_text(encoding="utf-8"))
    assert set(specs) == {"conversion", "funnel", "retention", "sessions", "transitions"}
    for name, spec in specs.items():
        again = safar.Spec.from_json(json.dumps(spec)).run(log)
        assert len(again) == parquet.read_metadata(out / f"{name}.parquet").num_rows


def on_terminal(*arguments: object) -> tuple[str, str]:
    """Run the command with a terminal as its standard error; what it wrote there, and on standard output."""
    ours, its = pty.openpty()
    done = command(*arguments, stderr=its, check=True)
    os.close(its)
    written = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    return written.decode(), done.stdout


def assert_steps(written: str) -> None:
    told = [line.split() for line in written.splitlines()]
    assert [line[-1] for line in told] == ["s"] * len(told)
    assert all(float(line[-2]) >= 0 for line in told)
    assert [line[0] for line in told][:1] == ["event"]
    assert [line[0] for line in told][-1:] == ["files"]


def test_steps_are_told_on_a_terminal_and_where_it_is_asked_for(events: Path, tmp_path: Path) -> None:
    arguments = ["report", events, *ROLES, "--out", tmp_path / "out"]
    assert_steps(on_terminal(*arguments)[0])
    assert_steps(command(*arguments, "--verbose").stderr)
    silent = command(*arguments)
    assert silent.stderr == ""
    assert "6 events of 3 customers" in silent.stdout


def test_a_quiet_command_says_nothing_but_errors(events: Path, tmp_path: Path) -> None:
    arguments = ["report", events, *ROLES, "--out", tmp_path / "out", "--quiet"]
    told, results = on_terminal(*arguments)
    assert told.strip().splitlines() == [told.strip()]
    assert told.startswith("safar: 1 of 7 rows were rejected (customer missing 1)")
    assert results == ""
    assert (tmp_path / "out" / "index.html").exists()
    refused = command(*arguments, "--active", "veiw")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert 'did you mean "view"?' in refused.stderr
    assert command(*arguments, "--verbose").returncode == 2


def test_the_page_goes_to_the_file_that_is_named(events: Path, tmp_path: Path) -> None:
    page, out = tmp_path / "pages" / "monday.html", tmp_path / "out"
    done = command("report", events, *ROLES, "--dashboard", page)
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["monday.html"]
    assert page.as_uri() in done.stdout
    assert "specs.json" not in done.stdout
    done = command("report", events, *ROLES, "--dashboard", page, "--out", out)
    assert done.returncode == 0, done.stderr
    assert (out / "funnel.parquet").exists()
    assert not (out / "index.html").exists()


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refused command says."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("safar: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("safar: ").strip()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "there is no place to write to; give --out DIR"),
        (["--out", "{events}"], "is a file; expected a folder"),
        (["--out", "{events}/below"], 'events.csv", which is a file; expected a folder'),
        (["--dashboard", "{folder}"], "is not the name of a page"),
        (["--dashboard", "{events}"], "is not the name of a page"),
        (["--dashboard", "{events}/page.html"], "is a file; expected a folder"),
        (["--dashboard", "/proc/nothing/page.html"], "/proc"),
        (["--out", "{folder}/out", "--answer-events", "view"], "--answer-events says something of --surveys"),
        (["--out", "{folder}/out", "--kind", "nps"], "--kind says something of --surveys"),
        (["--out", "{folder}/out", "--personas", "user"], "--personas says something of --map"),
        (["--out", "{folder}/out", "--map", "{folder}/none.toml"], "none.toml: No such file"),
        (["--out", "{folder}/out", "--profiles", "{folder}/none.csv"], "no file matches"),
        (["--out", "{folder}/out", "--surveys", "{folder}/none.csv"], "no file matches"),
        (["--out", "{folder}/out", "--surveys", "{folder}/empty.csv"], "empty.csv: the file is empty"),
        (["--out", "{folder}/out", "--surveys", "{folder}/heads.csv"], 'has no column "at"'),
        (["--out", "{folder}/out", "--surveys", "{folder}/rows.csv"], "the surveys have no rows"),
        (["--out", "{folder}/out", "--profiles", "{folder}/none_of_it.csv"], '"user"'),
        (["--out", "{folder}/out", "--channel", "wher"], 'did you mean "where"'),
        (["--out", "{folder}/out", "--delimiter", ";;"], "--delimiter ';;' is not one ASCII character"),
        (["--out", "{folder}/out", "--conversion", "purchas"], 'did you mean "purchase"?'),
        (["--out", "{folder}/out", "--title", " "], "--title ' ' is empty"),
        (["--out", "{folder}/out", "--attributes", "none"], "another one can be given with --delimiter"),
        (
            ["--out", "{folder}/out", "--attributes", "user"],
            "in --attributes and for --customer; leave it out",
        ),
        (["--out", "{folder}/out", "--filters", "nobody"], "build the log with --attributes nobody"),
        (["--out", "{folder}/out", "--value", "what"], "--value needs a column of numbers"),
        (["--out", "{folder}/out", "--steps", ""], "step"),
    ],
)
def test_each_thing_that_can_not_be_used_is_told_in_a_line(
    events: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    for name, text in {
        "empty.csv": "",
        "heads.csv": "user,score\n",
        "rows.csv": "user,at,score,kind\n",
        "none_of_it.csv": "who,plan\nann,pro\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    places = {"events": str(events), "folder": str(tmp_path)}
    given = [option.format(**places) for option in options]
    assert message in one_line(command("report", events, *ROLES, *given))
    assert not (tmp_path / "out").exists()
    assert events.read_text(encoding="utf-8") == EVENTS


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "the file is empty"), ("user,at,what\n", "the data have no rows"), ("user,at,what\n,,\n", "no")],
)
def test_a_file_without_events_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text, encoding="utf-8")
    assert message in one_line(command("report", path, *ROLES, "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_is_told(events: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    for place in ([*ROLES, "--out", closed / "out"], [*ROLES, "--dashboard", closed / "page.html"]):
        assert "nothing can be written into the folder" in one_line(command("report", events, *place))


def test_a_folder_that_the_system_refuses_is_told_before_any_work(
    events: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("safar.cli.target.os.access", lambda *_: False)
    monkeypatch.setattr("safar.log.read", lambda *_, **__: pytest.fail("the events are read"))
    assert main(["report", str(events), *ROLES, "--out", str(tmp_path / "out")]) == 2
    assert "nothing can be written into the folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        (safar.errors.InternalError("a fault; please report it"), 1, "safar: a fault; please report it\n"),
        (KeyboardInterrupt(), 130, "safar: interrupted; files that were not finished are not kept\n"),
        (OSError(28, "No space left on device", "x"), 2, "safar: No space left on device (x)\n"),
    ],
)
def test_the_exit_code_says_what_happened(
    events: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    problem: BaseException,
    code: int,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("safar.log.read", fail)
    assert main(["report", str(events), *ROLES, "--out", str(tmp_path / "out")]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("arguments", [[], ["report"], ["demo"]])
def test_the_help_says_what_the_exit_codes_are(arguments: list[str]) -> None:
    done = command(*arguments, "--help")
    assert done.returncode == 0
    codes = done.stdout[done.stdout.index("exit codes:") :].splitlines()[1:]
    assert [line.split()[0] for line in codes if line.strip()] == ["0", "1", "2", "130"]


def test_every_option_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[1] / "docs" / "command.md").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z-]+", command("report", "--help").stdout)) - {"--help"}
    assert options
    assert not {option for option in options if not re.search(rf"{option}\b(?!-)", page)}


def test_a_reader_who_leaves_early_is_no_error(events: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = command("report", events, *ROLES, "--out", tmp_path / "out", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "index.html").exists()


def test_a_summary_is_in_the_language_of_the_page(events: Path, tmp_path: Path) -> None:
    done = command("report", events, *ROLES, "--language", "fa", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    said = done.stdout.replace(str(tmp_path), "").replace((tmp_path / "out").as_uri(), "")
    assert "۶ رویداد از ۳ مشتری" in said
    assert "۱ ردیف از ۷ ردیف رد شد: بی مشتری ۱" in said
    words = set(re.findall(r"[A-Za-z]{2,}", said)) - {
        "view",
        "cart",
        "purchase",
        "UTC",
        "Parquet",
        "specs",
        "json",
    }
    assert words <= {"out", "index", "html", "file"}
    assert "line:" not in command("report", events, *ROLES, "--out", tmp_path / "out").stdout


def test_a_page_in_both_languages_on_dark_paper(events: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = command("report", events, *ROLES, "--language", "fa,en", "--theme", "dark", "--dashboard", page)
    assert done.returncode == 0, done.stderr
    assert "۶ رویداد از ۳ مشتری" in done.stdout
    html = page.read_text(encoding="utf-8")
    assert re.findall(r'<div class="page" lang="(..)"', html) == ["fa", "en"]
    assert "@media screen{:root{color-scheme:dark" in html
    for given, said in (("fa,de", '"de" is no language of pages'), (",", "no language is given")):
        done = command("report", events, *ROLES, "--language", given, "--dashboard", page)
        assert done.returncode == 2
        assert f"{said}; expected en, fa or fa,en" in done.stderr


def test_a_terminal_that_knows_no_persian_is_no_error(events: Path, tmp_path: Path) -> None:
    arguments = ["report", events, *ROLES, "--language", "fa", "--out", tmp_path / "out"]
    done = command(*arguments, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "\\u06f6" in done.stdout


def test_readers_choose_by_what_is_named(events: Path, tmp_path: Path) -> None:
    def choices(*options: str) -> int:
        page = tmp_path / "page.html"
        done = command("report", events, *ROLES, "--attributes", "where", *options, "--dashboard", page)
        assert done.returncode == 0, done.stderr
        return page.read_text(encoding="utf-8").count("<select")

    assert choices("--filters", "where") == 1
    assert choices("--filters", "") == 0


def test_the_sign_between_fields_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("user|at|what\nann|2026-03-02|a,b;c\n", encoding="utf-8")
    done = command("report", path, *ROLES, "--delimiter", "|", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "out" / "funnel.parquet")["name"][0] == "1st a,b;c"


def test_only_its_own_files_are_overwritten(events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep me", encoding="utf-8")
    (out / "index.html").write_text("an old page", encoding="utf-8")
    assert main(["report", str(events), *ROLES, "--out", str(out)]) == 0
    assert (out / "mine.txt").read_text(encoding="utf-8") == "keep me"
    assert "an old page" not in (out / "index.html").read_text(encoding="utf-8")
    assert not [path.name for path in out.iterdir() if "partial" in path.name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--customer", "usr"], 'did you mean "user"?'),
        (["--steps", "view,buy"], 'step 2 "buy" is not an event of this log'),
        (["--within", "soon"], "--within 'soon' is not a duration"),
        (["--timezone", "Mars/Base"], "'Mars/Base' is not a time zone"),
    ],
)
def test_what_can_not_be_used_is_told_without_a_traceback(
    events: Path, tmp_path: Path, change: list[str], message: str
) -> None:
    done = command("report", events, *ROLES, "--steps", "view,cart", *change, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    done = command("report", tmp_path / "none.csv", *ROLES, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "none.csv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_is_told(events: Path, tmp_path: Path) -> None:
    done = command("report", events, *ROLES, "--out", events)
    assert done.returncode == 2
    assert "is a file; expected a folder" in done.stderr
    assert events.read_text(encoding="utf-8") == EVENTS


def test_the_version_is_that_of_the_package() -> None:
    assert command("--version").stdout == f"safar {safar.__version__}\n"


@pytest.mark.parametrize("given", [["--nope"], ["demo", "--theme", "loud"], ["report", "x.csv"], []])
def test_what_is_no_usage_is_told_as_all_else_before_the_usage(given: list[str]) -> None:
    done = command(*given)
    assert (done.returncode, done.stdout) == (2, "")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("safar: ")
    assert rest[0].startswith("usage: safar")
    assert not any(line.startswith("safar: ") for line in rest)


def test_the_demo_runs_and_looks_for_every_planted_truth(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = command("demo", "--customers", "1500", "--seed", "3", "--out", out)
    assert done.returncode == 0, done.stderr
    for truth in safar.datasets.shop(10).truths:
        assert f"  {truth.name}: " in done.stdout
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Demo shop" in page
    log = safar.datasets.shop(1500, seed=3).log()
    assert f"{len(log):,} events of {log.customers:,} customers" in done.stdout
    assert sum(table(out / "sessions.parquet")["events"]) == len(log)


def real(name: str) -> Path:
    """Return a file of the real data, or skip."""
    default = Path(__file__).parents[2] / "shared" / "data"
    path = Path(os.environ.get("SAFAR_DATA", default)) / name
    if not path.exists():
        pytest.skip(f"{name} is not here; SAFAR_DATA names the folder of the real data")
    return path


def test_a_shop_s_clicks_become_a_report(tmp_path: Path) -> None:
    path = real("retentioneering_ecom/ecom.csv.gz")
    out = tmp_path / "out"
    done = command(
        "report",
        path,
        "--customer",
        "user_id",
        "--time",
        "timestamp",
        "--event",
        "event",
        "--channel",
        "acquisition_channel",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert "31,106 events of 600 customers" in done.stdout


def test_a_retailer_s_orders_become_a_report(tmp_path: Path) -> None:
    path = real("online_retail/online_retail.parquet")
    out = tmp_path / "out"
    done = command(
        "report",
        path,
        "--customer",
        "CustomerID",
        "--time",
        "InvoiceDate",
        "--event",
        "Country",
        "--value",
        "Quantity",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    # 541,909 lines, of which 135,080 name no customer.
    assert "406,829 events of 4,372 customers" in done.stdout
    assert "135,080 of 541,909 rows rejected" in done.stdout


MAP_OF_SHOP = """
version = 1
[[stage]]
id = "look"
[[stage]]
id = "buy"
[[touchpoint]]
id = "page"
stage = "look"
event = ["visit", "view_product", "search"]
[[touchpoint]]
id = "till"
stage = "buy"
event = ["checkout", "purchase"]
"""


def test_profiles_and_surveys_stand_beside_the_events_of_a_report(tmp_path: Path) -> None:
    shop = safar.datasets.shop(400)
    log = shop.log()
    log.to_polars().select("customer", "time", "event", "channel").rename(
        {"customer": "customer_id"}
    ).write_csv(tmp_path / "events.csv")
    surveys = pl.DataFrame(shop.surveys).select("customer_id", "time", "score", "kind")
    surveys.write_csv(tmp_path / "surveys.csv")
    people = pl.DataFrame({"customer_id": surveys["customer_id"].unique().sort()})
    people.with_columns(
        group=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("even")).otherwise(pl.lit("odd"))
    ).write_csv(tmp_path / "profiles.csv")
    (tmp_path / "journey.toml").write_text(MAP_OF_SHOP, encoding="utf-8")
    arguments = [
        "report", tmp_path / "events.csv", "--customer", "customer_id", "--time", "time", "--event", "event",
        "--channel", "channel", "--timezone", "Asia/Tehran", "--map", tmp_path / "journey.toml",
    ]  # fmt: skip
    out = tmp_path / "out"
    done = command(
        *arguments, "--profiles", tmp_path / "profiles.csv", "--surveys", tmp_path / "surveys.csv",
        "--personas", "group", "--answer-events", "nps_answer,csat_answer,ces_answer", "--language", "fa", "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = (out / "index.html").read_text(encoding="utf-8")
    assert 'lang="fa"' in page
    assert "نقشهٔ سفر" in page
    assert page.count('type="radio"') == 3
    assert 'class="face' in page
    answers = surveys.filter(pl.col("kind") == "csat").drop("kind")
    answers.write_csv(tmp_path / "surveys.csv")
    done = command(*arguments, "--surveys", tmp_path / "surveys.csv", "--kind", "csat", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "CSAT over time" in (out / "index.html").read_text(encoding="utf-8")
    assert 'such as --kind "nps"' in one_line(
        command(*arguments, "--surveys", tmp_path / "surveys.csv", "--out", out)
    )
    surveys.write_csv(tmp_path / "surveys.csv")
    twice = command(*arguments, "--surveys", tmp_path / "surveys.csv", "--kind", "csat", "--out", out)
    assert "leave one of them out" in one_line(twice)
    surveys.rename({"score": "points"}).write_csv(tmp_path / "surveys.csv")
    done = command(*arguments, "--surveys", tmp_path / "surveys.csv", "--out", out)
    assert done.returncode == 2
    assert '"score"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_without_a_place_to_print_ends_well(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "u,t,e\na,2026-01-01,x\na,2026-01-02,y\nb,2026-01-02,x\n,2026-01-02,x\n", encoding="utf-8"
    )
    command = f'"{sys.executable}" -m safar report "{tmp_path / "e.csv"}" --customer u --time t --event e'
    for number, ending in enumerate((">&-", ">&- 2>&-")):
        page = tmp_path / f"{number}.html"
        ended = subprocess.run(["sh", "-c", f'{command} --dashboard "{page}" {ending}'], check=False)
        assert ended.returncode == 0
        assert page.exists()


def test_rejected_rows_are_told_to_those_who_want_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.csv").write_text("u,t,e\na,2026-01-01,x\na,soon,y\nb,2026-01-02,x\n", encoding="utf-8")
    given = ["report", str(tmp_path / "e.csv"), "--customer", "u", "--time", "t", "--event", "e", "--quiet"]
    assert main([*given, "--out", str(tmp_path / "o")]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("safar: 1 of 3 rows were rejected (")
    assert "rejects.parquet" in said.err


@pytest.mark.parametrize(
    "option", [["--out", ""], ["--dashboard", " "], ["--attributes", "x\ny", "--out", "o"]]
)
def test_what_is_no_name_is_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["report", "e.csv", "--customer", "u", "--time", "t", "--event", "e", *option])
    assert ended.value.code == 2
    assert option[0] in capsys.readouterr().err
