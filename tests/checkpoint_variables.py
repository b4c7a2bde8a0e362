"""Variables as a checkpoint holds them, without a framework."""

from __future__ import annotations

import numpy as np


class Variable:
    """As much of a framework's variable as a checkpoint needs."""

    def __init__(self, value: np.ndarray) -> None:
        self.value, self.shape = value, value.shape

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value
