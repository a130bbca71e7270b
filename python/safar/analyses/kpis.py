"""KPIs: one tidy table of numerators, denominators, values and intervals, by period and slice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import Array, Calendar, Duration, Floats, Period
from safar.analyses._cells import CellsResult
from safar.analyses._kpi_series import Reading, readings
from safar.analyses._periods import (
    ObservedPeriods,
    checked_cells,
    checked_week_start,
    observed_periods,
    period_words,
)
from safar.analyses._spec import Column, Spec, observed
from safar.errors import ArgumentError, ArgumentTypeError, MapError
from safar.kpi import Form, Formula, Input, Missing, Sources, catalogue
from safar.kpi.values import REASONS, status_of, value_and_interval
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar._log import Log
    from safar._typing import Frame
    from safar.journey_map import JourneyMap

__all__ = ["Kpis", "KpisResult", "kpis"]

T = TypeVar("T")

_MOST_CELLS = 5_000_000
# Columns of the table that say something else than a slice.
_RESERVED = (
    "date", "stage", "touchpoint", "kpi", "form", "unit", "direction", "scale", "numerator", "denominator", "squares",
    "value", "low", "high", "target", "status", "complete", "reason",
)  # fmt: skip
# What a slice is called whose events have no value in the column; a null says that the column does not cut.
MISSING = "(missing)"


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
            _table.table_of(columns), "KPIs that are not in the table, and what they lack.", self.timezone
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
        columns: dict[str, object] = {
            "kpi": [formula.id for formula in formulas],
            **{
                field: [getattr(formula, field) for formula in formulas]
                for field in (
                    "name_en",
                    "name_fa",
                    "definition",
                    "form",
                    "unit",
                    "direction",
                    "count",
                    "numerator",
                    "denominator",
                )
            },
            "adds_up": [formula.adds_up for formula in formulas],
        }
        return ResultTable(_table.table_of(columns), "What the KPIs of the table mean.", self.timezone)

    @property
    def _question(self) -> Kpis:
        question = Spec.from_json(self.spec)
        assert isinstance(question, Kpis)
        return question


@dataclass(frozen=True, slots=True)
class Kpis(Spec[KpisResult]):
    """The question of `safar.kpis`, which describes the arguments.

    Parameters
    ----------
    formulas
        The KPIs in the words of the log: `Formula` objects, or mappings of their fields.
    readings
        The series that were given, one reading each.
    missing
        What was asked for and could not be resolved.

    Examples
    --------
    >>> import safar
    >>> orders = {
    ...     "id": "orders",
    ...     "definition": "Orders that were paid",
    ...     "form": "total",
    ...     "numerator": "event = 'purchase'",
    ... }
    >>> safar.Kpis([orders], period="week").formulas[0].unit is None
    True
    """

    analysis: ClassVar[str] = "kpis"

    formulas: Sequence[Formula]
    _: KW_ONLY
    period: Period = "month"
    calendar: Calendar = "gregorian"
    week_start: int | None = None
    by: str | Sequence[str | Sequence[str]] = ()
    gap: Duration = "30m"
    readings: Sequence[Reading] = ()
    missing: Sequence[Missing] = ()

    def __post_init__(self) -> None:
        _args.choice(self.period, "period", Period)
        _args.choice(self.calendar, "calendar", Calendar)
        made = {
            "formulas": tuple(_made(Formula, self.formulas)),
            "week_start": checked_week_start(self.week_start, self.calendar),
            "by": _cuts(self.by),
            "gap": _args.duration(self.gap, "gap"),
            "readings": tuple(_made(Reading, self.readings)),
            "missing": tuple(_made(Missing, self.missing)),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
        if not self.formulas:
            raise ArgumentError("there is no KPI to measure; name at least one")
        ids = [formula.id for formula in self.formulas]
        for id in ids:
            if ids.count(id) > 1:
                raise ArgumentError(f'there are {ids.count(id)} KPIs "{id}"; ids are different')

    @property
    def cuts(self) -> list[tuple[str, ...]]:
        """The columns of every kind of slice; the first is everything at once."""
        return [(), *(tuple(cut) for cut in self.by)]

    @property
    def columns(self) -> list[str]:
        """The columns that slices have, in their order."""
        return list(dict.fromkeys(name for cut in self.by for name in cut))

    def units(self, log: Log) -> Log:
        """The log that is asked, with sessions where a KPI counts them."""
        if "session" in log.columns or all(formula.count != "session" for formula in self.formulas):
            return log
        return log.with_sessions(self.gap)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        for name in self.columns:
            if name in _RESERVED:
                raise ArgumentError(
                    f'by="{name}": the table of KPIs has a column of this name, which says something else; give the '
                    f'slices another name first: log.with_columns({{"my_{name}": ...}})'
                )
            if name != "event":
                _args.known_segment(name, log.columns, log.roles)
        params = {
            "period": self.period,
            "calendar": self.calendar,
            "week_start": self.week_start,
            "cuts": self.cuts,
            "measures": [measure for _, measure in self._measures()],
            "max_cells": _MOST_CELLS,
        }
        return {"params": params, "by": None, "at": "first"}

    def _measures(self) -> Iterator[tuple[tuple[int, bool], dict[str, object]]]:
        """What the kernel counts: formula, whether it is the denominator alone, and the measure."""
        for number, formula in enumerate(self.formulas):
            count: object = formula.count
            if formula.count not in ("events", "customers"):
                count = {"column": formula.count}
            references = dict(formula.references)
            further = {"references": references, "within": formula.within}
            alone = formula.lag > 0 or formula.numerator is None
            if formula.numerator is not None:
                yield (
                    (number, False),
                    {
                        "count": count,
                        "numerator": formula.numerator,
                        "minus": formula.minus,
                        "denominator": None if alone else formula.denominator,
                        "sum": formula.sum,
                        "least": formula.least,
                        "most": formula.most,
                        **further,
                    },
                )
            if alone and formula.denominator is not None:
                yield (
                    (number, True),
                    {
                        "count": count,
                        "numerator": formula.denominator,
                        "minus": None,
                        "denominator": None,
                        "sum": None,
                        "least": 1,
                        "most": None,
                        **further,
                    },
                )

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        owners = [owner for owner, _ in self._measures()]
        shown = [not alone and not self.formulas[number].lag for number, alone in owners]
        kept = np.array(shown, dtype=bool)[rows["measure"][0]]
        measure, cut = rows["measure"][0][kept], rows["cut"][0][kept]
        labels = [json.loads(text) for text in rows["slice"][0][kept].tolist()]
        names = self.columns
        cells: dict[str, Column] = {
            "customer": (rows["customer"][0][kept], None),
            "kpi": (
                np.array([self.formulas[owners[number][0]].id for number in measure], dtype=object),
                None,
            ),
            "date": (rows["period"][0][kept].astype("datetime64[D]"), None),
        }
        for name in names:
            values = [
                _label(label[self.cuts[number].index(name)]) if name in self.cuts[number] else None
                for number, label in zip(cut.tolist(), labels, strict=True)
            ]
            column = np.array(values, dtype=object)
            cells[name] = (column, np.array([value is None for value in values], dtype=bool))
        for name in ("numerator", "denominator"):
            cells[name] = (rows[name][0][kept].astype(np.float64), None)
        return cells

    def finish(self, partial: Table, log: Log) -> KpisResult:
        """Values and intervals from the sums of each cell."""
        periods = observed_periods(log, self.period, self.calendar, self.week_start)
        if log.observed_until_us <= periods.starts[-1] and log.info["last_us"] < periods.starts[-1]:
            # Of a period that begins where the data end, nothing is known.
            periods = periods.but_last()
        counted = _Counted.of(partial, periods, [owner for owner, _ in self._measures()])
        blocks = [
            block
            for number, formula in enumerate(self.formulas)
            for cut, columns in enumerate(self.cuts)
            for block in self._blocks(number, formula, cut, columns, counted, periods)
        ]
        checked_cells(len(blocks) * len(periods))
        return KpisResult(
            _table.table_of(self._columns(blocks, periods, log)),
            self._definition(log),
            log.timezone,
            self.to_json(),
        )

    def _blocks(
        self,
        number: int,
        formula: Formula,
        cut: int,
        columns: tuple[str, ...],
        counted: _Counted,
        periods: ObservedPeriods,
    ) -> Iterator[_Block]:
        """The periods of one KPI, slice by slice."""
        if formula.lag and columns:
            return
        series = {
            side: readings(self.readings, name, columns, periods)
            for side, name in (
                ("numerator", formula.numerator_series),
                ("denominator", formula.denominator_series),
            )
            if name is not None
        }
        found = {slice for side in series.values() for slice in side}
        found |= counted.slices(number, cut)
        if not columns:
            found.add(())
        for slice in sorted(found, key=lambda slice: [(label is None, label or "") for label in slice]):
            sums = counted.sums(number, cut, slice, alone=False)
            base = counted.sums(number, cut, slice, alone=True)
            top, squares, bottom = sums.numerator, sums.squares, sums.denominator
            if formula.lag or formula.numerator is None:
                bottom = base.numerator
            if formula.lag:
                bottom = np.append(np.full(formula.lag, np.nan), bottom[: -formula.lag])[: len(bottom)]
            if "numerator" in series:
                top, squares = series["numerator"].get(slice, _nothing(periods)).sums
                if formula.form == "level":
                    bottom = series["numerator"].get(slice, _nothing(periods)).number
            if "denominator" in series:
                bottom = series["denominator"].get(slice, _nothing(periods)).sums[0]
            if formula.form == "total":
                bottom = np.full(len(periods), np.nan)
            if formula.complement:
                top = bottom - top
            yield _Block(formula, dict(zip(columns, slice, strict=True)), top, bottom, squares)

    def _columns(self, blocks: list[_Block], periods: ObservedPeriods, log: Log) -> dict[str, object]:
        many, length = len(blocks), len(periods)
        names = self.columns

        def of_block(values: Sequence[object]) -> list[object]:
            return [value for value in values for _ in range(length)]

        columns: dict[str, object] = {
            "date": np.tile(periods.days, many),
            "stage": of_block([block.formula.stage for block in blocks]),
            "touchpoint": of_block([block.formula.touchpoint for block in blocks]),
        }
        for name in names:
            columns[name] = of_block(
                [_label(block.slice[name]) if name in block.slice else None for block in blocks]
            )
        columns["kpi"] = of_block([block.formula.id for block in blocks])
        for field in ("form", "unit", "direction"):
            columns[field] = of_block([getattr(block.formula, field) for block in blocks])
        scale = np.repeat([block.formula.scale for block in blocks], length).astype(np.float64)
        columns["scale"] = scale
        measured = [value_and_interval(block.formula.form, block.sums) for block in blocks]
        stacked = {
            "numerator": np.concatenate([block.numerator for block in blocks]),
            "denominator": np.concatenate([block.denominator for block in blocks]),
            "squares": np.concatenate(
                [
                    block.squares if block.formula.form in ("mean", "nps") else np.full(length, np.nan)
                    for block in blocks
                ]
            ),
            "value": np.concatenate([each.value for each in measured]) * scale,
            "low": np.concatenate([each.low for each in measured]) * scale,
            "high": np.concatenate([each.high for each in measured]) * scale,
        }
        columns |= {name: _table.nullable(values) for name, values in stacked.items()}
        target = np.repeat(
            [np.nan if block.formula.target is None else block.formula.target for block in blocks], length
        ).astype(np.float64)
        columns["target"] = _table.nullable(target)
        complete = np.concatenate([_complete(block.formula, periods, log) for block in blocks])
        held = [
            block.formula.form != "total" or block.formula.review in (None, self.period) for block in blocks
        ]
        # Half a period is not held against the target of a whole one, nor a week against that of a month.
        aimed = np.where(complete & np.repeat(held, length), target, np.nan)
        columns["status"] = status_of(
            stacked["value"], stacked["low"], stacked["high"], aimed, columns["direction"]
        )
        columns["complete"] = complete
        reason = np.concatenate([each.reason for each in measured])
        columns["reason"] = _table.named(reason, REASONS)
        return columns

    def _definition(self, log: Log) -> str:
        period = period_words(self.period, self.calendar, self.week_start, log.timezone)
        cut = ", ".join(" × ".join(columns) for columns in self.by)
        slices = f" and again by {cut}" if cut else ""
        return (
            f"{len(self.formulas)} KPIs by {period}{slices}, from {log.first:%Y-%m-%d} to where the data end, "
            f"{observed(log)}. An event belongs to the period and slice that it has itself; a customer or session "
            "counts in a cell if it has such an event there, so that it may count in several, and those of parts do "
            "not add up to those of the whole. value is scale times numerator over denominator, with the 95 % interval "
            "of its form: share Wilson, rate exact Poisson, mean Student's t, nps adjusted Wald; the others have none. "
            "result.definitions says what each KPI is, result.missing which ones the log lacks something for."
        )


class _Sums(NamedTuple):
    """What was counted in the periods of one slice."""

    numerator: Floats
    squares: Floats
    denominator: Floats


class _Counted(NamedTuple):
    """What the kernel counted, by KPI, whether it is the denominator alone, cut and slice."""

    cells: dict[tuple[int, bool, int, tuple[str | None, ...]], _Sums]
    periods: int

    @classmethod
    def of(cls, partial: Table, periods: ObservedPeriods, owners: list[tuple[int, bool]]) -> _Counted:
        cut, measure = (_table.integers(partial, name) for name in ("cut", "measure"))
        codes, texts = partial.codes("slice")
        labels = [tuple(json.loads(text or "[]")) for text in texts]
        place = periods.index(partial.numpy("period")[0].astype("datetime64[D]"))
        columns = [partial.numpy(name)[0] for name in ("numerator", "squares", "denominator")]
        cells: dict[tuple[int, bool, int, tuple[str | None, ...]], _Sums] = {}
        keys = zip(cut.tolist(), measure.tolist(), codes.tolist(), strict=True)
        for (at, number, code), rows in groupby(enumerate(keys), key=lambda row: row[1]):
            chosen = np.fromiter((row for row, _ in rows), dtype=np.int64)
            sums = [np.zeros(len(periods)) for _ in columns]
            for into, values in zip(sums, columns, strict=True):
                np.add.at(into, place[chosen], values[chosen])
            formula, alone = owners[number]
            cells[formula, alone, at, labels[code]] = _Sums(*sums)
        return cls(cells, len(periods))

    def slices(self, formula: int, cut: int) -> set[tuple[str | None, ...]]:
        """The slices of a cut in which a KPI has anything."""
        return {slice for number, _, at, slice in self.cells if number == formula and at == cut}

    def sums(self, formula: int, cut: int, slice: tuple[str | None, ...], *, alone: bool) -> _Sums:
        """The sums of a slice; zeros where nothing was counted."""
        nothing = _Sums(*(np.zeros(self.periods) for _ in range(3)))
        return self.cells.get((formula, alone, cut, slice), nothing)


class _Block(NamedTuple):
    """The periods of one KPI in one slice."""

    formula: Formula
    slice: dict[str, str | None]
    numerator: Floats
    denominator: Floats
    squares: Floats

    @property
    def sums(self) -> tuple[Floats, Floats, Floats]:
        """Numerator, denominator and squares."""
        return self.numerator, self.denominator, self.squares


def _made(kind: type[T], given: Sequence[Any]) -> Iterator[T]:
    """Objects of a kind; from JSON, and from users, they come as mappings of their fields."""
    what = kind.__name__.lower()
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        raise ArgumentTypeError(
            f"a {type(given).__name__} is no list of objects ({what}), or of mappings of their fields"
        )
    for each in given:
        if isinstance(each, kind):
            yield each
        elif isinstance(each, Mapping):
            yield _args.from_fields(kind, each, f"the {what}")
        else:
            raise ArgumentTypeError(
                f"{each!r} is a {type(each).__name__}; expected a {what}, or a mapping of its fields"
            )


def _nothing(periods: ObservedPeriods) -> Any:
    from safar.analyses._kpi_series import Series

    return Series.empty(len(periods))


def _label(value: str | None) -> str:
    return MISSING if value is None else value


def _complete(formula: Formula, periods: ObservedPeriods, log: Log) -> Array:
    if formula.lag:
        earlier = np.append(np.zeros(formula.lag, dtype=bool), periods.complete)[: len(periods)]
        both: Array = periods.complete & earlier
        return both
    if formula.horizon is None:
        return periods.complete
    late = periods.ends + _args.microseconds(formula.horizon) > log.observed_until_us
    return periods.complete & ~late


def _cuts(by: object) -> tuple[tuple[str, ...], ...]:
    """The columns of each cut, from one name, or a list of names and of lists of names."""
    if isinstance(by, str):
        by = [by]
    if not isinstance(by, Sequence):
        raise ArgumentTypeError(
            f"by={by!r} is a {type(by).__name__}; expected a column, or a list of columns such as "
            '["channel", ("channel", "device")], in which those of a tuple cut together'
        )
    return tuple(dict.fromkeys(_args.names(each, "by") for each in by))


# ------------------------------------------------------------------------------------------------------- the method


def kpis(
    log: Log,
    journey_map: JourneyMap | None = None,
    *,
    kpis: Sequence[str] | str | None = None,
    period: Period = "month",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    by: str | Sequence[str | Sequence[str]] = (),
    inputs: Mapping[str, str] | None = None,
    given: Mapping[str, Frame] | None = None,
    gap: Duration = "30m",
) -> KpisResult:
    """How do the KPIs of the journey stand, period by period?

    Parameters
    ----------
    journey_map
        The map whose KPIs are measured; by default that of the log. With a map that the log was not read through, the
        log is read through it first.
    kpis
        Ids of KPIs of the map or of the catalogue (`safar.kpi_catalogue`), or ``"all"`` for both; by default those of
        the map, and without any those of the catalogue that the log has all inputs for.
    period
        Calendar ``"day"``, ``"week"`` or ``"month"`` (default, as most KPIs are reviewed) in the zone of the log.
    calendar
        ``"gregorian"`` (default) or ``"jalali"``: which months, and which first day of the week.
    week_start
        First day of the week, 0 (Monday) to 6 (Sunday); by default Monday, and Saturday in the Jalali calendar.
    by
        Columns to cut by, such as ``["channel", "device"]``; those of a tuple in it cut together. Rows of everything
        at once are always there.
    inputs
        What the inputs of the catalogue are in this log: a condition on events, such as
        ``{"purchase": "event = 'order_paid'"}``, or of ``score``, ``value`` and ``ticket`` the name of a column. They
        go before what the map says under ``[inputs]``, and that before the usual names.
    given
        Series from elsewhere, such as ``{"cost": table}``: a frame with the columns ``date`` (a date, or text: ISO
        8601, or Jalali such as ``"1405-01-01"``), one of the name of the series, or ``value``, and perhaps columns of
        `by`.
    gap
        The longest pause inside a session, 30 minutes by default, for KPIs that count sessions; a log with a column
        ``session`` has its own.

    Returns
    -------
    KpisResult
        One row for each KPI, slice and period: the additive parts, the value with its interval, and the target. What
        can't be measured is in its `missing`.

    Notes
    -----
    Conditions of KPIs may name the columns of the log, ``touchpoint`` and ``stage`` where it was read through a map,
    and: ``nth_event`` (the place of the event among those of the customer, from 1), ``nth_of_event`` (among those of
    its name), ``seconds_since_previous``, ``seconds_since_same``, ``seconds_until_same`` (to the next of the same name;
    null without one), ``periods_since_previous`` (0 in the same period), and of any column
    ``seconds_since_first_of_<column>``, ``seconds_since_previous_of_<column>`` and ``nth_of_event_and_<column>``.

    Intervals take units as independent. An interval is null where a numerator is beyond its denominator, as when
    e-mails of one period are opened in the next. Wilson (1927, doi:10.1080/01621459.1927.10502953) for shares, Garwood
    (1936, doi:10.1093/biomet/28.3-4.437) for rates, Student's t for means, Rocks (2016,
    doi:10.1080/00031305.2016.1158124) for NPS.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(300).log()
    >>> found = safar.kpis(log, kpis=["conversion_rate", "nps"], period="month", by="channel")
    >>> found.definitions.to_dict()["name_en"]
    ['Conversion rate', 'Net promoter score (NPS)']
    >>> safar.kpis(log, kpis=["cost_per_click"]).missing.to_dict()["input"]
    Traceback (most recent call last):
        ...
    safar.errors.ArgumentError: none of the KPIs can be measured in this log: "cost_per_click" needs "cost": ...
    """
    log, own, meanings = _of_map(log, journey_map)
    formulas = _chosen(kpis, own)
    known = catalogue().inputs
    series = _checked_series(given, formulas, known)
    rows = readings_of(series, log, _cuts(by))
    said = {**meanings, **_checked_inputs(inputs, known)}
    for name, text in said.items():
        if name in known and known[name].column and text not in log.columns:
            _args.known_columns_of_log([text], log.columns, f'inputs["{name}"]')
    sources = Sources(known, said, frozenset(series), log.events, log.columns)
    resolved: list[Formula] = []
    missing = _outside(rows, formulas, log)
    for formula in formulas:
        found = sources.resolved(formula)
        if isinstance(found, Formula):
            resolved.append(found)
        else:
            missing += found
    if not resolved:
        reasons = "; ".join(f'"{each.kpi}" needs "{each.input}": {each.reason}' for each in missing[:3])
        more = f"; and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ArgumentError(f"none of the KPIs can be measured in this log: {reasons}{more}")
    return Kpis(
        resolved,
        period=period,
        calendar=calendar,
        week_start=week_start,
        by=by,
        gap=gap,
        readings=rows,
        missing=missing,
    ).run(log)


def readings_of(series: Mapping[str, Frame], log: Log, cuts: Sequence[Sequence[str]]) -> list[Reading]:
    """The readings of all series that were given."""
    from safar.analyses._kpi_series import read

    columns = list(dict.fromkeys(name for cut in cuts for name in cut))
    return [reading for name, data in series.items() for reading in read(name, data, columns, log.timezone)]


def _checked_series(
    given: Mapping[str, Frame] | None, formulas: Sequence[Formula], known: Mapping[str, Input]
) -> Mapping[str, Frame]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"given is a {type(given).__name__}; expected a mapping of series, such as "
            '{"cost": a frame with the columns date and cost}'
        )
    used = {
        name
        for formula in formulas
        for name in (formula.numerator_series, formula.denominator_series)
        if name
    }
    names = sorted(used | {name for name, each in known.items() if each.series})
    for name in given:
        if name not in names:
            raise ArgumentError(
                f'given: no KPI needs the series "{name}"{_args.suggestion(str(name), names)} (series: '
                f"{_args.listing(names)})"
            )
    return given


def _outside(rows: Sequence[Reading], formulas: Sequence[Formula], log: Log) -> list[Missing]:
    """What is left out of series, because it lies outside of the days of the log."""
    found = []
    first, last = log.first.date().isoformat(), log.observed_until.date().isoformat()
    for formula in formulas:
        for name in {formula.numerator_series, formula.denominator_series} - {None}:
            days = [row.day for row in rows if row.series == name]
            beyond = sorted(day for day in days if not first[:7] <= day[:7] <= last[:7])
            if beyond:
                reason = (
                    f"{len(beyond)} of {len(days)} readings lie outside of the log, such as that of {beyond[0]}, and "
                    "are left out"
                )
                found.append(Missing(formula.id, str(name), reason))
    return found


def _of_map(log: Log, journey_map: JourneyMap | None) -> tuple[Log, list[Formula], dict[str, str]]:
    """The log as the map reads it, the KPIs of the map, and what it says of inputs."""
    found = log.map if journey_map is None else journey_map
    if found is None:
        return log, [], {}
    if not hasattr(found, "kpis") or not hasattr(found, "touchpoints"):
        raise ArgumentTypeError(
            f"journey_map is a {type(found).__name__}; expected a JourneyMap, such as "
            'safar.JourneyMap.load("journey.toml")'
        )
    if log.map is not found:
        log = log.with_map(found)
    return log, [_formula_of(kpi, found) for kpi in found.kpis], dict(found.inputs)


def _formula_of(kpi: Any, journey_map: JourneyMap) -> Formula:
    """The formula of a KPI of a map."""
    labels: dict[str, Any] = {
        "name_en": kpi.name.en,
        "name_fa": kpi.name.fa,
        "definition": kpi.definition,
        "stage": kpi.stage,
        "touchpoint": kpi.touchpoint,
        "target": kpi.target,
        "review": kpi.review,
    }
    if labels["stage"] is None and kpi.touchpoint is not None:
        labels["stage"] = journey_map.touchpoint(kpi.touchpoint).stage
    labels |= {key: value for key in ("unit", "direction") if (value := getattr(kpi, key)) is not None}
    if kpi.catalogue is not None:
        known = catalogue().formulas
        if kpi.catalogue not in known:
            raise MapError(
                f'{journey_map.file}: kpi "{kpi.id}": the catalogue has no KPI "{kpi.catalogue}"'
                f"{_args.suggestion(kpi.catalogue, known)}; safar.kpi_catalogue() lists them",
            )
        return Formula(**{**asdict(known[kpi.catalogue]), **labels, "id": kpi.id})
    form: Form = "mean" if kpi.sum and kpi.denominator else "share" if kpi.denominator else "total"
    if form == "share":
        labels.setdefault("unit", "%")
    return Formula(
        kpi.id,
        **labels,
        form=form,
        count=kpi.count or "customers",
        numerator=kpi.numerator or "true",
        denominator=_with_number(kpi),
        sum=kpi.sum,
    )


def _with_number(kpi: Any) -> str | None:
    """The denominator of a KPI; of events of which numbers are added up, those without one are left out."""
    if kpi.sum is None or kpi.denominator is None or kpi.count != "events":
        found: str | None = kpi.denominator
        return found
    return f"({kpi.denominator}) and ({kpi.sum}) is not null"


def _chosen(asked: Sequence[str] | str | None, own: list[Formula]) -> list[Formula]:
    """The KPIs that were asked for."""
    known = catalogue().formulas
    of_map = {formula.id: formula for formula in own}
    if asked is None:
        return own or list(known.values())
    if asked == "all":
        return own + [formula for formula in known.values() if formula.id not in of_map]
    both = known | of_map
    chosen = []
    for name in _args.names(asked, "kpis"):
        if name not in both:
            raise ArgumentError(
                f'kpis: "{name}" is neither a KPI of the map nor of the catalogue{_args.suggestion(name, both)} '
                f"(of the map: {_args.listing(of_map) or 'none'}; the catalogue: safar.kpi_catalogue())"
            )
        chosen.append(both[name])
    return chosen


def _whole_condition(name: str, text: str) -> None:
    """Refuse a text that is no condition by itself; in a pattern, one stands between brackets."""
    try:
        _core.check_pattern(f".[{text}]")
    except ArgumentError as problem:
        raise ArgumentError(f'inputs["{name}"]: {problem}') from None


def _checked_inputs(inputs: Mapping[str, str] | None, known: Mapping[str, Input]) -> dict[str, str]:
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        raise ArgumentTypeError(
            f"inputs is a {type(inputs).__name__}; expected a mapping such as "
            '{"purchase": "event = \'order_paid\'"}'
        )
    for name, text in inputs.items():
        if name in known and known[name].series:
            raise ArgumentError(
                f'inputs: "{name}" is a series that no log holds ({known[name].description}); give it in given='
            )
        if name not in known:
            raise ArgumentError(
                f'inputs: "{name}" is no input of the catalogue{_args.suggestion(str(name), known)} (inputs: '
                f"{_args.listing(known, 40)})"
            )
        _args.text(text, f'inputs["{name}"]')
        if not known[name].column:
            _whole_condition(name, text)
    return dict(inputs)
