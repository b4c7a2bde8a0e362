"""A drug response study as drevalpy takes it: three comma-separated tables with one header line each.

- responses: ids of a cell line and a drug, and measures (``AUC``, ``LN_IC50``, with or without ``_curvecurator``);
- ``*gex*.csv`` or ``*expression*.csv``: an id of the cell line and genes;
- ``*fingerprint*.csv`` or ``*descriptor*.csv``: an id of the drug and numbers.

A cell line or drug is known by the first of CELL_IDS or DRUG_IDS that both its tables have. The source of a response
is its column ``source`` or ``study``, else the name of the file.

Source: daisybio/drevalpy, ``drevalpy/datasets``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sciml_datasets.candle_uno.delimited import first_lines, place_of, read_columns, read_matrix
from sciml_datasets.candle_uno.improve import measure_of
from sciml_datasets.candle_uno.joining import feature_table, join
from sciml_datasets.candle_uno.tables import FeatureTable, Tables
from sciml_datasets.errors import InputError

CELL_IDS = ("cellosaurus_id", "cell_line_name")
DRUG_IDS = ("pubchem_id", "drug_name")
SOURCES = ("source", "study")
EXPRESSION = ("*gex*.csv", "*expression*.csv")
FINGERPRINTS = ("*fingerprint*.csv", "*descriptor*.csv")


def read(path: Path, measure: str | None = None) -> tuple[Tables, str]:
    """Read a study.

    Args:
        path: the table of responses; the others lie beside it.
        measure: its column to take as the response; default the first known one, see `improve.measure_of`.

    Returns:
        The tables, and the column that was taken.

    Raises:
        InputError: a table is missing, there are several, or one cannot be read.
    """
    import pyarrow as pa

    header = first_lines(path, ",")[0]
    measure = measure_of(path, header, measure)
    cells, cell_place = _features(path, header, EXPRESSION, CELL_IDS)
    drugs, drug_place = _features(path, header, FINGERPRINTS, DRUG_IDS)
    text = {cell_place: "cell", drug_place: "drug"}
    source_place = next((header.index(name) for name in SOURCES if name in header), None)
    if source_place is not None:
        text[source_place] = "source"
    numbers = {place_of(path, header, measure): "auc"}
    found = read_columns(path, ",", header, text=text, numbers=numbers, skip=1)
    rows = range(found.num_rows)
    responses = pa.table(
        {
            "id": [f"{path.stem}.{row}" for row in rows],
            "source": found["source"] if source_place is not None else [path.stem for _ in rows],
            **{name: found[name] for name in ("cell", "drug", "auc")},
            "split": ["" for _ in rows],
        }
    )
    return join(path, responses, cells, drugs, measure), measure


def _features(
    responses: Path, header: Sequence[str], patterns: Sequence[str], ids: Sequence[str]
) -> tuple[FeatureTable, int]:
    """The one table beside the responses whose name fits, and the place of its id among the responses' columns."""
    found = sorted({path for pattern in patterns for path in responses.parent.glob(pattern)} - {responses})
    if len(found) != 1:
        shown = ", ".join(path.name for path in found) or "none"
        raise InputError(
            f"{responses.parent}: expected one file {' or '.join(patterns)}, found {shown}: keep one there"
        )
    (path,) = found
    columns = first_lines(path, ",")[0]
    shared = [name for name in ids if name in header and name in columns]
    if not shared:
        raise InputError(
            f"{path} and {responses} share none of the columns {', '.join(ids)}, by which their rows are joined: name "
            "one so in both"
        )
    place = columns.index(shared[0])
    drop = [columns.index(name) for name in ids if name in columns and name != shared[0]]
    keys, values = read_matrix(path, ",", columns, id_place=place, skip=1, drop=drop)
    names = [name for i, name in enumerate(columns) if i != place and i not in drop]
    return feature_table(path, keys, names, values, first_line=2), header.index(shared[0])
