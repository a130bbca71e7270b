"""How safar's charts look: one blue told apart by lightness, quiet axes, either reading direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from safar import _args
from safar.language import Direction

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "BLUE", "GREY", "INK", "MUTED", "PALE", "STEEL", "ChartT", "Direction", "finish", "inline", "records", "side",
]  # fmt: skip

BLUE = "#0b6e99"
STEEL = "#448fb1"
PALE = "#eaf3f8"
GREY = "#eef1f4"
INK = "#17212b"
MUTED = "#52606d"

_FONT = 'Vazirmatn, Inter, Roboto, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif'

ChartT = TypeVar("ChartT", bound="alt.TopLevelMixin")


def records(columns: Mapping[str, Sequence[Any]], rows: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """Turn columns into the rows that a chart carries; dates and times become ISO text.

    Parameters
    ----------
    columns
        Column name → values, all of one length.
    rows
        Which rows, in which order; by default all.

    Returns
    -------
    list of dict

    Examples
    --------
    >>> records({"step": [1, 2], "customers": [9, 4]}, rows=[1])
    [{'step': 2, 'customers': 4}]
    """
    chosen = range(len(next(iter(columns.values()), ()))) if rows is None else rows
    return [{name: _plain(values[row]) for name, values in columns.items()} for row in chosen]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def inline(rows: list[dict[str, Any]]) -> Any:
    """Put rows into a chart as they are; neither pandas nor pyarrow is needed.

    Parameters
    ----------
    rows
        One mapping a row.

    Returns
    -------
    altair.InlineData
    """
    import altair as alt

    return alt.InlineData(values=rows)


def side(direction: Direction) -> Literal["left", "right"]:
    """Where reading begins."""
    return "right" if direction == "rtl" else "left"


def finish(
    chart: ChartT, *, title: str, subtitle: str | Sequence[str] = (), direction: Direction = "ltr"
) -> ChartT:
    """Give a chart its heading and the theme; no theme is registered with Altair.

    Parameters
    ----------
    chart
        The chart.
    title, subtitle
        Heading and the lines under it; empty ones are left out.
    direction
        ``"rtl"`` puts the headings at the right.

    Returns
    -------
    altair chart
    """
    import altair as alt

    _args.choice(direction, "direction", Direction)
    lines = [line for line in ([subtitle] if isinstance(subtitle, str) else subtitle) if line]
    anchor: Literal["start", "end"] = "end" if direction == "rtl" else "start"
    heading = alt.TitleParams(
        title,
        # An empty list would take room.
        subtitle=lines or "",
        anchor=anchor,
        align=side(direction),
        fontSize=15,
        subtitleFontSize=12,
        subtitleColor=MUTED,
        color=INK,
        offset=12,
    )
    axis = {
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "#dfe5ea",
        "domainColor": "#9aa5b1",
        "tickColor": "#9aa5b1",
        "labelLimit": 180,
        "labelPadding": 6,
    }
    legend = {"labelColor": INK, "titleColor": MUTED, "titleFontWeight": "normal", "labelFontSize": 12}
    header = {"labelColor": INK, "labelFontSize": 12, "titleColor": MUTED, "titleFontWeight": "normal"}
    configured: Any = chart
    return configured.properties(title=heading).configure(  # type: ignore[no-any-return]
        font=_FONT,
        background="#ffffff",
        axis=axis,
        legend=legend,
        header=header,
        view={"stroke": None},
    )
