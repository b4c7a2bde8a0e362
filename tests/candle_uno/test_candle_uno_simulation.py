"""Simulated tables of CANDLE-UNO: the files of form A, the same for one seed, with what makes the original hard."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sciml_datasets import InputError, simulate
from sciml_datasets.candle_uno.forms import aliases, combo
from sciml_datasets.candle_uno.simulation import biology

SIZES: dict[str, Any] = {"num_samples": 150, "genes": 6, "descriptors": 5}
DEMO = "candle_uno_demo"


def rows(path: Path, delimiter: str = "\t") -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.mark.parametrize("name", [DEMO, "candle_uno_growth", "candle_uno_pairs"])
def test_a_seed_decides_every_byte(name: str, tmp_path: Path) -> None:
    made = [
        {path.name: path.read_bytes() for path in simulate(name, tmp_path / str(i), seed=seed, **SIZES).iterdir()}
        for i, seed in enumerate((1, 1, 2))
    ]
    assert made[0] == made[1] != made[2]


def test_the_tables_are_those_of_form_a(raw_dir: Path) -> None:
    folder = raw_dir / DEMO
    assert {path.name for path in combo.files(folder)} == {
        combo.RESPONSES,
        combo.DRUG_INFO,
        combo.PUBCHEM_DESCRIPTORS,
        combo.NCI60_DESCRIPTORS,
        f"{combo.EXPRESSION}_source_scale",
    }
    responses = rows(folder / combo.RESPONSES)
    names = "SOURCE CELL DRUG STUDY AUC IC50 EC50 EC50se R2fit Einf HS AAC1 AUC1 DSS1"
    assert list(responses[0]) == names.split()
    assert all(0 <= float(row["AUC"]) <= 1 for row in responses)
    assert any(row["R2fit"] == "nan" for row in responses)


def test_usable_responses_are_as_many_as_were_asked_for_and_have_replicates_and_aliases(raw_dir: Path) -> None:
    tables = combo.read(raw_dir / DEMO)
    assert tables.responses.num_rows == 400
    assert any(reason.startswith("no features") for reason in tables.left_out)
    pairs = [(row["cell"], row["drug"]) for row in tables.responses.to_pylist()]
    assert len(set(pairs)) < len(pairs)
    assert np.isnan(tables.drugs.values).any()


@pytest.mark.parametrize("seed", [0, 1])
def test_each_id_has_its_descriptors_in_one_of_the_files_that_the_reference_joins(seed: int, tmp_path: Path) -> None:
    """Its loader joins those of PUBCHEM, appends those under the id, and has a row of a response for each that it finds
    (perf/uno_reference.py compares all rows)."""
    folder = simulate(DEMO, tmp_path, num_samples=2000, seed=seed, genes=6, descriptors=5)
    named = {row["NAME"] for row in rows(folder / combo.PUBCHEM_DESCRIPTORS)}
    info = rows(folder / combo.DRUG_INFO)
    by_number = [row["ID"] for row in info if combo.PUBCHEM_PREFIX + row["PUBCHEM"] in named]
    by_id = [row["NAME"] for row in rows(folder / combo.NCI60_DESCRIPTORS)]
    assert len(by_number) > 10 < len(by_id)
    assert len({*by_number, *by_id}) == len(by_number) + len(by_id)
    described = {row["CLEAN_NAME"] for row in info if row["ID"] in by_number}
    assert described & {row["CLEAN_NAME"] for row in info if row["ID"] in by_id}  # under another id, it may be in both


def test_the_tables_of_few_cell_lines_without_a_second_name_are_whole(tmp_path: Path) -> None:
    folder = simulate(DEMO, tmp_path, num_samples=100, seed=4, genes=6, descriptors=5)
    assert not (folder / aliases.CELL_MAPPING).exists()
    names = combo.read(folder).responses["cell"].unique().to_pylist()
    assert set(aliases.cells(folder, names)) == set(names)


def test_the_area_is_that_under_the_curve() -> None:
    rng = np.random.default_rng(0)
    loadings = biology.Loadings.draw(rng, 3, 3)
    cells, drugs = rng.normal(size=(2, 5, biology.LATENT))
    pairs = np.stack([np.arange(5), np.arange(5)], axis=1)
    ec50, floor, slope, area = biology.areas(loadings, cells, drugs, rng.normal(size=5), pairs)
    doses = np.linspace(*biology.DOSES, 20_001)
    for i in range(5):
        curve = biology.viabilities(ec50[i], floor[i], slope[i], doses)
        assert area[i] == pytest.approx(np.trapezoid(curve, doses) / (doses[-1] - doses[0]), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 20}, "20 samples: expected at least 100"),
        ({"num_samples": 200, "cells": 5, "drugs": 5}, "expected at least 200 pairs and one feature of each"),
        ({"num_samples": 200, "genes": 0}, "expected at least 200 pairs and one feature of each"),
        ({"num_samples": 200, "cells": 0}, "expected at least 200 pairs and one feature of each"),
        ({"num_samples": 200, "colour": 1}, "has no option colour: choose from cells, descriptors, drugs, genes"),
    ],
)
def test_what_cannot_be_simulated_is_reported(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(DEMO, tmp_path, **options)
    assert list(tmp_path.iterdir()) == []
