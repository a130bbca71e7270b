"""Journeys: from the first event to a conversion, a stop or a long silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Duration, DurationUnit
from safar.analyses._cut_explanation import explained
from safar.analyses._cutting import (
    Events,
    Gaps,
    check_cuts,
    counts_of,
    cut_params,
    cut_sentences,
    events_words,
    extent,
    groups_of,
    numbered,
    steps_of,
)
from safar.analyses._spec import Spec, observed, segments
from safar.errors import ArgumentError
from safar.explanation import Explanation
from safar.language import Length, Said, paragraph
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Journeys", "JourneysResult", "journeys", "with_journeys"]

_OUTCOMES = {
    "ends": "{event} ends the journey it belongs to, which is then converted.",
    "stops": "{event} ends the journey it belongs to, which is then stopped.",
}

_STATUSES = ("converted", "stopped", "ended", "open")
# Of more chains than this, most occur once and say little.
_MOST_CHAINS = 100_000
_MOST_TOUCHES = 1_000
_BETWEEN = " → "
_CUT = "…"


class JourneysResult(Result):
    """Every journey of every customer.

    Parameters
    ----------
    table
        One row a journey: ``segment`` (only with `by`; null where there is no value), ``customer`` (as given),
        ``journey`` (from 1 for each customer), ``start``, ``end`` (times of the first and the last event; with
        `duration` the latest end of an event), ``status`` (``converted``, ``stopped``, ``ended`` or ``open``),
        ``settled`` (a whole gap after its end was observed, whatever its status), ``events`` (number), ``channels``
        (different ones), ``switches`` (changes from one channel to another; both null in a log without channels),
        ``value`` (sum; null where no event has one), ``first_touch``, ``last_touch`` (channel of the first and
        the last event, null where it has none; in a log without channels the names of these events),
        ``conversion`` (the event that converted it, else null).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "journeys"

    def explain(self, customer: object) -> Explanation:
        """Why do a customer's events stand in the journey where they do?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            The customer's events with a ``decision`` for each, and the conclusion in words.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "ann"],
        ...         "time": ["2026-03-01", "2026-03-02", "2026-03-03"],
        ...         "event": ["view", "purchase", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> log.journeys(ends="purchase").explain("ann").to_dict()["decision"][2]
        'journey 2 begins: "purchase" ended the one before'
        """
        return explained(Spec.from_json(self.spec), self._asked(), customer, self.definition)

    def summary(self) -> ResultTable:
        """How many journeys are there, what became of them, and how long are they?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``journeys``, ``customers``, ``converted``, ``stopped``,
            ``ended``, ``open`` (journeys; they add up), ``settled`` (journeys after which a whole gap was observed),
            ``settled_converted`` (of them, converted), ``converted_share`` (the latter of the former, 0 to 1, with
            the ``_low`` and ``_high`` of its 95 % Wilson interval; null without `ends`), ``mean_events``,
            ``median_events``, ``mean_duration_seconds``, ``median_duration_seconds`` (of all journeys, open ones as
            long as they are so far), ``value`` (sum; null where no journey has one).

        Notes
        -----
        An open journey is no failure, so it can't be in the denominator. Nor may all converted ones be in the
        numerator: a conversion closes its journey at once, a failure only after the gap, so near the end of the data
        the closed journeys are mostly converted ones. The share therefore looks at the journeys whose gap after the
        last event was over at `observed_until`, converted or not; others are left out of both. Wilson's score interval
        (1927, doi:10.1080/01621459.1927.10502953) takes journeys as independent.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob", "cem"],
        ...         "time": ["2026-01-01", "2026-01-02", "2026-01-05", "2026-03-01"],
        ...         "event": ["view", "purchase", "view", "purchase"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> summary = log.journeys("30d", ends="purchase").summary().to_dict()
        >>> summary["converted"], summary["settled_converted"], summary["converted_share"]
        ([2], [1], [0.5])
        """
        columns, groups, customers = groups_of(self.table, "journey")
        status = self.table.numpy("status")[0]
        settled = self.table.numpy("settled")[0].astype(bool)
        value, missing = self.table.numpy("value")
        given = np.ones(len(self), dtype=bool) if missing is None else ~missing
        sums = [value[rows][given[rows]].sum() if given[rows].any() else np.nan for rows in groups]
        columns |= {
            "journeys": np.array([len(rows) for rows in groups], dtype=np.int64),
            "customers": np.array(customers, dtype=np.int64),
            **{name: counts_of(groups, status == name) for name in _STATUSES},
            **_shares(
                counts_of(groups, settled),
                counts_of(groups, settled & (status == "converted")),
                converts=json.loads(self.spec)["ends"] is not None,
            ),
            **extent(self.table, groups),
            "value": _table.nullable(np.array(sums, dtype=np.float64)),
        }
        return ResultTable(
            _table.table_of(columns), self.definition, self.timezone, shares=_names("converted_share")
        )

    def chains(self, top: int | None = 20, *, most_touches: int | None = None) -> ResultTable:
        """Through which channels do journeys lead, one after the other, and how many of them convert?

        Parameters
        ----------
        top
            How many of the most frequent chains are given, of each segment; 20 by default, ``None`` for all.
        most_touches
            Longer chains are cut after so many channels and marked with ``…``; by default chains are whole.

        Returns
        -------
        ResultTable
            One row a chain, for each segment, the most frequent first: ``segment`` (only with `by`), ``chain`` (such
            as ``web → email → store``, channels of successive events with repeats in a row counted once; null for
            journeys without any), ``touches`` (channels that the chain shows), ``journeys``, ``customers``, ``open``,
            ``share`` (of all journeys), ``coverage`` (share of the journeys with this chain or one above it),
            ``converted``, ``settled``, ``settled_converted``, ``converted_share`` (as of `summary`); both shares with
            the ``_low`` and ``_high`` of a 95 % Wilson interval.

        Notes
        -----
        Events without a channel are passed over. In a log without channels, the events stand in for them. Chains of
        equal frequency stand in the order of their names. More than 100,000 different chains are refused. An arrow
        or backslash that belongs to a name has a backslash before it.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "ann", "bob"],
        ...         "time": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-03"],
        ...         "event": ["view", "view", "purchase", "view"],
        ...         "channel": ["web", "web", "store", "web"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ...     channel="channel",
        ... )
        >>> log.journeys(ends="purchase").chains().to_dict()["chain"]
        ['web', 'web → store']
        """
        log = self._asked()
        if top is not None:
            _args.whole(top, "top", most=_MOST_CHAINS)
        if most_touches is not None:
            _args.whole(most_touches, "most_touches", most=_MOST_TOUCHES)
        question = cast("Journeys", Spec.from_json(self.spec))
        plan = question.plan(log)
        plan["params"] = {"cut": plan["params"], "most_touches": most_touches, "most_chains": _MOST_CHAINS}
        partial = log.ask("journeys_chains", plan)
        chains, cut = partial.numpy("chain")[0], partial.numpy("cut")[0].astype(bool)
        names = ("journeys", "customers", "open", "converted", "settled", "settled_converted")
        counts = {name: _table.integers(partial, name) for name in names}
        segment, segments = _table.segments(partial)
        rows = range(len(segment))
        ranked = sorted(
            rows, key=lambda row: (segment[row], -counts["journeys"][row], tuple(chains[row]), cut[row])
        )
        order = np.array(ranked, dtype=np.int64)
        in_segment = segment[order]
        starts = np.flatnonzero(np.diff(in_segment, prepend=-1))
        lengths = np.diff(starts, append=len(order))
        journeys = counts["journeys"][order]
        running = np.cumsum(journeys)
        before = running[starts] - journeys[starts]
        of_all = np.repeat(np.add.reduceat(journeys, starts) if len(starts) else journeys, lengths)
        coverage = (running - np.repeat(before, lengths)) / np.maximum(of_all, 1)
        place = np.arange(len(order)) - np.repeat(starts, lengths)
        kept = np.flatnonzero(place < (len(order) if top is None else top))
        chosen = order[kept]
        columns: dict[str, object] = {}
        if question.by is not None:
            columns["segment"] = _table.named(segment[chosen], segments)
        columns["chain"] = [_text(chains[row], cut=bool(cut[row])) for row in chosen.tolist()]
        columns["touches"] = np.array([len(chains[row]) for row in chosen.tolist()], dtype=np.int64)
        columns |= {name: counts[name][chosen] for name in ("journeys", "customers", "open")}
        columns |= share_columns("share", counts["journeys"][chosen], of_all[kept])
        columns["coverage"] = coverage[kept]
        columns["converted"] = counts["converted"][chosen]
        columns |= _shares(
            counts["settled"][chosen],
            counts["settled_converted"][chosen],
            converts=question.ends is not None,
        )
        shown = Said("channels") if log.channels else Said("events")
        chain = "A chain is the {shown} of a journey one after the other, repeats in a row counted once."
        if most_touches is not None:
            chain = (
                "A chain is the {shown} of a journey one after the other, repeats in a row counted once, cut after "
                "{most}."
            )
        definition = paragraph(
            Said(chain, shown=shown, most=most_touches),
            Said("share is its part of all journeys."),
            self.definition,
        )
        shares = _names("share") | _names("converted_share") | {"coverage"}
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=shares)


