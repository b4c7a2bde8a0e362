"""Raw form C: a folder in the layout of the IMPROVE project's benchmark data (``csa_data/raw_data``), read and written.

- ``y_data/response.tsv``: ``source``, ``improve_sample_id``, ``improve_chem_id``, ``study`` and measures (``auc``).
- ``y_data/measures.tsv``, ours and optional: unit and range of measures, see `measures`.
- ``x_data/cancer_*.tsv``: one line for each cell line, below header lines with the genes in several systems of names;
  the first field of a header line is empty or names the system. Gene symbols are taken; a gene without a symbol, or
  that shares it, keeps the name that another system gives it.
- ``x_data/drug_*.tsv``: one line for each drug, ``improve_chem_id`` and numbers.
- ``splits/<STUDY>_split_<k>_{train,val,test}.txt``: numbers of rows of response.tsv, from 0. Split 0 of every study
  gives the official splits; rows in none of its lists are left out. Splits 1 to 9 give further partitions.
- ``y_data/ids.txt``, ours and optional: the id of each response, in the order of the rows. Without it the id is the
  source and the number of the row.
- ``scaled.txt``, ours and optional: the names of the files in ``x_data`` whose values are scaled already, one a line.

Source: JDACS4C-IMPROVE/IMPROVE, ``improvelib`` (omics_utils, drug_utils, drp_utils) and the README files of its models.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.candle_uno.forms import improve_splits
from sciml_datasets.candle_uno.forms.joining import feature_table, join, named_sources
from sciml_datasets.candle_uno.forms.tables import LEFT_OUT, FeatureTable, Tables
from sciml_datasets.candle_uno.measures import DECLARED, OF_IMPROVE, UNLIKE, Measure, choose, declaration
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import check_vacant, making
from sciml_datasets.files.text import first_rows, is_there, listed, quoted, read_lines
from sciml_datasets.files.text_tables import TextTable
from sciml_datasets.files.text_writing import write_table

if TYPE_CHECKING:
    import pyarrow as pa

RESPONSE, IDS, SCALED = improve_splits.RESPONSE, "y_data/ids.txt", "scaled.txt"
MEASURES = f"y_data/{DECLARED}"
WRITTEN = re.compile(r"[xy]_data|splits|scaled\.txt|left-out\.tsv|cl_\w+|drug_info|NCI60_CELLNAME_to_Combo\.txt")
"""Names of all that `write` writes into a folder, not into folders in it."""
SOURCE, CELL, DRUG, STUDY = "source", "improve_sample_id", "improve_chem_id", "study"
SYMBOL = "Gene_Symbol"
EXPRESSION, MUTATION = "cancer_gene_expression.tsv", "cancer_mutation_count.tsv"
CELL_FILES = {EXPRESSION: ("Ensembl", "Entrez", SYMBOL), MUTATION: ("Entrez", SYMBOL, "Ensembl")}
"""Files of cell features, of which the first that is there is read, to the systems of names in their header lines."""
DESCRIPTORS, FINGERPRINTS = "drug_descriptors.tsv", "drug_fingerprints.tsv"
DRUG_FILES = ("drug_mordred.tsv", "drug_mordred_descriptor.tsv", DESCRIPTORS, FINGERPRINTS, "drug_ecfp4_nbits512.tsv")
"""Files of drug features, of which the first that is there is read."""


def files(folder: Path) -> list[Path]:
    """The files that `read` reads, sorted; none when the folder is not of this form."""
    if not (folder / RESPONSE).is_file():
        return []
    found = [folder / RESPONSE, folder / IDS, folder / MEASURES, folder / SCALED, *improve_splits.files(folder)]
    found += [path for names in (CELL_FILES, DRUG_FILES) if (path := _first(folder, names))]
    return sorted(path for path in found if path.is_file())


def read(folder: Path, measure: str | None = None) -> Tables:
    """Read a folder.

    Args:
        folder: with ``x_data`` and ``y_data``.
        measure: column of response.tsv to take as the response; default as `measures.choose` finds it.

    Raises:
        InputError: a file or column is missing or cannot be read, ids repeat with different features, a response has no
            source; or as `improve_splits.splits`.
    """
    path = folder / RESPONSE
    table = TextTable.open(path, "\t")
    column, chosen = response_of(table, measure)
    text = {table.place(name): key for name, key in ((SOURCE, "source"), (CELL, "cell"), (DRUG, "drug"))}
    responses = table.read(text=text, numbers={table.place(column): "response"})
    sources = named_sources(table, responses["source"])
    responses = responses.set_column(responses.column_names.index("source"), "source", sources)
    responses = responses.add_column(0, "id", [_ids(folder, sources.to_pylist())])
    for name, parts in improve_splits.columns(folder, len(responses)).items():
        responses = responses.append_column(name, [parts])
    return join(path, responses, _cells(folder), _drugs(folder), chosen)


def write(
    tables: Tables,
    folder: Path,
    *,
    cell_file: str = EXPRESSION,
    drug_file: str = DESCRIPTORS,
    beside: Iterable[Path] = (),
) -> None:
    """Write tables as a folder of this form, which appears when it is complete.

    Of the names of genes only the line of symbols is filled. ``left-out.tsv`` lists the responses that are not in it,
    and why.

    Args:
        tables: the tables to write.
        folder: folder to make.
        cell_file: one of CELL_FILES.
        drug_file: one of DRUG_FILES.
        beside: files to copy into it: tables of aliases.

    Raises:
        InputError: the folder exists.
        OSError: it cannot be written.
    """
    check_vacant(folder)
    if folder.exists():
        raise InputError(f"{folder} exists: remove it or choose another name")
    with making(folder, WRITTEN) as work:
        for name in ("x_data", "y_data"):
            (work / name).mkdir(parents=True)
        responses = tables.responses
        (work / IDS).write_text("".join(f"{key}\n" for key in responses["id"].to_pylist()), "utf-8")
        columns = [responses[name] for name in ("source", "cell", "drug", "source", "response")]
        _write(work / RESPONSE, [[SOURCE, CELL, DRUG, STUDY, tables.measure.name]], columns)
        (work / MEASURES).write_text(declaration(tables.measure), "utf-8")
        systems = CELL_FILES[cell_file]
        blank = [""] * len(tables.cells.columns)
        lines = [[system, *(tables.cells.columns if system == SYMBOL else blank)] for system in systems]
        _write(work / "x_data" / cell_file, lines, _columns(tables.cells))
        _write(work / "x_data" / drug_file, [[DRUG, *tables.drugs.columns]], _columns(tables.drugs))
        improve_splits.write(work, responses)
        scaled = [name for name, table in ((cell_file, tables.cells), (drug_file, tables.drugs)) if table.scaled]
        if scaled:
            (work / SCALED).write_text("".join(f"{name}\n" for name in scaled), "utf-8")
        (work / LEFT_OUT).write_text(tables.listed(), "utf-8")
        for path in beside:
            atomic.copy_bytes(path, work / path.name)


def response_of(table: TextTable, wanted: str | None = None) -> tuple[str, Measure]:
    """The column of response.tsv that is the response, and what it measures, see `measures.choose`.

    Raises:
        InputError: as `measures.choose`; also, the folder is one that `write` wrote before it stated measures, known by
            its ids, and the name of the column means one thing in IMPROVE and another in drevalpy.
    """
    column, measure = choose(table, wanted, OF_IMPROVE, (SOURCE, CELL, DRUG, STUDY))
    folder = table.path.parent
    if column.lower() in UNLIKE and is_there(folder.parent / IDS) and not is_there(folder / DECLARED):
        raise InputError(
            f"{table.path}: the folder was converted by an earlier version, which did not state the unit of {column}: "
            "convert the study again"
        )
    return column, measure


def _first(folder: Path, names: Iterable[str]) -> Path | None:
    return next((path for name in names if is_there(path := folder / "x_data" / name)), None)


def _needed(folder: Path, names: Iterable[str]) -> Path:
    path = _first(folder, names)
    if path is None:
        there = listed(sorted(path.name for path in (folder / "x_data").glob("*"))) or "nothing"
        raise InputError(f"{folder / 'x_data'} has none of the files {', '.join(names)}, only {there}: put one there")
    return path


def _cells(folder: Path) -> FeatureTable:
    path = _needed(folder, CELL_FILES)
    systems = CELL_FILES[path.name]
    # pandas may write a line more, with the name of the ids.
    head = [fields for _, fields in first_rows(path, "\t", len(systems) + 2)]
    labels = ("", CELL, *systems)
    count = 1
    if head[0][0] != CELL:
        count = next((i for i, line in enumerate(head) if line[0] not in labels), len(head))
    genes: Sequence[str] = _gene_names(path, head[:count], systems)
    ids, genes, values = TextTable.open(path, "\t", header=count, names=[CELL, *genes]).matrix(id_place=0)
    return _noted(folder, path, feature_table(path, ids, genes, values, first_line=count + 1))


def _gene_names(path: Path, lines: Sequence[Sequence[str]], systems: Sequence[str]) -> list[str]:
    """The symbol where one gene alone has it, else the first name in another system."""
    lines = [line for line in lines if any(line[1:])]
    if len(lines) == 1:
        return list(lines[0][1:])
    labels = [line[0] for line in lines]
    if not any(labels) and len(lines) == len(systems):
        labels = list(systems)
    if SYMBOL not in labels or len({len(line) for line in lines}) != 1:
        raise InputError(
            f"{path}: the header has lines {labels}, expected one line of gene symbols or lines {', '.join(systems)}, "
            "all of one length: correct the header"
        )
    symbols = lines[labels.index(SYMBOL)][1:]
    others = zip(*(line[1:] for line, label in zip(lines, labels, strict=True) if label != SYMBOL), strict=True)
    often = Counter(symbols)
    return [
        symbol if symbol and often[symbol] == 1 else next(filter(None, other), symbol)
        for symbol, other in zip(symbols, others, strict=True)
    ]


def _drugs(folder: Path) -> FeatureTable:
    path = _needed(folder, DRUG_FILES)
    table = TextTable.open(path, "\t")
    ids, columns, values = table.matrix(id_place=table.place(DRUG))
    return _noted(folder, path, feature_table(path, ids, columns, values, first_line=2))


def _noted(folder: Path, path: Path, table: FeatureTable) -> FeatureTable:
    """The table of a file, scaled if it is noted so."""
    note = folder / SCALED
    names = [line.strip() for line in read_lines(note)] if is_there(note) else []
    for line, name in enumerate(names, 1):
        if name and name not in (*CELL_FILES, *DRUG_FILES):
            raise InputError(
                f"{note}: line {line}: {quoted(name)} is no file of features, expected one of "
                f"{', '.join((*CELL_FILES, *DRUG_FILES))}: correct or remove the line"
            )
    return replace(table, scaled=path.name in names)


def _ids(folder: Path, sources: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    path = folder / IDS
    if not is_there(path):
        return pa.array([f"{source}.{row}" for row, source in enumerate(sources)], pa.string())
    ids = read_lines(path)
    for line, key in enumerate(ids, 1):
        if not key or "\t" in key:
            raise InputError(
                f"{path}: line {line}: {quoted(key)} is no id, expected text without tabs: correct the line"
            )
    if len(ids) != len(sources):
        raise InputError(f"{path} has {len(ids)} ids for {len(sources)} responses in {RESPONSE}: make or remove it")
    return pa.array(ids, pa.string())


def _columns(features: FeatureTable) -> list[pa.Array]:
    import pyarrow as pa

    # From NumPy, NaN would be written as nan, which is no empty field.
    numbers = (pa.array(column, from_pandas=True) for column in features.values.T)
    return [pa.array(features.ids, pa.string()), *numbers]


def _write(path: Path, header: Sequence[Sequence[str]], columns: Sequence[pa.Array]) -> None:
    import pyarrow as pa

    write_table(path, header, pa.table(list(columns), names=[str(i) for i in range(len(columns))]))
