"""Other studies brought into raw form C: drevalpy's tables, DrugCell's, IMPROVE's own."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uno_files import FILE, frames, write_combo, write_improve, write_splits, write_store

from sciml_datasets import InputError, prepare
from sciml_datasets.candle_uno.convert.studies import convert_csv, convert_improve
from sciml_datasets.candle_uno.forms import combo, improve, improve_splits
from sciml_datasets.candle_uno.measures import AUC
from sciml_datasets.candle_uno.responses import FORMS, Responses, canonical

IDS = ("cell_line_name", "pubchem_id")
Sciml = Callable[..., subprocess.CompletedProcess[str]]


def write_drevalpy(folder: Path, **changes: str) -> Path:
    """A small study as drevalpy takes it; ``changes`` replaces files."""
    text = {
        "response": "cellosaurus_id,cell_line_name,pubchem_id,drug_name,LN_IC50,AUC\n"
        'CVCL_1,"A, first",11,Alpha,1.5,0.5\nCVCL_2,B,11,Alpha,2.5,0.25\nCVCL_9,C,12,Beta,3.5,0.75\n'
        "CVCL_1,A,12,Beta,,\n",
        "gex": "cellosaurus_id,cell_line_name,TP53,EGFR\nCVCL_1,A,1,2\nCVCL_2,B,3,4\n",
        "fingerprints": "pubchem_id,dim_0,dim_1\n11,1.0,0.0\n12,0.0,1.0\n",
    }
    folder.mkdir(exist_ok=True)
    for name, default in text.items():
        (folder / f"{name}.csv").write_text(changes.get(name, default))
    return folder / "response.csv"


def write_drugcell(folder: Path, **changes: str) -> Path:
    """A small study in DrugCell's layout; ``changes`` replaces files."""
    text = {
        "drugcell_train": "A_LUNG\tCC=O\t0.5\nB_SKIN\tCC=O\t0.25\n",
        "drugcell_val": "A_LUNG\tC/C=C\\C\t0.75\n",
        "drugcell_test": "B_SKIN\tC/C=C\\C\t1.0625\n",
        "cell2ind": "0\tA_LUNG\n1\tB_SKIN\n",
        "cell2mutation": "0,1,0\n1,1,0\n",
        "gene2ind": "0\tTP53\n1\tEGFR\n2\tKRAS\n",
        "drug2ind": "1\tC/C=C\\C\n0\tCC=O\n",
        "drug2fingerprint": "1,0\n0,1\n",
    }
    folder.mkdir(exist_ok=True)
    for name, default in text.items():
        (folder / f"{name}.txt").write_text(changes.get(name, default))
    return folder / "drugcell_train.txt"


# drevalpy


def test_a_study_of_drevalpy_becomes_an_improve_folder(tmp_path: Path) -> None:
    study = convert_csv(write_drevalpy(tmp_path / "study"), tmp_path / "raw")
    tables = improve.read(tmp_path / "raw")
    rows = [[row[key] for key in ("id", "source", "cell", "drug", "response")] for row in tables.responses.to_pylist()]
    assert rows == [["response.0", "response", "CVCL_1", "11", 0.5], ["response.1", "response", "CVCL_2", "11", 0.25]]
    assert (tables.cells.columns, tables.drugs.columns) == (("TP53", "EGFR"), ("dim_0", "dim_1"))
    assert study.response == "AUC"
    assert dict(study.tables.left_out) == {"no AUC": 1, "no features of the cell": 1}


