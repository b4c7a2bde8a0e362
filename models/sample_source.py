"""The contract of training samples: what a recipe's source declares, and the samples of a selection that it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.splits.partitions import Selection

Samples = tuple[Any, Any, Any]
"""Input, target and weight of a training sample, or (N, ...) of a batch; the weight of what does not count is 0. The
input is an array, or a tuple of arrays where a network has several inputs."""
Randomness = Callable[[int], np.random.Generator]
"""A function from the number of a sample to the generator that augments it."""
Inputs = Callable[[NDArray[np.int64]], Any]
"""A function from the numbers (N,) of samples to the inputs of their predictions, (N, ...) each."""


class SampleSource(Protocol):
    """The training samples of a selection of records, by number. Threads may share it."""

    def __len__(self) -> int:
        """The number of samples."""

    def like(self) -> Samples:
        """A batch of no samples, for shapes and types."""

    def gains_from_threads(self) -> bool:
        """Whether several threads fill a batch sooner than one."""

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """Write some samples into the arrays of a batch.

        Args:
            numbers: (N,) numbers of the samples.
            random: function from the number of a sample to the generator that augments it.
            batch: arrays (N, ...).

        Raises:
            DamagedRecordError: a record is not what was written.
            InputError: a sample has another shape or type than the first one.
        """


class RecipeSource(Protocol):
    """The declaration of where the samples of a recipe come from, one of `sciml_datasets.models.sources`."""

    @property
    def noun(self) -> str:
        """The word for several training samples: ``samples``, ``patches``."""

    @property
    def target(self) -> str:
        """Column of the member lists that is the target of the samples; empty where the target is in the records."""

    @property
    def at_once(self) -> int | None:
        """Number of samples that are read together for prediction; None for the batch size."""

    def fitted(self, builder: Any, training: Selection) -> RecipeSource:
        """The source with all that it takes from training samples, such as the scaling of tables, taken from these.

        Args:
            builder: builder of a prepared data set.
            training: samples of another partition than the canonical one, to which what is stored is fitted.
        """

    def like(self, builder: Any, selection: Selection) -> Samples:
        """A batch of no samples, for the shapes and types that a network sees, at the cost of reading one example at
        most."""

    def training_samples(self, builder: Any, selection: Selection) -> SampleSource:
        """The training samples of a selection of records."""

    def inputs_of(self, builder: Any, selection: Selection) -> Inputs:
        """The inputs of predictions of a selection of records."""

    def on_device(self) -> DeferredSource | None:
        """The source whose arithmetic is left to the device; None where the host computes everything."""


class DeferredSource(RecipeSource, Protocol):
    """A source whose samples and inputs hold what is stored: the device makes of them what the host would have made,
    but for rounding."""

    def computed(self, xp: Any, batch: Samples) -> Samples:
        """The training samples of a batch (N, ...).

        Args:
            xp: module of the arrays, with the names of the array API.
            batch: arrays that `training_samples` has filled.
        """

    def computed_inputs(self, xp: Any, inputs: Any) -> Any:
        """The inputs (N, ...) of predictions.

        Args:
            xp: module of the arrays, with the names of the array API.
            inputs: arrays that `inputs_of` gives.
        """
