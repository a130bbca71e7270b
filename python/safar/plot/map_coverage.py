"""Chart of what a journey map covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, layered, names_down
from safar.plot.look import look_of
from safar.plot.panels import at_least_one
from safar.plot.theme import finish

if TYPE_CHECKING:
    import altair as alt

    from safar.journey_map import MapCoverage

__all__ = ["map_coverage"]

_ROW = 22


def map_coverage(
    result: MapCoverage,
    *,
    title: str | None = None,
    width: int = 420,
    touchpoints: int = 40,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how many events are at each touchpoint of a map, and how many at none.

    Parameters
    ----------
    result
        What a map covers of a log.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels.
    touchpoints
        How many touchpoints are shown at most: those with the most events, in the order of the map.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A bar a touchpoint; the last one, grey, is what no touchpoint matches.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(100).log().with_map(safar.JourneyMap.shop())
    >>> map_coverage(log.map_coverage()).data.values[-1]["events"]
    0
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(touchpoints=touchpoints)
    columns = result.to_dict()
    many = len(columns["touchpoint"])
    largest = sorted(range(many), key=lambda row: (-columns["events"][row], row))[:touchpoints]
    data = [
        {
            "touchpoint": look.name(columns["touchpoint"][row]),
            "stage": look.name(columns["stage"][row]),
            "events": columns["events"][row],
            "said": look.say(
                "{events} events, {customers} customers",
                events=look.locale.count(columns["events"][row]),
                customers=look.locale.count(columns["customers"][row]),
            ),
            "mapped": True,
        }
        for row in sorted(largest)
    ]
    missed = result.events - result.mapped
    said = look.say("{number} events", number=look.locale.count(missed))
    data.append(
        {"touchpoint": look.say("(unmapped)"), "stage": None, "events": missed, "said": said, "mapped": False}
    )
    tooltip = [
        look.tooltip("touchpoint", "Touchpoint"),
        look.tooltip("stage", "Stage"),
        look.tooltip("events", "Events", ","),
    ]
    y = names_down("touchpoint", (row["touchpoint"] for row in data), look)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=14).encode(
        x=alt.X(
            "events:Q",
            title=look.say("Events"),
            scale=alt.Scale(reverse=look.rtl),
            axis=alt.Axis(**look.amounts(), tickCount=5, domain=False),
        ),
        color=alt.condition("datum.mapped", alt.value(look.colours.blue), alt.value(look.colours.rest)),
    )
    share = result.mapped / result.events if result.events else 0.0
    return finish(
        layered([bars, end_texts(base, width, look)], data, width=width, row=_ROW),
        title=look.heading(title, "What the map covers"),
        subtitle=[
            look.say(
                "{number} of {all} events ({share}) are at a touchpoint",
                number=look.locale.count(result.mapped),
                all=look.locale.count(result.events),
                share=look.locale.share(share),
            ),
            look.say(
                "The {shown} of {all} touchpoints with the most events",
                shown=look.locale.count(touchpoints),
                all=look.locale.count(many),
            )
            if many > touchpoints
            else "",
        ],
        look=look,
    )
