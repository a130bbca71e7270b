"""Chart of Cox's model."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, interval_dots, layered, names_down
from safar.plot.look import look_of
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.models.survival import CoxResult

__all__ = ["cox"]

_ROW = 28


def cox(
    result: CoxResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw hazard ratios with their 95 % intervals, a row a column of the model.

    Parameters
    ----------
    result
        Cox's model.
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
    altair.LayerChart
        Ratios stand on a logarithmic axis, so that twice and half are as far from 1.

    Examples
    --------
    >>> import safar
    >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 1, 0, 1], "visits": [0, 3, 4, 1]}
    >>> found = safar.cox(watched, duration="days", event="gone", columns="visits")
    >>> cox(found).title.text
    'Hazard ratios'
    """
    import altair as alt

    look = look_of(language, theme, result)
    data = [
        {
            "column": look.name(row["column"]),
            "ratio": row["hazard_ratio"],
            "low": row["hazard_ratio_low"],
            "high": row["hazard_ratio_high"],
            "p_value": row["p_value"],
            "said": look.locale.number(row["hazard_ratio"], 2),
        }
        for row in records(result.to_dict())
    ]
    tooltip = [
        look.tooltip("column", "Column"),
        look.tooltip("ratio", "Hazard ratio", ",.3~f"),
        *look.interval(form=",.3~f"),
        look.tooltip("p_value", "p-value", ".2g"),
    ]
    least, most = (
        min(1.0, *(row["low"] for row in data)) / 1.1,
        max(1.0, *(row["high"] for row in data)) * 1.1,
    )
    x = alt.X(
        "ratio:Q",
        title=look.say("Hazard ratio"),
        scale=alt.Scale(type="log", domain=[least, most], nice=False, reverse=look.rtl),
        axis=alt.Axis(format="~g", values=_marks(least, most), domain=False),
    )
    base = alt.Chart().encode(y=names_down("column", (row["column"] for row in data), look), tooltip=tooltip)
    one = (
        alt.Chart(inline([{"one": 1}]))
        .mark_rule(color=look.colours.rule, strokeDash=[4, 3])
        .encode(x="one:Q")
    )
    layers = [one, *interval_dots(base, x, look), end_texts(base, width, look)]
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "Hazard ratios"),
        subtitle=look.say("How often the event comes where the column is 1 higher, with the 95% interval"),
        look=look,
    )


def _marks(least: float, most: float) -> list[float]:
    """Round ratios between two, such that the steps are about as wide; at most nine or so."""
    tens = range(floor(log10(least)), ceil(log10(most)) + 1)
    steps = (1, 1.5, 2, 3, 5, 7) if most < 10 * least else (1, 2, 5) if len(tens) < 5 else (1,)
    every = max(1, len(tens) // 8)
    return [step * 10.0**ten for ten in tens[::every] for step in steps if least <= step * 10.0**ten <= most]
