"""Conversion: how soon customers reach an outcome, where "not yet" is not taken for "no"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import At, Duration, Floats, Integers
from safar.analyses._cells import CellsResult
from safar.analyses._spec import Column, Spec, at_words, observed, segments
from safar.analyses._survival import Curve, Z, log_rank, log_rank_pairs
from safar.errors import ArgumentError
from safar.language import Length, Listed, Said, Spoken, paragraph
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Conversion", "ConversionResult", "conversion", "curves_of"]

_SHARES = ("share", "share_low", "share_high")
# Beyond this, a table of times is slow to merge and no answer any more.
_MOST_ROWS = 2_000_000
_HORIZON, _OPEN = "(end)", "(open)"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ConversionResult(CellsResult):
    """How soon customers reached an outcome, by the time since their entry.

    Parameters
    ----------
    table
        One row a time at which anything happened, for each segment and outcome: ``segment`` (only with `by`;
        null where there is no value), ``outcome`` (only with `competing`: the events that decide),
        ``time_seconds`` (since the entry), ``at_risk`` (customers watched that long and not decided before),
        ``reached`` (of them, those who reached the outcome at this time), ``censored`` (those who were watched
        no longer than this), ``share`` (of all who entered, the estimated share that reached the outcome by
        this time, 0 to 1), ``share_low``, ``share_high`` (its 95 % interval; null where the share is 0 or 1).
    fates
        Number of customers by segment and by what decided: an event, ``(end)`` for the horizon, ``(open)`` for
        the end of the data.
    """

    analysis: ClassVar[str] = "conversion"

    fates: Table

    def at(self, *times: Duration) -> ResultTable:
        """Which share has reached the outcome after so long?

        Parameters
        ----------
        *times
            Times since the entry, such as ``"1d", "7d", "30d"``; inclusive.

        Returns
        -------
        ResultTable
            One row a time, for each segment and outcome: ``segment``, ``outcome``, ``time_seconds``, ``at_risk``
            (customers not decided before that time), ``reached`` (up to it), ``share``, ``share_low``,
            ``share_high`` (0 to 1; null where nobody was watched that long, the interval also where the share
            is 0 or 1).
        """
        if not times:
            raise ArgumentError('at() needs at least one time since the entry, such as "7d"')
        seconds = [_args.microseconds(time, "time") / 1e6 for time in times]
        rows: list[dict[str, Any]] = []
        for key, curve in curves_of(self):
            found = curve.read(seconds, Z)
            rows += [
                key | {"time_seconds": time} | {name: values[place] for name, values in found.items()}
                for place, time in enumerate(seconds)
            ]
        return self._rows(rows, {"at_risk": np.int64, "reached": np.int64}, shares=frozenset(_SHARES))

    def median(self) -> ResultTable:
        """After how long has half of the customers reached the outcome?

        Returns
        -------
        ResultTable
            One row a segment and outcome: ``segment``, ``outcome``, ``median_seconds`` (the first time at which
            the share is a half or more), ``low_seconds``, ``high_seconds`` (the first time at which the upper
            and the lower bound of the share are: Brookmeyer and Crowley 1982, doi:10.2307/2530286); null where
            that was not reached.
        """
        names = ("median_seconds", "low_seconds", "high_seconds")
        rows = [key | dict(zip(names, curve.median(Z), strict=True)) for key, curve in curves_of(self)]
        return self._rows(rows)

    def restricted_mean(self, until: Duration) -> ResultTable:
        """How long does it take on average, if at most so long is counted?

        Parameters
        ----------
        until
            The longest time that is counted, such as ``"30d"``; who has not reached the outcome by then counts as
            this.

        Returns
        -------
        ResultTable
            One row a segment and outcome: ``segment``, ``outcome``, ``until_seconds``, ``mean_seconds``,
            ``low_seconds``, ``high_seconds`` (normal 95 % interval from Greenwood's variance; null without
            variance). Null where nobody was watched that long.

        Notes
        -----
        The restricted mean survival time, the area under the curve of those who have not yet reached the outcome
        (Royston and Parmar 2013, doi:10.1186/1471-2288-13-152; R's ``survRM2``). With competing outcomes it is the
        area above the cumulative incidence of each: who came to another outcome never reaches this one.
        """
        limit = _args.microseconds(until, "until") / 1e6
        rows = []
        for key, curve in curves_of(self):
            mean, variance = curve.restricted_mean(limit)
            half = Z * variance**0.5 if variance > 0 else np.nan
            rows.append(
                key
                | {
                    "until_seconds": limit,
                    "mean_seconds": mean,
                    "low_seconds": np.maximum(mean - half, 0.0),
                    "high_seconds": np.minimum(mean + half, limit),
                }
            )
        return self._rows(rows)

    def log_rank(self, outcome: str | None = None) -> ResultTable:
        """Do the segments differ by more than chance?

        Parameters
        ----------
        outcome
            The outcome to compare, as the column ``outcome`` names it; by default the conversion.

        Returns
        -------
        ResultTable
            One row: ``segments`` (compared), ``chi_squared``, ``degrees_of_freedom``, ``p_value``; null where
            nothing can be compared. Customers without a segment are left out.

        Notes
        -----
        The log-rank test of k groups with hypergeometric variance (Mantel 1966; Peto and Peto 1972,
        doi:10.2307/2344317; R's ``survdiff``). With competing outcomes it compares how fast the outcome comes to
        those who are not yet decided (the cause-specific hazard), so that the others count as censored.
        """
        names, curves = self._compared(outcome)
        statistic, degrees, p_value = log_rank(curves)
        row = {
            "segments": len(names),
            "chi_squared": statistic,
            "degrees_of_freedom": degrees,
            "p_value": p_value,
        }
        return self._rows([row], {"segments": np.int64, "degrees_of_freedom": np.int64})

    def log_rank_pairs(self, outcome: str | None = None) -> ResultTable:
        """Which segments differ by more than chance?

        Parameters
        ----------
        outcome
            As of `log_rank`.

        Returns
        -------
        ResultTable
            One row a pair of segments: ``segment``, ``other``, ``chi_squared``, ``p_value`` (log-rank test of the
            two), ``p_adjusted`` (the same after Holm's correction (1979) for the number of pairs).
        """
        names, curves = self._compared(outcome)
        columns = log_rank_pairs(names, curves)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def balance(self) -> ResultTable:
        """What became of the customers that entered?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``entered``, ``converted``, ``competing`` (came to another
            outcome first), ``stopped`` (by a `stop` event), ``beyond_horizon`` (watched for the whole horizon
            without one), ``still_open`` (the data ended before); customers. The last five add up to the first.
        """
        return ResultTable(self.fates, self.definition, self.timezone)

    def _compared(self, outcome: str | None) -> tuple[list[str], list[Curve]]:
        """Segments with their curves."""
        if "segment" not in self.columns:
            raise ArgumentError("there is one segment only; to compare segments, give the question by=...")
        outcomes = list(dict.fromkeys(self.table.numpy("outcome")[0])) if "outcome" in self.columns else []
        if outcome is not None and outcome not in outcomes:
            available = _args.listing(outcomes) or "only the conversion; others come with competing=[...]"
            raise ArgumentError(
                f"outcome={outcome!r} is not an outcome of this result{_args.suggestion(str(outcome), outcomes)} "
                f"(available: {available})"
            )
        wanted = outcome if outcome is not None or not outcomes else outcomes[0]
        found = [
            (key["segment"], curve)
            for key, curve in curves_of(self)
            if key["segment"] is not None and key.get("outcome") == wanted
        ]
        return [name for name, _ in found], [curve for _, curve in found]

    def _rows(
        self, rows: list[dict[str, Any]], whole: dict[str, type] | None = None, **options: Any
    ) -> ResultTable:
        """A table of rows; numbers are floats, null where NaN, unless they are whole."""
        names = list(rows[0]) if rows else []
        columns: dict[str, object] = {}
        for name in names:
            values = [row[name] for row in rows]
            if name in ("segment", "outcome"):
                columns[name] = values
            elif whole is not None and name in whole:
                columns[name] = np.array(values, dtype=whole[name])
            else:
                columns[name] = _table.nullable(np.array(values, dtype=np.float64))
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, **options)


@dataclass(frozen=True, slots=True)
class Conversion(Spec[ConversionResult]):
    """The question of `EventLog.conversion`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Conversion("purchase", start="signup", horizon="12w").horizon
    '84d'
    """

    analysis: ClassVar[str] = "conversion"

    end: str | Sequence[str]
    _: KW_ONLY
    start: str | Sequence[str] | None = None
    stop: str | Sequence[str] | None = None
    competing: str | Sequence[str] | None = None
    horizon: Duration | None = None
    resolution: Duration = "1s"
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        roles: dict[str, str] = {}
        for role in ("start", "end", "stop", "competing"):
            # Only a conversion must be named.
            if getattr(self, role) is None and role != "end":
                continue
            object.__setattr__(self, role, _args.names(getattr(self, role), role))
            # The same event may begin and end a wait, but it ends it in one way.
            for name in getattr(self, role) if role != "start" else ():
                if name in roles:
                    raise ArgumentError(
                        f'the event "{name}" is given for both {roles[name]}= and {role}=; what decides a wait '
                        "can mean one thing only, so leave it out of one"
                    )
                roles[name] = role
        if self.competing is not None and self._label in self.competing:
            raise ArgumentError(f'the outcomes of end= and competing= are both called "{self._label}"')
        for name in ("horizon", "resolution"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _args.duration(getattr(self, name), name))
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    @property
    def _label(self) -> str:
        return " or ".join(self.end)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        events = log.events
        for role in ("start", "end", "stop", "competing"):
            _args.known_events(getattr(self, role) or (), events, role)
        _args.known_segment(self.by, log.columns, log.roles)
        params = {
            "start": self.start,
            "outcomes": [*self.end, *(self.competing or ()), *(self.stop or ())],
            "horizon_us": None if self.horizon is None else _args.microseconds(self.horizon),
            "resolution_us": _args.microseconds(self.resolution),
            "max_rows": _MOST_ROWS,
        }
        return {"params": params, "by": self.by, "at": self.at}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        """How long each customer was watched, and the outcome that ended it; null for none."""
        times, missing = rows["time_us"]
        kept: dict[str, Column] = {
            name: rows[name] for name in ("segment", "customer", "outcome") if name in rows
        }
        return {**kept, "time_seconds": (times / 1e6, missing)}

    def finish(self, partial: Table, log: Log) -> ConversionResult:
        """The curves from the customers at each time and outcome."""
        competing = self.competing or ()
        labels = [self._label, *competing]
        # What each label of the kernel means: an outcome by its number, or none of them.
        fate = dict.fromkeys(self.end, 0) | {name: 1 + i for i, name in enumerate(competing)}
        segment, segments = _table.segments(partial)
        outcome, outcomes = partial.codes("outcome")
        time, customers = (_table.integers(partial, name) for name in ("time_us", "customers"))
        column = np.array([fate.get(str(name), len(labels)) for name in outcomes], dtype=np.int64)
        parts: list[dict[str, object]] = []
        balance = np.zeros((len(segments), len(outcomes)), dtype=np.int64)
        np.add.at(balance, (segment, outcome), customers)
        for group, rows in enumerate(_rows_of(segment, len(segments))):
            times, row = np.unique(time[rows], return_inverse=True)
            counts = np.zeros((len(times), len(labels) + 1), dtype=np.int64)
            np.add.at(counts, (row, column[outcome[rows]]), customers[rows])
            at_risk = counts.sum(axis=1)[::-1].cumsum()[::-1]
            left = counts[:, :-1].sum(axis=1)
            for number, label in enumerate(labels):
                curve = Curve(times / 1e6, at_risk, counts[:, number], left, counts[:, -1])
                low, high = curve.interval(Z)
                parts.append(
                    {
                        "segment": [segments[group]] * len(times),
                        "outcome": [label] * len(times),
                        "time_seconds": curve.time,
                        "at_risk": at_risk,
                        "reached": curve.reached,
                        "censored": curve.censored,
                        "share": curve.share(),
                        "share_low": low,
                        "share_high": high,
                    }
                )
        return ConversionResult(
            _table.table_of(_put_together(parts, self.by is not None, bool(competing))),
            self._definition(log),
            log.timezone,
            self.to_json(),
            self._fates(balance, segments, outcomes),
            shares=frozenset(_SHARES),
        )

    def _fates(
        self, balance: Integers, segments: Sequence[str | None], outcomes: Sequence[str | None]
    ) -> Table:
        """Customers of each segment by what decided."""
        kinds = {
            "converted": self.end,
            "competing": self.competing or (),
            "stopped": self.stop or (),
            "beyond_horizon": (_HORIZON,),
            "still_open": (_OPEN,),
        }
        columns: dict[str, object] = {} if self.by is None else {"segment": list(segments)}
        columns["entered"] = balance.sum(axis=1)
        for kind, names in kinds.items():
            chosen = [i for i, name in enumerate(outcomes) if name in names]
            columns[kind] = balance[:, chosen].sum(axis=1)
        return _table.table_of(columns)

    def _definition(self, log: Log) -> Said:
        start = (
            Said("first event")
            if self.start is None
            else Said("first {events} event", events=Listed(self.start, " or "))
        )
        limits: list[Spoken] = [] if self.stop is None else [_either(self.stop)]
        if self.horizon is not None:
            limits.append(Said("{length} after it", length=Length(self.horizon)))
        until: Spoken = observed(log)
        if limits:
            until = Said("{limits}, whichever comes first", limits=Listed([*limits, until], ", or "))
        followed = Said(
            "Customers are followed from their {start} to the first {events} event later in their order of events (at "
            "the same time also counts); who has none is watched until {until}.",
            start=start,
            events=Listed(self.end, " or "),
            until=until,
        )
        return paragraph(
            followed,
            *self._estimate(),
            Said("Times are rounded down to {resolution}.", resolution=Length(self.resolution)),
            segments(self.by, at_words(self.at, Said("at the entry"))),
        )

    def _estimate(self) -> list[Said]:
        """What the share is, for the definition."""
        if self.competing is None:
            return [
                Said(
                    "share is the Kaplan-Meier estimate of the share of them that has come to the outcome within the "
                    "time, where who was watched for less counts for as long as that, with its log-log 95 % interval."
                )
            ]
        return [
            Said(
                "share is the Aalen-Johansen estimate of the share of them that has come to the outcome within the "
                "time, where who was watched for less counts for as long as that, with its log-log 95 % interval."
            ),
            Said(
                "Who comes to {events} first never counts for another outcome.",
                events=_either(self.competing),
            ),
        ]


def _either(names: Sequence[str]) -> Said:
    return Said("a {events} event", events=Listed(names, " or "))


def curves_of(result: ConversionResult) -> Iterator[tuple[dict[str, Any], Curve]]:
    """The curve of each segment and outcome, in the order of the table."""
    table = result.table
    names = [name for name in ("segment", "outcome") if name in result.columns]
    keys = [table.numpy(name)[0].tolist() for name in names]
    time = table.numpy("time_seconds")[0]
    counts = [_table.integers(table, name) for name in ("at_risk", "reached", "censored")]
    # Time rises inside a curve; a new one may also begin later than the last ended.
    begins = np.diff(time, prepend=np.inf) <= 0
    for name in names:
        values = table.numpy(name)[0]
        begins[1:] |= values[1:] != values[:-1]
    starts = np.flatnonzero(begins)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(time)], strict=True):
        at_risk, reached, censored = (values[start:end] for values in counts)
        left = at_risk - censored - np.append(at_risk[1:], 0)
        key: dict[str, Any] = {name: values[start] for name, values in zip(names, keys, strict=True)}
        yield key, Curve(time[start:end], at_risk, reached, left, censored)


def _rows_of(code: Integers, number: int) -> list[Integers]:
    """The rows of each code."""
    order = np.argsort(code, kind="stable")
    return np.split(order, np.cumsum(np.bincount(code, minlength=number))[:-1]) if len(code) else []


def _put_together(
    parts: Sequence[dict[str, object]], by_segment: bool, by_outcome: bool
) -> dict[str, object]:
    """The columns of all parts, one below the other."""
    wanted = {"segment": by_segment, "outcome": by_outcome}
    columns: dict[str, object] = {
        name: [value for part in parts for value in cast("list[str]", part[name])]
        for name in wanted
        if wanted[name]
    }
    kinds = {"time_seconds": np.float64, "at_risk": np.int64, "reached": np.int64, "censored": np.int64}
    for name in (*kinds, *_SHARES):
        empty: Floats = np.zeros(0, dtype=kinds.get(name, np.float64))
        columns[name] = np.concatenate([empty, *(cast("Floats", part[name]) for part in parts)])
    for name in _SHARES:
        columns[name] = _table.nullable(cast("Floats", columns[name]))
    return columns


def conversion(
    log: Log,
    end: str | Sequence[str],
    *,
    start: str | Sequence[str] | None = None,
    stop: str | Sequence[str] | None = None,
    competing: str | Sequence[str] | None = None,
    horizon: Duration | None = None,
    resolution: Duration = "1s",
    by: str | None = None,
    at: At = "entry",
) -> ConversionResult:
    """How soon do customers convert, fairly counted while many still may?

    Parameters
    ----------
    end
        The event, or events of which any will do, that is the conversion.
    start
        The event, or events, of which the first is the customer's entry; by default the first event of any kind.
    stop
        Events after which a customer is no longer watched, because what comes then says nothing about
        the conversion; as if the data had ended there. A customer who can never convert afterwards belongs in
        `competing` instead.
    competing
        Events that end the wait in another way, such as ``"cancel"``: each is an outcome of its own, and who
        came to it first can't convert any more.
    horizon
        The longest time after the entry that is looked at, such as ``"90d"``; inclusive. By default all of it.
    resolution
        Times are rounded down to a multiple of this; ``"1s"`` by default, as fine as most clocks. A log of many
        millions of customers may have more different times than a table holds, and then needs a coarser one.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the entry (default), the customer's first event, or the
        last. The last may lie after the conversion and depend on it, which makes segments differ that do not.
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.

    Returns
    -------
    ConversionResult
        One row a time at which anything happened, for each segment and outcome: ``segment`` (only with `by`),
        ``outcome`` (only with `competing`), ``time_seconds``, ``at_risk``, ``reached``, ``censored``
        (customers), ``share``, ``share_low``, ``share_high`` (0 to 1). `ConversionResult.at` gives the shares
        at chosen times, `ConversionResult.median` the median time, `ConversionResult.restricted_mean` the mean,
        `ConversionResult.log_rank` and `ConversionResult.log_rank_pairs` compare segments,
        `ConversionResult.balance` says what became of everybody.

    Notes
    -----
    Who entered yesterday had one day to convert. Such a customer counts in the denominator for one day and not
    longer (is censored), where a plain share would take "not yet" for "no". A conversion must come later than the
    entry in the customer's order of events, so that the same event can be both, and may come at the same time. A
    conversion and the end of a watch at the same time count as the conversion first.

    The share is 1 - S of Kaplan and Meier (1958, doi:10.2307/2281868), with `competing` the cumulative incidence of
    Aalen and Johansen (1978), never 1 - S of each cause alone, which would add up to more than happened. Its variance
    is Greenwood's, with `competing` by the delta method; the 95 % interval is that of the log-log transformation of
    one minus the share (Kalbfleisch and Prentice 1980), which is not defined where the share is 0 or 1. All assume
    that customers who entered lately convert as those before did. Twins: R's ``survival::survfit`` with
    ``conf.type="log-log"``, ``lifelines.KaplanMeierFitter``, ``lifelines.AalenJohansenFitter``.

    Examples
    --------
    Ann buys after one day, Bob has not in two, Cem not in three:

    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-02", "2026-03-01"],
    ...         "event": ["signup", "purchase", "signup", "signup"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-03-04",
    ... )
    >>> result = log.conversion("purchase", start="signup")
    >>> result.at("1d", "7d").to_dict()["share"]
    [0.33333333333333337, None]
    """
    return Conversion(
        end,
        start=start,
        stop=stop,
        competing=competing,
        horizon=horizon,
        resolution=resolution,
        by=by,
        at=at,
    ).run(log)
