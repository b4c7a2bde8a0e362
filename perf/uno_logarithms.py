"""A study of logarithms of the EC50 in the layout of drevalpy, made of simulated tables of CANDLE-UNO.

    sciml simulate candle_uno_demo --out raw --samples 4000
    python perf/uno_logarithms.py raw/candle_uno_demo --out study
    sciml convert csv study --response LN_IC50_curvecurator --out raw/candle_uno
    sciml prepare candle_uno --raw-dir raw --data-dir data
    sciml train candle_uno --data-dir data --out run --epochs 10 --batch-size 64 --set learning_rate=0.001

`sciml train` prints the scores beside those of the mean of each drug.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.candle_uno.forms import combo

MEASURES = ("LN_IC50_curvecurator", "AUC_curvecurator")


def main() -> None:
    """Write the three tables of the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    tables = combo.read(args.raw)
    with (args.raw / combo.RESPONSES).open(encoding="utf-8") as file:
        curves = list(csv.DictReader(file, delimiter="\t"))
    args.out.mkdir(parents=True)
    lines = []
    for row in tables.responses.to_pylist():
        curve = curves[int(row["id"].rpartition(".")[2])]
        of_micromolar = math.log(10) * (6 - float(curve["EC50"]))  # the tables hold -log10 of mol/l
        lines.append((row["cell"], row["drug"], row["source"], f"{of_micromolar:.5g}", curve["AUC"]))
    write(args.out / "response.csv", ("cell_line_name", "drug_id", "source", *MEASURES), lines)
    for name, key, table in (("gex", "cell_line_name", tables.cells), ("descriptors", "drug_id", tables.drugs)):
        numbers = (["" if math.isnan(x) else f"{x:.5g}" for x in values] for values in table.values.tolist())
        rows = [(ident, *values) for ident, values in zip(table.ids, numbers, strict=True)]
        write(args.out / f"{name}.csv", (key, *table.columns), rows)


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table with values separated by commas."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


if __name__ == "__main__":
    main()
