"""CANDLE-UNO's raw files: three forms that come down to the same tables.

A is the five tables of the reference's AUC run (see `combo`), B its prebuilt file (`top21`), C a folder in the layout
of IMPROVE (`improve`). The form is recognised from the files, unless it is said. Tables of aliases beside them make ids
canonical (`aliases`).

A form that gives official splits keeps them. Else a response falls to train (80 %), validation or test (10 % each) by
the SHA-256 of its canonical cell and drug, so that replicates of a pair never straddle two splits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.candle_uno.forms import aliases, combo, improve, improve_splits, top21
from sciml_datasets.candle_uno.forms.tables import LEFT_OUT, FeatureTable, Tables
from sciml_datasets.candle_uno.measures import FACT
from sciml_datasets.candle_uno.stored import StoredTable, scaling_metadata
from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.prepared import given
from sciml_datasets.raw_format import Beside, Example, Note, RawFile, RawFormat, Sample, ignored
from sciml_datasets.splits.hashing import part_of

EXPRESSION, DESCRIPTORS = "gene_expression", "drug_descriptors"
"""Features of the records, and their tables."""
RESPONSE = "response"
"""The feature with what is to be predicted: whatever measure the raw files hold."""


@dataclass(frozen=True)
class Form:
    """One raw form.

    Attributes:
        files: the files of a folder that are of this form; none where it is of another one.
        read: reads them.
        known_by: ids and names by which they are recognised.
        missing: the splits that files of a folder which give splits of their own are without.
    """

    files: Callable[[Path], list[Path]]
    read: Callable[[Path], Tables]
    known_by: str
    missing: Callable[[Path], list[str]] = lambda folder: []


FORMS: Mapping[str, Form] = {
    "A": Form(combo.files, combo.read, combo.RESPONSES),
    "B": Form(top21.files, top21.read, top21.FILES, top21.missing),
    "C": Form(improve.files, improve.read, improve.RESPONSE, improve_splits.missing),
}
MIXED, SHARES = "mixed pair", (0.8, 0.1)
"""Name of the draw, that of the split ``mixed`` by pairs, and the shares of train and of validation."""
OFFICIAL = "official, as the raw files give them"
RECORD_BYTES = 120
"""Number of bytes of a serialised example without its texts, about."""


@dataclass(frozen=True, slots=True)
class Responses(RawFormat):
    """Responses and features in any form; see `sciml_datasets.raw_format.RawFormat`.

    Attributes:
        form: a key of FORMS; None to recognise it.
        scaling: entities that imputation and standardisation are fitted on: those in ``training`` or, as in the
            reference, ``all`` of the source.
        omics: names of tables of cells beside gene expression, of `cell_tables.OMICS`.
    """

    form: str | None = None
    scaling: str = "training"
    omics: tuple[str, ...] = ()
    group_kind: str = "unit"
    facts: tuple[str, ...] = (RESPONSE, "cell", "drug", "source")
    accompanying: tuple[str, ...] = (LEFT_OUT,)

    def files(self, folder: Path) -> list[RawFile]:
        """The files of the form, and tables of aliases.

        Raises:
            InputError: none of the forms is there, or several and none is chosen; or a table of omics is not there.
        """
        form = self._form(folder)
        paths = {*FORMS[form].files(folder), *aliases.files(folder)}
        if self.omics and form != "C":
            raise InputError(
                f"{folder} holds raw form {form}, and tables of omics belong to an IMPROVE folder (C): leave --omics "
                "out, or convert the folder with `sciml convert improve`"
            )
        paths |= {*improve.omics_files(folder, self.omics)}
        return sorted(raw_file(folder, path) for path in paths)

    def _tables(self, folder: Path) -> Tables:
        return improve.read(folder, omics=self.omics) if self.omics else FORMS[self._form(folder)].read(folder)

    def missing(self, folder: Path) -> list[str]:
        """See `RawFormat.missing`: what the reference exports has no test split."""
        return FORMS[self._form(folder)].missing(folder)

    def _form(self, folder: Path) -> str:
        present = [name for name, form in FORMS.items() if form.files(folder)]
        if self.form is not None:
            if self.form in present:
                return self.form
            raise InputError(
                f"{folder}: no {FORMS[self.form].known_by}, by which form {self.form} is known: put it there"
            )
        if len(present) == 1:
            return present[0]
        known = ", ".join(f"{name} by {form.known_by}" for name, form in FORMS.items())
        if not present:
            raise InputError(f"{folder}: none of the raw forms is here, known {known}: put the files of one there")
        raise InputError(f"{folder} holds the raw forms {' and '.join(present)}: choose one with --form")

    def index(self, folder: Path, file: RawFile) -> Iterator[Sample]:
        """The samples of all files together, under the name of the first one; no other file has any.

        Raises:
            InputError: a file cannot be read, or files contradict each other.
        """
        if file != self.files(folder)[0]:
            return
        tables = self._tables(folder)
        columns = {name: tables.responses[name].to_pylist() for name in ("id", "source", "cell", "drug", "split")}
        values = tables.responses[RESPONSE].to_numpy()
        cell_of, drug_of = canonical(folder, tables)
        cell_row, drug_row, *omics_rows = (
            {key: row for row, key in enumerate(table.ids)} for table in _by_feature(tables).values()
        )
        given = _official(tables, cell_of, drug_of)
        parts: dict[str, str] = {}
        for key, source, cell, drug, split, value in zip(*columns.values(), values, strict=True):
            names = (cell_of[cell], drug_of[drug])
            unit = key if given else "|".join(names)
            if not given:
                split = parts.get(unit) or parts.setdefault(unit, part_of(MIXED, names, SHARES))
            yield Sample(
                split,
                key,
                file.name,
                ",".join(map(str, (cell_row[cell], drug_row[drug], *(row_of[cell] for row_of in omics_rows)))),
                RECORD_BYTES + len(key) + len(source) + sum(map(len, names)),
                unit,
                (str(value), *names, source),
            )

    @contextmanager
    def reader(self, folder: Path, note: Note = ignored) -> Iterator[Callable[[Sample], Example]]:
        """A function that makes examples of what the index has read already."""
        yield partial(example, tables=(EXPRESSION, DESCRIPTORS, *self.omics))

    def beside(self, folder: Path, samples: Iterable[Sample]) -> Beside:
        """The feature tables, imputed and scaled, what was left out, and how all this was done."""
        form, tables = self._form(folder), self._tables(folder)
        named = _by_feature(tables)
        places, official = set(), False
        for sample in samples:
            official = official or sample.group == sample.key
            if sample.split == "train":
                places.add(sample.place)
        rows = [np.unique(np.array([place.split(",")[i] for place in places], np.int64)) for i in range(len(named))]
        without = "".join(f", without a {split} split" for split in self.missing(folder))
        scaled = {
            name: StoredTable.of(table, self.scaling, some)
            for (name, table), some in zip(named.items(), rows, strict=True)
        }
        metadata = {
            "form": form,
            FACT: tables.measure.facts(),
            "aliases": aliases.digests(folder),
            "splits": OFFICIAL + without if official else "mixed, by hash of cell and drug",
            **scaling_metadata(scaled),
            "rows": {name: list(table.ids) for name, table in named.items()},
            "columns": {name: list(table.columns) for name, table in named.items()},
            "left_out": dict(tables.left_out),
            **_findings(folder, tables),
        }
        return Beside(
            {name: table.values for name, table in scaled.items()},
            {name: table.missing for name, table in scaled.items() if table.refitted},
            metadata,
            {LEFT_OUT: tables.listed(), **_partitions(tables)},
        )


def raw_file(folder: Path, path: Path) -> RawFile:
    """A file below the raw folder; every one bears on samples of all splits."""
    return RawFile.of(folder, path, status=regular_file(path))


def _by_feature(tables: Tables) -> dict[str, FeatureTable]:
    """Feature name to its table, in the order of the rows in `Sample.place`."""
    return {EXPRESSION: tables.cells, DESCRIPTORS: tables.drugs, **tables.omics}


def example(sample: Sample, tables: Sequence[str]) -> Example:
    """The example of a sample of the index; features are rows of tables, in whose order its place has them."""
    value, cell, drug, source = sample.facts
    return {
        "id": sample.key,
        "source": source,
        "cell": cell,
        "drug": drug,
        **dict(zip(tables, map(int, sample.place.split(",")), strict=True)),
        RESPONSE: np.float32(value),
    }


def canonical(folder: Path, tables: Tables) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Id of the source to canonical id, of cells and of drugs."""
    return (
        aliases.cells(folder, tables.responses["cell"].unique().to_pylist()),
        aliases.drugs(folder, tables.responses["drug"].unique().to_pylist()),
    )


