"""Pictures of scans and of the images that are reconstructed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.mathtext import literal
from sciml_datasets.stemdl_reconstruction.scans import IMAGE_PIXEL, STEP

COUNT = 4
"""Default number of samples that are drawn."""
SIMULATED = "electron_density"
"""A feature of simulated data alone, whose lengths are known; the original's files do not state any."""
FEATURES = ("id", "cbed", "projected_potential", SIMULATED)
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
    figure = Figure(figsize=(3.9 * columns, 3.6 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), columns, squeeze=False)

    def draw(axes: Any, image: NDArray[Any], title: str, label: str, width: float, unit: str, **style: Any) -> None:
        drawn = axes.imshow(image, extent=(0, width, width * image.shape[0] / image.shape[1], 0), **style)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(unit, fontsize=8)
        axes.tick_params(labelsize=7)
        bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=7)

    for number, (sample, row) in enumerate(zip(samples, grid, strict=True)):
        truth = np.asarray(sample["projected_potential"], np.float32)
        angstrom = SIMULATED in sample
        pixel, unit = (IMAGE_PIXEL, "x and y, \N{ANGSTROM SIGN}") if angstrom else (1.0, "x and y, pixels")
        side, of_scan = math.isqrt(len(sample["cbed"])), "position of the probe"
        step, of_scan = (STEP, f"{of_scan}, \N{ANGSTROM SIGN}") if angstrom else (1.0, f"{of_scan}, number")
        width = truth.shape[1] * pixel
        scan = mosaic(sample["cbed"])
        draw(row[0], scan, _named(sample), "square root of the intensity", side * step, of_scan, cmap="inferno")
        shades = {"cmap": "gray", "vmin": LIMITS[0], "vmax": LIMITS[1], "interpolation": "bicubic"}
        potential = "potential, standard deviations"
        draw(row[1], truth, "projected potential", potential, width, unit, **shades)
        if predictions is not None:
            predicted = np.asarray(predictions[number], np.float32)
            varies = predicted.std() > 0 and truth.std() > 0
            r = f", r = {np.corrcoef(predicted.ravel(), truth.ravel())[0, 1]:.3f}" if varies else ", constant"
            draw(row[2], predicted, f"predicted{r}", potential, width, unit, **shades)
            between = {"cmap": "RdBu_r", "vmin": -3, "vmax": 3, "interpolation": "bicubic"}
            label = "difference, standard deviations"
            draw(row[3], predicted - truth, "predicted - true", label, width, unit, **between)
    figure.savefig(picture, dpi=110)


def _named(sample: dict[str, Any]) -> str:
    """The sample by its split and number: the raw files do not name its crystal."""
    key = sample["id"].decode() if isinstance(sample["id"], bytes) else str(sample["id"])
    split, _, rest = key.partition("/")
    return literal(f"{split}, scan {rest.rpartition('/')[2]}" if rest else key)


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
