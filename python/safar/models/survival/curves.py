"""Survival: the share of customers that is still there, by the time since they came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._log import Log
from safar._typing import Array, At, Duration, Frame, Instant, Integers
from safar.analyses._spec import at_words, observed, segments
from safar.analyses._survival import (
    NOT_WATCHED,
    Curve,
    Weighting,
    Z,
    log_rank,
    log_rank_pairs,
    restricted_mean_pairs,
)
from safar.analyses.conversion import Conversion, curves_of
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Listed, Said, paragraph
from safar.models.survival.followed import FOLLOWED, UnitOfTenure, tenures
from safar.models.survival.watched import Watched, watched_of
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["SurvivalResult", "survival"]

TimeOfLife: TypeAlias = Literal["second", "minute", "hour", "day", "week", "month", "year"]

# Months and years have no fixed length: times of a frame may be counted in them, but not made of a duration.
_US = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}
_US |= {"day": 86_400_000_000, "week": 604_800_000_000}
_WORDS = {
    "second": "seconds",
    "minute": "minutes",
    "hour": "hours",
    "day": "days",
    "week": "weeks",
    "month": "months",
    "year": "years",
}
_SHARES = ("survival", "survival_low", "survival_high", "incidence", "incidence_low", "incidence_high")
# With fewer at risk, what the curve does is what a handful of customers did.
_FEW = 10
_ABOVE = "survival stays above one half"
_NO_EVENTS = "no two segments with customers at risk at an event"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SurvivalResult(ResultTable):
    """Which share of the customers is still there, by the time since they came?

    Parameters
    ----------
    table
        One row a time at which anything happened, for each segment and cause; `survival` lists the columns.
    unit
        What times are counted in, such as ``"day"``.
    causes
        What may end the time of a customer, where there are several such things.
    """

    _: KW_ONLY
    unit: TimeOfLife
    causes: tuple[str, ...]
    # By segment, None for customers without one: the curve of each cause.
    _curves: Mapping[str | None, Sequence[Curve]]
    _by: str | None
    _source: Log | None = field(default=None)

    def at(self, *times: float | Duration) -> ResultTable:
        """Which share is still there after so long?

        Parameters
        ----------
        *times
            Numbers of `unit`, or durations such as ``"90d"``.

        Returns
        -------
        ResultTable
            One row a time, for each segment and cause: ``segment``, ``cause``, ``time``, ``at_risk`` (customers still
            there just before), ``events`` (up to it), ``survival``, ``survival_low``, ``survival_high``, with causes
            ``incidence``, ``incidence_low``, ``incidence_high``, and ``reason`` where the shares are null because
            nobody was watched that long. Bounds are null where a share is 0 or 1.

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 0, 1, 0]}
        >>> safar.survival(watched, duration="days", event="gone").at(3, 9).to_dict()["survival"]
        [0.375, None]
        """
        if not times:
            raise ArgumentError("at() needs at least one time, such as 30 or a duration such as '90d'")
        wanted = [_after(time, self.unit, "time") for time in times]

        def rows(curve: Curve) -> dict[str, Array]:
            alone, found = curve.of_any().read(wanted, Z), curve.read(wanted, Z)
            shares = ("share", "share_low", "share_high")
            return {
                "time": np.array(wanted),
                "at_risk": found["at_risk"],
                "events": found["reached"],
                **_remaining(*(alone[name] for name in shares)),
                **(_incidence(*(found[name] for name in shares)) if self.causes else {}),
                **_reason(np.isnan(found["share"]), NOT_WATCHED),
            }

        return self._table(rows)

    def medians(self) -> ResultTable:
        """After how long is half of the customers gone?

        Returns
        -------
        ResultTable
            One row a segment: ``segment``, ``median`` (the first time at which survival is one half or less, in
            `unit`), ``median_low``, ``median_high`` (the first times at which its bounds are: Brookmeyer and Crowley
            1982, doi:10.2307/2530286; null where they never are), ``reason`` where the median is null.

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 0, 1, 0]}
        >>> safar.survival(watched, duration="days", event="gone").medians().to_dict()["median"]
        [3.0]
        """

        def rows(curve: Curve) -> dict[str, Array]:
            found = dict(zip(("median", "median_low", "median_high"), curve.of_any().median(Z), strict=True))
            return _one_row(found) | _reason(np.isnan([found["median"]]), _ABOVE)

        return self._table(rows, each_cause=False)

    def rmst(self, until: float | Duration) -> ResultTable:
        """How long do customers stay on average, of the first so many days?

        Parameters
        ----------
        until
            The time up to which it is counted: a number of `unit`, or a duration.

        Returns
        -------
        ResultTable
            One row a segment: ``segment``, ``until``, ``mean``, ``mean_low``, ``mean_high`` (in `unit`; the 95 %
            interval is null where nothing varies), ``reason`` where the mean is null.

        Notes
        -----
        The restricted mean survival time: the area under the curve up to `until`, with Greenwood's variance (Royston
        and Parmar 2013, doi:10.1186/1471-2288-13-152; R's ``survRM2``).

        Examples
        --------
        >>> import safar
        >>> watched = {"days": [1, 2, 3, 4], "gone": [1, 0, 1, 0]}
        >>> safar.survival(watched, duration="days", event="gone").rmst(4).to_dict()["mean"]
        [2.875]
        """
        limit = self._limit(until)

        def rows(curve: Curve) -> dict[str, Array]:
            mean, variance = curve.of_any().restricted_mean(limit)
            half = Z * variance**0.5 if variance > 0 else np.nan
            bounds = {"mean_low": np.maximum(mean - half, 0), "mean_high": np.minimum(mean + half, limit)}
            found = _one_row({"until": limit, "mean": mean, **bounds})
            return found | _reason(np.isnan([mean]), NOT_WATCHED)

        return self._table(rows, each_cause=False)

    def rmst_differences(self, until: float | Duration) -> ResultTable:
        """How much longer do the customers of one segment stay than those of another, of the first so many days?

        Parameters
        ----------
        until
            The time up to which it is counted, chosen before the curves are seen: a number of `unit`, or a duration.

        Returns
        -------
        ResultTable
            One row for every two segments with a name: ``segment``, ``other``, ``until``, ``difference`` of their means
            (of the segment less that of the other, in `unit`) with its 95 % interval (``difference_low``,
            ``difference_high``), ``z``, ``p_value``, ``p_adjusted`` (Holm, over all pairs), ``reason`` where they are
            null.

        Notes
        -----
        The difference of two restricted means, whose variances (Greenwood's) add up; a normal test. It needs no
        proportional hazards, as a ratio of hazards does: Royston and Parmar 2013, doi:10.1186/1471-2288-13-152; R's
        ``survRM2::rmst2``.

        Examples
        --------
        >>> import safar
        >>> stays = {
        ...     "days": [2, 4, 6, 8],
        ...     "gone": [1, 1, 1, 1],
        ...     "channel": ["app", "app", "web", "web"],
        ... }
        >>> result = safar.survival(stays, duration="days", event="gone", by="channel")
        >>> result.rmst_differences(8).to_dict()["difference"]
        [-4.0]
        """
        limit = self._limit(until)
        if self._by is None:
            raise ArgumentError("there is one segment; give by= a column with several to compare them")
        named = {name: curves[0].of_any() for name, curves in self._curves.items() if name is not None}
        columns = restricted_mean_pairs(list(named), list(named.values()), limit)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def compare(
        self, *, cause: str | None = None, weighting: Weighting = "log_rank", pairs: bool = False
    ) -> ResultTable:
        """Do the segments differ by more than chance?

        Parameters
        ----------
        cause
            The cause to compare; by default the first. The others count as the end of a watch: it is the hazard of
            this one cause that is compared.
        weighting
            ``"log_rank"`` (default): all times count alike, the best where one hazard is a multiple of the other;
            ``"peto"``: a time counts as much as the share that is still there, so that early differences count more.
        pairs
            Whether every two segments are compared, with Holm's correction, instead of all together.

        Returns
        -------
        ResultTable
            One row: ``segments`` (those with a name), ``chi_squared``, ``degrees_of_freedom``, ``p_value``, ``reason``
            where they are null. With `pairs`, one row a pair: ``segment``, ``other``, ``chi_squared``, ``p_value``,
            ``p_adjusted``.

        Notes
        -----
        Log-rank test with hypergeometric variance; with ``"peto"`` Harrington and Fleming's G of rho 1, weighted by
        the survival of all together just before each time. Twins: R's ``survdiff`` with ``rho=0`` and ``rho=1``.

        Examples
        --------
        >>> import safar
        >>> watched = {
        ...     "days": [1, 2, 3, 4],
        ...     "gone": [1, 1, 1, 1],
        ...     "plan": ["free", "free", "pro", "pro"],
        ... }
        >>> result = safar.survival(watched, duration="days", event="gone", by="plan")
        >>> round(result.compare().to_dict()["chi_squared"][0], 4)
        2.8824
        """
        _args.choice(weighting, "weighting", Weighting)
        _args.flag(pairs, "pairs")
        if self._by is None:
            raise ArgumentError("there is one segment; give by= a column with several to compare them")
        number = 0
        if cause is not None:
            if cause not in self.causes:
                raise ArgumentError(
                    f"cause={cause!r} is not a cause of this result{_args.suggestion(str(cause), self.causes)} "
                    f"(available: {_args.listing(self.causes) or 'none; they come with causes=[…]'})"
                )
            number = self.causes.index(cause)
        compared = {name: curves[number] for name, curves in self._curves.items() if name is not None}
        names, curves = list(compared), list(compared.values())
        if pairs:
            columns = log_rank_pairs(names, curves, weighting)
        else:
            statistic, degrees, p_value = log_rank(curves, weighting)
            columns = {
                "segments": np.array([len(names)]),
                "chi_squared": _table.nullable(np.array([statistic])),
                "degrees_of_freedom": np.array([degrees]),
                "p_value": _table.nullable(np.array([p_value])),
                "reason": [_NO_EVENTS if np.isnan(statistic) else None],
            }
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def plot(self, **options: Any) -> ChartType:
        """The curves as an Altair chart; the options are those of `safar.plot.survival`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").survival(self, **options)
        return chart

    def _limit(self, until: float | Duration) -> float:
        limit = _after(until, self.unit, "until")
        if not limit:
            raise ArgumentError(f"until={until!r} is the beginning; expected a time after it")
        return limit

    def _table(self, rows: Callable[[Curve], dict[str, Array]], *, each_cause: bool = True) -> ResultTable:
        """The rows of all curves, or of the first of each segment."""
        columns = _put_together(self._curves, self.causes if each_cause else (), self._by is not None, rows)
        table = _table.table_of(columns)
        return ResultTable(table, self.definition, self.timezone, shares=frozenset(_SHARES))


def survival(
    data: Frame | Log,
    *,
    duration: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    weights: str | None = None,
    start: str | Sequence[str] | None = None,
    end: str | Sequence[str] | None = None,
    stop: str | Sequence[str] | None = None,
    since: str | None = None,
    watched_from: Instant | None = None,
    causes: str | Sequence[str] | None = None,
    by: str | None = None,
    at: At = "entry",
    until: float | Duration | None = None,
    resolution: Duration = "1s",
    unit: TimeOfLife = "day",
) -> SurvivalResult:
    """Which share of the customers is still there, by the time since they came?

    Parameters
    ----------
    data
        A frame with one row a customer (with `duration` and `event`), or a log (with `end`).
    duration, event
        Columns of a frame: how long the customer was watched, in `unit`, and whether the event had come then (true or
        false, 1 or 0). With `causes`, `event` says which of them came; null, ``""``, 0 and false mean none.
    entry
        The column with the time from which a customer was watched, in `unit`, where that is later than the beginning:
        who was a customer before the records begin is at risk only from then on, or the curve is too high. Null and 0
        mean from the beginning.
    weights
        The column that says for how many customers a row stands.
    start, end, stop, at, resolution
        Of a log, as of `EventLog.conversion`: the time from a customer's first `start` event to the first `end` event
        later; who has none is watched until a `stop` event and `observed_until`.
    since, watched_from
        Of a log, as of `tenures`, where customers are older than its first event: the column with the instant at which
        each became one, instead of `start`, and since when the log holds what happens to them.
    causes
        Several things that may end the time, of which the first alone happens: values of `event`, or events of a log
        beside `end`. Each has an incidence of its own, and one minus survival is their sum.
    by
        A column to draw the curves of its values apart.
    until
        The longest time that is looked at: a number of `unit`, or a duration such as ``"365d"``; by default all.
    unit
        What times are counted in; ``"month"`` and ``"year"`` only where a frame counts in them.

    Returns
    -------
    SurvivalResult
        One row a time at which anything happened, for each segment and cause: ``segment`` (only with `by`; null where
        there is no value), ``cause`` (only with `causes`), ``time`` (in `unit`), ``at_risk`` (customers still there and
        watched just before), ``events`` (of the cause), ``censored`` (watched no longer), ``entered`` (watched from
        then on), ``survival`` with ``survival_low``, ``survival_high`` (share without an event of any cause, 0 to 1),
        ``cumulative_hazard`` (of the cause) with ``cumulative_hazard_low``, ``cumulative_hazard_high``, with causes
        ``incidence``, ``incidence_low``, ``incidence_high`` (share that the cause has ended), and ``few`` (fewer than
        10 at risk). Bounds are of 95 % intervals, null where the share is 0 or 1 and the hazard 0.

    Notes
    -----
    Survival: Kaplan and Meier (1958, doi:10.2307/2281868) with Greenwood's variance and the log-log interval. Hazard:
    Nelson (1972) and Aalen (1978) with Aalen's variance, the sum of d/n², and an interval on the scale of the
    logarithm. Incidence: Aalen and Johansen (1978), never one minus the survival of each cause alone, which adds up to
    more than happened. At risk at a time is who entered before it and was watched up to it or longer; an event and the
    end of a watch at the same time count as the event first. An event at time 0 counts for those who were there from
    the beginning. Where everybody at risk has the event while others are yet to enter, survival is 0 from there on, and
    the definition says so. All assume that who is no longer watched goes as the others do. Twins: R's
    ``survival::survfit`` with ``conf.type="log-log"``; ``lifelines.KaplanMeierFitter``.

    Examples
    --------
    >>> import safar
    >>> watched = {"days": [30, 60, 60, 90], "cancelled": [True, True, False, False]}
    >>> result = safar.survival(watched, duration="days", event="cancelled")
    >>> result.to_dict()["survival"]
    [0.75, 0.5, 0.5]

    Of a log, from the signup to the cancellation:

    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-11", "2026-03-01"],
    ...         "event": ["signup", "cancel", "signup"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> safar.survival(log, start="signup", end="cancel").medians().to_dict()["median"]
    [10.0]
    """
    _args.choice(unit, "unit", TimeOfLife)
    others = () if causes is None else _args.names(causes, "causes")
    if isinstance(data, Log):
        of_frame = {"duration": duration, "event": event, "entry": entry, "weights": weights}
        _refuse_others(of_frame, "a frame", "a log takes start= or since=, and end=")
        if end is None:
            raise ArgumentError(
                'end=None; expected the event that ends the time of a customer, such as "cancel"'
            )
        if unit not in _US:
            raise ArgumentError(
                f'unit="{unit}" has no fixed length; for a log choose of {_args.listing(_US)}'
            )
        if since is not None:
            if (at, resolution) != ("entry", "1s"):
                raise ArgumentError("at= and resolution= are for start=; with since= times are as they are")
            kept = () if by is None else _args.text(by, "by")
            rows = tenures(
                data, end=end, since=since, start=start, stop=stop, causes=causes, columns=kept,
                watched_from=watched_from, unit=cast("UnitOfTenure", unit),
            )  # fmt: skip
            return _of_watched(
                rows.watched(), rows.table, [rows.definition], rows.causes, by, until, unit, log=data
            )
        _refuse_others(
            {"watched_from": watched_from}, "customers of since=", "leave it out, or name the column"
        )
        asked = Conversion(
            end,
            start=start,
            stop=stop,
            competing=others or None,
            horizon=None if until is None else _duration(until, unit),
            resolution=resolution,
            by=by,
            at=at,
        )
        return _of_log(data, asked, unit)
    of_log = {"start": start, "end": end, "stop": stop, "since": since, "watched_from": watched_from}
    _refuse_others(of_log, "a log", "a frame takes duration= and event=")
    if duration is None or event is None:
        raise ArgumentError(
            "a frame needs duration= (the column with the times) and event= (the column that says whether the event "
            "had come)"
        )
    found, table = watched_of(
        data,
        duration=duration,
        event=event,
        entry=entry,
        weights=weights,
        causes=others,
        others=() if by is None else [_args.text(by, "by")],
    )
    told = [
        Said(_ROWS, duration=duration, event=event)
        if causes is None
        else Said(_ROWS_OF_CAUSES, duration=duration, event=event, causes=Listed(others, last="or")),
        None if entry is None else Said('Who came later ("{entry}") is at risk from then on.', entry=entry),
        None if weights is None else Said('A row stands for "{weights}" customers.', weights=weights),
    ]
    return _of_watched(found, table, told, others, by, until, unit, "" if entry is None else f' in "{entry}"')


def _of_watched(
    found: Watched,
    table: Table,
    told: Sequence[str | None],
    causes: Sequence[str],
    by: str | None,
    until: float | Duration | None,
    unit: TimeOfLife,
    entries: str = "",
    log: Log | None = None,
) -> SurvivalResult:
    """The curves of customers, one row each; `entries` says where their entries stand."""
    codes, names = (np.zeros(table.num_rows, dtype=np.int64), [None]) if by is None else table.codes(by)
    longest = np.inf if until is None else _after(until, unit, "until")
    curves = _of_segments(found, codes, names, len(causes), longest)
    if not curves:
        raise ArgumentError(
            f"until={until!r}: nobody was watched before it; the first entry{entries} is at "
            f"{float(found.entry.min()):g}: expected a later time"
        )
    limit = (
        None
        if until is None
        else Said("Nobody is looked at for longer than {time}.", time=_told(until, unit))
    )
    of_segments = None if by is None else Said('Segments are the values of "{column}".', column=by)
    return _result(curves, [*told, limit, of_segments], causes, unit, by, log)


_ROWS = (
    'Each row is a customer who was watched for "{duration}"; "{event}" says whether the event had come then.'
)
_ROWS_OF_CAUSES = (
    'Each row is a customer who was watched for "{duration}"; "{event}" says which of {causes} had come then, if '
    "any."
)
_ESTIMATED = (
    "survival is the Kaplan-Meier estimate of the share without an event by the time (in {unit}), with Greenwood's "
    "log-log 95 % interval; cumulative_hazard is that of Nelson and Aalen, with its interval on the scale of the "
    "logarithm. An event and the end of a watch at the same time count as the event first; few marks times with fewer "
    "than {few} customers at risk."
)
_OF_CAUSES = "incidence is the Aalen-Johansen estimate of the share that the cause has ended by the time."
_EMPTIED = (
    "At {time} {unit} everybody at risk had the event while others were yet to enter: survival is 0 from there on, "
    "whatever these do; look at a later beginning."
)


def _of_log(log: Log, asked: Conversion, unit: TimeOfLife) -> SurvivalResult:
    """The curves of customers whose times stand in a log."""
    curves: dict[str | None, list[Curve]] = {}
    for key, curve in curves_of(asked.run(log)):
        own = replace(curve, time=curve.time * 1e6 / _US[unit])
        curves.setdefault(key.get("segment"), []).append(own)
    start, end, stop, causes = (
        () if names is None else _args.names(names, "names")
        for names in (asked.start, asked.end, asked.stop, asked.competing)
    )
    limits = [
        *([_any_of(stop)] if stop else []),
        *([] if asked.horizon is None else [Said("{time} after it", time=Length(asked.horizon))]),
        observed(log),
    ]
    followed = Said(
        FOLLOWED,
        start=Said("first {events} event", events=Listed(start, last="or")) if start else Said("first event"),
        end=Said("{events} event", events=Listed([*end, *causes], last="or")),
        until=Listed(limits, last="or"),
    )
    of_segments = segments(asked.by, at_words(asked.at, Said("at the entry")))
    names = (" or ".join(end), *causes) if causes else ()
    return _result(curves, [followed, of_segments], names, unit, asked.by, log)


def _of_segments(
    found: Watched, codes: Integers, names: Sequence[str | None], causes: int, until: float
) -> dict[str | None, list[Curve]]:
    """The curves of the rows of each segment."""
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))
    parts = {
        name: found.rows(rows).until(until)
        for name, rows in zip(names, np.split(order, ends[:-1]), strict=True)
    }
    return {name: part.curves(max(causes, 1)) for name, part in parts.items() if len(part.exit)}


