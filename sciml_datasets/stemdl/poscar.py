"""POSCAR files, as VASP writes them and its wiki describes them, old and new."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.stemdl.crystals import Floats

_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:[\d_/].*)?$")
"""An element at the start of a label such as ``Si1`` or ``Fe_pv``."""


def read_poscar(path: Path, text: str) -> tuple[Floats, Floats, list[str]]:
    """Lattice, fractional positions and symbols that a file gives; numbers may be such that no crystal has.

    Args:
        path: of the file, for messages.
        text: its content.

    Raises:
        InputError: a part is missing or no number, or nothing says which species the atoms are.
    """
    lines = text.splitlines()
    try:
        scales = np.array(_numbers(lines[1]))
        lattice = np.array([[float(word) for word in line.split()[:3]] for line in lines[2:5]])
        named = not lines[5].split()[0].isdecimal()  # since VASP 5
        counts = [int(word) for word in lines[5 + named].split()]
        if not counts or min(counts) < 0 or not sum(counts):
            raise ValueError(f"expected how many atoms there are of each kind, found {lines[5 + named].strip()[:80]!r}")
        first = 6 + named
        if lines[first].strip()[0] in "sS":  # selective dynamics
            first += 1
        cartesian = lines[first].strip()[0] in "cCkK"
        atoms = lines[first + 1 : first + 1 + sum(counts)]
        positions = np.array([[float(word) for word in line.split()[:3]] for line in atoms])
        if lattice.shape != (3, 3) or positions.shape != (sum(counts), 3):
            raise ValueError(f"expected 3 lattice vectors and {sum(counts)} atoms of 3 numbers")
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path} cannot be read as POSCAR ({error}): expected a title, a scale, three lattice vectors, symbols, "
            "counts, Direct or Cartesian, and one line for each atom"
        ) from error
    # One number, negative where it is the volume of the cell, or one for each of x, y and z.
    if (
        scales.size not in (1, 3)
        or not np.isfinite(scales).all()
        or not scales.all()
        or (scales.size == 3 and scales.min() < 0)
    ):
        raise InputError(
            f"{path}: the scale is {lines[1].strip()[:80]!r}, expected one number other than 0, or three above 0: "
            "correct the file"
        )
    with np.errstate(all="ignore"):  # of numbers that are refused afterwards
        volume = abs(np.linalg.det(lattice))
        if 0 < volume < np.inf:
            scale = scales if scales.size == 3 else scales[0]
            factor = scale if scales[0] > 0 else (-scale / volume) ** (1 / 3)
            lattice *= factor
            if cartesian:
                try:
                    positions = factor * positions @ np.linalg.inv(lattice)
                except np.linalg.LinAlgError as error:
                    raise InputError(f"{path}: the scaled lattice is flat: correct the lattice or the scale") from error
    kinds = _symbols(lines[5].split()) if named else _symbols(lines[0].split())
    if kinds is not None and len(kinds) == len(counts):
        return lattice, positions, [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
    symbols = _symbols([line.split()[-1] for line in atoms])
    if symbols is None:
        raise InputError(
            f"{path}: the species are missing: expected their symbols in the line above the counts, or behind each atom"
        )
    return lattice, positions, symbols


def _numbers(line: str) -> list[float]:
    """The numbers that a line begins with; the first word must be one."""
    words = line.split()
    found = [float(words[0])]
    for word in words[1:]:
        try:
            found.append(float(word))
        except ValueError:  # a remark
            break
    return found


def _symbols(labels: list[str]) -> list[str] | None:
    """The elements of labels, or None where one of them is no label."""
    found = [_SYMBOL.match(label) for label in labels]
    return [match[1] for match in found if match] if found and all(found) else None
