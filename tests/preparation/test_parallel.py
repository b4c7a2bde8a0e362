"""Preparation by many: the same bytes for any number of ranks or processes, and after any interruption."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from processes import COMMAND, needs_mpi, ranks, run
from stemdl_files import sample, write_file, write_raw

from sciml_datasets import InputError, prepare
from sciml_datasets.preparation.raw_sources import RawFolder
from sciml_datasets.preparation.work_folder import interrupted, journal, journalled, open_work_folder, what_changed
from sciml_datasets.prepared.manifest import Written
from sciml_datasets.stemdl.raw import Hdf5Stacks

ROOT = Path(__file__).parents[2]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def prepared(data_dir: Path) -> Path:
    return data_dir / "sciml/stemdl_demo/3.0.0"


def assert_same_and_clean(data_dir: Path, reference: Path) -> None:
    assert content(prepared(data_dir)) == content(reference)
    assert list(prepared(data_dir).parent.iterdir()) == [prepared(data_dir)]


def sciml_command(raw_dir: Path, data_dir: Path, *flags: str) -> list[str]:
    return [*COMMAND, "prepare", "stemdl_demo", "--raw-dir", str(raw_dir), "--data-dir", str(data_dir), *flags]


@needs_mpi
def test_a_wrong_flag_is_told_once_however_many_ranks(tmp_path: Path) -> None:
    done = run(ranks(3, sciml_command(tmp_path, tmp_path, "--no-such-flag")))
    assert done.returncode == 2
    assert done.stderr.count("unrecognized arguments: --no-such-flag") == 1


@needs_mpi
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_any_number_of_ranks_gives_the_same_bytes(raw_dir: Path, data_dir: Path, tmp_path: Path, count: int) -> None:
    done = run(ranks(count, sciml_command(raw_dir, tmp_path)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("60 records in 3 shards") == 1
    assert_same_and_clean(tmp_path, prepared(data_dir))


@pytest.mark.parametrize("jobs", ["2", "4"])
def test_any_number_of_forked_processes_gives_the_same_bytes(
    raw_dir: Path, data_dir: Path, tmp_path: Path, jobs: str
) -> None:
    done = run(sciml_command(raw_dir, tmp_path, "--jobs", jobs))
    assert done.returncode == 0, done.stderr
    assert_same_and_clean(tmp_path, prepared(data_dir))


def test_one_rank_needs_no_mpi4py(raw_dir: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['mpi4py'] = None; import sciml_datasets; "
        f"sciml_datasets.prepare('stemdl_demo', {str(raw_dir)!r}, {str(tmp_path)!r}, jobs=2)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ranks_without_mpi_are_refused_instead_of_preparing_apart(raw_dir: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        sciml_command(raw_dir, tmp_path),
        env=os.environ | {"SLURM_STEP_NUM_TASKS": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "4 ranks were started, but MPI sees one" in done.stderr


@needs_mpi
def test_a_bad_file_ends_all_ranks_with_one_message(tmp_path: Path) -> None:
    stack = np.full((3, 128, 128), np.nan, np.float32)
    folder = write_raw(tmp_path, train={f"sample_{i}_0": sample(f"mp-{i + 10}") for i in range(8)})
    write_file(folder / "train" / "bad.h5", {"sample_9_0": sample("mp-99", cbed_stack=stack)})
    started = time.monotonic()
    done = run(ranks(3, sciml_command(tmp_path, tmp_path / "data")))
    assert time.monotonic() - started < 10
    assert done.returncode == 2
    assert len(re.findall(r"bad\.h5, group sample_9_0: cbed_stack is NaN", done.stderr)) == 1
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "data").rglob("*.*"))


@needs_mpi
@pytest.mark.parametrize("name", ["mnist", "stemdl"])
def test_a_mistake_under_mpi_is_told_once(tmp_path: Path, name: str) -> None:
    command = sciml_command(tmp_path, tmp_path / "data")
    command[command.index("stemdl_demo")] = name
    done = run(ranks(3, command))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@needs_mpi
def test_processes_are_asked_for_by_the_launcher_or_by_jobs_not_both(raw_dir: Path, tmp_path: Path) -> None:
    done = run(ranks(2, sciml_command(raw_dir, tmp_path / "data", "--jobs", "4")))
    assert done.returncode == 2
    assert done.stderr == (
        "sciml prepare: 4 jobs in each of 2 ranks: ranks start no processes of their own, leave --jobs out and let "
        "the launcher start more ranks\n"
    )
    assert not (tmp_path / "data").exists()


SLOW = """
import logging, sys, time
from contextlib import contextmanager
from sciml_datasets import prepare
from sciml_datasets.stemdl.raw import Hdf5Stacks
plain = Hdf5Stacks.reader
@contextmanager
def slow(self, folder, *note):
    with plain(self, folder, *note) as read:
        yield lambda sample: (time.sleep(float(pause)), read(sample))[1]