def _result(
    curves: Mapping[str | None, Sequence[Curve]],
    told: Sequence[str | None],
    causes: Sequence[str],
    unit: TimeOfLife,
    by: str | None,
    source: Log | None = None,
) -> SurvivalResult:
    definition = paragraph(
        *told,
        Said(_ESTIMATED, unit=Said(_WORDS[unit]), few=_FEW),
        Said(_OF_CAUSES) if causes else None,
        *(
            Said(_EMPTIED, time=time, unit=Said(_WORDS[unit]))
            for time in sorted({time for each in curves.values() for time in _emptied(each[0])})
        ),
    )
    columns = _put_together(curves, causes, by is not None, lambda curve: _columns(curve, bool(causes)))
    return SurvivalResult(
        _table.table_of(columns),
        definition,
        "UTC" if source is None else source.timezone,
        shares=frozenset(_SHARES),
        unit=unit,
        causes=tuple(causes),
        _curves=curves,
        _by=by,
        _source=source,
    )


def _columns(curve: Curve, of_causes: bool) -> dict[str, Array]:
    """The rows of one curve."""
    alone = curve.of_any()
    hazard, (hazard_low, hazard_high) = curve.hazard(), curve.hazard_interval(Z)
    columns = {
        "time": curve.time,
        "at_risk": curve.at_risk,
        "events": curve.reached,
        "censored": curve.censored,
        "entered": np.zeros(len(curve.time), dtype=np.int64) if curve.entered is None else curve.entered,
        **_remaining(alone.share(), *alone.interval(Z)),
        "cumulative_hazard": hazard,
        "cumulative_hazard_low": hazard_low,
        "cumulative_hazard_high": hazard_high,
    }
    if of_causes:
        columns |= _incidence(curve.share(), *curve.interval(Z))
    return columns | {"few": curve.at_risk < _FEW}


