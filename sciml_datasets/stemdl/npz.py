"""STEMDL's raw form B: one uncompressed ``.npz`` file per sample, preprocessed by STFC.

``training/``, ``validation/``, and ``testing/`` and ``inference/``, which together are the test split, hold
``data`` (3, 128, 128) float32 from 0 to 255, see `sciml_datasets.stemdl.preprocessing`, and ``label`` (1,), the space
group. Source: bucket sciml-datasets, prefix ms/stemdl_ds1a; mlcommons/science, benchmarks/stemdl. Material, formula and
energy are not in the files, so that nobody can check whether a material stands in two splits.

An ``.npz`` file is a ZIP archive of ``.npy`` files. They are read here without ``np.load``, in a third of its time, and
nothing is ever unpickled. Formats: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; numpy.lib.format.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.arrays import LONGEST_HEADER, Header, header_of
from sciml_datasets.samples import Example, Note, RawFile, Sample, unheard
from sciml_datasets.stemdl.preprocessing import HIGHEST, PIXELS
from sciml_datasets.stemdl.raw import NUM_SPACE_GROUPS, TOLERATED, VECTORS, Stack, check_intensities

FOLDERS = {"train": ("training",), "validation": ("validation",), "test": ("testing", "inference")}
"""Split to the folders that hold it."""
SHAPE = (3, PIXELS, PIXELS)
END = struct.Struct("<4s4H2IH")
ENTRY = struct.Struct("<4s6H3I5H2I")
LOCAL = struct.Struct("<4s5H3I2H")
"""ZIP's end of central directory, an entry of that directory, and what stands before a member's content."""
TAIL = 4096
"""Bytes at the end of a file that hold the directory, and here also the label."""
HEAD = 512
"""Bytes before an array: ZIP's and NumPy's headers."""
STORED = 0
"""ZIP's method of members that are not compressed."""
ENCRYPTED = 1
"""ZIP's flag of members that need a password."""
DATA, LABEL = "data.npy", "label.npy"
FILE_TYPE = np.dtype("<f4")
"""Type of the pixels in the files whose arrays lie in them as they are stored."""


class Array(NamedTuple):
    """An uncompressed array in the archive: where it begins, its bytes with its header, their CRC-32, its header."""

    start: int
    size: int
    crc: int
    header: Header


