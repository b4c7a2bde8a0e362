"""Arguments of training and of prediction, as far as they can be checked before TensorFlow is imported, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.models.networks import check_named_model
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.recipe_error import of_data_set
from sciml_datasets.models.reference import reference_recipe
from sciml_datasets.prepared.prepared import Prepared
from sciml_datasets.raw_format import SPLITS
from sciml_datasets.splits.folds import FOLD
from sciml_datasets.splits.groups import check_grouping
from sciml_datasets.splits.partitions import no_such_part

LARGEST_SEED = 2**32 - 1
"""Largest seed that Keras takes, which seeds NumPy's older generator too."""


def prepared_and_recipe(
    name: str, data_dir: str | Path | None, model: Any, settings: Mapping[str, Any]
) -> tuple[Prepared, Recipe]:
    """The data set, and the recipe with these settings.

    Args:
        name: name of the data set.
        data_dir: folder of prepared data sets; default as in TFDS.
        model: model of the user's; None for the reference.
        settings: settings of the recipe by name; None for the recipe's own.

    Raises:
        InputError: the data set is not prepared, a setting or its value is not known, or no model has that name.
    """
    prepared = Prepared.open(name, data_dir)
    with of_data_set(name):
        check_named_model(model)
        recipe = reference_recipe(prepared, model)
        return prepared, recipe.with_settings({key: value for key, value in settings.items() if value is not None})


def check_training(prepared: Prepared, seed: int, partition: str, *, until_target: bool) -> None:
    """Make sure that a seed, a partition and an end at the target can be used, see `sciml_datasets.models.train`.

    Raises:
        InputError: one of them cannot.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"seed {seed}: expected a number from 0 to {LARGEST_SEED}")
    check_partition(prepared, partition)
    criteria = prepared.benchmark.for_data(prepared.facts).criteria
    if until_target and not any(criterion.target for criterion in criteria):
        raise InputError(
            f"{prepared.name}: there is no target for these data that training could end with: leave it out"
        )


def check_split(prepared: Prepared, split: str) -> None:
    """Make sure that a split has a name that `Prepared.select` knows.

    Raises:
        InputError: it has none.
    """
    partition, _, part = prepared.canonical(split).rpartition(":")
    if part not in SPLITS:
        raise InputError(no_such_part(split, prepared.split_names, prepared.benchmark))
    check_partition(prepared, partition)


def check_partition(prepared: Prepared, partition: str) -> None:
    """Make sure that a partition has a name that the data set knows; member lists are read only for a name that its
    benchmark does not declare.

    Raises:
        InputError: it has none.
    """
    partition = prepared.canonical(partition)
    if fold := FOLD.fullmatch(partition):
        check_grouping(prepared.benchmark, fold[3])
    elif partition and partition not in {split.name for split in prepared.benchmark.splits}:
        prepared.check_partition(partition)
