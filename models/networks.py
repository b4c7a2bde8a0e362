"""The network to train: the reference or the user's, its precision, its batch norm, its shapes."""

from __future__ import annotations

import importlib
import inspect
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sciml_datasets.errors import MACHINE_TROUBLE, InputError, at_its_place, naming
from sciml_datasets.models.batch_norm import normalise_as_one
from sciml_datasets.models.checkpoints import DAMAGE
from sciml_datasets.models.random_layers import draw_as_one
from sciml_datasets.models.recipe import NetworkSpec, Recipe
from sciml_datasets.models.recipe_error import RecipeError, recipe_part
from sciml_datasets.nearest import meant
from sciml_datasets.paths import path_of

KERAS = ".keras"
EXPECTED = "expected package.module:function of an importable module, or a .keras file"
IN_PYTHON = "given in Python"


def named_model(model: Any) -> str | None:
    """The text by which ``--model`` names a model; None for the recipe's own, `IN_PYTHON` where there is no such text.

    Args:
        model: model of the user's, as for `network_builder`.
    """
    if model is None:
        return None
    return str(model) if isinstance(model, str | Path) else IN_PYTHON


def check_named_model(model: Any) -> None:
    """Make sure, without an import, that a name of a model names a file, or a function of a module that may be there.

    Args:
        model: model of the user's, as for `network_builder`.

    Raises:
        InputError: it does not; the sentence says how a model is named.
    """
    if isinstance(model, Path) or (isinstance(model, str) and model.endswith(KERAS)):
        _check_file(path_of(model, "--model"))
    elif isinstance(model, str):
        _module_and_function(model)


def file_of_model(model: str) -> Path:
    """The file of a model that `check_named_model` has taken: itself, or the module or the folder of the package that
    holds its function."""
    if model.endswith(KERAS):
        return Path(model)
    spec = find_spec(model.partition(":")[0].partition(".")[0])
    origin = Path((spec and spec.origin) or ".")
    return origin.parent if origin.name == "__init__.py" else origin


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: expected a Keras model, as `sciml train` leaves model.keras")


def _module_and_function(model: str) -> tuple[str, str]:
    """The two parts of ``package.module:function``, of which the first package, or the module, can be found."""
    module, _, function = model.partition(":")
    if not module or not function:
        raise InputError(f"--model {model}: {EXPECTED}")
    if module.endswith(".py"):
        name = ".".join(Path(module).with_suffix("").parts)
        raise InputError(f"--model {model}: {EXPECTED}: write {name}:{function}, in the folder where {module} lies")
    top = module.partition(".")[0]
    try:
        there = top in sys.modules or find_spec(top) is not None
    except (ImportError, ValueError):  # a name that no module can have
        there = False
    if not there:
        raise InputError(f"--model {model}: there is no module {top} in this folder or installed: {EXPECTED}")
    return module, function


def network_builder(model: Any, recipe: Recipe, spec: NetworkSpec) -> Callable[[], Any]:
    """A function that makes the network.

    Args:
        model: None for the recipe's own, a Keras model, a function that returns one, ``package.module:function``, or a
            ``.keras`` file, which is loaded without running any code of it (Keras's safe mode).
        recipe: recipe of the data set.
        spec: what the recipe's own network is built for.

    Raises:
        InputError: nothing of the kind is found; the sentence says how it is named.
    """
    if model is None:
        return lambda: _own(recipe, spec)
    if isinstance(model, Path) or (isinstance(model, str) and model.endswith(KERAS)):
        return lambda: load_network(path_of(model, "--model"))
    if not isinstance(model, str):
        return model if not hasattr(model, "trainable_variables") else lambda: model
    module, function = _module_and_function(model)
    try:
        imported = importlib.import_module(module)
        found = getattr(imported, function, None)  # a module that finds names when asked may fail here
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"--model {model}: {error}: {EXPECTED}") from error
    if found is None:
        near = meant(function, [name for name in vars(imported) if not name.startswith("_")])
        raise InputError(f"--model {model}: module {module} has no {function}: {EXPECTED}{near}")
    if not callable(found):
        raise InputError(f"--model {model}: {function} is no function: expected one that returns a Keras model")
    try:
        inspect.signature(found).bind()
    except (TypeError, ValueError) as error:
        raise InputError(f"--model {model}: {error}: expected a function that needs no argument") from error
    return lambda: _called(model, found)


def _own(recipe: Recipe, spec: NetworkSpec) -> Any:
    with recipe_part("network"):
        return recipe.build(spec)


def _called(name: str, function: Callable[[], Any]) -> Any:
    """What the user's function returns; what it raises is reported with its place."""
    try:
        return function()
    except Exception as error:
        raise InputError(f"--model {name}: {at_its_place(error)}: correct the function") from error


