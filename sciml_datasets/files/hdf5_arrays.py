"""Arrays of HDF5 files from outside: see `sciml_datasets.files.hdf5`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5_attributes import AGAIN, Node, reading
from sciml_datasets.files.hdf5_chunks import Filters
from sciml_datasets.files.hdf5_heaps import Heaps

if TYPE_CHECKING:
    import h5py

READ_BYTES = 1 << 24
"""Bytes that are read at a time where numbers are cast."""
LARGEST = 1 << 27
"""Bytes that an array may have that is read as a whole: one scene of CloudMask in double precision has 86 million."""
LARGEST_CHUNK = 1 << 28
"""Bytes that a chunk may have: the library keeps one in memory, compressed and not."""
MOST_CHUNKS = 1 << 24
"""Number of chunks that an array may have: the library looks at each before it tells how many are there."""

ELSEWHERE = "lies in other files (virtual or external): write what it holds into this file"
"""End of the sentence on an array that is not in the file that was opened."""


class Types(NamedTuple):
    """Types of number, or text, that an array may have.

    Attributes:
        words: the types in words, for messages.
        accepts: whether a type is one of them.
    """

    words: str
    accepts: Callable[[np.dtype[Any]], bool]


NUMBERS = Types("numbers", lambda dtype: dtype.kind in "fiu")
INTEGERS = Types("integers", lambda dtype: dtype.kind in "iu")
FLOAT32 = Types("float32", lambda dtype: dtype.kind == "f" and dtype.itemsize == 4)
TEXT = Types("text", lambda dtype: dtype.kind in "SO" and _is_text(dtype))
ANY = Types("anything", lambda _: True)


class Array(Node):
    """An array of an open file, as `Group.array` returns it.

    Attributes:
        shape: lengths.
        dtype: type of the values in the file.
        chunk: lengths of a chunk; None where the array is not stored in chunks.
        offset: byte of the file at which the values begin, in C order and of ``dtype``; None where they are not stored
            in one piece, or compressed, or as another type of the same size.
    """

    def __init__(self, path: Path, where: str, identifier: h5py.h5d.DatasetID, heaps: Heaps) -> None:
        from h5py import h5d, h5t

        super().__init__(path, where, identifier, heaps)
        if identifier.shape is None:
            raise InputError(f"{where} is empty (it has a null data space): {AGAIN}")
        self.shape: tuple[int, ...] = identifier.shape
        self.dtype: np.dtype[Any] = identifier.dtype
        # Of members that overlap, h5py would write more bytes into an array than it has room for.
        if self.dtype.names and h5t.py_create(self.dtype).get_size() != self.dtype.itemsize:
            raise InputError(f"{where} is of a compound type whose members overlap: {AGAIN}")
        made = identifier.get_create_plist()
        layout = made.get_layout()
        if layout == h5d.VIRTUAL or made.get_external_count():
            raise InputError(f"{where} {ELSEWHERE}")
        self.chunk: tuple[int, ...] | None = made.get_chunk() if layout == h5d.CHUNKED else None
        if self._chunk_bytes > LARGEST_CHUNK:
            raise InputError(f"{where} has chunks of over {LARGEST_CHUNK:,} bytes: write it again with smaller ones")
        filters = [made.get_filter(i) for i in range(made.get_nfilters())]
        self._filters = Filters(filters, self._chunk_bytes, where) if filters else None
        self._unchecked: set[int] | None = None
        if self.size and not self._is_written():
            raise InputError(f"{where}: some of its values were never written: {AGAIN}")
        # Types of other widths and bits are numbers of the same type to NumPy, but not the same bytes.
        as_numpy = layout == h5d.CONTIGUOUS and identifier.get_type() == h5t.py_create(self.dtype)
        self.offset: int | None = identifier.get_offset() if as_numpy else None

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def _chunk_bytes(self) -> int:
        return math.prod(self.chunk or ()) * self.dtype.itemsize

    def __len__(self) -> int:
        """The first length."""
        return self.shape[0]

    def whole(self) -> NDArray[Any]:
        """All values; text as bytes.

        Raises:
            InputError: they cannot be read, or have more than LARGEST bytes.
        """
        if self.size * self.dtype.itemsize > LARGEST:
            raise InputError(f"{self.where} has the shape {self.shape}, which is too large for what it is: {AGAIN}")
        return self._values((), self.where)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """The values from one place of the first axis to before another; text as bytes.

        Raises:
            InputError: they cannot be read.
        """
        last = min(stop, len(self)) - 1
        return self._values(slice(start, stop), f"{self.where}, rows {start} to {last},")

    def read(self, into: NDArray[Any]) -> None:
        """Read all values into an array of the same shape, in C order.

        Raises:
            InputError: they cannot be read, or a finite one is not finite as the other type of number.
        """
        import h5py

        if into.dtype.kind != "f" or self.dtype.kind != "f" or self.dtype.itemsize <= into.dtype.itemsize:
            with reading(self.path, self.where):
                self._check_chunks(0, len(self))
                h5py.Dataset(self.id).read_direct(into)
            return
        limit = np.finfo(into.dtype).max
        step = max(1, READ_BYTES // max(1, self.size // max(1, len(self)) * self.dtype.itemsize))
        for start in range(0, len(self), step):
            values = self.rows(start, start + step)
            with np.errstate(invalid="ignore"):
                beyond = np.isfinite(values) & (abs(values) > limit)
            if beyond.any():
                raise InputError(
                    f"{self.where} holds {values[beyond][0]:g}, beyond the largest {into.dtype}, {limit:.3g}: "
                    "correct the file or remove it"
                )
            into[start : start + step] = values

    def _values(self, key: Any, where: str) -> NDArray[Any]:
        import h5py

        if self.dtype.hasobject and not h5py.check_string_dtype(self.dtype):
            raise InputError(f"{self.where} holds objects, expected numbers or text: {AGAIN}")
        with reading(self.path, where):
            if self.dtype.hasobject:
                self._check_texts()
            self._check_chunks(*(key.indices(len(self))[:2] if isinstance(key, slice) else (0, (*self.shape, 1)[0])))
            return np.asarray(h5py.Dataset(self.id)[key], self.dtype)  # of no axis, h5py gives a bare value

    def _check_chunks(self, start: int, stop: int) -> None:
        """Check the compressed chunks with these rows, those that have not been checked before.

        Raises:
            ValueError: one inflates to more than a chunk has.
        """
        if self._filters is None or self.chunk is None:
            return
        if self._unchecked is None:
            filters, rows = self._filters, set[int]()

            def see(found: Any) -> None:
                if not filters.passes(found.size):
                    rows.add(found.chunk_offset[0])

            self._each_chunk(see)
            self._unchecked = rows
        if not self._unchecked:
            return
        first, *others = (range(0, length, width) for length, width in zip(self.shape, self.chunk, strict=True))
        for row in self._unchecked.intersection(first[start // first.step : -(-stop // first.step)]):
            for place in itertools.product([row], *others):
                found = self.id.get_chunk_info_by_coord(place)
                address = found.byte_offset - self.heaps.file.base
                self._filters.check(found.size, found.filter_mask, partial(self.heaps.file.read, address))
            self._unchecked.discard(row)

    def _each_chunk(self, see: Callable[[Any], None]) -> None:
        """Call a function with where each chunk lies, its size and what filters it was spared."""
        if hasattr(self.id, "chunk_iter"):
            self.id.chunk_iter(see)
            return
        for number in range(self.id.get_num_chunks()):  # an HDF5 library before 1.12.3
            see(self.id.get_chunk_info(number))

    def _check_texts(self) -> None:
        """Check what the library follows to texts of varying length; of chunks that are compressed, their heaps alone.

        Raises:
            ValueError: the library must not read them.
        """
        from h5py import h5d

        self.heaps.check_all()
        made = self.id.get_create_plist()
        if made.get_layout() == h5d.CONTIGUOUS:
            pieces = [(self.id.get_offset(), 16 * self.size)]
        elif self.chunk is not None and not made.get_nfilters():
            pieces = []
            self._each_chunk(lambda it: pieces.append((it.byte_offset, it.size)))
        else:
            pieces = []
        for place, count in pieces:
            self.heaps.check_references(self.heaps.file.read(place - self.heaps.file.base, count))

    def _is_written(self) -> bool:
        if self.chunk is None:
            return bool(self.id.get_storage_size())
        chunks = math.prod(-(-length // width) for length, width in zip(self.shape, self.chunk, strict=True))
        if chunks > self.heaps.file.size:  # each takes a byte at least
            return False
        if chunks > MOST_CHUNKS:
            raise InputError(f"{self.where} has {chunks:,} chunks, at most {MOST_CHUNKS:,}: write it with larger ones")
        return bool(self.id.get_num_chunks() >= chunks)


def _is_text(dtype: np.dtype[Any]) -> bool:
    import h5py

    return h5py.check_string_dtype(dtype) is not None