def _official(tables: Tables, cell_of: Mapping[str, str], drug_of: Mapping[str, str]) -> bool:
    """Whether the raw files give splits of their own: not where theirs are the canonical ones, as `sciml convert
    improve` writes them."""
    columns = zip(*(tables.responses[name].to_pylist() for name in ("cell", "drug", "split")), strict=True)
    return any(
        split and split != part_of(MIXED, (cell_of[cell], drug_of[drug]), SHARES) for cell, drug, split in columns
    )


def _partitions(tables: Tables) -> dict[str, str]:
    """The partitions that the raw files give beside the official splits, and these under a name of the same form."""
    if not (names := improve_splits.given(tables.responses)):
        return {}
    columns = {improve_splits.partition(0): "split", **{name: name for name in names}}
    parts = {name: tables.responses[column].to_pylist() for name, column in columns.items()}
    return {given.NAME: given.text_of(tables.responses["id"].to_pylist(), parts)}


def with_splits(folder: Path, tables: Tables) -> Tables:
    """The tables with a split for every response: the official one, else the canonical one."""
    import pyarrow as pa

    cell_of, drug_of = canonical(folder, tables)
    columns = (tables.responses[name].to_pylist() for name in ("cell", "drug", "split"))
    found = [
        split or part_of(MIXED, (cell_of[cell], drug_of[drug]), SHARES)
        for cell, drug, split in zip(*columns, strict=True)
    ]
    place = tables.responses.column_names.index("split")
    return replace(tables, responses=tables.responses.set_column(place, "split", pa.array(found, pa.string())))


