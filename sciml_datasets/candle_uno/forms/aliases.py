"""Canonical ids: the names that several sources give one cell line or one compound are one.

A blind split must not leak through an alias. Names are joined by union-find over these tables, each of which may be
absent. The canonical id of a group is the first of all its names in alphabetical order, whether or not a response has
it: which responses there are decides nothing, so that data sets with the same tables have the same ids, and the same
splits by hash.

- drugs: ``drug_info`` joins ID, NAME, CLEAN_NAME and PUBCHEM of a line; the canonical id is one of the IDs;
- cells: the name of a cell line is its id without the prefix of a source, in capitals (``CCLE.22RV1`` and
  ``CTRP.22RV1`` are ``22RV1``). ``cl_mapping`` (no header) joins its two columns; ``NCI60_CELLNAME_to_Combo.txt`` joins
  NCI60.ID, CELLNAME and Name; ``cl_metadata`` joins ANL_ID with the column CELLNAME or NAME, where it has one. Ids of
  compounds keep their prefix: there the rest is a number that the source gave.

Source of the tables: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (drug_name_to_ids, cell_name_to_ids).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from sciml_datasets.candle_uno.forms.joining import plain
from sciml_datasets.errors import InputError
from sciml_datasets.files.text import first_rows, is_there
from sciml_datasets.files.text_numbers import MISSING
from sciml_datasets.files.text_tables import TextTable

DRUG_INFO = "drug_info"
CELL_MAPPING, CELL_METADATA, NCI60_CELLS = "cl_mapping", "cl_metadata", "NCI60_CELLNAME_to_Combo.txt"
FILES = (DRUG_INFO, CELL_MAPPING, CELL_METADATA, NCI60_CELLS)
CELL_NAMES = {NCI60_CELLS: ("NCI60.ID", "CELLNAME", "Name"), CELL_METADATA: ("ANL_ID", "CELLNAME", "NAME")}
"""Tables to their columns of names of a cell line, of which the first must be there."""
SOURCES = ("CCLE", "CTRP", "gCSI", "GDSC", "GDC", "NCI60", "SCL", "SCLC")
"""Prefixes of the ids of cell lines."""

Node = tuple[str, str]
"""A name, and what kind it is: two columns may use one text for different things."""


def canonical_ids(node_of: Mapping[str, Node], links: Iterable[Iterable[Node]]) -> dict[str, str]:
    """The canonical id of each id: the first name, of the kind of its own, of the group that it belongs to.

    Args:
        node_of: id to its name.
        links: names that belong together.
    """
    parent: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for first, *others in links:
        for other in others:
            parent[root(other)] = root(first)
    roots = {node: root(node) for node in (*parent, *node_of.values())}
    first_name: dict[tuple[Node, str], str] = {}
    for kind, name in sorted(roots):
        first_name.setdefault((roots[kind, name], kind), name)
    return {key: first_name[roots[node], node[0]] for key, node in node_of.items()}


def files(folder: Path) -> list[Path]:
    """The tables of aliases that are there."""
    return [path for name in FILES if (path := folder / name).is_file()]


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each table of aliases that is there: with the same tables ids are the same."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)}


def drugs(folder: Path, ids: Iterable[str]) -> Mapping[str, str]:
    """Id of a drug to its canonical id.

    Raises:
        InputError: a table cannot be read.
    """
    path = folder / DRUG_INFO
    columns = {"ID": "id", "NAME": "name", "CLEAN_NAME": "name", "PUBCHEM": "pubchem"}
    links = _links(path, columns, optional=("NAME", "CLEAN_NAME")) if is_there(path) else []
    return canonical_ids({key: ("id", key) for key in ids}, links)


def cells(folder: Path, ids: Iterable[str]) -> Mapping[str, str]:
    """Id of a cell line to its canonical id.

    Raises:
        InputError: a table cannot be read.
    """
    links: list[list[Node]] = []
    if is_there(path := folder / CELL_MAPPING):
        names = [str(place + 1) for place in range(len(first_rows(path, "\t")[0][1]))]
        mapping = TextTable.open(path, "\t", header=0, names=names)
        if len(names) < 2:
            raise InputError(f"{path} has one column, expected two with names of one cell line in each: correct it")
        table = mapping.read(text={0: "one", 1: "other"}, numbers={})
        pairs = zip(table["one"].to_pylist(), table["other"].to_pylist(), strict=True)
        links += [[_cell(one), _cell(other)] for one, other in pairs if one not in MISSING and other not in MISSING]
    for name, columns in CELL_NAMES.items():
        if is_there(path := folder / name):
            links += _links(path, dict.fromkeys(columns, "cell"), optional=columns[1:])
    return canonical_ids({key: _cell(key) for key in ids}, links)


def _cell(text: str) -> Node:
    prefix, point, rest = text.partition(".")
    return "cell", (rest if point and rest and prefix in SOURCES else text).upper()


def _links(path: Path, columns: Mapping[str, str], optional: Iterable[str]) -> list[list[Node]]:
    """For each line the names in these columns, each of its kind, but for empty fields and numbers that are none."""
    table = TextTable.open(path, "\t")
    text = {table.place(name): name for name in columns if name in table.names or name not in tuple(optional)}
    found = table.read(text=text, numbers={})
    lines = zip(*(found[name].to_pylist() for name in text.values()), strict=True)
    kinds = [columns[name] for name in text.values()]
    return [
        [_node(kind, name) for kind, name in zip(kinds, line, strict=True) if _names(kind, name)]
        for line in lines
        if _names(kinds[0], line[0])
    ]


def _names(kind: str, text: str) -> bool:
    """Whether a field joins what it names: a word for no name would make one compound of all that have none."""
    return plain(text).isdecimal() if kind == "pubchem" else text not in MISSING


def _node(kind: str, text: str) -> Node:
    if kind == "cell":
        return _cell(text)
    if kind == "pubchem":
        return kind, plain(text)
    return kind, text.upper() if kind == "name" else text