def _shares(settled: np.ndarray, settled_converted: np.ndarray, *, converts: bool) -> dict[str, object]:
    """The denominator, the numerator and the share of the converted; no share where nothing converts."""
    trials = settled if converts else np.zeros_like(settled)
    return {
        "settled": settled,
        "settled_converted": settled_converted,
        **share_columns("converted_share", settled_converted, trials),
    }


def _names(share: str) -> frozenset[str]:
    return frozenset({share, f"{share}_low", f"{share}_high"})


def _text(names: Sequence[str], *, cut: bool) -> str | None:
    """A chain as text, null where there is none."""
    parts = [name.replace("\\", "\\\\").replace("→", "\\→") for name in names]
    parts = [f"\\{part}" if part == _CUT else part for part in parts]
    return _BETWEEN.join([*parts, _CUT] if cut else parts) or None


@dataclass(frozen=True, slots=True)
class Journeys(Spec[JourneysResult]):
    """The question of `EventLog.journeys`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Journeys(ends=["purchase", "order"]).ends[0].events
    ('purchase', 'order')
    """

    analysis: ClassVar[str] = "journeys"

    gap: Duration = "30d"
    _: KW_ONLY
    ends: Events | None = None
    stops: Events | None = None
    gaps: Gaps | None = None
    start_events: Events | None = None
    duration: str | None = None
    duration_unit: DurationUnit = "s"
    by: str | None = None

    def __post_init__(self) -> None:
        check_cuts(self, "start_events", "ends", "stops")
        plain = [
            {name for step in steps_of(self, argument) if step.where is None for name in step.events}
            for argument in ("ends", "stops")
        ]
        both = sorted(plain[0] & plain[1])
        if both:
            raise ArgumentError(
                f'"{both[0]}" stands in ends and in stops; a journey that it ends is either converted or stopped'
            )

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        params = cut_params(self, log, starts="start_events", ends="ends", stops="stops")
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> JourneysResult:
        """The journeys as the kernel gave them."""
        return JourneysResult(partial, self._definition(log), log.timezone, self.to_json())

    def _definition(self, log: Log) -> Said:
        outcomes = [
            Said(text, event=events_words(steps_of(self, argument)))
            for argument, text in _OUTCOMES.items()
            if steps_of(self, argument)
        ]
        share = (
            "converted_share is the part of the settled journeys (those after whose end a whole gap was observed) "
            "that are converted, with its 95 % Wilson interval."
        )
        return paragraph(
            Said(
                "A journey is a run of one customer's events with no pause longer than {gap} (a pause of exactly that "
                "still belongs to it).",
                gap=Length(self.gap),
            ),
            *outcomes,
            Said(
                "Any other is open while that time since its last event was not over at {end}, and else ended.",
                end=observed(log),
            ),
            *cut_sentences(self, Said("journey")),
            None if self.ends is None else Said(share),
            segments(self.by, Said("at the first event of the journey")),
        )


