"""A funnel by segments as a heat table: a segment a row, a step a column."""

from __future__ import annotations

from collections.abc import Sequence

from safar.language import ENGLISH, Locale
from safar.pages.colours import shade
from safar.pages.figures.funnel import Columns
from safar.pages.markup import Markup, element, following, name_markup, scrolled

__all__ = ["steps_figure"]


def steps_figure(
    steps: Columns, segments: Sequence[str | None], *, heading: str = "Segment", locale: Locale = ENGLISH
) -> Markup:
    """Write the share of those who entered that reached each step, segment by segment.

    Parameters
    ----------
    steps
        Columns of a funnel table with segments.
    segments
        Which segments, in the order to show.
    heading
        What a segment is.
    locale
        How readers are written to.

    Returns
    -------
    Markup
        A table with shares in per cent; the tooltip has numerator, denominator and interval.
    """
    rows: dict[tuple[str | None, int], int] = {
        (segment, step): i
        for i, (segment, step) in enumerate(zip(steps["segment"], steps["step"], strict=True))
    }
    last = max(steps["step"], default=1)
    names = [steps["name"][rows[segments[0], step]] for step in range(1, last + 1)] if segments else []
    head = element(
        "tr",
        element("th", locale.say(heading), scope="col", class_="label", style="inline-size:24%"),
        element("th", locale.say("Entered"), scope="col", style="inline-size:4.6em"),
        *(
            element("th", element("span", name_markup(name)), scope="col", class_="turned", title=name)
            for name in names[1:]
        ),
    )
    body = []
    for segment in segments:
        entered = steps["customers"][rows[segment, 1]]
        cells = []
        for step in range(2, last + 1):
            i = rows[segment, step]
            part, low, high = (steps[f"from_first{end}"][i] for end in ("", "_low", "_high"))
            hint = locale.say(
                "{segment}, {step}: {number} of {all} = {share} (95% interval {low} to {high})",
                segment=locale.name(segment),
                step=locale.name(steps["name"][i]),
                number=locale.count(steps["customers"][i]),
                all=locale.count(entered),
                share=locale.share(part),
                low=locale.share(low),
                high=locale.share(high),
            )
            if part is None:
                cells.append(element("td", "–", class_="none", title=hint))
                continue
            written = locale.percent(part)
            cells.append(element("td", written, title=hint, class_=shade(part), **following(heat=part)))
        size = element("td", locale.count(entered), class_="size")
        body.append(
            element("tr", element("th", name_markup(locale.label(segment)), scope="row"), size, *cells)
        )
    caption = locale.say("Share of those who entered that reached each step, in per cent")
    table = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="heat",
    )
    return scrolled(table, label=caption)
