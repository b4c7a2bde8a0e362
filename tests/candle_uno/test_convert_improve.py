"""IMPROVE's own folders and the other raw forms brought into raw form C."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from study_files import write_drugcell
from uno_files import FILE, frames, write_combo, write_improve, write_splits, write_store

from sciml_datasets import InputError, prepare
from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve
from sciml_datasets.candle_uno.forms import combo, improve
from sciml_datasets.candle_uno.responses import FORMS, Responses, canonical


@pytest.mark.parametrize("nesting", ["", "raw_data", "csa_data/raw_data"])
def test_an_improve_folder_is_found_where_improve_puts_it(tmp_path: Path, nesting: str) -> None:
    folder = tmp_path / "source" / nesting
    write_splits(write_improve(folder), "gCSI", train=[3], val=[2], test=[])
    study = convert_improve(tmp_path / "source", tmp_path / "raw")
    tables = improve.read(tmp_path / "raw")
    assert tables.responses.to_pylist() == study.tables.responses.to_pylist()
    assert tables.responses["id"].to_pylist() == ["gCSI.2", "gCSI.3"]
    assert (tmp_path / "raw" / "x_data" / "drug_mordred.tsv").is_file()


def test_no_improve_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no y_data/response\.tsv, nor in raw_data/: name an IMPROVE folder"):
        convert_improve(tmp_path, tmp_path / "raw")


def test_the_response_of_an_improve_folder_can_be_chosen(tmp_path: Path) -> None:
    study = convert_improve(write_improve(tmp_path / "source"), tmp_path / "raw", "ic50")
    assert improve.read(tmp_path / "raw").responses["response"].to_pylist() == [1.25, 2, 3]
    assert study.facts()["left_out"] == {"no ic50": 1}


@pytest.mark.parametrize("word", ["NA", "nan"])
def test_an_id_that_may_stand_for_every_unknown_drug_is_refused_in_every_layout(tmp_path: Path, word: str) -> None:
    folder = write_improve(tmp_path / "improve")
    for name in (improve.RESPONSE, "x_data/drug_mordred.tsv"):
        (folder / name).write_text((folder / name).read_text().replace("Drug_1", word))
    with pytest.raises(InputError, match=rf"drug_mordred\.tsv has features of '{word}', which may be a name or stand"):
        convert_improve(folder, tmp_path / "out")
    changes = {"cell2ind": f"0\tA_LUNG\n1\t{word}\n", "drugcell_test": f"{word}\tCC=O\t1\n"}
    with pytest.raises(InputError, match=rf"cell2mutation\.txt has features of '{word}'"):
        convert_csv(write_drugcell(tmp_path / "drugcell", **changes), tmp_path / "out")


@pytest.mark.parametrize("form", ["A", "B"])
def test_other_raw_forms_become_improve_folders_with_the_same_splits(tmp_path: Path, form: str) -> None:
    (tmp_path / "source").mkdir()
    if form == "A":
        write_combo(tmp_path / "source")
    else:
        write_store(tmp_path / "source" / FILE, frames())
    study = convert_improve(tmp_path / "source", tmp_path / "out")
    before, after = FORMS[form].read(tmp_path / "source"), improve.read(tmp_path / "out")
    columns = ["id", "source", "cell", "drug", "response"]
    assert after.responses.select(columns).to_pylist() == before.responses.select(columns).to_pylist()
    np.testing.assert_array_equal(after.cells.values, before.cells.values)
    np.testing.assert_array_equal(after.drugs.values, before.drugs.values)
    prepared = {
        sample.key: sample.split
        for file in Responses().files(tmp_path / "source")
        for sample in Responses().index(tmp_path / "source", file)
    }
    assert dict(zip(*(after.responses[name].to_pylist() for name in ("id", "split")), strict=True)) == prepared
    assert sum(study.facts()["splits"].values()) == before.responses.num_rows


def test_what_was_converted_is_prepared_to_the_same_examples_and_says_the_same_of_them(
    tmp_path: Path, raw_dir: Path, data_dir: Path
) -> None:
    convert_improve(raw_dir / "candle_uno_demo", tmp_path / "raw" / "candle_uno_demo")
    after = prepare("candle_uno_demo", tmp_path / "raw", tmp_path / "data")
    before = data_dir / "sciml/candle_uno_demo/2.0.0"
    for split in ("train", "validation", "test"):
        assert (after / f"members-{split}.tsv").read_bytes() == (before / f"members-{split}.tsv").read_bytes()
    for table in ("gene_expression.npy", "drug_descriptors.npy"):
        np.testing.assert_array_equal(np.load(after / table), np.load(before / table))
    reported, expected = (json.loads((folder / "metadata.json").read_text()) for folder in (after, before))
    assert (reported.pop("form"), expected.pop("form")) == ("C", "A")
    assert set(reported.pop("left_out")) < set(expected.pop("left_out"))
    assert reported == expected


def test_the_names_of_one_compound_stay_one_after_a_conversion(tmp_path: Path, raw_dir: Path) -> None:
    source = raw_dir / "candle_uno_demo"
    convert_improve(source, tmp_path / "out")
    convert_improve(tmp_path / "out", tmp_path / "again")
    expected = canonical(source, combo.read(source))
    assert len(set(expected[1].values())) < len(expected[1])
    for folder in (tmp_path / "out", tmp_path / "again"):
        assert canonical(folder, improve.read(folder)) == expected


def test_what_a_conversion_leaves_out_is_listed(tmp_path: Path) -> None:
    folder = write_improve(
        tmp_path / "source",
        response="source\timprove_sample_id\timprove_chem_id\tauc\nA\tACH-1\tDrug_1\t0.5\nA\tACH-9\tDrug_1\t1\n",
    )
    convert_improve(folder, tmp_path / "out")
    _, line = (tmp_path / "out" / "left-out.tsv").read_text().splitlines()
    assert line.split("\t") == ["A.1", "A", "ACH-9", "Drug_1", "no features of the cell"]
