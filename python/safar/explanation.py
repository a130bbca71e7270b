"""Why a customer counts as it does: its events, what was decided at each, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from html import escape
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar.errors import ArgumentError, SafarError
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Explanation(ResultTable):
    """The events of one customer, with what each of them decided.

    Parameters
    ----------
    table
        One row an event, in the order of the log: ``time``, ``event``, ``channel`` (where the log has channels) and
        ``decision`` (in words; empty where the event decided nothing).
    customer
        Whose events they are.
    conclusion
        What came of them, in sentences.
    """

    # Journeys are read as a whole; longer ones are in the table.
    shown: ClassVar[int] = 200

    _: KW_ONLY
    customer: object
    conclusion: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join([f"{self.customer}: {' '.join(self.conclusion)}", ResultTable.__repr__(self)])

    def _repr_html_(self) -> str:
        said = "".join(f'<p dir="auto">{escape(sentence)}</p>' for sentence in self.conclusion)
        return f'<div class="safar-explanation">{said}{ResultTable._repr_html_(self)}</div>'


def one_customer(log: Log, customer: object) -> EventLog:
    """The log of one customer, whose id is as the data give it."""
    try:
        return log.of_customer(customer)
    except SafarError as problem:
        raise ArgumentError(
            f"customer={customer!r} has no event in this log of {log.customers:,} customers; ids are compared as the "
            "data give them"
        ) from problem


def explanation(
    log: EventLog, customer: object, decisions: Sequence[str], conclusion: Sequence[str], definition: str
) -> Explanation:
    """The explanation of a log of one customer: a decision for each event, and what came of it."""
    columns = ["time", "event", *(["channel"] if "channel" in log.columns else [])]
    events = log.core.events_table(columns)
    table: dict[str, object] = {name: events.numpy(name)[0] for name in columns}
    table["time"] = _table.instants(events.numpy("time")[0])
    table["decision"] = np.array(list(decisions), dtype=object)
    return Explanation(
        _table.table_of(table), definition, log.timezone, customer=customer, conclusion=tuple(conclusion)
    )


def span_words(microseconds: int) -> str:
    """A length of time for a sentence, in its two largest units: ``"2 d 3 h"``."""
    left = abs(microseconds)
    parts = []
    for unit, length in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000)):
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    if left or not parts:
        seconds = left / 1e6
        parts.append(f"{seconds:.0f} s" if seconds == int(seconds) else f"{seconds:.3g} s")
    return " ".join(parts[:2])


def instant_words(microseconds: int, timezone: str) -> str:
    """An instant for a sentence, in the zone of the log."""
    return f"{_args.local_datetime(microseconds, timezone):%Y-%m-%d %H:%M:%S}"
