"""`prepare`: from the name of a data set to its prepared folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from sciml_datasets.benchmarks import find, preprocessed
from sciml_datasets.errors import InputError, whole
from sciml_datasets.files.atomic_folders import work_folder
from sciml_datasets.object_stores.writable_store import WritableStore
from sciml_datasets.parallel.beam import Beam, FolderResults, Results
from sciml_datasets.parallel.executors import Executor, Forked, MpiRanks, Serial, Spawned, check_jobs
from sciml_datasets.parallel.job_array import Share, share_of
from sciml_datasets.parallel.processes import signature
from sciml_datasets.preparation.bucket_results import BucketResults
from sciml_datasets.preparation.destination import Destination
from sciml_datasets.preparation.in_bucket import InBucket
from sciml_datasets.preparation.in_folder import InFolder
from sciml_datasets.preparation.options import PrepareOptions
from sciml_datasets.preparation.places import Place, data_place, raw_place
from sciml_datasets.preparation.run import prepare_at
from sciml_datasets.preparation.shards import check_format

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions
    from mpi4py import MPI


def prepare(
    name: str,
    raw_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    comm: MPI.Intracomm | None = None,
    *,
    jobs: int = 1,
    beam: PipelineOptions | None = None,
    executor: Executor | None = None,
    share: str | None = None,
    file_format: str | None = None,
    num_shards: int | None = None,
    restart: bool = False,
    verify_raw: bool = False,
    preprocess: bool = False,
    **choices: str,
) -> Path | str:
    """Prepare a data set for ``tfds.load``; nothing is done where it is prepared already.

    The result is the same to the byte for any number of processes or ranks, and after any number of interruptions, as
    long as the versions that the manifest names are the same: a preparation that was killed continues where it stopped
    when it is called again.

    Args:
        name: name of the data set, for example ``stemdl``.
        raw_dir: the folder, or the URL of one, that holds one folder of raw files per data set; default
            SCIML_RAW_DIR, else ``<data_dir>/downloads/manual``.
        data_dir: folder of prepared data sets, or the URL of one in an object store, such as ``s3://bucket/data``;
            default TFDS_DATA_DIR, else ~/tensorflow_datasets.
        comm: an mpi4py communicator whose ranks all call this function with the same arguments.
        jobs: number of processes to fork; 1 where there is a ``comm``, whose ranks are the processes. Where URLs are
            used, processes are started anew: a script then needs an ``if __name__ == "__main__"`` guard.
        beam: Apache Beam's pipeline options, to run on Beam instead.
        executor: an object with the methods of `sciml_datasets.parallel.executors.Executor`, to run on another engine
            instead, as Dask or Ray.
        share: the share of the shards that this call writes, ``3/16`` for the fourth of 16 or ``slurm`` for that of
            this task of a job array; whichever call finds that all are written makes the folder. None for all.
        file_format: ``tfrecord`` (the default) or ``array_record``.
        num_shards: number of shards per split; default TFDS's rule.
        restart: remove what interrupted preparations have left.
        verify_raw: hash every raw file, and compare it with its known checksum or record it.
        preprocess: prepare the preprocessed form of the data set instead, from its raw files, transformed as they
            are read: ``stemdl_preprocessed`` of ``stemdl``, ``cloudmask_preprocessed`` of ``cloudmask``.
        choices: values of the benchmark's own choices by name, see `Benchmark.choices`.

    Returns:
        The prepared folder, or its URL; with a ``share`` it exists once all shares are written.

    Raises:
        InputError: there is no such data set, an argument cannot be used, raw files are missing or unusable, or they
            changed since an interrupted preparation; nothing is left that looks prepared.
        PeerFailedError: another rank failed, and raised why.
        OSError: a folder or a store cannot be read or written; what is finished is kept.

    Example:
        >>> import sciml_datasets
        >>> folder = sciml_datasets.prepare("candle_uno_demo", raw_dir="raw", data_dir="prepared")
        >>> str(folder)
        'prepared/sciml/candle_uno_demo/2.0.0'
        >>> sciml_datasets.Prepared.open("candle_uno_demo", data_dir="prepared").folder == folder
        True
    """
    jobs = whole(jobs, "jobs")
    if num_shards is not None:
        whole(num_shards, "shards")
    if file_format is not None:
        check_format(file_format)
    several = jobs if jobs > 1 and comm is None else None  # with a communicator `check_jobs` has its own words
    engines = {"comm": comm, "beam": beam, "executor": executor, "jobs": several}
    given = [engine for engine, value in engines.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} are given: choose one of them")
    leader = Serial() if comm is None else MpiRanks(comm)
    place = leader.run_once(lambda: data_place(data_dir))
    if comm is not None:
        executor = leader
    elif beam is not None:
        executor = Beam(beam, partial(_results_at, place))
    elif executor is None:
        executor = processes(jobs, place, raw_place(raw_dir))
    leader.run_once(lambda: check_jobs(jobs, comm))
    own = leader.run_once(lambda: _own_share(share, restart=restart))
    raw_name = name if preprocess else None
    name = leader.run_once(lambda: preprocessed(name) if preprocess else find(name)[1].name)
    options = PrepareOptions(raw_dir, file_format, num_shards, restart, verify_raw, choices, raw_name, own)
    builder = builder_at(place, name, file_format, choices)
    destination = leader.run_once(lambda: destination_of(name, place))
    prepare_at(destination, builder, options, executor)
    return Path(builder.data_dir) if isinstance(place, Path) else str(destination)


def builder_at(place: Place, name: str, file_format: str | None, choices: Mapping[str, str]) -> Any:
    """The builder of a data set; for a bucket one that finds nothing prepared."""
    import tensorflow_datasets as tfds

    folder = place if isinstance(place, Path) else work_folder(Path(gettempdir(), "sciml"))  # which is never made
    # `tfds.builder` is not used: it puts a text of its own before the message on a wrong declaration.
    return tfds.builder_cls("sciml")(config=name, data_dir=folder, file_format=file_format, choices=choices)


def _results_at(place: Place) -> Results:
    if isinstance(place, Path):
        return FolderResults(place / "sciml")
    return BucketResults(WritableStore(place, "data_dir"), f"sciml/beam-results-{signature()}")


def destination_of(name: str, place: Place) -> Destination:
    """The place of the prepared data of a data set.

    Args:
        name: name of the data set.
        place: place of all prepared data.

    Raises:
        InputError: there is no such data set, or the store cannot be used.
    """
    version = find(name)[1].version
    if isinstance(place, Path):
        return InFolder(place / "sciml" / name / version)
    return InBucket(WritableStore(f"{place}/sciml/{name}", "data_dir"), version)


def processes(jobs: int, *places: Place | None) -> Executor:
    """Processes of this machine: new ones where a place is in an object store, whose library does not bear a fork."""
    if jobs == 1:
        return Serial()
    return Spawned(jobs) if any(isinstance(place, str) for place in places) else Forked(jobs)


def _own_share(text: str | None, *, restart: bool) -> Share | None:
    if text is None:
        return None
    share = share_of(text)
    if restart:
        raise InputError(
            f"share {text} with --restart, which would remove what other shares have finished: leave it out; to start "
            "over, remove the work folders (*.incomplete-*) beside the prepared data before any share is started"
        )
    return share
