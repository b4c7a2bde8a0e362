"""Gaussian random fields with a power-law spectrum.

The variance per area of wave-number space falls as k^-slope beyond the outer scale: 8/3 for the liquid water of clouds
(a one-dimensional -5/3 spectrum: Cahalan et al. 1994, doi 10.1175/1520-0469(1994)051<2434:TAOFSC>2.0.CO;2), more for
smoother things such as coasts and air masses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(R, C) float32 field."""

OUTER_SCALE = 200.0
"""Size of the largest structures in pixels (kilometres): that of cloud fields and coasts rather than of whole fronts,
so that even a small scene shows cloud and open sky."""


def gaussian_fields(rng: np.random.Generator, rows: int, columns: int, slopes: Iterable[float]) -> Iterator[Field]:
    """Independent fields (rows, columns), periodic, of mean 0 and variance 1 over all realisations.

    Args:
        rng: source of the noise.
        rows, columns: size in pixels.
        slopes: slopes of the spectra, one for each field.
    """
    wave_numbers = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None]).astype(np.float32)
    logs = np.log(np.maximum(wave_numbers, 1 / OUTER_SCALE))
    for slope in slopes:
        amplitude = np.exp(logs * (-slope / 2))
        amplitude[:, 0] *= np.sqrt(2)  # only the real part of waves along the columns is used
        variance = 4 * np.sum(amplitude**2, dtype=np.float64) - 3 * np.sum(amplitude[:, 0] ** 2, dtype=np.float64)
        noise = rng.standard_normal((rows, 2 * amplitude.shape[1]), np.float32).view(np.complex64)
        noise *= amplitude * (rows * columns / np.sqrt(variance)).astype(np.float32)
        yield np.asarray(np.fft.irfft2(noise, (rows, columns)), np.float32)
