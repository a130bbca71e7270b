"""Chart of next events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.errors import DataError
from safar.plot.bars import end_texts, interval_dots, layered, names_down
from safar.plot.look import look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.next_events import NextEventsResult

__all__ = ["next_events"]

_ROW = 28


def next_events(
    result: NextEventsResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how much better each order foresees what comes next than order 0 does.

    Parameters
    ----------
    result
        Next events; by segments it gives a panel for each of the six largest.
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
        A row is an order, with all contexts or pruned; its dot is the gain over order 0 with its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> found = safar.datasets.shop(300).log().next_events(order=2)
    >>> next_events(found).title.text
    'What the last events tell of the next'
    """
    import altair as alt

    look = look_of(language, theme, result)
    losses = result.losses()
    columns = columns_of(losses, look)
    panels = panels_of(columns, "events", look)
    rows = [row for row in sorted(panels.rows(columns)) if columns["order"][row] and columns["events"][row]]
    if not rows:
        raise DataError("nobody is held out, so that no order was judged; give held_out= a larger share")
    data = []
    for row in records(columns, rows):
        name = "order {order}, pruned" if row["pruned"] else "order {order}, all contexts"
        data.append(
            row
            | {
                "model": look.say(name, order=look.locale.count(row["order"])),
                "low": row["gain_low"],
                "high": row["gain_high"],
                "said": look.locale.number(row["log_loss"], 3),
            }
        )
    tooltip = [
        look.tooltip("model", "Model"),
        look.tooltip("log_loss", "Log loss", ".3f"),
        look.tooltip("gain", "Gain", ".3f"),
        *look.interval(form=".3f"),
        look.tooltip("contexts", "Contexts", ","),
        look.tooltip("events", "Events", ","),
    ]
    x = alt.X(
        "gain:Q",
        title=look.say("Gain over order 0, nats an event"),
        scale=alt.Scale(reverse=look.rtl, zero=True),
        axis=alt.Axis(format=".2f", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=names_down("model", (row["model"] for row in data), look), tooltip=tooltip)
    layers = [*interval_dots(base, x, look), end_texts(base, width, look)]
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "What the last events tell of the next"),
        subtitle=look.say("Gain over order 0 with its 95% interval, and the log loss, on customers held out"),
        look=look,
    )
