"""Recency, frequency and monetary value of each customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

from safar import _args, _table
from safar._core import Table
from safar._typing import Instant
from safar.analyses._rfm_rules import RfmRules, rules_of
from safar.analyses._rfm_segments import RfmSegments, ids_of, scored, segments_of
from safar.analyses._spec import Spec, observed, segments
from safar.errors import ArgumentError
from safar.language import Listed, Moment, Said, paragraph
from safar.result import Result, ResultTable

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Rfm", "RfmResult", "rfm"]

_COUNTED = (
    "Customers with at least one {counted} up to {until}: recency_days is the time from the last one to then in days "
    "of 24 hours, frequency the number of them, and {sums}."
)
_SUMS = (
    'monetary is the sum of "{column}" over these events, null where none of them has one; events without it are '
    "counted in without_value"
)
_NO_SUMS = "monetary is null, because the log has no values"


class RfmResult(Result):
    """How recently, how often and for how much did each customer act?

    Parameters
    ----------
    table
        One row a customer with at least one counted event: ``segment`` (only with `by`; null where there is no value),
        ``customer`` (as given), ``recency_days`` (24-hour days, with fractions, from the last counted event to `at`),
        ``frequency`` (counted events), ``monetary`` (sum of their values; null where none has one), ``without_value``
        (counted events without a value, which add nothing to the sum; null where the log has no values), ``first``,
        ``last`` (times of the first and the last counted event).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "rfm"

    def scores(self, bins: int = 5) -> ResultTable:
        """How do customers stand beside all others?

        Parameters
        ----------
        bins
            The best score; 5 is the custom of the field.

        Returns
        -------
        ResultTable
            One row a customer, in the order of this result: ``segment`` (only with `by`), ``customer``,
            ``recency_score``, ``frequency_score``, ``monetary_score``, from 1 to `bins`. Null where all customers have
            the same value, and where the customer has no monetary value.

        Notes
        -----
        A score is 1 + the whole part of `bins` times the share of customers who are strictly worse: longer ago, less
        often, for less. Equal customers have equal scores, whatever the order of rows, where cuts at quantiles fail or
        part them by chance; so a score may be empty, as 2 and 3 are where 60 % bought once. Scores are among all
        customers of the result, whatever their segments by `by`.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "who": ["ann", "ann", "bob", "cem"],
        ...         "when": ["2026-03-01", "2026-03-05", "2026-03-02", "2026-03-09"],
        ...         "what": ["buy"] * 4,
        ...     },
        ...     customer="who",
        ...     time="when",
        ...     event="what",
        ... )
        >>> found = log.rfm("buy").scores().to_dict()
        >>> sorted(zip(found["customer"], found["recency_score"], found["frequency_score"]))
        [('ann', 2, 4), ('bob', 1, 1), ('cem', 4, 1)]
        """
        found = scored(self.table, bins)
        columns: dict[str, object] = {
            name: _table.named(*self.table.codes(name)) for name in ("segment",) if name in self.columns
        }
        columns["customer"] = ids_of(self.table)
        columns |= found.columns()
        definition = paragraph(self.definition, *found.said())
        return ResultTable(_table.table_of(columns), definition, self.timezone)

    def segments(self, rules: RfmRules | None = None, *, bins: int = 5) -> RfmSegments:
        """How many customers are champions, at risk or lost?

        Parameters
        ----------
        rules
            Which scores make which segment: as `safar.rfm_rules` gives them, changed as you like, or a TOML file of
            the same form; the first that holds counts. A range of ``monetary`` may stand beside the others. Together
            they must cover all scores. By default those of `safar.rfm_rules`.
        bins
            As of `scores`; the rules by default are for 5.

        Returns
        -------
        RfmSegments
            One row a segment, in the order of the rules: ``rfm_segment`` (null for customers without a score that the
            rules need), ``customers``, ``share`` of all with its 95 % Wilson interval (``share_low``, ``share_high``),
            ``median_recency_days``, ``median_frequency``, ``median_monetary`` (null where nobody has one).

        Notes
        -----
        Every customer is in exactly one segment. Segments are ranks on one day, made by custom: they describe.
        A measure that is the same for everybody tells nobody apart; rules that need it are an error then.

        Examples
        --------
        >>> import safar
        >>> found = safar.datasets.shop(300).log().rfm("purchase").segments()
        >>> sum(found.to_dict()["customers"]) == len(found.customers())
        True
        """
        return segments_of(self.table, rules_of(rules, bins), bins, self.definition, self.timezone)


