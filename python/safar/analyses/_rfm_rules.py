"""Rules that name segments of customers by their scores of recency, frequency and monetary value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from safar import _args
from safar._typing import Integers
from safar.errors import ArgumentError, ArgumentTypeError, FileError

__all__ = ["MEASURES", "RfmRules", "Rule", "placed", "rfm_rules", "rules_of"]

# A file, or by name of a segment its ranges of scores and what it is called.
RfmRules: TypeAlias = str | os.PathLike[str] | Mapping[str, Mapping[str, Any]]

MEASURES = ("recency", "frequency", "monetary")
_NAMES = {"name_en": "en", "name_fa": "fa"}
_FILE = Path(__file__).parent / "rfm_segments.toml"
# The rules that come with safar are made for so many scores.
_BINS = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """The scores of one segment: the first and the last of each measure that it looks at."""

    segment: str
    ranges: Mapping[str, tuple[int, int]]
    called: Mapping[str, str]

    def holds(self, scores: Mapping[str, Any]) -> Any:
        """Whether the scores, one or arrays of each measure, are of this segment."""
        found: Any = True
        for measure, (low, high) in self.ranges.items():
            found = found & (scores[measure] >= low) & (scores[measure] <= high)
        return found


def rfm_rules() -> dict[str, dict[str, Any]]:
    """Which segments do scores of recency and frequency make?

    Returns
    -------
    dict
        By name of a segment: ``name_en`` and ``name_fa`` (what it is called), and the first and the last score of
        ``recency`` and ``frequency``, from 1 to 5. A copy, to be changed and given to `RfmResult.segments`.

    Notes
    -----
    Names and their places on the grid of recency and frequency are those in common use; nothing but custom speaks for
    the borders. They cover the whole grid, each cell once.

    Examples
    --------
    >>> import safar
    >>> rules = safar.rfm_rules()
    >>> list(rules)[:3]
    ['champions', 'loyal', 'potential_loyalists']
    >>> rules["champions"]["recency"], rules["champions"]["frequency"]
    ([5, 5], [4, 5])
    """
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def rules_of(given: RfmRules | None, bins: int) -> tuple[Rule, ...]:
    """The rules, which together must cover all scores."""
    if given is None:
        if bins != _BINS:
            raise ArgumentError(
                f"bins={bins}: the rules that come with safar are for {_BINS} scores; give rules= of your own, such "
                "as changed ones of safar.rfm_rules()"
            )
        given = rfm_rules()
    elif isinstance(given, str | os.PathLike):
        given = _read(given)
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"rules={given!r} is a {type(given).__name__}; expected a mapping as of safar.rfm_rules(), or a TOML file"
        )
    rules = tuple(_rule(name, fields, bins) for name, fields in given.items())
    _check_cover(rules, bins)
    return rules


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    name = os.fspath(path)
    try:
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{name}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(f"{name}: these are no rules in TOML: {error}") from None


def _rule(name: object, fields: object, bins: int) -> Rule:
    segment = _args.text(name, "rules")
    if not isinstance(fields, Mapping):
        raise ArgumentTypeError(
            f'rules: "{segment}" is a {type(fields).__name__}; expected ranges such as {{"recency": [4, 5]}}'
        )
    allowed = [*MEASURES, *_NAMES]
    for field in fields:
        if field not in allowed:
            raise ArgumentError(
                f'rules: "{segment}" has the field "{field}"{_args.suggestion(str(field), allowed)} (allowed: '
                f"{_args.listing(allowed)})"
            )
    ranges = {
        measure: _range(fields[measure], f'rules: {measure} of "{segment}"', bins)
        for measure in MEASURES
        if measure in fields
    }
    called = {
        language: _args.text(fields[field], f'rules: {field} of "{segment}"')
        for field, language in _NAMES.items()
        if field in fields
    }
    return Rule(segment, ranges, called)


def _range(given: object, what: str, bins: int) -> tuple[int, int]:
    ends = list(given) if isinstance(given, list | tuple) else []
    if len(ends) != 2 or not all(isinstance(end, int) and not isinstance(end, bool) for end in ends):
        raise ArgumentError(
            f"{what} is {given!r}; expected the first and the last score, such as [4, {bins}]"
        )
    low, high = ends
    if not 1 <= low <= high <= bins:
        raise ArgumentError(f"{what} is {given!r}; expected rising scores from 1 to {bins}")
    return low, high


def _cells(rules: tuple[Rule, ...], bins: int) -> Iterator[dict[str, int]]:
    """All scores of the measures that the rules look at."""
    used = [measure for measure in MEASURES if any(measure in rule.ranges for rule in rules)]
    for scores in product(range(1, bins + 1), repeat=len(used)):
        yield dict(zip(used, scores, strict=True))


def _check_cover(rules: tuple[Rule, ...], bins: int) -> None:
    """Refuse rules that leave scores out, and such that never hold."""
    cells = list(_cells(rules, bins))
    taken = [next((rule.segment for rule in rules if rule.holds(cell)), None) for cell in cells]
    open_cells = [cell for cell, segment in zip(cells, taken, strict=True) if segment is None]
    if open_cells:
        first = ", ".join(f"{measure} {score}" for measure, score in open_cells[0].items())
        raise ArgumentError(
            f"rules: no segment has {first or 'any scores'} ({len(open_cells)} of {len(cells)} cells are in none); "
            'widen a range, or add a last segment without ranges, such as "others": {}'
        )
    for rule in rules:
        if rule.segment not in taken:
            raise ArgumentError(
                f'rules: nobody can be of "{rule.segment}", because earlier segments have all its scores; put it '
                "before them, or leave it out"
            )


def placed(rules: tuple[Rule, ...], scores: Mapping[str, Integers]) -> Integers:
    """The number of the first rule that holds for each customer, -1 where a score that rules need is missing (0)."""
    found = np.full(len(scores[MEASURES[0]]), -1, dtype=np.int64)
    for number in reversed(range(len(rules))):
        found = np.where(rules[number].holds(scores), number, found)
    for measure in {measure for rule in rules for measure in rule.ranges}:
        found = np.where(scores[measure] == 0, -1, found)
    return found
