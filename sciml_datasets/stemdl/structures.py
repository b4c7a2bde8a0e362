"""The user's crystal structures: CIF and POSCAR files.

A structure is transformed to the standard setting of the space group that spglib finds from its atoms, so that
reflections and zone axes have the same meaning as for a simulated crystal. gemmi reads CIF. POSCAR (VASP's wiki,
POSCAR) is read here: old files do not name the species above the counts, where libraries expect them, but after each
atom.

Both libraries are written in C++ and may end the process on numbers that no crystal has. Numbers are checked before
they are passed to them, and each file is read in a sandbox, whose end is reported like any other defect of a file.
"""

from __future__ import annotations

import re
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.errors import InputError, naming
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.files.text import quoted
from sciml_datasets.messages import warn
from sciml_datasets.sandbox import StoppedError, TimeLimitError, in_sandbox
from sciml_datasets.stemdl.cif import read_cif
from sciml_datasets.stemdl.crystals import Crystal, Floats, mirrored, shortest_distance
from sciml_datasets.stemdl.poscar import read_poscar

CLOSEST = 0.01
"""Distance of two atoms in angstrom below which one place is given twice; structures that only illustrate a group go
down to 0.04."""
SYMMETRY_PRECISION = 1e-3
"""Distance in angstrom by which atoms may be off their places: files round to four decimals."""
ROUNDING_PRECISION = 0.05
"""Distance in angstrom by which atoms are off their places when thirds are given as 0.33 or 0.333."""
EDGES = (0.5, 1000.0)
"""Least and greatest edge of a cell in angstrom; others have another unit, or a mistyped scale."""
FARTHEST = 1000.0
"""Largest distance of an atom from the origin, in cells."""
MOST_ATOMS = 1000
"""Largest number of atoms in a cell: more would take hours to simulate."""
MOST_BYTES = 1 << 26
"""Largest number of bytes of a file."""
LONGEST_SECONDS = 120.0
"""Largest number of seconds that one file may take."""
AT_ONCE = 16
"""Number of atoms whose distances from all others are in memory at once."""
POSCAR_NAME = re.compile(r"POSCAR|CONTCAR|\.vasp$", re.IGNORECASE)


def read_structures(path: Path) -> dict[str, Crystal]:
    """The structures of a file, or of all CIF and POSCAR files of a folder, by file name; the log warns of others.

    Args:
        path: a ``*.cif`` file, a file named like POSCAR, or a folder.

    Raises:
        InputError: there is no structure, or one is unusable; the sentence names the file.
    """
    if path.is_dir():
        inside = sorted(path.iterdir())
        files = [file for file in inside if _known(file)]
        if not files:
            raise InputError(f"{path} holds no *.cif file and no file named like POSCAR: name another folder")
        others = [file.name for file in inside if file.is_file() and not _known(file)]
        if others:
            names = others[0] if len(others) == 1 else f"{others[0]} and {len(others) - 1} more"
            warn(f"{path}: left out, as it is neither called *.cif nor like POSCAR: {names}")
        return {file.name: read_structure(file) for file in files}
    return {path.name: read_structure(path)}


def read_structure(path: Path) -> Crystal:
    """One structure in the standard setting of its space group.

    Raises:
        InputError: the file is missing, of no known kind or damaged, a species is missing or unknown, a site is partly
            occupied, or spglib finds no space group, or another one than the file states.
    """
    for library in ("gemmi", "spglib"):  # here once, and not in each process
        import_module(library)
    try:
        answer = in_sandbox(partial(_answer, path), reads=[path], seconds=LONGEST_SECONDS)
        crystal = None if "refused" in answer else _crystal_of(answer)
    except TimeLimitError as error:
        raise InputError(
            f"{path}: no symmetry was found within {LONGEST_SECONDS:.0f} s: give a smaller or a simpler cell"
        ) from error
    except (StoppedError, TypeError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: the libraries that read it (gemmi, spglib) ended their process: correct its numbers or "
            "leave it out"
        ) from error
    if crystal is None:
        raise InputError(str(answer["refused"]))
    return crystal


def _answer(path: Path) -> dict[str, Any]:
    """The structure of a file as JSON can hold it, or the sentence that refuses it."""
    try:
        crystal = _read(path)
    except InputError as error:
        return {"refused": str(error)}
    return {
        "space_group": crystal.space_group,
        "lattice": crystal.lattice.tolist(),
        "positions": crystal.positions.tolist(),
        "symbols": crystal.symbols,
    }


def _crystal_of(answer: dict[str, Any]) -> Crystal:
    """The crystal of an `_answer`, which may have any form where a library was taken over."""
    symbols = tuple(map(str, answer["symbols"]))
    lattice, positions = (np.array(answer[name], float) for name in ("lattice", "positions"))
    return Crystal(int(answer["space_group"]), lattice.reshape(3, 3), positions.reshape(len(symbols), 3), symbols)


