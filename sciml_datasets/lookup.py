"""A feature whose values are stored once, in a table beside the shards; an example stores the number of its row.

Many examples share few feature vectors: all responses of one cell line have its gene expression. Stored once and
joined when read, they need the space of one table. The table is memory-mapped: the part that one or several processes
of a machine read is in memory once. Inside tf.data it is a captured tensor over the mapped file, not a constant of the
graph.

Prepared data name this module in ``features.json``: it must keep its name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets import features

from sciml_datasets.errors import InputError
from sciml_datasets.files.npy_headers import LONGEST_HEADER, header_of
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.prepared.integrity import AGAIN, undamaged

MISSING = ".missing"
"""Ending of the name of the file that holds a bit for each value of a table: whether it replaces a missing one."""


class Lookup(features.FeatureConnector):
    """A row, (width,) float32, of the table ``<table>.npy`` in the prepared folder.

    Several features may share a table. The width is that of the table; it is unknown before the data set is prepared.

    Args:
        table: name of the table.
        doc: as in TFDS.
    """

    def __init__(self, *, table: str, doc: Any = None) -> None:
        super().__init__(doc=doc)
        self._table = table
        self._path: Path | None = None
        self._values: NDArray[np.float32] | None = None
        self._missing: NDArray[np.bool_] | None = None
        self._tensor: Any = None

    @property
    def table_name(self) -> str:
        """Name of the table, which several features may share."""
        return self._table

    @property
    def table(self) -> NDArray[np.float32]:
        """(rows, width) the table, read-only.

        Raises:
            InputError: the table is missing or damaged.
        """
        if self._values is None:
            self._values = self._mapped_file("", np.dtype("<f4"))
        return self._values

    @table.setter
    def table(self, values: NDArray[np.float32]) -> None:
        """Set the table that `save_metadata` is to write."""
        self._forget()
        self._values = np.ascontiguousarray(values, "<f4")

    @property
    def missing(self) -> NDArray[np.bool_]:
        """(rows, width) whether a value of the table replaces a missing one.

        Raises:
            InputError: this is not known for the table, or the file is damaged.
        """
        if self._missing is not None:
            return self._missing
        rows, width = self.table.shape
        bits = self._mapped_file(MISSING, np.dtype(np.uint8), (rows, -(-width // 8)))
        return np.unpackbits(bits, axis=1, count=width).astype(bool)

    @missing.setter
    def missing(self, where: NDArray[np.bool_]) -> None:
        """Set the array that `save_metadata` is to write."""
        self._missing = where

    def _mapped_file(self, kind: str, dtype: np.dtype[Any], shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        """A file of the prepared folder, mapped after it was compared with the manifest."""
        found = self._header(kind, dtype)
        path = undamaged(Path(str(found.filename)))
        if shape not in (None, found.shape):
            raise InputError(f"{path} has the shape {found.shape}, expected {shape}: {AGAIN}")
        return found

    def _header(self, kind: str, dtype: np.dtype[Any]) -> np.memmap[Any, Any]:
        """A file of the prepared folder, mapped after only its size and its header were checked."""
        if self._path is None:
            raise InputError(f"the table {self._table} is missing: prepare the data set first")
        path = self._path.with_name(f"{self._table}{kind}.npy")
        if is_there(path):
            regular_file(path)
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                header = header_of(file.read(LONGEST_HEADER))
        except FileNotFoundError as error:
            raise InputError(f"{path} cannot be read ({error}): prepare the data set again") from error
        except ValueError as error:
            raise InputError(f"{path} is damaged ({error}): {AGAIN}") from error
        expected = header.length + math.prod(header.shape) * dtype.itemsize
        if (
            len(header.shape) != 2
            or header.dtype != dtype
            or header.fortran
            or size != expected
            or not all(header.shape)
        ):
            raise InputError(
                f"{path} is damaged: its header states {header.shape} {header.dtype}, expected rows of {dtype} that "
                f"take its {size} bytes: {AGAIN}"
            )
        return np.memmap(path, dtype, "r", header.length, header.shape)

    def _forget(self) -> None:
        """Drop the table and the base class's caches, since the width may change."""
        self._values = self._tensor = None
        for cached in ("shape", "np_dtype", "tf_dtype", "dtype"):
            self.__dict__.pop(cached, None)

    def __getstate__(self) -> dict[str, Any]:
        """The state without the table, which every process maps for itself."""
        return self.__dict__ | ({"_values": None, "_missing": None} if self._path else {}) | {"_tensor": None}

    def get_tensor_info(self) -> Any:
        """See `FeatureConnector.get_tensor_info`."""
        # The header of the file suffices: a builder is made more often than a table is read.
        known = self._values if self._values is not None or self._path is None else self._header("", np.dtype("<f4"))
        return features.TensorInfo(shape=(None if known is None else known.shape[1],), dtype=np.float32)

    def get_serialized_info(self) -> Any:
        """See `FeatureConnector.get_serialized_info`: the number of the row."""
        return features.TensorInfo(shape=(), dtype=np.int64)

    def encode_example(self, example_data: int) -> np.int64:
        """See `FeatureConnector.encode_example`."""
        return np.int64(example_data)

    def decode_example(self, tfexample_data: Any) -> Any:
        """The row of a number, or the rows (N, width) of several numbers (N,), as a tensor."""
        import tensorflow as tf

        if self._tensor is None:
            with tf.init_scope(), tf.device("/CPU:0"):
                self._tensor = self._mapped()
        return tf.gather(self._tensor, tfexample_data)

    def _mapped(self) -> Any:
        """The table as a tensor over the mapped file."""
        import tensorflow as tf

        table = self.table
        if not isinstance(table, np.memmap) or table.dtype != np.dtype("<f4"):
            return tf.constant(table)
        # The length of the header of an .npy file is a multiple of 64 bytes, so that a slice after it needs no copy.
        numbers = Path(str(table.filename)).stat().st_size // table.itemsize
        everything = tf.raw_ops.ImmutableConst(
            dtype=tf.float32, shape=[numbers], memory_region_name=str(Path(str(table.filename)).resolve())
        )
        return tf.reshape(everything[table.offset // table.itemsize :], table.shape)

    def decode_example_np(self, example_data: Any) -> NDArray[np.float32]:
        """The row of a number, or the rows (N, width) of several numbers (N,), as an array."""
        return np.array(self.table[example_data])

    decode_batch_example = decode_example
    decode_batch_example_np = decode_example_np

    def to_json_content(self) -> dict[str, Any]:
        """See `FeatureConnector.to_json_content`; the shape is left out, as it follows from the table."""
        return {"table": self._table}

    def save_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Write the table into the prepared folder.

        Raises:
            OSError: the file cannot be written.
        """
        if self._values is not None:
            np.save(_place(data_dir, self._table), self._values)
        if self._missing is not None:
            np.save(_place(data_dir, self._table + MISSING), np.packbits(self._missing, axis=1))

    def load_metadata(self, data_dir: Any, feature_name: str | None = None) -> None:
        """Record the place of the table; it is opened when it is first needed."""
        self._forget()
        self._missing = None
        self._path = _place(data_dir, self._table)


def _place(data_dir: Any, table: str) -> Path:
    return Path(data_dir) / f"{table}.npy"
