"""The command `safar`: a page and tables from demo data or from a file of events."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

from safar.cli.arguments import in_options, parser_of
from safar.errors import InternalError, SafarError

__all__ = ["main"]


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
    options = argparse.Namespace()
    try:
        parser_of().parse_args(arguments, options)
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
        return _failed(in_options(str(problem), options), 2)
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
