"""Cox's model: its likelihood beside that of a list of customers, its maximum, and what it refuses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from rossi import ROSSI
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.models.survival.likelihood import Ties, concordant
from test_conversion import lines
from test_said import unsaid
from test_survival import remission

TIES: tuple[Ties, ...] = ("efron", "breslow", "exact")
TREATED = {"6-MP": 0, "placebo": 1}


def children() -> dict[str, list[Any]]:
    data = remission()
    return data | {"placebo": [TREATED[arm] for arm in data["arm"]]}


def of_children(**options: Any) -> safar.CoxResult:
    return safar.cox(children(), duration="weeks", event="relapse", columns="placebo", **options)


# -------------------------------------------------------------------------------------------------- published


@pytest.mark.parametrize(("ties", "expected"), [("breslow", 1.50919), ("efron", 1.57213), ("exact", 1.62824)])
def test_the_remission_of_leukaemia_is_as_published(ties: Ties, expected: float) -> None:
    # R's coxph prints these for ties="breslow", "efron" and "exact".
    found = lines(of_children(ties=ties))[0]
    assert found["coefficient"] == pytest.approx(expected, abs=5e-6)
    assert found["hazard_ratio"] == pytest.approx(math.exp(expected), rel=1e-5)


def test_likelihood_errors_and_concordance_are_those_of_r_and_lifelines() -> None:
    result = of_children()
    # lifelines 0.30.3: CoxPHFitter().fit(...).summary, .log_likelihood_; R prints concordance 0.69.
    found = lines(result)[0]
    assert found["standard_error"] == pytest.approx(0.4123967, abs=5e-7)
    bounds = (2.1465077, 10.8093073)
    assert (found["hazard_ratio_low"], found["hazard_ratio_high"]) == pytest.approx(bounds, rel=1e-5)
    assert found["p_value"] == pytest.approx(0.000137754, abs=1e-8)
    assert result.log_likelihood == pytest.approx(-85.00842457737184, abs=1e-9)
    assert result.concordance == pytest.approx(0.690, abs=5e-4)
    # The score test without ties in time is the log-rank test; with Efron's weights it is near it.
    tests = {row["test"]: row["chi_squared"] for row in lines(result.tests())}
    assert tests["likelihood ratio"] == pytest.approx(16.35, abs=5e-3)
    assert tests["score"] == pytest.approx(17.25, abs=5e-3)


def test_the_exact_score_test_is_the_log_rank_test() -> None:
    tests = {row["test"]: row for row in lines(of_children(ties="exact").tests())}
    assert tests["score"]["chi_squared"] == pytest.approx(16.7929, abs=5e-5)


def test_the_recidivism_of_rossi_is_as_lifelines_and_r_have_it() -> None:
    columns = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    result = safar.cox(ROSSI, duration="week", event="arrest", columns=columns)
    expected = [-0.379422, -0.057438, 0.313900, -0.149796, -0.433704, -0.084871, 0.091497]
    assert result.to_dict()["coefficient"] == pytest.approx(expected, abs=5e-7)
    assert result.log_likelihood == pytest.approx(-658.7477, abs=5e-5)
    ratio = {row["test"]: row["chi_squared"] for row in lines(result.tests())}["likelihood ratio"]
    assert result.log_likelihood - ratio / 2 == pytest.approx(-675.3806, abs=5e-5)
    assert result.concordance == pytest.approx(0.6403292, abs=5e-8)
    # R's cox.zph before version 3, as Fox and Weisberg print it.
    found = lines(result.proportionality("survival"))
    assert [row["chi_squared"] for row in found][:2] == pytest.approx([0.00502, 11.27897], abs=5e-5)
    assert found[-1]["chi_squared"] == pytest.approx(17.6586, abs=5e-4)


# ----------------------------------------------------------------------------------------------------- oracle


class Row(NamedTuple):
    entry: int | None
    exit: int
    gone: bool
    x: int
    y: float
    group: str


def rows_of(seed: int, number: int = 14) -> list[Row]:
    """Customers whose times are full of ties, some of whom came late."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(number):
        entry = None if draw.random() < 0.6 else int(draw.integers(1, 3))
        end = (entry or 0) + int(draw.integers(1, 5))
        y = float(draw.choice([-1.0, 0.25, 2.0]))
        rows.append(
            Row(entry, end, draw.random() < 0.7, int(draw.integers(0, 3)), y, "ab"[draw.integers(0, 2)])
        )
    return rows


