"""STEMDL's raw form C: LMDB environments with registered scans and the projected potential.

``batch_{train,eval,test}_<rank>.db``, at any depth, is an environment: a file, or a folder with ``data.mdb``. Header
entries ``input_shape`` and ``output_shape`` (int64), ``input_dtype`` and ``output_dtype`` (the type's name), and in
later exports ``input_name`` and ``output_name``, say what the records ``<name><i>`` are: arrays in C order. Without
names they are ``cbed_`` and ``2d_potential_``, or ``potential_`` in older exports. The records are counted by their
keys, whose numbers may have leading zeros: the records of one sample write its number alike. Source: nlaanait/stemdl,
nlaanait/namsa (scripts/summit_scripts).

``cbed_<i>`` (positions, H, W) are diffraction patterns, z-scored at each position; the target (H', W') or
(1, H', W') is the potential, z-scored. Simulated files also hold ``electron_density_<i>``, with the target's shape and
type. Materials are not stated, so that it cannot be checked whether one is in two splits.

Values are stored unchanged; only NaN and infinity in a pattern are stored as 0, its mean.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.lmdb_files import check_pages, opened, understood
from sciml_datasets.files.open_files import OpenFiles
from sciml_datasets.files.regular_files import regular_file, walked
from sciml_datasets.raw_format import SPLITS, ArrayLayout, Beside, Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.stemdl_reconstruction.records import first_key, layout_of, record, text_of

NAME = re.compile(r"batch_(train|eval|test)_\w+\.db")
SPLIT_OF = {"train": "train", "eval": "validation", "test": "test"}
DATA = "data.mdb"
LOCKS = ("lock.mdb", "*.db-lock")
"""Names of the files by which LMDB shares an environment between processes."""
SCAN, POTENTIAL, DENSITY = "cbed", "projected_potential", "electron_density"
"""Features of the records."""
INPUT_NAME = "cbed_"
OUTPUT_NAMES = ("2d_potential_", "potential_")
DENSITY_NAME = "electron_density_"
OPEN_FILES = 8
"""Number of environments kept open: the arrays of an example are in the mapped file of its environment."""
NAN = "have NaN or infinity in a pattern, stored as 0"
TOLERATED = {NAN: 0.001}
"""Tolerated defects of samples, each with the share of samples above which the files are refused."""


Layouts = Mapping[str, ArrayLayout]
"""Content of an environment's headers: name of the records to shape and type, the scans first."""