def _remaining(share: Array, low: Array, high: Array) -> dict[str, Array]:
    """Who has not had the event, from who has."""
    return {"survival": 1 - share, "survival_low": 1 - high, "survival_high": 1 - low}


def _incidence(share: Array, low: Array, high: Array) -> dict[str, Array]:
    return {"incidence": share, "incidence_low": low, "incidence_high": high}


def _emptied(curve: Curve) -> list[float]:
    """The times from which on survival is 0 though somebody is yet to enter."""
    if curve.entered is None:
        return []
    gone = np.flatnonzero((curve.left == curve.at_risk) & (curve.left > 0))
    return [float(curve.time[row]) for row in gone[:1] if curve.entered[row:].any()]


def _put_together(
    curves: Mapping[str | None, Sequence[Curve]],
    causes: Sequence[str],
    by_segment: bool,
    rows: Callable[[Curve], dict[str, Array]],
) -> dict[str, object]:
    """The rows of all curves, one below the other, with the segment and the cause of each."""
    parts = [
        (segment, cause, rows(curve))
        for segment, each in curves.items()
        for cause, curve in zip(causes or (None,), each, strict=bool(causes))
    ]
    lengths = [len(next(iter(found.values()))) for _, _, found in parts]
    keys = {"segment": by_segment, "cause": bool(causes)}
    columns: dict[str, object] = {
        name: [part[place] for part, length in zip(parts, lengths, strict=True) for _ in range(length)]
        for place, (name, wanted) in enumerate(keys.items())
        if wanted
    }
    for name in parts[0][2]:
        values = np.concatenate([found[name] for _, _, found in parts])
        is_number = values.dtype.kind == "f"
        columns[name] = (
            _table.nullable(values) if is_number else values.tolist() if values.dtype == object else values
        )
    return columns


