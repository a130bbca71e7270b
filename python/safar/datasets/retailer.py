"""The demo shop: a year of an omnichannel retailer in Iran, made up from a seed."""

from __future__ import annotations

import datetime as dt
import operator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from safar import _args, _table
from safar._typing import Instant
from safar.datasets import tables
from safar.datasets.rhythm import DAYS, START, UTC_OFFSET_MS, YEAR_MS, utc
from safar.datasets.truths import INCIDENTS, TRUTHS, Truth
from safar.datasets.year import Year, live
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Said
from safar.result import ResultTable

if TYPE_CHECKING:
    from safar.log import EventLog

# Ids have nine digits; the year of so many people would not fit into memory anyway.
_MOST = 100_000_000

ATTRIBUTES = (
    "stage",
    "device",
    "campaign",
    "product_category",
    "order_id",
    "ticket_id",
    "response_minutes",
    "score",
    "persona",
)


@dataclass(frozen=True, eq=False, repr=False)
class Shop:
    """A year of events of a made-up retailer, and the tables around them.

    Every table is a `ResultTable`: `to_pandas()`, `to_polars()`, `to_dict()`, or give it to anything that reads the
    Arrow PyCapsule interface. docs/demo_data.md lists the columns. Money is in toman.

    Attributes
    ----------
    seed : the seed that the data was drawn from.
    """

    seed: int
    _year: Year
    _incidents: bool = True

    @property
    def truths(self) -> tuple[Truth, ...]:
        """The five planted truths; without incidents three of them."""
        return TRUTHS if self._incidents else tuple(truth for truth in TRUTHS if truth.name not in INCIDENTS)

    @property
    def observed_until(self) -> dt.datetime:
        """The end of the year that the data covers: 2026-06-01 00:00 in Tehran."""
        return _END

    @cached_property
    def events(self) -> ResultTable:
        """Everything that happened, sorted by time."""
        return _result(
            tables.events(self._year), Said("One row an event, sorted by time; value is in toman.")
        )

    @cached_property
    def customers(self) -> ResultTable:
        """One row a person, known by name or not."""
        return _result(
            tables.customers(self._year),
            Said("One row a person; persona is the planted truth, and what a stranger has not told is null."),
        )

    @cached_property
    def orders(self) -> ResultTable:
        """One row an order."""
        return _result(
            tables.orders(self._year),
            Said(
                "One row an order, sorted by time; value and refund are in toman, value after the discount (a share)."
            ),
        )

    @cached_property
    def tickets(self) -> ResultTable:
        """One row a question to support."""
        return _result(
            tables.tickets(self._year),
            Said(
                "One row a question to support, sorted by time; response_minutes is the wait for the first answer."
            ),
        )

    @cached_property
    def surveys(self) -> ResultTable:
        """One row an answer to a survey."""
        return _result(
            tables.surveys(self._year),
            Said("One row an answer, sorted by time: nps 0-10, csat 1-5, ces 1-7 (7 is easiest)."),
        )

    @cached_property
    def campaigns(self) -> ResultTable:
        """One row a campaign."""
        return _result(
            tables.campaign_costs(self._year),
            Said(
                "One row a campaign, start and end days included; cost in toman, impressions of a mailing are its "
                "e-mails."
            ),
        )

    def log(self, *, start: Instant | None = None, end: Instant | None = None) -> EventLog:
        """Build the event log of the shop.

        Parameters
        ----------
        start, end
            Keep only the events in ``[start, end)``; without a zone they are Tehran time. Default: the whole year.

        Returns
        -------
        EventLog
            In the zone Asia/Tehran, observed until `end`, with the attributes stage, device, campaign,
            product_category, order_id, ticket_id, response_minutes, score and persona.

        Examples
        --------
        >>> import safar
        >>> log = safar.datasets.shop(300).log(start="2026-03-01", end="2026-03-08")
        >>> log.observed_until.isoformat()
        '2026-03-08T00:00:00+03:30'
        """
        from safar.log import EventLog

        data = self.events.table
        until = self.observed_until
        if start is not None or end is not None:
            first, last = _bound(start, "start", 0), _bound(end, "end", YEAR_MS)
            if first >= last:
                raise ArgumentError(
                    f"start={start!r} and end={end!r} leave nothing of the year of the shop; "
                    f"it runs from {START} until before {START + DAYS}"
                )
            rows = np.searchsorted(self._year.events["at"], (first, last))
            data = _table.table_of(tables.rows(tables.events(self._year), slice(*rows)))
            until = _END - dt.timedelta(milliseconds=YEAR_MS - last)
        return EventLog(
            data,
            customer="customer_id",
            time="time",
            event="event",
            channel="channel",
            value="value",
            attributes=ATTRIBUTES,
            timezone=tables.ZONE,
            observed_until=until,
        )

    def __repr__(self) -> str:
        counts = {
            name: len(getattr(self._year, name)["person"])
            for name in ("events", "orders", "tickets", "surveys")
        }
        listed = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        people = len(self._year.people["persona"])
        return f"Shop: {people:,} customers, {listed}; {START} to {START + DAYS - 1}, seed {self.seed}"