def test_an_infinite_response_is_left_out_under_its_own_name(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study")
    path.write_text(path.read_text().replace("2.5,0.25", "2.5,inf"))
    study = convert_csv(path, tmp_path / "raw")
    assert dict(study.tables.left_out) == {"an infinite AUC": 1, "no AUC": 1, "no features of the cell": 1}


def test_another_column_can_be_the_response(tmp_path: Path) -> None:
    study = convert_csv(write_drevalpy(tmp_path / "study"), tmp_path / "raw", "LN_IC50")
    assert study.response == "LN_IC50"
    assert (tmp_path / "raw" / improve.RESPONSE).read_text().partition("\n")[0].endswith("\tstudy\tLN_IC50")
    assert improve.read(tmp_path / "raw").responses["response"].to_pylist() == [1.5, 2.5]


@pytest.mark.parametrize("response", ["pEC50", "AUC_curvecurator"])
def test_what_was_converted_is_read_whatever_its_response_is_called(tmp_path: Path, response: str) -> None:
    path = write_drevalpy(tmp_path / "study")
    path.write_text(path.read_text().replace("AUC", response))
    convert_csv(path, tmp_path / "raw", response)
    assert improve.read(tmp_path / "raw").responses["response"].to_pylist() == [0.5, 0.25]


def test_a_response_that_drevalpy_has_fitted_again_is_known(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study")
    path.write_text(path.read_text().replace("LN_IC50", "LN_IC50_curvecurator").replace("AUC", "AUC_curvecurator"))
    assert convert_csv(path, tmp_path / "raw").response == "AUC_curvecurator"


def test_names_join_where_both_tables_have_no_better_id(tmp_path: Path) -> None:
    gex = "cell_line_name,TP53\nB,1\nC,2\n"
    study = convert_csv(write_drevalpy(tmp_path / "study", gex=gex), tmp_path / "raw")
    assert study.tables.responses["cell"].to_pylist() == ["B", "C"]


def test_a_folder_with_one_study_can_be_named(tmp_path: Path) -> None:
    write_drevalpy(tmp_path / "study")
    assert convert_csv(tmp_path / "study", tmp_path / "raw").tables.responses.num_rows == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gex": "cellosaurus_id,TP53\nCVCL_1,high\n"}, r"gex\.csv: line 2, column TP53: 'high' is no number"),
        ({"gex": "cellosaurus_id\tTP53\nCVCL_1\t1\n"}, r"gex\.csv: the first line is separated by tab, expected comma"),
        ({"gex": "depmap_id,TP53\nACH-1,1\n"}, r"gex\.csv and .*response\.csv share none of the columns"),
        ({"fingerprints": "pubchem_id,dim_0\n11,1\n11,0\n"}, r"prints\.csv: lines 2 and 3 are both 11 and differ"),
        ({"response": "cellosaurus_id,pubchem_id,growth\n"}, r"growth is a known response .*put measures\.tsv beside"),
    ],
)  # fmt: skip
def test_bad_tables_of_drevalpy_are_named(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_csv(write_drevalpy(tmp_path / "study", **changes), tmp_path / "raw")
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_missing_features_are_named(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study")
    (tmp_path / "study" / "gex.csv").unlink()
    with pytest.raises(InputError, match=r"study: expected one file \*gex\*\.csv or \*expression\*\.csv, found none"):
        convert_csv(path, tmp_path / "raw")


def test_an_id_that_may_stand_for_every_unknown_drug_is_refused(tmp_path: Path) -> None:
    path = write_drevalpy(
        tmp_path / "study",
        response="cell_line_name,drug_name,AUC\nA,Alpha,0.5\nA,NA,0.25\n",
        gex="cell_line_name,TP53\nA,1\n",
        fingerprints="drug_name,dim_0\nAlpha,1\nNA,0\n",
    )
    with pytest.raises(InputError, match=r"fingerprints\.csv has features of 'NA', which may be a name or stand for"):
        convert_csv(path, tmp_path / "raw")


@pytest.mark.parametrize("word", ["NA", "nan", "None", "null", "-", ""])
def test_a_drug_without_features_is_left_out_whatever_it_is_called(tmp_path: Path, word: str) -> None:
    path = write_drevalpy(tmp_path / "study")
    path.write_text(path.read_text() + f"CVCL_1,A,{word},{word},1.5,0.5\n")
    study = convert_csv(path, tmp_path / "raw")
    assert study.tables.responses["drug"].to_pylist() == ["11", "11"]
    assert study.tables.left_out["no features of the drug"] == 1


def numbered(text: str) -> str:
    """A table as pandas writes it with its row numbers."""
    header, *rows = text.splitlines()
    return "\n".join([f",{header}", *(f"{number},{row}" for number, row in enumerate(rows))]) + "\n"


def test_row_numbers_of_pandas_are_no_features(tmp_path: Path) -> None:
    folder = write_drevalpy(tmp_path / "study").parent
    for name in ("response", "gex", "fingerprints"):
        (folder / f"{name}.csv").write_text(numbered((folder / f"{name}.csv").read_text()))
    tables = convert_csv(folder, tmp_path / "raw").tables
    assert (tables.cells.columns, tables.drugs.columns) == (("TP53", "EGFR"), ("dim_0", "dim_1"))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("cellosaurus_id,pubchem_id,AUC,AUC", "columns 3 and 4 are both called AUC"),
        (
            "cellosaurus_id,pubchem_id,AUC,auc",
            "the columns AUC and auc are both the response auc: choose one with --re",
        ),
        ("cellosaurus_id,Cellosaurus_ID,pubchem_id,AUC", "the columns cellosaurus_id and Cellosaurus_ID are both cell"),
        ("cellosaurus_id,pubchem_id,pubchem_id,AUC", "columns 2 and 3 are both called pubchem_id"),
    ],
)
def test_of_two_columns_for_one_thing_none_is_taken(tmp_path: Path, header: str, message: str) -> None:
    path = write_drevalpy(tmp_path / "study", response=f"{header}\nCVCL_1,11,0.5,0.75\n")
    with pytest.raises(InputError, match=message):
        convert_csv(path, tmp_path / "raw")


