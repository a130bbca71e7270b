"""Columns of numbers, as models take them."""

from __future__ import annotations

import numpy as np

from safar import _core
from safar._typing import Floats
from safar.errors import ArgumentTypeError

__all__ = ["numbers"]


def numbers(table: _core.Table, name: str) -> Floats:
    """A column of numbers, NaN where one is null."""
    values, missing = table.numpy(name)
    gone = np.zeros(len(values), dtype=bool) if missing is None else missing
    if gone.all():
        return np.full(len(values), np.nan)
    if values.dtype.kind not in "iufb":
        raise ArgumentTypeError(
            f'column "{name}" holds no numbers; for groups of customers give a column of 0 and 1'
        )
    return np.where(gone, np.nan, values.astype(np.float64))
