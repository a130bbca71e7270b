"""Separating paths: which sub-paths tell those who reach a goal from those who do not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import newcombe
from safar._typing import Array, Duration, Floats, Integers, Per
from safar.analyses._evidence import (
    Stratified,
    attainable,
    false_discovery,
    family_wise,
    fisher,
    stratified,
)
from safar.analyses._spec import Spec, observed, segments
from safar.analyses._units import (
    check_units,
    repeats_sentence,
    segment_words,
    top_sentence,
    unit_params,
    unit_words,
)
from safar.analyses.paths import path_names, path_text
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Said, paragraph, quoted
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["SeparatingPaths", "SeparatingPathsResult", "separating_paths"]

_LEVEL = 0.05
_LONGEST = 3
_MOST_ROWS = 1_000_000
_MOST_PERMUTATIONS = 100_000
# Sub-paths by length of unit: about 100 MB.
_MOST_CELLS = 4_000_000
# Words of 64 sub-paths that a permutation looks at: about 100 MB, and some hundredths of a second each.
_MOST_WORDS = 1 << 23


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SeparatingPathsResult(Result):
    """Which sub-paths tell those who reach a goal from those who do not.

    Parameters
    ----------
    table
        One row a sub-path, for each segment, the strongest evidence first: ``segment`` (only with `by`; null where
        there is no value), ``path`` (as `sequences` reads it), ``length`` (events), ``units_with``,
        ``converted_with``, ``units_without``, ``converted_without``, ``share_with``, ``share_with_low``,
        ``share_with_high``, ``share_without``, ``share_without_low``, ``share_without_high`` (converted of the
        units, 0 to 1, with 95 % Wilson intervals), ``difference``, ``difference_low``, ``difference_high`` (first
        share minus second, with its 95 % Newcombe interval), ``difference_stratified``,
        ``difference_stratified_low``, ``difference_stratified_high`` (the same among units of one length, as the
        mean of Mantel and Haenszel with its 95 % interval; the interval is null where nothing spreads),
        ``direction`` (``"more"`` or ``"less"`` of the units with it convert than of units of the same length without
        it; null where as many do), ``odds_ratio``, ``odds_ratio_low``, ``odds_ratio_high`` (among units of one
        length, of Mantel and Haenszel, with its 95 % interval; null where it is 0, infinite or undefined),
        ``p_value``, ``q_value`` (Fisher), ``p_stratified``, ``q_stratified``
        (Cochran-Mantel-Haenszel; null where no units of one length differ), ``p_adjusted`` (only with
        `permutations`; Westfall and Young).
    all_units
        The table that `totals` shows.
    """

    analysis: ClassVar[str] = "separating_paths"

    all_units: Table

    def totals(self) -> ResultTable:
        """How many units and sub-paths were looked at, and how many left out?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``units`` (compared), ``converted`` (of them), ``open`` (left
            out: not known yet), ``at_once`` (left out: the goal is their first event), ``candidates`` (different
            sub-paths), ``supported`` (that enough units have), ``closed`` (of these, without those that a longer
            one stands for), ``tested`` (of these, that could come out).
        """
        return ResultTable(self.all_units, self.definition, self.timezone)

    def sequences(self) -> list[tuple[str, ...]]:
        """The sub-paths as tuples of event names, one a row; the column ``path`` is that of `EventLog.paths`."""
        return [path_names(text) for text in self.table.numpy("path")[0].tolist()]


@dataclass
class _Segment:
    """The sub-paths of one segment: a row of an array is a sub-path, a column a stratum."""

    paths: list[tuple[str, ...]]
    with_: Integers
    converted_with: Integers
    units: Integers
    converted: Integers
    open: int
    at_once: int
    candidates: int
    supported: int = 0
    closed: int = 0
    evidence: Stratified = field(init=False)
    p_value: Floats = field(init=False)
    p_adjusted: Floats | None = None

    def keep(self, chosen: Array) -> None:
        """Leave out all other sub-paths."""
        self.paths = [path for path, kept in zip(self.paths, chosen.tolist(), strict=True) if kept]
        self.with_, self.converted_with = self.with_[chosen], self.converted_with[chosen]

    def test(self, support: float, *, contiguous: bool) -> None:
        """Keep the sub-paths that can say something, and test them; the outcome has no part in the choice."""
        all_units, converted = int(self.units.sum()), int(self.converted.sum())
        self.keep(self.with_.sum(axis=1) >= math.ceil(support * all_units))
        self.supported = len(self.paths)
        self.keep(_closed(self.paths, self.with_.sum(axis=1), contiguous=contiguous))
        self.closed = len(self.paths)
        self.keep(attainable(self.with_.sum(axis=1), all_units, converted, level=_LEVEL))
        self.evidence = stratified(self.with_, self.converted_with, self.units, self.converted)
        totals = self.with_.sum(axis=1), self.converted_with.sum(axis=1)
        self.p_value = fisher(*totals, all_units, converted)

    def order(self) -> Integers:
        """The sub-paths by the strength of their evidence among units of one length, then by name."""
        by_name = np.empty(len(self.paths), dtype=np.int64)
        by_name[sorted(range(len(self.paths)), key=self.paths.__getitem__)] = np.arange(len(self.paths))
        strength = np.abs(self.evidence.excess / self.evidence.deviation)
        # Far out, probabilities round to 0 and the strength decides; NaN stands last.
        return np.lexsort((by_name, -strength, self.evidence.p_value)).astype(np.int64)

    def columns(self, rows: Integers) -> dict[str, Array]:
        """The columns of the result in this order of the rows; NaN where undefined."""
        evidence, units = self.evidence, int(self.units.sum())
        with_, converted_with = self.with_.sum(axis=1), self.converted_with.sum(axis=1)
        without, converted_without = units - with_, int(self.converted.sum()) - converted_with
        low, high = newcombe(converted_with, with_, converted_without, without)
        columns: dict[str, Array] = {
            "length": np.array([len(path) for path in self.paths], dtype=np.int64),
            "units_with": with_,
            "converted_with": converted_with,
            "units_without": without,
            "converted_without": converted_without,
            "difference": converted_with / with_ - converted_without / without,
            "difference_low": low,
            "difference_high": high,
            "difference_stratified": evidence.difference,
            "difference_stratified_low": evidence.difference_low,
            "difference_stratified_high": evidence.difference_high,
            "direction": np.sign(evidence.excess),
            "odds_ratio": evidence.odds_ratio,
            "odds_ratio_low": evidence.odds_ratio_low,
            "odds_ratio_high": evidence.odds_ratio_high,
            "p_value": self.p_value,
            "q_value": false_discovery(self.p_value),
            "p_stratified": evidence.p_value,
            "q_stratified": false_discovery(evidence.p_value),
        }
        if self.p_adjusted is not None:
            columns["p_adjusted"] = self.p_adjusted
        return {name: values[rows] for name, values in columns.items()}


@dataclass(frozen=True, slots=True)
class SeparatingPaths(Spec[SeparatingPathsResult]):
    """The question of `EventLog.separating_paths`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.SeparatingPaths("purchase", within="168h").within
    '7d'
    """

    analysis: ClassVar[str] = "separating_paths"

    goal: str | Sequence[str]
    _: KW_ONLY
    per: Per = "customers"
    within: Duration | None = None
    longest: int = 2
    contiguous: bool = False
    support: float = 0.01
    top: int | None = 100
    permutations: int = 0
    seed: int = 0
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    collapse: bool = False
    events: str | Sequence[str] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        check_units(self)
        object.__setattr__(self, "goal", _args.names(self.goal, "goal"))
        if self.within is not None:
            object.__setattr__(self, "within", _args.duration(self.within, "within"))
        _args.whole(self.longest, "longest", most=_LONGEST)
        for name in ("contiguous", "collapse"):
            object.__setattr__(self, name, _args.flag(getattr(self, name), name))
        if isinstance(self.support, bool) or not isinstance(self.support, int | float):
            raise ArgumentTypeError(
                f"support={self.support!r} is a {type(self.support).__name__}; expected a share of the units such as "
                "0.01"
            )
        if not 0 < self.support < 1:
            raise ArgumentError(
                f"support={self.support!r}; expected a share of the units above 0 and below 1"
            )
        if self.top is not None:
            _args.whole(self.top, "top", most=_MOST_ROWS)
        _args.whole(self.permutations, "permutations", most=_MOST_PERMUTATIONS, least=0)
        _args.whole(self.seed, "seed", most=2**32 - 1, least=0)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan that keeps every sub-path, so that parts of a dataset may be counted apart and merged."""
        return self._plan(log, None)

    def _plan_alone(self, log: Log) -> dict[str, object]:
        """The plan for the whole of the data, of which only sub-paths with support need to become text."""
        return self._plan(log, self.support)

    def _plan(self, log: Log, support: float | None) -> dict[str, object]:
        params = {"subpaths": self._subpaths(log), "support": support, "most_cells": _MOST_CELLS}
        return {"params": params, "by": self.by, "at": "entry"}

    def _subpaths(self, log: Log) -> dict[str, object]:
        _args.known_events(self.goal, log.events, "goal")
        return {
            "units": unit_params(self, log, collapse=self.collapse),
            "goal": list(self.goal),
            "within_us": None if self.within is None else _args.microseconds(self.within),
            "longest": self.longest,
            "contiguous": self.contiguous,
        }

    def run(self, log: Log) -> SeparatingPathsResult:
        """Ask the question of a log."""
        partial = log.ask(self.analysis, self.plan(log) if log.in_parts else self._plan_alone(log))
        segments = self._tested(partial)
        if self.permutations:
            self._permute(segments, log)
        result = self._result(segments, log)
        object.__setattr__(result, "_source", log)
        return result

    def finish(self, partial: Table, log: Log) -> SeparatingPathsResult:
        """The tests of the counts of each segment."""
        if self.permutations:
            raise ArgumentError(
                "permutations look at every unit once more, which counts that were put together from parts do not "
                "hold; ask with permutations=0, or ask one log of all customers"
            )
        return self._result(self._tested(partial), log)

    def _tested(self, partial: Table) -> dict[str | None, _Segment]:
        """The sub-paths of each segment that can say something, with their tests."""
        found = dict(_segments(partial))
        for segment in found.values():
            segment.test(self.support, contiguous=self.contiguous)
        return found

    def _permute(self, segments: dict[str | None, _Segment], log: Log) -> None:
        """Adjust the p-values of every segment to those of permuted outcomes."""
        paths = sorted({path for segment in segments.values() for path in segment.paths})
        units = sum(int(segment.units.sum()) for segment in segments.values())
        width = max(1, -(-len(paths) // 64))
        if units * width > _MOST_WORDS:
            raise ArgumentError(
                f"permutations={self.permutations:,} would look at {len(paths):,} sub-paths in {units:,} units each "
                f"time, more than the {_MOST_WORDS * 64:,} cells allowed; raise support={self.support}, look at fewer "
                "events with events=, or ask a part of the customers: log.filter(sample=0.1)"
            )
        plan = {
            "params": {"subpaths": self._subpaths(log), "paths": paths, "most_words": _MOST_WORDS},
            "by": self.by,
            "at": "entry",
        }
        table = log.ask(f"{self.analysis}_units", plan)
        code, names = _table.segments(table)
        code = code[::width]
        first, converted = (
            table.numpy(name)[0][::width].astype(bool) for name in ("first_of_customer", "converted")
        )
        stratum = _table.integers(table, "events_from")[::width]
        present = table.numpy("present")[0].reshape(-1, width)
        place = {path: index for index, path in enumerate(paths)}
        for name, segment in segments.items():
            mine = code == names.index(name) if name in names else np.zeros(len(code), dtype=bool)
            segment.p_adjusted = family_wise(
                present[mine],
                np.array([place[path] for path in segment.paths], dtype=np.int64),
                converted[mine],
                first[mine],
                stratum[mine],
                segment.evidence,
                permutations=self.permutations,
                seed=self.seed,
            )

    def _result(self, segments: dict[str | None, _Segment], log: Log) -> SeparatingPathsResult:
        orders = {name: segment.order()[: self.top] for name, segment in segments.items()}
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name, rows in orders.items() for _ in rows]
        columns["path"] = [
            path_text(segments[name].paths[row]) for name, rows in orders.items() for row in rows
        ]
        parts = [segments[name].columns(rows) for name, rows in orders.items()]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for name in ("length", "units_with", "converted_with", "units_without", "converted_without"):
            columns[name] = joined.pop(name)
        for group in ("with", "without"):
            counts = (columns[f"{kind}_{group}"] for kind in ("converted", "units"))
            columns |= share_columns(f"share_{group}", *map(np.asarray, counts))
        words = {1.0: "more", -1.0: "less", 0.0: None}
        for name, values in joined.items():
            columns[name] = (
                [words[sign] for sign in values.tolist()] if name == "direction" else _table.nullable(values)
            )
        whole: dict[str, object] = {}
        if self.by is not None:
            whole["segment"] = list(segments)
        totals = [
            {
                "units": int(segment.units.sum()),
                "converted": int(segment.converted.sum()),
                "open": segment.open,
                "at_once": segment.at_once,
                "candidates": segment.candidates,
                "supported": segment.supported,
                "closed": segment.closed,
                "tested": len(segment.paths),
            }
            for segment in segments.values()
        ]
        names = ("units", "converted", "open", "at_once", "candidates", "supported", "closed", "tested")
        whole |= {name: np.array([row[name] for row in totals], dtype=np.int64) for name in names}
        shares = {
            f"{name}{end}"
            for name in ("share_with", "share_without", "difference", "difference_stratified")
            for end in _ENDS
        }
        return SeparatingPathsResult(
            _table.table_of(columns),
            self._definition(log, {name: sum(row[name] for row in totals) for name in names}),
            log.timezone,
            self.to_json(),
            _table.table_of(whole),
            shares=frozenset(shares),
        )

    def _definition(self, log: Log, totals: dict[str, int]) -> Said:
        looked_at = "Only the events {events} are looked at."
        permuted = (
            "p_adjusted is that of Westfall and Young over {permutations} permutations of the outcomes among customers "
            "with units of the same lengths."
        )
        return paragraph(
            self._unit_sentence(),
            Said(_SUB_PATH[self.contiguous], longest=self.longest),
            None if self.events is None else Said(looked_at, events=quoted(self.events)),
            repeats_sentence(collapse=self.collapse),
            self._left_out(log, totals),
            Said(
                "Of {candidates} sub-paths, {tested} were tested: those that at least {support} % of the units have, "
                "that no longer sub-path of the same units contains, and that could come out at {level} % (Tarone). "
                "p_value is of Fisher's exact test and difference (Newcombe) of all units; p_stratified, "
                "difference_stratified, odds_ratio and direction compare units of about the same number of events only "
                "(Cochran-Mantel-Haenszel), because longer ones have more of everything; q-values are those of "
                "Benjamini and Hochberg over all tested. Intervals are 95 %.",
                candidates=totals["candidates"],
                tested=totals["tested"],
                support=100 * self.support,
                level=100 * _LEVEL,
            ),
            Said(permuted, permutations=self.permutations) if self.permutations else None,
            top_sentence(self.top, self.by, _TOP),
            Said("Association, not effect."),
            segments(self.by, segment_words(self)),
        )

    def _unit_sentence(self) -> Said:
        """What a unit is and when it converts, for the definition."""
        goal = quoted(self.goal)
        window = (
            Said("at any time in it")
            if self.within is None
            else Said("within {window} of its first event", window=Length(self.within))
        )
        if self.per == "sessions":
            return Said(
                "A unit is a session, a run of one customer's events with no pause longer than {gap}; it converts with "
                "its first {events} {window}.",
                gap=Length(self.gap),
                events=goal,
                window=window,
            )
        return Said(
            "A unit is the journey of a customer; it converts with its first {events} {window}.",
            events=goal,
            window=window,
        )

    def _left_out(self, log: Log, totals: dict[str, int]) -> Said:
        """Which units are not looked at, for the definition."""
        rest = self.gap if self.per == "sessions" else self.inactivity
        is_open = (
            Said(
                "have not and whose last event was within {rest} of {end}",
                rest=Length(rest),
                end=observed(log),
            )
            if self.within is None
            else Said("began less than {window} before {end}", window=Length(self.within), end=observed(log))
        )
        return Said(
            "Of {number} {units}, {converted} converted. Left out are {open} that {why}, and {at_once} with {events} "
            "as first event.",
            number=totals["units"],
            units=unit_words(self),
            converted=totals["converted"],
            open=totals["open"],
            why=is_open,
            at_once=totals["at_once"],
            events=quoted(self.goal),
        )


_ENDS = ("", "_low", "_high")
_SUB_PATH = {
    False: (
        "A sub-path is up to {longest} of the events before that (of all its events where there is none), in their "
        "order with any other events between them; a unit has it or not."
    ),
    True: (
        "A sub-path is up to {longest} of the events before that (of all its events where there is none), in their "
        "order with nothing else between them; a unit has it or not."
    ),
}
_TOP = (
    "The table holds the {top} with the strongest evidence.",
    "The table holds the {top} with the strongest evidence of each segment.",
)


def _segments(partial: Table) -> Iterator[tuple[str | None, _Segment]]:
    """The counts of each segment."""
    paths, missing = partial.numpy("path")
    total = np.zeros(len(paths), dtype=bool) if missing is None else missing
    stratum = _table.integers(partial, "events_from")
    counts = {name: _table.integers(partial, name) for name in ("units", "converted", "open")}
    code, names = _table.segments(partial)
    for at, name in enumerate(names):
        mine = code == at
        whole = np.flatnonzero(mine & total)
        if len(whole) == 0:
            continue
        lengths = np.unique(stratum[whole])
        lengths = lengths[lengths > 0]
        of_all = np.zeros((2, len(lengths)), dtype=np.int64)
        some = whole[stratum[whole] > 0]
        of_all[:, np.searchsorted(lengths, stratum[some])] = counts["units"][some], counts["converted"][some]
        rows = np.flatnonzero(mine & ~total)
        place: dict[tuple[str, ...], int] = {}
        of = [place.setdefault(tuple(paths[row]), len(place)) for row in rows]
        of_paths = np.zeros((2, len(place), len(lengths)), dtype=np.int64)
        of_paths[:, of, np.searchsorted(lengths, stratum[rows])] = (
            counts["units"][rows],
            counts["converted"][rows],
        )
        at_once = whole[stratum[whole] == 0]
        candidates = len(place)
        if "candidates" in partial.names:
            candidates = int(_table.integers(partial, "candidates")[at_once].sum())
        yield (
            name,
            _Segment(
                list(place),
                of_paths[0],
                of_paths[1],
                of_all[0],
                of_all[1],
                int(counts["open"][whole].sum()),
                int(counts["units"][at_once].sum()),
                candidates,
            ),
        )


def _closed(paths: Sequence[tuple[str, ...]], units: Integers, *, contiguous: bool) -> Array:
    """Which sub-paths are in no longer one that as many, and so the same, units have."""
    count = dict(zip(paths, units.tolist(), strict=True))
    hidden = set()
    for path, number_of_units in count.items():
        for gone in (0, len(path) - 1) if contiguous else range(len(path)):
            shorter = path[:gone] + path[gone + 1 :]
            if count.get(shorter) == number_of_units:
                hidden.add(shorter)
    return np.array([path not in hidden for path in paths], dtype=bool)


def separating_paths(
    log: Log,
    goal: str | Sequence[str],
    *,
    per: Per = "customers",
    within: Duration | None = None,
    longest: int = 2,
    contiguous: bool = False,
    support: float = 0.01,
    top: int | None = 100,
    permutations: int = 0,
    seed: int = 0,
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    collapse: bool = False,
    events: str | Sequence[str] | None = None,
    by: str | None = None,
) -> SeparatingPathsResult:
    """Which sub-paths tell those who reach a goal from those who do not?

    Parameters
    ----------
    goal
        The event, or several of which any will do, with the first of which a unit converts. What follows it is not
        looked at.
    per
        What is one unit: ``"customers"`` (default), the journey of each, or ``"sessions"``.
    within
        How long after its first event a unit may convert, inclusive; later events are not looked at. Units whose
        window is not over at `observed_until` are left out, whether they have converted or not, which keeps the two
        groups comparable. Without it (default), a unit has as long as it goes on.
    longest
        Events of the longest sub-path, 1 to 3; 2 by default. The work of a unit grows with this power of the number
        of its different events, and the evidence is shared among ever more sub-paths.
    contiguous
        Whether the events of a sub-path stand next to each other. By default others may stand between them, as in a
        funnel and as in sequence mining: what matters is seldom the very next event.
    support
        The share of the units that must have a sub-path for it to be tested, 0.01 by default: rarer ones explain
        little, even where they are certain.
    top
        How many sub-paths are given, of each segment, the strongest evidence first; 100 by default, ``None`` for all.
        q-values are always those of all tested.
    permutations
        How many permutations adjust the p-values for the strict list (``p_adjusted``), 0 (none) by default; 1,000
        are enough for a level of 5 %. Every unit is held in memory for them; too many are refused.
    seed
        Where the permutations start; the same seed gives the same numbers.
    gap
        The longest pause inside a session, 30 minutes by default; as of `EventLog.sessions`.
    inactivity
        How long a customer who has not converted must have been silent at `observed_until` to be counted as one who
        does not; 30 days by default. A session that has not converted is left out while its `gap` is not over. With
        `within`, that decides instead.
    collapse
        Whether repeats of one event in a row count once; by default every event counts.
    events
        Only these events are looked at; units without any of them count as units without the sub-paths. By default
        all.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each unit belongs to the value at its first
        event, and each segment is tested alone.

    Returns
    -------
    SeparatingPathsResult
        One row a sub-path, for each segment, the strongest stratified evidence first: ``segment`` (only with `by`),
        ``path``, ``length``, ``units_with``, ``converted_with``, ``units_without``, ``converted_without``,
        ``share_with``, ``share_with_low``, ``share_with_high``, ``share_without``, ``share_without_low``,
        ``share_without_high``, ``difference``, ``difference_low``, ``difference_high``,
        ``difference_stratified``, ``difference_stratified_low``, ``difference_stratified_high`` (0 to 1),
        ``direction``, ``odds_ratio``, ``odds_ratio_low``, ``odds_ratio_high``, ``p_value``, ``q_value``,
        ``p_stratified``, ``q_stratified``, ``p_adjusted`` (only with `permutations`).
        `SeparatingPathsResult.totals` counts units and sub-paths, those left out among them.

    Notes
    -----
    Found is what goes along with converting; whether it brings it about, an experiment tells. At one length events
    compete: where there is more of one, there is less of another. A unit has a sub-path or not, however often. Units
    whose first event is the goal have nothing before it and are left out. Events at equal times follow each other in
    the order of the data.

    Longer journeys have more of everything, and a journey that converts is looked at only up to that, so the list is
    ordered by a test among units of about the same number of events, whatever these are: equal up to 7, from there in
    bins whose width is at most a quarter of their lower end. It is that of Cochran (1954, doi:10.2307/3001616) and
    Mantel and Haenszel (1959) without continuity correction, and the exact conditional test where the criterion of
    Mantel and Fleiss (1980, doi:10.1093/oxfordjournals.aje.a113052) asks for it. The interval of the stratified
    difference is that of Sato, Greenland and Robins (Biometrics 45, 1989, p. 1323), that of the odds ratio of Robins,
    Breslow and Greenland (1986, doi:10.2307/2531052). ``p_value`` is Fisher's exact test of all units together;
    ``difference`` compares all units together as well, with Newcombe's interval (1998, method 10).

    Which sub-paths are tested is decided without the outcome: by `support`; by leaving out those that a longer one of
    the same units contains; and by Tarone's method (1990, doi:10.2307/2531456) at 5 %, which leaves out those too rare
    or too common to come out. q-values are those of Benjamini and Hochberg (1995) over what is tested (Gilbert 2005,
    doi:10.1111/j.1467-9876.2005.00475.x). ``p_adjusted`` holds the chance of any false finding: the step-down method of
    Westfall and Young (1993) on the stratified test, which exchanges the outcomes of customers whose units have the
    same lengths, all units of a customer together. p-values take units as independent, so with sessions of the same
    customers, look at ``p_adjusted``. Twins: R's ``TraMineR::seqecmpgroup``, ``mantelhaen.test`` and
    ``multtest::mt.maxT``.

    Examples
    --------
    >>> import safar
    >>> rows = [
    ...     (f"{kind}{number}", f"2026-03-01 10:{minute:02}", event)
    ...     for kind, path in {
    ...         "buyer": ["search", "review", "purchase"],
    ...         "leaver": ["review", "search"],
    ...     }.items()
    ...     for number in range(8)
    ...     for minute, event in enumerate(path)
    ... ]
    >>> customer, time, event = map(list, zip(*rows))
    >>> log = safar.EventLog(
    ...     {"customer": customer, "time": time, "event": event},
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-06-01",
    ... )
    >>> result = log.separating_paths("purchase").to_dict()
    >>> list(zip(result["path"], result["difference"]))
    [('review > search', -1.0), ('search > review', 1.0)]
    """
    return SeparatingPaths(
        goal,
        per=per,
        within=within,
        longest=longest,
        contiguous=contiguous,
        support=support,
        top=top,
        permutations=permutations,
        seed=seed,
        gap=gap,
        inactivity=inactivity,
        collapse=collapse,
        events=events,
        by=by,
    ).run(log)
