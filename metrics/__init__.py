"""Criteria: what a prediction is worth. NumPy only; any framework's predictions can be scored."""

from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.evaluator import Evaluator

__all__ = ["Classification", "Evaluator"]
