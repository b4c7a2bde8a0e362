"""Raw form A: the five tables of the reference's AUC run, tab-separated, each with one header line.

- ``combined_single_response_agg``: SOURCE, CELL, DRUG, AUC and the quality of the fitted dose-response curve, R2fit and
  EC50se; a curve counts if R2fit >= 0.3 and EC50se <= 3;
- ``combined_rnaseq_data_lincs1000``, with ``_source_scale`` (the reference's choice: scaled within each source) or
  ``_combat`` or without: Sample and the 942 landmark genes;
- ``drug_info``: ID of a source and PUBCHEM, beside names;
- ``Combined_PubChem_dragon7_descriptors.tsv``: NAME (``PubChem.CID.<PUBCHEM>``) and descriptors; each ID of drug_info
  with that number has them;
- ``NCI60_dragon7_descriptors.tsv``: NAME (the ID itself) and the same descriptors.

Features are read as streams and kept of the cells and drugs that have a response: the files hold many times as many.
Ids of responses are ``CCLE.0``: the source and the row of the file.

Source: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (load_aggregated_single_response, load_cell_rnaseq,
load_drug_descriptors) and README.AUC.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sciml_datasets.candle_uno.forms.joining import check_names, feature_table, join, named_sources, plain
from sciml_datasets.candle_uno.forms.tables import FeatureTable, Tables
from sciml_datasets.candle_uno.measures import AUC
from sciml_datasets.errors import InputError
from sciml_datasets.files.text import is_there, shown
from sciml_datasets.files.text_tables import TextTable
from sciml_datasets.scaling import Moments, moments

if TYPE_CHECKING:
    import pyarrow as pa

RESPONSES, DRUG_INFO = "combined_single_response_agg", "drug_info"
EXPRESSION = "combined_rnaseq_data_lincs1000"
EXPRESSIONS = {f"{EXPRESSION}_source_scale": True, f"{EXPRESSION}_combat": True, EXPRESSION: False}
"""Files of gene expression, of which the first that is there is read, to whether they are scaled."""
CANCER_TYPE = "Cancer_type_id"
"""A column of the files of gene expression that is no gene."""
PUBCHEM_DESCRIPTORS = "Combined_PubChem_dragon7_descriptors.tsv"
NCI60_DESCRIPTORS = "NCI60_dragon7_descriptors.tsv"
PUBCHEM_PREFIX = "PubChem.CID."
MIN_R2_FIT, MAX_EC50_SE = 0.3, 3.0
"""Limits for fitted curves: coefficient of determination, and standard error of the logarithm of the EC50."""
BAD_FIT = f"R2fit < {MIN_R2_FIT:g} or EC50se > {MAX_EC50_SE:g}, or not known"
CONFLICTING_CID = "kept, though drug_info gives its drug several PubChem numbers"


def files(folder: Path) -> list[Path]:
    """The files that `read` reads, sorted; none when the folder is not of this form."""
    if not (folder / RESPONSES).is_file():
        return []
    return sorted([folder / RESPONSES, *feature_files(folder)[0]])


def feature_files(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of features that are there, and the names of those that are needed and missing."""
    expression = _expression(folder)
    names = [DRUG_INFO, PUBCHEM_DESCRIPTORS, NCI60_DESCRIPTORS]
    missing = [name for name in names if _absent(folder, name)] + ([] if expression else [" or ".join(EXPRESSIONS)])
    there = [name for name in (*names, expression) if name and not _absent(folder, name)]
    return [folder / name for name in there], missing


