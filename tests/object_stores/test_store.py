"""One store: what is read and written, and one sentence for each thing that can go wrong."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import buckets
import fetch_servers
import object_servers
import pytest

from sciml_datasets import InputError
from sciml_datasets.object_stores import listing
from sciml_datasets.object_stores.connections import RETRIES, TIMEOUTS
from sciml_datasets.object_stores.failures import ChangedObjectError, MissingObjectError
from sciml_datasets.object_stores.store import Store, pieces
from sciml_datasets.object_stores.urls import checked_url, is_url, local_path
from sciml_datasets.object_stores.writable_store import WritableStore


@pytest.fixture
def bucket(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WritableStore:
    """An empty bucket."""
    for name, value in buckets.environment(s3, tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "nothing").mkdir()
    return WritableStore(buckets.put(s3, f"b{abs(hash(tmp_path)):x}", tmp_path / "nothing", "folder"))


def test_an_object_is_written_described_read_listed_and_removed(bucket: WritableStore) -> None:
    etag = bucket.put("a/one", b"0123456789")
    described = bucket.head("a/one")
    assert (described.size, described.etag) == (10, etag)
    assert bucket.get("a/one") == (b"0123456789", described)
    assert bucket.get("a/one", unless=etag) is None
    assert bytes(bucket.get_range("a/one", 3, 7, etag)) == b"3456"
    assert bucket.listed("a") == [described]
    bucket.delete(["a/one"])
    assert bucket.listed() == []
    assert (bucket.requests, bucket.received, bucket.sent) == (8, 14, 10)


def test_a_file_is_written_in_parts_and_read_in_parts_at_a_time(bucket: WritableStore, tmp_path: Path) -> None:
    content = object_servers.numbers(9 << 20)
    (tmp_path / "large").write_bytes(content)
    bucket.put("large", tmp_path / "large")
    parts = pieces(0, len(content), 1 << 20)
    got = bucket.each(lambda part: bytes(bucket.get_range("large", *part)), parts)
    assert b"".join(got) == content


def test_only_the_first_writer_writes_where_nothing_was(bucket: WritableStore) -> None:
    assert bucket.put_if_absent("manifest", b"mine")
    assert not bucket.put_if_absent("manifest", b"yours")
    assert bucket.get("manifest") == (b"mine", bucket.head("manifest"))


def test_an_object_that_changes_while_it_is_read_is_told(bucket: WritableStore) -> None:
    etag = bucket.put("one", b"first")
    bucket.put("one", b"other")
    with pytest.raises(ChangedObjectError, match="one: it has changed while it was read"):
        bucket.get_range("one", 0, 3, etag)


def test_what_fails_for_a_moment_is_asked_for_again(http: str, mirror: Path) -> None:
    content = (mirror / fetch_servers.LARGE).read_bytes()
    kinds = iter(["status", "cut", "pass", "status"])

    def decide(_: fetch_servers.Request) -> fetch_servers.Fault:
        return fetch_servers.Fault(next(kinds, "pass"), at=300_000)

    with fetch_servers.proxy(http, decide) as proxy:
        found = Store(proxy.url)
        got = [bytes(found.get_range(fetch_servers.LARGE, at, at + 1_000_000)) for at in (0, 5_000_000)]
    assert got == [content[at : at + 1_000_000] for at in (0, 5_000_000)]
    assert len(proxy.requests) > 3


def test_an_answer_that_stands_still_is_asked_for_again_and_a_slow_one_is_waited_for(
    http: str, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUTS, "read_timeout", timedelta(seconds=1))
    content = (mirror / fetch_servers.SMALL).read_bytes()
    kinds = iter(["stall", "pass"])

    def decide(_: fetch_servers.Request) -> fetch_servers.Fault:
        return fetch_servers.Fault(next(kinds, "pass"), at=30_000)

    with fetch_servers.proxy(http, decide, delay=0.7) as proxy:
        found = Store(proxy.url)
        assert bytes(found.get_range(fetch_servers.SMALL, 10, 70_000)) == content[10:70_000]
    assert len(proxy.requests) == 2


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchKey", "there is no such object"),
        (404, "NoSuchBucket", "there is no such bucket: correct its name"),
        (403, "AccessDenied", "the credentials do not give the right to do this: ask its owner"),
        (403, "InvalidAccessKeyId", "the store does not accept the credentials: correct them, in AWS_PROFILE"),
        (401, "X", "the store does not accept the credentials"),
        (400, "ExpiredToken", "the credentials have expired: renew them"),
        (403, "RequestTimeTooSkewed", "the clock of this machine differs"),
        (301, "PermanentRedirect", "the bucket is in another region: set AWS_REGION"),
        (400, "AuthorizationHeaderMalformed", "another region, eu-west-1: set AWS_REGION to eu-west-1"),
        (503, "SlowDown", "no room for more requests, also after waits: run the command again later"),
        (429, "X", "no room for more requests"),
        (500, "InternalError", "the store fails, also after waits"),
        (418, "Teapot", r"the store cannot be used \(.*418"),
    ],
)
def test_every_refusal_of_a_store_is_one_sentence(
    status: int, code: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RETRIES, "max_retries", 1)
    body = f"<Error><Code>{code}</Code><Region>eu-west-1</Region></Error>".encode()
    with object_servers.answering(lambda *_: (status, {}, body)) as endpoint:
        for name, value in buckets.environment(endpoint, tmp_path).items():
            monkeypatch.setenv(name, value)
        found = Store("s3://bucket/folder")
        with pytest.raises(InputError, match=f"^s3://bucket/folder/x: .*{expected}") as caught:
            found.get("x")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, MissingObjectError) == (code == "NoSuchKey")


def test_a_refusal_without_a_body_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> object_servers.Answer:
        asked.append(method)
        return 404 if path.endswith("/absent") else 400, {}, b"<Error><Code>ExpiredToken</Code></Error>"

    with object_servers.answering(answer) as endpoint:
        for name, value in buckets.environment(endpoint, tmp_path).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match="the credentials have expired: renew them"):
            Store("s3://bucket").head("x")
        with pytest.raises(MissingObjectError):
            Store("s3://bucket").head("absent")
    assert asked == ["HEAD", "GET", "HEAD"]


def test_without_credentials_the_sentence_names_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    with object_servers.answering(lambda *_: (403, {}, b"")) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(InputError, match=r"no credentials were found.*name them in AWS_PROFILE"):
            Store("s3://bucket").head("x")


def test_credentials_are_taken_from_the_files_of_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile lab]\nregion = eu-central-1\n")
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = filed\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> object_servers.Answer:
        asked.append(headers["authorization"])
        return object_servers.serving(b"0123")(method, path, headers)

    with object_servers.answering(answer) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert Store("s3://bucket").head("x").size == 4
    assert "Credential=filed/" in asked[0]
    assert "/eu-central-1/s3/" in asked[0]


def test_a_server_without_ranges_is_refused() -> None:
    with (
        object_servers.answering(lambda *_: (200, {"ETag": '"x"'}, b"whole")) as url,
        pytest.raises(InputError, match="sends the whole file where a part of it is asked for: copy the data"),
    ):
        Store(url).get_range("x", 1, 3)


def test_a_listing_without_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = "<Contents><Key>k{}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
    page = "".join(row.format(number) for number in range(100))
    body = (
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"
        f"{page}</ListBucketResult>"
    ).encode()
    with object_servers.answering(lambda *_: (200, {}, body)) as endpoint:
        for name, value in buckets.environment(endpoint, tmp_path).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match="its listing has more than 5,000 objects"):
            Store("s3://bucket").listed(most=5_000)


def test_a_listing_that_stands_still_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_SECONDS", 0.5)
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"
    body = f"<ListBucketResult>{more}</ListBucketResult>".encode()
    with object_servers.answering(lambda *_: (200, {}, body)) as endpoint:
        for name, value in buckets.environment(endpoint, tmp_path).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InputError, match="its listing does not go on"):
            Store("s3://bucket").listed()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("hdfs://x/y", "is no URL that can be read: expected s3"),
        ("s3://", "names no bucket"),
        ("s3:///data", "names no bucket"),
        ("http://[::1", r"is no URL \(Invalid IPv6 URL\): correct it"),
        ("file://[::1/data", r"is no URL \(Invalid IPv6 URL\): correct it"),
        ("https://", "names no host"),
        ("s3://b/../c", "holds an empty name, . or .."),
        ("s3://b/%2e%2e/c", "holds an empty name, . or .."),
        ("s3://b//c", "holds an empty name"),
        ("https://me:secret@host/x", "holds a user name or a password"),
        ("s3://b/c?x=1", "holds a \\? or #"),
        ("s3://b/\x1b[31m", "printable characters"),
        ("s3://" + "b" * 2000, "at most 1024 printable"),
    ],
)
def test_a_url_that_names_no_folder_is_refused(url: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        checked_url(url, "--data-dir")
    assert str(caught.value).startswith("--data-dir")
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("given", ["s3://b/c/", "S3://b/c", "s3:/b/c", Path("s3://b/c")])
def test_one_folder_has_one_url(given: Any) -> None:
    assert is_url(given)
    assert checked_url(given, "data_dir") == "s3://b/c"


def test_a_url_of_a_file_system_is_a_path() -> None:
    assert local_path("file:///data/my%20sets", "--data-dir") == Path("/data/my sets")
    with pytest.raises(InputError, match="another machine"):
        local_path("file://host/data", "--data-dir")


def test_offline_no_store_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_OFFLINE", "1")
    with pytest.raises(InputError, match="SCIML_OFFLINE forbids the network, which s3://b needs"):
        Store("s3://b")


def test_a_pickled_store_reads_the_same_objects() -> None:
    with object_servers.answering(object_servers.serving(b"0123456789")) as url:
        found = pickle.loads(pickle.dumps(Store(url)))
        assert bytes(found.get_range("x", 2, 5)) == b"234"