_END = dt.datetime(2026, 6, 1, tzinfo=dt.timezone(dt.timedelta(milliseconds=UTC_OFFSET_MS), "Asia/Tehran"))


def _result(columns: dict[str, tables.Column], definition: Said) -> ResultTable:
    return ResultTable(_table.table_of(columns), definition, tables.ZONE)


def _bound(value: Instant | None, argument: str, default: int) -> int:
    """A bound as a moment of the year."""
    if value is None:
        return default
    year_us = int(utc(np.zeros(1, dtype=np.int64)).astype(np.int64)[0])
    moment = -((year_us - _args.instant_us(value, argument, tables.ZONE)) // 1_000)
    return min(max(moment, 0), YEAR_MS)


def _count(value: object, argument: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected a whole number")
    number = operator.index(value)
    if not least <= number <= most:
        raise ArgumentError(f"{argument}={value!r} is out of range; expected {least} to {most}")
    return number


def shop(customers: int = 10_000, *, seed: int = 7, incidents: bool = True) -> Shop:
    """Make up a year of an omnichannel retailer, with five truths to find.

    Ten thousand customers take a fraction of a second; the time grows in proportion.

    Parameters
    ----------
    customers
        How many people come in contact with the shop; about a fifth never say who they are. The default is enough for
        every planted truth to stand out of the noise.
    seed
        Start of the random numbers. The same `customers` and `seed` give the same data on every machine.
    incidents
        Whether the mobile checkout breaks and the giveaway happens. Without them the year has nothing but its
        seasons and mailings, so that it can be tried what raises a false alarm.

    Returns
    -------
    Shop
        `events`, `customers`, `orders`, `tickets`, `surveys` and `campaigns`, the planted `truths`, and `log()`.

    Notes
    -----
    The data covers 2025-06-01 to 2026-05-31 in Tehran time and so one whole season of the Persian New Year. It is
    invented: no person, product or campaign in it exists.

    Examples
    --------
    >>> from safar.datasets import shop
    >>> data = shop(1_000)
    >>> data
    Shop: 1,000 customers, ... events, ... orders, ... tickets, ... surveys; 2025-06-01 to 2026-05-31, seed 7
    >>> [truth.name for truth in data.truths]
    ['broken_mobile_checkout', 'slow_call_center', 'persona_that_leaves', 'campaign_without_buyers', 'nowruz_peak']
    """
    count = _count(customers, "customers", 1, _MOST)
    start = _count(seed, "seed", 0, 2**63 - 1)
    happen = _args.flag(incidents, "incidents")
    return Shop(start, live(count, start, happen), happen)
