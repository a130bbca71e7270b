"""Chart of the emotion curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar._palette import Theme
from safar._typing import Language
from safar.plot.look import look_of
from safar.plot.theme import finish, inline

if TYPE_CHECKING:
    import altair as alt

    from safar.voice import EmotionCurveResult

__all__ = ["emotion_curve"]

_STEP = 84


def emotion_curve(
    result: EmotionCurveResult,
    *,
    title: str | None = None,
    height: int = 260,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the mean score along the journey, with its interval as a band.

    Parameters
    ----------
    result
        The emotion curve of a log.
    title
        Heading; by default it says what is drawn.
    height
        Height in pixels.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A point is the mean score of a stage, the band its 95 % interval, the number below the answers. Where nobody
        answered the line has a gap.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 2],
    ...         "at": ["2026-03-01"] * 2,
    ...         "what": ["a", "b"],
    ...         "stage": ["look", "buy"],
    ...     },
    ...     customer="who",
    ...     time="at",
    ...     event="what",
    ...     attributes=["stage"],
    ... )
    >>> surveys = {"who": [1, 2], "at": ["2026-03-02"] * 2, "ces": [3, 6]}
    >>> scored = log.with_scores(surveys, customer="who", time="at", score="ces", scale="ces")
    >>> chart = emotion_curve(scored.emotion_curve(order=["look", "buy"]))
    >>> [(row["name"], row["mean"]) for row in chart.data.values]
    [('look', 3.0), ('buy', 6.0)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = result.to_dict()
    names = [look.name(name) for name in result.names(language)]
    data: list[dict[str, Any]] = [
        {
            "place": place,
            "name": name,
            "mean": columns["mean"][place],
            "low": columns["mean_low"][place],
            "high": columns["mean_high"][place],
            "answers": columns["answers"][place],
            "said": look.say("n = {number}", number=look.locale.count(columns["answers"][place])),
        }
        for place, name in enumerate(names)
    ]
    order = [row["name"] for row in data]
    x = alt.X(
        "name:N",
        title=None,
        sort=look.across(order),
        axis=alt.Axis(labelAngle=0, domain=False, ticks=False, labelLimit=_STEP),
        scale=alt.Scale(paddingOuter=0.3),
    )
    scale = alt.Scale(domain=[result.low, result.high], clamp=True)
    axis = alt.Axis(orient=look.side, domain=False, tickCount=5)
    tooltip = [
        look.tooltip("name", "Stage" if result.along == "stage" else "Touchpoint"),
        look.tooltip("mean", "Mean score", ".2f"),
        *look.interval(form=".2f"),
        look.tooltip("answers", "Answers", ","),
    ]
    base = alt.Chart().encode(x=x, tooltip=tooltip)
    y = alt.Y("mean:Q", title=look.say("Mean score"), scale=scale, axis=axis)
    # A null in the data is a gap, of the band as of the line.
    band = base.mark_area(color=look.colours.blue, opacity=0.18, invalid="break-paths-show-domains").encode(
        y=alt.Y("low:Q", scale=scale, axis=axis, title=look.say("Mean score")), y2="high:Q"
    )
    line = base.mark_line(color=look.colours.blue, strokeWidth=3, invalid="break-paths-show-domains").encode(
        y=y
    )
    points = base.mark_point(color=look.colours.ink, filled=True, size=80, opacity=1).encode(y=y)
    whiskers = base.mark_rule(color=look.colours.blue, strokeWidth=2, opacity=0.5).encode(
        y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q"
    )
    counts = base.mark_text(color=look.colours.muted, baseline="bottom", dy=-4).encode(
        y=alt.value(height), text="said:N"
    )
    chart = alt.layer(band, whiskers, line, points, counts, data=inline(data)).properties(
        width=_STEP * max(1, len(data)), height=height
    )
    subtitle = look.say(
        "Mean score of each with its 95% interval, and the number of answers; a gap: nobody answered"
    )
    return finish(chart, title=look.heading(title, "Emotion curve"), subtitle=subtitle, look=look)
