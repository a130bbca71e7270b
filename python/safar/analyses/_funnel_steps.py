"""What a funnel is made of: its steps, and what must not happen between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TypeAlias, TypeGuard

from safar import _args, _core
from safar._typing import Duration
from safar.errors import ArgumentError, ArgumentTypeError

__all__ = ["Exclusion", "Gap", "Step", "StepLike", "exclusion", "exclusions", "gaps", "step", "steps"]

MOST_STEPS = 64
MOST_OPTIONAL = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel; `step` writes one more briefly.

    Parameters
    ----------
    events
        Names of the events that fulfil the step: any one of them does.
    where
        A condition on the columns of the log that the event must meet, such as ``"value > 0"``.
    name
        How results call the step; by default the events joined by "or", or the pattern.
    optional
        Whether an attempt may go on without the step. The first and the last step are never optional.
    match
        In place of events: a pattern, which the event at which a match of it ends fulfils; see `EventLog.match`.
    """

    events: tuple[str, ...] = ()
    _: KW_ONLY
    where: str | None = None
    name: str = ""
    optional: bool = False
    match: str | None = None

    def __post_init__(self) -> None:
        if self.match is None:
            if not self.events:
                raise ArgumentError("a step has neither events nor match=...; it needs one of them")
            object.__setattr__(self, "events", _args.names(self.events, "events"))
        elif self.events:
            raise ArgumentError("a step has either events or match=...; make two steps of them")
        else:
            _core.check_pattern(_args.text(self.match, "match"))
            object.__setattr__(self, "events", ())
        if self.where is not None:
            _args.text(self.where, "where")
        name = self.name or self.match or " or ".join(self.events)
        object.__setattr__(self, "name", _args.text(name, "name"))
        object.__setattr__(self, "optional", _args.flag(self.optional, "optional"))


# What is taken as a step: an event, several events of which any will do, or a `Step`.
StepLike: TypeAlias = str | Sequence[str] | Step


