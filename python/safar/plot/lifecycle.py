"""Chart of the lifecycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import BLUE, MUTED, STEEL, Direction, inline, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.lifecycle import LifecycleResult

__all__ = ["lifecycle"]

# What a customer is in a period, from the axis outwards; dormant ones stand below it.
_KINDS = {"returning": BLUE, "resurrected": STEEL, "new": "#a9cde0", "dormant": "#c3cad2"}


def lifecycle(
    result: LifecycleResult, *, title: str = "Customers by lifecycle", direction: Direction = "ltr"
) -> alt.LayerChart | alt.FacetChart:
    """Draw the lifecycle as a stack for each period, dormant customers below zero.

    Parameters
    ----------
    result
        Lifecycle; by segments it gives a panel for each of the six largest segments.
    title
        Heading.
    direction
        ``"rtl"`` mirrors the chart.

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

    columns = columns_of(result)
    columns["label"] = result.labels()
    panels = panels_of(columns, "new")
    # Who was there before the data, and who may still come, is not known and not drawn.
    data = [
        {
            **row,
            "kind": kind,
            "order": order,
            "customers": row[kind],
            "shown": -row[kind] if kind == "dormant" else row[kind],
        }
        for row in records(columns, sorted(panels.rows(columns)))
        for order, kind in enumerate(_KINDS)
        if row[kind] is not None
    ]
    tooltip = [
        alt.Tooltip("label:N", title=result.period.capitalize()),
        alt.Tooltip("kind:N", title="Customers are"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("active:Q", title="Active in the period", format=","),
        alt.Tooltip("previous_active:Q", title="Active in the period before", format=","),
        alt.Tooltip("returning_share:Q", title="Of these returning", format=".1%"),
        *interval("returning_share"),
        alt.Tooltip("complete:N", title="Period fully observed"),
    ]
    labels = {row["label"] for row in data}
    axis = alt.Axis(format=",", tickCount=6, domain=False, orient=side(direction))
    x = alt.X(
        "label:O",
        title=result.period.capitalize(),
        sort="descending" if direction == "rtl" else "ascending",
        axis=alt.Axis(labelAngle=-90 if len(labels) > 8 else 0, ticks=False, labelOverlap=True),
    )
    kinds = alt.Scale(domain=list(_KINDS), range=list(_KINDS.values()))
    base = alt.Chart().mark_bar()
    bars = base.encode(
        x=x,
        y=alt.Y("shown:Q", title="Customers", stack=True, axis=axis),
        color=alt.Color("kind:N", title="Customers", scale=kinds),
        order=alt.Order("order:Q"),
        opacity=alt.condition("datum.complete", alt.value(1.0), alt.value(0.45)),
        tooltip=tooltip,
    )
    zero = alt.Chart().mark_rule(color=MUTED).encode(y=alt.datum(0, axis=axis))
    layers = alt.layer(bars, zero, data=inline(data))
    return panels.finish(
        layers.properties(width=max(240, min(720, 28 * len(labels))), height=260),
        title=title,
        subtitle=[
            "Above zero the active ones; below, those active in the period before and not in this one",
            "Pale: the data do not cover the whole period",
        ],
        direction=direction,
    )
