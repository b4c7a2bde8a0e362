"""The official raw layout of STEMDL, form A: HDF5 files with one group per sample.

``{train,dev|validation,test}/*.h5``; each group holds ``cbed_stack`` (3, N, N) float32, intensities of three
diffraction patterns, and attributes. Direction i of ``z_dirs`` (1, 3, 3) is the column ``z_dirs[0][:, i]``. Numbers of
groups have gaps, and repeat between files. Source: the data set's own ``hdf5_docs.ipynb`` and its generator,
nlaanait/namsa.

NaN is stored as 0, no intensity: the generator left out only patterns that were NaN throughout.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.hdf5 import attribute, open_hdf5
from sciml_datasets.samples import Example, Note, RawFile, Sample, unheard
from sciml_datasets.stemdl.preprocessing import PIXELS, log_scaled_in_place

if TYPE_CHECKING:
    import h5py

FOLDERS = {"train": ("train",), "validation": ("dev", "validation"), "test": ("test",)}
"""Split to the folder names that hold it: the original calls its validation split ``dev``."""
NUM_SPACE_GROUPS = 230
OPEN_FILES = 64
"""Files kept open while reading: records are written in hashed order, so each comes from another file."""
Stack = np.ndarray[Any, np.dtype[np.float32]]

LEAST = 1e-6
"""What no length, angle or direction of a crystal is below; debris of a foreign float128 often is, and reads as 0."""
VECTORS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "z_dirs": ((1, 3, 3), -1e3, 1e3),
    "y_dirs": ((1, 3, 3), -1e3, 1e3),
    "semi_angles_rad": ((3,), LEAST, 1),
    "d_hkls_angstrom": ((3,), LEAST, 1e3),
    "abc_angstrom": ((3,), LEAST, 1e3),
    "angles_degree": ((3,), LEAST, 180),
}
"""Optional attributes: shape, and the range outside which a value is debris of a foreign float128 and absent."""
NAN, DEBRIS = "have NaN pixels, stored as 0", "have unusable attributes, stored as absent"
BLANK = "have a pattern of zeros among others"
TOLERATED = {NAN: 0.001, DEBRIS: 1.0, BLANK: 1.0}
"""What may be wrong with a sample, to the share of samples beyond which the files are refused."""


@dataclass(frozen=True, slots=True)
class Hdf5Stacks:
    """STEMDL's raw HDF5 files; see `sciml_datasets.samples.NotingFormat`.

    Attributes:
        pixels: width and height of the patterns in the files.
        preprocess: the reference's transform of 512 x 512 patterns takes the place of the intensities.
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
        with open_hdf5(path) as h5:
            if not h5.keys():
                raise InputError(
                    f"{path}: the file holds no samples, expected one group per sample: remove or replace it"
                )
            for place in h5:
                where = f"{path}, group {place}"
                group = _group(h5, place, where)
                size, offset = self._stack_bytes(group, where)
                yield Sample(
                    split=file.split,
                    key=f"{file.split}/{path.name}/{place}",
                    file=file.name,
                    place=f"{offset} {place}",
                    size=size,
                    group=_material(group, where),
                    facts=(str(_space_group(group, where)),),
                )

    def extent(self, sample: Sample) -> tuple[int, int] | None:
        """See `sciml_datasets.samples.PlacedFormat`; unknown where the stack is not stored in one piece."""
        start = int(sample.place.partition(" ")[0])
        return (start, 4 * 3 * self.pixels**2) if start else None

    def _stack_bytes(self, group: h5py.h5g.GroupID, where: str) -> tuple[int, int]:
        """Bytes of the stack in a record, and where it begins in the file; 0 where it is not stored in one piece."""
        expected = (3, self.pixels, self.pixels)
        if b"cbed_stack" not in group:
            raise InputError(
                f"{where}: cbed_stack is missing, expected a data set {expected} float32: remove the group"
            )
        stack = _data_set(group, where)
        shape, dtype = stack.shape, stack.dtype
        if shape != expected:
            raise InputError(
                f"{where}: cbed_stack has the shape {shape}, expected {expected}: prepare stemdl from 512 x 512 "
                f"patterns and stemdl_demo from 128 x 128, or simulate with --pixels {self.pixels}"
            )
        if dtype.kind != "f" or dtype.itemsize != 4:
            raise InputError(f"{where}: cbed_stack is {dtype}, expected float32: convert the file")
        offset = stack.get_offset() if dtype == np.dtype("<f4") else None
        return 4 * (3 * PIXELS**2 if self.preprocess else 3 * self.pixels**2), offset or 0

    @contextmanager
    def reader(self, folder: Path, note: Note = unheard) -> Iterator[Callable[[Sample], Example]]:
        """A function that reads samples.

        It raises InputError for a file that cannot be read and for a stack that is 0 or NaN throughout.
        """
        opened: OrderedDict[str, h5py.File] = OrderedDict()
        stack = np.empty((3, self.pixels, self.pixels), np.float32)

        def read(sample: Sample) -> Example:
            path = folder / sample.file
            if sample.file not in opened:
                opened[sample.file] = open_hdf5(path)
                if len(opened) > OPEN_FILES:
                    opened.popitem(last=False)[1].close()
            opened.move_to_end(sample.file)
            offset, _, place = sample.place.partition(" ")
            where = f"{path}, group {place}"
            group = _group(opened[sample.file], place, where)
            if offset == "0":
                _read_stack(group, where, stack)
            else:
                _read_stack_at(int(offset), opened[sample.file], where, stack)
            without_nan(stack, where, note)
            patterns = log_scaled_in_place(stack) if self.preprocess else stack
            known = {"id": sample.key, "cbed_stack": patterns, "space_group": int(sample.facts[0])}
            return known | {"material": sample.group, **_features(group, where, note)}

        try:
            yield read
        finally:
            for file in opened.values():
                file.close()


