"""IMPROVE folders, read and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uno_files import write_improve, write_splits

from sciml_datasets import InputError
from sciml_datasets.candle_uno.forms import improve
from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables

EXPRESSION = "cancer_gene_expression"
HEADER = "source\timprove_sample_id\timprove_chem_id\tauc\n"
NUMBER = st.floats(width=32, allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8).filter(
    lambda text: text not in improve.CELL_FILES[improve.EXPRESSION]
)


# Reading


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    tables = improve.read(write_improve(tmp_path))
    assert tables.responses.to_pylist()[1] == {
        "id": "CCLE.1", "source": "CCLE", "cell": "ACH-2", "drug": "Drug_1", "response": 0.75, "split": "",
    }  # fmt: skip
    assert tables.cells.columns == ("TP53", "EGFR", "KRAS")
    np.testing.assert_array_equal(tables.cells.values, [[1, 2, 3], [4, np.nan, 6.5]])
    assert (tables.drugs.ids, tables.drugs.columns) == (("Drug_1", "Drug_2"), ("ABC", "nAcid"))
    assert not tables.cells.scaled
    assert dict(tables.left_out) == {}


@pytest.mark.parametrize(
    "header",
    [
        "Entrez\t11\t12\t13\nGene_Symbol\tTP53\tEGFR\tKRAS\nEnsembl\tE1\tE2\tE3\n",
        "\tE1\tE2\tE3\n\t11\t12\t13\n\tTP53\tEGFR\tKRAS\nimprove_sample_id\t\t\t\n",
        "improve_sample_id\tTP53\tEGFR\tKRAS\n",
        "\tTP53\tEGFR\tKRAS\n",
    ],
    ids=["labelled", "with the name of the ids", "one line", "one line without a name"],
)
def test_gene_symbols_are_found_in_every_header(tmp_path: Path, header: str) -> None:
    folder = write_improve(tmp_path, cancer_gene_expression=f"{header}ACH-1\t1\t2\t3\nACH-2\t4\t5\t6\n")
    cells = improve.read(folder).cells
    assert (cells.ids, cells.columns) == (("ACH-1", "ACH-2"), ("TP53", "EGFR", "KRAS"))


def test_genes_without_a_symbol_of_their_own_have_another_name(tmp_path: Path) -> None:
    header = "\tENSG1\tENSG2\tENSG3\n\t11\t12\t13\n\tTP53\tTP53\t\n"
    folder = write_improve(tmp_path, cancer_gene_expression=f"{header}ACH-1\t1\t2\t3\nACH-2\t4\t5\t6\n")
    assert improve.read(folder).cells.columns == ("ENSG1", "ENSG2", "ENSG3")


def test_what_pandas_writes_is_read(tmp_path: Path) -> None:
    genes = pd.MultiIndex.from_arrays([["E1", "E2", "E3"], [11, 12, 13], ["TP53", "EGFR", "KRAS"]])
    frame = pd.DataFrame([[1.0, 2, 3], [4, 5, 6]], ["ACH-1", "ACH-2"], genes)
    write_improve(tmp_path)
    frame.to_csv(tmp_path / "x_data" / improve.EXPRESSION, sep="\t")
    cells = improve.read(tmp_path).cells
    assert cells.columns == ("TP53", "EGFR", "KRAS")
    np.testing.assert_array_equal(cells.values, frame.to_numpy())


def test_split_0_gives_the_official_splits_and_other_rows_are_counted(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[1], val=[0], test=[])
    (tmp_path / "splits" / "CCLE_split_0_train_size_64.txt").write_text("0\n1\n")
    tables = improve.read(tmp_path)
    assert dict(zip(*(tables.responses[name].to_pylist() for name in ("id", "split")), strict=True)) == {
        "CCLE.0": "validation",
        "CCLE.1": "train",
    }
    assert dict(tables.left_out) == {"in no official split": 2}


def test_responses_that_cannot_be_joined_are_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        "A\tACH-1\tDrug_1\t0.5",
        "A\tACH-9\tDrug_1\t0.5",
        "A\tACH-1\tDrug_9\t0.5",
        "A\tACH-9\tDrug_9\t",
        "A\tACH-2\tDrug_2\tNA",
    ]
    tables = improve.read(write_improve(tmp_path, response=HEADER + "\n".join(rows) + "\n"))
    assert tables.responses["id"].to_pylist() == ["A.0"]
    assert dict(tables.left_out) == {"no auc": 2, "no features of the cell": 1, "no features of the drug": 1}


def test_responses_that_contradict_each_other_are_kept_and_counted(tmp_path: Path) -> None:
    rows = ["A\tACH-1\tDrug_1\t0.5"] * 2 + ["B\tACH-1\tDrug_1\t0.25", "B\tACH-1\tDrug_1\t0.5"]
    tables = improve.read(write_improve(tmp_path, response=HEADER + "\n".join(rows) + "\n"))
    assert tables.responses.num_rows == 4
    assert [*tables.left_out.values()] == [2]


def test_another_measure_can_be_the_response(tmp_path: Path) -> None:
    tables = improve.read(write_improve(tmp_path), "ic50")
    assert tables.responses["response"].to_pylist() == [1.25, 2, 3]
    assert dict(tables.left_out) == {"no ic50": 1}


def test_rows_that_repeat_a_cell_are_one(tmp_path: Path) -> None:
    text = "improve_sample_id\tTP53\tKRAS\nACH-1\t1\t2\nACH-2\tNA\t3\nACH-2\tNA\t3\n"
    assert improve.read(write_improve(tmp_path, cancer_gene_expression=text)).cells.ids == ("ACH-1", "ACH-2")


def test_the_files_of_the_form_are_those_that_are_read(tmp_path: Path) -> None:
    assert improve.files(tmp_path) == []
    write_splits(write_improve(tmp_path), "CCLE", train=[0], val=[], test=[])
    (tmp_path / "x_data" / "drug_ecfp4_nbits512.tsv").write_text("not read, since there are descriptors")
    assert [path.relative_to(tmp_path).as_posix() for path in improve.files(tmp_path)] == [
        "splits/CCLE_split_0_test.txt",
        "splits/CCLE_split_0_train.txt",
        "splits/CCLE_split_0_val.txt",
        "x_data/cancer_gene_expression.tsv",
        "x_data/drug_mordred.tsv",
        "y_data/response.tsv",
    ]


# Bad input


@pytest.mark.parametrize(
    ("stem", "text", "message"),
    [
        ("response", HEADER.replace("\t", ","), "the first line is separated by comma, expected tab"),
        ("response", "source\timprove_sample_id\tauc\n", "there is no column improve_chem_id, only source, improve_"),
        ("response", HEADER.replace("auc", "growth"), r"growth is a known response \(auc, auc1"),
        ("response", f"{HEADER}A\tACH-1\tDrug_1\thigh\n", "line 2, column auc: 'high' is no number"),
        ("response", f"{HEADER}A\tACH-1\tDrug_1\t1\nA\tACH-1\n", "line 3 has 2 fields, expected 4"),
        ("response", f"{HEADER}A\tX\tDrug_1\t1\n", r"none of the 1 responses can be used \(1 no features of the cell"),
        ("response", "", "is empty"),
        (EXPRESSION, "improve_sample_id\tTP53\tEGFR\nACH-1\t1\tx\n", "line 2, column EGFR: 'x' is no number"),
        (EXPRESSION, "improve_sample_id\tTP53\nACH-1\t1\nACH-1\t2\n", "lines 2 and 3 are both ACH-1 and differ"),
        (EXPRESSION, "improve_sample_id\tTP53\tTP53\nACH-1\t1\t2\n", "two columns are called 'TP53'"),
        (EXPRESSION, "\tTP53\tEGFR\n\t11\t12\nACH-1\t1\t2\n", r"the header has lines \['', ''\], expected one line"),
        (EXPRESSION, "improve_sample_id\tTP53\nACH-1\tinf\n", "line 2, column TP53: infinite"),
        ("drug_mordred", "improve_chem_id\tABC\n\t1\n", "line 2 has no id"),
        ("drug_mordred", "name\tABC\nDrug_1\t1\n", "there is no column improve_chem_id"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, stem: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"{stem}\.tsv\b.*{message}"):
        improve.read(write_improve(tmp_path, **{stem: text}))


def test_missing_features_are_named(tmp_path: Path) -> None:
    (write_improve(tmp_path) / "x_data" / "drug_mordred.tsv").unlink()
    with pytest.raises(InputError, match=r"x_data has none of the files drug_mordred\.tsv, "):
        improve.read(tmp_path)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([0, 1], r"train\.txt: line 2: row 1 is in CCLE_split_0_test\.txt already"),
        ([0, 4], r"train\.txt: line 2: '4' is no row of y_data/response\.tsv, which has 4 rows, counted from 0"),
        ([-1], r"train\.txt: line 1: '-1' is no row"),
    ],
)
def test_lists_that_contradict_are_refused(tmp_path: Path, train: list[int], message: str) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=train, val=[2], test=[1])
    with pytest.raises(InputError, match=message):
        improve.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0\n1 \xe9\n", "line 2 has bytes that are no UTF-8"),
        (b"0\0", "line 1 has a NUL character"),
        (b"9" * 5000, "line 1: '9999"),
        ("\u0661\n".encode(), "line 1: '\u0661' is no row"),
        (b"0\n\n9\n", "line 3: '9' is no row"),
    ],
)
def test_lists_that_are_no_rows_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[0], val=[2], test=[1])
    (tmp_path / "splits" / "CCLE_split_0_train.txt").write_bytes(content)
    with pytest.raises(InputError, match=rf"CCLE_split_0_train\.txt: {message}"):
        improve.read(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_mark_of_an_encoding_is_part_of_no_row_and_no_id(tmp_path: Path, encoding: str) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[0], val=[2], test=[1])
    (tmp_path / "splits" / "CCLE_split_0_train.txt").write_text("0\r\n", encoding, newline="")
    (tmp_path / improve.IDS).write_text("a\nb\nc\nd\n\n", encoding)
    assert improve.read(tmp_path).responses["id"].to_pylist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n\nc\nd\n", "line 2: '' is no id"),
        (b"a\nb\tb\nc\nd\n", r"line 2: 'b\\tb' is no id"),
        (b"a\nb\xe9\nc\nd\n", "line 2 has bytes that are no UTF-8"),
    ],
)
def test_what_is_no_id_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (write_improve(tmp_path) / improve.IDS).write_bytes(content)
    with pytest.raises(InputError, match=rf"ids\.txt: {message}"):
        improve.read(tmp_path)


@pytest.mark.parametrize("stem", ["response", EXPRESSION])
@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u200b", "\ufeff"])
def test_ids_that_differ_only_in_blanks_are_refused(tmp_path: Path, stem: str, blank: str) -> None:
    write_improve(tmp_path)
    path = next(tmp_path.rglob(f"{stem}.tsv"))
    path.write_text(path.read_text().replace("ACH-1\t", f"ACH-1{blank}\t"))
    with pytest.raises(InputError, match=r"the id 'ACH-1.*' of responses is 'ACH-1.*' where the features are: write"):
        improve.read(tmp_path)


def test_other_features_are_not_read_instead_of_those_that_cannot_be(tmp_path: Path) -> None:
    path = write_improve(tmp_path) / "x_data" / improve.EXPRESSION
    path.rename(path.with_name(improve.MUTATION))
    path.symlink_to("gone")
    with pytest.raises(InputError, match=f"{improve.EXPRESSION} is a symbolic link to gone, which does not exist"):
        improve.read(tmp_path)


@pytest.mark.parametrize("name", [improve.IDS, improve.SCALED])
def test_an_optional_file_that_cannot_be_read_is_not_taken_for_absent(tmp_path: Path, name: str) -> None:
    (write_improve(tmp_path) / name).symlink_to("gone")
    with pytest.raises(InputError, match=f"{name} is a symbolic link to gone, which does not exist"):
        improve.read(tmp_path)


def test_a_drug_called_na_is_a_drug(tmp_path: Path) -> None:
    write_improve(tmp_path)
    for name in (improve.RESPONSE, "x_data/drug_mordred.tsv"):
        (tmp_path / name).write_text((tmp_path / name).read_text().replace("Drug_1", "NA"))
    assert set(improve.read(tmp_path).responses["drug"].to_pylist()) == {"NA", "Drug_2"}


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[0], test=[1])
    with pytest.raises(InputError, match=r"CCLE_split_0_val\.txt: the list is missing"):
        improve.read(tmp_path)


@pytest.mark.parametrize("name", ["CCLE_split_0_train.TXT", "CCLE_split_00_train.txt", "train.txt"])
def test_a_list_whose_name_is_not_known_is_refused(tmp_path: Path, name: str) -> None:
    write_splits(write_improve(tmp_path), "gCSI", train=[2], val=[], test=[3])
    (tmp_path / "splits" / name).write_text("0\n")
    with pytest.raises(InputError, match=rf"splits/{name}: its name is that of no list"):
        improve.read(tmp_path)


def test_lists_without_any_row_are_refused(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[], val=[], test=[])
    with pytest.raises(InputError, match="splits: its lists of split 0 have no row"):
        improve.read(tmp_path)


def test_files_beside_the_lists_are_none(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path), "CCLE", train=[0], val=[1], test=[2])
    for name in ("._CCLE_split_0_train.txt", ".DS_Store", "CCLE_all.txt", "README.md"):
        (tmp_path / "splits" / name).write_bytes(b"\0")
    assert improve.read(tmp_path).responses.num_rows == 3


def test_scaled_files_are_known_by_their_names(tmp_path: Path) -> None:
    (write_improve(tmp_path) / improve.SCALED).write_text(f"{improve.EXPRESSION} \n\n")
    assert improve.read(tmp_path).cells.scaled
    (tmp_path / improve.SCALED).write_text("expression.tsv\n")
    with pytest.raises(InputError, match=r"scaled\.txt: line 1: 'expression\.tsv' is no file of features"):
        improve.read(tmp_path)


def test_a_response_without_a_source_is_named(tmp_path: Path) -> None:
    folder = write_improve(tmp_path, response=HEADER + "A\tACH-1\tDrug_1\t1\n \tACH-1\tDrug_1\t1\n")
    with pytest.raises(InputError, match=r"response\.tsv: line 3: the response has no source"):
        improve.read(folder)


# Writing


def same(one: Tables, other: Tables) -> None:
    assert one.responses.to_pylist() == other.responses.to_pylist()
    for a, b in ((one.cells, other.cells), (one.drugs, other.drugs)):
        assert (a.ids, a.columns) == (b.ids, b.columns)
        np.testing.assert_array_equal(a.values, b.values)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_splits(write_improve(tmp_path / "source"), "CCLE", train=[1], val=[0], test=[])
    write_splits(tmp_path / "source", "gCSI", train=[2], val=[], test=[3])
    tables = improve.read(tmp_path / "source")
    improve.write(tables, tmp_path / "copy")
    same(improve.read(tmp_path / "copy"), tables)


@given(st.data())
def test_any_tables_survive_the_road(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    def features() -> FeatureTable:
        ids, columns = (data.draw(st.lists(TEXT, min_size=1, max_size=3, unique=True)) for _ in range(2))
        values = data.draw(st.lists(NUMBER | st.just(np.nan), min_size=len(ids) * len(columns), max_size=9))
        values = np.resize(np.array(values, np.float32), (len(ids), len(columns)))
        values[:, 0] = np.nan_to_num(values[:, 0])  # a row without any number has no features
        return FeatureTable(tuple(ids), tuple(columns), values)

    cells, drugs = features(), features()
    rows = data.draw(
        st.lists(st.tuples(st.sampled_from(cells.ids), st.sampled_from(drugs.ids), NUMBER), min_size=1, max_size=5)
    )
    split = st.sampled_from(["train", "validation", "test"])
    official = data.draw(st.booleans())
    responses = pa.table(
        {
            "id": [f"id {i}" for i in range(len(rows))],
            "source": [data.draw(st.sampled_from(["CCLE", "gCSI"])) for _ in rows],
            "cell": [cell for cell, _, _ in rows],
            "drug": [drug for _, drug, _ in rows],
            "response": pa.array([value for _, _, value in rows], pa.float32()),
            "split": [data.draw(split) if official else "" for _ in rows],
        }
    )
    folder = tmp_path_factory.mktemp("improve") / "raw"
    tables = Tables(responses, cells, drugs, measure=improve.OF_IMPROVE["ec50"])  # which may be any number
    improve.write(tables, folder)
    same(improve.read(folder), tables)


def test_the_way_improve_reads_its_own_files_works_on_ours(tmp_path: Path) -> None:
    improve.write(improve.read(write_improve(tmp_path / "source")), tmp_path / "copy")
    expression = pd.read_csv(tmp_path / "copy/x_data" / improve.EXPRESSION, sep="\t", index_col=0, header=[0, 1, 2])
    assert expression.columns.get_level_values(2).tolist() == ["TP53", "EGFR", "KRAS"]
    assert expression.loc["ACH-2"].tolist()[0] == 4
    responses = pd.read_csv(tmp_path / "copy" / improve.RESPONSE, sep="\t")
    responses[responses.columns[4:]].astype(float)  # all but the first four columns must be numbers


def test_an_existing_folder_is_kept(tmp_path: Path) -> None:
    tables = improve.read(write_improve(tmp_path))
    with pytest.raises(InputError, match="exists: remove it or choose another name"):
        improve.write(tables, tmp_path)


def test_a_response_id_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    write_improve(tmp_path)
    (tmp_path / improve.IDS).write_text("a\nb\na\nc\n")
    with pytest.raises(InputError, match=r"response\.tsv: the id 'a' occurs twice: ids of responses must be unique"):
        improve.read(tmp_path)
