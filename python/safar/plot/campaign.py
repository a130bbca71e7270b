"""Chart of a campaign: what contacts bring, the best first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.models.prediction import CampaignResult

__all__ = ["campaign"]

# Points of the line; a screen has no more.
_POINTS = 400


def campaign(
    result: CampaignResult,
    *,
    title: str | None = None,
    width: int = 480,
    height: int = 280,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw what contacting the best customers brings, by their number.

    Parameters
    ----------
    result
        A campaign.
    title
        Heading; by default it says what is drawn.
    width, height
        Size of the plot in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        The expected profit of contacting the best 0, 1, 2 … customers, those who are contacted filled; beyond them,
        what further contacts would bring.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(400).log()
    >>> scores = safar.churn(log, predict="45d", estimator="logistic").score(log)
    >>> chosen = scores.campaign(safar.Profit(value=200, offer=10, contact=1), capacity=40)
    >>> max(row["customers"] for row in campaign(chosen).layer[0].data.values)
    40
    """
    import altair as alt

    look = look_of(language, theme, result)
    sums, number = result._sums, len(result)
    places = np.unique(
        np.append(np.linspace(0, len(sums) - 1, min(len(sums), _POINTS)).round().astype(np.int64), number)
    )
    rows = [{"customers": int(place), "profit": float(sums[place])} for place in places]
    across = alt.X(
        "customers:Q",
        title=look.say("Customers contacted"),
        scale=alt.Scale(domain=[0, max(len(sums) - 1, 1)], reverse=look.rtl, nice=False),
        axis=alt.Axis(grid=False, tickCount=6, format=",d"),
    )
    upwards = alt.Y(
        "profit:Q",
        title=look.say("Expected profit"),
        axis=alt.Axis(domain=False, tickCount=5, orient=look.side, **look.amounts()),
    )
    tooltip = [
        look.tooltip("customers", "Customers contacted", ",d"),
        look.tooltip("profit", "Expected profit", ",.2f"),
    ]

    def part(chosen: list[dict[str, float]]) -> alt.Chart:
        return alt.Chart(inline(chosen)).encode(x=across, y=upwards, tooltip=tooltip)

    contacted = part([row for row in rows if row["customers"] <= number])
    chart = alt.layer(
        contacted.mark_area(color=look.colours.blue, opacity=0.18),
        part(rows).mark_line(color=look.colours.muted, strokeDash=[4, 4]),
        contacted.mark_line(color=look.colours.blue, strokeWidth=2.5),
        part([row for row in rows if row["customers"] == number]).mark_point(
            color=look.colours.blue, filled=True, size=70
        ),
    )
    totals = result.totals.to_dict()
    subtitle = look.say(
        "{number} of {scored} customers are contacted; expected profit {profit} (95% interval {low} to {high})",
        number=look.locale.count(number),
        scored=look.locale.count(totals["scored"][0]),
        **{
            name: look.locale.number(totals[column][0], 0)
            for name, column in (
                ("profit", "expected_profit"),
                ("low", "profit_low"),
                ("high", "profit_high"),
            )
        },
    )
    heading = look.heading(title, "What a campaign brings")
    return finish(chart.properties(width=width, height=height), title=heading, subtitle=subtitle, look=look)
