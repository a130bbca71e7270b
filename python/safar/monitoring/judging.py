"""Each period of each series against what its own past lets expect: gate, rules, p-values, alarms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.monitoring.panel import Panel, intervals
from safar.monitoring.season import (
    LOG,
    LOGIT,
    PLAIN,
    Calendar,
    Regression,
    Scales,
    holiday_effect,
    is_count,
    known_holiday,
    link,
    mean_and_weight,
    median_of,
    robust_z,
    scales_of,
)

__all__ = ["REASONS", "RULES", "Judgement", "Settings", "judge"]

RULES = ("chart", "drift", "season", "target")
CHART, DRIFT, SEASON, TARGET = range(4)

# Why a period is not judged, in the order of precedence; 0 is judged.
REASONS = (
    "",
    "missing",
    "incomplete",
    "undefined",
    "closed",
    "no_volume",
    "short_history",
    "new_holiday",
    "no_variation",
)
_CODE = {reason: code for code, reason in enumerate(REASONS)}
# Less than this share of what is usual is a fault of the data, not a finding.
_COLLAPSED = 0.1
_USUAL_VOLUME = 10.0
_CLOSED_AFTER, _CLOSED_BELOW = 3, 5.0
_FEW_SHARE, _FEW_COUNT = 10.0, 20.0
# A moving range of two, and the share of degrees of freedom that it keeps of a standard deviation.
_MOVING_RANGE, _KEPT = 1.128379167095513, 0.62
_CLIP = 3.0
# Past departures count up to so many rough standard deviations; the root mean square of normal ones is then 0.9594.
_TRUST, _TRUSTED = 2.0, 0.9594
_WEIGHT = 0.2
_DRIFT_AFTER = 10
# How many periods before a flagged one may belong to the same change.
_LED_UP = 14
# Nodes and weights of the mean over a normal distribution.
_NODES = 21


@dataclass(frozen=True, slots=True)
class Settings:
    """How is judged; lengths in periods."""

    rules: tuple[str, ...]
    budget: float
    persistence: tuple[int, int]
    history: int
    window: int
    relearn: int


@dataclass(slots=True)
class Judgement:
    """What is known of each period (column) of each series (row)."""

    scales: Scales
    # What was expected, on the scale; variance of the expectation, what of it is of all weekdays, and variance of one
    # period around it.
    eta: Floats
    known_variance: Floats
    common_variance: Floats
    noise_variance: Floats
    degrees: Floats
    reason: Integers
    # By rule, series and period.
    p: Floats
    q: Floats
    flagged: Array
    # 1 above, -1 below, what is expected.
    side: Integers
    alarm: Array
    # What the baseline was made of.
    usable: Array
    # Departures as normal scores, by the chart of the form.
    score: Floats
    tests: Integers
    # What has a target and no interval to compare with it.
    no_interval: Array


def judge(panel: Panel, calendar: Calendar, settings: Settings) -> Judgement:
    """Judge all periods, one after the other, by what came before them only."""
    scales = scales_of(panel)
    state = _State.of(panel, scales, calendar, settings)
    for at in range(len(panel.grid)):
        state.step(at)
    found = state.found
    found.q = _benjamini_hochberg(found.p)
    found.alarm = _persistent(found, settings.persistence)
    return found


@dataclass(slots=True)
class _State:
    panel: Panel
    scales: Scales
    calendar: Calendar
    settings: Settings
    regression: Regression
    found: Judgement
    # Standardised departures that the noise is measured by; their normal scores; departures of holidays on the scale.
    z: Floats
    scores: Floats
    departures: Floats
    mean: Floats
    spread: Floats
    fed: Integers
    run: Integers
    run_side: Integers
    values: Floats
    low: Floats
    high: Floats
    counted: Array

    @classmethod
    def of(cls, panel: Panel, scales: Scales, calendar: Calendar, settings: Settings) -> _State:
        shape = panel.numerator.shape
        empty = np.full(shape, np.nan)
        counted = np.array(
            [is_count(each, panel.numerator[row]) for row, each in enumerate(panel.series)], dtype=bool
        )
        bounds = [
            intervals(
                each.form, each.scale, panel.numerator[row], panel.denominator[row], panel.squares[row],
                count=bool(counted[row]),
            )
            for row, each in enumerate(panel.series)
        ]  # fmt: skip
        low, high = (np.array(side).reshape(shape) for side in zip(*bounds, strict=True))
        values = panel.values()
        targeted = np.isfinite(panel.target) & panel.complete & np.isfinite(values)
        found = Judgement(
            scales=scales,
            eta=empty.copy(),
            known_variance=empty.copy(),
            common_variance=empty.copy(),
            noise_variance=empty.copy(),
            degrees=empty.copy(),
            reason=_first_reasons(panel, scales),
            p=np.full((len(RULES), *shape), np.nan),
            q=np.full((len(RULES), *shape), np.nan),
            flagged=np.zeros((len(RULES), *shape), dtype=bool),
            side=np.zeros(shape, dtype=np.int64),
            alarm=np.zeros((len(RULES), *shape), dtype=bool),
            usable=np.zeros(shape, dtype=bool),
            score=empty.copy(),
            tests=np.zeros(shape[1], dtype=np.int64),
            no_interval=targeted & ~(np.isfinite(low) & np.isfinite(high)),
        )
        zeros = np.zeros(shape[0])
        whole = np.zeros(shape[0], dtype=np.int64)
        return cls(
            panel, scales, calendar, settings, Regression.of(scales, calendar, settings.window), found,
            empty.copy(), empty.copy(), empty.copy(), zeros.copy(), zeros.copy(), whole.copy(), whole.copy(),
            whole.copy(), values, low, high, counted,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------- one period

    def step(self, at: int) -> None:
        """Judge period `at`, then learn from it."""
        found, settings, rows = self.found, self.settings, len(self.panel.series)
        holiday = self.calendar.holiday[at] >= 0
        closed = self._closed(at)
        if not holiday:
            self._refuse(at, closed[:, at], "closed")
            self._volume(at)
        eta, variance, common, used = self.regression.expect(found.usable & ~closed, at)
        begun = used >= max(settings.history // 2, 2)
        departures = np.where(begun, link(self.scales, at) - eta, np.nan)
        extra = np.zeros(rows)
        fine = found.reason[:, at] == 0
        if holiday:
            self.departures[fine, at] = departures[fine]
            shift, extra, number = holiday_effect(self.calendar, self.departures, at)
            eta = eta + shift
            self._refuse(at, ~known_holiday(number) & begun, "new_holiday")
        sigma, number = self._sigma(at)
        self._refuse(at, (used < settings.history) | (number < settings.history // 2), "short_history")
        z, own = self._standardised(at, eta, variance)
        degrees = np.maximum(_KEPT * number, 2.0)
        # What is left by rounding is no variation.
        least = 1e-9 * np.where(self.scales.logged, np.maximum(np.abs(eta), 1.0), np.abs(eta))
        rounding = (self.scales.kind == PLAIN) & (sigma <= least * np.sqrt(self.scales.size[:, at]))
        self._refuse(at, ~(sigma > 0) | rounding, "no_variation")
        judged = found.reason[:, at] == 0
        squared = np.where(judged, sigma, 1.0) ** 2
        known, noise = variance * squared, np.where(judged, own, 1.0) * squared + extra
        for matrix, value in (
            (found.eta, eta),
            (found.known_variance, known),
            (found.common_variance, common * squared),
            (found.noise_variance, noise),
            (found.degrees, degrees),
        ):
            matrix[judged, at] = value[judged]
        side = np.sign(self._count(at, eta)).astype(np.int64)
        found.side[judged, at] = side[judged]
        p = np.full((len(RULES), rows), np.nan)
        if judged.any():
            chart = self._chart(at, eta, squared, known, extra, degrees)
            p[CHART, judged] = chart[judged]
        score = _scores(p[CHART], side)
        found.score[judged, at] = score[judged]
        if "season" in settings.rules:
            p[SEASON, judged] = self._season(at, z, score, number)[judged]
        if "target" in settings.rules:
            p[TARGET] = self._target(at, np.where(judged, np.maximum(sigma, 1.0), 1.0))
        learns = judged & (not holiday)
        tested = np.isfinite(p)
        if "chart" not in settings.rules:
            tested[CHART] = False
        eligible = learns & (self.fed + 1 >= _DRIFT_AFTER) & ("drift" in settings.rules)
        tests = int(tested.sum() + eligible.sum())
        found.tests[at] = tests
        limit = settings.budget / self.panel.grid.a_year / max(tests, 1)
        found.flagged[:, :, at] = tested & (np.nan_to_num(p, nan=1.0) <= limit)
        out = found.flagged[CHART, :, at] | found.flagged[SEASON, :, at]
        if "drift" in settings.rules:
            drift = self._drift(at, learns & ~out, score)
            p[DRIFT] = np.where(eligible & ~out, drift, np.nan)
            here = p[DRIFT] <= limit
            found.flagged[DRIFT, :, at] = here & (np.sign(self.mean) == side)
        if "chart" not in settings.rules:
            p[CHART] = np.nan
        found.p[:, :, at] = p
        usable = (found.reason[:, at] == 0) | (found.reason[:, at] == _CODE["short_history"])
        usable |= found.reason[:, at] == _CODE["no_variation"]
        found.usable[:, at] = usable & ~out & ~found.flagged[DRIFT, :, at] & (not holiday)
        steady = begun & found.usable[:, at]
        self.scores[steady & judged, at] = np.clip(score, -_CLIP, _CLIP)[steady & judged]
        self.z[steady, at] = z[steady]
        for row in np.flatnonzero(out | found.flagged[DRIFT, :, at]).tolist():
            self._unlearn(row, at, int(side[row]))
        self._relearn(at, out | found.flagged[DRIFT, :, at], side)

    def _unlearn(self, row: int, at: int, side: int) -> None:
        """Take what led up to a flagged period out of the baseline: the stretch with the most evidence of change."""
        reach = slice(max(0, at - _LED_UP), at)
        gained = np.cumsum((np.nan_to_num(side * self.found.score[row, reach]) - 1.0)[::-1])
        if len(gained) and gained.max() > 0:
            stretch = slice(at - int(gained.argmax()) - 1, at)
            self.found.usable[row, stretch] = False
            self.z[row, stretch] = np.nan

    def _count(self, at: int, eta: Floats) -> Floats:
        """What was counted less what was expected."""
        count, size = self.scales.count[:, at], self.scales.size[:, at]
        mean, _ = _moments(self.scales, eta, size)
        return np.nan_to_num(count - mean)

    def _refuse(self, at: int, which: Array, reason: str) -> None:
        column = self.found.reason[:, at]
        column[which & (column == 0)] = _CODE[reason]

    def _volume(self, at: int) -> None:
        """Refuse periods with next to nothing of what is usual: more likely a fault of the data than of the shop."""
        reach, mine = self.regression.rows(self.found.usable, at)
        alike = mine & (self.calendar.weekday[reach] == self.calendar.weekday[at])[None, :]
        total = np.array([each.form == "total" for each in self.panel.series], dtype=bool)
        volume = np.where(total[:, None], self.panel.numerator, self.panel.denominator)
        past = volume[:, reach]
        usual = median_of(np.where(alike, past, 0.0), alike)
        now = volume[:, at]
        gone = np.where(total, now == 0, now < _COLLAPSED * usual)
        self._refuse(at, gone & (usual >= _USUAL_VOLUME), "no_volume")

    def _closed(self, at: int) -> Array:
        """On which weekdays nothing ever happened, while on others it did; a row a series, a column a period."""
        reach = slice(max(0, at - 2 * self.settings.window), at)
        total = np.array([[each.form == "total"] for each in self.panel.series], dtype=bool)
        past = self.panel.numerator[:, reach]
        known = np.isfinite(past) & self.panel.complete[:, reach] & total
        weekday = self.calendar.weekday[reach]
        busy = median_of(np.where(known, past, 0.0), known) >= _CLOSED_BELOW
        closed = np.zeros((len(past), 7), dtype=bool)
        for day in range(7):
            mine = known[:, weekday == day]
            some = (mine & (past[:, weekday == day] != 0)).any(axis=1)
            closed[:, day] = busy & (mine.sum(axis=1) >= _CLOSED_AFTER) & ~some
        return np.asarray(closed[:, self.calendar.weekday])

    def _past(self, at: int) -> tuple[slice, Array]:
        reach = slice(max(0, at - 2 * self.settings.window), at)
        mine = np.isfinite(self.z[:, reach])
        newer = np.cumsum(mine[:, ::-1], axis=1)[:, ::-1]
        return reach, mine & (newer <= self.settings.window)

    def _sigma(self, at: int) -> tuple[Floats, Integers]:
        """Noise beside that which is known: the greater of moving range and size of the past departures."""
        reach, mine = self._past(at)
        number = mine.sum(axis=1).astype(np.int64)
        past = np.where(mine, self.z[:, reach], 0.0)
        rough = 1.4826 * median_of(np.abs(past), mine)
        bound = np.where(rough > 0, _TRUST * rough, np.inf)[:, None]
        past = np.clip(past, -bound, bound)
        trusted = np.where(rough > 0, _TRUSTED, 1.0)
        size = np.sqrt((past**2).sum(axis=1) / np.maximum(number, 1)) / trusted
        both = mine[:, 1:] & mine[:, :-1]
        ranges = np.where(both, np.abs(np.diff(past, axis=1)), 0.0).sum(axis=1)
        moving = ranges / np.maximum(both.sum(axis=1), 1) / _MOVING_RANGE / trusted
        sigma = np.maximum(size, moving)
        return np.where(self.scales.kind == PLAIN, sigma, np.maximum(sigma, 1.0)), number

    def _standardised(self, at: int, eta: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """The departure in standard deviations of pure chance, and the variance of one period on the scale."""
        count, size = self.scales.count[:, at], self.scales.size[:, at]
        mean, weight = _moments(self.scales, eta, size)
        own = np.divide(1.0, weight, out=np.full(len(weight), np.nan), where=weight > 0)
        per = np.where(self.scales.kind == PLAIN, 1.0, weight)
        step = np.divide(count - mean, per, out=np.full(len(weight), np.nan), where=per > 0)
        return step / np.sqrt(own + variance), own

    # ---------------------------------------------------------------------------------------------- rules

    def _chart(
        self, at: int, eta: Floats, squared: Floats, known: Floats, extra: Floats, degrees: Floats
    ) -> Floats:
        """Two-sided probabilities of what was observed, by the form's own distribution."""
        count, size = self.scales.count[:, at], self.scales.size[:, at]
        mean, weight = _moments(self.scales, eta, size)
        with np.errstate(invalid="ignore", divide="ignore"):
            own = 1.0 / weight
            step = np.where(self.scales.kind == PLAIN, count - mean, (count - mean) / weight)
            far = step / np.sqrt(own * squared + known + extra)
            more = np.maximum(squared - 1, 0) * own + known + extra
        p = _student_tail(far, degrees)
        least = np.where(self.scales.kind == LOGIT, np.minimum(mean, size - mean), mean)
        few = (self.scales.kind == LOGIT) & (least < _FEW_SHARE)
        few |= (self.scales.kind == LOG) & (least < _FEW_COUNT)
        few &= np.isfinite(count) & np.isfinite(size) & (size > 0) & np.isfinite(more)
        if few.any():
            p[few] = exact_tail(
                self.scales.kind[few] == LOGIT, count[few], size[few], eta[few], np.minimum(more[few], 25.0)
            )
        return p

    def _season(self, at: int, z: Floats, score: Floats, number: Integers) -> Floats:
        """Two-sided probabilities of the robust z, by the past departures alone.

        Of counts, normal scores take the place of departures, whose distribution is skew where few are expected, and
        chance is the least that they vary by.
        """
        reach = slice(max(0, at - 2 * self.settings.window), at)
        plain = self.scales.kind == PLAIN
        past = np.where(plain[:, None], self.z[:, reach], self.scores[:, reach])
        mine = np.isfinite(past)
        far = robust_z(np.where(plain, z, score), np.where(mine, past, 0.0), mine)
        far = np.where(plain, far, np.sign(far) * np.minimum(np.abs(far), np.abs(score)))
        return _student_tail(far, 0.37 * np.maximum(number, 6))

    def _drift(self, at: int, fed: Array, score: Floats) -> Floats:
        """Two-sided probabilities of the exponentially weighted mean of the normal scores."""
        from scipy.special import ndtr

        score = np.clip(score, -_CLIP, _CLIP)
        self.mean = np.where(fed, _WEIGHT * score + (1 - _WEIGHT) * self.mean, self.mean)
        self.spread = np.where(fed, _WEIGHT**2 + (1 - _WEIGHT) ** 2 * self.spread, self.spread)
        self.fed += fed
        reach = slice(max(0, at - 2 * self.settings.window), at)
        past = self.scores[:, reach]
        both = np.isfinite(past[:, 1:]) & np.isfinite(past[:, :-1])
        one, two = np.where(both, past[:, :-1], 0.0), np.where(both, past[:, 1:], 0.0)
        size = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
        after = np.divide((one * two).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0)
        # Departures that follow one another make their mean vary more: as much as a first-order autoregression.
        after = np.clip(after, 0.0, 0.9)
        kept = after * (1 - _WEIGHT)
        deviation = np.sqrt(self.spread * (1 + kept) / (1 - kept))
        far = np.divide(np.abs(self.mean), deviation, out=np.zeros(len(size)), where=deviation > 0)
        return np.asarray(2 * ndtr(-far))

    def _target(self, at: int, sigma: Floats) -> Floats:
        """Probabilities of a value at least so bad if the true one were the target; NaN where not tested."""
        from scipy.special import ndtr

        panel = self.panel
        p = np.full(len(panel.series), np.nan)
        known = np.isfinite(panel.target[:, at]) & panel.complete[:, at] & np.isfinite(self.values[:, at])
        known &= np.isfinite(self.low[:, at]) & np.isfinite(self.high[:, at])
        for row in np.flatnonzero(known).tolist():
            series = panel.series[row]
            if series.direction == "none":
                continue
            target, wanted_up = panel.target[row, at], series.direction == "up"
            value, low, high = self.values[row, at], self.low[row, at], self.high[row, at]
            wrong = high < target if wanted_up else low > target
            half = max((high - low) / 2 / 1.959963984540054, 1e-300)
            far = (target - value if wanted_up else value - target) / (half * sigma[row])
            chance = float(ndtr(-far))
            if series.form == "share" or series.form == "rate" or self.counted[row]:
                exact = self._beyond(row, at, target / series.scale, not wanted_up)
                chance = max(chance, exact)
            p[row] = chance if wrong else 1.0
        return p

    def _beyond(self, row: int, at: int, true: float, above: bool) -> float:
        """Probability of a count at least as far on one side, by the exact distribution."""
        form = self.panel.series[row].form
        count, size = (
            self.panel.numerator[row, at],
            self.panel.denominator[row, at] if form != "total" else 1.0,
        )
        if form == "share":
            true = min(max(true, 0.0), 1.0)
            tails = _binomial_tails(np.array([count]), np.array([size]), np.array([true]))
        else:
            tails = _poisson_tails(np.array([count]), np.array([max(true, 0.0) * size]))
        return float(tails[1 if above else 0][0])

    def _relearn(self, at: int, out: Array, side: Integers) -> None:
        """Take a departure that has lasted long for the new normal: forget what was before it."""
        quiet = self.found.reason[:, at] != 0
        goes_on = out & (side == self.run_side)
        self.run = np.where(quiet, self.run, np.where(out, np.where(goes_on, self.run + 1, 1), 0))
        self.run_side = np.where(out, side, self.run_side)
        for row in np.flatnonzero(self.run >= self.settings.relearn).tolist():
            flags = np.asarray(self.found.flagged[:TARGET, row].any(axis=0))
            mine = np.flatnonzero(flags[: at + 1])[-int(self.run[row]) :]
            self.found.usable[row, : mine[0]] = False
            self.found.usable[row, mine] = True
            self.regression.beta[row] = np.nan
            self.mean[row] = self.spread[row] = 0.0
            self.fed[row] = self.run[row] = 0


