"""Fetching: every kind of source, what is chosen, how it comes and what is told."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fetch_servers import BUCKET, PREFIX, SIZES, TINY, Fault, Request, http_server, proxy, s3_client, write_mirror
from fetching import cli, content, fetched, options
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import BENCHMARKS, InputError
from sciml_datasets.benchmark import GlobusSource, Source
from sciml_datasets.cli.main import main
from sciml_datasets.fetch.names import unusable_names
from sciml_datasets.fetch.plan import plan_fetch
from sciml_datasets.fetch.run import fetch
from sciml_datasets.files.checksums import read_checksums

Sciml = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("kind", ["folder", "file", "memory", "http", "s3"])
def test_every_kind_of_source_gives_the_same_bytes(
    kind: str, mirror: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source: str | Source = {"folder": str(mirror), "file": mirror.as_uri(), "memory": "memory://mirror"}.get(kind, "")
    if kind == "memory":
        import fsspec

        fsspec.filesystem("memory").put(str(mirror), "/mirror", recursive=True)
    elif kind == "http":
        source = request.getfixturevalue("http")
    elif kind == "s3":
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        source = f"s3://{BUCKET}/{PREFIX}"
    report = fetched(tmp_path, source)
    assert (report.fetched, report.arrived, report.failures) == (3, sum(SIZES.values()), ())
    assert content(tmp_path / "cloudmask") == content(mirror)


def test_the_declared_sources_are_read_as_they_are_declared(
    s3: str, http: str, mirror: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (cloudmask,) = BENCHMARKS["cloudmask"].sources["cloudmask"]
    assert isinstance(cloudmask, Source)
    assert cloudmask.endpoint == "https://s3.echo.stfc.ac.uk"
    fetched(tmp_path, replace(cloudmask, endpoint=s3))
    assert content(tmp_path / "cloudmask") == content(mirror)

    (uno,) = BENCHMARKS["candle_uno"].sources["candle_uno"]
    assert isinstance(uno, Source)
    tables = write_mirror(tmp_path_factory.mktemp("uno"), dict.fromkeys([*uno.files, "another"], 1000))
    (tables / "another").rename(tables / "not-listed")
    with http_server(tables) as url, proxy(url, lambda request: Fault(status=403)) as front:
        report = fetched(tmp_path, replace(uno, url=front.url), name="candle_uno")
        assert report.fetched == 7
        assert set(content(tmp_path / "candle_uno")) == set(uno.files)
        assert front.requests[0].method == "HEAD"  # a listing is not asked for: HTTP has none


@pytest.mark.parametrize(
    ("name", "place", "gigabytes"),
    [
        ("stemdl", "OLCF DOI-DOWNLOADS", 589),
        ("stemdl_preprocessed", "s3://sciml-datasets/ms/stemdl_ds1a", 35),
        ("cloudmask", "s3://sciml-datasets/es/cloud_slstr_ds1", 180),
        ("candle_uno", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
        ("candle_uno_growth", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
        ("candle_uno_pairs", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
    ],
)
def test_sources_are_declared_with_sizes_licence_and_terms(name: str, place: str, gigabytes: int) -> None:
    """The server of CANDLE-UNO tells its sizes when it is asked; nobody has published them."""
    benchmark = next(row for row in BENCHMARKS.values() if name in row.sources)
    (source,) = benchmark.sources[name]
    assert (source.collection if isinstance(source, GlobusSource) else source.url) == place
    assert source.num_bytes // 10**9 == gigabytes
    assert source.num_files > 0
    assert benchmark.licence
    assert benchmark.terms


def test_info_shows_where_raw_files_come_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["info", "cloudmask", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "source    s3://sciml-datasets/es/cloud_slstr_ds1: 1,070 files, 180 GB\n" in shown
    assert "terms     The scenes contain Copernicus Sentinel data." in shown


def test_another_form_of_the_same_data_comes_by_its_name(tmp_path: Path) -> None:
    mirror = write_mirror(tmp_path / "mirror", {"top_21_auc_1fold.uno.h5": 1000, "another.h5": 10})
    with http_server(mirror) as url:
        fetched(tmp_path / "raw", url, name="candle_uno", only=("top_21_auc_1fold.uno.h5",))
    assert set(content(tmp_path / "raw/candle_uno")) == {"top_21_auc_1fold.uno.h5"}


def test_stemdl_prints_the_globus_steps_and_then_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = cli(capsys, "stemdl", "--raw-dir", tmp_path)
    assert code == 1  # nothing was fetched
    assert "548.7 GiB" in out
    assert f"ORIGIN_ID:ORIGIN_PATH MINE:{tmp_path}/stemdl" in out
    assert out.index("globus transfer") < out.index(f"sciml verify stemdl --raw-dir {tmp_path}")
    assert not list(tmp_path.iterdir())


def test_stemdl_comes_from_a_mirror_too(tmp_path: Path) -> None:
    mirror = write_mirror(tmp_path / "mirror", {"train/batch_train_0.h5": 1000})
    fetched(tmp_path / "raw", str(mirror), name="stemdl")
    assert content(tmp_path / "raw" / "stemdl") == content(mirror)


def test_a_demo_is_simulated_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = cli(capsys, "cloudmask_demo", "--raw-dir", tmp_path)
    assert code == 2
    assert err == (
        "sciml fetch: cloudmask_demo is simulated, there is nothing to fetch: "
        "`sciml simulate cloudmask_demo --out RAW`\n"
    )


def test_what_was_fetched_is_verified_and_prepared(
    raw_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_server(raw_dir / "cloudmask_demo") as url:
        code, _, err = cli(capsys, "cloudmask_demo", "--raw-dir", tmp_path, "--source", url)
    assert code == 0, err
    assert main(["verify", "cloudmask_demo", "--raw-dir", str(tmp_path)]) == 0
    assert "12 raw files agree with their checksums, 0 were recorded" in capsys.readouterr().out
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
    told = r"4398\.047 GB must come and .* GB are free: make room"
    with pytest.raises(InputError, match=told):
        fetch("cloudmask", tmp_path / "raw", options(str(mirror.parent)))
    command = ("cloudmask", "--raw-dir", tmp_path / "raw", "--source", mirror.parent, "--dry-run")
    code, out, err = cli(capsys, *command)
    assert (code, out.splitlines()[0].split(), out.endswith("bytes: too little\n")) == (
        *(2, ["4398046511104", "training/S3A_huge.hdf"], True),
    )
    assert re.search(told, err)
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


def test_terms_are_shown_once_and_accepted_by_a_flag(
    mirror: Path, tmp_path: Path, sciml: Sciml, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("fetch", "cloudmask", "--raw-dir", tmp_path, "--source", mirror)
    shown = sciml(*command, stdin=subprocess.DEVNULL)
    assert shown.returncode == 2
    assert "Contains modified Copernicus Sentinel data" in shown.stderr
    assert shown.stderr.splitlines()[-1].endswith("run the same command with --accept-terms")
    assert not list(tmp_path.iterdir())
    code, _, told = cli(capsys, *command[1:], "--accept-terms")
    assert (code, told.count("Contains modified Copernicus Sentinel data")) == (0, 1)
    assert "Copernicus" in (tmp_path / "cloudmask/TERMS.txt").read_text()
    code, _, told = cli(capsys, *command[1:])
    assert (code, told.count("Copernicus")) == (0, 0)
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


def test_the_rate_is_limited_and_progress_tells_it_and_the_time_left(
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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mnist"], "there is no data set 'mnist'"),
        (["cloudmask", "--limit-rate", "fast"], "--limit-rate fast: expected bytes a second"),
        (["cloudmask", "--jobs", "0"], "--jobs 0: expected at least 1"),
        (["cloudmask", "--source", "gs://bucket/folder"], "gs://bucket/folder: Please install gcsfs"),
        (["cloudmask", "--source", "nothing://there"], "nothing://there: Protocol not known"),
        (["cloudmask", "--source", "/no/such/folder"], "/no/such/folder: there is no such folder: correct its name"),
        (["cloudmask", "--source", ""], "--source '': expected a URL or a folder"),
        (["cloudmask", "--source", "s3://"], "--source s3:// names no bucket: expected s3://BUCKET/FOLDER"),
        (["cloudmask", "--source", "http://"], "--source http:// names no host: expected http://HOST/FOLDER"),
        (["cloudmask", "--source", "ftp://127.0.0.1:9/x"], "nobody answers at the source, the connection was refused"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = cli(capsys, *arguments, "--raw-dir", tmp_path, "--accept-terms", "--retries", 0)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "fault", "told"),
    [
        (
            "s3://no-such-bucket/x",
            "pass",
            "there is no such bucket: correct its name, or its endpoint in AWS_ENDPOINT_URL",
        ),
        (
            f"s3://{BUCKET}/nothing",
            "pass",
            "the source lists no files *.hdf: name the folder that is laid out like RAW/",
        ),
        (
            f"s3://{BUCKET}/x",
            "status",
            "the source answers 403 Forbidden: correct the address, or name your credentials",
        ),
        (f"s3://{BUCKET}/x", "page", "the source sends a web page in place of the file: open the address in a browser"),
    ],
)
def test_a_bucket_that_gives_nothing_is_one_sentence(
    source: str, fault: str, told: str, s3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    with proxy(s3, lambda request: Fault(fault, status=403)) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        code, _, err = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", source, "--accept-terms")
    assert code == 2
    assert err.startswith(f"sciml fetch: {source}: {told}")
    assert err.count("\n") == 1


def test_a_certificate_that_is_not_accepted_is_told_with_what_to_do(
    mirror: Path, tmp_path: Path, sciml: Sciml, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    with http_server(mirror, certificate) as url:
        command = ("fetch", "cloudmask", "--raw-dir", tmp_path / "raw", "--source", url, "--accept-terms")
        refused = sciml(*command)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sciml(*command).returncode == 0
    assert refused.returncode == 2
    assert "the certificate of 127.0.0.1 is not accepted (self-signed certificate): correct the addr" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_login_page_in_place_of_the_data_is_named_with_the_file(
    http: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy(http, lambda request: Fault("page")) as front:
        flags = ("--raw-dir", tmp_path, "--source", front.url, "--accept-terms")
        code, _, err = cli(capsys, "candle_uno", *flags)
        assert code == 2
        assert f"{front.url}: Combined_PubChem_dragon7_descriptors.tsv: the source sends a web page titled" in err
        assert '"Please sign in" in place of the file: open the address in a browser' in err
        code, _, err = cli(capsys, "cloudmask", *flags)
        assert code == 2
        assert 'lists no files *.hdf: it shows a web page titled "Please sign in", and has no checksums.tsv' in err


@pytest.mark.parametrize(
    "arguments",
    [["cloudmask", "--source", "/no/such/folder"], ["mnist"], ["cloudmask", "--limit-rate", "fast", "--dry-run"]],
)
def test_programs_are_told_what_failed(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = cli(capsys, *arguments, "--raw-dir", tmp_path, "--accept-terms", "--json")
    assert code == 2
    assert err == f"sciml fetch: {json.loads(out)['error']}\n"


def test_names_that_lead_out_of_the_folder_are_refused(s3: str, tmp_path: Path) -> None:
    client = s3_client(s3)
    client.put_object(Bucket=BUCKET, Key="evil/../../../etc/x.hdf", Body=b"x", ACL="public-read")
    with pytest.raises(InputError, match="leads out of the folder"):
        plan_fetch("cloudmask", tmp_path, options(Source(f"s3://{BUCKET}/evil", 0, endpoint=s3)))


def test_files_that_can_have_no_name_here_are_findings_and_the_rest_comes(
    s3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = f"training/{'n' * 260}.hdf"
    unusable = ["training/a.hdf", long, "training/../b.hdf", "training//c.hdf", "training/d\t.hdf", "../out.hdf"]
    for key in [*unusable, "training/a.hdf/b.hdf", "inference/y.hdf"]:
        s3_client(s3).put_object(Bucket=BUCKET, Key=f"odd/{key}", Body=b"1234", ACL="public-read")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    flags = ("cloudmask", "--raw-dir", tmp_path, "--source", f"s3://{BUCKET}/odd", "--accept-terms")
    code, out, _ = cli(capsys, *flags, "--dry-run", "--json")
    plan = json.loads(out)
    assert (code, sorted(plan["unusable"])) == (1, sorted(unusable))
    assert (plan["files"], plan["fetch_files"], plan["fetch_bytes"]) == (8, 2, 8)
    code, out, _ = cli(capsys, *flags, "--json")
    failures = json.loads(out)["failures"]
    assert code == 1
    assert len(failures) == len(unusable)
    assert any("training/a.hdf: training/a.hdf/b.hdf makes it a folder" in failure for failure in failures)
    assert any("its name has 264 bytes, and a file name at most 255" in failure for failure in failures)
    assert set(content(tmp_path / "cloudmask")) == {"training/a.hdf/b.hdf", "inference/y.hdf"}
    assert sorted(read_checksums(tmp_path / "cloudmask" / "checksums.tsv")) == [
        "inference/y.hdf",
        "training/a.hdf/b.hdf",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["cloudmask"]


def test_what_is_in_the_way_of_one_file_stops_no_other(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "cloudmask").mkdir()
    (tmp_path / "cloudmask" / "training").write_text("in the way")
    report = fetched(tmp_path, str(mirror))
    assert {failure.rpartition(": ")[2] for failure in report.failures} <= {"Not a directory", "File exists"}
    assert len(report.failures) == 2
    assert TINY in content(tmp_path / "cloudmask")


def with_strange_files(mirror: Path, source: Path) -> list[str]:
    """A copy of the mirror with what is named like a file of it and is none; the names."""
    shutil.copytree(mirror, source)
    (source / "training" / "annexed.hdf").symlink_to("../.git/annex/objects/a/b.hdf")
    (source / "training" / "loop.hdf").symlink_to("loop.hdf")
    (source / "training" / "zero.hdf").symlink_to("/dev/zero")
    os.mkfifo(source / "training" / "pipe.hdf")
    (source / "more").symlink_to("/nowhere/disk")
    (source / "README.md").symlink_to("nowhere")
    return ["more/", *(f"training/{name}.hdf" for name in ("annexed", "loop", "pipe", "zero"))]


def test_what_is_no_file_at_a_folder_does_not_come_and_the_rest_does(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = with_strange_files(mirror, tmp_path / "source")
    flags = ("cloudmask", "--raw-dir", tmp_path / "raw", "--source", tmp_path / "source", "--accept-terms", "--json")
    code, out, _ = cli(capsys, *flags, "--dry-run")
    assert (code, sorted(json.loads(out)["unusable"])) == (1, strange)
    code, out, _ = cli(capsys, *flags)
    told = json.loads(out)["failures"]
    assert (code, len(told)) == (1, 5)
    assert "b.hdf, which does not exist: get its content with git-annex or DataLad" in told[1]
    reasons = ("/nowhere/disk", "annex", "circle", "is a FIFO", "is a device")
    assert all(part in one for part, one in zip(reasons, told, strict=True))
    assert content(tmp_path / "raw" / "cloudmask") == content(mirror)
    assert set(read_checksums(tmp_path / "raw" / "cloudmask" / "checksums.tsv")) == set(SIZES)


def test_a_file_that_one_source_cannot_give_comes_from_the_next(mirror: Path, tmp_path: Path) -> None:
    strange = tmp_path / "source"
    shutil.copytree(mirror, strange)
    (strange / TINY).unlink()
    (strange / TINY).symlink_to("nowhere")
    for sources in ((strange, mirror), (mirror, strange)):
        report = fetched(tmp_path / sources[0].name, *map(str, sources))
        assert report.failures == ()
        assert content(tmp_path / sources[0].name / "cloudmask") == content(mirror)


def test_folders_of_a_source_may_be_links_to_other_disks(mirror: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for folder in mirror.iterdir():
        (source / folder.name).symlink_to(folder)
    assert fetched(tmp_path / "raw", str(source)).failures == ()
    assert content(tmp_path / "raw" / "cloudmask") == content(mirror)
    (source / "again").symlink_to(source)
    with pytest.raises(InputError, match="again is a symbolic link to a folder that it lies in: remove the link"):
        fetched(tmp_path / "other", str(source))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_folder_of_a_source_that_cannot_be_listed_is_named(
    number: int, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = os.scandir

    def fails(path: Any = ".") -> Any:
        if str(path).endswith("/training"):
            raise OSError(number, os.strerror(number), str(path))
        return listing(path)

    monkeypatch.setattr(os, "scandir", fails)
    with pytest.raises(InputError, match=rf"\[Errno {number}\] .*{mirror}/training"):
        fetched(tmp_path, str(mirror))


def test_a_folder_of_any_other_kind_of_source_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    monkeypatch.setattr(MemoryFileSystem, "find", fsspec.AbstractFileSystem.find)  # that of SSH, SMB and most others
    listing = MemoryFileSystem.ls

    def fails(fs: MemoryFileSystem, path: str, **options: Any) -> Any:
        if path.endswith("/training"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return listing(fs, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "ls", fails)
    fsspec.filesystem("memory").pipe("/kept/deep/training/a.hdf", b"1234")
    with pytest.raises(InputError, match=r"\[Errno 5\] .*/kept/deep/training"):
        fetched(tmp_path, "memory://kept")


def test_a_long_name_of_many_bytes_a_letter_comes(tmp_path: Path) -> None:
    name = f"training/{'雲' * 83}.hdf"
    write_mirror(tmp_path / "mirror", {name: 10_000})
    assert not fetched(tmp_path / "raw", str(tmp_path / "mirror")).failures
    assert set(content(tmp_path / "raw" / "cloudmask")) == {name}


@given(st.lists(st.text("aA./\t\\\n~ é\u2028", min_size=1, max_size=12), unique=True, max_size=6))
def test_every_name_that_is_not_refused_can_be_made(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "raw"
        wrong = unusable_names(names, folder)
        for name in set(names) - set(wrong):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch(exist_ok=False)
        assert {path.name for path in Path(place).iterdir()} <= {"raw"}
        assert len(content(folder)) == len(names) - len(wrong)
