"""What a funnel answers: its table, and the ways into it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import Array, Duration, Floats, Integers, Period, Status
from safar.analyses._funnel_comparison import comparison
from safar.analyses._funnel_explanation import explained
from safar.analyses._spec import Spec
from safar.errors import ArgumentError
from safar.explanation import Explanation
from safar.language import Said
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar.analyses.funnel import Funnel

# How the kernel calls what users see.
_STATUS = {"completed": "completed", "dropped": "dropped", "open": "still_open", "excluded": "excluded"}
# The bounds that times fall between by default: far enough apart that a few say it, and the same for every funnel.
_BINS: Sequence[Duration] = ("10s", "1m", "10m", "1h", "6h", "1d", "3d", "7d", "30d", "90d")
_MOST_BINS = 10_000
# More periods than this make a trend that nobody reads, and each is a pass over the log.
_MOST_PERIODS = 400


# Who is listed, by whether a step and whether a status is asked for.
_WHO = {
    (False, False): "Those who came, of: {definition}",
    (True, False): "Those who reached step {step}, of: {definition}",
    (False, True): "Those who came and are {status}, of: {definition}",
    (True, True): "Those who came to step {step} and no further and are {status}, of: {definition}",
}


class FunnelResult(Result):
    """How many customers came through each step.

    The balance holds: ``entered = completed + dropped + still_open + excluded``.

    Parameters
    ----------
    table
        One row a step, for each segment: ``segment`` (only with `by`; null where the customer has no value),
        ``step`` (from 1), ``name``, ``customers`` (that reached the step; ``attempts`` where each attempt
        counts), ``dropped`` (that went no further, and can't any more), ``still_open`` (that went no further,
        but whose window was not over), ``excluded`` (that an exclusion took out here), ``from_previous`` (share
        of the customers of the step before; null at step 1) and ``from_first`` (share of those at step 1), each
        with the ``_low`` and ``_high`` of its 95 % Wilson interval. Shares are 0 to 1, and null where nobody is in
        the denominator.
    """

    __slots__ = ()

    analysis: ClassVar[str] = "funnel"

    @property
    def unit(self) -> str:
        """What is counted: ``"customers"``, ``"attempts"``, ``"sessions"``, or ``"units"`` of another column."""
        return next(
            name for name in ("customers", "attempts", "sessions", "units") if name in self.table.names
        )

    @property
    def entered(self) -> int:
        """Customers that began, those that an exclusion took out of the funnel among them."""
        return self.completed + self.dropped + self.still_open + self.excluded

    @property
    def completed(self) -> int:
        """Customers that reached the last step."""
        return int(self._grid(self.unit)[:, -1].sum())

    @property
    def dropped(self) -> int:
        """Customers that did not complete, and can't any more."""
        return int(self._grid("dropped").sum())

    @property
    def still_open(self) -> int:
        """Customers that had not completed, but whose window was not over when the data end."""
        return int(self._grid("still_open").sum())

    @property
    def excluded(self) -> int:
        """Customers that an exclusion took out."""
        return int(self._grid("excluded").sum())

    def balance(self) -> ResultTable:
        """What became of the customers that entered?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``entered``, ``completed``, ``dropped``, ``still_open``,
            ``excluded`` (customers).
        """
        columns: dict[str, object] = {}
        if "segment" in self.table.names:
            columns["segment"] = self.table.numpy("segment")[0][_table.integers(self.table, "step") == 1]
        ends = {name: self._grid(name).sum(axis=1) for name in ("dropped", "still_open", "excluded")}
        ends = {"completed": self._grid(self.unit)[:, -1].copy(), **ends}
        columns |= {"entered": sum(ends.values()), **ends}
        return ResultTable(_table.table_of(columns), self.definition, self.timezone)

    def customers(self, step: int | None = None, status: Status | None = None) -> ResultTable:
        """Who stands at a cell of the funnel?

        Parameters
        ----------
        step
            A step from 1: with `status` those whose last step it is, without those who reached it. All steps by
            default.
        status
            What became of them: ``"completed"``, ``"dropped"``, ``"still_open"`` or ``"excluded"``; any by default.

        Returns
        -------
        ResultTable
            One row a customer, or an attempt where each counts: ``segment`` (only with `by`), ``customer``,
            ``reached`` (steps), ``status``, ``entry``, ``last_step`` (times).

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "bob"],
        ...         "time": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
        ...         "event": ["view", "purchase", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> log.funnel(["view", "purchase"], within="1h").customers(
        ...     step=1, status="still_open"
        ... ).to_dict()["customer"]
        ['bob']
        """
        last = self._grid(self.unit).shape[1]
        if step is not None and (type(step) is not int or step not in range(1, last + 1)):
            raise ArgumentError(f"step={step!r} is not a step of this funnel; expected 1 to {last}")
        if status is not None:
            _args.choice(status, "status", Status)
        attempts = self._attempts()
        reached = _table.integers(attempts, "reached")
        grid = _times(attempts, last)
        found = attempts.numpy("status")[0]
        stands = np.ones(len(reached), dtype=bool)
        if status is not None:
            stands &= found == next(kernel for kernel, shown in _STATUS.items() if shown == status)
            stands &= (reached == step) if step is not None else True
        elif step is not None:
            stands &= ~np.isnat(grid[:, step - 1])
            if self._question().on_exclude == "drop_customer":
                stands &= found != "excluded"
        columns: dict[str, object] = {}
        if "segment" in attempts.names:
            columns["segment"] = attempts.numpy("segment")[0][stands]
        columns |= {
            "customer": attempts.numpy("customer")[0][stands],
            "reached": reached[stands],
            "status": [_STATUS[name] for name in found[stands].tolist()],
            "entry": _table.instants(np.fmin.reduce(grid[stands], axis=1)),
            "last_step": _table.instants(np.fmax.reduce(grid[stands], axis=1)),
        }
        definition = Said(
            _WHO[step is not None, status is not None],
            step=step,
            status=None if status is None else Said(status),
            definition=self.definition,
        )
        return ResultTable(_table.table_of(columns), definition, self.timezone)

    def times(self, quantiles: Sequence[float] = (0.5, 0.9)) -> ResultTable:
        """How long do the steps take?

        Parameters
        ----------
        quantiles
            Which quantiles, each above 0 and below 1; the median and the 90th percentile by default.

        Returns
        -------
        ResultTable
            One row a step after the first, for each segment, and one for the way from the first to the last:
            ``segment`` (only with `by`), ``step`` (from 2; null for the whole way), ``name``, ``customers`` (that
            took the step), ``mean_seconds``, ``median_seconds``, ``p90_seconds`` (one column a quantile),
            ``min_seconds``, ``max_seconds`` (from the step before that was taken, or from the entry for the whole way;
            null where nobody took it).

        Notes
        -----
        Exact, over the attempts that count; steps that take no time are among them. A quantile is the smallest time
        that at least that share of the times do not exceed. Attempts that are still open may yet add long times, so
        the times of a young cohort look short; `EventLog.conversion` accounts for that.
        """
        chosen = _args.shares(quantiles, "quantiles")
        spans = self._spans()
        labels, number, name, times = (list(column) for column in zip(*spans, strict=True))
        columns: dict[str, object] = {"segment": labels} if "segment" in self.table.names else {}
        columns["step"] = _table.nullable(
            np.array([each or 0 for each in number], dtype=np.int64),
            np.array([each is None for each in number]),
        )
        columns |= {"name": name, self.unit: np.array([len(each) for each in times], dtype=np.int64)}
        found = [
            np.full(3 + len(chosen), np.nan) if not len(each) else _spread(each, chosen) for each in times
        ]
        known = ["mean", *("median" if q == 0.5 else f"p{100 * q:g}" for q in chosen), "min", "max"]
        for column, values in zip(known, np.array(found).T, strict=True):
            columns[f"{column}_seconds"] = _table.nullable(values / 1e6)
        return ResultTable(
            _table.table_of(columns),
            Said(
                "Time from step to step, and from the entry to the last step in the last row, of: {definition}",
                definition=self.definition,
            ),
            self.timezone,
        )

    def histogram(self, step: int | None = None, *, bins: int | Sequence[Duration] = _BINS) -> ResultTable:
        """How are the times of a step distributed?

        Parameters
        ----------
        step
            The step (from 2) whose time from the step before is looked at; by default the whole way from the entry to
            the last step.
        bins
            The bounds of the bins, such as ``["1h", "1d", "7d"]``, or a number of bins of one width between the
            shortest and the longest time. By default fixed bounds from 10 seconds to 90 days, so that two tables
            compare.

        Returns
        -------
        ResultTable
            One row a bin, for each segment: ``segment`` (only with `by`), ``low_seconds`` (inclusive),
            ``high_seconds`` (exclusive; null for the last bin, which has no end), ``customers``, ``share`` (of those
            who took the step, null where nobody did).
        """
        last = self._grid(self.unit).shape[1]
        if step is not None and (type(step) is not int or step not in range(2, last + 1)):
            raise ArgumentError(f"step={step!r} has no step before it in this funnel; expected 2 to {last}")
        spans = [(label, times) for label, number, _, times in self._spans() if number == step]
        edges = _edges(bins, np.concatenate([times for _, times in spans]))
        counts = [np.histogram(times, [*edges, np.iinfo(np.int64).max])[0] for _, times in spans]
        columns: dict[str, object] = {}
        if "segment" in self.table.names:
            columns["segment"] = [label for label, _ in spans for _ in edges]
        high = np.array([*edges[1:], np.nan]) / 1e6
        columns["low_seconds"] = np.tile(np.array(edges) / 1e6, len(spans))
        columns["high_seconds"] = _table.nullable(np.tile(high, len(spans)))
        customers = np.concatenate(counts).astype(np.int64)
        total = np.repeat([len(times) for _, times in spans], len(edges))
        share = np.full(len(total), np.nan)
        np.divide(customers, total, out=share, where=total > 0)
        columns |= {self.unit: customers, "share": _table.nullable(share)}
        text = "How long it took from the entry to the last step, of: {definition}"
        if step is not None:
            text = "How long it took from the step before to step {step}, of: {definition}"
        return ResultTable(
            _table.table_of(columns),
            Said(text, step=step, definition=self.definition),
            self.timezone,
            shares=frozenset({"share"}),
        )

    def _spans(self) -> list[tuple[str | None, int | None, str, Integers]]:
        """Segment, step, its name and the times in µs from the step before; then those from the entry to the last."""
        attempts = self._attempts()
        question = self._question()
        segment, segments = _table.segments(attempts)
        count = self._grid(self.unit).shape[1]
        names = question.names()
        grid = _times(attempts, count)
        if question.on_exclude == "drop_customer":
            grid[attempts.numpy("status")[0] == "excluded"] = np.datetime64("NaT")
        # The time of the step before; where that is optional and was left out, of the one before that.
        before = np.fmax.accumulate(grid, axis=1)
        spans: list[tuple[str | None, int | None, str, Integers]] = []
        for index, label in enumerate(segments):
            here = segment == index
            for k in range(2, count + 1):
                taken = here & ~np.isnat(grid[:, k - 1])
                spans.append((label, k, names[k - 1], _length(before[taken, k - 2], grid[taken, k - 1])))
            whole = here & ~np.isnat(grid[:, count - 1])
            span = _length(grid[whole, 0], grid[whole, count - 1])
            spans.append((label, None, f"{names[0]} → {names[-1]}", span))
        return spans

    def trend(self, period: Period = "week") -> ResultTable:
        """How does the funnel change with the time of entry?

        Parameters
        ----------
        period
            ``"day"``, ``"week"`` or ``"month"``, in the zone of the log; Gregorian, weeks from Monday.

        Returns
        -------
        ResultTable
            One row a period that the funnel's entries may fall into, for each segment: ``segment`` (only with
            `by`), ``period`` (its first day), ``entered``, ``completed``, ``dropped``, ``still_open``,
            ``excluded``, ``share`` (completed of those that entered) with its 95 % Wilson interval.

        Notes
        -----
        Each row is the same funnel with its entries bounded by the period; later events still count. A customer may
        enter in several periods and then stands in each, so the rows need not add up to the funnel.
        """
        log = self._asked()
        _args.choice(period, "period", Period)
        question = self._question()
        starts = _core.period_starts(
            log.info["first_us"], log.info["last_us"], period, log.timezone, "gregorian", 0
        )
        if len(starts) - 1 > _MOST_PERIODS:
            raise ArgumentError(
                f"the log spans {len(starts) - 1} periods of one {period}, more than the {_MOST_PERIODS} of one trend; "
                "choose a longer period"
            )
        balances: list[dict[str, list[Any]]] = []
        for first, end in itertools.pairwise(starts):
            inside = question.between(first, end, log.timezone)
            if inside is not None:
                balance = inside.run(log).balance().to_dict()
                day = _args.local_datetime(first, log.timezone).date()
                balances.append({**balance, "period": [day] * len(balance["entered"])})
        names = ["entered", "completed", "dropped", "still_open", "excluded"]
        rows = {
            name: [value for balance in balances for value in balance[name]]
            for name in [*names, "period", *(["segment"] if question.by is not None else [])]
        }
        entered = np.array(rows["entered"], dtype=np.int64)
        found = entered > 0
        columns: dict[str, object] = {}
        if question.by is not None:
            columns["segment"] = np.array(rows["segment"], dtype=object)[found]
        columns["period"] = np.array(rows["period"], dtype="datetime64[D]")[found]
        counts = {name: np.array(rows[name], dtype=np.int64)[found] for name in names}
        columns |= counts
        columns |= share_columns("share", counts["completed"], counts["entered"])
        return ResultTable(
            _table.table_of(columns),
            Said(
                "By the {period} of the entry, each {period} a funnel of its own: {definition}",
                period=Said(period),
                definition=self.definition,
            ),
            self.timezone,
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def compare(self, other: FunnelResult | None = None, *, baseline: str | None = None) -> ResultTable:
        """Does the funnel differ between segments, or from another funnel?

        Parameters
        ----------
        other
            A funnel of as many steps, such as that of another period, to compare this one with; by default the
            segments of this one are compared with each other.
        baseline
            The segment that the others are compared with; by default the one that most entered.

        Returns
        -------
        ResultTable
            One row a step after the first, for each segment but the baseline: ``segment`` (not with `other`),
            ``step``, ``name``, ``share`` and ``baseline_share`` (of those at step 1, 0 to 1), ``difference``
            (of the two) with ``difference_low`` and ``difference_high``, ``p_value``, ``p_adjusted``. Null where one
            of the two has nobody at step 1.

        Notes
        -----
        The interval of the difference is Newcombe's hybrid score interval at 95 % (1998,
        doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I). The test is that of two shares with the
        pooled variance (its square is Pearson's chi-squared), or Fisher's exact one where a count below 5 is expected.
        ``p_adjusted`` is Holm's (1979) over all rows. The two must share no customers: a customer who stands
        in both makes them look more alike than chance would. Open customers stand in the denominators, so compare
        periods that had the same time to complete, or look at `EventLog.conversion`.

        Examples
        --------
        >>> import safar
        >>> log = safar.datasets.shop(customers=500, seed=7).log()
        >>> funnel = log.funnel(["view_product", "purchase"], within="7d", by="device")
        >>> funnel.compare().columns[-2:]
        ['p_value', 'p_adjusted']
        """
        return comparison(self, other, baseline)

    def explain(self, customer: object) -> Explanation:
        """Why does a customer count as it does?

        Parameters
        ----------
        customer
            The id, as the data give it; of a funnel of sessions still that of the customer, whose sessions are all
            told, and of a funnel of other units the value of the column.

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
        ...         "time": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-01 12:00"],
        ...         "event": ["view", "cart", "purchase"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> why = log.funnel(["view", "cart", "purchase"], within="1h").explain("ann")
        >>> why.to_dict()["decision"][2]
        'would be step 3 "purchase", but comes 2 h after the entry: outside the window of 1 hour'
        """
        return explained(self._question(), self._asked(), customer, self.definition)

    def ties_matter(self) -> int:
        """How many customers count otherwise where events at one time go against them instead of in their favour?

        Returns
        -------
        int
            Customers whose steps reached or whose status differ between ``ties="favour"`` and ``ties="against"``.
        """
        asked = self._question()
        if asked.dialect is not None and asked.dialect.startswith("clickhouse"):
            raise ArgumentError(
                f"dialect={asked.dialect!r} has an order of its own for events at one time; ask the funnel without it"
            )
        # What the dialect set stays set.
        asked = replace(asked, dialect=None)
        ways: list[dict[object, list[tuple[int, str]]]] = []
        for ties in ("favour", "against"):
            found: dict[object, list[tuple[int, str]]] = {}
            attempts = self._attempts(replace(asked, ties=ties))
            columns = [attempts.numpy(name)[0].tolist() for name in ("customer", "reached", "status")]
            for customer, reached, status in zip(*columns, strict=True):
                found.setdefault(customer, []).append((reached, status))
            ways.append(found)
        favour, against = ways
        return sum(
            favour.get(customer) != against.get(customer) for customer in favour.keys() | against.keys()
        )

    def _attempts(self, asked: Funnel | None = None) -> Table:
        """The attempts that count, one row each."""
        return (asked or self._question()).attempts(self._asked())

    def _question(self) -> Funnel:
        return cast("Funnel", Spec.from_json(self.spec))

    def _grid(self, column: str) -> Integers:
        """A column as segments by steps."""
        steps = _table.integers(self.table, "step").max(initial=1)
        return _table.integers(self.table, column).reshape(-1, steps)


def _times(attempts: Table, steps: int) -> Array:
    """The times of the steps, a row for each attempt; NaT for those not taken."""
    lists = attempts.numpy("times")[0]
    grid = np.full((len(lists), steps), "NaT", dtype="datetime64[us]")
    if len(lists):
        reached, skipped = _table.integers(attempts, "reached"), _table.integers(attempts, "skipped")
        step = np.arange(steps)
        grid[(step < reached[:, None]) & (skipped[:, None] >> step & 1 == 0)] = np.concatenate(lists)
    return grid


def _length(start: Array, end: Array) -> Integers:
    return (end - start).astype(np.int64)


def _spread(times: Integers, quantiles: Sequence[float]) -> Floats:
    """Mean, quantiles, least and greatest."""
    found = np.quantile(times, quantiles, method="inverted_cdf")
    return np.array([times.mean(), *found, times.min(), times.max()], dtype=np.float64)


def _edges(bins: object, times: Integers) -> list[int]:
    """The lower bounds of the bins in µs."""
    if isinstance(bins, int) and not isinstance(bins, bool):
        if not 1 <= bins <= _MOST_BINS:
            raise ArgumentError(
                f"bins={bins!r}; expected a number of bins from 1 to {_MOST_BINS}, or their bounds"
            )
        if not len(times):
            return [0]
        low, high = int(times.min()), int(times.max())
        width = max(-(-(high - low + 1) // bins), 1)
        return [low + width * index for index in range(bins)]
    if isinstance(bins, str) or not isinstance(bins, Sequence):
        raise ArgumentError(
            f'bins={bins!r} is no list of bounds such as ["1h", "1d", "7d"], nor a number of bins'
        )
    bounds = [_args.microseconds(each, "bins") for each in bins]
    if not bounds or sorted(set(bounds)) != bounds:
        raise ArgumentError(
            f"bins={list(bins)!r}: each bound is longer than the one before, and there is one or more"
        )
    return [0, *bounds]
