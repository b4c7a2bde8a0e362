"""The ids that the records of a split must have: those of the member lists, in their order."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow_datasets.core.data_sources.base import file_instructions

from sciml_datasets.errors import InputError
from sciml_datasets.files.mapped_files import mapped_file
from sciml_datasets.prepared.integrity import AGAIN, State, listed_of, state_of, undamaged
from sciml_datasets.prepared.members import member_list, read_members

BLOCK = 1 << 24
"""Number of bytes that are searched for ends of lines at a time."""


class RecordIds:
    """The ids of records by position; a member list is read when the first of its ids is asked for.

    It can be pickled; a process reads a list once. A folder without a manifest, written by another program, may have no
    lists: no id is known then.

    Args:
        info: dataset info of the builder.
        split: a split, a part of a split, or several splits, as in TFDS.
    """

    def __init__(self, info: Any, split: Any) -> None:
        parts = file_instructions(info, split)
        self._folder = Path(str(parts[0].filename)).parent if parts else Path()
        first = {path: place for name in info.splits for path, place in _shards(info, name)}
        self._rows = [(*first[str(part.filename)], part.skip) for part in parts]
        self._ends = list(
            accumulate(part.take if part.take >= 0 else part.examples_in_shard - part.skip for part in parts)
        )
        self._starts = [0, *self._ends]
        self._counts = {name: info.splits[name].num_examples for name in info.splits}
        self._lists: dict[str, _MappedIds | list[bytes]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """The state without the lists, which every process maps for itself."""
        return self.__dict__ | {"_lists": {}}

    def __getitem__(self, position: int) -> bytes | None:
        """The id of the record at a position from 0; None where the folder has no member lists.

        Raises:
            InputError: the member list is damaged or missing.
        """
        part = bisect_right(self._ends, position)
        split, row, skip = self._rows[part]
        return self._id(split, row + skip + position - self._starts[part])

    def firsts(self) -> list[bytes | None]:
        """The id of the first record of each file that holds some of these records, be it one of them or not."""
        return [self._id(split, row) for split, row, _ in self._rows]

    def _id(self, split: str, row: int) -> bytes | None:
        if split not in self._lists:
            if listed_of(self._folder) is None:
                return None
            path = undamaged(self._folder / member_list(split))
            found = _ids(path, state_of(path))
            if len(found) != self._counts[split]:
                raise InputError(
                    f"{path} lists {len(found):,} samples, but the shards hold {self._counts[split]:,}: {AGAIN}"
                )
            self._lists[split] = found
        return self._lists[split][row]


def _shards(info: Any, split: str) -> list[tuple[str, tuple[str, int]]]:
    """Path of each shard of a split, and the split and row of the member list at which the ids of its records begin."""
    parts = info.splits[split].file_instructions
    rows = accumulate((part.examples_in_shard for part in parts), initial=0)
    return [(str(part.filename), (split, row)) for part, row in zip(parts, rows, strict=False)]


@lru_cache(maxsize=16)
def _ids(path: Path, state: State) -> _MappedIds | list[bytes]:
    content = mapped_file(path)
    if len(_places(content, b'"')):  # lines may then be no rows
        split = path.name.removeprefix("members-").removesuffix(".tsv")
        return [key.encode() for key in read_members(path.parent, split)["id"]]
    return _MappedIds(content)


def _places(content: NDArray[np.uint8], character: bytes) -> NDArray[np.int64]:
    """The positions of a character in a file."""
    blocks = range(0, len(content), BLOCK)
    found = (np.flatnonzero(content[at : at + BLOCK] == ord(character)) + at for at in blocks)
    return np.concatenate([np.empty(0, np.int64), *found])


class _MappedIds:
    """The first column of a table without quotes: processes share the pages of the file.

    Args:
        content: (bytes,) content of the file.
    """

    def __init__(self, content: NDArray[np.uint8]) -> None:
        self._content, self._ends = content, _places(content, b"\n")

    def __len__(self) -> int:
        return max(0, len(self._ends) - 1)

    def __getitem__(self, row: int) -> bytes:
        line = self._content[self._ends[row] + 1 : self._ends[row + 1]].tobytes()  # the first line is the header
        return line.partition(b"\t")[0]
