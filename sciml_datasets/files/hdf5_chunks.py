"""Compressed chunks of HDF5 arrays: how much they inflate to is known before the HDF5 library makes room for it.

The library and its filters make room for whatever a chunk holds, not for the bytes that a chunk of the array has. So
the size that stands at the beginning of a chunk is compared first; where none stands there, a chunk that could take
more than FREELY is inflated piece by piece, and counted.

Source: HDF5 File Format Specification 3.0, IV.A.2.l (filters), and the filters of h5py and hdf5plugin.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sciml_datasets.errors import InputError

FREELY = 1 << 30
"""Bytes that a chunk may take without being counted: chunks of the size that h5py chooses are read at full speed."""
PIECE = 1 << 20
"""Bytes that are inflated at a time."""
HEAD = 18
"""Bytes at the beginning of a chunk in which its size stands."""
DEFLATE, SHUFFLE, FLETCHER32, SZIP, NBIT, SCALEOFFSET = range(1, 7)
BZIP2, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTANDARD = 307, 32000, 32001, 32004, 32008, 32015
CHECKSUM = 4
"""Bytes that FLETCHER32 adds."""
RATIOS = {DEFLATE: 1032, LZF: 88}
"""Largest number of bytes that one byte inflates to, where that is known."""

Filter = tuple[int, int, tuple[int, ...], bytes]
"""Code, flags, parameters and name of a filter."""
Content = Callable[[int], bytes]
"""The first bytes of a chunk as it is stored, at most so many."""


class Decompressor(Protocol):
    """A reader of a compressed stream, as `zlib` and `bz2` have it."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes, at most so many."""


class Filters:
    """The filters of an array.

    Args:
        filters: the filters in the order in which they are applied when a chunk is written.
        chunk: number of bytes of a chunk.
        where: the file and the array, for messages.

    Raises:
        InputError: one is unknown, or it cannot be told what comes of them.
    """

    def __init__(self, filters: Sequence[Filter], chunk: int, where: str) -> None:
        for code, _, _, name in filters:
            _find(code, name, where)
        sizing = [place for place, (code, *_) in enumerate(filters) if code not in (SHUFFLE, FLETCHER32)]
        shown = ", ".join(str(code) for code, *_ in filters)
        if len(sizing) > 1 or any(filters[place][0] not in SIZES for place in sizing):
            raise InputError(
                f"{where} is compressed in a way whose size cannot be told (filters {shown}): write it with gzip"
            )
        self._place = sizing[0] if sizing else 0
        self._filter = filters[sizing[0]] if sizing else None
        before = filters[: sizing[0]] if sizing else filters
        self._inflated = chunk + CHECKSUM * sum(code == FLETCHER32 for code, *_ in before)
        self._most = self._inflated + self._inflated // 8 + 4096
        self._least = 1 + CHECKSUM * sum(code == FLETCHER32 for code, *_ in filters)
        if self._filter and self._filter[0] == LZF and max(self._filter[2][2:3], default=0) > self._most:
            raise InputError(f"{where}: its filter states chunks of {self._filter[2][2]:,} bytes: make the file again")

    def passes(self, size: int) -> bool:
        """Whether a chunk that is stored in so many bytes needs no further look.

        Raises:
            ValueError: these are more than a chunk can have, or so few that a filter takes a checksum off of nothing,
                which ends the process; the message is a clause.
        """
        if size < self._least:
            raise ValueError(f"a chunk is stored in {size} bytes, expected {self._least} or more")
        if size > self._most:
            raise ValueError(f"a chunk of {self._inflated:,} bytes is stored in {size:,}")
        return self._filter is None or size * RATIOS.get(self._filter[0], FREELY) <= FREELY

    def check(self, size: int, mask: int, content: Content) -> None:
        """Make sure that a chunk inflates to no more than a chunk of the array has.

        Args:
            size: number of its bytes as it is stored.
            mask: bits of the filters that were left out.
            content: its bytes.

        Raises:
            ValueError: it does; the message is a clause.
        """
        if self._filter is None or self.passes(size) or mask & 1 << self._place:
            return
        code, _, parameters, _ = self._filter
        held = SIZES[code](content, size, parameters, self._inflated)
        if held > self._inflated:
            raise ValueError(f"a chunk of {self._inflated:,} bytes inflates to {held:,} or more")


