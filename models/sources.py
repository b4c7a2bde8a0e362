"""The sources of a recipe's samples: whole examples, patches of them, or rows of tables; in NumPy, for any framework.

Each is a declaration that makes its own samples: ``source=examples(inputs=inputs, samples=samples)`` in a `Recipe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import tree
from numpy.typing import NDArray

from sciml_datasets.models.augmentation import unchanged
from sciml_datasets.models.device_transform import DeviceTransform, OnDevice, deferred
from sciml_datasets.models.each_sample import Drawn, EachSample, Weighted, balance
from sciml_datasets.models.example_readers import Examples, Patches, Viewed, cut, patch_places
from sciml_datasets.models.joined_rows import JoinedRows, fitted_tables, stored_tables
from sciml_datasets.models.recipe_error import RecipeError, recipe_part
from sciml_datasets.models.sample_source import Inputs, Samples, SampleSource
from sciml_datasets.models.table_row_numbers import rows_of_tables
from sciml_datasets.splits.partitions import Selection

Example = dict[str, Any]
"""Feature name to array."""


@dataclass(frozen=True)
class ExampleSource:
    """Samples that are made of whole examples, one of each.

    Attributes:
        inputs: function from an example (feature name to array) to the input of a prediction.
        samples: function from an example to a training sample: input, target and weight, the same shapes and types for
            all examples.
        augment: function from a training sample and a random generator to a training sample.
        drawn: function from an augmented sample and the same generator to what of it is trained on; None for all of it.
        balanced_by: column of the member lists; samples weigh so that each of its values has the same weight in the
            training split. Empty for equal weights.
        viewed: whether ``samples`` needs only tensors, and texts of the member list; records are not decoded then.
        target: column of the member lists that is the target of the samples, for a `Recipe.standardised`.
        at_once: number of examples that are read together for prediction; None for the batch size.
        transform: what the device may compute in place of the host; None for nothing.
    """

    inputs: Callable[[Example], Any]
    samples: Callable[[Example], Samples]
    augment: Drawn = unchanged
    drawn: Drawn | None = None
    balanced_by: str = ""
    viewed: bool = False
    target: str = ""
    at_once: int | None = None
    transform: DeviceTransform | None = None

    noun: ClassVar[str] = "samples"

    def trained_on(self, sample: Samples, random: np.random.Generator) -> Samples:
        """A sample as it enters training: augmented, and what is drawn of it."""
        sample = self.augment(sample, random)
        return sample if self.drawn is None else self.drawn(sample, random)

    def fitted(self, builder: Any, training: Selection) -> ExampleSource:
        """See `RecipeSource.fitted`: nothing is taken from training samples."""
        return self

    def like(self, builder: Any, selection: Selection) -> Samples:
        """See `RecipeSource.like`."""
        _check_columns(selection, filter(None, (self.balanced_by, self.target)))
        return self._each(Examples(builder, selection)).like()

    def training_samples(self, builder: Any, selection: Selection) -> SampleSource:
        """See `RecipeSource.training_samples`."""
        viewed = self.viewed and builder.info.file_format.value == "tfrecord"
        whole = self._each((Viewed if viewed else Examples)(builder, selection))
        if self.balanced_by:
            return Weighted(whole, balance(np.array(selection.columns[self.balanced_by])))
        return whole

    def inputs_of(self, builder: Any, selection: Selection) -> Inputs:
        """See `RecipeSource.inputs_of`."""
        return _stacked(self.inputs, Examples(builder, selection))

    def on_device(self) -> OnDevice | None:
        """See `RecipeSource.on_device`."""
        return deferred(self, self.transform, (self.augment, self.drawn), drawn=None)

    def _each(self, reader: Examples | Viewed) -> EachSample:
        draws = self.augment is not unchanged or self.drawn is not None
        return EachSample(reader, lambda example, _: self.samples(example), self.trained_on if draws else None)


@dataclass(frozen=True)
class PatchSource:
    """Samples that are made of square patches of examples, side by side; whole examples are predicted.

    Attributes:
        size: side of the patches in pixels.
        features: features (rows, columns, ...) that patches are cut from, stored as bytes.
        inputs: function from a whole example (feature name to array) to the input of a prediction.
        samples: function from read-only arrays of one patch, and arrays of a sample that it may write into or None, to
            a training sample.
        augment: function from a training sample and a random generator to a training sample.
        at_once: number of examples that are read together for prediction; None for the batch size.
        transform: what the device may compute in place of the host; None for nothing.
    """

    size: int
    features: tuple[str, ...]
    inputs: Callable[[Example], Any]
    samples: Callable[[Example, Samples | None], Samples]
    augment: Drawn = unchanged
    at_once: int | None = None
    transform: DeviceTransform | None = None

    noun: ClassVar[str] = "patches"
    target: ClassVar[str] = ""

    def fitted(self, builder: Any, training: Selection) -> PatchSource:
        """See `RecipeSource.fitted`: nothing is taken from training samples."""
        return self

    def like(self, builder: Any, selection: Selection) -> Samples:
        """See `RecipeSource.like`."""
        _check_features(builder, self.features)
        return self._each(_FirstPatch(Examples(builder, selection), self.size, self.features)).like()

    def training_samples(self, builder: Any, selection: Selection) -> SampleSource:
        """See `RecipeSource.training_samples`.

        Raises:
            InputError: the data set is not prepared as TFRecord.
        """
        from sciml_datasets.prepared.tensor_views import TensorViews

        views = TensorViews(builder, selection.records)
        return self._each(Patches(views, selection.positions, self.size, self.features))

    def inputs_of(self, builder: Any, selection: Selection) -> Inputs:
        """See `RecipeSource.inputs_of`."""
        return _stacked(self.inputs, Examples(builder, selection))

    def on_device(self) -> OnDevice | None:
        """See `RecipeSource.on_device`."""
        return deferred(self, self.transform, (self.augment,))

    def _each(self, reader: Any) -> EachSample:
        return EachSample(reader, self.samples, None if self.augment is unchanged else self.augment)


@dataclass(frozen=True)
class _FirstPatch:
    """A reader of the first patch alone, of a data set in any file format."""

    examples: Examples
    size: int
    features: tuple[str, ...]

    def __len__(self) -> int:
        return 1

    def read(self, number: int) -> Example:
        """The patch."""
        example = self.examples.read(0)
        rows, columns = example[self.features[0]].shape[:2]
        place = patch_places(rows, columns, self.size)[number]
        return cut({name: example[name] for name in self.features}, place, self.size)


@dataclass(frozen=True)
class TableRowSource:
    """Samples that are rows of feature tables, joined, with numbers of the member lists.

    Attributes:
        tables: lookup features whose rows (width,) are inputs.
        numbers: columns of the member lists that are inputs (1,) before the rows.
        target: column of the member lists that is to be predicted.
        at_once: number of samples that are read together for prediction; None for the batch size.
        scaled: the tables as another training split scales them, see `fitted`; None for as they are stored.
    """

    tables: tuple[str, ...]
    numbers: tuple[str, ...]
    target: str
    at_once: int | None = None
    scaled: tuple[NDArray[np.float32], ...] | None = None

    noun: ClassVar[str] = "samples"

    def fitted(self, builder: Any, training: Selection) -> TableRowSource:
        """See `RecipeSource.fitted`: tables are scaled by the entities of the training samples."""
        return replace(self, scaled=tuple(fitted_tables(builder, self.tables, training)))

    def like(self, builder: Any, selection: Selection) -> Samples:
        """See `RecipeSource.like`; nothing is read."""
        _check_columns(selection, (*self.numbers, self.target))
        _check_features(builder, self.tables)
        widths = [1] * len(self.numbers) + [int(builder.info.features[name].shape[0]) for name in self.tables]
        none = np.empty(0, np.float32)
        return tuple(np.empty((0, width), np.float32) for width in widths), none, none

    def training_samples(self, builder: Any, selection: Selection) -> JoinedRows:
        """See `RecipeSource.training_samples`."""
        columns = selection.columns
        return JoinedRows(
            rows_of_tables(builder, selection, self.tables),
            stored_tables(builder, self.tables) if self.scaled is None else self.scaled,
            [np.array(columns[name], np.float32) for name in self.numbers],
            np.array(columns[self.target], np.float32),
        )

    def inputs_of(self, builder: Any, selection: Selection) -> Inputs:
        """See `RecipeSource.inputs_of`."""
        return self.training_samples(builder, selection).inputs

    def on_device(self) -> None:
        """See `RecipeSource.on_device`: the host joins the rows."""


def _check_columns(selection: Selection, names: Iterable[str]) -> None:
    """Make sure that the member lists have these columns."""
    for name in names:
        if name not in selection.columns:
            known = ", ".join(selection.columns)
            raise RecipeError(f"source: the member lists have no column {name!r}: choose one of {known}")


def _check_features(builder: Any, names: Iterable[str]) -> None:
    """Make sure that the records have these features."""
    for name in names:
        if name not in builder.info.features:
            known = ", ".join(builder.info.features)
            raise RecipeError(f"source: the records have no feature {name!r}: choose one of {known}")


def _stacked(inputs: Callable[[Example], Any], examples: Examples) -> Inputs:
    """Inputs that are made one by one."""

    def of(numbers: NDArray[np.int64]) -> Any:
        with recipe_part("inputs"):
            made = [inputs(examples.read(int(number))) for number in numbers]
            return tree.map_structure(lambda *arrays: np.stack(arrays), *made)

    return of


examples, patches, table_rows = ExampleSource, PatchSource, TableRowSource
"""The names by which recipes declare their sources."""
