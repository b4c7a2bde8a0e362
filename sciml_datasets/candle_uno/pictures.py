"""Pictures of drug response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COUNT = 20000
"""Samples that are drawn unless another number is asked for."""
FEATURES = ("id", "source", "cell", "drug", "auc")
CELLS, DRUGS = 60, 40
"""Rows and columns of the heat map: those with the most responses."""
PANELS = 8
"""Drugs of which predictions are drawn."""
MIN_RESPONSES = 3


def contact_sheet(
    samples: Sequence[dict[str, Any]], picture: Path, predictions: Sequence[NDArray[Any]] | None = None
) -> None:
    """Draw responses: a heat map over cell lines and drugs, histograms by source, and predictions of single drugs.

    Args:
        samples: examples of a CANDLE-UNO data set as NumPy values; FEATURES are drawn.
        picture: PNG file to write.
        predictions: the predicted AUC of each sample; adds predicted against observed of the most frequent drugs.
    """
    from matplotlib.figure import Figure

    auc = np.array([float(sample["auc"]) for sample in samples])
    cells, drugs, sources = (
        np.array([_text(sample[name]) for sample in samples]) for name in ("cell", "drug", "source")
    )
    figure = Figure(figsize=(13, 6.5 if predictions is None else 11.5), layout="constrained")
    upper: Any = figure
    lower: Any = None
    if predictions is not None:
        panels: Any = figure.subfigures(2, 1, height_ratios=(6.5, 5))
        upper, lower = panels
    left, right = upper.subplots(1, 2, width_ratios=(1.5, 1))
    table, rows, columns = heat_map(auc, cells, drugs)
    image = left.imshow(table, cmap="RdBu", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    left.set(xlabel=f"{len(columns)} drugs", ylabel=f"{len(rows)} cell lines", title="mean AUC; blank: not measured")
    upper.colorbar(image, ax=left, label="AUC (low: the drug kills)")
    names = [name for name, _ in Counter(sources.tolist()).most_common()]
    bins = np.linspace(min(0.0, auc.min()), max(1.0, auc.max()), 41)
    for name in names:
        some = auc[sources == name]
        right.hist(some, bins, density=True, histtype="step", label=f"{name} ({len(some):,})")
    right.set(xlabel="AUC", ylabel="density", title="AUC by source")
    right.legend(fontsize=8, loc="upper left")
    if predictions is not None:
        predicted = np.array([float(np.ravel(value)[0]) for value in predictions])
        _draw_drugs(lower, auc, predicted, drugs)
    figure.savefig(picture, dpi=110)


def heat_map(
    auc: NDArray[np.float64], cells: NDArray[np.str_], drugs: NDArray[np.str_]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Mean AUC of cell lines and drugs with the most responses, each sorted by its own mean.

    Args:
        auc, cells, drugs: (N,) of each response.

    Returns:
        (cells, drugs) float64, NaN where nothing was measured; the names of the rows; the names of the columns.
    """
    rows = _by_mean(auc, cells, CELLS)
    columns = _by_mean(auc, drugs, DRUGS)
    row, column = ({name: number for number, name in enumerate(names)} for names in (rows, columns))
    total, count = np.zeros((2, len(rows), len(columns)))
    for value, cell, drug in zip(auc, cells.tolist(), drugs.tolist(), strict=True):
        if cell in row and drug in column:
            total[row[cell], column[drug]] += value
            count[row[cell], column[drug]] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0), rows, columns


def _by_mean(auc: NDArray[np.float64], names: NDArray[np.str_], most: int) -> list[str]:
    kept = [name for name, _ in sorted(Counter(names.tolist()).items(), key=lambda item: (-item[1], item[0]))[:most]]
    return sorted(kept, key=lambda name: float(auc[names == name].mean()))


def _draw_drugs(panel: Any, auc: NDArray[np.float64], predicted: NDArray[np.float64], drugs: NDArray[np.str_]) -> None:
    """Predicted against observed AUC, one panel for each of the most frequent drugs."""
    frequent = [name for name, count in Counter(drugs.tolist()).most_common(PANELS) if count >= MIN_RESPONSES]
    panel.suptitle(f"predicted against observed AUC, the {len(frequent)} drugs with the most responses")
    if not frequent:
        return
    for axes, drug in zip(panel.subplots(2, -(-len(frequent) // 2), squeeze=False).flat, frequent, strict=False):
        observed, guess = auc[drugs == drug], predicted[drugs == drug]
        varied = observed.std() > 0 and guess.std() > 0
        r = f"r {np.corrcoef(observed, guess)[0, 1]:.2f}" if varied else "constant"
        axes.plot([0, 1], [0, 1], color="gray", linewidth=0.6)
        axes.scatter(observed, guess, s=6, color="tab:blue")
        axes.set_title(f"{drug}, n {len(observed)}, {r}", fontsize=8)
        axes.tick_params(labelsize=7)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
