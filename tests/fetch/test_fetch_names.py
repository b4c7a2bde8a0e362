"""Names and files of a source that cannot be files here; folders that cannot be listed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fetch_servers import BUCKET, SIZES, TINY, s3_client, write_mirror
from fetching import cli, content, fetched, options
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.plan import plan_fetch
from sciml_datasets.fetch.unusable_names import unusable_names
from sciml_datasets.files.checksums import read_checksums


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
    reported = json.loads(out)["failures"]
    assert (code, len(reported)) == (1, 5)
    assert "b.hdf, which does not exist: get its content with git-annex or DataLad" in reported[1]
    reasons = ("/nowhere/disk", "annex", "circle", "is a FIFO", "is a device")
    assert all(part in one for part, one in zip(reasons, reported, strict=True))
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
