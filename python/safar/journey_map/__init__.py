"""The journey map as code: which event is which touchpoint, at which stage, and what is measured there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safar import _args, _core
from safar.errors import ArgumentError, ArgumentTypeError, FileError
from safar.journey_map.coverage import MapCoverage, coverage_of
from safar.journey_map.draft import TEMPLATES, draft
from safar.journey_map.parts import (
    Channel,
    DesignedStep,
    Kpi,
    Name,
    Plan,
    Stage,
    Touchpoint,
    name_of,
    part_of,
)
from safar.journey_map.writing import written

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["JourneyMap", "MapCoverage", "map_coverage", "with_map"]

_FILES = Path(__file__).parent / "files"


@dataclass(frozen=True, repr=False, eq=False)
class JourneyMap:
    """Which event is which touchpoint, at which stage, and what is measured there?

    A map is the text of a TOML file, whose keys `docs/journey_map.md` describes. `load` reads a file, `template` gives
    the stages of a usual journey, `from_events` a draft made from a log. ``log.with_map(map)`` reads a log through it.

    Parameters
    ----------
    text
        The TOML text.
    file
        What the file is called in messages.

    Raises
    ------
    MapError
        If the text is no map. The message lists everything that is wrong with it, each with file, line and column;
        ``error.problems`` has the same as a list of ``(line, column, message)``.

    Examples
    --------
    >>> import safar
    >>> journey_map = safar.JourneyMap('''
    ... version = 1
    ... [[stage]]
    ... id = "consideration"
    ... name = { en = "Consideration", fa = "بررسی" }
    ... [[stage]]
    ... id = "purchase"
    ... [[touchpoint]]
    ... id = "product page"
    ... stage = "consideration"
    ... event = ["view", "zoom"]
    ... [[touchpoint]]
    ... id = "order"
    ... stage = "purchase"
    ... event = "purchase"
    ... where = "value > 0"
    ... ''')
    >>> journey_map
    JourneyMap: 2 touchpoints at 2 stages (consideration, purchase), 0 KPIs
    >>> journey_map.stages[0].name.of("fa")
    'بررسی'
    """

    text: str
    file: str = "journey.toml"
    _plain: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        _args.text(self.text, "text")
        _args.text(self.file, "file")
        object.__setattr__(self, "_plain", json.loads(_core.read_map(self.text, self.file)))

    # ---------------------------------------------------------------------------------------- where maps come from

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> JourneyMap:
        """Which map is in this file?

        Parameters
        ----------
        path
            A TOML file in UTF-8, such as ``"journey.toml"``.

        Returns
        -------
        JourneyMap

        Raises
        ------
        MapError
            With all that is wrong with the map.
        FileError
            If the file can't be read, or is no text in UTF-8.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import safar
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "journey.toml")
        ...     safar.JourneyMap.template("purchase").save(path)
        ...     safar.JourneyMap.load(path)
        JourneyMap: 0 touchpoints at 5 stages (awareness, consideration, purchase, loyalty, advocacy), 0 KPIs
        """
        name = os.fspath(path)
        try:
            text = Path(name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise FileError(
                f"{name}: this is no text in UTF-8 (byte {error.start}); save the map in this encoding"
            ) from None
        except OSError as error:
            raise FileError(f"{name}: {error.strerror or error}") from None
        return cls(text, name)

    @classmethod
    def parse(cls, text: str) -> JourneyMap:
        """Which map does this text describe? The same as ``JourneyMap(text)``."""
        return cls(text)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> JourneyMap:
        """Which map do these values describe?

        Parameters
        ----------
        plain
            The keys of the file with their values; ``stage``, ``touchpoint``, ``channel``, ``kpi`` and ``designed`` are
            lists of mappings. Dates are dates, or text: Gregorian as ISO 8601, or Jalali. `to_dict` gives such values.

        Examples
        --------
        >>> import safar
        >>> safar.JourneyMap.from_dict(
        ...     {
        ...         "stage": [{"id": "purchase"}],
        ...         "touchpoint": [{"id": "order", "stage": "purchase", "event": "purchase"}],
        ...     }
        ... )
        JourneyMap: 1 touchpoint at 1 stage (purchase), 0 KPIs
        """
        if not isinstance(plain, Mapping):
            raise ArgumentTypeError(
                f"plain is a {type(plain).__name__}; expected a mapping of the keys of the file"
            )
        return cls(written(plain), "from_dict")

    @classmethod
    def template(cls, name: str = "purchase") -> JourneyMap:
        """What are the stages of a usual journey, in English and Persian?

        Parameters
        ----------
        name
            ``"purchase"`` (default): awareness, consideration, purchase, loyalty, advocacy. ``"service"``: awareness,
            consideration, decision, experience, retention, support. ``"subscription"``: awareness, engagement,
            onboarding, active, retention, advocacy.

        Returns
        -------
        JourneyMap
            A map with stages and no touchpoints, to be saved and edited.

        Examples
        --------
        >>> import safar
        >>> [stage.id for stage in safar.JourneyMap.template("service").stages]
        ['awareness', 'consideration', 'decision', 'experience', 'retention', 'support']
        """
        return cls(_template(name), f"{name}.toml")

    @classmethod
    def shop(cls) -> JourneyMap:
        """The map of the demo shop, `safar.datasets.shop`: all of its events, with names in English and Persian.

        Examples
        --------
        >>> import safar
        >>> safar.JourneyMap.shop().touchpoint("checkout").name.of("fa")
        'تسویه حساب'
        """
        return cls((_FILES / "shop.toml").read_text(encoding="utf-8"), "shop.toml")

    @classmethod
    def from_events(cls, log: EventLog, *, template: str = "purchase") -> JourneyMap:
        """What would a map of this log look like, as a draft for a person to edit?

        Parameters
        ----------
        log
            The events.
        template
            The stages: ``"purchase"`` (default), ``"service"`` or ``"subscription"``, as of `template`.

        Returns
        -------
        JourneyMap
            One touchpoint for each event. Its text says of each how the stage was guessed and that nobody has looked
            at it yet; `save` it, edit it, and `load` it again.

        Notes
        -----
        The stage is guessed by two rules, the first that applies. A word in the name of the event, in English or
        Persian (``cart`` means purchase, ``معرفی`` means advocacy): the lists are in ``safar.journey_map.draft.WORDS``,
        and an event with several such words takes the meaning that stands first there. Else by position: the median of
        where the event stands among the events of its customer, from 0 to 1, times the number of stages, rounded down.
        Both are guesses and no analysis.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "ann", "bob"],
        ...         "time": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-02"],
        ...         "event": ["view_product", "add_to_cart", "zzz", "view_product"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> draft = safar.JourneyMap.from_events(log)
        >>> [(touchpoint.id, touchpoint.stage) for touchpoint in draft.touchpoints]
        [('view_product', 'consideration'), ('add_to_cart', 'purchase'), ('zzz', 'advocacy')]
        >>> print(draft.to_toml().split("[[touchpoint]]")[-1])
          # 1 events; stage guessed by its median position, 83% of the way through its customers' events
        id = "zzz"
        stage = "advocacy"
        event = "zzz"
        """
        core = getattr(log, "core", None)
        if not isinstance(core, _core.EventLog):
            way_out = (
                "; take a part of the scan: scan.filter(sample=0.01).collect()"
                if hasattr(log, "collect")
                else ""
            )
            raise ArgumentTypeError(f"log is a {type(log).__name__}; expected an EventLog{way_out}")
        head = _template(template)
        stages = [stage.id for stage in cls(head).stages]
        rows = [(event, count, position) for event, count, position in json.loads(core.positions())]
        return cls(draft(head, template, stages, rows, len(log)), "draft.toml")

    # ----------------------------------------------------------------------------------------------- what a map says

    @cached_property
    def name(self) -> Name | None:
        """What the map is called."""
        return None if self._plain["name"] is None else name_of(self._plain["name"])

    @property
    def currency(self) -> str | None:
        """What costs are counted in."""
        found: str | None = self._plain["currency"]
        return found

    @cached_property
    def plan(self) -> Plan:
        """The plan behind the map."""
        found: Plan = part_of(Plan, self._plain["plan"])
        return found

    @cached_property
    def inputs(self) -> dict[str, str]:
        """What the inputs of KPIs of the catalogue are in the data: conditions, or names of columns."""
        return dict(self._plain["inputs"])

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return self._parts(Stage, "stage")

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that the map names."""
        return self._parts(Channel, "channel")

    @cached_property
    def touchpoints(self) -> tuple[Touchpoint, ...]:
        """The touchpoints, in the order in which they are tried."""
        return self._parts(Touchpoint, "touchpoint")

    @cached_property
    def kpis(self) -> tuple[Kpi, ...]:
        """What is measured."""
        return self._parts(Kpi, "kpi")

    @cached_property
    def designed(self) -> tuple[DesignedStep, ...]:
        """The journey as it is meant to be."""
        return self._parts(DesignedStep, "designed")

    def _parts(self, kind: Any, key: str) -> tuple[Any, ...]:
        return tuple(part_of(kind, plain) for plain in self._plain[key])

    def stage(self, id: str) -> Stage:
        """The stage of this id."""
        found: Stage = _found(self.stages, id, "stage")
        return found

    def touchpoint(self, id: str) -> Touchpoint:
        """The touchpoint of this id."""
        found: Touchpoint = _found(self.touchpoints, id, "touchpoint")
        return found

    def to_toml(self) -> str:
        """The text of the map, as it was written, comments among it."""
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The map as plain values, with the keys of its file; `from_dict` takes them back."""
        plain: dict[str, Any] = json.loads(json.dumps(self._plain))
        return plain

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the text of the map into a file, in UTF-8."""
        try:
            Path(path).write_text(self.text, encoding="utf-8", newline="")
        except OSError as error:
            raise FileError(f"{os.fspath(path)}: {error.strerror or error}") from None

    @staticmethod
    def schema() -> dict[str, Any]:
        """The JSON schema of the file, for editors that complete and check TOML by one.

        Examples
        --------
        >>> import safar
        >>> sorted(safar.JourneyMap.schema()["properties"])[:4]
        ['channel', 'currency', 'designed', 'inputs']
        """
        found: dict[str, Any] = json.loads((_FILES / "journey.schema.json").read_text(encoding="utf-8"))
        return found

    def __eq__(self, other: object) -> bool:
        """Whether two maps say the same, however they are written."""
        return self._plain == other._plain if isinstance(other, JourneyMap) else NotImplemented

    def __hash__(self) -> int:
        return hash(json.dumps(self._plain, sort_keys=True))

    def __repr__(self) -> str:
        stages = ", ".join(stage.id for stage in self.stages)
        return (
            f"JourneyMap: {_number(len(self.touchpoints), 'touchpoint')} at {_number(len(self.stages), 'stage')} "
            f"({stages}), {_number(len(self.kpis), 'KPI')}"
        )

    def _repr_html_(self) -> str:
        def cell(items: list[str]) -> str:
            return f'<td dir="auto" style="text-align:start;vertical-align:top">{"<br>".join(items)}</td>'

        heads = "".join(
            f'<th dir="auto" style="text-align:start">{escape(str(stage.name))}</th>' for stage in self.stages
        )
        touchpoints = "".join(
            cell([escape(str(each.name)) for each in self.touchpoints if each.stage == stage.id])
            for stage in self.stages
        )
        kpis = "".join(
            cell([escape(_aim(each)) for each in self.kpis if self._stage_of(each) == stage.id])
            for stage in self.stages
        )
        overall = [escape(_aim(each)) for each in self.kpis if self._stage_of(each) is None]
        foot = f'<p dir="auto">{"; ".join(overall)}</p>' if overall else ""
        title = escape(str(self.name)) if self.name else escape(self.file)
        return (
            f'<div class="safar-map"><table><caption style="text-align:start">{title}</caption>'
            f"<thead><tr><th></th>{heads}"
            f'</tr></thead><tbody><tr><th style="text-align:start">touchpoints</th>{touchpoints}</tr>'
            f'<tr><th style="text-align:start">KPIs</th>{kpis}</tr></tbody></table>{foot}</div>'
        )

    def _stage_of(self, kpi: Kpi) -> str | None:
        return kpi.stage if kpi.touchpoint is None else self.touchpoint(kpi.touchpoint).stage


def _template(name: str) -> str:
    if name not in TEMPLATES:
        raise ArgumentError(
            f"template={name!r}{_args.suggestion(str(name), TEMPLATES)} (available: {_args.listing(TEMPLATES)})"
        )
    return (_FILES / f"{name}.toml").read_text(encoding="utf-8")


def _found(parts: tuple[Any, ...], id: str, kind: str) -> Any:
    ids = [part.id for part in parts]
    if id not in ids:
        raise ArgumentError(
            f'"{id}" is not a {kind} of this map{_args.suggestion(str(id), ids)} (available: '
            f"{_args.listing(ids) or 'none'})"
        )
    return parts[ids.index(id)]


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _aim(kpi: Kpi) -> str:
    sign = {"up": "≥", "down": "≤"}.get(kpi.direction or "", "")
    return str(kpi.name) if kpi.target is None else f"{kpi.name} {sign} {kpi.target:g} {kpi.unit}"


def with_map(log: EventLog, journey_map: JourneyMap) -> EventLog:
    """Which touchpoint and stage does each event belong to?

    Parameters
    ----------
    journey_map
        The map, such as ``safar.JourneyMap.load("journey.toml")``.

    Returns
    -------
    EventLog
        This log with the columns ``touchpoint`` and ``stage``, the ids of the map, for conditions, `by`, `per` and all
        else that columns are good for. An event is at the first touchpoint of the map that matches it; where none does,
        both are null. Columns of these names that the log had give way. `EventLog.map` is the map, and
        `EventLog.map_coverage` tells what it covers.

    Raises
    ------
    MapError
        If conditions of touchpoints or KPIs name columns that the log lacks, or compare what can't be compared: all
        such places at once, with line and column.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...         "event": ["view", "purchase", "gaze"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> journey_map = safar.JourneyMap.from_dict(
    ...     {
    ...         "stage": [{"id": "consideration"}, {"id": "purchase"}],
    ...         "touchpoint": [
    ...             {"id": "product page", "stage": "consideration", "event": "view"},
    ...             {"id": "order", "stage": "purchase", "event": "purchase"},
    ...         ],
    ...     }
    ... )
    >>> mapped = log.with_map(journey_map)
    >>> mapped.filter(where="stage = 'purchase'").events
    {'purchase': 1}
    >>> mapped.filter(where="touchpoint is null").events
    {'gaze': 1}
    """
    if not isinstance(journey_map, JourneyMap):
        raise ArgumentTypeError(
            f"journey_map is a {type(journey_map).__name__}; expected a JourneyMap, such as "
            'safar.JourneyMap.load("journey.toml")'
        )
    return log.mapped(journey_map)


def map_coverage(log: Log) -> MapCoverage:
    """What does the map of this log cover, and what does it miss?

    Returns
    -------
    MapCoverage
        One row a touchpoint: ``touchpoint``, ``stage``, ``events``, ``customers``, ``share`` (of all customers) with
        its 95 % Wilson interval, ``first``, ``last``, ``finding``. Its ``overlaps`` list events that several
        touchpoints match, its ``unmapped`` those that none does: nothing is lost, ``mapped`` and these add up to all
        events.

    Notes
    -----
    The events of this log are read through its map again, so that a part of a log has the coverage of that part.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...         "event": ["view", "purchase", "gaze"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> journey_map = safar.JourneyMap.from_dict(
    ...     {
    ...         "stage": [{"id": "purchase"}],
    ...         "touchpoint": [
    ...             {"id": "order", "stage": "purchase", "event": "purchase"},
    ...             {"id": "look", "stage": "purchase", "event": "veiw"},
    ...         ],
    ...     }
    ... )
    >>> coverage = log.with_map(journey_map).map_coverage()
    >>> coverage.to_dict()["finding"]
    [None, 'never matches: the log has no event "veiw"; did you mean "view"?']
    >>> coverage.unmapped.to_dict()["event"]
    ['gaze', 'view']
    """
    if log.map is None:
        raise ArgumentError(
            'this log has no map; give it one: log.with_map(safar.JourneyMap.load("journey.toml")).map_coverage()'
        )
    return coverage_of(log, log.map, log.covered(log.map))
