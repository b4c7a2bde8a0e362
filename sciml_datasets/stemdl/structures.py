"""The user's crystal structures: CIF and POSCAR files.

A structure is brought to the standard setting of the space group that spglib finds from its atoms, so that reflections
and zone axes mean the same as for a simulated crystal. CIF is read by gemmi. POSCAR (VASP's wiki, POSCAR) is read here:
old files do not name the species above the counts, where libraries look for them, but behind each atom.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.stemdl.crystals import Crystal, Floats, shortest_distance

CLOSEST = 0.01
"""Angstrom: nearer than this, one place is given twice; structures that only illustrate a group do go down to 0.04."""
SYMMETRY_PRECISION = 1e-3
"""Angstrom by which atoms may be off their places: files round to four decimals."""
POSCAR_NAME = re.compile(r"POSCAR|CONTCAR|\.vasp$", re.IGNORECASE)
_SYMBOL = re.compile(r"([A-Z][a-z]?)(?:[\d_/].*)?$")
"""An element at the start of a label such as ``Si1`` or ``Fe_pv``."""


def read_structures(path: Path) -> dict[str, Crystal]:
    """The structures of a file, or of all CIF and POSCAR files of a folder, by file name; others are told on stderr.

    Args:
        path: a ``*.cif`` file, a file named like POSCAR, or a folder.

    Raises:
        InputError: there is none, or one of them is unusable; the sentence names the file.
    """
    if path.is_dir():
        inside = sorted(path.iterdir())
        files = [file for file in inside if _known(file)]
        if not files:
            raise InputError(f"{path}: no *.cif file and no file named like POSCAR is there: name another folder")
        others = [file.name for file in inside if file.is_file() and not _known(file)]
        if others:
            names = others[0] if len(others) == 1 else f"{others[0]} and {len(others) - 1} more"
            print(f"{path}: left out, as it is neither called *.cif nor like POSCAR: {names}", file=sys.stderr)
        return {file.name: read_structure(file) for file in files}
    return {path.name: read_structure(path)}


def read_structure(path: Path) -> Crystal:
    """One structure in the standard setting of its space group.

    Raises:
        InputError: the file is missing, of no known kind or damaged, a species is missing or unknown, a site is partly
            occupied, or spglib finds no space group, or another one than the file states.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: expected a CIF or POSCAR file, or a folder of them")
    if not _known(path):
        raise InputError(f"{path}: expected a name that ends in .cif, or one like POSCAR or CONTCAR or *.vasp")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: expected one crystal structure, remove or replace the file")
    lattice, positions, symbols, stated = (_cif if path.suffix.lower() == ".cif" else _poscar)(path)
    for symbol in sorted(set(symbols)):
        if not _has_factors(symbol):
            raise InputError(f"{path}: {symbol!r} is no element with electron scattering factors: correct the file")
    return _standard(path, lattice, positions, symbols, stated)


def _known(path: Path) -> bool:
    return path.suffix.lower() == ".cif" or bool(POSCAR_NAME.search(path.name))


def _has_factors(symbol: str) -> bool:
    import gemmi

    element = gemmi.Element(symbol)
    return element.atomic_number > 0 and element.c4322 is not None


_Atoms = tuple[Floats, Floats, list[str], int | None]
"""Lattice, fractional positions, symbols, and the space group that the file states, if it does."""


def _standard(path: Path, lattice: Floats, positions: Floats, symbols: list[str], stated: int | None) -> Crystal:
    import spglib

    species = sorted(set(symbols))
    cell = lattice.tolist(), positions.tolist(), [species.index(symbol) for symbol in symbols]
    found: Any = None
    if abs(np.linalg.det(lattice)) > 1e-3:
        found = spglib.get_symmetry_dataset(cell, symprec=SYMMETRY_PRECISION)
    if found is None:
        raise InputError(
            f"{path}: spglib finds no space group within {SYMMETRY_PRECISION} angstrom: atoms coincide or the cell is "
            "flat, correct the file"
        )
    distance = shortest_distance(lattice, positions, positions)
    if distance < CLOSEST:
        raise InputError(f"{path}: two atoms are {distance:.2f} angstrom apart, one place is given twice: mend it")
    # Group 1 states nothing: it is what programs write that list every atom.
    if stated not in (None, 1, found.number):
        raise InputError(
            f"{path}: it states space group {stated}, but its atoms have {found.number}: correct the file, since the "
            "group is what is to be predicted"
        )
    return Crystal(
        int(found.number),
        np.asarray(found.std_lattice, float),
        np.asarray(found.std_positions, float) % 1.0,
        tuple(species[kind] for kind in found.std_types),
    )


