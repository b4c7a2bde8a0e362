"""States that add up: the same scores for any batching, any order and any number of workers.

A state is a dataclass. Fields given to ``__init__`` are parameters; all others are arrays of int64 or float64 (also
0-dimensional ones), which only ever change by addition, starting at zero, or by `numpy.maximum` where ``MAXIMA`` names
them, or are states themselves, or tuples of them. So states merge, MPI reduces them (``comm.allreduce(state)`` adds),
and so does ``tf.distribute`` (``strategy.reduce("SUM", state.arrays(), axis=None)``, where there are no maxima).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Additive:
    """See the module's docstring. Subclasses add ``update`` and ``result``."""

    MAXIMA: ClassVar[frozenset[str]] = frozenset()

    def parameters(self) -> dict[str, Any]:
        """What must agree before two states can be added, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that are added, by name; changing them changes the state."""
        found: dict[str, NDArray[Any]] = {}
        for field in fields(self):
            if field.init:
                continue
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                found[field.name] = value
                continue
            states = value if isinstance(value, tuple) else (value,)
            for i, state in enumerate(states):
                found |= {f"{field.name}.{i}.{name}": array for name, array in state.arrays().items()}
        return found

    def merge(self, other: Self) -> None:
        """Add the samples of another state.

        Raises:
            ValueError: the states measure different things.
        """
        if type(self) is not type(other) or repr(self.parameters()) != repr(other.parameters()):
            raise ValueError(f"{type(other).__name__} {other.parameters()} cannot be added to {self.parameters()}")
        self.add_arrays(other.arrays())

    def add_arrays(self, theirs: Mapping[str, NDArray[Any]]) -> None:
        """Add the arrays of a state with the same parameters."""
        for name, array in self.arrays().items():
            combine = np.maximum if name in self.MAXIMA else np.add
            combine(array, theirs[name], out=array)

    def __add__(self, other: Self) -> Self:
        """A new state with the samples of both."""
        both = deepcopy(self)
        both.merge(other)
        return both


def counts(*shape: int) -> NDArray[np.int64]:
    """An int64 array of zeros."""
    return np.zeros(shape, np.int64)


def sums(*shape: int) -> NDArray[np.float64]:
    """A float64 array of zeros."""
    return np.zeros(shape, np.float64)
