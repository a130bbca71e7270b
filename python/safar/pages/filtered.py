"""Columns of results whose numbers follow the choice of customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from safar._typing import Array, Duration, Floats, Integers
from safar.pages.activity import Periods
from safar.pages.cube import GROUP, Ask, Cube
from safar.pages.customers import groups_of
from safar.pages.journey_facts import JourneyFacts, Kind, Score
from safar.pages.section import Columns
from safar.voice.journeys import Cut, distinct, journeyed, scored, surveys_of
from safar.voice.scales import DETRACTORS_TO, Scale

if TYPE_CHECKING:
    from safar.analyses.sessions import SessionsResult
    from safar.analyses.stages import StagesResult
    from safar.result import Result
    from safar.voice import ScoreResult

__all__ = [
    "Totals",
    "answers_by_place",
    "customers_with",
    "followed_active",
    "followed_channels",
    "followed_entries",
    "followed_events",
    "followed_facts",
    "followed_funnel",
    "followed_kpis",
    "followed_lengths",
    "followed_retention",
    "followed_scores",
    "followed_stages",
    "followed_totals",
    "followed_transitions",
]

_CELL = ("events", "customers")
_SHOWN = 12


def _columns(columns: Columns, names: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(columns[name] for name in names), strict=True))


def _follow(cube: Cube, columns: Columns, parts: Columns, keys: Sequence[str], counts: Sequence[str]) -> None:
    """Let counts of a result follow those of the same result by groups."""
    own = _columns(columns, keys)
    for name in counts:
        if name in columns:
            columns[name] = cube.counts(columns[name], own, cube.by_key(parts, keys, name))


def followed_funnel(cube: Cube, result: Result, ask: Ask) -> Columns:
    """The steps of a funnel.

    Parameters
    ----------
    cube
        The groups.
    result
        A funnel without segments.
    ask
        The same question by a column of a log.
    """
    columns = result.to_dict()
    _follow(cube, columns, cube.ask(ask), ["step"], ["customers", "dropped", "still_open", "excluded"])
    customers = columns["customers"]
    cube.shares(columns, "from_previous", customers, [None, *customers[:-1]])
    cube.shares(columns, "from_first", customers, customers[:1] * len(customers))
    return columns


def followed_retention(cube: Cube, result: Any, ask: Ask) -> tuple[Columns, Columns]:
    """The cells of a retention table, and the means over its cohorts."""
    columns, means = result.to_dict(), result.means().to_dict()
    parts = cube.ask(ask)
    keys = ["cohort", "period"]
    _follow(cube, columns, parts, keys, ["eligible", "returned"])
    cube.shares(columns, "share", columns["returned"], columns["eligible"])
    whole = {
        key for key, complete in zip(_columns(columns, keys), columns["complete"], strict=True) if complete
    }
    for name in ("eligible", "returned"):
        totals: dict[int, Floats] = {}
        for (cohort, period), numbers in cube.by_key(parts, keys, name).items():
            if (cohort, period) in whole:
                totals[period] = totals.get(period, 0.0) + numbers
        means[name] = cube.counts(means[name], means["period"], totals)
    cube.shares(means, "weighted", means["returned"], means["eligible"])
    return columns, means


def followed_stages(cube: Cube, result: Result, ask: Ask) -> Columns:
    """The stages of the journey."""
    columns, parts = result.to_dict(), cube.ask(ask)
    counts = ["customers", "entries", "events", "went_on", "dropped", "open", "value", "cost"]
    _follow(cube, columns, parts, ["stage"], counts)
    everybody = np.zeros(len(cube))
    for group, customers, share in _columns(parts, ["segment", "customers", "share"]):
        everybody[int(group)] = round(customers / share) if share else 0.0
    customers = columns["customers"]
    cube.shares(columns, "share", customers, [cube.sum(everybody.sum(), everybody)] * len(customers))
    left = cube.by_key(parts, ["stage"], "dropped")
    leaving = {key: left[key] + numbers for key, numbers in cube.by_key(parts, ["stage"], "went_on").items()}
    whole = [cube.sum(leaving[key].sum(), leaving[key]) for key in _columns(columns, ["stage"])]
    cube.shares(columns, "drop_off", columns["dropped"], whole)
    for name in ("entries", "value", "cost"):
        if f"{name}_per_customer" in columns:
            each = columns[f"{name}_per_customer"]
            columns[f"{name}_per_customer"] = cube.column("r", each, columns[name], customers)
    return columns


def followed_kpis(cube: Cube, result: Result, ask: Ask) -> Columns:
    """KPIs, of which each period is the sum over groups of its numerator, over that of its denominator."""
    columns, parts = result.to_dict(), cube.ask(ask)
    keys = ["kpi", "date"]
    own = _columns(columns, keys)
    sums = {name: cube.by_key(parts, keys, name, GROUP) for name in ("numerator", "denominator", "squares")}
    for name, by_key in sums.items():
        columns[name] = cube.counts(columns[name], own, by_key)
    for row, form in enumerate(columns["form"]):
        cell = {name: columns[name][row] for name in columns}
        if form == "nps":
            numerator, squares = (
                sums[name].get(own[row], np.zeros(len(cube))) for name in ("numerator", "squares")
            )
            ends = ((squares + numerator) / 2, (squares - numerator) / 2)
            cell["ends"] = tuple(cube.sum(end.sum(), end) for end in ends)
        for name, value in _measured(cube, form, cell).items():
            columns[name][row] = value
    return columns


def _measured(cube: Cube, form: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    """Value and interval of one KPI."""
    part, whole, factor = cell["numerator"], cell["denominator"], cell["scale"]
    sums: tuple[Any, ...] = (part, whole)
    functions = {"value": "r"}
    if form == "nps":
        # Scores are made of promoters and detractors, times 100.
        sums, functions, factor = (
            (*cell["ends"], whole),
            {"value": "s", "low": "sl", "high": "sh"},
            factor / 100,
        )
    elif form == "share":
        functions |= {"low": "wl", "high": "wh"}
    elif form == "total":
        sums, functions = (part,), {"value": "n"}
    return {
        name: cube.made(function, cell[name], *sums, factor=factor) for name, function in functions.items()
    }


def _customer_of(sessions: SessionsResult) -> Integers:
    """The place of the customer of each session: every customer has one, and they stand together."""
    customer = sessions.table.codes("customer")[0]
    return np.cumsum(np.diff(customer, prepend=customer[:1]) != 0)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the tiles show: of the whole log, or sums that follow a choice of customers."""

    customers: int
    events: int
    sessions: int
    # Sessions of one event.
    single: int
    buyers: int
    value: float | None = None
    # Events with a value.
    valued: int | None = None


