"""Preparation into a bucket: the same bytes as in a folder, whole or not there, by any number of processes."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from buckets import Bucket, command_environment, environment, new_bucket
from fetch_servers import Fault, Request, proxy, s3_server
from processes import COMMAND, signature_of_ended

from sciml_datasets import InputError, prepare
from sciml_datasets.cli.main import main
from sciml_datasets.object_stores.connections import RETRIES
from sciml_datasets.object_stores.trouble import StoreTroubleError
from sciml_datasets.object_stores.writable_store import LARGEST_PUT, WritableStore
from sciml_datasets.preparation.bucket_work import UPLOAD_BYTES, BucketWork, ReplacedError, room_of
from sciml_datasets.preparation.in_bucket import InBucket
from sciml_datasets.preparation.survey import survey
from sciml_datasets.prepared.manifest import Written

DATASET = "data/sciml/stemdl_demo"
VERSION = f"{DATASET}/3.0.0"
JOURNAL = f"{VERSION}.incomplete"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Endpoint of an S3 server of this file alone."""
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A new bucket, which this process and its children find."""
    for name, value in environment(server).items():
        monkeypatch.setenv(name, value)
    with new_bucket(server, f"b{secrets.token_hex(6)}") as made:
        yield made


@pytest.fixture(scope="module")
def whole(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the data set in 15 shards, prepared in a folder."""
    folder = Path(prepare("stemdl_demo", raw_dir, tmp_path_factory.mktemp("whole"), num_shards=5))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def prepared(data_dir: Path) -> dict[str, bytes]:
    """The files of the data set as commands prepare it in a folder."""
    return {path.name: path.read_bytes() for path in (data_dir / "sciml/stemdl_demo/3.0.0").iterdir()}


def in_bucket(raw: Path | str, bucket: Bucket, **options: object) -> Path | str:
    return prepare("stemdl_demo", raw, f"{bucket.url}/data", num_shards=5, **options)


def assert_whole(bucket: Bucket, whole: dict[str, bytes]) -> None:
    assert bucket.content(VERSION) == whole
    assert [name for name in bucket.names() if not name.startswith(f"{VERSION}/")] == []
    assert bucket.unfinished_uploads() == []


def command(raw: Path | str, bucket: Bucket, *flags: str) -> list[str]:
    return [*COMMAND, "prepare", "stemdl_demo", "--raw-dir", str(raw), "--data-dir", f"{bucket.url}/data", *flags]


def run(words: list[str], endpoint: str) -> subprocess.CompletedProcess[str]:
    variables = command_environment(endpoint)
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, env=variables)


def test_one_process_writes_the_bytes_of_a_folder(bucket: Bucket, raw_dir: Path, whole: dict[str, bytes]) -> None:
    assert in_bucket(raw_dir, bucket) == f"{bucket.url}/{VERSION}"
    assert_whole(bucket, whole)


def test_the_command_writes_the_same_bytes(
    bucket: Bucket, raw_dir: Path, server: str, prepared: dict[str, bytes]
) -> None:
    done = run(command(raw_dir, bucket, "--jobs", "1"), server)
    assert f"{bucket.url}/{VERSION}: 60 records in 3 shards" in done.stdout, done.stderr
    assert_whole(bucket, prepared)


def test_shares_write_the_same_bytes(bucket: Bucket, raw_dir: Path, whole: dict[str, bytes]) -> None:
    in_bucket(raw_dir, bucket, share="1/2")
    assert f"{VERSION}/manifest.json" not in bucket.names()
    in_bucket(raw_dir, bucket, share="0/2")
    assert_whole(bucket, whole)


def test_what_is_prepared_stays_as_it_is(bucket: Bucket, raw_dir: Path, server: str) -> None:
    in_bucket(raw_dir, bucket)
    requests: list[str] = []

    def seen(request: Request) -> Fault:
        requests.append(request.method)
        return Fault()

    with proxy(server, seen) as front, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", front.url)
        in_bucket(raw_dir, bucket)
    assert {*requests} <= {"GET", "HEAD"}


def test_the_manifest_is_written_last(bucket: Bucket, raw_dir: Path, server: str) -> None:
    requests: list[tuple[str, str]] = []

    def seen(request: Request) -> Fault:
        requests.append((request.method, request.path.partition("?")[0]))
        return Fault()

    with proxy(server, seen) as front, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", front.url)
        in_bucket(raw_dir, bucket)
    written = [path for method, path in requests if method == "PUT"]
    assert written[0].endswith(".incomplete/plan.json")
    assert written[-1].endswith("/manifest.json")


SLOW = """
import sys, time
from contextlib import contextmanager
from sciml_datasets import prepare
from sciml_datasets.stemdl.raw import Hdf5Stacks
plain = Hdf5Stacks.reader
@contextmanager
def slow(self, folder, *note):
    with plain(self, folder, *note) as read:
        yield lambda sample: (time.sleep(0.03), read(sample))[1]
Hdf5Stacks.reader = slow
prepare("stemdl_demo", sys.argv[1], sys.argv[2], num_shards=5)
"""


