"""Studies in drevalpy's tables brought into raw form C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_files import write_drevalpy

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv
from sciml_datasets.candle_uno.forms import improve


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
