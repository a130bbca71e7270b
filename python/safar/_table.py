"""Frames in and out: pandas, polars, pyarrow, DuckDB, anything with the Arrow PyCapsule interface, mappings of columns.

None of these packages is imported before its own object arrives or is asked for, and pandas needs no pyarrow
here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from safar import _args
from safar._core import Table
from safar._typing import Array, Floats, Integers
from safar.errors import ArgumentTypeError, DataError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_FRAMES = "a pandas, polars or pyarrow frame, any object with __arrow_c_stream__, or a mapping of columns"
_UNITS = ("s", "ms", "us", "ns", "D")


# ---------------------------------------------------------------------------------------------------------- in


def to_table(data: object, columns: Sequence[str] | None = None) -> Table:
    """The named columns of a frame of any kind; all of them by default."""
    if columns is None:
        columns = names_of(data)
    columns = list(dict.fromkeys(columns))
    if _is_pandas(data):
        return _from_pandas(data, columns)
    if isinstance(data, Table):
        _check(columns, data.names)
        return data.select(columns)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        names = _stream_names(data)
        if names is not None:
            _check(columns, names)
        return Table.from_stream(data, columns)
    if isinstance(data, Mapping):
        _check(columns, list(data))
        return table_of({name: _column(name, data[name]) for name in columns})
    raise ArgumentTypeError(f"data is a {type(data).__name__}; expected {_FRAMES}{_way_out(data)}")


def is_stream(data: object) -> bool:
    """Whether the data come in batches of Arrow; frames whose columns need care of their own do not."""
    return hasattr(data, "__arrow_c_stream__") and not isinstance(data, Table) and not _is_pandas(data)


def names_of(data: object) -> list[str]:
    """Names of the columns of a frame of any kind."""
    if _is_pandas(data) or isinstance(data, Mapping):
        return list(data)
    names = data.names if isinstance(data, Table) else _stream_names(data)
    if names is None and hasattr(data, "__arrow_c_stream__"):
        names = Table.from_stream(data).names
    if names is None:
        raise ArgumentTypeError(f"data is a {type(data).__name__}; expected {_FRAMES}{_way_out(data)}")
    return names


def table_of(columns: Mapping[str, Any]) -> Table:
    """A table of arrays and lists that `Table` reads, of one length."""
    lengths = {
        name: len(column[0] if isinstance(column, tuple) else column) for name, column in columns.items()
    }
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f'"{name}" {length}' for name, length in lengths.items())
        raise DataError(
            f"the columns have different lengths ({listed}); expected one value per event in each"
        )
    return Table(columns)


def _way_out(data: object) -> str:
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return "; to read a file, use safar.read(...)"
    if hasattr(data, "collect"):
        return "; collect the lazy frame first: data.collect()"
    if isinstance(data, Sequence) and data and isinstance(data[0], Mapping):
        return "; make a frame of the records first: pandas.DataFrame(data) or polars.DataFrame(data)"
    return ""


def _check(columns: Sequence[str], available: Sequence[object], index: Sequence[object] = ()) -> None:
    names = [name if isinstance(name, str) else repr(name) for name in available]
    _args.known_columns(columns, names, index=index)
    for name in columns:
        if names.count(name) > 1:
            raise DataError(
                f'the data has {names.count(name)} columns named "{name}", and safar can\'t know which one is meant; '
                "rename or drop the others"
            )


def _stream_names(data: object) -> list[str] | None:
    """Column names of a polars, pyarrow or DuckDB object; None of one that keeps them elsewhere."""
    for attribute in ("column_names", "columns"):
        names = getattr(data, attribute, None)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
    return None


def _column(name: str, values: Any) -> object:
    """A column of a mapping, as `Table` reads it."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series | pandas.Index):
        return _pandas_column(pandas.Series(values, name=name))
    if isinstance(values, np.ma.MaskedArray):
        return _array(name, values.data, np.ma.getmaskarray(values))
    if isinstance(values, np.ndarray):
        return _array(name, values)
    # Arrow and polars series, whose to_numpy() would lose time zones and nulls.
    for method in ("to_pylist", "to_list"):
        if hasattr(values, method):
            return getattr(values, method)()
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ArgumentTypeError(
            f'column "{name}" is a {type(values).__name__}; expected a list or array with one value per event'
        )
    return list(values)


