"""Responses to single doses, of one drug and of two: they are streamed and joined, and omissions are reported."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from uno_files import write_doses

from sciml_datasets import InputError, prepare, simulate
from sciml_datasets.benchmarks import prepared_dir
from sciml_datasets.candle_uno.dose_tables import GROWTH, OTHER_UNIT, PAIRS
from sciml_datasets.candle_uno.doses import Doses
from sciml_datasets.files import text_columns
from sciml_datasets.preparation import sorting
from sciml_datasets.prepared.members import read_members
from sciml_datasets.raw_format import SPLITS, Sample

SIZES: dict[str, Any] = {"num_samples": 900, "seed": 3, "genes": 12, "descriptors": 9, "cells": 24, "drugs": 30}
TWO_DRUGS = "NAME\tALOGP\tMW\nNSC.5\t1\t3\nNSC.6\t2\t4\n"
GROWTH_HEADER = "SOURCE\tDRUG_ID\tCELLNAME\tCONCUNIT\tLOG_CONCENTRATION\tGROWTH\n"
NAMES = ("candle_uno_growth", "candle_uno_pairs")


def indexed(raw_format: Doses, folder: Path) -> list[Sample]:
    return [sample for file in raw_format.files(folder) for sample in raw_format.index(folder, file)]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated tables of both data sets."""
    root = tmp_path_factory.mktemp("raw")
    for name in NAMES:
        simulate(name, root, **SIZES)
    return root


