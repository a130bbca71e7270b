"""Bars for comparing a few groups, with interval whiskers where the value is a share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from safar.language import ENGLISH, Locale
from safar.pages.colours import BLUE, GREY, STEEL
from safar.pages.markup import Markup, svg_name
from safar.pages.svg import Canvas

__all__ = ["Bar", "bars_figure"]

_WIDTH, _ROW, _BAR = 420.0, 34.0, 20.0
_START, _END = 122.0, 340.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Parameters
    ----------
    name
        Name of the group.
    value
        Length; None draws no bar.
    text
        The value as written.
    hint
        Tooltip: what the value is made of.
    low, high
        Ends of the interval.

    Examples
    --------
    >>> Bar("web", 0.5, "50.0%", "5 of 10").value
    0.5
    """

    name: str
    value: float | None
    text: str
    hint: str
    low: float | None = None
    high: float | None = None


def bars_figure(
    bars: Sequence[Bar],
    *,
    label: str,
    heading: str | None = None,
    room: float = _START,
    locale: Locale = ENGLISH,
) -> Markup:
    """Draw horizontal bars from zero; the longest is dark.

    Parameters
    ----------
    bars
        In the order to show.
    label
        What is compared.
    heading
        Unit of the numbers, above them.
    room
        Width in pixels for the names; the bars begin behind it.
    locale
        How readers are written to.

    Returns
    -------
    Markup
    """
    top = 18.0 if heading else 2.0
    canvas = Canvas(_WIDTH, top + _ROW * len(bars), label=label, direction=locale.direction)
    if heading:
        canvas.text(_WIDTH - 2, 11, heading, anchor="end", class_="small")
    ends = [end for bar in bars for end in (bar.value, bar.high) if end is not None]
    largest = max([*ends, 1e-12])
    best = max((bar.value for bar in bars if bar.value is not None), default=None)
    scale = (_END - room) / largest
    for row, bar in enumerate(bars):
        y = top + row * _ROW + (_ROW - _BAR) / 2
        middle = y + _BAR / 2
        canvas.text(4, middle + 4.2, svg_name(bar.name, room - 10), title=bar.hint)
        canvas.rect(room, y, _END - room, _BAR, fill=GREY, title=bar.hint)
        if bar.value is not None:
            fill = BLUE if bar.value == best else STEEL
            length = max(1.0, bar.value * scale)
            canvas.rect(room, y, length, _BAR, fill=fill, title=bar.hint, follow={"length": bar.value})
        if bar.low is not None and bar.high is not None:
            _whisker(canvas, (bar.low, bar.high), room, scale, middle)
        canvas.text(_WIDTH - 2, middle + 4.2, bar.text, anchor="end", class_="strong", title=bar.hint)
    return canvas.render(axis=(room, _END))


def _whisker(canvas: Canvas, interval: tuple[float, float], start: float, scale: float, y: float) -> None:
    """Draw an interval over its bar."""
    low, high = (start + end * scale for end in interval)
    both = {"x1": interval[0], "x2": interval[1]}
    canvas.line(low, y, high, y, class_="whisker-halo", follow=both)
    canvas.line(low, y, high, y, class_="whisker", follow=both)
    for x, end in ((low, interval[0]), (high, interval[1])):
        canvas.line(x, y - 4, x, y + 4, class_="whisker", follow={"x1": end, "x2": end})
