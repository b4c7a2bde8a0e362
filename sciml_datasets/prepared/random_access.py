"""Random access to prepared records: their bytes by position, checked. Needs no TensorFlow.

TFDS itself offers it for ArrayRecord files only; here TFRecord shards have it too, through the offsets beside each. Of
data at a URL the records that are asked for are fetched by their places, several at a time.
"""

from __future__ import annotations

import os
import struct
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.files.open_files import OpenFiles
from sciml_datasets.files.regular_files import is_there, regular_file
from sciml_datasets.files.text import shown
from sciml_datasets.prepared.integrity import OFFSETS_SUFFIX, undamaged
from sciml_datasets.prepared.large_tensors import Apart, LargeTensors
from sciml_datasets.prepared.remote import have_whole, mirror_of
from sciml_datasets.prepared.tfrecord import FOOTER_BYTES, HEADER_BYTES, masked

if TYPE_CHECKING:
    from sciml_datasets.object_stores.mirror import Mirror
    from sciml_datasets.object_stores.partial_copy import PartialCopy

FRAME = HEADER_BYTES + FOOTER_BYTES
"""Number of bytes of a TFRecord beside its payload."""
FEW = 2
"""Number of neighbouring records from which one call reads several."""
OPEN_FILES = 32
"""Number of shards that a process keeps open at most."""
RUN_BYTES = 1 << 18
"""Number of bytes of neighbouring records up to which one call reads them: more are sooner read one by one, since each
is copied out of what was read."""
FETCHED_BYTES = 1 << 22
"""Number of bytes of records from which they are a group whose missing parts are asked for together."""


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
        self._starts = {0, *self._ends}
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
        return self._read(*self.place(self.checked(position)))

    def place(self, position: int) -> tuple[str, int]:
        """The file that holds the record at a position from 0, and the number of the record in it."""
        shard = bisect_right(self._ends, position)
        path, skip, take = self._shards[shard]
        return path, skip + position - (self._ends[shard] - take)

    def __getitems__(self, positions: Iterable[int]) -> list[bytes]:
        """The serialised examples at several positions, in the order of these; see `__getitem__`. They are read in the
        order of the files."""
        wanted = [self.checked(position) for position in positions]
        places = sorted({*wanted})
        found = dict(zip(places, self.in_order(places), strict=True))
        return [found[position] for position in wanted]

    def in_order(self, positions: list[int]) -> Iterator[bytes]:
        """The serialised examples at ascending positions from 0, read as they are taken; see `__getitems__`."""
        for group in self.fetched(positions):
            for run in self._runs(group):
                path, first = self.place(run[0])
                yield from self._read_run(path, range(first, first + len(run)))

    def fetched(self, positions: list[int]) -> Iterable[list[int]]:
        """Ascending positions from 0 in groups; of data at a URL, the records of a group are here when it is given."""
        return [positions]

    def checked(self, position: int) -> int:
        """A position counted from 0; negative ones count from the end.

        Raises:
            IndexError: there is no such position.
        """
        if not -len(self) <= position < len(self):
            raise IndexError(f"record {position} of {len(self)}")
        return position % len(self)

    def _runs(self, positions: list[int]) -> Iterator[list[int]]:
        """Ascending positions in groups of neighbours in one file."""
        run: list[int] = []
        for position in positions:
            if run and (position != run[-1] + 1 or position in self._starts):
                yield run
                run = []
            run.append(position)
        if run:
            yield run

    def _read_run(self, path: str, numbers: range) -> Iterable[bytes]:
        """Consecutive records of a file."""
        return (self._read(path, number) for number in numbers)

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

    def fetched(self, positions: list[int]) -> Iterable[list[int]]:
        """See `Records.fetched`; while a group is read, the next ones come."""
        mirror = mirror_of(Path(self._shards[0][0]).parent) if self._shards else None
        return [positions] if mirror is None else self._fetched(mirror, positions)

    def _fetched(self, mirror: Mirror, positions: list[int]) -> Iterator[list[int]]:
        mirror.look_up({Path(self.place(position)[0]).name: None for position in positions})
        return mirror.coming(self._groups(positions))

    def _groups(self, positions: list[int]) -> Iterator[tuple[list[int], list[tuple[PartialCopy, int, int]]]]:
        """Positions in groups of about `FETCHED_BYTES`, each with the places of those in copies that are not whole."""
        group, wanted, size = list[int](), list[tuple["PartialCopy", int, int]](), 0
        for position in positions:
            path, number = self.place(position)
            shard: _Shard = self._file(path)
            group.append(position)
            if shard.copy is not None and number < len(shard.offsets) - 1:
                start, end = shard.offsets[number : number + 2].tolist()
                wanted.append((shard.copy, start, end))
                size += end - start
            if size >= FETCHED_BYTES:
                yield group, wanted
                group, wanted, size = [], [], 0
        if group:
            yield group, wanted

    def _file(self, path: str) -> _Shard:
        shard: _Shard = super()._file(path)
        if shard.copy is not None and shard.copy.evicted:  # by another process that needed the room
            with self._lock:
                self._open.forget(path)
            shard = super()._file(path)
        return shard

    def _opened_or_missed(self, path: str) -> _Shard:
        mirror = mirror_of(Path(path).parent)
        if mirror is not None:
            mirror.look_up([Path(path).name])
            copy = mirror.copy(Path(path).name)
            if copy is not None:
                return _Shard(path, mirror, copy)
        shard: _Shard = super()._opened_or_missed(path)
        return shard

    def _read(self, path: str, number: int) -> bytes:
        shard = self._file(path)
        if not 0 <= number < len(shard.offsets) - 1:
            raise DamagedRecordError(path, number, f"the file has {len(shard.offsets) - 1} records")
        start, end = shard.offsets[number : number + 2].tolist()
        size = end - start - FRAME
        shard.have(start, end)
        # The payload is read apart from its frame, so that it, which may be large, is not copied out of the frame.
        header = os.pread(shard.descriptor, HEADER_BYTES, start)
        payload = os.pread(shard.descriptor, size, start + HEADER_BYTES)
        footer = os.pread(shard.descriptor, FOOTER_BYTES, end - FOOTER_BYTES)
        return _undamaged(path, number, header, payload, footer, size)

    def _read_run(self, path: str, numbers: range) -> Iterator[bytes]:
        shard = self._file(path)
        at = numbers.start
        while at < numbers.stop:
            offsets = shard.offsets[at : numbers.stop + 1]
            count = int(np.searchsorted(offsets, offsets[0] + RUN_BYTES, "right")) - 1 if len(offsets) else 0
            if count < FEW:
                yield self._read(path, at)
                at += 1
                continue
            places = (offsets[: count + 1] - offsets[0]).tolist()
            shard.have(int(offsets[0]), int(offsets[count]))
            frames = os.pread(shard.descriptor, places[-1], int(offsets[0]))
            for number, (start, end) in enumerate(pairwise(places), at):
                first, last = start + HEADER_BYTES, end - FOOTER_BYTES
                yield _undamaged(
                    path, number, frames[start:first], frames[first:last], frames[last:end], end - start - FRAME
                )
            at += count

    def read_apart(self, path: str, number: int, tensors: LargeTensors) -> Apart | None:
        """Record ``number`` of a file without its large tensors, and these; None where something is not as expected,
        which reading it whole reports."""
        shard = self._file(path)
        if not 0 <= number < len(shard.offsets) - 1:
            return None
        start, end = shard.offsets[number : number + 2].tolist()
        shard.have(start, end)
        return tensors.read(shard.descriptor, start, end)

    def _opened(self, path: str) -> _Shard:
        return _Shard(path)


