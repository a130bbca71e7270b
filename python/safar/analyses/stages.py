"""Stages: how customers enter, stay in, leave and come back to the stages of their journey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import clustered_share
from safar._typing import Array, Duration, Integers
from safar.analyses._cells import CellsResult
from safar.analyses._parts import Rows, bounds, mean_columns, merged, time_columns
from safar.analyses._spec import Column, Spec, observed, segments
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Said, Spoken, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log
    from safar.journey_map import JourneyMap

__all__ = ["Stages", "StagesResult", "stages"]

_START, _ENDS = "(start)", ("(end)", "(open)")
_WITHIN = ("channel", "touchpoint")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class StagesResult(CellsResult):
    """What happens at each stage of the journey.

    Parameters
    ----------
    table
        One row a stage, in the order of the journey, for each segment: ``segment`` (only with `by`), ``stage``,
        ``customers`` (who were there), ``share``, ``share_low``, ``share_high`` (of the customers with any stage, 0
        to 1), ``entries`` (times that a customer came to the stage), ``entries_per_customer``,
        ``entries_per_customer_low``, ``entries_per_customer_high``, ``events``,
        ``went_on`` (entries after which another stage came), ``dropped`` (after which nothing came), ``open`` (after
        which something may still come), ``drop_off``, ``drop_off_low``, ``drop_off_high`` (dropped of the entries that
        are not open, 0 to 1), ``median_seconds``, ``median_seconds_low``, ``median_seconds_high``, ``mean_seconds``,
        ``mean_seconds_low``, ``mean_seconds_high`` (from an entry to that of the next stage, of those that went on),
        ``active_seconds``, ``active_seconds_low``, ``active_seconds_high`` (mean, from the first to the last event of
        an entry), ``value``, ``value_per_customer``, ``value_per_customer_low``, ``value_per_customer_high`` (of the
        events at the stage; only of a log with values), ``cost``, ``cost_per_customer``, ``cost_per_customer_low``,
        ``cost_per_customer_high`` (events times the costs of their touchpoints; only with costs). All intervals are
        95 %: Wilson's of shares, Student's t of means, order statistics of medians. Those of entries, value and cost
        per customer take customers as independent; those of drop-off and of times take entries so, also where a
        customer has several.
    """

    analysis: ClassVar[str] = "stages"

    _partial: Table
    # Places of the journey: the start, the stages in order, the ends.
    _order: Sequence[str]

    def flow(self) -> ResultTable:
        """From which stage to which do customers go, forward and back?

        Returns
        -------
        ResultTable
            One row a way, for each segment: ``from`` (a stage, or ``(start)``), ``to`` (a stage, ``(end)`` or
            ``(open)``), ``direction`` (``"forward"``, ``"skip"``, ``"back"``, ``"start"``, ``"end"``, ``"open"``),
            ``entries`` (times), ``customers`` (who went it), ``share``, ``share_low``, ``share_high`` (of all ways out
            of ``from``, 0 to 1), ``median_seconds``, ``median_seconds_low``, ``median_seconds_high``,
            ``mean_seconds``, ``mean_seconds_low``, ``mean_seconds_high`` (from entry to entry; null at the ends).
        """
        rows = Rows(self._partial, "way")
        order = self._order
        source, target = (_places(rows.text(side), order) for side in ("from", "to"))
        sort = np.lexsort((target, source, rows.segment))
        columns = rows.segment_column(sort)
        columns |= {"from": rows.text("from")[sort], "to": rows.text("to")[sort]}
        last = len(order) - len(_ENDS) - 1
        columns["direction"] = [
            _direction(start, end, last)
            for start, end in zip(source[sort].tolist(), target[sort].tolist(), strict=True)
        ]
        visits = rows.whole("visits")
        columns |= {"entries": visits[sort], "customers": rows.whole("customers")[sort]}
        _, leaving = np.unique(rows.segment * 10_000 + source, return_inverse=True)
        total = np.bincount(leaving, weights=visits).astype(np.int64)[leaving] if len(visits) else visits
        columns |= share_columns("share", visits[sort], total[sort])
        columns |= rows.times(sort)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=self.shares)

    def conversion(self) -> ResultTable:
        """Of the customers of a stage, how many came to each other stage later?

        Returns
        -------
        ResultTable
            One row a pair, for each segment: ``from``, ``to``, ``direction`` (``"forward"``, ``"back"`` or
            ``"again"``), ``customers`` (of ``from``), ``reached`` (who came to ``to`` after they first came to
            ``from``), ``open`` (who have not, but may still), ``share``, ``share_low``, ``share_high`` (reached of
            those who are not open, 0 to 1).
        """
        later, own = Rows(self._partial, "later"), Rows(self._partial, "stage")
        order = self._order
        names = [name for name in order if name not in (_START, *_ENDS)]
        size = len(names)
        many = len(later.segments)
        # Not every part of a log has every stage, so those who may still come follow from those who are there.
        base, reached, still = (np.zeros((many, size, size), dtype=np.int64) for _ in range(3))
        at = _places(own.text("from"), order)
        np.add.at(base, (own.segment, at - 1), own.whole("customers")[:, None])
        np.add.at(still, (own.segment, at - 1), own.whole("open")[:, None])
        place = (later.segment, _places(later.text("from"), order) - 1, _places(later.text("to"), order) - 1)
        np.add.at(reached, place, later.whole("customers"))
        np.add.at(still, place, -later.whole("open"))
        kept = np.flatnonzero(base.ravel() > 0)
        segment, start, end = np.unravel_index(kept, base.shape)
        columns: dict[str, object] = {}
        if later.has_segment:
            columns["segment"] = _table.named(segment.astype(np.int64), later.segments)
        texts = np.array(names, dtype=object)
        columns |= {"from": texts[start], "to": texts[end]}
        columns["direction"] = np.where(
            start == end, "again", np.where(end > start, "forward", "back")
        ).tolist()
        customers, came, may = (part.ravel()[kept] for part in (base, reached, still))
        columns |= {"customers": customers, "reached": came, "open": may}
        columns |= share_columns("share", came, customers - may)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=self.shares)

    def mix(self, column: str = "channel") -> ResultTable:
        """Which channels, or touchpoints, make up a stage?

        Parameters
        ----------
        column
            ``"channel"`` (default) or ``"touchpoint"``, or another column of `within`.

        Returns
        -------
        ResultTable
            One row a stage and value, for each segment: ``stage``, the column (null where there is no value),
            ``events``, ``customers``, ``share``, ``share_low``, ``share_high`` (of the events of the stage, 0 to 1).

        Notes
        -----
        One customer's events are mostly alike, so the interval takes customers as independent and not events: Wilson's
        interval (1927) at the effective number of events, from the variance of the share as a ratio of sums over
        customers (Kish, Survey Sampling, 1965; Franco, Little, Louis and Slud 2019, PMC6690503). It is null where one
        customer alone was at the stage.
        """
        within = self._partial.numpy("part")[0] == "within"
        known = list(dict.fromkeys(self._partial.numpy("column")[0][within].tolist()))
        if column not in known:
            raise ArgumentError(
                f"column={column!r} was not counted within stages{_args.suggestion(str(column), known)} (counted: "
                f'{_args.listing(known) or "none"}); ask log.stages(within=["{column}"])'
            )
        rows = Rows(self._partial, "within", column)
        stage = _places(rows.text("from"), self._order)
        events = rows.whole("events")
        sort = np.lexsort((rows.text("to").astype(str), -events, stage, rows.segment))
        columns = rows.segment_column(sort)
        absent = rows.whole("missing")[sort] > 0
        columns["stage"] = rows.text("from")[sort]
        columns[column] = [
            None if gone else value for value, gone in zip(rows.text("to")[sort], absent, strict=True)
        ]
        columns |= {"events": events[sort], "customers": rows.whole("customers")[sort]}
        own = Rows(self._partial, "stage")
        keys = own.segment * 10_000 + _places(own.text("from"), self._order)
        by_key = np.argsort(keys)
        # The row of the whole stage, of each part of it.
        whole = by_key[np.searchsorted(keys, rows.segment * 10_000 + stage, sorter=by_key)][sort]
        low, high = clustered_share(
            events[sort],
            own.whole("events")[whole],
            part_squares=rows.number("event_squares")[sort],
            products=rows.number("event_products")[sort],
            whole_squares=own.number("event_squares")[whole],
            clusters=own.whole("customers")[whole],
            units=own.whole("events")[whole],
        )
        columns |= {"share": events[sort] / own.whole("events")[whole], **bounds("share", low, high)}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=self.shares)


@dataclass(frozen=True, slots=True)
class Stages(Spec[StagesResult]):
    """The question of `EventLog.stages`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Stages(order=["consideration", "purchase"]).stage
    'stage'
    """

    analysis: ClassVar[str] = "stages"

    stage: str = "stage"
    _: KW_ONLY
    order: Sequence[str] | None = None
    inactivity: Duration = "30d"
    within: str | Sequence[str] | None = None
    costs: Mapping[str, float] | Sequence[Sequence[Any]] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        _args.text(self.stage, "stage")
        if self.order is not None:
            object.__setattr__(self, "order", _args.names(self.order, "order"))
        if self.costs is not None:
            object.__setattr__(self, "costs", _costs(self.costs))
        object.__setattr__(self, "inactivity", _args.duration(self.inactivity, "inactivity"))
        if self.within is not None:
            object.__setattr__(self, "within", _args.names(self.within, "within") if self.within else ())
        if self.by is not None:
            _args.text(self.by, "by")

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        if self.stage not in ("event", *log.columns):
            way_out = (
                "read the log through a journey map first: log.with_map(safar.JourneyMap.load(...)).stages()"
                if self.stage == "stage"
                else f"available: {_args.listing(log.columns) or 'none'}"
            )
            raise ArgumentError(
                f'stage="{self.stage}" is not a column of this log{_args.suggestion(self.stage, log.columns)}; '
                f"{way_out}"
            )
        _args.known_segment(self.by, log.columns, log.roles)
        within = self._within(log)
        _args.known_columns_of_log(within, log.columns, "within")
        if self.costs and "touchpoint" not in log.columns:
            raise ArgumentError(
                "costs are those of touchpoints, and this log has no touchpoints; read it through a journey map first, "
                "log.with_map(safar.JourneyMap.load(...)), or add a column with the name touchpoint"
            )
        costs = self._costs(log)
        params = {
            "stage": self.stage,
            "inactivity_us": _args.microseconds(self.inactivity),
            "within": within,
            "value": "value" in log.columns,
            "costs": {"of": "touchpoint", "each": costs} if costs else None,
        }
        return {"params": params, "by": self.by, "at": "entry"}

    def _within(self, log: Log) -> list[str]:
        if self.within is None:
            return [name for name in _WITHIN if name in log.columns]
        # Costs are those of touchpoints, so these are counted with them.
        needed = ["touchpoint"] if self._costs(log) and "touchpoint" not in self.within else []
        return [*self.within, *needed]

    def _map(self, log: Log) -> JourneyMap | None:
        """The map whose stages these are."""
        return log.map if self.stage == "stage" else None

    def _costs(self, log: Log) -> dict[str, float]:
        """What an event of each touchpoint costs, as given or as the map says."""
        if self.costs is not None:
            return dict(_pairs(self.costs))
        of = self._map(log)
        if of is None or "touchpoint" not in log.columns:
            return {}
        return {each.id: each.cost for each in of.touchpoints if each.cost is not None}

    def _places(self, partial: Table, log: Log) -> list[str]:
        """Every stage of the counts in the order of the journey, after the start and before the ends."""
        found = sorted(set(Rows(partial, "stage").text("from").tolist()))
        of = self._map(log)
        mapped = [] if of is None else [each.id for each in of.stages]
        for name in self.order or ():
            if name not in found and name not in mapped:
                raise ArgumentError(
                    f'order "{name}" is no stage of this log{_args.suggestion(name, found)} (the values of '
                    f'"{self.stage}": {_args.listing(found) or "none"})'
                )
        named = [name for name in (mapped if self.order is None else self.order) if name in found]
        return [_START, *named, *(name for name in found if name not in named), *_ENDS]

    def _check_costs(self, touchpoints: Rows, log: Log) -> None:
        """Refuse costs that the user gave of what no event is at."""
        found = sorted(set(touchpoints.text("to")[touchpoints.whole("missing") == 0].tolist()))
        mapped = [] if log.map is None else [each.id for each in log.map.touchpoints]
        for name, _ in _pairs(self.costs or ()):
            if name not in found and name not in mapped:
                raise ArgumentError(
                    f'costs "{name}" is no touchpoint of the events at these stages{_args.suggestion(name, found)} '
                    f"(available: {_args.listing(found) or 'none'})"
                )

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        kept = rows["part"][0] == "stage"
        names = {"customer": "customer", "from": "stage", "visits": "entries", "events": "events"}
        if "segment" in rows:
            names = {"segment": "segment"} | names
        return {
            name: (rows[key][0][kept], None if (gone := rows[key][1]) is None else gone[kept])
            for key, name in names.items()
        }

    def finish(self, partial: Table, log: Log) -> StagesResult:
        """The rates of each stage from its counts."""
        own, ways, whole = (Rows(partial, part) for part in ("stage", "way", "all"))
        order = self._places(partial, log)
        place = _places(own.text("from"), order)
        sort = np.lexsort((place, own.segment))
        segment, place = own.segment[sort], place[sort]
        customers, visits = own.whole("customers")[sort], own.whole("visits")[sort]

        columns = own.segment_column(sort)
        columns |= {"stage": own.text("from")[sort], "customers": customers}
        everybody = np.zeros(max(len(own.segments), 1), dtype=np.int64)
        np.add.at(everybody, whole.segment, whole.whole("customers"))
        columns |= share_columns("share", customers, everybody[segment])
        columns["entries"] = visits
        columns |= mean_columns("entries_per_customer", customers, visits, own.number("visit_squares")[sort])
        columns["events"] = own.whole("events")[sort]
        key, source = segment * 10_000 + place, ways.segment * 10_000 + _places(ways.text("from"), order)
        target = ways.text("to")
        leaving = {
            name: _added(key, source[mask], ways.whole("visits")[mask])
            for name, mask in (
                ("went_on", ~np.isin(target, _ENDS)),
                ("dropped", target == _ENDS[0]),
                ("open", target == _ENDS[1]),
            )
        }
        columns |= leaving
        columns |= share_columns("drop_off", leaving["dropped"], visits - leaving["open"])
        columns |= self._times(ways, key, source)
        columns |= mean_columns("active_seconds", visits, own.seconds()[sort], own.square_seconds()[sort])
        if "value" in log.columns:
            value, squares = own.number("value")[sort], own.number("squares")[sort]
            columns |= {"value": value, **mean_columns("value_per_customer", customers, value, squares)}
        costs = self._costs(log)
        if costs:
            touchpoints = Rows(partial, "within", "touchpoint")
            self._check_costs(touchpoints, log)
            each = np.array([costs.get(name, 0.0) for name in touchpoints.text("to").tolist()])
            at = touchpoints.segment * 10_000 + _places(touchpoints.text("from"), order)
            cost = np.zeros(len(key))
            np.add.at(cost, np.searchsorted(key, at), each * touchpoints.whole("events"))
            squares = own.number("cost_squares")[sort]
            columns |= {"cost": cost, **mean_columns("cost_per_customer", customers, cost, squares)}
        shares = [f"{name}{end}" for name in ("share", "drop_off") for end in ("", "_low", "_high")]
        return StagesResult(
            _table.table_of(columns),
            self._definition(log, whole),
            log.timezone,
            self.to_json(),
            partial,
            tuple(order),
            shares=frozenset(shares),
        )

    @staticmethod
    def _times(ways: Rows, key: Integers, source: Integers) -> dict[str, object]:
        """How long it took from an entry to the next stage, over all next stages."""
        histograms = ways.histograms()
        taken = ways.text("to")
        between = ~np.isin(taken, _ENDS) & (ways.text("from") != _START)
        joined = [
            np.concatenate(
                [np.zeros(0, dtype=np.int64)]
                + [histograms[row] for row in np.flatnonzero(between & (source == each))]
            )
            for each in key
        ]
        together = [merged(histogram) for histogram in joined]
        count = _added(key, source[between], ways.whole("visits")[between])
        total, squares = np.zeros(len(key)), np.zeros(len(key))
        for sums, each in ((total, ways.seconds()), (squares, ways.square_seconds())):
            np.add.at(sums, np.searchsorted(key, source[between]), each[between])
        return time_columns(together, count, total, squares)

    def _definition(self, log: Log, whole: Rows) -> Spoken:
        events, unmapped = (int(whole.whole(name).sum()) for name in ("events", "visits"))
        counted = Said(
            'Consecutive events of a customer with the same "{stage}" are one entry to that stage; {unmapped} of '
            "{events} events are at no stage and are passed over. After its last entry a customer is open if the last "
            "event was within {inactivity} of {end}, else it dropped. Shares have 95 % Wilson intervals, medians "
            "those of order statistics, means Student's t: of entries, value and cost over customers, of times over "
            "entries as if they were independent.",
            stage=self.stage,
            unmapped=unmapped,
            events=events,
            inactivity=Length(self.inactivity),
            end=observed(log),
        )
        return paragraph(counted, segments(self.by, Said("at the first event with a stage")))


def _pairs(costs: Any) -> Sequence[tuple[str, float]]:
    """Costs as pairs of a touchpoint and a number, from a mapping or from such pairs."""
    if isinstance(costs, Mapping):
        return list(costs.items())
    if not isinstance(costs, Sequence) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in costs
    ):
        raise ArgumentTypeError(
            f'costs={costs!r}; expected a mapping of touchpoints to numbers, such as {{"call": 2.5}}'
        )
    return [(name, cost) for name, cost in costs]


def _costs(given: Any) -> tuple[tuple[str, float], ...]:
    return tuple(
        (_args.text(name, "costs"), _args.cost(cost, f'costs of "{name}"')) for name, cost in _pairs(given)
    )


def _places(names: Array, order: Sequence[str]) -> Integers:
    """Where in the journey each of these stages stands."""
    place = {name: number for number, name in enumerate(order)}
    return np.array([place[name] for name in names.tolist()], dtype=np.int64)


def _added(key: Integers, of: Integers, counts: Integers) -> Integers:
    """Counts added up for each key; the keys are sorted and those of the counts are among them, or before all."""
    sums = np.zeros(len(key), dtype=np.int64)
    known = np.isin(of, key)
    np.add.at(sums, np.searchsorted(key, of[known]), counts[known])
    return sums


def _direction(source: int, target: int, last: int) -> str:
    """Which way leads from a place of the journey to another; the ends stand after the last stage."""
    if source == 0:
        return "start"
    if target > last:
        return "end" if target == last + 1 else "open"
    return "back" if target < source else "forward" if target == source + 1 else "skip"


def stages(
    log: Log,
    stage: str = "stage",
    *,
    order: Sequence[str] | None = None,
    inactivity: Duration = "30d",
    within: str | Sequence[str] | None = None,
    costs: Mapping[str, float] | None = None,
    by: str | None = None,
) -> StagesResult:
    """What happens at each stage of the journey, and how do customers move between stages?

    Parameters
    ----------
    stage
        The column that holds the stage of each event; by default ``"stage"``, which `EventLog.with_map` adds. Events
        without a stage are passed over, and counted.
    order
        The stages in the order of the journey, those that are not named after them by name; by default that of the map
        of the log. A name that neither the log nor its map has is an error.
    inactivity
        How long a customer must have been silent at `observed_until` to have dropped; up to and including this, the
        last entry is open. 30 days by default.
    within
        Columns whose values are counted within each stage, for `StagesResult.mix`; by default channel and touchpoint,
        as far as the log has them.
    costs
        What one event of a touchpoint costs, by its id; by default as the map of the log says. A touchpoint that
        neither the log nor its map has is an error; one without a cost costs nothing.
    by
        A column of the log (``"channel"`` or an attribute); each customer belongs to the value at the first event with
        a stage.

    Returns
    -------
    StagesResult
        One row a stage: customers, entries, drop-off, time until the next stage, value and cost, with intervals.
        `StagesResult.flow` says from where to where customers go, `StagesResult.conversion` who comes to which stage
        later, `StagesResult.mix` over which channels.

    Notes
    -----
    Journeys are not linear: a customer may enter a stage many times, skip some and go back; nobody is forced into an
    order. The stages stand in the order of the map of the log, others by name. What is counted agrees with the other
    analyses: the ways are those of ``log.named_by("stage").transitions()`` without repeats, and who came from one stage
    to another one later completes the funnel of these two, with ``ties="stable"``.

    Wilson (1927, doi:10.1080/01621459.1927.10502953) for shares, Student (1908, doi:10.2307/2331554) for means; the
    interval of a median lies between two order statistics (binomial, with the normal approximation of their ranks:
    Conover, Practical Nonparametric Statistics, 3.2), and times are exact to 1/128 of their length.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-05", "2026-03-02"],
    ...         "event": ["view", "purchase", "view", "view"],
    ...         "stage": ["consideration", "purchase", "consideration", "consideration"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     attributes=["stage"],
    ...     observed_until="2026-12-31",
    ... )
    >>> found = log.stages()
    >>> dict(zip(found.to_dict()["stage"], found.to_dict()["entries"]))
    {'consideration': 3, 'purchase': 1}
    >>> found.conversion().to_polars().filter(to="purchase")["share"].to_list()
    [0.5, 0.0]
    """
    return Stages(stage, order=order, inactivity=inactivity, within=within, costs=costs, by=by).run(log)
