"""Raw form C: a folder in the layout of the IMPROVE project's benchmark data (``csa_data/raw_data``), read and written.

- ``y_data/response.tsv``: ``source``, ``improve_sample_id``, ``improve_chem_id``, ``study`` and measures (``auc``).
- ``y_data/measures.tsv``, ours and optional: unit and range of measures, see `measures`.
- ``x_data/cancer_*.tsv``: one line for each cell line, below header lines with the genes in several systems of names;
  the first field of a header line is empty or names the system. Gene symbols are taken; a gene without a symbol, or
  that shares it, keeps the name that another system gives it.
- Further ``x_data/cancer_*``, those of `cell_tables.OMICS`, are read where they are chosen.
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
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.candle_uno.forms import improve_splits
from sciml_datasets.candle_uno.forms.cell_tables import CELL, OMICS, SYMBOL, cell_table, omics_table
from sciml_datasets.candle_uno.forms.joining import feature_table, join, named_sources
from sciml_datasets.candle_uno.forms.tables import LEFT_OUT, FeatureTable, Tables
from sciml_datasets.candle_uno.measures import DECLARED, OF_IMPROVE, UNLIKE, Measure, choose, declaration
from sciml_datasets.errors import InputError
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import check_vacant, making
from sciml_datasets.files.text import is_there, listed, quoted, read_lines
from sciml_datasets.files.text_tables import TextTable
from sciml_datasets.files.text_writing import write_table

if TYPE_CHECKING:
    import pyarrow as pa

RESPONSE, IDS, SCALED = improve_splits.RESPONSE, "y_data/ids.txt", "scaled.txt"
MEASURES = f"y_data/{DECLARED}"
WRITTEN = re.compile(r"[xy]_data|splits|scaled\.txt|left-out\.tsv|cl_\w+|drug_info|NCI60_CELLNAME_to_Combo\.txt")
"""Names of all that `write` writes into a folder, not into folders in it."""
SOURCE, DRUG, STUDY = "source", "improve_chem_id", "study"
EXPRESSION, MUTATION = "cancer_gene_expression.tsv", "cancer_mutation_count.tsv"
CELL_FILES = {EXPRESSION: ("Ensembl", "Entrez", SYMBOL), MUTATION: OMICS["mutation_count"].systems}
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


def omics_files(folder: Path, names: Iterable[str] | None = None) -> list[Path]:
    """The tables of omics of these names; without names those that are there and files.

    Raises:
        InputError: one is not there.
    """
    paths = {name: folder / "x_data" / table.file for name, table in OMICS.items()}
    if names is None:
        return [path for path in paths.values() if path.is_file()]
    for name in names:
        if not is_there(paths[name]):
            there = ", ".join(other for other, path in paths.items() if is_there(path))
            raise InputError(
                f"{paths[name]} is not there, the table {name} of --omics: put it there, or choose among those that "
                f"are ({there or 'none'})"
            )
    return [paths[name] for name in names]


def read(folder: Path, measure: str | None = None, omics: Sequence[str] = ()) -> Tables:
    """Read a folder.

    Args:
        folder: with ``x_data`` and ``y_data``.
        measure: column of response.tsv to take as the response; default as `measures.choose` finds it.
        omics: names of further tables of cells, of `cell_tables.OMICS`; a response whose cell one lacks is left out.

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
    wanted = {*responses["cell"].unique().to_pylist()} if omics else set()
    paths = zip(omics, omics_files(folder, omics), strict=True)
    further = {name: _noted(folder, path, omics_table(path, name, wanted)) for name, path in paths}
    return join(path, responses, _cells(folder), _drugs(folder), chosen, omics=further)


def write(
    tables: Tables,
    folder: Path,
    *,
    cell_file: str = EXPRESSION,
    drug_file: str = DESCRIPTORS,
    beside: Iterable[Path] = (),
    omics: Sequence[Path] = (),
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
        omics: tables of omics to copy into its ``x_data`` as they are.

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
        for path in omics:
            atomic.copy_bytes(path, work / "x_data" / path.name)
            scaled += [path.name] if path.name in scaled_files(path.parents[1]) else []
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
    return _noted(folder, path, cell_table(path, CELL_FILES[path.name]))


def _drugs(folder: Path) -> FeatureTable:
    path = _needed(folder, DRUG_FILES)
    table = TextTable.open(path, "\t")
    ids, columns, values = table.matrix(id_place=table.place(DRUG))
    return _noted(folder, path, feature_table(path, ids, columns, values, first_line=2))


def _noted(folder: Path, path: Path, table: FeatureTable) -> FeatureTable:
    """The table of a file, scaled if it is noted so."""
    return replace(table, scaled=path.name in scaled_files(folder))


def scaled_files(folder: Path) -> list[str]:
    """The names of the files of features that are noted as scaled.

    Raises:
        InputError: a line of the note names no file of features.
    """
    note = folder / SCALED
    names = [line.strip() for line in read_lines(note)] if is_there(note) else []
    known = dict.fromkeys((*CELL_FILES, *DRUG_FILES, *(table.file for table in OMICS.values())))
    for line, name in enumerate(names, 1):
        if name and name not in known:
            raise InputError(
                f"{note}: line {line}: {quoted(name)} is no file of features, expected one of "
                f"{', '.join(known)}: correct or remove the line"
            )
    return names


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
