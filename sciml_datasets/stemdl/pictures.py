"""Pictures of CBED stacks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl.crystals import space_group_type

COUNT = 8
"""Samples that are drawn unless another number is asked for."""
FEATURES = ("id", "cbed_stack", "space_group", "formula", "energy_kev")
DECADES = 7
"""Orders of magnitude shown below the brightest pixel: about what the benchmark's logarithm keeps (e^-17)."""


def hermann_mauguin(space_group: int) -> str:
    """Short Hermann-Mauguin symbol as mathtext, rotoinversions overlined: 225 gives ``$Fm\\overline{3}m$``."""
    return "$" + re.sub(r"-(\d)", r"\\overline{\1}", space_group_type(space_group).international_short) + "$"


def contact_sheet(
    samples: Sequence[dict[str, Any]], picture: Path, predictions: Sequence[NDArray[Any]] | None = None
) -> None:
    """Draw stacks, one per row of three patterns, two stacks side by side, on a logarithmic scale.

    Args:
        samples: examples of a STEMDL data set as NumPy arrays.
        picture: PNG file to write.
        predictions: for each sample class scores (231,) or a class; the predicted space group joins the title.
    """
    from matplotlib.figure import Figure

    columns = min(2, len(samples))
    rows = -(-len(samples) // columns)
    figure = Figure(figsize=(5.4 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subfigures(rows, columns, squeeze=False).reshape(-1)
    for number, (sample, panel) in enumerate(zip(samples, panels, strict=False)):
        group = int(sample["space_group"])
        formula = sample["formula"].decode() if isinstance(sample["formula"], bytes) else sample["formula"]
        title = f"{hermann_mauguin(group)} ({group})   {formula}   {int(sample['energy_kev'])} keV"
        if predictions is not None:
            predicted = int(np.argmax(predictions[number]) if np.ndim(predictions[number]) else predictions[number])
            title += f"   predicted {hermann_mauguin(predicted) if predicted else '-'} ({predicted})"
        panel.suptitle(title, fontsize=10)
        for axes, pattern in zip(panel.subplots(1, 3), sample["cbed_stack"], strict=True):
            brightest = max(float(pattern.max()), np.finfo(np.float32).tiny)
            logs = np.log10(np.maximum(pattern / brightest, 10.0**-DECADES))
            axes.imshow(logs, cmap="inferno", vmin=-DECADES, vmax=0, origin="lower")
            axes.set_axis_off()
    figure.supxlabel(f"logarithm of the intensity, {DECADES} decades below the brightest pixel", fontsize=9)
    figure.savefig(picture, dpi=110)
