"""The processes that train together, as one: who this one is, and what all of them know."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sciml_datasets.errors import InputError
from sciml_datasets.messages import warn
from sciml_datasets.models.batches import Part
from sciml_datasets.models.cluster import Cluster, find_cluster
from sciml_datasets.nearest import one_of

if TYPE_CHECKING:
    from mpi4py import MPI

STRATEGIES = ("auto", "none", "mirrored", "multiworker")
START_SECONDS = 300.0
"""Seconds for which a worker waits for the others to start."""
STUCK_SECONDS = 300.0
"""Seconds for which a worker waits for another that is alive but does not answer; one that died is noticed earlier."""

Result = TypeVar("Result")


class WorkerLostError(OSError):
    """Another worker is gone."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"another worker is gone ({why}): its own message says why; the same command goes on from the last "
            "checkpoint"
        )


@dataclass(frozen=True)
class Workers:
    """All processes of a run. Values are exchanged by pickle: the others are this same program.

    Attributes:
        strategy: strategy of tf.distribute.
        part: part of the work that this process does.
    """

    strategy: Any
    part: Part

    @property
    def chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.part.index == 0

    @property
    def local_replicas(self) -> int:
        """Devices of this process."""
        return int(self.strategy.num_replicas_in_sync) // self.part.count

    def gather(self, value: Result) -> list[Result]:
        """The values of all workers, in order, on every worker."""
        if self.part.count == 1:
            return [value]
        content = pickle.dumps(value)
        words = np.frombuffer(content + bytes(-len(content) % 8), np.int64)
        lengths = self._gathered(np.array([len(words)], np.int64))
        together = self._gathered(words)
        ends = np.cumsum(lengths)
        return [pickle.loads(together[end - length : end].tobytes()) for end, length in zip(ends, lengths, strict=True)]

    def _gathered(self, words: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
        import tensorflow as tf

        def on_replica(own: Any) -> Any:
            placed = tf.identity(own)  # what a function is given stands on no device
            return tf.distribute.get_replica_context().all_gather(placed, axis=0)

        together = tf.function(lambda own: self.strategy.run(on_replica, args=(own,)))
        found = together(tf.constant(words))
        # Each device of a worker brings the same words.
        (gathered, *_) = self.strategy.experimental_local_results(found)
        return np.asarray(gathered)

    def run_once(self, work: Callable[[], Result]) -> Result:
        """The chief does ``work``; all get its result, or raise its InputError."""
        outcome: list[Result | InputError] = []
        if self.chief:
            try:
                outcome.append(work())
            except InputError as error:
                outcome.append(error)
        ((result,), *_) = self.gather(outcome)
        if isinstance(result, InputError):
            raise result
        return result


def join(strategy: str, comm: MPI.Intracomm | None = None) -> Workers:
    """Become one of the workers.

    Args:
        strategy: ``none`` for one device, ``mirrored`` for all local ones, ``multiworker`` for several processes,
            ``auto`` for mirrored where there is more than one GPU.
        comm: MPI's ranks, for ``multiworker``.

    Raises:
        InputError: there is no such strategy, no cluster is named, or TensorFlow is at work already.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"there is no strategy {strategy!r}: {one_of(strategy, STRATEGIES)}")
    import tensorflow as tf

    if strategy == "multiworker":
        return _multiworker(find_cluster(comm))
    if strategy == "mirrored" or (strategy == "auto" and len(tf.config.list_physical_devices("GPU")) > 1):
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return Workers(tf.distribute.MirroredStrategy([device.name for device in devices]), Part())
    return Workers(tf.distribute.get_strategy(), Part())


def _multiworker(cluster: Cluster) -> Workers:
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.workers)}),
        task_type="worker",
        task_id=cluster.index,
        rpc_layer="grpc",
    )
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=STUCK_SECONDS)
    with _deadline(f"the other workers of {', '.join(cluster.workers)} have not started within {START_SECONDS:.0f} s"):
        try:
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        except RuntimeError as error:
            raise InputError(
                "TensorFlow is at work in this process already, and workers must be joined first: give a function that "
                f"makes the model in place of the model, or train in a fresh process ({error})"
            ) from error
    return Workers(strategy, Part(cluster.index, len(cluster.workers)))


@contextmanager
def _deadline(sentence: str) -> Iterator[None]:
    """End the process with a sentence if the block takes too long: TensorFlow waits for peers without end."""

    def give_up() -> None:
        warn(sentence)
        os._exit(2)

    timer = threading.Timer(START_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def naming_lost_workers(workers: Workers) -> Iterator[None]:
    """What TensorFlow raises when a worker is gone becomes a sentence."""
    import tensorflow as tf

    signs = (
        tf.errors.UnavailableError,
        tf.errors.DeadlineExceededError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.InternalError,
    )
    try:
        yield
    except signs as error:
        if workers.part.count == 1:
            raise
        raise WorkerLostError(type(error).__name__) from error
