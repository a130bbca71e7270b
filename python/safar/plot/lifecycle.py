"""Chart of the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.lifecycle import LifecycleResult

__all__ = ["lifecycle"]

# What a customer is in a period, from the axis outwards; dormant ones stand below it.
_KINDS = ("returning", "resurrected", "new", "dormant")
_PERIODS = {"day": "Day", "week": "Week", "month": "Month"}


def lifecycle(
    result: LifecycleResult,
    *,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the lifecycle as a stack for each period, dormant customers below zero.

    Parameters
    ----------
    result
        Lifecycle; by segments it gives a panel for each of the six largest segments.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Returning, resurrected and new customers above zero, which together are the active ones; dormant ones below. A
        period that the data do not cover is pale.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-02", "2026-03-10", "2026-03-02"],
    ...         "what": ["a", "a", "a"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-16",
    ... )
    >>> chart = lifecycle(log.lifecycle(period="week"))
    >>> [row["shown"] for row in chart.data.values if row["kind"] == "dormant"]
    [-1]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = columns_of(result, look)
    first = {
        day: look.period(day, result.period, result.calendar) for day in dict.fromkeys(columns["period"])
    }
    columns["label"] = [first[day] for day in columns["period"]]
    panels = panels_of(columns, "new", look)
    # Who was there before the data, and who may still come, is not known and not drawn.
    data = [
        {
            **row,
            "kind": look.say(kind),
            "order": order,
            "customers": row[kind],
            "observed": look.yes(row["complete"]),
            "shown": -row[kind] if kind == "dormant" else row[kind],
        }
        for row in records(columns, sorted(panels.rows(columns)))
        for order, kind in enumerate(_KINDS)
        if row[kind] is not None
    ]
    tooltip = [
        look.tooltip("label", _PERIODS[result.period]),
        look.tooltip("kind", "Customers are"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("active", "Active in the period", ","),
        look.tooltip("previous_active", "Active in the period before", ","),
        look.tooltip("returning_share", "Of these returning", ".1%"),
        *look.interval("returning_share"),
        look.tooltip("observed", "Period fully observed"),
    ]
    labels = [first[day] for day in sorted(first)]
    axis = alt.Axis(format=",d", tickCount=6, domain=False, orient=look.side)
    x = alt.X(
        "label:O",
        title=look.say(_PERIODS[result.period]),
        sort=look.across(labels),
        axis=alt.Axis(labelAngle=-90 if len(labels) > 8 else 0, ticks=False, labelOverlap=True),
    )
    colours = look.colours
    shades = [colours.kinds[0], colours.kinds[3], colours.kinds[1], colours.rest]
    kinds = alt.Scale(domain=[look.say(kind) for kind in _KINDS], range=shades)
    base = alt.Chart().mark_bar()
    bars = base.encode(
        x=x,
        y=alt.Y("shown:Q", title=look.say("Customers"), stack=True, axis=axis),
        color=alt.Color("kind:N", title=look.say("Customers"), scale=kinds),
        order=alt.Order("order:Q"),
        opacity=alt.condition("datum.complete", alt.value(1.0), alt.value(0.45)),
        tooltip=tooltip,
    )
    zero = alt.Chart().mark_rule(color=look.colours.muted).encode(y=alt.datum(0, axis=axis))
    layers = alt.layer(bars, zero, data=inline(data))
    return panels.finish(
        layers.properties(width=max(240, min(720, 28 * len(labels))), height=260),
        title=look.heading(title, "Customers by lifecycle"),
        subtitle=[
            look.say(
                "Above zero the active ones; below, those active in the period before and not in this one"
            ),
            look.say("Pale: the data do not cover the whole period"),
        ],
        look=look,
    )
