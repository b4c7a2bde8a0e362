"""The forms in which predictions may be given."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which predictions may be given.

    Attributes:
        meaning: of one prediction, in words.
        shape: of one prediction.
        kinds: NumPy's letters for the types: ``f`` floating, ``iu`` integer, ``b`` boolean.
        low, high: least and greatest value.
    """

    meaning: str
    shape: tuple[int, ...]
    kinds: str
    low: float = -math.inf
    high: float = math.inf

    def describe(self, count: str) -> str:
        """``(N, 231) float class scores``."""
        names = {"f": "float", "iu": "integer", "b": "boolean", "biu": "integer or boolean"}
        size = "".join(f", {length}" for length in self.shape) or ","
        text = f"({count}{size}) {names[self.kinds]} {self.meaning}"
        bounded = f" from {self.low:g} to {self.high:g}"
        return text + bounded if math.isfinite(self.high) else text
