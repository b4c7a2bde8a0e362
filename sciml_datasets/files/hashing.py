"""SHA-256 of files, one or many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sciml_datasets.errors import naming, whole
from sciml_datasets.files.regular_files import regular_file
from sciml_datasets.parallel.executors import Executor, Forked, Serial, Tick
from sciml_datasets.parallel.progress import progress

BLOCK = 1 << 20


def sha256_of(path: Path, tick: Callable[[int], object] | None = None) -> str:
    """Hexadecimal SHA-256 of a file; ``tick`` is called with the number of bytes read.

    Raises:
        InputError: it is missing, or no regular file.
        OSError: it cannot be read.
    """
    regular_file(path)
    sha256, block = hashlib.sha256(), bytearray(BLOCK)
    with naming(path), path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            sha256.update(memoryview(block)[:count])
            if tick:
                tick(count)
    return sha256.hexdigest()


@dataclass(frozen=True, slots=True)
class HashFile:
    """The SHA-256 of a file below ``folder``; progress in bytes."""

    folder: Path

    def __call__(self, name: str, tick: Tick) -> str:
        return sha256_of(self.folder / name, tick)


def hashes_of(folder: Path, names: list[str], jobs: int) -> dict[str, str]:
    """The SHA-256 of files below a folder by name, hashed by ``jobs`` processes."""
    executor: Executor = Forked(jobs) if whole(jobs, "jobs") > 1 else Serial()
    with progress("Hashing", sum((folder / name).stat().st_size for name in names), "B", scale=True) as advance:
        return dict(zip(names, executor.map(HashFile(folder), names, advance), strict=True))
