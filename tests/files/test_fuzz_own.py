"""Some cases of ``perf/fuzz.py``, always the same, of text tables and of files that this project writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "perf" / "fuzz.py"


def test_mutated_tables_and_own_files_are_read_or_refused() -> None:
    names = ("uno_tables", "uno_improve", "uno_prebuilt", "checkpoint", "checksums")
    command = [sys.executable, str(FUZZ), *names, "--cases", "30", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    head, *rows = (line.split() for line in run.stdout.splitlines())
    assert [row[0] for row in rows] == [*names]
    counts = [dict(zip(head[1:-1], map(int, row[1:-1]), strict=True)) for row in rows]
    assert all(count["cases"] == 30 and count["refused"] > 0 and count["same"] > 0 for count in counts)
