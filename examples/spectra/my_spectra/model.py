"""The reference model: a small convolutional network."""

from my_spectra.data import POINTS
from sciml_datasets.models.losses import class_losses, probabilities
from sciml_datasets.models.recipe import Recipe, TrainingSettings
from sciml_datasets.models.sources import examples


def network():
    from keras import Input, Sequential, layers

    hidden = [layers.Reshape((POINTS, 1)), layers.Conv1D(8, 9, strides=4, activation="relu"), layers.Flatten()]
    return Sequential([Input((POINTS,)), *hidden, layers.Dense(3)])


source = examples(
    inputs=lambda example: example["spectrum"],
    samples=lambda example: (example["spectrum"], example["mineral"], 1.0),  # input, target, weight
)
settings = TrainingSettings(epochs=20, batch_size=16, learning_rate=1e-2)
recipe = Recipe(network, source=source, losses=class_losses, predictions=probabilities, training=settings)
RECIPES = {"spectra": recipe, "spectra_demo": recipe}
