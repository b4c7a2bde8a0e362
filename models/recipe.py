"""What a benchmark's module in ``models`` declares: a model, its inputs and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Literal

from sciml_datasets.errors import InputError

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
    "parameters",
)
CHOICES = {
    "precision": ("float32", "mixed_bfloat16", "float64"),
    "xla": ("off", "on", "auto"),
    "deterministic": ("on", "off"),
}
"""Setting to its values, where they are words."""
COUNTS = ("epochs", "batch_size", "parameters")
"""Settings that are 1 at least."""
KINDS = {int: "a whole number", float: "a number"}

Samples = tuple[Any, Any, Any]
"""Input, target and weight of a training sample, or (N, ...) of a batch; the weight of what does not count is 0. The
input is an array, or a tuple of arrays where a network has several inputs."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A reference model and its training.

    Attributes:
        build: makes the Keras model; it maps the inputs to logits. With ``tables`` it takes their widths.
        inputs: from an example (feature name to array) to the input of a prediction; ``predictions`` takes batches of
            them.
        samples: from an example to a training sample; with ``patch``, from read-only arrays of one patch, and arrays of
            a sample that it may write into, to one.
        augment: from a training sample and a random generator to a training sample.
        drawn: what of an augmented sample is trained on, drawn with the same generator; None for all of it.
        losses: from targets and logits to losses of the shape of the weights.
        predictions: from the model to a function that maps a batch of inputs to predictions for the evaluator.
        activation: what ``losses`` and ``predictions`` apply to the outputs of the model, which are logits then; empty
            where they are the predictions.
        input_shape: of one training sample's input; of each, where there are several.
        output_shape: of one training sample's output.
        epochs, batch_size: of training.
        learning_rate: value of the rate after the warm-up, from which a schedule lets it fall.
        weight_decay: decoupled: a step takes this part times the rate off each weight, whatever the optimizer.
        warmup_share: part of all steps in which the rate changes from its first value to ``learning_rate``.
        first_rate: with which the warm-up begins; 0 for a small part of ``learning_rate``.
        clip_norm: the gradient of the global batch is not longer than this; 0 for no limit.
        patience: epochs without a better score on the validation split after which training ends, with the weights of
            the best epoch; 0 trains to the end and keeps the last ones.
        optimizer: by its name in Keras.
        epsilon: of the optimizer, added to what it divides by.
        schedule: of the rate, see `sciml_datasets.models.learning_rate`.
        precision: in which the model computes; weights are float32, or float64 with ``float64``; losses are float32.
        xla: whether the training step is compiled with XLA; ``auto`` where one CPU trains.
        deterministic: whether two runs with one seed give the same bits, on the same number of threads.
        patch: side in pixels of the square patches, side by side, that are training samples; None for whole examples.
        patch_features: the features that patches are cut from, (rows, columns, ...) each.
        viewed: whether a sample needs only tensors and what the member list says, texts; records are not decoded then.
        tables: the lookup features whose rows are the inputs, in place of ``inputs`` and ``samples``.
        numbers: with ``tables``, columns of the member lists that are inputs (1,) before them.
        target: with ``tables``, the column of the member lists that is to be predicted.
        standardised: whether ``build`` takes the mean and the standard deviation of the target over the training split,
            as ``centre`` and ``spread``, and ``losses`` the latter, in whose square losses are counted.
        spread: that standard deviation, where the recipe is standardised; see `with_moments`.
        by_facts: from facts of the prepared data to the fields that are others for such data; None for none.
        balanced_by: column of the member lists; samples weigh so that its values do, over the training split, alike.
        shaped_by: features with the shapes of inputs and outputs, where only the prepared data tell them; ``build``
            takes both, and ``parameters`` where they are given.
        parameters: about how many the network has; 0 where it has one size.
        examples_at_once: how many are read together for prediction; None for the batch size.
        choices: settings by name that this recipe has beside SETTINGS: for each value, the fields that it changes. The
            first value of each is what the recipe is without a choice.
        chosen: values of ``choices`` by name, where they are not the first.
    """

    build: Callable[..., Any]
    inputs: Callable[[dict[str, Any]], Any]
    samples: Callable[..., Samples]
    augment: Callable[[Samples, Any], Samples]
    losses: Callable[..., Any]
    predictions: Callable[[Any], Callable[[Any], Any]]
    input_shape: tuple[Any, ...]
    output_shape: tuple[Any, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    activation: str = ""
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    first_rate: float = 0.0
    clip_norm: float = 0.0
    patience: int = 0
    optimizer: Literal["adamw", "adam", "adamax", "sgd"] = "adamw"
    epsilon: float = 1e-7
    schedule: Literal["cosine", "constant", "plateau"] = "cosine"
    precision: str = "float32"
    xla: str = "off"
    deterministic: str = "on"
    patch: int | None = None
    patch_features: tuple[str, ...] = ()
    viewed: bool = False
    tables: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    target: str = ""
    standardised: bool = False
    spread: float = 1.0
    by_facts: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    balanced_by: str = ""
    shaped_by: tuple[str, str] | None = None
    parameters: int = 0
    examples_at_once: int | None = None
    drawn: Callable[[Samples, Any], Samples] | None = None
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)

    def trained_on(self, sample: Samples, random: Any) -> Samples:
        """A sample as it enters training: augmented, and what is drawn of it."""
        sample = self.augment(sample, random)
        return sample if self.drawn is None else self.drawn(sample, random)

    def for_data(self, facts: Mapping[str, Any]) -> Recipe:
        """A copy for prepared data with these facts; without ``by_facts`` the same."""
        return replace(self, **self.by_facts(facts)) if self.by_facts else self

    def with_moments(self, centre: float, spread: float) -> Recipe:
        """A copy for a target of this mean and standard deviation over the training split."""
        build = partial(self.build, centre=centre, spread=spread)
        return replace(self, build=build, losses=partial(self.losses, spread=spread), spread=spread)

    @property
    def loss_unit(self) -> str:
        """The unit of the loss where it is not that of ``losses`` of the targets as they are, else empty."""
        return "variances of the training split" if self.standardised else ""

    def with_widths(self, widths: tuple[int, ...]) -> Recipe:
        """A copy for tables of these widths; without tables the same."""
        if not self.tables:
            return self
        shapes = (*((1,) for _ in self.numbers), *((width,) for width in widths))
        return replace(self, build=partial(self.build, *widths), input_shape=shapes)

    def with_shapes(self, shapes: tuple[tuple[int, ...], ...]) -> Recipe:
        """A copy for inputs and outputs of these shapes; without ``shaped_by`` the same."""
        if not self.shaped_by:
            return self
        size = {"parameters": self.parameters} if self.parameters else {}
        build = partial(self.build, *shapes, **size)
        return replace(self, build=build, input_shape=shapes[0], output_shape=shapes[1])

    def settings(self) -> dict[str, Any]:
        """The values of SETTINGS and of ``choices`` by name; a network of one size has no ``parameters``."""
        chosen = {name: self.chosen.get(name, next(iter(values))) for name, values in self.choices.items()}
        return {name: getattr(self, name) for name in SETTINGS if name != "parameters" or self.parameters} | chosen

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """A copy with other values of SETTINGS, given as text or numbers, and of ``choices``.

        Raises:
            InputError: a name is not in `settings`, or a value is not a positive number or one that can be chosen.
        """
        kinds = {field.name: int if field.type == "int" else float for field in fields(self)}
        changes: dict[str, Any] = {}
        chosen = {**self.chosen}
        for name, text in settings.items():
            if name in self.choices:
                if text not in self.choices[name]:
                    raise InputError(f"{name}={text}: expected {' or '.join(self.choices[name])}")
                chosen[name] = text
                continue
            if name not in (known := self.settings()):
                raise InputError(f"there is no setting {name!r}: choose one of {', '.join(known)}")
            if name in CHOICES:
                if text not in CHOICES[name]:
                    raise InputError(f"{name}={text}: expected {' or '.join(CHOICES[name])}")
                changes[name] = text
                continue
            try:
                changes[name] = kinds[name](text)
            except ValueError as error:
                raise InputError(f"{name}={text}: expected {KINDS[kinds[name]]}") from error
            if not changes[name] >= 0 or (name in COUNTS and changes[name] < 1):
                raise InputError(f"{name}={text}: expected {KINDS[kinds[name]]} from {int(name in COUNTS)} on")
            if name == "warmup_share" and changes[name] > 1:
                raise InputError(f"{name}={text}: expected a share from 0 to 1")
        for name, values in self.choices.items():
            if name in settings:  # what was chosen before is in the fields already
                changes = {**values[chosen[name]], **changes}
        return replace(self, chosen=chosen, **changes)
