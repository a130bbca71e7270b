"""Figures at the top of the page: a value, what it is made of, its course and its last change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from safar.language import ENGLISH, Live, Locale
from safar.pages.colours import BLUE
from safar.pages.markup import Markup, element
from safar.pages.series import Series
from safar.pages.svg import Canvas

_COURSE = {
    "day": "{label} per day, {number} complete days",
    "week": "{label} per week, {number} complete weeks",
    "month": "{label} per month, {number} complete months",
}

__all__ = ["Tile", "Unit", "sparkline", "tile_markup"]

Unit = Literal["count", "money", "seconds", "share"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One key figure.

    Parameters
    ----------
    label
        What is counted.
    value
        The value over the whole log; None is shown as a dash.
    unit
        How the value is written.
    detail
        What the value is made of: numerator, denominator, interval.
    of_line
        What the small line shows, where that is not the value of each period; stands only beside the line.
    series
        The value per period; gives the small line and the change of the last full period.
    better
        Which direction is good; colours the change.

    Examples
    --------
    >>> Tile(label="Customers", value=1859).label
    'Customers'
    """

    label: str
    value: float | None
    unit: Unit = "count"
    detail: str | None = None
    of_line: str | None = None
    series: Series | None = None
    better: Literal["up", "down", "neither"] = "up"


def sparkline(series: Series, *, label: str, locale: Locale = ENGLISH) -> Markup:
    """Draw the complete periods of a series as a small line with a dot at its end.

    Parameters
    ----------
    series
        At least two complete periods with a value, else nothing is drawn.
    label
        What the line shows.
    locale
        How readers are written to.

    Returns
    -------
    Markup
    """
    values = [value if value is not None and math.isfinite(value) else None for value in series.full]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    width, height, edge = 104.0, 26.0, 4.0
    scale = (height - 2 * edge) / (high - low) if high > low else 0.0
    step = (width - 2 * edge) / (len(values) - 1)
    middle = height / 2
    points = [
        (edge + i * step, (height - edge - (value - low) * scale) if scale else middle)
        for i, value in enumerate(values)
        if value is not None
    ]
    canvas = Canvas(width, height, label=label, direction=locale.direction)
    canvas.polyline(points, class_="spark")
    canvas.circle(*points[-1], 2.6, fill=BLUE)
    return canvas.render(class_="sparkline")


def tile_markup(tile: Tile, locale: Locale = ENGLISH) -> Markup:
    """Write one tile as HTML."""
    line = course = None
    if tile.series is not None:
        label = locale.say(
            _COURSE[tile.series.period], label=tile.label, number=locale.count(sum(tile.series.complete))
        )
        line = sparkline(tile.series, label=label, locale=locale)
        course = tile.series.change(tile.unit, locale)
    moved = None
    if course is not None:
        shown = locale.change(course.value, tile.unit)
        flat = shown in [locale.change(near, tile.unit) for near in (0.0, 0.0, 1e-9, -1e-9)]
        arrow = "■" if flat else ("▲" if course.value > 0 else "▼")
        good = tile.better == ("up" if course.value > 0 else "down")
        tone = "even" if flat or tile.better == "neither" else ("good" if good else "bad")
        moved = element("p", f"{arrow} {shown}", class_=f"change {tone}")
    exact = None if tile.value is None else repr(tile.value)
    follows = isinstance(tile.value, Live)
    return element(
        "article",
        element("h2", tile.label),
        None if follows else element("p", locale.say("Of all customers"), class_="everybody"),
        element("p", element("data", locale.value(tile.value, tile.unit), value=exact), class_="value"),
        element("div", moved, line, class_="reading of-all") if moved or line else None,
        element("p", course.label, class_="course of-all") if course is not None else None,
        element("p", tile.detail, class_="detail") if tile.detail else None,
        element("p", tile.of_line, class_="detail of-all") if tile.of_line and line else None,
        class_="tile follows" if follows else "tile",
    )
