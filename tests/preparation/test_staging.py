"""Staging: a node gets one verified copy, also with concurrent requests and after killed ones."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sciml_datasets import InputError, Prepared
from sciml_datasets.cli.main import main
from sciml_datasets.files.checksums import ChecksumError
from sciml_datasets.parallel.processes import LEASE_SECONDS, owner_lives, signature
from sciml_datasets.prepared.verify import verify_prepared
from sciml_datasets.staging import stage

NAME, PLACE, SHARD = "candle_uno_demo", "sciml/candle_uno_demo/2.0.0", "sciml-train.tfrecord-00000-of-00001"
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed: pip install mpich")


@pytest.fixture
def source(data_dir: Path, tmp_path: Path) -> Path:
    """A data folder of one's own, to damage."""
    shutil.copytree(data_dir / PLACE, tmp_path / "data" / PLACE)
    return tmp_path / "data"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_copy_is_the_same_to_the_byte_and_loads(data_dir: Path, tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    folder, copied = stage(Prepared.open(NAME, data_dir), tmp_path)
    assert folder == tmp_path / PLACE
    assert content(folder) == content(data_dir / PLACE)
    assert copied == sum(map(len, content(folder).values())) - len((folder / "manifest.json").read_bytes())
    assert [path.name for path in folder.parent.iterdir()] == ["2.0.0"]
    example = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=tmp_path)[0]
    assert example["gene_expression"].shape == (40,)


