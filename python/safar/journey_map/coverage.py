"""What a journey map covers of a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar.language import Said
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar._log import Log
    from safar.journey_map import JourneyMap
    from safar.journey_map.parts import Touchpoint

__all__ = ["MapCoverage", "coverage_of", "merged"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class MapCoverage(ResultTable):
    """What does a journey map cover of a log, and what does it miss?

    Parameters
    ----------
    table
        One row a touchpoint, in the order of the map: ``touchpoint``, ``stage``, ``events`` (that belong to it),
        ``customers`` (who have one), ``share`` (of all customers, 0 to 1), ``share_low``, ``share_high`` (its 95 %
        Wilson interval), ``first``, ``last`` (times of its first and last event; null where it has none),
        ``finding`` (what to look at; null where all is well).
    overlaps
        Touchpoints that match the same events: ``touchpoint`` (that the events belong to, because it stands first in
        the map), ``also`` (the later one that would match as well), ``events``.
    unmapped
        What no touchpoint matches, the commonest first: ``event``, ``channel`` (null where it is none), ``events``,
        ``share`` (of all events), ``share_low``, ``share_high``.
    events
        Number of events of the log.
    mapped
        Number of events at a touchpoint; with those of `unmapped` they are `events`.
    journey_map
        The map.
    """

    overlaps: ResultTable
    unmapped: ResultTable
    events: int
    mapped: int
    journey_map: JourneyMap

    @property
    def never_matched(self) -> list[str]:
        """Touchpoints without any event."""
        columns = self.to_dict()
        return [
            name for name, events in zip(columns["touchpoint"], columns["events"], strict=True) if not events
        ]

    def plot(self, **options: Any) -> ChartType:
        """The coverage as an Altair chart; the options are those of `safar.plot.map_coverage`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").map_coverage(self, **options)
        return chart

    def _extent(self) -> str:
        touchpoints = f"{len(self):,} touchpoint{'' if len(self) == 1 else 's'}"
        return f"{self.mapped:,} of {self.events:,} events at {touchpoints}, {len(self.never_matched):,} without any"


def merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a map covers of data whose parts share no customer."""
    touchpoints = []
    for rows in zip(*(part["touchpoints"] for part in parts), strict=True):
        seen = [row for row in rows if row["events"]]
        touchpoints.append(
            {
                "events": sum(row["events"] for row in rows),
                "customers": sum(row["customers"] for row in rows),
                "first_us": min((row["first_us"] for row in seen), default=None),
                "last_us": max((row["last_us"] for row in seen), default=None),
            }
        )
    counts: dict[str, dict[tuple[Any, Any], int]] = {"overlaps": {}, "unmapped": {}}
    for part in parts:
        for kind, pairs in counts.items():
            for one, other, events in part[kind]:
                pairs[one, other] = pairs.get((one, other), 0) + events
    return {
        "events": sum(part["events"] for part in parts),
        "customers": sum(part["customers"] for part in parts),
        "touchpoints": touchpoints,
        **{kind: [[*pair, events] for pair, events in pairs.items()] for kind, pairs in counts.items()},
    }


def coverage_of(log: Log, journey_map: JourneyMap, facts: Mapping[str, Any]) -> MapCoverage:
    """The result of what the core counted."""
    touchpoints, rows = journey_map.touchpoints, facts["touchpoints"]
    events = _counts(row["events"] for row in rows)
    customers = _counts(row["customers"] for row in rows)
    overlaps = sorted(facts["overlaps"], key=lambda row: (row[0], row[1]))
    unmapped = sorted(facts["unmapped"], key=lambda row: (-row[2], row[0], row[1] is None, row[1] or ""))
    ids = [touchpoint.id for touchpoint in touchpoints]
    covered_by = {later: ids[first] for first, later, _ in reversed(overlaps)}
    names = {"event": log.events, "channel": log.channels}
    findings = [
        _finding(touchpoint, row["events"], covered_by.get(place), names)
        for place, (touchpoint, row) in enumerate(zip(touchpoints, rows, strict=True))
    ]
    of_customers = np.full(len(rows), facts["customers"], dtype=np.int64)
    table = _table.table_of(
        {
            "touchpoint": _texts(ids),
            "stage": _texts([touchpoint.stage for touchpoint in touchpoints]),
            "events": events,
            "customers": customers,
            **share_columns("share", customers, of_customers),
            "first": _times([row["first_us"] for row in rows]),
            "last": _times([row["last_us"] for row in rows]),
            "finding": _texts(findings),
        }
    )
    mapped = int(events.sum())
    missed = _counts(row[2] for row in unmapped)
    shares = frozenset({"share", "share_low", "share_high"})
    definition = Said(
        "An event is at the first touchpoint of the map that matches it: {mapped} of {events} events are at one. The "
        "share is that of the {customers} customers who have an event there, with its 95 % Wilson interval.",
        mapped=mapped,
        events=int(facts["events"]),
        customers=int(facts["customers"]),
    )
    return MapCoverage(
        table,
        definition,
        log.timezone,
        ResultTable(
            _table.table_of(
                {
                    "touchpoint": _texts([ids[row[0]] for row in overlaps]),
                    "also": _texts([ids[row[1]] for row in overlaps]),
                    "events": _counts(row[2] for row in overlaps),
                }
            ),
            Said(
                "Events that belong to a touchpoint, which stands first in the map, and that a later one matches as "
                "well."
            ),
            log.timezone,
        ),
        ResultTable(
            _table.table_of(
                {
                    "event": _texts([row[0] for row in unmapped]),
                    "channel": _texts([row[1] for row in unmapped]),
                    "events": missed,
                    **share_columns("share", missed, np.full(len(missed), facts["events"], dtype=np.int64)),
                }
            ),
            Said(
                "Events that no touchpoint matches, by name and channel, and their share of all {events} events, with "
                "its 95 % Wilson interval.",
                events=int(facts["events"]),
            ),
            log.timezone,
            shares=shares,
        ),
        int(facts["events"]),
        mapped,
        journey_map,
        shares=shares,
    )


def _finding(
    touchpoint: Touchpoint, events: int, covered_by: str | None, names: Mapping[str, Mapping[str, int]]
) -> str | None:
    """What is odd about a touchpoint: names that the log lacks, and why nothing matches."""
    found = [
        f'the log has no {role} "{name}"{_args.suggestion(name, known)}'
        for role, known in names.items()
        for name in getattr(touchpoint, role)
        if name not in known
    ]
    if not events and not found:
        found.append(
            f'all that it matches is at "{covered_by}", which stands before it'
            if covered_by is not None
            else "no event meets its conditions"
        )
    if not found:
        return None
    return ("never matches: " if not events else "") + "; ".join(found)


def _counts(values: Any) -> Any:
    return np.fromiter(values, dtype=np.int64)


def _times(values: Sequence[int | None]) -> Any:
    times = np.array([0 if value is None else value for value in values], dtype="int64").astype(
        "datetime64[us]"
    )
    return times, {"zone": "UTC", "mask": np.array([value is None for value in values], dtype=bool)}


def _texts(texts: Sequence[str | None]) -> Any:
    """A column of text, of one type even where it has no row."""
    places: dict[str, int] = {}
    codes = [-1 if text is None else places.setdefault(text, len(places)) for text in texts]
    return _table.named(np.array(codes, dtype=np.int64), list(places))
