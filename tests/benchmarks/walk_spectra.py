"""Every command on the spectra of ``examples/spectra``, in one process of the environment that it is installed in.

``python walk_spectra.py FOLDER`` works in a folder and prints name of each step to its exit code and output, as JSON.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import sciml_datasets
from my_spectra import BENCHMARK
from sciml_datasets.cli.main import main
from sciml_datasets.testing import check_benchmark

NAME = "spectra_demo"


def sciml(command: str) -> tuple[int, str]:
    """Exit code of a command, and what it prints."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        code = main(command.split())
    return code, output.getvalue()


def loaded(data_dir: str) -> str:
    """Shape and label of the first supervised pair."""
    import tensorflow_datasets as tfds

    data = tfds.load(f"sciml/{NAME}", split="train", data_dir=data_dir, as_supervised=True)
    spectrum, mineral = next(iter(tfds.as_numpy(data)))
    return f"{spectrum.shape} {spectrum.dtype} {int(mineral)}"


def read_at_random(data_dir: str) -> str:
    """Number of examples of the test split, and the features of the first."""
    import tensorflow_datasets as tfds

    source = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=data_dir)
    return f"{len(source)} {' '.join(sorted(source[0]))}"


def folded(data_dir: str) -> str:
    """Number of samples in each of five folds by specimen."""
    return " ".join(str(len(test)) for _, test in sciml_datasets.folds(NAME, k=5, by="specimen", data_dir=data_dir))


def checked() -> str:
    """Nothing, where the benchmark passes its own suite."""
    check_benchmark(BENCHMARK)
    return ""


def walk(folder: Path) -> dict[str, tuple[int, str]]:
    """All steps in order."""
    data = f"--data-dir {folder / 'data'}"
    run, submission = folder / "run", folder / "submissions/O/spectra/Y/X"
    statement = f"--organization O --system Y --descriptor X --to {folder / 'submissions'} --commit {'0123456789' * 4}"
    statement += " --repository https://example.org/code"
    commands = {
        "list": "list",
        "simulate": f"simulate {NAME} --out {folder / 'raw'} --noise 0.5",
        "prepare": f"prepare {NAME} --raw-dir {folder / 'raw'} {data} --jobs 2",
        "info": f"info {NAME} {data}",
        "verify": f"verify {NAME} {data}",
        "train": f"train {NAME} {data} --out {run} --epochs 3",
        "predict": f"predict {NAME} {data} --run {run} --out {folder / 'p.h5'}",
        "evaluate": f"evaluate {NAME} {data} --predictions {folder / 'p.h5'} --out {folder / 'result.json'}",
        "submit": f"submit {run} {statement}",
        "check": f"check {submission} {data}",
        "leaderboard": f"leaderboard {folder / 'submissions'} --out {folder / 'site'}",
        "stage": f"stage {NAME} {data} --to {folder / 'local'}",
        "show": f"show {NAME} {data} --out {folder / 'picture.png'}",
    }
    steps = {name: sciml(command) for name, command in commands.items()}
    readers: dict[str, Callable[[str], str]] = {"load": loaded, "data_source": read_at_random, "folds": folded}
    steps |= {name: (0, reader(str(folder / "data"))) for name, reader in readers.items()}
    return steps | {"suite": (0, checked())}


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]))))
