"""The recipe of a reference model: a network, the source of its samples, its losses and how it is trained."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Literal, TypeVar

from sciml_datasets.errors import InputError
from sciml_datasets.files.text import quoted, shown
from sciml_datasets.models.device_transform import OnDevice
from sciml_datasets.models.losses import ACTIVATIONS, CRITERIA
from sciml_datasets.models.recipe_error import RecipeError
from sciml_datasets.models.sample_source import RecipeSource
from sciml_datasets.nearest import meant, one_of

SETTINGS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "warmup_share",
    "clip_norm",
    "patience",
    "precision",
    "xla",
    "deterministic",
    "transform",
    "parameters",
)
"""Fields of `TrainingSettings` that a user may set for a run."""
CHOICES = {
    "precision": ("float32", "mixed_bfloat16", "float64"),
    "xla": ("off", "on", "auto"),
    "deterministic": ("on", "off"),
    "transform": ("auto", "host", "device"),
    "optimizer": ("adamw", "adam", "adamax", "sgd"),
    "schedule": ("cosine", "constant", "plateau"),
}
"""Field to its values, where they are words."""
COUNTS = ("epochs", "batch_size", "parameters")
"""Settings that are 1 at least; ``parameters`` may be 0 in a recipe, whose network has one size then."""
KINDS = {int: "a whole number", float: "a number"}

Whole = TypeVar("Whole", bound=Any)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a network is trained.

    Attributes:
        epochs: number of passes over the training samples.
        batch_size: number of samples of a batch, of all devices together.
        learning_rate: rate after the warm-up, from which a schedule lets it fall.
        weight_decay: part of each weight, times the rate, that a step takes off, whatever the optimizer (decoupled).
        warmup_share: share of all steps in which the rate changes from ``first_rate`` to ``learning_rate``, 0 to 1.
        clip_norm: greatest length of the gradient of the whole batch; 0 for no limit.
        patience: number of epochs without a better score on the validation split after which training ends, with the
            weights of the best epoch; 0 trains to the end and keeps the last weights.
        precision: type in which the model computes; weights are float32, or float64 with ``float64``; losses are
            float32.
        xla: whether the training step is compiled with XLA; ``auto`` where one CPU trains.
        deterministic: whether two runs with one seed give the same bits, on the same number of threads.
        transform: where samples are transformed: on the ``host``, as they are read, or on the ``device``, in the
            compiled step; ``auto`` for the device where that is an accelerator and the source can.
        parameters: number of parameters that the network has, about; 0 for a network of one size.
        optimizer: name of the optimizer in Keras, in lower case.
        epsilon: number that the optimizer adds to what it divides by.
        schedule: course of the rate after the warm-up, see `sciml_datasets.models.learning_rate`.
        first_rate: rate with which the warm-up begins; 0 for a small part of ``learning_rate``.

    Raises:
        InputError: a value is out of its range, or not one that can be chosen.

    Example:
        >>> TrainingSettings(epochs=10, batch_size=16, learning_rate=1e-2).schedule
        'cosine'
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    clip_norm: float = 0.0
    patience: int = 0
    precision: str = "float32"
    xla: str = "off"
    deterministic: str = "on"
    transform: str = "auto"
    parameters: int = 0
    optimizer: Literal["adamw", "adam", "adamax", "sgd"] = "adamw"
    epsilon: float = 1e-7
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    first_rate: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name != "parameters" or self.parameters:
                _checked(each.name, getattr(self, each.name))

    def with_values(self, settings: Mapping[str, Any]) -> TrainingSettings:
        """A copy with other values of SETTINGS, given as texts or numbers.

        Raises:
            InputError: a value is not a number in its range, or not one that can be chosen.
        """
        return replace(self, **{name: _checked(name, text) for name, text in settings.items()})


def _no_choice(name: str, text: Any, known: Iterable[str]) -> str:
    return f"{name}={shown(str(text))}: expected {' or '.join(known)}{meant(str(text), known)}"


def _checked(name: str, text: Any) -> Any:
    """The value of a field of `TrainingSettings` that a text or a number gives."""
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise InputError(_no_choice(name, text, CHOICES[name]))
        return text
    kind: type[int] | type[float] = int if name in (*COUNTS, "patience") else float
    try:
        value = kind(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name}={shown(str(text))}: expected {KINDS[kind]}") from error
    if not 0 <= value < math.inf or (name in COUNTS and value < 1):
        raise InputError(f"{name}={shown(str(text))}: expected {KINDS[kind]} from {int(name in COUNTS)} on")
    if name == "warmup_share" and value > 1:
        raise InputError(f"{name}={shown(str(text))}: expected a share from 0 to 1")
    return value


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a network is built for: the argument of a recipe's ``network``, where that takes one.

    Attributes:
        input_shape: shape of the input of one sample; a tuple of shapes, where there are several inputs.
        target_shape: shape of the target of one sample.
        output_shape: shape of the output for one sample; None where it is not known.
        target_mean: mean of the target over the training split, where the recipe is standardised, else 0.
        target_std: standard deviation of the target over the training split, where the recipe is standardised, else 1.
        parameters: number of parameters that is asked for, about; 0 where the recipe has no such setting.
    """

    input_shape: tuple[Any, ...]
    target_shape: tuple[int, ...]
    output_shape: tuple[int, ...] | None
    target_mean: float = 0.0
    target_std: float = 1.0
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """A reference model and its training: one for each data set in the ``RECIPES`` of a benchmark's module.

    Attributes:
        network: function that makes the Keras model, which maps inputs to outputs, logits where ``losses`` take such.
            A function that needs an argument is given a `NetworkSpec`, the shapes of the prepared data.
        source: declaration of the samples: `examples`, `patches` or `table_rows` of `sciml_datasets.models.sources`.
        losses: function from targets and outputs, (N, ...) each, to losses of the shape of the weights; see
            `sciml_datasets.models.losses`.
        predictions: function from the model to a function that maps a batch of inputs to predictions for the evaluator.
        training: settings of the training.
        output_shape: shape of the output for one sample, which the model must have; None where it follows from the
            task, see `sciml_datasets.models.task_recipe.output_shape`.
        standardised: whether losses are in variances of the target over the training split: ``losses`` then takes the
            standard deviation as ``spread``, and the `NetworkSpec` has both moments.
        by_facts: function from facts of the prepared data to what changes for such data, see `changed`; None for
            nothing.
        choices: settings by name that this recipe has beside SETTINGS, to what each of their values changes, see
            `changed`. The first value of each is the recipe without a choice.
        chosen: values of ``choices`` by name, where they are not the first.

    Raises:
        InputError: a part is missing or no part of that kind.
    """

    network: Callable[..., Any]
    source: RecipeSource
    losses: Callable[..., Any]
    predictions: Callable[[Any], Callable[[Any], Any]]
    training: TrainingSettings
    output_shape: tuple[int, ...] | None = None
    standardised: bool = False
    by_facts: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("network", "losses", "predictions"):
            if not callable(getattr(self, name)):
                raise RecipeError(f"{name} is {getattr(self, name)!r}, expected a function: give one")
        if not isinstance(self.training, TrainingSettings):
            raise RecipeError(f"training is {self.training!r}, expected TrainingSettings(epochs, batch_size, ...)")
        if not callable(getattr(self.source, "training_samples", None)):
            raise RecipeError(
                f"source is {self.source!r}, expected one of examples(...), patches(...), table_rows(...)"
            )
        if self.standardised and not self.source.target:
            raise RecipeError("it is standardised, but its source names no target: give the column of the member lists")

    @property
    def activation(self) -> str:
        """What is applied to outputs that are logits, outside of the model; empty where they are not known to be."""
        return ACTIVATIONS.get(self.losses, "")

    @property
    def loss_unit(self) -> str:
        """The unit of the loss where it is not that of ``losses`` of the targets as they are, else empty."""
        return "variances of the training split" if self.standardised else ""

    @property
    def loss_criterion(self) -> str:
        """The name of the criterion that the mean loss is; empty where it is none."""
        return "" if self.standardised else CRITERIA.get(self.losses, "")

    def build(self, spec: NetworkSpec) -> Any:
        """The Keras model for such data.

        Raises:
            InputError: the function takes more than one argument.
        """
        for arguments in ((), (spec,)):
            try:
                inspect.signature(self.network).bind(*arguments)
            except TypeError:
                continue
            return self.network(*arguments)
        raise RecipeError("network takes several arguments, expected none, or one for the shapes: give them defaults")

    def for_data(self, facts: Mapping[str, Any]) -> Recipe:
        """A copy for prepared data with these facts; without ``by_facts`` the same."""
        return changed(self, self.by_facts(facts)) if self.by_facts else self

    def placed(self, *, accelerated: bool) -> Recipe:
        """A copy whose source is transformed where ``transform`` says, which then is ``host`` or ``device``.

        Args:
            accelerated: whether the device is an accelerator; the processor's own memory is the host's.

        Raises:
            RecipeError: the device is asked for and the source has no form for it.
        """
        on_device, wanted = self.source.on_device(), self.training.transform
        if wanted == "device" and on_device is None:
            raise RecipeError(
                "transform=device: its samples, as they are augmented here, are made on the host alone: leave it out"
            )
        if on_device is not None and (wanted == "device" or (wanted == "auto" and accelerated)):
            return replace(self, source=on_device, training=replace(self.training, transform="device"))
        return replace(self, training=replace(self.training, transform="host"))

    @property
    def deferred(self) -> OnDevice | None:
        """The source, where the device transforms what it gives: of a recipe that is `placed`."""
        return self.source if isinstance(self.source, OnDevice) else None

    def with_spread(self, spread: float) -> Recipe:
        """A copy whose losses are in squares of this standard deviation, where the recipe is standardised."""
        return replace(self, losses=partial(self.losses, spread=spread)) if self.standardised else self

    def settings(self) -> dict[str, Any]:
        """The values of SETTINGS and of ``choices`` by name; a network of one size has no ``parameters``."""
        chosen = {name: self.chosen.get(name, next(iter(values))) for name, values in self.choices.items()}
        known = [name for name in SETTINGS if name != "parameters" or self.training.parameters]
        return {name: getattr(self.training, name) for name in known} | chosen

    def with_settings(self, settings: Mapping[str, Any]) -> Recipe:
        """A copy with other values of SETTINGS, given as texts or numbers, and of ``choices``.

        A setting outweighs what a choice brings, and a choice leaves alone what it does not bring.

        Raises:
            InputError: a name is not in `settings`, or a value is not a number in its range or one that can be chosen.
        """
        known = self.settings()
        for name, text in settings.items():
            if name not in known:
                raise InputError(f"there is no setting {quoted(str(name))}: {one_of(name, known)}")
            if name in self.choices and text not in self.choices[name]:
                raise InputError(_no_choice(name, text, self.choices[name]))
        chosen = {name: text for name, text in settings.items() if name in self.choices}
        recipe = replace(self, chosen={**self.chosen, **chosen})
        for name, value in chosen.items():
            recipe = changed(recipe, self.choices[name][value])
        others = {name: text for name, text in settings.items() if name not in self.choices}
        return replace(recipe, training=recipe.training.with_values(others))


def changed(whole: Whole, changes: Mapping[str, Any]) -> Whole:
    """A copy of a dataclass with other values of some fields; a mapping changes fields of the part of that name.

    Example:
        >>> settings = TrainingSettings(epochs=10, batch_size=16, learning_rate=1e-2)
        >>> changed(settings, {"epochs": 20}).epochs
        20
    """
    values = {
        name: changed(getattr(whole, name), value) if isinstance(value, Mapping) else value
        for name, value in changes.items()
    }
    return replace(whole, **values)
