"""Features: what is known of each customer at a cut-off, and nothing that came later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Duration, Floats, Frame, Language, TimeUnit
from safar.analyses import _cutoffs
from safar.analyses._cutoffs import Cutoffs
from safar.analyses._foretold import foretold, known_at
from safar.analyses._spec import Spec
from safar.errors import ArgumentError
from safar.explanation import Explanation, explanation, moment, one_customer
from safar.features import GROUPS, ON_REQUEST, Feature, FeatureLike, Seen, feature_of, standard, whole
from safar.language import Digits, Listed, Locale, Said, paragraph
from safar.result import Result, ResultTable

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Features", "FeaturesResult", "features"]

_DAY_US = 86_400_000_000
# Of the answers to surveys, which are no events.
_VOICE = "voice"


class Entry(NamedTuple):
    """What the data dictionary says of a column."""

    name: str
    group: str
    unit: str
    sentence: str


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FeaturesResult(Result):
    """What is known of each customer at a cut-off?

    Parameters
    ----------
    table
        One row a customer and cut-off, in the order of the log and of the cut-offs: ``customer`` (as given), ``at``
        (the cut-off) and one column a feature, null where it is undefined; `dictionary` says what each means.
    entries
        Name, group, unit and sentence of each feature.
    """

    analysis: ClassVar[str] = "features"

    _: KW_ONLY
    entries: tuple[Entry, ...]

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [entry.name for entry in self.entries]

    def dictionary(self, language: Language = "en") -> ResultTable:
        """What does each feature mean?

        Parameters
        ----------
        language
            ``"en"``, or ``"fa"`` for Persian.

        Returns
        -------
        ResultTable
            One row a feature: ``name``, ``group``, ``type`` (``"number"``, ``"whole"`` or ``"text"``), ``unit``,
            ``definition``, ``missing`` (share of the rows where it is undefined).
        """
        locale = Locale(language)
        kinds = dict(self.table.schema)
        missing = [self._missing(name).mean() if len(self) else np.nan for name in self.names]

        def texts(of_entry: Any) -> Array:
            return np.array([str(of_entry(entry)) for entry in self.entries], dtype=object)

        columns = {
            "name": texts(lambda entry: entry.name),
            "group": texts(lambda entry: entry.group),
            "type": texts(lambda entry: _kind(kinds[entry.name])),
            "unit": texts(lambda entry: locale.say(entry.unit) if entry.unit else ""),
            "definition": texts(lambda entry: locale.say(entry.sentence)),
            "missing": _table.nullable(np.array(missing, dtype=np.float64)),
        }
        return ResultTable(
            _table.table_of(columns), self.definition, self.timezone, shares=frozenset({"missing"})
        )

    def values(self, name: str) -> Array:
        """The values of a feature: 64-bit floats with NaN where undefined, or texts with None.

        Parameters
        ----------
        name
            One of `names`.
        """
        if name not in self.names:
            raise ArgumentError(
                f'"{name}" is not a feature of this table{_args.suggestion(name, self.names)} (features: '
                f"{_args.listing(self.names)})"
            )
        values, missing = self.table.numpy(name)
        if values.dtype == object:
            return values
        numbers: Floats = values.astype(np.float64)
        if missing is not None:
            numbers[missing] = np.nan
        return numbers

    def matrix(self) -> tuple[Floats, list[str]]:
        """The numbers as a matrix for models.

        Returns
        -------
        numpy.ndarray
            One row a row and one column a feature that is a number, as 64-bit floats with NaN where undefined.
        list of str
            Names of the columns; features that are texts are left out.
        """
        kinds = dict(self.table.schema)
        names = [name for name in self.names if _kind(kinds[name]) != "text"]
        columns = [self.values(name) for name in names]
        return (np.column_stack(columns) if columns else np.empty((len(self), 0))), names

    def with_profiles(
        self,
        customers: Frame,
        *,
        key: str,
        columns: str | Sequence[str] | None = None,
        since: str | None = None,
        time_unit: TimeUnit | None = None,
    ) -> FeaturesResult:
        """What did the CRM know of the customers at the cut-off?

        Parameters
        ----------
        customers, key, columns, time_unit
            As for `EventLog.with_profiles`.
        since
            The column with the time from which a profile holds: a row gets the last one that began before its cut-off.
            Without it, profiles are what they are today, which a model of the past must not know; their group is
            ``"undated"``, and checks for leaks name them.

        Returns
        -------
        FeaturesResult
            The same rows with these columns behind the features, null where nothing was known.
        """
        log = self._rows().with_profiles(
            customers, key=key, columns=columns, since=since, time_unit=time_unit
        )
        wanted = [name for name in log.columns if name not in ("time", "event")]
        for name in wanted:
            if name in self.columns:
                raise ArgumentError(
                    f'the table of features has a column "{name}" already; rename that of the profiles'
                )
        sentence = (
            'Attribute "{column}" of the profile as it is today.'
            if since is None
            else 'Attribute "{column}" of the profile that held before the cut-off.'
        )
        group = "undated" if since is None else "attributes"
        entries = [Entry(name, group, "", Said(sentence, column=name)) for name in wanted]
        return self._with(log.core.events_table(wanted), entries)

    def explain(self, customer: object, *, at: object = None) -> Explanation:
        """Which events does a customer's row come from?

        Parameters
        ----------
        customer
            The id, as the data give it.
        at
            The cut-off, where there are several; by default the first.

        Returns
        -------
        Explanation
            The customer's events, each with whether it is known at the cut-off and lies in the observation window, and
            the features that they give.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann"],
        ...         "time": ["2026-03-02", "2026-03-10"],
        ...         "event": ["view", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> result = log.features("2026-03-05", features=["recency"])
        >>> result.explain("ann").to_dict()["decision"]
        ['known, in the observation window', 'at or after the cut-off: not seen']
        """
        question = cast("Features", Spec.from_json(self.spec))
        one = one_customer(self._asked(), customer)
        cutoffs = _cutoffs.cutoffs_us(question.at, self._asked())
        cutoff = cutoffs[0] if at is None else _args.instant_us(at, "at", self.timezone)
        if cutoff not in cutoffs:
            raise ArgumentError(f"at={at!r} is none of the {len(cutoffs)} cut-offs of this table")
        times = one.core.view("times")
        length = None if question.observe is None else _args.microseconds(question.observe, "observe")
        opens = np.iinfo(np.int64).min if length is None else cutoff - length
        late = np.zeros(len(times), dtype=bool)
        if question.arrived is not None:
            arrived, missing = one.core.events_table([question.arrived]).numpy(question.arrived)
            late = arrived.astype("datetime64[us]").astype(np.int64) >= cutoff
            late &= True if missing is None else ~missing
        decisions = [
            Said("at or after the cut-off: not seen")
            if time >= cutoff
            else Said("arrived at or after the cut-off: not seen")
            if is_late
            else Said("known, before the observation window")
            if time < opens
            else Said("known, in the observation window")
            for time, is_late in zip(times.tolist(), late.tolist(), strict=True)
        ]
        return explanation(one, customer, decisions, self._told(one, cutoff), self.definition)

    def _told(self, one: EventLog, cutoff: int) -> list[Said]:
        """The customer's row in words."""
        at = moment(cutoff, self.timezone)
        rows = np.flatnonzero(self.table.numpy("at")[0].astype(np.int64) == cutoff)
        of_customer = one.core.customers().numpy("customer")[0][0]
        ids = self.table.numpy("customer")[0][rows]
        found = rows[ids == of_customer]
        if not len(found):
            text = "At the cut-off {moment} the customer is not looked at, and has no row."
            return [Said(text, moment=at)]
        row = self.table.rows(found[:1])
        told = []
        for entry in self.entries:
            values, missing = row.numpy(entry.name)
            undefined = values[0] is None or (missing is not None and missing[0])
            value = Said("undefined") if undefined else _known(values[0])
            told.append(Said("{column} = {value}", column=entry.name, value=value))
        return [Said("At the cut-off {moment}: {features}.", moment=at, features=Listed(told))]

    def _rows(self) -> EventLog:
        """The rows as a log of one event each, the last instant that is known; in the same order as they stand."""
        from safar.log import EventLog

        log = self._asked()
        at, ids = self.table.numpy("at")[0], self.table.numpy("customer")
        if not len(at):
            raise ArgumentError("the table of features has no row; nothing can be put beside it")
        columns = {
            "customer": ids[0],
            "time": _table.instants(at - np.timedelta64(1, "us")),
            "event": np.full(len(at), "cut-off", dtype=object),
        }
        roles: dict[str, Any] = {"normalize": log.roles.get("normalize")}
        return EventLog(
            _table.table_of(columns), customer="customer", time="time", event="event", timezone=log.timezone, **roles
        )  # fmt: skip

    def _with(self, columns: Table, entries: Sequence[Entry]) -> FeaturesResult:
        result = replace(self, table=self.table.beside(columns), entries=(*self.entries, *entries))
        object.__setattr__(result, "_source", self._source)
        return result

    def _missing(self, name: str) -> Array:
        values, missing = self.table.numpy(name)
        return np.zeros(len(values), dtype=bool) if missing is None else missing


@dataclass(frozen=True, slots=True)
class Features(Spec[FeaturesResult]):
    """The question of `EventLog.features`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Features("2026-06-01", observe="180d").observe
    '180d'
    """

    analysis: ClassVar[str] = "features"

    at: Cutoffs = None
    _: KW_ONLY
    observe: Duration | None = None
    features: FeatureLike | Sequence[FeatureLike] | None = None
    active: str | Sequence[str] | None = None
    active_where: str | None = None
    arrived: str | None = None
    attributes: str | Sequence[str] = ()
    most: int = 20

    def __post_init__(self) -> None:
        self._set("at", _cutoffs.checked(self.at))
        if self.observe is not None:
            self._set("observe", _args.duration(self.observe, "observe"))
        self._set("features", _chosen(self.features))
        if self.active is not None:
            self._set("active", _args.names(self.active, "active"))
        for name in ("active_where", "arrived"):
            if getattr(self, name) is not None:
                _args.text(getattr(self, name), name)
        self._set(
            "attributes", () if self.attributes in ((), []) else _args.names(self.attributes, "attributes")
        )
        if not whole(self.most) or self.most < 1:
            raise ArgumentError(f"most={self.most!r} is no number of events and channels; expected 1 or more")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def run(self, log: Log) -> FeaturesResult:
        """Ask the question of a log."""
        return Spec.run(self.expanded(log), log)

    def expanded(self, log: Log) -> Features:
        """The same question with each feature by name: asked of another cut-off, it gives the same columns."""
        if not self.attributes and all(isinstance(each, Feature) or each == _VOICE for each in self._given):
            return self
        seen = self._seen(log)
        found: list[FeatureLike] = []
        for each in self._given:
            if each == _VOICE:
                found += [_VOICE] if log.surveys is not None else []
            else:
                found += [each] if isinstance(each, Feature) else standard(each, seen)
        found += [_attribute(name, log.columns) for name in self._attributes(log)]
        return replace(self, features=tuple(found), attributes=())

    @property
    def _given(self) -> tuple[str | Feature, ...]:
        return cast("tuple[str | Feature, ...]", self.features)

    def _attributes(self, log: Log) -> Sequence[str]:
        _args.known_columns_of_log(self.attributes, log.columns, "attributes")
        return self.attributes

    def _seen(self, log: Log) -> Seen:
        """What there was before the cut-offs."""
        cutoffs = self._cutoffs(log)
        at_us = cast("list[int]", cutoffs["at_us"])
        observe_us = cast("int | None", cutoffs["observe_us"])
        # Only what is known at the first cut-off decides which features there are.
        first = cutoffs | {"at_us": at_us[:1]}

        def values(columns: list[str], where: str | None) -> dict[str, list[str]]:
            rows = log.ask(
                "features_names", {"params": {"cutoffs": first, "columns": columns, "where": where}}
            )
            found: dict[str, list[tuple[int, str]]] = {column: [] for column in columns}
            names = (rows.numpy(name)[0].tolist() for name in ("column", "value", "events"))
            for column, value, events in zip(*names, strict=True):
                found[column].append((-events, value))
            return {column: [name for _, name in sorted(each)[: self.most]] for column, each in found.items()}

        named = values(["event", *(["channel"] if "channel" in log.columns else [])], None)
        valued = values(["event"], "value is not null")["event"] if "value" in log.columns else []
        known = self._known_days(log, first)
        days = known if observe_us is None else min(known, observe_us / _DAY_US)
        return Seen(named["event"], named.get("channel", ()), sorted(valued), days)

    def _known_days(self, log: Log, first: Mapping[str, object]) -> float:
        """How far back what is known at the first cut-off goes."""
        if self.arrived is None:
            return (cast("list[int]", first["at_us"])[0] - _cutoffs.first_us(log)) / _DAY_US
        # An event that arrives later may be older than all others.
        tenure = Feature("tenure", "days_since_first", history=True)
        plan = {"cutoffs": first, "features": [tenure.to_plan()]}
        days = log.ask("features", {"params": plan}).unnest("features").numpy("tenure")[0]
        return float(days.max(initial=0.0))

    def _cutoffs(self, log: Log) -> dict[str, object]:
        at_us = _cutoffs.cutoffs_us(self.at, log)
        active = self.active
        return _cutoffs.plan(log, at_us, self.observe, active, self.active_where, self.arrived)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        plans = []
        names: set[str] = set()
        cutoffs = self._cutoffs(log)
        known = cast("list[int]", cutoffs["at_us"])[0] - _cutoffs.first_us(log)
        for each in self.expanded(log)._given:
            if not isinstance(each, Feature):
                continue
            _args.known_events(each.named_events(), log.events, f'feature "{each.name}":')
            if each.column not in (None, "event"):
                _args.known_columns_of_log([each.column], log.columns, f'feature "{each.name}":')
            if each.name in (*names, "customer", "at"):
                raise ArgumentError(
                    f'two columns would be called "{each.name}"; give the feature another name, or rename the event or '
                    "channel that stands in it"
                )
            self._check_length(each, known)
            names.add(each.name)
            plans += [] if each.foretold else [each.to_plan()]
        return {"params": {"cutoffs": cutoffs, "features": plans}}

    def _check_length(self, each: Feature, known: int) -> None:
        """Refuse a time that is longer than what is looked at."""
        if each.within is None:
            return
        within = _args.microseconds(each.within, "within")
        if within > known + _DAY_US:
            raise ArgumentError(
                f'feature "{each.name}": within="{each.within}" is longer than the history before the first cut-off '
                f"({known // _DAY_US} days); choose a shorter time or a later cut-off"
            )
        if self.observe is not None and not each.history and within > _args.microseconds(self.observe):
            raise ArgumentError(
                f'feature "{each.name}": within="{each.within}" is longer than the observation window, '
                f'observe="{self.observe}"; choose a shorter time, or history=True to look at all the time before'
            )

    def finish(self, partial: Table, log: Log) -> FeaturesResult:
        """The rows as the kernel gave them, with the answers to surveys beside them."""
        whole = self.expanded(log)
        entries = [
            Entry(each.name, each.group, each.unit or "", each.sentence)
            for each in whole._given
            if isinstance(each, Feature)
        ]
        result = FeaturesResult(
            partial.unnest("features"),
            whole._definition(log),
            log.timezone,
            whole.to_json(),
            entries=tuple(entries),
        )
        object.__setattr__(result, "_source", log)
        result = whole._with_foretold(result, log)
        return whole._with_voice(result, log) if _VOICE in whole._given and len(result) else result

    def _with_foretold(self, result: FeaturesResult, log: Log) -> FeaturesResult:
        """What models foretell, fitted to what was known at each cut-off, in the order in which it was asked for."""
        asked = [each for each in self._given if isinstance(each, Feature) and each.foretold]
        if not asked:
            return result
        found = (
            self._foretold(asked, result, log) if len(result) else {each.name: np.empty(0) for each in asked}
        )
        columns = _table.table_of({name: _table.nullable(values) for name, values in found.items()})
        table = result.table.beside(columns).select(["customer", "at", *result.names])
        return replace(result, table=table)

    def _foretold(self, asked: Sequence[Feature], result: FeaturesResult, log: Log) -> dict[str, Floats]:
        """The values of some features in the rows of the result, NaN where they are undefined."""
        at = result.table.numpy("at")[0].astype(np.int64)
        rows = result._rows()
        found = {each.name: np.full(len(at), np.nan) for each in asked}
        for cutoff in np.unique(at).tolist():
            known, here = known_at(log, cutoff, self.arrived), at == cutoff
            for each in asked:
                table = foretold(known, each, cutoff)
                beside = rows.with_profiles(table, key="customer", columns=[each.name])
                values, missing = beside.core.events_table([each.name]).numpy(each.name)
                seen = here if missing is None else here & ~missing
                found[each.name][seen] = values[seen]
        return found

    def _with_voice(self, result: FeaturesResult, log: Log) -> FeaturesResult:
        """The last answer of each kind before the cut-off, and its age."""
        surveys = log.surveys
        if surveys is None:
            raise ArgumentError(
                'the group "voice" needs answers to surveys beside the log: log.with_scores(…); or leave it out'
            )
        rows = result._rows()
        located = rows.core.locate(surveys.table, json.dumps(surveys.place))
        customer, nobody = located.numpy("customer")
        time, timeless = located.numpy("time")
        usable = surveys.of_scale()
        for missing in (nobody, timeless):
            usable &= True if missing is None else ~missing
        times = time.astype(np.int64)
        at = result.table.numpy("at")[0].astype(np.int64)
        opens = (
            np.iinfo(np.int64).min if self.observe is None else -_args.microseconds(self.observe, "observe")
        )
        # Rows stand by customer, each with as many cut-offs as it is looked at.
        owner = np.repeat(np.arange(rows.customers), rows.core.customers().numpy("events")[0])
        columns: dict[str, object] = {}
        entries = []
        for place, scale in enumerate(surveys.scales):
            answers = np.flatnonzero(usable & (surveys.kind == place))
            answers = answers[np.lexsort((answers, times[answers]))]
            score, age = np.full(len(at), np.nan), np.full(len(at), np.nan)
            for cutoff in np.unique(at).tolist():
                first = opens if self.observe is None else cutoff + opens
                known = answers[(times[answers] < cutoff) & (times[answers] >= first)]
                last = np.full(rows.customers, -1)
                # In the order of time, so that the last one stays.
                last[customer[known].astype(np.int64)] = known
                here = np.flatnonzero(at == cutoff)
                answer = last[owner[here]]
                found, answer = here[answer >= 0], answer[answer >= 0]
                score[found] = surveys.score[answer]
                age[found] = (cutoff - times[answer]) / _DAY_US
            columns |= {
                f"{scale.kind}_last": _table.nullable(score),
                f"{scale.kind}_age_days": _table.nullable(age),
            }
            entries += [
                Entry(
                    f"{scale.kind}_last", _VOICE, "points",
                    Said('Last answer of the kind "{kind}" before the cut-off.', kind=scale.kind),
                ),
                Entry(
                    f"{scale.kind}_age_days", _VOICE, "days",
                    Said('Days from the last answer of the kind "{kind}" to the cut-off.', kind=scale.kind),
                ),
            ]  # fmt: skip
        return result._with(_table.table_of(columns), entries)

    def _definition(self, log: Log) -> Said:
        active = self.active
        at_us = _cutoffs.cutoffs_us(self.at, log)
        arrived = None
        if self.arrived is not None:
            arrived = Said(
                'Events that arrived at or after the cut-off ("{column}") are not seen.', column=self.arrived
            )
        return paragraph(
            _cutoffs.population(log, at_us, self.observe, active, self.active_where),
            Said(
                "Each feature sees only events before the cut-off; one at the very instant is of the future."
            ),
            arrived,
        )


def _chosen(given: FeatureLike | Sequence[FeatureLike] | None) -> tuple[str | Feature, ...]:
    if given is None:
        return GROUPS
    known = (*GROUPS, *ON_REQUEST)
    chosen: list[str | Feature] = []
    for each in [given] if isinstance(given, str | Feature | Mapping) else given:
        if isinstance(each, str):
            if each not in known:
                raise ArgumentError(
                    f'features names the group "{each}", which is not known{_args.suggestion(each, known)} (groups: '
                    f"{_args.listing(known)})"
                )
            chosen.append(each)
        else:
            chosen.append(feature_of(cast("FeatureLike", each)))
    if not chosen:
        raise ArgumentError("features=[] asks for nothing; leave it out for all groups")
    return tuple(chosen)


def _attribute(name: str, columns: dict[str, str]) -> Feature:
    """The last known value of a column."""
    number = _kind(columns[name]) != "text"
    return Feature(name, "last" if number else "last_text", column=name, history=True, group="attributes")


def _known(value: Any) -> object:
    """A value of a feature for a sentence."""
    if isinstance(value, np.bool_):
        return Said("yes") if value else Said("no")
    if isinstance(value, np.floating):
        # Six digits, and none of them as a power of ten.
        return Digits(format(Decimal(f"{value:.6g}"), ",f"))
    return int(value) if isinstance(value, np.integer) else str(value)


def _kind(arrow: str) -> str:
    if arrow.startswith(("Int", "UInt")):
        return "whole"
    return "number" if arrow.startswith(("Float", "Decimal")) else "text"


def features(
    log: Log,
    at: Cutoffs = None,
    *,
    observe: Duration | None = None,
    features: FeatureLike | Sequence[FeatureLike] | None = None,
    active: str | Sequence[str] | None = None,
    active_where: str | None = None,
    arrived: str | None = None,
    attributes: str | Sequence[str] = (),
    most: int = 20,
) -> FeaturesResult:
    """What is known of each customer at a cut-off?

    Parameters
    ----------
    at
        The cut-off, or several: nothing at or after it is seen. By default the instant after the end of the data, for
        scores of today.
    observe
        Length of the observation window before the cut-off, such as ``"180d"``; by default all the time before. A model
        needs one, so that customers are seen alike at each cut-off.
    features
        Groups (``"recency"``, ``"frequency"``, ``"monetary"``, ``"rhythm"``, ``"trend"``, ``"channel"``, ``"clock"``,
        ``"state"``, ``"voice"``) and features of your own (`safar.feature`); by default all these groups. ``"model"``
        (what models foretell that are fitted to the time before the cut-off) is made where it is named.
    active
        Only customers with one of these events in the observation window; by default with any event.
    active_where
        A condition that such an event has to meet.
    arrived
        The column with the time at which an event became known, such as ``"ingested_at"``: one that arrived at or after
        the cut-off is not seen. By default every event is taken to be known at its time.
    attributes
        Columns of the log whose last known value before the cut-off becomes a feature.
    most
        Features of single events and channels are made for so many of each at most, the commonest in the windows
        before the first cut-off.

    Returns
    -------
    FeaturesResult
        One row a customer and cut-off: ``customer``, ``at`` and a column a feature; `FeaturesResult.dictionary` has the
        meaning of each.

    Raises
    ------
    ArgumentError
        If a cut-off lies outside of the data, or a window is longer than the history before it.

    Notes
    -----
    Later events can't change a value, by construction: the kernel hands features the events before the cut-off alone,
    and features are made for the events and channels that occurred before the first cut-off. Windows are half-open,
    ``[at - observe, at)``. What is undefined is null: days since an event that never was, a mean of nothing, a rhythm
    of two events. Burstiness and memory are those of Goh and Barabási (2008, doi:10.1209/0295-5075/81/48002), the
    correction for few events that of Kim and Jo (2016, doi:10.1103/PhysRevE.94.032311).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-05", "2026-03-02", "2026-03-09"],
    ...         "event": ["view", "purchase", "view", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.features("2026-03-07", features=["recency"]).to_dict()
    >>> sorted(zip(result["customer"], result["recency_days"], result["tenure_days"]))
    [('ann', 2.0, 6.0), ('bob', 5.0, 5.0)]
    """
    return Features(
        at,
        observe=observe,
        features=features,
        active=active,
        active_where=active_where,
        arrived=arrived,
        attributes=attributes,
        most=most,
    ).run(log)
