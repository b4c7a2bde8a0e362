"""The programs of docs/engines.md, run as they are on the demo with the local cluster of each engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stemdl_files import sample, write_raw

from sciml_datasets import InputError, prepare
from sciml_datasets.parallel.executors import Forked, Serial

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
LARGEST = 40
"""Number of lines that a program may have."""


def program(title: str) -> str:
    """The program under a heading of the page."""
    _, _, section = PAGE.read_text().partition(f"\n## {title}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def run(title: str, folder: Path, raw: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a folder with these raw files; engines look for nothing outside of this machine."""
    (folder / "program.py").write_text(program(title))
    (folder / "raw").symlink_to(raw, target_is_directory=True)
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | quiet,
    )


ENGINES = pytest.mark.parametrize(("title", "library"), [("Dask", "distributed"), ("Ray", "ray")])


@ENGINES
def test_an_engine_gives_the_same_bytes(
    raw_dir: Path, data_dir: Path, tmp_path: Path, title: str, library: str
) -> None:
    pytest.importorskip(library, reason=f"needs {title}: pip install {library}")
    done = run(title, tmp_path, raw_dir)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "data/sciml/stemdl_demo/3.0.0"
    assert done.stdout.endswith(f"{folder}\n")
    reference = data_dir / "sciml/stemdl_demo/3.0.0"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in reference.iterdir()
    }


@ENGINES
def test_a_bad_file_is_named_as_everywhere(tmp_path: Path, title: str, library: str) -> None:
    pytest.importorskip(library, reason=f"needs {title}: pip install {library}")
    stack = np.full((3, 128, 128), np.nan, np.float32)
    raw = tmp_path / "files"
    write_raw(raw, train={"sample_0_0": sample("mp-1", cbed_stack=stack)})
    done = run(title, tmp_path, raw)
    assert done.returncode == 1
    assert re.search(r"^sciml_datasets\.errors\.InputError: .*sample_0_0: cbed_stack is NaN", done.stderr, re.MULTILINE)


@pytest.mark.parametrize("title", ["Dask", "Ray"])
def test_an_executor_is_small(title: str) -> None:
    assert len(program(title).splitlines()) < LARGEST


def test_an_executor_of_the_user_is_used(raw_dir: Path, tmp_path: Path) -> None:
    class Recording(Serial):
        items = 0

        def map(self, work, items, advance):
            self.items += len(items)
            return super().map(work, items, advance)

    executor = Recording()
    prepare("stemdl_demo", raw_dir, tmp_path, executor=executor)
    assert executor.items == 5 + 3  # raw files, and shards


def test_one_engine_is_chosen(raw_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="executor and jobs are given: choose one of them"):
        prepare("stemdl_demo", raw_dir, tmp_path, executor=Forked(2), jobs=2)
