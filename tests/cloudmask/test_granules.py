"""Names of granules, and the split that follows from a pass."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from cloudmask_files import granule, write_raw, write_scene
from cloudmask_reading import NAME, SCENES, indexed, read
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.cloudmask.granules import NODE, ORBIT, granule_of, split_of
from sciml_datasets.preparation.index_checks import check_disjoint


def test_a_name_gives_time_orbit_and_frame() -> None:
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