def _undamaged(path: str, number: int, header: bytes, payload: bytes, footer: bytes, size: int) -> bytes:
    """The payload, where length and checksum agree."""
    import google_crc32c

    if len(payload) != size or len(header) != HEADER_BYTES or struct.unpack("<Q", header[:8])[0] != size:
        raise DamagedRecordError(path, number, "its length is not the one written")
    if masked(google_crc32c.value(payload)) != footer:
        raise DamagedRecordError(path, number, "its checksum does not agree")
    return payload


def offsets_of(path: Path, size: int | None = None) -> NDArray[np.uint64]:
    """(records + 1,) positions at which the records of a TFRecord file begin and, last, the size of the file.

    Args:
        path: path of the file.
        size: its size, where it is not there as a whole.

    Raises:
        InputError: the offsets beside it are missing, or are not those that the manifest lists.
        DamagedRecordError: the offsets do not belong to this file.
    """
    beside = undamaged(path.with_name(path.name + OFFSETS_SUFFIX))
    content = beside.read_bytes()
    if not content or len(content) % 8:
        raise DamagedRecordError(path, 0, f"{beside.name} lists no records")
    offsets = np.frombuffer(content, "<u8")
    if offsets[-1] != (regular_file(path).st_size if size is None else size):
        raise DamagedRecordError(path, 0, f"the size of the file is not the one in {beside.name}")
    if offsets[0] != 0 or (np.diff(offsets.astype(np.int64)) < HEADER_BYTES + FOOTER_BYTES).any():
        raise DamagedRecordError(path, 0, f"{beside.name} lists records that begin before others end")
    return offsets


class _Shard:
    """An open TFRecord file and the positions of its records; it is closed when nothing refers to it any more.

    Of a file at a URL it is the copy in the cache, of which only what `have` was called for can be read.
    """

    descriptor = -1

    def __init__(self, path: str, mirror: Mirror | None = None, copy: PartialCopy | None = None) -> None:
        self.copy, self._mirror = copy, mirror
        self.offsets = offsets_of(Path(path), None if copy is None else copy.size)
        self.descriptor = os.open(path, os.O_RDONLY) if copy is None else os.dup(copy.descriptor)

    def have(self, start: int, end: int) -> None:
        """Fetch what is missing between two positions."""
        if self.copy is not None and self._mirror is not None:
            self._mirror.ensure([(self.copy, start, end)])

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # The default keeps a reference to the function when the interpreter ends and empties its modules.
        if self.descriptor >= 0:
            close(self.descriptor)


class ArrayRecords(Records):
    """`Records` in ArrayRecord files.

    The library's reader fails in a process forked after its first use: start worker processes with spawn.
    """

    def _read(self, path: str, number: int) -> bytes:
        (record,) = self._read_run(path, range(number, number + 1))
        return record

    def _read_run(self, path: str, numbers: range) -> Iterable[bytes]:
        reader = self._file(path)
        try:
            records = reader.read([*numbers])
        except (ValueError, IndexError, RuntimeError) as error:
            if len(numbers) > 1:  # which of them it is
                return super()._read_run(path, numbers)
            raise DamagedRecordError(path, numbers[0], str(error)) from error
        for number, record in zip(numbers, records, strict=True):
            if not record:
                raise DamagedRecordError(path, number, "it cannot be read")
        return [bytes(record) for record in records]

    def _opened_or_missed(self, path: str) -> Any:
        have_whole([path])
        return super()._opened_or_missed(path)

    def _opened(self, path: str) -> Any:
        from array_record.python.array_record_module import ArrayRecordReader

        return ArrayRecordReader(path)


RECORDS: dict[str, Any] = {"tfrecord": TFRecords, "array_record": ArrayRecords}
"""File format to the class that reads it."""
