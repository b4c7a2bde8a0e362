"""From raw files to the plan of a data set: files, index, shards; every process that takes part calls it."""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from sciml_datasets import data_part
from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import EmptySplitError, InputError, PeerFailedError
from sciml_datasets.files.atomic_folders import work_folder
from sciml_datasets.files.checksums import known_checksums, record_checksums
from sciml_datasets.files.hashing import HashFile
from sciml_datasets.messages import warn
from sciml_datasets.parallel.executors import Executor
from sciml_datasets.parallel.progress import leader_progress
from sciml_datasets.preparation.index_checks import check_disjoint, check_truth
from sciml_datasets.preparation.options import PrepareOptions
from sciml_datasets.preparation.other_files import report_other_files
from sciml_datasets.preparation.plan import ShardPlan, make_plan
from sciml_datasets.preparation.prefetch import chunks
from sciml_datasets.preparation.raw_sources import RawFolder, RawSource, raw_source
from sciml_datasets.preparation.shards import check_format
from sciml_datasets.preparation.sorting import OnDisk, Spool, spooled
from sciml_datasets.preparation.tasks import IndexFiles, asking
from sciml_datasets.preparation.traffic import Traffic, mapped
from sciml_datasets.raw_format import RawFile, RawFormat, Sample

Index = Sequence[list[Sample] | Spool]
"""The parts of an index, in memory or on disk."""


@dataclass(frozen=True)
class Planned:
    """A planned preparation.

    Attributes:
        raw_format: raw format that reads the raw files.
        raw: place of the raw files.
        raw_files: the raw files as they were when they were listed.
        missing: splits that the raw files do not have.
        checksums: SHA-256 of raw files by name, where they were asked for; on rank 0.
        index: the index; on rank 0.
        others: traffic of the other processes that have made the index; on rank 0.
        identity: identity of the data set, as JSON.
        plan: the shards.
    """

    raw_format: RawFormat
    raw: RawSource
    raw_files: list[RawFile]
    missing: tuple[str, ...]
    checksums: dict[str, str]
    index: Index
    others: Traffic
    identity: dict[str, Any]
    plan: ShardPlan

    def essence(self) -> dict[str, Any]:
        """The part of a plan that must agree before another run's shards are taken over."""
        features = hashlib.sha256(json.dumps(self.identity["features"], sort_keys=True).encode()).hexdigest()
        raw = {file.name: [file.size, file.mtime_ns] for file in self.raw_files}
        return {**self.identity, "features": features, "digest": self.plan.digest, "raw": raw}

    def forget_index(self) -> None:
        """Remove the parts of the index that are on disk; where nothing fails, the end of the preparation does so."""
        _forget(self.index)
        for shard in self.plan.shards:
            if isinstance(shard.samples, OnDisk):
                shutil.rmtree(shard.samples.folder, ignore_errors=True)


def planned(builder: Any, options: PrepareOptions, executor: Executor, beside: Path | None) -> Planned:
    """List, index and order the raw files of a data set.

    Args:
        builder: builder of the data set.
        options: options of the preparation.
        executor: processes that share the work.
        beside: path beside which an index that does not fit in memory is written; None to keep it in memory.

    Raises:
        InputError: as `sciml_datasets.prepare`.
        PeerFailedError: another process failed.
    """
    file_format = builder.info.file_format.value
    check_format(file_format)
    choices = executor.run_once(lambda: builder.benchmark.chosen(options.choices))
    raw_format = data_part.raw_format(builder.benchmark, builder.dataset, choices)
    data_dir = builder._data_dir_root if beside else None
    raw = executor.run_once(lambda: raw_source(builder.dataset.name, options, data_dir))
    files = executor.run_once(lambda: raw_files_of(builder, raw_format, raw))
    if isinstance(raw, RawFolder):
        executor.run_once(lambda: report_other_files(raw.folder, files, raw_format.accompanying))
    missing = executor.run_once(lambda: tuple(raw_format.missing(raw.folder)))
    checksums = _raw_checksums(builder, options, executor, raw, files)
    with leader_progress(executor, "Indexing", len(files), " files") as advance:
        work = IndexFiles(builder, raw_format, raw, beside)
        index, others = mapped(executor, work, chunks(files), advance, raw.traffic)
    identity = {
        "dataset": f"sciml/{builder.dataset.name}",
        "version": builder.dataset.version,
        "file_format": file_format,
        "features": builder.info.features.to_json(),
        **({"choices": choices} if choices else {}),
    }

    def plan() -> ShardPlan:
        samples = _joined(index, raw_format, builder.benchmark, beside)
        if not samples:
            raise EmptySplitError(
                f"{builder.benchmark.name}: {_yielding(raw_format)} yields no sample from {len(files):,} files of "
                f"{raw}: correct it, or put the raw files there"
            )
        return make_plan(samples, identity, options.num_shards, missing)

    try:
        shards = executor.run_once(plan)
    except (InputError, PeerFailedError):
        _forget(index)
        raise
    return Planned(raw_format, raw, files, missing, checksums, index, others, identity, shards)


