"""Raw CloudMask files: what is accepted, how it is split, and the one sentence for everything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cloudmask_files import COLUMNS, ROWS, granule, scene, write_raw, write_scene
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.cloudmask.granules import NODE, ORBIT, granule_of, split_of
from sciml_datasets.cloudmask.raw import CAST, Scenes
from sciml_datasets.preparation.index_checks import check_disjoint
from sciml_datasets.raw_format import Example, Sample

NAME = "S3A_SL_1_RBT____20190612T004900_20190612T005200_20190612T030639_0179_045_359_1080_LN2_O_NR_003"
SCENES = Scenes(ROWS, COLUMNS)


def indexed(folder: Path) -> list[Sample]:
    return [sample for file in SCENES.files(folder) for sample in SCENES.index(folder, file)]


def read(path: Path) -> Example:
    """One scene file, read as a raw folder's only training scene would be."""
    sample = Sample("train", path.stem, path.name, "", 0, "", "")
    with SCENES.reader(path.parent) as read_sample:
        return read_sample(sample)


def read_changed(tmp_path: Path, **changes: Any) -> Example:
    return read(write_scene(tmp_path / f"{NAME}.hdf", **changes))


# Names and splits


def test_a_name_tells_time_orbit_and_frame() -> None:
    found = granule_of(Path("somewhere") / f"{NAME}.hdf")
    assert found.name == NAME
    assert found.satellite == "S3A"
    assert found.start_time == "2019-06-12T00:49:00Z"
    assert (found.cycle, found.relative_orbit, found.frame) == (45, 359, 1080)


def test_the_name_of_a_product_folder_is_read_as_well() -> None:
    assert granule_of(Path(f"{NAME}.SEN3")).relative_orbit == 359


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("notes", "not the name of a granule"),
        (NAME.replace("S3A", "S2A"), "not the name of a granule"),
        (NAME.replace("_RBT_", "_LST_"), "not the name of a granule"),
        (NAME.replace("20190612T004900", "20190631T004900"), "a time that does not exist"),
        (NAME.replace("_359_", "_386_"), "relative orbit 386, expected a later stop and an orbit from 1 to 385"),
        (NAME.replace("20190612T005200", "20190612T004800"), "expected a later stop"),
    ],
)
def test_a_name_that_is_no_granule_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        granule_of(Path(f"{name}.hdf"))


def test_frames_before_and_after_midnight_are_of_one_pass() -> None:
    before = granule_of(Path(granule(date="20190612", start="235800", frame=1080)))
    after = granule_of(Path(granule(date="20190613", start="000100", frame=1260)))
    assert before.orbit_pass == after.orbit_pass == "2019-06-12 orbit 359"


FRAMED = {
    "S3A_SL_1_RBT____20181202T091223_20181202T091523_20181203T174143_0179_038_321_2340_LN2_O_NT_003",
    "S3A_SL_1_RBT____20220202T103114_20220202T103414_20220202T130209_0179_081_279_2340_LN2_O_NR_004",
    "S3B_SL_1_RBT____20181221T002724_20181221T003024_20181222T080855_0179_020_059_3060_LN2_O_NT_003",
    "S3B_SL_1_RBT____20191117T231801_20191117T232101_20191119T035119_0180_032_172_5400_LN2_O_NT_003",
    "S3B_SL_1_RBT____20200818T170019_20200818T170319_20200818T185402_0180_042_240_2700_LN2_O_NR_004",
    "S3B_SL_1_RBT____20230315T095847_20230315T100147_20230316T030042_0179_077_150_4320_PS2_O_NT_004",
    "S3B_SL_1_RBT____20241113T081123_20241113T081423_20241113T095357_0179_099_363_3240_PS2_O_NR_004",
    NAME,
}
"""Names of real products."""


def unframed(name: str) -> str:
    """The name that the reprocessed archive gives."""
    return f"{name[:-17]}____{name[-13:]}"


@pytest.mark.parametrize("name", sorted(FRAMED))
def test_a_name_without_a_frame_gives_the_same_pass(name: str) -> None:
    found = granule_of(Path(unframed(name)))
    assert found.frame is None
    assert found.orbit_pass == granule_of(Path(name)).orbit_pass


@given(st.integers(0, 385 * 120), st.lists(st.integers(0, 33), min_size=2, max_size=5))
def test_all_frames_of_a_pass_without_frames_are_in_one_split(orbit: int, frames: list[int]) -> None:
    node = NODE[0] + (orbit - 385 * 60) * ORBIT
    cycle, relative = divmod(385 * NODE[1] + NODE[2] + orbit - 385 * 60 - 1, 385)
    passes, dates = set(), set()
    for frame in frames:
        start, stop = (f"{node + timedelta(seconds=180 * number):%Y%m%dT%H%M%S}" for number in (frame, frame + 1))
        name = f"S3A_SL_1_RBT____{start}_{stop}_{stop}_0179_{cycle:03d}_{relative + 1:03d}______LR1_R_NT_003"
        passes.add(granule_of(Path(name)).orbit_pass)
        dates.add(granule_of(Path(name.replace("_____LR1", f"{180 * frame:04d}_LR1"))).orbit_pass)
    assert len(passes) == 1
    assert len(dates) == 1


