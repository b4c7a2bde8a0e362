"""The share of time that waits for input: of a slow source, of a slow step, and of one that goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest

from sciml_datasets.cli.measured import advice_lines, measured_lines
from sciml_datasets.metrics.gpu_meter import gpu_text
from sciml_datasets.models.input_wait import InputWait, input_wait, waited_seconds


class Clock:
    """A clock that shows what it is set to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def share(making: float, stepping: float, steps: int = 10) -> float:
    """The share of an epoch whose batches, and whose steps, take these seconds each, one after the other."""
    clock = Clock()

    def source() -> Iterator[int]:
        for number in range(steps):
            clock.now += making
            yield number

    wait = InputWait(asynchronous=False, clock=clock)
    for number in wait.batches(source()):
        clock.now += stepping
        wait.step(float(number))
    assert wait.losses() == [*map(float, range(steps))]
    waited, total = wait.seconds()
    assert total == pytest.approx(steps * (making + stepping))
    return waited / total


def test_a_slow_source_is_waited_for() -> None:
    assert share(making=3, stepping=1) == pytest.approx(0.75)


def test_a_slow_step_does_not_wait() -> None:
    assert share(making=1, stepping=9) == pytest.approx(0.1)


class Loss:
    """The loss of a step that the device does by itself: it has a value once the step is done."""

    def __init__(self) -> None:
        self.done = Event()

    def __float__(self) -> float:
        assert self.done.wait(60)
        return 1.0


@pytest.mark.parametrize(("finished_at", "waited"), [(8.0, 2.0), (0.0, 10.0)])
def test_only_the_time_after_the_end_of_the_step_before_is_lost(finished_at: float, waited: float) -> None:
    clock, first, seen = Clock(), Loss(), Event()

    def times() -> float:
        now = clock.now
        if first.done.is_set():
            seen.set()  # the thread has looked at the clock
        return now

    def source() -> Iterator[int]:
        yield 0
        clock.now = finished_at
        first.done.set()
        assert seen.wait(60)
        clock.now = 10.0
        yield 1

    with closing(InputWait(asynchronous=True, clock=times)) as wait:
        for number in wait.batches(source()):
            wait.step(0.5 if number else first)
        assert wait.losses() == [1.0, 0.5]
        assert wait.seconds() == (waited, 10.0)


def test_steps_that_are_never_idle_wait_for_nothing() -> None:
    assert waited_seconds([0, 1, 2], [1, 2, 3], [11, 21, 31]) == 1
    assert waited_seconds([], [], []) == 0


def test_an_error_of_a_step_is_raised() -> None:
    class Broken:
        def __float__(self) -> float:
            raise FloatingPointError("no number")

    with closing(InputWait(asynchronous=True)) as wait:
        wait.step(Broken())
        with pytest.raises(FloatingPointError, match="no number"):
            wait.losses()


def test_the_share_of_a_run_is_that_of_its_epochs_together() -> None:
    rows = [{"input_seconds": 1.0, "training_seconds": 2.0}, {"input_seconds": 1.0, "training_seconds": 8.0}]
    assert input_wait(rows) == 0.2
    assert input_wait([{"epoch": 1.0}, *rows]) == 0.2
    assert input_wait([]) is input_wait([{"epoch": 1.0}]) is None


def test_what_to_do_is_said_where_input_is_the_limit() -> None:
    (line,) = advice_lines("stemdl", 0.6, 100)
    assert line.startswith("input is the limit: train on stemdl_preprocessed (sciml prepare stemdl --preprocess), or ")
    (line,) = advice_lines("candle_uno", 0.3, 100)
    assert line.startswith("input is the limit: stage the data to a local disk (sciml stage), or give more cores to ")
    assert advice_lines("stemdl", 0.1, 1e6) == advice_lines("stemdl", None, 1e6) == advice_lines("stemdl", 0.9, 5) == []


def test_what_was_measured_is_said_and_nothing_else() -> None:
    gpus = {"count": 2, "utilisation": 0.5, "joules": 12_300.0, "peak_memory_bytes": 3 << 30}
    assert measured_lines({"input_wait": 0.123, "gpus": gpus}, "training") == [
        "waiting for input: 12.3% of the time of training",
        "2 GPU(s), busy 50% of the time, at most 3.0 GiB of memory in use, 12.3 kJ",
    ]
    assert measured_lines({}, "training") == []
    assert gpu_text({"count": 1, "utilisation": None, "joules": None}) == "1 GPU(s)"
