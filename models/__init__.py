"""Reference models: one module per benchmark, one way to train them all. Training needs TensorFlow."""

from sciml_datasets.models.cross_validation import cross_validate
from sciml_datasets.models.inference import predict
from sciml_datasets.models.training import train

__all__ = ["cross_validate", "predict", "train"]
