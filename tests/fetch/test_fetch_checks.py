"""Fetching: checksums at first sight and after it, of mirrors and of ETags."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from fetch_servers import BUCKET, PREFIX, SIZES, Fault, http_server, proxy, s3_client, upload
from fetching import cli, content, fetched

from sciml_datasets import InputError
from sciml_datasets.benchmark import Source
from sciml_datasets.fetch.checks import Hashes
from sciml_datasets.files.checksums import Checksum, ChecksumError, read_list, record_checksums, write_list


def test_the_first_sight_is_recorded_and_said_so(
    mirror: Path, s3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    source = f"s3://{BUCKET}/{PREFIX}"
    code, out, _ = cli(capsys, "cloudmask", "--raw-dir", tmp_path, "--source", source, "--accept-terms")
    assert code == 0
    assert "3 of them have no published checksum: theirs was recorded at first sight" in out
    data = (mirror / "training/S3A_a.hdf").read_bytes()
    recorded = read_list(tmp_path / "cloudmask/checksums.tsv")
    etag = hashlib.md5(data).hexdigest()
    assert recorded["training/S3A_a.hdf"] == Checksum(hashlib.sha256(data).hexdigest(), len(data), etag)
    known = {name: checksum.sha256 for name, checksum in recorded.items()}
    shutil.rmtree(tmp_path / "cloudmask/training")
    with pytest.raises(ChecksumError, match="is missing"):  # what verify does with it
        record_checksums(tmp_path / "cloudmask", known, {})


def test_maintainers_record_what_is_published(mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = tmp_path / "checksums.tsv"
    other = {"cloudmask_demo/x.hdf": Checksum("0" * 64, 1), "cloudmask/training/earlier.hdf": Checksum("1" * 64)}
    write_list(published, other)
    code, out, _ = cli(
        capsys, "cloudmask", "--raw-dir", tmp_path, "--source", mirror, "--accept-terms", "--record", published
    )
    assert (code, out.splitlines()[-1]) == (0, f"published in {published}")
    names = {f"cloudmask/{name}" for name in SIZES}
    assert set(read_list(published)) == {*other, *names}
    assert read_list(published)["cloudmask/training/S3A_b.hdf"].size == 70_000


def test_what_maintainers_record_is_checked_against_wherever_it_stands(
    mirror: Path, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the package, at a mirror of each kind, and in the raw folder."""
    published = tmp_path / "published.tsv"
    write_list(published, {"cloudmask_demo/another.hdf": Checksum("1" * 64)})
    fetched(tmp_path / "first", str(mirror), record=published)
    copy, damaged = tmp_path / "mirror", "training/S3A_b.hdf"
    shutil.copytree(mirror, copy)
    (copy / damaged).write_bytes(b"x" * SIZES[damaged])
    (tmp_path / "raw/cloudmask").mkdir(parents=True)
    shutil.copy(published, tmp_path / "raw/cloudmask/checksums.tsv")
    reports = [fetched(tmp_path / "raw", str(copy))]
    with monkeypatch.context() as patched:
        patched.setattr("sciml_datasets.files.checksums.published_list", lambda name: published)
        reports.append(fetched(tmp_path / "package", str(copy)))
    shutil.copy(published, copy / "checksums.tsv")
    upload(s3, copy, "recorded")
    with http_server(copy) as url:
        sources = [str(copy), url, Source(f"s3://{BUCKET}/recorded", 0, endpoint=s3)]
        reports += [fetched(tmp_path / f"mirror-{number}", source) for number, source in enumerate(sources)]
    expected = hashlib.sha256((mirror / damaged).read_bytes()).hexdigest()
    assert [len(report.failures) for report in reports] == [1] * 5
    assert all(f"{damaged}: " in report.failures[0] for report in reports)
    assert all(f"expected {expected}" in report.failures[0] for report in reports)