@dataclass(frozen=True, slots=True)
class Rfm(Spec[RfmResult]):
    """The question of `EventLog.rfm`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Rfm("purchase").events
    ('purchase',)
    """

    analysis: ClassVar[str] = "rfm"

    events: str | Sequence[str] | None = None
    _: KW_ONLY
    at: Instant | None = None
    value: str | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        if self.events is not None:
            object.__setattr__(self, "events", _args.names(self.events, "events"))
        if self.at is not None:
            object.__setattr__(self, "at", _args.instant(self.at, "at"))
        for argument in ("value", "by"):
            if getattr(self, argument) is not None:
                _args.text(getattr(self, argument), argument)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        if self.events is not None:
            _args.known_events(self.events, log.events, "events")
        if self.value is not None:
            _args.known_columns_of_log([self.value], log.columns, "value")
        _args.known_segment(self.by, log.columns, log.roles)
        params = {"events": self.events, "at_us": self._at_us(log), "value": self._amounts(log)}
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> RfmResult:
        """The rows as the kernel gave them."""
        until = observed(log)
        if self.at is not None:
            when = _args.local_datetime(_args.instant_us(self.at, "at", log.timezone), log.timezone)
            until = Said("{moment} {timezone}", moment=Moment(when), timezone=log.timezone)
        amounts = self._amounts(log)
        definition = paragraph(
            Said(
                _COUNTED,
                counted=Said("event")
                if self.events is None
                else Said("{events} event", events=Listed(self.events, last="or")),
                until=until,
                sums=Said(_NO_SUMS) if amounts is None else Said(_SUMS, column=amounts),
            ),
            segments(self.by, Said("at the first of these events")),
        )
        return RfmResult(partial, definition, log.timezone, self.to_json())

    def _amounts(self, log: Log) -> str | None:
        """The column that is added up."""
        return self.value or ("value" if "value" in log.columns else None)

    def _at_us(self, log: Log) -> int | None:
        if self.at is None:
            return None
        at_us = _args.instant_us(self.at, "at", log.timezone)
        if at_us > log.observed_until_us:
            raise ArgumentError(
                f"at={self.at!r} is after {observed(log)}, where the data end: what customers did until then is not "
                "known; choose an earlier time, or build the log with observed_until= if the data do reach so far"
            )
        return at_us


def rfm(
    log: Log,
    events: str | Sequence[str] | None = None,
    *,
    at: Instant | None = None,
    value: str | None = None,
    by: str | None = None,
) -> RfmResult:
    """How recently, how often and for how much did each customer act?

    Parameters
    ----------
    events
        The event, or events, that are counted, such as ``"purchase"``; by default any event.
    at
        The instant up to which events are looked at and recency is counted; by default `observed_until`. One that
        the data do not reach is an error. With an earlier one, nothing after it is looked at, as if it had
        not happened yet.
    value
        The column of the log with the amounts; by default ``"value"`` where the log has it.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) whose value at the customer's first counted
        event is given as ``segment``.

    Returns
    -------
    RfmResult
        One row a customer with at least one counted event, in the order of the log: ``segment`` (only with `by`),
        ``customer``, ``recency_days`` (days of 24 hours, with fractions), ``frequency`` (events), ``monetary`` (in the
        unit of `value`), ``without_value`` (events), ``first``, ``last`` (times).

    Notes
    -----
    An event exactly at `at` counts, with a recency of 0. Customers without a counted event have no row: they have no
    recency. A value that is null or NaN is unknown, not 0: it is left out of the sum and counted in
    ``without_value``, and where no value is known the sum is null. Returns and refunds with negative values lower the
    sum.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "cem"],
    ...         "time": ["2026-03-01", "2026-03-05", "2026-03-02", "2026-03-09"],
    ...         "event": ["purchase", "purchase", "purchase", "view"],
    ...         "value": [20.0, 12.5, 40.0, None],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     value="value",
    ... )
    >>> result = log.rfm("purchase").to_dict()
    >>> sorted(
    ...     zip(
    ...         result["customer"],
    ...         result["recency_days"],
    ...         result["frequency"],
    ...         result["monetary"],
    ...     )
    ... )
    [('ann', 4.0, 2, 32.5), ('bob', 7.0, 1, 40.0)]
    """
    return Rfm(events, at=at, value=value, by=by).run(log)
