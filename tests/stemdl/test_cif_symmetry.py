"""Every symmetry that a CIF states gives all atoms of its cell, or is refused: none is taken for P 1."""

from __future__ import annotations

import importlib
from pathlib import Path

import gemmi
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.stemdl.structures import read_structure

SITES = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
SALT = SITES + "Na1 Na 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1\n"
SILICON = SITES + "Si1 Si 0 0 0 1\n"
SILICON_AT_CENTRE_ORIGIN = SITES + "Si1 Si 0.125 0.125 0.125 1\n"
NAME = "_symmetry_space_group_name_H-M"
NUMBER = "_space_group_IT_number"
HALL = "_space_group_name_Hall"


def cell(
    edges: tuple[float, float, float] = (5.64, 5.64, 5.64), angles: tuple[float, float, float] = (90, 90, 90)
) -> str:
    lines = [f"_cell_length_{axis} {edge}" for axis, edge in zip("abc", edges, strict=True)]
    names = ("alpha", "beta", "gamma")
    return "\n".join(lines + [f"_cell_angle_{name} {angle}" for name, angle in zip(names, angles, strict=True)]) + "\n"


def operations(name: str, tag: str = "_space_group_symop_operation_xyz") -> str:
    group = gemmi.find_spacegroup_by_name(name)
    assert group is not None
    return f"loop_\n{tag}\n" + "".join(f"'{operation.triplet()}'\n" for operation in group.operations())


def read(folder: Path, symmetry: str, sites: str = SALT, metric: str = "") -> tuple[int, str]:
    path = folder / "a.cif"
    path.write_text(f"data_a\n{metric or cell()}{symmetry}\n{sites}")
    crystal = read_structure(path)
    return crystal.space_group, crystal.formula


@pytest.mark.parametrize(
    "symmetry",
    [
        f"{NUMBER} 225",
        f"_symmetry_Int_Tables_number 225\n{NAME} ?",
        f"{HALL} '-F 4 2 3'",
        f"{HALL} unknown\n{NAME} 'F m -3 m'",
        operations("F m -3 m"),
        operations("F m -3 m") + f"{NAME} 'F m -3 m S'\n{NUMBER} 225",
        operations("F m -3 m", "_symmetry_equiv_pos_as_xyz"),
        operations("F m -3 m", "_space_group_symop.operation_xyz"),
        operations("F m -3 m", "_symmetry_equiv.pos_as_xyz"),
        "_symmetry.space_group_name_H-M 'F m -3 m'",
        "_space_group.name_H-M_alt Fm-3m",
        "_SPACE_GROUP.IT_NUMBER 225",
        *(f"{NAME} '{name}'" for name in ("F m -3 m", "Fm-3m", "F m 3 m", "FM-3M", "F 4/m -3 2/m")),
    ],
)
def test_rock_salt_has_eight_atoms_however_its_symmetry_is_stated(tmp_path: Path, symmetry: str) -> None:
    assert read(tmp_path, symmetry) == (225, "Na4 Cl4")


def test_dots_in_all_tags_are_those_of_cif_2(tmp_path: Path) -> None:
    dotted = SALT.replace("_atom_site_", "_atom_site.")
    metric = cell().replace("_cell_", "_cell.")
    assert read(tmp_path, "_symmetry.space_group_name_H-M 'F m -3 m'", dotted, metric) == (225, "Na4 Cl4")


@pytest.mark.parametrize(
    ("symmetry", "sites"),
    [
        (f"{NAME} 'F d -3 m:1'\n{NUMBER} 227", SILICON),
        (f"{NAME} 'F d -3 m:2'\n{NUMBER} 227", SILICON_AT_CENTRE_ORIGIN),
        (f"{NAME} 'F d -3 m'\n{HALL} 'F 4d 2 3 -1d'", SILICON),
        (f"{NAME} 'F d -3 m Z'\n" + operations("F d -3 m:2"), SILICON_AT_CENTRE_ORIGIN),
        (f"{NAME} 'F d -3 m'\n" + operations("F d -3 m:1"), SILICON),
    ],
)
def test_silicon_has_eight_atoms_when_its_origin_is_stated(tmp_path: Path, symmetry: str, sites: str) -> None:
    assert read(tmp_path, symmetry, sites, cell((5.431,) * 3)) == (227, "Si8")


