"""The user's CIF and POSCAR files become crystals in their standard setting, or are refused by name."""

from __future__ import annotations

import importlib
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import spglib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError, simulate
from sciml_datasets.stemdl.structures import read_structure, read_structures

ROCK_SALT = """data_rock_salt
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'F m -3 m'
_space_group_IT_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1
Cl1 Cl 0.5 0.5 0.5 1
"""
CAESIUM_CHLORIDE = """caesium chloride
1.0
4.12 0 0
0 4.12 0
0 0 4.12
Cs Cl
1 1
Direct
0 0 0
0.5 0.5 0.5
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_cif_is_read_with_all_atoms_of_its_cell(tmp_path: Path) -> None:
    crystal = read_structure(write(tmp_path, "salt.cif", ROCK_SALT))
    assert (crystal.space_group, crystal.formula) in [(225, "Na4 Cl4"), (225, "Cl4 Na4")]
    np.testing.assert_allclose(crystal.lengths, 5.64)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12", "4.12\n1 0 0\n0 1 0\n0 0 1"),
        ("1.0\n", f"{-(4.12**3)}\n"),
        ("Direct\n0 0 0\n0.5 0.5 0.5", "Cartesian\n0 0 0\n2.06 2.06 2.06"),
        ("Direct", "Selective dynamics\nDirect"),
        ("Cs Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5", "1 1\nDirect\n0 0 0 Cs\n0.5 0.5 0.5 Cl"),
        ("caesium chloride\n1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12\nCs Cl", "Cs Cl\n1.0\n4.12 0 0\n0 4.12 0\n0 0 4.12"),
    ],
)
def test_every_dialect_of_poscar_gives_the_same_crystal(tmp_path: Path, old: str, new: str) -> None:
    crystal = read_structure(write(tmp_path, "POSCAR", CAESIUM_CHLORIDE.replace(old, new)))
    assert (crystal.space_group, sorted(crystal.symbols)) == (221, ["Cl", "Cs"])
    np.testing.assert_allclose(crystal.lengths, 4.12)
    difference = crystal.positions[1] - crystal.positions[0]
    np.testing.assert_allclose(np.abs(difference - np.round(difference)), 0.5)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.cif", ROCK_SALT.replace("225", "221"), "states space group 221, but its atoms have 225"),
        (
            "a.cif",
            ROCK_SALT.replace("_space_group_IT_number 225\n", "").replace("F m -3 m", "P 2 3"),
            "states space group 195, but its atoms have 221",
        ),
        ("a.cif", ROCK_SALT.replace("0.5 0.5 0.5 1", "0.5 0.5 0.5 0.4"), "site Cl1 is occupied by 0.4"),
        ("a.cif", ROCK_SALT[: ROCK_SALT.index("loop_")], "expected a cell and atom sites"),
        ("a.cif", "no CIF at all", "cannot be read as a CIF of one structure"),
        ("a.cif", ROCK_SALT.replace("Cl1 Cl", "Xx1 Xx"), "no element with electron scattering factors"),
        ("POSCAR", CAESIUM_CHLORIDE.replace("Cs Cl\n", ""), "the species are missing"),
        ("POSCAR", CAESIUM_CHLORIDE.replace("0.5 0.5 0.5\n", ""), "expected 3 lattice vectors and 2 atoms"),
        (
            "POSCAR",
            CAESIUM_CHLORIDE.replace("0.5 0.5 0.5", "0 0 0"),
            r"two atoms are 0\.00 angstrom apart",
        ),
        ("POSCAR", CAESIUM_CHLORIDE.replace("0 0 4.12", "0 4.12 0"), "spglib finds no space group"),
        ("POSCAR", "", "is empty: expected one crystal structure"),
        ("a.txt", ROCK_SALT, r"expected a name that ends in \.cif, or one like POSCAR"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(InputError, match=message) as raised:
        read_structure(path)
    assert str(path) in str(raised.value)


DEFECTS = ("nan", "inf", "-inf", "1e400", "1e300", "-1e300", "0", "-1", "5e-324", "1e9", "?", "x", "", "1 2", "0 0 0")
"""In the place of a number; some of them are right in some places."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 30), word=st.sampled_from(DEFECTS), dialect=st.sampled_from(["cif", "Direct", "Cartesian"]))
def test_whatever_stands_for_a_number_gives_a_crystal_or_a_sentence(
    tmp_path: Path, place: int, word: str, dialect: str
) -> None:
    importlib.import_module("gemmi")  # once, not in the child of each example
    text = ROCK_SALT if dialect == "cif" else CAESIUM_CHLORIDE.replace("Direct", dialect)
    numbers = list(re.finditer(r"(?<= |\n)-?[\d.]+(?= |\n)", text))
    found = numbers[place % len(numbers)]
    name = "a.cif" if dialect == "cif" else "POSCAR"
    path = write(tmp_path, name, text[: found.start()] + word + text[found.end() :])
    try:
        crystal = read_structure(path)
    except InputError as error:
        reported = str(error)
    else:
        reported = ""
        assert np.isfinite(crystal.lattice).all()
        assert 0 <= crystal.positions.min() <= crystal.positions.max() < 1
    assert not reported or str(path) in reported
    assert "\n" not in reported


