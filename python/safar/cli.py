"""The command `safar`: a page and tables from demo data or from a file of events."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from safar.errors import ArgumentError, InternalError, SafarError

if TYPE_CHECKING:
    from safar._core import Table
    from safar.datasets import Shop
    from safar.journey_map import JourneyMap
    from safar.log import EventLog
    from safar.pages import Page

__all__ = ["main"]

# What customers do by themselves in the demo shop: e-mails and deliveries come to those who have long gone.
_SHOP_ACTIVE = ("visit", "store_visit")
_DEMO_FOLDER = Path("safar-demo")
_MANNERS = """\
Results are said on standard output, in the language of the page. Errors are said on standard error, a line each, and so
is how far the work is: on a terminal, or anywhere with --verbose.

exit codes:
  0    the files are written
  1    a fault of safar itself
  2    something given can't be used: an argument, a column, a file, a folder
  130  interrupted
"""

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
        0, or 1 for a fault of safar itself, or 2 where something given can't be used, or 130 where it was interrupted.
    """
    try:
        options = _parser().parse_args(arguments)
        for stream in (sys.stdout, sys.stderr):
            # Where Persian can't be written, its letters are named instead.
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        run: Callable[[argparse.Namespace], None] = options.run
        run(options)
        # A process may have been started without any place to print to.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the summary has gone, and the files are there; nothing may be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except InternalError as problem:
        return _failed(str(problem), 1)
    except SafarError as problem:
        return _failed(str(problem), 2)
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        return _failed(f"{problem.strerror or problem}{where}", 2)
    except KeyboardInterrupt:
        return _failed("interrupted; files that were not finished are not kept", 130)
    return 0


def _failed(message: str, code: int) -> int:
    for line in message.splitlines():
        print(f"safar: {line}", file=sys.stderr)
    return code


def _place(text: str) -> Path:
    """A file or folder; an empty name, as of a variable that is not set, is none."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; expected a name")
    return Path(text)


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
        epilog=_MANNERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    demo = _command(commands, "demo", "make up a shop, analyse it and write a page")
    demo.add_argument("--customers", type=int, default=10_000, help="how many (default: 10000)")
    demo.add_argument("--seed", type=int, default=7, help="start of the random numbers (default: 7)")
    _outputs(demo, f"default, where --dashboard does not stand alone: {_DEMO_FOLDER}")
    _language(demo)
    demo.set_defaults(run=_demo)
    report = _command(commands, "report", "analyse files of events and write a page")
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
        "--delimiter", metavar="SIGN", help="what stands between the fields of a csv (default: found out)"
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
        "--kind",
        choices=["nps", "csat", "ces"],
        help="of which kind all answers are, where the surveys have no column kind",
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
    report.add_argument(
        "--filters",
        type=_list,
        metavar="A,B",
        help="columns that readers of the page choose customers by, also channel and period; an empty text has no "
        "choice (default: personas, channel, period)",
    )
    report.add_argument("--title", help="heading of the page")
    _outputs(report, "this or --dashboard is needed")
    _language(report)
    report.set_defaults(run=_report)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_MANNERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    said = command.add_mutually_exclusive_group()
    said.add_argument("--quiet", action="store_true", help="say nothing but errors")
    said.add_argument(
        "--verbose",
        action="store_true",
        help="tell of each step and its seconds, also where it is no terminal",
    )
    return command


def _outputs(command: argparse.ArgumentParser, when: str) -> None:
    command.add_argument(
        "--out",
        type=_place,
        metavar="DIR",
        help="folder for the tables (Parquet), and for the page as index.html unless --dashboard says where; made "
        f"where it is missing ({when})",
    )
    command.add_argument(
        "--dashboard",
        type=_place,
        metavar="FILE",
        help="file for the page; without --out nothing else is written",
    )


def _language(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--language",
        type=_languages,
        default=["en"],
        metavar="en|fa|fa,en",
        help="of the page: English, or Persian with Jalali dates, from right to left; with both a reader switches "
        "between them, and the first is shown first (default: en)",
    )
    command.add_argument(
        "--theme",
        choices=["light", "dark", "auto"],
        default="light",
        help="paper of the page; auto is that of the reader's system (default: light)",
    )


def _languages(text: str) -> list[str]:
    """The languages of a page, the first shown first."""
    from safar._typing import Language

    known = get_args(Language)
    names = _list(text)
    strange = [name for name in names if name not in known]
    if strange or not names:
        said = f'"{strange[0]}" is no language of pages' if strange else "no language is given"
        raise argparse.ArgumentTypeError(f"{said}; expected en, fa or fa,en")
    return names


def _list(text: str) -> list[str]:
    """Split names at commas; a name with a comma stands in double quotes."""
    if "\n" in text or "\r" in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} has a line break; expected names with commas between them"
        )
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]


class _Steps:
    """Times each step, and tells of it where somebody looks on."""

    def __init__(self, options: argparse.Namespace) -> None:
        from safar._progress import Line

        self._begin = time.perf_counter()
        looked_at = sys.stderr is not None and sys.stderr.isatty()
        self._line = Line() if options.verbose or (looked_at and not options.quiet) else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Show how far each step is."""
        from safar._progress import progress

        if self._line is None:
            yield
            return
        try:
            with progress(self._line):
                yield
        finally:
            self._line.clear()

    def tell(self, what: str, seconds: float) -> None:
        if self._line is not None:
            self._line.clear()
            print(f"{what:<24}{seconds:8.2f} s", file=sys.stderr, flush=True)

    def run(self, what: str, work: Callable[[], T]) -> T:
        begin = time.perf_counter()
        done = work()
        self.tell(what, time.perf_counter() - begin)
        return done

    @property
    def total(self) -> float:
        return time.perf_counter() - self._begin


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the files go: the tables into a folder, if there is one, and the page into a file."""

    folder: Path | None
    page: Path

    @classmethod
    def of(cls, options: argparse.Namespace, default: Path | None = None) -> _Target:
        """Make sure that there is a place before anything is computed."""
        folder: Path | None = options.out
        if folder is None and options.dashboard is None:
            folder = default
        if folder is not None:
            _refuse_no_folder(folder, f'--out "{folder}"')
        if options.dashboard is not None:
            if options.dashboard.suffix.lower() not in (".html", ".htm") or options.dashboard.is_dir():
                raise ArgumentError(
                    f'--dashboard "{options.dashboard}" is not the name of a page; expected a file that ends with .html'
                )
            _refuse_no_folder(options.dashboard.absolute().parent, f'--dashboard "{options.dashboard}"')
            return cls(folder, options.dashboard)
        if folder is None:
            raise ArgumentError(
                "there is no place to write to; give --out DIR for the page and the tables, or --dashboard FILE for "
                "the page alone"
            )
        return cls(folder, folder / "index.html")

    def write(self, page: Page, log: EventLog) -> None:
        """Write page, tables and specs; nothing else in the folder is touched."""
        self.page.parent.mkdir(parents=True, exist_ok=True)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_tables(self.folder, page, log)
        page.save(self.page)


def _refuse_no_folder(folder: Path, given: str) -> None:
    """Refuse a folder that neither exists nor can be made, or that can't be written."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        what = "is a file" if nearest == folder else f'lies below "{nearest}", which is a file'
        raise ArgumentError(f"{given} {what}; expected a folder, which is made where it is missing")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ArgumentError(
            f'{given}: nothing can be written into the folder "{nearest}"; choose another one'
        )


