"""The event log: what customers did, and when."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from safar import _args, _core, _table
from safar._files import files_of
from safar._log import Log, commonest_first
from safar._selection import named_conditions, selection
from safar._typing import Duration, Frame, Instant, Language, Normalize, OnBad, TimeUnit
from safar.analyses.journeys import with_journeys
from safar.analyses.match import with_match
from safar.analyses.sessions import with_sessions
from safar.errors import ArgumentError, FileError, SafarError
from safar.journey_map import JourneyMap, with_map
from safar.profiles import with_profiles
from safar.quality import quality
from safar.result import ResultTable
from safar.voice import Scores, Surveys, counted

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from safar._palette import Theme
    from safar.explorer import Explorer

__all__ = ["EventLog", "open_log", "read"]

T = TypeVar("T")

_COMMONEST = 5
# Where a saved log notes its map and its surveys, beside its roles.
_MAP, _SURVEYS = "journey_map", "surveys"


class EventLog(Log):
    """What did each customer do, and when?

    A log is immutable: events grouped by customer and sorted by time, ready for questions.

    Parameters
    ----------
    data
        One row an event: a pandas, polars or pyarrow frame, any object with ``__arrow_c_stream__`` (DuckDB,
        ADBC, …), or a mapping of columns. Only the columns named here are read.
    customer, time, event
        Names of the columns that say who, when and what. Customers are text, integers or UUIDs. Times are
        timestamps, dates, ISO 8601 text, or numbers with `time_unit`; those without a zone of their own are
        wall clock of `timezone`.
    channel, value
        Names of the columns with the channel of the event and with its number, such as revenue; in conditions
        and in `by` they are called ``channel`` and ``value``.
    attributes
        Names of further columns that conditions and `by` may use.
    timezone
        The IANA zone that days, weeks and months are counted in; ``"UTC"`` by default.
    time_unit
        What a number in `time` counts since 1970: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.
    observed_until
        The last instant that the data fully cover, as datetime, date (its beginning) or ISO 8601 text; by
        default the latest event. What could still happen after it is never counted as "did not happen".
    on_bad
        What to do with a row that can't be an event (no customer, no time, …): ``"reject"`` (default) keeps
        it apart in `rejects` and counts it in `rejected`; ``"raise"`` stops with an error that names it.
    normalize
        ``"persian"`` brings ids of customers and names of events and channels, where they are text, into one spelling:
        ي and ى become ی, ك becomes ک, Arabic and Persian digits become 0 to 9, zero-width non-joiners stay. By default
        text stays as it is. ``info["normalized"]`` counts the rows that changed, by column, and `quality` reports them.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "user": ["ann", "ann", "bob"],
    ...         "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...         "what": ["view", "purchase", "view"],
    ...     },
    ...     customer="user",
    ...     time="at",
    ...     event="what",
    ...     timezone="Asia/Tehran",
    ... )
    >>> log
    EventLog: 3 events of 2 customers, 2026-03-01 10:00 to 2026-03-02 09:00 Asia/Tehran
    >>> log.events
    {'view': 2, 'purchase': 1}
    """

    in_parts: ClassVar[bool] = False

    # What this is a part of: its names are known here too, though no event of the part may bear them.
    _whole: Log | None = None
    # The surveys beside it, and what is known of them once somebody asked.
    _surveys: Surveys | None = None
    _scores: Scores | None = None

    def __init__(
        self,
        data: Frame,
        *,
        customer: str,
        time: str,
        event: str,
        channel: str | None = None,
        value: str | None = None,
        attributes: Sequence[str] = (),
        timezone: str = "UTC",
        time_unit: TimeUnit | None = None,
        observed_until: Instant | None = None,
        on_bad: OnBad = "reject",
        normalize: Normalize | None = None,
    ) -> None:
        roles = roles_of(
            customer=customer,
            time=time,
            event=event,
            channel=channel,
            value=value,
            attributes=attributes,
            timezone=timezone,
            time_unit=time_unit,
            observed_until=observed_until,
            on_bad=on_bad,
            normalize=normalize,
        )
        self._build(_table.to_table(data, columns_of(roles)), roles)

    @classmethod
    def of_table(cls, table: _core.Table, roles: dict[str, Any]) -> EventLog:
        """Build the log of a table whose columns have the roles that `roles_of` wrote."""
        log = cls.__new__(cls)
        log._build(table, roles)
        return log

    @classmethod
    def of_part(cls, core: _core.EventLog, whole: Log) -> EventLog:
        """A part of larger data."""
        log = cls.of_core(core, whole.roles)
        log._whole = whole
        return log

    @classmethod
    def of_core(cls, core: _core.EventLog, roles: dict[str, Any]) -> EventLog:
        """A log that the core has already."""
        log = cls.__new__(cls)
        log._core = core
        log._roles = roles
        log._info = json.loads(core.info())
        return log

    def _build(self, table: _core.Table, roles: dict[str, Any]) -> None:
        self._core = _core.EventLog.build(table, json.dumps(roles))
        self._roles = roles
        self._info: dict[str, Any] = json.loads(self._core.info())

    @cached_property
    def _events(self) -> dict[str, int]:
        return commonest_first(self._core.names("event")) if self._whole is None else self._whole.events

    @cached_property
    def _channels(self) -> dict[str, int]:
        if self._whole is not None:
            return self._whole.channels
        return {} if self._roles["channel"] is None else commonest_first(self._core.names("channel"))

    def filter(
        self,
        *unnamed: object,
        customers: object = None,
        events: str | Sequence[str] | None = None,
        drop: str | Sequence[str] | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
        where: str | None = None,
        with_event: str | Sequence[str] | None = None,
        without_event: str | Sequence[str] | None = None,
        match: str | None = None,
        without_match: str | None = None,
        sample: float | None = None,
    ) -> EventLog:
        """Which part of this log meets all of these conditions?

        The first group of conditions picks customers with all of their events, the second events. Each looks at
        this log as it is, so that ``events="view", with_event="purchase"`` keeps the views of buyers; for conditions
        on what is left, filter twice.

        Parameters
        ----------
        customers
            Only these customers: an id, a list of ids, or a table with the column ``customer``, such as that of
            ``funnel.customers(step=2, status="dropped")``. An id that the log does not have matches nobody.
        with_event, without_event
            Only customers who have any, or none, of these events.
        match, without_match
            Only customers who have, or have not, a match of this pattern, such as ``"cart -> !purchase within 24h"``;
            see `EventLog.match`. Who may still have one has none yet.
        sample
            Only this share of the customers, such as 0.1. A customer is in or out by the hash of the id alone: the
            same customers in every log and part of a log, and those of 0.1 are among those of 0.2.
        events, drop
            Only events of these names, or none of them.
        start, end
            Only events from `start` on and before `end`: datetimes, dates or ISO 8601 text; without a zone of their
            own, wall clock of the log's zone.
        where
            Only events for which this condition on `columns`, ``time`` and ``event`` is true, such as
            ``"value > 0"``; times in it are UTC unless they say otherwise.

        Returns
        -------
        EventLog
            A log of its own, which keeps no memory of this one; ``info["filtered"]`` counts the events left out.
            Events keep their order, and customers without an event are gone.

        Notes
        -----
        `observed_until` stays: what was observed does not change by looking at a part. Only `end` moves it, if it
        was later, because what the log no longer holds must not be counted as "did not happen". `start` cuts away
        the past: the first event that is left need not be the customer's first. A sample is one of customers, so
        counts of customers and events grow by one over the share; customers with many events are no likelier in it.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob", "cem"],
        ...         "time": ["2026-03-01", "2026-03-02", "2026-03-02", "2026-03-05"],
        ...         "event": ["view", "purchase", "view", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> log.filter(events="view", with_event="purchase")
        EventLog: 1 event of 1 customer, 2026-03-01 00:00 to 2026-03-01 00:00 UTC
        >>> log.filter(end="2026-03-05").observed_until.isoformat()
        '2026-03-05T00:00:00+00:00'
        """
        named_conditions(unnamed, self._events, self.columns)
        chosen = selection(
            customers=customers,
            events=events,
            drop=drop,
            start=start,
            end=end,
            where=where,
            with_event=with_event,
            without_event=without_event,
            match=match,
            without_match=without_match,
            sample=sample,
            known=self._events,
            check_pattern=self.check_pattern,
            timezone=self.timezone,
        )
        return self.selected(chosen)

    def selected(self, chosen: Mapping[str, Any]) -> EventLog:
        """The part of this log that a selection of `filter`, already checked, means."""
        return self._derived(self._core.filter(json.dumps(chosen)), self._surveys_of_part())

    def with_columns(self, data: Frame) -> EventLog:
        """Which further columns does each event have?

        Parameters
        ----------
        data
            A frame, or a mapping of columns, with one value for each event, in the order of this log: that of
            `to_pandas` and `to_polars`. A column of the log with the same name gives way.

        Returns
        -------
        EventLog
            A log with these columns, for conditions, `by`, `hold` and `per`; it shares everything else with this
            one.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob"],
        ...         "time": ["2026-03-01", "2026-03-07", "2026-03-02"],
        ...         "event": ["view", "purchase", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> weekend = log.to_pandas()["time"].dt.day_of_week >= 5
        >>> log.with_columns({"weekend": weekend}).columns
        {'weekend': 'Boolean'}
        """
        table = _table.to_table(data)
        log = self._derived(self._core.with_columns(table))
        if not {"touchpoint", "stage"}.isdisjoint(table.names):
            # They no longer say what the map says.
            log._map = None
        return log

    def scored(self, surveys: Surveys) -> EventLog:
        """The log with surveys beside it, as `with_scores` gives it."""
        log = self._derived(self._core, surveys)
        # Ids that can't be those of customers are an error now.
        log._scores = counted(log, surveys)
        return log

    def beside(self, surveys: Surveys) -> EventLog:
        """The log with surveys beside it that were looked at before."""
        return self._derived(self._core, surveys)

    def profiled(self, profiles: _core.Table, options: Mapping[str, Any]) -> EventLog:
        """The log with attributes of its customers, as `with_profiles` gives it."""
        log = self._derived(self._core.with_profiles(profiles, json.dumps(options)))
        if not {"touchpoint", "stage"}.isdisjoint(options["columns"]):
            # They no longer say what the map says.
            log._map = None
        return log

    def mapped(self, journey_map: JourneyMap) -> EventLog:
        """The log with the touchpoint and stage of each event, as `with_map` gives it."""
        log = self._derived(self._core.with_map(journey_map.text, journey_map.file))
        log._map = journey_map
        return log

    quality = quality
    with_map = with_map
    with_profiles = with_profiles
    with_match = with_match
    with_sessions = with_sessions
    with_journeys = with_journeys

    def per(self, column: str, *, across_customers: bool = False) -> EventLog:
        """What would this log be with other units than customers?

        Every analysis of the new log counts these units where it says customers: ``log.with_sessions().per("session")``
        for sessions, ``log.per("order_id")`` for orders, ``log.per("account", across_customers=True)`` for accounts
        that several customers share.

        Parameters
        ----------
        column
            A column of the log: each of its values is a unit. Events without a value are left out.
        across_customers
            Whether events of several customers with the same value are one unit. By default they are not: a unit is a
            value within a customer.

        Returns
        -------
        EventLog
            A log whose customers are the units. Within customers, their ids are the customer's and the value, such as
            ``"ann/3"`` (a slash in a value is written ``~1`` and a tilde ``~0``, so that ids never coincide); across
            customers, the values. The column ``original_customer`` keeps who it was, unless the log has one already;
            ``info["filtered"]`` counts the events left out as well.

        Notes
        -----
        `observed_until` stays. Events of a unit at equal times keep the order of this log; those of several customers
        that of the customers in it. Counts of units are not those of customers: who has many sessions counts as often,
        and intervals take units as independent.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob"],
        ...         "time": ["2026-03-01", "2026-03-05", "2026-03-02"],
        ...         "event": ["view", "purchase", "view"],
        ...         "household": ["north", "north", "north"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ...     attributes=["household"],
        ... )
        >>> households = log.per("household", across_customers=True)
        >>> households.paths().to_dict()["path"]
        ['view > view > purchase']
        >>> log.per("household").customers
        2
        """
        name = _args.text(column, "column")
        if name not in ("event", *self.columns):
            _args.known_columns_of_log([name], self.columns, "column")
        across = _args.flag(across_customers, "across_customers")
        # Surveys are of customers, not of other units.
        return self._derived(self._core.regroup(name, across), None)

    def named_by(self, column: str) -> EventLog:
        """What would this log be if its events were called by another column?

        Every analysis of the new log counts these names where it says events:
        ``log.with_map(map).named_by("stage").transitions()`` for the ways between stages,
        ``.named_by("touchpoint").paths()`` for paths of touchpoints.

        Parameters
        ----------
        column
            A column of the log. Events without a value are left out.

        Returns
        -------
        EventLog
            A log whose events bear these names. The column ``original_event`` keeps what they were called, unless the
            log has one already; ``info["filtered"]`` counts the events left out as well.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob"],
        ...         "time": ["2026-03-01", "2026-03-05", "2026-03-02"],
        ...         "event": ["view", "purchase", "view"],
        ...         "page": ["shoes", None, "hats"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ...     attributes=["page"],
        ... )
        >>> log.named_by("page").events
        {'hats': 1, 'shoes': 1}
        """
        name = _args.text(column, "column")
        if name not in ("event", *self.columns):
            _args.known_columns_of_log([name], self.columns, "column")
        log = self._derived(self._core.named_by(name), self._surveys_of_part())
        log._whole = None
        return log

    def _surveys_of_part(self) -> Surveys | None:
        return None if self._surveys is None else replace(self._surveys, of_part=True)

    def _derived(self, core: _core.EventLog, surveys: Surveys | Literal["same"] | None = "same") -> EventLog:
        """A log of the same roles, by default with the same surveys beside it."""
        log = type(self).__new__(type(self))
        log._core = core
        log._roles = self._roles
        log._info = json.loads(core.info())
        log._whole = self._whole
        log._map = self._map
        log._surveys, log._scores = (self._surveys, self._scores) if surveys == "same" else (surveys, None)
        if log._surveys is not None:
            log._surveys.refuse_clash(log.columns)
        return log

    @property
    def surveys(self) -> Surveys | None:
        """The rows of surveys that stand beside this log; those of its customers if it is a part of another one."""
        if self._surveys is not None and self._surveys.of_part:
            self._surveys = self._surveys.those_of(self)
        return self._surveys

    @property
    def scores(self) -> Scores | None:
        """What is known of the surveys beside this log, with `with_scores`; None without any."""
        surveys = self.surveys
        if self._scores is None and surveys is not None:
            self._scores = counted(self, surveys)
        return self._scores

    def each(self, question: Callable[[EventLog], T]) -> list[T]:
        """The answers of the parts that are looked at one after the other: of this log."""
        return [question(self)]

    @property
    def core(self) -> _core.EventLog:
        """The log of the compiled core."""
        return self._core

    def ask(self, kernel: str, plan: Mapping[str, object]) -> _core.Table:
        """What a kernel counts in these events, before it becomes a result."""
        return _core.run(self._core, kernel, json.dumps(plan))

    def covered(self, journey_map: JourneyMap) -> dict[str, Any]:
        """What a map covers of these events, before it becomes a result."""
        facts: dict[str, Any] = json.loads(self._core.map_coverage(journey_map.text, journey_map.file))
        return facts

    def check_pattern(self, pattern: str) -> None:
        """Refuse a pattern that can't be read, or that names what these events don't have."""
        if self._whole is None:
            _core.check_pattern(pattern, self._core)
        else:
            self._whole.check_pattern(pattern)

    def of_customer(self, customer: object) -> EventLog:
        """The events of one customer, whose id is as the data give it."""
        return self.filter(customers=[customer])

    @property
    def info(self) -> dict[str, Any]:
        """Everything that the core knows about the log, counts and bounds (times in µs UTC)."""
        return dict(self._info)

    @property
    def profiles(self) -> list[dict[str, Any]]:
        """What was found each time profiles of customers were put beside the events.

        One entry for each `with_profiles`: ``key``, ``columns``, ``rows`` (of the table), ``missing_keys`` (rows
        without an id), ``profiles`` (different ids), of them ``profiles_without_customer``, ``customers_with_profile``,
        ``customers_without_profile`` and, with `since`, ``events_before_first`` (before the customer's first profile).
        """
        return [dict(found) for found in self._info["profiles"]]

    @property
    def customers(self) -> int:
        """Number of customers."""
        return int(self._info["customers"])

    @property
    def events(self) -> dict[str, int]:
        """Names of the events with their counts, the commonest first."""
        return dict(self._events)

    @property
    def channels(self) -> dict[str, int]:
        """Names of the channels with their counts of events, the commonest first."""
        return dict(self._channels)

    @property
    def rejects(self) -> ResultTable:
        """The rows that could not be events: ``row`` (from 0), ``column``, ``reason``, ``value`` (as text)."""
        return self._rejects_of(self._core.rejects())

    def explore(
        self,
        steps: Sequence[str] | None = None,
        *,
        within: Duration | None = None,
        by: str | None = None,
        language: Language = "en",
        theme: Theme = "light",
        name: str = "log",
    ) -> Explorer:
        """What comes of other steps, windows, segments and cohorts, at once in a notebook?

        Parameters
        ----------
        steps
            Steps of the funnel to begin with; by default from the commonest event to the conversion.
        within
            Window to begin with; by default the longest usual one that fits three times into the data.
        by
            Column of the segments to begin with; by default none.
        language
            ``"en"``, or ``"fa"`` for Persian: from right to left, with Persian digits and the Jalali calendar.
        theme
            ``"light"``, or ``"dark"`` for dark paper.
        name
            What this log is called in the code that the explorer shows.

        Returns
        -------
        Explorer
            Shown as the last line of a cell, it has widgets for a funnel, retention, the time to convert and the next
            events, with chart, table and the code that gives the same.

        Notes
        -----
        Needs ``pip install "safar[notebook]"`` (ipywidgets). Nothing is served and nothing loaded from the network:
        the widgets speak with the kernel, and charts are drawn by what JupyterLab 4 or Notebook 7 has with it.

        Examples
        --------
        >>> import safar
        >>> log = safar.datasets.shop(100).log()
        >>> explorer = log.explore(["visit", "purchase"], within="7d")
        >>> explorer.result.completed == log.funnel(["visit", "purchase"], within="7d").completed
        True
        """
        from safar.explorer import explorer_of

        return explorer_of(self, steps, within=within, by=by, language=language, theme=theme, name=name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep this log in a file, ready for `safar.open`.

        Parameters
        ----------
        path
            The file, such as ``"events.safar"``. One of this name gives way, but only once the new one is complete.

        Notes
        -----
        The file is Arrow IPC with one row, whose lists are the columns of the log in its own order, with 64-bit times
        and narrow codes; rejects and what is known of the data are in it too. `safar.open` maps it into memory
        instead of reading it, so that it opens in a fraction of the time of a build, and several processes share its
        pages. Profiles and surveys go with it: of a part of a log, those of its customers only.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import safar
        >>> data = {"user": ["ann"], "at": ["2026-03-01 10:00"], "what": ["view"]}
        >>> log = safar.EventLog(data, customer="user", time="at", event="what")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "events.safar")
        ...     log.save(path)
        ...     again = safar.open(path)
        >>> again
        EventLog: 1 event of 1 customer, 2026-03-01 10:00 to 2026-03-01 10:00 UTC
        """
        note = dict(self._roles)
        if self._map is not None:
            note[_MAP] = [self._map.text, self._map.file]
        surveys = self.surveys
        if surveys is not None:
            note[_SURVEYS] = surveys.note()
        self._core.save(os.fspath(path), json.dumps(note), None if surveys is None else surveys.table)

    def to_pandas(self) -> pd.DataFrame:
        """The events as a pandas frame, sorted by customer and time; times are in the zone of the log."""
        return _table.to_pandas(self._core.events_table(None), self.timezone)

    def to_polars(self) -> pl.DataFrame:
        """The events as a polars frame, sorted by customer and time; times are in the zone of the log."""
        return _table.to_polars(self._core.events_table(None), self.timezone)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The events for any reader of the Arrow PyCapsule interface, sorted by customer and time; times are in UTC."""
        return self._core.events_table(None).__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        span = f"{self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} {self.timezone}"
        bad = sum(self.rejected.values())
        return (
            f"EventLog: {len(self):,} event{'' if len(self) == 1 else 's'} of {self.customers:,} "
            f"customer{'' if self.customers == 1 else 's'}, {span}"
            + (f", {bad:,} rows rejected" if bad else "")
        )

    def _repr_html_(self) -> str:
        given = "as given" if self.observed_until_given else "the latest event"
        commonest = [f"{name} ({count:,})" for name, count in list(self._events.items())[:_COMMONEST]]
        bad = [f"{reason} ({count:,})" for reason, count in self.rejected.items()]
        rows = {
            "customers": f"{self.customers:,}",
            "events": f"{len(self):,} of {len(self._events):,} kinds",
            "span": f"{self.first:%Y-%m-%d %H:%M} – {self.last:%Y-%m-%d %H:%M} {self.timezone}",
            "observed until": f"{self.observed_until:%Y-%m-%d %H:%M} ({given})",
            "commonest events": ", ".join(commonest),
            "events at the time of the one before": f"{self._info['ties']:,}",
            "rejected rows": ", ".join(bad) or "none",
        }
        for found in self._info["profiles"]:
            known, others = found["customers_with_profile"], found["customers_without_profile"]
            rows[f"profiles by {found['key']}"] = (
                f"of {known:,} of {known + others:,} customers; "
                f"{found['profiles_without_customer']:,} are of no customer"
            )
        if (scores := self.scores) is not None:
            kinds = scores.to_dict()
            rows["scores"] = ", ".join(
                f"{kind} ({answers:,} answers)"
                for kind, answers in zip(kinds["kind"], kinds["answers"], strict=True)
            )
        if self._map is not None:
            rows["map"] = str(self._map.name or self._map.file)
        return _table.html_of_facts(rows, "safar-log")


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    customer: str,
    time: str,
    event: str,
    channel: str | None = None,
    value: str | None = None,
    attributes: Sequence[str] = (),
    timezone: str = "UTC",
    time_unit: TimeUnit | None = None,
    observed_until: Instant | None = None,
    on_bad: OnBad = "reject",
    events: str | Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    delimiter: str | None = None,
    normalize: Normalize | None = None,
) -> EventLog:
    r"""What did each customer do, according to these files?

    Only the columns that are named here are read, and of Parquet only the row groups that may hold what was asked for.

    Parameters
    ----------
    paths
        A file, a pattern such as ``"events/**/*.parquet"``, a directory (all known files below), or a list of these.
        The ending says what a file is: ``.parquet``, ``.pq``, ``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz``,
        ``.arrow``, ``.feather`` or ``.ipc``. Folders such as ``year=2026/channel=web`` are columns of text of the
        files below.
    customer, time, event, channel, value, attributes, timezone, time_unit, observed_until, on_bad, normalize
        As of `EventLog`.
    events
        Only events of these names; by default all.
    start, end
        Only events from `start` on and before `end`, as of `EventLog.filter`; by default all.
    delimiter
        What stands between the fields of CSV files; by default found out, and told in ``info["files"]``.

    Returns
    -------
    EventLog
        The log of all files together, in the order of their paths within a pattern or directory.
        ``info["files"]`` tells what was read: ``files`` and ``files_read`` (without those left out by their folders),
        ``kinds``, ``compression``, ``delimiters``, ``row_groups`` and ``row_groups_read`` (of Parquet), ``partitions``
        (columns from folders). ``info["filtered"]`` counts the rows not asked for.

    Notes
    -----
    The log is that of all rows, filtered: ``safar.read(..., start=a, end=b)`` holds the events, and was observed until
    the same instant, as ``safar.read(...).filter(start=a, end=b)``. A row whose time or event was not asked for counts
    as filtered, whatever else may be wrong with it.

    Files must agree on the columns that are named: order and width of types may differ (32 and 64 bits, units of
    times, forms of text), their meaning may not. In CSV, ids, events and channels are text as written, so that 007
    stays apart from 7; times and numbers may be written in Persian or Arabic digits.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import safar
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "events.csv")
    ...     _ = path.write_text(
    ...         "user;at;what\nann;2026-03-01 10:00:00;view\nann;2026-03-02 09:00:00;purchase\n"
    ...     )
    ...     log = safar.read(path, customer="user", time="at", event="what", end="2026-03-02")
    >>> log.events
    {'view': 1}
    >>> log.info["files"]["delimiters"]
    [';']
    """
    roles = roles_of(
        customer=customer,
        time=time,
        event=event,
        channel=channel,
        value=value,
        attributes=attributes,
        timezone=timezone,
        time_unit=time_unit,
        observed_until=observed_until,
        on_bad=on_bad,
        only_events=None if events is None else _args.names(events, "events"),
        start=start,
        end=end,
        normalize=normalize,
    )
    if events is not None and normalize is not None:
        raise ArgumentError(
            "events= and normalize= are given together, but files are read by the names as they are written; leave "
            'events= out, and take a part of the log: safar.read(...).filter(events="...")'
        )
    if delimiter is not None:
        _args.character(delimiter, "delimiter")
    options = {"roles": roles, "delimiter": delimiter}
    return EventLog.of_core(_core.EventLog.read(files_of(paths), json.dumps(options)), roles)


def open_log(path: str | os.PathLike[str]) -> EventLog:
    """What did each customer do, according to a log that was saved?

    Parameters
    ----------
    path
        What `EventLog.save` wrote.

    Returns
    -------
    EventLog
        The same log. Its columns lie in the file, which must stay as it is while the log is in use; `EventLog.save`
        never changes a file that is there, but puts a new one into its place.

    Raises
    ------
    FileError
        If the file is not there, is no saved log, is damaged, or is of another version of the layout.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import safar
    >>> data = {"user": ["ann"], "at": ["2026-03-01 10:00"], "what": ["view"]}
    >>> log = safar.EventLog(data, customer="user", time="at", event="what")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log.save(pathlib.Path(folder, "events.safar"))
    ...     safar.open(pathlib.Path(folder, "events.safar")).events
    {'view': 1}
    """
    core, note, table = _core.EventLog.open(os.fspath(path))
    try:
        roles = json.loads(note)
        journey_map, surveys = roles.pop(_MAP, None), roles.pop(_SURVEYS, None)
    except (ValueError, AttributeError) as problem:
        raise FileError(
            f"{os.fspath(path)}: the saved log is damaged: its roles can't be read ({problem})"
        ) from None
    log = EventLog.of_core(core, roles)
    if surveys is not None and table is not None:
        try:
            log._surveys = Surveys.of_note(surveys, table)
        except (SafarError, ValueError, TypeError, LookupError) as problem:
            raise FileError(
                f"{os.fspath(path)}: the saved log is damaged: its surveys do not fit ({problem})"
            ) from None
    if journey_map is not None:
        log._map = JourneyMap(*journey_map)
    return log


def roles_of(
    *,
    customer: str,
    time: str,
    event: str,
    channel: str | None,
    value: str | None,
    attributes: Sequence[str],
    timezone: str,
    time_unit: TimeUnit | None,
    observed_until: Instant | None,
    on_bad: OnBad,
    only_events: Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    normalize: Normalize | None = None,
) -> dict[str, Any]:
    """The arguments of a log, checked, as the core takes them."""
    named = {"customer": customer, "time": time, "event": event, "channel": channel, "value": value}
    taken: dict[str, str] = {}
    for role, name in named.items():
        if name is None and role in ("channel", "value"):
            continue
        name = _args.text(name, role)
        if role in ("customer", "time", "event") and name in taken:
            raise ArgumentError(
                f'the column "{name}" is given for both {taken[name]}= and {role}=; each of customer, time and event '
                "needs a column of its own"
            )
        taken[name] = role
    # A log without attributes is the rule, so an empty list is no error here.
    further = _args.names(attributes, "attributes") if isinstance(attributes, str) or len(attributes) else ()
    for name in further:
        if name in taken:
            raise ArgumentError(
                f'the column "{name}" is given in attributes= and for {taken[name]}=; leave it out of attributes'
            )
        if name in named:
            way_out = f'give it as {name}="{name}"' if name in ("channel", "value") else "rename the column"
            raise ArgumentError(f'the attribute "{name}" has the name of a role of the log; {way_out}')
    _args.zone(timezone)
    if time_unit is not None:
        _args.choice(time_unit, "time_unit", TimeUnit)
    _args.choice(on_bad, "on_bad", OnBad)
    if normalize is not None:
        _args.choice(normalize, "normalize", Normalize)
    until = None if observed_until is None else _args.instant_us(observed_until, "observed_until", timezone)
    start_us = None if start is None else _args.instant_us(start, "start", timezone)
    end_us = None if end is None else _args.instant_us(end, "end", timezone)
    if start_us is not None and end_us is not None and start_us >= end_us:
        raise ArgumentError(f"start={start!r} is not before end={end!r}; the range holds start, but not end")
    return {
        "customer": customer,
        "time": time,
        "event": event,
        "channel": channel,
        "value": value,
        "attributes": list(further),
        "timezone": timezone,
        "time_unit": time_unit,
        "observed_until_us": until,
        "on_bad": on_bad,
        "only_events": None if only_events is None else list(only_events),
        "start_us": start_us,
        "end_us": end_us,
        "normalize": normalize,
    }


def columns_of(roles: dict[str, Any]) -> list[str]:
    """The columns of the data that the roles name."""
    named = (roles[role] for role in ("customer", "time", "event", "channel", "value"))
    return [name for name in named if name is not None] + list(roles["attributes"])
