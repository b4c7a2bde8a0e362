"""Reference models: one module per benchmark, one way to train them all. Needs TensorFlow."""

from sciml_datasets.models.training import train

__all__ = ["train"]
