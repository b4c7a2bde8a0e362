"""Splits by hashes: which part a group of samples falls to, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sciml_datasets.raw_format import SPLITS


def part_of(name: str, group: Sequence[str], shares: tuple[float, float]) -> str:
    """The part that a group falls to: by the first 8 bytes of the SHA-256 of what is parted and the group.

    Args:
        name: of what is parted, for example of the split: another name, another draw.
        group: what names the group, for example cell and drug.
        shares: of train and of validation; the rest is test.
    """
    digest = hashlib.sha256("\t".join((name, *group)).encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return SPLITS[(place >= shares[0]) + (place >= sum(shares))]
