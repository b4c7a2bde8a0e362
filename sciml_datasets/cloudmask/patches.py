"""From scenes to what a network takes, and back: normalisation, training patches, overlapping patches, stitching.

The arithmetic is the reference's, in float32 and to the last bit (mlcommons/science, benchmarks/cloudmask, and
stfc-sciml/sciml-bench, slstr_cloud; 256 x 256 patches of 1200 x 1500 scenes), for patches and scenes of any size. Where
files hold float64 the reference normalises before it rounds to float32 and we after, since scenes are stored so.

What is missing enters a network by one rule: an invalid pixel is NEUTRAL in all channels; at a valid pixel a
reflectance that was not measured is darkness, 0, so that a night is the same whether its file says 0, NaN or a fill
value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask.validity import REFLECTANCE_SUMS

Image = NDArray[np.float32]
"""(R, C, 9) float32: S1 to S9, normalised."""

PATCH = 256
TRIM = 40
"""Pixels cut from each side of a predicted patch; the overlap is twice that."""
NEUTRAL = np.float32(0)
"""Under ``mlcommons`` a reflectance of 0.5 and 270 kelvin, under ``sciml_bench`` the mean of the scene."""
NORMALISATIONS = ("mlcommons", "sciml_bench")
_BLOCK = 32
"""Rows at a time: intermediate arrays stay in the cache, and need no fresh memory."""


def normalised(
    reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], by: str = "mlcommons"
) -> Image:
    """The nine channels in the reference's units; NaN stays NaN.

    Args:
        reflectance: (R, C, 6).
        brightness_temperature: (R, C, 3) kelvin.
        by: ``mlcommons``: reflectance - 0.5 and (kelvin - 270) / 22; ``sciml_bench``: over all pixels of the scene and
            all channels of a kind, minus the mean and over the standard deviation.

    Raises:
        ValueError: there is no such normalisation.
    """
    image = np.empty((*reflectance.shape[:-1], 9), np.float32)
    _normalise(reflectance, brightness_temperature, _units(reflectance, brightness_temperature, by), image)
    return image


def network_input(
    reflectance: NDArray[np.float32],
    brightness_temperature: NDArray[np.float32],
    valid: NDArray[Any],
    by: str = "mlcommons",
    out: Image | None = None,
) -> Image:
    """The normalised scene without a NaN: see the module's docstring.

    Args:
        reflectance: (R, C, 6).
        brightness_temperature: (R, C, 3) kelvin.
        valid: (R, C), 0 where a pixel is invalid.
        by: as in `normalised`.
        out: (R, C, 9) float32 to write into; None for a new array.

    Raises:
        ValueError: there is no such normalisation.
    """
    if by == "sciml_bench":
        reflectance = _dark_where_unmeasured(reflectance)  # before its mean is taken
    units = _units(reflectance, brightness_temperature, by)
    image = np.empty((*reflectance.shape[:-1], 9), np.float32) if out is None else out
    for start in range(0, len(image), _BLOCK):
        rows = slice(start, start + _BLOCK)
        part = image[rows]
        _normalise(_dark_where_unmeasured(reflectance[rows]), brightness_temperature[rows], units, part)
        invalid = valid[rows] == 0
        if invalid.any():
            part[invalid] = NEUTRAL
    return image


def _dark_where_unmeasured(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The reflectance itself where all of it was measured, else a copy with 0 in place of what was not."""
    low, high = REFLECTANCE_SUMS
    if reflectance.min() > low and reflectance.max() < high:  # NaN fails both
        return reflectance
    return np.where((reflectance > low) & (reflectance < high), reflectance, np.float32(0))


def _units(
    reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], by: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """What is subtracted from reflectances and what divides them, and the same of brightness temperatures."""
    if by == "mlcommons":
        return (0.5, 1.0), (270.0, 22.0)
    if by == "sciml_bench":
        return _mean_and_deviation(reflectance), _mean_and_deviation(brightness_temperature)
    raise ValueError(f"there is no normalisation {by!r}: choose one of {', '.join(NORMALISATIONS)}")


def _normalise(
    reflectance: NDArray[np.float32],
    brightness_temperature: NDArray[np.float32],
    units: tuple[tuple[float, float], tuple[float, float]],
    image: Image,
) -> None:
    """Write the nine channels into ``image``.

    Channel by channel, in loops over pixels: three times the speed of loops over the few channels of a pixel.
    """
    first = 0
    for values, (shift, scale) in zip((reflectance, brightness_temperature), units, strict=True):
        for channel in range(values.shape[-1]):
            to = image[..., first + channel]
            if scale == 1:
                np.subtract(values[..., channel], np.float32(shift), out=to)
            else:
                np.divide(values[..., channel] - np.float32(shift), np.float32(scale), out=to)
        first += values.shape[-1]


