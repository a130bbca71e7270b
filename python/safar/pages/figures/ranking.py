"""The most frequent transitions as a ranked table with a meter."""

from __future__ import annotations

from safar.language import ENGLISH, Locale, of_all
from safar.pages.figures.funnel import Columns
from safar.pages.markup import Markup, element, following, name_markup, scrolled

__all__ = ["ranking_figure"]


def ranking_figure(edges: Columns, *, locale: Locale = ENGLISH) -> Markup:
    """Write a ranked table of transitions.

    Parameters
    ----------
    edges
        Columns ``from``, ``to``, ``events``, ``customers``, ``share``, ``share_low``, ``share_high`` and
        ``median_seconds``, in the order to show.
    locale
        How readers are written to.

    Returns
    -------
    Markup
    """
    titles = ("From", "To", "Times", "Customers", "Share of departures", "Median time")
    classes = (None, None, "number", "number", "measure", "number")
    head = element(
        "tr",
        *(
            element("th", locale.say(text), scope="col", class_=class_)
            for text, class_ in zip(titles, classes, strict=True)
        ),
    )
    body = []
    for i, events in enumerate(edges["events"]):
        part, seconds = edges["share"][i], edges["median_seconds"][i]
        hint = locale.say(
            "{share} (95% interval {low} to {high})",
            share=locale.share(part),
            low=locale.share(edges["share_low"][i]),
            high=locale.share(edges["share_high"][i]),
        )
        width = f"inline-size:{100 * part:.1f}%"
        fill = element("span", style=width, **following(meter=part)) if part is not None else None
        body.append(
            element(
                "tr",
                element("td", name_markup(edges["from"][i])),
                element("td", name_markup(edges["to"][i])),
                element("td", element("data", locale.count(events), value=events), class_="number"),
                element(
                    "td",
                    element("data", locale.count(edges["customers"][i]), value=edges["customers"][i]),
                    class_="number",
                ),
                element(
                    "td",
                    element(
                        "div",
                        element("span", locale.share(part)),
                        element("span", fill, class_="meter"),
                        class_="metered",
                    ),
                    title=hint,
                ),
                element(
                    "td",
                    element("data", of_all(locale.duration(seconds), events), value=seconds),
                    class_="number",
                ),
            )
        )
    table = element("table", element("thead", head), element("tbody", *body), class_="ranking")
    return scrolled(table, label=locale.say("Most frequent transitions"))