def test_a_second_time_nothing_is_done(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["stage", NAME, "--data-dir", str(data_dir), "--to", str(tmp_path)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] > 0
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / PLACE).iterdir()}
    assert main(command) == 0
    assert capsys.readouterr().out == f"{tmp_path / PLACE}: there already, every byte as the manifest says\n"
    assert main([*command, "--quick"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / PLACE}: there already, names and sizes as the manifest says\n"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / PLACE).iterdir()} == times


def test_a_byte_that_differs_from_the_manifest_is_never_staged(source: Path, tmp_path: Path) -> None:
    shard = bytearray((source / PLACE / SHARD).read_bytes())
    shard[len(shard) // 2] ^= 1
    (source / PLACE / SHARD).write_bytes(shard)
    with pytest.raises(
        ChecksumError, match=rf"{SHARD}: {len(shard)} bytes with the SHA-256 .* expected .*sciml verify"
    ):
        stage(Prepared.open(NAME, source), tmp_path / "local")
    assert not list((tmp_path / "local").rglob("*.tfrecord*"))


def test_a_copy_that_was_damaged_since_is_told(source: Path, tmp_path: Path) -> None:
    folder, _ = stage(Prepared.open(NAME, source), tmp_path / "local")
    (folder / SHARD).write_bytes(b"cut")
    with pytest.raises(InputError, match=rf"{SHARD}.*remove the folder and stage again"):
        stage(Prepared.open(NAME, source), tmp_path / "local")


def test_a_copy_of_the_right_size_with_another_byte_is_told_unless_only_sizes_are_asked_for(
    source: Path, tmp_path: Path
) -> None:
    folder, _ = stage(Prepared.open(NAME, source), tmp_path / "local")
    shard = bytearray((folder / SHARD).read_bytes())
    shard[len(shard) // 2] ^= 1
    (folder / SHARD).write_bytes(shard)
    with pytest.raises(InputError, match=rf"{SHARD} has the SHA-256 .*, expected .*: remove the folder and stage"):
        stage(Prepared.open(NAME, source), tmp_path / "local")
    assert stage(Prepared.open(NAME, source), tmp_path / "local", quick=True) == (folder, 0)


def test_other_data_in_the_way_are_left_alone(source: Path, tmp_path: Path) -> None:
    folder, _ = stage(Prepared.open(NAME, source), tmp_path / "local")
    manifest = json.loads((source / PLACE / "manifest.json").read_text())
    (source / PLACE / "manifest.json").write_text(json.dumps(manifest | {"plan_digest": "another"}))
    before = content(folder)
    with pytest.raises(InputError, match=r"holds other data than .*: remove it, and stage again"):
        stage(Prepared.open(NAME, source), tmp_path / "local")
    assert content(folder) == before


def test_space_is_checked_before_anything_is_copied(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (source / PLACE / SHARD).open("r+b") as shard:
        shard.truncate(1 << 42)
    manifest = json.loads((source / PLACE / "manifest.json").read_text())
    next(entry for entry in manifest["shards"] if entry["name"] == SHARD)["bytes"] = 1 << 42
    (source / PLACE / "manifest.json").write_text(json.dumps(manifest))
    assert main(["stage", NAME, "--data-dir", str(source), "--to", str(tmp_path / "local")]) == 2
    assert "4398.0" in (reported := capsys.readouterr().err)
    assert "GB are free: make room or choose another --to" in reported
    assert not list((tmp_path / "local").rglob("*incomplete*"))


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["stemdl"], "stemdl"),
        ([NAME, "--jobs", "0"], "0 jobs: expected at least 1"),
        (["mnist"], "there is no data set 'mnist'"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], reported: str, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stage", *arguments, "--data-dir", str(data_dir), "--to", str(tmp_path)]) == 2
    assert reported in (err := capsys.readouterr().err)
    assert err.count("\n") == 1
    assert main(["stage", NAME, "--data-dir", str(data_dir), "--to", str(data_dir)]) == 2
    assert "name another folder with --to" in capsys.readouterr().err


def stage_command(source: Path, local: Path) -> list[str]:
    command = [sys.executable, "-m", "sciml_datasets.cli.main", "stage", NAME]
    return [*command, "--data-dir", str(source), "--to", str(local), "--json"]


def test_a_killed_copy_leaves_nothing_that_looks_whole_and_is_cleared_away(source: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    slow = f"""
import sys, time
import sciml_datasets.staging as staging
plain = staging._copy_file
staging._copy_file = lambda *arguments: (time.sleep(60) if arguments[0].name == {SHARD!r} else None, plain(*arguments))
from sciml_datasets.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
    with subprocess.Popen([sys.executable, "-c", slow, *stage_command(source, local)[3:]]) as process:
        deadline = time.monotonic() + 30
        while not list(local.rglob("features.json")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not (local / PLACE).exists()
    (left,) = (local / PLACE).parent.iterdir()
    assert owner_lives(left.name) is False
    stage(Prepared.open(NAME, source), local)
    assert verify_prepared(local / PLACE) == []
    assert [path.name for path in (local / PLACE).parent.iterdir()] == ["2.0.0"]


def test_what_another_machine_has_left_is_cleared_away_after_a_while(data_dir: Path, tmp_path: Path) -> None:
    parent = (tmp_path / PLACE).parent
    foreign = f"{'0' * 12}-1-{'0' * 8}"
    for age, name in ((0, "fresh"), (LEASE_SECONDS + 5, "old")):
        work = parent / f"2.0.0.incomplete-{name}-{foreign}"
        (work / "folder").mkdir(parents=True)
        for path in (work / "folder", work):
            os.utime(path, (time.time() - age, time.time() - age))
    (parent / f"2.0.0.incomplete-mine-{signature()}").mkdir()
    stage(Prepared.open(NAME, data_dir), tmp_path)
    assert len(list(parent.glob("*incomplete-old*"))) == 0
    assert len(list(parent.glob("*incomplete-fresh*"))) == 1
    assert len(list(parent.glob("*incomplete-mine*"))) == 1


@needs_mpi
def test_of_the_ranks_of_a_node_one_copies(data_dir: Path, tmp_path: Path) -> None:
    assert MPIEXEC is not None
    command = [MPIEXEC, "-n", "4", *stage_command(data_dir, tmp_path / "local")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == stage(Prepared.open(NAME, data_dir), tmp_path / "alone")[1]
    assert verify_prepared(tmp_path / "local" / PLACE) == []


@needs_mpi
def test_each_node_gets_a_copy(data_dir: Path, tmp_path: Path) -> None:
    """MPICH can take odd and even ranks for two nodes; each gets a disk of its own here."""
    program = f"""
from mpi4py import MPI
from sciml_datasets import Prepared
from sciml_datasets.staging import stage
size = stage(Prepared.open({NAME!r}, {str(data_dir)!r}), f"{tmp_path}/{{MPI.COMM_WORLD.rank % 2}}", MPI.COMM_WORLD)[1]
sizes = MPI.COMM_WORLD.gather(size)
if sizes:
    print(*sizes)
"""
    assert MPIEXEC is not None
    command, variables = [MPIEXEC, "-n", "4", sys.executable, "-c", program], {"MPIR_CVAR_ODD_EVEN_CLIQUES": "1"}
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    size = stage(Prepared.open(NAME, data_dir), tmp_path / "alone")[1]
    assert done.stdout.split() == [str(2 * size)] * 4
    assert all(verify_prepared(tmp_path / node / PLACE) == [] for node in ("0", "1"))


def test_nodes_that_are_given_one_folder_do_no_harm(data_dir: Path, tmp_path: Path) -> None:
    command = stage_command(data_dir, tmp_path / "shared")
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in runs:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    assert verify_prepared(tmp_path / "shared" / PLACE) == []
    assert [path.name for path in (tmp_path / "shared" / PLACE).parent.iterdir()] == ["2.0.0"]


@needs_mpi
def test_a_rank_that_fails_ends_all_with_one_message(source: Path, tmp_path: Path) -> None:
    (source / PLACE / SHARD).write_bytes(b"cut")
    assert MPIEXEC is not None
    command = [MPIEXEC, "-n", "4", *stage_command(source, tmp_path / "local")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.count("sciml stage: ") == 1
