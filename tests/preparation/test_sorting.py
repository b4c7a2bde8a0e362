"""The index in the order of the records: on disk it is the same as in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.preparation import sorting
from sciml_datasets.preparation.plan import make_plan
from sciml_datasets.preparation.sorting import in_memory, index_of, spooled
from sciml_datasets.raw_format import SPLITS, Sample


def made(count: int) -> list[Sample]:
    """Samples of all splits."""
    return [
        Sample(SPLITS[i % 3], f"S.{i}", "table", f"{i % 7},{i % 5}", 100 + i, f"g{i % 9}", (f"0.{i}", "ü"))
        for i in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spools")


@settings(max_examples=25)
@given(st.integers(3, 400), st.integers(0, 400), st.integers(0, 400))
def test_the_order_and_every_part_of_it_are_those_of_memory(folder: Path, count: int, start: int, stop: int) -> None:
    samples = made(count)
    spool = spooled(samples, Path(tempfile.mkdtemp(dir=folder)) / "spool")
    expected, found = in_memory(samples), spool.ordered()
    for split in SPLITS:
        assert list(found[split]) == list(expected[split])
        assert list(found[split][start:stop]) == list(expected[split][start:stop])
        assert found[split][-1] == expected[split][-1]
        assert spool.sizes[split] == sum(sample.size for sample in expected[split])


def test_a_plan_is_the_same_from_disk(tmp_path: Path) -> None:
    samples = made(300)
    plan, other = (
        make_plan(samples, {"version": "1"}, 4),
        make_plan(spooled(samples, tmp_path / "s"), {"version": "1"}, 4),
    )
    assert plan.digest == other.digest
    assert plan.payload_bytes == other.payload_bytes
    assert [list(shard.samples) for shard in plan.shards] == [list(shard.samples) for shard in other.shards]


def test_few_samples_stay_in_memory_and_many_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "IN_MEMORY", 50)
    assert index_of(iter(made(50)), tmp_path / "few") == made(50)
    assert not (tmp_path / "few").exists()
    many = index_of(iter(made(51)), tmp_path / "many")
    assert isinstance(many, sorting.Spool)
    assert sorted(sample.key for part in many.ordered().values() for sample in part) == sorted(s.key for s in made(51))


def test_a_repeated_id_is_found_on_disk_too(tmp_path: Path) -> None:
    samples = made(30)
    with pytest.raises(InputError, match=r"table: sample S\.4 occurs twice"):
        make_plan(spooled([*samples, samples[4]], tmp_path / "s"), {})


def test_an_index_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def failing() -> Iterator[Sample]:
        yield from made(5)
        raise InputError("line 7")

    with pytest.raises(InputError, match="line 7"):
        spooled(failing(), tmp_path / "s")
    assert list(tmp_path.iterdir()) == []
