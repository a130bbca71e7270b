"""The tidy table of KPIs as series on one grid of periods."""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from safar import _args, _table, calendar
from safar._core import Table
from safar._typing import Array, Floats, Frame, Integers, Language
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.kpi.formula import Direction, Form
from safar.kpi.values import interval
from safar.language.naming import called
from safar.result import ResultTable

__all__ = ["Direction", "Form", "Grid", "Panel", "Series", "called_of", "intervals", "read", "values"]

Length: TypeAlias = Literal["day", "week", "month"]

_NUMBERS = ("scale", "numerator", "denominator", "squares", "target")
_NEEDED = ("date", "kpi", "numerator", "denominator")
# Columns of the table that cut nothing. value, low and high follow from the parts.
_OTHERS = ("form", "unit", "direction", "complete", "value", "low", "high")
# Where a KPI is measured, and so no slice, if all its rows have the same.
_PLACES = ("stage", "touchpoint")
_WORDS = ("name", "label", "reason", "status", "definition", "note", "owner", "period", "calendar", "source")
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Series:
    """What one KPI of one slice is."""

    kpi: str
    # By column of `Panel.cuts`; None is all of them together.
    slice: tuple[str | None, ...]
    form: Form
    unit: str
    direction: Direction
    scale: float
    # What of the slice tells it from others of the KPI, for its name.
    shown: tuple[str, ...] = ()

    def label(self, names: Mapping[str, str]) -> str:
        """The KPI and its slice, with the names of those that have one."""
        return " · ".join(names.get(part, part) for part in (self.kpi, *self.shown))

    @property
    def name(self) -> str:
        """The KPI and its slice, for a message."""
        return self.label({})


@dataclass(frozen=True, slots=True)
class Grid:
    """Periods of one length, one after the other; the last date is that after the last period."""

    length: Length
    # How many days, weeks or months each period has.
    step: int
    dates: tuple[dt.date, ...]
    timezone: str
    jalali: bool

    def __len__(self) -> int:
        return len(self.dates) - 1

    @property
    def a_year(self) -> float:
        """How many of the periods a year has."""
        return {"day": 365.2425, "week": 365.2425 / 7, "month": 12.0}[self.length] / self.step

    def instants(self) -> Array:
        """First instant of each period and of that after the last, UTC."""
        zone = zoneinfo.ZoneInfo(self.timezone)
        starts = [dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) for day in self.dates]
        return np.array([start.replace(tzinfo=None) for start in starts], dtype="datetime64[us]")


@dataclass(frozen=True, slots=True)
class Panel:
    """All series of a table of KPIs: a row a series, a column a period; NaN where there is no number."""

    grid: Grid
    cuts: tuple[str, ...]
    series: tuple[Series, ...]
    numerator: Floats
    denominator: Floats
    squares: Floats
    target: Floats
    complete: Array
    present: Array

    def labels(self, rows: Sequence[int]) -> dict[str, object]:
        """The columns that say which series each row of a result is of."""
        columns: dict[str, object] = {"kpi": [self.series[row].kpi for row in rows]}
        for at, cut in enumerate(self.cuts):
            columns[cut] = [self.series[row].slice[at] for row in rows]
        return columns

    def values(self) -> Floats:
        """The KPI of each series and period, in its unit."""
        return np.array(
            [
                values(each.form, each.scale, self.numerator[row], self.denominator[row])
                for row, each in enumerate(self.series)
            ]
        ).reshape(len(self.series), len(self.grid))


def called_of(kpis: Frame) -> dict[str, dict[str, str]]:
    """What KPIs, stages and channels are called by language, where the table comes from a log or with definitions."""
    source = getattr(kpis, "_source", None)
    names = called(None if source is None else source.map)
    definitions = getattr(kpis, "definitions", None)
    columns = definitions.to_dict() if isinstance(definitions, ResultTable) else {"kpi": []}
    found = {}
    for language in get_args(Language):
        said = zip(columns["kpi"], columns.get(f"name_{language}", []), strict=True)
        own = {kpi: name for kpi, name in said if name is not None}
        # A KPI may have the id of a touchpoint; its own name goes before.
        found[language] = {**names.get(language, {}), **own}
    return found