def step(
    *events: str,
    where: str | None = None,
    name: str | None = None,
    optional: bool = False,
    match: str | None = None,
) -> Step:
    """What fulfils a step of a funnel?

    Parameters
    ----------
    *events
        Names of the events that fulfil the step: any one of them does.
    where
        A condition on the columns of the log that the event must meet, such as ``"value > 0"``.
    name
        How results call the step; by default the events joined by "or", or the pattern.
    optional
        Whether an attempt may go on without the step (default False): it is counted where it is taken, and
        holds nobody back. The first and the last step are never optional.
    match
        In place of events, a pattern such as ``"search -> view within 5m"``: the event at which a match of it ends
        fulfils the step; see `EventLog.match`.

    Returns
    -------
    Step
        For the `steps` of a funnel.

    Examples
    --------
    >>> import safar
    >>> safar.step("purchase", "order", where="value > 0", name="Paid")
    Step(events=('purchase', 'order'), where='value > 0', name='Paid', optional=False, match=None)
    """
    return Step(events, where=where, name=name or "", optional=optional, match=match)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events that must not happen between two steps of a funnel; `exclusion` writes one more briefly.

    Parameters
    ----------
    events
        Names of the events: any one of them excludes.
    where
        A condition on the columns of the log that the event must meet to exclude.
    between
        The two steps (from 1) that it must not stand between; None for the first and the last.
    """

    events: tuple[str, ...]
    _: KW_ONLY
    where: str | None = None
    between: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", _args.names(self.events, "exclude"))
        if self.where is not None:
            _args.text(self.where, "where")
        if self.between is None:
            return
        pair = tuple(self.between)
        if len(pair) != 2 or not all(isinstance(step, int) for step in pair) or not 1 <= pair[0] < pair[1]:
            raise ArgumentError(
                f"between={self.between!r} is not a pair of steps; expected two numbers from 1, the lower first, such "
                "as (1, 2)"
            )
        object.__setattr__(self, "between", pair)


# What is taken as an exclusion: an event, several events of which any excludes, or an `Exclusion`.
ExclusionLike: TypeAlias = str | Sequence[str] | Exclusion


def exclusion(*events: str, where: str | None = None, between: tuple[int, int] | None = None) -> Exclusion:
    """What must not happen between two steps of a funnel?

    Parameters
    ----------
    *events
        Names of the events: any one of them excludes.
    where
        A condition on the columns of the log that the event must meet to exclude.
    between
        The two steps (from 1) that it must not stand between; the first and the last by default.

    Returns
    -------
    Exclusion
        For the `exclude` of a funnel.

    Examples
    --------
    >>> import safar
    >>> safar.exclusion("support call", between=(1, 2))
    Exclusion(events=('support call',), where=None, between=(1, 2))
    """
    return Exclusion(events, where=where, between=between)


# The least and the longest time from the step before; None where there is no limit.
Gap: TypeAlias = tuple[Duration | None, Duration | None]


def steps(given: object) -> tuple[Step, ...]:
    """The steps, each as a `Step`."""
    if isinstance(given, str | Step) or not isinstance(given, Iterable):
        raise ArgumentTypeError(f'steps={given!r} is not a list; expected one such as ["view", "purchase"]')
    found = tuple(_step(each, position) for position, each in enumerate(given, start=1))
    if not 1 <= len(found) <= MOST_STEPS:
        raise ArgumentError(f"steps holds {len(found)} steps; expected 1 to {MOST_STEPS}")
    for position, each in enumerate(found, start=1):
        if each.optional and position in (1, len(found)):
            raise ArgumentError(
                f'step {position} ("{each.name}") is optional, but the first and the last step begin and end an attempt'
            )
    if sum(each.optional for each in found) > MOST_OPTIONAL:
        raise ArgumentError(
            f"more than {MOST_OPTIONAL} steps are optional, which are too many ways to count apart"
        )
    return found


def _step(given: object, position: int) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, Mapping):
        return _args.from_fields(Step, given, f"step {position}")
    if isinstance(given, str | Sequence):
        return Step(_args.names(given, f"step {position}"))
    raise ArgumentTypeError(
        f"step {position} is {given!r}, a {type(given).__name__}; expected an event name, a list of event names "
        "of which any will do, or safar.step(...)"
    )


def exclusions(given: object, count: int) -> tuple[Exclusion, ...]:
    """The exclusions of a funnel of `count` steps, each as an `Exclusion`."""
    if isinstance(given, str | Exclusion):
        given = (given,)
    if not isinstance(given, Sequence):
        raise ArgumentTypeError(
            f"exclude={given!r} is a {type(given).__name__}; expected an event, a list of them, or safar.exclusion(...)"
        )
    found = tuple(map(_exclusion, given))
    if found and count == 1:
        raise ArgumentError("exclude is given, but the funnel has one step; an exclusion stands between two")
    for each in found:
        if each.between is not None and each.between[1] > count:
            raise ArgumentError(
                f"between={each.between} names step {each.between[1]}; the funnel has {count} steps"
            )
    if count + len(found) > MOST_STEPS:
        raise ArgumentError(
            f"{count} steps and {len(found)} exclusions are more than the {MOST_STEPS} of one funnel; put events of "
            "one exclusion into one list"
        )
    return found


def _exclusion(given: object) -> Exclusion:
    if isinstance(given, Exclusion):
        return given
    if isinstance(given, Mapping):
        return _args.from_fields(Exclusion, given, "the exclusion")
    return Exclusion(_args.names(given, "exclude"))


def gaps(given: object, count: int) -> tuple[Gap, ...]:
    """The limits from step to step of a funnel of `count` steps, one for each step after the first."""
    if given is None or (isinstance(given, list | tuple) and not given):
        return ()
    if count == 1:
        raise ArgumentError(
            "step_within is given, but the funnel has one step; it limits the time between two"
        )
    per_step: Sequence[object] = given if _is_per_step(given) else [given] * (count - 1)
    if len(per_step) != count - 1:
        raise ArgumentError(
            f"step_within holds {len(per_step)} limits; the funnel has {count} steps, so {count - 1} times between them"
        )
    return tuple(_gap(each, position) for position, each in enumerate(per_step, start=2))


def _is_per_step(given: object) -> TypeGuard[Sequence[object]]:
    # A pair of durations is the least and the longest time for all steps; a tuple of pairs is one that was read before.
    return isinstance(given, list) or (
        isinstance(given, tuple) and all(isinstance(each, list | tuple) for each in given)
    )


def _gap(given: object, position: int) -> Gap:
    argument = f"step_within of step {position}"
    least, longest = given if isinstance(given, list | tuple) and len(given) == 2 else (None, given)
    found = tuple(None if limit is None else _args.duration(limit, argument) for limit in (least, longest))
    if None not in found and _args.microseconds(found[0]) > _args.microseconds(found[1]):
        raise ArgumentError(f"{argument}={given!r}: the least time is longer than the longest")
    return found[0], found[1]
