"""The work on one item, as objects that can be sent to another machine: see `sciml_datasets.parallel.executors`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError
from sciml_datasets.files.atomic_folders import work_folder
from sciml_datasets.parallel.executors import Tick
from sciml_datasets.preparation.destination import Work
from sciml_datasets.preparation.example_checks import refuse
from sciml_datasets.preparation.example_proto import encoder
from sciml_datasets.preparation.index_checks import check_sample
from sciml_datasets.preparation.plan import Shard
from sciml_datasets.preparation.prefetch import SMALL, Extent, asked_for
from sciml_datasets.preparation.raw_sources import RawSource
from sciml_datasets.preparation.shards import WRITERS
from sciml_datasets.preparation.sorting import Spool, index_of
from sciml_datasets.preparation.tolerated import Notes
from sciml_datasets.preparation.traffic import Traffic
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.prepared.tfrecord import Parts
from sciml_datasets.raw_format import Example, RawFile, RawFormat, Sample


@dataclass(frozen=True, slots=True)
class IndexFiles:
    """Indexes some raw files: returns their samples, and the traffic that they took; progress in files.

    Attributes:
        builder: builder of the data set.
        raw_format: raw format that reads the files.
        raw: the raw files.
        beside: path beside which samples that do not fit in memory are written; None to keep all in memory.
    """

    builder: Any
    raw_format: RawFormat
    raw: RawSource
    beside: Path | None

    def __call__(self, files: Sequence[RawFile], tick: Tick) -> tuple[list[Sample] | Spool, Traffic]:
        before, folder = self.raw.traffic(), self.raw.folder

        def samples() -> Iterator[Sample]:
            for file in asked_for(files, self._extent):
                with asking(self.builder, self.raw_format, "index"):
                    found = iter(self.raw_format.index(folder, file))
                    yield from self._checked(found) if self.builder.benchmark.package else found
                tick(1)

        with self.raw.named():
            found = index_of(samples(), work_folder(self.beside)) if self.beside else list(samples())
        return found, self.raw.traffic() - before

    def _checked(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        benchmark: Benchmark = self.builder.benchmark
        where = f"{benchmark.name}: {benchmark.part_name('data')}.{type(self.raw_format).__name__}.index"
        for sample in samples:
            check_sample(sample, self.raw_format.facts, where)
            yield sample

    def _extent(self, file: RawFile) -> Extent | None:
        """The extent of a small file; None for a large file, of which the index reads little and at unknown places."""
        return Extent(self.raw.folder / file.name, 0, file.size) if file.size <= SMALL else None


@dataclass(frozen=True, slots=True)
class WriteShards:
    """Writes shards: returns their contents, and the traffic that they took; progress in samples.

    Attributes:
        builder: builder of the data set.
        raw_format: raw format that reads its raw files.
        raw: the raw files.
        work: the preparation in progress.
        samples: number of samples of all shards together.
    """

    builder: Any
    raw_format: RawFormat
    raw: RawSource
    work: Work
    samples: int

    def __call__(self, shards: Sequence[Shard], tick: Tick) -> tuple[list[Written], Traffic]:
        before = self.traffic()
        wanted = [(shard_name(self.builder, shard), partial(self._written, shard, tick)) for shard in shards]
        return self.work.write(wanted), self.traffic() - before

    def traffic(self) -> Traffic:
        """The traffic of this process so far, of raw files and of shards."""
        return self.raw.traffic() + self.work.traffic()

    def _written(self, shard: Shard, tick: Tick, path: Path) -> Written:
        """The shard, written at a path."""
        encode = encoder(self.builder.info.features)
        write = WRITERS[self.builder.info.file_format.value]
        notes = Notes(self.raw_format.tolerated, self.samples)
        folder = self.raw.folder
        with self.raw.named(), ExitStack() as opened:
            with asking(self.builder, self.raw_format, "reader"):
                read = opened.enter_context(self.raw_format.reader(folder, notes.add))

            def examples() -> Iterator[Parts]:
                for sample in asked_for(shard.samples, self._extent):
                    example = self._read(read, sample)
                    try:
                        parts = encode(example)
                    except (InputError, OSError, MemoryError):
                        raise
                    except Exception as error:  # TFDS's connectors raise whatever their libraries do
                        raise refuse(self.builder, sample, example, error) from error
                    yield parts
                    tick(1)

            written = write(path, examples())
        return replace(written, notes=notes.below(folder))

    def _read(self, read: Callable[[Sample], Example], sample: Sample) -> Example:
        try:
            return read(sample)
        except Exception:  # a context around each call would take longer than the reading of a small sample
            with asking(self.builder, self.raw_format, "reader"):
                raise

    def _extent(self, sample: Sample) -> Extent | None:
        part = self.raw_format.extent(sample)
        return Extent(self.raw.folder / sample.file, *part) if part else None


def asking(builder: Any, raw_format: RawFormat, method: str) -> AbstractContextManager[None]:
    """The context in which a method of a raw format is called, see `Benchmark.asking`."""
    benchmark: Benchmark = builder.benchmark
    return benchmark.asking("data", f"{type(raw_format).__name__}.{method}")


def shard_name(builder: Any, shard: Shard) -> str:
    """TFDS's file name of a shard: ``sciml-train.tfrecord-00000-of-00004``."""
    template = builder._get_filename_template(shard.split)
    return Path(template.sharded_filepath(shard_index=shard.index, num_shards=shard.count)).name
