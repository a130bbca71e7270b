"""A measure over time with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from safar.language import ENGLISH, Locale
from safar.pages.colours import BLUE, CARD, PALE
from safar.pages.markup import Markup
from safar.pages.svg import Canvas

__all__ = ["Reading", "ticks_of", "trend_figure"]

_WIDTH, _HEIGHT = 420.0, 250.0
_START, _END, _TOP, _FLOOR = 46.0, 412.0, 12.0, 222.0
_TICKS, _LABELS = 4, 5


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured in one period; None is not known.

    Parameters
    ----------
    name
        The period in words.
    value, low, high
        The measure and its interval.
    hint
        Tooltip: what the value is made of.
    complete
        Whether the data covers the whole period.

    Examples
    --------
    >>> Reading("Mar 2026", 31.0, 20.0, 40.0, "310 answers").complete
    True
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    hint: str
    complete: bool = True


def trend_figure(
    readings: Sequence[Reading],
    *,
    label: str,
    write: Callable[[float], str],
    form: str = "number",
    locale: Locale = ENGLISH,
) -> Markup:
    """Draw a measure over time: dots on a line, and the interval as a band; it breaks where nothing is known.

    Parameters
    ----------
    readings
        In the order of time.
    label
        What is shown.
    write
        How a value of the axis is written.
    form
        The name of this way of writing, as the script of a page knows it.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        An ``<svg>``; periods that the data does not cover fully have a hollow dot.
    """
    canvas = Canvas(_WIDTH, _HEIGHT, label=label, direction=locale.direction)
    ends = [end for each in readings for end in (each.low, each.value, each.high) if end is not None]
    ticks = ticks_of(min(ends, default=0.0), max(ends, default=1.0))
    scale = (_FLOOR - _TOP) / (ticks[-1] - ticks[0])
    step = (_END - _START - 16) / max(1, len(readings) - 1)

    def place(at: int, value: float) -> tuple[float, float]:
        return _START + 8 + at * step, _FLOOR - (value - ticks[0]) * scale

    for tick in ticks:
        y = _FLOOR - (tick - ticks[0]) * scale
        canvas.line(_START, y, _END, y, class_="base" if tick == 0 else "axis")
        canvas.text(_START - 6, y + 4, write(tick), anchor="end", class_="small", tick=True)
    known = groupby(enumerate(readings), key=lambda item: item[1].value is not None)
    stretches = [list(items) for is_known, items in known if is_known]
    for stretch in stretches:
        band = [(at, each) for at, each in stretch if each.low is not None and each.high is not None]
        if len(band) > 1:
            upper = [place(at, each.high or 0.0) for at, each in band]
            lower = [place(at, each.low or 0.0) for at, each in reversed(band)]
            bounds = {"upper": [each.high for _, each in band], "lower": [each.low for _, each in band]}
            canvas.polygon([*upper, *lower], fill=PALE, follow=bounds)
    for stretch in stretches:
        canvas.polyline(
            [place(at, each.value or 0.0) for at, each in stretch],
            class_="course-line",
            follow={"line": [each.value for _, each in stretch]},
        )
        for at, each in stretch:
            fill = BLUE if each.complete else CARD
            spot = place(at, each.value or 0.0)
            canvas.circle(*spot, 3.0, fill=fill, class_="dot", title=each.hint, follow={"y": each.value})
    every = max(1, math.ceil(len(readings) / _LABELS))
    for at in range(0, len(readings), every):
        x = _START + 8 + at * step
        if x <= _END - 14:
            canvas.text(max(x, _START + 14), _FLOOR + 18, readings[at].name, anchor="middle", class_="small")
    return canvas.render(vertical=(_FLOOR, _TOP, form))


def ticks_of(low: float, high: float) -> list[float]:
    """Round values that reach from below the lowest to above the highest."""
    span = max(high - low, 1e-9)
    raw = span / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]
