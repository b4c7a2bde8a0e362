"""Places of ids and features in the tables of a drevalpy study: in rows, in columns, under other names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from study_files import write_drevalpy

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv

IDS = ("cell_line_name", "pubchem_id")


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