Hdf5Stacks.reader = slow
raw, data, how, pause = sys.argv[1:]
logging.basicConfig(level="INFO")
if how == "mpi":
    from mpi4py import MPI
    prepare("stemdl_demo", raw, data, MPI.COMM_WORLD, num_shards=5)
else:
    prepare("stemdl_demo", raw, data, jobs=int(how), num_shards=5)
"""


def slow_command(raw_dir: Path, data_dir: Path, how: str = "1", pause: float = 0.03) -> list[str]:
    """A preparation in 15 shards that takes two seconds, of pauses before each sample."""
    return [sys.executable, "-c", SLOW, str(raw_dir), str(data_dir), how, str(pause)]


@pytest.fixture(scope="module")
def in_five_shards(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare("stemdl_demo", raw_dir, tmp_path_factory.mktemp("five"), num_shards=5)


def finished_shards(data_dir: Path) -> set[str]:
    return {written.name for work in interrupted(prepared(data_dir)) for written in journalled(work)}


def kill_after_some_shards(command: list[str], data_dir: Path, kill: Callable[[int], None]) -> set[str]:
    """Start, wait for a few finished shards, kill; what was finished."""
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as job:
        while len(finished_shards(data_dir)) < 4:
            assert job.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        kill(job.pid)
        job.wait()
    done = finished_shards(data_dir)
    assert 4 <= len(done) < 15
    return done


@pytest.mark.parametrize("how", ["1", "2", pytest.param("mpi", marks=needs_mpi)])
def test_a_killed_preparation_goes_on_with_the_unfinished_shards(
    raw_dir: Path, in_five_shards: Path, tmp_path: Path, how: str
) -> None:
    command = slow_command(raw_dir, tmp_path, how)
    if how == "mpi":
        command = ranks(2, command)
    done = kill_after_some_shards(command, tmp_path, lambda pid: os.killpg(pid, signal.SIGKILL))
    again = run([*sciml_command(raw_dir, tmp_path)])
    assert again.returncode == 2
    assert "the shards are cut differently" in again.stderr
    again = run(slow_command(raw_dir, tmp_path, pause=0))
    assert again.returncode == 0, again.stderr
    assert f"{len(done)} of 15 shards had been finished before" in again.stderr
    assert_same_and_clean(tmp_path, in_five_shards)


def test_killing_the_parent_ends_its_forked_processes(raw_dir: Path, tmp_path: Path) -> None:
    kill_after_some_shards(slow_command(raw_dir, tmp_path, "2"), tmp_path, lambda pid: os.kill(pid, signal.SIGKILL))
    deadline = time.monotonic() + 10
    while any(str(tmp_path).encode() in command for command in running()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running() -> list[bytes]:
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes())
        except OSError:
            continue
    return commands


def test_a_killed_worker_process_is_reported_and_its_work_kept(
    raw_dir: Path, in_five_shards: Path, tmp_path: Path
) -> None:
    def kill_a_worker(pid: int) -> None:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)

    kill_after_some_shards(slow_command(raw_dir, tmp_path, "2"), tmp_path, kill_a_worker)
    assert run(slow_command(raw_dir, tmp_path, pause=0)).returncode == 0
    assert_same_and_clean(tmp_path, in_five_shards)


@needs_mpi
def test_of_several_failing_ranks_one_tells(tmp_path: Path) -> None:
    stack = np.full((3, 128, 128), np.nan, np.float32)
    write_raw(tmp_path, train={f"sample_{i}_0": sample(f"mp-{i + 10}", cbed_stack=stack) for i in range(4)})
    write_file(tmp_path / "stemdl_demo/dev/batch_dev_0.h5", {"sample_0_0": sample("mp-2", cbed_stack=stack)})
    write_file(tmp_path / "stemdl_demo/test/batch_test_0.h5", {"sample_0_0": sample("mp-3", cbed_stack=stack)})
    done = run(ranks(3, sciml_command(tmp_path, tmp_path / "data")))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_restart_elsewhere_is_told(killed: tuple[Path, Path]) -> None:
    raw, data = killed
    with subprocess.Popen(slow_command(raw, data), stderr=subprocess.PIPE, text=True) as job:
        before = set(interrupted(prepared(data)))
        while not set(interrupted(prepared(data))) - before:
            time.sleep(0.02)
        time.sleep(0.3)
        for work in interrupted(prepared(data)):
            shutil.rmtree(work, ignore_errors=True)
        _, errors = job.communicate(timeout=60)
    assert job.returncode == 1
    assert "was removed meanwhile, as --restart of another run does" in errors


def test_two_runs_at_once_both_succeed(raw_dir: Path, in_five_shards: Path, tmp_path: Path) -> None:
    jobs = [subprocess.Popen(slow_command(raw_dir, tmp_path), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [job.communicate(timeout=120) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], outputs
    assert_same_and_clean(tmp_path, in_five_shards)


@pytest.fixture
def killed(raw_dir: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Raw and data folders of a preparation that was killed."""
    raw = tmp_path / "raw"
    shutil.copytree(raw_dir, raw)
    kill_after_some_shards(
        slow_command(raw, tmp_path / "data"), tmp_path / "data", lambda pid: os.kill(pid, signal.SIGKILL)
    )
    return raw, tmp_path / "data"