def _demo(options: argparse.Namespace) -> None:
    from safar.datasets import shop
    from safar.findings import findings
    from safar.journey_map import JourneyMap
    from safar.language import Locale
    from safar.pages import dashboard

    target, steps = _Target.of(options, _DEMO_FOLDER), _Steps(options)
    with steps.watched():
        data = steps.run("demo data", lambda: shop(options.customers, seed=options.seed))
        log = steps.run("event log", lambda: data.log().with_map(JourneyMap.shop()))
        log = steps.run("surveys", lambda: _shop_surveys(data, log))
        page = dashboard(
            log,
            title={each: Locale(each).say("Demo shop: customer journey") for each in options.language},
            conversion="purchase",
            personas="persona",
            active=[name for name in _SHOP_ACTIVE if name in log.events] or None,
            language=options.language,
            theme=options.theme,
            progress=steps.tell,
        )
        found = steps.run("planted truths", lambda: findings(data, log))
        steps.run("files", lambda: target.write(page, log))
    if options.quiet:
        return
    _summary(page, log)
    locale = Locale(options.language[0])
    print(f"\n{locale.say('Planted in the data, and what the analyses see:')}")
    for line in found:
        print(f"  {locale.say(line)}")
    _end(target, page, steps)


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

    _refuse_alone(options)
    target, steps = _Target.of(options), _Steps(options)
    with steps.watched():
        beside = _Beside.of(options)
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
                delimiter=options.delimiter,
            ),
        )
        log = beside.put(log, options, steps)
        page = dashboard(
            log,
            title=options.title,
            funnel_steps=None if options.steps is None else [_step(text) for text in options.steps],
            within=options.within,
            conversion=options.conversion,
            active=options.active,
            personas=options.personas,
            filters=options.filters,
            language=options.language,
            theme=options.theme,
            progress=steps.tell,
        )
        steps.run("files", lambda: target.write(page, log))
    if options.quiet:
        _tell_rejected(target, log)
        return
    _summary(page, log)
    _end(target, page, steps)


