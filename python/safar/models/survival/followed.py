"""Customers of a log as rows for survival: since when, watched from when, for how long, and what ended it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from safar import _args, _core, _table
from safar._log import Log
from safar._typing import Duration, Instant, Integers
from safar.analyses._spec import observed
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Length, Listed, Moment, Said, Span, Spoken, paragraph
from safar.log import EventLog
from safar.models.survival.following import GONE, LATER, UNKNOWN, Asked, Part
from safar.models.survival.watched import Watched
from safar.result import ResultTable
from safar.spoken import SpokenTable, spoken_columns

__all__ = ["TenuresResult", "UnitOfTenure", "tenures"]

UnitOfTenure: TypeAlias = Literal["second", "minute", "hour", "day", "week"]

_US: dict[str, int] = {"second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}
_US |= {"day": 86_400_000_000, "week": 604_800_000_000}
_WORDS = {"second": "seconds", "minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}
# Columns of the result that no column of the log may have.
_OWN = ("customer", "began", "entry", "duration", "event")
# By the reason for which a customer has no row: what a table calls it, and what is said of one and of several.
_LEFT_OUT = {
    UNKNOWN: ("no beginning known", '1 customer has no "{since}".', '{number} customers have no "{since}".'),
    LATER: (
        "began after the data end",
        "1 customer began after the data end.",
        "{number} customers began after the data end.",
    ),
    GONE: (
        "gone before the watch began",
        "1 customer had gone before the watch began.",
        "{number} customers had gone before the watch began.",
    ),
}
FOLLOWED = (
    "Customers are followed from their {start} to the first {end} later in their order of events; who has none is "
    "watched until {until}, whichever comes first."
)
_FOLLOWED_SINCE = (
    'Customers are followed from the instant in "{column}" to the first {end} from then on; who has none is watched '
    "until {until}, whichever comes first. The watch begins at {moment}: who began before is at risk from then on."
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TenuresResult(ResultTable):
    """Since when is each customer one, and for how long?

    Parameters
    ----------
    table
        One row a customer; `tenures` lists the columns.
    left_out
        Customers without a row, one row a reason: ``reason``, ``customers``.
    unit
        What times are counted in.
    """

    _: KW_ONLY
    left_out: SpokenTable
    unit: UnitOfTenure
    _asked: Asked
    _source: Log

    @property
    def causes(self) -> tuple[str, ...]:
        """What may end the time of a customer, where there are several such things."""
        return self._asked.names

    def watched(self) -> Watched:
        """The rows for curves."""
        entry, duration = (self.table.numpy(name)[0].astype(np.float64) for name in ("entry", "duration"))
        if self.causes:
            codes, texts = self.table.codes("event")
            numbers = {name: number for number, name in enumerate(self.causes, 1)}
            cause = np.array([numbers.get(text or "", 0) for text in texts], dtype=np.int64)[codes]
        else:
            cause = self.table.numpy("event")[0].astype(np.int64)
        # Who was there from the beginning is at risk at time 0, too.
        return Watched(
            np.where(entry == 0, -np.inf, entry), duration, cause, np.ones(len(entry), dtype=np.int64)
        )

    def renewals(self, period: Duration = "30d") -> ResultTable:
        """How many customers are still there after each whole period, for models of contracts?

        Parameters
        ----------
        period
            Length of a period; by default ``"30d"``, about a month, as most contracts have it.

        Returns
        -------
        ResultTable
            One row a cohort and period, as `safar.models.ShiftedBetaGeometric.fit` takes them: ``cohort`` (whole
            periods that its customers could be watched for), ``period`` (from 0, the beginning), ``customers`` (still
            there at its end; who leaves at that very instant is not).

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob", "cem"],
        ...         "time": ["2026-01-01", "2026-02-15", "2026-01-01", "2026-02-01"],
        ...         "event": ["join", "cancel", "join", "join"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ...     observed_until="2026-03-10",
        ... )
        >>> found = safar.tenures(log, start="join", end="cancel").renewals().to_dict()
        >>> list(zip(found["cohort"], found["period"], found["customers"]))
        [(1, 0, 1), (1, 1, 1), (2, 0, 2), (2, 1, 2), (2, 2, 1)]
        """
        length = _args.microseconds(period, "period")
        watched = self.watched()
        late = int(np.isfinite(watched.entry).sum())
        if late:
            raise ArgumentError(
                f"{late:,} customers began before the watch, and models of contracts know no delayed entry; look at "
                "those who came since with start=, or at the curve of survival"
            )
        lasted = np.rint(watched.exit * _US[self.unit]).astype(np.int64)
        began = self.table.numpy("began")[0].astype("datetime64[us]").astype(np.int64)
        ended = watched.cause > 0
        could = np.where(ended, self._asked.until_us - began, lasted) // length
        # Who has left is there at the end of all periods before that.
        stayed = np.where(ended, np.minimum((lasted - 1) // length, could), could)
        rows = []
        for cohort in np.unique(could).tolist():
            own = stayed[could == cohort]
            rows += [
                (cohort, each, int((own >= each).sum()) if each else len(own)) for each in range(cohort + 1)
            ]
        names = ("cohort", "period", "customers")
        columns = {
            name: np.array([row[place] for row in rows], dtype=np.int64) for place, name in enumerate(names)
        }
        counted = Said(
            "A row has the customers who are still there at the end of a period of {length}; cohorts could be watched "
            "for as many whole periods.",
            length=Length(period),
        )
        return ResultTable(_table.table_of(columns), paragraph(self.definition, counted), self.timezone)

    def explain(self, customer: object) -> Explanation:
        """Why does a customer count for so long?

        Parameters
        ----------
        customer
            An id, as the data give it.

        Returns
        -------
        Explanation
            One row an event of the customer, with what it decides.
        """
        asked = self._asked
        one = one_customer(self._source, customer)
        part = Part.of(one, asked)
        times = one.core.view("times").tolist()
        began, start, last = int(part.began[0]), int(part.start[0]), int(part.last[0])
        ends = Said("ends the time of the customer") if part.cause[0] else Said("ends the watch")
        decisions: list[Spoken] = [
            Said("the beginning")
            if place == start
            else ends
            if place == last
            else Said("before the beginning")
            if time < began or place < start
            else Said("after the end: not looked at")
            if 0 <= last < place
            else Said("")
            for place, time in enumerate(times)
        ]
        return explanation(one, customer, decisions, self._told(part), self.definition)

    def _told(self, part: Part) -> list[Spoken]:
        asked, zone = self._asked, self.timezone
        reason = int(part.left_out[0])
        if not part.begins[0]:
            return [Said("The customer never began, and has no row.")]
        if reason >= 0:
            return [Said("The customer has no row: {reason}.", reason=Said(_LEFT_OUT[reason][0]))]
        began, over = int(part.began[0]), int(part.over[0])
        watched = max(began, asked.watched_us)
        ended = Said("an event ended it") if part.cause[0] else Said("nothing had ended it then")
        return [
            Said("A customer since {moment}.", moment=Moment(_args.local_datetime(began, zone))),
            Said("Watched from then on.")
            if watched == began
            else Said("Watched from {moment} on.", moment=Moment(_args.local_datetime(watched, zone))),
            Said(
                "Watched until {moment}, {span} after the beginning: {ended}.",
                moment=Moment(_args.local_datetime(over, zone)),
                span=Span(over - began),
                ended=ended,
            ),
        ]


def tenures(
    log: Log,
    *,
    end: str | Sequence[str],
    since: str | None = None,
    start: str | Sequence[str] | None = None,
    stop: str | Sequence[str] | None = None,
    causes: str | Sequence[str] | None = None,
    columns: str | Sequence[str] = (),
    watched_from: Instant | None = None,
    unit: UnitOfTenure = "day",
) -> TenuresResult:
    """Since when is each customer one, from when on was that watched, for how long, and what ended it?

    The rows that `survival` and `cox` take, where the log is all there is, or where customers are older than it.

    Parameters
    ----------
    log
        The log.
    end
        The event, or events, that end the time of a customer, such as ``"cancel"``.
    since
        The column with the instant at which each customer became one, such as ``"customer_since"`` of the profiles: its
        value at the first event counts. Dates or times, or text of such; without a zone of their own, wall clock of
        the log's zone.
    start
        The event, or events, with which the time of a customer begins instead; by default the first of all.
    stop
        Events that end the watch, though nothing else.
    causes
        Further events that end the time of a customer, of which the first alone happens.
    columns
        Columns of the log whose value at the beginning (with `since`, at the first event) each row keeps, for `by` of
        `survival` and `columns` of `cox`.
    watched_from
        Since when the log holds what happens to customers; by default its first event. Who began before is at risk only
        after it, as those who had gone by then are in no row.
    unit
        What times are counted in; days by default, as of `survival`.

    Returns
    -------
    TenuresResult
        One row a customer, in the order of the log: ``customer``, ``began``, ``entry`` (from when on it was watched,
        after the beginning, in `unit`; 0 from the beginning), ``duration`` (until what ended it or the end of the
        data, in `unit`), ``event`` (whether something ended it; with `causes` what, null for nothing), and `columns`.
        Who has no beginning, began after the data end, or had gone before the watch began has no row, and is counted.

    Notes
    -----
    The end is the first one after the beginning: with `start` in the order of events, with `since` at that instant or
    later. Left truncation: a customer who came before the records began is known only because it stayed until then
    (Klein and Moeschberger 2003, section 3.4). Leaving `entry` out makes the curve too high.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "bob", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-02", "2026-03-11", "2026-03-06"],
    ...         "event": ["visit", "visit", "cancel", "visit"],
    ...         "since": ["2026-02-01", "2026-02-19", "2026-02-19", "2026-03-06"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     attributes=["since"],
    ...     observed_until="2026-03-21",
    ... )
    >>> rows = safar.tenures(log, since="since", end="cancel", watched_from="2026-03-01")
    >>> found = rows.to_dict()
    >>> sorted(zip(found["customer"], found["entry"], found["duration"], found["event"]))
    [('ann', 28.0, 48.0, False), ('bob', 10.0, 20.0, True), ('cem', 0.0, 15.0, False)]
    >>> curve = safar.survival(rows, duration="duration", event="event", entry="entry")
    """
    asked = _asked_of(log, end, since, start, stop, causes, columns, watched_from)
    _args.choice(unit, "unit", UnitOfTenure)
    parts = log.each(partial(_rows, asked=asked, unit=unit))
    table = _core.Table.concat([rows for rows, _, _ in parts])
    left_out = np.sum([counts for _, counts, _ in parts], axis=0)
    definition = _definition(log, asked, unit, left_out)
    if not table.num_rows:
        raise DataError(f"no customer is left to be watched: {definition}")
    never = sum(number for _, _, number in parts)
    words = {"reason": [*(Said(name) for name, _, _ in _LEFT_OUT.values()), Said("never began")]}
    counts = {"customers": np.array([*left_out.tolist(), never], dtype=np.int64)}
    counted = _table.table_of(spoken_columns(words) | counts)
    return TenuresResult(
        table,
        definition,
        log.timezone,
        left_out=SpokenTable(counted, definition, log.timezone, words=words),
        unit=unit,
        _asked=asked,
        _source=log,
    )


def _asked_of(
    log: Log,
    end: str | Sequence[str],
    since: str | None,
    start: str | Sequence[str] | None,
    stop: str | Sequence[str] | None,
    causes: str | Sequence[str] | None,
    columns: str | Sequence[str],
    watched_from: Instant | None,
) -> Asked:
    """The question after a check of every name."""
    named = {"start": start, "end": end, "stop": stop, "causes": causes}
    events = {name: () if each is None else _args.names(each, name) for name, each in named.items()}
    for name, each in events.items():
        _args.known_events(each, log.events, f"{name}:")
    if since is not None:
        if start is not None:
            raise ArgumentError(
                f"since={since!r} and start={start!r} both say when a customer begins; leave one out"
            )
        _args.known_columns_of_log([_args.text(since, "since")], log.columns, "since")
        if log.columns[since].startswith(("Int", "UInt", "Float", "Decimal")):
            raise ArgumentTypeError(
                f'since="{since}" is a column of numbers ({log.columns[since]}); make them dates or times before the '
                "log is built"
            )
    kept = () if columns in ((), []) else _args.names(columns, "columns")
    _args.known_columns_of_log(kept, log.columns, "columns")
    for name in kept:
        if name in _OWN:
            raise ArgumentError(
                f'columns names "{name}", which the result has itself; rename the column of the log'
            )
    ending = [(name, each) for name in ("end", "causes", "stop") for each in events[name]]
    for (one, event), (other, same) in combinations(ending, 2):
        if event == same:
            raise ArgumentError(f'"{event}" stands in {one}= and in {other}=; leave one out')
    until_us = log.observed_until_us
    first_us = int(log.info["first_us"])
    watched_us = (
        first_us if watched_from is None else _args.instant_us(watched_from, "watched_from", log.timezone)
    )
    if watched_from is not None and watched_us >= until_us:
        raise ArgumentError(
            f"watched_from={watched_from!r} is not before {observed(log)}, where the data end; expected an earlier one"
        )
    return Asked(
        events["start"], since, events["end"], events["causes"], events["stop"], kept, watched_us, until_us
    )


def _rows(log: EventLog, *, asked: Asked, unit: str) -> tuple[_core.Table, Integers, int]:
    """The rows of a part, how many customers have none for each reason, and how many never began."""
    part = Part.of(log, asked)
    kept = np.flatnonzero(part.begins & (part.left_out < 0))
    counts = np.bincount(part.left_out[part.begins & (part.left_out >= 0)], minlength=len(_LEFT_OUT))
    began, cause = part.began[kept], part.cause[kept]
    offsets = log.core.view("offsets").astype(np.int64)
    place = np.where(part.start >= 0, part.start, offsets[:-1])[kept]
    ended: object = cause > 0
    if asked.causes:
        ended = _table.named(cause - 1, list(asked.names))
    columns = {
        "began": _table.instants(began.astype("datetime64[us]")),
        "entry": np.maximum(asked.watched_us - began, 0) / _US[unit],
        "duration": (part.over[kept] - began) / _US[unit],
        "event": ended,
    }
    table = log.core.customers().select(["customer"]).rows(kept).beside(_table.table_of(columns))
    if asked.columns:
        table = table.beside(log.core.events_table(list(asked.columns), place))
    return table, counts, int((~part.begins).sum())


def _definition(log: Log, asked: Asked, unit: str, left_out: Integers) -> Said:
    """Who is followed from when to when."""
    limits = [
        *([Said("a {events} event", events=Listed(asked.stop, last="or"))] if asked.stop else []),
        observed(log),
    ]
    until = Listed(limits, last="or")
    end = Said("{events} event", events=Listed([*asked.end, *asked.causes], last="or"))
    first = (
        Said("first {events} event", events=Listed(asked.start, last="or"))
        if asked.start
        else Said("first event")
    )
    watched = Moment(_args.local_datetime(asked.watched_us, log.timezone))
    followed = (
        Said(FOLLOWED, start=first, end=end, until=until)
        if asked.since is None
        else Said(_FOLLOWED_SINCE, column=asked.since, end=end, until=until, moment=watched)
    )
    reasons = [
        Said(one if number == 1 else many, since=asked.since or "", number=int(number))
        for (_, one, many), number in zip(_LEFT_OUT.values(), left_out.tolist(), strict=True)
        if number
    ]
    return paragraph(followed, *reasons, Said("Times are in {unit}.", unit=Said(_WORDS[unit])))
