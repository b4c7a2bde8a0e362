"""What is wrong with an example that cannot be written: it differs from what its benchmark declares."""

from __future__ import annotations

from typing import Any

from sciml_datasets.errors import InputError
from sciml_datasets.preparation.example_proto import encoder
from sciml_datasets.raw_format import Sample


def refuse(builder: Any, sample: Sample, example: Any, error: Exception) -> InputError:
    """The error that says which feature of an example differs from its declaration.

    Args:
        builder: builder of the data set.
        sample: the sample that was read.
        example: the value that the reader returned for it.
        error: why the example cannot be encoded.
    """
    declared = f"{builder.benchmark.part_name('data')}.features declares"
    where = f"{builder.benchmark.name}: the reader of {builder.dataset.name} gives, for {sample.key} of {sample.file},"
    if not isinstance(example, dict):
        return InputError(f"{where} {example!r:.80}, expected a dictionary of the features that {declared}")
    features = builder.info.features
    for name in features:
        if name not in example:
            return InputError(f"{where} no {name!r}, which {declared}: add it to the example")
    for name in example:
        if name not in features:
            return InputError(f"{where} also {name!r}, besides what {declared}: leave it out, or declare it")
    for name, feature in features.items():
        try:
            encoder(type(features)({name: feature}))({name: example[name]})
        except Exception as reason:  # TFDS's connectors raise whatever their libraries do
            kind = _kind(example[name])
            what = " ".join(str(feature).split())
            return InputError(f"{where} {kind} as {name!r}, {declared} {what}: correct one ({_line(reason)})")
    return InputError(f"{where} an example that cannot be written ({_line(error)}): correct it, or what {declared}")


def _kind(value: Any) -> str:
    """Type and shape, or type and content, of a value: ``float64 (3, 4)`` or ``str 'abc'``."""
    if hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"{type(value).__name__} {value!r:.40}"


def _line(error: Exception) -> str:
    """The message of an error, or else its type, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
