"""KPIs: one tidy table of numerators, denominators, values and intervals, by period and slice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Calendar, Duration, Period
from safar.analyses._kpi_choice import (
    checked_inputs,
    checked_series,
    chosen,
    of_map,
    outside,
    readings_of,
)
from safar.analyses._kpi_result import KpisResult
from safar.analyses._kpi_series import Reading
from safar.analyses._kpi_table import MISSING, columns_of, label
from safar.analyses._periods import checked_week_start, period_words
from safar.analyses._spec import Column, Spec, observed
from safar.errors import ArgumentError, ArgumentTypeError
from safar.kpi import Formula, Missing, Sources, catalogue
from safar.language import Listed, Moment, Said, Spoken, paragraph

if TYPE_CHECKING:
    from safar._log import Log
    from safar._typing import Frame
    from safar.journey_map import JourneyMap

__all__ = ["MISSING", "Kpis", "KpisResult", "kpis"]

T = TypeVar("T")

_MOST_CELLS = 5_000_000
# Columns of the table that say something else than a slice.
_RESERVED = (
    "date", "stage", "touchpoint", "kpi", "form", "unit", "direction", "scale", "numerator", "denominator", "squares",
    "value", "low", "high", "target", "status", "complete", "reason",
)  # fmt: skip


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
                label(texts[self.cuts[number].index(name)]) if name in self.cuts[number] else None
                for number, texts in zip(cut.tolist(), labels, strict=True)
            ]
            column = np.array(values, dtype=object)
            cells[name] = (column, np.array([value is None for value in values], dtype=bool))
        for name in ("numerator", "denominator"):
            cells[name] = (rows[name][0][kept].astype(np.float64), None)
        return cells

    def finish(self, partial: Table, log: Log) -> KpisResult:
        """Values and intervals from the sums of each cell."""
        owners = [owner for owner, _ in self._measures()]
        table = _table.table_of(columns_of(self, owners, partial, log))
        return KpisResult(table, self._definition(log), log.timezone, self.to_json())

    def _definition(self, log: Log) -> Spoken:
        period = period_words(self.period, self.calendar, self.week_start, log.timezone)
        places: dict[str, object] = {
            "number": len(self.formulas),
            "period": period,
            "first": Moment(log.first.date()),
            "end": observed(log),
        }
        over = Said("{number} KPIs by {period}, from {first} to where the data end, {end}.", **places)
        if self.by:
            slices = Listed([" × ".join(columns) for columns in self.by])
            text = (
                "{number} KPIs by {period} and again by {slices}, from {first} to where the data end, {end}."
            )
            over = Said(text, slices=slices, **places)
        counted = Said(
            "An event belongs to the period and slice that it has itself; a customer or session counts in a cell if it "
            "has such an event there, so that it may count in several, and those of parts do not add up to those of "
            "the whole. value is scale times numerator over denominator, with the 95 % interval of its form: share "
            "Wilson, rate exact Poisson, mean Student's t, nps adjusted Wald; the others have none. "
            "result.definitions says what each KPI is, result.missing which ones the log lacks something for."
        )
        return paragraph(over, counted)


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
    log, own, meanings = of_map(log, journey_map)
    formulas = chosen(kpis, own)
    known = catalogue().inputs
    series = checked_series(given, formulas, known)
    rows = readings_of(series, log, _cuts(by))
    said = {**meanings, **checked_inputs(inputs, known)}
    for name, text in said.items():
        if name in known and known[name].column and text not in log.columns:
            _args.known_columns_of_log([text], log.columns, f'inputs["{name}"]')
    sources = Sources(known, said, frozenset(series), log.events, log.columns)
    resolved: list[Formula] = []
    missing = outside(rows, formulas, log)
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
