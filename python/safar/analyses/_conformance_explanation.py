"""Why a customer conforms to the designed journey, or where it leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from safar._typing import Per
from safar.analyses._conformance_tables import StepRow
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Length, Listed, Said, Span, so_many

if TYPE_CHECKING:
    from safar._core import Table
    from safar._log import Log

_PLAIN = {
    "repeated": Said("counts once with the event before"),
    "ignored": Said("no step of the design"),
    "unmapped": Said("not mapped"),
    "extra": Said("extra: no step is due here"),
    "out_of_order": Said("out of order: its step is due at another point"),
}


def explained(
    log: Log, customer: object, plan: dict[str, object], steps: Sequence[StepRow], per: Per, definition: str
) -> Explanation:
    """The events of a customer and the steps between them; they are those of the whole log."""
    one = one_customer(log, customer)
    moves = one.ask("conformance_moves", plan)
    names = ("unit", "open", "position", "step", "move", "passed_us")
    rows = list(zip(*(_values(moves, name) for name in names), strict=True))
    decisions = [Said("")] * len(one)
    conclusion = []
    unit = Said("Session") if per == "sessions" else Said("Journey")
    for number in dict.fromkeys(row[0] for row in rows):
        mine = [row[1:] for row in rows if row[0] == number]
        pending: list[Said] = []
        for _, position, step, move, passed in mine:
            if position is None:
                pending.append(_named(step, steps))
                continue
            said = _PLAIN.get(move) or _step_words(step, move, passed, steps)
            if pending and move in ("in_order", "late"):
                said = Said(
                    "{said}; before it {steps} should have been done",
                    said=said,
                    steps=Listed(pending, last="and"),
                )
                pending = []
            decisions[position] = said
        conclusion.append(_conclusion(unit, number, mine, steps))
    return explanation(one, customer, decisions, conclusion, definition)


def _values(table: Table, name: str) -> list[Any]:
    """A column as Python values, None where null."""
    values, missing = table.numpy(name)
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    return [None if null else value for value, null in zip(values.tolist(), gone.tolist(), strict=True)]


def _named(step: int, steps: Sequence[StepRow]) -> Said:
    return Said('step {step} ("{label}")', step=step, label=steps[step - 1].label)


def _step_words(step: int, move: str, passed: int | None, steps: Sequence[StepRow]) -> Said:
    """What an event is that is a step."""
    named = _named(step, steps)
    if passed is None:
        return Said("{step} in order", step=named)
    if move == "late":
        return Said(
            "{step} late: {span} after the step before, not within {within}",
            step=named,
            span=Span(passed),
            within=Length(steps[step - 1].within or "1d"),
        )
    return Said("{step} in order, {span} after the step before", step=named, span=Span(passed))


def _conclusion(unit: Said, number: int, rows: Sequence[tuple[Any, ...]], steps: Sequence[StepRow]) -> Said:
    """What a unit comes to."""
    is_open = rows[0][0]
    moves = [row[3] for row in rows]
    looked_at = [move for move in moves if move not in ("ignored", "unmapped", "skipped", "due")]
    if not looked_at:
        return Said("{unit} {number} has no event of the design and is left out.", unit=unit, number=number)
    texts = {
        "skipped": "skips {steps}",
        "due": "is out of order at {steps}",
        "late": "is late at {steps}",
    }
    said = []
    for move, text in texts.items():
        named = [_named(row[2], steps) for row in rows if row[3] == move]
        if named:
            said.append(Said(text, steps=Listed(named, last="and")))
    extra = moves.count("extra")
    if extra:
        said.append(so_many(extra, "has 1 extra event", "has {number} extra events"))
    if not said:
        said = [Said("conforms so far") if is_open else Said("conforms")]
    text = "{unit} {number} {verdict}, and may still go on." if is_open else "{unit} {number} {verdict}."
    return Said(text, unit=unit, number=number, verdict=Listed(said, "; it "))
