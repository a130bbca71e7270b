"""Why a customer counts as it does in retention: what each event means for its cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from safar._typing import Array, Integers
from safar.analyses._periods import ObservedPeriods, observed_periods
from safar.calendar import period_label
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Listed, Moment, PeriodLabel, Said, Spoken

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.retention import Retention
    from safar.log import EventLog

_DAY_US = 86_400_000_000
_LENGTHS = {"day": _DAY_US, "week": 7 * _DAY_US, "month": 30 * _DAY_US}
_MODES = {
    "on": Said("seen back in"),
    "on_or_after": Said("seen back in or after"),
    "on_or_before": Said("seen back until"),
    "streak": Said("seen back in every period up to"),
}
# Cohorts that are named at one event: an event years after a weekly start would fill pages.
_NAMED = 3


def explained(question: Retention, log: Log, customer: object, definition: str) -> Explanation:
    """The events of a customer under a question of retention."""
    one = one_customer(log, customer)
    events = one.core.events_table(["event"]).numpy("event")[0]
    times = one.core.view("times")
    periods = observed_periods(one, question.period, question.calendar, question.week_start)
    entries = _entries(question, one, events, times, periods)
    starts = (
        np.isin(events, question.start) if question.start is not None else np.ones(len(events), dtype=bool)
    )
    backs = np.isin(events, question.back) if question.back is not None else np.ones(len(events), dtype=bool)
    decisions = []
    for position, time in enumerate(times.tolist()):
        said = []
        if position in entries:
            cohort = _label(question, periods, entries[position])
            said.append(Said("start event: enters the cohort of {cohort}", cohort=cohort))
        elif starts[position] and not entries:
            said.append(_outside(question, log, time))
        elif starts[position] and question.start is not None and question.entry != "recurring":
            said.append(Said("a start event, but another one counts"))
        before = [start for start in entries if start < position]
        if backs[position] and before:
            said.append(
                _back(question, periods, {start: entries[start] for start in before}, times, position)
            )
        decisions.append(Listed(said, "; "))
    conclusion = _conclusion(question, one, periods, entries)
    return explanation(one, customer, decisions, conclusion, definition)


def _entries(
    question: Retention, one: EventLog, events: Array, times: Integers, periods: ObservedPeriods
) -> dict[int, int]:
    """The events that put the customer in a cohort, with the number of the cohort's period."""
    begin, end = question.bounds(one.timezone)
    found: dict[int, int] = {}
    for position, (event, time) in enumerate(zip(events.tolist(), times.tolist(), strict=True)):
        if question.start is not None and event not in question.start:
            continue
        early = begin is not None and time < begin
        if early and question.entry != "first_ever":
            continue
        if early or (end is not None and time >= end):
            break
        cohort = periods.of(time)
        if cohort not in found.values():
            found[position] = cohort
        if question.entry != "recurring":
            break
    return found


def _outside(question: Retention, log: Log, time: int) -> Said:
    begin, _ = question.bounds(log.timezone)
    if begin is not None and time < begin:
        return Said("a start event, before the range of time")
    return Said("a start event, after the range of time")


def _back(
    question: Retention, periods: ObservedPeriods, entries: Mapping[int, int], times: Integers, position: int
) -> Said:
    named = []
    for start, cohort in list(entries.items())[-_NAMED:]:
        time = int(times[position])
        if question.clock == "rolling":
            number = (time - int(times[start])) // _LENGTHS[question.period]
        else:
            number = periods.of(time) - cohort
        text = "period {number} of the cohort of {cohort}" if len(entries) > 1 else "period {number}"
        named.append(Said(text, number=number, cohort=_label(question, periods, cohort)))
    more = len(entries) - _NAMED
    text = "back in {periods} and of {number} more cohorts" if more > 0 else "back in {periods}"
    return Said(text, periods=Listed(named), number=more)


def _label(question: Retention, periods: ObservedPeriods, cohort: int) -> Spoken:
    day = periods.days[cohort].item()
    if question.calendar == "gregorian" and question.period != "month":
        return Moment(day)
    return PeriodLabel(period_label(day, period=question.period, calendar=question.calendar))


def _conclusion(
    question: Retention, one: EventLog, periods: ObservedPeriods, entries: Mapping[int, int]
) -> list[Said]:
    if not entries:
        event = Said("start event") if question.start is None else Listed(question.start, " or ")
        ranged = question.start_time or question.end_time
        text = "In no cohort: no {event} in the range of time." if ranged else "In no cohort: no {event}."
        return [Said(text, event=event)]
    cells = question.of_each_customer(one, question.plan_of_part(one))
    numbers = cells["period"][0]
    back = _MODES[question.mode]
    if question.minimum > 1:
        back = Said("{back} at least {minimum} times", back=back, minimum=question.minimum)
    sentences = []
    for cohort in entries.values():
        mine = numbers
        if "cohort" in cells:
            mine = numbers[cells["cohort"][0].astype("datetime64[D]") == periods.days[cohort]]
        counted = sorted(int(number) for number in mine)
        text = (
            "In the cohort of {cohort}, and {back} these periods: {periods}."
            if counted
            else "In the cohort of {cohort}, and {back} these periods: none."
        )
        listed = Listed([Said("{number}", number=number) for number in counted])
        sentences.append(Said(text, cohort=_label(question, periods, cohort), back=back, periods=listed))
    return sentences
