"""From raw files to a prepared data set: plan, write, finish; by one process, several processes or MPI ranks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError, PeerFailedError
from sciml_datasets.messages import inform
from sciml_datasets.parallel.beam import Beam
from sciml_datasets.parallel.executors import Executor, Serial
from sciml_datasets.parallel.progress import leader_progress
from sciml_datasets.preparation.destination import Destination, Work
from sciml_datasets.preparation.finish import finish
from sciml_datasets.preparation.in_folder import InFolder
from sciml_datasets.preparation.options import PrepareOptions
from sciml_datasets.preparation.plan import Shard, ShardPlan
from sciml_datasets.preparation.planning import Planned, planned, raw_files_of
from sciml_datasets.preparation.scratch import remove_left
from sciml_datasets.preparation.tasks import WriteShards, shard_name
from sciml_datasets.preparation.traffic import Traffic, mapped
from sciml_datasets.prepared.manifest import Written

DRAWS = 2
"""Least number of times that a process draws shards, where there are as many: the slower ones draw fewer."""


def prepare_builder(builder: Any, options: PrepareOptions, executor: Executor) -> None:
    """Prepare the data set of a builder in its folder; afterwards the builder can read it. See `prepare`.

    Raises:
        InputError: as `prepare`; also, prepared data are damaged.
    """
    folder = InFolder(Path(builder.data_dir))
    prepare_at(folder, builder, options, executor)
    if folder.is_finished():
        builder.info.read_from_directory(folder.final)


def prepare_at(destination: Destination, builder: Any, options: PrepareOptions, executor: Executor) -> None:
    """Prepare the data set of a builder at a place. See `prepare`.

    Raises:
        InputError: as `prepare`; also, prepared data are damaged.
    """
    if executor.run_once(lambda: _is_prepared(builder, destination, options)):
        return
    try:
        _prepare(builder, options, executor, destination)
    except (OSError, PeerFailedError):
        # A concurrent run of the same preparation may finish first and remove our work: all is well.
        if not destination.is_finished():
            raise
        if executor.rank == 0:
            destination.remove_interrupted()  # what the other run could not remove while we were still writing there


def _is_prepared(builder: Any, destination: Destination, options: PrepareOptions) -> bool:
    found = destination.prepared()
    if found is None:
        return False
    none = dict.fromkeys(builder.benchmark.of_features(options.choices), "none")
    present = {"file_format": found["file_format"], **none, **found.get("choices", {})}
    for name, wanted in {"file_format": options.file_format, **options.choices}.items():
        if wanted is not None and present.get(name, wanted) != wanted:
            raise InputError(
                f"{destination} is prepared with the {name} {present[name]}, not {wanted}: remove it or choose another "
                "--data-dir"
            )
    if builder.benchmark.package:
        destination.check_features(builder.info.features)
    destination.remove_interrupted()  # a run that was killed between publishing and removing has left its work
    remove_left()
    return True


def _prepare(builder: Any, options: PrepareOptions, executor: Executor, destination: Destination) -> None:
    made = planned(builder, options, executor, destination.beside)
    shards = made.plan.shards
    names = [shard_name(builder, shard) for shard in shards]
    own = [name for place, name in enumerate(names) if options.share is None or options.share.has(place)]
    try:
        work, done = executor.run_once(lambda: destination.open(made.essence(), own, restart=options.restart))
    except (InputError, PeerFailedError):
        made.forget_index()
        raise
    try:
        finished = {written.name for written in done}
        wanted = {*own} - finished
        todo = [shard for name, shard in zip(names, shards, strict=True) if name in wanted]
        executor.run_once(lambda: work.check_room([shard.size for shard in todo]))
        written, others = _write(builder, made, work, todo, executor, taken_over=len(finished))
        done += written
        if options.share is not None:
            everything = executor.run_once(lambda: work.collect(names))
            if everything is None:
                made.forget_index()
                _report_unfinished(executor, destination)
                return
            done = everything
        executor.run_once(
            lambda: made.raw.check_unchanged(made.raw_files, lambda: raw_files_of(builder, made.raw_format, made.raw))
        )
        executor.run_once(lambda: finish(builder, made, done, work))
        _report_traffic(executor, made.others + others + made.raw.traffic() + work.traffic())
    except FileNotFoundError as error:
        if not work.was_removed(error):
            raise
        raise InputError(f"{work} was removed meanwhile, as --restart of another run does: run it again") from error
    except (InputError, PeerFailedError) as error:
        # Shards made from unusable raw files cannot be used: those files must change first.
        if executor.rank == 0 and (isinstance(error, InputError) or error.bad_input):
            work.discard()
            made.forget_index()
        raise


def _write(
    builder: Any, made: Planned, work: Work, todo: Sequence[Shard], executor: Executor, *, taken_over: int
) -> tuple[list[Written], Traffic]:
    """Write shards, and return what was written and the traffic of the other processes; both are right on rank 0."""
    started = time.perf_counter()
    count, size = sum(len(shard.samples) for shard in todo), _payload(todo)
    write = WriteShards(builder, made.raw_format, made.raw, work, sum(len(shard.samples) for shard in made.plan.shards))
    with leader_progress(executor, "Writing", count, " samples", unit_bytes=size / max(count, 1)) as advance:
        done, others = mapped(executor, write, _groups(todo, work.together, executor), advance, write.traffic)
    _report_missing(executor, made.missing, builder.benchmark)
    _summarise(executor, size, made.plan, taken_over, time.perf_counter() - started)
    return [written for group in done for written in group], others


def _groups(shards: Sequence[Shard], together: int, executor: Executor) -> list[Sequence[Shard]]:
    """Shards in groups of at most ``together``; there are several groups for each process, where there can be.

    The workers of Beam are not counted: each shard is a group.
    """
    draws = 1 if isinstance(executor, Serial) else DRAWS
    width = 1 if isinstance(executor, Beam) else max(1, min(together, len(shards) // (draws * executor.size)))
    return [shards[at : at + width] for at in range(0, len(shards), width)]


def _payload(shards: Sequence[Shard]) -> int:
    """Number of bytes of the payloads of shards: a lower bound of what will be written."""
    return sum(shard.size for shard in shards)


def _report_missing(executor: Executor, missing: Sequence[str], benchmark: Benchmark) -> None:
    """Log what can be done without the splits that the raw files do not have."""
    if executor.rank == 0 and missing:
        named = f", or another partition, as {benchmark.splits[0].name}:test" if benchmark.splits else ""
        inform(f"the raw files have no {' and no '.join(missing)} split: train, and score on validation{named}")


def _report_unfinished(executor: Executor, destination: Destination) -> None:
    if executor.rank == 0:
        inform(f"other shares are not finished yet: whoever writes the last of them makes {destination}")


def _report_traffic(executor: Executor, traffic: Traffic) -> None:
    if executor.rank == 0 and traffic.requests:
        inform(f"object stores: {traffic}")


def _summarise(executor: Executor, size: int, plan: ShardPlan, taken_over: int, seconds: float) -> None:
    if executor.rank == 0:
        again = f"; {taken_over} of {len(plan.shards)} shards had been finished before" if taken_over else ""
        rate = size / 1e6 / max(seconds, 1e-9)
        text = f"{rate:.0f} MB/s, {rate / executor.size:.0f} MB/s per process{again}"
        inform(f"wrote {size / 1e6:.1f} MB in {seconds:.1f} s: {text}")
