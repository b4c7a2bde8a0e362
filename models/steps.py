"""One training step: the mean over the global batch, the same for one replica and for many.

A Keras model in a loop of our own, GradientTape inside ``strategy.run``: Keras 3's own ``fit`` does not work under
MultiWorkerMirroredStrategy (keras issue 20585).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tree

from sciml_datasets.errors import InputError
from sciml_datasets.models.device_memory import does_not_fit, is_out_of_memory, largest_fitting
from sciml_datasets.models.device_transform import tensorflow_arrays
from sciml_datasets.models.recipe import Recipe, TrainingSettings
from sciml_datasets.models.recipe_error import RecipeError, recipe_part
from sciml_datasets.models.sample_source import Samples


def make_optimizer(training: TrainingSettings, network: Any) -> Any:
    """The optimizer of a recipe, its variables made."""
    import keras

    rate, epsilon = training.learning_rate, training.epsilon
    decay = training.weight_decay or None  # 0 would cost a pass over the weights
    if training.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, epsilon=epsilon)
    elif training.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(rate, weight_decay=decay)
    else:
        kinds = {"adam": keras.optimizers.Adam, "adamax": keras.optimizers.Adamax}
        optimizer = kinds[training.optimizer](rate, weight_decay=decay, epsilon=epsilon)
    optimizer.build(network.trainable_variables)  # a replica must not make variables inside the step
    return optimizer


def compiles(training: TrainingSettings, replicas: int) -> bool:
    """Whether XLA compiles the training step. ``auto`` leaves GPUs out, for which XLA has no deterministic gradient of
    max pooling, replicas, whose synchronised batch norm it cannot compile, and mixed precision, which it does not take
    in every layer."""
    import tensorflow as tf

    fits = replicas == 1 and training.precision == "float32" and not tf.config.list_physical_devices("GPU")
    return training.xla == "on" or (training.xla == "auto" and fits)


def training_step(network: Any, optimizer: Any, strategy: Any, local: int, recipe: Recipe) -> Callable[[Samples], Any]:
    """A function from this worker's part of a batch to the loss over the whole batch.

    Args:
        network: network to train, made in the strategy's scope, as is the optimizer.
        optimizer: optimizer as `make_optimizer` makes it.
        strategy: strategy of tf.distribute.
        local: number of replicas of this process.
        recipe: losses, clipping and XLA.

    Where the recipe leaves its transform to the device, that is the first thing in the step.

    The function raises InputError where XLA cannot compile the network, network, losses and samples do not fit, or the
    batch does not fit into the device's memory.
    """
    import tensorflow as tf

    add = tf.distribute.ReduceOp.SUM
    replicas = strategy.num_replicas_in_sync

    def gradients(inputs: Any, target: Any, weights: Any, total: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits = tf.cast(network(inputs, training=True), tf.float32)
            # The replicas' gradients are added: dividing by the weight of the global batch makes a mean.
            with recipe_part("losses"):
                losses = recipe.losses(target, logits)
            _check_losses(losses, weights)
            loss = tf.reduce_sum(losses * weights) / total
        return loss, tape.gradient(loss, network.trainable_variables)

    # XLA cannot compile what replicas exchange: with several of them it compiles what lies between.
    compiled = compiles(recipe.training, replicas)
    whole, between = compiled and replicas == 1, compiled and replicas > 1
    compiled_gradients = tf.function(gradients, jit_compile=True, autograph=False) if between else gradients
    deferred = recipe.deferred

    def on_replica(*batch: Any) -> Any:
        inputs, target, weights = deferred.computed(tensorflow_arrays(), batch) if deferred else batch
        context = tf.distribute.get_replica_context()
        weights = tf.cast(weights, tf.float32)
        total = tf.maximum(context.all_reduce(add, tf.reduce_sum(weights)), 1e-6)
        loss, found = compiled_gradients(inputs, target, weights, total)
        if recipe.training.clip_norm:
            # The optimizer adds the replicas' gradients up again: each brings its share of the clipped sum.
            clipped, _ = tf.clip_by_global_norm(context.all_reduce(add, found), recipe.training.clip_norm)
            found = [gradient / replicas for gradient in clipped]
        optimizer.apply_gradients(zip(found, network.trainable_variables, strict=True))
        return loss

    def step(batch: Samples) -> Any:
        return strategy.reduce(add, strategy.run(on_replica, args=batch), axis=None)

    # As in Keras's own `fit`, Python's statements are not translated to graphs: it takes seconds.
    graph = tf.function(step, reduce_retracing=True, jit_compile=whole or None, autograph=False)

    # Deterministic operations, which XLA lacks for max pooling, are never let go of in a process that asked for them.
    remedy = "set xla=off or precision=float32, or train in a fresh process if this one has trained before"

    def run(batch: Samples) -> Any:
        tensors = tree.map_structure(tf.convert_to_tensor, batch)
        if local > 1:
            tensors = tree.map_structure(lambda tensor: _shared(strategy, tensor, local), tensors)
        return graph(tensors)

    def too_large(batch: Samples, error: Exception) -> InputError:
        # Smaller steps change the weights, which nobody sees any more; other workers would wait for this one.
        fits = largest_fitting(run, batch, local) if local == replicas else 0
        return does_not_fit("training on", recipe.training.batch_size, fits, error)

    def distributed(batch: Samples) -> Any:
        try:
            return run(batch)
        except InputError:
            raise
        except tf.errors.ResourceExhaustedError as error:
            raise too_large(batch, error) from error
        except (tf.errors.InvalidArgumentError, ValueError, TypeError) as error:
            raise RecipeError(
                f"network, losses and samples do not fit ({type(error).__name__}: {_first_line(error)}): compare the "
                "shapes and types of the outputs with those of the targets"
            ) from error
        except (tf.errors.InternalError, tf.errors.UnimplementedError) as error:
            if is_out_of_memory(error):  # as XLA reports it
                raise too_large(batch, error) from error
            if not whole:
                raise
            reason = _first_line(error)
            raise InputError(
                f"xla={recipe.training.xla}: XLA cannot compile this network, {reason}: {remedy}"
            ) from error

    return distributed


def _shared(strategy: Any, tensor: Any, local: int) -> Any:
    """A part of the rows for each replica of this process."""
    rows = tensor.shape[0] // local

    def share(context: Any) -> Any:
        first = context.replica_id_in_sync_group % local * rows
        return tensor[first : first + rows]

    return strategy.experimental_distribute_values_from_function(share)


def _check_losses(losses: Any, weights: Any) -> None:
    """Refuse losses that are no tensor, or of another shape than the weights, which would be broadcast."""
    import tensorflow as tf

    if not tf.is_tensor(losses):
        raise RecipeError(f"losses gives {type(losses).__name__}, expected a tensor of TensorFlow: return one")
    if not losses.shape.is_compatible_with(weights.shape):
        raise RecipeError(
            f"losses have the shape {tuple(losses.shape)}, expected {tuple(weights.shape)} as the weights of the "
            "samples: return a loss for each weight"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason is given")
