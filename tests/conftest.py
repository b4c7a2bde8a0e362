"""Small data sets that the whole session shares: simulated raw files, prepared once. And no test leaves the machine.

``make test`` runs the tests in two workers of pytest-xdist, each file of tests in one of them, in the order of
``order.py``. The workers share the data sets too: one makes them, the other waits.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fetch_servers
import hypothesis
import offline
import order
import pytest
from shared_folders import made_once

# The first example of a property may import libraries for seconds: time is measured in perf/, not here.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NUM_SAMPLES = 60
THIS_MACHINE = {"localhost", "127.0.0.1", "::1", "", None, socket.gethostname()}
asked_outside: list[str] = []


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook that refuses connections to other machines, and records them in case the refusal is swallowed."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if host not in THIS_MACHINE:
        asked_outside.append(str(host))
        raise PermissionError(f"a test asked for {host}")


sys.addaudithook(_stay_here)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of tests in the order in which the workers take them."""
    items.sort(key=lambda item: order.place(item.path))


@pytest.fixture(autouse=True)
def _tensorflow_is_imported_last(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    assert order.uses_tensorflow(request.path) or "tensorflow" not in sys.modules, "enter the file in tests/order.py"


@pytest.fixture(autouse=True)
def _no_test_leaves_the_machine() -> Iterator[None]:
    yield
    asked = list(asked_outside)
    asked_outside.clear()
    assert not asked


@pytest.fixture(scope="session")
def session_dir(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of a session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(pytestconfig, "workerinput") else own


@pytest.fixture(scope="session")
def raw_dir(session_dir: Path) -> Iterator[Path]:
    """Raw files of ``stemdl_demo``, 60 stacks of 128 x 128, ``stemdl_reconstruction_demo``, 8 scans,
    ``cloudmask_demo``, 12 scenes, and ``candle_uno_demo``, 400 responses."""

    def simulated(root: Path) -> None:
        from sciml_datasets import simulate

        simulate("stemdl_demo", root, num_samples=NUM_SAMPLES, seed=7)
        simulate("stemdl_reconstruction_demo", root, num_samples=8, seed=7)
        simulate("cloudmask_demo", root, num_samples=12, seed=7)
        simulate("candle_uno_demo", root, num_samples=400, seed=7, genes=40, descriptors=30)

    with made_once(session_dir / "raw", simulated) as root:
        yield root


@pytest.fixture(scope="session")
def data_dir(raw_dir: Path, session_dir: Path) -> Iterator[Path]:
    """A data folder with the demo data sets prepared from ``raw_dir``."""

    def prepared(root: Path) -> None:
        from sciml_datasets import prepare

        for name in ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo"):
            prepare(name, raw_dir, root)

    with made_once(session_dir / "data", prepared) as root:
        yield root


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to fetch from: a small CloudMask of random bytes."""
    return fetch_servers.write_mirror(tmp_path_factory.mktemp("mirror"), fetch_servers.SIZES)


@pytest.fixture(scope="session")
def http(mirror: Path) -> Iterator[str]:
    """URL of a server of that folder."""
    with fetch_servers.http_server(mirror) as url:
        yield url


@pytest.fixture(scope="session")
def s3(mirror: Path) -> Iterator[str]:
    """Endpoint of an S3 server that has that folder."""
    with fetch_servers.s3_server() as endpoint:
        fetch_servers.upload(endpoint, mirror, fetch_servers.PREFIX)
        yield endpoint


@pytest.fixture(scope="session")
def sciml() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own, in which the kernel forbids the network to all but ``fetch``."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        online = arguments[0] == "fetch" or not offline.supported()
        launcher = "-m" if online else str(Path(offline.__file__))
        command = [sys.executable, launcher, "sciml_datasets.cli.main", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)

    return run
