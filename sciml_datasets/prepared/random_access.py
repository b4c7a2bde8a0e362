"""Random access to prepared records, for PyTorch, JAX and anything else that takes a sequence. Needs no TensorFlow.

TFDS itself offers it for ArrayRecord files only; here TFRecord shards have it too, through the offsets beside each.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from operator import index
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets.core.data_sources.base import BaseDataSource, file_instructions

from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.files.open_files import OpenFiles
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.files.text import shown
from sciml_datasets.prepared.integrity import OFFSETS_SUFFIX, undamaged
from sciml_datasets.prepared.record_fields import decoding, id_of
from sciml_datasets.prepared.record_ids import RecordIds
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, masked

OPEN_FILES = 32
"""Number of shards that a process keeps open at most."""


def check_id(found: bytes, expected: bytes, folder: str | Path, number: int) -> None:
    """Make sure that a record belongs to the sample that the member list names at its position.

    Args:
        found: the id in the record.
        expected: the id in the member list.
        folder: the prepared folder, or the path of the shard.
        number: number of the record.

    Raises:
        DamagedRecordError: it belongs to another sample, for example because two shards exchanged their names.
    """
    if found != expected:
        found_id, expected_id = (shown(key.decode("utf-8", "backslashreplace")) for key in (found, expected))
        raise DamagedRecordError(folder, number, f"it is the record of {found_id}, expected {expected_id}")


class Records(ABC):
    """The serialised examples of a split, or of a part of it, by position.

    Threads may share it; it can be pickled and survives a fork.

    Attributes:
        beside: endings of the names of the files that lie beside each shard.

    Args:
        shards: path, number of records to skip and number of records to take, for each shard in order.
    """

    beside: ClassVar[tuple[str, ...]] = ()

    def __init__(self, shards: Sequence[tuple[str, int, int]]) -> None:
        self._start(list(shards))

    def _start(self, shards: list[tuple[str, int, int]]) -> None:
        self._shards = shards
        self._ends = list(accumulate(take for _, _, take in shards))
        self._forget_files()

    def _forget_files(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        # A file that is dropped here is closed when the last thread that reads it is done.
        self._open = OpenFiles(self._opened_or_missed, lambda file: None, OPEN_FILES)

    def __getstate__(self) -> list[tuple[str, int, int]]:
        return self._shards

    def __setstate__(self, state: list[tuple[str, int, int]]) -> None:
        self._start(state)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, position: int) -> bytes:
        """The serialised example at a position; negative ones count from the end.

        Raises:
            IndexError: there is no such position.
            InputError: its file, or the offsets beside it, are missing.
            DamagedRecordError: its bytes are not those that were written.
        """
        if not -len(self) <= position < len(self):
            raise IndexError(f"record {position} of {len(self)}")
        return self._read(*self.place(position % len(self)))

    def place(self, position: int) -> tuple[str, int]:
        """The file that holds the record at a position from 0, and the number of the record in it."""
        shard = bisect_right(self._ends, position)
        path, skip, take = self._shards[shard]
        return path, skip + position - (self._ends[shard] - take)

    def __getitems__(self, positions: Iterable[int]) -> list[bytes]:
        """The serialised examples at several positions."""
        return [self[position] for position in positions]

    @abstractmethod
    def _read(self, path: str, number: int) -> bytes:
        """Record ``number`` of a file."""

    @abstractmethod
    def _opened(self, path: str) -> Any:
        """A reader of a file; it is closed when nothing refers to it any more."""

    def _file(self, path: str) -> Any:
        """The reader of a file, opened when it is first needed; the reader unused for longest is dropped for it."""
        if self._process != os.getpid():
            self._forget_files()  # the lock may have been held at the moment of the fork
        with self._lock:
            return self._open[path]

    def _opened_or_missed(self, path: str) -> Any:
        for file in map(Path, (path, *(path + suffix for suffix in self.beside))):
            if not is_there(file):
                raise InputError(
                    f"{file} is missing: `sciml verify` lists what else is missing; prepare the data set again"
                )
            regular_file(file)
        return self._opened(path)


class TFRecords(Records):
    """`Records` in TFRecord files, each with its offsets beside it."""

    beside = (OFFSETS_SUFFIX,)

    def _read(self, path: str, number: int) -> bytes:
        import google_crc32c

        shard: _Shard = self._file(path)
        if not 0 <= number < len(shard.offsets) - 1:
            raise DamagedRecordError(path, number, f"the file has {len(shard.offsets) - 1} records")
        start, end = shard.offsets[number : number + 2].tolist()
        size = end - start - HEADER_BYTES - FOOTER_BYTES
        # The payload is read apart from its frame, so that it, which may be large, is not copied out of the frame.
        header = os.pread(shard.descriptor, HEADER_BYTES, start)
        payload = os.pread(shard.descriptor, size, start + HEADER_BYTES)
        footer = os.pread(shard.descriptor, FOOTER_BYTES, end - FOOTER_BYTES)
        if len(payload) != size or struct.unpack_from("<Q", header)[0] != size:
            raise DamagedRecordError(path, number, "its length is not the one written")
        if masked(google_crc32c.value(payload)) != footer:
            raise DamagedRecordError(path, number, "its checksum does not agree")
        return payload

    def _opened(self, path: str) -> _Shard:
        return _Shard(path)


def offsets_of(path: Path) -> NDArray[np.uint64]:
    """(records + 1,) positions at which the records of a TFRecord file begin and, last, the size of the file.

    Raises:
        InputError: the offsets beside it are missing, or are not those that the manifest lists.
        DamagedRecordError: the offsets do not belong to this file.
    """
    beside = undamaged(path.with_name(path.name + OFFSETS_SUFFIX))
    content = beside.read_bytes()
    if not content or len(content) % 8:
        raise DamagedRecordError(path, 0, f"{beside.name} lists no records")
    offsets = np.frombuffer(content, "<u8")
    if offsets[-1] != regular_file(path).st_size:
        raise DamagedRecordError(path, 0, f"the size of the file is not the one in {beside.name}")
    if offsets[0] != 0 or (np.diff(offsets.astype(np.int64)) < HEADER_BYTES + FOOTER_BYTES).any():
        raise DamagedRecordError(path, 0, f"{beside.name} lists records that begin before others end")
    return offsets


class _Shard:
    """An open TFRecord file and the positions of its records; it is closed when nothing refers to it any more."""

    descriptor = -1

    def __init__(self, path: str) -> None:
        self.offsets = offsets_of(Path(path))
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # The default keeps a reference to the function when the interpreter ends and empties its modules.
        if self.descriptor >= 0:
            close(self.descriptor)


class ArrayRecords(Records):
    """`Records` in ArrayRecord files.

    The library's reader fails in a process forked after its first use: start worker processes with spawn.
    """

    def _read(self, path: str, number: int) -> bytes:
        reader = self._file(path)
        try:
            (record,) = reader.read([number])
        except (ValueError, IndexError, RuntimeError) as error:
            raise DamagedRecordError(path, number, str(error)) from error
        if not record:
            raise DamagedRecordError(path, number, "it cannot be read")
        return bytes(record)

    def _opened(self, path: str) -> Any:
        from array_record.python.array_record_module import ArrayRecordReader

        return ArrayRecordReader(path)


RECORDS = {"tfrecord": TFRecords, "array_record": ArrayRecords}
"""File format to the class that reads it."""


@dataclasses.dataclass(repr=False)
class DataSource(BaseDataSource):
    """A sequence of decoded examples (NumPy), as TFDS's own data sources are, but with arrays that may be written into.

    PyTorch warns of read-only arrays, since writing into a tensor that shares their memory is undefined.
    """

    def __post_init__(self) -> None:
        shards = [
            (str(part.filename), part.skip, part.take if part.take >= 0 else part.examples_in_shard - part.skip)
            for part in file_instructions(self.dataset_info, self.split)
        ]
        self.data_source = RECORDS[self.dataset_info.file_format.value](shards)
        self._ids = RecordIds(self.dataset_info, self.split)

    def __getitem__(self, position: SupportsIndex) -> Any:
        """The example at a position; negative ones count from the end.

        Raises:
            TypeError: the position is no whole number; several positions are for ``__getitems__``.
            IndexError: there is no such position.
            InputError: a file of the prepared folder is missing or damaged.
            DamagedRecordError: its bytes are not those that were written, or it belongs to another sample.
        """
        place = index(position)
        record = self.data_source[place]
        expected = self._ids[place % len(self)]
        if expected is not None:
            check_id(id_of(record), expected, *self.data_source.place(place % len(self)))
        try:
            return _own(self._deserialize(record))
        except Exception:
            if self.decoders is not None:  # which may have raised it
                raise
            with decoding(*self.data_source.place(place % len(self))):
                raise

    def __getitems__(self, positions: Sequence[int]) -> list[Any]:
        """The examples at several positions; see `__getitem__`."""
        return [self[position] for position in positions]


def _own(example: Any) -> Any:
    """The example with copies of the arrays that share the bytes of its record; an example not decoded is unchanged."""
    if not isinstance(example, dict):
        return example
    return {
        name: value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value
        for name, value in example.items()
    }
