"""What KPIs answer: their table, what they mean, and what the log lacks."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar, cast

from safar import _table
from safar.analyses._cells import CellsResult
from safar.analyses._spec import Spec
from safar.errors import ArgumentError
from safar.kpi import Missing
from safar.kpi.catalogue import described
from safar.language import Said
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar.analyses.kpis import Kpis

__all__ = ["KpisResult"]


class KpisResult(CellsResult):
    """KPIs by period and slice.

    Parameters
    ----------
    table
        One row for each KPI, slice and period: ``date`` (first day of the period), ``stage`` and ``touchpoint`` (where
        the KPI is measured; null for the whole journey), the columns of `by` (null where the row is not cut by it,
        ``(missing)`` for events without a value), ``kpi``, ``form``, ``unit``, ``direction``, ``scale``,
        ``numerator``, ``denominator``, ``squares`` (sum of the squares of what was added up, for intervals), ``value``
        (`scale` times numerator over denominator, in `unit`), ``low``, ``high`` (its 95 % interval), ``target``,
        ``status`` (``"met"``, ``"missed"``, or ``"unclear"`` where the interval holds the target), ``complete``
        (whether the period was observed to its end) and ``reason`` (why there is no value or no interval).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "kpis"

    def customers(self, **cell: object) -> ResultTable:
        """Who stands in a cell of the result? As `CellsResult.customers`.

        KPIs whose denominator is that of an earlier period, such as retention, have no such cells: ask
        `EventLog.lifecycle`.
        """
        lagging = {formula.id for formula in self._question.formulas if formula.lag}
        if cell.get("kpi") in lagging:
            raise ArgumentError(
                f'the KPI "{cell["kpi"]}" is about two periods at once, so that nobody stands in one of its cells; '
                'log.lifecycle(...).customers(period=..., status="returning") has who stayed, "dormant" who left'
            )
        return CellsResult.customers(self, **cell)

    @property
    def cut_by(self) -> list[str]:
        """The columns by which rows are cut."""
        return self._question.columns

    @property
    def missing(self) -> ResultTable:
        """Which KPIs are not in the table, because the log lacks what they need?

        Returns
        -------
        ResultTable
            One row an input that is missing: ``kpi``, ``input`` and ``reason``, with the way out.
        """
        columns = {
            field.name: [getattr(missing, field.name) for missing in self._question.missing]
            for field in fields(Missing)
        }
        return ResultTable(
            _table.table_of(columns),
            Said("KPIs that are not in the table, and what they lack."),
            self.timezone,
        )

    @property
    def definitions(self) -> ResultTable:
        """What do the KPIs of the table mean?

        Returns
        -------
        ResultTable
            One row a KPI: ``kpi``, ``name_en``, ``name_fa``, ``definition``, ``form``, ``unit``, ``direction``,
            ``count``, ``numerator``, ``denominator`` (in the words of the log) and ``adds_up`` (whether sums over
            periods and slices are those of the whole).
        """
        formulas = self._question.formulas
        columns = described(formulas) | {"adds_up": [formula.adds_up for formula in formulas]}
        return ResultTable(_table.table_of(columns), Said("What the KPIs of the table mean."), self.timezone)

    @property
    def _question(self) -> Kpis:
        return cast("Kpis", Spec.from_json(self.spec))