def test_of_two_responses_that_differ_in_their_case_one_can_be_chosen(tmp_path: Path) -> None:
    response = "cellosaurus_id,pubchem_id,AUC,auc\nCVCL_1,11,0.5,0.75\n"
    study = convert_csv(write_drevalpy(tmp_path / "study", response=response), tmp_path / "raw", "auc")
    assert study.tables.responses["response"].to_pylist() == [0.75]


@pytest.mark.parametrize("drug", ["11", "11.0", " 11", '"11 "'])
@pytest.mark.parametrize("feature", ["11", "11.0", " 11"])
def test_one_number_is_one_drug_however_it_is_written(tmp_path: Path, drug: str, feature: str) -> None:
    response = f"cellosaurus_id,pubchem_id,AUC\nCVCL_1,{drug},0.5\n"
    path = write_drevalpy(tmp_path / "study", response=response, fingerprints=f"pubchem_id,dim_0\n{feature},1\n")
    assert convert_csv(path, tmp_path / "raw").tables.responses["drug"].to_pylist() == ["11"]


def test_commas_in_a_number_of_pubchem_are_no_part_of_it(tmp_path: Path) -> None:
    response = 'cellosaurus_id,pubchem_id,AUC\nCVCL_1,"16,720,766",0.5\n'
    path = write_drevalpy(tmp_path / "study", response=response, fingerprints="pubchem_id,dim_0\n16720766,1\n")
    assert convert_csv(path, tmp_path / "raw").tables.responses["drug"].to_pylist() == ["16720766"]


def write_loader(folder: Path, fingerprints: str, bits: int = 128, ids: tuple[str, str] = IDS) -> Path:
    """A study as drevalpy's loader has it, with a drug in each column of the fingerprints."""
    cell, drug = ids
    (folder / "drug_fingerprints").mkdir(parents=True, exist_ok=True)
    (folder / f"{folder.name}.csv").write_text(f"{cell},{drug},AUC,tissue\nA,11,0.5,Lung\nB,22,0.25,Skin\n")
    (folder / "gene_expression.csv").write_text(f"cellosaurus_id,{cell},TP53,EGFR\nCVCL_1,A,1,2\nCVCL_2,B,3,4\n")
    name = f"{drug.lower()}_to_demorgan_{bits}_map.csv"
    (folder / "drug_fingerprints" / name).write_text(fingerprints)
    return folder