def values(form: Form, scale: float, numerator: Floats, denominator: Floats) -> Floats:
    """KPIs from their parts, in their unit; NaN where undefined."""
    if form == "total":
        return scale * numerator
    found: Floats = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return scale * found


def intervals(
    form: Form, scale: float, numerator: Floats, denominator: Floats, squares: Floats, *, count: bool = False
) -> tuple[Floats, Floats]:
    """95 % intervals of KPIs from their parts, in their unit; NaN where the form has none."""
    low, high = interval(form, (numerator, denominator, squares), count=count)
    return scale * low, scale * high


def read(kpis: Frame, timezone: str | None) -> Panel:
    """Read the tidy table of KPIs.

    Raises
    ------
    DataError
        Where two rows are of one KPI, slice and period, periods are not of one length, or a KPI has two forms.
    """
    names = _table.names_of(kpis)
    _args.known_columns(_NEEDED, names)
    own = getattr(kpis, "timezone", None)
    table = _table.to_table(kpis)
    if table.num_rows == 0:
        raise DataError("the table of KPIs has no rows")
    kinds = dict(table.schema)
    known = (*_NEEDED, *_NUMBERS, *_OTHERS, *_WORDS)
    cuts = tuple(name for name in names if name not in known and _is_text(table, name, kinds[name]))
    zone = _args.zone(timezone) if timezone is not None else (own or table.zone("date") or "UTC")
    days = _days(table, zone)
    grid = _grid(days, zone)
    period = _positions(days, grid)
    series, row_of = _series(table, cuts, names)
    shape = (len(series), len(grid))
    flat = row_of * len(grid) + period
    _refuse_repeats(flat, series, row_of, days)
    numbers = {name: _floats(table, name, names) for name in _NUMBERS if name != "scale"}
    matrices = {name: _spread(numbers[name], flat, shape, np.nan) for name in numbers}
    complete = np.ones(table.num_rows, dtype=bool)
    if "complete" in names:
        given, missing = table.numpy("complete")
        complete = given.astype(bool) & (True if missing is None else ~missing)
    return Panel(
        grid=grid,
        cuts=cuts,
        series=series,
        complete=_spread(complete.astype(np.float64), flat, shape, 0.0) > 0,
        present=_spread(np.ones(table.num_rows), flat, shape, 0.0) > 0,
        **matrices,
    )


def _is_text(table: Table, name: str, kind: str) -> bool:
    if kind.startswith(("Int", "UInt", "Float", "Boolean", "Date", "Timestamp", "Duration", "Decimal")):
        return False
    return bool(table.codes(name)[1])


def _floats(table: Table, name: str, names: Sequence[str]) -> Floats:
    if name not in names:
        return np.full(table.num_rows, np.nan)
    values, missing = table.numpy(name)
    if values.dtype.kind == "O" and all(value is None for value in values.tolist()):
        return np.full(table.num_rows, np.nan)
    if values.dtype.kind not in "iuf":
        raise ArgumentTypeError(f'column "{name}" has the type {dict(table.schema)[name]}; expected numbers')
    numbers = values.astype(np.float64)
    return numbers if missing is None else np.where(missing, np.nan, numbers)


def _spread(values: Floats, flat: Integers, shape: tuple[int, int], empty: float) -> Floats:
    matrix = np.full(shape[0] * shape[1], empty)
    matrix[flat] = values
    return matrix.reshape(shape)


# --------------------------------------------------------------------------------------------------------- periods


def _days(table: Table, zone: str) -> list[dt.date]:
    """The local date of each row."""
    values, missing = table.numpy("date")
    if missing is not None and missing.any():
        raise DataError(f'column "date", row {int(np.argmax(missing))}: the date is missing')
    if values.dtype.kind == "M":
        if table.zone("date") is None:
            times: list[Any] = values.astype("datetime64[us]").tolist()
        else:
            times = [_args.local_datetime(at, zone) for at in values.astype(np.int64).tolist()]
    else:
        times = [_parsed(value, row) for row, value in enumerate(values.tolist())]
    for row, time in enumerate(times):
        if time.time() != dt.time():
            raise DataError(
                f'column "date", row {row}: {time} is no midnight in the zone {zone}; periods are days or longer, and '
                "begin at one. If the dates are of another zone, give timezone="
            )
    return [time.date() for time in times]


