"""How journeys are cut into sessions and the like: by pauses, by events that begin or end one, along durations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Duration, DurationUnit, Integers
from safar.analyses._funnel_steps import MOST_STEPS, Step
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Listed, Said

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

# Events that begin or end something: a name, a `Step` with its condition, or a list of both.
Events: TypeAlias = str | Step | Sequence[str | Step]
# The gap after an event of a channel: a mapping, or pairs.
Gaps: TypeAlias = Mapping[str, Duration] | Sequence[tuple[str, Duration]]

DURATION_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_UNIT_WORDS = {
    "us": "microseconds",
    "ms": "milliseconds",
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
}


class CutsJourneys(Protocol):
    """A question whose units come about by pauses and events."""

    @property
    def gap(self) -> Duration:
        """The longest pause inside a unit."""

    @property
    def gaps(self) -> Gaps | None:
        """The gap after an event of a channel, where it is another one."""

    @property
    def start_events(self) -> Events | None:
        """Events that begin a unit."""

    @property
    def duration(self) -> str | None:
        """The column that says how long an event lasts."""

    @property
    def duration_unit(self) -> DurationUnit:
        """The unit of that column."""

    @property
    def by(self) -> str | None:
        """The column to segment by."""


def check_cuts(spec: CutsJourneys, *events: str) -> None:
    """Check what such questions share, and bring it into its one form; `events` names the arguments with events."""
    object.__setattr__(spec, "gap", _args.duration(spec.gap, "gap"))
    if spec.gaps is not None:
        object.__setattr__(spec, "gaps", _gaps(spec.gaps))
    for argument in events:
        if getattr(spec, argument) is not None:
            object.__setattr__(spec, argument, _events(getattr(spec, argument), argument))
    if sum(len(getattr(spec, argument) or ()) for argument in events) > MOST_STEPS:
        raise ArgumentError(
            f"{_args.listing(events)} hold more than {MOST_STEPS} conditions; put events of one condition into one "
            "safar.step(...)"
        )
    if spec.duration is not None:
        _args.text(spec.duration, "duration")
    _args.choice(spec.duration_unit, "duration_unit", DurationUnit)
    if spec.duration is None and spec.duration_unit != "s":
        raise ArgumentError(
            f"duration_unit={spec.duration_unit!r} is given without duration=; name the column that it is the unit of"
        )
    if spec.by is not None:
        _args.text(spec.by, "by")


def _gaps(given: object) -> tuple[tuple[str, str], ...]:
    pairs = list(given.items()) if isinstance(given, Mapping) else given
    if not isinstance(pairs, Sequence) or isinstance(pairs, str):
        raise ArgumentTypeError(
            f'gaps={given!r} is a {type(given).__name__}; expected a gap for each channel, such as {{"call": "2h"}}'
        )
    if not pairs:
        raise ArgumentError("gaps is empty; expected the gap of at least one channel, or leave it out")
    found = {}
    for pair in pairs:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise ArgumentTypeError(f"gaps holds {pair!r}; expected pairs of a channel and its gap")
        channel = _args.text(pair[0], "gaps")
        found[channel] = _args.duration(pair[1], f'gaps of "{channel}"')
    return tuple(sorted(found.items()))


def _events(given: object, argument: str) -> tuple[Step, ...]:
    """Events and steps as steps; names alone are one of them."""
    listed = [given] if isinstance(given, str | Step | Mapping) else given
    if not isinstance(listed, Sequence):
        raise ArgumentTypeError(
            f"{argument}={given!r} is a {type(given).__name__}; expected an event, safar.step(...) or a list of both"
        )
    if not listed:
        raise ArgumentError(f"{argument} is an empty list; expected at least one event, or leave it out")
    names: list[str] = []
    steps: list[Step] = []
    for each in listed:
        if isinstance(each, Step):
            steps.append(each)
        elif isinstance(each, Mapping):
            steps.append(_args.from_fields(Step, each, argument))
        elif isinstance(each, str):
            names.append(each)
        else:
            raise ArgumentTypeError(
                f"{argument} holds {each!r}, a {type(each).__name__}; expected names of events or safar.step(...)"
            )
    if any(step.optional for step in steps):
        raise ArgumentError(
            f"{argument} holds an optional step, which only a funnel can leave out; leave optional= out"
        )
    return (*((Step(_args.names(names, argument)),) if names else ()), *steps)


def cut_params(spec: CutsJourneys, log: Log, **events: str) -> dict[str, object]:
    """The kernel's parameters, after a check of every name; `events` says which argument plays which part."""
    _args.known_segment(spec.by, log.columns, log.roles)
    if spec.gaps is not None:
        _known_channels([channel for channel, _ in pairs_of(spec)], log)
    if spec.duration is not None:
        _args.known_columns_of_log([spec.duration], log.columns, "duration")
    params: dict[str, object] = {"gap_us": _args.microseconds(spec.gap)}
    params["gaps_us"] = [(channel, _args.microseconds(gap)) for channel, gap in pairs_of(spec)]
    for part, argument in events.items():
        steps = steps_of(spec, argument)
        _args.known_events([name for step in steps for name in step.events], log.events, argument)
        params[part] = [{"events": step.events, "where": step.where, "name": step.name} for step in steps]
    if spec.duration is not None:
        params["duration"] = {"column": spec.duration, "unit_us": DURATION_UNITS[spec.duration_unit]}
    return params


