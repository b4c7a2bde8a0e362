"""The official raw layout of CloudMask: one HDF5 file per SLSTR scene, named like its granule.

``training/`` and ``inference/``, or in the older layout ``one-day/{day,night}`` (training) and ``ssts/{day,night}``
(inference), hold ``S3[A-D]_SL_1_RBT____*.hdf`` at any depth. Each file holds ``refs`` (R, C, 6), reflectances of S1 to
S6; ``bts`` (R, C, 3), brightness temperatures of S7 to S9 in kelvin; ``bayes`` (R, C, 1), the bits of the operational
Bayesian cloud mask: 1 single_low, 2 single_moderate, 4 dual_low, 8 dual_moderate. Any bit means cloud, as in the
reference. Sources: mlcommons/science, benchmarks/cloudmask; stfc-sciml/sciml-bench, slstr_cloud.

Values are stored as in the file, as float32; ``valid`` marks pixels that are not missing (see `validity`), and
``cloud`` is 0 elsewhere. A folder of that name decides whether a scene is day or night, else its reflectances do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sciml_datasets.cloudmask.granules import Granule, granule_of, is_granule, split_of
from sciml_datasets.cloudmask.patches import network_input
from sciml_datasets.cloudmask.validity import is_day, other_units, valid_pixels
from sciml_datasets.errors import InputError
from sciml_datasets.files.endings import with_ending
from sciml_datasets.files.hdf5 import INTEGERS, NUMBERS, Array, File, opened
from sciml_datasets.files.netcdf import ATTRIBUTES, stored, values
from sciml_datasets.files.regular_files import is_companion, regular_file, walked
from sciml_datasets.raw_format import (
    SPLITS,
    ArrayLayout,
    Beside,
    Example,
    Note,
    RawFile,
    RawFormat,
    Sample,
    ignored,
    numpy_type,
)

SIZES = {"cloudmask": (1200, 1500), "cloudmask_preprocessed": (1200, 1500), "cloudmask_demo": (256, 320)}
"""Rows and columns of the scenes of each data set, by name."""
HELD_OUT = {"training": False, "one-day": False, "inference": True, "ssts": True}
"""Whether the scenes of a folder are held out for the test split, by name of the folder."""
ENDING = ".hdf"
CHANNELS = {"refs": 6, "bts": 3, "bayes": 1}
"""Number of channels of each data set of a file, by name."""
IMAGE = "image"
"""Name of the feature that holds preprocessed channels."""
UNKNOWN_FRAME = -1
CAST = "have another type of number and are stored as float32"
UNLABELLED = "have pixels whose bits are missing or outside of 0 to 255, stored as not valid"
PACKED = "have attributes of netCDF on their numbers, which are stored as the values that they mean"
TOLERATED = {CAST: 1.0, PACKED: 1.0, UNLABELLED: 1.0}
"""Tolerated defects of scenes, each with the share of scenes above which the files are refused."""


@dataclass(frozen=True, slots=True)
class Scenes(RawFormat):
    """CloudMask's raw files; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        rows, columns: number of pixels of a scene along each axis.
        dtype: type of the nine normalised channels, which then are in the place of reflectances and brightness
            temperatures; empty where these are stored as they are.
    """

    rows: int
    columns: int
    dtype: str = ""
    group_kind: str = "pass"
    facts: tuple[str, ...] = ()
    tolerated: Mapping[str, float] = field(default_factory=lambda: TOLERATED)

    def files(self, folder: Path) -> list[RawFile]:
        """All ``*.hdf`` files, each with the split that follows from its folder and its name.

        Raises:
            InputError: a file is no granule or no regular file, has another ending or is in no known folder, two files
                hold one granule or give two dates of one pass, or a split gets no scene.
        """
        found = [parent / name for parent, _, names in walked(folder) for name in names if not is_companion(name)]
        paths = with_ending((path for path in found if path.suffix == ENDING or is_granule(path)), ENDING)
        if not paths:
            raise InputError(f"{folder}: no *.hdf file in it: put the scenes in training/ and inference/")
        _check_passes(paths)
        files: list[RawFile] = []
        known: dict[tuple[str, object, int], Path] = {}
        for path in paths:
            granule = granule_of(path)
            twin = known.setdefault((granule.satellite, granule.start, granule.relative_orbit), path)
            if twin is not path:
                raise InputError(f"{twin} and {path} are two files of one granule: remove one of them")
            split = split_of(granule, held_out=_held_out(folder, path.relative_to(folder)))
            files.append(RawFile.of(folder, path, split, regular_file(path)))
        for split in set(SPLITS) - {file.split for file in files}:
            raise InputError(
                f"{folder}: none of the {len(files)} scenes belongs to the {split} split: scenes in inference/ (or "
                "ssts/) are test, passes in training/ (or one-day/) are train or validation by their hash: add scenes"
            )
        return sorted(files)

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The only sample of a file; its key is the granule's name.

        Raises:
            InputError: the file is no HDF5 or truncated, or lacks ``refs``, ``bts`` or ``bayes`` of the right shape
                and type.
        """
        path = folder / file.name
        granule = granule_of(path)
        with opened(path) as h5:
            for name in CHANNELS:
                self._array(h5, name)
        # The size of the record: 9 channels, and bayes, cloud and valid.
        size = self.rows * self.columns * (numpy_type(self.dtype or "float32").itemsize * 9 + 3)
        yield Sample(file.split, granule.name, file.name, "", size, granule.orbit_pass, ())

    def _array(self, h5: File, name: str) -> Array:
        shape = (self.rows, self.columns, CHANNELS[name])
        sizes = ", ".join(f"{size} {rows} x {columns}" for size, (rows, columns) in SIZES.items())
        remedy = f"convert or remove the file, or prepare the data set that has scenes of this size ({sizes})"
        if name == "bayes":
            return h5.array(name, INTEGERS, shape, shape[:2], remedy=remedy)
        return h5.array(name, NUMBERS, shape, remedy=remedy)

    def extent(self, sample: Sample) -> tuple[int, int]:
        """See `sciml_datasets.raw_format.RawFormat.extent`: nearly all of a file is read."""
        return 0, self.rows * self.columns * (4 * 9 + 1)

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """Shape and type of the preprocessed channels."""
        return Beside(layouts={IMAGE: ArrayLayout((self.rows, self.columns, 9), self.dtype)} if self.dtype else {})

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A context with a function that reads scenes.

        It raises InputError for a file that cannot be read or changed after it was indexed, for values in other units,
        and for a scene without a valid pixel.
        """
        arrays = _Arrays.make(self.rows, self.columns)
        image = np.empty((self.rows, self.columns, 9), np.float32) if self.dtype else None

        def read(sample: Sample) -> Example:
            example = self._read(folder / sample.file, PurePosixPath(sample.file), arrays, note)
            if image is None:
                return example
            channels = example.pop("reflectance"), example.pop("brightness_temperature")
            network_input(*channels, example["valid"], out=image)
            return example | {IMAGE: image.astype(numpy_type(self.dtype), copy=False)}

        yield read

    def _read(self, path: Path, place: PurePosixPath, to: _Arrays, note: Note) -> Example:
        granule = granule_of(path)
        with opened(path) as h5:
            refs, bts, bayes = (self._array(h5, name) for name in CHANNELS)
            packed = [
                data.where
                for data, into in ((refs, to.reflectance), (bts, to.brightness_temperature))
                if _read_numbers(data, into)
            ]
            labelled = _read_bits(bayes, to.bayes)
        if packed:
            note(PACKED, packed[0])
        others = [
            f"{name} is {data.dtype}"
            for name, data in (("refs", refs), ("bts", bts))
            if data.dtype.newbyteorder("=") != np.float32
        ]
        if others:
            note(CAST, f"{path}: {' and '.join(others)}")
        day = _day_by_folder(place)
        if day is None:
            day = is_day(to.reflectance, to.brightness_temperature)
        if found := other_units(to.reflectance, to.brightness_temperature, day=day):
            raise InputError(f"{path}: {found}: convert or remove the file")
        valid, cloud = to.valid.view(np.bool_), to.cloud.view(np.bool_)
        valid_pixels(to.reflectance, to.brightness_temperature, valid, day=day)
        if labelled is not None:
            if not labelled.any():
                raise InputError(
                    f"{path}: no value of bayes is from 0 to 255, as its bits are: convert or remove the file"
                )
            if not labelled.all():
                note(UNLABELLED, f"{path}: {labelled.size - np.count_nonzero(labelled)} of {labelled.size} pixels")
            valid &= labelled
        if not valid.any():
            raise InputError(f"{path}: none of the {valid.size} pixels is valid: fetch the file again or remove it")
        np.logical_and(to.bayes[..., 0], valid, out=cloud)
        return {"id": granule.name, **vars(to), **_facts(granule, day=day)}


@dataclass
class _Arrays:
    """The arrays of one example, which are filled again for each example."""

    reflectance: np.ndarray[Any, np.dtype[np.float32]]
    brightness_temperature: np.ndarray[Any, np.dtype[np.float32]]
    bayes: np.ndarray[Any, np.dtype[np.uint8]]
    cloud: np.ndarray[Any, np.dtype[np.uint8]]
    valid: np.ndarray[Any, np.dtype[np.uint8]]

    @classmethod
    def make(cls, rows: int, columns: int) -> _Arrays:
        return cls(
            np.empty((rows, columns, 6), np.float32),
            np.empty((rows, columns, 3), np.float32),
            np.empty((rows, columns, 1), np.uint8),
            np.empty((rows, columns), np.uint8),
            np.empty((rows, columns), np.uint8),
        )


def _facts(granule: Granule, *, day: bool) -> Example:
    """The features that are no arrays."""
    return {
        "start_time": granule.start_time,
        "day": int(day),
        "relative_orbit": granule.relative_orbit,
        "frame": UNKNOWN_FRAME if granule.frame is None else granule.frame,
    }


def _check_passes(paths: list[Path]) -> None:
    """Make sure that names without a frame give the same date for a pass as the others."""
    granules = {path: granule_of(path) for path in paths}
    unframed = {granule.orbit: (path, granule) for path, granule in granules.items() if granule.frame is None}
    for path, granule in granules.items():
        twin, other = unframed.get(granule.orbit, (path, granule))
        if other.orbit_pass != granule.orbit_pass:
            raise InputError(
                f"{path} and {twin} are of one pass, but by their names it began on two dates and might be in two "
                f"splits, {granule.orbit_pass} and {other.orbit_pass}: remove one of them"
            )


def _held_out(folder: Path, place: Path) -> bool:
    for part in place.parts[:-1]:
        if part in HELD_OUT:
            return HELD_OUT[part]
    raise InputError(
        f"{folder / place}: the scene is in none of the folders {', '.join(f'{name}/' for name in HELD_OUT)}, which "
        "decide whether it is for training or for test: move it into one of them"
    )


def _day_by_folder(place: PurePosixPath) -> bool | None:
    return next((part == "day" for part in reversed(place.parts[:-1]) if part in ("day", "night")), None)


def _read_numbers(data: Array, into: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """Read numbers, decoded by attributes of netCDF where there are any, and return whether there are."""
    if not any(data.has(name) for name in ATTRIBUTES):
        data.read(into)
        return False
    into[...] = values(data)
    return True


def _read_bits(bayes: Array, to: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Read the bits; where the type of the numbers allows other values, return (R, C) whether a pixel has bits."""
    plain = not any(bayes.has(name) for name in ATTRIBUTES)
    if plain and bayes.dtype == np.uint8:
        bayes.read(to.reshape(bayes.shape))
        return None
    numbers, missing = (bayes.whole(), np.False_) if plain else stored(bayes)
    # Fill values of wider types are outside this range.
    labelled = ((numbers >= 0) & (numbers <= np.iinfo(np.uint8).max) & ~missing).reshape(to.shape)
    to[...] = np.where(labelled, numbers.reshape(to.shape), 0)
    return np.asarray(labelled[..., 0])
