"""Splits by hashes: they put a group of samples into the same part on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sciml_datasets.raw_format import SPLITS


def part_of(name: str, group: Sequence[str], shares: tuple[float, float]) -> str:
    """The part of a group, by the first 8 bytes of the SHA-256 of a name and the group.

    Args:
        name: name of what is divided, for example of the split; another name gives another draw.
        group: names that identify the group, for example cell and drug.
        shares: shares of train and of validation; the rest is test.
    """
    digest = hashlib.sha256("\t".join((name, *group)).encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return SPLITS[(place >= shares[0]) + (place >= sum(shares))]


def digest_of(lines: Iterable[str]) -> str:
    """The SHA-256 of lines, each ended by a line feed."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