def _one_row(found: Mapping[str, float]) -> dict[str, Array]:
    return {name: np.array([value], dtype=np.float64) for name, value in found.items()}


def _reason(unknown: Array, reason: str) -> dict[str, Array]:
    return {"reason": np.array([reason if each else None for each in unknown], dtype=object)}


def _any_of(events: Sequence[str]) -> Said:
    return Said("a {events} event", events=Listed(events, last="or"))


def _after(value: object, unit: TimeOfLife, argument: str) -> float:
    """A time after the beginning in the unit, from a number of it or from a duration."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        if unit not in _US:
            raise ArgumentTypeError(
                f"{argument}={value!r} is a {type(value).__name__}; expected a number of {_WORDS[unit]}"
            )
        return _args.microseconds(value, argument) / _US[unit]
    if not 0 <= value < np.inf:
        raise ArgumentError(f"{argument}={value!r}; expected a number of {_WORDS[unit]}, at least 0")
    return float(value)


def _duration(value: object, unit: TimeOfLife) -> dt.timedelta:
    return dt.timedelta(microseconds=round(_after(value, unit, "until") * _US[unit]))


def _told(value: float | Duration, unit: TimeOfLife) -> Said:
    return Said("{number} {unit}", number=_after(value, unit, "until"), unit=Said(_WORDS[unit]))


def _refuse_others(given: Mapping[str, object], of_what: str, way_out: str) -> None:
    for argument, value in given.items():
        if value is not None:
            raise ArgumentError(f"{argument}={value!r} is an argument for {of_what}; {way_out}")
