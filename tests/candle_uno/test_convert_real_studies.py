"""Real studies of drevalpy and DrugCell brought into raw form C."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sciml_datasets import InputError
from sciml_datasets.candle_uno.convert.studies import convert_csv
from sciml_datasets.candle_uno.forms import improve, improve_splits


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
