"""The reference's transform of diffraction patterns: the logarithm of the intensity from 0 to 255, on 128 x 128 pixels.

Sources: nlaanait/stemdl; mlcommons/science, benchmarks/stemdl. The reference uses NumPy's logarithm in float32 and
OpenCV's INTER_AREA. On the same machine the numbers here are the same to the last bit: where the block's side is 4,
OpenCV adds the four pixels of each of its rows from left to right, then the rows from top to bottom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PIXELS = 128
"""Width and height of a preprocessed pattern."""
FULL_PIXELS = 512
"""Width and height of a pattern of the real data set; its intensities sum to about 1."""
LOG_FLOOR = -17
"""Natural logarithm of the least intensity that is distinguished from 0."""
LOG_SCALE = 10
HIGHEST = 255


def log_scaled(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """``clip((max(-17, ln I) + 17) * 10, 0, 255)``, then the mean over blocks to 128 x 128.

    A pattern of P < 512 pixels has the same total intensity on fewer pixels and is divided by (512 / P)^2 first. An
    intensity of 0 gives 0, an infinite one 255; NaN spreads over its block.

    Args:
        stack: (N, P, P) float32 patterns, P a multiple of 128; they are not changed.

    Returns:
        (N, 128, 128) float32 patterns, 0 to 255.
    """
    share = (FULL_PIXELS / stack.shape[-1]) ** 2
    values = stack.copy() if share == 1 else stack / np.float32(share)
    return log_scaled_in_place(values)


def log_scaled_in_place(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Transform as `log_scaled`, for intensities scaled as those of 512 x 512 pixels, which are overwritten."""
    with np.errstate(divide="ignore"):
        np.log(values, out=values)
    values -= LOG_FLOOR
    values *= LOG_SCALE
    np.clip(values, 0, HIGHEST, out=values)  # values below the floor become 0 too, which saves a pass for the maximum
    return _block_means(values)


def _block_means(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 128, 128) means of the blocks of (N, P, P) images, summed in OpenCV's order."""
    count, side = len(images), images.shape[-1] // PIXELS
    blocks = images.reshape(count, PIXELS, side, PIXELS, side)
    rows = blocks[..., 0].copy()
    for column in range(1, side):
        rows += blocks[..., column]
    total = rows[:, :, 0].copy()
    for row in range(1, side):
        total += rows[:, :, row]
    total *= np.float32(1 / side**2)
    return total
