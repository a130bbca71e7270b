"""What the parts of a journey map are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, get_args

from safar import _args
from safar._typing import Language

__all__ = ["Named", "called", "names_of"]


class _Name(Protocol):
    def of(self, language: Language, /) -> str: ...


class _Part(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> _Name: ...


class Named(Protocol):
    """A journey map, as far as its parts have names."""

    @property
    def kpis(self) -> Sequence[_Part]:
        """Its KPIs."""

    @property
    def channels(self) -> Sequence[_Part]:
        """Its channels."""

    @property
    def touchpoints(self) -> Sequence[_Part]:
        """Its touchpoints."""

    @property
    def stages(self) -> Sequence[_Part]:
        """Its stages."""


def names_of(journey_map: Named, language: Language) -> dict[str, str]:
    """What a map calls its parts, by their ids; two that it calls alike keep theirs, since readers would make them one.

    Parameters
    ----------
    journey_map
        The map.
    language
        ``"en"`` or ``"fa"``.

    Returns
    -------
    dict
    """
    _args.choice(language, "language", Language)
    names: dict[str, str] = {}
    for parts in (journey_map.kpis, journey_map.channels, journey_map.touchpoints, journey_map.stages):
        named = {part.id: part.name.of(language) or part.id for part in parts}
        times = Counter(named.values())
        names |= {key: name if times[name] == 1 else f"{name} ({key})" for key, name in named.items()}
    return names


def called(journey_map: Named | None) -> Mapping[str, Mapping[str, str]]:
    """What a map calls its parts in every language; nothing without a map."""
    if journey_map is None:
        return {}
    return {language: names_of(journey_map, language) for language in get_args(Language)}
