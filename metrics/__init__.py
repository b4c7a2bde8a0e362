"""Criteria: the scores of predictions. NumPy only; predictions of any framework can be scored."""

from sciml_datasets.metrics.atom_columns import AtomColumns
from sciml_datasets.metrics.calibration import Calibration
from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.control import (
    closed_loop_spectral_radius,
    largest_lyapunov_exponent,
    linearised,
    spectral_radius,
    step_response,
)
from sciml_datasets.metrics.evaluator import Evaluator
from sciml_datasets.metrics.grouped_regression import GroupedRegression
from sciml_datasets.metrics.predictions import write_predictions
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.reconstruction import Reconstruction
from sciml_datasets.metrics.regression import Regression
from sciml_datasets.metrics.results import aggregate, make_result, write_result
from sciml_datasets.metrics.roc import Ranking
from sciml_datasets.metrics.segmentation import Segmentation
from sciml_datasets.metrics.surrogate import Surrogate

__all__ = [
    "AtomColumns",
    "Calibration",
    "Classification",
    "Evaluator",
    "GroupedRegression",
    "RankCorrelation",
    "Ranking",
    "Reconstruction",
    "Regression",
    "Segmentation",
    "Surrogate",
    "aggregate",
    "closed_loop_spectral_radius",
    "largest_lyapunov_exponent",
    "linearised",
    "make_result",
    "spectral_radius",
    "step_response",
    "write_predictions",
    "write_result",
]
