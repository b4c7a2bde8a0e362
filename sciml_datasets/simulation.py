"""Simulated raw files, in exactly the official raw format of a benchmark."""

from __future__ import annotations

import importlib
import os
import shutil
from inspect import signature
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import find
from sciml_datasets.errors import InputError

DEFAULT_SAMPLES = 200
"""For data sets that are not simulated by themselves."""


def simulate(
    name: str, out_dir: str | Path, num_samples: int | None = None, seed: int = 0, jobs: int = 1, **options: Any
) -> Path:
    """Write simulated raw files of a data set to ``<out_dir>/<name>``.

    The files depend on ``num_samples``, ``seed`` and the options alone, not on ``jobs``. The folder appears when it is
    complete.

    Args:
        name: of the data set, for example ``stemdl_demo``.
        out_dir: the raw folder, which holds one folder per data set.
        num_samples: all splits together; default the table's number for demo data, else DEFAULT_SAMPLES.
        seed: of the random numbers, not negative.
        jobs: processes; each starts a fresh interpreter, so a script that asks for more than one needs a
            ``if __name__ == "__main__"`` guard.
        options: of the benchmark's simulator: ``pixels``, ``engine``, ``space_groups`` and ``structures`` for STEMDL,
            ``rows`` and ``columns`` for CloudMask.

    Returns:
        The folder.

    Raises:
        InputError: no such data set or option, a data set that is preprocessed from another, a number out of range, or
            the folder exists.
        OSError: the folder cannot be written.
    """
    benchmark, dataset = find(name)
    if dataset.preprocessed_from:
        raise InputError(
            f"{name} has no simulator of its own: simulate {dataset.preprocessed_from}, whose raw files are "
            f"transformed while they are read, `sciml prepare {dataset.preprocessed_from} --preprocess`"
        )
    if not str(out_dir):
        raise InputError("the raw folder has an empty name: name one")
    folder = Path(out_dir).expanduser() / name
    num_samples = num_samples if num_samples is not None else dataset.simulated_samples or DEFAULT_SAMPLES
    if jobs < 1:
        raise InputError(f"{jobs} jobs: expected at least 1")
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    in_use = f"{folder} exists: remove it or choose another folder"
    if folder.exists():
        raise InputError(in_use)
    module = importlib.import_module(f"sciml_datasets.{benchmark.name}.simulate")
    known = signature(module.write_raw).parameters.keys() - {"folder", "name", "num_samples", "seed", "jobs"}
    for option in options.keys() - known:
        raise InputError(f"{name} has no option {option}: choose from {', '.join(sorted(known)) or 'none'}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f"{name}.incomplete-{os.getpid()}")
    try:
        module.write_raw(work, name, num_samples=num_samples, seed=seed, jobs=jobs, **options)
        work.rename(folder)
    except OSError as error:
        if folder.exists():  # a concurrent run was first
            raise InputError(in_use) from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder
