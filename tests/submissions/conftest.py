"""Run folders that tests submit."""

from __future__ import annotations

from pathlib import Path

import pytest
from submission_files import make_run


@pytest.fixture(scope="module")
def runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of three runs of ``stemdl_demo`` that differ in their seed."""
    root = tmp_path_factory.mktemp("runs")
    return [make_run(root / str(seed), data_dir, seed=seed) for seed in (0, 1, 2)]
