"""The plan of a fetch: chosen files, space, a dry run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from fetch_servers import SIZES
from fetching import cli, content, fetched, options

from sciml_datasets import BENCHMARKS, InputError
from sciml_datasets.fetch.run import fetch


def test_only_and_max_files_choose(mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetched(tmp_path / "a", str(mirror), only=("training/*",))
    assert set(content(tmp_path / "a/cloudmask")) == {"training/S3A_a.hdf", "training/S3A_b.hdf"}
    fetched(tmp_path / "b", str(mirror), max_files=2)  # of each folder one
    assert set(content(tmp_path / "b/cloudmask")) == {"inference/S3A_c.hdf", "training/S3A_a.hdf"}
    code, _, err = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", mirror, "--only", "x*", "--accept-terms")
    assert code == 2
    assert "--only x*: none of the 3 files fits, the first are inference/S3A_c.hdf" in err


def test_a_dry_run_shows_files_bytes_and_free_space_and_fetches_nothing(
    http: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", http, "--dry-run", "--json")
    planned = json.loads(out)
    assert code == 0
    assert (planned["files"], planned["bytes"]) == (3, sum(SIZES.values()))
    assert (planned["fetch_files"], planned["fits"]) == (3, True)
    assert abs(planned["free_bytes"] - shutil.disk_usage(tmp_path).free) < 10**9
    code, out, _ = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", http, "--dry-run")
    assert "14000000  training/S3A_a.hdf" in out
    assert "free: " in out
    assert not list(tmp_path.iterdir())


def test_space_is_checked_before_anything_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mirror = tmp_path / "mirror/training"
    mirror.mkdir(parents=True)
    with (mirror / "S3A_huge.hdf").open("wb") as file:
        file.truncate(1 << 42)
    reported = r"4398\.047 GB must come and .* GB are free: make room"
    with pytest.raises(InputError, match=reported):
        fetch("cloudmask", tmp_path / "raw", options(str(mirror.parent)))
    command = ("cloudmask", "--raw-dir", tmp_path / "raw", "--source", mirror.parent, "--dry-run")
    code, out, err = cli(capsys, *command)
    assert (code, out.splitlines()[0].split(), out.endswith("bytes: too little\n")) == (
        *(2, ["4398046511104", "training/S3A_huge.hdf"], True),
    )
    assert re.search(reported, err)
    code, out, err = cli(capsys, *command, "--json")
    assert (code, json.loads(out)["fits"]) == (2, False)
    assert err == f"sciml fetch: {json.loads(out)['error']}\n"
    assert not (tmp_path / "raw").exists()


def test_a_dry_run_of_what_globus_brings_looks_at_the_space_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("stemdl", "--raw-dir", tmp_path, "--dry-run", "--json")
    (stemdl,) = BENCHMARKS["stemdl"].sources["stemdl"]
    fits = shutil.disk_usage(tmp_path).free > stemdl.num_bytes
    code, out, err = cli(capsys, *command)
    planned = json.loads(out)
    assert (code, planned["fits"], planned["files"]) == (0 if fits else 2, fits, 1138)
    assert ("589.162 GB must come" in err) is not fits
    (tmp_path / "stemdl/train").mkdir(parents=True)
    with (tmp_path / "stemdl/train/batch_train_0.h5").open("wb") as file:
        file.truncate(stemdl.num_bytes)  # it has come
    code, out, err = cli(capsys, *command)
    assert (code, json.loads(out)["fits"], err) == (0, True, "")
