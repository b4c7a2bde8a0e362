"""Several processes that fetch, and processes that are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fetch_drill import drill
from fetch_servers import LARGE, Fault, http_server, proxy, write_mirror
from fetching import assert_nothing_looks_whole, assert_whole

from sciml_datasets.fetch.partial_file import FOLDER
from sciml_datasets.files.checksums import read_list

MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed: pip install mpich")


def fetch_command(raw: Path, url: str, *flags: str) -> list[str]:
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "fetch", "cloudmask", "--raw-dir", str(raw)]
    return [*command, "--source", url, "--accept-terms", *flags]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 30 s"
        time.sleep(0.01)


def arrived(raw: Path) -> int:
    return sum(path.stat().st_size for path in raw.glob(f"cloudmask/{FOLDER}/*/data"))


def test_a_killed_fetch_goes_on_inside_a_file(http: str, mirror: Path, tmp_path: Path) -> None:
    with proxy(http, lambda request: Fault(), delay=0.01) as front:  # 6 MB/s
        process = subprocess.Popen(fetch_command(tmp_path, front.url), stderr=subprocess.DEVNULL)
        wait_for(lambda: arrived(tmp_path) > 5_000_000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_nothing_looks_whole(tmp_path)
        before = len(front.requests)
        assert subprocess.run(fetch_command(tmp_path, front.url), check=False).returncode == 0
        (again,) = [r for r in front.requests[before:] if r.path.endswith(LARGE) and r.method == "GET"]
    assert int(again.headers["range"].removeprefix("bytes=").partition("-")[0]) >= 4 << 20
    assert_whole(tmp_path, mirror)


def test_two_runs_at_a_time_do_no_harm(http: str, mirror: Path, tmp_path: Path) -> None:
    runs = [subprocess.Popen(fetch_command(tmp_path, http), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in runs:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    assert_whole(tmp_path, mirror)


@needs_mpi
def test_ranks_share_the_files_and_each_comes_once(tmp_path: Path) -> None:
    names = {f"training/S3A_{number:02}.hdf": 100_000 for number in range(24)}
    mirror = write_mirror(tmp_path / "mirror", names)
    with http_server(mirror) as url, proxy(url, lambda request: Fault(), delay=0.02) as front:
        assert MPIEXEC is not None
        command = [MPIEXEC, "-n", "2", *fetch_command(tmp_path, front.url, "--jobs", "1")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        gets = Counter(r.path.strip("/") for r in front.requests if r.method == "GET" and r.path.endswith(".hdf"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("24 files, 24 fetched now") == 1
    assert gets == dict.fromkeys(names, 1)
    assert set(read_list(tmp_path / "cloudmask/checksums.tsv")) == set(names)
    assert all((tmp_path / "cloudmask" / name).read_bytes() == (mirror / name).read_bytes() for name in names)


@needs_mpi
def test_a_mistake_is_reported_by_one_rank(tmp_path: Path) -> None:
    assert MPIEXEC is not None
    for flags, reported in (((), "there is no such folder"), (("--limit-rate", "fast"), "--limit-rate fast: expected")):
        command = [MPIEXEC, "-n", "2", *fetch_command(tmp_path, "/no/such/folder", *flags)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2
        assert done.stderr.count(reported) == 1


def test_transfers_drawn_by_a_seed_end_whole_or_with_a_clear_error(tmp_path: Path) -> None:
    """perf/fetch_faults.py has the whole drill; here are a few transfers of it."""
    result = drill(tmp_path, transfers=4, seed=3, jobs=2)
    assert result.wrong == []
    # On a quick machine a kill may come too late; test_a_killed_fetch_goes_on_inside_a_file waits for its moment.
    assert sum(count for what, count in result.counts.items() if what.startswith("kills ")) > 0
    assert sum(count for what, count in result.counts.items() if what.startswith("transfers that ended")) == 4
    broken = {what for what in result.counts if what.startswith("answers: ")} - {"answers: pass"}
    assert len(broken) >= 4
