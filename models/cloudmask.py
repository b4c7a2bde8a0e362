"""Reference models for CloudMask: nine normalised channels in, one logit of cloud per pixel out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask import array_transforms
from sciml_datasets.cloudmask.patches import PATCH, TRIM, cut, network_input, windows
from sciml_datasets.cloudmask.raw import IMAGE
from sciml_datasets.models.augmentation import mirrored
from sciml_datasets.models.device_transform import DeviceTransform
from sciml_datasets.models.losses import pixel_losses
from sciml_datasets.models.recipe import Recipe, TrainingSettings, changed
from sciml_datasets.models.sample_source import Samples
from sciml_datasets.models.sources import patches

CHANNELS = 9
SCENE_FEATURES = ("reflectance", "brightness_temperature", "valid")
"""Features that a normalised scene is made from, as `network_input` takes them."""
FILTERS = (32, 64, 128, 256)
SMALL_FILTERS = (16, 32, 64)
SMALL_PATCH = 128
SMALL_TRIM = 20


def unet() -> Any:
    """The reference U-Net (mlcommons/science, benchmarks/cloudmask): 39 layers, 1,948,609 parameters.

    Two 3 x 3 convolutions per level, upsampling by repetition, no batch norm. The reference's last activation, the
    sigmoid, belongs to the loss here, where it is exact for large logits too.
    """
    import keras
    from keras import layers

    def convolved(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.ReLU()(x)
        return x

    inputs = keras.Input((PATCH, PATCH, CHANNELS))
    x = _u_shaped(inputs, FILTERS, convolved)
    return keras.Model(inputs, layers.Conv2D(1, 1, kernel_initializer="he_normal")(x), name="cloudmask_unet")


def small_unet() -> Any:
    """A U-Net with batch norm on half the resolution, for patches of the demo scenes: a minute or two on two cores.

    The last layers judge each pixel by its own nine channels and by the features of its surroundings.
    """
    import keras
    from keras import layers

    def normalised(x: Any, filters: int, size: int = 3, stride: int = 1) -> Any:
        x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        # The demo has few steps: the moving statistics must follow faster than Keras's default of 0.99 lets them.
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    def convolved(x: Any, filters: int) -> Any:
        return normalised(normalised(x, filters), filters)

    inputs = keras.Input((SMALL_PATCH, SMALL_PATCH, CHANNELS))
    x = _u_shaped(normalised(inputs, SMALL_FILTERS[0], stride=2), SMALL_FILTERS, convolved)
    x = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(x), inputs])
    x = normalised(x, SMALL_FILTERS[0], size=1)
    return keras.Model(inputs, layers.Conv2D(1, 1)(x), name="cloudmask_small_unet")


def _u_shaped(x: Any, filters: tuple[int, ...], convolved: Callable[[Any, int], Any]) -> Any:
    """Down to the last level and up again, the skipped features beside (Ronneberger et al. 2015,
    doi:10.1007/978-3-319-24574-4_28)."""
    from keras import layers

    skipped = []
    for number in filters[:-1]:
        x = convolved(x, number)
        skipped.append(x)
        x = layers.MaxPool2D(2)(x)
    x = convolved(x, filters[-1])
    for number, features in zip(filters[-2::-1], reversed(skipped), strict=True):
        x = convolved(layers.Concatenate()([layers.UpSampling2D(2)(x), features]), number)
    return x


def predict_scene(
    forward: Callable[[NDArray[np.float32]], Any], image: NDArray[np.float32], patch: int = PATCH, trim: int = TRIM
) -> NDArray[np.float32]:
    """Probability of cloud for a whole scene, one row of overlapping patches at a time.

    Args:
        forward: function from a batch of patches (N, patch, patch, 9) to logits (N, patch, patch, 1), such as a Keras
            model.
        image: (R, C, 9) as `sciml_datasets.cloudmask.patches.network_input` makes it.
        patch, trim: size of the patches, and what is cut from each side of their predictions.

    Returns:
        (R, C) float32, 0 to 1.
    """
    columns = windows(image.shape[1], patch, trim)
    scene = np.empty(image.shape[:2], np.float32)
    for row in windows(image.shape[0], patch, trim):
        logits = np.asarray(forward(np.stack([cut(image, row, column, patch) for column in columns])), np.float32)
        for part, column in zip(logits[..., 0], columns, strict=True):
            scene[row.kept, column.kept] = part[row.inner, column.inner]
    # By the hyperbolic tangent, which does not overflow.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scene)))


def scene_image(example: dict[str, NDArray[Any]], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """The normalised scene (R, C, 9), written into ``out`` where that is given."""
    reflectance, brightness_temperature, valid = (example[name] for name in SCENE_FEATURES)
    return network_input(reflectance, brightness_temperature, valid, out=out)


def patch_sample(patch: dict[str, NDArray[Any]], out: Samples | None = None) -> Samples:
    """Input (P, P, 9), cloud and valid (P, P) of a patch of a scene; the input is written into ``out``."""
    return scene_image(patch, out[0] if out else None), patch["cloud"], patch["valid"]


def stored_channels(example: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """What a normalised scene is made from, as it is stored: (R, C, 6), (R, C, 3) and (R, C)."""
    return tuple(example[name] for name in SCENE_FEATURES)


def _stored_sample(patch: dict[str, NDArray[Any]]) -> Samples:
    return stored_channels(patch), patch["cloud"], patch["valid"]


def preprocessed_scene(example: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The normalised scene (R, C, 9) of an example that is preprocessed already."""
    return np.asarray(example[IMAGE], np.float32)


