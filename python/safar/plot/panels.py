"""What a chart shows of a large result: a panel for each of the largest segments, the commonest events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safar.errors import ArgumentError
from safar.plot.theme import ChartT, Direction, finish

if TYPE_CHECKING:
    import altair as alt

    from safar.result import ResultTable

__all__ = ["MOST", "Panels", "at_least_one", "columns_of", "commonest", "facet", "panels_of", "segment_name"]

MOST = 6


def at_least_one(**limits: int) -> None:
    """Refuse a limit that leaves nothing to draw.

    Examples
    --------
    >>> at_least_one(events=12)
    """
    for argument, limit in limits.items():
        if limit < 1:
            raise ArgumentError(f"{argument}={limit!r} must be at least 1")


def segment_name(segment: str | None) -> str:
    """Name a segment; customers without a value are ``(missing)``."""
    return "(missing)" if segment is None else segment


def columns_of(result: ResultTable) -> dict[str, list[Any]]:
    """The columns of a result, with the names of segments that charts show."""
    columns = result.to_dict()
    if "segment" in columns:
        columns["segment"] = [segment_name(segment) for segment in columns["segment"]]
    return columns


@dataclass(frozen=True, slots=True)
class Panels:
    """The segments that a chart shows.

    Parameters
    ----------
    shown
        At most six, largest first; None where the result has no segments.
    said
        How many there are; empty where all are shown.
    """

    shown: tuple[str, ...] | None
    said: str

    def rows(self, columns: Mapping[str, Sequence[Any]], most: int | None = None) -> list[int]:
        """The rows of the segments that are shown, segment by segment.

        Parameters
        ----------
        columns
            A table with the column ``segment`` if there are segments.
        most
            How many rows of each segment, from the first on; by default all.
        """
        if self.shown is None:
            return list(range(len(next(iter(columns.values()), ()))))[:most]
        rows: dict[str, list[int]] = {segment: [] for segment in self.shown}
        for row, segment in enumerate(columns["segment"]):
            if segment in rows:
                rows[segment].append(row)
        return [row for mine in rows.values() for row in mine[:most]]

    def finish(
        self,
        chart: ChartT,
        *,
        title: str,
        subtitle: str | Sequence[str] = (),
        direction: Direction,
        columns: int = 2,
        own_rows: bool = False,
    ) -> ChartT | alt.FacetChart:
        """Give a chart its panels if there are segments, its heading and the theme.

        Parameters
        ----------
        chart
            The chart of one panel.
        title, subtitle
            Heading and the lines under it; what is said of the segments comes last.
        direction
            Of reading.
        columns
            Panels in a row.
        own_rows
            Whether each panel has its own rows, and not all the same.
        """
        lines = [*([subtitle] if isinstance(subtitle, str) else subtitle), self.said]
        if self.shown is None:
            return finish(chart, title=title, subtitle=lines, direction=direction)
        whole = facet(chart, "segment", self.shown, columns=columns, own_rows=own_rows)
        return finish(whole, title=title, subtitle=lines, direction=direction)


def panels_of(columns: Mapping[str, Sequence[Any]], size: str, rows: Iterable[int] | None = None) -> Panels:
    """Choose the largest segments for the panels of a chart.

    Parameters
    ----------
    columns
        A table; without the column ``segment`` there are no panels.
    size
        The column whose sum is the size of a segment.
    rows
        The rows to sum; by default all.

    Examples
    --------
    >>> panels_of({"segment": ["app", "web", "app"], "customers": [1, 5, 2]}, "customers")
    Panels(shown=('web', 'app'), said='')
    """
    if "segment" not in columns:
        return Panels(None, "")
    sizes: dict[str, int] = {}
    for row in range(len(columns["segment"])) if rows is None else rows:
        segment = columns["segment"][row]
        sizes[segment] = sizes.get(segment, 0) + columns[size][row]
    order = sorted(sizes, key=lambda segment: (-sizes[segment], segment))
    said = f"The {MOST} largest of {len(order)} segments" if len(order) > MOST else ""
    return Panels(tuple(order[:MOST]), said)


def facet(
    chart: alt.TopLevelMixin,
    by: str,
    names: Iterable[str],
    *,
    columns: int = 2,
    own_rows: bool = False,
    **options: Any,
) -> alt.FacetChart:
    """Draw a chart once for each name, in the order of the names.

    Parameters
    ----------
    chart
        The chart of one panel.
    by
        The column with the names.
    names
        In which order.
    columns
        Panels in a row.
    own_rows
        Whether each panel has its own scale from top to bottom, and not all the same.
    **options
        Of `altair.Facet`.
    """
    import altair as alt

    one: Any = chart
    panel = alt.Facet(f"{by}:N", title=None, sort=list(names), **options)
    panels: alt.FacetChart = one.facet(panel, columns=columns)
    return panels.resolve_scale(y="independent") if own_rows else panels


def commonest(
    events: Sequence[str], counts: Sequence[int], most: int, *, but: Collection[str]
) -> tuple[list[str], str]:
    """Choose the commonest events for a chart.

    Parameters
    ----------
    events, counts
        Events, and how often each is there; an event may stand more than once.
    most
        How many are shown at most.
    but
        Names that are no events.

    Returns
    -------
    list, str
        The events, the commonest first, and which these are.

    Examples
    --------
    >>> commonest(["view", "buy", "view", "(end)"], [3, 5, 4, 9], 1, but=["(end)"])
    (['view'], 'the 1 commonest of 2 events')
    """
    totals: dict[str, int] = {}
    for event, count in zip(events, counts, strict=True):
        totals[event] = totals.get(event, 0) + count
    order = sorted((event for event in totals if event not in but), key=lambda event: (-totals[event], event))
    said = f"the {most} commonest of {len(order)} events" if len(order) > most else "all events"
    return order[:most], said