def _array(name: str, values: Array, missing: Array | None = None) -> object:
    """A NumPy array in one of the types that `Table` reads; the same memory where it is one already."""
    if values.ndim != 1:
        raise DataError(f'column "{name}" has {values.ndim} dimensions; expected one value per event')
    dtype = values.dtype
    if dtype.kind in "mM":
        unit, multiple = np.datetime_data(dtype)
        if unit not in _UNITS or multiple != 1:
            finer = unit if unit in _UNITS else "ns" if unit in ("ps", "fs", "as") else "s"
            dtype = np.dtype(f"{dtype.kind}8[{finer}]")
    elif dtype.kind == "f" and dtype.itemsize not in (4, 8):
        dtype = np.dtype(np.float64 if dtype.itemsize > 8 else np.float32)
    elif dtype.kind in "UST":
        dtype = np.dtype(object)
    values = np.ascontiguousarray(values, dtype=dtype.newbyteorder("="))
    if missing is None and dtype.kind == "f":
        # A number that is none is a missing one, as pandas has it.
        missing = np.isnan(values)
    return values if missing is None or not missing.any() else (values, {"mask": missing})


# ------------------------------------------------------------------------------------------------------ pandas in


def _is_pandas(data: object) -> TypeGuard[pd.DataFrame]:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _from_pandas(frame: pd.DataFrame, columns: list[str]) -> Table:
    _check(columns, list(frame.columns), list(frame.index.names))
    series = [frame[name] for name in columns]
    for column in series:
        if column.dtype.name.startswith("period"):
            raise DataError(
                f'column "{column.name}" holds periods ({column.dtype.name}), which are no instants; convert it with '
                f'frame["{column.name}"].dt.to_timestamp()'
            )
    # Columns that pyarrow holds already go through it without a copy. Python objects do not: pyarrow would read mixed
    # zones and kinds in its own way, and our message names the row. Nor do categories, which need not be text.
    if any(map(_is_arrow, series)) and not any(column.dtype in ("object", "category") for column in series):
        import pyarrow

        return Table.from_stream(pyarrow.Table.from_pandas(frame[columns], preserve_index=False), columns)
    return table_of({name: _pandas_column(column) for name, column in zip(columns, series, strict=True)})


def _is_arrow(series: pd.Series[Any]) -> bool:
    import pandas as pd

    return isinstance(series.dtype, pd.ArrowDtype) or "pyarrow" in getattr(series.dtype, "storage", "")


def _pandas_column(series: pd.Series[Any]) -> object:
    import pandas as pd

    name, dtype = str(series.name), series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _array(name, series.to_numpy())
    if isinstance(dtype, pd.DatetimeTZDtype):
        utc = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return utc, {"zone": getattr(dtype.tz, "key", None) or getattr(dtype.tz, "zone", None) or "UTC"}
    if isinstance(dtype, pd.CategoricalDtype):
        codes, labels = series.cat.codes.to_numpy(), series.cat.categories
        if all(isinstance(label, str) for label in labels):
            return np.ascontiguousarray(codes), {"categories": labels.tolist()}
        column = _pandas_column(pd.Series(labels.take(codes.clip(0)), name=name))
        values, notes = column if isinstance(column, tuple) else (column, {})
        return values, notes | {"mask": codes < 0}
    plain = getattr(dtype, "numpy_dtype", None)
    if isinstance(plain, np.dtype) and plain.kind in "iufb":
        values = series.to_numpy(dtype=plain, na_value=plain.type(0))
        return _array(name, values, series.isna().to_numpy())
    return series.to_numpy(dtype=object)


# --------------------------------------------------------------------------------------------------------- out


def to_pandas(table: Table, timezone: str) -> pd.DataFrame:
    """The table as a pandas frame, without pyarrow."""
    import pandas as pd

    return pd.DataFrame({name: _pandas_series(table, name, timezone) for name in table.names})


