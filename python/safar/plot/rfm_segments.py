"""Charts of the segments that recency and frequency make, and of the movement between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from safar import _args
from safar._palette import Theme
from safar._typing import Language
from safar.errors import ArgumentError
from safar.plot.bars import end_texts, layered, names_down, share_axis, share_bars
from safar.plot.look import Look, look_of
from safar.plot.matrix import shaded, written
from safar.plot.theme import finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses._rfm_segments import RfmSegments
    from safar.analyses.rfm_movement import RfmMovement
    from safar.result import ResultTable

__all__ = ["rfm_movement", "rfm_segments"]

What = Literal["grid", "segments"]

_TILE = (104, 56)
_ROW = 28
_CELL = (58, 30)


def rfm_segments(
    result: RfmSegments,
    *,
    what: What | None = None,
    title: str | None = None,
    width: int = 420,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw customers on the grid of recency and frequency, or their segments with intervals.

    Parameters
    ----------
    result
        Segments of recency, frequency and monetary value.
    what
        ``"grid"``: a tile for every two scores, with its segment, the darker the more customers; ``"segments"``: the
        share of each segment with its interval. By default the grid, unless monetary scores decide as well.
    title
        Heading; by default it says what is drawn.
    width
        Width of ``"segments"`` in pixels; tiles have a size of their own.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart

    Examples
    --------
    >>> import safar
    >>> found = safar.datasets.shop(300).log().rfm("purchase").segments()
    >>> len(rfm_segments(found).data.values), rfm_segments(found, what="segments").title.text
    (25, 'Segments by recency and frequency')
    """
    import altair as alt

    look = look_of(language, theme, result)
    grid = result.grid()
    clear = grid.to_dict()["rfm_segment"][0] is not None
    what = _args.choice(what or ("grid" if clear else "segments"), "what", What)
    if what == "grid" and not clear:
        raise ArgumentError(
            'what="grid" has recency and frequency alone, and the rules look at monetary scores as well; choose '
            'what="segments"'
        )
    heading = look.heading(title, "Segments by recency and frequency")
    if what == "grid":
        subtitle = look.say(
            "Customers by their scores, and their share of all; {best} is best",
            best=look.locale.count(result.bins),
        )
        return finish(_grid(result, grid, look), title=heading, subtitle=subtitle, look=look)
    columns = _named(result, look, "rfm_segment")
    data = records(columns)
    for row in data:
        row["said"] = look.locale.count(row["customers"])
    y = names_down("rfm_segment", columns["rfm_segment"], look)
    x = share_axis("share", look.say("Share of customers"), look)
    tooltip = [
        *_said(look),
        look.tooltip("median_recency_days", "Median days since the last event", ",.1f"),
        look.tooltip("median_frequency", "Median number of events", ",.1~f"),
        look.tooltip("median_monetary", "Median amount", ",.2~f"),
    ]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*share_bars(base, x, look, row=_ROW), end_texts(base, width, look)]
    subtitle = look.say("Share of all customers with its 95% interval, and the number of customers")
    return finish(layered(layers, data, width=width, row=_ROW), title=heading, subtitle=subtitle, look=look)


def _grid(result: RfmSegments, grid: ResultTable, look: Look) -> alt.LayerChart | alt.FacetChart:
    """A tile for every two scores."""
    import altair as alt

    columns = _named(grid, look, "rfm_segment")
    for measure in ("recency_score", "frequency_score"):
        columns[measure] = [look.locale.count(score) for score in columns[measure]]
    scores = [look.locale.count(score) for score in range(1, result.bins + 1)]
    data = records(columns)
    for row in data:
        row["written"] = look.laid_out(
            f"{look.locale.count(row['customers'])} · {look.locale.share(row['share'])}"
        )
    most = max(0.01, *(row["share"] or 0.0 for row in data))
    axis: dict[str, Any] = {"domain": False, "ticks": False}
    x = alt.X(
        "frequency_score:N",
        sort=look.across(scores),
        title=look.say("Score of frequency"),
        axis=alt.Axis(labelAngle=0, **axis),
    )
    y = alt.Y(
        "recency_score:N",
        sort=scores[::-1],
        title=look.say("Score of recency"),
        axis=alt.Axis(orient=look.side, **axis),
    )
    base = alt.Chart().encode(x=x, y=y, tooltip=_said(look))
    layers = [
        shaded(base, look, look.say("Share of customers"), most),
        written(base, look, most, "rfm_segment", dy=-9, fontSize=11, fontWeight=600),
        written(base, look, most, dy=9, fontSize=11),
    ]
    width, height = (size * result.bins for size in _TILE)
    return alt.layer(*layers, data=inline(data)).properties(width=width, height=height)