def _read(path: Path) -> Crystal:
    size = regular_file(path).st_size
    if not _known(path):
        raise InputError(f"{path}: expected a name that ends in .cif, or one like POSCAR or CONTCAR or *.vasp")
    if not size:
        raise InputError(f"{path} is empty: expected one crystal structure, remove or replace the file")
    if size > MOST_BYTES:
        raise InputError(f"{path} has {size / 1e6:.0f} MB: expected one crystal structure of at most 67 MB")
    with naming(path):
        # Titles and names of authors may be in any encoding; numbers and symbols are ASCII in all of them.
        text = path.read_bytes().decode("utf-8-sig", "replace")
    is_cif = path.suffix.lower() == ".cif"
    lattice, positions, symbols, stated = (
        read_cif(path, text, MOST_ATOMS) if is_cif else (*read_poscar(path, text), set())
    )
    _check_count(path, len(symbols))
    for symbol in sorted(set(symbols)):
        if not _has_factors(symbol):
            raise InputError(
                f"{path}: {quoted(symbol)} is no element with electron scattering factors: correct the file"
            )
    _check_numbers(path, lattice, positions)
    return _standard(path, lattice, positions, symbols, stated)


def _check_numbers(path: Path, lattice: Floats, positions: Floats) -> None:
    """Make sure that a library can take lattice and positions."""
    if not (np.isfinite(lattice).all() and np.isfinite(positions).all()):
        raise InputError(f"{path}: a number of the lattice or of an atom is NaN, infinite or missing: correct the file")
    with np.errstate(over="ignore"):
        edges = np.linalg.norm(lattice, axis=1)
    if not (edges.min() >= EDGES[0] and edges.max() <= EDGES[1]):
        raise InputError(
            f"{path}: the edges of the cell are {', '.join(f'{edge:g}' for edge in edges)} angstrom, expected from "
            f"{EDGES[0]:g} to {EDGES[1]:g}: correct the lattice or the scale"
        )
    if abs(positions).max() > FARTHEST:
        raise InputError(
            f"{path}: an atom is {abs(positions).max():g} cells away from the origin, expected at most {FARTHEST:g}: "
            "correct its coordinates"
        )


def _check_count(path: Path, count: int) -> None:
    if count > MOST_ATOMS:
        raise InputError(
            f"{path}: {count:,} atoms are in the cell, expected at most {MOST_ATOMS:,}: give a smaller cell"
        )


def _known(path: Path) -> bool:
    return path.suffix.lower() == ".cif" or bool(POSCAR_NAME.search(path.name))


def _has_factors(symbol: str) -> bool:
    import gemmi

    element = gemmi.Element(symbol)
    return element.atomic_number > 0 and element.c4322 is not None


def _standard(path: Path, lattice: Floats, positions: Floats, symbols: list[str], stated: set[int]) -> Crystal:
    """The crystal in the setting of spglib; ``stated`` are the space groups that the file states."""
    species = sorted(set(symbols))
    kinds = [species.index(symbol) for symbol in symbols]
    found: Any = None
    if abs(np.linalg.det(lattice)) > 1e-3:
        found = _space_group(lattice, positions, kinds, SYMMETRY_PRECISION)
    if found is None:
        raise InputError(
            f"{path}: spglib finds no space group within {SYMMETRY_PRECISION} angstrom: atoms coincide or the cell is "
            "flat, correct the file"
        )
    blocks = [positions[i : i + AT_ONCE] for i in range(0, len(positions), AT_ONCE)]
    distance = min(shortest_distance(lattice, block, positions) for block in blocks)
    if distance < CLOSEST:
        raise InputError(f"{path}: two atoms are {distance:.2f} angstrom apart, one place is given twice: correct it")
    # Group 1 states nothing: programs that list every atom write it.
    others = stated - {1, found.number}
    if others or _few_digits(positions):
        rough = _space_group(lattice, positions, kinds, ROUNDING_PRECISION)
        if rough is not None and rough.number != found.number and (not others or rough.number in others):
            raise InputError(
                f"{path}: its coordinates are rounded too coarsely: the atoms have space group {found.number} within "
                f"{SYMMETRY_PRECISION} angstrom and {rough.number} within {ROUNDING_PRECISION}, give more digits "
                "(0.33333 for 0.333)"
            )
    if others:
        hand = ", its mirror image" if mirrored(min(others), int(found.number)) else ""
        raise InputError(
            f"{path}: it states space group {min(others)}, but its atoms have {found.number}{hand}: correct the file, "
            "since the group is what is to be predicted"
        )
    return Crystal(
        int(found.number),
        np.asarray(found.std_lattice, float),
        np.asarray(found.std_positions, float) % 1.0,
        tuple(species[kind] for kind in found.std_types),
    )


def _space_group(lattice: Floats, positions: Floats, kinds: list[int], precision: float) -> Any:
    """The space group that spglib finds; None where it finds none."""
    import spglib

    return spglib.get_symmetry_dataset((lattice.tolist(), positions.tolist(), kinds), symprec=precision)


def _few_digits(positions: Floats) -> bool:
    """Whether a coordinate is a third or a sixth that was rounded or cut to two or three digits."""
    sixths = np.array([1, 2, 4, 5]) / 6
    short = [np.round(sixths, digits) for digits in (2, 3)] + [np.floor(sixths * 10**d) / 10**d for d in (2, 3)]
    return bool((abs(positions.reshape(-1, 1) % 1.0 - np.concatenate(short)) < 1e-9).any())
