"""What is typical of each persona: its traits beside all other customers, with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from safar import _table
from safar._intervals import newcombe
from safar._typing import Array, Floats, Integers
from safar.models.personas.columns import Column
from safar.monitoring.comparing import Parts, adjusted, difference

__all__ = ["left_out", "traits", "v_tests"]

# Beyond these the exact tail is smaller than a number can be, and the normal one is as good.
_LEAST_TAIL = 1e-290


def traits(
    columns: Sequence[Column], clustered: Sequence[str], group: Integers, size: int
) -> dict[str, Array]:
    """One row for each persona and trait; a trait is a number or one category."""
    parts = [
        _of_number(column, group, size) if column.labels is None else _of_category(column, group, size)
        for column in columns
    ]
    names = list(parts[0]) if parts else []
    rows: dict[str, Array] = {name: np.concatenate([part[name] for part in parts]) for name in names}
    rows["role"] = np.where(np.isin(rows["column"], list(clustered)), "clustered", "described").astype(object)
    rows["q_value"] = adjusted(rows["p_value"], "bh")
    order = np.argsort(rows["persona"], kind="stable")
    return {name: values[order] for name, values in rows.items()}


def _of_category(column: Column, group: Integers, size: int) -> dict[str, Array]:
    labels = column.labels or ()
    known = (column.values >= 0) & (group >= 0)
    everybody = column.values >= 0
    counts = np.zeros((size, len(labels)))
    np.add.at(counts, (group[known], column.values[known]), 1)
    whole = np.bincount(column.values[everybody], minlength=len(labels)).astype(np.float64)
    customers = counts.sum(axis=1, keepdims=True)
    total = float(whole.sum())
    inside, outside = np.broadcast_to(customers, counts.shape).ravel(), (total - customers) + 0 * counts
    ours, theirs = counts.ravel(), (whole - counts).ravel()
    outside = outside.ravel()
    share, rest = _ratio(ours, inside), _ratio(theirs, outside)
    low, high = newcombe(ours, inside, theirs, outside)
    v, p = v_tests(ours, inside, np.tile(whole, size), np.full(len(ours), total))
    return _rows(
        column,
        np.repeat(np.arange(size), len(labels)),
        {
            "value": np.tile(np.array(labels, dtype=object), size),
            "customers": inside,
            "here": share,
            "rest": rest,
            "difference": share - rest,
            "difference_low": low,
            "difference_high": high,
            "effect": 2 * (np.arcsin(np.sqrt(share)) - np.arcsin(np.sqrt(rest))),
            "lift": _ratio(share, np.tile(whole, size) / total if total else np.full(len(ours), np.nan)),
            "v_test": v,
            "p_value": p,
        },
    )


def _of_number(column: Column, group: Integers, size: int) -> dict[str, Array]:
    known = np.isfinite(column.values)
    values, of = column.values[known], group[known]
    # Sums of what is far from zero lose digits, those around the middle do not.
    middle = float(values.mean()) if len(values) else 0.0
    apart = values - middle
    inside = np.bincount(of[of >= 0], minlength=size).astype(np.float64)
    sums = _sums(of, apart, size)
    squares = _sums(of, apart**2, size)
    total, whole, all_squares = len(values), float(apart.sum()), float((apart**2).sum())
    ours = Parts(sums, inside, squares)
    theirs = Parts(whole - sums, total - inside, all_squares - squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart_by, low, high, _ = difference("mean", 1.0, ours, theirs)
    v, p = _mean_v_tests(sums, inside, whole, all_squares, total)
    medians = [_median(values[of == each]) for each in range(size)]
    others = [_median(values[of != each]) for each in range(size)]
    return _rows(
        column,
        np.arange(size),
        {
            "value": np.full(size, None, dtype=object),
            "customers": inside,
            "here": _ratio(sums, inside) + middle,
            "rest": _ratio(whole - sums, total - inside) + middle,
            "median": np.array(medians),
            "median_rest": np.array(others),
            "difference": apart_by,
            "difference_low": low,
            "difference_high": high,
            "effect": _cohens_d(ours, theirs),
            "v_test": v,
            "p_value": p,
        },
    )


def _rows(column: Column, persona: Integers, found: Mapping[str, Array]) -> dict[str, Array]:
    size = len(persona)
    unknown = np.full(size, np.nan)
    numbers = (
        "here", "rest", "median", "median_rest", "difference", "difference_low", "difference_high", "lift",
        "effect", "v_test", "p_value",
    )  # fmt: skip
    return {
        "persona": persona,
        "column": np.full(size, column.name, dtype=object),
        "kind": np.full(size, column.kind, dtype=object),
        "value": found["value"],
        "customers": found["customers"],
        **{name: found.get(name, unknown) for name in numbers},
    }


def _sums(group: Integers, values: Floats, size: int) -> Floats:
    """The sum of the values of each persona."""
    own = group >= 0
    return np.bincount(group[own], weights=values[own], minlength=size).astype(np.float64)


def _ratio(one: Floats, other: Array) -> Floats:
    found: Floats = np.divide(one, other, out=np.full(len(one), np.nan), where=np.asarray(other) > 0)
    return found


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _cohens_d(ours: Parts, theirs: Parts) -> Floats:
    """The difference of the means in pooled standard deviations (Cohen 1988)."""
    within = []
    for part in (ours, theirs):
        mean = _ratio(part.numerator, part.denominator)
        within.append(np.maximum(part.squares - part.denominator * mean**2, 0.0))
    freedom = ours.denominator + theirs.denominator - 2
    pooled = np.sqrt(_ratio(within[0] + within[1], freedom))
    apart = _ratio(ours.numerator, ours.denominator) - _ratio(theirs.numerator, theirs.denominator)
    return _ratio(apart, pooled)


def v_tests(taken: Floats, inside: Floats, marked: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Could so many of a persona have a category by chance? v-values, positive for more than expected, and p-values.

    The count is hypergeometric, were the persona drawn from all customers: p is twice the smaller tail with half of the
    probability of the count itself (mid-p), and v the normal quantile of it (Lebart, Morineau and Piron 1995), as
    ``FactoMineR::catdes`` has it. NaN where all or no customers have the category, or are in the persona.
    """
    from scipy.special import ndtri
    from scipy.stats import hypergeom

    able = (total > 0) & (inside > 0) & (inside < total) & (marked > 0) & (marked < total)
    v, p = np.full(len(taken), np.nan), np.full(len(taken), np.nan)
    k, n, m, all_of_them = (each[able] for each in (taken, inside, marked, total))
    of = hypergeom(all_of_them.astype(np.int64), m.astype(np.int64), n.astype(np.int64))
    here = of.pmf(k)
    below, above = of.cdf(k - 1) + here / 2, of.sf(k) + here / 2
    tail = np.minimum(np.minimum(below, above), 0.5)
    share = m / all_of_them
    spread = np.sqrt(n * share * (1 - share) * (all_of_them - n) / (all_of_them - 1))
    normal = np.abs(k - n * share) / spread
    size = np.where(tail > _LEAST_TAIL, -ndtri(np.maximum(tail, _LEAST_TAIL)), normal)
    v[able] = np.where(above < below, size, -size)
    p[able] = 2 * tail
    return v, p


