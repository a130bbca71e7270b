"""How far a long computation is, for whoever wants to see it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from safar.errors import ArgumentTypeError

__all__ = ["Line", "progress", "tell", "told"]

Show = Callable[[str, int, int | None], object]

_show: ContextVar[Show | None] = ContextVar("safar_progress", default=None)

_UNITS = {"ordering": "events", "counting": "events", "asking": "parts"}

# Seconds between two lines: on a screen one takes the place of the other, in a file each is one more.
_ON_SCREEN, _IN_FILE = 0.2, 30.0
# Signs of the bar on a screen.
_BAR = 20


@contextmanager
def progress(show: Show | None = None) -> Iterator[None]:
    """Show how far long computations are, while this context lasts.

    Parameters
    ----------
    show
        What is called with the name of the stage (``"reading"``, ``"spilling"``, ``"grouping"``, ``"ordering"``,
        ``"counting"``, ``"asking"``), what is done, and of how many, or None where that is not known: rows, or events
        when ordering and counting, or parts of a scan when asking. About twenty times a second, in the thread that
        asked; a computation that is over before is not told, nor is the end of one. An exception that it raises stops
        the computation and comes out of it. By default, a line on the standard error: kept up to date on a terminal and
        in a notebook, else one more every 30 seconds.

    Examples
    --------
    >>> import safar
    >>> data = {"user": ["ann"], "at": ["2026-03-01 10:00"], "what": ["view"]}
    >>> with safar.progress():
    ...     log = safar.EventLog(data, customer="user", time="at", event="what")
    """
    if show is not None and not callable(show):
        raise ArgumentTypeError(
            f"show is a {type(show).__name__}; expected a function of stage, done and total"
        )
    line = None if show is not None else Line()
    token = _show.set(show or line)
    try:
        yield
    finally:
        _show.reset(token)
        if line is not None:
            line.clear()


def tell(stage: str, done: int, total: int | None) -> None:
    """Say how far a computation is to whoever watches."""
    show = _show.get()
    if show is not None:
        show(stage, done, total)


def told(stage: str, total: int) -> Iterator[int]:
    """Count to a number, tell each step, and keep what happens within a step to ourselves."""
    show = _show.get()
    if show is None:
        yield from range(total)
        return
    for index in range(total):
        show(stage, index, total)
        token = _show.set(None)
        try:
            yield index
        finally:
            _show.reset(token)


class Line:
    """One line on the standard error."""

    def __init__(self) -> None:
        self._renewed = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._stage, self._done = "", 0
        self._began = self._shown = time.monotonic()
        self._width = 0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        # Another computation may be of the same stage; it begins anew.
        if stage != self._stage or done < self._done:
            self._stage, self._began = stage, now
        self._done = done
        if now - self._shown < (_ON_SCREEN if self._renewed else _IN_FILE):
            return
        self._shown = now
        text = _sentence(stage, done, total, now - self._began)
        if self._renewed:
            text = f"{_bar(done / total)} {text}" if total else text
            sys.stderr.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave nothing behind on a screen."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def _bar(share: float) -> str:
    return f"[{'#' * round(_BAR * share):.<{_BAR}}]"


def _sentence(stage: str, done: int, total: int | None, elapsed: float) -> str:
    unit = _UNITS.get(stage, "rows")
    if not total:
        return f"{stage}: {done:,} {unit}"
    share = done / total
    text = f"{stage}: {done:,} of {total:,} {unit} ({share:.0%})"
    # The first moments say too little of how long the rest takes.
    return f"{text}, about {elapsed * (1 - share) / share:.0f} s left" if share > 0.05 else text
