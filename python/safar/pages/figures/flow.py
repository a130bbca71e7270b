"""Who goes on and who leaves, stage by stage."""

from __future__ import annotations

from itertools import pairwise

from safar.language import ENGLISH, Locale
from safar.pages.colours import BAND, BLUE, DROP, OPEN
from safar.pages.figures.funnel import Columns, step_hint, steps_said
from safar.pages.markup import Markup, element, scrolled, svg_name
from safar.pages.svg import Anchor, Canvas

__all__ = ["flow_figure"]

_WIDTH, _TOP, _FULL, _FLOOR, _POST = 640.0, 34.0, 214.0, 306.0, 12.0
_START = 14.0


def _elbow(
    canvas: Canvas, x: float, top: float, thickness: float, near: float, width: float, *, fill: str, hint: str
) -> None:
    """Draw a band that leaves the post at `x` sideways and turns down between `near` and `near + width`."""
    bottom, far, turn = top + thickness, near + width, min(16.0, near - x)
    outer = min(far - x, turn + width, 34.0)
    drop = min(outer, _FLOOR - top)
    canvas.path(
        [
            ("M", (x, top)),
            ("L", (far - outer, top)),
            ("C", (far - outer * 0.45, top), (far, top + drop * 0.45), (far, top + drop)),
            ("L", (far, _FLOOR)),
            ("L", (near, _FLOOR)),
            ("L", (near, min(_FLOOR, bottom + turn))),
            ("C", (near, bottom + turn * 0.45), (near - turn * 0.55, bottom), (near - turn, bottom)),
            ("L", (x, bottom)),
            ("Z",),
        ],
        fill=fill,
        title=hint,
    )


def flow_figure(steps: Columns, *, locale: Locale = ENGLISH) -> Markup:
    """Draw the flow through the steps of a funnel with those who left and those who are still on their way.

    Parameters
    ----------
    steps
        Columns of a funnel table without segments.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        An ``<svg>`` and its legend; band heights and widths are in proportion to customers.
    """
    names, customers = steps["name"], steps["customers"]
    largest = max([*customers, 1])
    scale = _FULL / largest
    spacing = (_WIDTH - 2 * _START - _POST - 44) / max(1, len(names) - 1)
    lost = [max(0, a - b) for a, b in pairwise(customers)]
    widest = max([*lost, 1]) * scale
    # Bands keep their proportion after the turn; all are slimmed alike where the widest would hit the next stage.
    slim = min(1.0, (spacing - _POST - 40) / widest)
    label = locale.say("Flow: {steps}", steps=steps_said(steps, locale))
    canvas = Canvas(_WIDTH, _FLOOR + 36, label=label, direction=locale.direction)
    for row, name in enumerate(names):
        x = _START + row * spacing
        height = max(1.0, customers[row] * scale)
        hint = step_hint(steps, row, locale)
        if row + 1 < len(names):
            kept = customers[row + 1] * scale
            corners = [
                (x + _POST, _TOP),
                (x + spacing, _TOP),
                (x + spacing, _TOP + kept),
                (x + _POST, _TOP + kept),
            ]
            canvas.polygon(corners, fill=BAND, title=hint)
            _leavers(canvas, steps, row, x + _POST, (scale, slim), hint, locale)
            canvas.text(
                x + (_POST + spacing) / 2,
                _TOP + max(kept / 2 + 4, 12),
                locale.share(steps["from_previous"][row + 1], 0),
                anchor="middle",
                class_="quiet halo" if kept < 18 else None,
            )
        canvas.rect(x, _TOP, _POST, height, fill=BLUE, radius=1, title=hint)
        place, anchor, room = _label(name, row, len(names), spacing)
        canvas.text(place, 12, svg_name(name, room), anchor=anchor, title=hint)
        canvas.text(place, 27, locale.count(customers[row]), anchor=anchor, class_="small")
    return Markup("").join([scrolled(canvas.render(), label=locale.say("Journey flow")), _legend(locale)])


def _label(name: str, row: int, rows: int, spacing: float) -> tuple[float, Anchor, float]:
    """Place the label of a post: centred over it, the first and a long last one at the edge."""
    if row == 0:
        return 0.0, "start", spacing / 2 + 16
    middle = _START + row * spacing + _POST / 2
    beside = _WIDTH - middle
    if row == rows - 1 and 7 * len(name) > 2 * beside:
        return _WIDTH, "end", beside + spacing / 2 - 4
    return middle, "middle", spacing - 10


def _leavers(
    canvas: Canvas,
    steps: Columns,
    row: int,
    x: float,
    sizes: tuple[float, float],
    hint: str,
    locale: Locale,
) -> None:
    """Draw those of one step who did not go on: open ones inside, dropped ones outside, counts below."""
    scale, slim = sizes
    kept = steps["customers"][row + 1] * scale
    dropped, still_open = steps["dropped"][row], steps["still_open"][row]
    near, top = x + 20.0, _TOP + kept
    excluded = steps["customers"][row] - steps["customers"][row + 1] - dropped - still_open
    bands = ((still_open + excluded, OPEN, "quiet", 30.0), (dropped, DROP, "lost", 15.0))
    # The outer band starts higher on the post, so that the two never cross.
    for number, fill, class_, line in bands:
        if number <= 0:
            continue
        thickness = number * scale
        start = top + (dropped * scale if class_ == "quiet" else 0.0)
        width = max(1.0, thickness * slim)
        _elbow(canvas, x, start, thickness, near, width, fill=fill, hint=hint)
        canvas.text(near + width / 2, _FLOOR + line, locale.count(number), anchor="middle", class_=class_)
        near += width


def _legend(locale: Locale) -> Markup:
    def entry(colour: str, text: str) -> Markup:
        swatch = element("span", class_="swatch", style=f"background:{colour}", aria_hidden="true")
        return element("span", swatch, text)

    return element(
        "p",
        entry(BAND, locale.say("went on")),
        entry(DROP, locale.say("dropped: their time is over")),
        entry(OPEN, locale.say("still open: they may yet go on")),
        class_="legend",
    )
