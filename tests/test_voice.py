"""NPS, CSAT and CES against published numbers, scipy and counting by hand."""

import math
from collections import defaultdict
from statistics import fmean, stdev
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import safar
from safar._intervals import adjusted_wald
from safar._significance import cliff, heterogeneity, mann_whitney, two_nps
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError

Answers = list[tuple[str | None, float | None]]


def only(result: safar.ResultTable) -> dict[str, Any]:
    """The one row of a result."""
    (row,) = [
        dict(zip(result.columns, row, strict=True)) for row in zip(*result.to_dict().values(), strict=True)
    ]
    return row


def test_the_published_example_of_the_adjusted_interval() -> None:
    found = only(safar.nps({"score": [10] * 19 + [7] * 12 + [0] * 5}))
    assert (found["promoters"], found["passives"], found["detractors"]) == (19, 12, 5)
    assert round(found["nps"], 1) == 38.9
    assert (round(found["nps_low"], 1), round(found["nps_high"], 1)) == (13.2, 58.6)
    everybody = only(safar.nps({"score": [9] * 8}))
    assert (everybody["nps"], round(everybody["nps_low"], 1), everybody["nps_high"]) == (100.0, 38.5, 100.0)


@pytest.mark.parametrize(("shares", "covered"), [((0.9, 0.08, 0.02), 0.954), ((0.6, 0.3, 0.1), 0.958)])
def test_the_interval_covers_what_the_enumeration_of_all_samples_says(
    shares: tuple[float, float, float], covered: float
) -> None:
    n, total = 20, 0.0
    p, rest, d = shares
    for promoters in range(n + 1):
        for detractors in range(n + 1 - promoters):
            passives = n - promoters - detractors
            chance = (
                math.comb(n, promoters) * math.comb(n - promoters, detractors)
                * p**promoters * d**detractors * rest**passives
            )  # fmt: skip
            low, high = adjusted_wald(np.array([promoters]), np.array([detractors]), np.array([n]))
            total += chance * bool(low[0] <= p - d <= high[0])
    assert round(total, 3) == covered


answers = st.lists(
    st.tuples(
        st.sampled_from(["app", "web", None]),
        st.sampled_from([None, -1.0, 2.5, 11.0, *map(float, range(11))]),
    ),
    min_size=1,
    max_size=60,
).filter(lambda rows: any(score is None or score in range(11) for _, score in rows))


@given(answers)
def test_counts_are_those_of_counting_by_hand(rows: Answers) -> None:
    if any(score is not None for _, score in rows) and not any(score in range(11) for _, score in rows):
        return
    frame = {"where": [where for where, _ in rows], "score": [score for _, score in rows]}
    found = safar.nps(
        pl.DataFrame(frame, schema={"where": pl.String, "score": pl.Float64}), by="where"
    ).to_dict()
    groups: dict[str | None, list[float | None]] = defaultdict(list)
    for where, score in rows:
        groups[where].append(score)
    names = sorted(groups, key=lambda name: (name is None, name or ""))
    assert found["where"] == names
    for at, name in enumerate(names):
        usable = [score for score in groups[name] if score is not None and score in range(11)]
        bad = [score for score in groups[name] if score is not None and score not in range(11)]
        assert found["answers"][at] == len(usable)
        assert found["promoters"][at] == sum(score >= 9 for score in usable)
        assert found["detractors"][at] == sum(score <= 6 for score in usable)
        assert found["rejected"][at] == len(bad)
        assert found["asked"][at] == len(groups[name]) - len(bad)
        if usable:
            mean = fmean(1.0 if score >= 9 else -1.0 if score <= 6 else 0.0 for score in usable)
            assert found["nps"][at] == pytest.approx(100 * mean)
            if len(usable) > 1:
                assert found["nps_low"][at] <= found["nps"][at] <= found["nps_high"][at]
        else:
            assert found["nps"][at] is None
            assert found["nps_low"][at] is None