def frame_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in Row._fields}


def log_likelihood(
    rows: Sequence[Row], beta: Sequence[float], ties: Ties, *, stratified: bool = False
) -> float:
    """The partial likelihood, customer by customer and for the exact one set by set."""
    if stratified:
        return sum(log_likelihood([row for row in rows if row.group == group], beta, ties) for group in "ab")
    total = 0.0

    def linear(row: Row) -> float:
        return beta[0] * row.x + beta[1] * row.y

    for time in sorted({row.exit for row in rows if row.gone}):
        risk = [row for row in rows if (row.entry is None or row.entry < time) and row.exit >= time]
        events = [row for row in risk if row.gone and row.exit == time]
        total += sum(map(linear, events))
        whole, tied = (sum(math.exp(linear(row)) for row in each) for each in (risk, events))
        if ties == "exact":
            sets = itertools.combinations(risk, len(events))
            total -= math.log(sum(math.exp(sum(map(linear, each))) for each in sets))
        else:
            for gone in range(len(events)):
                total -= math.log(whole - (gone / len(events) * tied if ties == "efron" else 0))
    return total


def fitted(rows: Sequence[Row], **options: Any) -> safar.CoxResult:
    """The model of x and y."""
    return safar.cox(
        frame_of(rows), duration="exit", event="gone", entry="entry", columns=["x", "y"], **options
    )


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", range(12))
def test_the_likelihood_is_largest_where_the_model_says(seed: int, ties: Ties, stratified: bool) -> None:
    rows = rows_of(seed)
    result = fitted(rows, ties=ties, strata="group" if stratified else None)
    beta = result.to_dict()["coefficient"]
    top = log_likelihood(rows, beta, ties, stratified=stratified)
    assert result.log_likelihood == pytest.approx(top, abs=1e-8)
    steps = 1e-4 * np.eye(2)
    moved = np.array(
        [
            [log_likelihood(rows, beta + sign * step, ties, stratified=stratified) for sign in (-1, 1)]
            for step in steps
        ]
    )
    # Level in both directions, and bent as the standard errors say.
    assert (moved[:, 1] - moved[:, 0]) / 2e-4 == pytest.approx([0, 0], abs=1e-5)

    def bent(one: Any, other: Any) -> float:
        corners = [
            log_likelihood(rows, np.array(beta) + a * one + b * other, ties, stratified=stratified) * a * b
            for a in (-1, 1)
            for b in (-1, 1)
        ]
        return -sum(corners) / (4 * 1e-8)

    information = np.array([[bent(one, other) for other in steps] for one in steps])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert result.to_dict()["standard_error"] == pytest.approx(errors, rel=1e-2)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("seed", range(6))
def test_a_weight_is_as_many_rows(seed: int, ties: Ties) -> None:
    rows = rows_of(seed)
    weights = np.random.default_rng(seed).integers(1, 4, len(rows)).tolist()
    repeated = [row for row, weight in zip(rows, weights, strict=True) for _ in range(weight)]
    options: dict[str, Any] = {"duration": "exit", "event": "gone", "entry": "entry", "columns": ["x", "y"]}
    whole = fitted(repeated, ties=ties)
    weighted = safar.cox(frame_of(rows) | {"n": weights}, weights="n", ties=ties, **options)
    for name in ("coefficient", "standard_error"):
        assert weighted.to_dict()[name] == pytest.approx(whole.to_dict()[name], rel=1e-6, abs=1e-9)
    ours, theirs = (each.proportionality().to_dict() for each in (weighted, whole))
    assert ours["chi_squared"] == pytest.approx(theirs["chi_squared"], rel=1e-5, abs=1e-8)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(1, 3), st.integers(-2, 2)),
        min_size=1,
        max_size=20,
    )
)
def test_concordance_equals_a_count_of_all_pairs(rows: list[tuple[int, bool, int, int]]) -> None:
    won = total = 0.0
    for (one, gone, weight, risk), (other, left, more, beside) in itertools.permutations(rows, 2):
        if gone and (one < other or (one == other and not left)):
            total += weight * more
            won += weight * more * (1.0 if risk > beside else 0.5 if risk == beside else 0.0)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    found = concordant(
        columns[0], columns[1].astype(bool), columns[2].astype(float), columns[3].astype(float)
    )
    assert found == pytest.approx((won, total), abs=1e-9)


