"""Scores of masks: pooled, by scene, by stratum; invalid pixels are left out and counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from sciml_datasets.metrics.segmentation import Segmentation

SCENES, SIZE = 6, (4, 5)
seeds = st.integers(0, 2**32 - 1)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def drawn(seed: int) -> Arrays:
    """Truth, probability, valid and stratum of SCENES scenes."""
    rng = np.random.default_rng(seed)
    truth = rng.random((SCENES, *SIZE)) < 0.4
    probability = np.clip(rng.normal(0.35 + 0.3 * truth, 0.25), 0, 1).astype(np.float32)
    return truth, probability, rng.random(truth.shape) < 0.8, rng.integers(0, 2, SCENES)


def state_of(arrays: Arrays, scenes: np.ndarray | None = None, *, masks: bool = False) -> Segmentation:
    truth, prediction, valid, stratum = arrays
    positions = np.arange(SCENES) if scenes is None else scenes
    prediction = prediction > 0.5 if masks else prediction
    state = Segmentation(SCENES, ("night", "day"))
    state.update(positions, truth[positions], prediction[positions], valid[positions], stratum[positions])
    return state


@given(seeds)
def test_pooled_scores_agree_with_scikit_learn(seed: int) -> None:
    arrays = drawn(seed)
    truth, probability, valid, _ = arrays
    result, true, predicted = state_of(arrays).result(), truth[valid], probability[valid] > 0.5
    expected = {
        "accuracy": sk.accuracy_score(true, predicted),
        "iou": sk.jaccard_score(true, predicted),
        "f1": sk.f1_score(true, predicted),
        "precision": sk.precision_score(true, predicted),
        "recall": sk.recall_score(true, predicted),
        "miss_rate": 1 - sk.recall_score(true, predicted),
        "false_alarm_rate": 1 - sk.recall_score(~true, ~predicted),
        "kuiper_skill": sk.balanced_accuracy_score(true, predicted, adjusted=True),
    }
    assert {name: result[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert abs(result["roc_auc"] - sk.roc_auc_score(true, probability[valid])) <= result["roc_auc_error"] + 1e-12
    assert (result["valid_pixels"], result["invalid_pixels"]) == (valid.sum(), (~valid).sum())


@given(seeds)
def test_scenes_and_strata_are_scored_by_themselves(seed: int) -> None:
    arrays = drawn(seed)
    truth, probability, valid, stratum = arrays
    result = state_of(arrays).result()
    right = truth == (probability > 0.5)
    accuracies = [right[i][valid[i]].mean() for i in range(SCENES) if valid[i].any()]
    assert result["accuracy_scene_mean"] == pytest.approx(np.mean(accuracies), abs=1e-12)
    assert result["accuracy_scene_min"] == pytest.approx(np.min(accuracies), abs=1e-12)
    for number, name in enumerate(("night", "day")):
        of_it = right[stratum == number][valid[stratum == number]]
        expected = of_it.mean() if len(of_it) else math.nan
        assert result[f"accuracy_{name}"] == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(seeds, st.integers(1, 4))
def test_batching_order_and_workers_do_not_change_the_scores(seed: int, workers: int) -> None:
    arrays = drawn(seed)
    merged = Segmentation(SCENES, ("night", "day"))
    for part in np.array_split(np.random.default_rng(seed).permutation(SCENES), workers):
        merged.merge(state_of(arrays, part))
    assert merged.result() == pytest.approx(state_of(arrays).result(), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64])
def test_masks_of_any_type_score_alike_and_have_no_probability(dtype: type) -> None:
    truth, probability, valid, stratum = drawn(1)
    arrays = truth.astype(dtype), (probability > 0.5).astype(dtype), valid.astype(dtype), stratum
    result, expected = state_of(arrays).result(), state_of(drawn(1)).result()
    assert result == {name: expected[name] for name in result}
    assert expected.keys() - result.keys() == {
        *("roc_auc", "roc_auc_error", "average_precision", "average_precision_error", "brier", "ece")
    }


def test_one_mask_among_probabilities_leaves_ranked_scores_undefined() -> None:
    state = state_of(drawn(2), np.arange(3))
    state.merge(state_of(drawn(2), np.arange(3, 6), masks=True))
    assert "roc_auc" not in state.result()


def test_a_scene_without_a_valid_pixel_is_counted_and_not_averaged() -> None:
    truth, probability, valid, stratum = drawn(3)
    valid[2] = False
    result = state_of((truth, probability, valid, stratum)).result()
    assert result["scenes_without_valid_pixels"] == 1
    others = [i for i in range(SCENES) if i != 2]
    right = truth == (probability > 0.5)
    assert result["accuracy_scene_mean"] == pytest.approx(np.mean([right[i][valid[i]].mean() for i in others]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_probability_of_exactly_one_half_is_clear(dtype: type) -> None:
    half = dtype(0.5)
    probability = np.array([[[np.nextafter(half, dtype(0)), half, np.nextafter(half, dtype(1))]]])
    state = Segmentation(1)
    state.update([0], np.ones((1, 1, 3), bool), probability, np.ones((1, 1, 3), bool))
    assert state.scenes[0].tolist() == [[0, 0], [2, 1]]


def test_what_has_no_denominator_is_undefined() -> None:
    state = Segmentation(1)
    state.update([0], np.zeros((1, 2, 2), bool), np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool))
    result = state.result()
    assert (result["accuracy"], result["false_alarm_rate"]) == (1, 0)
    assert all(math.isnan(result[name]) for name in ("iou", "recall", "miss_rate", "kuiper_skill", "precision"))


def test_no_scenes_is_an_error_and_unlike_states_do_not_add() -> None:
    with pytest.raises(ValueError, match="no scenes"):
        Segmentation(1).result()
    with pytest.raises(ValueError, match="cannot be added"):
        Segmentation(1).merge(Segmentation(2))
