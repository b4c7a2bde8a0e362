"""The input of a network from batches of scenes or patches, in any library of arrays: NumPy, JAX, PyTorch.

The arithmetic of `sciml_datasets.cloudmask.patches.network_input` under ``mlcommons``, as a function of whole arrays
that can be compiled: it has the same operations in the same order, and differs by what a compiler rounds otherwise.
"""

from __future__ import annotations

from typing import Any

from sciml_datasets.cloudmask.validity import REFLECTANCE_SUMS


def network_input(xp: Any, reflectance: Any, brightness_temperature: Any, valid: Any) -> Any:
    """The nine normalised channels, 0 at invalid pixels; a reflectance that was not measured counts as darkness.

    Args:
        xp: module of the arrays, with the names of the array API: ``numpy``, ``jax.numpy``, ``torch``.
        reflectance: (..., 6) float32 reflectances.
        brightness_temperature: (..., 3) float32 brightness temperatures in kelvin.
        valid: (...) mask of integers, 0 where a pixel is invalid.

    Returns:
        (..., 9) float32.

    Example:
        >>> import numpy as np
        >>> reflectance = np.full((2, 256, 256, 6), 0.25, np.float32)
        >>> kelvin = np.full((2, 256, 256, 3), 281.0, np.float32)
        >>> image = network_input(np, reflectance, kelvin, np.ones((2, 256, 256), np.uint8))
        >>> image.shape, float(image[0, 0, 0, 0]), float(image[0, 0, 0, 8])
        ((2, 256, 256, 9), -0.25, 0.5)
    """
    low, high = REFLECTANCE_SUMS
    measured = (reflectance > low) & (reflectance < high)  # NaN fails both
    light = xp.where(measured, reflectance, xp.zeros_like(reflectance)) - 0.5
    image = xp.concat((light, (brightness_temperature - 270.0) / 22.0), axis=-1)
    return xp.where((valid != 0)[..., None], image, xp.zeros_like(image))