def _find(code: int, name: bytes, where: str) -> None:
    """Make sure that a filter is known; those of hdf5plugin (Blosc, bitshuffle, Zstandard, ...) are."""
    from h5py import h5z

    if h5z.filter_avail(code):
        return
    import hdf5plugin

    hdf5plugin.register(force=False)
    if not h5z.filter_avail(code):
        shown = name.decode("utf-8", "backslashreplace") or "unnamed"
        raise InputError(f"{where} is compressed by the filter {code} ({shown}), which is unknown: write it with gzip")


def _counted(stream: Decompressor, content: bytes, most: int) -> int:
    """Number of bytes that a stream inflates to; of one that is damaged, up to there."""
    count, fed = 0, content
    while count <= most and not stream.eof:
        try:
            piece = stream.decompress(fed, PIECE)
        except (zlib.error, OSError):  # which the library will find as well, and tell
            break
        fed = getattr(stream, "unconsumed_tail", b"")  # bz2 keeps it itself
        count += len(piece)
        if not piece:
            break
    return count


def _lzf(content: bytes, most: int) -> int:
    """Number of bytes that a chunk of LZF inflates to: runs of literals, and references of a length."""
    place = count = 0
    while place < len(content) and count <= most:
        mark = content[place]
        if mark < 32:
            place, count = place + mark + 2, count + mark + 1
            continue
        length = mark >> 5
        if length == 7:
            place += 1
            length += content[place] if place < len(content) else 0
        place, count = place + 2, count + length + 2
    return count


def _zstandard(head: bytes) -> int:
    """The size in the header of a frame of Zstandard (RFC 8878, 3.1.1.1); 0 where none is there."""
    if len(head) < 5 or head[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    mark = head[4]
    single = mark >> 5 & 1
    place = 5 + (not single) + (0, 1, 2, 4)[mark & 3]
    width = (single, 2, 4, 8)[mark >> 6]
    return int.from_bytes(head[place : place + width], "little") + 256 * (width == 2)


def _declared(parameters: Sequence[int]) -> int:
    """The size in the parameters of NBIT and SCALEOFFSET: number of values, and bytes of each."""
    return parameters[2] * parameters[4] if len(parameters) > 4 else 0


def _number(content: Content, first: int, last: int, order: Any) -> int:
    return int.from_bytes(content(last)[first:last], order)


SIZES: dict[int, Callable[[Content, int, Sequence[int], int], int]] = {
    DEFLATE: lambda content, size, _, most: _counted(zlib.decompressobj(), content(size), most),
    BZIP2: lambda content, size, _, most: _counted(bz2.BZ2Decompressor(), content(size), most),
    LZF: lambda content, size, _, most: _lzf(content(size), most),
    SZIP: lambda content, *_: _number(content, 0, 4, "little"),
    BLOSC: lambda content, *_: _number(content, 4, 8, "little"),
    LZ4: lambda content, *_: _number(content, 0, 8, "big"),
    BITSHUFFLE: lambda content, size, parameters, _: (
        _number(content, 0, 8, "big") if len(parameters) > 4 and parameters[4] else size
    ),
    ZSTANDARD: lambda content, *_: _zstandard(content(HEAD)),
    NBIT: lambda content, size, parameters, _: _declared(parameters),
    SCALEOFFSET: lambda content, size, parameters, _: _declared(parameters),
}
"""Code of a filter to the number of bytes that a chunk inflates to, as far as that is at most a number of bytes."""
