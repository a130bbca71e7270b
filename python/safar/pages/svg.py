"""A small SVG writer that mirrors itself for right-to-left pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from safar.language import Direction
from safar.pages.markup import Markup, element, following

__all__ = ["Anchor", "Canvas", "Direction", "nice_ticks"]

Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]


class Canvas:
    """A drawing whose x runs from the inline start: left on a left-to-right page, right on a right-to-left page.

    Parameters
    ----------
    width, height
        Size in pixels at full scale; the drawing shrinks and grows with its column.
    label
        What the drawing shows, for readers who can't see it.
    direction
        Direction of the page.

    Examples
    --------
    >>> canvas = Canvas(100, 20, label="one bar", direction="rtl")
    >>> canvas.rect(0, 0, 30, 20, fill="#0b6e99")
    >>> 'x="70"' in canvas.render()
    True
    """

    def __init__(self, width: float, height: float, *, label: str, direction: Direction = "ltr") -> None:
        self.width = width
        self.height = height
        self._label = label
        self._direction = direction
        self._drawn: list[Markup] = []

    def _x(self, x: float) -> float:
        return round(self.width - x if self._direction == "rtl" else x, 2)

    def _add(
        self, tag: str, title: str | None, follow: Mapping[str, object] | None = None, /, **attributes: object
    ) -> None:
        hint = element("title", title) if title else None
        self._drawn.append(element(tag, hint, **attributes, **following(**(follow or {}))))

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str,
        radius: float = 2,
        class_: str | None = None,
        title: str | None = None,
        follow: Mapping[str, object] | None = None,
    ) -> None:
        """Draw a rectangle whose start edge is at `x`; `follow` names what its size is in proportion to."""
        left = self._x(x + width) if self._direction == "rtl" else self._x(x)
        self._add(
            "rect",
            title,
            follow,
            x=left,
            y=float(y),
            width=float(width),
            height=float(height),
            rx=radius or None,
            fill=fill,
            class_=class_,
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: Anchor = "start",
        class_: str | None = None,
        fill: str | None = None,
        title: str | None = None,
        follow: Mapping[str, object] | None = None,
        tick: bool = False,
    ) -> None:
        """Write a text, which may be a value of the vertical axis (`tick`).

        `anchor` is logical, so that "start" is the right side on a right-to-left page.
        """
        hint = element("title", title) if title else None
        self._drawn.append(
            element(
                "text",
                text,
                hint,
                x=self._x(x),
                y=float(y),
                text_anchor=None if anchor == "start" else anchor,
                class_=class_,
                fill=fill,
                data_tick="" if tick else None,
                **following(**(follow or {})),
            )
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        class_: str,
        follow: Mapping[str, object] | None = None,
    ) -> None:
        """Draw a straight line."""
        self._add(
            "line", None, follow, x1=self._x(x1), y1=float(y1), x2=self._x(x2), y2=float(y2), class_=class_
        )

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str,
        class_: str | None = None,
        title: str | None = None,
        follow: Mapping[str, object] | None = None,
    ) -> None:
        """Draw a circle."""
        self._add(
            "circle", title, follow, cx=self._x(x), cy=float(y), r=float(radius), fill=fill, class_=class_
        )

    def path(
        self,
        commands: Iterable[tuple[str, *tuple[Point, ...]]],
        *,
        fill: str = "none",
        class_: str | None = None,
        title: str | None = None,
        follow: Mapping[str, object] | None = None,
    ) -> None:
        """Draw a path from absolute commands such as ``("M", (0, 0))`` and ``("C", first, second, end)``."""
        written = []
        for letter, *points in commands:
            written.append(letter + " ".join(f"{self._x(x):g},{round(y, 2):g}" for x, y in points))
        self._add("path", title, follow, d="".join(written), fill=fill, class_=class_)

    def polyline(
        self, points: Sequence[Point], *, class_: str, follow: Mapping[str, object] | None = None
    ) -> None:
        """Draw a line through points."""
        if len(points) > 1:
            corners: list[tuple[str, *tuple[Point, ...]]] = [
                ("M" if i == 0 else "L", point) for i, point in enumerate(points)
            ]
            self.path(corners, class_=class_, follow=follow)

    def polygon(
        self,
        points: Sequence[Point],
        *,
        fill: str,
        title: str | None = None,
        follow: Mapping[str, object] | None = None,
    ) -> None:
        """Fill the area within points."""
        corners: list[tuple[str, *tuple[Point, ...]]] = [
            ("M" if i == 0 else "L", point) for i, point in enumerate(points)
        ]
        self.path([*corners, ("Z",)], fill=fill, title=title, follow=follow)

    def render(
        self,
        *,
        class_: str = "figure",
        style: str | None = None,
        axis: tuple[float, float] | None = None,
        follow: Mapping[str, object] | None = None,
        crop: float | None = None,
        vertical: tuple[float, float, str] | None = None,
    ) -> Markup:
        """Give the whole drawing as one ``<svg>`` element.

        Parameters
        ----------
        class_, style
            As of HTML.
        axis
            From where to where sizes in the drawing reach, for numbers that follow a choice of customers.
        follow
            Names what the whole drawing follows.
        crop
            How much of the height is left where customers are chosen.
        vertical
            From where to where the vertical axis reaches, and how its values are written.
        """
        ends = None if axis is None else f"{self._x(axis[0]):g} {self._x(axis[1]):g}"
        return element(
            "svg",
            *self._drawn,
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            role="img",
            aria_label=self._label,
            class_=class_,
            style=style,
            data_axis=ends,
            data_crop=crop,
            data_vertical=None if vertical is None else "{:g} {:g} {}".format(*vertical),
            **following(**(follow or {})),
        )


def nice_ticks(largest: float, wanted: int = 3, *, whole: bool = False) -> list[float]:
    """Choose round axis values from 0 to at least `largest`.

    Parameters
    ----------
    largest
        Largest value to show.
    wanted
        About how many steps.
    whole
        Whether values between whole numbers make no sense, as for counts.

    Returns
    -------
    list of float
        Values 0, step, 2 step … with step 1, 2, 2.5 or 5 times a power of ten.

    Examples
    --------
    >>> nice_ticks(27)
    [0.0, 10.0, 20.0, 30.0]
    >>> nice_ticks(2, whole=True)
    [0.0, 1.0, 2.0]
    """
    if not largest > 0:
        return [0.0, 1.0]
    raw = largest / wanted
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999)
    if whole:
        step = float(math.ceil(step))
    return [round(step * i, 10) for i in range(math.ceil(largest / step - 1e-9) + 1)]
