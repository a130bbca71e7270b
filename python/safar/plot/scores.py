"""Chart of survey scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.bars import end_texts, interval_dots, layered, names_down, share_axis
from safar.plot.look import Look, look_of
from safar.plot.panels import at_least_one
from safar.plot.theme import finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.voice import ScoreResult

__all__ = ["scores"]

What = Literal["scores", "groups"]

_ROW = 26
# From where reading begins; the words that charts write for them.
_GROUPS = {"detractors": "Detractors", "passives": "Passives", "promoters": "Promoters"}
_NAMES = {"nps": "Net Promoter Score", "csat": "Satisfied customers", "ces": "Customers who found it easy"}


def scores(
    result: ScoreResult,
    *,
    what: What = "scores",
    title: str | None = None,
    width: int = 420,
    segments: int = 40,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw scores with their intervals, a row a segment.

    Parameters
    ----------
    result
        NPS, CSAT or CES.
    what
        ``"scores"`` (default): a point with its interval; ``"groups"``, for NPS: a bar of promoters, passives and
        detractors.
    title
        Heading; by default the name of the score.
    width
        Width in pixels.
    segments
        How many segments are shown at most: those with the most answers, in the order of the result. Segments without
        an answer have no score and are not shown.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A point is the score, a line its 95 % interval; the number of answers stands beside it.

    Examples
    --------
    >>> import safar
    >>> surveys = {"score": [10, 9, 3, 10], "channel": ["app", "app", "store", "store"]}
    >>> chart = scores(safar.nps(surveys, by="channel"))
    >>> [(row["segment"], row["score"]) for row in chart.data.values]
    [('app', 100.0), ('store', 0.0)]
    """
    import altair as alt

    look = look_of(language, theme, result)
    _args.choice(what, "what", What)
    at_least_one(segments=segments)
    if what == "groups" and result.kind != "nps":
        raise ArgumentError(
            f'what="groups" is for NPS, and this result is of {result.kind.upper()}; use what="scores"'
        )
    columns, kind = result.to_dict(), result.kind
    answered = [row for row, answers in enumerate(columns["answers"]) if answers]
    largest = sorted(answered, key=lambda row: (-columns["answers"][row], row))[:segments]
    rows = sorted(largest)
    data = []
    for row, record in zip(rows, records(columns, rows), strict=True):
        labels = [look.locale.name(columns[name][row]) for name in result.by]
        score = {"score": record[kind], "low": record[f"{kind}_low"], "high": record[f"{kind}_high"]}
        rate = {"answers": record["answers"], "asked": record["asked"], "rate": record["response_rate"]}
        data.append(
            {
                "segment": look.joined(labels) if labels else look.say("all"),
                "said": look.say("n = {number}", number=look.locale.count(record["answers"])),
                **score,
                **rate,
                **({name: record[name] for name in _GROUPS} if kind == "nps" else {}),
            }
        )
    name, points = _NAMES[kind], kind == "nps"
    form = ".1f" if points else ".1%"
    tooltip = [
        look.tooltip("segment", "Segment"),
        look.tooltip("score", name, form),
        *look.interval(form=form),
        look.tooltip("answers", "Answers", ","),
        look.tooltip("asked", "Asked", ","),
        look.tooltip("rate", "Response rate", ".1%"),
    ]
    subtitle = [
        look.say("Score and its 95% interval, and the number of answers"),
        look.say(
            "The {shown} of {all} segments with the most answers",
            shown=look.locale.count(segments),
            all=look.locale.count(len(answered)),
        )
        if len(answered) > segments
        else "",
    ]
    y = names_down("segment", (row["segment"] for row in data), look)
    if what == "groups":
        subtitle[0] = look.say("Promoters, passives and detractors, and the score")
        bars = _groups(data, y, width, look)
        return finish(bars, title=look.heading(title, name), subtitle=subtitle, look=look)
    x = alt.X(
        "score:Q",
        title=look.say(name),
        scale=alt.Scale(domain=[-100, 100] if points else [0, 1], reverse=look.rtl),
        axis=alt.Axis(format="d" if points else ".0%", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*interval_dots(base, x, look), end_texts(base, width, look)]
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=look.heading(title, name),
        subtitle=subtitle,
        look=look,
    )


def _groups(data: list[dict[str, Any]], y: alt.Y, width: int, look: Look) -> alt.LayerChart | alt.FacetChart:
    """A bar a segment, cut into promoters, passives and detractors, with the score at its end."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    for row in data:
        said = look.laid_out(look.locale.signs(f"{row['score']:+.0f}"))
        for place, (group, name) in enumerate(_GROUPS.items()):
            part = {"group": look.say(name), "place": place, "number": row[group], "said": said}
            rows.append({**row, **part, "share": row[group] / row["answers"]})
    colours = look.colours
    scale = alt.Scale(
        domain=[look.say(name) for name in _GROUPS.values()], range=[colours.lost, colours.grey, colours.blue]
    )
    tooltip = [
        look.tooltip("segment", "Segment"),
        look.tooltip("group", "Answers"),
        look.tooltip("number", "Number", ","),
        look.tooltip("answers", "All answers", ","),
        look.tooltip("share", "Share", ".1%"),
    ]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=_ROW - 8, stroke=colours.rule, strokeWidth=0.8).encode(
        x=share_axis("share", look.say("Share of the answers"), look, whole=True),
        color=alt.Color("group:N", title=None, scale=scale, legend=alt.Legend(orient="bottom")),
        order=alt.Order("place:Q"),
    )
    texts = end_texts(base.transform_filter("datum.place == 0"), width, look)
    return layered([bars, texts], rows, width=width, row=_ROW)
