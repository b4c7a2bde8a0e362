"""Preprocessed CloudMask: the channels as the reference network reads them, in the type that is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tensorflow_datasets as tfds
from cloudmask_files import COLUMNS, ROWS, granule, scene, write_raw, write_scene
from cloudmask_reading import NAME as GRANULE
from deferred import tf

from sciml_datasets import InputError, Prepared, prepare, simulate
from sciml_datasets.cli.main import main
from sciml_datasets.cloudmask.patches import network_input
from sciml_datasets.cloudmask.pictures import in_units
from sciml_datasets.cloudmask.raw import IMAGE, Scenes
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.cloudmask import RECIPES, patch_sample
from sciml_datasets.models.device_transform import tensorflow_arrays
from sciml_datasets.prepared.manifest import read_manifest
from sciml_datasets.prepared.tensor_views import TensorViews
from sciml_datasets.raw_format import Sample, numpy_type

NAME = "cloudmask_preprocessed"
TYPES = ("float32", "bfloat16", "float16")
PASSES = {"train": 1, "validation": 4}
"""Relative orbit of a pass of each split of training scenes."""


def full_size(folder: Path) -> dict[str, dict[str, Any]]:
    """Write a scene of the original's size for each split; the arrays by split."""
    small = scene()
    small["refs"][:4], small["bts"][6:9] = np.nan, 0
    tiled = {key: np.tile(values, (38, 38, 1))[:1200, :1500] for key, values in small.items()}
    places = {split: folder / "training" / f"{granule(orbit=orbit)}.hdf" for split, orbit in PASSES.items()}
    places["test"] = folder / "inference" / f"{granule(date='20191001')}.hdf"
    found = {}
    for number, (split, path) in enumerate(places.items()):
        found[split] = tiled | {"bts": tiled["bts"] + np.float32(number) * (tiled["bts"] > 0)}
        write_scene(path, **found[split])
    return found


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    root = tmp_path_factory.mktemp("raw")
    return root, full_size(root / "cloudmask")


@pytest.fixture(scope="module")
def data(raw: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder, prepared in half the bytes."""
    root = tmp_path_factory.mktemp("data")
    command = ["prepare", "cloudmask", "--raw-dir", str(raw[0]), "--data-dir", str(root), "--preprocess"]
    assert main([*command, "--dtype", "bfloat16"]) == 0
    return root


@pytest.mark.parametrize("dtype", TYPES)
def test_the_channels_are_those_of_the_networks_input(dtype: str, tmp_path: Path) -> None:
    changed = scene()
    changed["refs"][:4], changed["bts"][6:9] = np.nan, 0
    path = write_scene(tmp_path / f"{GRANULE}.hdf", **changed)
    sample = Sample("train", path.stem, path.name, "", 0, "", ())
    with Scenes(ROWS, COLUMNS).reader(tmp_path) as read_stored, Scenes(ROWS, COLUMNS, dtype).reader(tmp_path) as read:
        stored, found = dict(read_stored(sample)), dict(read(sample))
    expected = network_input(stored.pop("reflectance"), stored.pop("brightness_temperature"), stored["valid"])
    image = found.pop(IMAGE)
    assert (image.dtype, image.shape) == (numpy_type(dtype), (ROWS, COLUMNS, 9))
    np.testing.assert_array_equal(image, expected.astype(numpy_type(dtype)))
    assert found.keys() == stored.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, stored[name])


@pytest.mark.parametrize(("dtype", "size"), [("float32", 39), ("bfloat16", 21), ("float16", 21)])
def test_the_plan_knows_the_bytes_of_a_record(dtype: str, size: int, tmp_path: Path) -> None:
    scenes = Scenes(ROWS, COLUMNS, dtype)
    files = scenes.files(write_raw(tmp_path))
    assert {sample.size for file in files for sample in scenes.index(tmp_path, file)} == {ROWS * COLUMNS * size}


def test_tfds_and_numpy_read_the_stored_type(data: Path, raw: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    stored = raw[1]["test"]
    example = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=data)[0]
    expected = network_input(stored["refs"], stored["bts"], example["valid"]).astype(ml_dtypes.bfloat16)
    assert example[IMAGE].dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(example[IMAGE], expected)
    image, cloud = next(iter(tfds.load(f"sciml/{NAME}", split="test", data_dir=data, as_supervised=True)))
    assert image.dtype == tf.bfloat16
    np.testing.assert_array_equal(image.numpy(), expected)
    np.testing.assert_array_equal(cloud.numpy(), example["cloud"])


def test_views_are_the_tensors_of_the_records(data: Path) -> None:
    builder = tfds.builder(f"sciml/{NAME}", data_dir=data)
    example = builder.as_data_source("train")[0]
    found = TensorViews(builder, "train")[0]
    assert set(found) == {IMAGE, "bayes", "cloud", "valid"}
    for name, values in found.items():
        np.testing.assert_array_equal(values, example[name])


@pytest.mark.parametrize("where", ["host", "device"])
def test_patches_are_those_of_the_scenes_but_for_the_stored_type(
    where: str, data: Path, raw: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    recipe = RECIPES[NAME].with_settings({"batch_size": 20, "transform": where}).placed(accelerated=False)
    batches = Batches(Prepared.open(NAME, data), recipe, seed=0)
    assert (batches.steps, batches.spec().input_shape) == (1, (256, 256, 9))
    batch = next(batches.training(1))
    if recipe.deferred:
        batch = recipe.deferred.computed(tensorflow_arrays(), batch)
    inputs, cloud, valid = (np.asarray(array) for array in batch)
    assert inputs.dtype == np.float32
    stored, number = raw[1]["train"], list(batches.numbers(1)[0]).index(0)
    patch = {"reflectance": stored["refs"], "brightness_temperature": stored["bts"]}
    patch = {name: values[88:344, 110:366] for name, values in patch.items()}
    expected, *_ = patch_sample(patch | {"cloud": cloud[number], "valid": valid[number]})
    np.testing.assert_allclose(inputs[number], expected, rtol=2**-8, atol=0)


def test_another_type_than_the_prepared_one_is_refused(data: Path, raw: tuple[Path, Any]) -> None:
    folder = prepare("cloudmask", raw[0], data, preprocess=True, dtype="bfloat16")
    assert read_manifest(folder)["choices"] == {"dtype": "bfloat16"}
    with pytest.raises(
        InputError, match=f"{NAME}/1.0.0 is prepared with the dtype bfloat16, not float32: remove it or"
    ):
        prepare("cloudmask", raw[0], data, preprocess=True, dtype="float32")


def test_a_type_belongs_to_preprocessed_channels_alone(
    raw: tuple[Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["prepare", "cloudmask", "--raw-dir", str(raw[0]), "--data-dir", str(tmp_path)]
    assert main([*command, "--dtype", "float16"]) == 2
    assert "dtype" in capsys.readouterr().err
    assert not any(tmp_path.rglob("manifest.json"))


def test_it_has_no_simulator_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="simulate cloudmask, whose raw files are transformed while they are read"):
        simulate(NAME, tmp_path, 16)


def test_pictures_are_in_the_units_of_the_scene(data: Path, tmp_path: Path) -> None:
    example = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=data)[0]
    stored = in_units(example)
    valid = example["valid"] != 0
    assert 200 < stored["brightness_temperature"][valid].min() < stored["brightness_temperature"][valid].max() < 320
    assert main(["show", NAME, "--data-dir", str(data), "--split", "test", "--out", str(tmp_path / "test.png")]) == 0
    assert (tmp_path / "test.png").stat().st_size > 10_000
