"""From a Sentinel-3 SLSTR Level 1B product (a ``.SEN3`` folder of netCDF-4 files) to a benchmark scene.

Names, grids and attributes: Product Data Format Specification - SLSTR Level 1, S3IPF PDS 005.1. The steps, all in the
nadir view:

1. A stored number is decoded by its attributes (see `sciml_datasets.files.netcdf`), or missing.
2. ``S7..S9_BT_in`` are the brightness temperatures, ``flags_in/bayes_in`` the bits of the mask, both unchanged, on the
   1 km grid. Where some bits are missing, all are stored as int16, the missing ones as NO_BITS.
3. ``S1..S6_radiance_an`` (500 m, stripe A) are averaged over those of the 2 x 2 pixels of each 1 km pixel that are
   present. The offsets of the two grids decide which pixels belong together (see `slstr_grids`).
4. The sun zenith angle is ``geometry_tn/solar_zenith_tn``, linear between its tie points, every 16 km across the track.
5. Reflectance is ``pi L / (E0 cos(zenith))`` (Sentinel-3 SLSTR user guide), with the product's own irradiance
   ``S1..S6_quality_an/S1..S6_solar_irradiance_an``, the mean of the detectors; missing where the sun is below the
   horizon. The vicarious adjustment of product notice S3.PN-SLSTR-L1.08 is not applied: the benchmark's scenes are
   older than it.
6. A 1 km grid a row or two longer than the benchmark's scenes loses its last rows; to a shorter one rows without values
   are added.

A product that would give a meaningless scene is refused: one with an empty channel, or one that is day by its sun
zenith angles and night by its reflectances. By night there are no reflectances.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask.raw import SIZES
from sciml_datasets.cloudmask.slstr_grids import (
    FETCH,
    Grid,
    averaged,
    image_shape,
    offset,
    read_image,
    shift_between,
    sun_zenith,
)
from sciml_datasets.cloudmask.slstr_product import FLAGS, GEOMETRY, REFLECTIVE, THERMAL, check_product, product_folder
from sciml_datasets.cloudmask.validity import MAX_KELVIN, is_day, other_units, valid_pixels
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.hdf5 import INTEGERS, NUMBERS, Array, File, opened
from sciml_datasets.files.netcdf import is_packed, stored, values

NO_BITS = -1
"""Number for missing bits, outside of 0 to 255."""
IRRADIANCES = (20.0, 3000.0)
"""Range of irradiances in mW m-2 nm-1: the sun gives 70 at S6 and 1900 at S1, and nowhere more than 2300."""
MOST_DETECTORS = 1000
"""Largest number of detectors of a channel: SLSTR has 4."""
HORIZON = 90.0
"""Sun zenith angle of the horizon in degrees."""
ROWS_APART = 2
"""Number of rows by which a full 1 km grid may differ from the benchmark's scenes."""


def convert(product: Path, scene: Path) -> Path:
    """Write a product as a scene file.

    Args:
        product: the ``.SEN3`` folder, or a folder that holds it alone.
        scene: the file to write, or a folder, in which it is called ``<granule>.hdf`` as the benchmark requires it.

    Returns:
        The file.

    Raises:
        InputError: there is no such folder, the product lacks files (they are named), a file lacks data or holds
            invalid ones, the files belong to several products, or the scene exists.
    """
    import h5py

    folder = product_folder(product)
    granule = check_product(folder)
    if scene.is_dir():
        scene /= f"{granule.name}.hdf"
    if scene.exists():
        raise InputError(f"{scene} exists: remove it or choose another name")
    content = _content(folder)
    # The scene is made in memory first: where a disk is full the HDF5 library may end the interpreter.
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        for name, array in content.items():
            file[name] = array
        file.attrs["source"] = folder.name
    with atomic.writing(scene) as work:
        work.write_bytes(whole.getbuffer())
    return scene


def brightness_temperatures(product: Path) -> NDArray[np.float64]:
    """(R, C, 3) brightness temperatures in kelvin, S7 to S9; NaN where missing.

    Raises:
        InputError: a file is missing, lacks its variable, or is not on the grid of the mask.
    """
    grid = _grid(product)
    images = []
    for channel in THERMAL:
        path = product / f"{channel}_BT_in.nc"
        image, own = read_image(path, f"{channel}_BT_in")
        if own != grid:
            raise InputError(f"{path}: {channel}_BT_in has {own}, expected {grid}, as the mask: {FETCH}")
        images.append(image)
    return np.stack(images, axis=-1)


def bayes_bits(product: Path) -> NDArray[np.uint8] | NDArray[np.int16]:
    """(R, C, 1) bits of the Bayesian mask; int16 with NO_BITS where some are missing.

    Raises:
        InputError: the file is missing, lacks its variable, or holds something other than 8 bits.
    """
    with opened(product / FLAGS) as file:
        variable = _mask(file)
        if is_packed(variable):
            raise InputError(f"{variable.where} has a scale or an offset, expected bits: {FETCH}")
        bits, missing = stored(variable)
    outside = ~missing & ((bits < 0) | (bits > np.iinfo(np.uint8).max))
    if outside.any():
        raise InputError(f"{variable.where} holds {bits[outside][0]}, expected 8 bits, 0 to 255: {FETCH}")
    if not missing.any():
        return bits.astype(np.uint8)[..., None]
    return np.where(missing, np.int16(NO_BITS), bits.astype(np.int16))[..., None]


