"""Criteria of a benchmark: the scores that count, with published values and the range that there can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Value:
    """A published number and its source.

    Example:
        >>> from sciml_datasets import BENCHMARKS
        >>> BENCHMARKS["candle_uno"].criteria[0].reference
        Value(value=0.0053, source='ECP-CANDLE/Benchmarks, Pilot1/Uno/README.AUC.md, official validation split')
    """

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One score of a benchmark.

    Attributes:
        name: key of the score in results.
        title: title in tables.
        direction: whether a higher or a lower score is better.
        target: score that a submission should reach, where one is declared.
        reference: score that the published reference implementation reached.
        best_known: the best published score.
        span: the lowest and the highest possible score; None where there is no bound. A span that excludes scores of
            the range that the task states (`Task.span`) is refused.
        at_most: name of the criterion of the same benchmark, if any, whose score is never less than this one.
        power: power to which the unit of the predicted quantity enters; 0 for a pure number.
        unit: unit of the score, where the prepared data state that of the predicted quantity; see `Benchmark.for_data`.

    Example:
        >>> from sciml_datasets.benchmark import ERROR, Criterion, Value
        >>> mse = Criterion("mse", "mean squared error", "lower", target=Value(0.2, "our paper"), span=ERROR, power=2)
        >>> mse.in_unit("eV").title
        'mean squared error, (eV)^2'
    """

    name: str
    title: str
    direction: Literal["higher", "lower"]
    target: Value | None = None
    reference: Value | None = None
    best_known: Value | None = None
    span: tuple[float | None, float | None] = (0.0, 1.0)
    at_most: str = ""
    power: int = 0
    unit: str = ""

    def in_unit(self, unit: str) -> Criterion:
        """The same criterion where the predicted quantity has this unit."""
        if not unit or not self.power:
            return self
        own = unit if self.power == 1 else f"({unit})^{self.power}"
        return replace(self, unit=own, title=f"{self.title}, {own}")

    def unpublished(self) -> Criterion:
        """The same criterion without published values."""
        return replace(self, target=None, reference=None, best_known=None)


ERROR, FIT, CORRELATION = (0.0, None), (None, 1.0), (-1.0, 1.0)
"""Spans of criteria that are not shares."""
