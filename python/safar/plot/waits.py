"""Chart of waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, layered, names_down, share_axis
from safar.plot.look import look_of
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.waits import WaitsResult

__all__ = ["waits"]

_ROW = 26


def waits(
    result: WaitsResult,
    *,
    title: str | None = None,
    width: int = 420,
    pairs: int = 15,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the pairs between which most time passes.

    Parameters
    ----------
    result
        Waits; by segments it gives a panel for each of the six largest segments.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels.
    pairs
        How many pairs are shown at most in a panel, the longest in all first.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of all time; beside it the median wait. Pairs in which half of the times or more change the
        channel are dark.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {"who": [1, 1], "when": ["2026-03-01", "2026-03-02"], "what": ["ask", "answer"]},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> [(row["pair"], row["share"]) for row in waits(log.waits("event")).data.values]
    [('ask › answer', 1.0)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    at_least_one(pairs=pairs)
    columns = columns_of(result, look, "from", "to")
    panels = panels_of(columns, "count", look)
    pairs_of = Counter(columns["segment"][row] if panels.shown else "" for row in panels.rows(columns))
    many = max(pairs_of.values(), default=0)
    data = records(columns, sorted(panels.rows(columns, most=pairs)))
    for row in data:
        row["pair"] = look.path([row["from"], row["to"]])
        row["said"] = look.say("median {length}", length=look.locale.duration(row["median_seconds"]))
        row["handed"] = row["count"] > 0 and 2 * (row.get("handed_over") or 0) >= row["count"]
    tooltip = [
        look.tooltip("pair", "From and to"),
        look.tooltip("share", "Of all time", ".1%"),
        look.tooltip("count", "Times", ","),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("said", "Wait"),
    ]
    if "handed_over" in columns:
        tooltip.append(look.tooltip("handed_over", "With another channel after", ","))
    if "late" in columns:
        tooltip.append(look.tooltip("late_share", "Later than expected", ".1%"))
    y = names_down("pair", (row["pair"] for row in data), look)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=16).encode(
        x=share_axis("share", look.say("Share of all time"), look),
        color=alt.condition("datum.handed", alt.value(look.colours.blue), alt.value(look.colours.steel)),
    )
    return panels.finish(
        layered([bars, end_texts(base, width, look)], data, width=width, row=_ROW),
        title=look.heading(title, "Where time goes"),
        subtitle=[
            look.say("Share of all time between the two, and the median; dark: mostly into another channel"),
            look.say(
                "The {shown} of {all} pairs with the most time",
                shown=look.locale.count(pairs),
                all=look.locale.count(many),
            )
            if many > pairs
            else "",
        ],
        look=look,
    )
