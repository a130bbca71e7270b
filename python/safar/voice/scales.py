"""What the answers of a kind of survey may be, and which of them are good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from safar._typing import Array, Floats
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Said

__all__ = ["DETRACTORS_TO", "KNOWN", "NPS", "Scale", "checked_bounds"]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the answers of a kind of survey may be, and which of them are good."""

    kind: str
    low: int
    high: int
    # The good answers: from here to the better end.
    good_from: int
    # The better end is the lower one.
    falling: bool = False

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest answer."""
        return self.low, self.high

    def good(self, scores: Floats) -> Array:
        """Which of the answers are good."""
        good: Array = scores <= self.good_from if self.falling else scores >= self.good_from
        return good

    def holds(self, scores: Floats) -> Array:
        """Which numbers are answers of the scale; a missing one is none."""
        whole: Array = (scores == scores.round()) & (scores >= self.low) & (scores <= self.high)
        return whole

    def rescaled(self, scores: Floats) -> Floats:
        """The answers from 0 for the worst to 1 for the best."""
        share = (scores - self.low) / (self.high - self.low)
        return 1 - share if self.falling else share

    def words(self) -> Said:
        """The good answers, for a sentence."""
        first, last = (self.low, self.good_from) if self.falling else (self.good_from, self.high)
        return Said("{low}", low=first) if first == last else Said("{low} to {high}", low=first, high=last)


NPS = Scale("nps", 0, 10, 9)
DETRACTORS_TO = 6
# The scales that the field knows by name.
KNOWN = {"nps": NPS, "csat": Scale("csat", 1, 5, 4), "ces": Scale("ces", 1, 7, 5)}


def checked_bounds(scale: object, argument: str = "scale") -> tuple[int, int]:
    """The lowest and the highest answer of a scale, checked."""
    given = scale if isinstance(scale, Sequence) and not isinstance(scale, str) else ()
    whole = all(isinstance(bound, int) and not isinstance(bound, bool) for bound in given)
    if len(given) != 2 or not whole:
        raise ArgumentTypeError(f"{argument}={scale!r} is not a pair of whole numbers, such as (1, 5)")
    low, high = given
    if not low < high <= low + 100:
        raise ArgumentError(
            f"{argument}={scale!r} is not ascending, or has more than 101 answers; expected such as (1, 5)"
        )
    return low, high