@pytest.mark.parametrize(
    ("fingerprints", "ids"),
    [
        ("11,22\n0,1\n1,1\n0,0\n", IDS),
        ("33,22,11\n0,1,0\n1,1,1\n0,0,0\n", IDS),
        ("11.0,22.0\n0,1\n1,1\n0,0\n", IDS),
        (",11,22\n0,0,1\n1,1,1\n2,0,0\n", ("CELL_LINE_NAME", "DRUG_NAME")),
        ("bit,11,22\nb0,0,1\nb1,1,1\nb2,0,0\n", IDS),
    ],
    ids=["ids alone", "of other drugs too", "ids as floats", "an earlier release, with row numbers", "with labels"],
)
def test_the_layout_of_drevalpys_loader_is_read(tmp_path: Path, fingerprints: str, ids: tuple[str, str]) -> None:
    folder = write_loader(tmp_path / "GDSC2", fingerprints, ids=ids)
    tables = convert_csv(folder, tmp_path / "raw").tables
    assert sorted(zip(tables.drugs.ids, tables.drugs.values.tolist(), strict=True)) == [
        ("11", [0, 1, 0]),
        ("22", [1, 1, 0]),
    ]
    assert (tables.cells.ids, tables.cells.columns) == (("A", "B"), ("TP53", "EGFR"))
    assert tables.responses["source"].to_pylist() == ["GDSC2", "GDSC2"]


def test_the_fingerprint_of_a_drug_without_one_is_no_feature(tmp_path: Path) -> None:
    folder = write_loader(tmp_path / "GDSC2", "11,22\n0,\n1,\n")
    assert dict(convert_csv(folder, tmp_path / "raw").tables.left_out) == {"no features of the drug": 1}


def test_of_several_fingerprints_the_loaders_own_is_read(tmp_path: Path) -> None:
    folder = write_loader(tmp_path / "GDSC2", "11,22\n0,1\n1,1\n")
    write_loader(folder, "11,22\n0,1\n", bits=256)
    assert convert_csv(folder, tmp_path / "raw").facts()["drug_features"] == 2


def test_several_fingerprints_of_other_lengths_are_refused(tmp_path: Path) -> None:
    folder = write_loader(tmp_path / "GDSC2", "11,22\n0,1\n", bits=64)
    write_loader(folder, "11,22\n0,1\n", bits=256)
    with pytest.raises(InputError, match=r"expected one file drug_fingerprints/\*_map\.csv, found drug_fingerpr"):
        convert_csv(folder, tmp_path / "raw")


@pytest.mark.parametrize(
    ("fingerprints", "message"),
    [
        ("77,88\n0,1\n", "and no column of pubchem_id_to_demorgan_128_map.csv is called by such an id"),
        ("11,22,11\n0,1,1\n", "columns 1 and 3 are both 11 and differ"),
        ("11,22\n", "has a header and no rows"),
        ("11,22\n0,x\n", "line 2, column 22: 'x' is no number"),
    ],
)
def test_bad_fingerprints_of_the_loader_are_named(tmp_path: Path, fingerprints: str, message: str) -> None:
    folder = write_loader(tmp_path / "GDSC2", fingerprints)
    with pytest.raises(InputError, match=message):
        convert_csv(folder, tmp_path / "raw")


