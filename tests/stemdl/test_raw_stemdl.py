"""Raw STEMDL files: what is accepted, and the one sentence for everything else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from stemdl_files import sample, write_file, write_raw

from sciml_datasets import InputError, prepare
from sciml_datasets.stemdl.raw import Hdf5Stacks


def prepared(raw_dir: Path) -> Path:
    return prepare("stemdl_demo", raw_dir, raw_dir / "data")


def assert_nothing_prepared(raw_dir: Path) -> None:
    left = list((raw_dir / "data").rglob("*")) if (raw_dir / "data").exists() else []
    assert [path for path in left if path.is_file()] == []
    assert not (raw_dir / "data" / "sciml" / "stemdl_demo" / "3.0.0").exists()


def defect(**changes: Any) -> dict[str, dict[str, Any]]:
    return {"sample_0_0": sample("mp-9"), "sample_1_0": sample("mp-1", **changes)}


DEFECTS = {
    "no cbed_stack": (defect(cbed_stack=None), "sample_1_0: cbed_stack is missing"),
    "wrong shape": (
        defect(cbed_stack=np.zeros((3, 64, 64), np.float32)),
        r"shape \(3, 64, 64\), expected \(3, 128, 128\)",
    ),
    "two patterns": (defect(cbed_stack=np.zeros((2, 128, 128), np.float32)), r"shape \(2, 128, 128\)"),
    "wrong dtype": (defect(cbed_stack=np.zeros((3, 128, 128))), "cbed_stack is float64, expected float32"),
    "integers": (defect(cbed_stack=np.zeros((3, 128, 128), np.int32)), "cbed_stack is int32"),
    "NaN": (defect(cbed_stack=np.full((3, 128, 128), np.nan, np.float32)), "NaN at 49152 of 49152 pixels"),
    "a negative intensity": (
        defect(cbed_stack=np.where(np.arange(128) == 5, -1, np.ones((3, 128, 128))).astype(np.float32)),
        "negative at 384 of 49152 pixels, to -1",
    ),
    "no space group": (defect(space_group=None), "space_group is missing"),
    "space group 231": (defect(space_group=np.bytes_(b"231")), "space_group is '231', expected a number from 1 to 230"),
    "space group 0": (defect(space_group=0), "space_group is '0'"),
    "space group in words": (defect(space_group="Fm-3m"), "space_group is 'Fm-3m'"),
    "a space group of many digits": (defect(space_group="1" * 5000), "space_group is '1111"),
    "a blank material": (defect(material="  "), "material is empty"),
    "no material": (defect(material=None), "material is missing"),
    "energy in words": (defect(energy_keV="high"), "energy_keV is 'high'"),
    "empty file": ({}, "holds no samples"),
}


@pytest.mark.parametrize(("samples", "message"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_is_named_with_its_file_and_nothing_is_left(
    tmp_path: Path, samples: dict[str, dict[str, Any]], message: str
) -> None:
    write_raw(tmp_path, train=samples)
    with pytest.raises(InputError, match=message) as caught:
        prepared(tmp_path)
    assert str(tmp_path / "stemdl_demo" / "train" / "batch_train_0.h5") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_nothing_prepared(tmp_path)


def test_one_nan_among_the_pixels_is_found(tmp_path: Path) -> None:
    stack = np.ones((3, 128, 128), np.float32)
    stack[2, 5, 7] = np.nan
    write_raw(tmp_path, train=defect(cbed_stack=stack))
    with pytest.raises(InputError, match="NaN at 1 of 49152 pixels"):
        prepared(tmp_path)


def test_infinite_intensity_is_kept_as_the_reference_clips_it(tmp_path: Path) -> None:
    write_raw(tmp_path, train=defect(cbed_stack=np.full((3, 128, 128), np.inf, np.float32)))
    assert prepared(tmp_path).is_dir()


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    path = folder / "train" / "batch_train_0.h5"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"batch_train_0\.h5: not a complete HDF5 file .*truncated"):
        prepared(tmp_path)
    assert_nothing_prepared(tmp_path)


def test_a_file_that_is_no_hdf5_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    (folder / "dev" / "notes.h5").write_text("not found")
    with pytest.raises(InputError, match=r"notes\.h5: not a complete HDF5 file"):
        prepared(tmp_path)
    assert_nothing_prepared(tmp_path)


def test_damaged_payload_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    path = folder / "train" / "batch_train_0.h5"
    path.unlink()
    with h5py.File(path, "w") as file:
        group = file.create_group("sample_0_0")
        group.create_dataset("cbed_stack", data=sample("mp-1")["cbed_stack"], compression="gzip", chunks=(3, 128, 128))
        group.attrs["space_group"], group.attrs["material"] = 2, "mp-1"
        offset = group["cbed_stack"].id.get_chunk_info(0).byte_offset
    damaged = bytearray(path.read_bytes())
    damaged[offset : offset + 64] = bytes(64)
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"batch_train_0\.h5, group sample_0_0: cbed_stack cannot be read"):
        prepared(tmp_path)
    assert_nothing_prepared(tmp_path)


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    (folder / "test" / "batch_test_0.h5").unlink()
    with pytest.raises(InputError, match=r"test: no \*\.h5 file for the test split"):
        prepared(tmp_path)
    (folder / "test").rmdir()
    with pytest.raises(InputError, match="expected one folder test/ for the test split, found none"):
        prepared(tmp_path)


def test_an_empty_raw_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "stemdl_demo").mkdir()
    with pytest.raises(InputError, match="expected one folder train/"):
        prepared(tmp_path)
    assert_nothing_prepared(tmp_path)


def test_dev_and_validation_together_are_refused(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    write_file(folder / "validation" / "batch_dev_1.h5", {"sample_0_0": sample("mp-4")})
    with pytest.raises(InputError, match="found dev/ and validation/"):
        prepared(tmp_path)


@pytest.mark.parametrize("name", ["dev", "validation"])
def test_either_name_of_the_validation_folder_gives_the_same_ids(tmp_path: Path, name: str) -> None:
    folder = write_raw(tmp_path, dev=name)
    raw_format = Hdf5Stacks(128)
    keys = [s.key for file in raw_format.files(folder) for s in raw_format.index(folder, file)]
    assert "validation/batch_dev_0.h5/sample_0_0" in keys


def test_a_material_in_two_splits_is_refused_by_name(tmp_path: Path) -> None:
    write_raw(tmp_path, train={"sample_0_0": sample("mp-3")})
    with pytest.raises(InputError, match="material mp-3 is in two splits"):
        prepared(tmp_path)
    assert_nothing_prepared(tmp_path)


@pytest.mark.parametrize("number", [np.bytes_(b"14"), "14", 14, np.array([14], np.int16), " 14", "14   ", 14.0])
def test_the_space_group_may_be_bytes_text_or_a_number(tmp_path: Path, number: object) -> None:
    folder = write_raw(tmp_path, train={"sample_0_0": sample("mp-1", space_group=number)})
    raw_format = Hdf5Stacks(128)
    (found,) = raw_format.index(folder, raw_format.files(folder)[1])
    assert (found.split, found.facts) == ("train", ("14",))


@pytest.mark.parametrize("exponents", [(-4000, 4000, 0), (-4930, -4930, -4930)])
def test_debris_of_a_foreign_float128_counts_as_absent(tmp_path: Path, exponents: tuple[int, ...]) -> None:
    debris = np.longdouble(10) ** np.array(exponents)
    directions = np.zeros((1, 3, 3), np.longdouble)
    directions[0, :, :2] = 1
    debris_of = {"d_hkls_angstrom": debris, "y_dirs": directions}
    folder = write_raw(tmp_path, train={"sample_0_0": sample("mp-1", abc_angstrom=np.ones(3), **debris_of)})
    raw_format = Hdf5Stacks(128)
    (found,) = raw_format.index(folder, raw_format.files(folder)[1])
    with raw_format.reader(folder) as read:
        example = read(found)
    assert np.isnan(example["d_hkls_angstrom"]).all()
    assert np.isnan(example["z_dirs"]).all()
    assert np.isnan(example["y_dirs"]).all()
    assert (example["abc_angstrom"] == 1).all()
    assert example["formula"] == ""


@pytest.mark.parametrize(
    "directions", [[[1, 0, 0], [1, 0, 2], [-1, 1, 4]], np.linalg.qr(np.ones((3, 3)) + np.eye(3))[0]]
)
def test_z_dirs_may_be_miller_indices_or_unit_vectors(tmp_path: Path, directions: object) -> None:
    stored = np.array([directions])
    folder = write_raw(tmp_path, train={"sample_0_0": sample("mp-1", z_dirs=stored)})
    raw_format = Hdf5Stacks(128)
    (found,) = raw_format.index(folder, raw_format.files(folder)[1])
    with raw_format.reader(folder) as read:
        np.testing.assert_array_equal(read(found)["z_dirs"], stored)


def test_z_dirs_in_neither_meaning_are_refused_by_value(tmp_path: Path) -> None:
    folder = write_raw(tmp_path, train={"sample_0_0": sample("mp-1", z_dirs=np.diag([1.0, 1.0, 2.5])[None])})
    with pytest.raises(
        InputError, match=r"sample_0_0: z_dirs has the direction \(0, 0, 2.5\), expected three times integer Miller"
    ):
        prepared(tmp_path)
    assert_nothing_prepared(folder)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ([(2, 0, 0), (0, 1, 2), (0.6, 0.8, 0)], "the indices (2, 0, 0) beside the unit vector (0.6, 0.8, 0)"),
        ([(1, 0, 0), (0.6, 0.8, 0), (0, 1, 2)], "the indices (0, 1, 2) beside the unit vector (0.6, 0.8, 0)"),
        ([(5, 0, 0), (0.6, 0.8, 0), (0.6, 0.9, 0)], "the direction (0.6, 0.9, 0)"),
        ([(9, 0, 0), (0, 1, 1), (0.5, 0.5, 0)], "the direction (0.5, 0.5, 0)"),
    ],
)
def test_of_z_dirs_in_no_one_meaning_the_column_at_fault_is_named(
    tmp_path: Path, columns: list[tuple[float, ...]], found: str
) -> None:
    stored = np.array(columns).T[None]
    folder = write_raw(tmp_path, train={"sample_0_0": sample("mp-1", z_dirs=stored)})
    raw_format = Hdf5Stacks(128)
    (of_train,) = raw_format.index(folder, raw_format.files(folder)[1])
    with raw_format.reader(folder) as read, pytest.raises(InputError, match=re.escape(f"z_dirs has {found}, ")):
        read(of_train)


@pytest.mark.parametrize("stored", [{"chunks": (1, 64, 128)}, {"compression": "gzip"}, {"dtype": ">f4"}])
def test_stacks_that_are_not_stored_in_one_piece_read_alike(tmp_path: Path, stored: dict[str, Any]) -> None:
    stack = sample("mp-1")["cbed_stack"]
    folder = write_raw(tmp_path)
    path = folder / "train" / "batch_train_0.h5"
    with h5py.File(path, "a") as file:
        del file["sample_0_0/cbed_stack"]
        file["sample_0_0"].create_dataset("cbed_stack", data=stack, **stored)
    raw_format = Hdf5Stacks(128)
    (found,) = raw_format.index(folder, raw_format.files(folder)[1])
    with raw_format.reader(folder) as read:
        np.testing.assert_array_equal(read(found)["cbed_stack"], stack)


def test_a_stack_that_was_cut_off_after_the_index_is_named(tmp_path: Path) -> None:
    folder = write_raw(tmp_path)
    raw_format = Hdf5Stacks(128)
    (found,) = raw_format.index(folder, raw_format.files(folder)[1])
    beyond = replace(found, place=f"{10**9} {found.place.partition(' ')[2]}")
    with raw_format.reader(folder) as read, pytest.raises(InputError, match=r"sample_0_0: cbed_stack is cut short"):
        read(beyond)


@pytest.mark.parametrize(("kind", "make"), [("a FIFO", os.mkfifo), ("a folder", os.mkdir)])
def test_what_is_called_like_a_raw_file_and_is_none_is_named(
    tmp_path: Path, kind: str, make: Callable[[Path], None]
) -> None:
    folder = write_raw(tmp_path)
    make(folder / "dev" / "more.h5")
    with pytest.raises(InputError, match=rf"more\.h5 is {kind}.*, expected a file"):
        prepared(tmp_path)


@pytest.mark.parametrize("name", ["more.H5", "more.hdf5", "more.HDF5", "more.hdf", "more.Hdf"])
def test_a_raw_file_with_another_ending_is_named(tmp_path: Path, name: str) -> None:
    write_file(write_raw(tmp_path) / "dev" / name, {"sample_0_0": sample("mp-5")})
    with pytest.raises(InputError, match=rf"{name}: a raw file whose name does not end in \.h5"):
        prepared(tmp_path)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_one_file_under_two_names_is_named(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    folder = write_raw(tmp_path)
    link(folder / "dev" / "batch_dev_0.h5", folder / "dev" / "more.h5")
    with pytest.raises(InputError, match=r"more\.h5 and .*batch_dev_0\.h5 are one file under two names"):
        prepared(tmp_path)


@pytest.mark.parametrize("name", ["a\udcff.h5", "a\tb.h5", "a\nb.h5"])
def test_a_name_that_no_list_can_hold_is_shown(tmp_path: Path, name: str) -> None:
    write_file(write_raw(tmp_path) / "dev" / "x.h5", {"sample_0_0": sample("mp-5")}).rename(
        tmp_path / "stemdl_demo" / "dev" / name
    )
    with pytest.raises(InputError, match="the name of a raw file is not UTF-8, or holds a tab or line break") as caught:
        prepared(tmp_path)
    str(caught.value).encode()
