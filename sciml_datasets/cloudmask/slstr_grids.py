"""Grids of a Sentinel-3 SLSTR product, and the transfer of numbers from one grid to another.

A product has three nadir grids: the 1 km grid (``in``), the 500 m grid (``an``) and that of tie points (``tn``), 1 km
apart along the track and 16 km across it. Each file states the place of its grid: ``start_offset`` is the row of the
first line since the beginning of the orbit, ``track_offset`` the column of the satellite's track. In real products the
500 m grid may begin a row before twice the 1 km grid, and have 2399 to 2402 rows to 1200: pixels beyond the 1 km grid
are cut off, and absent pixels are missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import NUMBERS, Array, File, opened
from sciml_datasets.files.netcdf import values
from sciml_datasets.files.text import LONGEST, quoted

FETCH = "fetch the file again"
TIE_SPACING = 16
"""Distance of tie points across the track in kilometres."""
MOST_OFFSET = 1_000_000
"""Number of rows of 500 m of ten orbits; more than any offset."""
MOST_PIXELS = 1 << 21
"""Largest number of pixels of a 1 km grid, and a fourth of that of a 500 m grid: a product of 3 minutes has 1.8
million."""
BEGINS_WITHIN, ENDS_WITHIN = 2, 4
"""Largest distances, in pixels of the finer grid, between the beginnings and the ends of two grids of one product."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The place of an image.

    Attributes:
        start: row of its first line since the beginning of the orbit.
        track: column of the satellite's track.
        shape: rows and columns.
    """

    start: int
    track: int
    shape: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.shape[0]} x {self.shape[1]} pixels, start_offset {self.start} and track_offset {self.track}"


def read_image(path: Path, name: str) -> tuple[NDArray[np.float64], Grid]:
    """The variable (R, C) of a file of the product, NaN where missing, and its grid.

    Args:
        path: the file.
        name: name of the variable.

    Raises:
        InputError: the file is missing, lacks the variable or the offsets of its grid, or they are invalid.
    """
    with opened(path) as file:
        variable = file.array(name, NUMBERS, (None, None), remedy=FETCH)
        rows, columns = image_shape(variable, 4 * MOST_PIXELS)
        return values(variable), Grid(offset(file, "start_offset"), offset(file, "track_offset"), (rows, columns))


def image_shape(variable: Array, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Rows and columns of an image, of which nothing is read yet.

    Raises:
        InputError: it has no pixel, or more than ``most``.
    """
    rows, columns = variable.shape
    if not 0 < rows * columns <= most:
        raise InputError(f"{variable.where} has the shape {variable.shape}, expected an image of a product: {FETCH}")
    return rows, columns


def offset(file: File, name: str) -> int:
    """An offset of the grid of a file.

    Raises:
        InputError: there is none, or it is no whole number.
    """
    number = file.number(name)
    if number is None:
        raise InputError(f"{file.path}: the attribute {name}, the place of its pixels, is missing: {FETCH}")
    if not number.is_integer() or abs(number) > MOST_OFFSET:
        raise InputError(
            f"{file.path}: the attribute {name} is {number:g}, expected a whole number up to {MOST_OFFSET:,}: {FETCH}"
        )
    return int(number)


def shift_between(grid: Grid, fine: Grid, path: Path, factor: int = 2) -> tuple[int, int]:
    """The numbers of rows and columns of a finer grid that precede the first pixel of another.

    Args:
        grid: the coarser grid.
        fine: the finer grid.
        path: path of the file of the finer grid, for the message.
        factor: number of pixels of the finer grid per pixel of the coarser one, along each axis.

    Raises:
        InputError: the two cannot be grids of one product.
    """
    # An image row is counted from its first line, a column from the track.
    shift = factor * grid.start - fine.start, fine.track - factor * grid.track
    for axis in (0, 1):
        end = fine.shape[axis] - shift[axis] - factor * grid.shape[axis]
        if abs(shift[axis]) > BEGINS_WITHIN or abs(end) > ENDS_WITHIN:
            raise InputError(
                f"{path}: its image has {fine}, which does not fit the 1 km grid, {grid}: fetch the whole product again"
            )
    return shift


