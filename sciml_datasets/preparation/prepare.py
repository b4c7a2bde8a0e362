"""`prepare`: from the name of a data set to its prepared folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.benchmarks import data_root, find, preprocessed
from sciml_datasets.errors import whole
from sciml_datasets.parallel.beam import Beam
from sciml_datasets.parallel.executors import Executor, Forked, MpiRanks, Serial, check_jobs
from sciml_datasets.preparation.run import PrepareOptions, prepare_builder
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
    file_format: str | None = None,
    num_shards: int | None = None,
    restart: bool = False,
    verify_raw: bool = False,
    preprocess: bool = False,
    **choices: str,
) -> Path:
    """Prepare a data set for ``tfds.load``; nothing is done where it is prepared already.

    The result is the same to the byte for any number of processes or ranks, and after any number of interruptions, as
    long as the versions that the manifest names are the same: a preparation that was killed continues where it stopped
    when it is called again.

    Args:
        name: name of the data set, for example ``stemdl``.
        raw_dir: the folder that holds one folder of raw files per data set; default SCIML_RAW_DIR, else
            ``<data_dir>/downloads/manual``.
        data_dir: folder of prepared data sets; default TFDS_DATA_DIR, else ~/tensorflow_datasets.
        comm: an mpi4py communicator whose ranks all call this function with the same arguments.
        jobs: number of processes to fork; 1 where there is a ``comm``, whose ranks are the processes.
        beam: Apache Beam's pipeline options, to run on Beam instead.
        file_format: ``tfrecord`` (the default) or ``array_record``.
        num_shards: number of shards per split; default TFDS's rule.
        restart: remove what interrupted preparations have left.
        verify_raw: hash every raw file, and compare it with its known checksum or record it.
        preprocess: prepare the preprocessed form of the data set instead, from its raw files, transformed as they
            are read: ``stemdl_preprocessed`` of ``stemdl``, ``cloudmask_preprocessed`` of ``cloudmask``.
        choices: values of the benchmark's own choices by name, see `Benchmark.choices`.

    Returns:
        The prepared folder.

    Raises:
        InputError: there is no such data set, an argument cannot be used, raw files are missing or unusable, or they
            changed since an interrupted preparation; nothing is left that looks prepared.
        PeerFailedError: another rank failed, and raised why.
        OSError: a folder cannot be read or written.

    Example:
        >>> import sciml_datasets
        >>> folder = sciml_datasets.prepare("candle_uno_demo", raw_dir="raw", data_dir="prepared")
        >>> str(folder)
        'prepared/sciml/candle_uno_demo/2.0.0'
        >>> sciml_datasets.Prepared.open("candle_uno_demo", data_dir="prepared").folder == folder
        True
    """
    import tensorflow_datasets as tfds

    jobs = whole(jobs, "jobs")
    if num_shards is not None:
        whole(num_shards, "shards")
    if file_format is not None:
        check_format(file_format)
    executor: Executor
    if comm is not None:
        executor = MpiRanks(comm)
    elif beam is not None:
        executor = Beam(beam, data_root(data_dir) / "sciml")
    else:
        executor = Forked(jobs) if jobs > 1 else Serial()
    raw_name = name if preprocess else None
    executor.run_once(lambda: check_jobs(jobs, comm))
    name = executor.run_once(lambda: preprocessed(name) if preprocess else find(name)[1].name)
    # `tfds.builder` is not used: it puts a text of its own before the message on a wrong declaration.
    builder = tfds.builder_cls("sciml")(config=name, data_dir=data_root(data_dir), file_format=file_format)
    prepare_builder(
        builder, PrepareOptions(raw_dir, file_format, num_shards, restart, verify_raw, choices, raw_name), executor
    )
    return Path(builder.data_dir)
