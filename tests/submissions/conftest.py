"""Run folders that tests submit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shared_folders import made_once
from submission_files import make_run

SEEDS = (0, 1, 2)


@pytest.fixture(scope="session")
def runs(data_dir: Path, session_dir: Path) -> Iterator[list[Path]]:
    """Folders of three runs of ``stemdl_demo`` that differ in their seed."""

    def made(root: Path) -> None:
        for seed in SEEDS:
            make_run(root / str(seed), data_dir, seed=seed)

    with made_once(session_dir / "runs", made) as root:
        yield [root / str(seed) for seed in SEEDS]