def raw_files_of(builder: Any, raw_format: RawFormat, raw: RawSource) -> list[RawFile]:
    """All raw files of a place.

    Raises:
        InputError: there are none, or the raw format returns something else.
    """
    with raw.named(), asking(builder, raw_format, "files"):
        found = raw_format.files(raw.folder)
    if not isinstance(found, list) or not all(isinstance(file, RawFile) for file in found):
        kind = f"{builder.benchmark.part_name('data')}.{type(raw_format).__name__}"
        raise InputError(f"{builder.benchmark.name}: {kind}.files returns {found!r:.80}: return a list of RawFile")
    return found


def _joined(index: Index, raw_format: RawFormat, benchmark: Benchmark, beside: Path | None) -> list[Sample] | Spool:
    """The index of all files, checked where it is in memory: see `RawFormat.index`."""
    spools = [part for part in index if isinstance(part, Spool)]
    samples = (sample for part in index if not isinstance(part, Spool) for sample in part)
    if beside is None or not spools:
        found = list(samples)
        check_disjoint(found, raw_format.group_kind)
        check_truth(found, raw_format.facts, benchmark)
        return found
    if len([part for part in index if part]) == 1:
        return spools[0]
    spooled_samples = (sample for spool in spools for part in spool.ordered().values() for sample in part)
    joined = spooled(chain(spooled_samples, samples), work_folder(beside))
    for spool in spools:
        shutil.rmtree(spool.folder)
    return joined


def _yielding(raw_format: RawFormat) -> str:
    """The function that yields samples, by its name."""
    rows = getattr(raw_format, "rows", None)
    return (
        f"{rows.__module__}.{rows.__qualname__}" if inspect.isfunction(rows) else f"{type(raw_format).__name__}.index"
    )


def _forget(index: Index) -> None:
    for part in index:
        if isinstance(part, Spool):
            shutil.rmtree(part.folder, ignore_errors=True)


def _raw_checksums(
    builder: Any, options: PrepareOptions, executor: Executor, raw: RawSource, files: list[RawFile]
) -> dict[str, str]:
    """The SHA-256 of raw files by name, on rank 0, compared with the known ones and recorded, with ``verify_raw``.

    Without ``verify_raw`` there are none: a manifest holds no hash of bytes that were not read, and is the same whether
    hashes are known or not.
    """
    if not options.verify_raw:
        return {}
    if not isinstance(raw, RawFolder):
        raise InputError(f"{raw}: --verify-raw hashes raw files in a folder of this machine: leave it out")
    folder = raw.folder
    known = executor.run_once(lambda: known_checksums(builder.dataset.name, folder))
    with leader_progress(executor, "Hashing", sum(file.size for file in files), "B", scale=True) as advance:
        names = [file.name for file in files]
        hashes = executor.map(HashFile(folder), names, advance)
    found = dict(zip(names, hashes, strict=False))  # empty but on rank 0
    unrecorded = executor.run_once(lambda: record_checksums(folder, known, found))
    if unrecorded and executor.rank == 0:
        warn(unrecorded)
    return known | found
