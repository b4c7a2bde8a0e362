"""Pictures of STEMDL: stacks with their zone axes, and confusion by crystal system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sciml_datasets.models.plots import plot_confusion
from sciml_datasets.stemdl.crystals import Floats, random_crystal
from sciml_datasets.stemdl.pictures import contact_sheet, hermann_mauguin, zone_axes

CUBE = np.full(3, 4.0), np.full(3, 90.0)


ANGLES = np.full(3, 90.0)


def zone_axis(direction: Floats, lengths: Floats, angles: Floats) -> str:
    (text, *_) = zone_axes(np.array([direction] * 3).T, lengths, angles)
    return text


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ([1, 1, 1], "$[111]$"),
        ([2, 2, 0], "$[110]$"),
        ([1, 1, -1], r"$[11\overline{1}]$"),
        ([-2, 1, 11], r"$[\overline{2}\,1\,11]$"),
        ([np.nan, 0, 1], ""),
    ],
)
def test_indices_as_the_original_has_them_are_the_zone_axis_of_any_cell(indices: list[float], text: str) -> None:
    assert zone_axis(np.array(indices, float), np.array([4.0, 6.0, 8.0]), ANGLES) == text
    assert zone_axis(np.array(indices, float), np.full(3, np.nan), ANGLES) == text


@pytest.mark.parametrize(
    ("direction", "text"),
    [
        ([1, -1, 0], r"$[1\overline{1}0]$"),
        ([-2, 1, 11], r"$[\overline{2}\,1\,11]$"),
        ([1, 2**0.5, 0], "(0.58, 0.82, 0.00)"),
    ],
)
def test_unit_vectors_are_read_as_cartesian(direction: list[float], text: str) -> None:
    assert zone_axis(np.array(direction) / np.linalg.norm(direction), *CUBE) == text


@pytest.mark.parametrize("space_group", [2, 14, 62, 139, 166, 194, 225])
def test_the_indices_of_unit_vectors_are_those_of_the_cell_whatever_its_angles(space_group: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(0))
    direction = np.array([1, -2, 3]) @ crystal.lattice
    found = zone_axis(direction / np.linalg.norm(direction), crystal.lengths, crystal.angles)
    assert found == r"$[1\overline{2}3]$"


def test_what_is_neither_indices_nor_unit_vectors_is_drawn_as_numbers() -> None:
    assert zone_axis(np.array([0.5, 0.25, 0]), *CUBE) == "(0.50, 0.25, 0.00)"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("angles", [(90, 90, 180), (30, 30, 120), (120, 120, 120), (90, 90, 0)])
def test_unit_vectors_of_a_cell_without_a_volume_are_drawn_as_numbers(angles: tuple[float, ...]) -> None:
    assert zone_axis(np.array([0.6, 0.8, 0]), CUBE[0], np.array(angles, float)) == "(0.60, 0.80, 0.00)"


def test_a_formula_is_drawn_as_it_is(tmp_path: Path) -> None:
    stack = {"cbed_stack": np.ones((3, 16, 16), np.float32), "space_group": 225, "energy_kev": 0}
    contact_sheet([stack | {"formula": b"$x_{$ A$"}], tmp_path / "stacks.png")
    assert imread(tmp_path / "stacks.png").std() > 0.1


def test_symbols_are_set_as_in_the_international_tables() -> None:
    assert hermann_mauguin(225) == r"$Fm\overline{3}m$"


def test_a_stack_without_axes_is_drawn_as_well(tmp_path: Path) -> None:
    sample = {"cbed_stack": np.ones((3, 16, 16), np.float32), "space_group": 2, "formula": b"Si", "energy_kev": 100}
    axes = {"z_dirs": np.eye(3)[None], "abc_angstrom": CUBE[0], "angles_degree": CUBE[1]}
    contact_sheet([sample, sample | axes], tmp_path / "stacks.png", [np.eye(231)[14], np.int64(0)])
    assert imread(tmp_path / "stacks.png").std() > 0.1


def test_right_and_wrong_predictions_are_told_apart_by_a_mark(tmp_path: Path) -> None:
    stack = {"cbed_stack": np.ones((3, 16, 16), np.float32), "space_group": 225, "formula": b"", "energy_kev": 100}
    contact_sheet([stack, stack], tmp_path / "stacks.svg", [np.int64(225), np.int64(2)])
    drawn = (tmp_path / "stacks.svg").read_text()
    assert drawn.count("<!-- \N{CHECK MARK} predicted") == drawn.count("<!-- \N{MULTIPLICATION SIGN} predicted") == 1


def test_patterns_of_one_zone_are_told_apart_by_their_semi_angle(tmp_path: Path) -> None:
    stack = {"cbed_stack": np.ones((3, 16, 16), np.float32), "space_group": 225, "formula": b"", "energy_kev": 100}
    contact_sheet([stack | {"semi_angles_rad": np.array([1e-3, 2e-3, np.nan])}], tmp_path / "stacks.svg")
    drawn = (tmp_path / "stacks.svg").read_text()
    assert [text in drawn for text in ("<!-- 1.00 mrad -->", "<!-- 2.00 mrad -->", "nan")] == [True, True, False]


def test_logarithms_are_drawn_like_the_intensities_they_are_of(tmp_path: Path) -> None:
    intensities = 10 ** np.random.default_rng(0).uniform(-5, 0, (3, 16, 16)).astype(np.float32)
    known = {"space_group": 2, "formula": b"", "energy_kev": 0}
    contact_sheet([{"cbed_stack": intensities, **known}], tmp_path / "intensities.png")
    logs = 10 * (np.log(intensities) + 17)
    contact_sheet([{"cbed_stack": logs, **known}], tmp_path / "logs.png", preprocessed=True)
    drawn = [imread(tmp_path / f"{name}.png") for name in ("intensities", "logs")]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=0.02)


def test_lines_part_the_crystal_systems_in_a_confusion_matrix(tmp_path: Path) -> None:
    def drawn(dataset: str) -> np.ndarray:
        details = {"confusion": {"classes": [1, 14, 62, 225], "counts": np.diag([5, 4, 3, 2]).tolist()}}
        plot_confusion({"dataset": dataset, "split": "test", "details": details}, tmp_path / "confusion.png")
        return np.asarray(imread(tmp_path / "confusion.png"))

    assert drawn("stemdl_demo").tolist() != drawn("cloudmask_demo").tolist()
