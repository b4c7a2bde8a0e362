"""Pictures of scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
PIXEL_KM = 1.0
"""Width of a pixel below the satellite: scenes are on the 1 km grid of S7 to S9."""
DAY = ("S5 1.61 µm", "S3 0.87 µm", "S2 0.66 µm")
NIGHT = ("S9 12.0 µm", "S8 10.9 µm", "S7 3.74 µm")
"""Channels that are red, green and blue."""
CLOUD, RIGHT, MISSED, FALSE = "tab:orange", "0.85", "tab:red", "tab:blue"
"""Colours of the mask's outline, and of right, missed and false pixels."""
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
    from matplotlib.figure import Figure

    columns = 2 if predictions is None else 4
    figure = Figure(figsize=(4.2 * columns, 3.9 * len(samples)), layout="constrained")
    grid = figure.subplots(len(samples), columns, squeeze=False)
    for number, (given, row) in enumerate(zip(samples, grid, strict=True)):
        sample = in_units(given) if preprocessed else given
        height, width = sample["cloud"].shape
        step = -(-height // MAX_PIXELS)
        extent = (0, width * PIXEL_KM, height * PIXEL_KM, 0)
        cloud, valid = (sample[name][::step, ::step] != 0 for name in ("cloud", "valid"))
        kelvin = np.where(valid, sample["brightness_temperature"][::step, ::step, 1], np.nan)
        row[0].imshow(false_colour(sample, step), extent=extent)
        row[0].set_title(_title(sample), fontsize=9)
        _name_colours(row[0], NIGHT if not sample["day"] else DAY, black=not valid.all())
        drawn = row[1].imshow(kelvin, cmap="gray_r", vmin=KELVIN[0], vmax=KELVIN[1], extent=extent)
        _scale(figure, drawn, row[1], "brightness temperature, K")
        if cloud.any() and not cloud.all():
            middles = ((np.arange(count) + 0.5) * step * PIXEL_KM for count in cloud.shape[::-1])
            row[1].contour(*middles, cloud, levels=[0.5], colors=CLOUD, linewidths=0.6)
        row[1].set_title("S8, 10.9 µm, and the cloud mask", fontsize=9)
        _legend(row[1], {"outline of cloud": CLOUD} | ({} if valid.all() else {"not valid": "white"}))
        if predictions is not None:
            predicted = np.asarray(predictions[number])[::step, ::step]
            _draw_errors(figure, row[2:], predicted, cloud, valid, extent)
        for axes in row:
            axes.tick_params(labelsize=7)
            axes.set_xlabel("km", fontsize=8, labelpad=0)
        row[0].set_ylabel("km", fontsize=8)
    figure.savefig(picture, dpi=110, bbox_inches="tight")


def _draw_errors(
    figure: Any,
    row: Sequence[Any],
    predicted: NDArray[Any],
    cloud: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    extent: tuple[float, float, float, float],
) -> None:
    """The predicted probability, and which pixels it classifies wrongly."""
    from matplotlib.colors import ListedColormap

    drawn = row[0].imshow(np.where(valid, predicted, np.nan), cmap="Blues_r", vmin=0, vmax=1, extent=extent)
    _scale(figure, drawn, row[0], "predicted probability of cloud")
    row[0].set_title("prediction", fontsize=9)
    errors = np.where(valid, (predicted > 0.5).astype(int) - cloud, np.nan)
    colours = ListedColormap([MISSED, RIGHT, FALSE])
    row[1].imshow(errors, cmap=colours, vmin=-1.5, vmax=1.5, extent=extent)
    wrong = np.mean(errors[valid] != 0) if valid.any() else 0.0
    row[1].set_title(f"errors: {100 * wrong:.1f} % of the valid pixels", fontsize=9)
    classes = {"right": RIGHT, "missed cloud": MISSED, "false cloud": FALSE}
    _legend(row[1], classes | ({} if valid.all() else {"not valid": "white"}))


def _scale(figure: Any, drawn: Any, axes: Any, label: str) -> None:
    bar = figure.colorbar(drawn, ax=axes, shrink=0.75)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _legend(axes: Any, classes: Mapping[str, str]) -> None:
    """A legend of colours below the axes."""
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=colour, edgecolor="0.5", label=name) for name, colour in classes.items()]
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": len(patches), "frameon": False}
    axes.legend(handles=patches, fontsize=7, handlelength=1, columnspacing=1, **place)


def _name_colours(axes: Any, channels: Sequence[str], *, black: bool) -> None:
    """Which channel is shown in which colour."""
    names = dict(zip(channels, ("red", "green", "blue"), strict=True))
    _legend(axes, names | ({"not valid": "black"} if black else {}))


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
    kind = "day" if sample["day"] else "night, cold is bright"
    return f"{literal(start)}   orbit {int(sample['relative_orbit'])}   {kind}"
