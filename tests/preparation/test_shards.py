"""Shards: TFRecord files that TensorFlow reads, whole or absent."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets.preparation import shards
from sciml_datasets.preparation.shards import write_array_record, write_tfrecord


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=8))
def test_tensorflow_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory, examples: list[bytes]) -> None:
    import tensorflow as tf

    path = tmp_path_factory.mktemp("shard") / "a.tfrecord"
    written = write_tfrecord(path, ([example[:3], example[3:]] for example in examples))
    assert [record.numpy() for record in tf.data.TFRecordDataset(str(path))] == examples
    assert (written.records, written.example_bytes) == (len(examples), sum(map(len, examples)))
    for name, size, sha256 in written.files():
        content = (path.parent / name).read_bytes()
        assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {entry.name for entry in path.parent.iterdir()} == {"a.tfrecord", "a.tfrecord.offsets"}


def test_the_offsets_say_where_records_begin(tmp_path: Path) -> None:
    write_tfrecord(tmp_path / "a", [[b"one"], [b""], [b"three"]])
    assert struct.unpack("<4Q", (tmp_path / "a.offsets").read_bytes()) == (0, 19, 35, 56)


def test_array_record_reads_back(tmp_path: Path) -> None:
    from array_record.python.array_record_module import ArrayRecordReader

    written = write_array_record(tmp_path / "a", [[b"o", b"ne"], [b"two"]])
    reader = ArrayRecordReader(str(tmp_path / "a"))
    assert reader.read_all() == [b"one", b"two"]
    assert written.sha256 == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


@pytest.mark.parametrize("write", [write_tfrecord, write_array_record])
def test_a_failure_half_way_leaves_nothing(tmp_path: Path, write: Callable[..., object]) -> None:
    def examples() -> Iterator[list[bytes]]:
        yield [b"one"]
        raise RuntimeError("the node died")

    with pytest.raises(RuntimeError, match="the node died"):
        write(tmp_path / "a", examples())
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_many_parts_is_written_whole(tmp_path: Path) -> None:
    parts = [bytes([i % 256]) * 3 for i in range(3000)]
    assert write_tfrecord(tmp_path / "a", [parts]).bytes == 9000 + 16 == (tmp_path / "a").stat().st_size


def framed(examples: list[bytes]) -> bytes:
    return b"".join(part for example in examples for part in shards.tfrecord([example]))


@pytest.mark.parametrize("block", [shards.BLOCK, 1 << 16, 1000], ids=["as it is", "small", "no multiple of a page"])
def test_records_larger_than_a_block_are_written_and_hashed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    # No disk takes 1000 bytes past the page cache: the kernel refuses, and the rest goes through it.
    monkeypatch.setattr(shards, "BLOCK", block)
    rng = np.random.default_rng(0)
    examples = [rng.bytes(size) for size in (5, shards.BLOCK - 40, 700_000, 3, 1_100_000, 4096)]
    written = write_tfrecord(tmp_path / "a", ([example] for example in examples))
    content = (tmp_path / "a").read_bytes()
    assert content == framed(examples)
    assert written.sha256 == hashlib.sha256(content).hexdigest()


def test_an_array_may_be_filled_again_once_its_record_is_taken(tmp_path: Path) -> None:
    array = np.empty(300_000, np.uint8)

    def examples() -> Iterator[list[object]]:
        for number in range(20):
            array[:] = number
            yield [b"head", array]

    write_tfrecord(tmp_path / "a", examples())
    assert (tmp_path / "a").read_bytes() == framed([b"head" + bytes([number]) * 300_000 for number in range(20)])


def test_a_limit_on_the_size_of_files_is_told_with_the_name_and_leaves_nothing(tmp_path: Path) -> None:
    import resource
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (shards.BLOCK, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*/a'"):
            write_tfrecord(tmp_path / "a", ([bytes(1 << 20)] for _ in range(40)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


ERRNOS = sorted(errno.errorcode)


@pytest.mark.parametrize("code", ERRNOS)
def test_a_file_system_that_refuses_to_write_past_the_page_cache_is_written_to_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Whether it refuses when the flag is set, as NFS and FUSE do, or when a block is written."""
    real_write = os.write

    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    def refused_past_the_cache(descriptor: int, block: memoryview) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(code, os.strerror(code))
        return real_write(descriptor, block)

    examples = [b"a" * 700_000] * 6
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", refused_past_the_cache)
        written = write_tfrecord(tmp_path / "a", ([example] for example in examples))
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "fcntl", refused)
        write_tfrecord(tmp_path / "b", ([example] for example in examples))
    content = framed(examples)
    assert written.sha256 == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "a").read_bytes() == content == (tmp_path / "b").read_bytes()