def test_two_groups_without_covariates_have_the_nelson_aalen_baseline() -> None:
    data = remission(random=[number % 2 for number in range(42)])
    result = safar.cox(
        data, duration="weeks", event="relapse", columns="random", ties="breslow", strata="arm"
    )
    # Were the coefficient 0, the baseline would be Nelson-Aalen's; it is near 0 here.
    alone = safar.survival(data, duration="weeks", event="relapse", by="arm", unit="week").to_dict()
    hazards = dict(
        zip(zip(alone["segment"], alone["time"], strict=True), alone["cumulative_hazard"], strict=True)
    )
    coefficient = result.to_dict()["coefficient"][0]
    for row in lines(result.baseline()):
        near = hazards[row["stratum"], row["time"]]
        assert row["cumulative_hazard"] == pytest.approx(near, rel=2 * abs(coefficient) + 1e-9)
        assert row["survival"] == pytest.approx(math.exp(-row["cumulative_hazard"]))


def test_predictions_follow_from_baseline_and_ratios() -> None:
    result = of_children()
    found = lines(result.predict({"placebo": [0, 1]}, at=[0, 8, 22, 99]))
    base = {row["time"]: row["cumulative_hazard"] for row in lines(result.baseline())}
    beta, mean = result.to_dict()["coefficient"][0], 0.5
    for row in found:
        risk = math.exp(beta * (row["row"] - mean))
        assert row["relative_risk"] == pytest.approx(risk)
        hazard = max([value for time, value in base.items() if time <= row["time"]], default=0.0)
        expected = None if row["time"] == 99 else pytest.approx(math.exp(-hazard * risk))
        assert row["survival"] == expected
    assert [row["survival"] for row in found if row["time"] == 0] == [1.0, 1.0]


def test_what_the_data_were_made_with_is_found_again() -> None:
    draw = np.random.default_rng(7)
    visits, plan = draw.integers(0, 9, 20_000), draw.integers(0, 3, 20_000)
    life = draw.exponential(100 / np.exp(-0.2 * visits + 0.5 * (plan == 1)))
    watch = draw.uniform(50, 400, 20_000)
    data = {
        "days": np.minimum(life, watch),
        "gone": life <= watch,
        "visits": visits,
        "plan": np.array(["team", "free", "pro"])[plan],
    }
    result = safar.cox(data, duration="days", event="gone", columns=["visits", "plan"])
    found = {row["column"]: row for row in lines(result)}
    base = {"plan = free", "plan = pro", "plan = team"} - set(found)
    assert len(base) == 1
    truth = {"plan = team": 0.0, "plan = free": 0.5, "plan = pro": 0.0}
    (zero,) = (truth[name] for name in base)
    for name, true in {
        "visits": -0.2,
        **{name: truth[name] - zero for name in truth if name not in base},
    }.items():
        assert abs(found[name]["coefficient"] - true) < 4 * found[name]["standard_error"]
    assert min(row["p_value"] for row in lines(result.proportionality())) > 1e-3
    assert f'"plan" is compared with {base.pop().removeprefix("plan = ")}.' in result.definition


def test_a_ratio_that_changes_with_time_is_noticed() -> None:
    draw = np.random.default_rng(5)
    group = draw.integers(0, 2, 4_000)
    life = np.where(group == 1, 50 * draw.weibull(2.5, 4_000), 50 * draw.weibull(0.8, 4_000))
    data = {"days": life, "gone": np.ones(4_000), "group": group}
    result = safar.cox(data, duration="days", event="gone", columns="group")
    for transform in ("rank", "identity", "log", "survival"):
        row = lines(result.proportionality(transform))[0]
        assert row["p_value"] < 1e-6
        assert row["correlation"] > 0.1


# ------------------------------------------------------------------------------------------------- robust errors


