"""The share of the time of training, or of prediction, in which the device had nothing to do but wait for input."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Batch = TypeVar("Batch")


def waited_seconds(asked: Sequence[float], ready: Sequence[float], done: Sequence[float]) -> float:
    """The seconds in which steps waited for their batches and the device was done with the step before.

    An accelerator still works on a step when the host already asks for the next batch: only the time after its end is
    lost.

    Args:
        asked: (n,) times at which each batch was asked for.
        ready: (n,) times at which it was there.
        done: (n,) times at which the device had done the step on it.
    """
    free = [float("-inf"), *done]
    return sum(max(0.0, at - max(start, end)) for start, at, end in zip(asked, ready, free, strict=False))


def input_wait(history: Sequence[Mapping[str, float]]) -> float | None:
    """The share of the time of training that waited for input, from rows of ``history.csv``; None where no row has it,
    as those of earlier versions."""
    known = [row for row in history if row.get("training_seconds")]
    total = sum(row["training_seconds"] for row in known)
    return sum(row["input_seconds"] for row in known) / total if total else None


class InputWait:
    """The times of the steps of an epoch, and their losses.

    Args:
        asynchronous: whether a step returns before the device has done it, as on a GPU. A thread then waits for each
            step, so that the host can go ahead as before.
        clock: function that returns seconds.
    """

    def __init__(self, asynchronous: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._started = clock, clock()
        self._pool = ThreadPoolExecutor(1) if asynchronous else None
        self._asked: list[float] = []
        self._ready: list[float] = []
        self._done: list[float] = []
        self._steps: list[Future[tuple[float, float]]] = []

    def batches(self, source: Iterable[Batch]) -> Iterator[Batch]:
        """The batches of a source; how long each is waited for is noted."""
        iterator = iter(source)
        while True:
            asked = self._clock()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self._asked.append(asked)
            self._ready.append(self._clock())
            yield batch

    def step(self, loss: Any) -> None:
        """Note that a step on the last batch was begun.

        Args:
            loss: its loss, a tensor; the step is done when it has a value.
        """
        if self._pool is not None:
            self._steps.append(self._pool.submit(self._value, loss))
            return
        done: Future[tuple[float, float]] = Future()
        done.set_result(self._value(loss))
        self._steps.append(done)

    def _value(self, loss: Any) -> tuple[float, float]:
        return float(loss), self._clock()

    def losses(self) -> list[float]:
        """The losses of the steps since the last call, once they are done."""
        found = [step.result() for step in self._steps]
        self._steps = []
        self._done += [done for _, done in found]
        return [loss for loss, _ in found]

    def seconds(self) -> tuple[float, float]:
        """Seconds waited for input, and all seconds since the beginning, once `losses` has been called."""
        return waited_seconds(self._asked, self._ready, self._done), self._clock() - self._started

    def close(self) -> None:
        """End the thread; steps that have not been waited for are let go of."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
