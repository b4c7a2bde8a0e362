"""The programs of docs/loaders.md, run as they are on the demo."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "loaders.md"


def printed(title: str, folder: Path, data_dir: Path) -> list[str]:
    """The lines that the program under a heading of the page prints."""
    _, _, section = PAGE.read_text().partition(f"\n## {title}\n")
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    (folder / "program.py").write_text(found[1])
    (folder / "data").symlink_to(data_dir, target_is_directory=True)
    done = subprocess.run([sys.executable, "program.py"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_loader_of_pytorch(tmp_path: Path, data_dir: Path) -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    assert printed("PyTorch", tmp_path, data_dir) == ["(8, 3, 128, 128) (8,)"] * 5


def test_grain(tmp_path: Path, data_dir: Path) -> None:
    pytest.importorskip("grain", reason="needs grain, of the extra grain")
    assert printed("grain", tmp_path, data_dir) == ["(8, 3, 128, 128) (8,)", "True"]
