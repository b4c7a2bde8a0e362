"""Canonical ids: the names that several sources give one cell line or one compound are one.

A blind split must not leak through an alias. Names are joined by union-find over these tables, each of which may be
absent; the canonical id of a group is the first, in alphabetical order, of the ids that responses use.

- drugs: ``drug_info`` joins ID, NAME, CLEAN_NAME and PUBCHEM of a line;
- cells: ``cl_mapping`` (no header) joins its two columns; ``NCI60_CELLNAME_to_Combo.txt`` joins NCI60.ID, CELLNAME and
  Name; ``cl_metadata`` joins ANL_ID with the column CELLNAME or NAME, where it has one. Ids of cells that differ in the
  prefix of their source alone (``CCLE.22RV1``, ``CTRP.22RV1``) are one. Ids of compounds are not: there the rest is a
  number that the source gave.

Source of the tables: ECP-CANDLE/Benchmarks, Pilot1/Uno/uno_data.py (drug_name_to_ids, cell_name_to_ids).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sciml_datasets.candle_uno.delimited import MISSING, first_lines, place_of, read_columns

DRUG_INFO = "drug_info"
CELL_MAPPING, CELL_METADATA, NCI60_CELLS = "cl_mapping", "cl_metadata", "NCI60_CELLNAME_to_Combo.txt"
FILES = (DRUG_INFO, CELL_MAPPING, CELL_METADATA, NCI60_CELLS)
SOURCES = ("CCLE", "CTRP", "gCSI", "GDSC", "GDC", "NCI60", "SCL", "SCLC")
"""Prefixes of the ids of cell lines."""

Node = tuple[str, str]
"""A name, and what kind it is: two columns may use one text for different things."""


def canonical_ids(ids: Iterable[str], links: Iterable[Iterable[Node]]) -> dict[str, str]:
    """The canonical id of each id.

    Args:
        ids: of responses.
        links: nodes that belong together; an id is the node ``("id", id)``.
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
    canonical: dict[Node, str] = {}
    ordered = sorted(set(ids))
    return {key: canonical.setdefault(root(("id", key)), key) for key in ordered}


def files(folder: Path) -> list[Path]:
    """The tables of aliases that are there."""
    return [path for name in FILES if (path := folder / name).is_file()]


def drugs(folder: Path, ids: Iterable[str]) -> Mapping[str, str]:
    """Id of a drug to its canonical id.

    Raises:
        InputError: a table cannot be read.
    """
    path = folder / DRUG_INFO
    columns = {"ID": "id", "NAME": "name", "CLEAN_NAME": "name", "PUBCHEM": "pubchem"}
    return canonical_ids(ids, _links(path, columns, optional=("NAME", "CLEAN_NAME")) if path.is_file() else [])


def cells(folder: Path, ids: Iterable[str]) -> Mapping[str, str]:
    """Id of a cell line to its canonical id.

    Raises:
        InputError: a table cannot be read.
    """
    ids = sorted(set(ids))
    links: list[list[Node]] = [[("id", key), ("name", bare.upper())] for key in ids if (bare := _bare(key)) != key]
    if (path := folder / CELL_MAPPING).is_file():
        width = len(first_lines(path, "\t")[0])
        names = [str(place) for place in range(width)]
        table = read_columns(path, "\t", names, text={0: "one", 1: "other"}, numbers={}, skip=0)
        pairs = zip(table["one"].to_pylist(), table["other"].to_pylist(), strict=True)
        links += [[("id", one), ("id", other)] for one, other in pairs if one not in MISSING and other not in MISSING]
    if (path := folder / NCI60_CELLS).is_file():
        links += _links(path, {"NCI60.ID": "id", "CELLNAME": "name", "Name": "name"}, optional=("CELLNAME", "Name"))
    if (path := folder / CELL_METADATA).is_file():
        links += _links(path, {"ANL_ID": "id", "CELLNAME": "name", "NAME": "name"}, optional=("CELLNAME", "NAME"))
    return canonical_ids(ids, links)


def _bare(key: str) -> str:
    prefix, point, rest = key.partition(".")
    return rest if point and prefix in SOURCES else key


def _links(path: Path, columns: Mapping[str, str], optional: Iterable[str]) -> list[list[Node]]:
    """For each line the names in these columns, each of its kind, but for empty fields and numbers that are none."""
    header = first_lines(path, "\t")[0]
    text = {place_of(path, header, name): name for name in columns if name in header or name not in tuple(optional)}
    table = read_columns(path, "\t", header, text=text, numbers={}, skip=1)
    lines = zip(*(table[name].to_pylist() for name in text.values()), strict=True)
    kinds = [columns[name] for name in text.values()]
    return [
        [(kind, _normal(kind, name)) for kind, name in zip(kinds, line, strict=True) if _names(kind, name)]
        for line in lines
        if _names(kinds[0], line[0])
    ]


def _names(kind: str, text: str) -> bool:
    return text.isdecimal() if kind == "pubchem" else text not in MISSING


def _normal(kind: str, text: str) -> str:
    return text.upper() if kind == "name" else text
