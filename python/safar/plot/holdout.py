"""Chart of a forecast beside what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar._palette import Theme
from safar._typing import Language
from safar.language import heading
from safar.plot.curves import told_apart
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.models import HoldoutResult

__all__ = ["holdout"]


def holdout(
    result: HoldoutResult,
    *,
    title: str | None = None,
    width: int = 640,
    height: int = 260,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.Chart:
    """Draw purchases that came and those that had been forecast, added up week by week.

    Parameters
    ----------
    result
        The forecast of a time held out.
    title
        Heading; by default it says what is drawn.
    width, height
        Size in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.Chart
        Two curves over the weeks of the time held out.

    Examples
    --------
    >>> import safar
    >>> result = safar.lifetime_value(safar.datasets.shop(400).log(), holdout="28d")
    >>> [row["week"] for row in holdout(result.holdout).data.values][-1]
    '4'
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = result.to_dict()
    kinds = {"actual_so_far": look.say("Actual"), "forecast_so_far": look.say("Forecast")}
    # Weeks, or what is an opportunity.
    step = result.columns[0]
    called = look.say(heading(step))
    weeks = [look.locale.signs(str(week)) for week in columns[step]]
    data = [
        {"week": week, "segment": kind, "purchases": columns[name][place]}
        for name, kind in kinds.items()
        for place, week in enumerate(weeks)
    ]
    base = alt.Chart(inline(data)).encode(
        x=alt.X(
            "week:O",
            sort=look.across(weeks),
            title=called,
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        y=alt.Y(
            "purchases:Q",
            title=look.say("Purchases so far"),
            axis=alt.Axis(**look.amounts(), tickCount=5, domain=False, orient=look.side),
        ),
        tooltip=[
            look.tooltip("week", heading(step)),
            look.tooltip("segment", "Purchases"),
            look.tooltip("purchases", "Purchases so far", ",.1~f"),
        ],
    )
    curves = base.mark_line(strokeWidth=2.5, point=True).encode(**told_apart(list(kinds.values()), look))
    curves.encoding.color.title = curves.encoding.strokeDash.title = None
    chart = curves.properties(width=width, height=height)
    said = "{number} customers; mean error of a customer {error} purchases"
    subtitle = look.say(
        said,
        number=look.locale.count(result.by_frequency.table.numpy("customers")[0].sum()),
        error=look.locale.number(result.mean_absolute_error, 2),
    )
    drawn: alt.Chart = finish(
        chart, title=look.heading(title, "Forecast and what came"), subtitle=subtitle, look=look
    )
    return drawn
