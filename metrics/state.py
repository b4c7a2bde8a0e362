"""Additive states: they give the same scores for any batching, any order and any number of workers.

A state is a dataclass. Fields given to ``__init__`` are parameters; all others are arrays of int64 or float64 (also
0-dimensional ones), which start at zero and change only by addition, or by `numpy.maximum` where ``MAXIMA`` names them;
or they are states themselves, or tuples of states. So states merge, MPI reduces them (``comm.allreduce(state)`` adds),
and so does ``tf.distribute``, which sums `Additive.arrays` and gathers `Additive.maxima` (docs/criteria.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Additive:
    """A state that adds up; see the module's docstring. Subclasses define ``update`` and ``result``."""

    MAXIMA: ClassVar[frozenset[str]] = frozenset()

    def parameters(self) -> dict[str, Any]:
        """The parameters, by name, which must agree before two states can be added."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.init}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that are added, by name; changing them changes the state."""
        return {name: array for name, array, is_maximum in self._parts() if not is_maximum}

    def maxima(self) -> dict[str, NDArray[Any]]:
        """The arrays of which the elementwise maximum is kept, by name; most states have none."""
        return {name: array for name, array, is_maximum in self._parts() if is_maximum}

    def _parts(self) -> Iterator[tuple[str, NDArray[Any], bool]]:
        """Yield name and array, and whether it is a maximum, of this state and of the states in it."""
        for field in fields(self):
            if field.init:
                continue
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                yield field.name, value, field.name in self.MAXIMA
                continue
            for i, state in enumerate(value if isinstance(value, tuple) else (value,)):
                for name, array, is_maximum in state._parts():
                    yield f"{field.name}.{i}.{name}", array, is_maximum

    def merge(self, other: Self) -> None:
        """Add the samples of another state.

        Raises:
            ValueError: the states measure different things.
        """
        if type(self) is not type(other) or repr(self.parameters()) != repr(other.parameters()):
            raise ValueError(f"{type(other).__name__} {other.parameters()} cannot be added to {self.parameters()}")
        self.add_arrays(other.arrays(), other.maxima())

    def add_arrays(
        self, arrays: Mapping[str, NDArray[Any]], maxima: Mapping[str, NDArray[Any]] = MappingProxyType({})
    ) -> None:
        """Add the arrays of a state with the same parameters, or the sums of those of several states.

        Args:
            arrays: the arrays, as `arrays` returns them.
            maxima: the maxima, as `maxima` returns them; they are separate, since a sum of maxima is no maximum.

        Raises:
            ValueError: an array is missing, unknown or of another shape; nothing is added.
        """
        for own, given, what in ((self.arrays(), arrays, "arrays"), (self.maxima(), maxima, "maxima")):
            shapes = {name: np.shape(array) for name, array in given.items()}
            expected = {name: array.shape for name, array in own.items()}
            if shapes != expected:
                raise ValueError(f"{what} {shapes} cannot be added to {type(self).__name__}: expected {expected}")
        for name, array in self.arrays().items():
            np.add(array, np.asarray(arrays[name]), out=array)
        for name, array in self.maxima().items():
            np.maximum(array, np.asarray(maxima[name]), out=array)

    def __add__(self, other: Self) -> Self:
        """A new state with the samples of both."""
        both = deepcopy(self)
        both.merge(other)
        return both


def repeated(positions: NDArray[np.int64], given: NDArray[Any]) -> NDArray[np.int64]:
    """The positions that occur twice among the (N,) given ones, or were given before, ascending.

    Args:
        positions: (N,) positions of the samples of one batch.
        given: (num_samples,) not 0 where a sample was given before. Only the places of the batch are read, so that the
            time of a batch does not depend on the size of the split.
    """
    found, number = np.unique(positions, return_counts=True)
    return np.asarray(found[(number > 1) | (given[found] != 0)])


def counts(*shape: int) -> NDArray[np.int64]:
    """An int64 array of zeros."""
    return np.zeros(shape, np.int64)


def sums(*shape: int) -> NDArray[np.float64]:
    """A float64 array of zeros."""
    return np.zeros(shape, np.float64)
