"""The plan: which sample goes into which shard, and in which order. Pure, from the index alone.

Order and shard boundaries are TFDS's own: samples sorted by TFDS's key hash salted with the split's name, the number of
shards by its size rule, equal shares. A plain TFDS builder over the same samples therefore writes the same records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.samples import SPLITS, Sample


@dataclass(frozen=True, slots=True)
class Shard:
    """One output file and its samples in order.

    Attributes:
        split: of all its samples.
        index: from 0 within the split.
        count: number of shards of the split.
        samples: what it holds.
    """

    split: str
    index: int
    count: int
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Plan:
    """All shards of a data set.

    Attributes:
        shards: by split, then by index.
        digest: SHA-256 over everything that decides the output: identity of the data set, order, boundaries, labels.
    """

    shards: tuple[Shard, ...]
    digest: str

    @property
    def payload_bytes(self) -> int:
        """Bytes of all payloads together: a lower bound of what will be written."""
        return sum(sample.size for shard in self.shards for sample in shard.samples)


def make_plan(samples: Iterable[Sample], identity: dict[str, Any], num_shards: int | None = None) -> Plan:
    """Order the samples and cut them into shards.

    Args:
        samples: the index, in any order.
        identity: what else decides the output, as JSON: data set, version, features, format.
        num_shards: shards per split; None for TFDS's rule.

    Raises:
        InputError: a split is empty, or has fewer samples than ``num_shards``.
    """
    from tensorflow_datasets.core.hashing import Hasher
    from tensorflow_datasets.core.utils.shard_utils import ShardConfig, get_shard_boundaries

    by_split: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    for sample in samples:
        by_split[sample.split].append(sample)
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    shards: list[Shard] = []
    for split, unordered in by_split.items():
        if not unordered:
            raise InputError(f"the {split} split is empty: every split needs at least one sample")
        if num_shards and num_shards > len(unordered):
            raise InputError(
                f"the {split} split has {len(unordered)} samples, too few for {num_shards} shards: ask for fewer"
            )
        hash_key = Hasher(split).hash_key
        hashes = [hash_key(sample.key) for sample in unordered]
        members = [unordered[i] for i in sorted(range(len(unordered)), key=hashes.__getitem__)]
        size = sum(sample.size for sample in members)
        count = ShardConfig(num_shards=num_shards).get_number_shards(size, len(members))
        ends = get_shard_boundaries(len(members), count)
        shards += [
            Shard(split, i, count, members[start:end])
            for i, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True))
        ]
        for sample in members:
            facts = "\t".join(sample.facts)
            digest.update(f"{sample.key}\t{sample.size}\t{sample.group}\t{facts}\n".encode())
        digest.update(json.dumps(ends).encode())
    return Plan(tuple(shards), digest.hexdigest())