def averaged(
    fine: NDArray[np.float64], shift: tuple[int, int] = (0, 0), shape: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """The mean over the present ones of the 2 x 2 pixels of each coarse pixel; NaN where none is present.

    Args:
        fine: (about 2 R, about 2 C) image, NaN where missing.
        shift: numbers of fine rows and columns that precede the first coarse pixel.
        shape: R and C; by default half of those of ``fine``.

    Returns:
        (R, C) means.
    """
    rows, columns = shape or (fine.shape[0] // 2, fine.shape[1] // 2)
    blocks = window(fine, shift, (2 * rows, 2 * columns)).reshape(rows, 2, columns, 2)
    there = ~np.isnan(blocks)
    count = there.sum(axis=(1, 3))
    total = np.where(there, blocks, 0).sum(axis=(1, 3))
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def window(image: NDArray[np.float64], first: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float64]:
    """A part of an image; where it extends beyond the edges it is NaN.

    Args:
        image: (R, C) image.
        first: row and column of the image at which the part begins; they may be negative.
        shape: shape of the part.
    """
    part = np.full(shape, np.nan)
    ends = [min(place + length, whole) for place, length, whole in zip(first, shape, image.shape, strict=True)]
    rows, columns = (slice(max(place, 0), max(end, 0)) for place, end in zip(first, ends, strict=True))
    found = image[rows, columns]
    top, left = (max(-place, 0) for place in first)
    part[top : top + found.shape[0], left : left + found.shape[1]] = found
    return part


def sun_zenith(path: Path, grid: Grid) -> NDArray[np.float64]:
    """The sun zenith angle on a 1 km grid, linear between the tie points; NaN where there are none.

    Args:
        path: path of ``geometry_tn.nc``.
        grid: the 1 km grid.

    Returns:
        (R, C) angles in degrees.

    Raises:
        InputError: the file is missing, lacks its variable, does not fit the grid, or holds no zenith angles.
    """
    name = "solar_zenith_tn"
    ties, own = read_image(path, name)
    with opened(path) as file:
        kilometres = _spacing(file)
        unit = file.array(name).text("units")
    if unit is not None and not unit.lower().startswith("deg"):
        raise InputError(f"{path}: {name} is in {quoted(unit, LONGEST)}, expected degrees: {FETCH}")
    with np.errstate(invalid="ignore"):
        if ((ties < 0) | (ties > 180)).any():
            raise InputError(
                f"{path}: {name} is {np.nanmin(ties):g} to {np.nanmax(ties):g}, expected 0 to 180: {FETCH}"
            )
    if own.shape[1] < 2:
        raise InputError(f"{path}: {name} has the shape {own.shape}, expected columns to interpolate between: {FETCH}")
    along = Grid(grid.start, own.track, (grid.shape[0], own.shape[1]))
    rows, _ = shift_between(along, own, path, factor=1)
    ties = window(ties, (rows, 0), along.shape)
    place = own.track + (np.arange(grid.shape[1]) - grid.track) / kilometres
    left = np.clip(np.floor(place).astype(int), 0, own.shape[1] - 2)
    weight = place - left
    between = ties[:, left] * (1 - weight) + ties[:, left + 1] * weight
    return np.where((place >= 0) & (place <= own.shape[1] - 1), between, np.nan)


def _spacing(file: File) -> int:
    """The distance of columns of tie points in kilometres; the attribute reads ``[ 16000 1000 ]``."""
    text = file.text("resolution") or ""
    found = re.findall(r"\d+", text, re.ASCII)
    if found[:1] != [str(1000 * TIE_SPACING)]:
        raise InputError(
            f"{file.path}: the attribute resolution is {quoted(text, LONGEST)}, expected [ 16000 1000 ]: {FETCH}"
        )
    return TIE_SPACING
