"""CIF files of one crystal structure, with the tags of the core dictionary or, with dots, of CIF 2 and mmCIF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.stemdl.crystals import Floats
from sciml_datasets.stemdl.symmetry import state_operations, stated_symmetry

if TYPE_CHECKING:
    import gemmi

_X = "_atom_site_fract_x"
_UNCERTAINTY = re.compile(r"\(\d+\)$")


def read_cif(path: Path, text: str, most_atoms: int) -> tuple[Floats, Floats, list[str], set[int]]:
    """Lattice, fractional positions and symbols of all atoms in the cell, and the space groups that are stated.

    Args:
        path: of the file, for messages.
        text: its content.
        most_atoms: Number of listed atoms from which on none are made from them.

    Raises:
        InputError: the file is no CIF of one ordered structure, or does not tell its symmetry operations.
    """
    import gemmi

    try:
        blocks = [_core(block) for block in gemmi.cif.read_string(text)]
    except (ValueError, RuntimeError, IndexError) as error:
        raise _unreadable(path, error) from error
    with_atoms = [block for block in blocks if len(block.find_values(_X))]
    if not with_atoms:
        raise InputError(
            f"{path}: expected a cell and atom sites (_cell_length_a, _atom_site_fract_x): correct the file"
        )
    if len(with_atoms) > 1:
        names = ", ".join(block.name for block in with_atoms[:3])
        raise InputError(f"{path} has {len(with_atoms)} structures ({names}), expected one: divide the file")
    block = with_atoms[0]
    _check_occupancies(path, block)
    listed = gemmi.make_small_structure_from_block(block)
    if not listed.sites or not listed.cell.is_crystal():
        raise InputError(
            f"{path}: expected a cell and atom sites (_cell_length_a, _atom_site_fract_x): correct the file"
        )
    if len(listed.sites) > most_atoms:
        raise InputError(f"{path}: {len(listed.sites):,} atoms are listed, expected at most {most_atoms:,}")
    _check_elements(path, block, listed)
    symmetry = stated_symmetry(path, block, listed.cell)
    state_operations(block, symmetry.operations)
    sites = gemmi.make_small_structure_from_block(block).get_all_unit_cell_sites()
    return (
        np.array(listed.cell.orth.mat.tolist()).T,
        np.array([site.fract.tolist() for site in sites]),
        [site.element.name for site in sites],
        symmetry.groups,
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    return InputError(f"{path} cannot be read as a CIF of one structure ({reason}): correct the file")


def _core(block: gemmi.cif.Block) -> gemmi.cif.Block:
    """The block with the tags of the core dictionary and without dummy sites, which are no atoms."""
    import gemmi

    core = gemmi.cif.Block(block.name)
    for item in block:
        if item.pair is not None:
            core.set_pair(item.pair[0].replace(".", "_"), item.pair[1])
        elif item.loop is not None:
            tags = [tag.replace(".", "_") for tag in item.loop.tags]
            flags = [column for column, tag in enumerate(tags) if tag.lower() == "_atom_site_calc_flag"]
            loop = core.init_loop("", tags)
            for row in range(item.loop.length()):
                values = [item.loop[row, column] for column in range(item.loop.width())]
                if not any(gemmi.cif.as_string(values[column]).lower() == "dum" for column in flags):
                    loop.add_row(values)
    return core


def _check_occupancies(path: Path, block: gemmi.cif.Block) -> None:
    """Refuse sites that are not occupied by one atom; an occupancy that is not given is 1."""
    import gemmi

    labels = [gemmi.cif.as_string(value) for value in block.find_values("_atom_site_label")]
    for row, value in enumerate(block.find_values("_atom_site_occupancy")):
        text = gemmi.cif.as_string(value)
        number = _UNCERTAINTY.sub("", text)
        try:
            whole = not number or float(number) == 1
        except ValueError:
            whole = False
        if not whole:
            label = labels[row] if row < len(labels) else row + 1
            raise InputError(
                f"{path}: site {label} is occupied by {number[:20]}: expected 1, an ordered structure, give another"
            )


def _check_elements(path: Path, block: gemmi.cif.Block, listed: gemmi.SmallStructure) -> None:
    """Refuse what is only in part a symbol, such as NaCl, and labels that may mean two elements, such as CA1."""
    typed = len(block.find_values("_atom_site_type_symbol")) > 0
    for site in listed.sites:
        text = site.type_symbol if typed and site.type_symbol else site.label
        letters = re.match(r"[A-Za-z]*", text)
        found = letters[0] if letters else ""
        name = site.element.name
        if site.element.atomic_number and name != (found.capitalize() if text != site.label or typed else found):
            raise InputError(f"{path}: site {site.label}: {text!r} names no element: correct _atom_site_type_symbol")