@dataclass(frozen=True, slots=True)
class Scans(RawFormat):
    """Form C's environments; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        density: whether the files also hold electron densities.
    """

    density: bool
    group_kind: str = "sample"
    facts: tuple[str, ...] = ()
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)
    accompanying: tuple[str, ...] = LOCKS

    def files(self, folder: Path) -> list[RawFile]:
        """All environments.

        Raises:
            InputError: a split has none, one is unreadable or lacks headers, or their shapes and types differ.
        """
        found: list[RawFile] = []
        for parent, folders, names in walked(folder):
            for name in (*folders, *names):
                match = NAME.fullmatch(name)
                if match:
                    path = parent / name
                    if path.is_dir():
                        path /= DATA
                        if not path.exists():
                            raise InputError(
                                f"{path} is missing, the file of an LMDB environment: fetch it, or remove {path.parent}"
                            )
                    found.append(RawFile.of(folder, path, SPLIT_OF[match[1]], regular_file(path)))
        for split in SPLITS:
            if split not in {file.split for file in found}:
                name = next(name for name, of in SPLIT_OF.items() if of == split)
                raise InputError(f"{folder}: no batch_{name}_*.db for the {split} split: put the raw files there")
        found.sort()
        self._layouts(folder, found)
        return found

    def _layouts(self, folder: Path, files: Sequence[RawFile]) -> Layouts:
        """The shapes and types of the arrays, which are the same in all files."""
        found = []
        for path in (folder / file.name for file in files):
            check_pages(path)
            with opened(path) as transaction:
                found.append(self._described(path, transaction))
            if list(found[-1].values()) != list(found[0].values()):
                raise InputError(
                    f"{path} holds {_as_text(found[-1])}, but {folder / files[0].name} holds {_as_text(found[0])}: all "
                    "files of a data set must agree, move those of one kind elsewhere"
                )
        return found[0]

    def _described(self, path: Path, transaction: Any) -> Layouts:
        """The shapes and types that an environment states for its records.

        Raises:
            InputError: a header entry is missing or cannot be understood.
        """
        scan = layout_of(path, transaction, "input")
        image = layout_of(path, transaction, "output")
        if len(image.shape) == 3 and image.shape[0] == 1:
            image = ArrayLayout(image.shape[1:], image.dtype)
        if len(scan.shape) != 3 or len(image.shape) != 2:
            raise InputError(
                f"{path}: input_shape is {scan.shape} and output_shape {image.shape}, expected (positions, H, W) and "
                "(1, H, W): correct or remove the file"
            )
        input_name = text_of(path, transaction, "input_name") or INPUT_NAME
        output_name = text_of(path, transaction, "output_name") or next(
            (name for name in OUTPUT_NAMES if first_key(path, transaction, name).startswith(name.encode())),
            OUTPUT_NAMES[0],
        )
        return {input_name: scan, output_name: image, **({DENSITY_NAME: image} if self.density else {})}

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of an environment; the key is ``<split>/<file>/<number>``, with the number as in its records.

        Raises:
            InputError: a record is missing or has another length than the headers state, or a number is written in two
                ways.
        """
        path = folder / file.name
        with opened(path) as transaction:
            layouts = self._described(path, transaction)
            names = b"|".join(re.escape(of.encode()) for of in layouts)
            pattern = re.compile(rb"(?:" + names + rb")(\d+)")
            with understood(path):
                keys = transaction.cursor().iternext(keys=True, values=False)
                written = {match[1].decode() for key in keys if (match := pattern.fullmatch(bytes(key)))}
            numbers = _in_order(path, written)
            if not numbers:
                raise InputError(
                    f"{path}: it holds no record {next(iter(layouts))}<number>: fetch it again or remove it"
                )
            name = path.parent.name if path.name == DATA else path.name
            for number in numbers:
                size = sum(record(path, transaction, f"{of}{number}", layout).nbytes for of, layout in layouts.items())
                key = f"{file.split}/{name}/{number}"
                yield Sample(file.split, key, file.name, number, size, group=key, facts=())

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads samples, as arrays over the mapped files without copies.

        It raises InputError for a file that cannot be read, for NaN in a target, and for a record that is 0 throughout.
        """

        def open_one(file: str) -> tuple[ExitStack, Any, Layouts]:
            with ExitStack() as stack:
                transaction = stack.enter_context(opened(folder / file))
                layouts = self._described(folder / file, transaction)
                return stack.pop_all(), transaction, layouts

        environments = OpenFiles(open_one, lambda environment: environment[0].close(), OPEN_FILES)
        in_use: list[NDArray[Any]] = []

        def read(sample: Sample) -> Example:
            path = folder / sample.file
            while in_use:  # before their environment is replaced by another
                _release(in_use.pop())
            _, transaction, layouts = environments[sample.file]
            keys = [f"{name}{sample.place}" for name in layouts]
            arrays = [record(path, transaction, *entry) for entry in zip(keys, layouts.values(), strict=True)]
            in_use.extend(arrays)
            finite = [_all_finite(f"{path}: {key}", array) for key, array in zip(keys, arrays, strict=True)]
            if False in finite[1:]:
                key = keys[finite.index(False, 1)]
                raise InputError(f"{path}: the record {key}, a target, has NaN or infinite pixels: remove the file")
            if not finite[0]:
                arrays[0] = _without_nan(arrays[0], f"{path}: {keys[0]}", note)
            return {"id": sample.key} | dict(zip((SCAN, POTENTIAL, DENSITY), arrays, strict=False))

        try:
            yield read
        finally:
            in_use.clear()
            environments.close()

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """The shapes and types of the arrays."""
        layouts = self._layouts(folder, self.files(folder)[:1]).values()
        return Beside(layouts=dict(zip((SCAN, POTENTIAL, DENSITY), layouts, strict=False)))


def _in_order(path: Path, written: Collection[str]) -> list[str]:
    """The numbers of records, as they are written, from the least to the greatest.

    Raises:
        InputError: one number is written in two ways: it is not known whether they are one sample or two.
    """
    of_value: dict[int, str] = {}
    for number in sorted(written):
        if (other := of_value.setdefault(int(number), number)) != number:
            raise InputError(
                f"{path}: records have the number {other} and also {number}, expected each number to be written in "
                "one way: fetch the file again or remove it"
            )
    return [number for _, number in sorted(of_value.items())]


def _all_finite(where: str, array: NDArray[Any]) -> bool:
    """Whether an array has no NaN and no infinity.

    Without the sign, the bits of an IEEE 754 number are an integer with the same order, in which infinity and NaN are
    last: NumPy compares these ten times as fast as half-precision numbers.

    Raises:
        InputError: the array is 0 throughout.
    """
    bits = array.view(f"<u{array.itemsize}")
    magnitude = np.iinfo(bits.dtype).max >> 1
    greatest = max(int((part & magnitude).max()) for part in (bits if bits.ndim > 2 else [bits]))
    if not greatest:
        raise InputError(f"{where} is 0 throughout: fetch the file again or remove it")
    return greatest < int(np.array(np.inf, array.dtype).view(bits.dtype))


def _without_nan(scan: NDArray[Any], where: str, note: Note) -> NDArray[Any]:
    usable = np.isfinite(scan)
    if not usable.any():
        raise InputError(f"{where} is NaN or infinite throughout: fetch the file again or remove it")
    note(NAN, f"{where} is NaN or infinite at {usable.size - int(usable.sum())} of {usable.size} pixels")
    return np.where(usable, scan, scan.dtype.type(0))


def _release(array: NDArray[Any]) -> None:
    """Remove the pages of a mapped array from this process's memory; the page cache keeps them."""
    page = os.sysconf("SC_PAGESIZE")
    start = array.__array_interface__["data"][0]
    first = start - start % page
    ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(start + array.nbytes - first), MADV_DONTNEED)


MADV_DONTNEED = 4
"""Number of the advice to Linux that pages are not needed (sys/mman.h)."""


def _as_text(layouts: Layouts) -> str:
    """A clause with the names of arrays, their shapes and types."""
    return " and ".join(f"{name}* {layout.shape} {layout.dtype}" for name, layout in layouts.items())