def scores(data: dict[str, Any], beta: Any, ties: Ties) -> Any:
    """The score residuals of every row by their definition, customer by customer; Efron's steps one by one."""
    rows = list(
        zip(data["since"], data["d"], data["e"], np.column_stack([data["x"], data["y"]]), strict=True)
    )
    found = np.zeros((len(rows), 2))
    for time in sorted({until for _, until, event, _ in rows if event}):
        risk = [
            number
            for number, (since, until, *_) in enumerate(rows)
            if (not since or since < time) and until >= time
        ]
        tied = [number for number in risk if rows[number][2] and rows[number][1] == time]
        for step in range(len(tied)):
            gone = step / len(tied) if ties == "efron" else 0.0
            weight = {n: math.exp(rows[n][3] @ beta) * (1 - gone * (n in tied)) for n in risk}
            whole = sum(weight.values())
            mean = sum(weight[n] * rows[n][3] for n in risk) / whole
            for n in risk:
                found[n] -= weight[n] / whole * (rows[n][3] - mean)
            for n in tied:
                found[n] += (rows[n][3] - mean) / len(tied)
    return found


def of_stores(seed: int, size: int = 60) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    until = draw.integers(2, 15, size)
    return {
        "d": until,
        "since": np.where(draw.random(size) < 0.3, draw.integers(1, 9, size) % until, 0),
        "e": draw.integers(0, 3, size) > 0,
        "x": draw.normal(size=size),
        "y": draw.integers(0, 2, size),
        "store": [f"s{each}" for each in draw.integers(0, 12, size)],
        "half": [f"h{each}" for each in draw.integers(0, 2, size)],
    }


