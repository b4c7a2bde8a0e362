"""Raw CloudMask files: what is accepted, how it is split, and the one sentence for everything else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cloudmask_files import COLUMNS, ROWS, granule, scene, write_raw, write_scene
from cloudmask_reading import NAME, SCENES, indexed, read, read_changed

from sciml_datasets import InputError
from sciml_datasets.cloudmask.raw import CAST
from sciml_datasets.raw_format import Sample


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \*\.hdf file in it"):
        SCENES.files(tmp_path)


def test_a_split_without_scenes_is_named(tmp_path: Path) -> None:
    shutil.rmtree(write_raw(tmp_path) / "inference")
    with pytest.raises(InputError, match="none of the 10 scenes belongs to the test split"):
        SCENES.files(tmp_path)


def test_a_scene_outside_the_known_folders_is_named(tmp_path: Path) -> None:
    write_scene(write_raw(tmp_path) / "more" / f"{NAME}.hdf")
    with pytest.raises(InputError, match=r"1080.*\.hdf: the scene is in none of the folders training/"):
        SCENES.files(tmp_path)


def test_a_file_that_is_no_granule_is_named(tmp_path: Path) -> None:
    write_scene(write_raw(tmp_path) / "training" / "mask.hdf")
    with pytest.raises(InputError, match=r"mask\.hdf: not the name of a granule"):
        SCENES.files(tmp_path)


@pytest.mark.parametrize("ending", [".HDF", ".h5", ".H5", ".hdf5", ".HDF5"])
def test_a_scene_with_another_ending_is_named(tmp_path: Path, ending: str) -> None:
    folder = write_raw(tmp_path)
    write_scene(folder / "training" / f"{granule(orbit=3)}{ending}")
    (folder / "training" / "notes.h5").touch()
    with pytest.raises(InputError, match=rf"{ending}: a raw file whose name does not end in \.hdf"):
        SCENES.files(folder)


def test_two_files_of_one_granule_are_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    again = granule(orbit=3).replace("T235959", "T120000")  # processed twice
    write_scene(folder / "training" / "again" / f"{again}.hdf")
    with pytest.raises(InputError, match=r"training/.* and .*training/.* are two files of one granule"):
        SCENES.files(folder)


DEFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "no bts": ({"bts": None}, r"bts is missing, expected a data set \(32, 40, 3\)"),
    "five channels": ({"refs": scene()["refs"][..., :5]}, r"refs has the shape \(32, 40, 5\), expected \(32, 40, 6\)"),
    "one row less": ({"bts": scene()["bts"][1:]}, r"bts has the shape \(31, 40, 3\), expected \(32, 40, 3\)"),
    "bits as floats": ({"bayes": scene()["bayes"].astype(np.float32)}, r"bayes is float32, expected integers"),
    "text": ({"bts": np.full((ROWS, COLUMNS, 3), b"300")}, r"bts is \|S3, expected numbers"),
}


@pytest.mark.parametrize(("changes", "message"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_named_with_its_file(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = write_raw(tmp_path)
    path = write_scene(folder / "training" / f"{granule(orbit=3)}.hdf", **changes)
    with pytest.raises(InputError, match=message) as caught:
        indexed(folder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    path = folder / "training" / f"{granule(orbit=3)}.hdf"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(InputError, match=r"_003_1080.*\.hdf: not a complete HDF5 file .*truncated"):
        indexed(folder)


def test_damaged_data_are_named(tmp_path: Path) -> None:
    path = write_scene(tmp_path / f"{NAME}.hdf", bts=None)
    with h5py.File(path, "a") as file:
        chunk = file.create_dataset("bts", data=scene()["bts"], compression="gzip", chunks=(ROWS, COLUMNS, 3))
        offset = chunk.id.get_chunk_info(0).byte_offset
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + 64] = bytes(64)
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"\.hdf: bts cannot be read"):
        read(path)


def test_a_scene_without_a_valid_pixel_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the 1280 pixels is valid"):
        read_changed(tmp_path, bts=np.zeros((ROWS, COLUMNS, 3), np.float32))


def test_values_are_stored_as_they_are(tmp_path: Path) -> None:
    bts = scene()["bts"]
    bts[4, 5, 1] = np.nan
    example = read_changed(tmp_path, bts=bts)
    np.testing.assert_array_equal(example["brightness_temperature"], bts)
    np.testing.assert_array_equal(example["reflectance"], scene()["refs"])
    np.testing.assert_array_equal(example["bayes"], scene()["bayes"])
    assert (example["id"], example["start_time"]) == (NAME, "2019-06-12T00:49:00Z")
    assert (example["day"], example["relative_orbit"], example["frame"]) == (1, 359, 1080)


def test_any_bit_is_cloud(tmp_path: Path) -> None:
    bits = np.zeros((ROWS, COLUMNS, 1), np.uint8)
    bits[0, :4, 0] = (1, 2, 4, 8)
    example = read_changed(tmp_path, bayes=bits)
    assert example["cloud"].sum() == 4
    assert example["cloud"].dtype == np.uint8


@pytest.mark.parametrize("bad", [0.0, np.nan, -32768.0, 401.0, np.inf])
def test_a_pixel_with_one_bad_temperature_is_invalid_and_not_cloud(tmp_path: Path, bad: float) -> None:
    bts = scene()["bts"]
    bts[3, 7, 2] = bad
    example = read_changed(tmp_path, bts=bts, bayes=np.ones((ROWS, COLUMNS, 1), np.uint8))
    assert np.argwhere(example["valid"] == 0).tolist() == [[3, 7]]
    assert np.argwhere(example["cloud"] == 0).tolist() == [[3, 7]]


@pytest.mark.parametrize("bad", [np.nan, -32768.0, np.inf, 1e36])
def test_a_day_pixel_with_one_bad_reflectance_is_invalid(tmp_path: Path, bad: float) -> None:
    refs = scene()["refs"]
    refs[3, 7, 4] = bad
    assert np.argwhere(read_changed(tmp_path, refs=refs)["valid"] == 0).tolist() == [[3, 7]]


def test_a_day_pixel_without_any_reflectance_is_invalid(tmp_path: Path) -> None:
    refs = scene()["refs"]
    refs[3, 7] = 0
    assert np.argwhere(read_changed(tmp_path, refs=refs)["valid"] == 0).tolist() == [[3, 7]]


@pytest.mark.parametrize("dark", [0.0, np.nan, -32768.0])
def test_a_night_scene_needs_no_reflectance(tmp_path: Path, dark: float) -> None:
    example = read_changed(tmp_path, refs=np.full((ROWS, COLUMNS, 6), dark, np.float32))
    assert example["day"] == 0
    assert example["valid"].all()


def test_the_folder_decides_between_day_and_night(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "one-day" / "night" / f"{NAME}.hdf")
    sample = Sample("train", NAME, f"one-day/night/{NAME}.hdf", "", 0, "", "")
    with SCENES.reader(tmp_path) as read_sample:
        assert read_sample(sample)["day"] == 0
    assert read(path)["day"] == 1  # prepared alone, its reflectances decide


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16])
def test_other_number_types_become_float32(tmp_path: Path, dtype: Any) -> None:
    bts = scene()["bts"].astype(dtype)
    example = read_changed(tmp_path, bts=bts)
    assert example["brightness_temperature"].dtype == np.float32
    np.testing.assert_array_equal(example["brightness_temperature"], bts.astype(np.float32))


def test_a_cast_is_noted_once_for_a_scene(tmp_path: Path) -> None:
    path = write_scene(tmp_path / f"{NAME}.hdf", **{name: scene()[name].astype(">f8") for name in ("refs", "bts")})
    noted: list[tuple[str, str]] = []
    with SCENES.reader(tmp_path, lambda *note: noted.append(note)) as read_sample:
        read_sample(Sample("train", NAME, path.name, "", 0, "", ()))
    assert noted == [(CAST, f"{path}: refs is >f8 and bts is >f8")]


def test_bits_may_lack_the_channel_axis_and_be_wider(tmp_path: Path) -> None:
    wide = scene()["bayes"][..., 0].astype(np.int16)
    wide[2, 3] = -32768
    example = read_changed(tmp_path, bayes=wide)
    assert example["bayes"].shape == (ROWS, COLUMNS, 1)
    assert np.argwhere(example["valid"] == 0).tolist() == [[2, 3]]
    assert example["cloud"][2, 3] == 0


def test_bits_of_more_than_a_byte_everywhere_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no value of bayes is from 0 to 255"):
        read_changed(tmp_path, bayes=scene()["bayes"].astype(np.uint16) + 256)


def test_arrays_are_filled_again_scene_after_scene(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    with SCENES.reader(folder) as read_sample:
        first, second, *_ = indexed(folder)
        assert read_sample(first)["bayes"] is read_sample(second)["bayes"]