def load_network(path: Path) -> Any:
    """The Keras model of a ``.keras`` file.

    Raises:
        InputError: the file is missing, is none, or holds code (a lambda layer), or what is compressed: that could be
            of any size, and Keras compresses nothing.
        OSError: the disk fails.
    """
    import keras

    _check_file(path)
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no .keras file, or is damaged: expected one as `sciml train` leaves it")
    importlib.import_module("sciml_datasets.models.polar_harmonics")  # a layer that Keras is to know by name
    try:
        with naming(path), zipfile.ZipFile(path) as archive:
            size = path.stat().st_size
            if any(one.compress_type != zipfile.ZIP_STORED or one.file_size > size for one in archive.infolist()):
                raise InputError(f"{path} holds what is compressed: save it again with Keras, which compresses nothing")
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except InputError:
        raise
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno in MACHINE_TROUBLE:
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be loaded as a Keras model without running its code: {first}") from error


def build_network(
    build: Callable[[], Any], recipe: Recipe, spec: NetworkSpec | None = None, *, replicas: int = 1
) -> Any:
    """The network, its layers computing in the recipe's precision, normalising and drawing for the global batch.

    Args:
        build: function that makes it.
        recipe: recipe of the data set.
        spec: shapes that it must take and give; None where they are not known.
        replicas: number of devices that train it together.

    Raises:
        InputError: it is no Keras model, does not take or give the shapes that the benchmark asks for, or XLA cannot
            compile it.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.training.precision)
    try:
        network = build()
    finally:
        keras.config.set_dtype_policy(before)
    if not isinstance(network, keras.Model):
        raise RecipeError(f"the model is of type {type(network).__name__}, expected a Keras model: return one")
    if replicas > 1:
        network = _placed(network)
    if spec is not None:
        _check_shapes(network, spec)
    _check_last(network, recipe)
    training = recipe.training
    for layer in network._flatten_layers(include_self=False):  # those within layers of one's own as well
        if training.xla == "on" and training.deterministic == "on" and _pools_on_gpu(layer):
            raise InputError(
                "xla=on: XLA has no deterministic gradient of max pooling on GPUs: set deterministic=off or xla=off"
            )
        if isinstance(layer, keras.layers.BatchNormalization):
            if training.xla == "on" and replicas > 1:
                raise InputError(
                    f"xla=on: XLA cannot compile batch norm over the batches of {replicas} devices: set xla=off"
                )
            normalise_as_one(layer, replicas)
        draw_as_one(layer)
    return network


def _placed(network: Any) -> Any:
    """The network, or a copy of one that was made before the strategy was known, whose variables are on one device."""
    import keras
    import tensorflow as tf

    inside = tf.distribute.get_strategy().extended.variable_created_in_scope
    if all(inside(variable.value) for variable in network.variables):
        return network
    try:
        copy = keras.models.clone_model(network)
        for variable, value in zip(copy.variables, network.variables, strict=True):  # weights and states of generators
            variable.assign(value)
    except (ValueError, TypeError, NotImplementedError) as error:  # the last is Keras's for a class without get_config
        raise InputError(
            f"the model was made for one device and cannot be copied to several ({error}): give the function that "
            "makes it in place of the model"
        ) from error
    return copy


def _pools_on_gpu(layer: Any) -> bool:
    import keras
    import tensorflow as tf

    return isinstance(layer, keras.layers.MaxPooling2D) and bool(tf.config.list_physical_devices("GPU"))


def _check_shapes(network: Any, spec: NetworkSpec) -> None:
    several = bool(spec.input_shape) and isinstance(spec.input_shape[0], tuple)
    inputs: Any = [(None, *shape) for shape in spec.input_shape] if several else (None, *spec.input_shape)
    shapes = getattr(network, "input_shape", None), getattr(network, "output_shape", None)
    if shapes[0] is None:
        raise RecipeError(f"the model has no input shape yet, expected {inputs}: begin it with keras.Input")
    expected = inputs, None if spec.output_shape is None else (None, *spec.output_shape)
    for got, want, what in zip(shapes, expected, ("input", "output"), strict=True):
        if want is not None and not _fits(got, want):
            raise RecipeError(f"the model's {what} shape is {got}, expected {want}: change the model")


def _check_last(network: Any, recipe: Recipe) -> None:
    """Refuse probabilities where logits are expected."""
    import keras

    if not recipe.activation or not network.layers:
        return
    last = network.layers[-1]
    activation = "softmax" if isinstance(last, keras.layers.Softmax) else ""
    activation = activation or getattr(getattr(last, "activation", None), "__name__", "")
    if activation in ("sigmoid", "softmax"):
        raise RecipeError(
            f"the model's last layer, {last.name}, applies {activation}, expected logits, since the loss and the "
            f"predictions apply {recipe.activation} themselves: leave it out"
        )


def _fits(got: Any, want: Any) -> bool:
    """Whether a shape, or each of several, is the expected one, as far as both are known."""
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(_fits, got, want))
    return (
        isinstance(got, tuple)
        and len(got) == len(want)
        and all(a is None or b is None or a == b for a, b in zip(got, want, strict=True))
    )