def _preprocessed_patch(patch: dict[str, NDArray[Any]], out: Samples | None = None) -> Samples:
    if out is None:
        return preprocessed_scene(patch), patch["cloud"], patch["valid"]
    np.copyto(out[0], patch[IMAGE])
    return out[0], patch["cloud"], patch["valid"]


def _stored_image(example: dict[str, NDArray[Any]]) -> NDArray[Any]:
    return example[IMAGE]


def _stored_preprocessed(patch: dict[str, NDArray[Any]]) -> Samples:
    return patch[IMAGE], patch["cloud"], patch["valid"]


def _cast_input(xp: Any, image: Any) -> Any:
    return xp.asarray(image, dtype=xp.float32)


def _computed_input(xp: Any, channels: Any) -> Any:
    return array_transforms.network_input(xp, *channels)


def whole_scenes(network: Any, patch: int = PATCH, trim: int = TRIM) -> Callable[[Any], NDArray[np.float32]]:
    """A function from scenes (N, R, C, 9) to probabilities of cloud (N, R, C); see `predict_scene`."""
    import tensorflow as tf

    forward = tf.function(lambda patches: network(patches, training=False), reduce_retracing=True)

    def predict(images: Any) -> NDArray[np.float32]:
        return np.stack([predict_scene(forward, image, patch, trim) for image in np.asarray(images)])

    return predict


_REFERENCE = Recipe(
    unet,
    patches(
        PATCH,
        (*SCENE_FEATURES, "cloud"),
        scene_image,
        patch_sample,
        at_once=1,
        transform=DeviceTransform(stored_channels, _stored_sample, _computed_input),
    ),
    pixel_losses,
    whole_scenes,
    TrainingSettings(
        epochs=30,
        batch_size=32,
        learning_rate=1e-3,
        weight_decay=0.0,
        optimizer="adam",
        schedule="constant",
        warmup_share=0.0,
        xla="auto",
    ),
)

_PREPROCESSED = {
    "features": (IMAGE, "cloud", "valid"),
    "inputs": preprocessed_scene,
    "samples": _preprocessed_patch,
    "transform": DeviceTransform(_stored_image, _stored_preprocessed, _cast_input),
}

RECIPES = {
    "cloudmask": _REFERENCE,
    "cloudmask_preprocessed": changed(_REFERENCE, {"source": _PREPROCESSED}),
    "cloudmask_demo": changed(
        _REFERENCE,
        {
            "network": small_unet,
            "source": {"size": SMALL_PATCH, "augment": mirrored, "at_once": 4},
            "predictions": partial(whole_scenes, patch=SMALL_PATCH, trim=SMALL_TRIM),
            # Compiling takes longer than it saves in so few steps: XLA is off.
            "training": TrainingSettings(epochs=10, batch_size=8, learning_rate=5e-3),
        },
    ),
}
"""Data set name to recipe."""
