"""A small benchmark of others, declared and not registered."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmark_packages import imported, write_package

from sciml_datasets import Benchmark


@pytest.fixture
def pebbles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """The declaration of a package that is written for one test."""
    return imported(write_package(tmp_path), tmp_path, monkeypatch)
