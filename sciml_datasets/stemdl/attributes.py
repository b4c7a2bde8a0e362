"""Attributes of a sample of STEMDL's raw layout, form A: material, space group, energy, lengths and directions.

Direction i of ``z_dirs`` (1, 3, 3) is the column ``z_dirs[0][:, i]``; its meaning is described in
`sciml_datasets.stemdl.directions`. Source: the data set's own ``hdf5_docs.ipynb`` and its generator, nlaanait/namsa.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import Group, UnusableAttributeError
from sciml_datasets.raw_format import Example, Note
from sciml_datasets.stemdl.directions import which_are_indices, which_are_unit_vectors

NUM_SPACE_GROUPS = 230
MAX_KEV = 10_000
"""Energy in keV that no electron microscope reaches: the largest have 3,000."""
LEAST = 1e-6
"""Lower limit of lengths, angles and directions of a crystal; a misread foreign float128 is often less, or 0."""
VECTORS: dict[str, tuple[tuple[int, ...], float, float]] = {
    "z_dirs": ((1, 3, 3), -1e3, 1e3),
    "y_dirs": ((1, 3, 3), -1e3, 1e3),
    "semi_angles_rad": ((3,), LEAST, 1),
    "d_hkls_angstrom": ((3,), LEAST, 1e3),
    "abc_angstrom": ((3,), LEAST, 1e3),
    "angles_degree": ((3,), LEAST, 180),
}
"""Optional attributes: shape, and the range outside which a value, a misread foreign float128, counts as absent."""
DEBRIS = "have unusable attributes, stored as absent"
FRACTION = "have an energy that is no whole number of keV, which is rounded"


def material_of(group: Group) -> str:
    """The material of a sample.

    Raises:
        InputError: it is missing or empty.
    """
    value = group.text("material")
    if value is None or not value.strip():
        missing = "missing" if value is None else "empty"
        raise InputError(
            f"{group.where}: the attribute material is {missing}: add it, it keeps one material out of two splits"
        )
    return value.strip()


def space_group_of(group: Group) -> int:
    """The number of the space group of a sample, 1 to 230.

    Raises:
        InputError: it is missing or no such number.
    """
    expected = f"expected a number from 1 to {NUM_SPACE_GROUPS}: correct the file or remove the group"
    text = group.text("space_group")
    if text is None:
        raise InputError(f"{group.where}: the attribute space_group is missing, {expected}")
    found = re.fullmatch(r"(\d{1,3})(?:\.0*)?", text.strip(), re.ASCII)
    if found is None or not 1 <= int(found[1]) <= NUM_SPACE_GROUPS:
        raise InputError(f"{group.where}: space_group is {text[:40]!r}, {expected}")
    return int(found[1])


def features_of(group: Group, note: Note) -> Example:
    """The attributes that are not in the index; absent text is empty, an absent energy 0, absent numbers NaN.

    Raises:
        InputError: the energy is no number, or the directions have no known meaning.
    """
    unusable: dict[str, str] = {}

    def usable(name: str, of: Callable[[str], Any]) -> Any:
        try:
            return of(name)
        except UnusableAttributeError as error:
            unusable[name] = str(error)
            return None

    formula = usable("formula", group.text)
    vectors = {name: usable(name, lambda name: _vector(group, name)) for name in VECTORS}
    if unusable:
        note(DEBRIS, f"{', '.join(unusable)}: {next(iter(unusable.values()))}")
    absent = {name: np.full(shape, np.nan) for name, (shape, _, _) in VECTORS.items()}
    known = {name: value for name, value in vectors.items() if value is not None}
    if "z_dirs" in known:
        _check_directions(group, known["z_dirs"][0])
    return {"formula": formula or "", "energy_kev": _energy(group, note), **absent, **known}


def _check_directions(group: Group, directions: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Refuse ``z_dirs`` that have neither of the two known meanings, or both of them."""
    indices, unit = which_are_indices(directions), which_are_unit_vectors(directions)
    if indices.all() or unit.all():
        return
    shown = [f"({', '.join(f'{value:.6g}' for value in column)})" for column in directions.T]
    neither = np.flatnonzero(~indices & ~unit)
    if neither.size:
        found = f"the direction {shown[neither[0]]}"
    else:
        found = f"the indices {shown[np.argmin(unit)]} beside the unit vector {shown[np.argmin(indices)]}"
    raise InputError(
        f"{group.where}: z_dirs has {found}, expected three times integer Miller indices, as the original has, or "
        "three times unit vectors, as simulated files before stemdl_demo 3.0.0: correct the attribute or remove it"
    )


def _energy(group: Group, note: Note) -> int:
    """The energy of the electrons in keV, rounded; 0 where it is absent."""
    text = group.text("energy_keV")
    if text is None:
        return 0
    try:
        energy = float(text)
    except ValueError:
        energy = math.nan
    if not 0 <= energy <= MAX_KEV:
        raise InputError(
            f"{group.where}: energy_keV is {text[:40]!r}, expected a number from 0 to {MAX_KEV}: correct the file"
        )
    if energy != round(energy):
        note(FRACTION, f"{group.where}: energy_keV is {text[:40]}")
    return round(energy)


def _vector(group: Group, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The value of an attribute; None where it is absent.

    Raises:
        UnusableAttributeError: it has another shape or is out of its range.
    """
    shape, low, high = VECTORS[name]
    value = group.numbers(name)
    if value is None:
        return None
    with np.errstate(over="ignore"):  # misread values may overflow
        number = np.asarray(value, np.float64)
    if number.shape != shape:
        raise UnusableAttributeError(f"{group.where}: {name} has the shape {number.shape}, expected {shape}")
    usable = number.min() >= low and number.max() <= high  # false where a number is NaN
    if not usable or (len(shape) == 3 and abs(number).max(axis=1).min() < LEAST):
        raise UnusableAttributeError(
            f"{group.where}: {name} is not from {low:g} to {high:g}, as a float128 of another architecture is not"
        )
    return number
