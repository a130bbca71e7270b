"""What can be measured of a customer's events, by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from safar.features.feature import Feature

__all__ = ["FORETOLD", "MEASURES", "Measure"]

_EPOCH = dt.date(1970, 1, 1)


class Measure(NamedTuple):
    """What a measure needs, its unit, its sentence, what the kernel calls it, and what else may choose its events."""

    needs: tuple[str, ...]
    unit: str
    sentence: str
    kernel: Callable[[Feature], object] | None
    takes: tuple[str, ...] = ("events", "where", "within", "history")


def _named(name: str) -> Callable[[Feature], object]:
    return lambda _: name


def _of_column(name: str) -> Callable[[Feature], object]:
    return lambda feature: {name: feature.column}


def _days(feature: Feature) -> list[int]:
    return sorted({(day - _EPOCH).days for day in map(dt.date.fromisoformat, map(str, feature.days or ()))})


# By name. {what} are the events, {when} is the time that is looked at.
MEASURES: dict[str, Measure] = {
    "count": Measure((), "events", "Number of {what} {when}.", _named("count")),
    "active_days": Measure((), "days", "Number of local days with {what} {when}.", _named("active_days")),
    "days_since_last": Measure(
        (),
        "days",
        "Days of 24 hours from the last of the {what} {when} to the cut-off.",
        _named("since_last"),
    ),
    "days_since_first": Measure(
        (),
        "days",
        "Days of 24 hours from the first of the {what} {when} to the cut-off.",
        _named("since_first"),
    ),
    "sum": Measure(
        ("column",),
        "",
        'Sum of "{column}" over {what} {when}: 0 without such an event, undefined where they have no value.',
        _of_column("sum"),
    ),
    "mean": Measure(
        ("column",), "", 'Mean of "{column}" over {what} {when} that have a value.', _of_column("mean")
    ),
    "max": Measure(("column",), "", 'Largest value of "{column}" over {what} {when}.', _of_column("max")),
    "min": Measure(("column",), "", 'Smallest value of "{column}" over {what} {when}.', _of_column("min")),
    "last": Measure(("column",), "", 'Last known value of "{column}" of {what} {when}.', _of_column("last")),
    "last_text": Measure(
        ("column",), "", 'Last known value of "{column}" of {what} {when}.', _of_column("last_text")
    ),
    "distinct": Measure(
        ("column",),
        "values",
        'Number of different values of "{column}" of {what} {when}.',
        _of_column("distinct"),
    ),
    "entropy": Measure(
        ("column",),
        "bits",
        'Shannon entropy of the values of "{column}" of {what} {when}.',
        _of_column("entropy"),
    ),
    "switches": Measure(
        ("column",),
        "switches",
        'How often "{column}" changes from one of the {what} {when} to the next; those without a value are left out.',
        _of_column("switches"),
    ),
    "share": Measure(
        ("column", "value"),
        "share",
        'Share of {what} {when} with the value "{value}" in "{column}", of those that have one.',
        lambda feature: {"share": {"column": feature.column, "value": feature.value}},
    ),
    "gap_mean": Measure(
        (), "days", "Mean time between successive {what} {when}.", lambda _: {"gaps": "mean"}
    ),
    "gap_median": Measure(
        (), "days", "Median time between successive {what} {when}.", lambda _: {"gaps": "median"}
    ),
    "gap_sd": Measure(
        (),
        "days",
        "Standard deviation (n − 1) of the times between successive {what} {when}; needs two such times.",
        lambda _: {"gaps": "sd"},
    ),
    "gap_cv": Measure(
        (),
        "",
        "Standard deviation (n − 1) divided by the mean of the times between successive {what} {when}; needs two "
        "such times.",
        lambda _: {"gaps": "cv"},
    ),
    "days_since_last_in_gaps": Measure(
        (),
        "median gaps",
        "Time from the last of the {what} {when} to the cut-off, divided by the median time between them.",
        lambda _: {"gaps": "since_last"},
    ),
    "burstiness": Measure(
        (),
        "",
        "Burstiness (s − m) / (s + m) of the times between successive {what} {when}, with mean m and standard "
        "deviation s (n): −1 regular, 0 random, 1 in bursts (Goh and Barabási 2008); needs two such times.",
        lambda _: {"gaps": "burstiness"},
    ),
    "burstiness_finite": Measure(
        (),
        "",
        "Burstiness of the times between successive {what} {when}, corrected for their small number (Kim and Jo 2016); "
        "needs two such times.",
        lambda _: {"gaps": "burstiness_finite"},
    ),
    "memory": Measure(
        (),
        "",
        "Correlation of each time between successive {what} {when} with the next one (Goh and Barabási 2008); needs "
        "four such times.",
        lambda _: {"gaps": "memory"},
    ),
    "week_slope": Measure(
        (),
        "events a week, a week",
        "Least-squares slope of the number of {what} a week {when}, over the whole weeks before the cut-off since the "
        "customer's first event; needs four weeks.",
        lambda _: {"weeks": "slope"},
    ),
    "week_theil_sen": Measure(
        (),
        "events a week, a week",
        "Theil–Sen slope (median over all pairs of weeks) of the number of {what} a week {when}, over the whole weeks "
        "before the cut-off since the customer's first event; needs four weeks.",
        lambda _: {"weeks": "theil_sen"},
    ),
    "week_recent": Measure(
        (),
        "ratio",
        "Number of {what} in the last four weeks before the cut-off, divided by that of the four weeks before; "
        "undefined for customers of less than eight weeks, and where those four weeks have none ({when}).",
        lambda _: {"weeks": "recent"},
    ),
    "week_ewma": Measure(
        (),
        "events a week",
        "Exponentially weighted mean of the number of {what} a week {when}, over the whole weeks before the cut-off "
        "since the customer's first event: each week counts 0.7 times as much as the next one; needs four weeks.",
        lambda _: {"weeks": "ewma"},
    ),
    "hour_share": Measure(
        ("hours",),
        "share",
        "Share of {what} {when} from {start}:00 to before {end}:00, local time.",
        lambda feature: {"hours": dict(zip(("from", "to"), feature.hours or (), strict=False))},
    ),
    "weekday_share": Measure(
        ("weekday",),
        "share",
        "Share of {what} {when} on a {weekday}.",
        lambda feature: {"weekday": feature.weekday},
    ),
    "days_share": Measure(
        ("days",),
        "share",
        "Share of {what} {when} on one of {number} given days.",
        lambda feature: {"days": _days(feature)},
    ),
    "mean_hour": Measure(
        (), "hours", "Circular mean of the local time of day of {what} {when}, 0 to 24.", _named("mean_hour")
    ),
    "hour_concentration": Measure(
        (),
        "",
        "Length of the mean direction of the local times of day of {what} {when}: 1 where all are the same, 0 where "
        "they are spread evenly.",
        _named("hour_concentration"),
    ),
    "follows": Measure(
        ("sequence",),
        "times",
        "How often {sequence} follow each other directly among the {what} {when}.",
        lambda feature: {"follows": list(feature.sequence or ())},
    ),
    "reached": Measure(
        ("steps",),
        "steps",
        "How many of the steps {steps} are reached in this order {when}.",
        lambda feature: {"reached": [list(step) for step in feature.steps or ()]},
    ),
    "open": Measure(
        ("events", "closed"),
        "open cases",
        "How many {what} {when} are open at the cut-off: each {closed} closes one.",
        lambda feature: {
            "open": {"opened": list(feature.events or ()), "closed": list(feature.closed or ())}
        },
    ),
}

# What a model foretells that is fitted to all that was before the cut-off, and to nothing else.
FORETOLD: dict[str, Measure] = {
    "probability_alive": Measure(
        (),
        "share",
        "Probability that the customer is still there at the cut-off, to have {what} again: by MBG/NBD, fitted to the "
        "local days with such events of all customers before it.",
        None,
        ("events",),
    ),
    "expected_steps": Measure(
        (),
        "events",
        "Expected number of further events in the journey, after the last one before the cut-off: by the chain of "
        "which event followed which until then. A pause longer than {gap} ends a journey; where that is so, it is 0.",
        None,
        ("gap",),
    ),
    "reach_probability": Measure(
        ("events",),
        "share",
        "Probability that {what} come further on in the journey, after the last event before the cut-off: by the "
        "chain of which event followed which until then. A pause longer than {gap} ends a journey; where that is so, "
        "it is 0. Undefined where nobody had any by then.",
        None,
        ("gap",),
    ),
}
