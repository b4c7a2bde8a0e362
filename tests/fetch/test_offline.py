"""Nothing but fetching touches the network, and SCIML_OFFLINE forbids it to that too."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import offline
import pytest
from fetch_servers import write_mirror

from sciml_datasets.benchmark import Source
from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.cli.main import main

ROOT = Path(__file__).parents[2]
NETWORK = {"aiohttp", "fsspec", "s3fs", "requests", "urllib3", "urllib.request", "http.client", "ftplib", "ssl"}
needs_filter = pytest.mark.skipif(not offline.supported(), reason="a seccomp filter needs Linux on x86_64 or aarch64")


def without_network(folder: Path, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program where the kernel ends who asks another machine."""
    (folder / "program.py").write_text(program)
    command = [sys.executable, offline.__file__, "program"]
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@needs_filter
@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('::1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import subprocess, sys; sys.exit(subprocess.run(['curl', 'http://127.0.0.1:9']).returncode)",
    ],
    ids=["connection", "datagram", "urllib", "another-program"],
)
def test_a_program_that_uses_the_network_is_ended(program: str, tmp_path: Path) -> None:
    done = without_network(tmp_path, program)
    assert done.returncode in (-signal.SIGSYS, 256 - signal.SIGSYS), done.stderr


@needs_filter
def test_loading_and_looking_need_no_network(raw_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    """simulate, prepare, train, evaluate, submit and check run under the same filter, by the fixture ``sciml``."""
    lines = [
        "list",
        "info stemdl_demo",
        "verify stemdl_demo",
        f"stage stemdl_demo --to {tmp_path}/local",
        f"show stemdl_demo --split test --count 1 --out {tmp_path}/picture.png",
    ]
    program = f"""
import tensorflow_datasets as tfds
import sciml_datasets
from sciml_datasets.cli.main import main

manual = tfds.download.DownloadConfig(manual_dir={str(raw_dir)!r})
tfds.load("sciml/stemdl_demo", data_dir={str(tmp_path)!r}, download_and_prepare_kwargs={{"download_config": manual}})
tfds.data_source("sciml/stemdl_demo", split="test", data_dir={str(tmp_path)!r})[0]
for line in {lines!r}:
    assert main(line.split()) == 0, line
"""
    done = without_network(tmp_path, program, SCIML_OFFLINE="1", TFDS_DATA_DIR=str(data_dir))
    assert done.returncode == 0, done.stderr[-3000:]


@needs_filter
@pytest.mark.parametrize("name", ["cloudmask", "candle_uno"])
def test_offline_fetch_asks_nobody_and_says_so(name: str, tmp_path: Path) -> None:
    (source,) = BENCHMARKS[name].sources[name]
    assert isinstance(source, Source)
    program = (
        "import sys; from sciml_datasets.cli.main import main; "
        f"sys.exit(main(['fetch', {name!r}, '--raw-dir', {str(tmp_path / 'raw')!r}, '--accept-terms']))"
    )
    done = without_network(tmp_path, program, SCIML_OFFLINE="1")
    assert done.returncode == 2
    assert done.stderr == (
        f"sciml fetch: SCIML_OFFLINE forbids the network, which {source.url} needs: unset it, or name a folder with "
        "--source\n"
    )
    assert without_network(tmp_path, program, SCIML_OFFLINE="0").returncode == -signal.SIGSYS


def test_offline_fetch_reads_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_OFFLINE", "1")
    mirror = write_mirror(tmp_path / "mirror", {"training/S3A_a.hdf": 10})
    command = ["fetch", "cloudmask", "--raw-dir", str(tmp_path / "raw"), "--accept-terms"]
    assert main([*command, "--source", str(mirror)]) == 0
    assert (tmp_path / "raw/cloudmask/training/S3A_a.hdf").stat().st_size == 10
    assert main([*command, "--source", str(mirror), "--source", "http://127.0.0.1:9"]) == 2


def test_only_the_fetch_package_can_speak_to_the_network() -> None:
    for folder in ("sciml_datasets", "models", "metrics", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            if "fetch" in path.relative_to(ROOT).parts:
                continue
            imported = set()
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                imported |= {*names, *([node.module] if isinstance(node, ast.ImportFrom) and node.module else [])}
            asked = {name for name in imported if name in NETWORK or name.split(".")[0] in NETWORK}
            assert not asked, (path, asked)