def followed_totals(
    cube: Cube, totals: Totals, sessions: SessionsResult, conversion: Sequence[str], amounts: Floats | None
) -> Totals:
    """The numbers of the tiles.

    Parameters
    ----------
    cube
        The groups.
    totals
        The numbers of all customers.
    sessions
        All sessions.
    conversion
        Events that convert.
    amounts
        The value of each event, NaN where it has none; None where the log has no values.
    """
    offsets = cube.log.core.view("offsets").astype(np.int64)
    lengths = offsets[1:] - offsets[:-1]
    at = _customer_of(sessions)
    single = sessions.table.numpy("events")[0] == 1

    def sums(of: Array, weights: Array | None = None) -> Floats:
        return np.bincount(cube.codes[of], weights=weights, minlength=len(cube)).astype(np.float64)

    parts: dict[str, Floats] = {
        "customers": cube.per_customer(),
        "events": cube.per_customer(lengths),
        "sessions": sums(at),
        "single": sums(at[single]),
        "buyers": cube.per_customer(customers_with(cube, conversion)),
    }
    if amounts is not None:
        each = np.repeat(np.arange(len(lengths)), lengths)
        parts["value"] = sums(each, np.nan_to_num(amounts))
        parts["valued"] = sums(each[~np.isnan(amounts)])
    return Totals(**{name: cube.sum(getattr(totals, name), part) for name, part in parts.items()})


def followed_channels(cube: Cube | None, conversion: Sequence[str], columns: Columns) -> Columns:
    """Customers and conversions by the channel of the first event; as they are where there are no groups."""
    if cube is None:
        return columns
    groups = groups_of(cube.log, "channel")
    converted = customers_with(cube, conversion)
    for name, who in (("customers", np.ones(len(converted), dtype=bool)), ("converted", converted)):
        at = groups.codes[who] * len(cube) + cube.codes[who]
        counts = np.bincount(at, minlength=len(groups.names) * len(cube)).reshape(-1, len(cube))
        parts = dict(zip(groups.names, counts.astype(np.float64), strict=True))
        columns[name] = cube.counts(columns[name], columns["channel"], parts)
    cube.shares(columns, "share", columns["converted"], columns["customers"])
    return columns


def customers_with(cube: Cube, events: Sequence[str]) -> Array:
    """Which customers have one of some events."""
    log = cube.log
    names = log.core.names("event").numpy("name")[0].tolist()
    wanted = np.array([name in events for name in names])[log.core.view("events")]
    starts = log.core.view("offsets").astype(np.int64)
    return np.diff(np.concatenate([[0], np.cumsum(wanted)])[starts]) > 0


