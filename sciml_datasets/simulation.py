"""Simulated raw files, in exactly the official raw format of a benchmark.

The module ``simulate`` of a benchmark has ``write_raw(folder, name, *, num_samples, seed, jobs, **options)``, which
makes the folder and writes into it; the options are those that `Benchmark.simulator` declares. Where many ranks may
share the work, it also has ``plan_raw``, with the same arguments except ``jobs``, which returns a list of files to
write, and ``write_file``, which writes one file and returns the number of its samples. ``WRITTEN`` is a pattern of the
names of all files in the folder, by which folders that killed processes have left are recognised and removed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from contextlib import nullcontext
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sciml_datasets import data_part
from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError, naming, whole
from sciml_datasets.files.atomic_folders import check_vacant, remove_abandoned, work_folder
from sciml_datasets.files.checksums import NAME, Checksum, write_list
from sciml_datasets.files.hashing import HashFile
from sciml_datasets.files.regular_files import is_companion
from sciml_datasets.parallel.executors import Executor
from sciml_datasets.parallel.processes import signature
from sciml_datasets.parallel.progress import leader_progress, progress
from sciml_datasets.paths import path_of

if TYPE_CHECKING:
    from mpi4py import MPI

DEFAULT_SAMPLES = 200
"""Number of simulated samples of data sets that are no demos."""
MOST_SAMPLES = 10**8
"""Largest number of samples that is simulated: the plan of all samples is made in memory before the first is written.
The largest real data set, the single-drug growth of CANDLE-UNO, has 27,769,716 rows."""

MOST_SIZE = 10**8
"""Largest whole number of an option: libraries refuse arrays with longer sides in words of their own."""


def simulate(
    name: str,
    out_dir: str | Path,
    num_samples: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    comm: MPI.Intracomm | None = None,
    **options: Any,
) -> Path:
    """Write simulated raw files of a data set to ``<out_dir>/<name>``.

    The files depend on ``num_samples``, ``seed`` and the options alone, not on the processes that write them. The
    folder appears when it is complete, with the checksums of the files in ``checksums.tsv``.

    Args:
        name: name of the data set, for example ``stemdl_demo``.
        out_dir: the raw folder, which holds one folder per data set.
        num_samples: number of samples of all splits together; default the declared number for demo data, else
            DEFAULT_SAMPLES.
        seed: seed of the random numbers, not negative.
        jobs: number of processes; each starts a new interpreter, so a script that uses more than one needs an
            ``if __name__ == "__main__"`` guard.
        comm: an mpi4py communicator whose ranks all call this function with the same arguments; ``jobs`` is 1 then.
        options: values of the choices of the simulator by name, see `Benchmark.simulator`: ``pixels``, ``engine``,
            ``space_groups`` and ``structures`` for STEMDL, ``rows`` and ``columns`` for CloudMask.

    Returns:
        The folder.

    Raises:
        InputError: there is no such data set or option, ``out_dir`` cannot be a path on this machine, the data set is
            preprocessed from another, a number is out of range, the folder exists, or ``comm`` is given for a data set
            that one process simulates.
        PeerFailedError: another rank failed, and raised why.
        OSError: the folder cannot be written.

    Example:
        >>> import sciml_datasets
        >>> folder = sciml_datasets.simulate("cloudmask_demo", "simulated", num_samples=3, rows=256, columns=256)
        >>> len(list(folder.rglob("*.hdf")))  # a file for each scene of 256 x 256 pixels
        3
    """
    from sciml_datasets.parallel.executors import MpiRanks, Serial, check_jobs

    executor = Serial() if comm is None else MpiRanks(comm)
    benchmark, dataset = executor.run_once(lambda: find(name))
    if dataset.preprocessed_from:
        raise InputError(
            f"{name} has no simulator of its own: simulate {dataset.preprocessed_from}, whose raw files are "
            f"transformed while they are read, `sciml prepare {dataset.preprocessed_from} --preprocess`"
        )
    folder = executor.run_once(lambda: path_of(out_dir, "out_dir")) / name
    num_samples = num_samples if num_samples is not None else dataset.simulated_samples or DEFAULT_SAMPLES
    executor.run_once(
        lambda: bool(benchmark.attribute("simulate", "write_raw"))
    )  # one rank reports it where there is none
    module = benchmark.module("simulate")
    in_use = f"{folder} exists: remove it or choose another folder"

    def begin() -> Path:
        check_jobs(whole(jobs, "jobs"), comm)
        if seed < 0:
            raise InputError(f"seed {seed}: expected 0 or more")
        if num_samples > MOST_SAMPLES:
            raise InputError(f"{num_samples:,} samples: expected at most {MOST_SAMPLES:,}")
        check_vacant(folder)
        if folder.exists():
            raise InputError(in_use)
        benchmark.check_chosen(benchmark.simulator, options)
        for choice in benchmark.simulator:
            if choice.values == "integer" and (value := options.get(choice.name)) is not None and value > MOST_SIZE:
                raise InputError(f"{choice.name} {value:,}: expected at most {MOST_SIZE:,}")
        if comm is not None and not hasattr(module, "plan_raw"):
            raise InputError(f"{name} is simulated by one process or by --jobs: leave the launcher out")
        folder.parent.mkdir(parents=True, exist_ok=True)
        if hasattr(module, "WRITTEN"):
            remove_abandoned(folder, names_written(module.WRITTEN))
        return work_folder(folder, signature())

    work = executor.run_once(begin)
    try:
        with naming(folder), benchmark.asking("simulate", "write_raw"):
            if comm is None:
                module.write_raw(work, name, num_samples=num_samples, seed=seed, jobs=jobs, **options)
            else:
                files = executor.run_once(
                    lambda: module.plan_raw(work, name, num_samples=num_samples, seed=seed, **options)
                )
                shown = executor.rank == 0
                with (
                    progress("Simulating", num_samples, " samples") if shown else nullcontext(lambda _: None) as advance
                ):
                    executor.map(lambda file, tick: tick(module.write_file(file)), files, advance)
        _record_checksums(executor, work, data_part.raw_format(benchmark, dataset, benchmark.chosen({})).accompanying)
        executor.run_once(lambda: work.rename(folder))
    except OSError as error:
        if not work.exists() and isinstance(error, FileNotFoundError) and benchmark.package:
            raise InputError(
                f"{benchmark.name}: {module.__name__}.write_raw does not make its folder: call folder.mkdir() in it"
            ) from error
        if folder.exists():  # a concurrent run was first
            raise InputError(in_use) from error
        raise
    finally:
        if executor.rank == 0:
            shutil.rmtree(work, ignore_errors=True)
    return folder


def names_written(of_simulator: re.Pattern[str]) -> re.Pattern[str]:
    """Pattern of the names in the folder of a simulation: those that the simulator writes, and the checksums."""
    return re.compile(f"{of_simulator.pattern}|{re.escape(NAME)}", of_simulator.flags)


def _record_checksums(executor: Executor, folder: Path, accompanying: Collection[str]) -> None:
    """Write the checksums of raw files into their folder, as a fetch does, so that later damage to them is found.

    Args:
        executor: ranks that share the work.
        folder: folder of the raw files.
        accompanying: glob patterns of names of other files in it, see `RawFormat.accompanying`.
    """

    def files() -> dict[str, int]:
        paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not is_companion(path.name))
        own = (path for path in paths if not any(fnmatchcase(path.name, pattern) for pattern in accompanying))
        return {path.relative_to(folder).as_posix(): path.stat().st_size for path in own}

    sizes = executor.run_once(files)
    with leader_progress(executor, "Hashing", sum(sizes.values()), "B", scale=True) as advance:
        hashes = executor.map(HashFile(folder), [*sizes], advance)
    found = dict(zip(sizes, hashes, strict=False))  # empty but on rank 0
    executor.run_once(
        lambda: write_list(folder / NAME, {name: Checksum(found[name], size) for name, size in sizes.items()})
    )
