"""Intervals by the bootstrap over groups: against scoring resampled data anew, and against many simulated data sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_rank_correlation import pairs

from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.intervals import MOST_SAMPLES, group_numbers, intervals, resamples
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
    truth = Truth("stemdl_demo", "test", data_dir)
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
    truth, group = rng.normal(size=40), np.arange(40) % 8
    prediction = truth + rng.normal(size=40)
    found = intervals(ResampledRegression(truth, prediction).scores, {"cell": group})
    assert found is not None
    assert found["groups"] == {"cell": 8}
    anew = [
        scored(np.repeat(truth, weights), np.repeat(prediction, weights))["spearman"] for weights in resamples([group])
    ]
    assert found["scores"]["spearman"] == pytest.approx(np.percentile(anew, [2.5, 97.5]), abs=1e-9)


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


def share_covered(members: list[np.ndarray], shape: tuple[int, int], spread: float) -> float:
    """How many of 40 intervals of a mean hold the true one, 0, where rows, and columns by ``spread``, are alike."""
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
    found = intervals(lambda w: {"psnr": np.inf, "r2": np.nan, "mse": float(w[0])}, {"id": np.arange(3)})
    assert found is not None
    assert list(found["scores"]) == ["mse"]


def test_one_group_or_too_many_samples_have_no_intervals() -> None:
    def score(weights: np.ndarray) -> dict[str, float]:
        raise AssertionError("nothing is to be scored")

    assert intervals(score, {"pass": np.zeros(9, np.int64)}) is None
    assert intervals(score, {"id": np.arange(MOST_SAMPLES + 1)}) is None


def test_a_sample_whose_group_is_not_told_is_one_by_itself() -> None:
    assert group_numbers(["a", "", "a", ""], ["1", "2", "3", "4"]).tolist() == [0, 1, 0, 2]


def test_batches_order_and_workers_do_not_change_intervals(data_dir: Path) -> None:
    ids = np.array(Truth("candle_uno_demo", "test", data_dir).ids)
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
