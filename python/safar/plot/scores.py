"""Chart of survey scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.errors import ArgumentError
from safar.plot.theme import BLUE, INK, MUTED, Direction, finish, inline, records

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

    if segments < 1:
        raise ArgumentError(f"segments={segments!r} must be at least 1")
    columns, kind = result.to_dict(), result.kind
    answered = [row for row, answers in enumerate(columns["answers"]) if answers]
    largest = sorted(answered, key=lambda row: (-columns["answers"][row], row))[:segments]
    rows = sorted(largest)
    data = []
    for row, record in zip(rows, records(columns, rows), strict=True):
        labels = [
            "(missing)" if columns[name][row] is None else str(columns[name][row]) for name in result.by
        ]
        score = {"score": record[kind], "low": record[f"{kind}_low"], "high": record[f"{kind}_high"]}
        rate = {"answers": record["answers"], "asked": record["asked"], "rate": record["response_rate"]}
        data.append(
            {"segment": " · ".join(labels) or "all", "said": f"n = {record['answers']:,}", **score, **rate}
        )
    rtl, points = direction == "rtl", kind == "nps"
    name = _NAMES[kind]
    axis = alt.Axis(format="d" if points else ".0%", tickCount=5, domain=False)
    scale = alt.Scale(domain=[-100, 100] if points else [0, 1], reverse=rtl)
    form = ".1f" if points else ".1%"
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("score:Q", title=name, format=form),
        alt.Tooltip("low:Q", title="95% interval from", format=form),
        alt.Tooltip("high:Q", title="95% interval to", format=form),
        alt.Tooltip("answers:Q", title="Answers", format=","),
        alt.Tooltip("asked:Q", title="Asked", format=","),
        alt.Tooltip("rate:Q", title="Response rate", format=".1%"),
    ]
    y = alt.Y(
        "segment:N",
        sort=[row["segment"] for row in data],
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    lines = base.mark_rule(color=BLUE, strokeWidth=3, opacity=0.45).encode(
        x=alt.X("low:Q", title=name, scale=scale, axis=axis), x2="high:Q"
    )
    marks = base.mark_point(color=INK, filled=True, size=70, opacity=1).encode(
        x=alt.X("score:Q", scale=scale)
    )
    end = alt.value(0 if rtl else width)
    counts = base.mark_text(color=MUTED, align="right" if rtl else "left", dx=-8 if rtl else 8).encode(
        x=end, text="said:N"
    )
    chart = alt.layer(lines, marks, counts, data=inline(data))
    chart = chart.properties(width=width, height=alt.Step(_ROW))
    said = (
        f"The {segments} of {len(answered)} segments with the most answers"
        if len(answered) > segments
        else ""
    )
    subtitle = ["Score and its 95% interval, and the number of answers", *([said] if said else [])]
    return finish(chart, title=name if title is None else title, subtitle=subtitle, direction=direction)
