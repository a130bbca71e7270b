"""Chart of the stages of the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, layered, names_down, share_axis, share_bars
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.stages import StagesResult

__all__ = ["stages"]

_ROW = 28


def stages(
    result: StagesResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how many customers come to each stage, in the order of the journey, and how many entries end there.

    Parameters
    ----------
    result
        Stages; by segments it gives a panel for each of the six largest segments.
    title
        Heading; by default it says what is drawn.
    width
        Width in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of customers who were at the stage, with its 95 % interval; beside it the drop-off.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...         "what": ["view", "buy", "view"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = stages(log.stages("event"))
    >>> [(row["stage"], row["share"]) for row in chart.data.values]
    [('buy', 0.5), ('view', 1.0)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = columns_of(result, look, "stage")
    panels = panels_of(columns, "customers", look)
    data = records(columns, sorted(panels.rows(columns)))
    for row in data:
        row["said"] = look.say("drop-off {share}", share=look.locale.share(row["drop_off"]))
    tooltip = [
        look.tooltip("stage", "Stage"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("share", "Of all customers", ".1%"),
        *look.interval("share"),
        look.tooltip("entries", "Entries", ","),
        look.tooltip("went_on", "After which another stage came", ","),
        look.tooltip("dropped", "After which nothing came", ","),
        look.tooltip("open", "Still open", ","),
    ]
    y = names_down("stage", (row["stage"] for row in data), look)
    x = share_axis("share", look.say("Share of customers"), look, whole=True)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*share_bars(base, x, look, row=_ROW), end_texts(base, width, look)]
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "Stages of the journey"),
        subtitle=look.say(
            "Customers who were at each stage, with the 95% interval; drop-off: entries after which nothing came"
        ),
        look=look,
    )
