"""Fetching: every kind of source, the choice of files, their transfer and the report."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fetch_servers import Fault, Request, http_server, proxy, write_mirror
from fetching import cli, content, fetched, options

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.fetch.run import fetch

Sciml = Callable[..., subprocess.CompletedProcess[str]]


def test_what_was_fetched_is_verified_and_prepared(
    raw_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_server(raw_dir / "cloudmask_demo") as url:
        code, _, err = cli(capsys, "cloudmask_demo", "--raw-dir", tmp_path, "--source", url)
    assert code == 0, err
    assert main(["verify", "cloudmask_demo", "--raw-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith("12 raw files agree with their checksums\n")
    assert main(["prepare", "cloudmask_demo", "--raw-dir", str(tmp_path), "--data-dir", str(tmp_path / "data")]) == 0


def test_files_that_did_not_come_are_findings_and_exit_code_1(
    http: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def decide(request: Request) -> Fault:
        return Fault("status", status=404) if request.path.endswith("_b.hdf") else Fault()

    missing = tmp_path / "cloudmask/training/S3A_b.hdf"
    with proxy(http, decide) as front:
        command = (capsys, "cloudmask", "--raw-dir", tmp_path, "--source", front.url, "--accept-terms")
        code, out, _ = cli(*command)
        assert (code, out.splitlines()[-2:]) == (
            1,
            [
                "1 did not come; run it again, what has come is kept:",
                f"{missing}: {front.url}: the source answers 404 Not Found",
            ],
        )
        code, out, _ = cli(*command, "--json")
    report = json.loads(out)
    assert (code, report["fetched"], len(report["failures"])) == (1, 0, 1)


def test_what_is_there_is_kept_and_not_read_again(mirror: Path, http: str, tmp_path: Path) -> None:
    fetched(tmp_path, str(mirror))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cloudmask").rglob("*.hdf")}
    with proxy(http, lambda request: Fault()) as front:
        report = fetched(tmp_path, front.url)
        assert report.fetched == 0
        assert all("S3A" not in request.path for request in front.requests if request.method == "GET")
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_terms_are_shown_once_and_accepted_by_a_flag(
    mirror: Path, tmp_path: Path, sciml: Sciml, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("fetch", "cloudmask", "--raw-dir", tmp_path, "--source", mirror)
    shown = sciml(*command, stdin=subprocess.DEVNULL)
    assert shown.returncode == 2
    assert "Contains modified Copernicus Sentinel data" in shown.stderr
    assert shown.stderr.splitlines()[-1].endswith("run the same command with --accept-terms")
    assert not list(tmp_path.iterdir())
    code, _, reported = cli(capsys, *command[1:], "--accept-terms")
    assert (code, reported.count("Contains modified Copernicus Sentinel data")) == (0, 1)
    assert "Copernicus" in (tmp_path / "cloudmask/TERMS.txt").read_text()
    code, _, reported = cli(capsys, *command[1:])
    assert (code, reported.count("Copernicus")) == (0, 0)
    (tmp_path / "cloudmask/TERMS.txt").write_text("older terms")
    with pytest.raises(InputError, match="has other terms now"):
        fetch("cloudmask", tmp_path, options(str(mirror), accept_terms=False))


def test_a_large_file_comes_in_parts_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sciml_datasets.fetch.file_transfer.PART_BYTES", 4 << 20)
    mirror = write_mirror(tmp_path / "mirror", {"training/S3A_large.hdf": (10 << 20) + 1})
    with http_server(mirror) as url, proxy(url, lambda request: Fault()) as front:
        fetched(tmp_path / "raw", front.url)
        ranges = {request.headers["range"] for request in front.requests if "range" in request.headers}
    assert ranges == {f"bytes={n << 22}-{min((n + 1) << 22, (10 << 20) + 1) - 1}" for n in range(3)}
    assert content(tmp_path / "raw/cloudmask") == content(mirror)


def test_the_rate_is_limited_and_progress_shows_it_and_the_time_left(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sciml_datasets.parallel.progress.PLAIN_SECONDS", 0.2)
    began = time.monotonic()
    code, _, err = cli(
        *(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", mirror, "--accept-terms", "--only", "*a.hdf"),
        *("--limit-rate", "14M"),
    )
    assert code == 0
    assert 0.85 < time.monotonic() - began < 4
    assert re.search(r"Fetching: +[1-9]\d?%.* [\d.]+M/14.0M \[00:0\d<00:0\d, +[\d.]+MB/s\]", err), err