def late(ties: Ties) -> dict[str, Any]:
    return {"duration": "d", "event": "e", "columns": ["x", "y"], "entry": "since", "ties": ties}


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", range(4))
def test_robust_errors_are_the_sandwich_of_score_residuals(seed: int, ties: Ties) -> None:
    data = of_stores(seed)
    options = late(ties)
    plain = safar.cox(data, **options)
    beta = np.array(plain.to_dict()["coefficient"])
    residuals = scores(data, beta, ties)
    assert residuals.sum(axis=0) == pytest.approx(np.zeros(2), abs=1e-8)
    bread = np.linalg.inv(plain._fit.information)
    stores = np.array(
        [residuals[[each == name for each in data["store"]]].sum(axis=0) for name in set(data["store"])]
    )
    for more, parts in (({"robust": True}, residuals), ({"cluster": "store"}, stores)):
        found = safar.cox(data, **options, **more)
        expected = bread @ parts.T @ parts @ bread
        assert found.to_dict()["coefficient"] == plain.to_dict()["coefficient"]
        assert found.to_dict()["standard_error"] == pytest.approx(
            np.sqrt(np.diag(expected)).tolist(), rel=1e-8
        )
        wald = {row["test"]: row["chi_squared"] for row in lines(found.tests())}["wald"]
        assert wald == pytest.approx(float(beta @ np.linalg.solve(expected, beta)), rel=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_robust_errors_of_strata_and_weights_are_those_of_their_rows(ties: Ties) -> None:
    data = of_stores(9)
    options = late(ties)
    apart = safar.cox(data, **options, strata="half", robust=True)
    beta = np.array(apart.to_dict()["coefficient"])
    halves = []
    for name in ("h0", "h1"):
        rows = [place for place, each in enumerate(data["half"]) if each == name]
        halves.append(scores({key: np.array(values)[rows] for key, values in data.items()}, beta, ties))
    residuals, bread = np.concatenate(halves), np.linalg.inv(apart._fit.information)
    errors = np.sqrt(np.diag(bread @ residuals.T @ residuals @ bread))
    assert apart.to_dict()["standard_error"] == pytest.approx(errors.tolist(), rel=1e-8)

    many = np.random.default_rng(1).integers(1, 4, len(data["d"]))
    repeated = {key: np.repeat(np.array(values), many) for key, values in data.items()}
    for more in ({"robust": True}, {"cluster": "store"}):
        weighted = safar.cox(data | {"w": many}, **options, **more, weights="w")
        expected = safar.cox(repeated, **options, **more).to_dict()["standard_error"]
        assert weighted.to_dict()["standard_error"] == pytest.approx(expected, rel=1e-8)


def test_rows_that_were_copied_tell_no_more_than_once() -> None:
    data = of_stores(5) | {"row": np.arange(60)}
    twice = {key: np.concatenate([values, values]) for key, values in data.items()}
    options: dict[str, Any] = {"duration": "d", "event": "e", "columns": ["x", "y"], "ties": "breslow"}
    once = safar.cox(data, **options, robust=True).to_dict()["standard_error"]
    assert safar.cox(twice, **options, cluster="row").to_dict()["standard_error"] == pytest.approx(
        once, rel=1e-6
    )
    naive = safar.cox(twice, **options).to_dict()["standard_error"]
    assert max(naive) < min(1, 0.9 * max(once))


def test_errors_of_customers_with_several_rows_are_as_wide_as_their_estimates_vary() -> None:
    # Households share what no column says, and the column is one of theirs: the model's own errors are too small.
    draw = np.random.default_rng(8)
    found, own, robust = [], [], []
    for _ in range(150):
        household = np.repeat(np.arange(60), 4)
        plan, luck = draw.normal(size=60)[household], draw.gamma(1.0, 1.0, 60)[household]
        data = {
            "d": draw.exponential(1 / (luck * np.exp(0.3 * plan))),
            "e": np.ones(240),
            "x": plan,
            "h": household,
        }
        options: dict[str, Any] = {"duration": "d", "event": "e", "columns": "x"}
        row = lines(safar.cox(data, **options, cluster="h"))[0]
        found.append(row["coefficient"])
        robust.append(row["standard_error"])
        own.append(lines(safar.cox(data, **options))[0]["standard_error"])
    assert np.mean(robust) == pytest.approx(np.std(found), rel=0.2)
    assert np.mean(own) < 0.75 * np.std(found)


def test_clusters_that_can_not_bear_errors_are_refused() -> None:
    data = of_stores(2)
    options: dict[str, Any] = {"duration": "d", "event": "e", "columns": ["x", "y"]}
    with pytest.raises(DataError, match='column "half" has 2 values, and 2 coefficients'):
        safar.cox(data, **options, cluster="half")
    with pytest.raises(DataError, match='column "store": 1 of 60 rows has no value'):
        safar.cox(data | {"store": [None, *data["store"][1:]]}, **options, cluster="store")
    with pytest.raises(ArgumentError, match='ties="exact" has no robust errors'):
        safar.cox(data, **options, ties="exact", robust=True)
    with pytest.raises(ArgumentTypeError, match="robust='yes' is a str"):
        safar.cox(data, **options, robust="yes")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match='the column "x" is given for both columns= and cluster='):
        safar.cox(data, **options, cluster="x")


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1, 1, 1, 1, 1, 1]}, 'column "x" is the same for all rows'),
        ({"x": ["a"] * 6}, 'column "x" is the same for all rows'),
        (
            {"x": [1, 2, 3, 1, 2, 3], "y": [2, 4, 6, 2, 4, 6]},
            r'column "[xy]" follows from the others \("[xy]"\)',
        ),
        ({"x": [6, 5, 4, 3, 2, 1]}, 'columns "x": those with the event differ from all others at risk'),
        ({"x": [1, 2, None, 1, 2, 3]}, r'column "x": 1 of 6 rows has no number.*\(row 2: None\)'),
        ({"x": ["a", "b", None, "a", "b", "b"]}, r'column "x": 1 of 6 rows has no value'),
        ({"x": [1, 2, math.inf, 1, 2, 3]}, 'column "x": 1 of 6 rows has no number'),
        ({"x": [1, 2, 1e200, 1, 2, 3]}, 'column "x": 1 of 6 rows has a number beyond 1e.100'),
        (
            {"x": [1, 2, 3, 1, 2, 3], "z": [2, 1, 1, 2, 2, 1], "y": [2, 4, 6, 2, 4, 6]},
            r'column "[xy]" follows from the others \("[xy]"\)',
        ),
        (
            {"x": [1e15 + n for n in (0, 0.5, 0, 1, 0, 0.25)]},
            "differs by less than rounding beside its own size",
        ),
        ({"x": [1e-12, 3e-12, 2e-12, 1e-12, 1e-12, 2e-12]}, 'column "x" moves so little'),
    ],
)
def test_columns_that_tell_nothing_or_everything_are_refused(columns: dict[str, Any], message: str) -> None:
    data = {"d": [1, 2, 3, 4, 5, 6], "e": [1, 1, 1, 1, 1, 1], **columns}
    with pytest.raises(DataError, match=message):
        safar.cox(data, duration="d", event="e", columns=list(columns))


def test_a_rare_value_that_nobody_with_the_event_has_is_told_by_name() -> None:
    data = {
        "d": list(range(1, 41)),
        "e": [n % 2 for n in range(40)],
        "x": [int(n % 8 == 0) for n in range(40)],
    }
    data["y"] = [n % 5 for n in range(40)]
    with pytest.raises(DataError, match='columns "x": those with the event'):
        safar.cox(data, duration="d", event="e", columns=["x", "y"])