def test_raw_files_that_changed_meanwhile_are_refused_by_name_until_restart(killed: tuple[Path, Path]) -> None:
    raw, data = killed
    os.utime(raw / "stemdl_demo/dev/batch_dev_0.h5", (1, 1))
    with pytest.raises(InputError, match=r"dev/batch_dev_0\.h5 has changed since .* start over with --restart"):
        prepare("stemdl_demo", raw, data, num_shards=5)
    prepare("stemdl_demo", raw, data, num_shards=5, restart=True)
    assert list(prepared(data).parent.iterdir()) == [prepared(data)]


def test_raw_files_that_change_while_shards_are_written_are_named(tmp_path: Path) -> None:
    write_raw(tmp_path, train={"sample_0_0": sample("mp-1")})
    folder = tmp_path / "stemdl_demo"
    raw, before = RawFolder(folder), Hdf5Stacks(128).files(folder)
    raw.check_unchanged(before, lambda: Hdf5Stacks(128).files(folder))
    os.utime(folder / before[0].name, (1, 1))
    with pytest.raises(InputError, match=rf"{before[0].name} changed while it was prepared: run it again"):
        raw.check_unchanged(before, lambda: Hdf5Stacks(128).files(folder))


PLAN = {"dataset": "d", "version": "1", "file_format": "tfrecord", "features": "f", "digest": "x", "raw": {"a": [1, 2]}}


@pytest.mark.parametrize(
    ("change", "reported"),
    [
        ({"raw": {}}, "the raw file a has been removed since"),
        ({"raw": {}, "choices": {"omics": "rppa"}}, "it was begun with --omics left out, not rppa"),
        ({"raw": {"a": [1, 2], "b": [1, 1]}}, "the raw file b is new"),
        ({"raw": {"a": [1, 3]}}, "the raw file a has changed"),
        ({"version": "2"}, "the version has changed"),
        ({"file_format": "array_record"}, "the file format has changed since"),
        ({"features": "g"}, "the features have changed"),
        ({"digest": "y"}, "the shards are cut differently"),
    ],
)
def test_what_changed_is_named(change: dict[str, object], reported: str) -> None:
    assert reported in what_changed(PLAN, PLAN | change)


def write_shard(work: Path, name: str, text: bytes) -> Written:
    (work / "folder" / name).write_bytes(text)
    return Written(name, 1, len(text), len(text), "", "")


def test_only_journalled_shards_of_the_right_size_are_taken_over(tmp_path: Path) -> None:
    final = tmp_path / "1.0.0"
    work, taken = open_work_folder(final, PLAN, restart=False)
    assert taken == []
    for name in ("good", "cut"):
        journal(work, write_shard(work, name, b"12345"))
    (work / "folder" / "cut").write_bytes(b"123")
    write_shard(work, "not journalled", b"12345")
    with next(work.glob("journal-*")).open("a") as file:
        file.write('{"name": "torn')
    other, taken = open_work_folder(final, PLAN, restart=False)
    assert [written.name for written in taken] == ["good"]
    assert [path.name for path in (other / "folder").iterdir()] == ["good"]
    assert (other / "folder/good").stat().st_nlink == 2
    assert [written.name for written in journalled(other)] == ["good"]


def test_a_work_folder_that_was_killed_before_its_plan_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "1.0.0.incomplete-abc" / "folder").mkdir(parents=True)
    assert open_work_folder(tmp_path / "1.0.0", PLAN, restart=False)[1] == []


def test_the_manifest_holds_no_times(data_dir: Path) -> None:
    manifest = json.loads((prepared(data_dir) / "manifest.json").read_text())
    assert set(manifest["raw"][0]) == {"split", "name", "bytes", "sha256"}
