"""Responses and feature tables put together: what is left out and why, and ids that contradict themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables
from sciml_datasets.candle_uno.measures import Measure
from sciml_datasets.errors import InputError
from sciml_datasets.files.text import quoted
from sciml_datasets.files.text_numbers import MISSING
from sciml_datasets.files.text_tables import TextTable

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = re.compile(r"((?:[A-Za-z]\w*\.)*\d+)\.0+", re.ASCII)
"""A whole number, after the name of a source or without, that pandas has written as a float."""
INVISIBLE = "\ufeff\u200b\u2060"
"""Characters that have no width: marks of encodings, and what word processors and web pages leave around a word."""
NO_NAME = {word.lower() for word in MISSING}
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)


def plain(key: str) -> str:
    """An id without blanks and invisible characters around it; a number without the point of a float and commas."""
    key = key.strip().strip(INVISIBLE).strip()
    if found := WHOLE.fullmatch(key):
        return found[1]
    return key.replace(",", "") if THOUSANDS.fullmatch(key) else key


def check_names(path: Path, asked: Collection[str], given: Collection[str]) -> None:
    """Refuse ids by which responses would lose their features unnoticed: those that differ in their spelling only.

    Args:
        path: the file to name.
        asked: ids of responses.
        given: ids that have features.

    Raises:
        InputError: an id of responses has no features, but would have them if it were spelled as `plain` does.
    """
    known = set(given)
    unknown = {plain(key): key for key in asked if key and key not in known}
    for key in known if unknown else ():
        other = unknown.get(plain(key))
        if other is not None:
            raise InputError(
                f"{path}: the id {quoted(other)} of responses is {quoted(key)} where the features are: write it "
                "the same in both"
            )


def check_unknown(path: Path, features: FeatureTable, asked: Collection[str]) -> FeatureTable:
    """Features, where none is of an id of responses that may stand for all that have none.

    Args:
        path: the file of the features.
        features: the features of the table.
        asked: ids of responses.

    Raises:
        InputError: there are features of such an id.
    """
    for key in features.ids:
        if key.lower() in NO_NAME and key in asked:
            raise InputError(
                f"{path} has features of {quoted(key)}, which may be a name or stand for every id that is not known, "
                "and responses have it too: rename it in both tables, or remove it here"
            )
    return features


def named_sources(table: TextTable, sources: pa.Array | pa.ChunkedArray, before: int = 0) -> pa.Array:
    """The sources of responses, without blanks around them.

    Args:
        table: table of the responses, for messages.
        sources: sources of some of its rows.
        before: number of rows before these.

    Raises:
        InputError: one is blank.
    """
    import pyarrow as pa

    encoded = (sources.combine_chunks() if isinstance(sources, pa.ChunkedArray) else sources).dictionary_encode()
    names = [source.strip().strip(INVISIBLE).strip() for source in encoded.dictionary.to_pylist()]
    if "" in names:
        row = encoded.indices.index(names.index("")).as_py()
        raise InputError(
            f"{table.path}: line {table.line_of(before + row)}: the response has no source: name the study it is of"
        )
    return pa.array(names, pa.string()).take(encoded.indices)


def feature_table(
    path: Path,
    ids: Sequence[str],
    columns: Sequence[str],
    values: NDArray[np.float32],
    first_line: int = 1,
    lines: Sequence[int] | None = None,
    unit: str = "line",
) -> FeatureTable:
    """A feature table of the rows of a file, without rows that have no number and those that repeat an earlier one.

    Args:
        path: the file.
        ids: (rows,) of its rows.
        columns: (features,) names.
        values: (rows, features).
        first_line: number of the line with the first row, where each line is a row.
        lines: (rows,) the line of each row, where they are some of the file's.
        unit: name of a row in the file: a line or a column.

    Raises:
        InputError: two rows have one id and different features, a row has no id, or two columns have one name.
    """
    names: set[str] = set()
    for name in columns:
        if name in names:
            raise InputError(f"{path}: two columns are called {quoted(name)}: rename or remove one of them")
        names.add(name)
    lines = lines if lines is not None else range(first_line, first_line + len(ids))
    first: dict[str, int] = {}
    for row in np.flatnonzero(~np.isnan(values).all(axis=1)).tolist():
        key = ids[row]
        if not key:
            raise InputError(f"{path}: {unit} {lines[row]} has no id: name it or remove it")
        earlier = first.setdefault(key, row)
        if earlier != row and not np.array_equal(values[earlier], values[row], equal_nan=True):
            raise InputError(
                f"{path}: {unit}s {lines[earlier]} and {lines[row]} are both {key} and differ: remove one of them"
            )
    rows = list(first.values())
    return FeatureTable(tuple(first), tuple(columns), values if len(rows) == len(ids) else values[rows])


def join(
    path: Path,
    responses: pa.Table,
    cells: FeatureTable,
    drugs: FeatureTable,
    measure: Measure,
    *,
    declarable: bool = True,
    omics: Mapping[str, FeatureTable] | None = None,
) -> Tables:
    """Leave out the responses that cannot be used, each counted for the first reason that holds.

    Args:
        path: path of the responses, for messages.
        responses: ``id``, ``source``, ``cell``, ``drug``, ``response`` (float32, null where missing), ``split``; where
            any row has a split, rows without one are left out.
        cells: features of cells.
        drugs: features of drugs.
        measure: measure of the responses.
        declarable: see `Measure.check`.
        omics: further features of cells by name.

    Raises:
        InputError: an id occurs twice, no response is left, or one is out of the range of its measure; also as
            `check_names`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    omics = omics or {}
    for name, table in (("cell", cells), ("drug", drugs), *(("cell", table) for table in omics.values())):
        check_names(path, responses[name].unique().to_pylist(), table.ids)
    ids = responses["id"]
    if pc.count_distinct(ids).as_py() != len(ids):
        counts = ids.value_counts().to_pylist()
        twice = next(entry["values"] for entry in counts if entry["counts"] > 1)
        raise InputError(f"{path}: the id {quoted(twice)} occurs twice: ids of responses must be unique")
    reasons = {
        f"an infinite {measure.name}": pc.is_inf(pc.fill_null(responses["response"], float("nan"))),
        f"no {measure.name}": pc.is_nan(pc.fill_null(responses["response"], float("nan"))),
        "no features of the cell": pc.invert(pc.is_in(responses["cell"], pa.array(cells.ids, pa.string()))),
        "no features of the drug": pc.invert(pc.is_in(responses["drug"], pa.array(drugs.ids, pa.string()))),
    }
    for name, table in omics.items():
        reasons[f"no {name} of the cell"] = pc.invert(pc.is_in(responses["cell"], pa.array(table.ids, pa.string())))
    unassigned = pc.equal(responses["split"], "")
    if not pc.all(unassigned).as_py():
        reasons["in no official split"] = unassigned
    usable = np.ones(responses.num_rows, bool)
    reason_of = np.full(responses.num_rows, -1)
    left_out = {}
    for number, (reason, mask) in enumerate(reasons.items()):
        found = usable & mask.to_numpy()
        usable &= ~found
        reason_of[found] = number
        if found.any():
            left_out[reason] = int(found.sum())
    if not usable.any():
        listed = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(
            f"{path}: none of the {responses.num_rows} responses can be used ({listed or 'there is none'}): ids of "
            "responses and of features must agree"
        )
    kept = responses.filter(pa.array(usable))
    measure.check(path, kept["id"], kept["response"], declarable=declarable)
    contradictions = _contradictions(kept)
    if contradictions:
        left_out["kept, though another response of the same source, cell and drug differs"] = contradictions
    omitted = responses.select(["id", "source", "cell", "drug"]).filter(pa.array(~usable))
    names = list(reasons)
    omitted = omitted.append_column("reason", [pa.array([names[i] for i in reason_of[~usable]], pa.string())])
    return Tables(kept, cells, drugs, left_out, measure, omitted, omics)


def _contradictions(responses: pa.Table) -> int:
    """Responses that another one with the same source, cell and drug contradicts."""
    groups = responses.group_by(["source", "cell", "drug"]).aggregate(
        [("response", "min"), ("response", "max"), ("response", "count")]
    )
    differing = groups["response_min"].to_numpy() != groups["response_max"].to_numpy()
    return int(groups["response_count"].to_numpy()[differing].sum())