# ------------------------------------------------------------------------------------------------------- probability


def _moments(scales: Scales, eta: Floats, size: Floats) -> tuple[Floats, Floats]:
    return mean_and_weight(scales.kind, eta, size)


def _scores(p: Floats, side: Integers) -> Floats:
    """Two-sided probabilities as values of a standard normal variable."""
    from scipy.special import ndtri

    return np.asarray(-ndtri(np.clip(np.nan_to_num(p, nan=1.0), 1e-15, 1.0) / 2) * side)


def _student_tail(far: Floats, degrees: Floats) -> Floats:
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(degrees, -np.abs(far)))


def _binomial_tails(count: Floats, size: Floats, share: Floats) -> tuple[Floats, Floats]:
    """P(X <= count) and P(X >= count)."""
    from scipy.special import betainc, betaincc

    below = np.where(count >= size, 1.0, betaincc(np.floor(count) + 1, np.maximum(size - count, 1e-9), share))
    above = np.where(count <= 0, 1.0, betainc(np.maximum(count, 1e-9), size - count + 1, share))
    return below, above


def _poisson_tails(count: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """P(X <= count) and P(X >= count)."""
    from scipy.special import gammainc, gammaincc

    below = gammaincc(np.floor(count) + 1, mean)
    above = np.where(count <= 0, 1.0, gammainc(np.maximum(count, 1e-9), mean))
    return below, above


def exact_tail(binomial: Array, count: Floats, size: Floats, eta: Floats, variance: Floats) -> Floats:
    """Two-sided probabilities of counts whose share or rate is known up to a normal error on the scale.

    Binomial or Poisson probabilities of at least as much and at most as much, in the mean over that error; twice the
    lesser.
    """
    nodes, weights = _normal_nodes()
    points = np.clip(eta[:, None] + np.sqrt(variance)[:, None] * nodes[None, :], -30, 30)
    count, size = (
        np.broadcast_arrays(count[:, None], points)[0],
        np.broadcast_arrays(size[:, None], points)[0],
    )
    shares = 1 / (1 + np.exp(-points))
    of_shares = _binomial_tails(count, size, shares)
    of_rates = _poisson_tails(count, size * np.exp(points))
    below, above = (
        np.where(binomial, first @ weights, second @ weights)
        for first, second in zip(of_shares, of_rates, strict=True)
    )
    return np.asarray(np.minimum(2 * np.minimum(below, above), 1.0))


@cache
def _normal_nodes() -> tuple[Floats, Floats]:
    """Where and with which weights a mean over the standard normal distribution is taken."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()


def _benjamini_hochberg(p: Floats) -> Floats:
    """q-values (Benjamini and Hochberg 1995) over the rules and series of each period."""
    rules, series, periods = p.shape
    flat = p.reshape(rules * series, periods)
    q = np.full(flat.shape, np.nan)
    for at in range(periods):
        tested = np.flatnonzero(np.isfinite(flat[:, at]))
        if len(tested):
            q[tested, at] = benjamini_hochberg(flat[tested, at])
    return q.reshape(p.shape)


def benjamini_hochberg(p: Floats) -> Floats:
    """q-values of p-values, none of which is NaN."""
    order = np.argsort(p, kind="stable")
    ranked = p[order] * len(p) / np.arange(1, len(p) + 1)
    q = np.empty(len(p))
    q[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return q


# ------------------------------------------------------------------------------------------------------------- gate


def _first_reasons(panel: Panel, scales: Scales) -> Integers:
    """What is refused whatever the past says."""
    reason = np.zeros(panel.numerator.shape, dtype=np.int64)
    reason[~scales.known()] = _CODE["undefined"]
    total = np.array([[each.form == "total"] for each in panel.series], dtype=bool)
    # Of a sum of amounts there is no logarithm where nothing came in.
    reason[total & scales.logged[:, None] & (panel.numerator == 0)] = _CODE["no_volume"]
    odd = (scales.kind == LOGIT)[:, None] & (panel.numerator > panel.denominator)
    odd |= (scales.kind != PLAIN)[:, None] & (panel.numerator < 0)
    reason[odd] = _CODE["undefined"]
    reason[~panel.complete] = _CODE["incomplete"]
    reason[~panel.present] = _CODE["missing"]
    return reason


def _persistent(found: Judgement, persistence: tuple[int, int]) -> Array:
    """Alarms: flagged, where at least m of n periods in a row, this one among them, are flagged on one side."""
    least, last = persistence
    if least == 1:
        return found.flagged.copy()
    alarm = np.zeros_like(found.flagged)
    changes = found.flagged[:TARGET].any(axis=0)
    for side in (-1, 1):
        alarm[:TARGET] |= found.flagged[:TARGET] & _dense(changes & (found.side == side), least, last)
    alarm[TARGET] = _dense(found.flagged[TARGET], least, last)
    return alarm


def _dense(mine: Array, least: int, last: int) -> Array:
    """Which true periods have at least `least` true ones among `last` in a row that hold them, and end with one."""
    total = np.cumsum(np.pad(mine, ((0, 0), (last, 0))), axis=1)
    reached = mine & (total[:, last:] - total[:, :-last] >= least)
    found = reached.copy()
    for back in range(1, last):
        # The periods that made it so belong to the alert.
        found[:, :-back] |= mine[:, :-back] & reached[:, back:]
    return np.asarray(found)
