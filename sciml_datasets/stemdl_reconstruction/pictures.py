"""Pictures of scans and of the images that are reconstructed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.mathtext import literal

COUNT = 4
"""Default number of samples that are drawn."""
FEATURES = ("id", "cbed", "projected_potential")
MAX_SIDE = 8
"""Largest number of positions of a scan that are drawn along a side; of larger scans every second, third, ... is."""
LIMITS = (-1.5, 4.5)
"""Limits of the grey scale of z-scored images, in standard deviations; differences are drawn from -3 to 3."""


def contact_sheet(
    samples: Sequence[dict[str, Any]], picture: Path | IO[bytes], predictions: Sequence[NDArray[Any]] | None = None
) -> None:
    """Draw samples, one per row: the scan, the true image and, with predictions, their image and the difference.

    Args:
        samples: examples of a reconstruction data set as NumPy arrays.
        picture: PNG file to write, or a file that is open for it.
        predictions: (H, W) predicted image of each sample.
    """
    from matplotlib.figure import Figure

    columns = 2 if predictions is None else 4
    figure = Figure(figsize=(3.4 * columns, 3.6 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), columns, squeeze=False)
    for number, (sample, row) in enumerate(zip(samples, grid, strict=True)):
        truth = np.asarray(sample["projected_potential"], np.float32)
        key = sample["id"].decode() if isinstance(sample["id"], bytes) else str(sample["id"])
        row[0].imshow(mosaic(sample["cbed"]), cmap="inferno")
        row[0].set_title(f"{literal(key)}\nscan, square root", fontsize=9)
        drawn = row[1].imshow(truth, cmap="gray", vmin=LIMITS[0], vmax=LIMITS[1], interpolation="bicubic")
        row[1].set_title("projected potential, z-scored", fontsize=9)
        figure.colorbar(drawn, ax=row[1], shrink=0.8)
        if predictions is not None:
            predicted = np.asarray(predictions[number], np.float32)
            row[2].imshow(predicted, cmap="gray", vmin=LIMITS[0], vmax=LIMITS[1], interpolation="bicubic")
            varies = predicted.std() > 0 and truth.std() > 0
            r = f", r = {np.corrcoef(predicted.ravel(), truth.ravel())[0, 1]:.3f}" if varies else ", constant"
            row[2].set_title(f"predicted{r}", fontsize=9)
            drawn = row[3].imshow(predicted - truth, cmap="RdBu_r", vmin=-3, vmax=3, interpolation="bicubic")
            row[3].set_title("predicted - true", fontsize=9)
            figure.colorbar(drawn, ax=row[3], shrink=0.8)
        for axes in row:
            axes.set_axis_off()
    figure.savefig(picture, dpi=110)


def mosaic(scan: NDArray[Any]) -> NDArray[np.float32]:
    """The patterns (positions, H, W) as square roots, side by side in the order of the scan, one pixel apart.

    A scan whose positions form no square is drawn in one row.
    """
    side = math.isqrt(len(scan))
    rows, columns = (side, side) if side * side == len(scan) else (1, len(scan))
    step = -(-columns // MAX_SIDE)
    patterns = np.asarray(scan, np.float32).reshape(rows, columns, *scan.shape[1:])[::step, ::step]
    patterns = np.sqrt(patterns - patterns.min(axis=(2, 3), keepdims=True))
    framed = np.pad(patterns, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=float(patterns.max()))
    return np.asarray(np.block([list(line) for line in framed]))
