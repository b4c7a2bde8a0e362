"""Comparison of raw files with their checksums."""

from __future__ import annotations

from pathlib import Path

from sciml_datasets import data_part
from sciml_datasets.benchmarks import find
from sciml_datasets.files.checksums import check_present, known_checksums, record_checksums
from sciml_datasets.files.hashing import hashes_of
from sciml_datasets.messages import warn


def verify_raw(name: str, folder: Path, jobs: int = 1) -> tuple[int, int]:
    """Compare the raw files of a data set with their checksums, and record those that are seen for the first time.

    Files that only some choices of the benchmark read, such as tables of omics, are compared where they are listed.

    Returns:
        Number of files that agreed with a known checksum, and number of files whose checksum was recorded; the latter
        is 0 where the folder cannot be written, of which the log warns.

    Raises:
        ChecksumError: a file differs or is missing.
        InputError: the folder does not hold the raw files of the data set.
    """
    benchmark, dataset = find(name)
    known = known_checksums(name, folder)
    check_present(folder, known)  # first, since the raw format that misses a whole split cannot name its files
    files = data_part.raw_format(benchmark, dataset, benchmark.chosen({})).files(folder)
    found = hashes_of(folder, [*dict.fromkeys([*(file.name for file in files), *known])], jobs)
    unrecorded = record_checksums(folder, known, found)
    if unrecorded:
        warn(unrecorded)
    agreed = sum(file in known for file in found)
    return agreed, 0 if unrecorded else len(found) - agreed
