"""What a benchmark's module in ``models`` declares: a model, its inputs and how it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from sciml_datasets.errors import InputError

KINDS = {int: "a whole number", float: "a number"}
SETTINGS = ("epochs", "batch_size", "learning_rate", "weight_decay", "warmup_share")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A reference model and its training.

    Attributes:
        build: makes the Keras model; it maps the inputs to class logits.
        inputs: from a batch of examples (feature name to tensor) to the model's input.
        augment: from a batch of inputs and a seed of shape (2,) to a batch of inputs, in training only.
        input_shape: of one sample's input.
        output_shape: of one sample's output.
        target: the feature that holds the truth.
        epochs, batch_size: of training.
        learning_rate: highest value of AdamW's rate, which rises linearly and then falls as a cosine to zero.
        weight_decay: of AdamW, decoupled.
        warmup_share: part of all steps in which the rate rises.
    """

    build: Callable[[], Any]
    inputs: Callable[[dict[str, Any]], Any]
    augment: Callable[[Any, Any], Any]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    target: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    warmup_share: float = 0.1

    def with_settings(self, settings: dict[str, Any]) -> Recipe:
        """A copy with other values of SETTINGS, given as text or numbers.

        Raises:
            InputError: a name is not in SETTINGS, or a value is not a positive number.
        """
        kinds = {field.name: int if field.type == "int" else float for field in fields(self)}
        changes: dict[str, Any] = {}
        for name, text in settings.items():
            if name not in SETTINGS:
                raise InputError(f"there is no setting {name!r}: choose one of {', '.join(SETTINGS)}")
            try:
                changes[name] = kinds[name](text)
            except ValueError as error:
                raise InputError(f"{name}={text}: expected {KINDS[kinds[name]]}") from error
            if not changes[name] >= 0 or (kinds[name] is int and changes[name] < 1):
                raise InputError(f"{name}={text}: expected {KINDS[kinds[name]]} above zero")
            if name == "warmup_share" and changes[name] > 1:
                raise InputError(f"{name}={text}: expected a share from 0 to 1")
        return replace(self, **changes)
