"""Integrated centre of mass: the potential from a scan of diffraction patterns, without learning.

A thin specimen deflects the beam by the gradient of its potential: the centre of mass of the pattern at each position
is that gradient, blurred by the probe, and its integral is the potential up to a factor and a constant (Lazic, Bosch
and Lazar 2016, doi:10.1016/j.ultramic.2015.10.011).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def centres_of_mass(patterns: NDArray[np.floating]) -> Floats:
    """(N, 2) rows and columns, in pixels, of the centres of mass of (N, H, W) patterns, each less its lowest pixel.

    A constant pattern, for example of a position that was not recorded, has no shift: 0.
    """
    weights = patterns.astype(np.float64)
    weights -= weights.min(axis=(1, 2), keepdims=True)
    total = weights.sum(axis=(1, 2))
    rows, columns = (np.arange(length) - length // 2 for length in weights.shape[1:])
    sums = np.stack([weights.sum(axis=2) @ rows, weights.sum(axis=1) @ columns], axis=1)
    return np.asarray(sums / np.where(total > 0, total, 1.0)[:, None])


def integrated(gradient: Floats) -> Floats:
    """The field of mean 0 whose differences between neighbours come closest to the mean of their gradients.

    Least squares over all pairs of neighbours, solved exactly in the cosine transform, which diagonalises the Laplacian
    of a grid with open borders (Frankot and Chellappa 1988, doi:10.1109/34.3909, for periodic ones).

    Args:
        gradient: (rows, columns, 2) gradient along rows and along columns, per step of the grid.

    Returns:
        (rows, columns) the field.
    """
    from scipy.fft import dctn, idctn

    divergence = np.zeros(gradient.shape[:2])
    for axis in (0, 1):
        along = np.moveaxis(gradient[..., axis], axis, 0)
        difference = (along[1:] + along[:-1]) / 2
        into = np.moveaxis(divergence, axis, 0)
        into[:-1] -= difference
        into[1:] += difference
    rows, columns = (np.cos(np.pi * np.arange(length) / length) for length in gradient.shape[:2])
    laplacian = 4 - 2 * rows[:, None] - 2 * columns
    laplacian[0, 0] = 1.0  # the constant, which differences do not determine
    spectrum = dctn(divergence, norm="ortho") / laplacian
    spectrum[0, 0] = 0.0
    return np.asarray(idctn(spectrum, norm="ortho"))


def integrated_centre_of_mass(patterns: NDArray[np.floating], shape: tuple[int, int]) -> Floats:
    """The image of a square scan, of mean 0 and of arbitrary unit.

    Args:
        patterns: (positions, H, W) diffraction patterns, row by row; the scan has as many rows as columns.
        shape: shape of the image, which covers half a step beyond the outer positions.

    Returns:
        The integrated centre of mass, by cubic splines on the pixels of the image.

    Raises:
        ValueError: the scan is not square.
    """
    from scipy.ndimage import zoom

    side = math.isqrt(len(patterns))
    if side * side != len(patterns):
        raise ValueError(f"a scan has {len(patterns)} positions: expected a square number")
    field = integrated(centres_of_mass(patterns).reshape(side, side, 2))
    factors = (shape[0] / side, shape[1] / side)
    return np.asarray(zoom(field, factors, order=3, mode="nearest", grid_mode=True))


def best_factor(pairs: Iterable[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> tuple[float, float]:
    """Factor and constant that map images to true ones, by least squares over all pixels.

    Args:
        pairs: pairs of an image and the true image, (H, W) each; at least one. Where no image varies the factor is 0.
    """
    count = first = second = square = product = 0.0
    for image, truth in pairs:
        x, y = image.astype(np.float64), truth.astype(np.float64)
        count += x.size
        first += x.sum()
        second += y.sum()
        square += (x * x).sum()
        product += (x * y).sum()
    spread = square - first**2 / count
    factor = (product - first * second / count) / spread if spread > 0 else 0.0
    return float(factor), float((second - factor * first) / count)
