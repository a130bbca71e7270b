"""Columns of results whose numbers follow the choice of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from safar._typing import Array, Duration, Floats
from safar.pages.cube import GROUP, Ask, Cube
from safar.pages.customers import groups_of
from safar.pages.journey_facts import JourneyFacts, Kind, Score
from safar.pages.section import Columns
from safar.voice.journeys import distinct, journeyed, surveys_of
from safar.voice.scales import DETRACTORS_TO

if TYPE_CHECKING:
    from safar.analyses.sessions import SessionsResult
    from safar.analyses.stages import StagesResult
    from safar.result import Result

__all__ = [
    "Totals",
    "answers_by_place",
    "customers_with",
    "followed_channels",
    "followed_facts",
    "followed_funnel",
    "followed_kpis",
    "followed_retention",
    "followed_stages",
    "followed_totals",
]

_CELL = ("events", "customers")


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
    for name in ("numerator", "denominator", "squares"):
        columns[name] = cube.counts(columns[name], own, cube.by_key(parts, keys, name, GROUP))
    for row, form in enumerate(columns["form"]):
        cell = {name: columns[name][row] for name in columns}
        for name, value in _measured(cube, form, cell).items():
            columns[name][row] = value
    return columns


def _measured(cube: Cube, form: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    """Value and interval of one KPI."""
    part, whole = cell["numerator"], cell["denominator"]
    found = {"value": cube.made("r", cell["value"], part, whole, factor=cell["scale"])}
    if form == "share":
        for function, end in (("wl", "low"), ("wh", "high")):
            found[end] = cube.made(function, cell[end], part, whole, factor=cell["scale"])
    return found


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
    # Every customer has a session, and they stand together.
    customer = sessions.table.codes("customer")[0]
    at = np.cumsum(np.diff(customer, prepend=customer[:1]) != 0)
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


def answers_by_place(
    cube: Cube, kind: Kind, lookback: Duration
) -> dict[tuple[str | None, str | None], Mapping[str, Floats]]:
    """Answers by the stage and channel of the last event before, each by group.

    Returns
    -------
    dict
        By stage and channel: ``answers``, ``good``, ``bad`` (of a Net Promoter Score) and ``points``, their sum.
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
    against = score <= DETRACTORS_TO if kind == "nps" else np.zeros(len(score), dtype=bool)
    measures = {"answers": np.ones(len(score)), "good": scale.good(score), "bad": against, "points": score}
    spread = {
        name: np.bincount(
            place * len(cube) + group, weights=values, minlength=len(first) * len(cube)
        ).reshape(-1, len(cube))
        for name, values in measures.items()
    }
    return {key: {name: spread[name][row] for name in spread} for row, key in enumerate(keys)}


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