@dataclass(frozen=True, slots=True)
class NpzStacks:
    """Files with one preprocessed stack each; see `sciml_datasets.samples.NotingFormat`."""

    group_kind: str = "material"
    facts: tuple[str, ...] = ("space_group",)
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """All ``*.npz`` files of the three splits.

        Raises:
            InputError: a split has none.
        """
        found: list[RawFile] = []
        for split, names in FOLDERS.items():
            before = len(found)
            for name in names:
                if not (folder / name).is_dir():
                    continue
                with os.scandir(folder / name) as entries:
                    npz = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".npz")]
                found += [RawFile(split, f"{name}/{file}", s.st_size, s.st_mtime_ns) for file, s in npz]
            if len(found) == before:
                wanted = " or ".join(f"{name}/" for name in names)
                raise InputError(f"{folder}: no *.npz file in {wanted} for the {split} split: put the raw files there")
        return sorted(found)

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The one sample of a file; the key is ``<split>/<folder>/<name>``.

        Raises:
            InputError: the file is no ZIP archive, is cut short, lacks ``data`` or ``label`` of the right shape and
                type, or the label is no space group.
        """
        path = folder / file.name
        found = _side_by_side(path, file.size)
        if found is not None:
            data, label, value = found
            place = f"{data.start} {data.header.length} {data.crc}"
            _check_data(path, data.header)
            _check_label(path, label.header)
            space_group = _space_group(path, label.header, value)
        else:
            place = ""
            with _archive(path) as archive:
                with _member(path, archive, DATA) as (header, _):
                    _check_data(path, header)
                with _member(path, archive, LABEL) as (header, rest):
                    _check_label(path, header)
                    space_group = _space_group(path, header, _whole(path, LABEL, header, rest))
        key = f"{file.split}/{file.name.removesuffix('.npz')}"
        yield Sample(file.split, key, file.name, place, 4 * 3 * PIXELS**2, group="", facts=(space_group,))

    def extent(self, sample: Sample) -> tuple[int, int]:
        """See `sciml_datasets.samples.PlacedFormat`: the file has about as many bytes as the record."""
        return 0, sample.size

    @contextmanager
    def reader(self, folder: Path, note: Note = unheard) -> Iterator[Callable[[Sample], Example]]:
        """A function that reads samples.

        It raises InputError for a file that cannot be read or is not the one that was indexed, for values that are not
        from 0 to 255, and for a stack that is 0 or NaN throughout.
        """
        stack = np.empty(SHAPE, "<f4")
        absent = {name: np.full(shape, np.nan) for name, (shape, *_) in VECTORS.items()}

        def read(sample: Sample) -> Example:
            path = folder / sample.file
            _read_stack(path, sample.place, stack)
            lowest, highest = stack.min(), stack.max(axis=(1, 2))
            if not (lowest >= 0 and highest.min() > 0 and highest.max() <= HIGHEST):
                lowest, highest = np.fmin.reduce(stack, axis=None), np.fmax.reduce(stack, axis=None)
                if lowest < 0 or highest > HIGHEST:
                    raise InputError(
                        f"{path}: data is from {lowest:g} to {highest:g}, expected from 0 to {HIGHEST}: it is "
                        "not preprocessed as form B is, remove the file"
                    )
                check_intensities(stack, f"{path}: cbed_stack", note)
            known = {"id": sample.key, "cbed_stack": stack, "space_group": int(sample.facts[0])}
            return known | {"material": "", "formula": "", "energy_kev": 0} | absent

        yield read


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with naming(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _side_by_side(path: Path, size: int) -> tuple[Array, Array, bytes] | None:
    """Data, label and the label's bytes where both arrays lie in the file as `np.savez` puts them there.

    None where anything is otherwise, or wrong: the library that reads it then says what.
    """
    with _opened(path) as descriptor:
        tail_start = max(0, size - TAIL)
        tail = os.pread(descriptor, TAIL, tail_start)

        def content(start: int, count: int) -> bytes:
            if start >= tail_start:
                return tail[start - tail_start :][:count]
            return os.pread(descriptor, count, start)

        try:
            places = _directory(content, size, tail)
            data, label = (
                _array(content, b"data.npy", *places[b"data.npy"]),
                _array(content, b"label.npy", *places[b"label.npy"]),
            )
        except (struct.error, ValueError, KeyError):
            return None
        if data.header.dtype != FILE_TYPE or data.header.fortran or label.size > TAIL:
            return None
        stored = content(label.start, label.size)
        if len(stored) != label.size or zlib.crc32(stored) != label.crc:
            return None
        return data, label, stored[label.header.length :]


def _directory(content: Callable[[int, int], bytes], file_size: int, tail: bytes) -> dict[bytes, tuple[int, int, int]]:
    """Name to size, CRC-32 and place of the local header of each member of a plain archive.

    Raises:
        ValueError, struct.error: it is another archive, or none.
    """
    at = tail.rfind(b"PK\5\6")
    signature, disk, first_disk, here, count, length, start, comment = END.unpack_from(tail, max(at, 0))
    at += max(0, file_size - TAIL)
    if not (
        (signature, disk, first_disk, here) == (b"PK\5\6", 0, 0, count)
        and start + length == at
        and at + END.size + comment == file_size
        and length <= TAIL
    ):
        raise ValueError
    directory, place = content(start, length), 0
    found: dict[bytes, tuple[int, int, int]] = {}
    for _ in range(count):
        entry = ENTRY.unpack_from(directory, place)
        signature, _, _, flags, method, _, _, crc, packed, size, name_length, extra, comment, disk, _, _, local = entry
        place += ENTRY.size
        name = directory[place : place + name_length]
        place += name_length + extra + comment
        plain = (signature, flags, method, packed, disk) == (b"PK\1\2", 0, STORED, size, 0)
        # NumPy takes a member without the ending for the array as well.
        if not plain or name in found or b"\0" in name:
            raise ValueError
        found[name] = size, crc, local
    if place != length or found.keys() & {b"data", b"label"}:
        raise ValueError
    return found


def _array(content: Callable[[int, int], bytes], name: bytes, size: int, crc: int, local: int) -> Array:
    """A member's array.

    Raises:
        ValueError, struct.error: the member is no array that lies there as it is.
    """
    head = content(local, HEAD)
    signature, _, flags, method, *_, name_length, extra = LOCAL.unpack_from(head)
    start = LOCAL.size + name_length + extra
    if (signature, flags, method) != (b"PK\3\4", 0, STORED) or head[LOCAL.size :][:name_length] != name:
        raise ValueError
    npy = head[start:]
    if npy[:8] != b"\x93NUMPY\1\0":
        raise ValueError
    header, expected = _described(npy[: 10 + int.from_bytes(npy[8:10], "little")])
    if size != expected:
        raise ValueError
    return Array(local + start, size, crc, header)


@lru_cache(maxsize=64)  # all files have the same few headers
def _described(npy: bytes) -> tuple[Header, int]:
    """A header, and how many bytes it and its array have."""
    header = header_of(npy)
    if header.dtype.hasobject:
        raise ValueError
    return header, header.length + math.prod(header.shape) * header.dtype.itemsize


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive as Python's library reads it; what that raises meanwhile leaves as an InputError.

    Raises:
        InputError: it is no archive of ``data.npy`` and ``label.npy``, is damaged, or made in a way that is not read.
        OSError: it cannot be read.
    """
    with naming(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                for name in (DATA, LABEL):
                    if name not in names:
                        raise InputError(f"{path}: {name} is missing: expected {DATA} and {LABEL}, remove the file")
                    if sum(other in (name, name.removesuffix(".npy")) for other in names) > 1:
                        raise InputError(f"{path}: it holds several {name}, expected one: remove the file")
                    member = archive.getinfo(name)
                    if member.flag_bits & ENCRYPTED or member.compress_type not in (STORED, zipfile.ZIP_DEFLATED):
                        raise InputError(
                            f"{path}: {name} is encrypted or compressed in a way that NumPy does not write: make the "
                            "file again with numpy.savez"
                        )
                yield archive
        except InputError:
            raise
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise _unreadable(path, error) from error  # its directory names a place before its beginning
        except (zipfile.BadZipFile, zlib.error, struct.error, EOFError) as error:
            raise _unreadable(path, error) from error
        except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:  # of headers that make no sense
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path}: not a complete .npz file ({reason}): fetch it again or remove it")


