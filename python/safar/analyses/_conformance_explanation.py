"""Why a customer conforms to the designed journey, or where it leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args
from safar.analyses._conformance_tables import StepRow
from safar.explanation import Explanation, explanation, one_customer, span_words

if TYPE_CHECKING:
    from safar._core import Table
    from safar._log import Log

_PLAIN = {
    "repeated": "counts once with the event before",
    "ignored": "no step of the design",
    "unmapped": "not mapped",
    "extra": "extra: no step is due here",
    "out_of_order": "out of order: its step is due at another point",
}


def explained(
    log: Log, customer: object, plan: dict[str, object], steps: Sequence[StepRow], unit: str, definition: str
) -> Explanation:
    """The events of a customer and the steps between them; they are those of the whole log."""
    one = one_customer(log, customer)
    moves = one.ask("conformance_moves", plan)
    names = ("unit", "open", "position", "step", "move", "passed_us")
    rows = list(zip(*(_values(moves, name) for name in names), strict=True))
    decisions = [""] * len(one)
    conclusion = []
    for number in dict.fromkeys(row[0] for row in rows):
        mine = [row[1:] for row in rows if row[0] == number]
        pending: list[str] = []
        for _, position, step, move, passed in mine:
            if position is None:
                pending.append(_named(step, steps))
                continue
            said = _PLAIN.get(move) or _step_words(step, move, passed, steps)
            if pending and move in ("in_order", "late"):
                said = f"{said}; before it {_listed(pending)} should have been done"
                pending = []
            decisions[position] = said
        conclusion.append(_conclusion(unit.capitalize(), number, mine, steps))
    return explanation(one, customer, decisions, conclusion, definition)


def _values(table: Table, name: str) -> list[Any]:
    """A column as Python values, None where null."""
    values, missing = table.numpy(name)
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    return [None if null else value for value, null in zip(values.tolist(), gone.tolist(), strict=True)]


def _named(step: int, steps: Sequence[StepRow]) -> str:
    return f'step {step} ("{steps[step - 1].label}")'


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _step_words(step: int, move: str, passed: int | None, steps: Sequence[StepRow]) -> str:
    """What an event is that is a step."""
    said = _named(step, steps)
    if passed is None:
        return f"{said} in order"
    after = f"{span_words(passed)} after the step before"
    if move == "late":
        return f"{said} late: {after}, not within {_args.duration_words(steps[step - 1].within or '1d')}"
    return f"{said} in order, {after}"


def _conclusion(unit: str, number: int, rows: Sequence[tuple[Any, ...]], steps: Sequence[StepRow]) -> str:
    """What a unit comes to."""
    is_open = rows[0][0]
    moves = [row[3] for row in rows]
    looked_at = [move for move in moves if move not in ("ignored", "unmapped", "skipped", "due")]
    if not looked_at:
        return f"{unit} {number} has no event of the design and is left out."
    found = {
        "skips": [_named(row[2], steps) for row in rows if row[3] == "skipped"],
        "is out of order at": [_named(row[2], steps) for row in rows if row[3] == "due"],
        "is late at": [_named(row[2], steps) for row in rows if row[3] == "late"],
    }
    said = [f"{verb} {_listed(names)}" for verb, names in found.items() if names]
    extra = moves.count("extra")
    if extra:
        said.append(f"has {extra} extra event{'' if extra == 1 else 's'}")
    text = f"{unit} {number} {'; it '.join(said) if said else 'conforms so far' if is_open else 'conforms'}"
    return f"{text}, and may still go on." if is_open else f"{text}."
