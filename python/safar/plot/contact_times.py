"""Chart of contact times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.errors import DataError
from safar.plot.bars import end_texts, interval_dots, layered, names_down, share_axis
from safar.plot.look import Look, look_of
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import records

if TYPE_CHECKING:
    import altair as alt

    from safar.models.contact import ContactTimesResult

__all__ = ["contact_times"]

_ROW = 22


def contact_times(
    result: ContactTimesResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how often contacts of each slot are answered, the slots to try first at the top.

    Parameters
    ----------
    result
        Contact times; by segments it gives a panel for each of the six largest.
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
        Dots are posterior means on their 5 to 95 % quantiles; the number of contacts stands beside them.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-02 09:00", "2026-03-02 09:30", "2026-03-02 15:00"],
    ...         "what": ["call", "answer", "call"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-09",
    ... )
    >>> found = safar.contact_times(log, contact="call", response="answer")
    >>> contact_times(found).title.text
    'When contacts are answered'
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = columns_of(result, look)
    panels = panels_of(columns, "contacts", look)
    rows = [row for row in panels.rows(columns) if columns["rank"][row] is not None]
    if not rows:
        raise DataError("no slot has a rank: no contact was answered, or all were, or all hours are quiet")
    data = [
        row | {"slot": _written(row["slot"], look), "said": look.locale.count(row["contacts"])}
        for row in records(columns, rows)
    ]
    tooltip = [
        look.tooltip("slot", "Slot"),
        look.tooltip("probability", "Share of contacts that are answered", ".1%"),
        *look.interval(),
        look.tooltip("contacts", "Contacts made", ","),
    ]
    x = share_axis("probability", look.say("Share of contacts that are answered"), look)
    base = alt.Chart().encode(y=names_down("slot", (row["slot"] for row in data), look), tooltip=tooltip)
    layers = [*interval_dots(base, x, look), end_texts(base, width, look)]
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "When contacts are answered"),
        subtitle=look.say(
            "Posterior mean with its 5 to 95% quantiles, and the number of contacts; without quiet hours and holidays"
        ),
        look=look,
        own_rows=True,
    )


def _written(slot: str, look: Look) -> str:
    """A slot as a reader writes it."""
    word, _, hours = slot.rpartition(" ")
    told = look.locale.signs(hours)
    return look.laid_out(f"{look.say(word)} {told}" if word else told)
