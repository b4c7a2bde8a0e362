"""The folder of the raw files of a data set: it is found, or simulated for demo data."""

from __future__ import annotations

import os
from pathlib import Path

from sciml_datasets.benchmarks import find, raw_root
from sciml_datasets.errors import InputError
from sciml_datasets.messages import inform


def raw_folder(name: str, raw_dir: str | Path | None, data_dir: str | Path | None, raw_name: str | None = None) -> Path:
    """The folder of the raw files of a data set. Raw files of demo data are simulated where no raw folder is chosen.

    Args:
        name: name of the data set.
        raw_dir, data_dir: as `sciml_datasets.benchmarks.raw_root` takes them.
        raw_name: name of the data set whose raw files are taken; None for its own, else those that it is preprocessed
            from.

    Raises:
        InputError: there is no such folder.
    """
    benchmark, dataset = find(name)
    root = raw_root(raw_dir, data_dir)
    names = (raw_name,) if raw_name else (name, dataset.preprocessed_from)
    for candidate in filter(None, names):
        if (root / candidate).is_dir():
            return root / candidate
    folder = root / (raw_name or name)
    chosen = raw_dir or os.environ.get("SCIML_RAW_DIR")
    if dataset.simulated_samples and not chosen:
        from sciml_datasets.simulation import simulate

        inform(f"{name}: simulating raw files in {folder}")
        try:
            return simulate(name, root)
        except InputError:
            if not folder.is_dir():
                raise
            return folder  # a concurrent run has simulated the same files
    demo = next((dataset.name for dataset in benchmark.datasets if dataset.simulated_samples), None)
    hint = f"; sciml/{demo} needs no raw files" if demo not in (None, name) else ""
    obtain = f"{benchmark.obtain}, or simulate" if not dataset.simulated_samples else "simulate"
    raise InputError(
        f"no raw files of {name}: looked in {folder} (--raw-dir, SCIML_RAW_DIR and TFDS's manual folder decide); "
        f"{obtain} some with `sciml simulate {dataset.preprocessed_from or name} --out {root}`{hint}"
    )
