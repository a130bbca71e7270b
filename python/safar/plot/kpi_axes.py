"""How values of KPIs and their periods are written, and which KPI of a result is meant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from safar import _args
from safar.errors import ArgumentError
from safar.plot.look import Look

if TYPE_CHECKING:
    import altair as alt

__all__ = ["known_kpi", "kpi_format", "periods_across", "value_axis"]


def kpi_format(percent: bool) -> str:
    """How a value of a KPI is written; `percent` for shares from 0 to 1."""
    return ".1%" if percent else ",.3~f"


def value_axis(percent: bool, look: Look, *, ticks: int = 5) -> alt.Axis:
    """An axis of values, where reading begins."""
    import altair as alt

    written = {"format": ".0%"} if percent else look.amounts()
    return alt.Axis(**written, tickCount=ticks, domain=False, orient=look.side)


def periods_across(days: Sequence[dt.date], look: Look, *, labels: int = 7) -> alt.X:
    """The dates of periods, in the direction of reading; `labels` of them are written at most."""
    import altair as alt

    # In UTC, as dates without a time are read: in other zones the picture would begin a day earlier.
    scale = alt.Scale(type="utc", reverse=look.rtl)
    axis = alt.Axis(grid=False, labelOverlap=True, **look.days_across(days, labels=labels))
    return alt.X("date:T", title=None, scale=scale, axis=axis)


def known_kpi(kpi: str, known: Sequence[str]) -> str:
    """The KPI, if the result has it."""
    if kpi not in known:
        raise ArgumentError(
            f"kpi={kpi!r} is not in this result{_args.suggestion(kpi, known)} (available: {_args.listing(known)})"
        )
    return kpi
