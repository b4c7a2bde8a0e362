"""Tables of features of cell lines in the ``x_data`` of an IMPROVE folder: gene expression and the other omics.

Text tables have a line for each cell line, below header lines with the names of the features in several systems.
``cancer_mutation.parquet`` lies the other way: a row for each mutation, a column for each cell line, after columns that
describe the mutation. ``cancer_mutation_long_format.tsv`` is no table of cell lines: `mutation_count` sums it up.

Source: JDACS4C-IMPROVE/IMPROVE, ``improvelib`` (omics_utils), and the description of the cross-study data in its
documentation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sciml_datasets.candle_uno.forms.joining import check_names, feature_table
from sciml_datasets.candle_uno.forms.tables import FeatureTable
from sciml_datasets.errors import InputError
from sciml_datasets.files.parquet import ParquetTable
from sciml_datasets.files.text import first_rows, quoted, shown
from sciml_datasets.files.text_tables import TextTable
from sciml_datasets.nearest import one_of

CELL, SYMBOL = "improve_sample_id", "Gene_Symbol"
CHANGE = "Genome_Change"
"""Column of the names of mutations."""


@dataclass(frozen=True)
class Omics:
    """A table beside gene expression.

    Attributes:
        file: its name.
        systems: systems of names in its header lines, in this order; none of the table of mutations.
    """

    file: str
    systems: tuple[str, ...]


_GENES = ("Entrez", SYMBOL, "Ensembl")
OMICS = {
    "copy_number": Omics("cancer_copy_number.tsv", _GENES),
    "discretized_copy_number": Omics("cancer_discretized_copy_number.tsv", _GENES),
    "dna_methylation": Omics("cancer_DNA_methylation.tsv", ("TSS", "Entrez", "Ensembl", SYMBOL)),
    "mirna_expression": Omics("cancer_miRNA_expression.tsv", ("miRNA_ID",)),
    "mutation": Omics("cancer_mutation.parquet", ()),
    "mutation_count": Omics("cancer_mutation_count.tsv", _GENES),
    "rppa": Omics("cancer_RPPA.tsv", ("Antibody",)),
}
"""Feature name to its table."""


def omics_of(text: str | None) -> tuple[str, ...]:
    """The names of tables in a text, separated by commas; none in None.

    Raises:
        InputError: a name is none of OMICS, or stands there twice.

    Example:
        >>> omics_of("copy_number,rppa")
        ('copy_number', 'rppa')
    """
    names = tuple(text.split(",")) if text else ()
    for name in names:
        if name not in OMICS:
            raise InputError(f"--omics: there is no table {quoted(name)}: {one_of(name, OMICS)}")
        if names.count(name) > 1:
            raise InputError(f"--omics names {name} twice: name it once")
    return names


def cell_table(path: Path, systems: Sequence[str]) -> FeatureTable:
    """A text table of features of cell lines.

    Args:
        path: the file.
        systems: systems of names in its header lines, in this order.

    Raises:
        InputError: the header has other lines, or as `TextTable.matrix` and `feature_table`.
    """
    # pandas may write a line more, with the name of the ids.
    head = [fields for _, fields in first_rows(path, "\t", len(systems) + 2)]
    labels = ("", CELL, *systems)
    count = 1
    if head[0][0] != CELL:
        count = next((i for i, line in enumerate(head) if line[0] not in labels), len(head))
    features = _names(path, head[:count], systems)
    ids, columns, values = TextTable.open(path, "\t", header=count, names=[CELL, *features]).matrix(id_place=0)
    return feature_table(path, ids, columns, values, first_line=count + 1)


def omics_table(path: Path, name: str, wanted: Collection[str]) -> FeatureTable:
    """A table of omics; of that of mutations the cell lines that are wanted.

    Raises:
        InputError: as `cell_table` and `mutations`.
    """
    systems = OMICS[name].systems
    return cell_table(path, systems) if systems else mutations(path, wanted)


def mutations(path: Path, wanted: Collection[str]) -> FeatureTable:
    """The table of mutations, of the cell lines that are wanted and are columns of it.

    A feature is called as its mutation; where several rows have the same one, the later ones have their number too.

    Raises:
        InputError: it is no Parquet file, has no column CHANGE or none of a cell line that is wanted, or as
            `ParquetTable` and `feature_table`.
    """
    table = ParquetTable.open(path)
    check_names(path, wanted, table.names)
    cells = [name for name in table.names if name in wanted]
    if not cells:
        raise InputError(
            f"{path} has no column that is called as a cell line of the responses, as {shown(min(wanted))}: rename its "
            "columns"
        )
    seen: set[str] = set()
    names = []
    for row, name in enumerate(table.texts(CHANGE), 1):
        names.append(f"{name} (row {row})" if name in seen else name)
        seen.add(name)
    values = np.empty((len(cells), len(names)), np.float32)
    for place, cell in enumerate(cells):
        values[place] = table.numbers(cell)
    return feature_table(path, cells, names, values, unit="column")


def _names(path: Path, lines: Sequence[Sequence[str]], systems: Sequence[str]) -> list[str]:
    """The symbol where one gene alone has it, else the first name in another system."""
    lines = [line for line in lines if any(line[1:])]
    if len(lines) == 1:
        return list(lines[0][1:])
    labels = [line[0] for line in lines]
    if not any(labels) and len(lines) == len(systems):
        labels = list(systems)
    if SYMBOL not in labels or len({len(line) for line in lines}) != 1:
        several = f" of gene symbols or lines {', '.join(systems)}, all of one length" if SYMBOL in systems else ""
        raise InputError(
            f"{path}: the header has lines {labels}, expected one line{several or f' of {systems[0]}'}: correct the "
            "header"
        )
    symbols = lines[labels.index(SYMBOL)][1:]
    others = zip(*(line[1:] for line, label in zip(lines, labels, strict=True) if label != SYMBOL), strict=True)
    often = Counter(symbols)
    return [
        symbol if symbol and often[symbol] == 1 else next(filter(None, other), symbol)
        for symbol, other in zip(symbols, others, strict=True)
    ]
