"""How far the command is: each step with its seconds."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Steps"]

T = TypeVar("T")


class Steps:
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
        """Say how long a step took."""
        if self._line is not None:
            self._line.clear()
            print(f"{what:<24}{seconds:8.2f} s", file=sys.stderr, flush=True)

    def run(self, what: str, work: Callable[[], T]) -> T:
        """Do a step, and say how long it took."""
        begin = time.perf_counter()
        done = work()
        self.tell(what, time.perf_counter() - begin)
        return done

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._begin
