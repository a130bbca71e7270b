"""What an analysis gives back: a small table with its meaning, and the ways to take it elsewhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import KW_ONLY, dataclass, field
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _table
from safar._core import Table
from safar._intervals import wilson
from safar._typing import Integers
from safar.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from altair.typing import ChartType

    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Result", "ResultTable", "duration_text", "share_columns"]

_NULL = "–"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ResultTable:
    """A table with its meaning.

    Parameters
    ----------
    table
        The rows, as an Arrow table of safar's own; it offers ``__arrow_c_stream__``, ``write_parquet(path)``
        and ``numpy(column)``.
    definition
        What the numbers mean, in a sentence.
    timezone
        The zone that times are shown in.
    shares
        The columns that hold shares from 0 to 1, shown as percentages.
    """

    # Rows that a notebook shows.
    shown: ClassVar[int] = 10

    table: Table
    definition: str
    timezone: str
    _: KW_ONLY
    shares: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.table.names

    def __len__(self) -> int:
        """Number of rows."""
        return self.table.num_rows

    def to_pandas(self) -> pd.DataFrame:
        """The table as a pandas frame; pyarrow is not needed.

        Returns
        -------
        pandas.DataFrame
            Times are in the zone of the log and dates are naive midnights; integers and booleans with nulls
            have the nullable types of pandas, other nulls are NaN or NaT.
        """
        return _table.to_pandas(self.table, self.timezone)

    def to_polars(self) -> pl.DataFrame:
        """The table as a polars frame; times are in the zone of the log."""
        return _table.to_polars(self.table, self.timezone)

    def to_dict(self) -> dict[str, list[Any]]:
        """The table as lists of Python values, one list a column; None where null."""
        return _table.to_lists(self.table, self.timezone)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table for any reader of the Arrow PyCapsule interface; times are in UTC."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        rows, right = self._cells()
        names = self._headings()
        widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(row, widths, right, strict=True)
            ).rstrip()
            for row in [names, *rows]
        ]
        return "\n".join([f"{type(self).__name__}: {self._extent()}", *lines, self.definition])

    def _repr_html_(self) -> str:
        rows, right = self._cells()
        align = ["right" if number else "start" for number in right]
        head = "".join(
            f'<th style="text-align:{side}">{escape(name)}</th>'
            for name, side in zip(self._headings(), align, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f'<td dir="auto" style="text-align:{side}">{escape(cell)}</td>'
                for cell, side in zip(row, align, strict=True)
            )
            + "</tr>"
            for row in rows
        )
        return (
            f'<div class="safar-result"><table><caption style="text-align:start">{escape(self._extent())}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f'<p dir="auto">{escape(self.definition)}</p></div>'
        )

    def _headings(self) -> list[str]:
        return self.columns

    def _extent(self) -> str:
        shown = f", the first {self.shown} shown" if len(self) > self.shown else ""
        return f"{len(self):,} row{'' if len(self) == 1 else 's'}{shown}"

    def _cells(self) -> tuple[list[list[str]], list[bool]]:
        """The first rows as text, and which columns hold numbers."""
        columns = _table.to_lists(self.table, self.timezone, self.shown)
        shown = [[self._cell(name, value) for value in values] for name, values in columns.items()]
        right = [kind.startswith(("Int", "UInt", "Float")) for _, kind in self.table.schema]
        return [list(row) for row in zip(*shown, strict=True)], right

    def _cell(self, name: str, value: object) -> str:
        """A value as a reader wants it; the data stay as they are."""
        if value is None or value != value:
            return _NULL
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float):
            is_time = name.removesuffix("_low").removesuffix("_high").endswith("_seconds")
            share = name in self.shares
            return f"{value:.1%}" if share else duration_text(value) if is_time else _number(value)
        if isinstance(value, dt.datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S")
        return str(value)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Result(ResultTable):
    """The answer of one analysis: a `ResultTable` with its question.

    Parameters
    ----------
    spec
        The question as JSON; ``safar.Spec.from_json(result.spec).run(log)`` asks it again.
    """

    analysis: ClassVar[str]

    spec: str
    _: KW_ONLY
    # The log that was asked; set by `Spec.run`.
    _source: EventLog | None = field(default=None, init=False)

    def _asked(self) -> Log:
        """The log that was asked, for what goes back to it."""
        if self._source is None:
            raise ArgumentError(
                "this result was put together from parts and knows no log to go back to; ask the log of each part"
            )
        return self._source

    def plot(self, **options: Any) -> ChartType:
        """The result as an Altair chart; the options are those of the function of the same name in `safar.plot`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = getattr(import_module("safar.plot"), self.analysis)(self, **options)
        return chart


def share_columns(name: str, successes: Integers, trials: Integers) -> dict[str, object]:
    """A share and its 95 % Wilson interval: `name`, `name_low` and `name_high`, null where there are no trials."""
    share = np.divide(successes, trials, out=np.full(len(trials), np.nan), where=trials > 0)
    low, high = wilson(successes, trials)
    columns = {name: share, f"{name}_low": low, f"{name}_high": high}
    return {column: _table.nullable(values) for column, values in columns.items()}


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


def duration_text(value: float) -> str:
    """A length of time in the largest unit that it fills: ``"3.2 min"``."""
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if value >= length:
            return f"{value / length:,.1f} {unit}"
    return f"{value:.3g} s"