def journeys(
    log: Log,
    gap: Duration = "30d",
    *,
    ends: Events | None = None,
    stops: Events | None = None,
    gaps: Gaps | None = None,
    start_events: Events | None = None,
    duration: str | None = None,
    duration_unit: DurationUnit = "s",
    by: str | None = None,
) -> JourneysResult:
    """What are the journeys of each customer, and how did they end?

    Parameters
    ----------
    gap
        The longest silence inside a journey, such as ``"30d"`` (the default, the usual lookback of attribution) or
        a timedelta. A pause **longer** than this ends the journey; one of exactly this length does not.
    ends
        Events that convert, such as ``"purchase"`` or ``safar.step("order", where="value > 0")``: a name, a step,
        or a list of both. The event belongs to the journey that it ends; the next event begins a new one. By default
        none, because only you know what a conversion is.
    stops
        Events that end a journey without a conversion, such as ``"unsubscribe"``. By default none.
    gaps
        Channels after whose events another gap holds, such as ``{"store": "90d"}``; by default `gap` holds after
        all.
    start_events
        Events that begin a new journey whatever the pause. By default none.
    duration, duration_unit
        The column that says how long an event lasts, and its unit; as of `EventLog.sessions`.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) whose value at the first event of the
        journey is given as ``segment``.

    Returns
    -------
    JourneysResult
        One row a journey: ``segment`` (only with `by`), ``customer``, ``journey`` (from 1 for each customer),
        ``start``, ``end`` (times), ``status`` (``converted``, ``stopped``, ``ended``, ``open``), ``settled``,
        ``events``, ``channels``, ``switches`` (numbers), ``value`` (sum), ``first_touch``, ``last_touch``,
        ``conversion`` (event). `JourneysResult.summary` counts them with the share that converts,
        `JourneysResult.chains` the channels that they lead through, and `EventLog.with_journeys` makes their numbers
        a column of the log.

    Notes
    -----
    A journey is ``open`` while the gap after its end is not over at `observed_until` and no event ended it. One that
    the next start event ended is ``ended``. Events at equal times follow each other in the order of the data, also
    around a conversion: what is stored after it belongs to the next journey. An event that `ends` and `stops` both
    match converts. Every event is in exactly one journey. What happened before the data begin is not known, so a
    customer's first journey may be longer than it looks.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann", "bob"],
    ...         "time": ["2026-01-01", "2026-01-02", "2026-03-01", "2026-01-05"],
    ...         "event": ["view", "purchase", "view", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> journeys = log.journeys("30d", ends="purchase").to_dict()
    >>> sorted(zip(journeys["customer"], journeys["journey"], journeys["status"]))
    [('ann', 1, 'converted'), ('ann', 2, 'open'), ('bob', 1, 'ended')]
    """
    question = Journeys(
        gap,
        ends=ends,
        stops=stops,
        gaps=gaps,
        start_events=start_events,
        duration=duration,
        duration_unit=duration_unit,
        by=by,
    )
    return question.run(log)


def with_journeys(
    log: EventLog,
    gap: Duration = "30d",
    *,
    ends: Events | None = None,
    stops: Events | None = None,
    gaps: Gaps | None = None,
    start_events: Events | None = None,
    duration: str | None = None,
    duration_unit: DurationUnit = "s",
    column: str = "journey",
) -> EventLog:
    """Which journey does each event belong to?

    Parameters
    ----------
    gap, ends, stops, gaps, start_events, duration, duration_unit
        What makes a journey; as of `EventLog.journeys`.
    column
        How the new column is called.

    Returns
    -------
    EventLog
        This log with a column that numbers the journeys of each customer from 1, as the table of `EventLog.journeys`
        does: for conditions, `by` and `hold`, and for `EventLog.per`, which makes journeys the unit of all analyses.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann", "ann"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    ...         "event": ["view", "purchase", "view", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> paths = log.with_journeys(ends="purchase").per("journey").paths()
    >>> paths.to_dict()["path"]
    ['view > purchase', 'view > view']
    """
    question = Journeys(
        gap,
        ends=ends,
        stops=stops,
        gaps=gaps,
        start_events=start_events,
        duration=duration,
        duration_unit=duration_unit,
    )
    return numbered(log, question.run(log).table, "journey", column)
