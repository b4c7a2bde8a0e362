"""The recipe of a data set: that of its benchmark's module, or the one of its task where there is no such module."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.errors import InputError, MissingPartError
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.task_recipe import task_recipe
from sciml_datasets.prepared.prepared import Prepared


def reference_recipe(prepared: Prepared, model: Any = None) -> Recipe:
    """The recipe by which a data set is trained.

    Args:
        prepared: the data set.
        model: model of the user's; None for the reference.

    Raises:
        InputError: the benchmark has no reference model and there is no ``model``; its module cannot be imported, or
            has no recipe for this data set.
    """
    benchmark, name = prepared.benchmark, prepared.name
    if model is not None and benchmark.module_if_there("model") is None:
        return task_recipe(prepared)
    module = reference_module(benchmark)
    found = getattr(module, "RECIPES", None)
    if not isinstance(found, Mapping):
        raise InputError(f"{benchmark.name}: {module.__name__} has no RECIPES, a dictionary of recipes: add it")
    recipe = found.get(name)
    if not isinstance(recipe, Recipe):
        kind = f"of type {type(recipe).__name__}, expected a Recipe" if name in found else f"not among {[*found]}"
        raise InputError(f"{benchmark.name}: RECIPES of {module.__name__}: {name} is {kind}: add a Recipe for it")
    return recipe


def reference_module(benchmark: Benchmark) -> ModuleType:
    """The module of a benchmark's reference model, whose ``RECIPES`` has a recipe for each data set by its name.

    Raises:
        InputError: there is no such module, or it cannot be imported.
    """
    try:
        return benchmark.module("model")
    except MissingPartError as error:
        raise InputError(
            f"{benchmark.name} has no reference model, as there is no module {benchmark.part_name('model')}: give one "
            "with --model"
        ) from error