@pytest.mark.parametrize(
    "symmetry",
    [
        "",
        f"{NAME} ?\n{NUMBER} .",
        f"{HALL} unknown",
        *(f"{NAME} '{name}'" for name in ("F d -3 m", "F d 3 m", "F d -3 m S", "F d -3 m Z", "Fm-3m (225)", "unknown")),
        f"{NAME} 'F d -3 m S'\n{NUMBER} 227",
        f"{NAME} 'F d -3 m'\n{NUMBER} 227",
        f"{NUMBER} 227",
        f"{NUMBER} 62",
        f"{NUMBER} 14",
    ],
)
def test_a_file_that_does_not_tell_its_operations_is_refused(tmp_path: Path, symmetry: str) -> None:
    with pytest.raises(InputError, match=r"symmetry operations.*: add them as _space_group_symop_operation_xyz"):
        read(tmp_path, symmetry, SILICON)


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        (operations("F m -3 m") + f"{NUMBER} 221", "states space group 221, but 225 by its symmetry operations"),
        (operations("F m -3 m") + f"{NAME} 'P m -3 m'", "states space group 221, but 225 by its symmetry operations"),
        (f"{HALL} '-F 4 2 3'\n{NUMBER} 221", "states space group 221, but 225 by its Hall symbol"),
        (operations("F d -3 m:2") + f"{NAME} 'F d -3 m:1'", "'F d -3 m:1' has other operations"),
        (operations("F d -3 m:2") + f"{HALL} 'F 4d 2 3 -1d'", "'F 4d 2 3 -1d' has other operations"),
        (f"{NUMBER} 225\n_symmetry_Int_Tables_number 221", "states space groups 221 and 225"),
        (operations("F m -3 m").replace("'x,y,z'\n", ""), "the 191 symmetry operations are no group"),
        (operations("P 1") + "'x+1/5,y,z'", r"'x\+1/5,y,z' cannot be read"),
        (operations("P 1") + "'h,k,l'", "'h,k,l' cannot be read"),
        (operations("P 1") + "'x,x,z'", "changes volumes"),
        (f"{NAME} 'P 63/m m c'", "the cell has not the edges and angles that 'P 63/m m c' has"),
        *((f"{NUMBER} {number}", "expected 1 to 230") for number in ("5" * 5000, "0", "231", "-1", "225.", "x")),
    ],
)
def test_a_contradiction_and_a_number_of_no_group_are_reported(tmp_path: Path, symmetry: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, symmetry)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([group for group in gemmi.spacegroup_table_itb() if 16 <= group.number <= 142]))
def test_every_setting_gives_the_same_by_its_operations_and_its_hall_symbol(
    tmp_path: Path, group: gemmi.SpaceGroup
) -> None:
    importlib.import_module("spglib")  # once, not in the child of each example
    # A site in a general position shows all operations; a second one keeps the atoms from having more.
    sites = SITES + "Na1 Na 0.11 0.17 0.31 1\nCl1 Cl 0.23 0.07 0.41 1\n"
    metric = cell((11.0, 11.0, 13.0))
    listed = read(tmp_path, operations(group.xhm()), sites, metric)
    assert listed == read(tmp_path, f"{HALL} '{group.hall}'", sites, metric)
    assert listed == read(tmp_path, f"{NAME} '{group.xhm()}'", sites, metric)
    count = len(list(group.operations()))
    assert listed == (group.number, f"Na{count} Cl{count}")


@pytest.mark.parametrize("symmetry", [f"{NAME} 'R -3 m'", f"{NUMBER} 166"])
@pytest.mark.parametrize(
    ("metric", "site"),
    [(cell((3.76, 3.76, 10.55), (90, 90, 120)), "0 0 0.227"), (cell((4.13,) * 3, (54.1,) * 3), "0.227 0.227 0.227")],
)
def test_the_cell_distinguishes_rhombohedral_from_hexagonal_axes(
    tmp_path: Path, symmetry: str, metric: str, site: str
) -> None:
    assert read(tmp_path, symmetry, SITES + f"As1 As {site} 1\n", metric) == (166, "As6")


