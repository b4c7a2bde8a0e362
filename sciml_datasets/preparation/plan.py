"""The plan: the samples of each shard and their order, a pure function of the index.

Order and shard boundaries are TFDS's own: samples sorted by TFDS's key hash salted with the split's name, the number of
shards by its size rule, equal shares. A plain TFDS builder over the same samples therefore writes the same records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sciml_datasets.errors import EmptySplitError, InputError
from sciml_datasets.preparation.sorting import Spool, in_memory
from sciml_datasets.raw_format import Sample


@dataclass(frozen=True, slots=True)
class Shard:
    """One output file and its samples in order.

    Attributes:
        split: split of all its samples.
        index: number of the shard within the split, from 0.
        count: number of shards of the split.
        samples: the samples that it holds.
        size: number of bytes of their payloads.
    """

    split: str
    index: int
    count: int
    samples: Sequence[Sample]
    size: int


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """All shards of a data set.

    Attributes:
        shards: the shards, ordered by split, then by index.
        digest: SHA-256 of everything that decides the output: identity of the data set, order, boundaries, labels.
    """

    shards: tuple[Shard, ...]
    digest: str

    @property
    def payload_bytes(self) -> int:
        """Number of bytes of all payloads together: a lower bound of what will be written."""
        return sum(shard.size for shard in self.shards)


def make_plan(
    samples: Iterable[Sample] | Spool,
    identity: dict[str, Any],
    num_shards: int | None = None,
    missing: Collection[str] = (),
) -> ShardPlan:
    """Order the samples and cut them into shards.

    Args:
        samples: the index, in any order, in memory or on disk.
        identity: all else that decides the output, as JSON: data set, version, features, format.
        num_shards: number of shards per split; None for TFDS's rule.
        missing: splits that the raw files do not have.

    Raises:
        InputError: another split is empty or has fewer samples than ``num_shards``, or two samples have the same key.
    """
    from tensorflow_datasets.core.utils.shard_utils import ShardConfig, get_shard_boundaries

    by_split = samples.ordered() if isinstance(samples, Spool) else in_memory(samples)
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    shards: list[Shard] = []
    for split, members in by_split.items():
        if not members and split in missing:
            continue
        if not members:
            name = identity.get("dataset", "the data set")
            raise EmptySplitError(
                f"{name}: the {split} split is empty, expected at least one sample in every split: add raw files or "
                "samples, or lists of splits where the raw form has them"
            )
        if num_shards and num_shards > len(members):
            raise InputError(
                f"the {split} split has {len(members)} samples, too few for {num_shards} shards: ask for fewer"
            )
        size = samples.sizes[split] if isinstance(samples, Spool) else sum(sample.size for sample in members)
        count = ShardConfig(num_shards=num_shards).get_number_shards(size, len(members))
        ends = get_shard_boundaries(len(members), count)
        before = None
        for i, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            some, size = members[start:end], 0
            for sample in some:
                if sample.key == before:  # equal keys have equal hashes
                    raise InputError(f"{sample.file}: sample {before} occurs twice: ids must be unique, remove one")
                before = sample.key
                size += sample.size
                facts = "\t".join(sample.facts)
                digest.update(f"{sample.key}\t{sample.size}\t{sample.group}\t{facts}\n".encode())
            shards.append(Shard(split, i, count, some, size))
        digest.update(json.dumps(ends).encode())
    return ShardPlan(tuple(shards), digest.hexdigest())
