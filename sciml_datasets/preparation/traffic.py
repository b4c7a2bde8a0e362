"""Requests to object stores, of all processes of a preparation together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sciml_datasets.object_stores.store import Store
from sciml_datasets.parallel.executors import Executor, Tick

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was exchanged with object stores.

    Attributes:
        requests: number of requests, without those that obstore repeated.
        received, sent: number of bytes of objects.
    """

    requests: int = 0
    received: int = 0
    sent: int = 0

    @classmethod
    def of(cls, store: Store) -> Traffic:
        """That of a store in this process so far."""
        return cls(store.requests, store.received, store.sent)

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.requests + other.requests, self.received + other.received, self.sent + other.sent)

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(self.requests - other.requests, self.received - other.received, self.sent - other.sent)

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {self.received / 1e6:.1f} MB received, {self.sent / 1e6:.1f} MB sent"


def mapped(
    executor: Executor,
    work: Callable[[Item, Tick], tuple[Result, Traffic]],
    items: Sequence[Item],
    advance: Callable[[int], object],
    own: Callable[[], Traffic],
) -> tuple[list[Result], Traffic]:
    """The results of an executor on rank 0, and the traffic of the other processes that took part.

    Args:
        executor: the executor.
        work: function that returns a result and the traffic that it took.
        items, advance: as for `Executor.map`.
        own: function that returns the traffic of this process so far.
    """
    before = own()
    found = executor.map(work, items, advance)
    others = sum((traffic for _, traffic in found), before - own())
    return [result for result, _ in found], others
