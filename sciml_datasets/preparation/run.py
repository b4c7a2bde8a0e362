"""From raw files to a prepared folder: index, plan, write, finish; by one process, several processes or MPI ranks."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from sciml_datasets import data_part
from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import EmptySplitError, InputError, PeerFailedError, naming
from sciml_datasets.files.atomic_folders import check_vacant, work_folder
from sciml_datasets.files.checksums import known_checksums, record_checksums
from sciml_datasets.files.hashing import HashFile
from sciml_datasets.messages import inform, warn
from sciml_datasets.parallel.executors import Executor
from sciml_datasets.parallel.progress import progress
from sciml_datasets.preparation.feature_checks import check_features
from sciml_datasets.preparation.finish import finish
from sciml_datasets.preparation.index_checks import check_disjoint, check_truth
from sciml_datasets.preparation.other_files import report_other_files
from sciml_datasets.preparation.plan import ShardPlan, make_plan
from sciml_datasets.preparation.prefetch import chunks
from sciml_datasets.preparation.shards import check_format
from sciml_datasets.preparation.sorting import Spool, spooled
from sciml_datasets.preparation.tasks import IndexFiles, WriteShard, asking, shard_name
from sciml_datasets.preparation.work_folder import open_work_folder, remove_interrupted
from sciml_datasets.prepared import manifest
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.verify import check_prepared
from sciml_datasets.raw_files import raw_folder
from sciml_datasets.raw_format import RawFile, RawFormat, Sample


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """The options of a preparation.

    Attributes:
        raw_dir: the folder that holds one folder of raw files per data set.
        file_format: file format that the prepared data must have; None for any.
        num_shards: number of shards per split; None for TFDS's rule.
        restart: remove what interrupted preparations have left.
        verify_raw: hash every raw file and compare, or record, its checksum.
        choices: values of `Benchmark.choices` by name.
        raw_name: name of the data set whose raw files are read, where it is preprocessed from them; None for its own.
    """

    raw_dir: str | Path | None = None
    file_format: str | None = None
    num_shards: int | None = None
    restart: bool = False
    verify_raw: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    raw_name: str | None = None


def prepare_builder(builder: Any, options: PrepareOptions, executor: Executor) -> None:
    """Prepare the data set of a builder; afterwards the builder can read it. See `prepare`.

    Raises:
        InputError: as `prepare`; also, prepared data are damaged.
    """
    final = Path(builder.data_dir)
    if not executor.run_once(lambda: _is_prepared(builder, final, options)):
        try:
            _prepare(builder, options, executor, final)
        except (OSError, PeerFailedError):
            # A concurrent run of the same preparation may finish first and remove our work folder: all is well.
            if not (final / manifest.NAME).exists():
                raise
            if executor.rank == 0:
                remove_interrupted(final)  # what the other run could not remove while we were still writing there
    builder.info.read_from_directory(final)


def _is_prepared(builder: Any, final: Path, options: PrepareOptions) -> bool:
    check_vacant(final)
    if not final.exists():
        return False
    if final.is_dir() and not (final / manifest.NAME).exists() and (strange := sorted(final.iterdir())):
        raise InputError(
            f"{final} is no prepared data set, it holds {strange[0].name}: move it elsewhere, or choose another "
            "--data-dir"
        )
    found = check_prepared(final)
    present = {"file_format": found["file_format"], **found.get("choices", {})}
    for name, wanted in {"file_format": options.file_format, **options.choices}.items():
        if wanted is not None and present.get(name, wanted) != wanted:
            raise InputError(
                f"{final} is prepared with the {name} {present[name]}, not {wanted}: remove it or choose another "
                "--data-dir"
            )
    if builder.benchmark.package:
        check_features(final, builder.info.features)
    remove_interrupted(final)  # a run that was killed between publishing and removing has left its work folder
    return True


def _prepare(builder: Any, options: PrepareOptions, executor: Executor, final: Path) -> None:
    file_format = builder.info.file_format.value
    check_format(file_format)
    choices = executor.run_once(lambda: builder.benchmark.chosen(options.choices))
    raw_format = data_part.raw_format(builder.benchmark, builder.dataset, choices)
    folder = executor.run_once(
        lambda: raw_folder(builder.dataset.name, options.raw_dir, builder._data_dir_root, options.raw_name)
    )
    raw_files = executor.run_once(lambda: _raw_files(builder, raw_format, folder))
    executor.run_once(lambda: report_other_files(folder, raw_files, raw_format.accompanying))
    missing = executor.run_once(lambda: tuple(raw_format.missing(folder)))
    checksums = _raw_checksums(builder, options, executor, folder, raw_files)
    with _progress(executor, "Indexing", len(raw_files), " files") as advance:
        indexed = executor.map(IndexFiles(builder, raw_format, folder, final), chunks(raw_files), advance)
    identity = {
        "dataset": f"sciml/{builder.dataset.name}",
        "version": builder.dataset.version,
        "file_format": file_format,
        "features": builder.info.features.to_json(),
        **({"choices": choices} if choices else {}),
    }

    def plan_and_open() -> tuple[ShardPlan, Path, list[Written]]:
        samples = _joined(indexed, raw_format, builder.benchmark, final)
        if not samples:
            raise EmptySplitError(
                f"{builder.benchmark.name}: {_yielding(raw_format)} yields no sample from {len(raw_files):,} files of "
                f"{folder}: correct it, or put the raw files there"
            )
        plan = make_plan(samples, identity, options.num_shards, missing)
        final.parent.mkdir(parents=True, exist_ok=True)
        state = {file.name: [file.size, file.mtime_ns] for file in raw_files}
        return plan, *open_work_folder(final, {**_plan_identity(identity, plan), "raw": state}, restart=options.restart)

    try:
        plan, work, done = executor.run_once(plan_and_open)
    except (InputError, PeerFailedError):
        _forget_index(indexed)
        raise
    try:
        executor.run_once(lambda: _check_space(work, plan, done))
        finished = {written.name for written in done}
        todo = [shard for shard in plan.shards if shard_name(builder, shard) not in finished]
        started = time.perf_counter()
        count = sum(len(shard.samples) for shard in todo)
        size = sum(shard.size for shard in todo)
        write = WriteShard(builder, raw_format, folder, work, final, sum(len(shard.samples) for shard in plan.shards))
        with _progress(executor, "Writing", count, " samples", unit_bytes=size / max(count, 1)) as advance:
            done += executor.map(write, todo, advance)
        _report_missing(executor, missing, builder.benchmark)
        _summarise(executor, size, plan, len(finished), time.perf_counter() - started)
        executor.run_once(lambda: check_unchanged(folder, raw_files, _raw_files(builder, raw_format, folder)))
        with naming(final):
            executor.run_once(
                lambda: finish(builder, raw_format, folder, plan, done, raw_files, checksums, identity, work, final)
            )
    except FileNotFoundError as error:
        lost = error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(work)
        if final.exists() or (work.exists() and not lost):
            raise
        raise InputError(f"{work} was removed meanwhile, as --restart of another run does: run it again") from error
    except (InputError, PeerFailedError) as error:
        # Shards made from unusable raw files cannot be used: those files must change first.
        if executor.rank == 0 and (isinstance(error, InputError) or error.bad_input):
            shutil.rmtree(work, ignore_errors=True)
            _forget_index(indexed)
        raise


def _raw_files(builder: Any, raw_format: RawFormat, folder: Path) -> list[RawFile]:
    with asking(builder, raw_format, "files"):
        found = raw_format.files(folder)
    if not isinstance(found, list) or not all(isinstance(file, RawFile) for file in found):
        kind = f"{builder.benchmark.part_name('data')}.{type(raw_format).__name__}"
        raise InputError(f"{builder.benchmark.name}: {kind}.files returns {found!r:.80}: return a list of RawFile")
    return found


def _joined(
    indexed: Sequence[list[Sample] | Spool], raw_format: RawFormat, benchmark: Benchmark, final: Path
) -> list[Sample] | Spool:
    """The index of all files, checked where it is in memory: see `RawFormat.index`."""
    spools = [part for part in indexed if isinstance(part, Spool)]
    samples = (sample for part in indexed if not isinstance(part, Spool) for sample in part)
    if not spools:
        found = list(samples)
        check_disjoint(found, raw_format.group_kind)
        check_truth(found, raw_format.facts, benchmark)
        return found
    if len([part for part in indexed if part]) == 1:
        return spools[0]
    spooled_samples = (sample for spool in spools for part in spool.ordered().values() for sample in part)
    joined = spooled(chain(spooled_samples, samples), work_folder(final))
    for spool in spools:
        shutil.rmtree(spool.folder)
    return joined


def _yielding(raw_format: RawFormat) -> str:
    """The function that yields samples, by its name."""
    rows = getattr(raw_format, "rows", None)
    return (
        f"{rows.__module__}.{rows.__qualname__}" if inspect.isfunction(rows) else f"{type(raw_format).__name__}.index"
    )


def _forget_index(indexed: Sequence[list[Sample] | Spool]) -> None:
    """Remove the parts of the index that are on disk; where nothing fails, the end of the preparation does so."""
    for part in indexed:
        if isinstance(part, Spool):
            shutil.rmtree(part.folder, ignore_errors=True)


def _plan_identity(identity: dict[str, Any], plan: ShardPlan) -> dict[str, Any]:
    """The part of a plan that must agree before another run's shards are taken over."""
    features = hashlib.sha256(json.dumps(identity["features"], sort_keys=True).encode()).hexdigest()
    return {**identity, "features": features, "digest": plan.digest}


