"""The folder of a Sentinel-3 SLSTR Level 1B product, and the check that its files belong to one product."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sciml_datasets.cloudmask.granules import Granule, granule_of, is_granule
from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import File, opened
from sciml_datasets.files.text import LONGEST, quoted, shown

REFLECTIVE = ("S1", "S2", "S3", "S4", "S5", "S6")
THERMAL = ("S7", "S8", "S9")
GEOMETRY = "geometry_tn.nc"
FLAGS = "flags_in.nc"
NEEDED = (
    *(f"{channel}_{kind}_an.nc" for channel in REFLECTIVE for kind in ("radiance", "quality")),
    *(f"{channel}_BT_in.nc" for channel in THERMAL),
    FLAGS,
    GEOMETRY,
)
"""Names of the files of a product from which a scene is made."""
SHARED = ("product_name", "absolute_orbit_number")
"""Names of the attributes whose values all files of a product share."""
START_WITHIN = timedelta(minutes=1)
"""Largest time between the start in the name, given to the second, and that of a file; products are three minutes
long."""


def product_folder(given: Path) -> Path:
    """The folder that holds the files of a product.

    Args:
        given: this folder, or a folder that holds only it, as after unpacking some archives.

    Raises:
        InputError: there is no such folder, it is a file, or it holds several products.
    """
    if given.is_file():
        raise InputError(f"{given} is a file: unpack it where it is an archive, and name the product's .SEN3 folder")
    if not given.is_dir():
        raise InputError(f"{given}: there is no such folder: name the .SEN3 folder of a product")
    folder = given if is_granule(given) else given.resolve()  # "." and a link have another name
    if is_granule(folder) and (folder / FLAGS).exists():
        return folder
    inside = sorted(child for child in folder.iterdir() if is_granule(child) and child.is_dir())
    if len(inside) > 1:
        raise InputError(f"{given}: it holds {len(inside)} products, {inside[0].name} first: name one of them")
    return inside[0] if inside else folder


def check_product(folder: Path) -> Granule:
    """Make sure that all files are present and belong to the product that the name of the folder states.

    Returns:
        The granule of the folder's name.

    Raises:
        InputError: the name is no product's, the product lacks files (they are named), or a file is of another product.
    """
    granule = granule_of(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder}: the product lacks {', '.join(missing)}: fetch the whole product")
    stated: dict[str, tuple[str, Path]] = {}
    for name in NEEDED:
        with opened(folder / name) as file:
            _check_time(file, granule)
            for attribute in SHARED:
                text = file.text(attribute)
                if text is None:
                    continue
                first, where = stated.setdefault(attribute, (text, file.path))
                if text != first:
                    raise InputError(
                        f"{where} and {file.path} are of two products: their {attribute} is "
                        f"{shown(first, LONGEST)} and {shown(text, LONGEST)}: fetch the whole product again"
                    )
    product_name = Path(stated.get("product_name", (folder.name, folder))[0])
    if is_granule(product_name):
        own = granule_of(product_name)
        if (own.orbit, own.start) != (granule.orbit, granule.start):
            raise InputError(
                f"{folder}: by its files the product is {shown(product_name.name, LONGEST)}: give the folder its "
                "original name"
            )
    return granule


def _check_time(file: File, granule: Granule) -> None:
    """Make sure that the start time of a file, where it states one, is that of the product."""
    text = file.text("start_time")
    if text is None:
        return
    try:
        start = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InputError(
            f"{file.path}: the attribute start_time is {quoted(text, LONGEST)}, expected a time such as "
            f"{granule.start_time}: fetch the whole product again"
        ) from error
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    if abs(start - granule.start) > START_WITHIN:
        raise InputError(
            f"{file.path}: the measurement started at {text}, but the product at {granule.start_time}: fetch the whole "
            "product again"
        )
