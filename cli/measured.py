"""Lines on what was measured of a run: time that waited for input, and GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sciml_datasets.benchmarks import find
from sciml_datasets.cli.arguments import cores
from sciml_datasets.metrics.gpu_meter import gpu_text

LIMIT = 0.2
"""Share of the time from which on input is said to be the limit. Batches are made ahead: where the device is the limit,
next to none of the time waits."""
LEAST_SECONDS = 10.0
"""Waiting time in seconds from which on something can be done about it: the first batch of any run is waited for."""


def measured_lines(measured: Mapping[str, Any], what: str) -> list[str]:
    """A line on the time that waited for input, and one on the GPUs, of what was measured.

    Args:
        measured: mapping with ``input_wait`` and ``gpus``, where they are known.
        what: noun for the work, as ``training``.
    """
    share, gpus = measured.get("input_wait"), measured.get("gpus")
    lines = [] if share is None else [f"waiting for input: {share:.1%} of the time of {what}"]
    return lines + ([gpu_text(gpus)] if gpus else [])


def advice_lines(name: str, share: float | None, seconds: float) -> list[str]:
    """A line on what to do where input is the limit.

    Args:
        name: name of the data set.
        share: share of the time that waited for input; None if not known.
        seconds: the time of training.
    """
    if share is None or share < LIMIT or share * seconds < LEAST_SECONDS:
        return []
    preprocessed = [one.name for one in find(name)[0].datasets if one.preprocessed_from == name]
    remedies = [f"train on {one} (sciml prepare {name} --preprocess)" for one in preprocessed]
    remedies += ["stage the data to a local disk (sciml stage)", f"give more cores to its threads ({cores()} now)"]
    return [f"input is the limit: {', or '.join(remedies)}"]