def _split_files(folder: Path, split: str, names: tuple[str, ...]) -> list[RawFile]:
    present = [folder / name for name in names if (folder / name).is_dir()]
    if len(present) != 1:
        wanted = " or ".join(f"{name}/" for name in names)
        found = " and ".join(f"{path.name}/" for path in present) or "none"
        raise InputError(
            f"{folder}: expected one folder {wanted} for the {split} split, found {found}: "
            "raw files belong in train/, dev/ (or validation/) and test/"
        )
    paths = [path for path in present[0].iterdir() if path.suffix == ".h5"]
    if not paths:
        raise InputError(f"{present[0]}: no *.h5 file for the {split} split: put the raw files there")
    stats = ((path, path.stat()) for path in paths)
    return [RawFile(split, f"{path.parent.name}/{path.name}", s.st_size, s.st_mtime_ns) for path, s in stats]


def _group(file: h5py.File, place: str, where: str) -> h5py.h5g.GroupID:
    """A group by h5py's low-level interface, in a quarter of the time of ``file[place]``."""
    import h5py

    try:
        group = h5py.h5o.open(file.id, place.encode())
    except (KeyError, OSError) as error:
        raise InputError(f"{where}: it cannot be read ({error}): fetch the file again") from error
    if not isinstance(group, h5py.h5g.GroupID):
        raise InputError(f"{where}: it is no group, expected one group per sample: remove it")
    return group


def _data_set(group: h5py.h5g.GroupID, where: str) -> h5py.h5d.DatasetID:
    import h5py

    try:
        return h5py.h5d.open(group, b"cbed_stack")
    except (KeyError, OSError) as error:
        raise InputError(f"{where}: cbed_stack cannot be read ({error}): fetch the file again") from error


def _read_stack(group: h5py.h5g.GroupID, where: str, stack: Stack) -> None:
    """Read ``cbed_stack`` into the given array."""
    import h5py

    try:
        h5py.Dataset(_data_set(group, where)).read_direct(stack)
    except OSError as error:
        raise InputError(f"{where}: cbed_stack cannot be read ({error}): fetch the file again") from error