def _parsed(value: object, row: int) -> dt.datetime:
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value).replace(tzinfo=None)
        except ValueError:
            pass
    elif isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    raise DataError(f'column "date", row {row}: {value!r} is not a date; expected such as 2026-03-21')


def _grid(days: list[dt.date], zone: str) -> Grid:
    """Periods of the greatest length that has all dates at beginnings."""
    distinct = sorted(set(days))
    if len(distinct) < 2:
        raise DataError(f"all rows are of one period ({distinct[0]}); a KPI is watched over several")
    for jalali in (False, True):
        months = [_month(day, jalali) for day in distinct]
        if all(day == 1 for _, day in months):
            step = int(np.gcd.reduce(np.diff([month for month, _ in months])))
            count = (months[-1][0] - months[0][0]) // step
            starts = [_month_start(months[0][0] + step * at, jalali) for at in range(count + 2)]
            return Grid("month", step, tuple(starts), zone, jalali)
    ordinals = np.array([day.toordinal() for day in distinct])
    step = int(np.gcd.reduce(np.diff(ordinals)))
    count = int(ordinals[-1] - ordinals[0]) // step
    between = np.diff(ordinals)
    if count > _LONGEST or step == 1 < np.median(between) or (step > 1 and count > 3 * len(distinct)):
        usual = int(np.median(between))
        odd = int(np.argmax(between % max(usual, 1) != 0))
        raise DataError(
            f"the dates are not equally spaced: most are {usual} days apart, but {distinct[odd]} and "
            f"{distinct[odd + 1]} are {int(between[odd])}; expected periods of one length (days, weeks or months)"
        )
    length: Length = "week" if step % 7 == 0 else "day"
    starts = [dt.date.fromordinal(int(ordinals[0]) + step * at) for at in range(count + 2)]
    return Grid(length, step // 7 if length == "week" else step, tuple(starts), zone, False)


def _month(day: dt.date, jalali: bool) -> tuple[int, int]:
    """Months since year 0, and the day in the month."""
    year, month, rest = calendar.jalali_date(day) if jalali else (day.year, day.month, day.day)
    return 12 * year + month - 1, rest


def _month_start(month: int, jalali: bool) -> dt.date:
    year, index = divmod(month, 12)
    return calendar.gregorian_date(year, index + 1, 1) if jalali else dt.date(year, index + 1, 1)


def _positions(days: list[dt.date], grid: Grid) -> Integers:
    place = {day: at for at, day in enumerate(grid.dates)}
    return np.array([place[day] for day in days], dtype=np.int64)


# ---------------------------------------------------------------------------------------------------------- series


def _series(table: Table, cuts: tuple[str, ...], names: Sequence[str]) -> tuple[tuple[Series, ...], Integers]:
    kpi, kpis = table.codes("kpi")
    columns = [table.codes(cut) for cut in cuts]
    if any(kpis[code] is None for code in set(kpi.tolist())):
        raise DataError('column "kpi": a row has none; expected the name of a KPI in each')
    together = np.stack([kpi, *(codes for codes, _ in columns)], axis=1)
    distinct, first, row_of = np.unique(together, axis=0, return_index=True, return_inverse=True)
    row_of = row_of.ravel()
    forms = _texts(table, "form", names, "ratio")
    units = _texts(table, "unit", names, "")
    directions = _texts(table, "direction", names, "none")
    scales = _floats(table, "scale", names)
    plain = np.array([100.0 if unit == "%" else 1.0 for unit in units])
    scales = np.where(np.isnan(scales), plain if "scale" not in names else 1.0, scales)
    found = []
    for at, (codes, row) in enumerate(zip(distinct, first, strict=True)):
        label = tuple(texts[code] for (_, texts), code in zip(columns, codes[1:], strict=True))
        form, direction = forms[row], directions[row]
        if form not in get_args(Form):
            allowed = get_args(Form)
            raise DataError(
                f'column "form", row {row}: "{form}" is not a form{_args.suggestion(form, allowed)} '
                f"(allowed: {_args.listing(allowed)})"
            )
        if direction not in get_args(Direction):
            raise DataError(
                f'column "direction", row {row}: "{direction}" is none (allowed: {_args.listing(get_args(Direction))})'
            )
        scale = float(scales[row])
        if not (np.isfinite(scale) and scale > 0):
            raise DataError(f'column "scale", row {row}: {scale:g} is no scale; expected a number above 0')
        found.append((str(kpis[codes[0]]), label, form, units[row], direction, scale, at))
    order = sorted(found, key=lambda each: (each[0], [(text is not None, text or "") for text in each[1]]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[[each[-1] for each in order]] = np.arange(len(order))
    _refuse_two_forms(forms, row_of, first, found)
    fixed = _fixed(cuts, found)
    return tuple(Series(*each[:-1], _shown(each, cuts, fixed)) for each in order), rank[row_of]


def _fixed(cuts: tuple[str, ...], found: list[Any]) -> set[tuple[str, str]]:
    """The KPIs that are measured at one place: (column, KPI)."""
    places: dict[tuple[str, str], set[str | None]] = {}
    for kpi, label, *_ in found:
        for cut, text in zip(cuts, label, strict=True):
            if cut in _PLACES:
                places.setdefault((cut, kpi), set()).add(text)
    return {place for place, texts in places.items() if len(texts) == 1}


def _shown(each: Any, cuts: tuple[str, ...], fixed: set[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(
        text
        for cut, text in zip(cuts, each[1], strict=True)
        if text is not None and (cut, each[0]) not in fixed
    )


def _texts(table: Table, name: str, names: Sequence[str], default: str) -> list[str]:
    if name not in names:
        return [default] * table.num_rows
    codes, texts = table.codes(name)
    own = [default if text is None else text for text in texts]
    return [own[code] for code in codes.tolist()]


def _refuse_two_forms(forms: list[str], row_of: Integers, first: Integers, found: list[Any]) -> None:
    for row, at in enumerate(row_of.tolist()):
        if forms[row] != forms[first[at]]:
            raise DataError(
                f'column "form", row {row}: the KPI "{found[at][0]}" is a {forms[row]} here and a {forms[first[at]]} '
                f"in row {first[at]}; expected one form for a KPI"
            )


def _refuse_repeats(
    flat: Integers, series: tuple[Series, ...], row_of: Integers, days: list[dt.date]
) -> None:
    order = np.argsort(flat, kind="stable")
    for before, after in itertools.pairwise(order.tolist()):
        if flat[before] == flat[after]:
            raise DataError(
                f'rows {before} and {after} are both of "{series[row_of[before]].name}" on {days[before]}; expected '
                "one row for each KPI, slice and period"
            )


def periods_of(grid: Grid, mask: Array) -> list[tuple[int, int]]:
    """Runs of periods where `mask` is true, as (first, after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def refuse_unknown(wanted: str, available: Sequence[str], argument: str) -> None:
    """Refuse a name that the table does not have."""
    if wanted not in available:
        raise ArgumentError(
            f"{argument}={wanted!r} is not in the table{_args.suggestion(wanted, available)} "
            f"(available: {_args.listing(available)})"
        )


def typed(columns: Mapping[str, object]) -> Table:
    """A table whose columns of text are that even where no row is."""
    return _table.table_of(
        {name: texts_of(column) if isinstance(column, list) else column for name, column in columns.items()}
    )


def texts_of(column: Sequence[str | None]) -> object:
    """A column of text."""
    distinct = sorted({text for text in column if text is not None})
    code = {text: at for at, text in enumerate(distinct)}
    codes = np.array([len(distinct) if text is None else code[text] for text in column], dtype=np.int64)
    return _table.named(codes, [*distinct, None])
