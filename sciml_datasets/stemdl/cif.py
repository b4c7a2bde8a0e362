"""CIF files of one crystal structure, with the tags of the core dictionary or, with dots, of CIF 2 and mmCIF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import quoted, shown
from sciml_datasets.stemdl.crystals import Floats
from sciml_datasets.stemdl.symmetry import OPERATIONS, stated_symmetry

if TYPE_CHECKING:
    import gemmi

_SYMMETRY = ("_space_group_", "_symmetry_")
_STRUCTURE = ("_cell_", "_atom_site_", "_atom_type_")
_FLAG = "_atom_site_calc_flag"
_X = "_atom_site_fract_x"
_UNCERTAINTY = re.compile(r"\(\d+\)$")


def read_cif(path: Path, text: str, most_atoms: int) -> tuple[Floats, Floats, list[str], set[int]]:
    """The lattice, the fractional positions and symbols of all atoms in the cell, and the space groups that are stated.

    Args:
        path: path of the file, for messages.
        text: content of the file.
        most_atoms: largest number of listed atoms; a file with more is refused before others are made from them.

    Raises:
        InputError: the file is no CIF of one ordered structure, or does not state its symmetry operations.
    """
    import gemmi

    try:
        # gemmi accepts only such characters outside quotes; a title or an author may have others.
        ascii_text = text.encode("ascii", "replace").decode()
        blocks = [_parts(block) for block in gemmi.cif.read_string(ascii_text)]
    except (ValueError, RuntimeError, IndexError) as error:
        raise _unreadable(path, error) from error
    with_atoms = [parts for parts in blocks if len(parts[0].find_values(_X))]
    if not with_atoms:
        raise InputError(
            f"{path}: expected a cell and atom sites (_cell_length_a, _atom_site_fract_x): correct the file"
        )
    if len(with_atoms) > 1:
        names = ", ".join(block.name for block, _ in with_atoms[:3])
        raise InputError(f"{path} has {len(with_atoms)} structures ({names}), expected one: divide the file")
    ((block, symmetry_block),) = with_atoms
    _check_occupancies(path, block)
    try:
        listed = gemmi.make_small_structure_from_block(block)
    except (ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if not listed.sites or not listed.cell.is_crystal():
        raise InputError(
            f"{path}: expected a cell and atom sites (_cell_length_a, _atom_site_fract_x): correct the file"
        )
    if len(listed.sites) > most_atoms:
        raise InputError(f"{path}: {len(listed.sites):,} atoms are listed, expected at most {most_atoms:,}")
    _check_elements(path, block, listed)
    symmetry = stated_symmetry(path, symmetry_block, listed.cell)
    loop = block.init_loop("", [OPERATIONS[0]])
    for triplet in symmetry.operations:
        loop.add_row([f"'{triplet}'"])
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


def _parts(block: gemmi.cif.Block) -> tuple[gemmi.cif.Block, gemmi.cif.Block]:
    """The atoms and the symmetry of a block, with the tags of the core dictionary; dummy sites are left out."""
    import gemmi

    structure, symmetry = gemmi.cif.Block(block.name), gemmi.cif.Block(block.name)
    for item in block:
        pair = item.pair if isinstance(item.pair, tuple) else None
        raw_tags = [pair[0]] if pair else item.loop.tags if item.loop is not None else []
        tags = [tag.lower().replace(".", "_") for tag in raw_tags]
        part = symmetry if any(tag.startswith(_SYMMETRY) for tag in tags) else structure
        if not any(tag.startswith(_SYMMETRY + _STRUCTURE) for tag in tags):
            continue
        if pair:
            part.set_pair(tags[0], pair[1])
            continue
        loop = part.init_loop("", tags)
        for row in range(item.loop.length()):
            values = [item.loop[row, column] for column in range(len(tags))]
            if _FLAG not in tags or gemmi.cif.as_string(values[tags.index(_FLAG)]).lower() != "dum":
                loop.add_row(values)
    return structure, symmetry


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
                f"{path}: site {shown(str(label))} is occupied by {number[:20]}: expected 1, an ordered structure, "
                "give another"
            )


def _check_elements(path: Path, block: gemmi.cif.Block, listed: gemmi.SmallStructure) -> None:
    """Refuse texts that are only in part a symbol, such as NaCl, and labels that may mean two elements, such as CA1."""
    typed = len(block.find_values("_atom_site_type_symbol")) > 0
    for site in listed.sites:
        text = site.type_symbol if typed and site.type_symbol else site.label
        letters = re.match(r"[A-Za-z]*", text)
        found = letters[0] if letters else ""
        name = site.element.name
        if site.element.atomic_number and name != (found.capitalize() if typed else found):
            raise InputError(
                f"{path}: site {shown(site.label)}: {quoted(text)} names no element: correct _atom_site_type_symbol"
            )