def _read_stack_at(offset: int, file: h5py.File, where: str, stack: Stack) -> None:
    """Read what begins there in the file into the given array: in two thirds of HDF5's time."""
    if os.preadv(file.id.get_vfd_handle(), [stack.data], offset) != stack.nbytes:
        raise InputError(f"{where}: cbed_stack is cut short: the file changed after it was indexed, run it again")


def without_nan(stack: Stack, where: str, note: Note) -> None:
    """Put 0 in the place of NaN, and note it, and a pattern that is 0 throughout.

    Raises:
        InputError: nothing else is in the stack, or an intensity is negative.
    """
    # They are NaN where an element is: two passes in the common case, and no array of booleans.
    if stack.min() >= 0 and stack.max(axis=(1, 2)).min() > 0:
        return
    negative = int(np.count_nonzero(stack < 0))
    if negative:
        raise InputError(
            f"{where}: cbed_stack is negative at {negative} of {stack.size} pixels, to {np.nanmin(stack):g}, which no "
            "intensity is: fetch the file again or remove the group"
        )
    missing = np.isnan(stack)
    count = int(np.count_nonzero(missing))
    stack[missing] = 0
    if not stack.any():
        found = "0 throughout" if not count else f"NaN at {count} of {stack.size} pixels and 0 elsewhere"
        raise InputError(f"{where}: cbed_stack is {found}: fetch the file again or remove the group")
    if count:
        note(NAN, f"{where}: cbed_stack is NaN at {count} of {stack.size} pixels")
    blank = np.flatnonzero(~stack.any(axis=(1, 2)))
    if blank.size:
        note(BLANK, f"{where}: cbed_stack[{blank[0]}] is 0 throughout")


def _text(value: Any) -> str:
    """A string attribute, which the files carry as bytes, str or a number, sometimes in an array of one."""
    value = np.asarray(value).reshape(-1)[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _material(group: h5py.h5g.GroupID, where: str) -> str:
    value = attribute(group, "material")
    if value is None:
        raise InputError(f"{where}: the attribute material is missing: add it, it keeps one material out of two splits")
    return _text(value)


def _space_group(group: h5py.h5g.GroupID, where: str) -> int:
    expected = f"expected a number from 1 to {NUM_SPACE_GROUPS}: correct the file or remove the group"
    value = attribute(group, "space_group")
    if value is None:
        raise InputError(f"{where}: the attribute space_group is missing, {expected}")
    text = _text(value)
    if not text.isdecimal() or not 1 <= int(text) <= NUM_SPACE_GROUPS:
        raise InputError(f"{where}: space_group is {text!r}, {expected}")
    return int(text)


def _features(group: h5py.h5g.GroupID, where: str, note: Note) -> Example:
    """What the index does not know; absent text is empty, an absent energy 0, absent numbers NaN."""
    formula = attribute(group, "formula")
    vectors = {name: _vector(group, name) for name in VECTORS}
    debris = [name for name, value in vectors.items() if value is None]
    if debris:
        note(DEBRIS, f"{where}: {', '.join(debris)} out of range, as a float128 of another architecture is")
    return {
        "formula": "" if formula is None else _text(formula),
        "energy_kev": _energy(group, where),
    } | {name: np.full(VECTORS[name][0], np.nan) if value is None else value for name, value in vectors.items()}


def _energy(group: h5py.h5g.GroupID, where: str) -> int:
    value = attribute(group, "energy_keV")
    text = "0" if value is None else _text(value)
    try:
        return round(float(text))
    except ValueError as error:
        raise InputError(f"{where}: energy_keV is {text!r}, expected a number: correct the file") from error


def _vector(group: h5py.h5g.GroupID, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The attribute's value, NaN where there is none; None for debris."""
    shape, low, high = VECTORS[name]
    value = attribute(group, name)
    if value is None:
        return np.full(shape, np.nan)
    if value.shape != shape or value.dtype.kind not in "fiu":
        return None
    with np.errstate(over="ignore"):  # of debris
        number = np.asarray(value, np.float64)
    if not (number.min() >= low and number.max() <= high):  # also where it is NaN
        return None
    directions = len(shape) == 3
    return None if directions and abs(number).max(axis=1).min() < LEAST else number
