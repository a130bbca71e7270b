"""Chart of how well a model foresees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.models.prediction import PredictionReport

__all__ = ["prediction"]


def prediction(
    report: PredictionReport,
    *,
    title: str | None = None,
    width: int = 300,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.HConcatChart:
    """Draw what contacts reach, and how probabilities relate to what came to pass.

    Parameters
    ----------
    report
        Of a model for churn or leads.
    title
        Heading; by default it says what is drawn.
    width
        Width of a panel in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.HConcatChart
        Left the share of the true cases among the highest scores by the share of customers contacted, beside that of
        the rule and of chance; right observed by predicted shares, with 95 % intervals, beside the line of perfect
        calibration.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(400).log()
    >>> model = safar.churn(log, predict="45d", estimator="logistic")
    >>> len(prediction(model.report).hconcat)
    2
    """
    import altair as alt

    look = look_of(language, theme, report.gains)
    gains, bins = report.gains.to_dict(), report.calibration.to_dict()
    names = {"captured": "Model", "captured_by_rule": "Rule", "contacted": "Chance"}
    shown = {name: look.say(words) for name, words in names.items()}
    rows: list[dict[str, Any]] = [{"contacted": 0.0, "found": 0.0, "who": each} for each in shown.values()]
    for name, words in shown.items():
        rows += [
            {"contacted": contacted, "found": found, "who": words}
            for contacted, found in zip(gains["contacted"], gains[name], strict=True)
        ]
    percent = alt.Axis(format=".0%", tickCount=5, domain=False)
    colour = alt.Color(
        "who:N",
        title=None,
        scale=alt.Scale(domain=list(shown.values()), range=[*look.colours.kinds[:2], look.colours.muted]),
    )
    across = alt.Scale(domain=[0, 1], reverse=look.rtl)
    upwards = alt.Scale(domain=[0, 1])
    reached = (
        alt.Chart(inline(rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("contacted:Q", title=look.say("Customers contacted"), scale=across, axis=percent),
            y=alt.Y(
                "found:Q",
                title=look.say("Share of all true cases"),
                scale=upwards,
                axis=alt.Axis(format=".0%", tickCount=5, domain=False, orient=look.side),
            ),
            color=colour,
            tooltip=[
                look.tooltip("who", "Ranked by"),
                look.tooltip("contacted", "Customers contacted", ".0%"),
                look.tooltip("found", "Share of all true cases", ".1%"),
            ],
        )
        .properties(width=width, height=width)
    )
    points = [dict(zip(bins, row, strict=True)) for row in zip(*bins.values(), strict=True)]
    base = alt.Chart(inline(points)).encode(
        x=alt.X("predicted:Q", title=look.say("Predicted"), scale=across, axis=percent)
    )

    def observed(name: str) -> alt.Y:
        axis = alt.Axis(format=".0%", tickCount=5, domain=False, orient=look.side)
        return alt.Y(f"{name}:Q", title=look.say("Observed"), scale=upwards, axis=axis)

    perfect = (
        alt.Chart(inline([{"predicted": 0.0, "observed": 0.0}, {"predicted": 1.0, "observed": 1.0}]))
        .mark_line(color=look.colours.muted, strokeDash=[4, 4])
        .encode(x=alt.X("predicted:Q", scale=across), y=observed("observed"))
    )
    bars = base.mark_rule(color=look.colours.blue).encode(y=observed("observed_low"), y2="observed_high:Q")
    dots = base.mark_point(color=look.colours.blue, filled=True, size=50).encode(
        y=observed("observed"),
        tooltip=[
            look.tooltip("predicted", "Predicted", ".1%"),
            look.tooltip("observed", "Observed", ".1%"),
            *look.interval("observed"),
            look.tooltip("cases", "Cases", ","),
        ],
    )
    judged = alt.layer(perfect, bars, dots).properties(width=width, height=width)
    return finish(
        alt.hconcat(judged, reached) if look.rtl else alt.hconcat(reached, judged),
        title=look.heading(title, "How well the model foresees"),
        subtitle=[look.say("Who is reached first, and what the probabilities are worth")],
        look=look,
    )
