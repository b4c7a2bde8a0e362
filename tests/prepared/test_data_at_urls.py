"""Prepared data at a URL: read as from a folder, by as many requests and bytes as are needed, and told when not."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import buckets
import fetch_servers
import numpy as np
import pytest
import tensorflow_datasets as tfds

import sciml_datasets
from sciml_datasets import InputError, Prepared
from sciml_datasets.cli.main import main
from sciml_datasets.object_stores.connections import RETRIES
from sciml_datasets.object_stores.mirror import _store, store_at

NAME = "stemdl_demo"
SHARDS = 4


@pytest.fixture(scope="module")
def local(raw_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data with some shards of a split."""
    root = tmp_path_factory.mktemp("local")
    sciml_datasets.prepare(NAME, raw_dir, root, num_shards=SHARDS)
    return root


@pytest.fixture(scope="module")
def url(s3: str, local: Path) -> str:
    """Their copy in a bucket."""
    return buckets.put(s3, "prepared", local)


@pytest.fixture(autouse=True)
def cache(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, and the variables with which the bucket is read."""
    for name, value in buckets.environment(s3, tmp_path / "cache").items():
        monkeypatch.setenv(name, value)
    _store.cache_clear()
    yield tmp_path / "cache"
    _store.cache_clear()


def folder_of(root: Path) -> Path:
    return next(root.glob(f"sciml/{NAME}/*"))


def same(found: Any, expected: Any) -> bool:
    return found.keys() == expected.keys() and all(np.array_equal(found[key], expected[key]) for key in found)


@pytest.fixture
def changed(s3: str, local: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., str]:
    """A function that puts the data into a bucket of their own after a change of their folder; the URL."""

    def put(change: Callable[[Path], object]) -> str:
        shutil.copytree(local, tmp_path / "changed")
        change(folder_of(tmp_path / "changed"))
        return buckets.put(s3, re.sub("[^a-z]", "-", request.node.name.lower())[:60].strip("-"), tmp_path / "changed")

    return put


def test_examples_at_random_are_those_of_the_folder(url: str, local: Path) -> None:
    there, here = (tfds.data_source(f"sciml/{NAME}", split="train", data_dir=place) for place in (url, local))
    assert len(there) == len(here) == 40
    wanted = [39, 0, 7, 7, 21]
    assert all(map(same, there.__getitems__(wanted), here.__getitems__(wanted)))
    assert same(there[-1], here[-1])
    assert all(map(same, pickle.loads(pickle.dumps(there)).__getitems__(range(40)), here.__getitems__(range(40))))


def test_a_data_set_is_opened_by_its_small_files_alone(url: str, local: Path, cache: Path) -> None:
    prepared = Prepared.open(NAME, url)
    assert prepared.manifest == Prepared.open(NAME, local).manifest
    assert prepared.members == Prepared.open(NAME, local).members
    assert not [path for path in cache.rglob("*tfrecord*") if path.is_file()]
    before = store_at(url).requests
    assert Prepared.open(NAME, url).data_dir == prepared.data_dir
    assert store_at(url).requests == before + 1


def test_a_pickled_data_set_needs_no_url(url: str) -> None:
    prepared = pickle.loads(pickle.dumps(Prepared.open(NAME, url)))
    assert prepared.examples(prepared.members["id"][:1])[0]["id"].decode() == prepared.members["id"][0]


def test_whole_shards_are_fetched_once_for_an_epoch(url: str, local: Path) -> None:
    there, here = (tfds.load(f"sciml/{NAME}", split="train", data_dir=place) for place in (url, local))
    assert all(map(same, tfds.as_numpy(there), tfds.as_numpy(here)))
    store = store_at(url)
    size = sum(path.stat().st_size for path in folder_of(local).iterdir())
    assert store.received < size
    before = store.received
    assert all(map(same, tfds.as_numpy(tfds.load(f"sciml/{NAME}", split="train", data_dir=url)), tfds.as_numpy(here)))
    assert store.received == before


def test_the_list_of_data_sets_tells_what_is_prepared_there(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", url)
    assert main(["list", "--json"]) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out) if row["prepared"]} == {NAME}


def test_the_list_is_printed_where_a_store_cannot_be_asked(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIML_OFFLINE", "1")
    _store.cache_clear()
    assert main(["list", "--data-dir", url]) == 0
    found = capsys.readouterr()
    assert f"{NAME:<28}3.0.0   ? " in found.out
    assert "it is not known what is prepared there: SCIML_OFFLINE forbids the network" in found.err


def test_the_environment_may_name_the_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", url)
    assert len(sciml_datasets.parts(NAME, "")["train"]) == 40
    assert tfds.builder(f"sciml/{NAME}").info.splits["train"].num_examples == 40


def test_a_url_of_the_file_system_is_read_in_place(
    local: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Prepared.open(NAME, local.as_uri()).data_dir == local
    assert len(tfds.data_source(f"sciml/{NAME}", split="test", data_dir=local.as_uri())) == 10
    assert main(["verify", NAME, "--data-dir", local.as_uri()]) == 0
    assert not cache.exists()


def test_a_server_of_http_serves_as_well(local: Path) -> None:
    with fetch_servers.http_server(local) as url:
        there = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=url)
        here = tfds.data_source(f"sciml/{NAME}", split="test", data_dir=local)
        assert all(map(same, there.__getitems__(range(10)), here.__getitems__(range(10))))
        assert Prepared.open(NAME, url).verify() == []


def test_array_records_are_fetched_whole(raw_dir: Path, s3: str, tmp_path: Path) -> None:
    local = tmp_path / "records"
    sciml_datasets.prepare(NAME, raw_dir, local, file_format="array_record")
    url = buckets.put(s3, "records", local)
    there, here = (tfds.data_source(f"sciml/{NAME}", split="test", data_dir=place) for place in (url, local))
    assert all(map(same, there.__getitems__(range(10)), here.__getitems__(range(10))))


def test_every_command_that_reads_takes_a_url(
    url: str, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--data-dir", url]
    assert main(["info", NAME, *at, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prepared"] == f"{url}/sciml/{NAME}/{folder_of(local).name}"
    for how in ([], ["--quick"]):
        assert main(["verify", NAME, *at, *how]) == 0
    assert main(["show", NAME, *at, "--out", str(tmp_path / "picture.png"), "--count", "2"]) == 0
    assert (tmp_path / "picture.png").stat().st_size > 1000
    assert main(["stage", NAME, *at, "--to", str(tmp_path / "staged")]) == 0
    assert Prepared.open(NAME, tmp_path / "staged").verify() == []
    reported = capsys.readouterr()
    assert re.search(r"^s3://prepared/data: [0-9,]+ requests, [0-9.]+ MB received$", reported.err, re.MULTILINE)


def test_predictions_are_scored_with_the_truth_at_a_url(
    url: str, local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sciml_datasets.metrics.predictions import write_predictions

    ids = Prepared.open(NAME, local).members_of("test")["id"]
    write_predictions(tmp_path / "p.h5", len(ids), [(ids, np.zeros(len(ids), np.int64))])
    found = []
    for place in (url, str(local)):
        assert main(["evaluate", NAME, "--data-dir", place, "--predictions", str(tmp_path / "p.h5"), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]


def test_commands_that_write_into_folders_refuse_a_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", NAME, "--out", url]) == 2
    assert f"--out {url} is a URL, expected a path" in capsys.readouterr().err


def test_other_data_at_the_same_url_have_another_folder(s3: str, raw_dir: Path, tmp_path: Path) -> None:
    def prepared(shards: int) -> Path:
        sciml_datasets.prepare(NAME, raw_dir, tmp_path / str(shards), num_shards=shards)
        return tmp_path / str(shards)

    url = buckets.put(s3, "twice", prepared(1))
    first = Prepared.open(NAME, url)
    client = fetch_servers.s3_client(s3)
    for path in folder_of(prepared(2)).iterdir():
        key = f"data/{path.relative_to(tmp_path / '2').as_posix()}"
        client.put_object(Bucket="twice", Key=key, Body=path.read_bytes())
    second = Prepared.open(NAME, url)
    assert first.data_dir != second.data_dir
    assert len(second.builder.info.splits["train"].filenames) == 2
    assert same(
        second.builder.as_data_source("train")[3],
        Prepared.open(NAME, tmp_path / "2").examples(second.members_of("train")["id"][3:4])[0],
    )


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def shard(folder: Path, number: int = 1) -> Path:
    return next(folder.glob(f"*train*-0000{number}-of-*"))


def test_a_shard_that_is_damaged_there_is_never_taken_for_whole(changed: Callable[..., str], cache: Path) -> None:
    url = changed(lambda folder: flip(shard(folder), 1000))
    assert [finding.partition(" has")[0] for finding in Prepared.open(NAME, url).verify()] == [
        "sciml-train.tfrecord-00001-of-00004"
    ]
    with pytest.raises(InputError, match=r"-00001-of-00004: its SHA-256 is .*: it is damaged there"):
        tfds.load(f"sciml/{NAME}", split="train", data_dir=url)
    assert not list(cache.rglob("sciml/*/*/*train*-00001-of-*4"))


def test_a_member_list_that_is_damaged_there_ends_the_opening(changed: Callable[..., str]) -> None:
    url = changed(lambda folder: flip(folder / "members-test.tsv", 30))
    with pytest.raises(InputError, match=r"members-test.tsv: its SHA-256 is .*: it is damaged there"):
        Prepared.open(NAME, url)


def test_a_manifest_that_is_none_is_told_with_its_url(changed: Callable[..., str]) -> None:
    url = changed(lambda folder: (folder / "manifest.json").write_text("{"))
    with pytest.raises(InputError, match=rf"^{url}/sciml/.*/manifest.json: it is not JSON"):
        Prepared.open(NAME, url)


def test_a_missing_shard_is_found_by_names_and_when_it_is_read(changed: Callable[..., str]) -> None:
    url = changed(lambda folder: shard(folder).unlink())
    prepared = Prepared.open(NAME, url)
    assert prepared.verify(quick=True) == ["sciml-train.tfrecord-00001-of-00004 is missing"]
    with pytest.raises(InputError, match=f"^{url}/sciml/.*-00001-of-00004 is missing"):
        prepared.check()
    with pytest.raises(InputError, match="-00001-of-00004: there is no such object"):
        [*prepared.builder.as_data_source("train")]


def test_a_place_without_the_data_set_is_one_sentence(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "cloudmask_demo", "--data-dir", url]) == 2
    reported = capsys.readouterr().err
    assert reported.startswith(f"sciml verify: {url} holds no cloudmask_demo")
    assert f"prepare it with `sciml prepare cloudmask_demo --data-dir {url}`" in reported
    assert reported.count("\n") == 1


def test_tfds_prepares_nothing_at_a_url(url: str, cache: Path) -> None:
    tfds.builder(f"sciml/{NAME}", data_dir=url).download_and_prepare()
    assert not [path for path in cache.rglob("*tfrecord*") if path.is_file()]
    with pytest.raises(InputError, match=f"prepare it with `sciml prepare cloudmask_demo --data-dir {url}`"):
        tfds.builder("sciml/cloudmask_demo", data_dir=url)


def test_a_cache_too_small_for_a_split_is_one_sentence(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_CACHE_SIZE", "3MB")
    with pytest.raises(InputError, match=r"0.008 GB do not fit into the cache.*set SCIML_CACHE_SIZE to more"):
        tfds.load(f"sciml/{NAME}", split="train", data_dir=url)


def test_a_small_cache_suffices_for_random_access_and_keeps_its_bound(
    url: str, local: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIML_CACHE_SIZE", "5MB")
    there, here = (tfds.data_source(f"sciml/{NAME}", split="train", data_dir=place) for place in (url, local))
    for number in [*range(0, 40, 3), *range(39, 0, -2)]:
        assert same(there[number], here[number])
    taken = sum(path.stat().st_blocks * 512 for path in cache.rglob("*") if path.is_file())
    assert taken <= 5_000_000 + 2_000_000  # what came after the last look


READ = """
import sys
import tensorflow_datasets as tfds
import sciml_datasets
source = tfds.data_source(sys.argv[1], split="train", data_dir=sys.argv[2])
for number in range(len(source)):
    print(source[number]["id"].decode(), float(source[number]["cbed_stack"].sum()), flush=True)
"""


def reading(url: str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, f"sciml/{NAME}", url]
    environment = os.environ | variables
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_what_one_process_evicts_another_one_fetches_again(url: str, local: Path) -> None:
    two = [reading(url, SCIML_CACHE_SIZE="4MB") for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in two]
    assert [process.returncode for process in two] == [0, 0]
    source = tfds.data_source(f"sciml/{NAME}", split="train", data_dir=local)
    expected = "".join(f"{one['id'].decode()} {float(one['cbed_stack'].sum())}\n" for one in source)
    assert printed == [expected, expected]


def test_a_proxy_that_fails_now_and_then_changes_nothing(
    s3: str, url: str, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(10_000))
    kinds = {3: "status", 7: "cut", 12: "status", 15: "cut"}

    def decide(_: fetch_servers.Request) -> fetch_servers.Fault:
        return fetch_servers.Fault(kinds.get(next(count) % 17, "pass"), at=200)

    with fetch_servers.proxy(s3, decide) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        there, here = (tfds.data_source(f"sciml/{NAME}", split="train", data_dir=place) for place in (url, local))
        assert all(map(same, there.__getitems__(range(40)), here.__getitems__(range(40))))


def test_a_store_that_is_gone_is_one_sentence_and_what_was_read_stays(
    s3: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RETRIES, "max_retries", 1)
    gone = False

    def decide(_: fetch_servers.Request) -> fetch_servers.Fault:
        return fetch_servers.Fault("status" if gone else "pass", status=500)

    with fetch_servers.proxy(s3, decide) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        source = tfds.data_source(f"sciml/{NAME}", split="train", data_dir=url)
        assert source[0]["id"]
        gone = True
        assert source[0]["id"]
        with pytest.raises(InputError, match=r"^s3://prepared/data/.*: the store fails, also after waits"):
            source[39]


FORKED = """
import multiprocessing, os, sys
import sciml_datasets
import tensorflow_datasets as tfds
source = tfds.data_source(sys.argv[1], split="train", data_dir=sys.argv[2])
source[0]
def work(numbers):
    sums = [str(float(one["cbed_stack"].sum())) for one in source.__getitems__(numbers)]
    os.write(1, (" ".join(sums) + chr(10)).encode())  # by one call, since the workers share the pipe
workers = [multiprocessing.get_context("fork").Process(target=work, args=([3, 39],), daemon=True) for _ in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join(60)
sys.exit(any(worker.exitcode for worker in workers))
"""


def test_workers_that_were_forked_read_as_well(url: str, local: Path) -> None:
    command = [sys.executable, "-c", FORKED, f"sciml/{NAME}", url]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    source = tfds.data_source(f"sciml/{NAME}", split="train", data_dir=local)
    expected = " ".join(str(float(source[number]["cbed_stack"].sum())) for number in (3, 39))
    assert printed.stdout.split("\n") == [expected, expected, ""]
