"""From the facts that the core counted to findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _table
from safar.explanation import moment
from safar.language import Moment, Said, Share, quoted, so_many
from safar.quality.checks import Finding

if TYPE_CHECKING:
    from safar.log import EventLog

# With fewer events, a column of different values says nothing, nor does one of equal values: of a hundred events with
# one value, other values may still have 3 % of all (the rule of three).
_FEWEST_EVENTS = 100
# A time of day to the second is midnight once in 86,400 times.
_MIDNIGHTS = 0.01
# To the minute it is once in 1,440 times: chance makes ten times, and 1 % of all, midnight in one of 10⁸ logs. Fewer
# may be a few rows that somebody wrote by hand.
_FEWEST_MIDNIGHTS = 10


def found_in(
    log: EventLog, facts: dict[str, Any], *, id: str | None, near_constant: float, nearly_unique: float
) -> list[Finding]:
    """All findings of a log, in the order of their checks."""
    return [
        *_rejected(log),
        *_counted(log, facts),
        *_same_id(log, facts, id),
        *_silent(log, facts),
        *_machines(log, facts),
        *_alike(log, facts),
        *_columns(log, facts, near_constant, nearly_unique),
        *_normalized(log),
    ]


def _rejected(log: EventLog) -> Iterator[Finding]:
    table = log.rejects.table
    if not table.num_rows:
        return
    codes, reasons = table.codes("reason")
    row, value, column = (table.numpy(name)[0] for name in ("row", "value", "column"))
    for code, reason in enumerate(reasons):
        places = np.flatnonzero(codes == code)
        first = int(places[0])
        given = Said("null") if value[first] is None else Said('"{value}"', value=value[first])
        example = Said("row {row}: {given}", row=int(row[first]), given=given)
        yield Finding("rejected_rows", column[first], len(places), log.info["rows"], example, reason)


def _counted(log: EventLog, facts: dict[str, Any]) -> Iterator[Finding]:
    """Findings that are counts of events."""
    events = len(log)
    columns = {
        "duplicates": ("exact_duplicates", "all"),
        "repeats": ("repeated_events", "event"),
        "ties": ("ties", "time"),
        "future": ("future_times", "time"),
        "epoch": ("epoch_times", "time"),
        "ancient": ("ancient_times", "time"),
        "midnight": ("midnight_times", "time"),
    }
    for fact, (check, column) in columns.items():
        count = facts[fact]["count"]
        if not count or (fact == "midnight" and count < max(_MIDNIGHTS * events, _FEWEST_MIDNIGHTS)):
            continue
        yield Finding(check, column, count, events, _event(facts[fact]["at"], log.timezone))
    if log.info["out_of_order"]:
        customer, time = facts["late"]
        example = Said(
            'customer "{customer}": the event of {time} came after a later one',
            customer=str(customer),
            time=moment(time, log.timezone),
        )
        # Whatever part this log is of it, it was the data as read that had an order.
        events_read = log.info["rows"] - sum(log.rejected.values())
        yield Finding("out_of_order", "time", log.info["out_of_order"], events_read, example)


def _same_id(log: EventLog, facts: dict[str, Any], name: str | None) -> Iterator[Finding]:
    for column in facts["columns"]:
        if column["name"] != name:
            continue
        given = len(log) - column["nulls"]
        surplus = given - column["distinct"]
        if surplus:
            text, _ = column["example"]
            example = Said(
                '"{value}": {number} events, such as {event}',
                value=text,
                number=int(column["commonest"]),
                event=_event(column["at"], log.timezone),
            )
            yield Finding("same_id", column["name"], surplus, given, example)


def _silent(log: EventLog, facts: dict[str, Any]) -> Iterator[Finding]:
    silences = facts["silences"]
    of_log = [silence for silence in silences if silence["of"] == "log"]
    if of_log:
        longest = max(of_log, key=lambda silence: silence["days"])
        yield Finding(
            "coverage_gaps",
            "time",
            sum(silence["days"] - silence["strays"] for silence in of_log),
            facts["days_observed"],
            Said(
                "{days} {without}, though {share} of the days have some",
                days=_days(longest),
                without=_without(longest),
                share=Share(longest["share"], 0),
            ),
        )
    if facts["empty_days"]:
        example = Said(
            "{day}, one of the days from {first} on",
            day=_day(facts["first_empty_day"]),
            first=_day(facts["first_day"]),
        )
        yield Finding("days_without_events", "time", facts["empty_days"], facts["days"], example)
    for check, place in (("channel_gaps", "gap"), ("late_starts", "start"), ("early_stops", "stop")):
        for column, names in (("event", log.events), ("channel", log.channels)):
            found = [s for s in silences if s["of"] == column and s["place"] == place]
            if not found or (check == "channel_gaps" and column == "event"):
                continue
            chief = max(found, key=lambda silence: silence["events"])
            example = Said(
                '{column} "{name}", {events} events, on {share} of its days: none in {days}',
                column=Said(column),
                name=chief["name"],
                events=int(chief["events"]),
                share=Share(chief["share"], 0),
                days=_days(chief),
            )
            yield Finding(check, column, len({s["name"] for s in found}), len(names), example)


def _machines(log: EventLog, facts: dict[str, Any]) -> Iterator[Finding]:
    words = {
        "minute": (
            "bots_in_a_minute",
            'customer "{customer}": {number} events within a minute from {time} on',
        ),
        "day": ("bots_in_a_day", 'customer "{customer}": {number} events within 24 hours from {time} on'),
        "regular": (
            "bots_at_regular_times",
            'customer "{customer}": {number} events at equal pauses from {time} on',
        ),
    }
    for fact, (check, text) in words.items():
        found = facts[fact]
        if found["count"]:
            example = Said(
                text,
                customer=str(found["at"]["customer"]),
                number=int(found["most"]),
                time=moment(found["at"]["time_us"], log.timezone),
            )
            yield Finding(check, "customer", found["count"], log.customers, example)


def _alike(log: EventLog, facts: dict[str, Any]) -> Iterator[Finding]:
    looked_at = (
        ("look_alike_ids", "customer", "ids", log.customers, "customers {names}"),
        ("look_alike_names", "event", "events", len(log.events), "events {names}"),
        ("look_alike_names", "channel", "channels", len(log.channels), "channels {names}"),
    )
    for check, column, fact, of, text in looked_at:
        found = facts[fact]
        if found and found["surplus"]:
            names = quoted(sorted(found["example"])[:3], last="and")
            yield Finding(check, column, found["surplus"], of, Said(text, names=names))


def _columns(
    log: EventLog, facts: dict[str, Any], near_constant: float, nearly_unique: float
) -> Iterator[Finding]:
    events = len(log)
    enough = events >= _FEWEST_EVENTS
    if enough and log.customers >= nearly_unique * events:
        singles = int((_table.integers(log.core.customers(), "events") == 1).sum())
        example = Said("{customers} customers for {events} events", customers=log.customers, events=events)
        yield Finding("one_event_customers", "customer", singles, log.customers, example)
    names = log.events
    once = [name for name, count in names.items() if count == 1]
    if enough and len(names) >= nearly_unique * events:
        yield Finding("event_names_as_ids", "event", len(names), events, _quoted(next(iter(names))))
    if once:
        yield Finding("events_seen_once", "event", len(once), len(names), _quoted(once[0]))
    known = [_Known("event", "Utf8", False, 0, len(names), *_commonest(names))]
    if "channel" in log.columns:
        nulls = events - sum(log.channels.values())
        known.append(_Known("channel", "Utf8", False, nulls, len(log.channels), *_commonest(log.channels)))
    for column in facts["columns"]:
        commonest = column["example"][0] if column["example"] else ""
        known.append(
            _Known(
                column["name"],
                column["data_type"],
                column["measure"],
                column["nulls"],
                column["distinct"],
                column["commonest"],
                commonest,
            )
        )
    for fact in known:
        given = events - fact.nulls
        if not given:
            yield Finding(
                "empty_columns",
                fact.name,
                events,
                events,
                Said("{number} events, none with a value", number=events),
            )
        elif enough and max(fact.commonest, fact.nulls) >= near_constant * events:
            value = _quoted(fact.example) if fact.commonest >= fact.nulls else Said("no value")
            count = max(fact.commonest, fact.nulls)
            yield Finding("near_constant_columns", fact.name, count, events, value)
        elif (
            fact.name != "event"
            and not fact.measure
            and given >= _FEWEST_EVENTS
            and fact.distinct is not None
            and fact.distinct >= nearly_unique * given
        ):
            example = Said('"{value}", one of {number} values', value=fact.example, number=int(fact.distinct))
            yield Finding("nearly_unique_columns", fact.name, fact.distinct, given, example)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a column."""

    name: str
    data_type: str
    measure: bool
    nulls: int
    distinct: int | None
    commonest: int
    example: str