def reflectances(product: Path) -> NDArray[np.float64]:
    """(R, C, 6) reflectances, S1 to S6 on the 1 km grid; NaN where missing and by night.

    Raises:
        InputError: a file is missing or lacks its variable, the grids do not fit, or an irradiance is impossible.
    """
    grid = _grid(product)
    zenith = sun_zenith(product / GEOMETRY, grid)
    result = np.full((*grid.shape, len(REFLECTIVE)), np.nan)
    up = zenith < HORIZON
    if not up.any():
        return result  # products of the night hold no radiances
    cosine = np.where(up, np.cos(np.radians(zenith)), np.nan)
    for i, channel in enumerate(REFLECTIVE):
        path = product / f"{channel}_radiance_an.nc"
        radiance, fine = read_image(path, f"{channel}_radiance_an")
        coarse = averaged(radiance, shift_between(grid, fine, path), grid.shape)
        result[..., i] = np.pi * coarse / (_irradiance(product, channel) * cosine)
    return result


def _content(product: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the scene."""
    bayes = bayes_bits(product)
    bts = brightness_temperatures(product).astype(np.float32)
    with np.errstate(over="ignore"):
        refs = reflectances(product).astype(np.float32)
    _check(product, refs, bts, bayes)
    return {"refs": _of_full_size(refs, np.nan), "bts": _of_full_size(bts, np.nan), "bayes": _of_full_size(bayes, 0)}


def _check(
    product: Path, refs: NDArray[np.float32], bts: NDArray[np.float32], bayes: NDArray[np.uint8] | NDArray[np.int16]
) -> None:
    """Make sure that a scene has a value in each channel, a label, and reflectances where the sun is up."""
    measured = (bts > 0) & (bts <= MAX_KELVIN)
    for i, channel in enumerate(THERMAL):
        if not measured[..., i].any():
            raise InputError(f"{product}: {channel} has no value up to {MAX_KELVIN:g} kelvin: fetch the product again")
    zenith = sun_zenith(product / GEOMETRY, _grid(product))
    seen = measured[..., 1]
    half = np.count_nonzero(seen) / 2
    if np.count_nonzero(seen & ~np.isnan(zenith)) <= half:
        raise InputError(f"{product / GEOMETRY}: no sun zenith angle for half of the pixels: {FETCH}")
    sunny = bool(np.count_nonzero(seen & (zenith < HORIZON)) > half)
    day = is_day(refs, bts)
    for i, channel in enumerate(REFLECTIVE):
        if np.isinf(refs[..., i]).any():
            raise InputError(f"{product}: a reflectance of {channel} is infinite: fetch the product again")
        if (sunny or day) and np.isnan(refs[..., i]).all():
            raise InputError(f"{product}: {channel} has no value though the sun is up: fetch the product again")
    if found := other_units(refs, bts, day=day):
        raise InputError(f"{product}: {found}: fetch the product again")
    if sunny and not day:
        raise InputError(
            f"{product}: the sun is up in more than half of the pixels, but S1 has no reflectances of a day "
            "there: fetch the product again"
        )
    valid = np.empty(seen.shape, np.bool_)
    valid_pixels(refs, bts, valid, day=day)
    if not (valid & (bayes[..., 0] != NO_BITS)).any():
        raise InputError(f"{product}: no pixel has values in all channels and a label: fetch the product again")


def _irradiance(product: Path, channel: str) -> float:
    """The mean irradiance of the detectors of a channel that are present, in mW m-2 nm-1."""
    with opened(product / f"{channel}_quality_an.nc") as file:
        variable = file.array(f"{channel}_solar_irradiance_an", NUMBERS, remedy=FETCH)
        if variable.size > MOST_DETECTORS:
            raise InputError(f"{variable.where} has the shape {variable.shape}, expected a value a detector: {FETCH}")
        detectors = values(variable)
    there = detectors[~np.isnan(detectors)]
    low, high = IRRADIANCES
    if not there.size or there.min() < low or there.max() > high:
        found = f"{there.min():g} to {there.max():g}" if there.size else "missing"
        raise InputError(f"{variable.where} is {found}, expected {low:g} to {high:g} mW m-2 nm-1: {FETCH}")
    return float(there.mean())


def _mask(file: File) -> Array:
    mask = file.array("bayes_in", INTEGERS, (None, None), remedy=FETCH)
    image_shape(mask)
    return mask


def _grid(product: Path) -> Grid:
    """The 1 km grid."""
    with opened(product / FLAGS) as file:
        rows, columns = _mask(file).shape
        return Grid(offset(file, "start_offset"), offset(file, "track_offset"), (rows, columns))


def _of_full_size(array: NDArray[Any], missing: float) -> NDArray[Any]:
    """An array with the rows of the benchmark's scenes, where its number of rows is that of a full scene up to one or
    two."""
    rows, columns = SIZES["cloudmask"]
    more = rows - len(array)
    if array.shape[1] != columns or not 0 < abs(more) <= ROWS_APART:
        return array
    return np.concatenate([array[:rows], np.full((max(more, 0), *array.shape[1:]), missing, array.dtype)])
