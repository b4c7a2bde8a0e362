"""Pictures of CBED stacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import space_group_type
from sciml_datasets.stemdl.preprocessing import LOG_SCALE

COUNT = 8
"""Samples that are drawn unless another number is asked for."""
FEATURES = ("id", "cbed_stack", "space_group", "formula", "energy_kev", "z_dirs", "abc_angstrom", "angles_degree")
DECADES = 7
"""Orders of magnitude shown below the brightest pixel: about what the benchmark's logarithm keeps (e^-17)."""
MAX_INDEX = 12
"""Of a zone axis, the largest that is looked for."""


def hermann_mauguin(space_group: int) -> str:
    """Short Hermann-Mauguin symbol as mathtext, rotoinversions overlined: 225 gives ``$Fm\\overline{3}m$``."""
    return "$" + re.sub(r"-(\d)", r"\\overline{\1}", space_group_type(space_group).international_short) + "$"


def zone_axis(direction: NDArray[np.float64], lengths: NDArray[np.float64], angles: NDArray[np.float64]) -> str:
    """The direct-lattice indices of a direction as mathtext, negative ones overlined: ``$[1\\overline{1}0]$``.

    Args:
        direction: (3,) Cartesian, the cell's a along x and b in the plane of x and y.
        lengths: (3,) a, b and c of the cell in angstrom.
        angles: (3,) alpha, beta and gamma in degrees.

    Returns:
        The direction as it is, ``(0.71, 0.71, 0.00)``, where no indices up to MAX_INDEX give it; empty where it or the
        cell is not known (NaN).
    """
    if not np.isfinite([*direction, *lengths, *angles]).all():
        return ""
    cosines, sine = np.cos(np.radians(angles)), np.sin(np.radians(angles[2]))
    across = (cosines[0] - cosines[1] * cosines[2]) / sine
    cell = lengths[:, None] * np.array(
        [[1, 0, 0], [cosines[2], sine, 0], [cosines[1], across, np.sqrt(1 - cosines[1] ** 2 - across**2)]]
    )
    indices = direction @ np.linalg.inv(cell)
    for largest in range(1, MAX_INDEX + 1):
        multiple = indices / np.abs(indices).max() * largest
        if np.abs(multiple - np.round(multiple)).max() < 1e-3:
            texts = [f"\\overline{{{-i}}}" if i < 0 else f"{i}" for i in np.round(multiple).astype(int)]
            return "$[" + (r"\," if largest > 9 else "").join(texts) + "]$"
    return f"({', '.join(f'{value:.2f}' for value in direction)})"


def contact_sheet(
    samples: Sequence[dict[str, Any]],
    picture: Path | IO[bytes],
    predictions: Sequence[NDArray[Any]] | None = None,
    *,
    preprocessed: bool = False,
) -> None:
    """Draw stacks, one per row of three patterns, two stacks side by side, on a logarithmic scale.

    Each stack is titled with its space group, formula and energy, each pattern with its zone axis.

    Args:
        samples: examples of a STEMDL data set as NumPy arrays.
        picture: PNG file to write, or a file that is open for it.
        predictions: for each sample class scores (231,) or a class; the predicted space group joins the title.
        preprocessed: the patterns are logarithms already, see `sciml_datasets.stemdl.preprocessing`.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(samples))
    rows = -(-len(samples) // columns)
    figure = Figure(figsize=(5.4 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subfigures(rows, columns, squeeze=False).reshape(-1)
    for number, (sample, panel) in enumerate(zip(samples, panels, strict=False)):
        group = int(sample["space_group"])
        formula = sample["formula"].decode() if isinstance(sample["formula"], bytes) else sample["formula"]
        title = f"{hermann_mauguin(group)} ({group})   {formula}"
        if sample["energy_kev"]:  # form B does not tell it
            title += f"   {int(sample['energy_kev'])} keV"
        if predictions is not None:
            predicted = int(np.argmax(predictions[number]) if np.ndim(predictions[number]) else predictions[number])
            title += f"   predicted {hermann_mauguin(predicted) if predicted else '-'} ({predicted})"
        panel.suptitle(title, fontsize=10)
        for axes, pattern, axis in zip(panel.subplots(1, 3), sample["cbed_stack"], _zone_axes(sample), strict=True):
            brightest = max(float(pattern.max()), np.finfo(np.float32).tiny)
            if preprocessed:
                # 0 stands for whatever is below the transform's floor.
                logs = np.where(pattern > 0, (pattern - brightest) / (LOG_SCALE * np.log(10)), -DECADES)
            else:
                logs = np.log10(np.maximum(pattern / brightest, 10.0**-DECADES))
            axes.imshow(logs, cmap="inferno", vmin=-DECADES, vmax=0, origin="lower")
            axes.set_title(axis, fontsize=8, pad=2)
            axes.set_axis_off()
    figure.supxlabel(f"logarithm of the intensity, {DECADES} decades below the brightest pixel", fontsize=9)
    figure.savefig(picture, dpi=110)


def _zone_axes(sample: dict[str, Any]) -> list[str]:
    """The zone axis of each pattern of a sample: direction i is column i of ``z_dirs``."""
    if "z_dirs" not in sample:
        return [""] * len(sample["cbed_stack"])
    return [zone_axis(column, sample["abc_angstrom"], sample["angles_degree"]) for column in sample["z_dirs"][0].T]
