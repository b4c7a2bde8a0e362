"""Training samples by number: whole examples, patches of them, or rows of tables; in NumPy, for any framework."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.models.recipe import Recipe, Samples
from sciml_datasets.models.table_rows import rows_of_tables
from sciml_datasets.scaling import FITTED_ANEW, refitted
from sciml_datasets.splits.partitions import Selection

if TYPE_CHECKING:
    from sciml_datasets.prepared.tensor_views import TensorViews

Randomness = Callable[[int], np.random.Generator]
QUICK = 2e-4
"""Seconds for a sample; what takes less is mostly Python, in which threads wait for each other."""


class SampleSource(Protocol):
    """The samples of a selection of records, by number. Threads may share it."""

    def __len__(self) -> int:
        """How many there are."""

    def like(self) -> Samples:
        """A batch of no samples, for shapes and types."""

    def gains_from_threads(self) -> bool:
        """Whether several threads fill a batch sooner than one."""

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """Write some samples into the arrays of a batch.

        Args:
            numbers: (N,) of the samples.
            random: from the number of a sample to the generator that augments it.
            batch: arrays (N, ...).

        Raises:
            DamagedRecordError: a record is not what was written.
        """


def training_samples(
    builder: Any, selection: Selection, recipe: Recipe, tables: Sequence[NDArray[np.float32]] = ()
) -> SampleSource:
    """What a recipe trains on.

    Args:
        builder: of a prepared data set.
        selection: of its examples.
        recipe: says which arrays make a sample.
        tables: those of the recipe, where it has some.
    """
    if recipe.tables:
        return JoinedRows(builder, selection, recipe, tables)
    if recipe.patch:
        from sciml_datasets.prepared.tensor_views import TensorViews

        views = TensorViews(builder, selection.records)
        return EachSample(Patches(views, selection.positions, recipe.patch, recipe.patch_features), recipe)
    viewed = recipe.viewed and builder.info.file_format.value == "tfrecord"
    whole = EachSample((Viewed if viewed else Examples)(builder, selection), recipe)
    if recipe.balanced_by:
        return Weighted(whole, balance(np.array(selection.columns[recipe.balanced_by])))
    return whole


class Made(Protocol):
    """What samples are made from, by number."""

    def __len__(self) -> int:
        """How many there are."""

    def sample(self, number: int, recipe: Recipe, out: Samples | None = None) -> Samples:
        """The sample of this number, before its augmentation.

        Args:
            number: of the sample.
            recipe: makes it.
            out: arrays that it may be written into.

        Raises:
            DamagedRecordError: a record is not what was written.
        """


class Examples:
    """Whole examples, feature name to array, by their number in a selection."""

    def __init__(self, builder: Any, selection: Selection) -> None:
        self._records, self._positions = builder.as_data_source(selection.records), selection.positions

    def __len__(self) -> int:
        return len(self._positions)

    def read(self, number: int) -> dict[str, NDArray[Any]]:
        """The example of this number.

        Raises:
            DamagedRecordError: a record is not what was written.
        """
        found: dict[str, Any] = self._records[int(self._positions[number])]
        return found

    def sample(self, number: int, recipe: Recipe, out: Samples | None = None) -> Samples:
        """See `Made.sample`."""
        return recipe.samples(self.read(number))


class Viewed:
    """Tensors of whole records as arrays over the files, and rows of the member list, by number in a selection."""

    def __init__(self, builder: Any, selection: Selection) -> None:
        from sciml_datasets.prepared.tensor_views import TensorViews

        self._views, self._selection = TensorViews(builder, selection.records), selection

    def __len__(self) -> int:
        return len(self._selection.positions)

    def read(self, number: int) -> dict[str, Any]:
        """Feature to array, and column of the member list to text.

        Raises:
            DamagedRecordError: a record is not what was written.
        """
        position = int(self._selection.positions[number])
        arrays = self._views[position]
        self._views.touched(sum(array.nbytes for array in arrays.values()))
        return {name: column[number] for name, column in self._selection.columns.items()} | arrays

    def sample(self, number: int, recipe: Recipe, out: Samples | None = None) -> Samples:
        """See `Made.sample`."""
        return recipe.samples(self.read(number))


class EachSample:
    """Samples that are made one by one, of examples or of patches; see `SampleSource`."""

    def __init__(self, source: Made, recipe: Recipe) -> None:
        self._source, self._recipe = source, recipe

    def __len__(self) -> int:
        return len(self._source)

    def like(self) -> Samples:
        """See `SampleSource.like`."""
        found: Samples = tree.map_structure(
            lambda values: np.empty((0, *np.shape(values)), np.asarray(values).dtype),
            self._recipe.trained_on(self._source.sample(0, self._recipe), np.random.default_rng(0)),
        )
        return found

    def gains_from_threads(self) -> bool:
        """See `SampleSource.gains_from_threads`; by the least time that a sample takes."""
        batch = tree.map_structure(lambda like: np.empty((1, *like.shape[1:]), like.dtype), self.like())

        def seconds() -> float:
            started = time.perf_counter()
            self.fill(np.zeros(1, np.int64), np.random.default_rng, batch)
            return time.perf_counter() - started

        return min(seconds() for _ in range(5)) > QUICK

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """See `SampleSource.fill`."""
        arrays = tree.flatten(batch)
        for place, number in enumerate(map(int, numbers)):
            own = [array[place, ...] for array in arrays]
            sample = self._source.sample(number, self._recipe, tree.unflatten_as(batch, own))
            # Else without a generator, which takes as long as a small sample.
            if self._recipe.augment is not unchanged or self._recipe.drawn is not None:
                sample = self._recipe.trained_on(sample, random(number))
            for array, values in zip(own, tree.flatten(sample), strict=True):
                if values is not array:  # it has been written there
                    array[...] = values


class Weighted:
    """Samples whose weights are multiplied; see `SampleSource`.

    Args:
        source: of the samples.
        weights: (N,) of all samples.
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


