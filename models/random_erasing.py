"""Random erasing (Zhong et al. 2017, arXiv 1708.04896): a rectangle of an image is lost in training."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

AREA = (0.02, 0.33)
"""Least and greatest share of the image, uniform between them."""
ASPECT = (0.3, 3.3)
"""Least and greatest height over width; its logarithm is uniform between them."""
ATTEMPTS = 10
"""Rectangles that are drawn until one fits; then the image stays whole."""


def erased(image: NDArray[np.float32], random: np.random.Generator, probability: float) -> NDArray[np.float32]:
    """An image (R, C, channels) with zeros in a random rectangle, or the image itself.

    Ranges, distributions and value are the defaults of torchvision.transforms.RandomErasing.

    Args:
        image: image, which is not changed.
        random: generator of whether, how large and where.
        probability: probability that something is erased.
    """
    if random.random() >= probability:
        return image
    rows, columns = image.shape[:2]
    for _ in range(ATTEMPTS):
        area = rows * columns * random.uniform(*AREA)
        aspect = math.exp(random.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height < rows and width < columns:
            top, left = random.integers(rows - height + 1), random.integers(columns - width + 1)
            image = image.copy()
            image[top : top + height, left : left + width] = 0
            break
    return image
