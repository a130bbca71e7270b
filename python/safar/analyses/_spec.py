"""What all analyses share: a frozen question that runs on a log and travels as JSON."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from safar import _args, _core
from safar._typing import Array
from safar.errors import ArgumentError
from safar.language import Moment, Said
from safar.result import Result

if TYPE_CHECKING:
    from safar._log import Log

R_co = TypeVar("R_co", bound=Result, covariant=True)

# Values, and where they are null.
Column: TypeAlias = tuple[Array, Array | None]


class Spec(ABC, Generic[R_co]):
    """A question about a log: frozen, comparable, JSON in and out.

    Examples
    --------
    >>> import safar
    >>> spec = safar.Funnel(["view", "purchase"], within="7d")
    >>> safar.Spec.from_json(spec.to_json()) == spec
    True
    """

    __slots__ = ()

    analysis: ClassVar[str]

    @abstractmethod
    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""

    @abstractmethod
    def finish(self, partial: _core.Table, log: Log) -> R_co:
        """The result of the counts that the kernel gave."""

    def run(self, log: Log) -> R_co:
        """Ask the question of a log."""
        units = self.units(log)
        partial = units.ask(self.analysis, self.plan(units) if log.in_parts else self._plan_alone(units))
        return self.result_of(partial, units, log)

    def result_of(self, partial: _core.Table, units: Log, log: Log) -> R_co:
        """The result of the counts in some units of a log."""
        result = self.finish(partial, units)
        object.__setattr__(result, "_source", log)
        return result

    def of_each_customer(self, log: Log, plan: dict[str, object] | None = None) -> dict[str, Column]:
        """The cells in which each customer stands, one row a customer and cell, and what it adds to their counts.

        A part of a log, which need not have every event, comes with a plan of its own.
        """
        units = self.units(log)
        chosen = {**(self._plan_alone(units) if plan is None else plan), "each_customer": True}
        rows = units.ask(self.analysis, chosen)
        return self._cells({name: rows.numpy(name) for name in rows.names}, units)

    @property
    def cell_values(self) -> Mapping[str, Sequence[str]]:
        """By column of the cells, texts that may stand there though nobody does."""
        return {}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        """The kernel's rows of each customer as cells of the result."""
        return {name: column for name, column in rows.items() if not name.endswith("customers")}

    def units(self, log: Log) -> Log:
        """The log that is asked: that of the customers, unless other units are counted."""
        return log

    def _plan_alone(self, log: Log) -> dict[str, object]:
        """The plan for a log that is the whole of the data: nothing has to be kept for a merge."""
        return self.plan(log)

    def to_json(self) -> str:
        """The question as JSON text."""
        question: Any = self
        return json.dumps({"analysis": self.analysis, **asdict(question)}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str, /) -> Spec[Any]:
        """The question that `to_json` wrote, of any analysis.

        Parameters
        ----------
        text
            A JSON object: ``analysis`` names the analysis, the other fields are its arguments.
        """
        from safar.analyses import SPECS

        try:
            question = json.loads(text)
        except json.JSONDecodeError as problem:
            raise ArgumentError(f"the spec is not JSON: {problem}") from None
        if not isinstance(question, Mapping) or "analysis" not in question:
            raise ArgumentError('the spec is not an object with the field "analysis"')
        known = {spec.analysis: spec for spec in SPECS}
        name, arguments = (
            question["analysis"],
            {key: value for key, value in question.items() if key != "analysis"},
        )
        if name not in known:
            near = _args.suggestion(str(name), known)
            raise ArgumentError(f'"{name}" is not an analysis{near} (available: {_args.listing(known)})')
        return _args.from_fields(known[name], arguments, f"the analysis {name}")


def observed(log: Log) -> Said:
    """Where the data end, for a definition."""
    text = (
        "{moment} {timezone} (as given)"
        if log.observed_until_given
        else "{moment} {timezone} (the latest event)"
    )
    return Said(text, moment=Moment(log.observed_until), timezone=log.timezone)


def at_words(at: str, entry: str) -> str:
    """Which value of the column counts, for `segments`; `entry` says what the entry is."""
    words = {
        "entry": entry,
        "first": Said("at the first event"),
        "last": Said("at the last event"),
        "profile": Said("that all events of a customer with one share"),
    }
    return words[at]


def segments(by: str | None, value: str) -> Said | None:
    """How the segments came about, for a definition; `value` says which value of the column counts."""
    return (
        None if by is None else Said('Segments are the values of "{column}" {value}.', column=by, value=value)
    )
