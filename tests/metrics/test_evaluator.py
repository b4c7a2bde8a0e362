"""The evaluator: every id of the split exactly once, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tensorflow_datasets as tfds

from sciml_datasets import InputError
from sciml_datasets.metrics import Evaluator

Truth = dict[str, int]


@pytest.fixture(scope="module")
def truth(data_dir: Path) -> Truth:
    examples = tfds.as_numpy(tfds.load("sciml/stemdl_demo", split="test", data_dir=data_dir))
    return {example["id"].decode(): int(example["space_group"]) for example in examples}


@pytest.fixture
def evaluator(data_dir: Path) -> Evaluator:
    return Evaluator("stemdl_demo", data_dir=data_dir)


def scores(labels: list[int]) -> np.ndarray:
    return np.eye(231, dtype=np.float32)[labels]


def write_predictions(path: Path, ids: list[str] | None, prediction: Any) -> Path:
    with h5py.File(path, "w") as file:
        if ids is not None:
            file.create_dataset("id", data=ids, dtype=h5py.string_dtype("utf-8"))
        if prediction is not None:
            file["prediction"] = prediction
    return path


def test_the_truth_scores_one(evaluator: Evaluator, truth: Truth) -> None:
    evaluator.update(list(truth), scores(list(truth.values())))
    result = evaluator.result()
    assert [result[name] for name in ("top1_accuracy", "macro_f1", "top5_accuracy")] == [1.0, 1.0, 1.0]


def test_coarser_labels_and_merged_classes_are_scored_beside_the_classes(evaluator: Evaluator, truth: Truth) -> None:
    neighbour = {
        group: group + 1 if group + 1 not in (3, 16, 75, 143, 168, 195, 231) else group - 1 for group in range(1, 231)
    }
    evaluator.update(list(truth), scores([neighbour[group] for group in truth.values()]))
    result = evaluator.result()
    assert (result["top1_accuracy"], result["crystal_system_accuracy"]) == (0, 1)
    assert 0 <= result["point_group_accuracy"] <= 1
    assert result["top1_accuracy_enantiomorphs_merged"] >= result["top1_accuracy"]
    assert result["macro_f1_enantiomorphs_merged"] >= result["macro_f1"]
    (baseline,) = evaluator.baselines().values()
    assert baseline["crystal_system_accuracy"] >= baseline["top1_accuracy"]


def test_any_order_and_batching_and_bytes_ids_will_do(evaluator: Evaluator, truth: Truth) -> None:
    for key in reversed(truth):
        evaluator.update([key.encode()], np.array([truth[key]]))
    result = evaluator.result()
    assert (result["top1_accuracy"], result["macro_f1"], "top5_accuracy" in result) == (1.0, 1.0, False)


def test_two_halves_merge(data_dir: Path, truth: Truth) -> None:
    ids = list(truth)
    one, two = Evaluator("stemdl_demo", data_dir=data_dir), Evaluator("stemdl_demo", data_dir=data_dir)
    one.update(ids[:2], scores([truth[key] for key in ids[:2]]))
    two.update(ids[2:], scores([1] * len(ids[2:])))
    one.merge(two)
    assert one.result()["top1_accuracy"] == pytest.approx(2 / len(ids))
    with pytest.raises(InputError, match="given more than once"):
        one.merge(two)


def test_a_missing_id_is_named(evaluator: Evaluator, truth: Truth) -> None:
    ids = list(truth)
    evaluator.update(ids[1:], scores([1] * (len(ids) - 1)))
    with pytest.raises(InputError, match=f"the id {ids[0]} is without a prediction"):
        evaluator.result()


def test_an_unknown_id_is_named(evaluator: Evaluator) -> None:
    with pytest.raises(InputError, match="the id test/other is not in the test split of stemdl_demo"):
        evaluator.update(["test/other"], scores([1]))


def test_a_repeated_id_is_named_within_and_across_updates(evaluator: Evaluator, truth: Truth) -> None:
    key = next(iter(truth))
    with pytest.raises(InputError, match=f"the id {key} is given more than once"):
        evaluator.update([key, key], scores([1, 1]))
    evaluator.update([key], scores([1]))
    with pytest.raises(InputError, match=f"the id {key} is given more than once"):
        evaluator.update([key], scores([1]))


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.zeros((10, 230), np.float32), r"shape \(10, 230\) and type float32, expected \(N, 231\) float"),
        (np.zeros((10, 231), np.int64), "type int64"),
        (np.zeros(10, np.float32), "type float32"),
        (np.full((10, 231), np.nan), "10 ids .* are predicted with NaN or infinity"),
        (np.full(10, 231), "not from 0 to 230"),
        (np.full(10, -1), "not from 0 to 230"),
        (np.zeros((4, 231), np.float32), "10 ids but predictions of shape"),
    ],
)
def test_predictions_that_do_not_fit_are_described(
    evaluator: Evaluator, truth: Truth, prediction: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluator.update(list(truth), prediction)
    assert not any(array.any() for array in evaluator.state.arrays().values())


def test_a_list_that_is_no_array_is_described(evaluator: Evaluator, truth: Truth) -> None:
    with pytest.raises(InputError, match="predictions: list cannot be made an array"):
        evaluator.update(list(truth)[:2], [[1.0, 2.0], [3.0]])


def test_a_file_is_scored_like_arrays(evaluator: Evaluator, truth: Truth, tmp_path: Path) -> None:
    evaluator.update_from_file(write_predictions(tmp_path / "p.h5", list(truth), scores(list(truth.values()))))
    assert evaluator.result()["top1_accuracy"] == 1


def test_defective_files_are_named(data_dir: Path, truth: Truth, tmp_path: Path) -> None:
    ids, good = list(truth), scores(list(truth.values()))
    text = tmp_path / "text.h5"
    text.write_text("id,prediction")
    cases = {
        tmp_path / "absent.h5": "there is no such file",
        text: "not a complete HDF5 file",
        write_predictions(tmp_path / "a.h5", None, good): "/id is missing",
        write_predictions(tmp_path / "b.h5", ids, None): "/prediction is missing",
        write_predictions(tmp_path / "c.h5", ids[:3], good): "/id has the shape",
        write_predictions(tmp_path / "d.h5", ids[:3], good[:3]): "without a prediction",
        write_predictions(tmp_path / "e.h5", [*ids, "x"], scores([1] * 11)): "the id x is not in the test split",
    }
    for path, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            Evaluator("stemdl_demo", data_dir=data_dir).update_from_file(path)
        assert str(caught.value).startswith(str(path))


def test_the_baseline_is_the_majority_class_of_the_training_split(
    evaluator: Evaluator, data_dir: Path, truth: Truth
) -> None:
    examples = tfds.as_numpy(tfds.load("sciml/stemdl_demo", split="train", data_dir=data_dir))
    majority = np.bincount([example["space_group"] for example in examples]).argmax()
    ((what, scores_of_it),) = evaluator.baselines().items()
    assert what == f"always class {majority}, the most frequent of the training split"
    expected = np.mean([label == majority for label in truth.values()])
    assert scores_of_it["top1_accuracy"] == pytest.approx(expected)


def test_the_expected_format_names_ids_shapes_and_types(evaluator: Evaluator) -> None:
    text = evaluator.expected_format()
    assert "(10, 231) float" in text
    assert "test split exactly once" in text


def test_data_that_are_not_prepared_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json is missing: prepare the data set"):
        Evaluator("stemdl_demo", data_dir=tmp_path)
