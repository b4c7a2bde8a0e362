"""Studies in DrugCell's layout brought into raw form C."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from study_files import write_drevalpy, write_drugcell

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv
from sciml_datasets.candle_uno.forms import improve


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


def test_a_drug_of_drugcell_without_a_number_has_no_features(tmp_path: Path) -> None:
    study = convert_csv(write_drugcell(tmp_path / "study", drug2fingerprint="1,0\nNA,\n"), tmp_path / "raw")
    assert dict(study.tables.left_out) == {"no features of the drug": 2}


def test_a_comma_at_the_end_of_each_line_is_no_gene(tmp_path: Path) -> None:
    path = write_drugcell(tmp_path / "study", cell2mutation="0,1,0,\n1,1,0,\n")
    (path.parent / "gene2ind.txt").unlink()
    with pytest.raises(InputError, match=r"cell2mutation\.txt: column 4 has no number in any line"):
        convert_csv(path, tmp_path / "raw")