def _cif(path: Path) -> _Atoms:
    import gemmi

    try:
        block = gemmi.cif.read(str(path)).sole_block()
        structure = gemmi.make_small_structure_from_block(block)
    except (OSError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"{path} cannot be read as a CIF of one structure ({error}): correct the file") from error
    sites = structure.get_all_unit_cell_sites()
    if not sites or not structure.cell.is_crystal():
        raise InputError(
            f"{path}: expected a cell and atom sites (_cell_length_a, _atom_site_fract_x): correct the file"
        )
    for site in sites:
        if site.occ < 1:
            raise InputError(
                f"{path}: site {site.label} is occupied by {site.occ:g}: expected an ordered structure, give another"
            )
    stated = block.find_value("_space_group_IT_number") or block.find_value("_symmetry_Int_Tables_number")
    text = (stated or "").strip("'\" ")
    # By its symbol where there is no number: gemmi knows the Hermann-Mauguin symbols of all settings.
    named = gemmi.find_spacegroup_by_name(structure.spacegroup_hm)
    number = int(text) if text.isdecimal() else named.number if named else None
    positions = np.array([site.fract.tolist() for site in sites])
    return (
        np.array(structure.cell.orth.mat.tolist()).T,
        positions,
        [site.element.name for site in sites],
        number,
    )


def _poscar(path: Path) -> _Atoms:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        scale = float(lines[1].split()[0])
        lattice = np.array([[float(word) for word in line.split()[:3]] for line in lines[2:5]])
        named = not lines[5].split()[0].isdecimal()  # since VASP 5
        counts = [int(word) for word in lines[5 + named].split()]
        first = 6 + named
        if lines[first].strip()[0] in "sS":  # selective dynamics
            first += 1
        cartesian = lines[first].strip()[0] in "cCkK"
        atoms = lines[first + 1 : first + 1 + sum(counts)]
        positions = np.array([[float(word) for word in line.split()[:3]] for line in atoms])
        if lattice.shape != (3, 3) or positions.shape != (sum(counts), 3) or not counts:
            raise ValueError(f"expected 3 lattice vectors and {sum(counts)} atoms of 3 numbers")
    except (OSError, ValueError, IndexError) as error:
        raise InputError(
            f"{path} cannot be read as POSCAR ({error}): expected a title, a scale, three lattice vectors, symbols, "
            "counts, Direct or Cartesian, and one line for each atom"
        ) from error
    volume = abs(np.linalg.det(lattice))
    if volume > 0:
        factor = scale if scale > 0 else (-scale / volume) ** (1 / 3)  # a negative scale is the volume of the cell
        lattice *= factor
        if cartesian:
            positions = factor * positions @ np.linalg.inv(lattice)
    kinds = _symbols(lines[5].split()) if named else _symbols(lines[0].split())
    if kinds is not None and len(kinds) == len(counts):
        return lattice, positions, [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)], None
    symbols = _symbols([line.split()[-1] for line in atoms])
    if symbols is None:
        raise InputError(
            f"{path}: the species are missing: expected their symbols in the line above the counts, or behind each atom"
        )
    return lattice, positions, symbols, None


def _symbols(labels: list[str]) -> list[str] | None:
    """The elements of labels, or None where one of them is no label."""
    found = [_SYMBOL.match(label) for label in labels]
    return [match[1] for match in found if match] if found and all(found) else None
