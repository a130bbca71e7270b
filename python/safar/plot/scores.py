"""Chart of survey scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import end_texts, interval, interval_dots, layered, names_down
from safar.plot.panels import at_least_one, segment_name
from safar.plot.theme import Direction, finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.voice import ScoreResult

__all__ = ["scores"]

_ROW = 26
_NAMES = {"nps": "Net Promoter Score", "csat": "Satisfied customers", "ces": "Customers who found it easy"}


def scores(
    result: ScoreResult,
    *,
    title: str | None = None,
    width: int = 420,
    segments: int = 40,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw scores with their intervals, a row a segment.

    Parameters
    ----------
    result
        NPS, CSAT or CES.
    title
        Heading; by default the name of the score.
    width
        Width in pixels.
    segments
        How many segments are shown at most: those with the most answers, in the order of the result. Segments without
        an answer have no score and are not shown.
    direction
        ``"rtl"`` mirrors the chart.

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

    at_least_one(segments=segments)
    columns, kind = result.to_dict(), result.kind
    answered = [row for row, answers in enumerate(columns["answers"]) if answers]
    largest = sorted(answered, key=lambda row: (-columns["answers"][row], row))[:segments]
    rows = sorted(largest)
    data = []
    for row, record in zip(rows, records(columns, rows), strict=True):
        labels = [segment_name(columns[name][row]) for name in result.by]
        score = {"score": record[kind], "low": record[f"{kind}_low"], "high": record[f"{kind}_high"]}
        rate = {"answers": record["answers"], "asked": record["asked"], "rate": record["response_rate"]}
        data.append(
            {"segment": " · ".join(labels) or "all", "said": f"n = {record['answers']:,}", **score, **rate}
        )
    name, points = _NAMES[kind], kind == "nps"
    form = ".1f" if points else ".1%"
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("score:Q", title=name, format=form),
        *interval(form=form),
        alt.Tooltip("answers:Q", title="Answers", format=","),
        alt.Tooltip("asked:Q", title="Asked", format=","),
        alt.Tooltip("rate:Q", title="Response rate", format=".1%"),
    ]
    y = names_down("segment", (row["segment"] for row in data), direction)
    x = alt.X(
        "score:Q",
        title=name,
        scale=alt.Scale(domain=[-100, 100] if points else [0, 1], reverse=direction == "rtl"),
        axis=alt.Axis(format="d" if points else ".0%", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*interval_dots(base, x), end_texts(base, width, direction)]
    many = len(answered)
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=name if title is None else title,
        subtitle=[
            "Score and its 95% interval, and the number of answers",
            f"The {segments} of {many} segments with the most answers" if many > segments else "",
        ],
        direction=direction,
    )
