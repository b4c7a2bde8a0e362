"""Executors of work: one process, several forked processes, or the ranks of an MPI communicator.

An executor offers two methods. `run_once`: one process does the work, and all get the result. `map`: each process draws
the next item until none is left, so that a slow node does not delay the others. If one fails, all stop: the failing one
raises its own exception, the others raise `PeerFailedError`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from sciml_datasets.errors import InputError, PeerFailedError
from sciml_datasets.parallel.processes import started_together, stay_with_parent

if TYPE_CHECKING:
    from mpi4py import MPI

Item = TypeVar("Item")
Result = TypeVar("Result")
Tick = Callable[[int], None]
"""Function to be called often during work, with the amount just done; it raises PeerFailedError when another process
has failed."""

POLL_SECONDS = 0.2
"""Seconds between two checks whether another process has failed, and between two reports of progress."""

DRAWS = 64
"""Least number of times that a forked process draws items, where there are as many."""


class Executor(Protocol):
    """See the module's docstring."""

    @property
    def rank(self) -> int:
        """Number of this process; 0 is the leader."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def run_once(self, work: Callable[[], Result]) -> Result:
        """Rank 0 does ``work``; all return its result."""

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """The results of ``work`` on each item, in order, on rank 0; nothing elsewhere.

        Args:
            work: function of an item and a Tick.
            items: the items, the same on every rank.
            advance: function called on rank 0 with the amount that the whole executor has done since the last call.
        """


class Serial:
    """This process alone."""

    rank = 0
    size = 1

    def run_once(self, work: Callable[[], Result]) -> Result:
        """See `Executor.run_once`."""
        return work()

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """See `Executor.map`."""

        def tick(done: int) -> None:
            advance(done)

        return [work(item, tick) for item in items]

    def share(
        self,
        work: Callable[[Iterator[Item], Tick], list[Result]],
        items: Sequence[Item],
        advance: Callable[[int], object],
    ) -> list[Result]:
        """See `MpiRanks.share`."""

        def tick(done: int) -> None:
            advance(done)

        return work(iter(items), tick)


class Forked:
    """Processes forked from this one, without MPI. They inherit ``work``; only results are sent."""

    rank = 0
    _start: Literal["fork", "spawn"] = "fork"

    def __init__(self, jobs: int) -> None:
        self.size = jobs

    def run_once(self, work: Callable[[], Result]) -> Result:
        """See `Executor.run_once`."""
        return work()

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """See `Executor.map`.

        Raises:
            ChildProcessError: a process was killed.
        """
        from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        context = get_context(self._start)
        stop, done = context.Event(), context.Value("q", 0)
        # A process draws several of many small items at a time, as drawing takes a tenth of a millisecond.
        width = max(1, len(items) // (DRAWS * self.size))
        blocks = [range(first, min(first + width, len(items))) for first in range(0, len(items), width)]
        most = max(1, min(self.size, len(blocks)))  # the pool forks all of them at once
        with ProcessPoolExecutor(most, context, _inherit, (work, items, stop, done)) as pool:
            with started_together():
                futures = [pool.submit(_work_on, block) for block in blocks]
            seen = 0
            try:
                waiting = set(futures)
                while waiting:
                    finished, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
                    advance(done.value - seen)
                    seen = done.value
                    for future in finished:
                        future.result()
                return [result for future in futures for result in future.result()]
            except BrokenProcessPool as error:
                raise ChildProcessError(
                    "a process was killed: run the same command again, finished shards are kept"
                ) from error
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)


class Spawned(Forked):
    """New processes, which are sent ``work``: for libraries with threads of their own, that a forked process lacks.

    A script that uses them needs an ``if __name__ == "__main__"`` guard.
    """

    _start = "spawn"


_inherited: tuple[Callable[..., Any], Sequence[Any], Tick]


def _inherit(work: Callable[..., Any], items: Sequence[Any], stop: Any, done: Any) -> None:
    """Keep what a process got from its parent in a global that exists in that process alone.

    Args:
        work, items: as for `Executor.map`.
        stop: event that ends the work.
        done: shared number, the amount of work that all have done.
    """
    global _inherited

    def tick(amount: int) -> None:
        if stop.is_set():
            raise PeerFailedError
        with done.get_lock():
            done.value += amount

    _inherited = work, items, tick
    stay_with_parent()


def _work_on(block: range) -> list[Any]:
    work, items, tick = _inherited
    return [work(items[i], tick) for i in block]


class MpiRanks:
    """The ranks of an MPI communicator; the next item is drawn by fetch-and-add in the memory of rank 0.

    Raises:
        InputError: ``comm`` is no communicator.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        if not hasattr(comm, "Dup"):
            raise InputError(f"comm is {comm!r}: expected a communicator of mpi4py, for example MPI.COMM_WORLD")
        self._comm = comm.Dup()
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()

    def run_once(self, work: Callable[[], Result]) -> Result:
        """See `Executor.run_once`."""
        mine: Result | None = None
        error: Exception | None = None
        if self.rank == 0:
            try:
                mine = work()
            except Exception as caught:
                error = caught
        outcome: tuple[bool, bool, Result] = self._comm.bcast((error is not None, isinstance(error, InputError), mine))
        failed, bad_input, result = outcome
        if error is not None:
            raise error
        if failed:
            raise PeerFailedError(bad_input=bad_input)
        return result

    def map(
        self, work: Callable[[Item, Tick], Result], items: Sequence[Item], advance: Callable[[int], object]
    ) -> list[Result]:
        """See `Executor.map`."""

        def each(drawn: Iterator[tuple[int, Item]], tick: Tick) -> list[tuple[int, Result]]:
            return [(i, work(item, tick)) for i, item in drawn]

        numbered = self.share(each, list(enumerate(items)), advance)
        return [result for _, result in sorted(numbered, key=itemgetter(0))]

    def share(
        self,
        work: Callable[[Iterator[Item], Tick], list[Result]],
        items: Sequence[Item],
        advance: Callable[[int], object],
    ) -> list[Result]:
        """Work on the items that each rank draws, several at a time if it chooses to, and return all results on rank 0.

        Args:
            work: function of an iterator, which draws the next of all items, and a Tick.
            items: as for `map`.
            advance: as for `map`.
        """
        with _Counters(self._comm) as counters:
            looked = time.monotonic()
            unreported = reported = 0

            def tick(amount: int) -> None:
                nonlocal looked, unreported, reported
                unreported += amount
                if time.monotonic() - looked < POLL_SECONDS:
                    return
                total = counters.add(counters.DONE, unreported) + unreported
                unreported = 0
                if self.rank == 0:
                    advance(total - reported)
                    reported = total
                if counters.add(counters.FAILED, 0):
                    raise PeerFailedError
                looked = time.monotonic()

            def draw() -> Iterator[Item]:
                while (i := counters.add(counters.NEXT, 1)) < len(items):
                    if counters.add(counters.FAILED, 0):
                        raise PeerFailedError
                    yield items[i]

            results: list[Result] = []
            error: Exception | None = None
            try:
                results = work(draw(), tick)
            except Exception as caught:
                error = caught
                counters.add(counters.FAILED, 1)
            own = error is not None and not isinstance(error, PeerFailedError)
            outcomes = self._comm.allgather((own, isinstance(error, InputError)))
        failed = [rank for rank, (own_error, _) in enumerate(outcomes) if own_error]
        if failed and failed[0] == self.rank and error is not None:
            raise error  # where several ranks have an error of their own the first rank reports its error
        if failed:
            raise PeerFailedError(bad_input=any(bad_input for _, bad_input in outcomes))
        return [result for part in self._comm.gather(results) or () for result in part]