@pytest.mark.parametrize("word", ["nan", "1e400", "-inf"])
@pytest.mark.parametrize(("name", "text"), [("POSCAR", CAESIUM_CHLORIDE), ("a.cif", ROCK_SALT)])
def test_a_number_that_is_not_finite_is_reported(tmp_path: Path, name: str, text: str, word: str) -> None:
    path = write(tmp_path, name, text.replace("0.5 0.5 0.5", f"0.5 0.5 {word}"))
    with pytest.raises(InputError, match="NaN, infinite or missing: correct the file"):
        read_structure(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.0\n", "1e5\n", r"edges of the cell are 412000, .* expected from 0.5 to 1000"),
        ("1.0\n", "1e-5\n", "edges of the cell are 4.12e-05"),
        ("1.0\n", "0\n", "the scale is '0', expected one number other than 0"),
        ("1.0\n", "1 2\n", "the scale is '1 2'"),
        ("1 1\n", "0 0\n", "expected how many atoms there are of each kind, found '0 0'"),
        ("1 1\n", "1 -1\n", "expected how many atoms there are of each kind"),
        ("1 1\n", "1 1000000\n", "expected 3 lattice vectors and 1000001 atoms"),
        ("0.5 0.5 0.5", "0.5 0.5 1e7", "an atom is 1e.07 cells away from the origin"),
        ("1 1\nDirect\n0 0 0\n", "2000 1\nDirect\n" + 2000 * "0 0 0\n", "2,001 atoms are in the cell"),
    ],
)
def test_a_number_that_no_crystal_has_is_reported(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_structure(write(tmp_path, "POSCAR", CAESIUM_CHLORIDE.replace(old, new, 1)))


def test_three_scales_are_those_of_x_y_and_z(tmp_path: Path) -> None:
    crystal = read_structure(write(tmp_path, "POSCAR", CAESIUM_CHLORIDE.replace("1.0\n", "1 1 1.5 tetragonal\n")))
    assert crystal.space_group == 123
    np.testing.assert_allclose(crystal.lengths, [4.12, 4.12, 1.5 * 4.12])


def test_a_title_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "POSCAR"
    path.write_bytes("Césium, 4.12 Å".encode("latin-1") + CAESIUM_CHLORIDE.removeprefix("caesium chloride").encode())
    assert read_structure(path).space_group == 221


def test_a_library_that_ends_its_process_is_reported_like_any_other_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spglib, "get_symmetry_dataset", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    write(tmp_path, "POSCAR", CAESIUM_CHLORIDE)
    with pytest.raises(InputError, match=r"POSCAR: the libraries that read it \(gemmi, spglib\) ended their process"):
        read_structures(tmp_path)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_structures(tmp_path / "none.cif")
    with pytest.raises(InputError, match=r"holds no \*\.cif file and no file named like POSCAR"):
        read_structures(tmp_path)


def test_given_structures_are_simulated_each_in_one_split(tmp_path: Path) -> None:
    import h5py

    folder = tmp_path / "structures"
    folder.mkdir()
    write(folder, "salt.cif", ROCK_SALT)
    write(folder, "POSCAR_caesium_chloride", CAESIUM_CHLORIDE)
    write(folder, "third.vasp", CAESIUM_CHLORIDE.replace("Cs", "Rb"))
    raw = simulate("stemdl_demo", tmp_path / "raw", 9, pixels=32, structures=folder)
    materials: dict[str, set[bytes]] = {}
    groups = set()
    for path in raw.rglob("*.h5"):
        with h5py.File(path) as file:
            materials[path.parent.name] = {sample.attrs["material"] for sample in file.values()}
            groups |= {sample.attrs["space_group"] for sample in file.values()}
    assert sorted(len(found) for found in materials.values()) == [1, 1, 1]
    assert set.union(*materials.values()) == {b"salt.cif", b"POSCAR_caesium_chloride", b"third.vasp"}
    assert groups == {b"221", b"225"}


def test_fewer_structures_than_splits_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "salt.cif", ROCK_SALT)
    with pytest.raises(
        InputError, match=r"salt\.cif: 3 samples of structures, of which there are 1: expected at least 3"
    ):
        simulate("stemdl_demo", tmp_path / "raw", 3, structures=path)
    assert not (tmp_path / "raw" / "stemdl_demo").exists()


def test_real_structures_keep_the_group_that_their_names_state() -> None:
    folder = Path(__file__).parents[3] / "shared" / "data" / "stemdl"
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "POSCAR" in path.name.upper())
    if not files:
        pytest.skip("real structures are not beside the checkout, in ../shared/data/stemdl")
    for path in files[::20]:
        assert read_structure(path).space_group == int(path.name[:3]), path.name
