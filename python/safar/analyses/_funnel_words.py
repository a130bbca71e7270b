"""What a funnel counts, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from safar.analyses._funnel_steps import Exclusion, Gap, Step
from safar.analyses._spec import at_words, observed, segments
from safar.language import Length, Listed, Said, Spoken, paragraph

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses.funnel import Funnel

_WHO = {
    "customers": Said("Customers who"),
    "sessions": Said("Sessions that"),
    "units": Said("Units that"),
    "attempts": Said("Attempts that"),
}
_UNITS = {
    "customers": Said("the customers"),
    "sessions": Said("the sessions"),
    "units": Said("the units"),
    "attempts": Said("the attempts"),
}
_ONE = {
    "customers": Said("each customer"),
    "sessions": Said("each session"),
    "units": Said("each unit"),
    "attempts": Said("each attempt"),
}


def definition(funnel: Funnel, log: Log) -> Spoken:
    """What the numbers of a funnel mean."""
    one = _ONE[funnel.unit]
    counts = {
        "latest": Said(
            "{one} counts once, by the furthest step of any attempt, of equals by the latest entry", one=one
        ),
        "best": Said(
            "{one} counts once, by the furthest step of any attempt, of equals by the earliest entry", one=one
        ),
        "first": Said("{one} counts once, by the attempt that begins at the first entry", one=one),
        "all": Said("each attempt counts, one after the other: none begins while another is under way"),
    }[funnel.entry]
    limits: list[str] = [_window(funnel), *_gaps(funnel)]
    if funnel.hold:
        limits.append(Said("all steps with the same {columns}", columns=Listed(funnel.hold, last="and")))
    shares = (
        "from_previous is the share of {units} of the last step before that is not optional, from_first of those "
        "at step 1, each with its 95 % Wilson interval; still_open are those who have not completed and still may "
        "after {end}."
        if any(each.optional for each in cast("tuple[Step, ...]", funnel.steps))
        else "from_previous is the share of {units} of the step before, from_first of those at step 1, each with "
        "its 95 % Wilson interval; still_open are those who have not completed and still may after {end}."
    )
    return paragraph(
        Said(
            "{who} came through {steps}, {limits}; {counts}.",
            who=_WHO[funnel.unit],
            steps=_steps(funnel),
            limits=Listed(limits),
            counts=counts,
        ),
        Said(shares, units=_UNITS[funnel.unit], end=observed(log)),
        _unit(funnel),
        _exclusions(funnel),
        _ties(funnel),
        _entries(funnel),
        _dialect(funnel),
        segments(funnel.by, _at(funnel.at)),
    )


def _steps(funnel: Funnel) -> Said:
    named = [_step(each) for each in cast("tuple[Step, ...]", funnel.steps)]
    if funnel.order == "any":
        return Said("{steps} in any order, each with an event of its own", steps=Listed(named, last="and"))
    if funnel.order == "anchored":
        if not named[1:-1]:
            return Said("{first} first, then {last}", first=named[0], last=named[-1])
        return Said(
            "{first} first, then {between} in any order, then {last}",
            first=named[0],
            between=Listed(named[1:-1], last="and"),
            last=named[-1],
        )
    steps = Listed(named, " → ")
    if funnel.order == "ordered":
        return Said("{steps} in this order, other events between them allowed", steps=steps)
    return Said(
        "{steps} in this order with no other event between them (repeats of the step just taken aside)",
        steps=steps,
    )


def _step(step: Step) -> str:
    name = step.name + (f" [{step.where}]" if step.where else "")
    return Said("{step} (optional)", step=name) if step.optional else name


def _window(funnel: Funnel) -> Said:
    if funnel.within is None:
        return Said("with no time limit")
    if funnel.within == "session":
        return Said("within one session (no pause longer than {gap})", gap=Length(funnel.gap))
    return Said("within {window} of the entry (inclusive)", window=Length(funnel.within))


def _gaps(funnel: Funnel) -> list[Said]:
    words = []
    for step, (least, longest) in enumerate(cast("tuple[Gap, ...]", funnel.step_within), start=2):
        places: dict[str, object] = {"step": step, "before": step - 1}
        if least is not None and longest is not None:
            text = "step {step} at least {least} and at most {longest} after step {before}"
            words.append(Said(text, least=Length(least), longest=Length(longest), **places))
        elif least is not None:
            words.append(
                Said("step {step} at least {least} after step {before}", least=Length(least), **places)
            )
        elif longest is not None:
            text = "step {step} at most {longest} after step {before}"
            words.append(Said(text, longest=Length(longest), **places))
    return words


def _unit(funnel: Funnel) -> Said | None:
    if funnel.count == "sessions":
        return Said(
            "A session is a run of one customer's events with no pause longer than {gap}.",
            gap=Length(funnel.gap),
        )
    if funnel.unit == "units":
        return Said(
            'A unit is a value of "{column}" with all events that bear it, of whichever customer; events without one '
            "are left out.",
            column=funnel.count,
        )
    return None


def _exclusions(funnel: Funnel) -> Said | None:
    exclusions = cast("tuple[Exclusion, ...]", funnel.exclude)
    if not exclusions:
        return None
    text = {
        "stop_attempt": "{events} ends an attempt, which counts up to the step that it reached.",
        "drop_customer": "{events} takes an attempt out of the funnel; a customer who has no other attempt is excluded "
        "and stands at no step.",
    }[funnel.on_exclude]
    return Said(text, events=Listed([_exclusion(each) for each in exclusions], "; "))


def _exclusion(exclusion: Exclusion) -> Spoken:
    events = Listed(exclusion.events, " or ")
    named: Spoken = (
        events if not exclusion.where else Said("{events} [{where}]", events=events, where=exclusion.where)
    )
    if not exclusion.between:
        return named
    first, last = exclusion.between
    return Said("{events} between steps {first} and {last}", events=named, first=first, last=last)


def _ties(funnel: Funnel) -> Said | None:
    known = {
        "favour": None,
        "against": Said("Events at one time do not follow one another."),
        "stable": Said("Events at one time count in the order in which the data hold them."),
        "same second": Said(
            "Events of the same second count as at its first instant, in whatever order leads furthest."
        ),
    }
    if funnel.ties in known:
        return known[cast("str", funnel.ties)]
    return Said(
        "Events no more than {tolerance} after the first of them count as at its time, in whatever order leads "
        "furthest.",
        tolerance=Length(funnel.ties),
    )


def _entries(funnel: Funnel) -> Said | None:
    start, end = funnel.start, funnel.end
    if start is not None and end is not None:
        text = "Only entries from {start} and before {end} count; later events are still read."
        return Said(text, start=start, end=end)
    if start is not None:
        return Said("Only entries from {start} count; later events are still read.", start=start)
    if end is not None:
        return Said("Only entries before {end} count; later events are still read.", end=end)
    return None


def _dialect(funnel: Funnel) -> Said | None:
    if funnel.dialect is None:
        return None
    if not funnel.dialect.startswith("clickhouse"):
        return Said("The rules are those of {tool}.", tool=funnel.dialect.capitalize())
    modes = funnel.dialect.split()[1:]
    fills = Said("each fills one step") if "strict_once" in modes else Said("one may fill several")
    if not modes:
        return Said(
            "The rules are those of ClickHouse's windowFunnel in its default mode: events at one time stand in the "
            "order of their steps, and {fills}.",
            fills=fills,
        )
    return Said(
        "The rules are those of ClickHouse's windowFunnel with {modes}: events at one time stand in the order of their "
        "steps, and {fills}.",
        modes=Listed(modes, last="and"),
        fills=fills,
    )


def _at(at: str) -> str:
    if at.startswith("step "):
        step = int(at.removeprefix("step "))
        return Said("at step {step}, or the furthest step before it that was reached", step=step)
    return at_words(at, Said("at the entry"))
