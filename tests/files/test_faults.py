"""Commands when one system call fails: perf/faults.py has the whole drill; here are some cases of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import fault_shim
import pytest
from fault_commands import COMMANDS
from fault_drill import Drill, Result
from study_files import write_drevalpy
from warm_processes import Warm, warm

from sciml_datasets import simulate

CASES = {"simulate candle_uno_demo": 8, "convert csv": 8, "prepare candle_uno_demo --jobs 1": 4}
pytestmark = fault_shim.needs_compiler


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the inputs of the commands below."""
    root = tmp_path_factory.mktemp("faults")
    simulate("candle_uno_demo", root / "inputs" / "raw", num_samples=100, genes=20, descriptors=20)
    write_drevalpy(root / "inputs" / "study")
    return root


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def sciml(notes: Path) -> Iterator[Warm]:
    with warm(notes, fault_shim.build(notes)) as process:
        yield process


@pytest.mark.parametrize("name", CASES)
def test_a_failed_call_is_harmless_or_told_and_the_next_run_mends_all(
    name: str, root: Path, notes: Path, sciml: Warm
) -> None:
    (command,) = (command for command in COMMANDS if command.name == name)
    drill, result = Drill(command, root, notes, "", sciml), Result()
    for number in range(CASES[name]):
        drill.case(fault_shim.drawn(drill.calls, random.Random(f"{name} {number}")), result)
    assert result.counts.total() == CASES[name]
    assert not result.wrong