def _pandas_series(table: Table, name: str, timezone: str) -> Any:
    import pandas as pd

    values, missing = table.numpy(name)
    kind = values.dtype.kind
    if kind == "M":
        if missing is not None:
            values = np.where(missing, np.datetime64("NaT"), values)
        series = pd.Series(values)
        return series if table.zone(name) is None else series.dt.tz_localize("UTC").dt.tz_convert(timezone)
    if missing is None:
        return pd.Series(values)
    if kind in "iu":
        return pd.Series(pd.arrays.IntegerArray(values, missing))
    if kind == "b":
        return pd.Series(pd.arrays.BooleanArray(values, missing))
    if kind == "f":
        return pd.Series(np.where(missing, np.nan, values))
    return pd.Series(values)


def to_polars(table: Table, timezone: str) -> pl.DataFrame:
    """The table as a polars frame."""
    import polars as pl

    frame = pl.DataFrame(table)
    zoned = [name for name in table.names if table.zone(name) is not None]
    return (
        frame.with_columns(pl.col(name).dt.convert_time_zone(timezone) for name in zoned) if zoned else frame
    )


def html_of_facts(facts: Mapping[str, str], name: str) -> str:
    """A table of two columns, what it is and what it says; `name` is its class in a page."""
    body = "".join(
        f'<tr><th style="text-align:start">{escape(fact)}</th>'
        f'<td dir="auto" style="text-align:start">{escape(text)}</td></tr>'
        for fact, text in facts.items()
    )
    return f'<div class="{name}"><table><tbody>{body}</tbody></table></div>'


def to_lists(table: Table, timezone: str, most: int | None = None) -> dict[str, list[Any]]:
    """The table, or its first rows, as lists of Python values; None where null."""
    return {name: _list(table, name, timezone, most) for name in table.names}


def _list(table: Table, name: str, timezone: str, most: int | None) -> list[Any]:
    values, missing = table.numpy(name)
    zoned = table.zone(name) is not None
    values = values[:most].astype(np.int64) if zoned else values[:most]
    gone = [False] * len(values) if missing is None else missing[:most].tolist()
    return [
        None if is_null else _args.local_datetime(value, timezone) if zoned else value
        for value, is_null in zip(values.tolist(), gone, strict=True)
    ]


# ------------------------------------------------------------------------------------------------ columns of a result


def integers(table: Table, name: str) -> Integers:
    """A column of counts."""
    values, _ = table.numpy(name)
    return values.astype(np.int64, copy=False)


def numbers(table: Table, name: str, expected: str = "numbers", kinds: str = "iuf") -> tuple[Floats, Array]:
    """A column as numbers, NaN where they are missing; `kinds` are the letters of NumPy's types that will do."""
    values, missing = table.numpy(name)
    if values.dtype.kind == "O" and all(value is None for value in values.tolist()):
        values = np.full(len(values), np.nan)
    if values.dtype.kind not in kinds:
        kind = dict(table.schema)[name]
        raise ArgumentTypeError(f'column "{name}" has the type {kind}; expected {expected}')
    found = values.astype(np.float64)
    missing = np.isnan(found) if missing is None else missing | np.isnan(found)
    return np.where(missing, np.nan, found), missing


def nullable(values: Array, missing: Array | None = None) -> tuple[Array, dict[str, Array]]:
    """A column that is null where `missing` is true, by default where the values are NaN."""
    return values, {"mask": np.isnan(values) if missing is None else missing}


def instants(values: Array) -> tuple[Array, dict[str, str]]:
    """A column of instants, as the core gives them: datetimes of UTC."""
    return values, {"zone": "UTC"}


def named(codes: Integers, texts: Sequence[str | None]) -> tuple[Integers, dict[str, list[str | None]]]:
    """A column of text, from the codes of its rows."""
    return codes, {"texts": list(texts)}


def segments(table: Table) -> tuple[Integers, list[str | None]]:
    """Codes of the segment of each row and the segments in order; all rows in one without a name if there is none."""
    if "segment" in table.names:
        return table.codes("segment")
    return np.zeros(table.num_rows, dtype=np.int64), [None]
