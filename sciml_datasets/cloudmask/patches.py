"""From scenes to the input of a network, and back: normalisation, training patches, overlapping patches, stitching.

The arithmetic is the reference's, in float32 and to the last bit (mlcommons/science, benchmarks/cloudmask, and
stfc-sciml/sciml-bench, slstr_cloud; 256 x 256 patches of 1200 x 1500 scenes), for patches and scenes of any size. Where
files hold float64 the reference normalises before it rounds to float32 and this project after, since scenes are stored
as float32.

One rule applies to missing values in the input of a network: an invalid pixel is NEUTRAL in all channels; at a valid
pixel a reflectance that was not measured is darkness, 0, so that a night is the same whether its file has 0, NaN or a
fill value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask.validity import REFLECTANCE_SUMS

Image = NDArray[np.float32]
"""(R, C, 9) float32 image of S1 to S9, normalised."""

PATCH = 256
TRIM = 40
"""Number of pixels cut from each side of a predicted patch; the overlap is twice that."""
NEUTRAL = np.float32(0)
"""Value of invalid pixels: under ``mlcommons`` a reflectance of 0.5 and 270 kelvin, under ``sciml_bench`` the mean of
the scene."""
NORMALISATIONS = ("mlcommons", "sciml_bench")
_BLOCK = 1 << 14
"""Number of pixels at a time: half a megabyte of the nine channels stays in the cache from one operation to the
next."""


def normalised(
    reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], by: str = "mlcommons"
) -> Image:
    """The nine channels in the reference's units; NaN stays NaN.

    Args:
        reflectance: (R, C, 6) reflectances.
        brightness_temperature: (R, C, 3) brightness temperatures in kelvin.
        by: name of the normalisation. ``mlcommons``: reflectance - 0.5 and (kelvin - 270) / 22; ``sciml_bench``: values
            minus the mean and over the standard deviation, of all pixels of the scene and all channels of a kind.

    Raises:
        ValueError: there is no such normalisation, or an array has another number of channels.
    """
    units = _units(reflectance, brightness_temperature, by)
    image = np.empty((*reflectance.shape[:-1], 9), np.float32)
    for _, part in _joined(reflectance, brightness_temperature, image):
        _normalise(part, units)
    return image


def network_input(
    reflectance: NDArray[np.float32],
    brightness_temperature: NDArray[np.float32],
    valid: NDArray[Any],
    by: str = "mlcommons",
    out: Image | None = None,
) -> Image:
    """The normalised scene without NaN: see the module's docstring.

    Args:
        reflectance: (R, C, 6) reflectances.
        brightness_temperature: (R, C, 3) brightness temperatures in kelvin.
        valid: (R, C) mask, 0 where a pixel is invalid.
        by: name of the normalisation, as in `normalised`.
        out: (R, C, 9) float32 array to write into; None for a new array.

    Raises:
        ValueError: there is no such normalisation, or an array has another number of channels.
    """
    if by == "sciml_bench":  # before its mean is taken
        reflectance = np.where(_measured(reflectance), reflectance, np.float32(0))
    units = _units(reflectance, brightness_temperature, by)
    image = np.empty((*reflectance.shape[:-1], 9), np.float32) if out is None else out
    for rows, part in _joined(reflectance, brightness_temperature, image):
        _darken_unmeasured(part)
        _normalise(part, units)
        invalid = valid[rows] == 0
        if invalid.any():
            part[invalid] = NEUTRAL
    return image


def _joined(
    reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], image: Image
) -> Iterator[tuple[slice, Image]]:
    """Copy both into an image (R, C, 9), some rows at a time; yield the slice of these rows and the rows.

    All channels of a pixel are copied as one item: twice the speed of copying numbers, and arrays over a file need not
    be aligned. Later operations run over aligned and contiguous memory.
    """
    items = np.dtype({"names": ["r", "k"], "formats": ["V24", "V12"], "offsets": [0, 24], "itemsize": 36})
    pixels = image.view(items)[..., 0]
    sources = (pixels["r"], _pixels(reflectance, 6)), (pixels["k"], _pixels(brightness_temperature, 3))
    step = max(1, _BLOCK // image.shape[1])
    for start in range(0, len(image), step):
        rows = slice(start, start + step)
        for to, values in sources:
            to[rows] = values[rows]
        yield rows, image[rows]


def _pixels(values: NDArray[np.float32], channels: int) -> NDArray[np.void]:
    """(R, C) items, each of all channels of a pixel of (R, C, N) values."""
    if values.ndim != 3 or values.shape[-1] != channels:
        raise ValueError(f"an array has the shape {values.shape}, expected (R, C, {channels})")
    return np.asarray(values, np.float32).view(f"V{4 * channels}")[..., 0]


def _measured(reflectance: NDArray[np.float32]) -> NDArray[np.bool_]:
    low, high = REFLECTANCE_SUMS
    measured = reflectance > low
    measured &= reflectance < high
    return measured  # NaN fails both


def _darken_unmeasured(part: Image) -> None:
    """Write 0 in place of each reflectance (R, C, 9) that was not measured."""
    kept = _measured(part)
    kept |= _row(False, True, part.shape[1])
    if not kept.all():
        bits = part.view(np.int32)
        bits *= kept  # a product with 0 or 1 takes a quarter of the time of writing under a condition


def _units(
    reflectance: NDArray[np.float32], brightness_temperature: NDArray[np.float32], by: str
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The subtrahend and the divisor of reflectances, and those of brightness temperatures."""
    if by == "mlcommons":
        return (0.5, 1.0), (270.0, 22.0)
    if by == "sciml_bench":
        return _mean_and_deviation(reflectance), _mean_and_deviation(brightness_temperature)
    raise ValueError(f"there is no normalisation {by!r}: choose one of {', '.join(NORMALISATIONS)}")


