"""Compressed chunks of HDF5 files: what they inflate to is known before the library makes room for it."""

from __future__ import annotations

import bz2
import struct
import zlib
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.files.hdf5 import opened
from sciml_datasets.files.hdf5_chunks import BZIP2, LZ4, SIZES, ZSTANDARD

FILTERS: dict[str, dict[str, Any]] = {
    "gzip": {"compression": "gzip"},
    "gzip of shuffled bytes": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "scaleoffset": {"scaleoffset": 2},
    "blosc": dict(hdf5plugin.Blosc()),
    "zstandard": dict(hdf5plugin.Zstd()),
    "lz4": dict(hdf5plugin.LZ4()),
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    "bitshuffle alone": dict(hdf5plugin.Bitshuffle(cname="none")),
    "bzip2": dict(hdf5plugin.BZip2()),
}
CHUNK = 64, 60
VALUES = np.random.default_rng(0).integers(0, 9, (200, 100)).astype(np.float32)


def whole(path: Path) -> np.ndarray[Any, Any]:
    with opened(path) as file:
        return file.array("x").whole()


@pytest.mark.parametrize("name", FILTERS)
def test_the_size_of_a_chunk_is_told_before_it_is_inflated(tmp_path: Path, name: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=VALUES, chunks=CHUNK, **FILTERS[name])
        made, size = data.id.get_create_plist(), data.id.get_chunk_info(0).size
        stored = data.id.read_direct_chunk((0, 0))[1]
    code, _, parameters, _ = made.get_filter(int(name == "gzip of shuffled bytes"))
    most = 4 * CHUNK[0] * CHUNK[1]
    assert SIZES[code](lambda count: stored[:count], size, parameters, most) == most
    np.testing.assert_array_equal(whole(tmp_path / "a.h5"), VALUES)


@pytest.mark.parametrize("filters", [hdf5plugin.Blosc2(), hdf5plugin.Zfp(), {"compression": "gzip", "scaleoffset": 2}])
def test_filters_of_which_that_cannot_be_told_are_refused(tmp_path: Path, filters: Any) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=VALUES, **dict(filters))
    with pytest.raises(InputError, match=r"a\.h5: x is compressed in a way whose size .*: write it with gzip"):
        whole(tmp_path / "a.h5")


def zeros_by_zlib(size: int) -> bytes:
    """The longest stream of zeros of so many bytes, without an end."""
    stream = zlib.compressobj(9)
    begin = stream.compress(bytes(1 << 26)) + stream.flush(zlib.Z_FULL_FLUSH)
    block = stream.compress(bytes(1 << 26)) + stream.flush(zlib.Z_FULL_FLUSH)
    return (begin + block * (size // len(block) + 1))[:size]


def bomb_by_lzf(size: int) -> bytes:
    """A literal, and references of the greatest length to it."""
    return (b"\x00\x00" + b"\xe0\xff\x00" * (size // 3))[:size]


LARGE = 1 << 21
"""Bytes of a chunk that are so many when compressed that gzip could take 2 GiB for them."""
BOMBS: dict[str, tuple[dict[str, Any], int, bytes]] = {
    "gzip": (FILTERS["gzip"], LARGE, zeros_by_zlib(LARGE)),
    "lzf": (FILTERS["lzf"], 16 * 1000 * 1000, bomb_by_lzf(16 * 1000 * 1000)),
    "bzip2": (FILTERS["bzip2"], 4096, bz2.compress(bytes(1 << 20))),
    "blosc": (FILTERS["blosc"], 4096, struct.pack("<BBBBIII", 2, 1, 0x13, 1, 1 << 30, 1 << 30, 32) + bytes(16)),
    "lz4": (FILTERS["lz4"], 4096, struct.pack(">QI", 1 << 40, 1 << 20) + bytes(16)),
    "bitshuffle": (FILTERS["bitshuffle"], 4096, struct.pack(">QI", 1 << 40, 8192) + bytes(16)),
    "zstandard": (FILTERS["zstandard"], 4096, b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 40) + bytes(16)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_chunk_that_inflates_to_more_than_it_declares_is_refused(tmp_path: Path, name: str) -> None:
    filters, size, stored = BOMBS[name]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", (size // 4,), np.float32, chunks=(size // 4,), **filters)
        data.id.write_direct_chunk((0,), stored)
    with pytest.raises(InputError, match=rf"a\.h5: x cannot be read .a chunk of {size:,} bytes inflates to [0-9,]+ or"):
        whole(tmp_path / "a.h5")


def test_a_chunk_that_is_stored_in_more_bytes_than_it_has_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", (1000,), np.float32, chunks=(1000,), compression="gzip")
        data.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 20)) + bytes(1 << 20))
    with pytest.raises(InputError, match=r"a chunk of 4,000 bytes is stored in 1,[0-9,]+"):
        whole(tmp_path / "a.h5")


def test_rows_are_checked_with_the_chunks_that_hold_them(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", (30, 10), np.float32, chunks=(10, 10), **FILTERS["bzip2"])
        data[:] = 1
        data.id.write_direct_chunk((20, 0), bz2.compress(bytes(1 << 20)))
    with opened(tmp_path / "a.h5") as file:
        array = file.array("x")
        assert array.rows(5, 20).sum() == 150
        with pytest.raises(InputError, match=r"rows 15 to 20,.* inflates to"):
            array.rows(15, 21)


@pytest.mark.parametrize("code", [BZIP2, ZSTANDARD, LZ4])
def test_a_chunk_that_is_cut_short_has_a_size(code: int) -> None:
    for stored in (b"", b"\x28\xb5\x2f\xfd", bz2.compress(b"abc")[:-5]):
        assert SIZES[code](lambda count, stored=stored: stored[:count], len(stored), (), 100) >= 0


@pytest.mark.parametrize("stored", [b"a", b"abc", b"abcd"])
def test_a_chunk_that_is_shorter_than_its_checksum_is_refused(tmp_path: Path, stored: bytes) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", (1000,), np.float32, chunks=(1000,), compression="gzip", fletcher32=True)
        data.id.write_direct_chunk((0,), stored)
    with pytest.raises(InputError, match=rf"a\.h5: x .*a chunk is stored in {len(stored)} bytes, expected 5 or more"):
        whole(tmp_path / "a.h5")
