"""Each kind of task against the truth of a split: formats, scores, baselines from the training split."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from sciml_datasets import InputError, Prepared
from sciml_datasets.metrics import Evaluator
from sciml_datasets.metrics.reconstruction_scoring import ReconstructionScoring
from sciml_datasets.metrics.regression_scoring import RegressionScoring
from sciml_datasets.metrics.truth import Truth
from sciml_datasets.prepared.manifest import write_manifest

DRUGS, CELLS = ("aspirin", "cisplatin", "taxol"), ("A549", "HeLa")


@pytest.fixture
def responses(tmp_path: Path) -> Path:
    """A data folder with member lists of a regression: drug effect, cell effect and a little of its own."""
    folder = tmp_path / "sciml" / "stemdl_demo" / "3.0.0"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, count in (("train", 120), ("test", 60)):
        rows = ["id\tauc\tdrug\tcell"]
        for i in range(count):
            drug, cell = rng.integers(3), rng.integers(2)
            value = 0.2 + 0.2 * drug + 0.1 * cell + 0.02 * rng.normal()
            rows.append(f"{split}-{i}\t{value}\t{DRUGS[drug]}\t{CELLS[cell]}")
        (folder / f"members-{split}.tsv").write_text("\n".join(rows) + "\n")
    identity = {"dataset": "sciml/stemdl_demo", "version": "3.0.0", "file_format": "tfrecord"}
    write_manifest(folder, identity=identity, digest="", shards=[], raw=[], checksums={})
    return tmp_path


def regression(responses: Path) -> RegressionScoring:
    truth = Truth(Prepared.open("stemdl_demo", responses), "test")
    return RegressionScoring(truth, target="auc", groups=("drug", "cell"))


def test_a_regression_is_scored_over_all_samples_and_within_groups(responses: Path) -> None:
    truth = Truth(Prepared.open("stemdl_demo", responses), "test")
    values = truth.numbers("auc")
    predicted = values + 0.05 * np.random.default_rng(1).normal(size=len(values))
    scoring = regression(responses)
    for part in np.array_split(np.arange(len(values)), 4):
        scoring.update(part, predicted[part])
    result = scoring.result()
    assert result["mse"] == pytest.approx(mean_squared_error(values, predicted), abs=1e-12)
    drugs = np.array(truth.column("drug"))
    by_drug = [r2_score(values[drugs == drug], predicted[drugs == drug]) for drug in DRUGS]
    assert result["median_r2_drug"] == pytest.approx(np.median(by_drug), abs=1e-9)
    assert (result["groups_scored_drug"], result["groups_scored_cell"]) == (3, 2)


def test_baselines_are_fitted_to_the_training_split_and_flatter_global_scores(responses: Path) -> None:
    found = regression(responses).baselines()
    assert list(found) == ["training mean", "drug mean", "cell mean", "drug and cell effects"]
    r2 = {name: scores["r2"] for name, scores in found.items()}
    assert r2["training mean"] <= 0
    assert r2["cell mean"] < r2["drug mean"] < r2["drug and cell effects"]
    assert r2["drug mean"] > 0.7
    assert np.isnan(found["drug mean"]["median_pearson_drug"])  # it is constant within a drug
    training = Truth(Prepared.open("stemdl_demo", responses), "train")
    expected = np.mean(
        (Truth(Prepared.open("stemdl_demo", responses), "test").numbers("auc") - training.numbers("auc").mean()) ** 2
    )
    assert found["training mean"]["mse"] == pytest.approx(expected, abs=1e-12)


def test_masks_and_probabilities_are_scored_against_the_records(data_dir: Path) -> None:
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    masks, valid = truth.features(np.arange(len(truth)), ("cloud", "valid"))
    evaluator = Evaluator("cloudmask_demo", data_dir=data_dir)
    evaluator.update(truth.ids, masks.astype(np.float32))
    result = evaluator.result()
    assert (result["accuracy"], result["roc_auc"], result["invalid_pixels"]) == (1, 1, np.sum(valid == 0))
    baselines = evaluator.baselines()
    assert baselines["all cloud"]["accuracy"] == pytest.approx(masks[valid != 0].mean())
    assert baselines["no cloud"]["accuracy"] == pytest.approx(1 - masks[valid != 0].mean())


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (np.float32, 1.5, "not from 0 to 1: predict probabilities of cloud"),
        (np.float32, np.nan, "NaN or infinity"),
        (np.int32, 2, "not from 0 to 1: predict masks"),
    ],
)
def test_pixels_out_of_range_are_refused(data_dir: Path, dtype: type, value: float, message: str) -> None:
    evaluator = Evaluator("cloudmask_demo", data_dir=data_dir)
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    (valid,) = truth.features(np.arange(1), ("valid",))
    one_pixel = np.flatnonzero(valid)[:1]
    prediction = np.zeros((1, 256, 320), dtype)
    prediction.ravel()[one_pixel] = value
    with pytest.raises(InputError, match=message):
        evaluator.update(truth.ids[:1], prediction)
    assert not evaluator.state.arrays()["given"].any()


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, np.nan), (np.float32, -9.0), (np.uint8, 255)])
def test_pixels_that_are_not_valid_may_hold_anything(data_dir: Path, dtype: type, value: float) -> None:
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    masks, valid = truth.features(np.arange(len(truth)), ("cloud", "valid"))
    assert (valid == 0).any()
    evaluator = Evaluator("cloudmask_demo", data_dir=data_dir)
    evaluator.update(truth.ids, np.where(valid != 0, masks.astype(dtype), dtype(value)))
    assert evaluator.result()["accuracy"] == 1


def test_baselines_stand_beside_every_score(data_dir: Path) -> None:
    for name in ("cloudmask_demo", "stemdl_demo", "candle_uno_demo"):
        evaluator = Evaluator(name, data_dir=data_dir)
        truth = Truth(Prepared.open(name, data_dir), "test")
        if name == "cloudmask_demo":
            predictions = truth.features(np.arange(len(truth)), ("cloud",))[0].astype(np.float32)
        elif name == "stemdl_demo":
            predictions = np.eye(231, dtype=np.float32)[truth.numbers("space_group").astype(int)]
        else:
            predictions = truth.numbers(evaluator.benchmark.task.target)
        evaluator.update(truth.ids, predictions)
        for baseline in evaluator.baselines().values():
            assert baseline.keys() == evaluator.result().keys()


def test_a_constant_mask_is_scored_like_its_probability(data_dir: Path) -> None:
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    evaluator = Evaluator("cloudmask_demo", data_dir=data_dir)
    evaluator.update(truth.ids, np.ones((len(truth), 256, 320)))
    expected, found = evaluator.result(), evaluator.baselines()
    assert found["all cloud"] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    (masks, valid) = truth.features(np.arange(len(truth)), ("cloud", "valid"))
    assert found["no cloud"]["brier"] == pytest.approx(masks[valid != 0].mean())
    assert found["no cloud"]["roc_auc"] == 0.5


def test_the_top_classes_of_the_baseline_are_the_most_frequent(data_dir: Path) -> None:
    truth = Truth(Prepared.open("stemdl_demo", data_dir), "test")
    frequency = np.bincount(truth.training.numbers("space_group").astype(int), minlength=231)
    evaluator = Evaluator("stemdl_demo", data_dir=data_dir)
    evaluator.update(truth.ids, np.tile(frequency.astype(float), (len(truth), 1)))
    (baseline,) = evaluator.baselines().values()
    assert baseline == pytest.approx(evaluator.result(), abs=1e-12)


def test_the_expected_format_offers_probabilities_and_masks(data_dir: Path) -> None:
    text = Evaluator("cloudmask_demo", data_dir=data_dir).expected_format()
    assert "(2, 256, 320) float probabilities of cloud from 0 to 1, or (2, 256, 320) integer or boolean masks" in text


def test_a_file_of_whole_scenes_is_read_in_chunks(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sciml_datasets.metrics.predictions.CHUNK_BYTES", 100_000)  # less than one scene
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file.create_dataset("id", data=truth.ids, dtype=h5py.string_dtype("utf-8"))
        file["prediction"] = np.full((len(truth), 256, 320), 0.25, np.float16)
    evaluator = Evaluator("cloudmask_demo", data_dir=data_dir)
    evaluator.update_from_file(tmp_path / "p.h5")
    assert evaluator.result()["accuracy"] == evaluator.baselines()["no cloud"]["accuracy"]


def test_images_are_scored_beside_the_mean_image(data_dir: Path) -> None:
    truth = Truth(Prepared.open("cloudmask_demo", data_dir), "test")
    scoring = ReconstructionScoring(truth, image="cloud", data_range=1)
    (masks,) = truth.features(np.arange(len(truth)), ("cloud",))
    scoring.update(np.arange(len(truth)), masks + 0.1 * np.random.default_rng(0).normal(size=masks.shape))
    (baseline,) = scoring.baselines().values()
    result = scoring.result()
    assert result["pearson"] > 0.95 > baseline["pearson"]
    assert result["psnr"] == pytest.approx(20, abs=0.1)  # noise of 0.1 on a range of 1
    curve = scoring.details()["fourier_ring_correlation"]
    assert len(curve["frequency"]) == len(curve["correlation"]) == 129
