"""Preparation of raw files in a bucket: the bytes are those of raw files in a folder."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from buckets import Bucket, command_environment, environment, new_bucket
from fetch_servers import Fault, Request, proxy, s3_server
from processes import COMMAND, needs_mpi, ranks

from sciml_datasets import InputError, prepare
from sciml_datasets.object_stores.trouble import StoreTroubleError

NAMES = ("stemdl_demo", "stemdl_reconstruction_demo", "cloudmask_demo", "candle_uno_demo")
VERSIONS = {"stemdl_demo": "3.0.0"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Endpoint of an S3 server of this file alone."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def raw(server: str, raw_dir: Path) -> Iterator[Bucket]:
    """A bucket with the raw files of all demos."""
    with new_bucket(server, f"b{secrets.token_hex(6)}") as made:
        made.upload(raw_dir, "raw")
        yield made


@pytest.fixture(autouse=True)
def _found(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_every_raw_format_gives_the_same_bytes(raw: Bucket, data_dir: Path, tmp_path: Path, name: str) -> None:
    folder = Path(prepare(name, f"{raw.url}/raw", tmp_path))
    assert files(folder) == files(data_dir / folder.relative_to(tmp_path))


@pytest.mark.parametrize("how", ["jobs", pytest.param("ranks", marks=needs_mpi)])
def test_two_processes_prepare_from_bucket_to_bucket(raw: Bucket, data_dir: Path, server: str, how: str) -> None:
    words = [*COMMAND, "prepare", "stemdl_demo", "--raw-dir", f"{raw.url}/raw", "--data-dir", f"{raw.url}/{how}"]
    words = ranks(2, words) if how == "ranks" else [*words, "--jobs", "2"]
    variables = command_environment(server)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=variables)
    assert done.returncode == 0, done.stderr
    assert raw.content(f"{how}/sciml/stemdl_demo/3.0.0") == files(data_dir / "sciml/stemdl_demo/3.0.0")


def test_processes_read_the_parts_that_they_need(raw: Bucket, tmp_path: Path, server: str) -> None:
    ranges: list[str] = []

    def seen(request: Request) -> Fault:
        if request.method == "GET" and ".h5" in request.path:
            ranges.append(request.headers.get("range", "whole"))
        return Fault()

    with proxy(server, seen) as front, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", front.url)
        prepare("stemdl_demo", f"{raw.url}/raw", tmp_path)
    assert ranges
    assert "whole" not in ranges


def test_a_damaged_raw_file_is_named_by_its_url(raw: Bucket, tmp_path: Path) -> None:
    raw.put("damaged/stemdl_demo/train/a.h5", b"no HDF5")
    for split in ("dev", "test"):
        raw.put(f"damaged/stemdl_demo/{split}/a.h5", b"no HDF5")
    with pytest.raises(InputError, match=rf"^s3://{raw.name}/damaged/stemdl_demo/\w+/a.h5: not a complete HDF5 file"):
        prepare("stemdl_demo", f"{raw.url}/damaged", tmp_path)


def test_objects_that_stand_for_folders_are_no_raw_files(raw: Bucket, raw_dir: Path, tmp_path: Path) -> None:
    raw.upload(raw_dir / "stemdl_demo", "folders/stemdl_demo")
    for name in ("", "train/", "dev/", "test/"):
        raw.put(f"folders/stemdl_demo/{name}", b"")
    assert Path(prepare("stemdl_demo", f"{raw.url}/folders", tmp_path)).is_dir()


def test_no_raw_files_are_one_sentence(raw: Bucket, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no raw files of stemdl_demo: there is no object below s3://\w+/nothing/"):
        prepare("stemdl_demo", f"{raw.url}/nothing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_raw_file_that_changes_meanwhile_is_named(raw: Bucket, tmp_path: Path, server: str, raw_dir: Path) -> None:
    raw.upload(raw_dir / "stemdl_demo", "changing/stemdl_demo")
    changed = raw.names("changing/stemdl_demo/train/")[0]
    reading = 0

    def decide(request: Request) -> Fault:
        nonlocal reading
        reading += changed in request.path and request.method == "GET"
        if reading == 2:
            raw.put(changed, (raw_dir / changed.removeprefix("changing/")).read_bytes() + b"more")
        return Fault()

    with proxy(server, decide) as front, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", front.url)
        with pytest.raises(InputError, match=rf"{re.escape(changed)}: it has changed while it was read"):
            prepare("stemdl_demo", f"{raw.url}/changing", tmp_path)


def test_a_store_that_fails_is_not_taken_for_a_damaged_file(raw: Bucket, tmp_path: Path, server: str) -> None:
    def decide(request: Request) -> Fault:
        return Fault("status", status=403) if ".h5" in request.path else Fault()

    with proxy(server, decide) as front, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", front.url)
        with pytest.raises(StoreTroubleError, match=r"\.h5: the credentials do not give the right to do this"):
            prepare("stemdl_demo", f"{raw.url}/raw", tmp_path)


def test_hashing_needs_files_on_this_machine(raw: Bucket, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--verify-raw hashes raw files in a folder of this machine: leave it out"):
        prepare("stemdl_demo", f"{raw.url}/raw", tmp_path, verify_raw=True)
