"""Classification scores against scikit-learn and hand-computed cases."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from sciml_datasets import BENCHMARKS
from sciml_datasets.metrics import Classification
from sciml_datasets.metrics.classification import counted_as, ranges
from sciml_datasets.stemdl.crystals import ENANTIOMORPHS, crystal_system

CLASSES = 12
Arrays = tuple[np.ndarray, np.ndarray]


@st.composite
def scored(draw: st.DrawFn) -> Arrays:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 200))
    truth = rng.integers(0, CLASSES, count)
    scores = rng.normal(size=(count, CLASSES)) + 1.5 * np.eye(CLASSES)[truth]
    return truth, scores


def state_of(truth: np.ndarray, prediction: np.ndarray) -> Classification:
    state = Classification(CLASSES)
    state.update(truth, prediction)
    return state


@given(scored())
def test_scores_agree_with_scikit_learn(arrays: Arrays) -> None:
    truth, scores = arrays
    state = state_of(truth, scores)
    result, labels = state.result(), scores.argmax(axis=1)
    assert result["top1_accuracy"] == pytest.approx(accuracy_score(truth, labels), abs=1e-12)
    assert result["top1_error"] == pytest.approx(1 - accuracy_score(truth, labels), abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of predicted classes that do not occur in truth
        assert result["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, labels), abs=1e-12)
    assert result["top5_accuracy"] == pytest.approx(
        top_k_accuracy_score(truth, scores, k=5, labels=np.arange(CLASSES)), abs=1e-12
    )
    np.testing.assert_array_equal(state.confusion, confusion_matrix(truth, labels, labels=np.arange(CLASSES)))


@pytest.mark.parametrize("mean", ["macro", "micro", "weighted"])
@given(arrays=scored())
def test_means_over_classes_agree_with_scikit_learn(mean: str, arrays: Arrays) -> None:
    truth, scores = arrays
    result, labels = state_of(truth, scores).result(), scores.argmax(axis=1)
    expected = precision_recall_fscore_support(truth, labels, average=mean, zero_division=0)
    for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
        assert result[f"{mean}_{name}"] == pytest.approx(value, abs=1e-12)


def test_classes_can_be_scored_in_groups() -> None:
    state = state_of(np.array([0, 1, 2, 3]), np.array([1, 0, 3, 0])).coarser(np.array([0, 0, 1, 1, *[2] * 8]))
    assert state.confusion.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]


@given(scored(), st.integers(1, 4), st.integers(0, 10**6))
def test_batching_order_and_workers_do_not_change_the_state(arrays: Arrays, workers: int, seed: int) -> None:
    truth, scores = arrays
    order = np.random.default_rng(seed).permutation(len(truth))
    merged = Classification(CLASSES)
    for part in np.array_split(order, workers):
        merged.merge(state_of(truth[part], scores[part]))
    whole = state_of(truth, scores)
    np.testing.assert_array_equal(merged.confusion, whole.confusion)
    assert merged.result() == whole.result()


def test_a_hand_computed_case() -> None:
    # Truth 0 0 1 2, predicted 0 1 1 1: F1 of class 0 is 2/3, of class 1 is 2/4, of class 2 is 0.
    state = state_of(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]))
    assert state.result()["top1_accuracy"] == 0.5
    assert state.result()["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert state.scored_classes().tolist() == [0, 1, 2]


def test_labels_leave_the_top_5_score_undefined() -> None:
    state = state_of(np.array([0]), np.eye(CLASSES)[:1])
    assert "top5_accuracy" in state.result()
    state.merge(state_of(np.array([1]), np.array([1])))
    assert "top5_accuracy" not in state.result()


def test_of_equal_scores_the_lower_class_comes_first() -> None:
    flat = np.zeros((2, CLASSES))
    result = state_of(np.array([4, 5]), flat).result()
    assert result["top5_accuracy"] == 0.5


@given(scored(), st.integers(1, CLASSES))
def test_k_of_the_top_k_score_can_be_chosen(arrays: Arrays, k: int) -> None:
    truth, scores = arrays
    state = Classification(CLASSES, top_k=k)
    state.update(truth, scores)
    found = state.result()
    expected = (np.argsort(-scores, axis=1)[:, :k] == truth[:, None]).any(axis=1).mean()
    assert found[f"top{k}_accuracy"] == pytest.approx(expected, abs=1e-12)
    assert "top5_accuracy" not in found or k == 5


@given(scored())
def test_a_constant_prediction_is_scored_like_its_ranking(arrays: Arrays) -> None:
    truth, scores = arrays
    ranking = np.argsort(-scores[0])
    expected = state_of(truth, np.tile(scores[0], (len(truth), 1))).result()
    assert state_of(truth, scores).constant(ranking).result() == expected


def test_no_samples_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Classification(CLASSES).result()


@given(scored())
def test_coarser_labels_are_scored_as_if_they_had_been_predicted(arrays: Arrays) -> None:
    truth, scores = arrays
    state, labels = state_of(truth, scores), scores.argmax(axis=1)
    groups = ranges({"low": 3, "middle": 4, "high": CLASSES - 1}, CLASSES)
    assert groups.tolist() == [0, 1, 1, 1, 2, *[3] * (CLASSES - 5)]
    assert state.coarser(groups).result()["top1_accuracy"] == pytest.approx(
        accuracy_score(groups[truth], groups[labels]), abs=1e-12
    )


@given(scored())
def test_merged_classes_are_scored_as_one(arrays: Arrays) -> None:
    truth, scores = arrays
    labels = scores.argmax(axis=1)
    classes = counted_as({2: 7, 4: 5}, CLASSES)
    merged = state_of(truth, scores).coarser(classes).result()
    one = state_of(classes[truth], classes[labels]).result()
    assert {key: merged[key] for key in one} == one
    assert classes[[2, 7, 4, 5, 6]].tolist() == [2, 2, 4, 4, 6]


def test_the_coarser_labels_of_space_groups_are_those_of_spglib() -> None:
    import spglib

    coarser = BENCHMARKS["stemdl"].task.coarser
    groups = {name: ranges(last, 231) for name, last in coarser.items()}
    types = {found.number: found for hall in range(1, 531) if (found := spglib.get_spacegroup_type(hall))}
    symbols = ["", *coarser["point_group"]]
    assert [symbols[i] for i in groups["point_group"][1:]] == [
        types[group].pointgroup_international for group in range(1, 231)
    ]
    systems = ["", *coarser["crystal_system"]]
    assert [systems[i] for i in groups["crystal_system"][1:]] == [crystal_system(group) for group in range(1, 231)]


def test_enantiomorphic_pairs_count_as_one_where_they_are_merged() -> None:
    assert BENCHMARKS["stemdl"].task.merged["enantiomorphs"] == ENANTIOMORPHS
