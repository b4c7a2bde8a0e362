"""Intervals by the bootstrap over groups: against scores of resampled data and against many simulated data sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rank_correlation import pairs

from sciml_datasets import Prepared
from sciml_datasets.benchmarks import dataset_names, find
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.intervals import (
    FEWEST_GROUPS,
    MOST_SAMPLES,
    group_numbers,
    intervals,
    reason_for_none,
    resamples,
)
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.regression import Regression
from sciml_datasets.metrics.resampled_regression import ResampledRegression
from sciml_datasets.metrics.segmentation import Segmentation
from sciml_datasets.metrics.truth import Truth

Arrays = tuple[np.ndarray, np.ndarray]


def scored(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    overall, ranks = Regression(), RankCorrelation(len(truth))
    overall.update(truth, prediction)
    ranks.update(np.arange(len(truth)), truth, prediction)
    return overall.result() | ranks.result()


def assert_same(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() <= expected.keys()
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@given(pairs())
def test_weights_of_one_give_the_scores_of_a_regression_themselves(arrays: Arrays) -> None:
    truth, prediction = arrays
    found = ResampledRegression(truth, prediction).scores(np.ones(len(truth), np.int64))
    expected = scored(truth, prediction)
    for name in ("mse", "rmse", "mae"):
        assert found[name] == pytest.approx(expected[name], rel=1e-9)
    for name in ("r2", "pearson", "spearman"):
        assert found[name] == pytest.approx(expected[name], rel=1e-6, abs=1e-6, nan_ok=True)


@given(st.integers(0, 10**6), st.booleans())
def test_weights_of_a_regression_are_repeated_samples(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=60)
    prediction = truth + rng.normal(size=60)
    if ties:
        truth, prediction = np.round(truth), np.round(prediction)
    weights = rng.integers(4, size=60)
    expected = scored(np.repeat(truth, weights), np.repeat(prediction, weights))
    assert_same(ResampledRegression(truth, prediction).scores(weights), expected)


def test_weights_of_scenes_are_repeated_scenes() -> None:
    rng = np.random.default_rng(0)
    truth, predicted, valid = (rng.random((5, 4, 6)) < share for share in (0.4, 0.5, 0.8))
    valid[2] = False
    strata, weights = np.array([0, 1, 1, 0, 1]), np.array([2, 0, 1, 1, 3])
    state = Segmentation(5, ("night", "day"))
    state.update(np.arange(5), truth, predicted, valid, strata)
    again = np.repeat(np.arange(5), weights)
    repeated = Segmentation(len(again), ("night", "day"))
    repeated.update(np.arange(len(again)), truth[again], predicted[again], valid[again], strata[again])
    assert_same(state.resampled(weights), repeated.result())
    assert_same(state.resampled(np.ones(5, np.int64)), state.result())


def test_weights_of_classes_are_repeated_samples(data_dir: Path) -> None:
    truth = Truth(Prepared.open("stemdl_demo", data_dir), "test")
    labels = truth.numbers("space_group").astype(np.int64)
    scores = np.random.default_rng(0).random((len(labels), 231)) + 0.5 * np.eye(231)[labels]
    evaluator = Evaluator("stemdl_demo", data_dir=data_dir)
    evaluator.update(truth.ids, scores)
    assert_same(evaluator._scoring.resampled(np.ones(len(labels), np.int64)), evaluator.result())
    weights = np.random.default_rng(1).integers(3, size=len(labels))
    again, state = np.repeat(np.arange(len(labels)), weights), Classification(231)
    state.update(labels[again], scores[again])
    found = evaluator._scoring.resampled(weights)
    assert_same({name: value for name, value in found.items() if name in state.result()}, state.result())


def test_ends_are_percentiles_of_the_scores_of_resampled_data() -> None:
    rng = np.random.default_rng(0)
    truth, group = rng.normal(size=40), np.arange(40) % 10
    prediction = truth + rng.normal(size=40)
    found = intervals(ResampledRegression(truth, prediction).scores, {"cell": group})
    assert found is not None
    assert found["groups"] == {"cell": 10}
    scored_again = [
        scored(np.repeat(truth, weights), np.repeat(prediction, weights))["spearman"] for weights in resamples([group])
    ]
    assert found["scores"]["spearman"] == pytest.approx(np.percentile(scored_again, [2.5, 97.5]), abs=1e-9)


def test_groups_are_drawn_whole_and_two_groupings_independently() -> None:
    cell, drug = np.arange(60) // 10, np.arange(60) % 10
    for weights in resamples([cell], 20):
        of_cell = weights.reshape(6, 10)
        assert (of_cell == of_cell[:, :1]).all()
        assert of_cell[:, 0].sum() == 6
    for weights in resamples([cell, drug], 20):
        table = weights.reshape(6, 10)  # the product of a number of each cell and one of each drug
        assert table.sum() == 60
        np.testing.assert_array_equal(table * 60, table.sum(axis=1)[:, None] * table.sum(axis=0))


def mean_of(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    return {"mean": values @ weights / weights.sum()}


def draw_again(rng: np.random.Generator, names: list[str]) -> list[str]:
    return [names[number] for number in rng.integers(len(names), size=len(names))]


def test_two_drugs_of_a_pair_come_from_one_draw_of_drugs_and_count_as_often_as_both() -> None:
    pairs = [("a", "b"), ("a", "c"), ("c", "b"), ("b", "b"), ("c", ""), ("", "")]
    cells = ["x", "y", "x", "y", "x", "y"]
    ids = [str(number) for number in range(len(pairs))]
    drugs = group_numbers(list(zip(*pairs, strict=True)), ids)
    rng = np.random.Generator(np.random.PCG64(0))
    for weights in resamples([drugs, group_numbers([cells], ids)], 50):
        # The last sample has no drug and is a group of its own.
        drug, cell = draw_again(rng, ["a", "b", "c", "5"]), draw_again(rng, ["x", "y"])
        a, b, c, none = map(drug.count, ["a", "b", "c", "5"])
        x, y = cell.count("x"), cell.count("y")
        assert weights.tolist() == [a * b * x, a * c * y, c * b * x, b * y, c * x, none * y]


def test_intervals_over_the_drugs_of_pairs_cover_where_those_over_pairs_do_not() -> None:
    one, other = np.triu_indices(24, 1)
    ids = [str(number) for number in range(len(one))]
    drugs = group_numbers([[str(number) for number in of] for of in (one, other)], ids)
    covered = {"drugs": 0, "pairs": 0}
    for seed in range(40):
        rng = np.random.default_rng(seed)
        effect = rng.normal(size=24)
        values = effect[one] + effect[other] + 0.3 * rng.normal(size=len(one))
        for name, members in (("drugs", drugs), ("pairs", np.arange(len(one)))):
            found = intervals(partial(mean_of, values), {name: members})
            assert found is not None
            low, high = found["scores"]["mean"]
            covered[name] += low <= 0 <= high
    assert covered["drugs"] >= 34
    assert covered["pairs"] <= 24


def share_covered(members: list[np.ndarray], shape: tuple[int, int], spread: float) -> float:
    """The share of 40 intervals of a mean that hold the true mean, 0, of correlated rows and columns of this spread."""
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(shape[0], 1)) + spread * rng.normal(size=(1, shape[1])) + 0.3 * rng.normal(size=shape)
        found = intervals(partial(mean_of, values.ravel()), {str(i): of for i, of in enumerate(members)})
        assert found is not None
        low, high = found["scores"]["mean"]
        covered += low <= 0 <= high
    return covered / 40


def test_intervals_over_groups_cover_where_those_over_samples_do_not() -> None:
    rows = np.indices((30, 12))[0].ravel()
    assert share_covered([rows], (30, 12), 0) >= 0.85
    assert share_covered([np.arange(360)], (30, 12), 0) <= 0.6


def test_where_samples_belong_to_two_groupings_both_are_needed_to_cover() -> None:
    rows, columns = (index.ravel() for index in np.indices((20, 20)))
    assert share_covered([rows, columns], (20, 20), 3) >= 0.85
    assert share_covered([rows], (20, 20), 3) <= 0.7


def test_a_score_that_resamples_leave_undefined_or_infinite_has_no_interval() -> None:
    found = intervals(lambda w: {"psnr": np.inf, "r2": np.nan, "mse": float(w[0])}, {"id": np.arange(12)})
    assert found is not None
    assert list(found["scores"]) == ["mse"]


def test_a_score_that_a_twentieth_of_the_resamples_leaves_undefined_has_no_interval() -> None:
    drawn = [bool(weights[0]) for weights in resamples([np.arange(12)])]
    found = intervals(lambda w: {"mse": 0.0} if w[0] else {"r2": 0.0}, {"id": np.arange(12)})
    assert np.mean(drawn) < 0.95
    assert found is not None
    assert found["scores"] == {}


def never(weights: np.ndarray) -> dict[str, float]:
    raise AssertionError("nothing is to be scored")


@pytest.mark.parametrize("number", [1, FEWEST_GROUPS - 1])
def test_few_groups_have_no_intervals_and_why_is_said(number: int) -> None:
    found = intervals(never, {"pass": np.arange(90) % number, "id": np.arange(90)})
    assert found is not None
    assert (found["groups"], found["scores"]) == ({"pass": number, "id": 90}, {})
    why = reason_for_none({"num_samples": 90, "intervals": found})
    assert why == f"{number} group{'s' * (number > 1)} by pass, at least 10 are needed"
    enough = intervals(lambda weights: {"mse": 0.0}, {"pass": np.arange(90) % FEWEST_GROUPS})
    assert enough is not None
    assert enough["scores"] == {"mse": [0.0, 0.0]}
    assert reason_for_none({"num_samples": 90, "intervals": enough}) == ""


def test_too_many_samples_have_no_intervals_and_why_is_said() -> None:
    assert intervals(never, {"id": np.arange(MOST_SAMPLES + 1)}) is None
    one = {"num_samples": MOST_SAMPLES + 1, "intervals": None}
    assert reason_for_none(one) == "100,001 samples are too many, up to 100,000 are resampled"
    assert reason_for_none(one | {"runs": []}) == ""


@given(st.integers(0, 10**6), st.integers(FEWEST_GROUPS, 40), st.sampled_from([0.3, 1.0, 4.0]))
@settings(max_examples=20)
def test_the_interval_of_a_mean_over_samples_holds_it_also_where_one_error_outweighs_all(
    seed: int, groups: int, tail: float
) -> None:
    rng = np.random.default_rng(seed)
    values, of = rng.pareto(tail, 3 * groups), np.arange(3 * groups) % groups
    found = intervals(partial(mean_of, values), {"cell": of})
    assert found is not None
    low, high = found["scores"]["mean"]
    assert low <= mean_of(values, np.ones(3 * groups))["mean"] <= high


def test_a_sample_whose_group_is_unknown_is_one_of_its_own() -> None:
    assert group_numbers([["a", "", "a", ""]], ["1", "2", "3", "4"]).tolist() == [[0], [1], [0], [2]]


def test_alike_names_groupings_of_the_benchmark_or_columns() -> None:
    alike = {name: find(name)[0].task.alike for name in dataset_names()}
    groupings = find("candle_uno_pairs")[0].groupings
    assert [groupings[name] for name in alike["candle_uno_pairs"]] == [("drug_1", "drug_2"), ("cell",)]
    for name, names in alike.items():
        assert all(one in find(name)[0].groupings or one == "id" for one in names)


def test_batches_order_and_workers_do_not_change_intervals(data_dir: Path) -> None:
    ids = np.array(Truth(Prepared.open("candle_uno_demo", data_dir), "test").ids)
    predictions = np.random.default_rng(0).random(len(ids))
    whole, one, two = (Evaluator("candle_uno_demo", data_dir=data_dir) for _ in range(3))
    whole.update(ids, predictions)
    for evaluator, part in zip((one, two), (slice(None, None, -2), slice(-2, None, -2)), strict=True):
        evaluator.update(ids[part], predictions[part])
    one.merge(two)
    assert one.intervals() == whole.intervals()
    found = whole.intervals()
    assert found is not None
    assert found["groups"].keys() == {"drug", "cell"}
    assert {"mse", "mae", "r2", "pearson", "spearman"} <= found["scores"].keys()
