"""A funnel: one bar a step, joined by what is left from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safar.language import ENGLISH, Locale
from safar.pages.colours import LINK, on, paint, shade
from safar.pages.markup import Markup, svg_name
from safar.pages.svg import Canvas

__all__ = ["Columns", "funnel_figure", "step_hint", "steps_said"]

Columns = dict[str, list[Any]]

_WIDTH, _ROW, _BAR, _TOP = 420.0, 46.0, 31.0, 20.0
_LABEL_END, _CENTRE, _FULL, _SHARE_END = 118.0, 240.0, 226.0, 418.0


def step_hint(steps: Columns, row: int, locale: Locale) -> str:
    """Say what happened at one step: reached, left over from before, dropped and still open.

    Parameters
    ----------
    steps
        Columns of a funnel table without segments.
    row
        Which step.
    locale
        How readers are written to.

    Returns
    -------
    str
    """
    customers = steps["customers"][row]
    name = locale.name(steps["name"][row])
    parts = [locale.say("{name}: {number} customers", name=name, number=locale.count(customers))]
    previous = steps["from_previous"][row]
    if row and previous is not None:
        low, high = steps["from_previous_low"][row], steps["from_previous_high"][row]
        parts.append(
            locale.say(
                "{share} of the {before} at the step before (95% interval {low} to {high})",
                share=locale.share(previous),
                before=locale.count(steps["customers"][row - 1]),
                low=locale.share(low),
                high=locale.share(high),
            )
        )
        parts.append(locale.say("{share} of the first step", share=locale.share(steps["from_first"][row])))
    if row < len(steps["name"]) - 1:
        parts.append(
            locale.say(
                "{dropped} dropped here, {open} still open here",
                dropped=locale.count(steps["dropped"][row]),
                open=locale.count(steps["still_open"][row]),
            )
        )
    return locale.sentence(parts)


def steps_said(steps: Columns, locale: Locale) -> str:
    """Name the steps of a funnel with their customers, for readers who can't see it."""
    numbers = zip(steps["name"], steps["customers"], strict=True)
    return locale.sentence((locale.name(name) + " " + locale.count(value) for name, value in numbers), ", ")


def funnel_figure(steps: Columns, *, locale: Locale = ENGLISH) -> Markup:
    """Draw a funnel.

    Parameters
    ----------
    steps
        Columns of a funnel table without segments: ``name``, ``customers``, ``from_previous`` and its interval,
        ``from_first``, ``dropped``, ``still_open``.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        An ``<svg>`` whose bars have the full sentence of the step as a tooltip.
    """
    names: Sequence[str] = steps["name"]
    customers: Sequence[int] = steps["customers"]
    largest = max([*customers, 1])
    widths = [max(2.0, _FULL * value / largest) for value in customers]
    label = locale.say("Funnel: {steps}", steps=steps_said(steps, locale))
    canvas = Canvas(_WIDTH, _TOP + _ROW * len(names) - (_ROW - _BAR), label=label, direction=locale.direction)
    canvas.text(_SHARE_END, 11, locale.say("of step before"), anchor="end", class_="small")
    for row, name in enumerate(names):
        top = _TOP + row * _ROW
        half = widths[row] / 2
        if row + 1 < len(names):
            next_half = widths[row + 1] / 2
            corners = [
                (_CENTRE - half, top + _BAR),
                (_CENTRE + half, top + _BAR),
                (_CENTRE + next_half, top + _ROW),
                (_CENTRE - next_half, top + _ROW),
            ]
            canvas.polygon(corners, fill=LINK, follow={"from": customers[row], "to": customers[row + 1]})
        step = shade(1 - row / max(1, len(names) - 1) * 0.55)
        hint = step_hint(steps, row, locale)
        middle = top + _BAR / 2 + 4.2
        canvas.rect(
            _CENTRE - half,
            top,
            widths[row],
            _BAR,
            fill=paint(step),
            title=hint,
            follow={"width": customers[row]},
        )
        canvas.text(4, middle, svg_name(name, _LABEL_END - 8), title=hint)
        written = locale.count(customers[row])
        if widths[row] > 9 * len(written) + 8:
            canvas.text(_CENTRE, middle, written, anchor="middle", class_="strong", fill=on(step), title=hint)
        else:
            canvas.text(_CENTRE + half + 8, middle, written, class_="strong halo", title=hint)
        if row:
            canvas.text(
                _SHARE_END,
                middle,
                locale.share(steps["from_previous"][row]),
                anchor="end",
                class_="quiet",
                title=hint,
            )
    return canvas.render(class_="figure funnel", axis=(0, _FULL))
