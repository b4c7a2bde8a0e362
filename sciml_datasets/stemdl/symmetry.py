"""The space group that a CIF states: by operations, a Hall symbol, a Hermann-Mauguin symbol or a number.

Only operations and Hall symbols fix the places of the elements of symmetry. A Hermann-Mauguin symbol does so if it has
one origin and one cell, a number if the group has one setting (International Tables A). Nothing is guessed: with the
wrong operations, or with none, a file would give other atoms than its crystal has.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import quoted
from sciml_datasets.stemdl.crystals import mirrored

if TYPE_CHECKING:
    import gemmi

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_NAMES = (
    "_space_group_name_H-M_alt",
    "_space_group_name_H-M_full",
    "_space_group_name_H-M",
    "_symmetry_space_group_name_H-M",
)
_NUMBERS = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_MISSING = (
    "add them as _space_group_symop_operation_xyz ('x,y,z' alone, if every atom of the cell is listed), since atoms "
    "would be left out or misplaced"
)
_TRIPLET = re.compile(r"[-+*/.\dxyzXYZ\s]+(,[-+*/.\dxyzXYZ\s]+){2}")


class Symmetry(NamedTuple):
    """The statements of a file on its space group."""

    operations: list[str]
    """Operations that make the atoms of the cell from the listed ones, as triplets such as ``-x,y+1/2,-z``."""
    groups: set[int]
    """Numbers of the groups that the file states; more than one where it contradicts itself."""


def stated_symmetry(path: Path, block: gemmi.cif.Block, cell: gemmi.UnitCell) -> Symmetry:
    """The operations and the space groups that a CIF states.

    Args:
        path: path of the file, for messages.
        block: statements on its symmetry, with the tags of the core dictionary.
        cell: unit cell, which distinguishes rhombohedral from hexagonal axes.

    Raises:
        InputError: the operations do not follow from what is stated, or they contradict other statements.
    """
    numbers = {_number(path, text) for text in _texts(block, _NUMBERS)}
    names = {text: _settings(text) for text in _texts(block, _NAMES)}
    groups = numbers | {setting.number for settings in names.values() for setting in settings[:1]}
    halls = {text: operations for text in _texts(block, _HALL) if (operations := _from_hall(text))}
    triplets = _texts(block, OPERATIONS)
    if triplets or halls:
        source = "symmetry operations" if triplets else "Hall symbol"
        operations = _group(path, triplets) if triplets else next(iter(halls.values()))
        number = _group_number(path, operations, cell)
        exact = halls | {text: _triplets(s[0].operations()) for text, s in names.items() if ":" in text and len(s) == 1}
        for group in groups - {number}:
            hand = ", its mirror image," if mirrored(group, number) else ""
            raise InputError(
                f"{path}: it states space group {group}, but {number}{hand} by its {source}: correct the file"
            )
        for text, others in exact.items():
            if others != operations:
                raise InputError(f"{path}: {quoted(text)} has other operations than its {source}: correct the file")
        return Symmetry(sorted(operations), {number})
    return Symmetry(sorted(_of_name_or_number(path, names, numbers, cell)), groups)


def _of_name_or_number(
    path: Path, names: dict[str, list[gemmi.SpaceGroup]], numbers: set[int], cell: gemmi.UnitCell
) -> set[str]:
    """The operations of the only setting that agrees with names and cell, or else with number and cell."""
    import gemmi

    if not names and not numbers:
        raise InputError(f"{path}: neither symmetry operations nor a space group are stated: {_MISSING}")
    if len(numbers) > 1:
        raise InputError(f"{path}: it states space groups {' and '.join(map(str, sorted(numbers)))}: correct the file")
    stated = ", ".join(repr(name) for name in names) or f"space group {min(numbers)}"
    if not all(names.values()):
        unknown = next(name for name, settings in names.items() if not settings)
        raise InputError(
            f"{path}: the symmetry operations are missing and {quoted(unknown)} is no known space group: {_MISSING}"
        )
    allowed = [*names.values()] or [[s for s in gemmi.spacegroup_table_itb() if s.number in numbers]]
    found = {s.hall: s for s in allowed[0] if all(s.hall in {other.hall for other in more} for more in allowed[1:])}
    # The cell distinguishes settings that differ only by their axes, but only for R: other cells may fit by chance.
    fitting = [s for s in found.values() if cell.is_compatible_with_spacegroup(s)]
    if not fitting:
        raise InputError(f"{path}: the cell has not the edges and angles that {stated} has: correct the file")
    if len(found) > 1 and not (len(fitting) == 1 and fitting[0].ext in ("H", "R")):
        raise InputError(
            f"{path}: the symmetry operations are missing and {stated} has {len(found)} settings or origins: {_MISSING}"
        )
    return _triplets(fitting[0].operations())


def _texts(block: gemmi.cif.Block, tags: tuple[str, ...]) -> list[str]:
    """The values stated under tags, without unknown ones."""
    import gemmi

    texts = (gemmi.cif.as_string(value) for tag in tags for value in block.find_values(tag))
    return [stripped for text in texts if (stripped := " ".join(text.split())) and stripped not in "?."]


def _number(path: Path, text: str) -> int:
    if not re.fullmatch(r"0*\d{1,3}", text[:20], re.ASCII) or not 1 <= int(text[:20]) <= 230:
        raise InputError(f"{path}: the space group number is {text[:20]!r}, expected 1 to 230: correct the file")
    return int(text[:20])


def _settings(name: str) -> list[gemmi.SpaceGroup]:
    """The settings that a Hermann-Mauguin symbol may mean; none where it is unknown."""
    import gemmi
    import spglib

    found = gemmi.find_spacegroup_by_name(name)
    if found is None:  # one with all axes, such as F 4/m -3 2/m
        full = re.sub(r"[\s_]", "", name).lower()
        types = [spglib.get_spacegroup_type(hall_number) for hall_number in range(1, 531)]
        halls = {t.hall_symbol for t in types if re.sub(r"[\s_]", "", t.international_full).lower() == full}
        return [setting for setting in gemmi.spacegroup_table() if setting.hall in halls]
    alike = [setting for setting in gemmi.spacegroup_table() if setting.hm == found.hm]
    # A suffix such as :2 names one of the settings; without one, gemmi takes the first.
    named = re.search(r"[^\s:](?:\s*:\s*|\s+)([12HR])$", name.upper())
    return [found] if named and named[1] == found.ext else alike


def _triplets(operations: gemmi.GroupOps) -> set[str]:
    return {operation.wrap().triplet() for operation in operations}


def _from_hall(symbol: str) -> set[str] | None:
    import gemmi

    try:
        return _triplets(gemmi.symops_from_hall(symbol))
    except RuntimeError:  # a symbol that is not understood states nothing
        return None


def _group(path: Path, triplets: list[str]) -> set[str]:
    """The operations of a list, which must be a group: an incomplete or mistyped list would give other atoms."""
    import gemmi

    operations = []
    for triplet in triplets:
        try:
            if not _TRIPLET.fullmatch(triplet):
                raise ValueError("expected three terms of x, y and z")
            operations.append(gemmi.Op(triplet).wrap())
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{path}: the symmetry operation {triplet[:40]!r} cannot be read ({error}): correct the file"
            ) from error
    listed = {operation.triplet() for operation in operations}
    if any(abs(operation.det_rot()) != gemmi.Op.DEN**3 for operation in operations):
        raise InputError(f"{path}: a symmetry operation changes volumes: correct the file")
    try:
        group = gemmi.GroupOps(list(map(gemmi.Op, sorted(listed))))
        group.add_missing_elements()
        whole = _triplets(group)
    except RuntimeError:  # no identity, or more operations than a space group has
        whole = set()
    if whole != listed:
        raise InputError(
            f"{path}: the {len(listed)} symmetry operations are no group: products of them are missing, add them"
        )
    return listed


def _group_number(path: Path, triplets: set[str], cell: gemmi.UnitCell) -> int:
    import gemmi
    import spglib

    operations = [gemmi.Op(triplet) for triplet in sorted(triplets)]
    found = spglib.get_spacegroup_type_from_symmetry(
        np.array([operation.rot for operation in operations]) // gemmi.Op.DEN,
        np.array([operation.tran for operation in operations]) / gemmi.Op.DEN,
        np.array(cell.orth.mat.tolist()).T,
    )
    if found is None:
        raise InputError(f"{path}: its symmetry operations make no space group that fits the cell: correct the file")
    return int(found.number)
