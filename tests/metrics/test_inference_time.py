"""Inference time, with a clock that the test turns."""

from __future__ import annotations

import time

import numpy as np
import pytest

from sciml_datasets.metrics.inference_time import latencies, offline, single_stream, summary


class Clock:
    """A clock that a query advances by its own value."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queries: list[float] = []

    def __call__(self) -> float:
        return self.now

    def predict(self, query: float) -> None:
        self.queries.append(query)
        self.now += query


def test_each_query_is_timed_and_the_warm_up_is_not() -> None:
    clock = Clock()
    assert latencies(clock.predict, [1.0, 2.0, 4.0], 2, clock).tolist() == [1, 2, 4]
    assert clock.queries == [1, 2, 1, 2, 4]


def test_percentiles_are_latencies_that_occurred() -> None:
    found = summary(np.arange(1.0, 101.0), batch_size=4)
    assert (found["latency_50"], found["latency_90"], found["latency_99"]) == (50, 90, 99)
    assert found["sample_latency_90"] == 22.5
    assert found["throughput"] == pytest.approx(400 / 5050)


def test_single_stream_sends_one_after_the_other() -> None:
    clock = Clock()
    found = single_stream(clock.predict, [0.5] * 10, clock=clock)
    assert found["latency_90"] == 0.5
    assert found["throughput"] == 2


def test_offline_sends_all_at_once() -> None:
    clock = Clock()
    found = offline(lambda samples: clock.predict(0.25 * len(samples)), [0] * 8, clock=clock)
    assert found == {"seconds": 2.0, "throughput": 4.0}
    assert clock.queries == [2.0, 2.0]


def test_the_real_clock_measures_seconds() -> None:
    assert latencies(time.sleep, [0.02], 0)[0] >= 0.02


@pytest.mark.parametrize(
    ("seconds", "batch_size", "message"),
    [
        ([], 1, "the sum of all seconds is 0.0"),
        ([0.0, 0.0], 1, "the sum of all seconds is 0.0: give a finite number above 0"),
        ([1.0, -1.0], 1, "seconds holds 1 values that are not from 0"),
        ([1.0, np.nan], 1, "seconds holds 1 values that are NaN"),
        ([1.0], 0, "batch_size is 0"),
    ],
)
def test_unusable_seconds_are_refused(seconds: list[float], batch_size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summary(seconds, batch_size)


def test_no_warm_up_may_be_negative_and_no_query_without_time() -> None:
    with pytest.raises(ValueError, match="warm_up is -1"):
        single_stream(abs, [1], warm_up=-1)
    with pytest.raises(ValueError, match="the sum of all seconds"):
        offline(len, [1], clock=lambda: 0.0)


def test_nothing_to_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no queries"):
        latencies(time.sleep, [])
    with pytest.raises(ValueError, match="no samples"):
        offline(time.sleep, [])