class _Rest(NamedTuple):
    """What follows an array's header: what of it was read with the header, and where the rest comes from."""

    begun: bytes
    stream: Any


@contextmanager
def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Iterator[tuple[Header, _Rest]]:
    """The header of an array and what follows; nothing is believed of its size."""
    with archive.open(name) as stream:
        head = stream.read(LONGEST_HEADER)
        try:
            header = header_of(head)
        except ValueError as error:
            raise InputError(f"{path}: {name} has {error}: fetch it again or remove it") from error
        if header.dtype.hasobject:
            raise InputError(f"{path}: it holds Python objects, which are never loaded: remove the file")
        yield header, _Rest(head[header.length :], stream)


def _whole(path: Path, name: str, header: Header, rest: _Rest) -> bytes:
    """The bytes of an array whose shape has been checked, after the archive's checksum was compared."""
    size = math.prod(header.shape) * header.dtype.itemsize
    values: bytes = rest.begun + rest.stream.read(max(0, size + 1 - len(rest.begun)))
    if len(values) != size:
        found = "more" if len(values) > size else f"{len(values)}"
        raise InputError(f"{path}: {name} has {found} bytes behind its header, expected {size}: fetch it again")
    rest.stream.read(1)  # the library compares the checksum when it sees the end
    return values


def _check_data(path: Path, header: Header) -> None:
    if header.shape != SHAPE or header.dtype.newbyteorder("<") != FILE_TYPE:
        raise InputError(
            f"{path}: data is {header.shape} {header.dtype}, expected {SHAPE} float32 as form B has it: remove the file"
        )


LABEL_EXPECTED = f"expected one number from 1 to {NUM_SPACE_GROUPS}: correct or remove the file"


def _check_label(path: Path, label: Header) -> None:
    if math.prod(label.shape) != 1 or label.dtype.kind not in "iuf":
        raise InputError(f"{path}: label is {label.shape} {label.dtype}, {LABEL_EXPECTED}")


def _space_group(path: Path, label: Header, values: bytes) -> str:
    value = float(np.frombuffer(values, label.dtype, 1)[0])
    if not value.is_integer() or not 1 <= value <= NUM_SPACE_GROUPS:
        raise InputError(f"{path}: label is {value:g}, {LABEL_EXPECTED}")
    return str(int(value))


def _read_stack(path: Path, place: str, stack: Stack) -> None:
    """Read ``data`` of a file into the given array and compare its CRC-32."""
    if not place:
        with _archive(path) as archive, _member(path, archive, DATA) as (header, rest):
            _check_data(path, header)
            values = np.frombuffer(_whole(path, DATA, header, rest), header.dtype)
        stack[...] = values.reshape(SHAPE, order="F" if header.fortran else "C")
        return
    start, header_length, crc = map(int, place.split())
    header_bytes = bytearray(header_length)
    with _opened(path) as descriptor:
        count = os.preadv(descriptor, [header_bytes, stack.data], start)
    if count != header_length + stack.nbytes or zlib.crc32(stack.data, zlib.crc32(header_bytes)) != crc:
        raise InputError(f"{path}: the data are not those that its checksum belongs to: fetch the file again")
