"""Why a customer counts as it does: its events, what was decided at each, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, ClassVar, Self

from safar import _args, _table
from safar.errors import ArgumentError, SafarError
from safar.language import Locale, Moment, Spoken
from safar.result import ResultTable
from safar.spoken import SpokenTable, spoken_columns

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Explanation"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Explanation(SpokenTable):
    """The events of one customer, with what each of them decided; `told` says it in another language.

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

    def _in(self, locale: Locale) -> Self:
        told = SpokenTable._in(self, locale)
        if told._first is None:
            return told
        return replace(told, conclusion=tuple(locale.say(sentence) for sentence in told.conclusion))

    def __repr__(self) -> str:
        return "\n".join([f"{self.customer}: {' '.join(self.conclusion)}", SpokenTable.__repr__(self)])

    def _repr_html_(self) -> str:
        said = "".join(f'<p dir="auto">{escape(sentence)}</p>' for sentence in self.conclusion)
        shown = f'<div class="safar-explanation">{said}{ResultTable._repr_html_(self)}</div>'
        return self._laid_out(shown)


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
    log: EventLog,
    customer: object,
    decisions: Sequence[Spoken],
    conclusion: Sequence[Spoken],
    definition: str,
) -> Explanation:
    """The explanation of a log of one customer: a decision for each event, and what came of it."""
    columns = ["time", "event", *(["channel"] if "channel" in log.columns else [])]
    events = log.core.events_table(columns)
    table: dict[str, object] = {name: events.numpy(name)[0] for name in columns}
    table["time"] = _table.instants(events.numpy("time")[0])
    words = {"decision": tuple(decisions)}
    return Explanation(
        _table.table_of(table | spoken_columns(words)),
        definition,
        log.timezone,
        words=words,
        customer=customer,
        conclusion=tuple(conclusion),
    )


def moment(microseconds: int, timezone: str) -> Moment:
    """An instant for a sentence, in the zone of the log."""
    return Moment(_args.local_datetime(microseconds, timezone))
