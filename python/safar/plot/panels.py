"""What a chart shows of a large result: a panel for each of the largest segments, the commonest events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safar.errors import ArgumentError
from safar.plot.look import Look
from safar.plot.theme import ChartT, finish

if TYPE_CHECKING:
    import altair as alt

    from safar.result import ResultTable

__all__ = ["MOST", "Panels", "at_least_one", "columns_of", "commonest", "facet", "panels_of"]

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


def columns_of(result: ResultTable, look: Look, *names: str) -> dict[str, list[Any]]:
    """The columns of a result, with segments and the names in other columns as charts show them.

    Parameters
    ----------
    result
        What is drawn.
    look
        How it is written.
    *names
        Columns whose values are names; those that the result lacks are left out.
    """
    columns = result.to_dict()
    for column in ("segment", *names):
        if column in columns:
            shown = {name: look.name(name) for name in dict.fromkeys(columns[column])}
            columns[column] = [shown[name] for name in columns[column]]
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
        look: Look,
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
        look
            How it is written and coloured.
        columns
            Panels in a row.
        own_rows
            Whether each panel has its own rows, and not all the same.
        """
        lines = [*([subtitle] if isinstance(subtitle, str) else subtitle), self.said]
        if self.shown is None:
            return finish(chart, title=title, subtitle=lines, look=look)
        whole = facet(chart, "segment", self.shown, look, columns=columns, own_rows=own_rows)
        return finish(whole, title=title, subtitle=lines, look=look)


def panels_of(
    columns: Mapping[str, Sequence[Any]], size: str, look: Look, rows: Iterable[int] | None = None
) -> Panels:
    """Choose the largest segments for the panels of a chart.

    Parameters
    ----------
    columns
        A table; without the column ``segment`` there are no panels.
    size
        The column whose sum is the size of a segment.
    look
        How it is written.
    rows
        The rows to sum; by default all.

    Examples
    --------
    >>> panels_of(
    ...     {"segment": ["app", "web", "app"], "customers": [1, 5, 2]}, "customers", Look()
    ... )
    Panels(shown=('web', 'app'), said='')
    """
    if "segment" not in columns:
        return Panels(None, "")
    sizes: dict[str, int] = {}
    for row in range(len(columns["segment"])) if rows is None else rows:
        segment = columns["segment"][row]
        sizes[segment] = sizes.get(segment, 0) + columns[size][row]
    order = sorted(sizes, key=lambda segment: (-sizes[segment], segment))
    said = ""
    if len(order) > MOST:
        numbers = {"shown": look.locale.count(MOST), "all": look.locale.count(len(order))}
        said = look.say("The {shown} largest of {all} segments", **numbers)
    return Panels(tuple(order[:MOST]), said)


def facet(
    chart: alt.TopLevelMixin,
    by: str,
    names: Iterable[str],
    look: Look,
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
    look
        How it is written; from right to left each row of panels begins at the right.
    columns
        Panels in a row.
    own_rows
        Whether each panel has its own scale from top to bottom, and not all the same.
    **options
        Of `altair.Facet`.
    """
    import altair as alt

    one: Any = chart
    order = list(dict.fromkeys(names))
    if look.rtl:
        rows = [order[at : at + columns] for at in range(0, len(order), columns)]
        order = [name for row in rows for name in row[::-1]]
    panel = alt.Facet(f"{by}:N", title=None, sort=order, **options)
    panels: alt.FacetChart = one.facet(panel, columns=columns)
    return panels.resolve_scale(y="independent") if own_rows else panels


def commonest(
    events: Sequence[str], counts: Sequence[int], most: int, look: Look, *, but: Collection[str]
) -> tuple[list[str], str]:
    """Choose the commonest events for a chart.

    Parameters
    ----------
    events, counts
        Events, and how often each is there; an event may stand more than once.
    most
        How many are shown at most.
    look
        How it is written.
    but
        Names that are no events.

    Returns
    -------
    list, str
        The events, the commonest first, and which these are.

    Examples
    --------
    >>> commonest(["view", "buy", "view", "(end)"], [3, 5, 4, 9], 1, Look(), but=["(end)"])
    (['view'], 'the 1 commonest of 2 events')
    """
    totals: dict[str, int] = {}
    for event, count in zip(events, counts, strict=True):
        totals[event] = totals.get(event, 0) + count
    order = sorted((event for event in totals if event not in but), key=lambda event: (-totals[event], event))
    if len(order) <= most:
        return order, look.say("all events")
    numbers = {"shown": look.locale.count(most), "all": look.locale.count(len(order))}
    return order[:most], look.say("the {shown} commonest of {all} events", **numbers)
