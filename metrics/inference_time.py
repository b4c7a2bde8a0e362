"""Inference time: latency of single queries and throughput of large ones.

Two scenarios of MLPerf Inference in miniature (Reddi et al. 2020, doi:10.1109/ISCA45697.2020.00045): single stream
sends one query after the other, scored by the 90th percentile of latency; offline sends everything at once, scored by
samples a second. Unlike in MLPerf, a run is as long as the given samples, and there is no load generator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sciml_datasets.errors import InputError
from sciml_datasets.metrics.array_formats import Format, check_number, checked

PERCENTILES = (50, 90, 99)
LONGEST = 1e9
"""Largest accepted number of seconds of one query."""


def latencies(
    predict: Callable[[Any], Any],
    queries: Sequence[Any],
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n,) seconds that each query took, one after the other.

    Args:
        predict: function that takes a query and returns when its answer is complete: it must wait for a framework that
            answers later, for example with ``.numpy()`` or ``block_until_ready()``.
        queries: n samples or batches, at least one.
        warm_up: number of queries sent first and not timed (compilation, caches); where there are fewer they repeat.
        clock: function that returns seconds.

    Raises:
        ValueError: there are no queries, or ``warm_up`` is negative.
    """
    check_number("warm_up", warm_up, least=0)
    if not len(queries):
        raise InputError("no queries: give at least one")
    for i in range(warm_up):
        predict(queries[i % len(queries)])
    seconds = np.empty(len(queries))
    for i, query in enumerate(queries):
        started = clock()
        predict(query)
        seconds[i] = clock() - started
    return seconds


def summary(seconds: ArrayLike, batch_size: int = 1) -> dict[str, float]:
    """Percentiles in seconds and throughput in samples a second.

    ``latency_50``, ``_90``, ``_99`` refer to a query, ``sample_latency_*`` are divided by the batch size; a percentile
    is the least latency that at least that share of queries did not exceed, as MLPerf counts it.

    Args:
        seconds: (n,) seconds of each query, as `latencies` returns them.
        batch_size: number of samples in a query, at least 1.

    Raises:
        ValueError: there are no seconds, one is negative or not finite or all are 0, or the batch size is less than 1.
    """
    check_number("batch_size", batch_size, least=1)
    taken = checked("seconds", seconds, Format("durations", (), "iuf", 0, LONGEST))
    check_number("the sum of all seconds", float(taken.sum()), above=0)
    found = np.percentile(taken, PERCENTILES, method="inverted_cdf")
    scores = {f"latency_{q}": float(value) for q, value in zip(PERCENTILES, found, strict=True)}
    scores |= {f"sample_{name}": value / batch_size for name, value in scores.items()}
    return scores | {"throughput": float(len(taken) * batch_size / taken.sum())}


def single_stream(
    predict: Callable[[Any], Any],
    samples: Sequence[Any],
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Times of one sample after the other; MLPerf's score is ``latency_90``. Arguments as in `latencies`."""
    return summary(latencies(predict, samples, warm_up, clock))


def offline(
    predict: Callable[[Any], Any],
    samples: Any,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Times of all samples in one query; MLPerf's score is ``throughput``.

    Args:
        predict: function that takes all samples and returns when all answers are complete.
        samples: the samples, a sequence with a length.
        warm_up: number of calls before the timed one.
        clock: function that returns seconds.

    Raises:
        ValueError: there are no samples, ``warm_up`` is negative, or no time passed.
    """
    if not len(samples):
        raise InputError("no samples: give at least one")
    seconds = latencies(predict, [samples], warm_up, clock)
    return {"seconds": float(seconds[0]), "throughput": summary(seconds, len(samples))["throughput"]}