def read(folder: Path) -> Tables:
    """Read a folder.

    Raises:
        InputError: files are missing (all are named), a file or column cannot be read, ids repeat with different
            features, the files of descriptors have different columns, or a response has no source.
    """
    _, missing = feature_files(folder)
    if missing:
        raise InputError(f"{folder} lacks {', '.join(missing)}: form A needs its five tables, put them there")
    responses, left_out = _responses(folder / RESPONSES)
    cell_table = cells(folder, set(responses["cell"].unique().to_pylist()))
    drug_table, ambiguous = drugs(folder, set(responses["drug"].unique().to_pylist()))
    joined = join(folder / RESPONSES, responses, cell_table, drug_table, AUC, declarable=False)
    found = sum(drug in ambiguous for drug in joined.responses["drug"].to_pylist()) if ambiguous else 0
    left_out |= joined.left_out
    return replace(joined, left_out=left_out | ({CONFLICTING_CID: found} if found else {}))


def _absent(folder: Path, name: str) -> bool:
    return not (folder / name).is_file()


def _expression(folder: Path) -> str | None:
    return next((name for name in EXPRESSIONS if is_there(folder / name)), None)


def _responses(path: Path) -> tuple[pa.Table, dict[str, int]]:
    """The responses whose curve counts, and how many do not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    file = TextTable.open(path, "\t")
    text = {file.place(name): key for name, key in (("SOURCE", "source"), ("CELL", "cell"), ("DRUG", "drug"))}
    numbers = {file.place(name): key for name, key in ((AUC.name, "response"), ("R2fit", "r2"), ("EC50se", "se"))}
    # Only compared: a value that no float32 can hold is a bad fit or a good one.
    fit = [place for place, key in numbers.items() if key != "response"]
    table = file.read(text=text, numbers=numbers, exact=fit)
    table = table.set_column(0, "source", named_sources(file, table["source"]))
    rows = pc.cast(pa.array(np.arange(table.num_rows)), pa.string())
    table = table.add_column(0, "id", pc.binary_join_element_wise(table["source"].combine_chunks(), rows, "."))
    # As float32, 0.3 itself may lie below 0.3.
    well_fitted = pc.fill_null(
        pc.and_(
            pc.greater_equal(pc.cast(table["r2"], pa.float32(), safe=False), pa.scalar(MIN_R2_FIT, pa.float32())),
            pc.less_equal(pc.cast(table["se"], pa.float32(), safe=False), pa.scalar(MAX_EC50_SE, pa.float32())),
        ),
        False,
    )
    kept = table.filter(well_fitted).select(["id", "source", "cell", "drug", "response"])
    bad = table.num_rows - kept.num_rows
    return kept.append_column("split", pa.array([""] * kept.num_rows, pa.string())), {BAD_FIT: bad} if bad else {}


def cells(folder: Path, wanted: Collection[str]) -> FeatureTable:
    """The gene expression of the cell lines that are wanted and have it.

    Raises:
        InputError: the file is missing or cannot be read, or rows of one id differ.
    """
    path = folder / (_expression(folder) or EXPRESSION)
    table = TextTable.open(path, "\t")
    drop = [table.place(CANCER_TYPE)] if CANCER_TYPE in table.names else []
    return _streamed(table, "Sample", {name: (name,) for name in wanted}, drop, scaled=EXPRESSIONS[path.name])


def drugs(folder: Path, wanted: Collection[str]) -> tuple[FeatureTable, set[str]]:
    """The descriptors of the drugs that are wanted and have them, and the drugs that drug_info gives several PubChem
    numbers, of which the first counts.

    Raises:
        InputError: a file is missing or cannot be read, rows of one id differ, or the two have different columns.
    """
    numbers = _pubchem_numbers(folder / DRUG_INFO)
    all_of: dict[str, list[str]] = defaultdict(list)
    for drug, (first, *_) in numbers.items():
        all_of[PUBCHEM_PREFIX + first].append(drug)
    ids_of = {name: [drug for drug in drugs if drug in wanted] for name, drugs in all_of.items()}
    path = folder / PUBCHEM_DESCRIPTORS
    times = {name: len(drugs) for name, drugs in all_of.items()}
    known = _streamed(TextTable.open(path, "\t"), "NAME", ids_of, times=times)
    others = _nci60(folder / NCI60_DESCRIPTORS, known, path, {name: (name,) for name in wanted})
    known_ids = set(known.ids)
    new = [row for row, drug in enumerate(others.ids) if drug not in known_ids]
    joined = FeatureTable(
        (*known.ids, *(others.ids[row] for row in new)),
        known.columns,
        np.concatenate([known.values, others.values[new]]),
        everything=lambda: known.of_everything() + others.of_everything(),
    )
    return joined, {drug for drug in wanted if len(numbers.get(drug, ())) > 1}


def _nci60(path: Path, first: FeatureTable, other: Path, ids_of: Mapping[str, Sequence[str]]) -> FeatureTable:
    """The descriptors of the second file, in the order of the first one's columns."""
    found = _streamed(TextTable.open(path, "\t"), "NAME", ids_of)
    for here, columns, there in ((path, found.columns, first.columns), (other, first.columns, found.columns)):
        lacking = sorted(set(there) - set(columns))
        if lacking:
            raise InputError(
                f"{here} has no column {shown(lacking[0])}, which {(other if here == path else path).name} has "
                f"({len(lacking)} such): both files must have the same descriptors"
            )
    place = {name: i for i, name in enumerate(found.columns)}
    order = [place[name] for name in first.columns]

    def everything() -> Moments:
        seen = found.of_everything()
        return Moments(seen.rows, seen.count[order], seen.mean[order], seen.squares[order])

    return FeatureTable(found.ids, first.columns, found.values[:, order], everything=everything)


