"""What the command `safar` understands."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path
from typing import NoReturn, get_args

from safar.cli.demo import FOLDER, demo
from safar.cli.report import report

__all__ = ["in_options", "parser_of"]

_MANNERS = """\
Results are said on standard output, in the language of the page. Errors are said on standard error, a line each, and so
is how far the work is: on a terminal, or anywhere with --verbose.

exit codes:
  0    the files are written
  1    a fault of safar itself
  2    something given can't be used: an argument, a column, a file, a folder
  130  interrupted
"""
# Arguments of functions that are called otherwise as options.
_CALLED = {"funnel_steps": "steps", "key": "customer"}


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


class _Parser(argparse.ArgumentParser):
    """A parser whose errors begin as all others do."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was given."""
        self.exit(2, f"safar: {message}\n{self.format_usage()}")


def parser_of() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = _Parser(
        prog="safar",
        description="Customer-journey analytics: from events to funnels, retention, sessions and transitions.",
        epilog=_MANNERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    _add_demo(commands)
    _add_report(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(commands, "demo", "make up a shop, analyse it and write a page")
    command.add_argument("--customers", type=int, default=10_000, help="how many (default: 10000)")
    command.add_argument("--seed", type=int, default=7, help="start of the random numbers (default: 7)")
    _outputs(command, f"default, where --dashboard does not stand alone: {FOLDER}")
    _language(command)
    command.set_defaults(run=demo)


def _add_report(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = _command(commands, "report", "analyse files of events and write a page")
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="parquet, csv, csv.gz, tsv, arrow; patterns may be used"
    )
    _columns(command)
    _questions(command)
    _beside(command)
    command.add_argument(
        "--personas",
        metavar="COLUMN",
        help="column whose values have a journey map of their own, beside that of everybody",
    )
    command.add_argument(
        "--filters",
        type=_list,
        metavar="A,B",
        help="columns that readers of the page choose customers by, also channel and period; an empty text has no "
        "choice (default: personas, channel, period)",
    )
    command.add_argument("--title", help="heading of the page")
    _outputs(command, "this or --dashboard is needed")
    _language(command)
    command.set_defaults(run=report)


def _columns(command: argparse.ArgumentParser) -> None:
    """How the files are read."""
    command.add_argument("--customer", required=True, metavar="COLUMN", help="column that says who")
    command.add_argument("--time", required=True, metavar="COLUMN", help="column that says when")
    command.add_argument("--event", required=True, metavar="COLUMN", help="column that says what")
    command.add_argument("--channel", metavar="COLUMN", help="column with the channel of the event")
    command.add_argument(
        "--value", metavar="COLUMN", help="column with the value of the event, such as revenue"
    )
    command.add_argument(
        "--attributes",
        type=_list,
        default=[],
        metavar="A,B",
        help="further columns; “stage” gives the funnel",
    )
    command.add_argument(
        "--timezone", default="UTC", metavar="ZONE", help="such as Asia/Tehran (default: UTC)"
    )
    command.add_argument(
        "--time-unit", choices=["s", "ms", "us", "ns"], help="what numbers in the time column count"
    )
    command.add_argument(
        "--delimiter", metavar="SIGN", help="what stands between the fields of a csv (default: found out)"
    )
    command.add_argument(
        "--observed-until",
        metavar="TIME",
        help="last instant that the data covers (default: the latest event)",
    )


def _questions(command: argparse.ArgumentParser) -> None:
    """What is asked of the events."""
    command.add_argument(
        "--steps", type=_list, metavar="A,B,C", help="events of the funnel; A|B is A or B (default: chosen)"
    )
    command.add_argument(
        "--within", metavar="DURATION", help="window of the funnel, such as 7d (default: chosen)"
    )
    command.add_argument(
        "--conversion", type=_list, metavar="A,B", help="events that are a conversion (default: chosen)"
    )
    command.add_argument(
        "--active", type=_list, metavar="A,B", help="events that show that a customer is there (default: any)"
    )


def _beside(command: argparse.ArgumentParser) -> None:
    """What stands beside the events."""
    command.add_argument(
        "--map", metavar="FILE", help="journey map (TOML): its stages, and its KPIs against their targets"
    )
    command.add_argument(
        "--profiles",
        metavar="FILE",
        help="attributes of customers, a row each; the customers' ids stand in the column of --customer",
    )
    command.add_argument(
        "--surveys",
        metavar="FILE",
        help="answers of customers, a row each: the columns of --customer and --time, score, and kind if there are "
        "several",
    )
    command.add_argument(
        "--kind",
        choices=["nps", "csat", "ces"],
        help="of which kind all answers are, where the surveys have no column kind",
    )
    command.add_argument(
        "--answer-events",
        type=_list,
        default=[],
        metavar="A,B",
        help="events that are the answers themselves: what was before them is what they are said of",
    )


def _command(commands: argparse._SubParsersAction[_Parser], name: str, what: str) -> argparse.ArgumentParser:
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


def in_options(message: str, options: argparse.Namespace) -> str:
    """A message of a function in the words of the command: options in the place of arguments.

    Examples
    --------
    >>> options = argparse.Namespace(time_unit=None, attributes=[])
    >>> in_options(
    ...     'time_unit="x" is unknown; add attributes=["a", "b"], or leave time_unit= out',
    ...     options,
    ... )
    '--time-unit "x" is unknown; add --attributes a,b, or leave --time-unit out'
    """
    given = {name: value for name, value in vars(options).items() if name not in ("run", "files")}
    options_of = {name: f"--{name.replace('_', '-')}" for name in given} | {
        name: f"--{option}" for name, option in _CALLED.items() if option in given
    }
    names = "|".join(options_of)
    # A message that begins with such a name is of one of its items.
    lists = "|".join(name for name, value in given.items() if isinstance(value, list))

    def listed(found: re.Match[str]) -> str:
        items = re.findall('"([^"]*)"', found[2])
        return f"{options_of[found[1]]} {','.join(items)}"

    message = re.sub(rf'\b({names})=\[("[^]]*")\]', listed, message)
    message = re.sub(rf"\b({names})=(?=[^\s;,)])", lambda found: f"{options_of[found[1]]} ", message)
    return re.sub(rf'\b({names})=|^({lists})(?= ")', lambda found: options_of[found[1] or found[2]], message)
