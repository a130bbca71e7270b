"""The command: files that it writes, errors that it tells, and real data."""

from __future__ import annotations

import json
import os
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


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m safar` as a user would."""
    package = str(Path(safar.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-m", "safar", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


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


def test_steps_are_told_with_their_seconds_on_stderr(events: Path, tmp_path: Path) -> None:
    done = command("report", events, *ROLES, "--out", tmp_path / "out")
    told = [line.split() for line in done.stderr.splitlines()]
    assert [line[-1] for line in told] == ["s"] * len(told)
    assert all(float(line[-2]) >= 0 for line in told)
    assert told[0][:2] == ["event", "log"]


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
        (["--within", "soon"], "within='soon' is not a duration"),
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


def test_no_command_is_a_usage_error() -> None:
    done = command()
    assert done.returncode == 2
    assert "usage: safar" in done.stderr


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
    surveys.rename({"score": "points"}).write_csv(tmp_path / "surveys.csv")
    done = command(*arguments, "--surveys", tmp_path / "surveys.csv", "--out", out)
    assert done.returncode == 2
    assert '"score"' in done.stderr
    assert "Traceback" not in done.stderr
