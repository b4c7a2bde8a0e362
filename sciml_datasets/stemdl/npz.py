"""STEMDL's raw form B: one uncompressed ``.npz`` file per sample, preprocessed by STFC.

``training/``, ``validation/``, and ``testing/`` and ``inference/``, which together are the test split, hold
``data`` (3, 128, 128) float32 from 0 to 255, see `sciml_datasets.stemdl.preprocessing`, and ``label`` (1,), the space
group. Source: bucket sciml-datasets, prefix ms/stemdl_ds1a; mlcommons/science, benchmarks/stemdl. Material, formula and
energy are not in the files, so that nobody can check whether a material stands in two splits.

An ``.npz`` file is a ZIP archive of ``.npy`` files. They are read here without ``np.load``, in a third of its time, and
nothing is ever unpickled. Formats: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16; numpy.lib.format.
"""

from __future__ import annotations

import io
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

from sciml_datasets.errors import InputError
from sciml_datasets.files.regular import regular_file
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


class Member(NamedTuple):
    """A file in the archive: its ZIP method, CRC-32, bytes, and where its local header begins."""

    method: int
    crc: int
    size: int
    local: int


class Array(NamedTuple):
    """An ``.npy`` file in the archive: where it begins, the length of its header, its shape and type."""

    start: int
    header: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class NpzStacks:
    """Files with one preprocessed stack each; see `sciml_datasets.samples.NotingFormat`."""

    group_kind: str = "material"
    facts: tuple[str, ...] = ("space_group",)
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """All ``*.npz`` files of the three splits.

        Raises:
            InputError: a split has none, or one is no regular file.
        """
        found: list[RawFile] = []
        for split, names in FOLDERS.items():
            before = len(found)
            for name in names:
                if not (folder / name).is_dir():
                    continue
                paths = [path for path in (folder / name).iterdir() if path.name.endswith(".npz")]
                npz = [(path.name, regular_file(path)) for path in paths]
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
        with _opened(path) as descriptor:
            tail_start = max(0, file.size - TAIL)
            tail = os.pread(descriptor, TAIL, tail_start)

            def content(start: int, count: int) -> bytes:
                if start >= tail_start:
                    return tail[start - tail_start :][:count]
                return os.pread(descriptor, count, start)

            try:
                members = _directory(content, file.size, tail)
                if all(members[name].method == STORED for name in ("data.npy", "label.npy")):
                    data, label = (_array(content, members[name]) for name in ("data.npy", "label.npy"))
                    values = content(label.start + label.header, members["label.npy"].size - label.header)
                    place = f"{data.start} {data.header} {members['data.npy'].crc}"
                else:
                    data, label, values = _compressed(path)
                    place = ""
            except KeyError as error:
                raise InputError(f"{path}: {error.args[0]} is missing: expected data.npy and label.npy") from error
            except (struct.error, ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise InputError(f"{path}: not a complete .npz file ({error}): fetch it again or remove it") from error
        if data.dtype.hasobject or label.dtype.hasobject:
            raise InputError(f"{path}: it holds Python objects, which are never loaded: remove the file")
        if data.shape != SHAPE or data.dtype != np.float32:
            raise InputError(
                f"{path}: data is {data.shape} {data.dtype}, expected {SHAPE} float32 as form B has it: remove the file"
            )
        key = f"{file.split}/{file.name.removesuffix('.npz')}"
        facts = (_space_group(path, label, values),)
        yield Sample(file.split, key, file.name, place, 4 * 3 * PIXELS**2, group="", facts=facts)

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
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _directory(content: Callable[[int, int], bytes], size: int, tail: bytes) -> dict[str, Member]:
    """Name to member of the archive."""
    at = tail.rfind(b"PK\5\6")
    if at < 0:
        raise ValueError("it has no ZIP directory at its end")
    _, _, _, _, count, length, start, _ = END.unpack_from(tail, at)
    if start + length > size:
        raise ValueError("its ZIP directory lies beyond its end")
    directory, place = content(start, length), 0
    found = {}
    for _ in range(count):
        entry = ENTRY.unpack_from(directory, place)
        if entry[0] != b"PK\1\2":
            raise ValueError("its ZIP directory is damaged")
        name_length, extra, comment = entry[10:13]
        place += ENTRY.size
        name = directory[place : place + name_length].decode("utf-8", "replace")
        place += name_length + extra + comment
        found[name] = Member(entry[4], entry[7], entry[9], entry[16])
    return found


def _array(content: Callable[[int, int], bytes], member: Member) -> Array:
    """Where a member's array is and what it is."""
    head = content(member.local, HEAD)
    local = LOCAL.unpack_from(head)
    if local[0] != b"PK\3\4":
        raise ValueError("a ZIP header is damaged")
    start = LOCAL.size + local[9] + local[10]
    npy = head[start:]
    # Version 1.0 has a length of two bytes; later ones are for headers beyond 64 kB.
    if npy[:7] != b"\x93NUMPY\1" or len(npy) < 10:
        raise ValueError("a member is no .npy file of version 1")
    header = 10 + int.from_bytes(npy[8:10], "little")
    shape, fortran, dtype = _described(npy[:header])
    if fortran:
        raise ValueError("an array is in Fortran order, expected C order")
    if not dtype.hasobject and member.size - header != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array has another size than its header says")
    return Array(member.local + start, header, shape, dtype)


@lru_cache(maxsize=64)  # all files have the same few headers
def _described(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    stream = io.BytesIO(header)
    np.lib.format.read_magic(stream)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    return tuple(shape), bool(fortran), dtype


def _compressed(path: Path) -> tuple[Array, Array, bytes]:
    """The arrays of a compressed archive, as if they lay side by side, and the label's bytes."""
    with zipfile.ZipFile(path) as archive:
        found = []
        for name in ("data.npy", "label.npy"):
            npy = archive.read(name)
            header = 10 + int.from_bytes(npy[8:10], "little")
            shape, _, dtype = _described(npy[:header])
            found.append(Array(0, header, shape, dtype))
    return found[0], found[1], npy[header:]


def _space_group(path: Path, label: Array, values: bytes) -> str:
    expected = f"expected one number from 1 to {NUM_SPACE_GROUPS}: correct or remove the file"
    if math.prod(label.shape) != 1 or label.dtype.kind not in "iuf":
        raise InputError(f"{path}: label is {label.shape} {label.dtype}, {expected}")
    value = float(np.frombuffer(values, label.dtype, 1)[0])
    if not value.is_integer() or not 1 <= value <= NUM_SPACE_GROUPS:
        raise InputError(f"{path}: label is {value:g}, {expected}")
    return str(int(value))


def _read_stack(path: Path, place: str, stack: Stack) -> None:
    """Read ``data`` of a file into the given array and compare its CRC-32."""
    if not place:
        with zipfile.ZipFile(path) as archive:
            npy = archive.read("data.npy")
        stack[...] = np.frombuffer(npy[-stack.nbytes :], "<f4").reshape(SHAPE)
        return
    start, header_length, crc = map(int, place.split())
    header = bytearray(header_length)
    with _opened(path) as descriptor:
        count = os.preadv(descriptor, [header, stack.data], start)
    if count != header_length + stack.nbytes or zlib.crc32(stack.data, zlib.crc32(header)) != crc:
        raise InputError(f"{path}: the data are not those that its checksum belongs to: fetch the file again")