def test_another_content_is_refused_and_kept_aside(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cloudmask"
    folder.mkdir()
    write_list(folder / "checksums.tsv", {"training/S3A_b.hdf": Checksum("0" * 64)})
    report = fetched(tmp_path, str(mirror))
    found = hashlib.sha256((mirror / "training/S3A_b.hdf").read_bytes()).hexdigest()
    assert len(report.failures) == 1
    assert f"its SHA-256 is {found}, expected {'0' * 64}; what came is kept as S3A_b.hdf.mismatch" in report.failures[0]
    assert not (folder / "training/S3A_b.hdf").exists()
    evidence = (folder / "training/S3A_b.hdf.mismatch").read_bytes()
    assert evidence == (mirror / "training/S3A_b.hdf").read_bytes()
    assert (folder / "training/S3A_a.hdf").exists()  # the others came


@pytest.mark.parametrize(
    ("known", "reported"),
    [
        (Checksum("0" * 64, 7), "the source has 70000 bytes, expected 7"),
        (Checksum("0" * 64, None, "0" * 32), f"expected {'0' * 32}"),
    ],
)
def test_another_size_or_etag_is_refused_before_it_comes(
    known: Checksum, reported: str, s3: str, tmp_path: Path
) -> None:
    folder = tmp_path / "cloudmask"
    folder.mkdir()
    write_list(folder / "checksums.tsv", {"training/S3A_b.hdf": known})
    with proxy(s3, lambda request: Fault()) as front:
        source = Source(f"s3://{BUCKET}/{PREFIX}", 0, endpoint=front.url)
        report = fetched(tmp_path, source, only=("*b.hdf",))
        assert reported in report.failures[0]
        assert not any("S3A_b" in request.path for request in front.requests)


def test_a_file_that_was_there_is_checked_or_set_aside(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cloudmask"
    shutil.copytree(mirror, folder)
    (folder / "training/S3A_b.hdf").write_bytes(b"cut off")
    report = fetched(tmp_path, str(mirror))
    assert report.fetched == 1
    assert "was there, but it has 7 bytes, expected 70000: it is S3A_b.hdf.mismatch now" in report.notes[0]
    assert (folder / "training/S3A_b.hdf.mismatch").read_bytes() == b"cut off"
    assert (folder / "training/S3A_b.hdf").read_bytes() == (mirror / "training/S3A_b.hdf").read_bytes()


def test_a_list_of_checksums_at_the_mirror_is_believed(mirror: Path, s3: str, tmp_path: Path) -> None:
    copy = tmp_path / "mirror"
    shutil.copytree(mirror, copy)
    listed = {name: Checksum(hashlib.sha256((mirror / name).read_bytes()).hexdigest(), SIZES[name]) for name in SIZES}
    more = {f"notes/{number:05}.txt": Checksum("0" * 64) for number in range(20_000)}  # a list of some length
    write_list(copy / "checksums.tsv", listed | more)
    (copy / "training/S3A_b.hdf").write_bytes(b"x" * SIZES["training/S3A_b.hdf"])
    upload(s3, copy, "listed")
    with http_server(copy) as url:
        sources = [Source(str(copy), 0), Source(url, 0), Source(f"s3://{BUCKET}/listed", 0, endpoint=s3)]
        for number, source in enumerate(sources):
            report = fetched(tmp_path / f"raw-{number}", source)
            assert len(report.failures) == 1
            assert listed["training/S3A_b.hdf"].sha256 in report.failures[0]


def test_a_damaged_line_of_a_list_at_the_mirror_refuses_that_file_alone(mirror: Path, s3: str, tmp_path: Path) -> None:
    copy = tmp_path / "mirror"
    shutil.copytree(mirror, copy)
    lines = [f"{name}\t{hashlib.sha256((mirror / name).read_bytes()).hexdigest()}" for name in SIZES]
    damaged = list(SIZES)[1]
    lines[1] = lines[1][:-3]
    lines += [f"stemdl/a.h5\t{'0' * 64}", "stemdl/b.h5\tdamaged", "no name, no tab"]
    (copy / "checksums.tsv").write_text("\n".join(lines) + "\n")
    upload(s3, copy, "damaged")
    with http_server(copy) as url:
        sources = [Source(str(copy), 0), Source(url, 0), Source(f"s3://{BUCKET}/damaged", 0, endpoint=s3)]
        for number, source in enumerate(sources):
            report = fetched(tmp_path / f"raw-{number}", source)
            assert set(content(tmp_path / f"raw-{number}" / "cloudmask")) == {*SIZES} - {damaged}
            assert sorted(report.failures) == [
                f"{tmp_path}/raw-{number}/cloudmask/{name}: expected a file name, a tab and a SHA-256 in line {line} "
                "of the source's checksums.tsv"
                for name, line in (("checksums.tsv, line 6", 6), (damaged, 2))
            ]
        report = fetched(tmp_path / "other", sources[0], Source(str(mirror), 0))
        assert content(tmp_path / "other" / "cloudmask") == content(mirror)
        assert len(report.failures) == 1
        assert "checksums.tsv, line 6: " in report.failures[0]


def test_a_list_at_the_mirror_that_is_mostly_damaged_is_none(mirror: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mirror"
    shutil.copytree(mirror, copy)
    (copy / "checksums.tsv").write_text(f"{'0' * 64}\n" * 3)
    with pytest.raises(
        InputError, match=r"it sends no list of checksums \(checksums\.tsv, line 1: expected a file name"
    ):
        fetched(tmp_path / "raw", str(copy))
    assert not (tmp_path / "raw" / "cloudmask").exists()


def test_an_etag_of_an_upload_in_parts_is_understood(s3: str, tmp_path: Path) -> None:
    client, data = s3_client(s3), os.urandom(11 << 20)
    upload_id = client.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(data), 5 << 20), 1):
        body = data[start : start + (5 << 20)]
        answer = client.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload_id, PartNumber=number, Body=body)
        parts.append({"ETag": answer["ETag"], "PartNumber": number})
    whole = client.complete_multipart_upload(
        Bucket=BUCKET, Key="parts", UploadId=upload_id, MultipartUpload={"Parts": parts}
    )
    etag = whole["ETag"].strip('"')
    assert etag.endswith("-3")
    path = tmp_path / "data"
    path.write_bytes(data)
    with Hashes(path, etag) as hashes:
        assert hashes.finish() == (hashlib.sha256(data).hexdigest(), etag)
    path.write_bytes(data[:-1] + b"?")
    with Hashes(path, etag) as hashes:
        assert hashes.finish()[1] == ""  # which says nothing: the parts may have had another size
