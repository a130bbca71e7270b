"""Which finer slices make up the deviation of a whole?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.monitoring.panel import Panel

__all__ = ["Part", "families", "parts"]

# How far sums may be from the whole, for rounding.
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Part:
    """One slice of a whole: what it was, what it was to be, and what it adds to the deviation of the whole.

    ``rate`` is what its own value moved, ``mix`` what its weight did; they add up to ``deviation``, and the
    deviations of all parts add up to observed less expected of the whole.
    """

    series: int
    observed: float
    expected: float
    rate: float
    mix: float

    @property
    def deviation(self) -> float:
        """The rate and the mix part together."""
        return self.rate + self.mix


def families(panel: Panel, whole: int) -> dict[str, Integers]:
    """The series that cut a whole by one more column, by that column; only where there are at least two."""
    labels = panel.series[whole].slice
    found = {}
    for at, cut in enumerate(panel.cuts):
        if labels[at] is not None:
            continue
        rest = labels[:at] + labels[at + 1 :]
        members = [
            row
            for row, each in enumerate(panel.series)
            if each.kpi == panel.series[whole].kpi
            and each.slice[at] is not None
            and each.slice[:at] + each.slice[at + 1 :] == rest
        ]
        if len(members) > 1:
            found[cut] = np.array(members, dtype=np.int64)
    return found


def parts(
    panel: Panel, whole: int, members: Integers, inside: Array, before: Array, expected: float
) -> list[Part]:
    """Decompose observed less expected of a whole over its slices, exactly; nothing where they do not sum to it.

    Parameters
    ----------
    panel
        The series.
    whole, members
        The series of the whole, and those of its slices.
    inside, before
        The periods of the alert, and those that the expectation was made of, as masks.
    expected
        What was expected of the whole, in its unit.

    Notes
    -----
    A total: the expected value is dealt to the slices as they shared the whole before. Anything over a denominator:
    weights w and values r of the slices, expected as in the periods before (all values moved by one constant, so that
    they make up the expected value of the whole); the rate part is (w + w0) / 2 (r - r0), the mix part
    (w - w0) ((r + r0) / 2 - (R + R0) / 2) with the values R of the whole.
    """
    series = panel.series[whole]
    if series.form == "level":
        return []
    top, down = panel.numerator, panel.denominator
    total = series.form == "total"
    if not (_adds_up(top, whole, members, inside) and (total or _adds_up(down, whole, members, inside))):
        return []
    now_top, now_down = _sums(top, members, inside), _sums(down, members, inside)
    past_top, past_down = _sums(top, members, before), _sums(down, members, before)
    if total:
        scale, dealt = series.scale / inside.sum(), past_top.sum()
        if dealt == 0:
            return []
        usual = expected * past_top / dealt
        observed = scale * now_top
        return [
            Part(int(row), float(observed[at]), float(usual[at]), float(observed[at] - usual[at]), 0.0)
            for at, row in enumerate(members)
        ]
    if not (now_down.sum() > 0 and past_down.sum() > 0):
        return []
    weight, usual_weight = now_down / now_down.sum(), past_down / past_down.sum()
    value, usual = _ratio(series.scale, now_top, now_down), _ratio(series.scale, past_top, past_down)
    value, usual = np.where(np.isnan(value), usual, value), np.where(np.isnan(usual), value, usual)
    value, usual = np.nan_to_num(value), np.nan_to_num(usual)
    usual = usual + (expected - float((usual_weight * usual).sum()))
    whole_value = float((weight * value).sum())
    rate = (weight + usual_weight) / 2 * (value - usual)
    mix = (weight - usual_weight) * ((value + usual) / 2 - (whole_value + expected) / 2)
    return [
        Part(int(row), float(value[at]), float(usual[at]), float(rate[at]), float(mix[at]))
        for at, row in enumerate(members)
    ]


def _ratio(scale: float, top: Floats, down: Floats) -> Floats:
    return np.asarray(scale * np.divide(top, down, out=np.full(len(top), np.nan), where=down > 0))


def _sums(values: Floats, members: Integers, where: Array) -> Floats:
    return np.asarray(np.nansum(values[members][:, where], axis=1))


def _adds_up(values: Floats, whole: int, members: Integers, where: Array) -> bool:
    own, together = values[whole, where], np.nansum(values[members][:, where], axis=0)
    return bool((np.abs(own - together) <= _NEAR * np.maximum(np.abs(own), 1.0)).all())
