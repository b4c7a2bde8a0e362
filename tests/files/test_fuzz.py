"""Some cases of ``perf/fuzz.py``, always the same: mutated inputs are read as they are, or refused in a sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "perf" / "fuzz.py"


@pytest.mark.parametrize(
    "names",
    [
        ("stemdl_hdf5", "stemdl_npz", "stemdl_lmdb", "cloudmask_hdf5", "slstr_product"),
        ("uno_tables", "uno_improve", "uno_prebuilt", "checkpoint", "checksums"),
    ],
    ids=["raw files", "tables and own files"],
)
def test_mutated_files_are_read_or_refused(names: tuple[str, ...]) -> None:
    command = [sys.executable, str(FUZZ), *names, "--cases", "30", "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    head, *rows = (line.split() for line in run.stdout.splitlines())
    assert [row[0] for row in rows] == [*names]
    counts = [dict(zip(head[1:-1], map(int, row[1:-1]), strict=True)) for row in rows]
    assert all(count["cases"] == 30 and count["refused"] > 0 and count["same"] > 0 for count in counts)


def test_a_fault_is_found_and_its_case_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUZZ.parent))
    from fuzz_cases import Target, cases
    from fuzz_mutations import cut_short

    def read(folder: Path) -> list[bytes]:
        content = (folder / "a").read_bytes()
        if len(content) == 0:
            raise KeyError("no content")
        if len(content) == 1:
            signal.raise_signal(signal.SIGSEGV)
        if len(content) == 2:
            bytearray(1 << 40)
        return [content]

    target = Target("a", lambda folder: (folder / "a").write_bytes(b"abc"), read, ("a",), (cut_short,))
    (tmp_path / "sound").mkdir()
    found = {case.outcome for case in cases(target, tmp_path, 0, iter(range(16)))}
    assert found == {"same", "traceback", "crash", "memory"}