def pairs_of(spec: CutsJourneys) -> Sequence[tuple[str, Duration]]:
    """Channels with the gap after their events."""
    return list(spec.gaps.items()) if isinstance(spec.gaps, Mapping) else spec.gaps or ()


def steps_of(spec: CutsJourneys, argument: str) -> tuple[Step, ...]:
    """The steps of an argument that was checked."""
    steps: tuple[Step, ...] = getattr(spec, argument) or ()
    return steps


def _known_channels(wanted: Sequence[str], log: Log) -> None:
    available = log.channels
    if not available:
        raise ArgumentError(
            "gaps= needs channels, and this log has none; build it with channel=, or leave gaps out"
        )
    for channel in wanted:
        if channel not in available:
            raise ArgumentError(
                f'gaps names "{channel}", which is not a channel of this log{_args.suggestion(channel, available)} '
                f"(available: {_args.listing(available)})"
            )


def cut_sentences(spec: CutsJourneys, unit: str) -> list[Said]:
    """The rules beyond the gap."""
    said = []
    if spec.gaps is not None:
        gaps = [
            Said('"{channel}" {gap}', channel=channel, gap=Length(gap)) for channel, gap in pairs_of(spec)
        ]
        text = "After an event of some channels another gap holds: {gaps}."
        said.append(Said(text, gaps=Listed(gaps, "; ")))
    if spec.start_events is not None:
        event = events_words(steps_of(spec, "start_events"))
        said.append(Said("{event} begins a new {unit} whatever the pause.", event=event, unit=unit))
    if spec.duration is not None:
        said.append(
            Said(
                'An event lasts as long as "{column}" says (numbers in {numbers}, null as no time), and a pause runs '
                "from the latest end of the {unit} so far.",
                column=spec.duration,
                numbers=Said(_UNIT_WORDS[spec.duration_unit]),
                unit=unit,
            )
        )
    return said


def events_words(steps: Sequence[Step]) -> Said:
    """Events and their conditions for the beginning of a sentence."""
    parts = []
    for step in steps:
        events = Listed([Said('"{event}"', event=name) for name in step.events], " or ")
        text = "{events} where {where}"
        parts.append(Said(text, events=events, where=step.where) if step.where else events)
    return Said("An event {events}", events=Listed(parts, ", or "))


def numbered(log: EventLog, units: Table, number: str, column: str) -> EventLog:
    """The log with the number of the unit of each event; units stand in the order of the log, which they cut."""
    numbers = np.repeat(_table.integers(units, number), _table.integers(units, "events"))
    return log.with_columns({_args.text(column, "column"): numbers})


# ------------------------------------------------------------------------------------------------ summaries of units


def groups_of(table: Table, number: str) -> tuple[dict[str, object], list[Integers], list[int]]:
    """The column ``segment`` if there is one, the rows of each segment, and its customers.

    `number` is the column that numbers the units of a customer.
    """
    if "segment" not in table.names:
        # Every customer has exactly one unit with the number 1.
        return {}, [np.arange(table.num_rows)], [int((_table.integers(table, number) == 1).sum())]
    code, segments = table.codes("segment")
    groups = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    customer = table.numpy("customer")[0]
    return {"segment": segments}, groups, [len(set(customer[rows].tolist())) for rows in groups]


def each_group(
    groups: list[Integers], values: Array, measure: Callable[[Array], Any]
) -> tuple[Array, dict[str, Array]]:
    """The measure of each group, null where the group is empty."""
    measured = [measure(values[rows]) if len(rows) else np.nan for rows in groups]
    return _table.nullable(np.array(measured, dtype=np.float64))


def counts_of(groups: list[Integers], holds: Array) -> Integers:
    """For how many rows of each group something holds."""
    return np.array([int(holds[rows].sum()) for rows in groups], dtype=np.int64)


def extent(table: Table, groups: list[Integers]) -> dict[str, object]:
    """Events and duration of the units of each group: means and medians."""
    events = _table.integers(table, "events")
    start, end = (table.numpy(name)[0].astype(np.int64) for name in ("start", "end"))
    seconds = (end - start) / 1e6
    return {
        "mean_events": each_group(groups, events, np.mean),
        "median_events": each_group(groups, events, np.median),
        "mean_duration_seconds": each_group(groups, seconds, np.mean),
        "median_duration_seconds": each_group(groups, seconds, np.median),
    }
