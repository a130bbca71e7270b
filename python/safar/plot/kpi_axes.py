"""How values of KPIs and their periods are written, and which KPI of a result is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safar import _args
from safar.errors import ArgumentError
from safar.plot.theme import Direction, side

if TYPE_CHECKING:
    import altair as alt

__all__ = ["known_kpi", "kpi_format", "periods_across", "value_axis"]


def kpi_format(percent: bool) -> str:
    """How a value of a KPI is written; `percent` for shares from 0 to 1."""
    return ".1%" if percent else ",.4~g"


def value_axis(percent: bool, direction: Direction) -> alt.Axis:
    """An axis of values, where reading begins."""
    import altair as alt

    return alt.Axis(format=".0%" if percent else "~s", tickCount=5, domain=False, orient=side(direction))


def periods_across(direction: Direction) -> alt.X:
    """The dates of periods, in the direction of reading."""
    import altair as alt

    scale = alt.Scale(reverse=direction == "rtl")
    return alt.X("date:T", title=None, scale=scale, axis=alt.Axis(grid=False, tickCount=8))


def known_kpi(kpi: str, known: Sequence[str]) -> str:
    """The KPI, if the result has it."""
    if kpi not in known:
        raise ArgumentError(
            f"kpi={kpi!r} is not in this result{_args.suggestion(kpi, known)} (available: {_args.listing(known)})"
        )
    return kpi
