"""Predictions files that are damaged end in one sentence; sound ones are read to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.metrics.predictions import read_predictions, read_predictions_here, write_predictions

IDS = [f"sample_{i}" for i in range(40)]


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", "?", "f2"])
@pytest.mark.parametrize("storage", [{}, {"chunks": (7, 3), "compression": "gzip"}])
def test_a_child_process_reads_what_this_one_reads(tmp_path: Path, dtype: str, storage: dict[str, Any]) -> None:
    values = np.arange(120).reshape(40, 3).astype(dtype)
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file.create_dataset("id", data=IDS, dtype=h5py.string_dtype())
        file.create_dataset("prediction", data=values, **storage)
    for read in (read_predictions, read_predictions_here):
        ((ids, found),) = read(tmp_path / "p.h5")
        assert [key.decode() for key in ids] == IDS
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, values)


def test_a_damaged_heap_of_ids_is_told_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "p.h5"
    write_predictions(path, 40, [(IDS, np.zeros(40, np.float32))])
    content = bytearray(path.read_bytes())
    size = content.index(b"GCOL") + 16 + 8  # of the first object: with its head it is as long as nothing at all
    content[size : size + 8] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"p\.h5"):
        list(read_predictions(path))


def test_an_array_of_more_chunks_than_the_library_can_look_at_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.h5", "w", libver="latest") as file:
        file.create_dataset("id", (1 << 34,), "f8", chunks=(1,), compression="gzip")[0] = 1
        file["prediction"] = np.zeros(13, np.float32)
    assert (tmp_path / "p.h5").stat().st_size > 1 << 34  # with holes: its index has a place for each chunk
    with pytest.raises(InputError, match=r"id has 17,179,869,184 chunks, at most 16,777,216"):
        list(read_predictions(tmp_path / "p.h5"))


def test_a_prediction_of_no_bearable_size_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["id"] = np.array([b"a"])
        file.create_dataset("prediction", (1, 1 << 40), "f4", chunks=(1, 1024))[0, 0] = 1
    with pytest.raises(InputError, match=r"p\.h5"):
        list(read_predictions(tmp_path / "p.h5"))
