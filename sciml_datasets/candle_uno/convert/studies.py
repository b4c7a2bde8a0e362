"""Other drug response studies brought into raw form C, an IMPROVE folder, which any tool can look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sciml_datasets.candle_uno.convert import drevalpy, drugcell
from sciml_datasets.candle_uno.forms import aliases, improve
from sciml_datasets.candle_uno.forms.joining import check_unknown
from sciml_datasets.candle_uno.forms.tables import Tables
from sciml_datasets.candle_uno.measures import AUC, DRUGCELL_AUC
from sciml_datasets.candle_uno.responses import FORMS, with_splits
from sciml_datasets.errors import InputError
from sciml_datasets.files.regular_files import is_companion


@dataclass(frozen=True)
class Study:
    """A study that was converted.

    Attributes:
        folder: folder of the converted study.
        tables: its content.
        omics: tables of omics, copied as they are.
    """

    folder: Path
    tables: Tables
    omics: tuple[str, ...] = ()

    @property
    def response(self) -> str:
        """The column that was taken as the response."""
        return self.tables.measure.name

    def facts(self) -> dict[str, Any]:
        """The numbers of its content."""
        responses = self.tables.responses
        splits = Counter(responses["split"].to_pylist())
        return {
            "folder": str(self.folder),
            "response": self.response,
            "measure": self.tables.measure.facts(),
            "responses": responses.num_rows,
            "cells": len(set(responses["cell"].to_pylist())),
            "drugs": len(set(responses["drug"].to_pylist())),
            "cell_features": len(self.tables.cells.columns),
            "drug_features": len(self.tables.drugs.columns),
            "splits": {split: splits[split] for split in ("train", "validation", "test") if splits[split]},
            "left_out": dict(self.tables.left_out),
            "omics": list(self.omics),
        }


def convert_csv(source: Path, out: Path, response: str | None = None) -> Study:
    """Convert a study of text tables in the layout of drevalpy or DrugCell.

    Args:
        source: drevalpy's table of responses, DrugCell's ``drugcell_train.txt``, or a folder with one of the two, in
            which the responses are called ``*response*.csv`` or, as drevalpy's loader has it, like the folder.
        out: folder to write.
        response: column to take as the response; default as `measures.choose` finds it.

    Raises:
        InputError: the source is none or both of the two, or cannot be read, or ``out`` exists.
        OSError: ``out`` cannot be written.
    """
    _must_be_new(out)
    path = _responses(source)
    if path.name not in drugcell.RESPONSES:
        tables = drevalpy.read(path, response)
        improve.write(tables, out, drug_file=improve.FINGERPRINTS)
        return Study(out, tables)
    if response is not None and response.lower() != DRUGCELL_AUC.name:
        raise InputError(f"{path} has no column {response}: a DrugCell study has one response, {DRUGCELL_AUC.name}")
    tables = drugcell.read(path.parent)
    improve.write(tables, out, cell_file=improve.MUTATION, drug_file=improve.FINGERPRINTS)
    return Study(out, tables)


def convert_improve(source: Path, out: Path, response: str | None = None) -> Study:
    """Bring an IMPROVE folder in, what can be used of it, with split 0 of its studies; or make one of raw form A or B.

    Of forms A and B every response has its split: the official one, else the canonical one. Ids are those of the
    sources; the tables of aliases come along, so that no split by name parts the names of one cell line or compound,
    and so do the tables of omics that are in ``x_data``, as they are.

    Args:
        source: the folder with ``y_data`` and ``x_data``, or one that holds it as ``raw_data`` or
            ``csa_data/raw_data``; or the raw folder of another form.
        out: folder to write.
        response: column to take as the response; default as `measures.choose` finds it.

    Raises:
        InputError: the source is no such folder or cannot be read, or ``out`` exists.
        OSError: ``out`` cannot be written.
    """
    _must_be_new(out)
    places = [source, source / "raw_data", source / "csa_data" / "raw_data"]
    folder = next((place for place in places if improve.files(place)), None)
    if folder is None:
        return _exported(source, out, response)
    tables = improve.read(folder, response)
    names = [path.name for path in improve.files(folder)]
    cells, drugs = ({*tables.responses[name].to_pylist()} for name in ("cell", "drug"))
    cell_file = next(name for name in improve.CELL_FILES if name in names)
    drug_file = next(name for name in improve.DRUG_FILES if name in names)
    check_unknown(folder / "x_data" / cell_file, tables.cells, cells)
    check_unknown(folder / "x_data" / drug_file, tables.drugs, drugs)
    omics = [path for path in improve.omics_files(folder) if path.name != cell_file]
    improve.write(tables, out, cell_file=cell_file, drug_file=drug_file, beside=aliases.files(folder), omics=omics)
    return Study(out, tables, tuple(path.name for path in omics))


def _exported(source: Path, out: Path, response: str | None) -> Study:
    measure = replace(AUC, name="auc")  # as IMPROVE calls it
    forms = [form for name, form in FORMS.items() if name != "C" and form.files(source)]
    if len(forms) != 1:
        others = " or ".join(f"{name} ({form.known_by})" for name, form in FORMS.items() if name != "C")
        raise InputError(
            f"{source} has no {improve.RESPONSE}, nor in raw_data/: name an IMPROVE folder, or one with the raw form "
            f"{others}"
        )
    if response is not None and response.lower() != measure.name:
        raise InputError(f"--response {response}: raw forms A and B have one response, {measure.name}: leave it out")
    tables = with_splits(source, forms[0].read(source))
    for name, features in (("cell", tables.cells), ("drug", tables.drugs)):
        check_unknown(source, features, {*tables.responses[name].to_pylist()})
    tables = replace(tables, measure=measure)
    omics = improve.omics_files(source)
    improve.write(tables, out, beside=aliases.files(source), omics=omics)
    return Study(out, tables, tuple(path.name for path in omics))


def _must_be_new(out: Path) -> None:
    """Reading may take minutes: the folder is looked at before."""
    if out.exists():
        raise InputError(f"{out} exists: remove it or choose another name")


def _responses(source: Path) -> Path:
    """The file of responses that the source is or holds."""
    if not source.is_dir():
        return source
    like_folder = f"{source.resolve().name}.csv"
    names = {drugcell.RESPONSES[0], like_folder, *(path.name for path in source.glob("*response*.csv"))}
    names = {name for name in names if not is_companion(name)}
    found = [source / name for name in sorted(names) if (source / name).is_file()]
    if len(found) != 1:
        shown = ", ".join(path.name for path in found) or "none"
        raise InputError(
            f"{source}: expected one of {drugcell.RESPONSES[0]}, *response*.csv and {like_folder}, found {shown}: name "
            "the file of responses itself"
        )
    return found[0]
