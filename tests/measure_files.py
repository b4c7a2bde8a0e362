"""Small studies whose responses are in some measure, and their preparation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sciml_datasets import prepare
from sciml_datasets.candle_uno.convert.studies import convert_csv


def write_study(folder: Path, columns: str, *values: str) -> Path:
    """A study as drevalpy takes it, of two cell lines and two drugs, with a line of values for each pair."""
    folder.mkdir(exist_ok=True)
    pairs = [f"CVCL_{cell},{drug}" for cell in (1, 2) for drug in (11, 12)]
    lines = [f"{pair},{value}\n" for pair, value in zip(pairs, values, strict=False)]
    (folder / "response.csv").write_text(f"cellosaurus_id,pubchem_id,{columns}\n" + "".join(lines))
    (folder / "gex.csv").write_text("cellosaurus_id,TP53,EGFR\nCVCL_1,1,2\nCVCL_2,3,4\n")
    (folder / "fingerprints.csv").write_text("pubchem_id,dim_0\n11,1\n12,0\n")
    return folder / "response.csv"


def prepared(tmp_path: Path, columns: str, *values: str) -> Path:
    """A prepared study; each response is in a list of its own."""
    convert_csv(write_study(tmp_path / "study", columns, *values), tmp_path / "raw/candle_uno")
    lists = tmp_path / "raw/candle_uno/splits"
    for name, rows in (("train", "0\n1\n"), ("val", "2\n"), ("test", "3\n")):
        (lists / f"response_split_0_{name}.txt").write_text(rows)
    return prepare("candle_uno", tmp_path / "raw", tmp_path / "data")


def additive_study(folder: Path, unit: float = 1, cells: Sequence[int] = range(24)) -> Path:
    """A prepared study of an additive effect of cell and drug around -4, of a spread of 3, in some unit."""
    rng = np.random.default_rng(0)
    expressions, drugs = rng.normal(size=(24, 3)), rng.normal(size=(16, 3))
    study = folder / "study"
    study.mkdir(parents=True)
    lines = [
        f"c{i},d{j},{unit * round(float(-4 + 3 * (expressions[i] @ (1, -1, 0.5) + drugs[j] @ (0.5, 1, -1)) / 2), 4)}\n"
        for i in cells
        for j in range(16)
    ]
    (study / "response.csv").write_text("cell_line_name,drug_id,LN_IC50\n" + "".join(lines))
    for name, ident, values in (("gex", "cell_line_name,a,b,c", expressions), ("descriptors", "drug_id,a,b,c", drugs)):
        rows = [f"{ident[0]}{i}," + ",".join(f"{x:.4f}" for x in row) + "\n" for i, row in enumerate(values)]
        (study / f"{name}.csv").write_text(f"{ident}\n" + "".join(rows))
    convert_csv(study / "response.csv", folder / "raw/candle_uno")
    prepare("candle_uno", folder / "raw", folder / "data")
    return folder / "data"