def test_csat_and_ces_count_their_best_answers() -> None:
    scores = [5, 4, 4, 3, 1, 2, 5]
    found = only(safar.csat({"score": scores}))
    assert (found["satisfied"], found["answers"], found["csat"]) == (4, 7, 4 / 7)
    low, high = stats.binomtest(4, 7).proportion_ci(method="wilson")
    assert (found["csat_low"], found["csat_high"]) == pytest.approx((low, high))
    half = stats.t.ppf(0.975, 6) * stdev(scores) / math.sqrt(7)
    assert (found["mean_low"], found["mean_high"]) == pytest.approx(
        (fmean(scores) - half, fmean(scores) + half)
    )
    assert only(safar.csat({"score": scores}, top=1))["satisfied"] == 2
    assert only(safar.csat({"score": [0, 50, 100]}, scale=(0, 100), top=51))["satisfied"] == 2
    effort = [7, 6, 5, 4, 1]
    assert only(safar.ces({"score": effort}))["easy"] == 3
    assert only(safar.ces({"score": effort}, easiest="low"))["easy"] == 1
    assert only(safar.ces({"score": effort}, easiest="low", easy=4))["easy"] == 2


def test_the_distribution_holds_every_score_of_the_scale() -> None:
    surveys = {"score": [1, 5, 5, None], "where": ["a", "a", "b", "b"]}
    found = safar.csat(surveys, by="where").distribution().to_dict()
    assert found["where"] == ["a"] * 5 + ["b"] * 5
    assert found["score"] == [1, 2, 3, 4, 5] * 2
    assert found["answers"] == [1, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert found["share"][:5] == [0.5, 0.0, 0.0, 0.0, 0.5]


counts = st.lists(st.integers(0, 30), min_size=5, max_size=5).filter(sum)


@given(counts, counts)
def test_rank_tests_are_those_of_scipy(ours: list[int], theirs: list[int]) -> None:
    one, two = (np.repeat(np.arange(5), group) for group in (ours, theirs))
    expected = stats.mannwhitneyu(one, two, method="asymptotic")
    if len(set(one.tolist() + two.tolist())) > 1:
        assert mann_whitney(np.array(ours), np.array(theirs)) == pytest.approx(expected.pvalue, abs=1e-12)
    apart = np.sign(one[:, None] - two[None, :]).mean()
    assert cliff(np.array(ours), np.array(theirs)) == pytest.approx(apart)


def test_differences_of_scores_are_those_of_the_formulas() -> None:
    ours, theirs = (np.array([60]), np.array([20])), (np.array([30]), np.array([50]))
    n = (np.array([100]), np.array([120]))
    difference, low, high, p = two_nps(ours, theirs, n)
    # Of all 220 answers 90 are promoters and 70 detractors.
    variance = (160 / 220 - (20 / 220) ** 2) * (1 / 100 + 1 / 120)
    assert difference[0] == pytest.approx(0.4 + 20 / 120)
    assert p[0] == pytest.approx(2 * stats.norm.sf(difference[0] / math.sqrt(variance)))
    assert low[0] < difference[0] < high[0]
    # Of two groups it is nearly the same question.
    together = heterogeneity(np.array([60, 50]), np.array([20, 30]), np.array([100, 120]))
    *_, alone = two_nps((np.array([60]), np.array([20])), (np.array([50]), np.array([30])), n)
    assert together == pytest.approx(alone[0], abs=0.001)


@pytest.mark.parametrize("sizes", [[10_000] + [5] * 50, [1_000] + [10] * 30, [30] * 10, [200] * 4])
@pytest.mark.parametrize("shares", [(0.88, 0.09, 0.03), (0.5, 0.3, 0.2)])
def test_groups_of_one_score_differ_as_seldom_as_the_p_value_says(
    sizes: list[int], shares: tuple[float, ...]
) -> None:
    random = np.random.default_rng(3)
    seldom = []
    for _ in range(1_500):
        answers = np.array([random.multinomial(size, shares) for size in sizes])
        seldom.append(heterogeneity(answers[:, 0], answers[:, 2], answers.sum(axis=1)) <= 0.05)
    assert 0.02 < np.mean(seldom) < 0.075


def test_groups_of_two_scores_are_found_as_often_as_by_shuffling() -> None:
    # Nine groups of a score of 85 and one of 40, with thirty answers each.
    random = np.random.default_rng(4)
    counts = np.array([[26, 3, 1]] * 9 + [[16, 10, 4]])
    p = heterogeneity(counts[:, 0], counts[:, 2], counts.sum(axis=1))
    answers = np.repeat([1, 0, -1], counts.sum(axis=0))
    spread = [random.permutation(answers).reshape(10, 30).mean(axis=1).var() for _ in range(5_000)]
    own = ((counts[:, 0] - counts[:, 2]) / 30).var()
    assert p == pytest.approx(np.mean(np.array(spread) >= own - 1e-12), abs=0.01)
    assert heterogeneity(np.array([3, 5]), np.array([0, 0]), np.array([3, 5])) == 1
    assert math.isnan(heterogeneity(np.array([3]), np.array([0]), np.array([3])))


@pytest.mark.parametrize("few", [10, 15, 30])
@pytest.mark.parametrize("shares", [(0.9, 0.05, 0.05), (0.5, 0.3, 0.2), (0.8, 0.15, 0.05), (0.05, 0.05, 0.9)])
def test_equal_scores_differ_as_seldom_as_the_p_value_says(few: int, shares: tuple[float, ...]) -> None:
    random = np.random.default_rng(few)
    ours, theirs = random.multinomial(few, shares, 4_000), random.multinomial(990, shares, 4_000)
    sizes = (np.full(4_000, few), np.full(4_000, 990))
    *_, p = two_nps((ours[:, 0], ours[:, 2]), (theirs[:, 0], theirs[:, 2]), sizes)
    assert (p <= 0.05).mean() < 0.065
    # The test that shuffles the answers says about the same of a real difference.
    *_, p = two_nps(
        (np.array([12]), np.array([9])), (np.array([60]), np.array([15])), (np.array([30]), np.array([100]))
    )
    answers = np.array([1] * 72 + [0] * 34 + [-1] * 24)
    apart = 3 / 30 - 45 / 100
    shuffled = np.array([random.permutation(answers)[:30].sum() for _ in range(20_000)])
    differences = shuffled / 30 - (answers.sum() - shuffled) / 100
    assert p[0] == pytest.approx((np.abs(differences) >= abs(apart) - 1e-12).mean(), abs=0.01)


def test_intervals_of_scores_hold_them() -> None:
    for n in range(1, 12):
        for promoters in range(n + 1):
            for detractors in range(n + 1 - promoters):
                group = np.array([promoters]), np.array([detractors]), np.array([n])
                low, high = adjusted_wald(*group)
                assert low[0] <= (promoters - detractors) / n <= high[0]
                assert low[0] < high[0]


def test_segments_are_compared_with_the_largest_or_the_one_that_was_named() -> None:
    surveys = {
        "score": [5] * 40 + [2] * 10 + [5] * 10 + [1] * 30 + [5] * 5,
        "where": ["app"] * 50 + ["call"] * 40 + ["web"] * 5,
    }
    result = safar.csat(surveys, by="where")
    compared = result.compare().to_dict()
    assert compared["where"] == ["call", "web"]
    assert compared["difference"] == pytest.approx([10 / 40 - 40 / 50, 1 - 40 / 50])
    expected = stats.chi2_contingency([[40, 10], [10, 30], [5, 0]], correction=False)
    assert compared["heterogeneity_p_value"] == pytest.approx([expected.pvalue] * 2)
    assert compared["cliffs_delta"][0] < 0 < compared["cliffs_delta"][1]
    assert result.compare(baseline="web").to_dict()["where"] == ["app", "call"]
    falling = safar.ces(surveys, scale=(1, 5), easy=2, easiest="low", by="where").compare().to_dict()
    assert falling["cliffs_delta"][0] > 0 > falling["cliffs_delta"][1]
    with pytest.raises(ArgumentError, match=r'baseline=\'ap\' .* did you mean "app"'):
        result.compare(baseline="ap")
    with pytest.raises(ArgumentError, match="there is one segment"):
        safar.csat(surveys).compare()


def test_two_columns_of_segments(shop_surveys: pl.DataFrame) -> None:
    nps = safar.nps(shop_surveys, by=["stage", "channel"])
    assert nps.columns[:2] == ["stage", "channel"]
    assert sum(nps.to_dict()["answers"]) == len(shop_surveys)
    first = [values[0] for values in nps.to_dict().values()][:2]
    assert len(nps.compare(baseline=first)) == len(nps) - 1


@pytest.fixture(scope="module")
def shop_surveys() -> pl.DataFrame:
    return safar.datasets.shop(1_000, seed=7).surveys.to_polars().filter(pl.col("kind") == "nps")


def test_the_slow_call_centre_is_seen_in_the_scores(shop_surveys: pl.DataFrame) -> None:
    compared = safar.nps(shop_surveys, by="channel").compare(baseline="web").to_dict()
    at = compared["channel"].index("call_center")
    assert compared["difference_high"][at] < 0
    assert compared["p_adjusted"][at] < 0.001


def test_what_cannot_be_scored_is_said() -> None:
    with pytest.raises(UnknownColumnError, match='did you mean "score"'):
        safar.nps({"score": [1]}, score="scor")
    with pytest.raises(
        DataError, match=r'column "score": none of the 2 answers is a whole number from 0 to 10, such as 55'
    ):
        safar.nps({"score": [55, 70]})
    with pytest.raises(ArgumentTypeError, match='column "score" has the type'):
        safar.nps({"score": ["good", "bad"]})
    with pytest.raises(DataError, match="have no rows"):
        safar.nps({"score": []})
    with pytest.raises(ArgumentError, match="top=5 leaves no answer"):
        safar.csat({"score": [1]}, top=5)
    with pytest.raises(ArgumentError, match="is not ascending"):
        safar.csat({"score": [1]}, scale=(5, 1))
    with pytest.raises(ArgumentTypeError, match="is not a pair of whole numbers"):
        safar.csat({"score": [1]}, scale=(1, 2.5))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="easiest='left'"):
        safar.ces({"score": [1]}, easiest="left")
    with pytest.raises(ArgumentError, match="given as score and in by"):
        safar.nps({"score": [1]}, by="score")
    with pytest.raises(ArgumentError, match='by has the column "nps", which the result has already'):
        safar.nps({"score": [1], "nps": ["x"]}, by="nps")


