"""The command `safar`: a page and tables from demo data or from a file of events."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from safar.errors import ArgumentError, SafarError

if TYPE_CHECKING:
    from safar._core import Table
    from safar.datasets import Shop
    from safar.log import EventLog
    from safar.pages import Page

__all__ = ["main"]

# What customers do by themselves in the demo shop: e-mails and deliveries come to those who have long gone.
_SHOP_ACTIVE = ("visit", "store_visit")

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        What stands after ``safar``; by default that of this process.

    Returns
    -------
    int
        0, or 2 where something given can't be used, or 130 where it was interrupted.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
    except SafarError as problem:
        print(f"safar: {problem}", file=sys.stderr)
        return 2
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        print(f"safar: {problem.strerror or problem}{where}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("safar: interrupted; files that were not finished are not kept", file=sys.stderr)
        return 130
    return 0


class _Version(argparse.Action):
    """Print the version; the compiled core is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from safar import __version__

        print(f"safar {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="safar",
        description="Customer-journey analytics: from events to funnels, retention, sessions and transitions.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    demo = commands.add_parser("demo", help="make up a shop, analyse it and write a page")
    demo.add_argument("--customers", type=int, default=10_000, help="how many (default: 10000)")
    demo.add_argument("--seed", type=int, default=7, help="start of the random numbers (default: 7)")
    demo.add_argument("--out", type=Path, default=Path("safar-demo"), help="folder (default: safar-demo)")
    _language(demo)
    demo.set_defaults(run=_demo)
    report = commands.add_parser("report", help="analyse files of events and write a page")
    report.add_argument(
        "files", nargs="+", metavar="FILE", help="parquet, csv, csv.gz, tsv, arrow; patterns may be used"
    )
    report.add_argument("--customer", required=True, metavar="COLUMN", help="column that says who")
    report.add_argument("--time", required=True, metavar="COLUMN", help="column that says when")
    report.add_argument("--event", required=True, metavar="COLUMN", help="column that says what")
    report.add_argument("--channel", metavar="COLUMN", help="column with the channel of the event")
    report.add_argument(
        "--value", metavar="COLUMN", help="column with the value of the event, such as revenue"
    )
    report.add_argument(
        "--attributes",
        type=_list,
        default=[],
        metavar="A,B",
        help="further columns; “stage” gives the funnel",
    )
    report.add_argument(
        "--timezone", default="UTC", metavar="ZONE", help="such as Asia/Tehran (default: UTC)"
    )
    report.add_argument(
        "--time-unit", choices=["s", "ms", "us", "ns"], help="what numbers in the time column count"
    )
    report.add_argument(
        "--observed-until",
        metavar="TIME",
        help="last instant that the data covers (default: the latest event)",
    )
    report.add_argument(
        "--steps", type=_list, metavar="A,B,C", help="events of the funnel; A|B is A or B (default: chosen)"
    )
    report.add_argument(
        "--within", metavar="DURATION", help="window of the funnel, such as 7d (default: chosen)"
    )
    report.add_argument(
        "--conversion", type=_list, metavar="A,B", help="events that are a conversion (default: chosen)"
    )
    report.add_argument(
        "--active", type=_list, metavar="A,B", help="events that show that a customer is there (default: any)"
    )
    report.add_argument(
        "--map", metavar="FILE", help="journey map (TOML): its stages, and its KPIs against their targets"
    )
    report.add_argument(
        "--profiles",
        metavar="FILE",
        help="attributes of customers, a row each; the customers' ids stand in the column of --customer",
    )
    report.add_argument(
        "--surveys",
        metavar="FILE",
        help="answers of customers, a row each: the columns of --customer and --time, score, and kind if there are "
        "several",
    )
    report.add_argument(
        "--answer-events",
        type=_list,
        default=[],
        metavar="A,B",
        help="events that are the answers themselves: what was before them is what they are said of",
    )
    report.add_argument(
        "--personas",
        metavar="COLUMN",
        help="column whose values have a journey map of their own, beside that of everybody",
    )
    report.add_argument("--title", help="heading of the page")
    report.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the page and the tables"
    )
    _language(report)
    report.set_defaults(run=_report)
    return parser


def _language(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--language",
        choices=["en", "fa"],
        default="en",
        help="of the page: English, or Persian with Jalali dates, from right to left (default: en)",
    )


def _list(text: str) -> list[str]:
    """Split names at commas; a name with a comma stands in double quotes."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]


class _Steps:
    """Times each step and tells of it on stderr."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()

    def tell(self, what: str, seconds: float) -> None:
        print(f"{what:<24}{seconds:8.2f} s", file=sys.stderr, flush=True)

    def run(self, what: str, work: Callable[[], T]) -> T:
        from safar._progress import progress

        begin = time.perf_counter()
        with progress() if sys.stderr.isatty() else nullcontext():
            done = work()
        self.tell(what, time.perf_counter() - begin)
        return done

    @property
    def total(self) -> float:
        return time.perf_counter() - self.begin


