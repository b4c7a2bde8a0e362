"""Sizes and splits of a data set that is not prepared, as far as its declaration knows them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sciml_datasets.benchmark import Benchmark, DataSet, NamedSplit
from sciml_datasets.raw_format import SPLITS


def declared(benchmark: Benchmark, dataset: DataSet, features: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes and splits that follow from a declaration.

    Args:
        benchmark: the benchmark as it is for the data set.
        dataset: the data set.
        features: feature name to ``shape`` and ``dtype``, or to ``features`` where it has parts.

    Returns:
        ``samples``: number of samples that are simulated where no raw files are given; None for real data.
        ``example_bytes``: bytes of the numbers of an example; None where a shape is known only when it is prepared.
        ``splits``: names of the canonical splits.
        ``partitions``: name of a partition to the groupings that it is blind to (``by``) and the shares of its parts.
        ``leave_out``: grouping whose values may each be left out of training; empty where there is none.
        ``folds_by``: groupings that folds may keep together.
    """
    from sciml_datasets.splits.groups import groupings_of

    return {
        "samples": dataset.simulated_samples or None,
        "example_bytes": _num_bytes(features),
        "splits": [*SPLITS],
        "partitions": {split.name: {"by": [*split.blind], "shares": _shares(split)} for split in benchmark.splits},
        "leave_out": benchmark.leave_out,
        "folds_by": [*groupings_of(benchmark)],
    }


def declared_lines(content: Mapping[str, Any]) -> Iterator[str]:
    """The result of `declared` as lines of text."""
    sizes = []
    if content["samples"]:
        sizes.append(f"{content['samples']:,} are simulated where no raw files are given")
    if content["example_bytes"]:
        sizes.append(f"{content['example_bytes']:,} bytes each")
    if sizes:
        yield f"{'samples':<10}{', '.join(sizes)}"
    yield f"{'splits':<10}{', '.join(content['splits'])}; their sizes are known when it is prepared"
    for name, split in content["partitions"].items():
        shares = ", ".join(f"{100 * share:g} % {part}" for part, share in split["shares"].items())
        yield f"{'':<10}{name}, by {' and '.join(split['by'])}: {shares}"
    if content["leave_out"]:
        yield f"{'':<10}leave_out_X, for each {content['leave_out']} X"
    yield f"{'folds':<10}by {', '.join(content['folds_by'])}"


def _shares(split: NamedSplit) -> dict[str, float]:
    return dict(zip(SPLITS, (*split.shares, round(1 - sum(split.shares), 6)), strict=True))


def _num_bytes(features: Mapping[str, Any]) -> int | None:
    """Bytes of all numbers of an example; texts are not counted."""
    import numpy as np

    total = 0
    for feature in features.values():
        if "features" in feature:
            size = _num_bytes(feature["features"])
        elif None in feature["shape"]:
            size = None
        else:
            item = 0 if feature["dtype"] == "string" else np.dtype(feature["dtype"]).itemsize
            size = math.prod(feature["shape"]) * item
        if size is None:
            return None
        total += size
    return total