def test_ids_in_a_first_column_without_a_name_are_found(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study", gex=",TP53\nCVCL_1,1\nCVCL_2,3\n", fingerprints=",dim_0\n11,1\n12,0\n")
    tables = convert_csv(path, tmp_path / "raw").tables
    assert (tables.cells.ids, tables.drugs.ids) == (("CVCL_1", "CVCL_2"), ("11", "12"))


def test_bits_that_are_numbered_are_no_drugs(tmp_path: Path) -> None:
    bits = ",".join(map(str, range(30)))
    path = write_drevalpy(tmp_path / "study", fingerprints=f",{bits}\n11,{bits}\n12,{bits}\n")
    tables = convert_csv(path, tmp_path / "raw").tables
    assert (tables.drugs.ids, tables.drugs.columns) == (("11", "12"), tuple(map(str, range(30))))


def test_drugs_in_columns_above_numbered_rows_are_no_bits(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i % 2},{i % 3}\n" for i in range(30))
    path = write_drevalpy(tmp_path / "study", fingerprints=f",11,12\n{rows}")
    tables = convert_csv(path, tmp_path / "raw").tables
    assert tables.drugs.ids == ("11", "12")
    np.testing.assert_array_equal(tables.drugs.values, [np.arange(30) % 2, np.arange(30) % 3])


@pytest.mark.parametrize(
    ("fingerprints", "message"),
    [
        (f"drug,{','.join(map(str, range(30)))}\n11,{','.join(map(str, range(30)))}\n", "share none of the columns"),
        (",11,5\n12,0,1\n7,1,1\n", "ids of .* in its first column, as 12, and as names of columns, as 11: call"),
    ],
)
def test_ids_that_may_be_elsewhere_are_not_guessed(tmp_path: Path, fingerprints: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_csv(write_drevalpy(tmp_path / "study", fingerprints=fingerprints), tmp_path / "raw")


CELLS, DRUGS = ["C1", "C2", "NA", "nan", "7"], [1, 2, 30, 444]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_study_holds_what_pandas_joins(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("study")
    numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
    draw = data.draw

    def features(key: str, ids: list[Any]) -> pd.DataFrame:
        columns = [f"{key} {i}" for i in range(draw(st.integers(1, 3)))]
        values = [[draw(numbers) for _ in columns] for _ in ids]
        return pd.DataFrame({key: ids} | dict(zip(columns, zip(*values, strict=True), strict=True)))

    gex = features("cell_line_name", draw(st.lists(st.sampled_from(["C1", "C2", "7"]), min_size=1, unique=True)))
    drugs = features("pubchem_id", draw(st.lists(st.sampled_from(DRUGS), min_size=1, unique=True)))
    row = st.tuples(st.sampled_from(CELLS), st.none() | st.sampled_from(DRUGS), st.none() | numbers)
    rows = [*draw(st.lists(row, max_size=8)), (gex["cell_line_name"][0], drugs["pubchem_id"][0], 0.5)]
    responses = pd.DataFrame(rows, columns=["cell_line_name", "pubchem_id", "LN_IC50"])
    for name, frame in (("response", responses), ("gex", gex), ("fingerprints", drugs)):
        frame.to_csv(folder / f"{name}.csv", index=draw(st.booleans()))  # the ids of responses may be floats

    tables = convert_csv(folder, folder / "raw").tables
    expected = responses.dropna().reset_index(drop=True)
    expected = expected[expected["cell_line_name"].isin(gex["cell_line_name"])]
    expected = expected[expected["pubchem_id"].isin(drugs["pubchem_id"])]
    found = zip(*(tables.responses[name].to_pylist() for name in ("cell", "drug", "response")), strict=True)
    assert list(found) == [
        (cell, str(int(drug)), np.float32(value)) for cell, drug, value in expected.itertuples(index=False)
    ]
    for table, frame in ((tables.cells, gex), (tables.drugs, drugs)):
        assert table.ids == tuple(frame.iloc[:, 0].astype(str))
        assert table.columns == tuple(frame.columns[1:])
        np.testing.assert_array_equal(table.values, frame.iloc[:, 1:].to_numpy(np.float32))


# DrugCell


def test_a_study_of_drugcell_keeps_its_splits(tmp_path: Path) -> None:
    convert_csv(write_drugcell(tmp_path / "study"), tmp_path / "raw")
    tables = improve.read(tmp_path / "raw")
    rows = tables.responses.to_pylist()
    assert [tuple(row[key] for key in ("id", "cell", "drug", "response", "split")) for row in rows] == [
        ("train.0", "A_LUNG", "CC=O", 0.5, "train"),
        ("train.1", "B_SKIN", "CC=O", 0.25, "train"),
        ("val.0", "A_LUNG", "C/C=C\\C", 0.75, "validation"),
        ("test.0", "B_SKIN", "C/C=C\\C", 1.0625, "test"),
    ]
    assert tables.cells.columns == ("TP53", "EGFR", "KRAS")
    np.testing.assert_array_equal(tables.drugs.values[tables.drugs.ids.index("C/C=C\\C")], [0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gene2ind": "0\tTP53\n1\tEGFR\n"}, r"cell2mutation\.txt has 3 columns, but gene2ind\.txt 2 genes"),
        ({"cell2ind": "0\tA_LUNG\n"}, r"cell2mutation\.txt has 2 lines, but cell2ind\.txt 1 names"),
        ({"drug2ind": "0\tCC=O\n2\tCCC\n"}, r"drug2ind\.txt: no line has the index 1, expected 0 to 1"),
        ({"cell2mutation": "0,1,0\n1,1\n"}, r"cell2mutation\.txt: line 2 has 2 fields, expected 3"),
        ({"drugcell_val": "A_LUNG\tCC=O\tlow\n"}, r"drugcell_val\.txt: line 1, column auc: 'low' is no number"),
        ({"drugcell_test": "A_LUNG,CC=O,0.5\n"}, r"drugcell_test\.txt: the first line is separated by comma"),
    ],
)  # fmt: skip
def test_files_of_drugcell_that_disagree_are_named(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_csv(write_drugcell(tmp_path / "study", **changes), tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_all_missing_files_of_drugcell_are_named(tmp_path: Path) -> None:
    path = write_drugcell(tmp_path / "study")
    for name in ("cell2mutation.txt", "drugcell_val.txt"):
        (tmp_path / "study" / name).unlink()
    with pytest.raises(InputError, match=r"study lacks drugcell_val\.txt, cell2mutation\.txt: "):
        convert_csv(path, tmp_path / "raw")


def test_drugcell_has_one_response(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no column IC50: a DrugCell study has one response, auc"):
        convert_csv(write_drugcell(tmp_path / "study"), tmp_path / "raw", "IC50")


def test_a_folder_with_two_studies_is_refused(tmp_path: Path) -> None:
    write_drugcell(tmp_path / "study")
    write_drevalpy(tmp_path / "study")
    with pytest.raises(
        InputError, match=r"found drugcell_train\.txt, response\.csv: name the file of responses itself"
    ):
        convert_csv(tmp_path / "study", tmp_path / "raw")


# IMPROVE


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


# The command


def test_the_command_says_what_it_took_and_left_out(tmp_path: Path, sciml: Sciml) -> None:
    source = write_drevalpy(tmp_path / "study")
    run = sciml("convert", "csv", source, "--out", tmp_path / "raw", "--json")
    assert json.loads(run.stdout) == {
        "folder": str(tmp_path / "raw"), "response": "AUC", "measure": AUC.facts(),
        "responses": 2, "cells": 2, "drugs": 1,
        "cell_features": 2, "drug_features": 2, "splits": {}, "left_out": {"no AUC": 1, "no features of the cell": 1},
    }  # fmt: skip
    again = sciml("convert", "csv", source, "--out", tmp_path / "raw")
    assert again.returncode == 2
    assert again.stderr == f"sciml convert: {tmp_path / 'raw'} exists: remove it or choose another name\n"


def test_a_join_that_loses_most_responses_says_so(tmp_path: Path, sciml: Sciml) -> None:
    source = write_drevalpy(tmp_path / "study")
    source.write_text(source.read_text() + "".join(f"CVCL_1,A,{drug},Other,1,0.5\n" for drug in range(50, 60)))
    run = sciml("convert", "csv", source, "--out", tmp_path / "raw")
    assert "10 responses left out: no features of the drug\n" in run.stdout
    assert run.stdout.endswith(
        "most responses have no features: compare their ids with those of the tables of features\n"
    )


def test_a_scene_has_no_response_to_choose(tmp_path: Path, sciml: Sciml) -> None:
    run = sciml("convert", "slstr", tmp_path, "--out", tmp_path / "scene.hdf", "--response", "AUC")
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)


# What would be read wrong without a word


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


def test_a_drug_of_drugcell_without_a_number_has_no_features(tmp_path: Path) -> None:
    study = convert_csv(write_drugcell(tmp_path / "study", drug2fingerprint="1,0\nNA,\n"), tmp_path / "raw")
    assert dict(study.tables.left_out) == {"no features of the drug": 2}


def test_a_comma_at_the_end_of_each_line_is_no_gene(tmp_path: Path) -> None:
    path = write_drugcell(tmp_path / "study", cell2mutation="0,1,0,\n1,1,0,\n")
    (path.parent / "gene2ind.txt").unlink()
    with pytest.raises(InputError, match=r"cell2mutation\.txt: column 4 has no number in any line"):
        convert_csv(path, tmp_path / "raw")


BARE = "cell_line_id,pubchem_id,AUC\n101,11,0.5\n102,12,0.25\n"


@pytest.mark.parametrize("first", ["cell", ""])
def test_ids_in_rows_and_in_columns_are_not_read_transposed(tmp_path: Path, first: str) -> None:
    gex = f"{first},100,101,102\n101,1,2,3\n102,4,5,6\n"
    path = write_drevalpy(tmp_path / "study", response=BARE, gex=gex)
    with pytest.raises(InputError, match="in its first column, as 101, and as names of columns, as 101: call"):
        convert_csv(path, tmp_path / "raw")


def test_ids_in_a_first_column_of_another_name_are_found(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study", response=BARE, gex="cell,7157,1956\n102,1,2\n101,4,5\n")
    cells = convert_csv(path, tmp_path / "raw").tables.cells
    assert (cells.ids, cells.columns, cells.values.tolist()) == (("102", "101"), ("7157", "1956"), [[1, 2], [4, 5]])


@pytest.mark.parametrize("response", ["pubchem_id", "improve_chem_id", "Source", "study"])
def test_a_column_of_ids_is_no_response(tmp_path: Path, response: str) -> None:
    header = "cellosaurus_id,pubchem_id,AUC,improve_chem_id,Source,study"
    path = write_drevalpy(tmp_path / "study", response=f"{header}\nCVCL_1,11,0.5,1,1,1\n")
    with pytest.raises(InputError, match=rf"response\.csv: the column {response} has ids or names, no response"):
        convert_csv(path, tmp_path / "raw", response)


def test_sources_are_stripped_and_none_is_blank(tmp_path: Path) -> None:
    response = "cellosaurus_id,pubchem_id,AUC,Study\nCVCL_1,11,0.5, CCLE\nCVCL_2,11,0.5,{}\n"
    path = write_drevalpy(tmp_path / "study", response=response.format("CCLE "))
    assert convert_csv(path, tmp_path / "raw").tables.responses["source"].to_pylist() == ["CCLE", "CCLE"]
    path.write_text(response.format(" "))
    with pytest.raises(InputError, match=r"response\.csv: line 3: the response has no source"):
        convert_csv(path, tmp_path / "again")


def test_what_macos_and_office_leave_beside_a_table_is_none(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study")
    for name in ("._gex.csv", "~$gex.csv", "._response.csv", ".fingerprints.csv"):
        (path.parent / name).write_bytes(b"\0")
    assert convert_csv(path.parent, tmp_path / "raw").facts()["responses"] == 2


def test_a_name_with_a_tab_is_no_source(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study")
    with pytest.raises(InputError, match=r"re\\tsponse\.csv': its name has a tab"):
        convert_csv(path.rename(path.with_name("re\tsponse.csv")), tmp_path / "raw")


def test_a_name_that_shows_like_the_expected_one_is_quoted(tmp_path: Path) -> None:
    path = write_drevalpy(tmp_path / "study", gex="cellosaurus_id ,TP53\nX,1\n")
    with pytest.raises(InputError, match=r"the first line of gex\.csv has 'cellosaurus_id ', TP53, that of response"):
        convert_csv(path, tmp_path / "raw")


def test_a_fit_that_no_float32_can_hold_is_compared(tmp_path: Path) -> None:
    write_combo(tmp_path)
    path = tmp_path / combo.RESPONSES
    path.write_text(path.read_text().replace("0.1\t0.9", "1e-50\t0.9").replace("3.1\t0.9", "1e300\t0.9"))
    assert combo.read(tmp_path).responses.num_rows == 3


def test_rows_that_no_response_uses_may_hold_anything_and_row_numbers_are_no_gene(tmp_path: Path) -> None:
    expression = "\tSample\tTP53\tEGFR\n0\tCCLE.A\t1\t2\n1\tCTRP.A\t\tNA\n2\tNCI60.B\t4\t6\n3\tX\tinf\t1e300\n"
    tables = combo.read(write_combo(tmp_path, combined_rnaseq_data_lincs1000=expression))
    assert tables.cells.columns == ("TP53", "EGFR")
    assert set(tables.cells.ids) == {"CCLE.A", "NCI60.B"}
    assert tables.left_out["no features of the cell"] == 1


# The real studies


@pytest.fixture
def real() -> Path:
    """Real studies, from a folder of public data beside the checkout."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "candle_uno"
    if not (folder / "response_example.csv").is_file():
        pytest.skip("the real studies are not beside the checkout, in ../shared/data/candle_uno")
    return folder


def rows_of(path: Path, separator: str) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file, delimiter=separator))


def test_the_real_study_of_drevalpy(real: Path, tmp_path: Path) -> None:
    study = convert_csv(real / "response_example.csv", tmp_path / "raw")
    tables = improve.read(tmp_path / "raw")
    header, *rows = rows_of(real / "response_example.csv", ",")
    cell, drug, auc = (header.index(name) for name in ("cellosaurus_id", "pubchem_id", "AUC"))
    assert len(rows) == 2329
    assert study.facts()["left_out"] == {"no AUC": 20}
    expected = [(row[cell], row[drug], np.float32(row[auc])) for row in rows if row[auc]]
    found = zip(*(tables.responses[name].to_pylist() for name in ("cell", "drug", "response")), strict=True)
    assert list(found) == expected
    assert (tables.cells.values.shape, tables.drugs.values.shape) == ((88, 38), (35, 32))
    _, *gex = rows_of(real / "gex_example.csv", ",")
    assert tables.cells.ids == tuple(row[0] for row in gex)
    np.testing.assert_array_equal(tables.cells.values, np.array([row[2:] for row in gex]).astype(np.float32))


def test_what_the_real_drugcell_study_lacks_is_named(real: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"candle_uno lacks cell2mutation\.txt: a DrugCell study needs them"):
        convert_csv(real / "drugcell_train.txt", tmp_path / "raw")


def test_the_real_drugcell_study_with_made_up_mutations_keeps_its_splits(real: Path, tmp_path: Path) -> None:
    source = tmp_path / "study"
    source.mkdir()
    names = [*(f"drugcell_{split}.txt" for split in ("train", "val", "test")), "cell2ind.txt", "drug2ind.txt"]
    for name in (*names, "drug2fingerprint.txt"):
        (source / name).symlink_to(real / name)
    (source / "cell2mutation.txt").write_text("".join(f"{i % 2},{i % 3 // 2}\n" for i in range(1225)))
    study = convert_csv(source, tmp_path / "raw")
    assert study.facts()["splits"] == {"train": 10_000, "validation": 1_000, "test": 1_000}
    tables = improve.read(tmp_path / "raw")
    for theirs, ours in improve_splits.SPLITS.items():
        mine = [row for row in tables.responses.to_pylist() if row["split"] == ours]
        expected = [(cell, drug, np.float32(auc)) for cell, drug, auc in rows_of(real / f"drugcell_{theirs}.txt", "\t")]
        assert [(row["cell"], row["drug"], row["response"]) for row in mine] == expected
    assert (tables.cells.values.shape, tables.drugs.values.shape) == ((1225, 2), (684, 2048))
    bits = np.loadtxt(real / "drug2fingerprint.txt", delimiter=",", dtype=np.float32)
    np.testing.assert_array_equal(tables.drugs.values, bits)


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
    told, expected = (json.loads((folder / "metadata.json").read_text()) for folder in (after, before))
    assert (told.pop("form"), expected.pop("form")) == ("C", "A")
    assert set(told.pop("left_out")) < set(expected.pop("left_out"))
    assert told == expected


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
