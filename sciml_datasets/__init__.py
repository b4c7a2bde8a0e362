"""The MLCommons Science benchmarks as canonical TFDS data sets, with their criteria and reference models.

``import sciml_datasets`` makes ``tfds.load("sciml/<name>")`` known; it loads neither TensorFlow nor TFDS itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import wrapt

from sciml_datasets.benchmark import Benchmark
from sciml_datasets.benchmarks import BENCHMARKS, register
from sciml_datasets.errors import DamagedRecordError, InputError
from sciml_datasets.version import VERSION

if TYPE_CHECKING:
    from sciml_datasets import metrics, models
    from sciml_datasets.preparation.prepare import prepare
    from sciml_datasets.prepared.by_name import examples, folds, parts
    from sciml_datasets.prepared.prepared import Prepared
    from sciml_datasets.simulation import simulate

__version__ = VERSION
__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "DamagedRecordError",
    "InputError",
    "Prepared",
    "examples",
    "folds",
    "metrics",
    "models",
    "parts",
    "prepare",
    "register",
    "simulate",
]

_LAZY = {
    "Prepared": ("sciml_datasets.prepared.prepared", "Prepared"),
    "examples": ("sciml_datasets.prepared.by_name", "examples"),
    "folds": ("sciml_datasets.prepared.by_name", "folds"),
    "parts": ("sciml_datasets.prepared.by_name", "parts"),
    "prepare": ("sciml_datasets.preparation.prepare", "prepare"),
    "simulate": ("sciml_datasets.simulation", "simulate"),
    "metrics": ("sciml_datasets.metrics", None),
    "models": ("sciml_datasets.models", None),
}


def __getattr__(name: str) -> Any:
    """Import the heavier parts of the public interface when they are first used (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'sciml_datasets' has no attribute {name!r}")
    module_name, attribute = _LAZY[name]
    module = importlib.import_module(module_name)
    return module if attribute is None else getattr(module, attribute)


def _register_builder(_: object) -> None:
    importlib.import_module("sciml_datasets.tfds_builder")


wrapt.register_post_import_hook(_register_builder, "tensorflow_datasets")