def test_dummy_sites_are_no_atoms(tmp_path: Path) -> None:
    sites = SITES + "_atom_site_calc_flag\nNa1 Na 0 0 0 1 d\nX1 Na 0.25 0.25 0.25 1 dum\nCl1 Cl 0.5 0.5 0.5 1 ?\n"
    assert read(tmp_path, f"{NUMBER} 225", sites) == (225, "Na4 Cl4")


@pytest.mark.parametrize("occupancy", ["2", "nan", "inf", "-1", "full"])
def test_a_site_is_occupied_by_one_atom(tmp_path: Path, occupancy: str) -> None:
    with pytest.raises(InputError, match=f"site Na1 is occupied by {occupancy}: expected 1"):
        read(tmp_path, f"{NUMBER} 225", SALT.replace("0 0 0 1", f"0 0 0 {occupancy}"))


@pytest.mark.parametrize("occupancy", ["1.0(2)", "1.", "?", "."])
def test_an_occupancy_of_one_may_have_an_uncertainty_or_be_left_out(tmp_path: Path, occupancy: str) -> None:
    assert read(tmp_path, f"{NUMBER} 225", SALT.replace("0 0 0 1", f"0 0 0 {occupancy}")) == (225, "Na4 Cl4")


@pytest.mark.parametrize("text", ["NaCl", "CA1", "HO1"])
def test_a_label_that_names_no_element_is_none(tmp_path: Path, text: str) -> None:
    sites = SALT.replace("_atom_site_type_symbol\n", "").replace("Na1 Na", text).replace("Cl1 Cl", "Cl1")
    with pytest.raises(InputError, match=f"'{text}' names no element: correct _atom_site_type_symbol"):
        read(tmp_path, f"{NUMBER} 225", sites)


def test_the_one_block_with_atoms_is_the_structure(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    structure = f"{cell()}{NUMBER} 225\n{SALT}"
    path.write_text(f"data_global\n_journal_name_full Müller\ndata_I\n{structure}", encoding="latin-1")
    assert read_structure(path).space_group == 225
    path.write_text(f"data_I\n{structure}data_II\n{structure}")
    with pytest.raises(InputError, match=r"has 2 structures \(I, II\), expected one"):
        read_structure(path)


@pytest.mark.parametrize("symmetry", [f"{NUMBER} 194", operations("P 63/m m c"), f"{NAME} 'P 63/m m c'"])
def test_thirds_need_four_digits(tmp_path: Path, symmetry: str) -> None:
    metric = cell((4.9, 4.9, 8.0), (90, 90, 120))
    assert read(tmp_path, symmetry, SITES + "Mg1 Mg 0.3333 0.6667 0.25 1\n", metric) == (194, "Mg2")
    with pytest.raises(InputError, match=r"rounded too coarsely: the atoms have space group 63 .* and 194 within"):
        read(tmp_path, symmetry, SITES + "Mg1 Mg 0.333 0.667 0.25 1\n", metric)


@pytest.mark.parametrize(("stated", "crystal"), [(152, 154), (154, 152)])
def test_a_group_of_the_other_hand_than_the_operations_or_the_atoms_is_reported(
    tmp_path: Path, stated: int, crystal: int
) -> None:
    quartz_cell = "_cell_length_a 4.9137\n_cell_length_b 4.9137\n_cell_length_c 5.4047\n"
    quartz_cell += "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 120\n"
    triplets = [operation.triplet() for operation in gemmi.find_spacegroup_by_number(crystal).operations()]
    loop = "".join(f"'{triplet}'\n" for triplet in triplets)
    height = {152: 1 / 3, 154: 2 / 3}[crystal]
    path = tmp_path / "quartz.cif"
    path.write_text(
        f"data_quartz\n{quartz_cell}_space_group_IT_number {stated}\nloop_\n_space_group_symop_operation_xyz\n{loop}"
        "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        f"Si 0.4697 0 {height:.6f}\n"
    )
    with pytest.raises(InputError) as raised:
        read_structure(path)
    assert f"states space group {stated}, but {crystal}, its mirror image, by its symmetry operations" in str(
        raised.value
    )
