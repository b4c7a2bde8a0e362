"""The official raw layout of STEMDL, form A: HDF5 files with one group per sample.

``{train,dev|validation,test}/*.h5``; each group holds ``cbed_stack`` (3, N, N) float32, intensities of three
diffraction patterns, and attributes (see `sciml_datasets.stemdl.attributes`). Numbers of groups have gaps, and repeat
between files. Source: the data set's own ``hdf5_docs.ipynb`` and its generator, nlaanait/namsa.

NaN is stored as 0, no intensity: the generator left out only patterns that were NaN throughout. Infinite intensities
are stored as they are, since the reference's transform clips them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.endings import with_ending
from sciml_datasets.files.hdf5 import FLOAT32, Array, File, Group, opened
from sciml_datasets.files.open_files import OpenFiles
from sciml_datasets.files.regular_files import is_companion, regular_file
from sciml_datasets.raw_format import Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.stemdl.attributes import DEBRIS, FRACTION, features_of, material_of, space_group_of
from sciml_datasets.stemdl.log_scaling import PIXELS, log_scaled_in_place

FOLDERS = {"train": ("train",), "validation": ("dev", "validation"), "test": ("test",)}
"""Names of the possible folders of each split, by split: the original calls its validation split ``dev``."""
STORED = np.dtype("<f4")
ENDING = ".h5"
OPEN_FILES = 64
"""Number of files kept open while reading: records are written in hashed order, so each comes from another file."""
Stack = np.ndarray[Any, np.dtype[np.float32]]

NAN = "have NaN pixels, stored as 0"
BLANK = "have a pattern of zeros among others"
INFINITE = "have infinite pixels, stored as they are"
TOLERATED = {NAN: 0.001, DEBRIS: 1.0, BLANK: 1.0, INFINITE: 1.0, FRACTION: 1.0}
"""Tolerated defects of samples, each with the share of samples above which the files are refused."""


@dataclass(frozen=True, slots=True)
class Hdf5Stacks(RawFormat):
    """STEMDL's raw HDF5 files; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        pixels: width and height of the patterns in the files.
        preprocess: whether the reference's transform of 512 x 512 patterns replaces the intensities.
    """

    pixels: int
    preprocess: bool = False
    group_kind: str = "material"
    facts: tuple[str, ...] = ("space_group",)
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """All ``*.h5`` files of the three splits.

        Raises:
            InputError: the folder, a split or its files are missing.
        """
        return sorted(file for split, names in FOLDERS.items() for file in _split_files(folder, split, names))

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of one file; the key is ``<split>/<file>/<group>``.

        Raises:
            InputError: the file is no HDF5 or truncated, a group lacks ``cbed_stack`` or a usable ``space_group`` or
                ``material``, or the stack has another shape or type.
        """
        path = folder / file.name
        with opened(path) as h5:
            names = h5.names()
            if not names:
                raise InputError(
                    f"{path}: the file holds no samples, expected one group per sample: remove or replace it"
                )
            for place in names:
                group = h5.group(place)
                stack = self._stack(group)
                yield Sample(
                    split=file.split,
                    key=f"{file.split}/{path.name}/{place}",
                    file=file.name,
                    place=f"{(stack.dtype == STORED and stack.offset) or 0} {place}",
                    size=4 * 3 * (PIXELS if self.preprocess else self.pixels) ** 2,
                    group=material_of(group),
                    facts=(str(space_group_of(group)),),
                )

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """See `sciml_datasets.raw_format.RawFormat.extent`; unknown where the stack is not stored in one piece."""
        start = int(sample.place.partition(" ")[0])
        return (start, 4 * 3 * self.pixels**2) if start else None

    def _stack(self, group: Group) -> Array:
        shape = (3, self.pixels, self.pixels)
        sizes = "prepare stemdl from 512 x 512 patterns and stemdl_demo from 128 x 128"
        remedy = f"{sizes}, or simulate with --pixels {self.pixels}"
        return group.array("cbed_stack", FLOAT32, shape, remedy=remedy)

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads samples.

        It raises InputError for a file that cannot be read and for a stack that is 0 or NaN throughout.
        """
        stack = np.empty((3, self.pixels, self.pixels), np.float32)
        opened_files: OpenFiles[str, File] = OpenFiles(lambda name: File(folder / name), File.close, OPEN_FILES)
        with closing(opened_files) as files:

            def read(sample: Sample) -> Example:
                offset, _, place = sample.place.partition(" ")
                file = files[sample.file]
                group = file.group(place)
                where = f"{group.where}: cbed_stack"
                if offset == "0":
                    self._stack(group).read(stack)
                else:
                    file.read_at(int(offset), stack, where)
                check_intensities(stack, where, note)
                patterns = log_scaled_in_place(stack) if self.preprocess else stack
                known = {"id": sample.key, "cbed_stack": patterns, "space_group": int(sample.facts[0])}
                return known | {"material": sample.group, **features_of(group, note)}

            yield read


def _split_files(folder: Path, split: str, names: tuple[str, ...]) -> list[RawFile]:
    present = [folder / name for name in names if (folder / name).is_dir()]
    if len(present) != 1:
        wanted = " or ".join(f"{name}/" for name in names)
        found = " and ".join(f"{path.name}/" for path in present) or "none"
        raise InputError(
            f"{folder}: expected one folder {wanted} for the {split} split, found {found}: "
            "raw files belong in train/, dev/ (or validation/) and test/"
        )
    paths = with_ending((path for path in present[0].iterdir() if not is_companion(path.name)), ENDING)
    if not paths:
        raise InputError(f"{present[0]}: no *.h5 file for the {split} split: put the raw files there")
    known: dict[tuple[int, int], Path] = {}
    files = []
    for path in paths:
        status = regular_file(path)
        twin = known.setdefault((status.st_dev, status.st_ino), path)
        if twin is not path:
            raise InputError(f"{path} and {twin} are one file under two names: remove one of them")
        files.append(RawFile.of(path.parent.parent, path, split, status))
    return files


def check_intensities(stack: Stack, where: str, note: Note) -> None:
    """Replace NaN by 0, and note it, as well as a pattern that is 0 throughout and infinite intensities.

    Raises:
        InputError: the stack holds nothing but 0 and NaN, or an intensity is negative.
    """
    # Minimum and maximum are NaN where an element is: two passes in the common case, and no array of booleans.
    brightest = stack.max(axis=(1, 2))
    if stack.min() >= 0 and brightest.min() > 0 and brightest.max() < np.inf:
        return
    negative = int(np.count_nonzero(stack < 0))
    if negative:
        raise InputError(
            f"{where} is negative at {negative} of {stack.size} pixels, to {np.nanmin(stack):g}, which no "
            "intensity is: fetch the file again or remove the group"
        )
    missing = np.isnan(stack)
    count = int(np.count_nonzero(missing))
    stack[missing] = 0
    if not stack.any():
        found = "0 throughout" if not count else f"NaN at {count} of {stack.size} pixels and 0 elsewhere"
        raise InputError(f"{where} is {found}: fetch the file again or remove the group")
    if count:
        note(NAN, f"{where} is NaN at {count} of {stack.size} pixels")
    blank = np.flatnonzero(~stack.any(axis=(1, 2)))
    if blank.size:
        note(BLANK, f"{where}[{blank[0]}] is 0 throughout")
    infinite = int(np.count_nonzero(np.isinf(stack)))
    if infinite:
        note(INFINITE, f"{where} is infinite at {infinite} of {stack.size} pixels")
