"""Chart of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.plot.bars import end_texts, interval_dots, layered, names_down, share_axis
from safar.plot.look import look_of
from safar.plot.theme import finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.labels import LabelsResult

__all__ = ["labels"]

_ROW = 26


def labels(
    result: LabelsResult,
    *,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw of how many customers the label is true at each cut-off.

    Parameters
    ----------
    result
        Labels.
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
        A point is the share of the eligible customers, a line its 95 % interval; their number stands beside it.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-10", "2026-03-02"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = labels(log.labels(at="2026-03-05", predict="5d"))
    >>> [(row["cut_off"], row["share"]) for row in chart.data.values]
    [('2026-03-05 00:00', 1.0)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = result.totals().to_dict()
    columns["cut_off"] = [look.laid_out(look.locale.moment(at)) for at in columns.pop("at")]
    data = records(columns)
    for row in data:
        row["said"] = look.say("n = {number}", number=look.locale.count(row["eligible"]))
    tooltip = [
        look.tooltip("cut_off", "Cut-off"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("eligible", "Eligible customers", ","),
        look.tooltip("labelled", "Customers whose label is true", ","),
        look.tooltip("share", "Share", ".1%"),
        *look.interval("share"),
    ]
    y = names_down("cut_off", columns["cut_off"], look)
    x = share_axis("share", look.say("Share of the eligible customers"), look, whole=True)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*interval_dots(base, x, look, "share"), end_texts(base, width, look)]
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, "Share of customers whose label is true, by cut-off"),
        subtitle=look.say("Share and its 95% interval, and the number of eligible customers"),
        look=look,
    )
