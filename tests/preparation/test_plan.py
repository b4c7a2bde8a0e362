"""The plan: TFDS's order and shard rule, from the index alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.preparation.index_checks import check_disjoint
from sciml_datasets.preparation.plan import make_plan
from sciml_datasets.raw_format import SPLITS, Sample


def make_samples(count: int, size: int = 1000) -> list[Sample]:
    return [
        Sample(split, f"{split}/f.h5/s{i}", "f.h5", f"s{i}", size, f"{split}-{i}", ("1",))
        for split in SPLITS
        for i in range(count)
    ]


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_the_order_in_which_the_index_comes_decides_nothing(count: int, shuffler: random.Random) -> None:
    samples = make_samples(count)
    shuffled = list(samples)
    shuffler.shuffle(shuffled)
    assert make_plan(samples, {}) == make_plan(shuffled, {})


@given(st.integers(1, 60), st.integers(1, 60))
def test_every_sample_is_in_exactly_one_shard_and_shards_are_even(count: int, num_shards: int) -> None:
    if num_shards > count:
        with pytest.raises(InputError, match="too few"):
            make_plan(make_samples(count), {}, num_shards)
        return
    plan = make_plan(make_samples(count), {}, num_shards)
    keys = [sample.key for shard in plan.shards for sample in shard.samples]
    assert sorted(keys) == sorted(sample.key for sample in make_samples(count))
    sizes = [len(shard.samples) for shard in plan.shards]
    assert max(sizes) - min(sizes) <= 1


def test_the_number_of_shards_follows_tfds_rule() -> None:
    # 20,000 samples of 3 MiB in 58.6 GiB: TFDS keeps shards between 64 MiB and 1 GiB, in powers of two.
    plan = make_plan(make_samples(20_000, 3 << 20), {})
    assert {shard.count for shard in plan.shards} == {512}


def test_the_digest_changes_with_everything_that_decides_the_output() -> None:
    samples = make_samples(5)
    relabelled = [*samples[:-1], Sample("test", samples[-1].key, "f.h5", "s4", 1000, "test-4", ("2",))]
    digests = {
        make_plan(samples, {}).digest,
        make_plan(samples, {"version": "1.0.1"}).digest,
        make_plan(samples, {}, num_shards=2).digest,
        make_plan(make_samples(6), {}).digest,
        make_plan(make_samples(5, size=1001), {}).digest,
        make_plan(relabelled, {}).digest,
    }
    assert len(digests) == 6


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(InputError, match="the validation split is empty"):
        make_plan([sample for sample in make_samples(3) if sample.split != "validation"], {})


def test_a_repeated_key_is_refused() -> None:
    first, *_ = make_samples(1)
    with pytest.raises(InputError, match=r"train/f\.h5/s0 occurs twice"):
        check_disjoint([first, first], "material")
