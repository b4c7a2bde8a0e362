"""The cache: parts of objects that are what they are at the URL, a bound that holds, and files in use that stay."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import object_servers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.object_stores.cache import OPEN, SOURCE, STAGED, Cache, cache_dir, cache_size
from sciml_datasets.object_stores.failures import ChangedObjectError
from sciml_datasets.object_stores.mirror import Listed, root_of, store_at
from sciml_datasets.object_stores.opening import opened
from sciml_datasets.object_stores.partial_copy import BLOCK, PartialCopy, missing_parts
from sciml_datasets.object_stores.store import Store
from sciml_datasets.object_stores.stored_object import StoredObject

CONTENT = object_servers.numbers(3 * BLOCK * 4 + 1000)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that has `CONTENT` under every name."""
    with object_servers.answering(object_servers.serving(CONTENT)) as url:
        yield url


def copy_in(folder: Path, store: Store, sha256: str = hashlib.sha256(CONTENT).hexdigest()) -> PartialCopy:
    (folder / "whole").mkdir(parents=True, exist_ok=True)
    (folder / "partial").mkdir(exist_ok=True)
    stored = StoredObject("object", len(CONTENT), '"one"')
    return PartialCopy(store, stored, sha256, folder / "partial", folder / "whole" / "object", Cache(folder, 1 << 30))


def have(copy: PartialCopy, start: int, end: int) -> bytes:
    for _, first, last in missing_parts([(copy, start, end)]):
        copy.fetch(first, last)
    return os.pread(copy.descriptor, end - start, start)


places = st.integers(0, len(CONTENT))


@settings(max_examples=25)
@given(st.lists(st.tuples(places, places).map(sorted), max_size=6))
def test_whatever_parts_are_asked_for_they_are_those_of_the_object_and_come_once(
    url: str, tmp_path_factory: pytest.TempPathFactory, ranges: list[list[int]]
) -> None:
    store, folder = Store(url), tmp_path_factory.mktemp("cache")
    for start, end in ranges:
        assert have(copy_in(folder, store), start, end) == CONTENT[start:end]
    assert store.received <= len(CONTENT)


def test_a_small_part_brings_its_neighbours_and_a_large_one_little_more(url: str, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, Store(url))
    assert missing_parts([(copy, 10, 20)]) == [(copy, 0, 4 * BLOCK)]
    assert missing_parts([(copy, 10, 5 * BLOCK + 1)]) == [(copy, 0, 6 * BLOCK)]
    assert missing_parts([(copy, 0, 100), (copy, 100, 9 * BLOCK)]) == [(copy, 0, 9 * BLOCK)]


def test_a_copy_gets_its_name_when_all_of_it_is_there_and_right(url: str, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, Store(url))
    have(copy, 0, len(CONTENT) - BLOCK)
    assert not copy.publish()
    assert not copy.final.exists()
    have(copy, 0, len(CONTENT))
    assert copy.publish()
    assert copy.final.read_bytes() == CONTENT
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_copy_that_is_damaged_at_the_url_gets_no_name(url: str, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, Store(url), "0" * 64)
    have(copy, 0, len(CONTENT))
    with pytest.raises(InputError, match=r"object: its SHA-256 is .*, expected 000.*copy the data set there again"):
        copy.publish()
    assert not copy.final.exists()
    assert list((tmp_path / "partial").iterdir()) == []


def test_an_object_that_changes_between_two_parts_is_told(tmp_path: Path) -> None:
    with object_servers.answering(object_servers.serving(CONTENT, '"two"')) as url:
        copy = copy_in(tmp_path, Store(url))
        with pytest.raises(ChangedObjectError):
            have(copy, 0, 10)


def test_a_process_that_is_killed_leaves_what_it_had(url: str, tmp_path: Path) -> None:
    have(copy_in(tmp_path, Store(url)), 0, 4 * BLOCK)  # and never closed properly
    store = Store(url)
    have(copy_in(tmp_path, store), 0, len(CONTENT))
    assert store.received == len(CONTENT) - 4 * BLOCK