def fitted_tables(builder: Any, recipe: Recipe, training: Selection | None) -> list[NDArray[np.float32]]:
    """The tables of a recipe, scaled by the entities of some training samples.

    Args:
        builder: of a prepared data set.
        recipe: names the features whose tables are wanted.
        training: the samples; None for those of the canonical split, by which tables are stored.
    """
    names = [builder.info.features[name].table_name for name in recipe.tables]
    shared = {feature.table_name: feature for feature in map(builder.info.features.__getitem__, recipe.tables)}
    tables = {name: feature.table for name, feature in shared.items()}
    anew = (builder.info.metadata or {}).get(FITTED_ANEW, {}) if training else {}
    if training and anew:
        rows = rows_of_tables(builder, training, recipe)
        for name in shared.keys() & anew.keys():
            seen = np.concatenate([some for own, some in zip(names, rows, strict=True) if own == name])
            tables[name] = refitted(shared[name].table, shared[name].missing, np.unique(seen), anew[name])
    return [tables[name] for name in names]


class JoinedRows:
    """Samples that are rows of tables, gathered for a whole batch at a time; see `SampleSource`.

    The numbers of the rows are read once, the features of a row when it is in a batch.
    """

    def __init__(
        self, builder: Any, selection: Selection, recipe: Recipe, tables: Sequence[NDArray[np.float32]]
    ) -> None:
        self._rows, self._tables = rows_of_tables(builder, selection, recipe), tables
        self._numbers = [np.array(selection.columns[name], np.float32)[:, None] for name in recipe.numbers]
        self._targets = np.array(selection.columns[recipe.target], np.float32)

    def __len__(self) -> int:
        return len(self._targets)

    def like(self) -> Samples:
        """See `SampleSource.like`."""
        return tuple(array[:0] for array in (*self._numbers, *self._tables)), self._targets[:0], self._targets[:0]

    def gains_from_threads(self) -> bool:
        """See `SampleSource.gains_from_threads`."""
        return True

    def fill(self, numbers: NDArray[np.int64], random: Randomness, batch: Samples) -> None:
        """See `SampleSource.fill`."""
        inputs, targets, weights = batch
        self.join(numbers, inputs)
        targets[:] = self._targets[numbers]
        weights[:] = 1

    def join(self, numbers: NDArray[np.int64], inputs: tuple[NDArray[np.float32], ...]) -> None:
        """Write the features of some samples into arrays (N, width), numbers before the rows of tables."""
        count = len(self._numbers)
        for column, array in zip(self._numbers, inputs[:count], strict=True):
            array[:] = column[numbers]
        for table, rows, array in zip(self._tables, self._rows, inputs[count:], strict=True):
            np.take(table, rows[numbers], axis=0, out=array, mode="clip")  # else NumPy fills a copy of the output


class Patches:
    """The patches of all examples of a split, side by side, row by row; what does not fill one is cut off evenly.

    Args:
        views: of records.
        positions: (N,) of those records that count.
        size: pixels along a side.
        names: features (rows, columns, ...) that they are cut from.
    """

    def __init__(self, views: TensorViews, positions: NDArray[np.int64], size: int, names: tuple[str, ...]) -> None:
        self._views, self._positions, self._size, self._names = views, positions, size, names
        first = views[0]
        rows, columns = (range(length % size // 2, length - size + 1, size) for length in first[names[0]].shape[:2])
        self._bytes = sum(first[name][:size].nbytes for name in names)  # of whole rows
        self._places = [(top, left) for top in rows for left in columns]

    def __len__(self) -> int:
        return len(self._positions) * len(self._places)

    def sample(self, number: int, recipe: Recipe, out: Samples | None = None) -> Samples:
        """See `Made.sample`; the recipe is given views of the files."""
        position, place = divmod(number, len(self._places))
        top, left = self._places[place]
        arrays = self._views[int(self._positions[position])]
        patch = {name: arrays[name][top : top + self._size, left : left + self._size] for name in self._names}
        made = recipe.samples(patch, *([] if out is None else [out]))
        self._views.touched(self._bytes)
        return made


def mirrored(samples: Samples, random: np.random.Generator) -> Samples:
    """Mirror an input (R, C, ...) left-right and up-down at random, and masks (R, C) with it."""
    turns = random.random(2) < 0.5
    axes = tuple(int(axis) for axis in np.flatnonzero(turns))
    inputs, *masks = samples
    return (np.flip(inputs, axes), *(np.flip(mask, axes) if np.ndim(mask) else mask for mask in masks))


def unchanged(samples: Samples, random: np.random.Generator) -> Samples:
    """No augmentation."""
    return samples
