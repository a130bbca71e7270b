"""What is looked at, how grave it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

# The gravest first.
SEVERITIES = ("serious", "warning", "info")
# From this share on, a finding has the graver of its two severities.
GRAVE = 0.01


@dataclass(frozen=True, slots=True)
class Check:
    """What is looked at, and how grave it is: for a share below 1 %, and from there on."""

    question: str
    low: str
    high: str
    done: str
    advice: str


CHECKS: dict[str, Check] = {
    "rejected_rows": Check(
        "Are there rows that cannot be events?",
        "warning",
        "serious",
        "left out; the rows are in log.rejects",
        "mend these rows where the data come from; with customers missing, rates by customer lack their part",
    ),
    "exact_duplicates": Check(
        "Do events stand twice, equal in all columns of the log?",
        "warning",
        "serious",
        "kept; every one counts",
        "drop repeated rows before building the log, unless they are several of one thing, such as lines of an order",
    ),
    "repeated_events": Check(
        "Does a customer have one event several times at one time, with other values in other columns?",
        "info",
        "warning",
        "kept; every one counts",
        "lines of one order or a page sent twice? count orders with log.per(...), or keep one row",
    ),
    "same_id": Check(
        "Do several events share an id that should be theirs alone?",
        "warning",
        "serious",
        "kept; every one counts",
        "keep one row for each id before building the log; check whether retries write rows again",
    ),
    "ties": Check(
        "Do customers have several events at one time?",
        "info",
        "warning",
        "kept in the order of the data",
        "record times more finely, or choose ties= of the funnel; funnel(...).ties_matter() says how much it matters",
    ),
    "out_of_order": Check(
        "Did events come after later ones of the same customer?",
        "info",
        "info",
        "sorted by time",
        "nothing to do, unless rows are expected in order: then clocks differ or events arrive late",
    ),
    "future_times": Check(
        "Do events lie in the future?",
        "warning",
        "serious",
        "kept; unless observed_until was given, the data now seem to reach so far",
        "check clocks, units and zones of these rows; give observed_until= so that later rows are rejected",
    ),
    "epoch_times": Check(
        "Do events lie exactly at the beginning of 1970, where a missing time becomes 0?",
        "warning",
        "serious",
        "kept",
        "make these times null where the data come from, so that the rows are rejected and counted",
    ),
    "ancient_times": Check(
        "Do events lie far before nearly all others?",
        "warning",
        "serious",
        "kept; they are the first events of their customers",
        "check the units and the defaults of these times; log.filter(start=...) leaves the events out",
    ),
    "midnight_times": Check(
        "Are times dates without a time of day?",
        "warning",
        "warning",
        "kept, at the beginning of the day",
        "sessions, pauses and the order within a day mean nothing for these events; record the time of day",
    ),
    "coverage_gaps": Check(
        "Are there runs of days without any event, or hardly one, that chance does not explain?",
        "warning",
        "serious",
        "nothing; days without events look like days without customers",
        "find out whether recording failed; load the missing days, or leave the time before out (log.filter)",
    ),
    "days_without_events": Check(
        "Are there days without any event?",
        "info",
        "info",
        "nothing",
        "as in a small or a closed business; if each day should have events, look at coverage_gaps",
    ),
    "channel_gaps": Check(
        "Is a channel silent for a run of days that chance does not explain?",
        "warning",
        "warning",
        "nothing",
        "find out whether the channel was closed or not recorded; result.silences lists all",
    ),
    "late_starts": Check(
        "Do frequent events or channels begin long after the data?",
        "warning",
        "warning",
        "nothing",
        "new, renamed, or recorded only since? compare times before and after with care; result.silences lists all",
    ),
    "early_stops": Check(
        "Do frequent events or channels end long before the data?",
        "warning",
        "warning",
        "nothing",
        "gone, renamed, or no longer recorded? what ends looks like customers who leave; result.silences lists all",
    ),
    "bots_in_a_minute": Check(
        "Do customers have more events within a minute than a person can cause?",
        "warning",
        "serious",
        "kept",
        "machines, tests, several people under one id, or rows written in one batch; log.filter leaves customers out",
    ),
    "bots_in_a_day": Check(
        "Do customers have more events within 24 hours than a person can cause?",
        "warning",
        "serious",
        "kept",
        "machines, tests or several people under one id; log.filter leaves customers out",
    ),
    "bots_at_regular_times": Check(
        "Do customers have events at equal pauses, as machines do?",
        "warning",
        "serious",
        "kept",
        "monitors and timers are no customers; log.filter leaves them out",
    ),
    "look_alike_ids": Check(
        "Do ids of customers differ only in spaces, case, leading zeros, .0 or forms of letters?",
        "warning",
        "serious",
        "kept apart, as different customers",
        'write ids in one form; Arabic and Persian letters and digits with normalize="persian"',
    ),
    "look_alike_names": Check(
        "Do names of events or channels differ only in spaces, case, hyphens, underscores or forms of letters?",
        "warning",
        "warning",
        "kept apart, as different names",
        'write names in one form; Arabic and Persian letters and digits with normalize="persian"',
    ),
    "empty_columns": Check(
        "Are there columns without any value?",
        "info",
        "info",
        "kept",
        "leave the column out, or find its values",
    ),
    "near_constant_columns": Check(
        "Are there columns with nearly one value?",
        "info",
        "info",
        "kept",
        "such a column tells customers hardly apart; check whether it was filled as meant",
    ),
    "nearly_unique_columns": Check(
        "Are there columns in which nearly every event has a value of its own?",
        "info",
        "info",
        "kept",
        "such a column is an id: of no use for by=, but for quality(id=...)",
    ),
    "one_event_customers": Check(
        "Has nearly every customer a single event?",
        "warning",
        "warning",
        "kept",
        "is customer= the id of a visit or an event? choose the column that stays the same for a person",
    ),
    "event_names_as_ids": Check(
        "Has nearly every event a name of its own?",
        "warning",
        "serious",
        "kept",
        "is event= an id, a title or a URL? choose or make a column of kinds of events",
    ),
    "events_seen_once": Check(
        "Are there names of events that occur a single time?",
        "info",
        "info",
        "kept",
        "typing errors, tests, or ids within names",
    ),
    "normalized_values": Check(
        "Were ids or names brought into another spelling, as asked?",
        "info",
        "info",
        "brought into one spelling when the log was built",
        "nothing to do; write names in this spelling in questions",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a check."""

    check: str
    column: str
    count: int
    of: int
    example: str
    name: str | None = None

    @property
    def share(self) -> float:
        """The count as a share of what it is counted of."""
        return self.count / self.of

    @property
    def severity(self) -> str:
        """How grave it is."""
        check = CHECKS[self.check]
        return check.high if self.share >= GRAVE else check.low