def followed_active(
    cube: Cube, periods: Periods, values: Sequence[float | None], ask: Ask
) -> list[float | None]:
    """Customers who were there in each period.

    Parameters
    ----------
    cube
        The groups.
    periods, values
        The periods, and the customers of each.
    ask
        Asks for retention as of `active_customers`.
    """
    places = {start: place for place, start in enumerate(periods.starts)}
    parts: dict[int, Floats] = {}
    for (cohort, period), numbers in cube.by_key(cube.ask(ask), ["cohort", "period"], "returned").items():
        when = places[cohort] + period
        parts[when] = parts.get(when, 0.0) + numbers
    return cube.counts(values, range(len(values)), parts)


def followed_events(cube: Cube | None, sizes: dict[str | None, int]) -> dict[str | None, int]:
    """Events of each channel."""
    if cube is None:
        return sizes
    both, names = cube.across("channel")
    counts = np.bincount(both, minlength=len(names) * len(cube)).reshape(len(cube), -1).T.astype(np.float64)
    parts = dict(zip(names, counts, strict=True))
    return dict(zip(sizes, cube.counts(sizes.values(), sizes, parts), strict=True))


def followed_entries(cube: Cube, result: Result, ask: Ask) -> Columns:
    """The steps of a funnel by the channel of entry."""
    columns = result.to_dict()
    keys = ["segment", "step"]
    own, parts = _columns(columns, keys), cube.ask_across("channel", ask)
    entered = {segment: n for (segment, step), n in zip(own, columns["customers"], strict=True) if step == 1}
    # Those that a page shows; of thousands, sums would fill it.
    shown = sorted(entered, key=lambda segment: (-entered[segment], segment or ""))[:_SHOWN]
    kept = [segment in shown for segment in parts["segment"]]
    parts = {name: list(compress(values, kept)) for name, values in parts.items()}
    for name in ("customers", "dropped", "still_open", "excluded"):
        columns[name] = cube.counts(columns[name], own, cube.by_key(parts, keys, name, GROUP))
    customers = dict(zip(own, columns["customers"], strict=True))
    for name, of in (("from_previous", lambda step: step - 1), ("from_first", lambda step: 1)):
        whole = [customers.get((segment, of(step))) for segment, step in own]
        cube.shares(columns, name, columns["customers"], whole)
    return columns


def followed_lengths(
    cube: Cube, sessions: SessionsResult, place: Integers, counts: Sequence[int]
) -> list[int]:
    """How many sessions fall into each bin.

    Parameters
    ----------
    cube
        The groups.
    sessions
        All sessions.
    place
        The bin of each.
    counts
        How many there are in each bin.
    """
    group = cube.codes[_customer_of(sessions)]
    spread = np.bincount(place * len(cube) + group, minlength=len(counts) * len(cube)).reshape(-1, len(cube))
    return cube.counts(counts, range(len(counts)), dict(enumerate(spread.astype(np.float64))))


def followed_scores(cube: Cube, result: ScoreResult, kind: Kind, cut: Cut) -> Columns:
    """A score over time; answers of nobody in the log are those of all customers alone."""
    columns = result.to_dict()
    found, scale, *_ = scored(cube.log, kind, "score", (), None, cut)
    codes, texts = found.columns["period"]
    counted = np.flatnonzero((found.customer >= 0) & scale.holds(found.score))
    at = codes[: len(found.customer)][counted] * len(cube) + cube.codes[found.customer[counted]]
    parts = _spread(at, found.score[counted], scale, kind, (len(texts), len(cube)))
    for row, period in enumerate(columns["period"]):
        own = {name: numbers[texts.index(period)] for name, numbers in parts.items()}
        value, low, high = (columns[f"{kind}{end}"][row] for end in ("", "_low", "_high"))
        score = _followed_score(
            cube, kind, Score(columns["answers"][row], value, low, high), own, of_all=False
        )
        if score is not None:
            columns["answers"][row] = score.answers
            for end, number in (("", score.value), ("_low", score.low), ("_high", score.high)):
                columns[f"{kind}{end}"][row] = number
    return columns


def followed_transitions(cube: Cube, result: Result, ask: Ask) -> Callable[[Columns], Columns]:
    """What rows of transitions become: their counts, and their shares of all departures."""
    parts = cube.ask(ask)
    keys = ["from", "to"]
    events, customers = (cube.by_key(parts, keys, name) for name in ("events", "customers"))
    left: dict[str, Floats] = {}
    for (source, _), numbers in events.items():
        left[source] = left.get(source, 0.0) + numbers

    def follow(columns: Columns) -> Columns:
        columns = dict(columns)
        own = _columns(columns, keys)
        columns["events"] = cube.counts(columns["events"], own, events)
        columns["customers"] = cube.counts(columns["customers"], own, customers)
        whole = [cube.sum(left[source].sum(), left[source]) for source in columns["from"]]
        cube.shares(columns, "share", columns["events"], whole)
        return columns

    return follow


