"""How a quantity is spread over a few bins."""

from __future__ import annotations

from collections.abc import Sequence

from safar.language import ENGLISH, Locale
from safar.pages.colours import STEEL
from safar.pages.cube import ratio, summed
from safar.pages.markup import Markup
from safar.pages.svg import Canvas

__all__ = ["histogram_figure"]

_WIDTH, _HEIGHT = 420.0, 230.0
_START, _END, _TOP, _FLOOR = 8.0, 412.0, 22.0, 196.0


def histogram_figure(
    labels: Sequence[str], counts: Sequence[int], *, label: str, axis: str, locale: Locale = ENGLISH
) -> Markup:
    """Draw one column a bin with its share on top.

    Parameters
    ----------
    labels
        Name of each bin.
    counts
        How many fall into each bin.
    label
        What is spread.
    axis
        Name and unit of the quantity, written below.
    locale
        How readers are written to.

    Returns
    -------
    Markup
    """
    canvas = Canvas(_WIDTH, _HEIGHT, label=label, direction=locale.direction)
    largest = max([*counts, 1])
    total = summed(counts)
    step = (_END - _START) / max(1, len(counts))
    for i, (name, number) in enumerate(zip(labels, counts, strict=True)):
        height = (_FLOOR - _TOP) * number / largest
        middle = _START + (i + 0.5) * step
        part = locale.share(ratio(number, total))
        hint = locale.say(
            "{name}: {number} of {all} = {share}",
            name=name,
            number=locale.count(number),
            all=locale.count(total),
            share=part,
        )
        canvas.rect(
            _START + i * step + 2,
            _FLOOR - height,
            step - 4,
            height,
            fill=STEEL,
            title=hint,
            follow={"rise": number},
        )
        written = locale.share(ratio(number, total), 0)
        canvas.text(
            middle,
            _FLOOR - height - 5,
            written,
            anchor="middle",
            class_="small",
            title=hint,
            follow={"above": number},
        )
        canvas.text(middle, _FLOOR + 15, name, anchor="middle", class_="small")
    canvas.line(_START, _FLOOR, _END, _FLOOR, class_="base")
    canvas.text((_START + _END) / 2, _FLOOR + 31, axis, anchor="middle", class_="small")
    return canvas.render(vertical=(_FLOOR, _TOP, "count"))
