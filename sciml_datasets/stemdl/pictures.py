"""Pictures of CBED stacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.mathtext import literal
from sciml_datasets.stemdl.crystals import Floats, space_group_type
from sciml_datasets.stemdl.directions import (
    are_indices,
    are_unit_vectors,
    encloses_volume,
    lattice_of,
    primitive,
)
from sciml_datasets.stemdl.log_scaling import LOG_SCALE

COUNT = 8
"""Default number of samples that are drawn."""
FEATURES = ("id", "cbed_stack", "space_group", "formula", "energy_kev", "z_dirs", "abc_angstrom", "angles_degree")
DECADES = 7
"""Number of decades shown below the brightest pixel: about the range of the benchmark's logarithm (e^-17)."""
MAX_INDEX = 12
"""Largest index that is tried for a zone axis given as a unit vector."""


def hermann_mauguin(space_group: int) -> str:
    """The short Hermann-Mauguin symbol as mathtext, rotoinversions overlined: 225 gives ``$Fm\\overline{3}m$``."""
    return "$" + re.sub(r"-(\d)", r"\\overline{\1}", space_group_type(space_group).international_short) + "$"


def zone_axes(directions: Floats, lengths: Floats, angles: Floats) -> list[str]:
    """The zone axes of a stack as mathtext, negative indices overlined: ``$[1\\overline{1}0]$``.

    Args:
        directions: (3, 3) directions as columns: indices or unit vectors, see `sciml_datasets.stemdl.directions`.
        lengths: (3,) lengths a, b and c of the cell in angstrom.
        angles: (3,) angles alpha, beta and gamma in degrees.

    Returns:
        The direct-lattice indices of each pattern without a common divisor. For a unit vector without indices up to
        MAX_INDEX or in a cell without volume, and for a direction that is neither, the text has its numbers,
        ``(0.71, 0.71, 0.00)``; it is empty where the direction is not known (NaN).
    """
    if not np.isfinite(directions).all():
        return [""] * len(directions.T)
    if are_indices(directions):
        return [_bracketed(primitive(np.round(column).astype(np.int64))) for column in directions.T]
    if not are_unit_vectors(directions):
        return [_numbers(column) for column in directions.T]
    if not np.isfinite([*lengths, *angles]).all():
        return [""] * len(directions.T)
    if not encloses_volume(lengths, angles):
        return [_numbers(column) for column in directions.T]
    inverse = np.linalg.inv(lattice_of(lengths, angles))
    return [
        _bracketed(found) if (found := _small(column @ inverse)) is not None else _numbers(column)
        for column in directions.T
    ]


def _small(direction: Floats) -> NDArray[np.int64] | None:
    """The indices of a direction, up to MAX_INDEX; None where there are none."""
    for largest in range(1, MAX_INDEX + 1):
        multiple = direction / np.abs(direction).max() * largest
        if np.abs(multiple - np.round(multiple)).max() < 1e-3:
            return np.asarray(np.round(multiple).astype(np.int64))
    return None


def _bracketed(indices: NDArray[np.int64]) -> str:
    texts = [f"\\overline{{{-i}}}" if i < 0 else f"{i}" for i in indices]
    return "$[" + (r"\," if np.abs(indices).max() > 9 else "").join(texts) + "]$"


def _numbers(direction: Floats) -> str:
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
        predictions: class scores (231,) or a class for each sample; the predicted space group is added to the title.
        preprocessed: whether the patterns are logarithms already, see `sciml_datasets.stemdl.log_scaling`.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(samples))
    rows = -(-len(samples) // columns)
    figure = Figure(figsize=(5.4 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subfigures(rows, columns, squeeze=False).reshape(-1)
    for number, (sample, panel) in enumerate(zip(samples, panels, strict=False)):
        group = int(sample["space_group"])
        formula = sample["formula"].decode() if isinstance(sample["formula"], bytes) else sample["formula"]
        title = f"{hermann_mauguin(group)} ({group})   {literal(formula)}"
        if sample["energy_kev"]:  # form B does not state it
            title += f"   {int(sample['energy_kev'])} keV"
        if predictions is not None:
            predicted = int(np.argmax(predictions[number]) if np.ndim(predictions[number]) else predictions[number])
            title += f"   predicted {hermann_mauguin(predicted) if predicted else '-'} ({predicted})"
        panel.suptitle(title, fontsize=10)
        for axes, pattern, axis in zip(panel.subplots(1, 3), sample["cbed_stack"], _zone_axes(sample), strict=True):
            brightest = max(float(pattern.max()), np.finfo(np.float32).tiny)
            if preprocessed:
                # 0 represents all intensities below the transform's floor.
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
    return zone_axes(sample["z_dirs"][0], sample["abc_angstrom"], sample["angles_degree"])
