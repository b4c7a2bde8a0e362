"""The transform of diffraction patterns in batches, in any library of arrays: NumPy, JAX, PyTorch.

The arithmetic of `sciml_datasets.stemdl.log_scaling.log_scaled` as a function of whole arrays that can be compiled. The
logarithm of another library and the order of a mean's terms differ in the last bits: by 2e-4 of 255 at most.
"""

from __future__ import annotations

from typing import Any

from sciml_datasets.stemdl.log_scaling import FULL_PIXELS, HIGHEST, LOG_FLOOR, LOG_SCALE, PIXELS

FAR_OUTSIDE = (1e-30, 1e30)
"""Intensities at which the result has long been 0 and 255; NumPy would warn of the logarithm of 0."""


def log_scaled(xp: Any, patterns: Any) -> Any:
    """``clip((ln I + 17) * 10, 0, 255)``, then the mean over blocks to 128 x 128.

    Args:
        xp: module of the arrays, with the names of the array API: ``numpy``, ``jax.numpy``, ``torch``.
        patterns: (..., P, P) float32 intensities from 0 on, P a multiple of 128.

    Returns:
        (..., 128, 128) float32, 0 to 255.

    Example:
        >>> import numpy as np
        >>> patterns = np.full((2, 3, 512, 512), np.exp(-7), np.float32)
        >>> scaled = log_scaled(np, patterns)
        >>> scaled.shape, round(float(scaled[0, 0, 0, 0]), 3)
        ((2, 3, 128, 128), 100.0)
    """
    *leading, pixels, _ = patterns.shape
    share = (FULL_PIXELS / pixels) ** 2
    intensities = xp.clip(patterns if share == 1 else patterns / share, *FAR_OUTSIDE)
    scaled = xp.clip((xp.log(intensities) - LOG_FLOOR) * LOG_SCALE, 0.0, float(HIGHEST))
    side = pixels // PIXELS
    numbers = [-1 if number is None else number for number in leading]  # TensorFlow may not know the first
    blocks = xp.reshape(scaled, (*numbers, PIXELS, side, PIXELS, side))
    columns = sum((blocks[..., i] for i in range(1, side)), blocks[..., 0])
    total = sum((columns[..., i, :] for i in range(1, side)), columns[..., 0, :])
    return total / side**2