def test_wrong_arguments_are_refused_with_the_way_out() -> None:
    data = {
        "d": [1, 2, 3, 4],
        "e": [1, 1, 0, 1],
        "x": [0, 3, 4, 1],
        "s": ["a", "a", "b", "b"],
        "n": [0, 0, 0, 0],
    }
    options: dict[str, Any] = {"duration": "d", "event": "e"}
    with pytest.raises(ArgumentError, match="ties='efro' is not a choice; did you mean"):
        safar.cox(data, columns="x", ties="efro", **options)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match='the column "d" is given for both columns= and duration='):
        safar.cox(data, columns=["x", "d"], **options)
    with pytest.raises(ArgumentError, match="columns is an empty list"):
        safar.cox(data, columns=[], **options)
    with pytest.raises(DataError, match=r'column "n": no event came in 4 rows'):
        safar.cox(data, duration="d", event="n", columns="x")
    with pytest.raises(DataError, match='column "k" is the same within each value of "s"'):
        safar.cox(data | {"k": [1, 1, 2, 2]}, columns="k", strata="s", **options)
    result = safar.cox(data, columns="x", **options)
    with pytest.raises(ArgumentError, match=r"at='3'; expected a list of times"):
        result.predict(data, at="3")
    with pytest.raises(ArgumentError, match=r"at holds -1; expected numbers"):
        result.predict(data, at=[-1])
    with pytest.raises((ArgumentError, ArgumentTypeError), match="transform='ranks' is not a choice"):
        result.proportionality("ranks")  # type: ignore[arg-type]
    many = {"d": [1] * 3_000, "e": [1] * 3_000, "x": [n % 2 for n in range(3_000)]}
    many["d"][:1_500] = range(1, 1_501)
    with pytest.raises(ArgumentError, match=r'ties="exact" would look at .* choose "efron"'):
        safar.cox(many, columns="x", ties="exact", **options)


def test_a_value_that_the_model_has_not_seen_is_refused() -> None:
    draw = np.random.default_rng(2)
    data = {
        "d": draw.integers(1, 50, 60),
        "e": np.ones(60),
        "plan": [["pro", "free"][n % 2] for n in range(60)],
    }
    data["zone"] = [["north", "south"][n % 3 // 2] for n in range(60)]
    result = safar.cox(data, duration="d", event="e", columns="plan", strata="zone")
    with pytest.raises(DataError, match=r'column "plan": 1 of 1 row has a value that the model has not seen'):
        result.predict({"plan": ["team"], "zone": ["north"]}, at=[3])
    with pytest.raises(DataError, match="no event was seen in the stratum 'east'"):
        result.predict({"plan": ["pro"], "zone": ["east"]}, at=[3])


def test_a_risk_beyond_all_numbers_is_null_and_its_survival_is_known_still() -> None:
    result = of_children()
    found = lines(result.predict({"placebo": [1e6, -1e6]}, at=[0, 8]))
    assert [row["relative_risk"] for row in found] == [None, None, 0.0, 0.0]
    assert [row["survival"] for row in found] == [1.0, 0.0, 1.0, 1.0]


def test_who_came_late_has_no_concordance() -> None:
    data = children() | {"since": [0] * 41 + [1]}
    late = safar.cox(data, duration="weeks", event="relapse", entry="since", columns="placebo")
    assert late.concordance is None


def test_definitions_are_said_in_persian() -> None:
    data = children() | {
        "third": [["a", "b", "c"][n % 3] for n in range(42)],
        "half": [n % 2 for n in range(42)],
    }
    for ties in TIES:
        result = safar.cox(
            data, duration="weeks", event="relapse", columns=["placebo", "third", "half"], ties=ties
        )
        assert unsaid(result.definition) == []
        assert "fewer than 10 events for each coefficient" in result.definition
    clustered = safar.cox(data, duration="weeks", event="relapse", columns="placebo", cluster="weeks")
    assert unsaid(clustered.definition) == []
    assert 'Rows with the same "weeks" are taken as one witness.' in clustered.definition
    stratified = safar.cox(data, duration="weeks", event="relapse", columns="half", strata="arm")
    assert unsaid(stratified.definition) == []
