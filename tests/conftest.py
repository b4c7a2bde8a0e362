"""Small data sets that the whole session shares: simulated raw files, prepared once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# The first example of a property may import libraries for seconds: time is measured in perf/, not here.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NUM_SAMPLES = 60


@pytest.fixture(scope="session")
def raw_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of ``stemdl_demo``, 60 stacks of 128 x 128, ``stemdl_reconstruction_demo``, 8 scans,
    ``cloudmask_demo``, 12 scenes, and ``candle_uno_demo``, 400 responses."""
    from sciml_datasets import simulate

    root = tmp_path_factory.mktemp("raw")
    simulate("stemdl_demo", root, num_samples=NUM_SAMPLES, seed=7)
    simulate("stemdl_reconstruction_demo", root, num_samples=8, seed=7)
    simulate("cloudmask_demo", root, num_samples=12, seed=7)
    simulate("candle_uno_demo", root, num_samples=400, seed=7, genes=40, descriptors=30)
    return root


@pytest.fixture(scope="session")
def data_dir(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demo data sets prepared from ``raw_dir``."""
    from sciml_datasets import prepare

    root = tmp_path_factory.mktemp("data")
    for name in ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo"):
        prepare(name, raw_dir, root)
    return root


@pytest.fixture(scope="session")
def sciml() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sciml_datasets.cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)

    return run
