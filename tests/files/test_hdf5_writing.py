"""HDF5 files of our own on a disk that fails: an error of the system, no crash."""

from __future__ import annotations

import errno
from pathlib import Path

import h5py
import numpy as np
import pytest
from limits import short_files

from sciml_datasets.files.hdf5_writing import written

VALUES = np.random.default_rng(0).random((40, 64), np.float32)


def fill(path: Path, most: int = len(VALUES)) -> None:
    with written(path) as file:
        for number, row in enumerate(VALUES[:most]):
            file.create_group(f"sample_{number}")["x"] = row


def test_what_was_written_is_read(tmp_path: Path) -> None:
    fill(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert (np.stack([file[f"sample_{number}/x"] for number in range(len(VALUES))]) == VALUES).all()


@pytest.mark.parametrize("most", [0, 1000, 5000, 20_000])
def test_a_disk_that_is_full_is_named(tmp_path: Path, most: int) -> None:
    with short_files(most), pytest.raises(OSError, match="File too large") as caught:
        fill(tmp_path / "a.h5")
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / "a.h5"))


def test_an_error_of_the_one_who_writes_is_that_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no sample"), written(tmp_path / "a.h5"):
        raise KeyError("no sample")
