"""What a diffraction pattern shows of the symmetry about the beam, whichever way the crystal is turned.

A pattern I(r, a) is sampled on rings about the direct beam, and each ring is a Fourier series over the angle a,
I(r, a) = sum over k of F_k(r) exp(i k a). A turn of the crystal by t multiplies F_k with exp(-i k t), a mirror gives
its conjugate. Unchanged by both are

- the size |F_k(r)|: an axis of order n leaves only multiples of n;
- of neighbouring rings, C = F_k(r') conj(F_k(r)), its real part and the size of its imaginary part, each over the root
  of |C|: where there is a mirror the imaginary part is zero.

The module imports Keras: import it where a network is made.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

SMALL = 1e-6
"""Added below roots, of patterns whose values are about 1: their gradient stays finite where a harmonic is zero."""


@keras.saving.register_keras_serializable(package="sciml_datasets")
class PolarHarmonics(keras.layers.Layer):
    """Images (N, S, S), the direct beam at [S // 2, S // 2], to features (N, (3 radii - 2) harmonics) float32.

    Args:
        radii: rings, evenly spaced up to the frame.
        angles: places on each ring, between whose four pixels is interpolated linearly.
        harmonics: orders k from 0 on; at most half of ``angles``.
    """

    def __init__(self, radii: int = 32, angles: int = 72, harmonics: int = 13, **settings: Any) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False} | settings)
        self.radii, self.angles, self.harmonics = radii, angles, harmonics

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Find the pixels and weights of each place, for images of a size."""
        size = input_shape[-1]
        if size is None:
            raise ValueError("the size of the images is not known: give it to keras.Input")
        self._pixels, self._weights = places(size, self.radii, self.angles)
        turn = -2j * np.pi * np.outer(np.arange(self.angles), np.arange(self.harmonics)) / self.angles
        self._series = (np.exp(turn) / self.angles).astype(np.complex64)
        super().build(input_shape)

    def call(self, images: Any) -> Any:
        """The features, by kind, ring and order."""
        flat = ops.reshape(images, (-1, images.shape[-2] * images.shape[-1]))
        values = sum(ops.take(flat, p, axis=1) * w for p, w in zip(self._pixels, self._weights, strict=True))
        rings = ops.reshape(values, (-1, self.radii, self.angles))
        real, imaginary = ops.matmul(rings, self._series.real), ops.matmul(rings, self._series.imag)
        sizes = ops.sqrt(real**2 + imaginary**2 + SMALL)
        (a, c), (b, d) = ((part[:, 1:], part[:, :-1]) for part in (real, imaginary))
        norms = ops.sqrt(sizes[:, 1:] * sizes[:, :-1])
        alike, turned = (a * c + b * d) / norms, ops.abs(b * c - a * d) / norms
        features = ops.concatenate([sizes, alike, turned], axis=1)
        return ops.reshape(features, (-1, (3 * self.radii - 2) * self.harmonics))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """(N, features)."""
        return input_shape[0], (3 * self.radii - 2) * self.harmonics

    def get_config(self) -> dict[str, Any]:
        """The configuration of the layer in a ``.keras`` file."""
        own = {"radii": self.radii, "angles": self.angles, "harmonics": self.harmonics}
        return {**super().get_config(), **own}


def places(size: int, radii: int, angles: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The four pixels about each place of a polar grid, and their weights in linear interpolation.

    Args:
        size: pixels along a side; the centre is at ``size // 2``.
        radii: rings, the last one ``size // 2 - 1`` pixels from the centre.
        angles: places on each ring.

    Returns:
        (4, radii * angles) indices into the flat image, and weights that add up to 1.
    """
    centre = size // 2
    radius = np.arange(1, radii + 1)[:, None] / radii * (centre - 1)
    angle = 2 * np.pi * np.arange(angles) / angles
    rows, columns = (centre + radius * f(angle) for f in (np.sin, np.cos))
    # On the last ring a place lies on the last row or column, from which the pixel beyond has no weight.
    top, left = (np.clip(np.floor(x), 0, size - 2).astype(np.int32) for x in (rows, columns))
    down, right = rows - top, columns - left
    pixels = [(top + i) * size + left + j for i in (0, 1) for j in (0, 1)]
    weights = [(down if i else 1 - down) * (right if j else 1 - right) for i in (0, 1) for j in (0, 1)]
    return np.array(pixels, np.int32).reshape(4, -1), np.array(weights, np.float32).reshape(4, -1)
