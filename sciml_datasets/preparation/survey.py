"""What a preparation would read and write, without doing it: ``sciml prepare --dry-run``."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.benchmarks import find, preprocessed, raw_root
from sciml_datasets.parallel.executors import MpiRanks, Serial, check_jobs
from sciml_datasets.preparation.bucket_work import REQUESTS, REQUESTS_OF_SHARD, room_of
from sciml_datasets.preparation.options import PrepareOptions
from sciml_datasets.preparation.places import Place, data_place, raw_place
from sciml_datasets.preparation.planning import planned
from sciml_datasets.preparation.prepare import builder_at, destination_of, processes

if TYPE_CHECKING:
    from mpi4py import MPI


@dataclass(frozen=True, slots=True)
class Survey:
    """What a preparation would do; sizes in bytes.

    Attributes:
        destination: path or URL of the data set.
        prepared: whether it is prepared already: then nothing would be done, and the rest is not known.
        raw: path or URL of the raw files.
        raw_files: number of the raw files.
        raw_bytes: size of the raw files.
        records: split to the number of its records.
        shards: number of shards.
        written: size of the payloads of all records, to which the framing of the file format comes.
        room: path of the folder that needs room.
        needed: room that is needed there: all that is written, or the largest shards for each process where shards are
            uploaded.
        free: room that is free there.
        requests: number of requests to write into an object store, at most; 0 for a folder.
    """

    destination: str
    prepared: bool
    raw: str = ""
    raw_files: int = 0
    raw_bytes: int = 0
    records: dict[str, int] | None = None
    shards: int = 0
    written: int = 0
    room: str = ""
    needed: int = 0
    free: int = 0
    requests: int = 0


def survey(
    name: str,
    raw_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    comm: MPI.Intracomm | None = None,
    *,
    jobs: int = 1,
    file_format: str | None = None,
    preprocess: bool = False,
    **choices: str,
) -> Survey:
    """Index and plan a preparation, and write nothing. Arguments and errors as in `prepare`."""
    leader = Serial() if comm is None else MpiRanks(comm)
    place = leader.run_once(lambda: data_place(data_dir))
    leader.run_once(lambda: check_jobs(jobs, comm))
    raw_name = name if preprocess else None
    name = leader.run_once(lambda: preprocessed(name) if preprocess else find(name)[1].name)
    destination = leader.run_once(lambda: destination_of(name, place))
    if leader.run_once(destination.prepared) is not None:
        return Survey(str(destination), prepared=True)
    raw = leader.run_once(lambda: _raw_dir(raw_dir, place))
    builder = builder_at(place, name, file_format, choices)
    options = PrepareOptions(raw, file_format, choices=choices, raw_name=raw_name)
    executor = processes(jobs, place, raw_place(raw)) if comm is None else leader
    made = planned(builder, options, executor, None)
    shards, records = made.plan.shards, Counter[str]()
    for shard in shards:
        records[shard.split] += len(shard.samples)
    in_folder = isinstance(place, Path)
    room = _existing(place) if isinstance(place, Path) else Path(tempfile.gettempdir())
    return Survey(
        str(destination),
        prepared=False,
        raw=str(made.raw),
        raw_files=len(made.raw_files),
        raw_bytes=sum(file.size for file in made.raw_files),
        records=dict(records),
        shards=len(shards),
        written=made.plan.payload_bytes,
        room=str(room),
        needed=made.plan.payload_bytes if in_folder else executor.size * room_of([shard.size for shard in shards]),
        free=shutil.disk_usage(room).free,
        requests=0 if in_folder else REQUESTS + REQUESTS_OF_SHARD * len(shards),
    )


def _raw_dir(raw_dir: str | Path | None, place: Place) -> Place:
    """The place of raw files, named, so that none are simulated."""
    found = raw_place(raw_dir)
    return raw_root(None, place if isinstance(place, Path) else None) if found is None else found


def _existing(folder: Path) -> Path:
    """The folder, or the first one above it that exists."""
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
