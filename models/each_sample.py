"""Training samples that a recipe's functions make one by one, of examples or of patches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.models.example_readers import Reader
from sciml_datasets.models.recipe_error import RecipeError, recipe_part
from sciml_datasets.models.sample_source import Randomness, Samples, SampleSource

QUICK = 2e-4
"""Seconds for a sample; what takes less is mostly Python, in which threads wait for each other."""
LARGE = 1 << 19
"""Bytes of a sample; copying more takes longer than the Python around it, and holds no lock."""
ROLES = ("input", "target", "weight")

Made = Callable[[dict[str, Any], Samples | None], Samples]
"""A function from an example, and arrays of a sample that it may write into, to a training sample."""
Drawn = Callable[[Samples, np.random.Generator], Samples]
"""A function from a training sample and a random generator to a training sample."""


class EachSample:
    """Samples of a reader's examples; see `SampleSource`.

    Args:
        reader: reader of the examples.
        made: function that makes a sample of an example.
        drawn: function that draws what of it enters training; None where all of it does and nothing is drawn.
    """

    def __init__(self, reader: Reader, made: Made, drawn: Drawn | None) -> None:
        self._reader, self._made, self._drawn = reader, made, drawn

    def __len__(self) -> int:
        return len(self._reader)

    def like(self) -> Samples:
        """See `SampleSource.like`."""
        with recipe_part("samples"):
            sample = self._made(self._reader.read(0), None)
            if self._drawn is not None:
                sample = self._drawn(sample, np.random.default_rng(0))
        if not isinstance(sample, tuple) or len(sample) != len(ROLES):
            got = f"{len(sample)} values" if isinstance(sample, tuple) else f"a {type(sample).__name__}"
            raise RecipeError(f"samples gave {got}, expected {len(ROLES)}: {', '.join(ROLES)}: return a tuple of them")
        found: Samples = tree.map_structure(
            lambda values: np.empty((0, *np.shape(values)), np.asarray(values).dtype), sample
        )
        return found

    def gains_from_threads(self) -> bool:
        """See `SampleSource.gains_from_threads`; by the size of a sample, and the least time that it takes."""
        batch = tree.map_structure(lambda like: np.empty((1, *like.shape[1:]), like.dtype), self.like())
        if sum(array.nbytes for array in tree.flatten(batch)) > LARGE:
            return True

        def seconds() -> float:
            started = time.perf_counter()
            self.fill(np.zeros(1, np.int64), np.random.default_rng, batch)
            return time.perf_counter() - started

        return min(seconds() for _ in range(5)) > QUICK

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """See `SampleSource.fill`."""
        with recipe_part("samples"):
            for place, number in enumerate(map(int, numbers)):
                own = _place_of(batch, place)
                sample = self._made(self._reader.read(number), own)
                if self._drawn is not None:  # a generator takes as long as a small sample
                    sample = self._drawn(sample, random(number))
                _write(tree.flatten(sample), tree.flatten(own), number)


def _place_of(batch: Any, place: int) -> Any:
    """The arrays of one sample of a batch; tuples, which nearly all batches are made of, are quick."""
    if isinstance(batch, np.ndarray):
        return batch[place, ...]
    if type(batch) is tuple:
        return tuple([_place_of(one, place) for one in batch])
    return tree.map_structure(lambda array: array[place, ...], batch)


def _write(made: list[Any], own: list[NDArray[Any]], number: int) -> None:
    """Copy the arrays of a sample to their places in a batch.

    Raises:
        RecipeError: they have another shape or type than the places, which are those of the first sample.
    """
    if len(made) != len(own):
        raise RecipeError(f"samples gave {len(made)} arrays for sample {number}, {len(own)} for the first one")
    for array, given in zip(own, made, strict=True):
        if given is array:  # it has been written there
            continue
        values = np.asarray(given)
        if values.shape != array.shape or values.dtype != array.dtype:
            raise RecipeError(_unlike_the_first(values, array, number))
        array[...] = values


def _unlike_the_first(values: NDArray[Any], array: NDArray[Any], number: int) -> str:
    return (
        f"samples gave an array of shape {values.shape} and type {values.dtype} for sample {number}, expected "
        f"{array.shape} and {array.dtype} as for the first sample: give all samples one shape and type"
    )


class Weighted:
    """Samples whose weights are multiplied; see `SampleSource`.

    Args:
        source: source of the samples.
        weights: (N,) factors of the weights of all samples.
    """

    def __init__(self, source: SampleSource, weights: NDArray[np.float32]) -> None:
        self._source, self._weights = source, weights

    def __len__(self) -> int:
        return len(self._source)

    def like(self) -> Samples:
        """See `SampleSource.like`."""
        return self._source.like()

    def gains_from_threads(self) -> bool:
        """See `SampleSource.gains_from_threads`."""
        return self._source.gains_from_threads()

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """See `SampleSource.fill`."""
        self._source.fill(numbers, random, batch)
        batch[2][:] *= self._weights[numbers]


def balance(values: NDArray[Any]) -> NDArray[np.float32]:
    """(N,) weights of mean 1 with which the samples of each of (N,) values have the same weight together."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(len(values) / (len(counts) * counts[which]), np.float32)