def _mean_and_deviation(values: NDArray[np.float32]) -> tuple[float, float]:
    """Of what is finite; a deviation of 0 (a night of zeros) counts as 1, where the reference divides 0 by 0."""
    finite = np.isfinite(values)
    known = values if finite.all() else values[finite]
    if known.size == 0:
        return 0.0, 1.0
    return float(known.mean()), float(known.std()) or 1.0


def training_patches(scene: NDArray[Any], patch: int = PATCH) -> NDArray[Any]:
    """The patches of the reference's crop, side by side, row by row: 20 of 256 x 256 of 1200 x 1500 pixels.

    Args:
        scene: (R, C, ...), at least ``patch`` in both directions; the remainder is cut off evenly (88 rows and 110
            columns on each side).
        patch: size.

    Returns:
        (N, patch, patch, ...).
    """
    top, left = (size % patch // 2 for size in scene.shape[:2])
    down, across = (size // patch for size in scene.shape[:2])
    cropped = scene[top : top + down * patch, left : left + across * patch]
    tiles = cropped.reshape(down, patch, across, patch, *scene.shape[2:]).swapaxes(1, 2)
    return tiles.reshape(down * across, patch, patch, *scene.shape[2:])


@dataclass(frozen=True, slots=True)
class Window:
    """One of the overlapping patches along one axis.

    Attributes:
        start: its first pixel; negative in the padding.
        kept: the pixels of the scene for which its prediction counts.
        inner: the same pixels, counted within the patch.
    """

    start: int
    kept: slice
    inner: slice


def windows(size: int, patch: int = PATCH, trim: int = TRIM) -> list[Window]:
    """The overlapping patches along an axis: 7 for 1200 pixels and 9 for 1500, so 63 of a scene.

    They start at a stride of ``patch - 2 trim``, padded evenly on both sides (TensorFlow's SAME), and each counts but
    for its outer ``trim`` pixels, so that every pixel is predicted once, with its surroundings.

    Args:
        size: pixels of the scene along the axis.
        patch, trim: pixels.

    Raises:
        ValueError: nothing is left of a trimmed patch.
    """
    stride = patch - 2 * trim
    if stride < 1 or trim < 0:
        raise ValueError(f"{trim} pixels cut from both sides of {patch} leave nothing")
    count = -(-size // stride)
    padding = (count - 1) * stride + patch - size
    found = []
    for i in range(count):
        start = i * stride - padding // 2
        first, last = max(start + trim, 0), min(start + patch - trim, size)
        found.append(Window(start, slice(first, last), slice(first - start, last - start)))
    return found


def cut(scene: NDArray[Any], row: Window, column: Window, patch: int = PATCH) -> NDArray[Any]:
    """The patch (patch, patch, ...) of two windows; zero outside the scene (R, C, ...)."""
    part = np.zeros((patch, patch, *scene.shape[2:]), scene.dtype)
    rows, columns = (slice(max(w.start, 0), w.start + patch) for w in (row, column))
    inside = scene[rows, columns]
    top, left = max(-row.start, 0), max(-column.start, 0)
    part[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return part


def overlapping_patches(scene: NDArray[Any], patch: int = PATCH, trim: int = TRIM) -> NDArray[Any]:
    """All overlapping patches of a scene (R, C, ...), row by row: (63, 256, 256, ...) of 1200 x 1500 pixels."""
    rows, columns = (windows(size, patch, trim) for size in scene.shape[:2])
    return np.stack([cut(scene, row, column, patch) for row in rows for column in columns])


def stitched(patches: NDArray[Any], rows: int, columns: int, trim: int = TRIM) -> NDArray[Any]:
    """Put the predictions of `overlapping_patches` (N, patch, patch, ...) together: (rows, columns, ...).

    Raises:
        ValueError: there are not as many patches as a scene of this size has.
    """
    patch = patches.shape[1]
    places = [(r, c) for r in windows(rows, patch, trim) for c in windows(columns, patch, trim)]
    if len(patches) != len(places):
        raise ValueError(f"{len(patches)} patches, expected {len(places)} of a scene of {rows} x {columns} pixels")
    scene = np.empty((rows, columns, *patches.shape[3:]), patches.dtype)
    for part, (row, column) in zip(patches, places, strict=True):
        scene[row.kept, column.kept] = part[row.inner, column.inner]
    return scene
