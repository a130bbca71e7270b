"""What a page has found out so far, and how it asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from safar.language import Locale
from safar.pages.cube import Ask, Cube
from safar.pages.picture import JourneyPicture

if TYPE_CHECKING:
    from safar.log import EventLog
    from safar.monitoring import AlertResult
    from safar.result import Result

__all__ = ["Progress", "Work"]

# Told after each analysis: what was done, and the seconds it took.
Progress = Callable[[str, float], None]

T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """The log, what was found out so far, and who wants to know.

    Attributes
    ----------
    log, locale : what is asked, and how readers are written to.
    progress : told after each part.
    cube : groups of customers that a reader can choose; None has no choice.
    known : what was found out for any language, so that pages in several share it.
    results : every answer, by name.
    left_out : why parts of the page are missing.
    picture, alerts : the journey map as a picture, and what left its past; None where there are none.
    """

    log: EventLog
    locale: Locale
    progress: Progress | None = None
    cube: Cube | None = None
    known: dict[tuple[str, str], Any] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    picture: JourneyPicture | None = None
    alerts: AlertResult | None = None
    _asked: dict[str, Ask] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Report how long a part of the work took."""
        begin = time.perf_counter()
        yield
        if self.progress is not None:
            self.progress(what, time.perf_counter() - begin)

    def once(self, name: str, find: Callable[[], T], of: str = "") -> T:
        """Find something out, unless another language has done so; `of` is what it depends on beside the log."""
        if (name, of) not in self.known:
            with self.timed(name.replace("_", " ")):
                self.known[name, of] = find()
        found: T = self.known[name, of]
        return found

    def run(self, name: str, ask: Ask, *, of: str = "") -> Any:
        """Ask one question and keep its answer, which may depend on a calendar or a language."""
        self.results[name] = self.once(name, lambda: ask(self.log, None), of)
        self._asked[name] = ask
        return self.results[name]

    def followed(self, name: str, how: Callable[[Cube, Any, Ask], T]) -> T | None:
        """An answer whose numbers follow a choice of customers; None where there is no choice."""
        if self.cube is None:
            return None
        with self.timed(f"{name.replace('_', ' ')} by groups"):
            return how(self.cube, self.results[name], self._asked[name])