def answers_by_place(
    cube: Cube, kind: Kind, lookback: Duration
) -> dict[tuple[str | None, str | None], Mapping[str, Floats]]:
    """Answers by the stage and channel of the last event before, each by group.

    Returns
    -------
    dict
        By stage and channel: ``answers``, ``good`` and ``bad`` (of a Net Promoter Score).
    """
    log = cube.log
    names = ("stage", "channel") if log.channels else ("stage",)
    scale = surveys_of(log).kind_of(kind)
    found = journeyed(log, [scale], names, "last", lookback)
    own = np.flatnonzero((found.customer >= 0) & scale.holds(found.score))
    group, score = cube.codes[found.customer[own]], found.score[own]
    codes = [found.columns[name][0][own] for name in names]
    first, place = distinct(codes)
    texts = [
        [found.columns[name][1][code] for code in column[first]]
        for name, column in zip(names, codes, strict=True)
    ]
    keys = zip(texts[0], texts[1] if log.channels else [None] * len(first), strict=True)
    spread = _spread(place * len(cube) + group, score, scale, kind, (len(first), len(cube)))
    return {key: {name: spread[name][row] for name in spread} for row, key in enumerate(keys)}


def _spread(
    at: Integers, score: Floats, scale: Scale, kind: Kind, shape: tuple[int, int]
) -> dict[str, Floats]:
    """Answers, good ones and bad ones by row and group."""
    against = score <= DETRACTORS_TO if kind == "nps" else np.zeros(len(score), dtype=bool)
    measures: dict[str, Array] = {"answers": np.ones(len(score)), "good": scale.good(score), "bad": against}
    size = shape[0] * shape[1]
    spread: dict[str, Floats] = {}
    for name, values in measures.items():
        spread[name] = np.bincount(at, weights=values, minlength=size).astype(np.float64).reshape(shape)
    return spread


def followed_facts(
    cube: Cube, result: StagesResult, ask: Ask, facts: JourneyFacts, lookback: Duration
) -> JourneyFacts:
    """The picture of everybody's journey.

    Parameters
    ----------
    cube
        The groups.
    result
        The stages.
    ask
        The same question by a column of a log.
    facts
        What the picture shows.
    lookback
        How long before an answer an event may be that it is said of.
    """
    stages = followed_stages(cube, result, ask)
    rows = {stage: {name: stages[name][row] for name in stages} for row, stage in enumerate(stages["stage"])}
    mix = (lambda log, by: ask(log, by).mix("channel")) if cube.log.channels else None
    asked = None if mix is None else cube.ask(mix)
    scores = {} if facts.kind is None else answers_by_place(cube, facts.kind, lookback)
    numbers = (
        {} if asked is None else {name: cube.by_key(asked, ["stage", "channel"], name) for name in _CELL}
    )
    cells = {}
    for key, cell in facts.cells.items():
        if asked is None:
            events, customers = (rows[key[0]][name] for name in _CELL)
        else:
            events, customers = (cube.sum(getattr(cell, name), numbers[name].get(key)) for name in _CELL)
        score = _followed_score(cube, facts.kind, cell.score, scores.get(key, {}))
        cells[key] = replace(cell, events=events, customers=customers, score=score)
    everything = (
        {
            name: np.sum([parts[name] for parts in scores.values()], axis=0)
            for name in ("answers", "good", "bad")
        }
        if scores
        else {}
    )
    return replace(
        facts,
        stages=[replace(stage, row=rows[stage.id]) for stage in facts.stages],
        cells=cells,
        score=_followed_score(cube, facts.kind, facts.score, everything, of_all=False),
    )


def _followed_score(
    cube: Cube, kind: Kind | None, score: Score | None, parts: Mapping[str, Floats], *, of_all: bool = True
) -> Score | None:
    """A score with its interval; not `of_all` where some answers are of nobody in the log."""
    if score is None or not parts:
        return score
    answers, good, bad = (parts[name] for name in ("answers", "good", "bad"))
    rest = 0.0 if of_all else score.answers - answers.sum()
    sums = [
        cube.sum(each.sum(), each) for each in ((good, bad, answers) if kind == "nps" else (good, answers))
    ]
    names = ("s", "sl", "sh") if kind == "nps" else ("r", "wl", "wh")
    value, low, high = (
        cube.made(name, number, *sums, of_all=of_all)
        for name, number in zip(names, (score.value, score.low, score.high), strict=True)
    )
    return replace(score, answers=cube.sum(score.answers, answers, rest), value=value, low=low, high=high)
