"""What a funnel counts, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from safar import _args
from safar.analyses._funnel_steps import Exclusion, Gap, Step
from safar.analyses._spec import at_words, observed, segmented

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.funnel import Funnel


def definition(funnel: Funnel, log: Log) -> str:
    """What the numbers of a funnel mean."""
    unit = funnel.unit
    who = "Customers who" if unit == "customers" else f"{unit.capitalize()} that"
    one = "each attempt" if unit == "attempts" else f"each {unit[:-1]}"
    counts = {
        "latest": f"{one} counts once, by the furthest step of any attempt, of equals by the latest entry",
        "best": f"{one} counts once, by the furthest step of any attempt, of equals by the earliest entry",
        "first": f"{one} counts once, by the attempt that begins at the first entry",
        "all": "each attempt counts, one after the other: none begins while another is under way",
    }[funnel.entry]
    limits = [_window(funnel), *_gaps(funnel)]
    if funnel.hold:
        limits.append(f"all steps with the same {' and '.join(funnel.hold)}")
    return (
        f"{who} came through {_steps(funnel)}, {', '.join(limits)}; {counts}. from_previous is the share of the {unit} "
        f"of the {'step before' if not _has_optional(funnel) else 'last step before that is not optional'}, from_first "
        "of those at step 1, each with its 95 % Wilson interval; still_open are those who have not completed and still "
        f"may after {observed(log)}.{_unit(funnel)}{_exclusions(funnel)}{_ties(funnel)}{_entries(funnel)}"
        f"{_dialect(funnel)}{segmented(funnel.by, _at(funnel.at))}"
    )


def _steps(funnel: Funnel) -> str:
    steps = cast("tuple[Step, ...]", funnel.steps)
    named = [
        each.name + (f" [{each.where}]" if each.where else "") + (" (optional)" if each.optional else "")
        for each in steps
    ]
    if funnel.order == "any":
        return f"{_and(named)} in any order, each with an event of its own"
    if funnel.order == "anchored":
        between = f"{_and(named[1:-1])} in any order, then " if named[1:-1] else ""
        return f"{named[0]} first, then {between}{named[-1]}"
    between = {
        "ordered": "in this order, other events between them allowed",
        "strict": "in this order with no other event between them (repeats of the step just taken aside)",
    }[funnel.order]
    return f"{' → '.join(named)} {between}"


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _has_optional(funnel: Funnel) -> bool:
    return any(each.optional for each in cast("tuple[Step, ...]", funnel.steps))


def _window(funnel: Funnel) -> str:
    if funnel.within is None:
        return "with no time limit"
    if funnel.within == "session":
        return f"within one session (no pause longer than {_args.duration_words(funnel.gap)})"
    return f"within {_args.duration_words(funnel.within)} of the entry (inclusive)"


def _gaps(funnel: Funnel) -> list[str]:
    words = []
    for position, (least, longest) in enumerate(cast("tuple[Gap, ...]", funnel.step_within), start=2):
        parts = []
        if least is not None:
            parts.append(f"at least {_args.duration_words(least)}")
        if longest is not None:
            parts.append(f"at most {_args.duration_words(longest)}")
        if parts:
            words.append(f"step {position} {' and '.join(parts)} after step {position - 1}")
    return words


def _unit(funnel: Funnel) -> str:
    if funnel.count == "sessions":
        return (
            " A session is a run of one customer's events with no pause longer than "
            f"{_args.duration_words(funnel.gap)}."
        )
    if funnel.unit == "units":
        return (
            f' A unit is a value of "{funnel.count}" with all events that bear it, of whichever customer; events '
            "without one are left out."
        )
    return ""


def _exclusions(funnel: Funnel) -> str:
    exclusions = cast("tuple[Exclusion, ...]", funnel.exclude)
    if not exclusions:
        return ""
    named = [
        " or ".join(each.events)
        + (f" [{each.where}]" if each.where else "")
        + (f" between steps {each.between[0]} and {each.between[1]}" if each.between else "")
        for each in exclusions
    ]
    ends = {
        "stop_attempt": "ends an attempt, which counts up to the step that it reached",
        "drop_customer": "takes an attempt out of the funnel; a customer who has no other attempt is excluded and "
        "stands at no step",
    }[funnel.on_exclude]
    return f" {'; '.join(named)} {ends}."


def _ties(funnel: Funnel) -> str:
    known = {
        "favour": "",
        "against": " Events at one time do not follow one another.",
        "stable": " Events at one time count in the order in which the data hold them.",
        "same second": " Events of the same second count as at its first instant, in whatever order leads furthest.",
    }
    if funnel.ties in known:
        return known[cast("str", funnel.ties)]
    return (
        f" Events no more than {_args.duration_words(funnel.ties)} after the first of them count as at its time, in "
        "whatever order leads furthest."
    )


def _entries(funnel: Funnel) -> str:
    bounds = [
        f"{word} {bound}"
        for word, bound in (("from", funnel.start), ("before", funnel.end))
        if bound is not None
    ]
    return f" Only entries {' and '.join(bounds)} count; later events are still read." if bounds else ""


def _dialect(funnel: Funnel) -> str:
    if funnel.dialect is None:
        return ""
    if not funnel.dialect.startswith("clickhouse"):
        return f" The rules are those of {funnel.dialect.capitalize()}."
    modes = funnel.dialect.split()[1:]
    return (
        " The rules are those of ClickHouse's windowFunnel"
        + (f" with {_and(modes)}" if modes else " in its default mode")
        + ": events at one time stand in the order of their steps"
        + (", and each fills one step." if "strict_once" in modes else ", and one may fill several.")
    )


def _at(at: str) -> str:
    if at.startswith("step "):
        return f"at {at}, or the furthest step before it that was reached"
    return at_words(at, "at the entry")
