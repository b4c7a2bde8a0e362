"""Random erasing (Zhong et al. 2017, arXiv 1708.04896): a rectangle of an image is lost in training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

AREA = (0.02, 0.33)
"""Least and greatest share of the image, uniform between them."""
ASPECT = (0.3, 3.3)
"""Least and greatest height over width; its logarithm is uniform between them."""
ATTEMPTS = 10
"""Rectangles that are drawn until one fits; then the image stays whole."""


def rectangle(rows: int, columns: int, random: np.random.Generator, probability: float) -> NDArray[np.int32]:
    """(4,) top, left, height and width of what is erased of an image; zeros where nothing is.

    Ranges and distributions are the defaults of torchvision.transforms.RandomErasing.

    Args:
        rows, columns: size of the image.
        random: generator of whether, how large and where.
        probability: probability that something is erased.
    """
    found = np.zeros(4, np.int32)
    if random.random() >= probability:
        return found
    for _ in range(ATTEMPTS):
        area = rows * columns * random.uniform(*AREA)
        aspect = math.exp(random.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height < rows and width < columns:
            found[:] = random.integers(rows - height + 1), random.integers(columns - width + 1), height, width
            break
    return found


def erased(image: NDArray[np.float32], random: np.random.Generator, probability: float) -> NDArray[np.float32]:
    """An image (R, C, channels) with zeros, torchvision's default too, in a random `rectangle`, or the image itself.

    Args:
        image: image, which is not changed.
        random: generator of the rectangle.
        probability: probability that something is erased.
    """
    rows, columns = image.shape[:2]
    top, left, height, width = rectangle(rows, columns, random, probability).tolist()
    if height:
        image = image.copy()
        image[top : top + height, left : left + width] = 0
    return image


def erased_batch(xp: Any, images: Any, rectangles: Any) -> Any:
    """Images (N, R, C, channels) with zeros in rectangles (N, 4), each as `rectangle` gives it.

    Args:
        xp: module of the arrays, with the names of the array API.
        images: images.
        rectangles: int32 numbers.
    """

    def within(axis: int) -> Any:
        places = xp.arange(images.shape[axis + 1], dtype=rectangles.dtype)[None, :]
        first, length = rectangles[:, axis, None], rectangles[:, axis + 2, None]
        return (places >= first) & (places < first + length)

    inside = within(0)[:, :, None, None] & within(1)[:, None, :, None]
    return xp.where(inside, xp.zeros_like(images), images)