def _raw_checksums(
    builder: Any, options: PrepareOptions, executor: Executor, folder: Path, files: list[RawFile]
) -> dict[str, str]:
    """The SHA-256 of raw files by name, on rank 0, compared with the known ones and recorded, with ``verify_raw``.

    Without ``verify_raw`` there are none: a manifest holds no hash of bytes that were not read, and is the same whether
    hashes are known or not.
    """
    if not options.verify_raw:
        return {}
    known = executor.run_once(lambda: known_checksums(builder.dataset.name, folder))
    with _progress(executor, "Hashing", sum(file.size for file in files), "B", scale=True) as advance:
        names = [file.name for file in files]
        hashes = executor.map(HashFile(folder), names, advance)
    found = dict(zip(names, hashes, strict=False))  # empty but on rank 0
    unrecorded = executor.run_once(lambda: record_checksums(folder, known, found))
    if unrecorded and executor.rank == 0:
        warn(unrecorded)
    return known | found


def _check_space(work: Path, plan: ShardPlan, done: list[Written]) -> None:
    needed = plan.payload_bytes - sum(written.bytes for written in done)
    free = shutil.disk_usage(work).free
    if free < needed:
        raise InputError(
            f"{work.parent}: the prepared data need {needed / 1e9:.3f} GB and {free / 1e9:.3f} GB are free: "
            "make room or choose another --data-dir"
        )