def _commonest(names: dict[str, int]) -> tuple[int, str]:
    """The largest count, and whose it is; names stand with the commonest first."""
    return next(((count, name) for name, count in names.items()), (0, ""))


def _normalized(log: EventLog) -> Iterator[Finding]:
    for column, count in log.info["normalized"].items():
        if count:
            text = '{number} rows of "{column}" had Arabic letters or digits'
            example = Said(text, number=int(count), column=column)
            yield Finding("normalized_values", column, count, log.info["rows"], example)


# ---------------------------------------------------------------------------------------------------------- words


def _quoted(value: object) -> Said:
    return Said('"{value}"', value=str(value))


def _event(at: dict[str, Any], timezone: str) -> Said:
    return Said(
        'customer "{customer}", {time}, "{event}"',
        customer=str(at["customer"]),
        time=moment(at["time_us"], timezone),
        event=at["event"],
    )


def _day(day: int) -> Moment:
    return Moment(np.datetime64(day, "D").item())


def _without(silence: dict[str, Any]) -> Said:
    few = None
    if silence["strays"]:
        few = Said(", but for a few on {number} of them", number=int(silence["strays"]))
    until = Said(", the end of what was observed") if silence["place"] == "stop" else None
    return Said("without an event{few}{until}", few=few or "", until=until or "")


def _days(silence: dict[str, Any]) -> Said:
    return Said(
        "{days} from {first} to {last}",
        days=so_many(int(silence["days"]), "1 day", "{number} days"),
        first=_day(silence["from"]),
        last=_day(silence["to"]),
    )
