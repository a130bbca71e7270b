"""Contact times: when contacts are answered, and when to try next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._log import Log
from safar._typing import Array, Duration, Floats, Integers
from safar.calendar.dates import checked_date
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.explanation import Explanation, explanation, one_customer
from safar.language import Digits, Length, Listed, Said, Share, Span, paragraph
from safar.models.contact.shrinkage import Prior, prior_of, strength_of
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

    from safar.log import EventLog

__all__ = ["ContactTimesResult", "contact_times"]

Slots: TypeAlias = Literal["hour", "weekday_hour", "part"]
Priors: TypeAlias = Literal["own", "all"]

_PARTS = ("night", "morning", "afternoon", "evening")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CHUNK = 4_000_000
_MOST_PLANNED = 10_000_000
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class _Grid:
    """All slots, each with its quiet hours and its holidays apart."""

    slots: Slots
    quiet: tuple[int, int] | None

    def is_quiet(self, hour: Integers) -> Array:
        """Whether hours lie in the quiet time."""
        if self.quiet is None:
            return np.zeros(len(hour), dtype=bool)
        start, end = self.quiet
        inside: Array = (hour >= start) & (hour < end) if start < end else (hour >= start) | (hour < end)
        return inside

    def place(self, weekday: Integers, hour: Integers, holiday: Integers) -> Integers:
        """The number of the cell of each contact."""
        slot = {"hour": hour, "part": hour // 6, "weekday_hour": weekday * 24 + hour}[self.slots]
        return (slot * 2 + self.is_quiet(hour)) * 2 + holiday

    def every(self) -> Integers:
        """The cells that one may choose: neither quiet nor of holidays."""
        weekday, hour = (each.ravel() for each in np.meshgrid(np.arange(7), np.arange(24), indexing="ij"))
        free = ~self.is_quiet(hour)
        return np.unique(self.place(weekday[free], hour[free], np.zeros(free.sum(), dtype=np.int64)))

    def name(self, place: int) -> str:
        """The slot of a cell."""
        slot = place // 4
        if self.slots == "part":
            return f"{_PARTS[slot]} {slot * 6:02}-{slot * 6 + 6:02}"
        hours = f"{slot % 24:02}-{slot % 24 + 1:02}"
        return hours if self.slots == "hour" else f"{_DAYS[slot // 24]} {hours}"


@dataclass(frozen=True, slots=True)
class _Counts:
    """The cells of one segment."""

    segment: str | None
    place: Integers
    contacts: Integers
    answered: Integers
    open: Integers
    prior: Prior | None
    # Of all segments, which each slot of this one leans on; else the prior is one for all slots.
    shared: Floats | None = None

    def before(self) -> tuple[Floats, Floats]:
        """Alpha and beta of each cell; NaN without a prior."""
        if self.prior is None:
            return np.full(len(self.place), np.nan), np.full(len(self.place), np.nan)
        strength = sum(self.prior)
        mean = self.prior.alpha / strength if self.shared is None else self.shared
        alpha = np.broadcast_to(mean * strength, len(self.place))
        return alpha, strength - alpha

    @property
    def allowed(self) -> Array:
        """Whether a cell may be recommended."""
        free: Array = self.place % 4 == 0
        return free

    def quantile(self, level: float) -> Floats:
        """A quantile of each cell's rate; NaN without a prior."""
        from scipy import special

        alpha, beta = self.before()
        found: Floats = special.betaincinv(self.answered + alpha, self.contacts - self.answered + beta, level)
        return found

    def mean(self) -> Floats:
        """The posterior mean of each cell's rate; NaN without a prior."""
        alpha, beta = self.before()
        found: Floats = (self.answered + alpha) / (self.contacts + alpha + beta)
        return found


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ContactTimesResult(ResultTable):
    """When are contacts answered, and when to try next?

    Parameters
    ----------
    table
        One row a slot, those to try first at the top: ``segment`` (only with `by`), ``slot`` (hours of the log's zone),
        ``quiet``, ``holiday`` (its contacts at such times; never recommended), ``contacts``, ``answered``, ``open``
        (whose time to answer was not over when the data ended; in neither of the others), ``rate`` (null without
        contacts), ``probability`` (posterior mean), ``low``, ``median``, ``high`` (5, 50 and 95 % quantiles),
        ``cautious`` (10 % quantile, which ranks), ``rank`` (null where it is not recommended), ``reason`` (why not).
    """

    _: KW_ONLY
    _grid: _Grid
    _counts: tuple[_Counts, ...]
    _plan: dict[str, object]
    _source: EventLog

    def priors(self) -> ResultTable:
        """What are rates of slots like, before a slot's own contacts?

        Returns
        -------
        ResultTable
            One row a segment: ``segment`` (only with `by`), ``alpha``, ``beta`` (of the beta distribution; null where
            no contact was answered or all were, and where each slot leans on that of all segments), ``strength``
            (contacts that it is worth: alpha + beta), ``level`` (slots, or with ``prior="all"`` segments, differ by no
            more than chance).
        """
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = np.array([each.segment for each in self._counts], dtype=object)
        found = [each.prior for each in self._counts]
        for place, name in enumerate(("alpha", "beta")):
            values = [
                np.nan if each.prior is None or each.shared is not None else each.prior[place]
                for each in self._counts
            ]
            columns[name] = _table.nullable(np.array(values))
        columns["strength"] = _table.nullable(
            np.array([np.nan if prior is None else sum(prior) for prior in found])
        )
        columns["level"] = np.array([prior is not None and prior.level for prior in found], dtype=bool)
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def plan(self, contacts: int = 100, *, seed: int = 0, segment: str | None = None) -> ResultTable:
        """How to spread the next contacts so that one learns which slots are best (Thompson sampling)?

        Parameters
        ----------
        contacts
            How many are to be made, 10 million at most.
        seed
            Of the draws: the same one gives the same plan.
        segment
            With `by`, whose plan it is.

        Returns
        -------
        ResultTable
            One row an allowed slot: ``slot``, ``contacts``. Each contact goes to the slot whose rate, drawn from its
            posterior, is the highest. Give customers to slots by lot, and the answers compare like with like.
        """
        _args.whole(contacts, "contacts", most=_MOST_PLANNED)
        _args.whole(seed, "seed", least=0)
        found = {each.segment: each for each in self._counts}
        if segment not in found:
            raise ArgumentError(
                f"segment={segment!r} is not a segment of this result (available: {_args.listing(map(str, found))})"
            )
        counts = found[segment]
        if counts.prior is None:
            raise DataError("no contact was answered, or all were: there is nothing to draw rates from")
        free = np.flatnonzero(counts.allowed)
        alpha, beta = counts.before()
        one, other = counts.answered + alpha, counts.contacts - counts.answered + beta
        random, given = np.random.default_rng(seed), np.zeros(len(free), dtype=np.int64)
        at_once = _CHUNK // len(free)
        for start in range(0, contacts, at_once):
            size = (min(at_once, contacts - start), len(free))
            given += np.bincount(
                random.beta(one[free], other[free], size=size).argmax(axis=1), minlength=len(free)
            )
        columns = {"slot": [self._grid.name(int(counts.place[row])) for row in free], "contacts": given}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def of_customers(self) -> ResultTable:
        """When is each customer best contacted, by the own answers and those of all?

        Returns
        -------
        ResultTable
            One row a customer with a contact: ``segment`` (only with `by`), ``customer``, ``slot`` (the allowed one of
            the highest 10 % quantile), ``contacts``, ``answered`` (of the customer in it), ``probability`` (posterior
            mean), ``cautious`` (10 % quantile), ``weight`` (0 to 1: what the own contacts in the slot count in the
            probability; the rest is the slot's); null where no contact of the segment was answered, or all were.

        Notes
        -----
        A customer's rate in a slot has a beta prior around the slot's posterior mean, as strong as the spread between
        customers says (greatest likelihood). With few contacts it is nearly that of the slot.
        """
        from scipy import special

        rows = self._source.ask("contact_times", {**self._plan, "each_customer": True})
        ids = rows.numpy("customer")[0]
        segment, labels = _table.segments(rows)
        changed = np.ones(len(ids), dtype=bool)
        changed[1:] = (ids[1:] != ids[:-1]) | (segment[1:] != segment[:-1])
        first, owner = np.flatnonzero(changed), np.cumsum(changed) - 1
        weekday, hour, holiday, contacts, answered = (
            _table.integers(rows, name) for name in ("weekday", "hour", "holiday", "contacts", "answered")
        )
        place = self._grid.place(weekday, hour, holiday)
        best = np.zeros(len(first), dtype=np.int64)
        numbers = np.full((5, len(first)), np.nan)
        for code, label in enumerate(labels):
            counts = next(each for each in self._counts if each.segment == label)
            if counts.prior is None:
                continue
            own = np.flatnonzero((segment == code) & (place % 4 == 0) & (contacts > 0))
            people = np.flatnonzero(segment[first] == code)
            slots, mean = counts.place[counts.allowed], counts.mean()[counts.allowed]
            size = len(slots)
            cells, cell = np.unique(
                owner[own] * size + np.searchsorted(slots, place[own]), return_inverse=True
            )
            of = np.bincount(cell, weights=contacts[own], minlength=len(cells))
            hit = np.bincount(cell, weights=answered[own], minlength=len(cells))
            strength = strength_of(hit, of, mean[cells % size]) if len(cells) else 1.0
            plain = special.betaincinv(mean * strength, (1 - mean) * strength, 0.1)
            mine = mean[cells % size]
            cautious = special.betaincinv(hit + mine * strength, of - hit + (1 - mine) * strength, 0.1)
            for start in range(0, len(people), max(_CHUNK // size, 1)):
                some = people[start : start + max(_CHUNK // size, 1)]
                table = np.tile(plain, (len(some), 1))
                at = np.searchsorted(some, cells // size)
                inside = (at < len(some)) & (some[np.minimum(at, len(some) - 1)] == cells // size)
                table[at[inside], cells[inside] % size] = cautious[inside]
                chosen = table.argmax(axis=1)
                best[some] = slots[chosen]
                # The cells are sorted, so that a customer's own one is found by halving.
                key = some * size + chosen
                found = np.minimum(np.searchsorted(cells, key), max(len(cells) - 1, 0))
                is_own = cells[found] == key if len(cells) else np.zeros(len(some), dtype=bool)
                tried = np.where(is_own, of[found], 0.0) if len(cells) else np.zeros(len(some))
                hits = np.where(is_own, hit[found], 0.0) if len(cells) else np.zeros(len(some))
                rate = (hits + mean[chosen] * strength) / (tried + strength)
                cautious_of = table[np.arange(len(some)), chosen]
                numbers[:, some] = tried, hits, rate, cautious_of, tried / (tried + strength)
        columns: dict[str, object] = {}
        if "segment" in rows.names:
            columns["segment"] = _table.named(segment[first], labels)
        columns["customer"] = ids[first]
        places, of_row = np.unique(best, return_inverse=True)
        unknown = np.isnan(numbers[0])
        names = [*(self._grid.name(int(each)) for each in places), None]
        columns["slot"] = _table.named(np.where(unknown, len(places), of_row), names)
        for name, values in zip(("contacts", "answered"), numbers, strict=False):
            columns[name] = _table.nullable(np.nan_to_num(values).astype(np.int64), unknown)
        columns |= {
            name: _table.nullable(values)
            for name, values in zip(("probability", "cautious", "weight"), numbers[2:], strict=True)
        }
        shares = frozenset({"probability", "cautious", "weight"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    def explain(self, customer: object) -> Explanation:
        """Why is this the time to contact a customer?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            One row an event: which contact was answered, by what, in which slot; and which slot comes of it.
        """
        alone = one_customer(self._source, customer)
        rows = self.of_customers().to_dict()
        own = [place for place, who in enumerate(rows["customer"]) if who == customer]
        said: list[Said] = []
        for place in own:
            row = {name: values[place] for name, values in rows.items()}
            text = _advice(row)
            if "segment" in row:
                whose = "(missing)" if row["segment"] is None else str(row["segment"])
                text = Said("{name}: {found}", name=whose, found=text)
            said.append(text)
        if not own:
            said.append(Said("Never contacted: the slots of all apply."))
        return explanation(alone, customer, self._decisions(alone), said, self.definition)

    def _decisions(self, alone: EventLog) -> list[Said]:
        """What each event of one customer's log decided."""
        params = cast("dict[str, Any]", self._plan["params"])
        events = alone.core.events_table(["time", "event"])
        times = events.numpy("time")[0].astype(np.int64).tolist()
        names = events.numpy("event")[0].tolist()
        decisions = [Said("")] * len(names)
        followed = self._source.observed_until_us - params["within_us"] + 1
        latest: int | None = None
        for place, (time, name) in enumerate(zip(times, names, strict=True)):
            if name in params["contact"]:
                latest = place
                text = (
                    "contact at {slot}, not answered"
                    if time <= followed
                    else "contact at {slot}, open: not followed long enough"
                )
                decisions[place] = Said(text, slot=self._slot(time))
            elif name in params["response"]:
                if latest is None or time - times[latest] >= params["within_us"]:
                    decisions[place] = Said("answers no contact")
                    continue
                wait = Span(time - times[latest])
                decisions[place] = Said("answers the contact {span} before", span=wait)
                if times[latest] <= followed:
                    decisions[latest] = Said("contact at {slot}, answered", slot=self._slot(times[latest]))
                latest = None
        return decisions

    def _slot(self, time: int) -> Said:
        """The slot of an instant, and why it is never recommended."""
        local = _args.local_datetime(time, self._source.timezone)
        holidays = cast("dict[str, Any]", self._plan["params"])["holidays"]
        holiday = (local.date() - _EPOCH).days in holidays
        given = (np.array([each], dtype=np.int64) for each in (local.weekday(), local.hour, int(holiday)))
        place = int(self._grid.place(*given)[0])
        slot = _slot_said(self._grid.name(place))
        if place // 2 % 2:
            return Said("{slot} (quiet time)", slot=slot)
        return Said("{slot} (holiday)", slot=slot) if holiday else slot

    def plot(self, **options: Any) -> ChartType:
        """The slots as an Altair chart; the options are those of `safar.plot.contact_times`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").contact_times(self, **options)
        return chart


def _advice(row: dict[str, Any]) -> Said:
    """What a customer's best slot rests on."""
    if row["slot"] is None:
        return Said("No contact was answered, or all were: no slot is better than another.")
    return Said(
        "Best contacted at {slot}: {answered} of {contacts} own contacts in it were answered. Probability "
        "{probability}, in which they weigh {weight}, the contacts of others the rest.",
        slot=_slot_said(row["slot"]),
        answered=int(row["answered"]),
        contacts=int(row["contacts"]),
        probability=Share(row["probability"]),
        weight=Share(row["weight"], 0),
    )


def _slot_said(slot: str) -> Said:
    """A slot of the table as text."""
    word, _, hours = slot.rpartition(" ")
    start, end = hours.split("-")
    told = Said("{start}-{end}", start=Digits(start), end=Digits(end))
    return Said("{part} {hours}", part=Said(word), hours=told) if word else told


def contact_times(
    log: EventLog,
    *,
    contact: str | Sequence[str],
    response: str | Sequence[str],
    within: Duration = "24h",
    slots: Slots = "hour",
    quiet: tuple[int, int] | None = (22, 8),
    holidays: Iterable[dt.date | str] = (),
    by: str | None = None,
    prior: Priors | tuple[float, float] = "own",
) -> ContactTimesResult:
    """When are contacts answered, and when to try next?

    Parameters
    ----------
    log
        Events with contacts and responses; hours are those of its time zone.
    contact, response
        The events that are contacts, and those that answer them.
    within
        How long after a contact a response answers it, 24 hours by default.
    slots
        ``"hour"`` of the day (default), ``"weekday_hour"``, or ``"part"`` of the day (six hours each).
    quiet
        First hour of the quiet time and the hour at which it ends, ``(22, 8)`` by default; None for none. Contacts in
        it are counted apart and never recommended.
    holidays
        Days whose contacts are counted apart and never recommended, such as the keys of `safar.calendar.holidays`.
    by
        A column of the log; each contact belongs to its value at the contact.
    prior
        What a slot is like before its own contacts: ``"own"`` (default), a beta distribution of each segment's slots;
        ``"all"`` (with `by`), around the same slot among all segments, for segments with few contacts; or alpha and
        beta of a beta distribution, such as those of an earlier campaign (`ContactTimesResult.priors`).

    Returns
    -------
    ContactTimesResult
        One row a slot, those to try first at the top.

    Notes
    -----
    Rates of slots have a beta prior of greatest likelihood (beta-binomial empirical Bayes), so that 3 answers of 15 do
    not come before 120 of 900; slots are ranked by the 10 % quantile of their posterior. The interval takes the prior
    as known. With ``prior="all"`` a segment's slot has a prior around the posterior mean of that slot among all, as
    strong as the spread between segments says. A response answers the latest contact before it; of equal times, the
    order of the data counts. Slots that were not given by lot describe: who was contacted at eight may differ from who
    was contacted at noon. `ContactTimesResult.plan` spreads contacts so that one learns. Consent is not in the data:
    ask only who may be asked.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2, 3, 3, 4],
    ...         "when": ["2026-03-02 09:00", "2026-03-02 09:30", "2026-03-02 15:00"] * 2,
    ...         "what": ["call", "answer", "call"] * 2,
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-09",
    ... )
    >>> found = safar.contact_times(log, contact="call", response="answer")
    >>> found.to_dict()["slot"][0]
    '09-10'
    """
    if not isinstance(log, Log):
        raise ArgumentTypeError(
            f"log is a {type(log).__name__}; expected an EventLog, such as safar.EventLog(frame, customer=..., ...)"
        )
    grid = _Grid(_args.choice(slots, "slots", Slots), _quiet(quiet))
    contacts, responses = _args.names(contact, "contact"), _args.names(response, "response")
    for names, argument in ((contacts, "contact"), (responses, "response")):
        _args.known_events(names, log.events, argument)
    if both := sorted({*contacts} & {*responses}):
        raise ArgumentError(
            f'"{both[0]}" is given as contact= and as response=; an event is one or the other'
        )
    _args.known_segment(by, log.columns, log.roles)
    given = _given(prior, by)
    length = _args.duration(within, "within")
    days = sorted({(checked_date(_date(day), "holidays") - _EPOCH).days for day in holidays})
    params = {
        "contact": list(contacts), "response": list(responses), "within_us": _args.microseconds(length),
        "holidays": days,
    }  # fmt: skip
    plan: dict[str, object] = {"params": params, "by": by, "at": "entry"}
    partial = log.ask("contact_times", plan)
    names = ("weekday", "hour", "holiday", "contacts", "answered", "open")
    weekday, hour, holiday, *numbers = (_table.integers(partial, name) for name in names)
    if not numbers[0].sum():
        raise DataError(
            f"no contact has been followed for {length}: the data end too soon after all of them; choose a shorter "
            "within=, or build the log with observed_until= if the data do reach further"
        )
    place = grid.place(weekday, hour, holiday)
    segment, labels = _table.segments(partial)
    found = []
    for code, label in enumerate(labels):
        mine = segment == code
        places = np.union1d(grid.every(), place[mine])
        at = np.searchsorted(places, place[mine])
        made, hits, still = (
            np.bincount(at, weights=each[mine], minlength=len(places)).astype(np.int64) for each in numbers
        )
        found.append(_Counts(label, places, made, hits, still, given or prior_of(hits, made)))
    if prior == "all":
        found = _leaning(found)
    definition = _definition(log, contacts, responses, length, found if by is None else (), prior)
    return ContactTimesResult(
        _table_of(grid, found, by_segment=by is not None), definition, log.timezone,
        shares=frozenset({"rate", "probability", "low", "median", "high", "cautious"}),
        _grid=grid, _counts=tuple(found), _plan=plan, _source=log,
    )  # fmt: skip


def _leaning(found: Sequence[_Counts]) -> list[_Counts]:
    """The segments, each slot of which leans on that of all."""
    places, at = np.unique(np.concatenate([each.place for each in found]), return_inverse=True)
    contacts, answered = (
        np.concatenate([getattr(each, name) for each in found]) for name in ("contacts", "answered")
    )
    of_all = [np.bincount(at, weights=each).astype(np.int64) for each in (contacts, answered)]
    common = _Counts(None, places, of_all[0], of_all[1], of_all[0] * 0, prior_of(of_all[1], of_all[0]))
    if common.prior is None:
        return [replace(each, prior=None) for each in found]
    mean, tried = common.mean()[at], contacts > 0
    strength = strength_of(answered[tried], contacts[tried], mean[tried])
    ends = np.cumsum([len(each.place) for each in found])[:-1]
    # Only the strength of the prior counts where each slot has a mean of its own.
    prior = Prior(strength / 2, strength / 2)
    return [
        replace(each, prior=prior, shared=own) for each, own in zip(found, np.split(mean, ends), strict=True)
    ]


def _table_of(grid: _Grid, found: Sequence[_Counts], *, by_segment: bool) -> Table:
    """The slots of all segments, those to try first at the top."""
    parts: list[dict[str, Array]] = []
    for counts in found:
        cautious = counts.quantile(0.1)
        known = counts.allowed & ~np.isnan(cautious)
        order = np.lexsort((counts.place, -np.nan_to_num(cautious), ~known))
        quiet, holiday = counts.place // 2 % 2 == 1, counts.place % 2 == 1
        reason = np.select(
            [quiet, holiday, np.isnan(cautious)],
            ["quiet time", "holiday", "no contact or every contact answered"],
            "",
        ).astype(object)
        reason[reason == ""] = None
        rate = np.divide(
            counts.answered, counts.contacts, out=np.full(len(order), np.nan), where=counts.contacts > 0
        )
        rank = np.full(len(order), np.nan)
        rank[order[: known.sum()]] = np.arange(1, known.sum() + 1)
        columns: dict[str, Array] = {
            "segment": np.full(len(order), counts.segment, dtype=object),
            "slot": np.array([grid.name(int(place)) for place in counts.place], dtype=object),
            "quiet": quiet, "holiday": holiday, "contacts": counts.contacts, "answered": counts.answered,
            "open": counts.open, "rate": rate, "probability": counts.mean(), "low": counts.quantile(0.05),
            "median": counts.quantile(0.5), "high": counts.quantile(0.95), "cautious": cautious, "rank": rank,
            "reason": reason,
        }  # fmt: skip
        parts.append({name: values[order] for name, values in columns.items()})
    table: dict[str, object] = {}
    for name in parts[0]:
        values = np.concatenate([part[name] for part in parts])
        if name == "rank":
            table[name] = _table.nullable(np.nan_to_num(values).astype(np.int64), np.isnan(values))
        elif name != "segment" or by_segment:
            table[name] = _table.nullable(values) if values.dtype.kind == "f" else values
    return _table.table_of(table)


def _definition(
    log: EventLog,
    contacts: Sequence[str],
    responses: Sequence[str],
    within: Duration,
    found: Sequence[_Counts],
    prior: object,
) -> Said:
    counted = Said(
        "A contact ({contacts}) is answered where {responses} comes within {within} and before the next contact; slots "
        "are hours of {timezone}. Contacts that were not followed so long are open and count in no rate.",
        contacts=Listed(contacts),
        responses=Listed(responses, last="or"),
        within=Length(within),
        timezone=log.timezone,
    )
    leans = Said("Rates are those of a beta-binomial model in which slots lean on each other.")
    if prior == "all":
        leans = Said(
            "Rates are those of a beta-binomial model in which the slots of a segment lean on the same slots of all."
        )
    elif isinstance(prior, tuple):
        leans = Said(
            "Rates are those of a beta-binomial model with a prior that was given, Beta({alpha}, {beta}).",
            alpha=f"{prior[0]:g}",
            beta=f"{prior[1]:g}",
        )
    shrunk = Said("Rank is by the 10 % quantile, and quiet hours and holidays have none.")
    level = None
    if prior == "own" and any(each.prior is not None and each.prior.level for each in found):
        level = Said("The slots differ by no more than chance makes them.")
    elif any(each.prior is None for each in found):
        level = Said("No contact was answered, or all were: nothing tells the slots apart.")
    honest = Said(
        "Unless slots were given by lot, this describes and does not prove that the hour makes the difference."
    )
    return paragraph(counted, leans, shrunk, level, honest)


def _quiet(quiet: object) -> tuple[int, int] | None:
    if quiet is None:
        return None
    hours = tuple(quiet) if isinstance(quiet, tuple | list) else ()
    if (
        len(hours) != 2
        or not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= 24 for each in hours)
        or hours[0] % 24 == hours[1] % 24
    ):
        raise ArgumentError(
            f"quiet={quiet!r}; expected two different hours from 0 to 24, such as (22, 8), or None for no quiet time"
        )
    return hours[0], hours[1]


def _given(prior: object, by: str | None) -> Prior | None:
    """The prior that was given, if it is one of numbers."""
    if isinstance(prior, str):
        if _args.choice(prior, "prior", Priors) == "all" and by is None:
            raise ArgumentError(
                'prior="all" lets segments lean on all; give by= as well, or leave prior= out'
            )
        return None
    numbers = prior if isinstance(prior, tuple) and len(prior) == 2 else ()
    if not numbers or not all(
        isinstance(each, int | float) and not isinstance(each, bool) and 0 < each < np.inf for each in numbers
    ):
        raise ArgumentError(
            f'prior={prior!r}; expected "own", "all", or alpha and beta above 0, such as (12.5, 110.0)'
        )
    return Prior(float(numbers[0]), float(numbers[1]))


def _date(day: dt.date | str) -> object:
    try:
        return dt.date.fromisoformat(day) if isinstance(day, str) else day
    except ValueError as problem:
        raise ArgumentError(
            f'holidays: "{day}" is not a date; expected one such as "2026-03-21"'
        ) from problem
