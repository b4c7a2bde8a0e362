"""Grids, names and folders of products as archives have them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from slstr_files import COLUMNS, NAME, REPROCESSED, ROWS, scene_of, write_product

from sciml_datasets import InputError
from sciml_datasets.cloudmask.slstr import convert

# Grids of other sizes


@pytest.mark.parametrize(
    ("fine_start", "fine_rows", "lacking"),
    [
        (40874, 2 * ROWS, [0, 1]),
        (40873, 2 * ROWS + 1, [0]),  # its first row precedes the 1 km grid
        (40874, 2 * ROWS + 1, [0, 1]),
        (40872, 2 * ROWS + 2, [0]),
        (40876, 2 * ROWS - 1, [0, 1, 2]),  # the 1 km grid begins and ends where there is no row of the other
    ],
)
def test_rows_of_the_500_m_grid_are_paired_by_its_offset(
    tmp_path: Path, fine_start: int, fine_rows: int, lacking: list[int]
) -> None:
    product = write_product(tmp_path, fine_start=fine_start, fine_rows=fine_rows)
    refs = scene_of(product)["refs"]
    assert refs.shape == (ROWS, COLUMNS, 6)
    assert np.flatnonzero(np.isnan(refs[:, 0, 0])).tolist() == lacking
    np.testing.assert_allclose(refs[12, 20], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], rtol=5e-4)


@pytest.mark.parametrize("rows", [1198, 1201])
def test_a_full_scene_has_the_rows_of_the_benchmark(tmp_path: Path, rows: int) -> None:
    product = write_product(tmp_path, rows=rows, fine_rows=2 * rows, columns=1500)
    scene = scene_of(product)
    assert {name: array.shape for name, array in scene.items()} == {
        "refs": (1200, 1500, 6),
        "bts": (1200, 1500, 3),
        "bayes": (1200, 1500, 1),
    }
    assert np.isnan(scene["bts"][:, 7]).all(axis=-1).sum() == max(0, 1200 - rows)


# Names and folders


@pytest.mark.parametrize(
    "name",
    [
        REPROCESSED,
        NAME.replace("S3A", "S3C"),
        NAME.replace("LN2_O_NR", "MAR_O_NT"),
        NAME.replace("LN2_O_NR", "PS2_O_ST"),
    ],
)
def test_products_of_all_satellites_centres_and_classes_are_converted(tmp_path: Path, name: str) -> None:
    assert convert(write_product(tmp_path, name=name), tmp_path) == tmp_path / f"{name}.hdf"


@pytest.mark.parametrize("outside", [f"{NAME}.SEN3", NAME, "download"])
def test_a_product_inside_of_a_folder_is_found(tmp_path: Path, outside: str) -> None:
    write_product(tmp_path / outside)
    assert convert(tmp_path / outside, tmp_path) == tmp_path / f"{NAME}.hdf"


def test_the_folder_that_one_is_in_is_a_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_product(tmp_path))
    assert convert(Path(), tmp_path) == tmp_path / f"{NAME}.hdf"


def test_of_several_products_one_is_to_be_named(tmp_path: Path) -> None:
    write_product(tmp_path)
    write_product(tmp_path, name=REPROCESSED)
    with pytest.raises(InputError, match=rf"it holds 2 products, {REPROCESSED}\.SEN3 first: name one of them"):
        convert(tmp_path, tmp_path)


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / NAME), "zip", write_product(tmp_path))
    with pytest.raises(InputError, match=r"\.zip is a file: unpack it"):
        convert(Path(archive), tmp_path)