def _pubchem_numbers(path: Path) -> dict[str, list[str]]:
    """ID of a source to its PubChem numbers, each once."""
    file = TextTable.open(path, "\t")
    table = file.read(text={file.place(name): name for name in ("ID", "PUBCHEM")}, numbers={})
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for drug, number in zip(table["ID"].to_pylist(), map(plain, table["PUBCHEM"].to_pylist()), strict=True):
        if number.isdecimal():
            found[drug][number] = None
    return {drug: list(numbers) for drug, numbers in found.items()}


def _streamed(
    table: TextTable,
    key: str,
    ids_of: Mapping[str, Sequence[str]],
    drop: Sequence[int] = (),
    *,
    scaled: bool = False,
    times: Mapping[str, int] | None = None,
) -> FeatureTable:
    """The rows of a file that are wanted, under the ids that its names stand for.

    Args:
        table: the file.
        key: its column of names.
        ids_of: name to the wanted ids.
        drop: places of columns that are not wanted.
        scaled: see `FeatureTable`.
        times: number of times that a row counts in the moments, by its name; None for once.
    """
    place = table.place(key)
    drop = [*drop, *(column for column in table.row_numbers() if column != place)]
    columns = [name for i, name in enumerate(table.names) if i != place and i not in drop]
    ids: list[str] = []
    given: list[str] = []
    lines: list[int] = []
    parts = [np.empty((0, len(columns)), np.float32)]
    line = 2
    used = [name for name, wanted in ids_of.items() if wanted]
    for names, values in table.matrix_batches(id_place=place, drop=drop, used=used):
        kept = [row for row, name in enumerate(names) if ids_of.get(name)]
        rows = [(i, row, key) for i, row in enumerate(kept) for key in ids_of[names[row]]]
        ids += [key for _, _, key in rows]
        lines += [line + row for _, row, _ in rows]
        parts.append(values[[i for i, _, _ in rows]])
        line += len(names)
        given += names
    check_names(table.path, used, given)
    found = feature_table(table.path, ids, columns, np.concatenate(parts), lines=lines)

    def everything() -> Moments:
        seen = moments(np.empty((0, len(columns)), np.float32))
        counted = None if times is None else [name for name, often in times.items() if often]
        for names, values in table.matrix_batches(id_place=place, drop=drop, used=counted):
            often = [1 if times is None else times[name] for name in names if times is None or times.get(name)]
            seen += moments(np.repeat(values, often, axis=0))
        return seen

    return FeatureTable(found.ids, found.columns, found.values, scaled, everything)