@pytest.fixture(scope="module")
def data(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both data sets prepared."""
    root = tmp_path_factory.mktemp("data")
    for name in NAMES:
        prepare(name, raw, root)
    return root


def test_growth_is_a_fraction_and_aliases_have_one_name(tmp_path: Path) -> None:
    doses = Doses(GROWTH)
    found = [doses.example(sample) for sample in indexed(doses, write_doses(tmp_path))]
    reported = [(x["id"], x["cell"], x["drug"], float(x["log_concentration"]), float(x["growth"])) for x in found]
    assert reported == [
        ("CCLE.0", "A", "CCLE.1", -5.5, 0.5),
        ("CTRP.1", "A", "CCLE.1", -6, -0.125),
        ("NCI60.2", "B", "NSC.5", -4, 1),
    ]


def test_pairs_are_the_valid_rows_with_two_drugs_and_their_order_does_not_part_them(tmp_path: Path) -> None:
    doses = Doses(PAIRS)
    samples = indexed(doses, write_doses(tmp_path, NCI60_dragon7_descriptors=TWO_DRUGS))
    found = [doses.example(sample) for sample in samples]
    assert [(x["id"], x["cell"], x["drug_1"], x["drug_2"]) for x in found] == [
        ("ALMANAC.FF.0", "B", "NSC.5", "NSC.6"),
        ("ALMANAC.FF.1", "B", "NSC.6", "NSC.5"),
    ]
    reported = [(float(x["log_concentration_1"]), float(x["log_concentration_2"])) for x in found]
    np.testing.assert_allclose(reported, [(-6, -7), (-7, -6)], atol=1e-6)
    assert len({(sample.split, sample.group) for sample in samples}) == 1


def test_numbers_of_drugs_that_pandas_wrote_as_floats_are_the_same(tmp_path: Path) -> None:
    folder = write_doses(tmp_path, NCI60_dragon7_descriptors=TWO_DRUGS)
    path, before = folder / PAIRS.file, indexed(Doses(PAIRS), folder)
    path.write_text(path.read_text().replace(",5,", ",5.0,").replace(",6,", ",6.0,"))
    assert indexed(Doses(PAIRS), folder) == before


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            GROWTH,
            {
                "no growth": 1,
                "no concentration": 1,
                "no features of the cell": 1,
                "no features of the drug": 1,
                OTHER_UNIT: 1,
            },
        ),
        (
            PAIRS,
            {
                "VALID is not Y": 1,
                "no second drug": 1,
                "no line of the cell in NCI60_CELLNAME_to_Combo.txt": 1,
                "no concentration": 1,
            },
        ),
    ],
)
def test_what_is_left_out_is_counted_by_reason_and_listed(
    tmp_path: Path, layout: Any, expected: dict[str, int]
) -> None:
    folder = write_doses(tmp_path, NCI60_dragon7_descriptors=TWO_DRUGS)
    doses = Doses(layout)
    beside = doses.beside(folder, iter(indexed(doses, folder)))
    assert beside.metadata["left_out"] == expected
    header, *lines = beside.documents["left-out.tsv"].splitlines()
    assert header.split("\t") == ["source", "cell", *layout.drugs, "reason", "rows"]
    assert len(lines) == sum(count for reason, count in expected.items() if reason != OTHER_UNIT)


@pytest.mark.parametrize("name", NAMES)
def test_small_blocks_and_an_index_on_disk_give_the_same_bytes(
    name: str, raw: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "IN_MEMORY", 100)
    monkeypatch.setattr(text_columns, "BLOCK_BYTES", 1 << 13)
    again, before = prepare(name, raw, tmp_path), data / "sciml" / name / "1.0.0"
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in before.iterdir()
    }
    assert [path.name for path in again.parent.iterdir()] == ["1.0.0"]


def test_cells_drugs_and_splits_are_those_of_the_areas_though_other_responses_are_there(
    data: Path, tmp_path: Path
) -> None:
    simulate("candle_uno", tmp_path, **SIZES | {"num_samples": 400})
    areas, growth, pairs = (
        {split: read_members(folder, split) for split in SPLITS}
        for folder in (prepare("candle_uno", tmp_path, tmp_path), *(prepared_dir(name, data) for name in NAMES))
    )
    names = {cell for lists in (areas, growth, pairs) for columns in lists.values() for cell in columns["cell"]}
    assert len({name.replace("-", "") for name in names}) == len(names)
    part = [
        {pair: split for split, rows in lists.items() for pair in zip(rows["cell"], rows["drug"], strict=True)}
        for lists in (areas, growth)
    ]
    both = part[0].keys() & part[1].keys()
    assert len(both) > 20
    assert all(part[0][pair] == part[1][pair] for pair in both)


def test_the_tables_of_aliases_are_identified_by_their_digests(raw: Path, data: Path) -> None:
    for name in NAMES:
        reported = json.loads((prepared_dir(name, data) / "metadata.json").read_text())["aliases"]
        assert reported["drug_info"] == hashlib.sha256((raw / name / "drug_info").read_bytes()).hexdigest()
        assert "cl_mapping" in reported


@pytest.mark.parametrize("name", NAMES)
def test_examples_hold_doses_and_whole_feature_vectors(name: str, data: Path) -> None:
    builder = tfds.builder(f"sciml/{name}", data_dir=data)
    inputs, growth = next(iter(builder.as_dataset(split="test", as_supervised=True).batch(4)))
    drugs = 1 if name.endswith("growth") else 2
    assert [x.shape[1:] for x in inputs] == [()] * drugs + [(12,)] + [(9,)] * drugs
    assert growth.dtype == np.float32
    assert sum(split.num_examples for split in builder.info.splits.values()) == 900
    folder = data / "sciml" / name / "1.0.0"
    tables = sorted(path.name for path in folder.glob("*.npy"))
    assert tables == ["drug_descriptors.missing.npy", "drug_descriptors.npy", "gene_expression.npy"]
    proof = json.loads((folder / "splits.json").read_text())
    assert [common["drug"] for common in proof["drug_blind"]["in_common"].values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"rescaled_combined_single_drug_growth": "SOURCE\tDRUG_ID\n"},
            r"growth: there is no column CELLNAME, only SOURCE",
        ),
        ({"rescaled_combined_single_drug_growth": "SOURCE,DRUG_ID\n"}, r"growth: the first line is separated by comma"),
        (
            {
                "rescaled_combined_single_drug_growth": GROWTH_HEADER
                + "CCLE\tCCLE.1\tCCLE.A\tM\t-5\t1\nCCLE\tCCLE.1\tCCLE.A\tM\tlow\t1\n"
            },
            r"growth: line 3, column LOG_CONCENTRATION: 'low' is no number",
        ),
        ({"drug_info": ""}, r"lacks drug_info: put them there"),
        (
            {"rescaled_combined_single_drug_growth": GROWTH_HEADER + "CCLE\tCCLE.1\tCCLE.Z\tM\t-5\t1\n"},
            r"growth: none of its rows can be used",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        indexed(Doses(GROWTH), write_doses(tmp_path, **changes))


def test_other_raw_forms_are_refused(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"candle_uno_growth has one raw form, the tables \(A\): leave --form B out"):
        prepare("candle_uno_growth", raw, tmp_path, form="B")
