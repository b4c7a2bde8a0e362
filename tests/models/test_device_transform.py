"""Samples that the device transforms: those of the host but for rounding, in training and in prediction."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tree
import yaml
from deferred import tf

from sciml_datasets import InputError
from sciml_datasets.benchmarks import find
from sciml_datasets.errors import DamagedRecordError
from sciml_datasets.models import predict, train
from sciml_datasets.models.augmentation import mirrored
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.device_memory import does_not_fit, largest_fitting
from sciml_datasets.models.device_transform import tensorflow_arrays
from sciml_datasets.models.predictor import predictor
from sciml_datasets.models.reference import reference_module
from sciml_datasets.models.run_config import check_same_run, trained_with
from sciml_datasets.prepared.prepared import Prepared

BOUNDS = {"cloudmask_demo": 1e-6, "stemdl_demo": 1e-4}
"""Data set to the largest difference of an input: of normalised channels near 1, of patterns from 0 to 255."""
CASES = (
    ("cloudmask_demo", {}),
    ("stemdl_demo", {}),
    ("stemdl_demo", {"reference": "ornl"}),
    ("stemdl_demo", {"reference": "scaled", "augmentation": "mirrored"}),
    ("stemdl_demo", {"reference": "stack", "augmentation": "permuted"}),
    ("stemdl_demo", {"reference": "stack", "augmentation": "mirrored_permuted", "class_weights": "balanced"}),
)
"""Data set and settings that bring an augmentation, or draw a part of a sample."""


def recipe_of(name: str, settings: dict[str, Any]) -> Any:
    return reference_module(find(name)[0]).RECIPES[name].with_settings({"batch_size": 6} | settings)


def with_numpy(function: Callable[[Any, Any], Any], batch: Any) -> Any:
    return function(np, batch)


def with_tensorflow(function: Callable[[Any, Any], Any], batch: Any, *, xla: bool = False) -> Any:
    tensors = tree.map_structure(tf.convert_to_tensor, batch)
    compiled = tf.function(lambda given: function(tensorflow_arrays(), given), jit_compile=xla, autograph=False)
    return compiled(tensors)


def with_xla(function: Callable[[Any, Any], Any], batch: Any) -> Any:
    return with_tensorflow(function, batch, xla=True)


def with_jax(function: Callable[[Any, Any], Any], batch: Any) -> Any:
    """In a process of its own: JAX warns of each later fork of a process that has used it."""
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    fork = get_context("fork")
    received, sent = fork.Pipe(duplex=False)

    def compute() -> None:
        import jax

        found = jax.jit(lambda given: function(jax.numpy, given))(batch)
        sent.send(tree.map_structure(np.asarray, found))

    process = fork.Process(target=compute)
    process.start()
    sent.close()
    found = received.recv()
    process.join()
    return found


def with_torch(function: Callable[[Any, Any], Any], batch: Any) -> Any:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    return function(torch, tree.map_structure(torch.from_numpy, batch))


LIBRARIES = {"numpy": with_numpy, "tensorflow": with_tensorflow, "xla": with_xla, "jax": with_jax, "torch": with_torch}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("name", "settings"),
    CASES,
    ids=lambda value: "-".join(value.values()) or "own" if isinstance(value, dict) else value,
)
def test_the_device_makes_the_samples_of_the_host(
    name: str, settings: dict[str, Any], library: str, data_dir: Path
) -> None:
    prepared, recipe = Prepared.open(name, data_dir), recipe_of(name, settings)
    on_host, on_device = (
        recipe.with_settings({"transform": where}).placed(accelerated=False) for where in ("host", "device")
    )
    expected = next(Batches(prepared, on_host, seed=5).training(2))
    stored = next(Batches(prepared, on_device, seed=5).training(2))
    found = tree.map_structure(np.asarray, LIBRARIES[library](on_device.deferred.computed, stored))
    assert (found[0].shape, found[0].dtype) == (expected[0].shape, expected[0].dtype)
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=BOUNDS[name])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[2], expected[2])


@pytest.mark.parametrize("name", BOUNDS)
def test_inputs_of_predictions_are_those_of_the_host(name: str, data_dir: Path) -> None:
    prepared, recipe = Prepared.open(name, data_dir), recipe_of(name, {})
    on_device = recipe.placed(accelerated=True)
    (ids, expected), (same, stored) = (
        next(Batches(prepared, one, seed=0).evaluation("validation")) for one in (recipe, on_device)
    )
    found = with_tensorflow(on_device.deferred.computed_inputs, stored)
    assert ids == same
    np.testing.assert_allclose(found, expected, rtol=0, atol=BOUNDS[name])


def test_a_network_is_built_for_what_the_device_makes(data_dir: Path) -> None:
    prepared, recipe = Prepared.open("stemdl_demo", data_dir), recipe_of("stemdl_demo", {"reference": "ornl"})
    specs = [Batches(prepared, recipe.placed(accelerated=one), seed=0).spec() for one in (False, True)]
    assert specs[0] == specs[1]
    assert specs[0].input_shape == (128, 128, 1)


def test_the_host_transforms_where_the_device_is_the_processor() -> None:
    recipe = recipe_of("cloudmask_demo", {})
    assert [recipe.placed(accelerated=one).training.transform for one in (False, True)] == ["host", "device"]
    asked = recipe.with_settings({"transform": "host"}).placed(accelerated=True)
    assert (asked.training.transform, asked.deferred) == ("host", None)
    assert asked.source == recipe.source


@pytest.mark.parametrize(
    ("name", "settings"),
    [("candle_uno_demo", {}), ("stemdl_reconstruction_demo", {}), ("stemdl_demo", {"augmentation": "rotated"})],
)
def test_what_the_host_alone_makes_stays_with_it(name: str, settings: dict[str, Any]) -> None:
    recipe = recipe_of(name, settings)
    assert recipe.placed(accelerated=True).training.transform == "host"
    with pytest.raises(InputError, match=r"transform=device: its samples.* are made on the host alone: leave it out"):
        recipe.with_settings({"transform": "device"}).placed(accelerated=True)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_run_says_where_samples_were_transformed_and_predicts_so_again(
    name: str, data_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train(name, data_dir, out, epochs=1, batch_size=8, transform="device")
    assert yaml.safe_load((out / "config.yaml").read_text())["settings"]["transform"] == "device"
    settings, partition, _ = trained_with(out, name)
    predict(name, str(out / "model.keras"), tmp_path / "again.h5", data_dir, trained_on=partition, **settings)
    with h5py.File(out / "predictions.h5") as first, h5py.File(tmp_path / "again.h5") as again:
        np.testing.assert_allclose(again["prediction"][:], first["prediction"][:], rtol=1e-5, atol=1e-6)
    train(name, data_dir, tmp_path / "host", epochs=1, batch_size=8, transform="host")
    assert loss(out) == pytest.approx(loss(tmp_path / "host"), rel=0.01)


def loss(run: Path) -> float:
    """The mean loss of the first epoch."""
    with (run / "history.csv").open() as file:
        return float(next(csv.DictReader(file))["loss"])


def test_a_run_that_does_not_say_it_was_transformed_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"settings": {"epochs": 2}}))
    assert trained_with(tmp_path, "cloudmask_demo")[0] == {"transform": "host", "epochs": 2}
    check_same_run(tmp_path, {"settings": {"epochs": 2, "transform": "host"}})
    with pytest.raises(InputError, match="unfinished run with another transform: start with the same flags"):
        check_same_run(tmp_path, {"settings": {"epochs": 2, "transform": "device"}})


def test_what_is_drawn_for_the_device_is_what_the_host_draws() -> None:
    image = np.arange(24, dtype=np.float32).reshape(4, 6, 1)
    sample = (image, image[..., 0], np.float32(1))
    for seed in range(8):
        expected = mirrored(sample, np.random.default_rng(seed))
        drawn = mirrored.draw(np.random.default_rng(seed))[None]
        found = mirrored.on_device(np, tree.map_structure(lambda array: np.asarray(array)[None], sample), drawn)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one[0], other)


def test_a_damaged_record_is_named_by_copies_too(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir / "sciml/cloudmask_demo", tmp_path / "sciml/cloudmask_demo")
    shard = next((tmp_path / "sciml/cloudmask_demo/1.0.0").glob("*train*-00000-of-*[0-9]"))
    content = bytearray(shard.read_bytes())
    content[100_000] ^= 1
    shard.write_bytes(content)
    recipe = recipe_of("cloudmask_demo", {"transform": "device"}).placed(accelerated=False)
    with pytest.raises(DamagedRecordError, match="checksum does not agree"):
        for _ in Batches(Prepared.open("cloudmask_demo", tmp_path), recipe, seed=0).training(1):
            pass


def memory_for(rows: int, calls: list[int]) -> Callable[[Any], int]:
    """A function that runs out of memory on more rows than these, and lists how many it is given."""

    def run(batch: Any) -> int:
        calls.append(len(batch[0][0]))
        if calls[-1] > rows:
            raise tf.errors.ResourceExhaustedError(None, None, f"OOM when allocating tensor with shape[{calls[-1]},9]")
        return calls[-1]

    return run


@pytest.mark.parametrize(
    ("rows", "multiple", "tried", "fits"),
    [(20, 1, [32, 16], 16), (3, 2, [32, 16, 8, 4, 2], 2), (0, 1, [32, 16, 8, 4, 2, 1], 0), (12, 6, [30, 12], 12)],
)
def test_the_largest_half_that_fits_is_found(rows: int, multiple: int, tried: list[int], fits: int) -> None:
    calls: list[int] = []
    batch = ((np.zeros((64, 2)), np.zeros((64, 3))), np.zeros(64), np.zeros(64))
    assert largest_fitting(memory_for(rows, calls), batch, multiple) == fits
    assert calls == tried


def test_a_batch_that_is_too_large_is_one_sentence_that_names_one_that_fits() -> None:
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[64,9]\n\nHint: list")
    found = str(does_not_fit("training on", 64, 16, error))
    assert found == (
        "training on a batch of 64 does not fit into the device's memory (OOM when allocating tensor with "
        "shape[64,9]); one of 16 does: set batch_size=16"
    )
    assert "set a smaller batch_size, or take more devices" in str(does_not_fit("training on", 64, 0, error))


def test_predictions_that_do_not_fit_name_a_batch_that_does() -> None:
    recipe = recipe_of("stemdl_demo", {}).placed(accelerated=False)
    calls: list[int] = []

    def predictions(network: Any) -> Callable[[Any], Any]:
        return lambda inputs: memory_for(5, calls)(((inputs,),))

    predicted = predictor(replace(recipe, predictions=predictions), None)
    with pytest.raises(InputError, match=r"predicting a batch of 8 does not fit.*; one of 4 does: set batch_size=4"):
        predicted(np.zeros((8, 2)))
