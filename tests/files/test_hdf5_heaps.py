"""Text of varying length in HDF5 files from outside: as it was written, or refused where the library would not end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.files.hdf5 import TEXT, opened
from sciml_datasets.files.netcdf import values

FORMATS: dict[str, dict[str, Any]] = {
    "earliest": {},
    "latest": {"libver": "latest"},
    "behind a user block": {"userblock_size": 512},
}
FIRST_OBJECT = 16
"""Place of the first object of a heap, after its mark, version and size."""


def make(path: Path, fill: Callable[[h5py.File], object], **options: Any) -> Path:
    with h5py.File(path, "w", **options) as file:
        fill(file)
    return path


def with_attributes(count: int) -> Callable[[h5py.File], object]:
    return lambda file: file.create_group("g").attrs.update({f"a{i}": f"text {i}" for i in range(count)})


def damage(path: Path, object_head: bytes) -> None:
    """Replace the number, references and size of the first object of each heap."""
    content, at = bytearray(path.read_bytes()), 0
    assert b"GCOL\1" in content
    while (at := content.find(b"GCOL\1", at)) >= 0:
        at += FIRST_OBJECT
        content[at : at + len(object_head)] = object_head
    path.write_bytes(content)


def replace_lengths(path: Path, old: int, new: int) -> None:
    """Replace the length of a text where it is used."""
    content, at = bytearray(path.read_bytes()), 0
    base = content.index(b"\x89HDF")
    heap = content.index(b"GCOL\1") - base
    reference = old.to_bytes(4, "little") + heap.to_bytes(8, "little")
    assert reference in content
    while (at := content.find(reference, at)) >= 0:
        content[at : at + 4] = new.to_bytes(4, "little")
        at += 4
    path.write_bytes(content)


NO_LENGTH = bytes(16)
WRAPS_ROUND = b"\1\0\1\0\0\0\0\0" + b"\xf0" + b"\xff" * 7
"""An object whose end, in 64 bits, is its beginning."""


@pytest.mark.parametrize("count", [1, 20], ids=["in the header", "in a heap of their own where the format has one"])
@pytest.mark.parametrize("form", FORMATS)
def test_texts_are_those_that_were_written(tmp_path: Path, form: str, count: int) -> None:
    path = make(tmp_path / "a.h5", with_attributes(count), **FORMATS[form])
    with opened(path) as file:
        assert [file.group("g").text(f"a{i}") for i in range(count)] == [f"text {i}" for i in range(count)]


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("head", [NO_LENGTH, WRAPS_ROUND], ids=["no length", "wraps round"])
def test_a_heap_in_which_the_library_would_not_end_is_refused(
    tmp_path: Path, form: str, count: int, head: bytes
) -> None:
    path = make(tmp_path / "a.h5", with_attributes(count), **FORMATS[form])
    damage(path, head)
    with (
        opened(path) as file,
        pytest.raises(InputError, match=r"attribute a0 cannot be read \(an object of a heap has [\d,]+ bytes of 4,080"),
    ):
        file.group("g").text("a0")


@pytest.mark.parametrize("length", [5, 0xFFFFFFFF])
@pytest.mark.parametrize("form", ["earliest", "behind a user block"])  # in others a checksum shows it
def test_a_text_longer_than_its_heap_is_refused_before_the_library_makes_room(
    tmp_path: Path, form: str, length: int
) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.attrs.update({"a": "12345"}), **FORMATS[form])
    replace_lengths(path, 5, length)
    with opened(path) as file:
        if length == 5:
            assert file.text("a") == "12345"
        else:
            with pytest.raises(InputError, match=r"a text has 4,294,967,295 bytes, more than its heap"):
                file.text("a")


@pytest.mark.parametrize("chunks", [None, (1,)])
def test_so_is_one_of_an_array(tmp_path: Path, chunks: tuple[int, ...] | None) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("id", data=["12345", "1"], chunks=chunks))
    replace_lengths(path, 5, 0xFFFFFFFF)
    with opened(path) as file, pytest.raises(InputError, match=r"a text has 4,294,967,295 bytes, more than its heap"):
        file.array("id", TEXT).whole()


def test_so_is_that_of_an_array_of_text(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("id", data=["one", "two"]))
    with opened(path) as file:
        assert file.array("id", TEXT).whole().tolist() == [b"one", b"two"]
    damage(path, NO_LENGTH)
    with opened(path) as file, pytest.raises(InputError, match=r"id cannot be read \(an object of a heap has 0 bytes"):
        file.array("id", TEXT).whole()


@pytest.mark.parametrize("form", FORMATS)
def test_a_virtual_data_set_is_refused_before_the_library_follows_it(tmp_path: Path, form: str) -> None:
    layout = h5py.VirtualLayout((2,), "f4")
    layout[...] = h5py.VirtualSource("gone.h5", "x", (2,))
    path = make(tmp_path / "a.h5", lambda file: file.create_virtual_dataset("x", layout), **FORMATS[form])
    damage(path, NO_LENGTH)
    with opened(path) as file, pytest.raises(InputError, match="x lies in other files"):
        file.array("x")


def test_pixels_that_look_like_a_heap_are_pixels(tmp_path: Path) -> None:
    def like_a_heap(file: h5py.File) -> None:
        file["x"] = np.frombuffer(b"GCOL\1\0\0\0" + (1 << 40).to_bytes(8, "little") + bytes(8000), np.uint8)
        file["id"] = ["one"]

    with opened(make(tmp_path / "a.h5", like_a_heap)) as file:
        assert file.array("id", TEXT).whole().tolist() == [b"one"]


# Texts of a file in sentences


@pytest.mark.parametrize(
    ("name", "shown"), [("a\nb", r"'a\\nb'"), ("\u202e", r"'\\u202e'"), ("a" * 3000, f"'{'a' * 200}'...")]
)
def test_a_name_that_does_not_show_as_it_is_stands_in_quotes(tmp_path: Path, name: str, shown: str) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.__setitem__(name, [1]))
    with opened(path) as file:
        (found,) = file.names()
        with pytest.raises(InputError, match=f"group {shown}: it is a data set") as caught:
            file.group(found)
    assert "\n" not in str(caught.value)


def test_an_array_that_is_read_as_a_whole_has_a_limit(tmp_path: Path) -> None:
    def zeros(file: h5py.File) -> None:
        data = file.create_dataset("x", (3, 1 << 26), "u1", chunks=(1, 1 << 26), compression="gzip")
        for row in range(3):
            data.id.write_direct_chunk((row, 0), b"\0")

    path = make(tmp_path / "a.h5", zeros)
    with opened(path) as file:
        with pytest.raises(InputError, match=r"x has the shape \(3, 67108864\), which is too large for what it is"):
            file.array("x").whole()
        with pytest.raises(InputError, match=r"x has the shape \(3, 67108864\), too large for what it is"):
            values(file.array("x"))
