"""What a journey map is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from safar import _args
from safar._typing import Language

__all__ = ["Channel", "DesignedStep", "Kpi", "Name", "Plan", "Stage", "Touchpoint"]


@dataclass(frozen=True, slots=True)
class Name:
    """What something is called, in English and in Persian; None where the map does not say."""

    en: str | None
    fa: str | None

    def of(self, language: Language) -> str:
        """The name in a language, or in the other one where it has none."""
        _args.choice(language, "language", Language)
        first, second = (self.en, self.fa) if language == "en" else (self.fa, self.en)
        return first or second or ""

    def __str__(self) -> str:
        return self.of("en")


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan behind a map: what it is for, whom it looks at, with which data, who answers for it, and its limits."""

    goal: str | None
    valid_from: str | None
    valid_until: str | None
    audience: str | None
    data: str | None
    owner: str | None
    limits: str | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the journey."""

    id: str
    name: Name
    goal: str | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, by its name in the data."""

    id: str
    name: Name


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """A touchpoint, and which events are at it: those that meet all of `event`, `channel`, `where` and the dates."""

    id: str
    name: Name
    stage: str
    event: tuple[str, ...]
    channel: tuple[str, ...]
    where: str | None
    valid_from: str | None
    valid_until: str | None
    kind: str | None
    cost: float | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Kpi:
    """What is measured at a stage or touchpoint, or over the whole journey, and against which target."""

    id: str
    name: Name
    stage: str | None
    touchpoint: str | None
    definition: str
    catalogue: str | None
    numerator: str | None
    denominator: str | None
    count: str | None
    sum: str | None
    unit: str | None
    direction: str | None
    target: float | None
    owner: str | None
    review: str | None


@dataclass(frozen=True, slots=True)
class DesignedStep:
    """A step of the journey as it is meant to be: a touchpoint or a stage, and the time from the step before.

    Or a block of steps: one of `sequence`, `parallel` (all, in any order), `choice` (one of them) and `loop` (once or
    more, with `again` between two times) has its steps.
    """

    touchpoint: str | None
    stage: str | None
    optional: bool
    within: str | None
    sequence: tuple[DesignedStep, ...] = ()
    parallel: tuple[DesignedStep, ...] = ()
    choice: tuple[DesignedStep, ...] = ()
    loop: tuple[DesignedStep, ...] = ()
    again: tuple[DesignedStep, ...] = ()


# Where a step of the designed journey holds steps.
_BLOCKS = ("sequence", "parallel", "choice", "loop", "again")
_RENAMED = {"valid_from": "from", "valid_until": "until"}


def part_of(kind: Any, plain: Mapping[str, Any]) -> Any:
    """A part from its table in the file."""

    def value(field: str) -> object:
        given = plain[_RENAMED.get(field, field)]
        if field == "name":
            return name_of(given)
        if field in _BLOCKS:
            return tuple(part_of(kind, each) for each in given)
        return tuple(given) if isinstance(given, list) else given

    return kind(**{field.name: value(field.name) for field in fields(kind)})


def name_of(plain: Mapping[str, str]) -> Name:
    """A name from its texts by language."""
    return Name(plain.get("en"), plain.get("fa"))
