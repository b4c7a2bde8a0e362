"""From a Sentinel-3 SLSTR Level 1B product (a ``.SEN3`` folder of netCDF-4 files) to a benchmark scene.

Names, grids and attributes: Product Data Format Specification - SLSTR Level 1, S3IPF PDS 005.1; netCDF-4 is HDF5. The
steps, all in the nadir view:

1. A stored integer is a value by its attributes: ``raw * scale_factor + add_offset``, missing where ``_FillValue``.
2. ``S7..S9_BT_in`` are the brightness temperatures, ``flags_in/bayes_in`` the bits of the mask, both as they are, on
   the 1 km grid.
3. ``S1..S6_radiance_an`` (500 m, stripe A) are averaged over the 2 x 2 pixels of each 1 km pixel, as far as they are
   there. Which rows belong together follows from ``start_offset`` and ``track_offset`` of the two grids: in real
   products the 500 m grid begins one row earlier than twice the 1 km grid.
4. The sun zenith angle is ``geometry_tn/solar_zenith_tn``, linear between its tie points, every 16 km across the track.
5. Reflectance is ``pi L / (E0 cos(zenith))`` (Sentinel-3 SLSTR user guide), with the product's own irradiance
   ``S1..S6_quality_an/S1..S6_solar_irradiance_an``, the mean of the detectors; missing where the sun is below the
   horizon. The vicarious adjustment of product notice S3.PN-SLSTR-L1.08 is not applied: the benchmark's scenes are
   older than it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.appearing import appearing
from sciml_datasets.cloudmask.granules import granule_of
from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import opened as open_hdf5

REFLECTIVE = ("S1", "S2", "S3", "S4", "S5", "S6")
THERMAL = ("S7", "S8", "S9")
GEOMETRY = "geometry_tn.nc"
FLAGS = "flags_in.nc"


def convert(product: Path, scene: Path) -> Path:
    """Write a product as a scene file.

    Args:
        product: the ``.SEN3`` folder.
        scene: the file to write, or a folder, in which it is called ``<granule>.hdf`` as the benchmark wants it.

    Returns:
        The file.

    Raises:
        InputError: there is no such folder, the product lacks files (they are named) or a file lacks data, or the scene
            exists.
    """
    import h5py

    if not product.is_dir():
        raise InputError(f"{product}: there is no such folder: name the .SEN3 folder of a product")
    granule = granule_of(product)
    needed = [
        *(f"{channel}_{kind}_an.nc" for channel in REFLECTIVE for kind in ("radiance", "quality")),
        *(f"{channel}_BT_in.nc" for channel in THERMAL),
        FLAGS,
        GEOMETRY,
    ]
    missing = [name for name in needed if not (product / name).is_file()]
    if missing:
        raise InputError(f"{product}: the product lacks {', '.join(missing)}: fetch the whole product")
    if scene.is_dir():
        scene /= f"{granule.name}.hdf"
    if scene.exists():
        raise InputError(f"{scene} exists: remove it or choose another name")
    content = {
        "refs": reflectances(product).astype(np.float32),
        "bts": brightness_temperatures(product).astype(np.float32),
        "bayes": bayes_bits(product),
    }
    with appearing(scene, unique=True) as work, h5py.File(work, "w") as file:
        for name, values in content.items():
            file[name] = values
        file.attrs["source"] = product.name
    return scene


def brightness_temperatures(product: Path) -> NDArray[np.float64]:
    """(R, C, 3) kelvin, S7 to S9; NaN where missing.

    Raises:
        InputError: a file is missing, or lacks its variable.
    """
    return np.stack([_values(product / f"{channel}_BT_in.nc", f"{channel}_BT_in")[0] for channel in THERMAL], axis=-1)


def bayes_bits(product: Path) -> NDArray[np.uint8]:
    """(R, C, 1), the bits of the Bayesian mask.

    Raises:
        InputError: the file is missing, or lacks its variable.
    """
    with open_hdf5(product / FLAGS) as file:
        return np.asarray(_variable(file, "bayes_in", product / FLAGS)[...], np.uint8)[..., None]


def reflectances(product: Path) -> NDArray[np.float64]:
    """(R, C, 6), S1 to S6 on the 1 km grid; NaN where missing and by night.

    Raises:
        InputError: a file is missing or lacks its variable, or the grids do not fit.
    """
    flags = product / FLAGS
    with open_hdf5(flags) as file:
        rows, columns = _variable(file, "bayes_in", flags).shape
        offsets = _offsets(file)
    cosine = np.cos(np.radians(_sun_zenith(product / GEOMETRY, rows, columns, offsets)))
    cosine = np.where(cosine > 0, cosine, np.nan)
    result = np.empty((rows, columns, len(REFLECTIVE)))
    for i, channel in enumerate(REFLECTIVE):
        path = product / f"{channel}_radiance_an.nc"
        radiance, fine_offsets = _values(path, f"{channel}_radiance_an")
        if radiance.shape != (2 * rows, 2 * columns):
            raise InputError(
                f"{path}: {channel}_radiance_an has the shape {radiance.shape}, expected {(2 * rows, 2 * columns)}: "
                "fetch the file again"
            )
        shift = tuple(2 * coarse - fine for coarse, fine in zip(offsets, fine_offsets, strict=True))
        irradiance, _ = _values(product / f"{channel}_quality_an.nc", f"{channel}_solar_irradiance_an")
        result[..., i] = np.pi * averaged(radiance, shift) / (np.nanmean(irradiance) * cosine)
    return result


def averaged(fine: NDArray[np.float64], shift: tuple[int, ...] = (0, 0)) -> NDArray[np.float64]:
    """Mean over the 2 x 2 pixels of each coarse pixel that are there; NaN where none is.

    Args:
        fine: (2 R, 2 C), NaN where missing.
        shift: fine rows and columns that precede the first coarse pixel.

    Returns:
        (R, C).
    """
    down, right = shift
    rows, columns = fine.shape
    moved = np.full((rows, columns), np.nan)
    target = moved[max(-down, 0) : rows - max(down, 0), max(-right, 0) : columns - max(right, 0)]
    target[...] = fine[max(down, 0) : rows - max(-down, 0), max(right, 0) : columns - max(-right, 0)]
    blocks = moved.reshape(rows // 2, 2, columns // 2, 2)
    there = ~np.isnan(blocks)
    count = there.sum(axis=(1, 3))
    total = np.where(there, blocks, 0).sum(axis=(1, 3))
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _sun_zenith(path: Path, rows: int, columns: int, offsets: tuple[int, int]) -> NDArray[np.float64]:
    """(rows, columns) degrees, between the tie points, whose rows are those of the image."""
    ties, tie_offsets = _values(path, "solar_zenith_tn")
    if ties.ndim != 2 or len(ties) != rows:
        raise InputError(
            f"{path}: solar_zenith_tn has the shape {ties.shape}, expected {rows} rows: fetch the file again"
        )
    with open_hdf5(path) as file:
        kilometres = _resolution(file, path) / 1000
    place = tie_offsets[1] + (np.arange(columns) - offsets[1]) / kilometres
    left = np.clip(np.floor(place).astype(int), 0, ties.shape[1] - 2)
    weight = place - left
    between = ties[:, left] * (1 - weight) + ties[:, left + 1] * weight
    return np.where((place >= 0) & (place <= ties.shape[1] - 1), between, np.nan)


def _values(path: Path, name: str) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """A variable in its unit, NaN where missing, and the offsets of its grid."""
    with open_hdf5(path) as file:
        variable = _variable(file, name, path)
        raw = variable[...]
        values = raw * _number(variable, "scale_factor", 1.0) + _number(variable, "add_offset", 0.0)
        if "_FillValue" in variable.attrs:
            values = np.where(raw == variable.attrs["_FillValue"], np.nan, values)
        return values, _offsets(file)


def _variable(file: Any, name: str, path: Path) -> Any:
    if name not in file:
        raise InputError(f"{path}: {name} is missing: fetch the file again")
    return file[name]


def _number(owner: Any, name: str, default: float) -> float:
    """An attribute, which netCDF stores as an array of one."""
    return float(np.asarray(owner.attrs.get(name, default)).reshape(-1)[0])


def _offsets(file: Any) -> tuple[int, int]:
    """Row of the grid's first line since the beginning of the orbit, and column of the satellite's track."""
    return int(_number(file, "start_offset", 0)), int(_number(file, "track_offset", 0))


def _resolution(file: Any, path: Path) -> float:
    """Metres between columns; the attribute reads ``[ 16000 1000 ]``."""
    text = file.attrs.get("resolution", b"")
    found = re.search(r"\d+", text.decode() if isinstance(text, bytes) else str(text))
    if found is None:
        raise InputError(f"{path}: the attribute resolution is {text!r}, expected [ 16000 1000 ]: fetch the file again")
    return float(found[0])
