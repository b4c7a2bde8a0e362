"""Pictures of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.mathtext import literal

COUNT = 8
"""Default number of samples that are drawn."""
FEATURES = (
    *("id", "reflectance", "brightness_temperature", "image"),
    *("cloud", "valid", "day", "start_time", "relative_orbit"),
)
MAX_PIXELS = 600
"""Largest number of rows of a scene that are drawn; of larger scenes every second, third, ... row and column is."""
KELVIN = (200.0, 310.0)
"""Range of the grey scale in kelvin: high cloud tops to warm land."""


def contact_sheet(
    samples: Sequence[dict[str, Any]],
    picture: Path | IO[bytes],
    predictions: Sequence[NDArray[Any]] | None = None,
    *,
    preprocessed: bool = False,
) -> None:
    """Draw scenes, one per row: false colour, temperature with the mask's outline, and a model's prediction.

    Args:
        samples: examples of a CloudMask data set as NumPy arrays.
        picture: PNG file to write, or a file that is open for it.
        predictions: (R, C) probability of cloud, or mask, of each sample; columns show it and its errors.
        preprocessed: whether the channels are joined and normalised, as the feature ``image``.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    columns = 2 if predictions is None else 4
    figure = Figure(figsize=(4.2 * columns, 3.5 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), columns, squeeze=False)
    for number, (given, row) in enumerate(zip(samples, grid, strict=True)):
        sample = in_units(given) if preprocessed else given
        step = -(-sample["cloud"].shape[0] // MAX_PIXELS)
        cloud, valid = (sample[name][::step, ::step] != 0 for name in ("cloud", "valid"))
        kelvin = np.where(valid, sample["brightness_temperature"][::step, ::step, 1], np.nan)
        row[0].imshow(false_colour(sample, step))
        row[0].set_title(_title(sample), fontsize=9)
        drawn = row[1].imshow(kelvin, cmap="gray_r", vmin=KELVIN[0], vmax=KELVIN[1])
        figure.colorbar(drawn, ax=row[1], label="K", shrink=0.8)
        if cloud.any() and not cloud.all():
            row[1].contour(cloud, levels=[0.5], colors="tab:orange", linewidths=0.6)
        row[1].set_title("S8, 10.9 µm, and the mask's outline", fontsize=9)
        if predictions is not None:
            predicted = np.asarray(predictions[number])[::step, ::step]
            drawn = row[2].imshow(np.where(valid, predicted, np.nan), cmap="Blues_r", vmin=0, vmax=1)
            figure.colorbar(drawn, ax=row[2], shrink=0.8)
            row[2].set_title("predicted probability of cloud", fontsize=9)
            errors = np.where(valid, (predicted > 0.5).astype(int) - cloud, np.nan)
            row[3].imshow(errors, cmap=ListedColormap(["tab:red", "whitesmoke", "tab:blue"]), vmin=-1.5, vmax=1.5)
            wrong = np.mean(errors[valid] != 0) if valid.any() else 0.0
            row[3].set_title(f"missed (red) and false (blue): {100 * wrong:.1f} %", fontsize=9)
        for axes in row:
            axes.set_axis_off()
    figure.savefig(picture, dpi=110, bbox_inches="tight")


def in_units(sample: dict[str, Any]) -> dict[str, Any]:
    """The example with reflectances and kelvin in place of normalised channels."""
    image = np.asarray(sample["image"], np.float32)
    return sample | {"reflectance": image[..., :6] + 0.5, "brightness_temperature": image[..., 6:] * 22 + 270}


def false_colour(sample: dict[str, Any], step: int = 1) -> NDArray[np.float32]:
    """(r, c, 3) colours from 0 to 1; black where invalid.

    By day S5, S3 and S2 (1.6, 0.87, 0.66 micrometres): snow and ice cloud are blue, droplets white, plants green. By
    night S9, S8 and S7 with cold as bright, where low cloud differs in colour from the ground by its emission in S7.
    """
    if sample["day"]:
        colour = sample["reflectance"][::step, ::step, (4, 2, 1)] / 0.9
    else:
        kelvin = sample["brightness_temperature"][::step, ::step, ::-1]
        colour = (KELVIN[1] - kelvin) / (KELVIN[1] - KELVIN[0])
    valid = sample["valid"][::step, ::step, None] != 0
    return np.asarray(np.where(valid, np.clip(colour, 0, 1), 0), np.float32)


def _title(sample: dict[str, Any]) -> str:
    start = sample["start_time"]
    start = start.decode() if isinstance(start, bytes) else start
    kind = "S5, S3, S2 by day" if sample["day"] else "S9, S8, S7 by night"
    return f"{literal(start)}   orbit {int(sample['relative_orbit'])}   {kind}"