def _normalise(part: Image, units: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """Subtract and divide in place.

    Values divided by 1 are unchanged, to the last bit.
    """
    (shift, scale), (kelvin_shift, kelvin_scale) = units
    part -= _row(np.float32(shift), np.float32(kelvin_shift), part.shape[1])
    part /= _row(np.float32(scale), np.float32(kelvin_scale), part.shape[1])


@lru_cache(16, typed=True)
def _row(reflectance: Any, kelvin: Any, columns: int) -> NDArray[Any]:
    """(columns, 9) array of one constant for each kind, so that loops run over rows of numbers, not over the nine of a
    pixel."""
    return np.tile(np.array([reflectance] * 6 + [kelvin] * 3), (columns, 1))


def _mean_and_deviation(values: NDArray[np.float32]) -> tuple[float, float]:
    """The mean and the standard deviation of the finite values.

    A deviation of 0 (a night of zeros) counts as 1, where the reference divides 0 by 0.
    """
    finite = np.isfinite(values)
    known = values if finite.all() else values[finite]
    if known.size == 0:
        return 0.0, 1.0
    return float(known.mean()), float(known.std()) or 1.0


def training_patches(scene: NDArray[Any], patch: int = PATCH) -> NDArray[Any]:
    """The patches of the reference's crop, side by side, row by row: 20 of 256 x 256 of 1200 x 1500 pixels.

    Args:
        scene: (R, C, ...) scene of at least ``patch`` pixels in both directions; the remainder is cut off evenly (88
            rows and 110 columns on each side).
        patch: size of a patch in pixels.

    Returns:
        (N, patch, patch, ...) patches.

    Raises:
        ValueError: the scene is smaller than a patch.
    """
    if min(scene.shape[:2]) < patch:
        raise ValueError(f"a scene has the shape {scene.shape}, expected at least {patch} x {patch} pixels")
    top, left = (size % patch // 2 for size in scene.shape[:2])
    down, across = (size // patch for size in scene.shape[:2])
    cropped = scene[top : top + down * patch, left : left + across * patch]
    tiles = cropped.reshape(down, patch, across, patch, *scene.shape[2:]).swapaxes(1, 2)
    return tiles.reshape(down * across, patch, patch, *scene.shape[2:])


@dataclass(frozen=True, slots=True)
class Window:
    """One of the overlapping patches along one axis.

    Attributes:
        start: first pixel of the patch; negative in the padding.
        kept: slice of the pixels of the scene for which its prediction is used.
        inner: slice of the same pixels within the patch.
    """

    start: int
    kept: slice
    inner: slice


def windows(size: int, patch: int = PATCH, trim: int = TRIM) -> list[Window]:
    """The overlapping patches along an axis: 7 for 1200 pixels and 9 for 1500, so 63 for a scene.

    They start at a stride of ``patch - 2 trim``, padded evenly on both sides (TensorFlow's SAME), and each is used
    without its outer ``trim`` pixels, so that every pixel is predicted once, with its surroundings.

    Args:
        size: number of pixels of the scene along the axis.
        patch, trim: size of a patch and of its unused edge in pixels.

    Raises:
        ValueError: a trimmed patch has no pixels.
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
        ValueError: the number of patches is not that of a scene of this size.
    """
    patch = patches.shape[1]
    places = [(r, c) for r in windows(rows, patch, trim) for c in windows(columns, patch, trim)]
    if len(patches) != len(places):
        raise ValueError(f"{len(patches)} patches, expected {len(places)} of a scene of {rows} x {columns} pixels")
    scene = np.empty((rows, columns, *patches.shape[3:]), patches.dtype)
    for part, (row, column) in zip(patches, places, strict=True):
        scene[row.kept, column.kept] = part[row.inner, column.inner]
    return scene
