"""Keras and TensorFlow as names at the top of a file of tests, imported when a test first uses them.

Every worker reads every file before its first test. A process that has imported TensorFlow forks ten times as slowly,
so that the tests that do without it come first.
"""

from __future__ import annotations

import importlib
from typing import Any


class Deferred:
    """A module that is imported when one of its public attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest looks for marks on everything at the top of a file
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


keras: Any = Deferred("keras")
tf: Any = Deferred("tensorflow")