def _demo(options: argparse.Namespace) -> None:
    from safar.datasets import shop
    from safar.findings import findings
    from safar.journey_map import JourneyMap
    from safar.language import Locale
    from safar.pages import dashboard

    steps = _Steps()
    folder = _folder(options.out)
    data = steps.run("demo data", lambda: shop(options.customers, seed=options.seed))
    log = steps.run("event log", lambda: data.log().with_map(JourneyMap.shop()))
    log = steps.run("surveys", lambda: _shop_surveys(data, log))
    page = dashboard(
        log,
        title=Locale(options.language).say("Demo shop: customer journey"),
        conversion="purchase",
        personas="persona",
        active=[name for name in _SHOP_ACTIVE if name in log.events] or None,
        language=options.language,
        progress=steps.tell,
    )
    found = steps.run("planted truths", lambda: findings(data, log))
    steps.run("files", lambda: _write(folder, page, log))
    _summary(page, log)
    print("\nPlanted in the data, and what the analyses see:")
    for line in found:
        print(f"  {line}")
    _end(folder, page, steps)


def _shop_surveys(data: Shop, log: EventLog) -> EventLog:
    return log.with_scores(
        data.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events=["nps_answer", "csat_answer", "ces_answer"],
    )


def _report(options: argparse.Namespace) -> None:
    from safar.log import read
    from safar.pages import dashboard

    steps = _Steps()
    log = steps.run(
        "event log",
        lambda: read(
            options.files,
            customer=options.customer,
            time=options.time,
            event=options.event,
            channel=options.channel,
            value=options.value,
            attributes=options.attributes,
            timezone=options.timezone,
            time_unit=options.time_unit,
            observed_until=options.observed_until,
        ),
    )
    log = _beside(log, options, steps)
    folder = _folder(options.out)
    page = dashboard(
        log,
        title=options.title,
        funnel_steps=None if options.steps is None else [_step(text) for text in options.steps],
        within=options.within,
        conversion=options.conversion,
        active=options.active,
        personas=options.personas,
        language=options.language,
        progress=steps.tell,
    )
    steps.run("files", lambda: _write(folder, page, log))
    _summary(page, log)
    _end(folder, page, steps)


def _beside(log: EventLog, options: argparse.Namespace, steps: _Steps) -> EventLog:
    """The log with what stands beside it: profiles, a map, surveys."""
    from safar._core import Table
    from safar._files import files_of
    from safar.journey_map import JourneyMap

    def table(file: str) -> Table:
        return Table.read(files_of(file))

    if options.profiles is not None:
        log = steps.run("profiles", lambda: log.with_profiles(table(options.profiles), key=options.customer))
    if options.map is not None:
        journey_map = JourneyMap.load(options.map)
        log = steps.run("journey map", lambda: log.with_map(journey_map))
    if options.surveys is not None:
        surveys = table(options.surveys)
        log = steps.run(
            "surveys",
            lambda: log.with_scores(
                surveys,
                customer=options.customer,
                time=options.time,
                score="score",
                kind="kind" if "kind" in surveys.names else None,
                answer_events=options.answer_events,
            ),
        )
    return log


def _step(text: str) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("|"))
    return names[0] if len(names) == 1 else names


def _folder(path: Path) -> Path:
    """Make the folder; one that exists is used as it is."""
    if path.exists() and not path.is_dir():
        raise ArgumentError(f'--out "{path}" is a file; expected a folder, which is made where it is missing')
    path.mkdir(parents=True, exist_ok=True)
    return path


def _write(folder: Path, page: Page, log: EventLog) -> None:
    """Write page, tables and specs; nothing else in the folder is touched."""
    for name, result in page.results.items():
        _write_table(folder / f"{name}.parquet", result.table)
    _write_table(folder / "rejects.parquet", log.rejects.table)
    specs = {name: json.loads(result.spec) for name, result in page.results.items()}
    text = json.dumps(specs, indent=2, ensure_ascii=False) + "\n"
    _replace(folder / "specs.json", lambda path: path.write_text(text, encoding="utf-8"))
    page.save(folder / "index.html")


def _write_table(path: Path, table: Table) -> None:
    _replace(path, lambda partial: table.write_parquet(os.fspath(partial)))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the file and move it there, so that no reader sees half of it."""
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _summary(page: Page, log: EventLog) -> None:
    """Print what was read and the key figures."""
    from safar.language import ENGLISH

    locale = page.locale
    bad = sum(log.rejected.values())
    reasons = ", ".join(f"{reason.replace('_', ' ')} {number:,}" for reason, number in log.rejected.items())
    print(
        f"{len(log):,} events of {log.customers:,} customers, {ENGLISH.day(log.first)} to {ENGLISH.day(log.last)} "
        f"({log.timezone}); {bad:,} of {log.info['rows']:,} rows rejected" + (f": {reasons}" if bad else "")
    )
    for tile in page.tiles:
        detail = "" if tile.detail is None else f"  {tile.detail}"
        print(f"  {tile.label:<16}{locale.value(tile.value, tile.unit):>12}{detail}")
    funnel = page.results["funnel"].to_dict()
    way = " → ".join(
        f"{name} {number:,}" for name, number in zip(funnel["name"], funnel["customers"], strict=True)
    )
    print(f"  {'Funnel':<16}{way}")


def _end(folder: Path, page: Page, steps: _Steps) -> None:
    index = (folder / "index.html").resolve()
    print(f"\n{len(page.results)} result tables (Parquet) and specs.json are in {folder.resolve()}")
    print(f"Done in {steps.total:.1f} s. The page: {index}")
    print(f"Open it in any browser: {index.as_uri()}")