def finished(bucket: Bucket) -> int:
    """Number of the shards that are in the journal."""
    return sum(not name.endswith("/plan.json") for name in bucket.names(f"{JOURNAL}/"))


@pytest.fixture
def killed(bucket: Bucket, raw_dir: Path, tmp_path: Path) -> Bucket:
    """The bucket of a preparation that was killed after a few shards."""
    words = [sys.executable, "-c", SLOW, str(raw_dir), f"{bucket.url}/data"]
    with subprocess.Popen(words, env=os.environ | {"TMPDIR": str(tmp_path)}) as job:
        while finished(bucket) < 3:
            assert job.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        job.send_signal(signal.SIGKILL)
    assert f"{VERSION}/manifest.json" not in bucket.names()
    return bucket


def test_a_killed_preparation_goes_on_with_the_unfinished_shards(
    killed: Bucket,
    raw_dir: Path,
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caplog.set_level("INFO")
    in_bucket(raw_dir, killed)
    found = re.search(r"(\d+) of 15 shards had been finished before", caplog.text)
    assert found
    assert int(found[1]) >= 3
    assert_whole(killed, whole)
    assert list(tmp_path.rglob("*")) == []  # what the killed process had in its folder for temporary files


def test_what_a_process_killed_at_the_end_has_left_is_removed(
    bucket: Bucket, raw_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket(raw_dir, bucket)
    left = tmp_path / f"sciml-shard.incomplete-{signature_of_ended()}"
    (left / "files").mkdir(parents=True)
    (left / "files" / "LICENSE").write_text("")
    bucket.put(f"{JOURNAL}/plan.json", b"{}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    in_bucket(raw_dir, bucket)
    assert (bucket.names(JOURNAL), list(tmp_path.iterdir())) == ([], [])


def test_another_plan_is_refused_until_restart(killed: Bucket, raw_dir: Path, prepared: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match=r"the shards are cut differently: undo that .* start over with --restart"):
        prepare("stemdl_demo", raw_dir, f"{killed.url}/data")
    assert finished(killed) >= 3
    prepare("stemdl_demo", raw_dir, f"{killed.url}/data", restart=True)
    assert_whole(killed, prepared)


def test_a_shard_that_is_not_as_it_was_written_is_written_again(
    killed: Bucket, raw_dir: Path, whole: dict[str, bytes]
) -> None:
    entry = next(name for name in killed.names(f"{JOURNAL}/") if not name.endswith("/plan.json"))
    shard = entry.removeprefix(f"{JOURNAL}/").removesuffix(".json")
    killed.put(f"{VERSION}/{shard}", b"?" * len(whole[shard]))
    in_bucket(raw_dir, killed)
    assert_whole(killed, whole)


def test_two_runs_at_once_both_succeed(bucket: Bucket, raw_dir: Path, whole: dict[str, bytes]) -> None:
    words = [sys.executable, "-c", SLOW, str(raw_dir), f"{bucket.url}/data"]
    jobs = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [job.communicate(timeout=120)[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], errors
    assert_whole(bucket, whole)


PLAN = {"dataset": "d", "version": "1", "file_format": "tfrecord", "features": "f", "digest": "x", "raw": {"a": [1, 2]}}
OTHER = PLAN | {"digest": "y"}


def shard(folder: Path, content: bytes = b"12345") -> Written:
    folder.write_bytes(content)
    return Written(folder.name, 1, len(content), len(content), "0" * 64, "")


@pytest.fixture
def place(bucket: Bucket) -> InBucket:
    return InBucket(WritableStore(f"{bucket.url}/{DATASET}"), "3.0.0")


def opened(place: InBucket, plan: dict[str, object], *, restart: bool = False) -> BucketWork:
    return place.open(plan, (), restart=restart)[0]


def test_a_run_stops_where_another_has_started_over(place: InBucket) -> None:
    work = opened(place, PLAN)
    opened(place, OTHER, restart=True)
    with pytest.raises(ReplacedError, match=r"another run has started over meanwhile: run it again"):
        work.write([("a", shard)])


def test_a_shard_is_uploaded_while_the_next_one_is_made(place: InBucket, bucket: Bucket) -> None:
    def second(path: Path) -> Written:
        stop = time.monotonic() + 20
        while f"{JOURNAL}/a.json" not in bucket.names() and time.monotonic() < stop:
            time.sleep(0.02)
        return shard(path, str(bucket.names(f"{JOURNAL}/a")).encode())

    written = opened(place, PLAN).write([("a", shard), ("b", second)])
    assert [one.name for one in written] == ["a", "b"]
    assert bucket.content(VERSION) == {"a": b"12345", "b": str([f"{JOURNAL}/a.json"]).encode()}


def test_shards_that_wait_for_their_upload_are_bounded_by_bytes() -> None:
    assert room_of([3, 2, 1]) == 6
    assert room_of([1 << 20] * 10_000) == UPLOAD_BYTES + (1 << 20)
    assert room_of([2 * UPLOAD_BYTES] * 10) == 4 * UPLOAD_BYTES


def test_a_run_that_begins_when_another_has_just_finished_leaves_its_data_alone(
    place: InBucket, bucket: Bucket
) -> None:
    bucket.put(f"{VERSION}/manifest.json", b"{}")
    with pytest.raises(FileExistsError, match="a concurrent run was first"):
        place.open(OTHER, (), restart=False)
    assert bucket.names() == [f"{VERSION}/manifest.json"]


def test_a_mistake_in_raw_files_removes_the_work_of_its_own_plan_alone(place: InBucket, bucket: Bucket) -> None:
    work = opened(place, PLAN)
    work.write([("sciml-train.tfrecord-00000-of-00001", shard)])
    other = opened(place, OTHER, restart=True)
    other.write([("sciml-test.tfrecord-00000-of-00001", shard)])
    before = bucket.names()
    work.discard()
    assert bucket.names() == before
    other.discard()
    assert bucket.names() == []


def test_objects_of_others_are_not_taken_for_a_preparation(bucket: Bucket, raw_dir: Path) -> None:
    bucket.put(f"{VERSION}/notes.txt", b"mine")
    with pytest.raises(InputError, match=r"3\.0\.0 is no prepared data set, it holds notes\.txt: move it elsewhere"):
        in_bucket(raw_dir, bucket)
    assert bucket.names() == [f"{VERSION}/notes.txt"]


def test_a_shard_too_large_for_one_request_is_refused_before_it_is_written(place: InBucket) -> None:
    with pytest.raises(InputError, match=r"a shard has 5\.4 GB.* ask for more shards \(num_shards\)"):
        opened(place, PLAN).check_room([LARGEST_PUT + 1])


def test_a_server_of_files_to_read_is_refused(raw_dir: Path) -> None:
    with pytest.raises(InputError, match=r"https://host/data: files can only be read from there: name a bucket"):
        prepare("stemdl_demo", raw_dir, "https://host/data")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of milliseconds between the requests for what fails."""
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5)}
    monkeypatch.setitem(RETRIES, "backoff", {**backoff, "base": 2})


def breaking_once(fault: Fault) -> Callable[[Request], Fault]:
    """A fault of the first request of each method to each object: several are under way at the same time."""
    seen = set[tuple[str, str]]()

    def decide(request: Request) -> Fault:
        what = request.method, request.path
        first = what not in seen
        seen.add(what)
        return fault if first else Fault()

    return decide


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fault", [Fault("status", status=503), Fault("cut")], ids=["503", "reset"])
def test_requests_that_fail_are_made_again(
    bucket: Bucket, raw_dir: Path, server: str, whole: dict[str, bytes], fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(server, breaking_once(fault)) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        in_bucket(raw_dir, bucket)
    assert_whole(bucket, whole)


@pytest.mark.usefixtures("quick")
def test_a_store_that_fails_keeps_what_is_finished(
    bucket: Bucket, raw_dir: Path, server: str, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(request: Request) -> Fault:
        written = request.method == "PUT" and f"/{VERSION}/" in request.path
        return Fault("status", status=500) if written and finished(bucket) >= 4 else Fault()

    with proxy(server, decide) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        with pytest.raises(StoreTroubleError, match=r"the store fails, also after waits: run the command again later"):
            in_bucket(raw_dir, bucket)
    assert finished(bucket) >= 4  # another one was uploaded at the same time
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    in_bucket(raw_dir, bucket)
    assert_whole(bucket, whole)


EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


def test_credentials_that_expire_end_in_one_sentence_and_the_same_command_goes_on(
    bucket: Bucket,
    raw_dir: Path,
    server: str,
    prepared: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def decide(request: Request) -> Fault:
        return Fault("status", status=400, body=EXPIRED) if finished(bucket) else Fault()

    words = command(raw_dir, bucket, "--jobs", "1")[len(COMMAND) :]
    with proxy(server, decide) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert re.fullmatch(
        r"sciml prepare: s3://.*: the credentials have expired: renew them and run the command again, which goes on "
        r"with what it has",
        last,
    )
    assert finished(bucket) >= 1
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    assert main(words) == 0
    assert re.search(r"; [123] of 3 shards had been finished before", capsys.readouterr().err)
    assert_whole(bucket, prepared)


def test_missing_rights_are_one_sentence(bucket: Bucket, raw_dir: Path, server: str) -> None:
    def decide(request: Request) -> Fault:
        return Fault("status", status=403) if request.method == "PUT" else Fault()

    with proxy(server, decide) as front:
        done = run(command(raw_dir, bucket), front.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"sciml prepare: s3://\w+/.*: the credentials do not give the right to do this: .*\n", done.stderr
    )


def test_the_number_of_requests_is_bounded_and_told(
    bucket: Bucket, raw_dir: Path, server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bound = survey("stemdl_demo", raw_dir, f"{bucket.url}/data").requests
    assert bucket.names() == []
    count = 0

    def seen(request: Request) -> Fault:
        nonlocal count
        count += 1
        return Fault()

    caplog.set_level("INFO")
    with proxy(server, seen) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        prepare("stemdl_demo", raw_dir, f"{bucket.url}/data")
    told = re.search(r"object stores: (\d+) requests, .* MB received, 11\.\d MB sent", caplog.text)
    assert told
    assert count <= int(told[1]) <= bound
