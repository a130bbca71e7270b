"""What a page asks of a log that it knows nothing about: conversion, steps and windows, each with the rule in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from safar import _args
from safar._typing import Duration
from safar.analyses.funnel import StepLike, step
from safar.errors import ArgumentError
from safar.language import ENGLISH, Locale
from safar.pages.paths import main_path, widest_path

if TYPE_CHECKING:
    from safar.analyses.transitions import TransitionsResult
    from safar.log import EventLog

__all__ = ["Conversion", "Journey", "Stages", "choose_conversion", "choose_journey", "longest_window"]

# Stage → its events, or the order of the values of the column `stage`.
Stages = Mapping[str, str | Sequence[str]] | str | Sequence[str]

# Stages in the order of the customer life cycle, in the words that journey maps use.
_LIFE_CYCLE = (
    "awareness",
    "discovery",
    "acquisition",
    "interest",
    "consideration",
    "evaluation",
    "intent",
    "activation",
    "purchase",
    "conversion",
    "onboarding",
    "delivery",
    "experience",
    "service",
    "support",
    "retention",
    "loyalty",
    "advocacy",
    "referral",
)
_CONVERSIONS = ("purchase", "order", "buy", "sale", "transaction", "payment_done", "conversion", "subscribe")
_MOST_STAGED_EVENTS = 200
_HEAVIEST = 5_000
_WINDOWS = ("30d", "7d", "1d", "1h")
_LONG_WINDOWS = ("90d", *_WINDOWS)
_ORDINALS = ("1st {event}", "2nd {event}", "3rd {event}", "4th {event}", "5th {event}")


@dataclass(frozen=True, slots=True)
class Conversion:
    """Which events are a conversion, and how that was decided.

    Parameters
    ----------
    events
        Any one of them converts.
    said
        The rule in words.
    """

    events: tuple[str, ...]
    said: str


@dataclass(frozen=True, slots=True)
class Journey:
    """The steps of the page's funnel, and how they were decided.

    Parameters
    ----------
    steps
        Steps in order.
    within
        The window.
    said
        The rule in words.
    """

    steps: tuple[StepLike, ...]
    within: str
    said: str


def longest_window(log: EventLog, windows: Sequence[str] = _WINDOWS) -> str:
    """Choose the longest of some windows that fits three times into the data, else the shortest.

    Parameters
    ----------
    log
        The log.
    windows
        Windows in days or hours, the longest first.

    Returns
    -------
    str
    """
    span = log.observed_until - log.first
    lengths = {"d": timedelta(days=1), "h": timedelta(hours=1)}
    return next(
        (window for window in windows if 3 * int(window[:-1]) * lengths[window[-1]] <= span), windows[-1]
    )


def choose_conversion(
    log: EventLog, given: str | Sequence[str] | None, locale: Locale = ENGLISH
) -> Conversion | None:
    """Decide which events are a conversion.

    Parameters
    ----------
    log
        The log.
    given
        Names from the caller; None decides by the data.
    locale
        How readers are written to.

    Returns
    -------
    Conversion or None
        The given events; else the event that carries the most value; else an event with a usual name such as
        ``purchase``; else None.
    """
    if given is not None:
        events = _args.names(given, "conversion")
        _args.known_events(events, log.events, "conversion")
        return Conversion(events, locale.say("given"))
    totals = _value_by_event(log)
    if totals and max(totals.values()) > 0:
        best = max(sorted(totals), key=lambda name: totals[name])
        return Conversion((best,), locale.say("chosen automatically: the event that carries the most value"))
    folded = {name.strip().casefold(): name for name in log.events}
    usual = next((folded[name] for name in _CONVERSIONS if name in folded), None)
    return None if usual is None else Conversion((usual,), locale.say("chosen automatically by its name"))


def _value_by_event(log: EventLog) -> dict[str, float]:
    """Sum the value of each event; empty where the log has no value."""
    if "value" not in log.columns:
        return {}
    values, mask = log.core.events_table(["value"]).numpy("value")
    amounts = np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=0.0, neginf=0.0)
    if mask is not None:
        amounts = np.where(mask, 0.0, amounts)
    names = log.core.names("event")
    sums = np.bincount(log.core.view("events"), weights=amounts, minlength=len(names))
    # A name that only rejected rows had has no events.
    used = np.flatnonzero(names.numpy("events")[0])
    return dict(zip(names.numpy("name")[0][used].tolist(), sums[used].tolist(), strict=True))


def choose_journey(
    log: EventLog,
    transitions: TransitionsResult | None,
    conversion: Conversion | None,
    *,
    steps: Sequence[StepLike] | None = None,
    stages: Stages | None = None,
    within: Duration | None = None,
    locale: Locale = ENGLISH,
) -> Journey:
    """Decide the steps of the page's funnel.

    Parameters
    ----------
    log
        The log.
    transitions
        Its transitions, from which a path is read where neither steps nor stages are known.
    conversion
        Where a path should end.
    steps
        Steps from the caller.
    stages
        Stages from the caller: a mapping of stage → events, or the order of the values of the column ``stage``.
    within
        The window from the caller; None takes the longest usual one that fits three times into the data.
    locale
        How readers are written to.

    Returns
    -------
    Journey
    """
    if steps is not None:
        if stages is not None:
            raise ArgumentError("funnel_steps and stages both say what the funnel is; expected one of them")
        return _journey(log, steps, within, locale.say("Steps as given"), locale)
    if stages is not None or "stage" in log.columns:
        found, rule = _stages(log, stages, locale)
        if stages is not None or len(found) > 1:
            staged = [step(*events, name=name) for name, events in found.items()]
            return _journey(log, staged, within, rule, locale, _LONG_WINDOWS)
    path, rule = _path(transitions, conversion, locale)
    if len(path) < 2:
        only = path[0] if path else next(iter(log.events))
        repeated = [step(only, name=locale.say(ordinal, event=only)) for ordinal in _ORDINALS]
        rule = locale.say(
            "Steps chosen automatically: the first five times of “{event}”, with which journeys begin",
            event=locale.name(only),
        )
        return _journey(log, repeated, within, rule, locale, _LONG_WINDOWS)
    return _journey(log, path, within, rule, locale)


def _journey(
    log: EventLog,
    steps: Sequence[StepLike],
    within: Duration | None,
    rule: str,
    locale: Locale,
    windows: Sequence[str] = _WINDOWS,
) -> Journey:
    """Add the window, and say where it comes from."""
    window = _args.duration(longest_window(log, windows) if within is None else within, "within")
    said = "{rule}; within {window}"
    if within is None:
        said = "{rule}; within {window} (the longest usual window that fits three times into the data)"
    return Journey(tuple(steps), window, locale.say(said, rule=rule, window=locale.length(window)))


def _stages(log: EventLog, given: Stages | None, locale: Locale) -> tuple[dict[str, tuple[str, ...]], str]:
    """Find the events of each stage, in the order of the stages."""
    if given is not None:
        return _given_stages(log, given, locale), locale.say("Stages as given")
    found = _events_by_stage(log)
    if log.map is not None:
        order = [stage.id for stage in log.map.stages if stage.id in found]
        rule = locale.say("Stages of the journey map, in its order")
        return {_stage_name(log, name, locale): found[name] for name in order}, rule
    if all(name.strip().casefold() in _LIFE_CYCLE for name in found):
        order = sorted(found, key=lambda name: _LIFE_CYCLE.index(name.strip().casefold()))
        rule = locale.say("Stages from the column “stage”, in the order of the customer life cycle")
    else:
        reached = {name: log.funnel([step(*events)]).entered for name, events in found.items()}
        order = sorted(found, key=lambda name: (-reached[name], name))
        rule = locale.say("Stages from the column “stage”, in the order of how many customers reach them")
    return {name.capitalize(): found[name] for name in order}, rule


def _given_stages(log: EventLog, given: Stages, locale: Locale) -> dict[str, tuple[str, ...]]:
    """The events of the stages that the caller wants."""
    if isinstance(given, Mapping):
        if not given:
            raise ArgumentError('stages is empty; expected {"stage name": ["event", …], …}')
        found = {}
        for name, events in given.items():
            argument = f"stages[{name!r}]"
            found[_args.text(name, "a name in stages")] = _args.names(events, argument)
            _args.known_events(found[name], log.events, argument)
        return found
    order = _args.names(given, "stages")
    if "stage" not in log.columns:
        raise ArgumentError(
            'stages names the order of the column "stage", and the log has none; build the log with '
            'attributes=["stage"], or give stages={"stage name": ["event", …], …}'
        )
    if len(log.events) > _MOST_STAGED_EVENTS:
        raise ArgumentError(
            f"stages is an order, and the log has {len(log.events):,} events, more than the {_MOST_STAGED_EVENTS} that "
            'are dealt to stages by the column "stage"; give stages={"stage name": ["event", …], …}'
        )
    staged = _events_by_stage(log)
    for name in order:
        if name not in staged:
            raise ArgumentError(
                f'stages holds "{name}", which is the stage of no event{_args.suggestion(name, staged)} (available: '
                f"{_args.listing(sorted(staged)) or 'none'})"
            )
    return {_stage_name(log, name, locale): staged[name] for name in order}


def _stage_name(log: EventLog, stage: str, locale: Locale) -> str:
    """What a stage is called in the map of the log, if it has one."""
    names = {} if log.map is None else {each.id: each.name for each in log.map.stages}
    return names[stage].of(locale.language) if stage in names else stage.capitalize()


def _events_by_stage(log: EventLog) -> dict[str, tuple[str, ...]]:
    """Give each event to the stage that most of its customers had with it."""
    found: dict[str, list[str]] = {}
    if len(log.events) > _MOST_STAGED_EVENTS:
        return {}
    for name in log.events:
        counted = log.funnel([name], by="stage").to_dict()
        customers = {s: n for s, n in zip(counted["segment"], counted["customers"], strict=True) if s}
        if customers:
            found.setdefault(max(sorted(customers), key=lambda stage: customers[stage]), []).append(name)
    return {stage: tuple(events) for stage, events in found.items()}


def _path(
    transitions: TransitionsResult | None, conversion: Conversion | None, locale: Locale
) -> tuple[list[str], str]:
    """Read a path of events from the transitions."""
    if transitions is None:
        return [], ""
    table = transitions.table
    customers = table.numpy("customers")[0].astype(np.int64)
    source, target = table.numpy("from")[0], table.numpy("to")[0]
    # All starts, and of the others the edges that most customers took; the rest can't lie on a main route.
    heavy = np.argsort(-customers, kind="stable")[:_HEAVIEST]
    kept = np.union1d(np.flatnonzero(source == "(start)"), heavy)
    edges = list(zip(source[kept].tolist(), target[kept].tolist(), customers[kept].tolist(), strict=True))
    if conversion is not None:
        path = widest_path(edges, conversion.events)
        if path:
            rule = locale.say(
                "Steps chosen automatically: from the commonest first event to “{event}” along the route whose "
                "narrowest link the most customers took",
                event=locale.name(path[-1]),
            )
            return path, rule
    rule = locale.say(
        "Steps chosen automatically: from the commonest first event, each next step is the event that most customers "
        "went on to, without repeats"
    )
    return main_path(edges), rule
