"""Answers that count customers in cells, and who stands in one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from safar import _args, _table
from safar.analyses._spec import Spec
from safar.errors import ArgumentError
from safar.language import Listed, Moment, Said
from safar.result import Result, ResultTable

__all__ = ["CellsResult"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CellsResult(Result):
    """The answer of an analysis that counts customers in cells."""

    def customers(self, **cell: object) -> ResultTable:
        """Who stands in a cell of the result?

        Parameters
        ----------
        **cell
            The columns of the result that say which cell, with their values, such as ``period=3``; None for a null.
            Without any, everybody in every cell, which shows the columns there are.

        Returns
        -------
        ResultTable
            One row a customer and cell: ``customer``, the columns of the cell, and what the customer adds to its
            counts. Each customer is looked at alone, so there are no shares in it.
        """
        question = Spec.from_json(self.spec)
        columns = question.of_each_customer(self._asked())
        known = [name for name in columns if name != "customer"]
        for name in cell:
            if name not in known:
                raise ArgumentError(
                    f'"{name}" says no cell of this result{_args.suggestion(name, known)} (available: '
                    f"{_args.listing(known)})"
                )
        stand = np.ones(len(columns["customer"][0]), dtype=bool)
        for name, value in cell.items():
            values, missing = columns[name]
            absent = np.zeros(len(values), dtype=bool) if missing is None else missing
            if value is None:
                stand &= absent
            else:
                wanted = _args.cell_value(value, values, name, question.cell_values.get(name, ()))
                stand &= (values == wanted) & ~absent
        kept = {
            name: values[stand] if missing is None else (values[stand], {"mask": missing[stand]})
            for name, (values, missing) in columns.items()
        }
        stood = [Said("{column} = {value}", column=name, value=_said(value)) for name, value in cell.items()]
        definition = Said(
            "The customers who stand at {cell}, each looked at alone, of: {definition}",
            cell=Listed(stood) if stood else Said("any cell"),
            definition=self.definition,
        )
        return ResultTable(_table.table_of(kept), definition, self.timezone)


def _said(value: object) -> object:
    """A value of a cell for the definition."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return Moment(value) if type(value) is dt.date else str(value)