@pytest.mark.parametrize(
    ("given", "size"), [("500MB", 500_000_000), ("2 TB", 2 * 10**12), ("1.5GiB", 3 << 29), ("", 10**11), ("7", 7)]
)
def test_the_size_of_the_cache_is_given_in_words(given: str, size: int) -> None:
    assert cache_size({"SCIML_CACHE_SIZE": given}) == size


@pytest.mark.parametrize("given", ["much", "-1GB", "1PB2", "GB"])
def test_what_is_no_size_is_one_sentence(given: str) -> None:
    with pytest.raises(InputError, match=f"SCIML_CACHE_SIZE '{given}': expected a size"):
        cache_size({"SCIML_CACHE_SIZE": given})


def data_set(cache: Path, name: str, sizes: dict[str, int]) -> Path:
    """A folder in the cache with shards of these sizes, the first one unused for longest."""
    root = cache / "s3" / "bucket" / hashlib.sha256(name.encode()).hexdigest()[:16]
    folder = root / "sciml" / name / "1.0.0"
    folder.mkdir(parents=True)
    (root / SOURCE).write_text(json.dumps({"url": "s3://bucket", "kept": ["manifest.json"]}))
    (folder / "manifest.json").write_bytes(b"{}")
    for age, (shard, size) in enumerate(sizes.items()):
        (folder / shard).write_bytes(bytes(size))
        os.utime(folder / shard, (1_000 + age, 1_000))
    return root


def shards(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("sciml/*/*/shard*"))


def test_the_files_unused_for_longest_make_room(tmp_path: Path) -> None:
    root = data_set(tmp_path, "one", dict.fromkeys(("shard3", "shard1", "shard2"), 1 << 20))
    cache = Cache(tmp_path, most=(4 << 20) + 100_000)
    cache.make_room(1 << 19, "new")
    assert shards(root) == ["shard1", "shard2", "shard3"]
    cache.make_room(2 << 20, "new")
    assert shards(root) == ["shard1", "shard2"]


