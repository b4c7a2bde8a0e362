"""Mistakes in a recipe, or in a network of the user's: one sentence that names the data set, the part and the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sciml_datasets.errors import InputError, at_its_place


class RecipeError(InputError):
    """A part of a recipe does not fit; `of_data_set` puts the name of the data set before it."""


@contextmanager
def of_data_set(name: str) -> Iterator[None]:
    """A mistake in a recipe, or in a model that is trained by it, names the data set."""
    try:
        yield
    except RecipeError as error:
        raise InputError(f"{name}: {error}") from error


@contextmanager
def recipe_part(part: str) -> Iterator[None]:
    """An exception in a function of the recipe becomes a sentence that names the function and the place.

    Bad input and damaged or missing files, which have sentences of their own, are passed on.
    """
    try:
        yield
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        raise RecipeError(f"{part}: {at_its_place(error)}: correct it") from error
