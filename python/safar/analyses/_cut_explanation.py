"""Why a customer's events stand in the session or journey where they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _core, _table
from safar.explanation import Explanation, explanation, moment, one_customer
from safar.language import Listed, Said, Span, Spoken, so_many

if TYPE_CHECKING:
    from safar._log import Log
    from safar.analyses._spec import Spec

_ENDS = {
    "converted": "{said}; it ends with it, so it is converted",
    "stopped": "{said}; it ends with it, so it is stopped",
}
_COUNTS = {
    "converted": "{number} converted",
    "stopped": "{number} stopped",
    "ended": "{number} ended",
    "open": "{number} open",
}


def explained(question: Spec[Any], log: Log, customer: object, definition: str) -> Explanation:
    """The events of a customer under the rules that cut; they are those of the whole log."""
    unit = question.analysis.removesuffix("s")
    one = one_customer(log, customer)
    params = question.plan(log)["params"]
    events = one.ask("sessions_events", {"params": params})
    names = one.core.events_table(["event"]).numpy("event")[0].tolist()
    columns = [_values(events, column) for column in ("session", "cause", "pause_us", "gap_us", "status")]
    decisions = []
    words = Said("journey") if unit == "journey" else Said("session")
    for position, (number, cause, pause, gap, fate) in enumerate(zip(*columns, strict=True)):
        before = names[position - 1]
        said = _place(words, number, cause, pause, gap, names[position], before)
        if fate is not None:
            said = Said(_ENDS[fate] if unit == "journey" else "{said}; it ends with it", said=said)
        decisions.append(said)
    cut = one.ask(question.analysis, {"params": params})
    return explanation(one, customer, decisions, _conclusion(words, cut, one), definition)


def _values(table: _core.Table, name: str) -> list[Any]:
    """A column as Python values, None where null."""
    values, missing = table.numpy(name)
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    return [None if null else value for value, null in zip(values.tolist(), gone.tolist(), strict=True)]


def _place(
    unit: Said, number: int, cause: str | None, pause: int | None, gap: int, name: str, before: str
) -> Said:
    """Why an event stands where it does."""
    if cause == "first" or pause is None:
        text = "{unit} {number} begins: the customer's first event"
    elif cause == "pause":
        text = "{unit} {number} begins: the pause of {pause} is longer than {gap}"
    elif cause == "start":
        return Said('{unit} {number} begins: "{event}" begins one', unit=unit, number=number, event=name)
    elif cause == "after":
        return Said(
            '{unit} {number} begins: "{event}" ended the one before', unit=unit, number=number, event=before
        )
    elif pause < 0:
        text = "belongs to {unit} {number}: what came before is not over for another {pause}"
    elif pause == 0:
        text = "belongs to {unit} {number}: no pause before it"
    else:
        text = "belongs to {unit} {number}: the pause of {pause} is not longer than {gap}"
    return Said(text, unit=unit, number=number, pause=Span(pause or 0), gap=Span(gap))


def _conclusion(unit: Said, cut: _core.Table, log: Log) -> list[Spoken]:
    """How many units there are, and what became of the last one."""
    count = cut.num_rows
    said: list[Spoken] = []
    ends = cut.numpy("end")[0].astype("datetime64[us]").astype(np.int64)
    if unit == "session":
        said.append(so_many(count, "1 session.", "{number} sessions."))
        is_open = bool(cut.numpy("open")[0][-1])
    else:
        status = cut.numpy("status")[0].tolist()
        of_each = {name: status.count(name) for name in _COUNTS}
        fates = Listed([Said(_COUNTS[name], number=number) for name, number in of_each.items() if number])
        text = "1 journey: {fates}." if count == 1 else "{number} journeys: {fates}."
        said.append(Said(text, number=count, fates=fates))
        is_open = status[-1] == "open"
    if is_open:
        said.append(
            Said(
                "The gap after the end of {unit} {number}, {end}, is not over at {until}, so it is open.",
                unit=unit,
                number=int(_table.integers(cut, unit)[-1]),
                end=moment(int(ends[-1]), log.timezone),
                until=moment(log.observed_until_us, log.timezone),
            )
        )
    return said