HOLD = """
import sys
from pathlib import Path
from sciml_datasets.object_stores.cache import Cache
Cache(Path(sys.argv[1]), 1).hold(Path(sys.argv[2]), sys.argv[3])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held_by_another() -> Iterator[Callable[[Path, Path, str], subprocess.Popen[str]]]:
    """A function that starts a process which holds a data set until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def hold(cache: Path, root: Path, kind: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(cache), str(root), kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_whole_shards_that_a_process_reads_stay_until_it_ends_even_by_a_kill(
    tmp_path: Path, held_by_another: Callable[[Path, Path, str], subprocess.Popen[str]]
) -> None:
    root, cache = data_set(tmp_path, "one", {"shard1": 1 << 20}), Cache(tmp_path, most=1 << 20)
    process = held_by_another(tmp_path, root, STAGED)
    with pytest.raises(InputError, match=r"what it holds is in use.*set SCIML_CACHE_SIZE to more"):
        cache.make_room(1 << 19, "new")
    process.kill()
    process.wait()
    cache.make_room(1 << 19, "new")
    assert shards(root) == []


def test_small_files_go_last_and_only_where_no_process_has_the_data_set_open(
    tmp_path: Path, held_by_another: Callable[[Path, Path, str], subprocess.Popen[str]]
) -> None:
    used, unused = (data_set(tmp_path, name, {"shard1": 1 << 20}) for name in ("used", "unused"))
    held_by_another(tmp_path, used, OPEN)
    with pytest.raises(InputError, match="in use"):
        Cache(tmp_path, most=1).make_room(1, "new")
    assert shards(used) == []
    assert (used / "sciml" / "used" / "1.0.0" / "manifest.json").exists()
    assert not unused.exists()


def test_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    precious = tmp_path / "s3" / "bucket" / "photographs"
    precious.mkdir(parents=True)
    (precious / SOURCE).write_text('{"url": "", "kept": []}')
    with pytest.raises(InputError):
        Cache(tmp_path, most=1).make_room(2, "new")
    assert (precious / SOURCE).exists()


def test_a_copy_that_left_the_cache_is_noticed_and_can_still_be_read(url: str, tmp_path: Path) -> None:
    root = data_set(tmp_path, "one", {})
    store, partial = Store(url), root / "partial"
    partial.mkdir()
    stored = StoredObject("object", len(CONTENT), '"one"')
    final = root / "sciml" / "one" / "1.0.0" / "object"
    copy = PartialCopy(store, stored, "", partial, final, Cache(tmp_path, 1))
    assert have(copy, 0, 100) == CONTENT[:100]
    assert not copy.evicted
    Cache(tmp_path, most=1).make_room(0, "new")
    assert not partial.exists()
    assert copy.evicted
    assert os.pread(copy.descriptor, 100, 0) == CONTENT[:100]


def listed(folder: Path) -> Listed:
    """An index of shards that all hold `CONTENT`."""
    names = (folder / "index").read_text().split()
    return Listed(dict.fromkeys(names, (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())), frozenset(names), {})


READ = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sciml_datasets.object_stores.mirror import Mirror
from test_cache import listed, opened
root = opened(sys.argv[1], "sciml/one/1.0.0", "index", listed)
folder = root / "sciml" / "one" / "1.0.0"
Mirror(folder, listed(folder)).fetch(sorted(listed(folder).files))
"""


def indexed(method: str, path: str, headers: dict[str, str]) -> object_servers.Answer:
    content = " ".join(f"shard{number}" for number in range(12)).encode() if path.endswith("index") else CONTENT
    return object_servers.serving(content)(method, path, headers)


def reader(url: str, cache: Path) -> subprocess.Popen[bytes]:
    variables = os.environ | {"SCIML_CACHE_DIR": str(cache)}
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [paths, os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen([sys.executable, "-c", READ, url, str(Path(__file__).parent)], env=variables)


def test_two_processes_fetch_each_shard_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str]) -> object_servers.Answer:
        asked.append(path)
        time.sleep(0.02)
        return indexed(method, path, headers)

    with object_servers.answering(answer) as url:
        both = [reader(url, tmp_path) for _ in range(2)]
        assert [process.wait(60) for process in both] == [0, 0]
    assert sorted(path for path in asked if "shard" in path) == sorted(f"/sciml/one/1.0.0/shard{n}" for n in range(12))
    assert [path.read_bytes() == CONTENT for path in tmp_path.rglob("shard*")] == [True] * 12


def test_kills_at_any_moment_leave_a_cache_that_is_right(tmp_path: Path) -> None:
    def answer(method: str, path: str, headers: dict[str, str]) -> object_servers.Answer:
        time.sleep(0.03)
        return indexed(method, path, headers)

    with object_servers.answering(answer) as url:
        for wait in (0.0, 0.03, 0.06, 0.1, 0.15):
            process = reader(url, tmp_path)
            while not any(tmp_path.rglob("shard*")) and process.poll() is None:
                time.sleep(0.005)
            time.sleep(wait)
            process.kill()
            process.wait()
            assert all(path.read_bytes() == CONTENT for path in tmp_path.rglob("sciml/one/*/shard*"))
        assert reader(url, tmp_path).wait(60) == 0
    assert sum(path.read_bytes() == CONTENT for path in tmp_path.rglob("shard*")) == 12
    assert not list(tmp_path.rglob("partial/*"))


def test_a_folder_that_is_no_copy_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_dir() == tmp_path / "cache"
    assert root_of(tmp_path / "data" / "sciml" / "one" / "1.0.0") is None
    assert root_of(tmp_path / "cache/s3/bucket/0123456789abcdef/sciml/one/1.0.0") == (
        tmp_path / "cache/s3/bucket/0123456789abcdef"
    )


def test_without_a_change_a_second_opening_asks_for_the_index_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIML_CACHE_DIR", str(tmp_path))
    with object_servers.answering(indexed) as url:
        first = opened(url, "sciml/one/1.0.0", "index", listed)
        before = store_at(url).requests
        assert opened(url, "sciml/one/1.0.0", "index", listed) == first
        assert store_at(url).requests == before + 1
