"""A value over time, the unfinished last period drawn apart."""

from __future__ import annotations

from itertools import pairwise

from safar.language import ENGLISH, Locale
from safar.pages.colours import BLUE, CARD
from safar.pages.markup import Markup
from safar.pages.series import Series
from safar.pages.svg import Canvas, nice_ticks

__all__ = ["course_figure"]

_WIDTH, _HEIGHT = 420.0, 276.0
_START, _END, _TOP, _FLOOR = 40.0, 412.0, 10.0, 250.0


def course_figure(series: Series, *, label: str, locale: Locale = ENGLISH) -> Markup:
    """Draw a series of counts as a line from zero.

    Parameters
    ----------
    series
        Values that are None break nothing: they are left out.
    label
        What is shown.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        An ``<svg>``; periods that the data does not cover fully have a hollow dot on a dashed line.
    """
    canvas = Canvas(_WIDTH, _HEIGHT, label=label, direction=locale.direction)
    ticks = nice_ticks(
        max((value for value in series.values if value is not None), default=0.0), wanted=4, whole=True
    )
    scale = (_FLOOR - _TOP) / ticks[-1]
    for tick in ticks:
        y = _FLOOR - tick * scale
        canvas.line(_START, y, _END, y, class_="base" if tick == 0 else "axis")
        canvas.text(_START - 6, y + 4, locale.compact(tick), anchor="end", class_="small", tick=True)
    length = len(series.values)
    step = (_END - _START - 16) / max(1, length - 1)
    place = [_START + 8 + i * step for i in range(length)]
    known = [i for i, value in enumerate(series.values) if value is not None]
    points = {i: (place[i], _FLOOR - (series.values[i] or 0.0) * scale) for i in known}
    solid = [i for i in known if series.complete[i]]
    canvas.polyline(
        [points[i] for i in solid],
        class_="course-line",
        follow={"line": [series.values[i] for i in solid]},
    )
    for first, second in pairwise(known):
        if not (series.complete[first] and series.complete[second]):
            ends = [series.values[first], series.values[second]]
            canvas.polyline([points[first], points[second]], class_="unfinished", follow={"line": ends})
    for i in known:
        whole = series.complete[i]
        said = "{period}: {number}" if whole else "{period}: {number} (not complete)"
        hint = locale.say(said, period=series.name(i, locale), number=locale.count(series.values[i]))
        radius = 3.0 if length <= 40 else 2.0
        canvas.circle(
            *points[i],
            radius,
            fill=BLUE if whole else CARD,
            class_="dot",
            title=hint,
            follow={"y": series.values[i]},
        )
    _dates(canvas, series, place, locale)
    return canvas.render(vertical=(_FLOOR, _TOP, "compact"))


def _dates(canvas: Canvas, series: Series, place: list[float], locale: Locale) -> None:
    """Write about five dates under the line."""
    length = len(series.starts)
    every = max(1, -(-length // 5))
    long = (series.starts[-1] - series.starts[0]).days > 300 if length else False
    for i in range(0, length, every):
        start = series.starts[i]
        text = locale.month(start) if long else locale.short_day(start)
        if place[i] > _END - 14:
            continue
        canvas.text(max(place[i], _START + 10), _FLOOR + 17, text, anchor="middle", class_="small")
