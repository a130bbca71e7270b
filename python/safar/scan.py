"""Data larger than memory: rows on disk by customer, and the same questions."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from safar import _args, _core, _table
from safar._files import are_paths, files_of
from safar._log import Log, commonest_first
from safar._progress import told
from safar._selection import named_conditions, selection
from safar._typing import Frame, Instant, Integers, Normalize, OnBad, TimeUnit
from safar.analyses import Spec
from safar.errors import ArgumentError, ArgumentTypeError, EmptyLogError
from safar.journey_map import JourneyMap
from safar.journey_map.coverage import merged
from safar.log import EventLog, columns_of, roles_of
from safar.profiles import merged as merged_profiles
from safar.profiles import profiles_of
from safar.result import Result, ResultTable
from safar.voice import Scores, Surveys, counted

__all__ = ["Scan", "scan"]

T = TypeVar("T")

# A log counts its events in 32 bits.
_MOST_EVENTS = 2**32 - 1

_CONDITIONS = list(inspect.getfullargspec(EventLog.filter).kwonlyargs)

# Longer arguments are cut where a scan is shown.
_MOST_LETTERS = 60


@dataclass(frozen=True, slots=True)
class _Step:
    """What is done to every part before it is asked, and in words."""

    name: str
    done: Callable[[EventLog], EventLog]
    words: str


class Scan(Log):
    """What did each customer do, and when, in data larger than memory?

    `safar.scan` makes one. It has the questions of `EventLog` and gives the same answers, byte by byte, but holds only
    a part of the customers in memory at a time; the rows wait in a file without a name, which the system takes back
    when the scan goes. Every question is a pass over that file: ask several in one with `run`.

    Examples
    --------
    >>> import safar
    >>> data = {
    ...     "user": ["ann", "ann", "bob"],
    ...     "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...     "what": ["view", "purchase", "view"],
    ... }
    >>> scan = safar.scan(data, customer="user", time="at", event="what", memory="100 MB")
    >>> funnel, transitions = scan.run(
    ...     [safar.Funnel(["view", "purchase"]), safar.Transitions()]
    ... )
    >>> funnel.completed
    1
    """

    in_parts: ClassVar[bool] = True

    # The surveys beside the events; those of customers of a part are looked up in each part.
    _surveys: Surveys | None = None

    def __init__(
        self,
        spill: _core.Spill,
        roles: Mapping[str, Any],
        steps: Sequence[_Step] = (),
        *,
        filtered: bool = False,
    ) -> None:
        self._spill = spill
        self._roles = dict(roles)
        self._steps = tuple(steps)
        self._filtered = filtered

    def __getattr__(self, name: str) -> Any:
        if hasattr(EventLog, name):
            raise AttributeError(
                f'a scan has no "{name}", because it holds a part of the customers at a time; a log has it, such as '
                "that of scan.filter(sample=0.01).collect()"
            )
        raise AttributeError(f"'Scan' object has no attribute '{name}'")

    # --------------------------------------------------------------------------------------------------- the parts

    @cached_property
    def _all(self) -> Log:
        """The data before anything was done to them, whose names every part knows."""
        return self if not self._steps else Scan(self._spill, self._roles)

    @cached_property
    def _outline(self) -> EventLog:
        """One event without values in the columns of a part: it refuses what any data would refuse."""
        return EventLog.of_part(self._spill.outline(), Scan(self._spill, self._roles))

    def _part(self, index: int) -> EventLog | None:
        """A part after all that is done to it; none where nothing is left."""
        part = EventLog.of_part(self._spill.part(index), self._all)
        try:
            for step in self._steps:
                part = step.done(part)
        except EmptyLogError:
            return None
        return part

    def _each(self, question: Callable[[EventLog], T]) -> list[T]:
        """The answers of all parts with an event, each of which is dropped before the next is read."""

        def answer(index: int) -> list[T]:
            part = self._part(index)
            return [] if part is None else [question(part)]

        answers = [found for index in told("asking", len(self._spill)) for found in answer(index)]
        if not answers:
            raise EmptyLogError(
                "no event is left in these data: no event meets all conditions at once; drop or widen one"
            )
        return answers

    def _done(self, name: str, done: Callable[[EventLog], EventLog], *given: object, **named: object) -> Scan:
        """The same data after one more step, which is tried where there are no data."""
        try:
            outline = done(self._outline)
        except EmptyLogError:
            # Only data can say what is left; that units have the columns of units is known.
            outline = self._outline.per("event") if name == "per" else self._outline
        arguments = [_shown(value) for value in given] + [
            f"{key}={_shown(value)}" for key, value in named.items()
        ]
        step = _Step(name, done, f"{name}({', '.join(arguments)})")
        filtered = self._filtered or name in ("filter", "per")
        scan = Scan(self._spill, self._roles, (*self._steps, step), filtered=filtered)
        scan._outline = outline
        scan._map = outline.map
        if self._surveys is not None and name != "per":
            scan._surveys = replace(self._surveys, of_part=True) if name == "filter" else self._surveys
        return scan

    # ------------------------------------------------------------------------------------------------- what is asked

    def ask(self, kernel: str, plan: Mapping[str, object]) -> _core.Table:
        """What a kernel counts in these events, before it becomes a result."""
        return _core.merge(self._each(lambda part: part.ask(kernel, plan)))

    def run(self, questions: Sequence[Spec[Any]]) -> list[Result]:
        """What are the answers to several questions, in one pass?

        Parameters
        ----------
        questions
            Specs, such as ``safar.Funnel(["view", "purchase"])`` or what `Spec.from_json` reads.

        Returns
        -------
        list of Result
            The answer to each, in their order, as its own method would give it.

        Examples
        --------
        >>> import safar
        >>> data = {
        ...     "user": ["ann", "ann"],
        ...     "at": ["2026-03-01", "2026-03-02"],
        ...     "what": ["view", "buy"],
        ... }
        >>> scan = safar.scan(data, customer="user", time="at", event="what")
        >>> [result.analysis for result in scan.run([safar.Sessions(), safar.Paths()])]
        ['sessions', 'paths']
        """
        if isinstance(questions, Spec) or not isinstance(questions, Sequence):
            raise ArgumentTypeError(
                f"questions is a {type(questions).__name__}; expected a list of specs, such as [safar.Sessions()]"
            )
        asked = []
        for question in questions:
            if not isinstance(question, Spec):
                raise ArgumentTypeError(
                    f"questions holds a {type(question).__name__}; expected specs such as safar.Sessions(), which a "
                    "result gives back with safar.Spec.from_json(result.spec)"
                )
            units = question.units(self)
            further = units._steps[len(self._steps) :] if isinstance(units, Scan) else ()
            asked.append((question, units, further, question.plan(units)))

        def answers(part: EventLog) -> list[_core.Table | None]:
            return [_after(part, further, question.analysis, plan) for question, _, further, plan in asked]

        parts = self._each(answers)
        results = []
        for place, (question, units, _, _) in enumerate(asked):
            partials = [partial for part in parts if (partial := part[place]) is not None]
            results.append(question.result_of(_core.merge(partials), units, self))
        return results

    def check_pattern(self, pattern: str) -> None:
        """Refuse a pattern that can't be read, or that names what these events don't have."""
        names, _ = _core.check_pattern(pattern)
        _args.known_events(names, self.events, "the pattern")

    def of_customer(self, customer: object) -> EventLog:
        """The events of one customer, whose id is as the data give it."""
        for index in range(len(self._spill)):
            part = self._part(index)
            try:
                if part is not None:
                    return part.filter(customers=[customer])
            except EmptyLogError:
                continue
        raise EmptyLogError(f"customer={customer!r} has no event in these data")

    # ------------------------------------------------------------------------------------------- what is made of them

    def filter(self, *unnamed: object, **conditions: Any) -> Scan:
        """Which part of these events meets all of these conditions?

        The conditions are those of `EventLog.filter`. They are checked now; the data are read when a question is asked.
        """
        whole = self._all
        if unnamed:
            named_conditions(unnamed, whole.events, self.columns)
        for name in conditions:
            if name not in _CONDITIONS:
                raise ArgumentError(
                    f'filter() has no condition "{name}"{_args.suggestion(name, _CONDITIONS)} (available: '
                    f"{_args.listing(_CONDITIONS)})"
                )
        chosen = selection(
            **(dict.fromkeys(_CONDITIONS) | conditions),
            known=whole.events,
            check_pattern=whole.check_pattern,
            timezone=self.timezone,
        )
        return self._done("filter", lambda part: part.selected(chosen), **conditions)

    def with_sessions(self, *rules: Any, **more: Any) -> Scan:
        """Which session does each event belong to? The arguments are those of `EventLog.with_sessions`."""
        return self._done("with_sessions", lambda part: part.with_sessions(*rules, **more), *rules, **more)

    def with_journeys(self, *rules: Any, **more: Any) -> Scan:
        """Which journey does each event belong to? The arguments are those of `EventLog.with_journeys`."""
        return self._done("with_journeys", lambda part: part.with_journeys(*rules, **more), *rules, **more)

    def with_match(self, *rules: Any, **more: Any) -> Scan:
        """Which match of a pattern does each event belong to? The arguments are those of `EventLog.with_match`."""
        return self._done("with_match", lambda part: part.with_match(*rules, **more), *rules, **more)

    def with_map(self, journey_map: JourneyMap) -> Scan:
        """Which touchpoint and stage does each event belong to? As `EventLog.with_map`."""
        if not isinstance(journey_map, JourneyMap):
            raise ArgumentTypeError(
                f"journey_map is a {type(journey_map).__name__}; expected a JourneyMap, such as "
                'safar.JourneyMap.load("journey.toml")'
            )
        return self._done("with_map", lambda part: part.mapped(journey_map), journey_map)

    def with_profiles(
        self,
        customers: Frame,
        *,
        key: str,
        columns: str | Sequence[str] | None = None,
        since: str | None = None,
        time_unit: TimeUnit | None = None,
    ) -> Scan:
        """What is known of the customers: their attributes as columns of their events. As `EventLog.with_profiles`.

        The table of profiles stays in memory, and each part of the data is looked up in it.
        """
        table, options = profiles_of(
            self, customers, key=key, columns=columns, since=since, time_unit=time_unit
        )
        return self._done("with_profiles", lambda part: part.profiled(table, options), key=key, since=since)

    def scored(self, surveys: Surveys) -> Scan:
        """The same events with surveys beside them, as `with_scores` gives it.

        The rows of surveys stay in memory, and each part of the data has those of its customers beside it.
        """
        # Ids that can't be those of customers are an error now, and so are names that stand for two columns.
        self._outline.scored(surveys)
        # In one piece, because every part takes some of it.
        own = replace(surveys.rows(np.arange(len(surveys.row))), of_part=True)
        scan = self._done("with_scores", lambda part: part.beside(own), *surveys.kinds)
        scan._surveys = surveys
        return scan

    @property
    def surveys(self) -> Surveys | None:
        """The rows of surveys that stand beside these events."""
        return self._surveys

    @property
    def scores(self) -> Scores | None:
        """What is known of the surveys beside these events, as `EventLog.scores`.

        It takes a pass over the data the first time.
        """
        return self._scores

    @cached_property
    def _scores(self) -> Scores | None:
        return None if self._surveys is None else counted(self, self._surveys)

    def each(self, question: Callable[[EventLog], T]) -> list[T]:
        """The answers of all parts, and of the surveys that are of no customer of any part."""
        surveys = self._surveys
        if surveys is None or surveys.of_part:
            return self._each(question)

        def look(part: EventLog) -> tuple[Integers, T]:
            own = part.surveys
            assert own is not None
            return own.row, question(part)

        found = self._each(look)
        answers = [answer for _, answer in found]
        held = np.isin(surveys.row, np.concatenate([rows for rows, _ in found]))
        if not held.all():
            rest = replace(surveys.rows(np.flatnonzero(~held)), of_nobody=True)
            answers.append(question(self._outline.beside(rest)))
        return answers

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """What was found each time profiles of customers were put beside the events, as `EventLog.profiles`.

        It takes a pass over the data the first time.
        """
        return [dict(found) for found in self._profiles]

    @cached_property
    def _profiles(self) -> list[dict[str, Any]]:
        places = [place for place, step in enumerate(self._steps) if step.name == "with_profiles"]
        if not places:
            return []
        # What later steps leave out was there when the profiles were.
        whole = Scan(self._spill, self._roles, self._steps[: places[-1] + 1])
        return merged_profiles(whole._each(lambda part: part.profiles))

    def covered(self, journey_map: JourneyMap) -> dict[str, Any]:
        """What a map covers of these events, before it becomes a result."""
        return merged(self._each(lambda part: part.covered(journey_map)))

    def per(self, column: str, *, across_customers: bool = False) -> Scan:
        """What would these events be with other units than customers?

        As `EventLog.per`, but only within customers: units that several customers share would need all of them at once.
        """
        if _args.flag(across_customers, "across_customers"):
            raise ArgumentError(
                f'per("{column}", across_customers=True) needs all customers at once, and a scan holds some at a time; '
                f'scan the data with customer="{column}" instead'
            )
        return self._done("per", lambda part: part.per(column), column)

    def collect(self) -> EventLog:
        """These events as a log in memory, after all that was done to them.

        Returns
        -------
        EventLog
            For what fits: take a part first, such as ``scan.filter(sample=0.01).collect()``. What is known of the rows
            as they were read (`rejects`, ``info["rows"]``, changed spellings) stays with the scan.
        """
        tables = self._each(lambda part: part.core.events_table(None))
        roles = {**self._roles, "customer": "customer", "time": "time", "event": "event", "time_unit": None}
        names = tables[0].names
        roles |= {role: role if role in names else None for role in ("channel", "value")}
        roles["attributes"] = [
            name for name in names if name not in ("customer", "time", "event", "channel", "value")
        ]
        # Where nobody gave it, it stays the latest event, unless a row that was rejected came later.
        is_latest = not self.observed_until_given and self.observed_until_us == self.info["last_us"]
        roles["observed_until_us"] = None if is_latest else self.observed_until_us
        roles |= {"only_events": None, "start_us": None, "end_us": None, "normalize": None}
        log = EventLog.of_table(_core.Table.concat(tables), roles)
        log._map = self._map
        log._surveys = self._surveys
        return log

    # ------------------------------------------------------------------------------------------ what is known of them

    @cached_property
    def _information(self) -> dict[str, Any]:
        whole: dict[str, Any] = json.loads(self._spill.info())
        if not self._steps and not self._filtered:
            return whole
        if not self._filtered:
            return {**whole, "columns": self._outline.info["columns"]}
        parts = self._each(lambda part: part.info)
        return {
            **whole,
            "columns": self._outline.info["columns"],
            "events": sum(part["events"] for part in parts),
            "customers": sum(part["customers"] for part in parts),
            "filtered": whole["rows"]
            - sum(whole["rejected"].values())
            - sum(part["events"] for part in parts),
            "first_us": min(part["first_us"] for part in parts),
            "last_us": max(part["last_us"] for part in parts),
            "observed_until_us": parts[0]["observed_until_us"],
            "observed_until_given": parts[0]["observed_until_given"],
        }

    @cached_property
    def _customers(self) -> int:
        return sum(self._each(lambda part: part.customers))

    @cached_property
    def _names(self) -> dict[str, dict[str, int]]:
        """Names of events and channels with their numbers of events."""
        roles: list[Literal["event", "channel"]] = ["event"]
        if self._roles["channel"] is not None:
            roles.append("channel")
        if not self._filtered:
            found: dict[str, dict[str, int]] = {
                role: commonest_first(self._spill.names(role)) for role in roles
            }
        else:
            found = {role: {} for role in roles}
            for names in self._each(
                lambda part: {role: commonest_first(part.core.names(role)) for role in roles}
            ):
                for role, counts in names.items():
                    for name, count in counts.items():
                        found[role][name] = found[role].get(name, 0) + count
            found = {
                role: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
                for role, counts in found.items()
            }
        return {"channel": {}, **found}

    @property
    def info(self) -> dict[str, Any]:
        """Everything that the core knows about the data, counts and bounds (times in µs UTC).

        Beside counts and bounds as of `EventLog.info`: ``parts`` that are read one after the other, ``largest_part``
        (events), ``spilled_bytes`` on disk, ``memory`` that may be used, ``giants`` (customers who alone exceed it,
        with their events). The number of customers is `customers`, which takes a pass.
        """
        return dict(self._information)

    @property
    def timezone(self) -> str:
        """The zone that days, weeks and months are counted in."""
        return str(self._roles["timezone"])

    @property
    def columns(self) -> dict[str, str]:
        """Columns that conditions and `by` may use, with their types."""
        return dict(self._outline.info["columns"])

    @property
    def customers(self) -> int:
        """Number of customers, which takes a pass over the data the first time."""
        return self._customers

    @property
    def events(self) -> dict[str, int]:
        """Names of the events with their counts, the commonest first."""
        return dict(self._names["event"])

    @property
    def channels(self) -> dict[str, int]:
        """Names of the channels with their counts of events, the commonest first."""
        return dict(self._names["channel"])

    @property
    def rejects(self) -> ResultTable:
        """The first 100,000 rows that could not be events: ``row`` (from 0), ``column``, ``reason``, ``value``.

        All of them are counted in `rejected`.
        """
        return self._rejects_of(self._spill.rejects())

    def __repr__(self) -> str:
        if self._steps and self._filtered:
            return f"Scan: a part of {self._all!r}"
        span = f"{self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} {self.timezone}"
        bad = sum(self.rejected.values())
        events, parts = len(self), self.info["parts"]
        return (
            f"Scan: {events:,} event{'' if events == 1 else 's'} in {parts:,} part{'' if parts == 1 else 's'}, {span}"
            + (f", {bad:,} rows rejected" if bad else "")
        )

    def _repr_html_(self) -> str:
        """What a question reads and what is done to it; nothing is read for it."""
        facts: dict[str, Any] = json.loads(self._spill.info())
        zone = facts["timezone"]
        first, last, until = (
            f"{_args.local_datetime(facts[name], zone):%Y-%m-%d %H:%M}"
            for name in ("first_us", "last_us", "observed_until_us")
        )
        parts = f"{facts['parts']:,} part{'' if facts['parts'] == 1 else 's'}"
        largest = facts["largest_part"]
        bad = [f"{reason} ({count:,})" for reason, count in facts["rejected"].items()]
        steps = [step.words for step in self._steps]
        rows = {
            "events on disk": f"{facts['events']:,} of {facts['rows']:,} rows, {first} – {last} {zone}",
            "observed until": f"{until} ({'as given' if facts['observed_until_given'] else 'the latest event'})",
            "rejected rows": ", ".join(bad) or "none",
            "a question reads": f"{_size(facts['spilled_bytes'])} in {parts}, the largest with {largest:,} events",
            "memory for rows": _size(facts["memory"]),
            "and takes": " → ".join(steps) or "all events",
        }
        return _table.html_of_facts(rows, "safar-scan")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"


def _size(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size} bytes"


def _after(
    part: EventLog, steps: Sequence[_Step], kernel: str, plan: Mapping[str, object]
) -> _core.Table | None:
    """What a kernel counts in a part after some more steps; none where nothing is left."""
    try:
        for step in steps:
            part = step.done(part)
    except EmptyLogError:
        return None
    return part.ask(kernel, plan)


def scan(
    source: Frame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    customer: str,
    time: str,
    event: str,
    channel: str | None = None,
    value: str | None = None,
    attributes: Sequence[str] = (),
    timezone: str = "UTC",
    time_unit: TimeUnit | None = None,
    observed_until: Instant | None = None,
    on_bad: OnBad = "reject",
    normalize: Normalize | None = None,
    events: str | Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    delimiter: str | None = None,
    memory: int | str | None = None,
    folder: str | os.PathLike[str] | None = None,
    max_events_per_customer: int | None = None,
) -> Scan:
    r"""What did each customer do, in data larger than memory?

    Parameters
    ----------
    source
        Files as `safar.read` takes them, or data as `EventLog` takes them; a stream of Arrow batches (a DuckDB
        relation, a ``pyarrow.RecordBatchReader``) is read batch by batch.
    customer, time, event, channel, value, attributes, timezone, time_unit, observed_until, on_bad, normalize
        As of `EventLog`.
    events, start, end
        Only events of these names, and only those from `start` on and before `end`; as of `safar.read`.
    delimiter
        What stands between the fields of CSV files; by default found out.
    memory
        What the rows in work may take beside the rest of the process: bytes, or text such as ``"400 MB"`` or
        ``"2 GiB"``. By default half of what is available now, to this process's control group if it has a limit, else
        on the machine.
    folder
        Where the file of spilled rows lies, which needs about a third of the size of the rows; by default the folder
        for temporary files. The file has no name, so that nothing is left of it however the process ends.
    max_events_per_customer
        Keep only the first events of each customer; by default all. For an id that stands for many people and alone
        exceeds the memory, as ``info["giants"]`` shows. What is left out is counted in ``info["filtered"]``, which
        takes a pass.

    Returns
    -------
    Scan
        The data after one pass over them, ready for questions.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import safar
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "events.csv")
    ...     _ = path.write_text("user,at,what\nann,2026-03-01 10:00:00,view\n")
    ...     scan = safar.scan(path, customer="user", time="at", event="what")
    >>> scan
    Scan: 1 event in 1 part, 2026-03-01 10:00 to 2026-03-01 10:00 UTC
    """
    roles = roles_of(
        customer=customer,
        time=time,
        event=event,
        channel=channel,
        value=value,
        attributes=attributes,
        timezone=timezone,
        time_unit=time_unit,
        observed_until=observed_until,
        on_bad=on_bad,
        normalize=normalize,
        only_events=None if events is None else _args.names(events, "events"),
        start=start,
        end=end,
    )
    options = {
        "memory": None if memory is None else _args.size(memory, "memory"),
        "folder": None if folder is None else _folder(folder),
        "max_events_per_customer": max_events_per_customer,
    }
    if max_events_per_customer is not None:
        _args.whole(max_events_per_customer, "max_events_per_customer", most=_MOST_EVENTS)
    if delimiter is not None:
        _args.character(delimiter, "delimiter")
    spill = _spilled(source, roles, delimiter, json.dumps(options))
    return Scan(spill, roles, filtered=max_events_per_customer is not None)


def _folder(folder: object) -> str:
    if not isinstance(folder, str | os.PathLike):
        raise ArgumentTypeError(f"folder={folder!r} is a {type(folder).__name__}; expected a path")
    return os.fspath(folder)


def _spilled(source: object, roles: dict[str, Any], delimiter: str | None, options: str) -> _core.Spill:
    columns, roles_json = columns_of(roles), json.dumps(roles)
    if are_paths(source):
        files = json.dumps({"roles": roles, "delimiter": delimiter})
        return _core.Spill.of_files(files_of(source), files, options)
    if delimiter is not None:
        raise ArgumentError("delimiter= is for CSV files, and the source is none; leave it out")
    if _table.is_stream(source):
        return _core.Spill.of_stream(source, columns, roles_json, options)
    return _core.Spill.of_table(_table.to_table(source, columns), roles_json, options)
