"""How personas change with time: their shares, and who moves from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _table
from safar._log import Log
from safar._typing import Array, Frame, Instant, Integers
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Said
from safar.models.personas.columns import positions_of
from safar.models.personas.model import PersonaModel
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["PersonaDriftResult", "drift_of", "stability_index"]

_DEFINITION = Said(
    "Customers are placed in the personas as they were found, at each time anew. psi is the population stability index "
    "of the shares beside those at the finding: below 0.1 little has changed, from 0.25 on find the personas again."
)
_MOVES = Said(
    "Customers that are there at a time and at the next one, by the persona that they had and the one that they have; "
    "share is of all those who had the first."
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PersonaDriftResult(ResultTable):
    """How do personas change with time?

    Parameters
    ----------
    table
        One row a time and persona: ``at`` (as given, text), ``persona`` (null for the unassigned), ``customers``,
        ``share`` with its 95 % interval (``share_low``, ``share_high``), ``expected`` (the share when the personas
        were found; null for the unassigned), ``psi`` (of the time, the same in all of its rows).
    movement
        One row for each step of time, persona before and persona after: ``at``, ``next``, ``from``, ``to``,
        ``customers``, ``share`` of those who had the first, with its 95 % interval.
    called
        What personas are called, by language and by their text in the table.
    """

    _: KW_ONLY
    movement: ResultTable
    called: Mapping[str, Mapping[str, str]]

    def plot(self, **options: Any) -> ChartType:
        """The shares as an Altair chart; the options are those of `safar.plot.persona_drift`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").persona_drift(self, **options)
        return chart


def stability_index(counts: Integers, expected: Integers) -> float:
    """The population stability index of two sets of counts: Σ (p − q) ln(p / q), with half a customer more each.

    Half a customer is added to every count, so that a persona which nobody is in has a finite part (Jeffreys' prior).
    """
    p, q = ((each + 0.5) / (each.sum() + 0.5 * len(each)) for each in (counts, expected))
    return float(((p - q) * np.log(p / q)).sum())


def drift_of(
    model: PersonaModel,
    customers: Log | Mapping[str, Frame],
    profiles: Frame | None,
    at: Sequence[Instant] | None,
) -> PersonaDriftResult:
    """Place the customers of each time, and count."""
    times = _times(model, customers, profiles, at)
    size = len(model.names)
    names: list[str | None] = [*(str(name) for name in model.names), None]
    counts = np.stack([np.bincount(group, minlength=size + 1) for _, group in times.values()])
    expected = np.array(model.sizes, dtype=np.int64)
    psi = np.array([stability_index(row[:size], expected) for row in counts])
    columns: dict[str, object] = {
        "at": np.repeat(np.array(list(times), dtype=object), size + 1),
        "persona": names * len(times),
        "customers": counts.ravel().astype(np.int64),
        **share_columns("share", counts.ravel(), np.repeat(counts.sum(axis=1), size + 1)),
        "expected": _table.nullable(np.tile(np.append(expected / expected.sum(), np.nan), len(times))),
        "psi": np.repeat(psi, size + 1),
    }
    shares = frozenset({"share", "share_low", "share_high", "expected"})
    return PersonaDriftResult(
        _table.table_of(columns),
        _DEFINITION,
        "UTC",
        shares=shares,
        movement=_movement(times, names),
        called=model.called,
    )


def _times(
    model: PersonaModel,
    customers: Log | Mapping[str, Frame],
    profiles: Frame | None,
    at: Sequence[Instant] | None,
) -> dict[str, tuple[Array, Integers]]:
    """Ids and persona at each time; those without one have the last number."""
    if isinstance(customers, Log):
        if at is None or isinstance(at, str) or not len(at):
            raise ArgumentError(
                f'at={at!r}; expected the times to look at the log, such as at=["2026-03-01", "2026-06-01"]'
            )
        placed = {str(each): model.assign(customers, profiles, at=each, unseen="unassigned") for each in at}
    else:
        placed = {
            str(time): model.assign(frame, profiles, unseen="unassigned")
            for time, frame in _frames(customers, at).items()
        }
    number = {str(name): place for place, name in enumerate(model.names)}
    found = {}
    for time, table in placed.items():
        personas = table.table.numpy("persona")[0].tolist()
        group = np.array([number.get(name, len(number)) for name in personas], dtype=np.int64)
        found[time] = table.table.numpy("customer")[0], group
    return found


def _frames(customers: object, at: Sequence[Instant] | None) -> Mapping[str, Frame]:
    """Frames by their time, checked."""
    if at is not None:
        raise ArgumentError("at= is for a log, and frames by their time were given; leave it out")
    if not isinstance(customers, Mapping) or not customers:
        raise ArgumentTypeError(
            f"customers is a {type(customers).__name__}; expected a log with at=[…], or a mapping of times to frames, "
            'such as {"spring": frame, "summer": frame}'
        )
    return customers


def _movement(times: Mapping[str, tuple[Array, Integers]], names: Sequence[str | None]) -> ResultTable:
    size = len(names)
    blocks: list[dict[str, Any]] = []
    labels = list(times)
    for one, two in pairwise(labels):
        (ids, before), (other, after) = times[one], times[two]
        rows = positions_of(ids, other)
        both = rows >= 0
        cells = np.bincount(before[both] * size + after[rows[both]], minlength=size * size)
        blocks += [
            {"at": one, "next": two, "from": names[cell // size], "to": names[cell % size], "customers": int(count),
             "all": int(cells.reshape(size, size)[cell // size].sum())}
            for cell, count in enumerate(cells)
            if count
        ]  # fmt: skip
    counts, totals = (
        np.array([row[name] for row in blocks], dtype=np.int64) for name in ("customers", "all")
    )
    columns: dict[str, object] = {
        name: [row[name] for row in blocks] for name in ("at", "next", "from", "to")
    }
    columns |= {"customers": counts, **share_columns("share", counts, totals)}
    shares = frozenset({"share", "share_low", "share_high"})
    return ResultTable(_table.table_of(columns), _MOVES, "UTC", shares=shares)