def _said(look: Look) -> list[alt.Tooltip]:
    return [
        look.tooltip("rfm_segment", "Segment"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("share", "Share of customers", ".1%"),
        *look.interval("share"),
    ]


def _named(table: ResultTable, look: Look, *names: str) -> dict[str, list[Any]]:
    """The columns, with segments as readers call them."""
    columns = table.to_dict()
    for name in names:
        columns[name] = [look.name(each) for each in columns[name]]
    return columns


def rfm_movement(
    result: RfmMovement,
    *,
    step: int = -1,
    title: str | None = None,
    language: Language = "en",
    theme: Theme = "light",
) -> alt.LayerChart | alt.FacetChart:
    """Draw where the customers of each segment went, as a matrix.

    Parameters
    ----------
    result
        Movement between segments.
    step
        Which two instants: 0 for the first two, by default the last two.
    title
        Heading; by default it says what is drawn.
    language
        ``"en"``, or ``"fa"`` for Persian from right to left, with Persian digits and Jalali dates.
    theme
        ``"light"``, or ``"dark"`` for dark paper.

    Returns
    -------
    altair.LayerChart
        A row is a segment at the first instant, the last one customers who were new by the second; a column is the
        segment at the second. A cell holds the share of the row's customers in per cent. Segments that had nobody have
        no row.

    Examples
    --------
    >>> import safar
    >>> log = safar.datasets.shop(300).log()
    >>> chart = rfm_movement(log.rfm_movement("purchase", at=["2025-09-01", "2026-01-01"]))
    >>> chart.title.text
    'Movement between segments'
    """
    import altair as alt

    look = look_of(language, theme, result)
    columns = result.to_dict()
    ends = list(dict.fromkeys(zip(columns["from_at"], columns["to_at"], strict=True)))
    if not -len(ends) <= step < len(ends):
        raise ArgumentError(f"step={step!r} is not a step of this result; expected 0 to {len(ends) - 1}")
    start, end = ends[step]
    new = look.say("(new)")
    data = []
    for row in records(columns):
        if (row["from_at"], row["to_at"]) != (start.isoformat(), end.isoformat()) or row["share"] is None:
            continue
        row["from"] = new if row["from_segment"] is None else look.name(row["from_segment"])
        row["to"] = look.name(row["to_segment"])
        row["written"] = look.locale.percent(row["share"]) if row["customers"] else ""
        data.append(row)
    targets = list(dict.fromkeys(row["to"] for row in data))
    sources = list(dict.fromkeys(row["from"] for row in data))
    x = alt.X(
        "to:N",
        sort=look.across(targets),
        title=look.say("Segment after"),
        axis=alt.Axis(orient="top", labelAngle=-90, domain=False, ticks=False),
    )
    tooltip = [
        look.tooltip("from", "From"),
        look.tooltip("to", "To"),
        look.tooltip("customers", "Customers", ","),
        look.tooltip("share", "Share of the segment before", ".1%"),
        *look.interval("share"),
    ]
    y = names_down("from", sources, look, title=look.say("Segment before"))
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    cells = [shaded(base, look, look.say("Share")), written(base, look)]
    layers = alt.layer(*cells, data=inline(data)).properties(
        width=_CELL[0] * len(targets), height=_CELL[1] * len(sources)
    )
    days = {"start": look.locale.day(start), "end": look.locale.day(end)}
    subtitle = look.say("Share of each segment of {start} in %, by segment of {end}", **days)
    return finish(
        layers, title=look.heading(title, "Movement between segments"), subtitle=subtitle, look=look
    )
