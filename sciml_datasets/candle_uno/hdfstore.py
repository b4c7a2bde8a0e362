"""Data frames in a pandas HDFStore, read with plain h5py: pickles in the file are never loaded.

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

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    import h5py

READ_BYTES = 1 << 25


@dataclass(frozen=True)
class Column:
    """One column of a stored frame.

    Attributes:
        name: None where only a pickle knows it.
        kind: ``number``, ``text`` or ``pickle``.
        block: the data set (fixed) or field (table) that holds it.
        place: in the block.
    """

    name: str | None
    kind: str
    block: str
    place: int


@dataclass(frozen=True)
class StoredFrame:
    """A frame of an open HDFStore.

    Attributes:
        path: of the file.
        key: of the frame.
        group: what holds it.
        columns: in the order in which they are stored, or of ``axis0`` where its names can be read.
        rows: how many.
    """

    path: Path
    key: str
    group: h5py.Group
    columns: tuple[Column, ...]
    rows: int

    @property
    def is_table(self) -> bool:
        """Whether the layout is ``table``."""
        return "table" in self.group

    def of_kind(self, kind: str) -> list[Column]:
        """The columns of a kind."""
        return [column for column in self.columns if column.kind == kind]

    def chunks(self, columns: list[Column]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Columns of numbers or of text, some rows at a time.

        Yields:
            The first row and (rows, columns) values, which may be a view of what is read next.

        Raises:
            InputError: the data are damaged, or compressed in a way that cannot be read.
        """
        blocks = list(dict.fromkeys(column.block for column in columns))
        widths = Counter(column.block for column in self.columns)
        ends = list(accumulate(widths[block] for block in blocks))
        starts = dict(zip(blocks, [0, *ends[:-1]], strict=True))
        order = [starts[column.block] + column.place for column in columns]
        in_order = order == list(range(ends[-1]))
        step = self._rows_at_a_time(blocks)
        for start in range(0, self.rows, step):
            parts = self._read(blocks, start, min(start + step, self.rows))
            values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
            yield start, values if in_order else values[:, order]

    def _data(self, block: str) -> h5py.Dataset:
        return self.group["table" if self.is_table else block]

    def _rows_at_a_time(self, blocks: list[str]) -> int:
        """Whole chunks of the file, so that none is decompressed twice."""
        data = self._data(blocks[0])
        row_bytes = data.dtype.itemsize * int(np.prod(data.shape[1:], initial=1))
        chunk = data.chunks[0] if data.chunks else 1
        return int(max(1, READ_BYTES // (row_bytes * chunk)) * chunk)

    def _read(self, blocks: list[str], start: int, stop: int) -> list[NDArray[Any]]:
        try:
            if not self.is_table:
                return [self._data(block)[start:stop] for block in blocks]
            rows = self._data("table")[start:stop]
        except OSError as error:
            raise InputError(
                f"{self.path}: rows {start} to {stop - 1} of {self.key} cannot be read ({error}): fetch the file "
                "again, or write it anew with zlib or blosc if it is compressed otherwise"
            ) from error
        return [rows[block].reshape(stop - start, -1) for block in blocks]


def stored_frame(file: h5py.File, path: Path, key: str) -> StoredFrame:
    """A frame of a file.

    Raises:
        InputError: there is none of this name, or it has no known layout.
    """
    import h5py

    group = file.get(key)
    if not isinstance(group, h5py.Group):
        raise InputError(f"{path}: there is no frame {key}, only {', '.join(file) or 'nothing'}: fetch the file again")
    if "table" in group:
        table = group["table"]
        fields = [name for name in table.dtype.names or () if name != "index"]
        columns = tuple(column for field in fields for column in _columns_of_field(table.dtype[field], field))
        return StoredFrame(path, key, group, columns, len(table))
    if "axis0" not in group or "axis1" not in group:
        raise InputError(f"{path}: {key} is no data frame in the layouts fixed or table of pandas: fetch it again")
    blocks = [name for name in group if name.startswith("block") and name.endswith("_values")]
    columns = tuple(column for block in blocks for column in _columns_of_block(group, block))
    places = {name: place for place, name in enumerate(_names(group["axis0"]) or [])}
    columns = tuple(sorted(columns, key=lambda column: places.get(column.name or "", len(places))))
    rows = len(group["axis1"])
    for block in blocks:
        if group[block].dtype != object and len(group[block]) != rows:
            raise InputError(f"{path}: {key}/{block} has {len(group[block])} rows, not {rows}: fetch the file again")
    return StoredFrame(path, key, group, columns, rows)


def _columns_of_field(dtype: np.dtype[Any], field: str) -> Iterator[Column]:
    kind = _kind(dtype.base)
    if field.startswith("values_block_"):
        yield from (Column(None, kind, field, place) for place in range(int(np.prod(dtype.shape))))
    else:
        yield Column(field, kind, field, 0)


def _columns_of_block(group: h5py.Group, block: str) -> Iterator[Column]:
    data, names = group[block], _names(group[block.replace("_values", "_items")])
    kind = _kind(data.dtype)
    count = data.shape[1] if kind != "pickle" else len(names or [None])
    yield from (Column(names[place] if names else None, kind, block, place) for place in range(count))


def _kind(dtype: np.dtype[Any]) -> str:
    return {"S": "text", "f": "number", "i": "number", "u": "number"}.get(dtype.kind, "pickle")


def _names(data: h5py.Dataset) -> list[str] | None:
    """Names of columns; None where they are a pickle or all empty."""
    if data.dtype.kind not in "Siu":
        return None
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in data[...].tolist()]
    return names if any(names) else None