def test_nobody_answered() -> None:
    found = only(safar.nps({"score": [None, None]}))
    assert found["nps"] is None
    assert (found["asked"], found["answers"], found["response_rate"]) == (2, 0, 0.0)


def test_who_was_asked_is_not_known_where_every_row_has_an_answer() -> None:
    surveys = {"score": [9, 3], "where": ["a", "b"]}
    result = safar.nps(surveys, by="where")
    assert result.to_dict()["response_rate"] == [None, None]
    with pytest.raises(ArgumentError, match="every row has an answer"):
        result.non_response()
    one = safar.nps({"score": [9, 3, None], "where": ["a", "b", "b"]}, by="where")
    assert one.to_dict()["response_rate"] == [1.0, 0.5]


def test_surveys_of_several_kinds_are_not_mixed() -> None:
    surveys = {"score": [9, 10, 5, 1, 7, None], "kind": ["nps", "NPS", "csat", "csat", None, "nps"]}
    with pytest.raises(ArgumentError, match=r'rows are of several surveys .* give kind="kind"'):
        safar.nps(surveys)
    with pytest.raises(ArgumentError, match="scales are not mixed"):
        safar.csat(surveys, by="kind")
    found = only(safar.nps(surveys, kind="kind"))
    assert (found["answers"], found["asked"], found["promoters"], found["rejected"]) == (2, 3, 2, 0)
    assert only(safar.csat(surveys, kind="kind"))["answers"] == 2
    with pytest.raises(DataError, match='column "kind": no row is of the kind "ces"'):
        safar.ces(surveys, kind="kind")
    # A column of this name that says nothing of surveys, and one survey alone, are no obstacle.
    assert only(safar.nps({"score": [9], "kind": ["shoes"]}))["answers"] == 1
    assert only(safar.nps({"score": [9], "kind": ["nps"]}))["answers"] == 1
    by = safar.nps(surveys | {"where": ["a", "b", "c", "a", "a", "b"]}, kind="kind", by="where").to_dict()
    assert (by["where"], by["asked"]) == (["a", "b"], [1, 2])
