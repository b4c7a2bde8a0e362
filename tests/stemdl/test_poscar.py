"""POSCAR files name their species in one of three places; flags, remarks and unusable lines never name one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sciml_datasets import InputError
from sciml_datasets.stemdl.structures import read_structure

SODIUM = ("0 0 0", "0 .5 .5", ".5 0 .5", ".5 .5 0")
CHLORINE = (".5 .5 .5", ".5 0 0", "0 .5 0", "0 0 .5")


def salt(
    title: str = "rock salt", species: str = "Na Cl\n", sodium: str = "", chlorine: str = "", mode: str = ""
) -> str:
    """Rock salt with something behind its atoms."""
    lattice = "1.0\n5.64 0 0\n0 5.64 0\n0 0 5.64\n"
    atoms = [f"{place}{sodium}" for place in SODIUM] + [f"{place}{chlorine}" for place in CHLORINE]
    return f"{title}\n{lattice}{species}4 4\n{mode}Direct\n" + "\n".join(atoms) + "\n"


def flagged(sodium: str = "", chlorine: str = "", **others: str) -> str:
    return salt(sodium=f" F F F{sodium}", chlorine=f" F F F{chlorine}", mode="Selective dynamics\n", **others)


def read(folder: Path, text: str) -> tuple[int, str]:
    path = folder / "POSCAR"
    path.write_text(text, encoding="utf-8", newline="")
    crystal = read_structure(path)
    return crystal.space_group, crystal.formula


@pytest.mark.parametrize(
    "text",
    [
        *(
            flagged(species=f"{line}\n")
            for line in (
                "Na Cl",
                "Na Cl ! salt",
                "Na Cl # salt",
                "na cl",
                "NA CL",
                "Na_pv Cl",
                "Na/1f Cl/2e",
                "Na+ Cl-",
            )
        ),
        salt(title="Na Cl", species=""),
        flagged(title="Na Cl ! salt", species=""),
        salt(species="", sodium=" Na", chlorine=" Cl"),
        salt(species="", sodium=" # Na1", chlorine=" ! Cl1"),
        flagged(" Na", " Cl", species=""),
        flagged(" # Na1", " # Cl1", species=""),
        salt(title="Na Cl", species="", sodium=" Na", chlorine=" Cl"),
        salt(sodium=" # F site", chlorine=" # F"),
        salt().replace("5.64", "5.64D0").replace(".5 .5 .5", "5.0d-1 +.5E0 .5"),
        salt().replace("4 4\n", "4 4 ! atoms\n"),
        salt().replace("\n", "\r\n"),
        salt().replace("\n", "\r"),
        *(salt(title=f"rock{character}salt") for character in "\f\v\x1c\x85\u2028"),
    ],
)
def test_rock_salt_is_read_from_every_dialect(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == (225, "Na4 Cl4")


def test_fluorine_is_a_species_where_it_stands_for_one(tmp_path: Path) -> None:
    assert read(tmp_path, salt(species="", sodium=" Li", chlorine=" F")) == (225, "Li4 F4")


@pytest.mark.parametrize(
    "text",
    [
        flagged(species=""),
        salt(species="", sodium=" F F F", chlorine=" F F F"),
        salt(species="", sodium=" F", chlorine=" F", mode="Selective dynamics\n"),
        salt(species="", sodium=" Na"),
        salt(title="NaCl", species=""),
        salt(title="in no", species=""),
    ],
)
def test_a_file_without_species_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="the species are missing"):
        read(tmp_path, text)


@pytest.mark.parametrize("line", ["Na", "Na Cl O", "NaCl", "Na,Cl", "Sodium Chloride", "! Na Cl", "H2O Cl"])
def test_a_species_line_that_cannot_be_used_is_refused_whatever_stands_behind_the_atoms(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(InputError, match=f"the line of species is '{line}', expected 2 symbols"):
        read(tmp_path, flagged(" Na", " Cl", species=f"{line}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (salt(sodium=" K", chlorine=" Cl"), "atom 1 is Na by the line of species or the title, but has K behind it"),
        (salt(title="Na Cl", species="", sodium=" Na", chlorine=" Br"), "atom 5 is Cl .* but has Br behind it"),
        (
            salt(species="", sodium=" Na", chlorine=" Cl").replace("4 4\n", "8\n"),
            "atoms 1 to 8 are of one kind by the counts, but have Cl, Na behind them",
        ),
        (salt() + "0.25 0.25 0.25\n", "expected 8 atoms, found more"),
        (salt().replace("Direct\n", ""), "expected Direct or Cartesian, found '0 0 0'"),
        (salt().replace(".5 .5 .5", "1_0 .5 .5"), "'1_0' is no number"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_thirds_of_three_digits_are_refused_where_the_group_depends_on_them(tmp_path: Path) -> None:
    text = "hcp\n4.9\n1 0 0\n-.5 .8660254038 0\n0 0 1.63\nMg\n2\nDirect\n0.333 0.667 .25\n0.667 0.333 .75\n"
    with pytest.raises(InputError, match="rounded too coarsely"):
        read(tmp_path, text)
    assert read(tmp_path, text.replace("0.333", "0.33333").replace("0.667", "0.66667")) == (194, "Mg2")
