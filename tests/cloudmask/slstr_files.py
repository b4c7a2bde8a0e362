"""Small Sentinel-3 SLSTR products made by hand, in the layout of the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sciml_datasets.cloudmask.slstr import convert

NAME = "S3A_SL_1_RBT____20210827T074336_20210827T074636_20210827T094954_0179_075_320_3060_LN2_O_NR_004"
REPROCESSED = "S3A_SL_1_RBT____20170602T090746_20170602T091046_20181003T205946_0179_018_207______LR1_R_NT_003"
ROWS, COLUMNS = 24, 48
FILL = -32768


def write_nc(path: Path, name: str, values: Any, offsets: tuple[int, int], **attributes: Any) -> None:
    """A variable in a file of a product's layout: attributes are arrays of one."""
    with h5py.File(path, "w") as file:
        file[name] = values
        file.attrs["start_offset"], file.attrs["track_offset"] = ([np.int32(offset)] for offset in offsets)
        file.attrs["resolution"] = np.bytes_("[ 16000 1000 ]")
        for key, value in attributes.items():
            file[name].attrs[key] = np.array([value])


def write_product(
    folder: Path,
    *,
    name: str = NAME,
    zenith: float = 60.0,
    fine_start: int = 40874,
    fine_rows: int = 2 * ROWS,
    rows: int = ROWS,
    columns: int = COLUMNS,
) -> Path:
    """A small product whose radiances give reflectances of 0.1 to 0.6 at the given sun zenith angle."""
    product = folder / f"{name}.SEN3"
    product.mkdir(parents=True)
    grid, fine = (20437, 20), (fine_start, 40)
    for i in range(6):
        channel, irradiance = f"S{i + 1}", 1000.0 / (i + 1)
        radiance = 0.1 * (i + 1) * irradiance * np.cos(np.radians(60)) / np.pi
        raw = np.full((fine_rows, 2 * columns), round((radiance - 100) / 0.01), np.int16)
        raw[:4, :6] = FILL
        write_nc(product / f"{channel}_radiance_an.nc", f"{channel}_radiance_an", raw, fine,
                 scale_factor=0.01, add_offset=100.0, _FillValue=np.int16(FILL))  # fmt: skip
        quality = np.array([0.99, 1.0, 1.0, 1.01]) * irradiance
        write_nc(product / f"{channel}_quality_an.nc", f"{channel}_solar_irradiance_an", quality, fine)
    for i, channel in enumerate(("S7", "S8", "S9")):
        raw = np.full((rows, columns), 100 * i, np.int16)
        raw[0, 0] = FILL
        write_nc(product / f"{channel}_BT_in.nc", f"{channel}_BT_in", raw, grid,
                 scale_factor=0.01, add_offset=283.73, _FillValue=np.int16(FILL))  # fmt: skip
    bits = np.zeros((rows, columns), np.uint8)
    bits[5] = 2
    write_nc(product / "flags_in.nc", "bayes_in", bits, grid)
    write_nc(product / "geometry_tn.nc", "solar_zenith_tn", np.full((rows, 130), zenith), (20437, 64))
    return product


def change(path: Path, variable: str = "", values: Any = None, **attributes: Any) -> None:
    """Replace a variable by other values, and attributes of the variable, or of the file; None removes one."""
    with h5py.File(path, "a") as file:
        if values is not None:
            kept = dict(file[variable].attrs)
            del file[variable]
            file[variable] = values
            file[variable].attrs.update(kept)
        owner = file[variable] if variable else file
        for name, value in attributes.items():
            owner.attrs.pop(name, None)
            if value is not None:
                owner.attrs[name] = value


def scene_of(product: Path) -> dict[str, np.ndarray]:
    """The arrays of the scene that a product is converted to."""
    path = convert(product, product.parent / "scene.hdf")
    with h5py.File(path) as file:
        return {name: file[name][...] for name in file}