def _mean_v_tests(
    sums: Floats, inside: Floats, whole: float, squares: float, total: int
) -> tuple[Floats, Floats]:
    """Could the mean of a persona be chance? The same question for numbers, by the normal distribution."""
    from scipy.special import ndtr

    unknown = np.full(len(sums), np.nan)
    if total < 2:
        return unknown, unknown
    mean = whole / total
    variance = max(squares / total - mean**2, 0.0)
    able = (inside > 0) & (inside < total) & (variance > 1e-12 * max(squares / total, 1e-300))
    of_mean = variance / np.maximum(inside, 1) * (total - inside) / (total - 1)
    apart = sums / np.maximum(inside, 1) - mean
    v = np.divide(apart, np.sqrt(of_mean), out=unknown.copy(), where=able)
    return v, 2 * ndtr(-np.abs(v))


def left_out(own: Integers, others: Integers, k: int) -> Array:
    """Which categories of a persona are not told: those of fewer than k customers in it, or of 1 to k - 1 elsewhere.

    Those that are left out stand for none or at least k customers together, as far as there are so many.
    """
    hidden: Array = (own < k) | ((others > 0) & (others < k))
    for place in np.argsort(own, kind="stable"):
        if all(not 0 < int(counts[hidden].sum()) < k for counts in (own, others)):
            break
        hidden[place] = True
    return hidden


def as_table(rows: Mapping[str, Array], names: Sequence[str]) -> dict[str, object]:
    """The rows as columns of a table, with the personas by name."""
    columns: dict[str, object] = {"persona": np.array(names, dtype=object)[rows["persona"]]}
    for name in ("column", "kind", "role", "value"):
        columns[name] = rows[name].tolist()
    columns["customers"] = rows["customers"].astype(np.int64)
    rest = [name for name in rows if name not in columns]
    return columns | {name: _table.nullable(rows[name]) for name in rest}