def _refuse_alone(options: argparse.Namespace) -> None:
    """Refuse options that say something of another one that is not given."""
    for option, of in (("answer_events", "surveys"), ("kind", "surveys"), ("personas", "map")):
        if getattr(options, option) and getattr(options, of) is None:
            name = option.replace("_", "-")
            raise ArgumentError(
                f"--{name} says something of --{of}, which is not given; add --{of} FILE, or leave --{name} out"
            )


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the events, read before them: they take long, and a fault in a small file is told at once."""

    profiles: Table | None
    journey_map: JourneyMap | None
    surveys: Table | None

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Beside:
        from safar._core import Table
        from safar._files import files_of
        from safar.journey_map import JourneyMap

        def table(file: str | None) -> Table | None:
            return None if file is None else Table.read(files_of(file))

        journey_map = None if options.map is None else JourneyMap.load(options.map)
        return cls(table(options.profiles), journey_map, table(options.surveys))

    def put(self, log: EventLog, options: argparse.Namespace, steps: _Steps) -> EventLog:
        """The log with profiles, a map and surveys."""
        from safar.pages.given import with_surveys

        profiles, journey_map = self.profiles, self.journey_map
        if profiles is not None:
            log = steps.run("profiles", lambda: log.with_profiles(profiles, key=options.customer))
        if journey_map is not None:
            log = steps.run("journey map", lambda: log.with_map(journey_map))
        if self.surveys is not None:
            log = steps.run(
                "surveys",
                lambda: with_surveys(
                    log,
                    self.surveys,
                    options.kind,
                    customer=options.customer,
                    time=options.time,
                    time_unit=options.time_unit,
                    answer_events=options.answer_events,
                ),
            )
        return log


def _step(text: str) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in text.split("|"))
    return names[0] if len(names) == 1 else names


def _write_tables(folder: Path, page: Page, log: EventLog) -> None:
    for name, result in page.results.items():
        _write_table(folder / f"{name}.parquet", result.table)
    _write_table(folder / "rejects.parquet", log.rejects.table)
    specs = {name: json.loads(result.spec) for name, result in page.results.items()}
    text = json.dumps(specs, indent=2, ensure_ascii=False) + "\n"
    _replace(folder / "specs.json", lambda path: path.write_text(text, encoding="utf-8"))


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
    locale = page.locale
    said = "{events} events of {customers} customers, {first} to {last} ({timezone}); {bad} of {rows} rows rejected"
    reasons = [
        f"{locale.say(reason.replace('_', ' '))} {locale.count(number)}"
        for reason, number in log.rejected.items()
        if number
    ]
    read = locale.say(
        said,
        events=locale.count(len(log)),
        customers=locale.count(log.customers),
        first=locale.day(log.first),
        last=locale.day(log.last),
        timezone=log.timezone,
        bad=locale.count(sum(log.rejected.values())),
        rows=locale.count(log.info["rows"]),
    )
    print(read + (f": {locale.say(', ').join(reasons)}" if reasons else ""))
    for tile in page.tiles:
        detail = "" if tile.detail is None else f"  {tile.detail}"
        print(f"  {tile.label:<16}{locale.value(tile.value, tile.unit):>12}{detail}")
    funnel = page.results["funnel"].to_dict()
    way = locale.say(" → ").join(
        f"{locale.name(name)} {locale.count(number)}"
        for name, number in zip(funnel["name"], funnel["customers"], strict=True)
    )
    print(f"  {locale.say('Funnel'):<16}{way}")


def _tell_rejected(target: _Target, log: EventLog) -> None:
    """Say which rows are not among the events, also to those who want to hear of faults alone."""
    bad = sum(log.rejected.values())
    if not bad:
        return
    reasons = ", ".join(
        f"{reason.replace('_', ' ')} {number:,}" for reason, number in log.rejected.items() if number
    )
    where = "" if target.folder is None else f"; they are in {target.folder / 'rejects.parquet'}"
    print(f"safar: {bad:,} of {log.info['rows']:,} rows were rejected ({reasons}){where}", file=sys.stderr)


def _end(target: _Target, page: Page, steps: _Steps) -> None:
    say, file = page.locale.say, target.page.resolve()
    print()
    if target.folder is not None:
        number, folder = page.locale.count(len(page.results)), target.folder.resolve()
        print(
            say(
                "{number} result tables (Parquet) and specs.json are in {folder}",
                number=number,
                folder=folder,
            )
        )
    print(say("Done in {time}. The page: {file}", time=page.locale.duration(steps.total), file=file))
    print(say("Open it in any browser: {address}", address=file.as_uri()))
