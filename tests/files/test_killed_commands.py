"""What a killed command leaves beside its output, and what removes it: docs/reliability.md has the table."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import run, signature_of_ended

from sciml_datasets import InputError, simulate
from sciml_datasets.benchmarks import find
from sciml_datasets.cli.main import main
from sciml_datasets.files import atomic
from sciml_datasets.files.atomic_folders import remove_abandoned, work_folder
from sciml_datasets.models.cross_validation import PLAN, _open
from sciml_datasets.models.run_config import CONFIG
from sciml_datasets.models.run_folder import RunFolder
from sciml_datasets.models.run_lock import RunLock
from sciml_datasets.parallel.processes import LEASE_SECONDS, is_own, owner_lives, signature

DEMO = "candle_uno_demo"
SMALL = ["--samples", "100", "--genes", "10", "--descriptors", "10"]
KILLED_AT_RENAME = """
import os, signal, sys
from pathlib import Path
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
os.rename = os.replace = die
"""
"""Start of a program that is killed where an output is to get its name."""
NAMESPACES = ["unshare", "--fork", "--pid", "--mount-proc"]
ASKED = "from sciml_datasets.parallel.processes import signature; print(signature(), flush=True)"
SIGNATURE = [sys.executable, "-c", ASKED]
"""A command that prints a signature of its process."""


def unshared() -> bool:
    """Whether this machine lets a test have process numbers of its own, as containers have."""
    try:
        return run([*NAMESPACES, "true"]).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(not unshared(), reason="unshare --pid is not permitted here")


def killed(program: str, *arguments: object) -> None:
    """Run a program that is killed where it gives its output a name."""
    command = [sys.executable, "-c", KILLED_AT_RENAME + program, *map(str, arguments)]
    assert run(command).returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(DEMO, tmp_path_factory.mktemp("raw"), num_samples=100, genes=10, descriptors=10)


@pytest.mark.parametrize("command", ["simulate", "convert"])
def test_a_folder_of_a_killed_command_is_removed_by_the_next(
    command: str, raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {
        "simulate": ["simulate", DEMO, *SMALL, "--out", str(tmp_path)],
        "convert": ["convert", "improve", str(raw), "--out", str(tmp_path / DEMO)],
    }[command]
    killed("from sciml_datasets.cli.main import main; main(sys.argv[1:])", *arguments)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(f"{DEMO}.incomplete-")
    assert main(arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == [DEMO]
    assert capsys.readouterr().err == ""


def test_a_file_of_a_killed_command_is_removed_by_the_next(tmp_path: Path) -> None:
    killed("from sciml_datasets.files import atomic; atomic.write_text(Path(sys.argv[1]), 'new')", tmp_path / "a.json")
    assert len(list(tmp_path.iterdir())) == 1
    atomic.write_text(tmp_path / "a.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_that_another_process_may_still_be_writing_stays(tmp_path: Path) -> None:
    elsewhere = f"{'0' * 12}-1-{'0' * 8}"
    names = {f"a.json.{name}.incomplete" for name in (signature(), elsewhere, secrets.token_hex(8))}
    names |= {f"b.json.{signature_of_ended()}.incomplete", f"a.json.{signature_of_ended()}.incomplete.txt"}
    for name in names:
        (tmp_path / name).touch()
    atomic.write_text(tmp_path / "a.json", "new")
    assert {path.name for path in tmp_path.iterdir()} == {*names, "a.json"}


@pytest.mark.parametrize("longest", ["a" * 255, "\N{GRINNING FACE}" * 63])
def test_the_temporary_file_of_the_longest_name_has_a_name(tmp_path: Path, longest: str) -> None:
    atomic.write_text(tmp_path / longest, "text")
    assert [path.name for path in tmp_path.iterdir()] == [longest]


def test_a_run_that_was_killed_before_it_had_a_configuration_does_not_block_the_next(tmp_path: Path) -> None:
    killed(
        "from sciml_datasets.models.run_lock import RunLock; from sciml_datasets.files import atomic\n"
        "RunLock(Path(sys.argv[1])).acquire(); atomic.write_text(Path(sys.argv[1], 'config.yaml'), 'model: a')",
        tmp_path,
    )
    assert len(list(tmp_path.iterdir())) == 2
    RunFolder(tmp_path).check()
    lock = RunLock(tmp_path)
    lock.acquire()
    lock.release()
    atomic.write_text(tmp_path / CONFIG, "model: a")
    assert [path.name for path in tmp_path.iterdir()] == [CONFIG]


@pytest.mark.parametrize("name", ["thesis.tex", "running-notes", "mine.{}.incomplete", "plots/mine.png"])
def test_a_folder_with_a_file_of_the_user_is_still_refused(tmp_path: Path, name: str) -> None:
    name = name.format(signature())
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="is not empty"):
        RunFolder(tmp_path).check()


def test_folds_that_were_killed_before_they_had_a_plan_do_not_block_the_next(tmp_path: Path) -> None:
    killed(
        "from sciml_datasets.models.cross_validation import _open; _open(Path(sys.argv[1]), {'settings': {}})", tmp_path
    )
    assert len(list(tmp_path.iterdir())) == 1
    _open(tmp_path, {"settings": {}})
    assert [path.name for path in tmp_path.iterdir()] == [PLAN]


def test_a_folder_of_another_machine_stays_and_is_told_of_when_it_is_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = find(DEMO)[0].module("simulate").WRITTEN
    busy, silent = (work_folder(tmp_path / DEMO, f"{'0' * 12}-1-{digit * 8}") for digit in "01")
    for folder, age in ((busy, 0.0), (silent, LEASE_SECONDS + 60)):
        (folder / "drug_info").mkdir(parents=True)
        for path in (folder / "drug_info", folder):
            os.utime(path, (time.time() - age, time.time() - age))
    remove_abandoned(tmp_path / DEMO, written)
    assert set(tmp_path.iterdir()) == {busy, silent}
    assert caplog.messages == [
        f"{silent} was left by a run of another machine or before a reboot: remove it if no such run goes on"
    ]


@needs_namespaces
def test_two_containers_with_one_process_number_simulate_into_one_folder_and_one_is_first(tmp_path: Path) -> None:
    sciml = [sys.executable, "-m", "sciml_datasets.cli.main", "simulate", DEMO, *SMALL, "--out", str(tmp_path)]
    started = [subprocess.Popen([*NAMESPACES, *sciml], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in started]
    assert sorted(process.returncode for process in started) == [0, 2]
    assert f"{tmp_path / DEMO} exists: remove it or choose another folder\n" in "".join(said)
    assert [path.name for path in tmp_path.iterdir()] == [DEMO]


@needs_namespaces
@pytest.mark.parametrize("hidden", ["", "mount -t tmpfs none /proc && "], ids=["/proc", "no /proc"])
def test_a_process_of_another_container_cannot_be_looked_up(hidden: str) -> None:
    other = run([*NAMESPACES, "sh", "-c", f'{hidden}exec "$@"', "sh", *SIGNATURE]).stdout.strip()
    assert other.split("-")[1].startswith("1")  # the first process of its container
    assert owner_lives(f"-{other}") is None
    assert not is_own(f"-{other}")


def test_a_process_that_has_got_the_number_of_another_is_another() -> None:
    realm, number, _ = signature().split("-")
    assert owner_lives(f"a-{realm}-{number}-01234567") is True
    assert is_own(f"a-{realm}-{number}-01234567")
    earlier = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    assert owner_lives(f"a-{realm}-{earlier}-01234567") is False
    assert not is_own(f"a-{realm}-{earlier}-01234567")


def test_a_killed_process_has_ended_before_its_parent_asks() -> None:
    command = [sys.executable, "-c", f"{ASKED}; import time; time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert owner_lives(name) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner_lives(name) is False