def check_jobs(jobs: int, comm: MPI.Intracomm | None) -> None:
    """Make sure that processes are requested in one way: ranks are started by their launcher and fork no processes.

    Raises:
        InputError: there are several jobs and a communicator.
    """
    if comm is not None and jobs > 1:
        raise InputError(
            f"{jobs} jobs in each of {comm.Get_size()} ranks: ranks start no processes of their own, leave --jobs out "
            "and let the launcher start more ranks"
        )


class _Counters:
    """Shared integers in the memory of rank 0, read and changed by any rank without its help (MPI-3 one-sided)."""

    NEXT, DONE, FAILED = range(3)

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm = comm

    def __enter__(self) -> _Counters:
        import numpy as np
        from mpi4py import MPI

        self._sum = MPI.SUM
        width = np.dtype(np.int64).itemsize
        self._window = MPI.Win.Allocate(3 * width if self._comm.Get_rank() == 0 else 0, width, comm=self._comm)
        self._window.Lock_all()
        if self._comm.Get_rank() == 0:
            np.asarray(self._window.tomemory()).view(np.int64)[:] = 0
            self._window.Sync()
        self._comm.Barrier()
        return self

    def __exit__(self, *_: object) -> None:
        self._comm.Barrier()
        self._window.Unlock_all()
        self._window.Free()

    def add(self, which: int, amount: int) -> int:
        """Add to a counter and return what it was."""
        import numpy as np

        before = np.empty(1, np.int64)
        self._window.Fetch_and_op(np.array([amount], np.int64), before, 0, which, self._sum)
        self._window.Flush(0)
        return int(before[0])
