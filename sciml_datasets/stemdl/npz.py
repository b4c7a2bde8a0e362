"""STEMDL's raw form B: one uncompressed ``.npz`` file per sample, preprocessed by STFC.

``training/``, ``validation/``, and ``testing/`` and ``inference/``, which together are the test split, hold
``data`` (3, 128, 128) float32 from 0 to 255, see `sciml_datasets.stemdl.log_scaling`, and ``label`` (1,), the space
group. Source: bucket sciml-datasets, prefix ms/stemdl_ds1a; mlcommons/science, benchmarks/stemdl. Material, formula and
energy are not in the files, so that it cannot be checked whether a material is in two splits.

`sciml_datasets.stemdl.npz_arrays` reads the archives.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.endings import with_ending
from sciml_datasets.files.npy_headers import Header
from sciml_datasets.files.regular_files import is_companion, regular_file
from sciml_datasets.raw_format import Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.stemdl.attributes import NUM_SPACE_GROUPS, VECTORS
from sciml_datasets.stemdl.log_scaling import HIGHEST, PIXELS
from sciml_datasets.stemdl.npz_arrays import DATA, FILE_TYPE, LABEL, archive, member, opened, side_by_side, whole
from sciml_datasets.stemdl.raw import TOLERATED, Stack, check_intensities

FOLDERS = {"train": ("training",), "validation": ("validation",), "test": ("testing", "inference")}
"""Names of the folders of each split, by split."""
SHAPE = (3, PIXELS, PIXELS)


@dataclass(frozen=True, slots=True)
class NpzStacks(RawFormat):
    """Files with one preprocessed stack each; see `sciml_datasets.raw_format.RawFormat`."""

    group_kind: str = "material"
    facts: tuple[str, ...] = ("space_group",)
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """All ``*.npz`` files of the three splits.

        Raises:
            InputError: a split has no file, or one is no regular file or has its ending in capitals.
        """
        found: list[RawFile] = []
        for split, names in FOLDERS.items():
            before = len(found)
            for name in names:
                if not (folder / name).is_dir():
                    continue
                with os.scandir(folder / name) as entries:
                    named = {entry.name: entry for entry in entries if not is_companion(entry.name)}
                    paths = with_ending((folder / name / file for file in named), ".npz")
                    npz = [(path.name, _status(named[path.name])) for path in paths]
                found += [RawFile(split, f"{name}/{file}", s.st_size, s.st_mtime_ns) for file, s in npz]
            if len(found) == before:
                wanted = " or ".join(f"{name}/" for name in names)
                raise InputError(f"{folder}: no *.npz file in {wanted} for the {split} split: put the raw files there")
        return sorted(found)

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The only sample of a file; its key is ``<split>/<folder>/<name>``.

        Raises:
            InputError: the file is no ZIP archive, is cut short, lacks ``data`` or ``label`` of the right shape and
                type, or the label is no space group.
        """
        path = folder / file.name
        found = side_by_side(path, file.size)
        if found is not None:
            data, label, value = found
            place = f"{data.start} {data.header.length} {data.crc}"
            _check_data(path, data.header)
            _check_label(path, label.header)
            space_group = _space_group(path, label.header, value)
        else:
            place = ""
            with archive(path) as opened_archive:
                with member(path, opened_archive, DATA) as (header, _):
                    _check_data(path, header)
                with member(path, opened_archive, LABEL) as (header, rest):
                    _check_label(path, header)
                    space_group = _space_group(path, header, whole(path, LABEL, header, rest))
        key = f"{file.split}/{file.name.removesuffix('.npz')}"
        yield Sample(file.split, key, file.name, place, 4 * 3 * PIXELS**2, group="", facts=(space_group,))

    def extent(self, sample: Sample) -> tuple[int, int]:
        """See `sciml_datasets.raw_format.RawFormat.extent`: file and record have about the same number of bytes."""
        return 0, sample.size

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads samples.

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


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """The status of a regular file.

    Raises:
        InputError: it is no regular file, or a broken link.
    """
    return entry.stat() if entry.is_file(follow_symlinks=False) else regular_file(Path(entry.path))


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
        with archive(path) as opened_archive, member(path, opened_archive, DATA) as (header, rest):
            _check_data(path, header)
            values = np.frombuffer(whole(path, DATA, header, rest), header.dtype)
        stack[...] = values.reshape(SHAPE, order="F" if header.fortran else "C")
        return
    start, header_length, crc = map(int, place.split())
    header_bytes = bytearray(header_length)
    with opened(path) as descriptor:
        count = os.preadv(descriptor, [header_bytes, stack.data], start)
    if count != header_length + stack.nbytes or zlib.crc32(stack.data, zlib.crc32(header_bytes)) != crc:
        raise InputError(f"{path}: the data are not those that its checksum belongs to: fetch the file again")
