"""The check that no group of samples and no id stands in two splits."""

from __future__ import annotations

from collections.abc import Iterable

from sciml_datasets.errors import InputError
from sciml_datasets.raw_format import Sample


def check_disjoint(samples: Iterable[Sample], group_kind: str) -> None:
    """Make sure that no group (for example a material) and no key stands in two places; what groups are unknown may be.

    Raises:
        InputError: a group lies in two splits, or two samples share a key; both are named.
    """
    split_of: dict[str, Sample] = {}
    keys: set[str] = set()
    for sample in samples:
        first = split_of.setdefault(sample.group, sample) if sample.group else sample
        if first.split != sample.split:
            raise InputError(
                f"{group_kind} {sample.group} is in two splits, {first.split} ({first.file}) and {sample.split} "
                f"({sample.file}), so test results would leak: keep its samples in one of them"
            )
        if sample.key in keys:
            raise InputError(f"{sample.file}: sample {sample.key} occurs twice: ids must be unique, remove one")
        keys.add(sample.key)
