"""Predictions of a trained network from what its source gives, transformed as in training."""

from __future__ import annotations

from typing import Any

import tree

from sciml_datasets.models.device_memory import does_not_fit, is_out_of_memory, largest_fitting
from sciml_datasets.models.device_transform import tensorflow_arrays
from sciml_datasets.models.losses import Predict
from sciml_datasets.models.recipe import Recipe
from sciml_datasets.models.recipe_error import recipe_part


def predictor(recipe: Recipe, network: Any) -> Predict:
    """A function from a batch of inputs, as `Batches.evaluation` yields them, to predictions.

    The device transforms them where it did so in training.

    Args:
        recipe: recipe with which the network was trained, `Recipe.placed`.
        network: the network.

    The function raises InputError where the batch does not fit into the device's memory.
    """
    with recipe_part("predictions"):
        of_network = recipe.predictions(network)
    deferred = recipe.deferred

    def of_inputs(inputs: Any) -> Any:
        if deferred is None:
            return of_network(inputs)
        import tensorflow as tf

        # Operation by operation: a graph's optimizer would round as the options of the process are.
        stored = tree.map_structure(tf.convert_to_tensor, inputs)
        return of_network(deferred.computed_inputs(tensorflow_arrays(), stored))

    def predict(inputs: Any) -> Any:
        try:
            return of_inputs(inputs)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            size = len(tree.flatten(inputs)[0])
            raise does_not_fit("predicting", size, largest_fitting(of_inputs, inputs), error) from error

    return predict
