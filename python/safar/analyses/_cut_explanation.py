"""Why a customer's events stand in the session or journey where they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _core, _table
from safar.explanation import Explanation, explanation, instant_words, one_customer, span_words

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses._spec import Spec

_FATES = {"converted": "it is converted", "stopped": "it is stopped"}


def explained(question: Spec[Any], log: Log, customer: object, definition: str) -> Explanation:
    """The events of a customer under the rules that cut; they are those of the whole log."""
    unit = question.analysis.removesuffix("s")
    one = one_customer(log, customer)
    params = question.plan(log)["params"]
    events = one.ask("sessions_events", {"params": params})
    names = one.core.events_table(["event"]).numpy("event")[0].tolist()
    columns = [_values(events, column) for column in ("session", "cause", "pause_us", "gap_us", "status")]
    decisions = []
    for position, (number, cause, pause, gap, fate) in enumerate(zip(*columns, strict=True)):
        before = names[position - 1]
        said = _place(unit, number, cause, pause, gap, names[position], before)
        if fate is not None:
            said += f"; it ends with it, so {_FATES[fate]}" if unit == "journey" else "; it ends with it"
        decisions.append(said)
    cut = one.ask(question.analysis, {"params": params})
    return explanation(one, customer, decisions, _conclusion(unit, cut, one), definition)


def _values(table: _core.Table, name: str) -> list[Any]:
    """A column as Python values, None where null."""
    values, missing = table.numpy(name)
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    return [None if null else value for value, null in zip(values.tolist(), gone.tolist(), strict=True)]


def _place(
    unit: str, number: int, cause: str | None, pause: int | None, gap: int, name: str, before: str
) -> str:
    """Why an event stands where it does."""
    begins = f"{unit} {number} begins"
    if cause == "first" or pause is None:
        return f"{begins}: the customer's first event"
    if cause == "pause":
        return f"{begins}: the pause of {span_words(pause)} is longer than {span_words(gap)}"
    if cause == "start":
        return f'{begins}: "{name}" begins one'
    if cause == "after":
        return f'{begins}: "{before}" ended the one before'
    if pause < 0:
        return f"belongs to {unit} {number}: what came before is not over for another {span_words(pause)}"
    if pause == 0:
        return f"belongs to {unit} {number}: no pause before it"
    return (
        f"belongs to {unit} {number}: the pause of {span_words(pause)} is not longer than {span_words(gap)}"
    )


def _conclusion(unit: str, cut: _core.Table, log: Log) -> list[str]:
    """How many units there are, and what became of the last one."""
    count = cut.num_rows
    said = [f"{count} {unit}{'' if count == 1 else 's'}."]
    ends = cut.numpy("end")[0].astype("datetime64[us]").astype(np.int64)
    if unit == "session":
        is_open = bool(cut.numpy("open")[0][-1])
    else:
        status = cut.numpy("status")[0].tolist()
        of_each = {name: status.count(name) for name in ("converted", "stopped", "ended", "open")}
        said = [
            f"{said[0][:-1]}: {', '.join(f'{number} {name}' for name, number in of_each.items() if number)}."
        ]
        is_open = status[-1] == "open"
    if is_open:
        number = int(_table.integers(cut, unit)[-1])
        end = instant_words(int(ends[-1]), log.timezone)
        until = instant_words(log.observed_until_us, log.timezone)
        said.append(
            f"The gap after the end of {unit} {number}, {end}, is not over at {until}, so it is open."
        )
    return said