def check_unchanged(folder: Path, before: list[RawFile], now: list[RawFile]) -> None:
    """Compare raw files as they were when they were indexed with what they are when all shards are written.

    Args:
        folder: folder of the raw files.
        before, now: the files at these two times.

    Raises:
        InputError: a file has changed, or was added or removed meanwhile; shards may hold data of either state.
    """
    changed = set(before) ^ set(now)
    if changed:
        name = min(file.name for file in changed)
        raise InputError(
            f"{folder / name} changed while it was prepared: run it again when no other program writes there"
        )


def _progress(
    executor: Executor, title: str, total: int, unit: str, **style: Any
) -> AbstractContextManager[Callable[[int], object]]:
    """Progress of the whole executor, shown by its leader; ``style`` as in `progress`."""
    return progress(title, total, unit, **style) if executor.rank == 0 else nullcontext(lambda _: None)


def _report_missing(executor: Executor, missing: Sequence[str], benchmark: Benchmark) -> None:
    """Log what can be done without the splits that the raw files do not have."""
    if executor.rank == 0 and missing:
        named = f", or another partition, as {benchmark.splits[0].name}:test" if benchmark.splits else ""
        inform(f"the raw files have no {' and no '.join(missing)} split: train, and score on validation{named}")


def _summarise(executor: Executor, size: int, plan: ShardPlan, taken_over: int, seconds: float) -> None:
    if executor.rank == 0:
        again = f"; {taken_over} of {len(plan.shards)} shards had been finished before" if taken_over else ""
        rate = size / 1e6 / max(seconds, 1e-9)
        text = f"{rate:.0f} MB/s, {rate / executor.size:.0f} MB/s per process{again}"
        inform(f"wrote {size / 1e6:.1f} MB in {seconds:.1f} s: {text}")
