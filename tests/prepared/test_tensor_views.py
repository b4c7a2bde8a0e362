"""Arrays straight from the records: they have the same numbers as decoded ones, and damage is reported."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from sciml_datasets import Prepared
from sciml_datasets.cloudmask.patches import training_patches
from sciml_datasets.errors import DamagedRecordError
from sciml_datasets.models.batches import Batches
from sciml_datasets.models.cloudmask import RECIPES
from sciml_datasets.models.example_readers import Examples, Patches, Viewed
from sciml_datasets.models.stemdl import RECIPES as STEMDL
from sciml_datasets.prepared import tensor_views
from sciml_datasets.prepared.tensor_views import TensorViews

NAMES = ("reflectance", "brightness_temperature", "cloud", "valid")


def scenes(data_dir: Path) -> list[dict[str, np.ndarray]]:
    builder = tfds.builder("sciml/cloudmask_demo", data_dir=data_dir)
    return list(tfds.as_numpy(builder.as_dataset(split="train")))


def views(data_dir: Path) -> TensorViews:
    return TensorViews(tfds.builder("sciml/cloudmask_demo", data_dir=data_dir), "train")


def test_views_are_the_tensors_of_the_records(data_dir: Path) -> None:
    found = views(data_dir)
    expected = scenes(data_dir)
    assert len(found) == len(expected)
    for position, scene in enumerate(expected):
        for name in NAMES:
            np.testing.assert_array_equal(found[position][name], scene[name])
        found.release()


def mapped_bytes() -> int:
    """The number of bytes of files in this process's memory."""
    return 1024 * int(re.findall(r"RssFile:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def test_what_has_been_read_leaves_memory_at_a_bound(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = views(data_dir)
    size = sum(found[0][name].nbytes for name in NAMES)
    monkeypatch.setattr(tensor_views, "MAPPED_BYTES", 3 * size)
    before = mapped_bytes()
    for position in range(2):
        assert all(found[position][name].any() for name in NAMES)
        found.touched(size)
    assert mapped_bytes() - before > size
    found.touched(size)
    assert mapped_bytes() - before < size


def test_patches_are_those_of_the_reference_crop(data_dir: Path) -> None:
    patches = Patches(views(data_dir), np.arange(len(views(data_dir))), 128, NAMES)
    expected = {name: [training_patches(scene[name], 128) for scene in scenes(data_dir)] for name in NAMES}
    assert len(patches) == sum(map(len, expected["cloud"]))
    for number in range(len(patches)):
        position, place = divmod(number, len(expected["cloud"][0]))
        patch = patches.read(number)
        assert tuple(patch) == NAMES
        for name, array in patch.items():
            np.testing.assert_array_equal(array, expected[name][position][place])


def test_an_epoch_holds_every_patch_once_and_repeats_with_its_seed(data_dir: Path) -> None:
    recipe = RECIPES["cloudmask_demo"].with_settings({"batch_size": 4})
    batches = Batches(Prepared.open("cloudmask_demo", data_dir), recipe, seed=3)
    sums = [float(image.sum()) for batch in batches.training(1) for image in batch[0].astype(np.float64)]
    again = [float(image.sum()) for batch in batches.training(1) for image in batch[0].astype(np.float64)]
    assert len(sums) == 4 * batches.steps
    assert sums == again
    assert len({round(value, 3) for value in sums}) == len(sums)


def test_a_damaged_record_raises(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir / "sciml/cloudmask_demo", tmp_path / "sciml/cloudmask_demo")
    shard = next((tmp_path / "sciml/cloudmask_demo/1.0.0").glob("*train*-00000-of-*[0-9]"))
    content = bytearray(shard.read_bytes())
    content[100_000] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DamagedRecordError, match="checksum does not agree"):
        views(tmp_path)[0]


def test_a_file_that_was_cut_short_after_it_was_opened_raises(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir / "sciml/cloudmask_demo", tmp_path / "sciml/cloudmask_demo")
    opened = views(tmp_path)
    for shard in (tmp_path / "sciml/cloudmask_demo/1.0.0").glob("*train*-of-*[0-9]"):
        os.truncate(shard, 100_000)
    with pytest.raises(DamagedRecordError, match="its length is not the one written"):
        opened[0]


def test_samples_of_views_are_those_of_decoded_records(data_dir: Path) -> None:
    source = STEMDL["stemdl_demo"].source
    builder = tfds.builder("sciml/stemdl_demo", data_dir=data_dir)
    selection = Prepared.open("stemdl_demo", data_dir).select("train")
    viewed, decoded = Viewed(builder, selection), Examples(builder, selection)
    assert source.viewed
    assert len(viewed) == len(decoded)
    for number in (0, len(viewed) - 1):
        for found, expected in zip(
            source.samples(viewed.read(number)), source.samples(decoded.read(number)), strict=True
        ):
            np.testing.assert_array_equal(found, expected)


def test_threads_fill_batches_only_where_a_sample_takes_long_or_is_large(data_dir: Path) -> None:
    builder = tfds.builder("sciml/stemdl_demo", data_dir=data_dir)
    selection = Prepared.open("stemdl_demo", data_dir).select("train")

    def slow(example: dict[str, np.ndarray]) -> tuple[np.ndarray, int, int]:
        time.sleep(0.01)
        return example["cbed_stack"], 1, 1

    def quick(example: dict[str, np.ndarray]) -> tuple[float, int, int]:
        return 0.0, 1, 1

    def large(example: dict[str, np.ndarray]) -> tuple[np.ndarray, int, int]:
        return np.zeros((2048, 2048), np.uint8), 1, 1

    source = STEMDL["stemdl"].source
    assert replace(source, samples=large, drawn=None).training_samples(builder, selection).gains_from_threads()
    assert replace(source, samples=slow).training_samples(builder, selection).gains_from_threads()
    assert not replace(source, samples=quick, drawn=None).training_samples(builder, selection).gains_from_threads()
