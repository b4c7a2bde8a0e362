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
from sciml_datasets.stemdl.diffraction import K_MAX, wavelength
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
FEATURES = (
    *("id", "cbed_stack", "space_group", "formula", "energy_kev"),
    *("z_dirs", "semi_angles_rad", "abc_angstrom", "angles_degree"),
)
DECADES = 7
"""Number of decades shown below the brightest pixel: about the range of the benchmark's logarithm (e^-17)."""
SIDE, GAP, HEAD, LINE, BETWEEN, FOOT = 1.7, 0.08, 0.52, 0.2, 0.25, 0.6
"""Inches: side of a pattern, space between patterns and above those of a stack, height of a line of text, space between
stacks and for the scale of the colours."""
STACK_WIDTH = 3 * SIDE + 2 * GAP + BETWEEN
BAR = "1 \N{ANGSTROM SIGN}$^{-1}$"
"""Length of the scale bar."""
RIGHT, WRONG = "#005f9e", "#b03a00"
"""Colours of a right and of a wrong prediction: blue and vermilion, which the colour-blind distinguish too."""
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

    Each stack is titled with its space group, formula and energy, each pattern with its zone axis and the convergence
    semi-angle, by which patterns of one zone differ.

    Args:
        samples: examples of a STEMDL data set as NumPy arrays.
        picture: PNG file to write, or a file that is open for it.
        predictions: class scores (231,) or a class for each sample; the predicted space group is added to the title.
        preprocessed: whether the patterns are logarithms already, see `sciml_datasets.stemdl.log_scaling`.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    columns = min(2, len(samples))
    rows = -(-len(samples) // columns)
    head = HEAD if predictions is None else HEAD + LINE
    width, height = columns * STACK_WIDTH + BETWEEN, rows * (head + SIDE) + FOOT
    figure = Figure(figsize=(width, height))

    def axes_at(left: float, top: float, wide: float, high: float) -> Any:
        """Axes at a place in inches from the upper left corner: all patterns are of one size, whatever their titles."""
        return figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))

    scale = ScalarMappable(Normalize(-DECADES, 0), "inferno")
    for number, sample in enumerate(samples):
        row, column = divmod(number, columns)
        left, top = BETWEEN + column * STACK_WIDTH, row * (head + SIDE)
        figure.text(left / width, 1 - (top + 0.12) / height, _title(sample), fontsize=10, va="top")
        if predictions is not None:
            text, colour = _verdict(int(sample["space_group"]), predictions[number])
            figure.text(left / width, 1 - (top + 0.12 + LINE) / height, text, fontsize=10, va="top", color=colour)
        patterns = zip(sample["cbed_stack"], _zone_axes(sample), _semi_angles(sample), strict=True)
        for place, (pattern, zone, angle) in enumerate(patterns):
            axes = axes_at(left + place * (SIDE + GAP), top + head, SIDE, SIDE)
            axes.imshow(
                _logarithms(pattern, preprocessed=preprocessed),
                cmap=scale.cmap,
                norm=scale.norm,
                origin="lower",
                extent=(-K_MAX, K_MAX, -K_MAX, K_MAX),
            )
            axes.set_title("  ".join(filter(None, (zone, angle))), fontsize=8, pad=2)
            axes.set_axis_off()
            axes.plot([0.1 - K_MAX, 1.1 - K_MAX], [0.15 - K_MAX] * 2, color="white", linewidth=2)
            axes.text(0.6 - K_MAX, 0.2 - K_MAX, BAR, color="white", fontsize=7, ha="center", va="bottom")
    bar = axes_at(BETWEEN, height - FOOT + 0.1, min(width - 2 * BETWEEN, 5.0), 0.12)
    label = "decimal logarithm of the intensity over that of the brightest pixel; above: zone axis, semi-angle"
    figure.colorbar(scale, cax=bar, orientation="horizontal").set_label(label, fontsize=8)
    bar.tick_params(labelsize=8)
    figure.savefig(picture, dpi=110)


def _title(sample: dict[str, Any]) -> str:
    """Space group, formula, energy, and the angle of the scale bar, where they are known."""
    group = int(sample["space_group"])
    formula = sample["formula"].decode() if isinstance(sample["formula"], bytes) else sample["formula"]
    title = f"{hermann_mauguin(group)} ({group})   {literal(formula)}"
    energy = int(sample["energy_kev"])
    if energy:  # form B does not state it
        title += f"   {energy} keV, {BAR} is {1e3 * wavelength(energy):.0f} mrad"
    return title


def _verdict(group: int, prediction: NDArray[Any]) -> tuple[str, str]:
    """A text and its colour: the predicted space group, and whether it is right."""
    predicted = int(np.argmax(prediction) if np.ndim(prediction) else prediction)
    named = f"{hermann_mauguin(predicted) if predicted else '-'} ({predicted})"
    return (
        (f"\N{CHECK MARK} predicted {named}", RIGHT)
        if predicted == group
        else (f"\N{MULTIPLICATION SIGN} predicted {named}", WRONG)
    )


def _logarithms(pattern: Floats, *, preprocessed: bool) -> Floats:
    """The decimal logarithm of a pattern's intensities over the greatest, at least -DECADES."""
    brightest = max(float(pattern.max()), float(np.finfo(np.float32).tiny))
    if preprocessed:
        # 0 represents all intensities below the transform's floor.
        return np.where(pattern > 0, (pattern - brightest) / (LOG_SCALE * np.log(10)), -DECADES)
    return np.asarray(np.log10(np.maximum(pattern / brightest, 10.0**-DECADES)))


def _semi_angles(sample: dict[str, Any]) -> list[str]:
    """The convergence semi-angle of each pattern of a sample; empty where it is not known."""
    angles = np.asarray(sample.get("semi_angles_rad", np.full(len(sample["cbed_stack"]), np.nan)))
    return [f"{1e3 * angle:.2f} mrad" if np.isfinite(angle) else "" for angle in angles]


def _zone_axes(sample: dict[str, Any]) -> list[str]:
    """The zone axis of each pattern of a sample: direction i is column i of ``z_dirs``."""
    if "z_dirs" not in sample:
        return [""] * len(sample["cbed_stack"])
    return zone_axes(sample["z_dirs"][0], sample["abc_angstrom"], sample["angles_degree"])
