"""HDF5 files from outside: what h5py reads, from this file alone, or one sentence."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.files.hdf5 import ANY, FLOAT32, TEXT, UnusableAttributeError, opened
from sciml_datasets.files.hdf5_attributes import reading

NO_REFERENCE = np.array([h5py.Reference()], h5py.ref_dtype)
VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def make(path: Path, fill: Callable[[h5py.File], object], **options: Any) -> Path:
    with h5py.File(path, "w", **options) as file:
        fill(file)
    return path


def whole(path: Path, name: str = "x") -> np.ndarray[Any, Any]:
    with opened(path) as file:
        return file.array(name).whole()


def refused(path: Path, match: str, name: str = "x") -> None:
    with pytest.raises(InputError, match=match) as caught:
        whole(path, name)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


# Where the bytes of an array lie


def test_the_offset_is_that_of_the_values_in_the_file(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES), userblock_size=512)
    into = np.empty_like(VALUES)
    with opened(path) as file:
        array = file.array("x", FLOAT32, (2, 3, 4))
        assert array.offset is not None
        file.read_at(array.offset, into, array.where)
    np.testing.assert_array_equal(into, VALUES)


@pytest.mark.parametrize("stored", [{"chunks": (1, 3, 4)}, {"compression": "gzip"}, {"compression": "lzf"}])
def test_an_array_in_chunks_has_no_offset(tmp_path: Path, stored: dict[str, Any]) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES, **stored))
    with opened(path) as file:
        assert file.array("x").offset is None
        np.testing.assert_array_equal(file.array("x").whole(), VALUES)


@pytest.mark.parametrize("filters", [hdf5plugin.Blosc(), hdf5plugin.Bitshuffle(), hdf5plugin.Zstd()])
def test_filters_of_hdf5plugin_are_known_without_a_word_of_the_user(tmp_path: Path, filters: Any) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES, **dict(filters)))
    code = (
        f"import pathlib; from sciml_datasets.files.hdf5 import opened\nwith opened(pathlib.Path({str(path)!r})) as f:"
    )
    run = subprocess.run([sys.executable, "-c", f"{code} print(f.array('x').whole().sum())"], capture_output=True)
    assert run.stdout.split() == [b"276.0"], run.stderr


def test_an_unknown_filter_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES, **dict(hdf5plugin.Zstd())))
    content = path.read_bytes()
    assert content.count((32015).to_bytes(2, "little")) == 1
    path.write_bytes(content.replace((32015).to_bytes(2, "little"), (32999).to_bytes(2, "little")))
    refused(path, r": x is compressed by the filter 32999")


def test_an_external_link_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "b.h5", lambda file: file.create_dataset("x", data=VALUES))

    def links(file: h5py.File) -> None:
        file["x"] = h5py.ExternalLink("b.h5", "/x")
        file["g"] = h5py.ExternalLink("b.h5", "/")
        file["soft"] = h5py.SoftLink("/g/x")

    path = make(tmp_path / "a.h5", links)
    refused(path, "x lies in another file, behind an external link: write what it holds into this file")
    refused(path, "soft lies in another file", "soft")


def test_external_storage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(VALUES.tobytes())
    place = [(str(tmp_path / "secret"), 0, VALUES.nbytes)]
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", VALUES.shape, "f4", external=place))
    refused(path, "x lies in other files")


@pytest.mark.parametrize("fill", [0, 7])
def test_a_virtual_data_set_is_refused_whether_its_source_is_there_or_not(tmp_path: Path, fill: int) -> None:
    layout = h5py.VirtualLayout(VALUES.shape, "f4")
    layout[...] = h5py.VirtualSource(str(tmp_path / "gone.h5"), "x", VALUES.shape)
    path = make(tmp_path / "a.h5", lambda file: file.create_virtual_dataset("x", layout, fillvalue=fill))
    refused(path, "x lies in other files")


@pytest.mark.parametrize("chunks", [None, (1, 3, 4)])
def test_what_was_never_written_is_no_fill_value(tmp_path: Path, chunks: tuple[int, ...] | None) -> None:
    def part(file: h5py.File) -> None:
        data = file.create_dataset("x", VALUES.shape, "f4", chunks=chunks, fillvalue=1)
        if chunks:
            data[:1] = VALUES[:1]

    refused(make(tmp_path / "a.h5", part), "x: some of its values were never written")


def test_another_type_of_the_same_size_has_no_offset(tmp_path: Path) -> None:
    def narrow(file: h5py.File) -> None:
        kind = h5py.h5t.IEEE_F32LE.copy()  # a sign, 8 bits of exponent and 11 of fraction, at the end of 4 bytes
        kind.set_fields(19, 11, 8, 0, 11)
        kind.set_precision(20)
        data = h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple(VALUES.shape))
        data.write(h5py.h5s.ALL, h5py.h5s.ALL, VALUES)

    with opened(make(tmp_path / "a.h5", narrow)) as file:
        assert (file.array("x").dtype, file.array("x").offset) == (np.float32, None)
        np.testing.assert_array_equal(file.array("x").whole(), VALUES)


# What a name leads to


def test_soft_links_are_followed(tmp_path: Path) -> None:
    def links(file: h5py.File) -> None:
        file["g/h/x"] = VALUES
        file["g/near"] = h5py.SoftLink("h/x")
        file["g/far"] = h5py.SoftLink("/g/./near")
        file["x"] = h5py.SoftLink("g/far")

    np.testing.assert_array_equal(whole(make(tmp_path / "a.h5", links)), VALUES)


@pytest.mark.parametrize(
    ("target", "match"),
    [("/x", "x is a soft link that leads round"), ("/gone", "x is missing behind a soft link, expected a data set")],
)
def test_a_soft_link_that_leads_nowhere_is_named(tmp_path: Path, target: str, match: str) -> None:
    refused(make(tmp_path / "a.h5", lambda file: file.__setitem__("x", h5py.SoftLink(target))), match)


def test_what_is_missing_or_of_another_kind_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_group("x"))
    refused(path, "x is no data set")
    refused(path, "y is missing, expected a data set", "y")
    with opened(path) as file, pytest.raises(InputError, match="group y is missing, expected a group"):
        file.group("y")


def test_another_shape_or_type_is_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES))
    with opened(path) as file:
        with pytest.raises(InputError, match=r"x has the shape \(2, 3, 4\), expected \(any, 3\) or \(2,\): cut it"):
            file.array("x", FLOAT32, (None, 3), (2,), remedy="cut it")
        with pytest.raises(InputError, match="x is float32, expected text: "):
            file.array("x", TEXT, (None, 3, 4))


@pytest.mark.parametrize(
    "value",
    [h5py.Empty("f4"), NO_REFERENCE, np.zeros(2, [("a", "f4")])],
    ids=["null", "reference", "compound"],
)
def test_no_number_is_made_of_what_is_none(tmp_path: Path, value: Any) -> None:
    refused(make(tmp_path / "a.h5", lambda file: file.__setitem__("x", value)), r"x (is|has) ")


def test_a_name_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: h5py.h5g.create(file.id, b"caf\xe9"))
    with opened(path) as file, pytest.raises(InputError, match=r"a name in it is 'caf\\\\xe9', expected text in UTF-8"):
        file.names()


# Numbers as another type


def test_a_number_beyond_the_other_type_is_refused_and_not_made_infinite(tmp_path: Path) -> None:
    values = np.array([[1, np.nan], [np.inf, 1e300]])
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=values))
    with (
        opened(path) as file,
        pytest.raises(InputError, match=r"x holds 1e\+300, beyond the largest float32, 3.4e\+38"),
    ):
        file.array("x").read(np.empty((2, 2), np.float32))


def test_numbers_are_cast_as_numpy_does(tmp_path: Path) -> None:
    values = np.array([[1 / 3, np.nan], [np.inf, -2e-46]])
    into = np.empty((2, 2), np.float32)
    with opened(make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=values))) as file:
        file.array("x").read(into)
    np.testing.assert_array_equal(into, values.astype(np.float32))


# Attributes


def attributes(tmp_path: Path, **values: Any) -> Path:
    return make(tmp_path / "a.h5", lambda file: file.attrs.update(values))


@pytest.mark.parametrize("value", ["2", b"2", np.bytes_(b"2"), np.array([b"2"]), 2, np.int8(2), np.array([[2]])])
def test_text_may_be_stored_in_many_ways(tmp_path: Path, value: Any) -> None:
    with opened(attributes(tmp_path, a=value)) as file:
        assert file.text("a") == "2"


@pytest.mark.parametrize("value", [h5py.Empty("f8"), h5py.Empty("S3"), np.zeros(0), np.zeros(0, "S3")])
def test_an_attribute_without_a_value_is_absent(tmp_path: Path, value: Any) -> None:
    with opened(attributes(tmp_path, a=value)) as file:
        assert (file.text("a"), file.number("a"), file.numbers("a"), file.text("b")) == (None,) * 4


@pytest.mark.parametrize(
    "value",
    [NO_REFERENCE, np.zeros(1, [("a", "f4")]), np.array([b"1", b"2"]), np.bytes_(b"caf\xe9" * 16), 1j],
    ids=["reference", "compound", "several", "latin-1", "complex"],
)
def test_an_attribute_of_another_kind_is_named(tmp_path: Path, value: Any) -> None:
    path = attributes(tmp_path, a=value)
    with opened(path) as file:
        with pytest.raises(UnusableAttributeError, match=r"a\.h5: the attribute a ") as caught:
            file.text("a")
        assert "\n" not in str(caught.value)
        with pytest.raises(UnusableAttributeError, match="the attribute a does not hold"):
            file.number("a")


def test_an_attribute_of_an_array_type_has_its_shape(tmp_path: Path) -> None:
    def array_type(file: h5py.File) -> None:
        file.attrs.create("a", np.eye(3), dtype=np.dtype(("f8", (3, 3))))

    with opened(make(tmp_path / "a.h5", array_type)) as file:
        np.testing.assert_array_equal(file.numbers("a"), np.eye(3))


# Files and the machine


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.h5")
    refused(tmp_path / "a.h5", "is a FIFO .*, expected a file")


def test_a_file_that_is_open_elsewhere_is_not_called_damaged(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES))
    code = f"from sciml_datasets.files.hdf5 import File; import pathlib; File(pathlib.Path({str(path)!r}))"
    with h5py.File(path, "r+"):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"BlockingIOError: [Errno {errno.EAGAIN}] Resource temporarily unavailable: '{path}'" in run.stderr


def test_too_many_open_files_are_no_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES))
    code = (
        "import os, resource, pathlib; from sciml_datasets.files.hdf5 import File\n"
        f"path = pathlib.Path({str(path)!r}); File(path).close()\n"  # h5py is imported
        "resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\n"
        "try:\n    while True: os.dup(0)\n"
        "except OSError: File(path)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stderr.splitlines()[-1] == f"OSError: [Errno {errno.EMFILE}] Too many open files: '{path}'"


@pytest.mark.parametrize("content", [b"", b"not found", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    refused(tmp_path / "a.h5", r"a\.h5: not a complete HDF5 file \(.*\): fetch or make the file again, or remove it")


def test_an_array_is_not_believed_to_be_as_large_as_it_says(tmp_path: Path) -> None:
    def huge(file: h5py.File) -> None:
        file.create_dataset("x", (1 << 40,), "u1", chunks=(1 << 20,))
        file.create_dataset("y", (1 << 31,), "f8", chunks=(1 << 28,), compression="gzip")

    path = make(tmp_path / "a.h5", huge)
    refused(path, "never written")
    refused(path, r"y has chunks of over 268,435,456 bytes", "y")


def test_a_file_that_is_marked_as_open_for_writing_is_not_called_damaged(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=VALUES), libver="latest")
    code = (
        "import h5py, os\n"
        f"file = h5py.File({str(path)!r}, 'r+', libver='latest'); file.swmr_mode = True\n"
        "os._exit(0)"  # as a kill
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(OSError, match=rf"{path} is marked as open for writing: .*h5clear -s"):
        whole(path)


def test_one_part_of_a_file_in_parts_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a%d.h5", "w", driver="family", memb_size=1 << 12) as file:
        file["x"] = np.zeros(10_000)
    refused(tmp_path / "a0.h5", "is one part of a file that HDF5 has written in parts: join them with h5repart")


def test_trouble_of_the_machine_is_reported_by_its_number_wherever_the_library_puts_it() -> None:
    for error in (KeyError("unable (read failed: errno = 5, error message = 'x')"), OSError(116, "stale")):
        with pytest.raises(OSError, match=r"/a\.h5") as caught, reading(Path("/a.h5"), "x"):
            raise error
        assert caught.value.errno in (errno.EIO, errno.ESTALE)


def test_a_compound_type_whose_members_overlap_as_numpy_has_them_is_refused(tmp_path: Path) -> None:
    # A float of 4 bytes with 9 bits of exponent is one of 8 bytes to NumPy, and reaches into the next member.
    wide = h5py.h5t.IEEE_F32LE.copy()
    wide.set_fields(31, 22, 9, 0, 22)
    kind = h5py.h5t.create(h5py.h5t.COMPOUND, 24)
    for name, offset, member in ((b"a", 0, h5py.h5t.STD_I64LE), (b"b", 8, wide), (b"c", 12, h5py.h5t.py_create("S12"))):
        kind.insert(name, offset, member)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((40,)))
    with opened(tmp_path / "a.h5") as file, pytest.raises(InputError, match=r"x is of a compound type whose members"):
        file.array("x", ANY, (None,))
