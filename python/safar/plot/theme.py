"""The theme of safar's charts: quiet axes, one typeface, the digits of the reader; and the rows that charts carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from safar.language.fonts import FAMILY, FOLDER
from safar.plot.look import Look

if TYPE_CHECKING:
    import altair as alt

__all__ = ["ChartT", "finish", "inline", "records"]

_FONT = f'{FAMILY}, Inter, Roboto, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif'

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

    data = alt.InlineData(values=[])
    # Rows that come in with the object are checked one by one, which takes longer than all the rest of a chart.
    data.values = rows
    return data


def finish(chart: ChartT, *, title: str, subtitle: str | Sequence[str] = (), look: Look) -> ChartT:
    """Give a chart its heading and the theme; no theme is registered with Altair.

    Parameters
    ----------
    chart
        The chart.
    title, subtitle
        Heading and the lines under it; empty ones are left out.
    look
        How it is written and coloured.

    Returns
    -------
    altair chart
    """
    import altair as alt

    _offer_typeface()
    colours = look.colours
    lines = [line for line in ([subtitle] if isinstance(subtitle, str) else subtitle) if line]
    anchor: Literal["start", "end"] = "end" if look.rtl else "start"
    heading = alt.TitleParams(
        title,
        # An empty list would take room.
        subtitle=lines or "",
        anchor=anchor,
        align=look.side,
        fontSize=15,
        subtitleFontSize=12,
        subtitleColor=colours.muted,
        color=colours.ink,
        offset=12,
    )
    words = {"labelColor": colours.ink, "labelFontSize": 12, "titleColor": colours.muted}
    words |= {"titleFontWeight": "normal", "titleFontSize": 12}
    axis = {
        "gridColor": colours.grid,
        "domainColor": colours.rule,
        "tickColor": colours.rule,
        "labelLimit": 640,
        "titleLimit": 0,
        "labelPadding": 6,
    }
    number = {"grouping": [3], "currency": ["", ""], **look.locale.marks}
    configured: Any = chart
    return configured.properties(title=heading).configure(  # type: ignore[no-any-return]
        font=_FONT,
        background=colours.paper,
        axis={**words, **axis},
        legend={**words, "labelLimit": 0, "titleLimit": 0},
        header={**words, "labelLimit": 0},
        text={"color": colours.ink},
        view={"stroke": None},
        locale={"number": number},
    )


@cache
def _offer_typeface() -> None:
    """Give the typeface to the library that turns charts into pictures, if it is installed."""
    try:
        import vl_convert
    except ImportError:
        return
    vl_convert.register_font_directory(str(FOLDER))
