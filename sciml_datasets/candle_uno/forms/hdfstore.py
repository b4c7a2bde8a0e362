"""Data frames in a pandas HDFStore, read as plain HDF5: pickles in the file are never loaded.

Layouts, as pandas 1.5 and 3.1 write them:

- ``fixed``: a group with ``axis0`` (names of columns), ``axis1`` (index) and for each type of number
  ``block<i>_values`` (rows, columns) and ``block<i>_items`` (names). Columns of text are pickles.
- ``table``: a compound data set ``table`` with the field ``index``, one field for each column that may be queried,
  named like it, and ``values_block_<i>`` for the others of one type together. Their names are pickled attributes:
  these columns have no names here.

Compression is left to HDF5 and the filters of hdf5plugin: zlib, blosc with any codec, bzip2.

Source: pandas, ``pandas/io/pytables.py``; PyTables, "Format of PyTables files".
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5 import ANY, Array, File, Group, UnusableAttributeError, as_text
from sciml_datasets.files.hdf5_attributes import Node
from sciml_datasets.files.text import listed

READ_BYTES = 1 << 25
PICKLED_WORDS = re.compile(r"\(lp\d+\n((?:V[^\n\\]*\np\d+\na)*)\.")
"""A pickled list of words in the protocol 0, which is text: an opening, each word with its number, an end."""
PICKLED_NONE = "N."


@dataclass(frozen=True)
class Column:
    """One column of a stored frame.

    Attributes:
        name: None where only a pickle knows it.
        kind: ``number``, ``text`` or ``pickle``.
        block: the data set (fixed) or field (table) that holds it.
        place: place in the block.
    """

    name: str | None
    kind: str
    block: str
    place: int


@dataclass(frozen=True)
class StoredFrame:
    """A frame of an open HDFStore.

    Attributes:
        key: key of the frame.
        where: the file and the key, for messages.
        columns: in the order in which they are stored, or of ``axis0`` where its names can be read.
        rows: number of rows.
        table: the rows, where the layout is ``table``.
        blocks: name of a block to its values, where the layout is ``fixed``.
        encoding: encoding of its text.
        none: text that stands for no text where a column does not state one.
    """

    key: str
    where: str
    columns: tuple[Column, ...]
    rows: int
    table: Array | None
    blocks: Mapping[str, Array]
    encoding: str = "UTF-8"
    none: str = "nan"

    def of_kind(self, kind: str) -> list[Column]:
        """The columns of a kind."""
        return [column for column in self.columns if column.kind == kind]

    def name_of(self, column: Column) -> str | None:
        """The name of a column, also where its pickle is a list of plain words: it is matched as text, not loaded."""
        if column.name is not None or self.table is None:
            return column.name
        words = self._words[column.block]
        return words[column.place] if words else None

    @cached_property
    def _widths(self) -> Counter[str]:
        """Number of columns by block."""
        return Counter(column.block for column in self.columns)

    @cached_property
    def _words(self) -> dict[str, list[str]]:
        """Names of the columns of each block of a table; none where they are not as many plain words."""
        found = {}
        for block, width in self._widths.items():
            pickled = PICKLED_WORDS.fullmatch(_noted(self.table, f"{block}_kind")) if self.table is not None else None
            words = re.findall(r"V(.*)\np\d+\na", pickled[1]) if pickled else []
            found[block] = words if len(words) == width else []
        return found

    def type_of(self, column: Column) -> str:
        """The type of a column in words: the one that it has in pandas, where what is stored is not the value."""
        if self.table is None:
            return str(self.blocks[column.block].dtype.newbyteorder("="))
        if _noted(self.table, f"{column.block}_meta") == "category":
            return "numbers of categories"
        noted = _noted(self.table, f"{column.block}_dtype")
        if noted.startswith(("datetime", "timedelta")):
            return noted
        return "text" if column.kind == "text" else str(self.table.dtype[column.block].base.newbyteorder("="))

    def texts(self, column: Column) -> list[str | None]:
        """A column of text; None where it is missing.

        Raises:
            InputError: the data are damaged, or no text in the encoding of the frame.
        """
        where = f"{self.where}, column {self.name_of(column) or column.block}"
        stated = _noted(self.table, f"{column.block}_nan_rep") if self.table is not None else ""
        found = [
            as_text(text, where, self.encoding) for _, part in self.chunks([column]) for text in part[:, 0].tolist()
        ]
        return [None if text in ("", stated or self.none) else text for text in found]

    def chunks(self, columns: list[Column]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Columns of numbers or of text, some rows at a time.

        Yields:
            The first row and (rows, columns) values, which may be a view of what is read next.

        Raises:
            InputError: the data are damaged, or compressed in a way that cannot be read.
        """
        blocks = list(dict.fromkeys(column.block for column in columns))
        ends = list(accumulate(self._widths[block] for block in blocks))
        starts = dict(zip(blocks, [0, *ends[:-1]], strict=True))
        order = [starts[column.block] + column.place for column in columns]
        in_order = order == list(range(ends[-1]))
        step = self._rows_at_a_time(blocks)
        for start in range(0, self.rows, step):
            parts = self._read(blocks, start, min(start + step, self.rows))
            values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            yield start, values if in_order else values[:, order]

    def _rows_at_a_time(self, blocks: list[str]) -> int:
        """Whole chunks of the file, so that none is decompressed twice."""
        data = self.blocks[blocks[0]] if self.table is None else self.table
        row_bytes = data.dtype.itemsize * (data.size // max(len(data), 1))
        chunk = data.chunk[0] if data.chunk else 1
        return int(max(1, READ_BYTES // max(row_bytes * chunk, 1)) * chunk)

    def _read(self, blocks: list[str], start: int, stop: int) -> list[NDArray[Any]]:
        if self.table is None:
            return [self.blocks[block].rows(start, stop) for block in blocks]
        rows = self.table.rows(start, stop)
        return [rows[block].reshape(stop - start, -1) for block in blocks]


def stored_frame(file: File, key: str) -> StoredFrame:
    """A frame of a file.

    Raises:
        InputError: there is none of this name, or it has no known layout.
    """
    if key not in file:
        found = listed(file.names()) or "nothing"
        raise InputError(f"{file.path}: there is no frame {key}, only {found}: fetch the file again")
    group, where = file.group(key), f"{file.path}: {key}"
    if "table" in group:
        table = group.array("table", ANY, (None,))
        fields = [name for name in table.dtype.names or () if name != "index"]
        columns = tuple(column for field in fields for column in _columns_of_field(table, field))
        none = _noted(group, "nan_rep")
        none = "nan" if none in ("", PICKLED_NONE) else none
        return StoredFrame(key, where, columns, len(table), table, {}, group.text("encoding") or "UTF-8", none)
    if "axis0" not in group or "axis1" not in group:
        raise InputError(f"{where} is no data frame in the layouts fixed or table of pandas: fetch it again")
    names = [name for name in group.names() if name.startswith("block") and name.endswith("_values")]
    blocks = {name: group.array(name, ANY) for name in names}
    columns = tuple(column for name, block in blocks.items() for column in _columns_of_block(group, name, block))
    places = {name: place for place, name in enumerate(_names(group, "axis0") or [])}
    columns = tuple(sorted(columns, key=lambda column: places.get(column.name or "", len(places))))
    rows = len(group.array("axis1", ANY, (None,)))
    for block in blocks.values():
        if not block.dtype.hasobject and block.shape[:1] != (rows,):
            raise InputError(f"{block.where} has the shape {block.shape}, expected {rows} rows: fetch the file again")
    return StoredFrame(key, where, columns, rows, None, blocks)


def _noted(node: Node, name: str) -> str:
    """The text of an attribute that pandas adds; empty where there is none, or something else."""
    try:
        return node.text(name) or ""
    except UnusableAttributeError:
        return ""


def _columns_of_field(table: Array, field: str) -> Iterator[Column]:
    dtype = table.dtype[field]
    kind, width = _kind(dtype.base), math.prod(dtype.shape)
    if field.startswith("values_block_"):
        yield from (Column(None, kind, field, place) for place in range(width))
    elif width == 1:
        yield Column(field, kind, field, 0)
    else:
        raise InputError(f"{table.where}: the field {field} holds {width} numbers, expected one: fetch the file again")


def _columns_of_block(group: Group, name: str, block: Array) -> Iterator[Column]:
    names = _names(group, name.replace("_values", "_items"))
    kind = _kind(block.dtype)
    count = len(names or [""])
    if kind != "pickle":
        if len(block.shape) != 2 or (names and len(names) != block.shape[1]):
            raise InputError(
                f"{block.where} has the shape {block.shape} and {len(names or [])} names of columns, expected one name "
                "for each column: fetch the file again"
            )
        count = block.shape[1]
    yield from (Column(names[place] if names else None, kind, name, place) for place in range(count))


def _kind(dtype: np.dtype[Any]) -> str:
    return {"S": "text", "f": "number", "i": "number", "u": "number"}.get(dtype.kind, "pickle")


def _names(group: Group, name: str) -> list[str] | None:
    """Names of columns; None where they are a pickle or all empty."""
    data = group.array(name, ANY, (None,))
    if data.dtype.kind not in "Siu":
        return None
    values = data.whole().tolist()
    names = [as_text(value, data.where) if isinstance(value, bytes) else str(value) for value in values]
    return names if any(names) else None
