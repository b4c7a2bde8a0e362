"""Criteria: the scores of predictions. NumPy only; predictions of any framework can be scored."""

from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.metrics.results import aggregate, make_result, write_result

__all__ = ["Classification", "Evaluator", "aggregate", "make_result", "write_predictions", "write_result"]
