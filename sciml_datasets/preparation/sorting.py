"""The index in the order of the records: in memory, or, where one raw file has too many samples, sorted on disk.

The order is TFDS's own: by its key hash, salted with the name of the split. On disk the samples lie in buckets by the
first bits of their hash; a bucket is sorted when it is read. One bucket is in memory at a time, however many samples
there are, and another process or rank needs only the folder's name.
"""

from __future__ import annotations

import marshal
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import overload

from sciml_datasets.errors import naming
from sciml_datasets.raw_format import SPLITS, Sample

IN_MEMORY = 1_000_000
"""Largest number of samples of one raw file that are kept in memory: about 0.7 kB each."""
BUCKETS = 128
"""Number of buckets of a split, a power of two."""
BUFFER_BYTES = 32 << 10
"""Number of bytes of a bucket that are gathered before they are written; its file is open only while they are."""
HASH_BYTES = 16
LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class OnDisk(Sequence[Sample]):
    """Consecutive samples of a split.

    Attributes:
        folder: folder of the buckets.
        split: the split.
        counts: number of samples in each bucket.
        start, stop: first of these samples and end of them, as places in the order of the split.
    """

    folder: Path
    split: str
    counts: tuple[int, ...]
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[Sample]:
        before = 0
        for bucket, count in enumerate(self.counts):
            first, last = max(self.start - before, 0), min(self.stop - before, count)
            if first < last:
                for row in _sorted_rows(_place(self.folder, self.split, bucket))[first:last]:
                    yield Sample(self.split, *marshal.loads(row[HASH_BYTES:]))
            before += count

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> OnDisk: ...
    def __getitem__(self, place: int | slice) -> Sample | OnDisk:
        """A sample, or consecutive samples."""
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step != 1:
                raise ValueError(f"step {step}: only consecutive samples can be taken")
            return replace(self, start=self.start + start, stop=self.start + max(start, stop))
        start = range(len(self))[place]
        return next(iter(self[start : start + 1]))


@dataclass(frozen=True)
class Spool:
    """All samples of an index, on disk.

    Attributes:
        folder: folder of the buckets; it can be removed when the samples are not needed any more.
        counts: split to the number of samples in each of its buckets.
        sizes: split to the number of bytes of its payloads.
    """

    folder: Path
    counts: Mapping[str, tuple[int, ...]]
    sizes: Mapping[str, int]

    def ordered(self) -> dict[str, Sequence[Sample]]:
        """The samples of each split, in their order, by split."""
        return {split: OnDisk(self.folder, split, found, 0, sum(found)) for split, found in self.counts.items()}


def index_of(samples: Iterable[Sample], folder: Path) -> list[Sample] | Spool:
    """The samples as a list, or, where there are more than IN_MEMORY, on disk.

    Args:
        samples: the samples, consumed one at a time.
        folder: folder to make where they do not fit.

    Raises:
        OSError: the folder cannot be written; nothing is left behind.
    """
    rest = iter(samples)
    first = list(islice(rest, IN_MEMORY + 1))
    return first if len(first) <= IN_MEMORY else spooled(chain(_consumed(first), rest), folder)


def _consumed(samples: list[Sample]) -> Iterator[Sample]:
    """The samples, each released once it is yielded."""
    samples.reverse()
    while samples:
        yield samples.pop()


def spooled(samples: Iterable[Sample], folder: Path) -> Spool:
    """Write samples to disk; see `index_of`."""
    from tensorflow_datasets.core.hashing import Hasher

    counts, sizes = {split: [0] * BUCKETS for split in SPLITS}, dict.fromkeys(SPLITS, 0)
    hashes = {split: Hasher(split).hash_key for split in SPLITS}
    shift = 8 * HASH_BYTES - (BUCKETS - 1).bit_length()
    folder.mkdir(parents=True)
    try:
        buffers = {split: [bytearray() for _ in range(BUCKETS)] for split in SPLITS}
        for sample in samples:
            split = sample.split
            number = hashes[split](sample.key)
            content = marshal.dumps((sample.key, sample.file, sample.place, sample.size, sample.group, sample.facts))
            bucket = number >> shift
            counts[split][bucket] += 1
            sizes[split] += sample.size
            buffer = buffers[split][bucket]
            buffer += LENGTH.pack(HASH_BYTES + len(content)) + number.to_bytes(HASH_BYTES) + content
            if len(buffer) >= BUFFER_BYTES:
                _append(_place(folder, split, bucket), buffer)
        for split, of_split in buffers.items():
            for bucket, buffer in enumerate(of_split):
                _append(_place(folder, split, bucket), buffer)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Spool(folder, {split: tuple(found) for split, found in counts.items()}, sizes)


def _append(path: Path, buffer: bytearray) -> None:
    """Append the gathered bytes to the file, and empty the buffer."""
    with naming(path), path.open("ab") as file:
        file.write(buffer)
    buffer.clear()


def in_memory(samples: Iterable[Sample]) -> dict[str, Sequence[Sample]]:
    """The samples of each split, in their order, by split."""
    from tensorflow_datasets.core.hashing import Hasher

    by_split: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    for sample in samples:
        by_split[sample.split].append(sample)
    found: dict[str, Sequence[Sample]] = {}
    for split, unordered in by_split.items():
        hash_key = Hasher(split).hash_key
        hashes = [hash_key(sample.key) for sample in unordered]
        found[split] = [unordered[i] for i in sorted(range(len(unordered)), key=hashes.__getitem__)]
    return found


def _place(folder: Path, split: str, bucket: int) -> Path:
    return folder / f"{split}-{bucket:03}"


def _sorted_rows(path: Path) -> list[bytes]:
    """The rows of a bucket, each its hash and then the sample, in the order of the hashes."""
    content = memoryview(path.read_bytes())
    rows, place = [], 0
    while place < len(content):
        (length,) = LENGTH.unpack_from(content, place)
        place += LENGTH.size
        rows.append(bytes(content[place : place + length]))
        place += length
    rows.sort()
    return rows
