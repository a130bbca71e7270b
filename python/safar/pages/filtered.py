"""Columns of results whose numbers follow the choice of customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from safar._typing import Array, Duration, Floats
from safar.pages.cube import Cube
from safar.pages.journey_facts import Kind
from safar.pages.section import Columns
from safar.voice.journeys import distinct, journeyed, surveys_of
from safar.voice.scales import DETRACTORS_TO

if TYPE_CHECKING:
    from safar.log import EventLog
    from safar.result import Result

__all__ = [
    "answers_by_place",
    "customers_with",
    "followed_funnel",
    "followed_kpis",
    "followed_mix",
    "followed_retention",
    "followed_stages",
]

Ask = Callable[["EventLog", str], Any]


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


def followed_mix(cube: Cube, columns: Columns, ask: Ask) -> Columns:
    """Channels within stages."""
    columns = dict(columns)
    _follow(cube, columns, cube.ask(ask), ["stage", "channel"], ["events", "customers"])
    return columns


def followed_kpis(cube: Cube, result: Result, ask: Ask, group: str) -> Columns:
    """KPIs, of which each period is the sum over groups of its numerator, over that of its denominator."""
    columns, parts = result.to_dict(), cube.ask(ask)
    keys = ["kpi", "date"]
    own = _columns(columns, keys)
    for name in ("numerator", "denominator", "squares"):
        columns[name] = cube.counts(columns[name], own, cube.by_key(parts, keys, name, group))
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