def test_a_pass_of_two_dates_is_refused(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    # By the usual time of relative orbit 45 its node is 70 s after midnight; by this frame it was 20 s before.
    late = granule(date="20190613", start="002940", orbit=45, frame=1800)
    early = unframed(granule(date="20190613", start="003240", orbit=45, frame=1980))
    write_scene(folder / "training" / f"{late}.hdf")
    write_scene(folder / "training" / f"{early}.hdf")
    assert granule_of(Path(late)).orbit_pass == "2019-06-12 orbit 045"
    assert granule_of(Path(early)).orbit_pass == "2019-06-13 orbit 045"
    with pytest.raises(InputError, match=r"are of one pass, but by their names it began on two dates .* remove one"):
        SCENES.files(folder)


def test_a_scene_of_an_unknown_frame(tmp_path: Path) -> None:
    example = read(write_scene(tmp_path / f"{unframed(NAME)}.hdf"))
    assert (example["id"], example["frame"], example["relative_orbit"]) == (unframed(NAME), -1, 359)


@given(st.dates(min_value=date(2016, 2, 16)), st.integers(1, 385), st.lists(st.integers(0, 30), min_size=2))
def test_all_frames_of_a_pass_are_in_one_split(day: date, orbit: int, frames: list[int]) -> None:
    splits = set()
    for frame in frames:
        start = f"{1 + frame // 20:02d}{3 * (frame % 20):02d}00"
        name = granule(date=f"{day:%Y%m%d}", start=start, orbit=orbit, frame=180 * frame)
        splits.add(split_of(granule_of(Path(name)), held_out=False))
    assert len(splits) == 1


def test_a_fifth_of_the_passes_is_for_validation() -> None:
    names = [
        granule(date=f"2019{month:02d}{day:02d}", orbit=10 * day) for month in range(1, 13) for day in range(1, 29)
    ]
    splits = [split_of(granule_of(Path(name)), held_out=False) for name in names]
    assert splits.count("validation") / len(splits) == pytest.approx(0.2, abs=0.05)


def test_the_split_of_a_known_pass_never_changes() -> None:
    splits = [split_of(granule_of(Path(granule(orbit=orbit))), held_out=False) for orbit in range(1, 11)]
    assert [orbit for orbit, split in enumerate(splits, 1) if split == "validation"] == [4, 9]


def test_inference_scenes_are_the_test_split(tmp_path: Path) -> None:
    by_split = {sample.key: sample.split for sample in indexed(write_raw(tmp_path))}
    assert by_split.pop(granule(date="20191001")) == "test"
    assert set(by_split.values()) == {"train", "validation"}


def test_both_folder_layouts_give_the_same_samples(tmp_path: Path) -> None:
    new = write_raw(tmp_path / "new")
    for old_name, new_name in (("one-day/night", "training"), ("ssts/day", "inference")):
        shutil.copytree(new / new_name, tmp_path / "old" / old_name)
    assert [(s.split, s.key, s.group) for s in indexed(new)] == [
        (s.split, s.key, s.group) for s in indexed(tmp_path / "old")
    ]


def test_a_pass_in_training_and_inference_is_refused(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    write_scene(folder / "inference" / f"{granule(orbit=3, start='005200', frame=1260)}.hdf")
    with pytest.raises(InputError, match="pass 2019-06-13 orbit 003 is in two splits"):
        check_disjoint(indexed(folder), SCENES.group_kind)


# Folders and files


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \*\.hdf file in it"):
        SCENES.files(tmp_path)


def test_a_split_without_scenes_is_named(tmp_path: Path) -> None:
    shutil.rmtree(write_raw(tmp_path) / "inference")
    with pytest.raises(InputError, match="none of the 10 scenes belongs to the test split"):
        SCENES.files(tmp_path)


def test_a_scene_outside_the_known_folders_is_named(tmp_path: Path) -> None:
    write_scene(write_raw(tmp_path) / "more" / f"{NAME}.hdf")
    with pytest.raises(InputError, match=r"1080.*\.hdf: the scene lies in none of the folders training/"):
        SCENES.files(tmp_path)


def test_a_file_that_is_no_granule_is_named(tmp_path: Path) -> None:
    write_scene(write_raw(tmp_path) / "training" / "mask.hdf")
    with pytest.raises(InputError, match=r"mask\.hdf: not the name of a granule"):
        SCENES.files(tmp_path)


@pytest.mark.parametrize("ending", [".HDF", ".h5"])
def test_a_scene_with_another_ending_is_named(tmp_path: Path, ending: str) -> None:
    folder = write_raw(tmp_path)
    write_scene(folder / "training" / f"{granule(orbit=3)}{ending}")
    (folder / "training" / "notes.h5").touch()
    with pytest.raises(InputError, match=rf"{ending}: a scene whose name does not end in \.hdf"):
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
    with pytest.raises(InputError, match="not one of the 1280 pixels is valid"):
        read_changed(tmp_path, bts=np.zeros((ROWS, COLUMNS, 3), np.float32))


# Examples


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
    assert read(path)["day"] == 1  # asked for by itself, its reflectances decide


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


def test_celsius_and_per_cent_are_named(tmp_path: Path) -> None:
    celsius, percent = scene()["bts"] - np.float32(273.15), scene()["refs"] * 100
    with pytest.raises(InputError, match=r"bts are .* at most, expected kelvin"):
        read_changed(tmp_path, bts=celsius)
    with pytest.raises(InputError, match=r"expected 1 for white, not per cent"):
        read_changed(tmp_path, refs=percent)


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


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"bts": np.random.default_rng(0).integers(-8000, 3000, (ROWS, COLUMNS, 3), "i2")},
            "bts are not from 0 to 400",
        ),
        ({"refs": np.random.default_rng(0).integers(101, 9000, (ROWS, COLUMNS, 6), "i2")}, "refs are above 100"),
    ],
)
def test_stored_integers_are_no_kelvin_and_no_reflectance(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    path = write_scene(tmp_path / f"{NAME}.hdf", **changes)
    with pytest.raises(
        InputError, match=rf"{NAME}.hdf: more than half of the {match}, expected .*, not stored integers"
    ):
        read(path)


def test_packed_numbers_are_stored_as_the_values_that_they_mean(tmp_path: Path) -> None:
    made = scene()
    path = write_scene(tmp_path / f"{NAME}.hdf", bts=np.round((made["bts"] - 283.73) / 0.01).astype(np.int16))
    with h5py.File(path, "a") as file:
        file["bts"].attrs.update({"scale_factor": 0.01, "add_offset": 283.73, "_FillValue": np.int16(-32768)})
        file["bts"][2, 3, 1] = -32768
        file["refs"].attrs["_FillValue"] = np.float32(np.nan)
        file["bayes"].attrs["_FillValue"] = np.uint8(3)
    example = read(path)
    expected = made["bts"].copy()
    expected[2, 3, 1] = np.nan
    np.testing.assert_allclose(example["brightness_temperature"], expected, atol=0.006)
    np.testing.assert_array_equal(example["reflectance"], made["refs"])
    labelled = made["bayes"][..., 0] != 3
    labelled[2, 3] = False
    np.testing.assert_array_equal(example["valid"].view(bool), labelled)


def with_channel(name: str, channel: int, change: Callable[[np.ndarray], Any]) -> dict[str, np.ndarray]:
    """One of the scene's arrays with a changed channel."""
    values = scene()[name]
    values[..., channel] = change(values[..., channel])
    return {name: values}


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_kelvin_are_expected_in_each_channel(tmp_path: Path, channel: int) -> None:
    message = f"expected kelvin in S{channel + 7}"
    with pytest.raises(InputError, match=f"bts are .* at most, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: kelvin - 273.15))
    with pytest.raises(InputError, match=f"more than half of the bts are below 150, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: np.where(kelvin > 290, kelvin, 100)))
    with pytest.raises(InputError, match=f"more than half of the bts are not from 0 to 400, {message}"):
        read_changed(tmp_path, **with_channel("bts", channel, lambda kelvin: kelvin * 100))


@pytest.mark.parametrize("channel", range(6))
def test_reflectances_are_expected_in_each_channel(tmp_path: Path, channel: int) -> None:
    name = f"S{channel + 1}"
    with pytest.raises(InputError, match=f"half of the reflectances of {name} are above .*, expected 1 for white"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda light: light * 30))
    with pytest.raises(InputError, match=f"refs are above 100, expected 1 for white in {name}"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda light: light * 10000))


@pytest.mark.parametrize("missing", [0, np.nan, -32768])
@pytest.mark.parametrize("channel", range(6))
def test_a_channel_without_a_value_by_day_is_named(tmp_path: Path, channel: int, missing: float) -> None:
    with pytest.raises(InputError, match=f"the refs of S{channel + 1} are missing throughout, expected reflectances"):
        read_changed(tmp_path, **with_channel("refs", channel, lambda _: missing))


def test_a_channel_that_is_missing_in_the_pixels_asked_alone_is_taken(tmp_path: Path) -> None:
    values = scene()["refs"]
    values[::8, ::8, 2] = 0
    assert read_changed(tmp_path, refs=values)["day"] == 1
