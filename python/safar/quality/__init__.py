"""The quality of a log: what is wrong with the data, or looks as if it were."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import numpy as np

from safar import _args
from safar._typing import Duration, Instant
from safar.errors import ArgumentError
from safar.language import Length, Moment, Said, Share
from safar.quality.checks import GRAVE
from safar.quality.result import QualityResult, checks_table, findings_table, silences_table

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["QualityResult", "quality"]

# A log counts its events in 32 bits.
_MOST_EVENTS = 2**32 - 1


def quality(
    log: EventLog,
    *,
    id: str | None = None,
    now: Instant | None = None,
    ancient: Duration = "365d",
    bot_events_per_minute: int = 120,
    bot_events_per_day: int = 5_000,
    bot_regular_events: int = 50,
    unlikely: float = 1e-6,
    near_constant: float = 0.999,
    nearly_unique: float = 0.99,
) -> QualityResult:
    """What is wrong with the data of this log, or looks as if it were?

    Parameters
    ----------
    id
        The column of the log that should be different for each event, such as an event's id; by default ids are not
        looked at.
    now
        The instant after which times lie in the future; by default the clock of this machine.
    ancient
        An event is ancient if it lies before the first thousandth of all events by more than this, or before the year
        2000 in a log whose bulk is later. By default a year, so that a slow beginning is none.
    bot_events_per_minute
        More events of a customer than this within a minute are not those of a person: 120, two a second, is
        beyond clicking. Of the events at one time at most ten count: more are a batch, such as the lines of an order.
    bot_events_per_day
        As many within 24 hours: 5,000 is one every ten seconds for fourteen hours.
    bot_regular_events
        A customer with at least so many events whose pauses are all equal (to a hundredth, or a second where they are
        longer than ten) and shorter than a day is a machine; fifty such pauses are no chance.
    unlikely
        A run of days without an event is reported if chance brings such a one more seldom than this.
    near_constant
        A column is nearly constant if one value, or none, has at least this share of the events, in a log of at least
        100 events: of fewer with one value, other values may still have more than 3 % of all (the rule of three).
    nearly_unique
        A column is nearly unique if its different values are at least this share of the events that have one, in a
        log of at least 100 events. Floats, times and decimals are measures and no ids, whatever their number.

    Returns
    -------
    QualityResult
        One row a finding, the gravest first: ``finding``, ``severity``, ``column``, ``count``, ``of``, ``share``,
        ``example``, ``done``, ``advice``; its ``checks`` say what was looked at, its ``silences`` list runs of days
        without an event.

    Notes
    -----
    A finding is serious where it makes counts wrong and concerns at least 1 % of what it is counted of; below that
    share, and where it may make them wrong, it is a warning; what is good to know is info.

    An exact duplicate equals an earlier event in customer, time, event, channel, value and all attributes that the
    log carries: the more columns it has, the surer. A repeated event shares customer, time and name with an earlier
    one but is no exact duplicate.

    Rejected rows, the order in which events came, and spelling are facts of the data that were read, also where the
    log is a part of another one.

    A run of r days without an event is unlikely if n (1 - q)^r is below `unlikely`: q is the share of the other
    days, from the first to the last with an event, that have one (plus a half in the numerator and one in the
    denominator), n the days of the log times the names that are looked at (Bonferroni). Weekends are likely by
    this rule, because they lower q. Of an event or a channel it must be unlikely by volume as well: n exp(-e) is
    below `unlikely`, e being how many customers would have had it in these days, each counted once a day, at its
    share of the log's customers on its other days (Poisson), so that days on which little happens explain a
    silence. Names are looked at if they have at least 100 events on at least 7 days, and only on days on which
    the log had events.

    A silence of the log as a whole also holds a few customers on a few days: at most a tenth of its days (or one), each
    with at most a tenth of the customers of the other days (or one), if so few days (binomial) and so few customers
    (Poisson, by Chernoff's bound) are both unlikely among all runs of days that there are. Where `observed_until` was
    given, the days after the last event that end by then, and by `now`, belong to the log: a silence there is one
    of all its events and channels, and reported once, as a gap of coverage.

    In a log of a few events times are at midnight, and columns constant, by chance: at least ten events at midnight,
    and 100 events in all, are needed for these findings.

    Ids look alike that are equal without spaces around them, in lower case, in the compatibility form of Unicode
    (NFKC), with Persian letters for Arabic ي ى ك, ASCII digits, without zero-width characters and, if they are
    whole numbers, without leading zeros and ``.0``. Names also without spaces, hyphens and underscores.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "Ann", None],
    ...         "time": [
    ...             "2026-03-01 10:00",
    ...             "2026-03-01 10:00",
    ...             "2026-03-02 09:00",
    ...             "2026-03-02 09:30",
    ...         ],
    ...         "event": ["view", "view", "purchase", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> found = log.quality(now="2026-04-01")
    >>> found.to_dict()["finding"]
    ['look_alike_ids', 'exact_duplicates', 'customer_missing', 'ties', 'events_seen_once']
    >>> found.to_dict()["example"][0]
    'customers "Ann" and "ann"'
    """
    # Whoever never asks need not wait for it.
    from safar.quality.findings import found_in

    if id is not None:
        _args.known_columns_of_log([_args.text(id, "id")], log.columns, "id")
        if id == "channel":
            raise ArgumentError(
                'id="channel" names the channels, which many events share; name the attribute that numbers the events'
            )
    now_us = _now_us(now, log.timezone)
    thresholds = {
        "now_us": now_us,
        "ancient_us": _args.microseconds(ancient, "ancient"),
        "events_per_minute": _whole(bot_events_per_minute, "bot_events_per_minute", 2),
        "events_per_day": _whole(bot_events_per_day, "bot_events_per_day", 2),
        "regular_events": _whole(bot_regular_events, "bot_regular_events", 3),
        "unlikely": _args.share(unlikely, "unlikely"),
        "id": id,
    }
    near_constant = _args.share(near_constant, "near_constant")
    nearly_unique = _args.share(nearly_unique, "nearly_unique")
    facts = json.loads(log.core.quality(json.dumps(thresholds)))
    findings = found_in(log, facts, id=id, near_constant=near_constant, nearly_unique=nearly_unique)
    definition = Said(
        "{rows} rows were read and {events} events of {customers} customers are in this log. Times lie in the future "
        "after {now} {timezone}, and are ancient {ancient} before the first thousandth of the events; a customer is no "
        "person with more than {per_minute} events within a minute, more than {per_day} within 24 hours, or at least "
        "{regular} at equal pauses; a silence is reported where chance brings it with a probability below {unlikely}. "
        "Serious is what makes counts wrong for at least {grave} of what it is counted of.",
        rows=int(log.info["rows"]),
        events=len(log),
        customers=log.customers,
        now=Moment(_args.local_datetime(now_us, log.timezone)),
        timezone=log.timezone,
        ancient=Length(ancient),
        per_minute=int(bot_events_per_minute),
        per_day=int(bot_events_per_day),
        regular=int(bot_regular_events),
        unlikely=float(unlikely),
        grave=Share(GRAVE, 0),
    )
    not_asked = set() if id is not None else {"same_id"}
    if not log.channels:
        not_asked.add("channel_gaps")
    if not facts["series_looked_at"]:
        not_asked |= {"channel_gaps", "late_starts", "early_stops"}
    table, words = findings_table(findings)
    return QualityResult(
        table,
        definition,
        log.timezone,
        words=words,
        checks=checks_table(findings, not_asked, log.timezone),
        silences=silences_table(facts, log.timezone, unlikely),
        shares=frozenset({"share"}),
    )


def _now_us(now: Instant | None, timezone: str) -> int:
    return _args.instant_us(dt.datetime.now(dt.UTC) if now is None else now, "now", timezone)


def _whole(value: object, argument: str, least: int) -> int:
    if (
        not isinstance(value, int | np.integer)
        or isinstance(value, bool)
        or not least <= value <= _MOST_EVENTS
    ):
        raise ArgumentError(
            f"{argument}={value!r}; expected a whole number from {least} to {_MOST_EVENTS:,}, as many events as a log "
            "can have"
        )
    return int(value)