def _findings(folder: Path, tables: Tables) -> dict[str, Any]:
    """Counts of aliases and of what contradicts itself once they are merged."""
    import pyarrow as pa

    ids = canonical(folder, tables)
    names = [
        pa.array([of[key] for key in tables.responses[name].to_pylist()], pa.string())
        for of, name in zip(ids, ("cell", "drug"), strict=True)
    ]
    measured = pa.table(
        [tables.responses["source"], *names, tables.responses[RESPONSE]], ["source", "cell", "drug", RESPONSE]
    )
    found = [(RESPONSE, "count"), (RESPONSE, "min"), (RESPONSE, "max")]
    groups = measured.group_by(["source", "cell", "drug"]).aggregate(found)
    count, low, high = (groups[f"{RESPONSE}_{what}"].to_numpy() for _, what in found)
    return {
        "cells": len(set(ids[0].values())),
        "drugs": len(set(ids[1].values())),
        "cell_aliases": len(ids[0]) - len(set(ids[0].values())),
        "drug_aliases": len(ids[1]) - len(set(ids[1].values())),
        "replicates": int(count[count > 1].sum()),
        "contradictory_replicates": int(count[low < high].sum()),
        "drugs_with_several_descriptors": _differing(tables.drugs, ids[1]),
    }


def _differing(table: FeatureTable, canonical_id: Mapping[str, str]) -> int:
    """Canonical ids whose aliases have different features."""
    first: dict[str, int] = {}
    found = set()
    for row, key in enumerate(table.ids):
        if key in canonical_id:
            earlier = first.setdefault(canonical_id[key], row)
            if not np.array_equal(table.values[earlier], table.values[row], equal_nan=True):
                found.add(canonical_id[key])
    return len(found)
