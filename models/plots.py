"""Plots of a run."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sciml_datasets.benchmark import Criterion
from sciml_datasets.benchmarks import find
from sciml_datasets.mathtext import literal

TRAINING, VALIDATION = "#0072b2", "#d55e00"
"""Colours of the splits."""
WITH_COUNTS, WITH_SHARES = 12, 4
"""Number of classes up to which the cells of the confusion matrix have their counts, and also their shares."""
TICKS, FEW_TICKS = 48, 24
"""Classes that are named along an axis at most, and up to which their names are written large."""


def plot_history(
    history: Path, criterion: Criterion, picture: Path, title: str, loss_unit: str = "", same: str = ""
) -> None:
    """Draw the training loss, and a criterion on the validation split with its target, over epochs.

    Args:
        history: the file ``history.csv``.
        criterion: the criterion.
        picture: PNG file to write.
        title: data set, model and seed.
        loss_unit: unit of the loss.
        same: name of the criterion that is the loss, drawn on the validation split beside it; empty where there is
            none.
    """
    from matplotlib.figure import Figure

    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]

    def column(name: str) -> list[float]:
        return [float(row.get(name, "nan")) for row in rows]

    figure = Figure(figsize=(8, 3.8), layout="constrained")
    figure.suptitle(literal(title), fontsize=11)
    left, right = figure.subplots(1, 2)
    left.plot(epochs, column("loss"), marker=".", color=TRAINING, label="training split")
    if same and f"validation_{same}" in rows[0]:
        left.plot(epochs, column(f"validation_{same}"), marker=".", color=VALIDATION)
    left.set(xlabel="epoch", title=f"loss, {loss_unit}" if loss_unit else "loss", ylim=(0, None))
    right.plot(epochs, column(f"validation_{criterion.name}"), marker=".", color=VALIDATION, label="validation split")
    right.set(xlabel="epoch", title=literal(criterion.title))
    if criterion.target:
        right.axhline(criterion.target.value, color="gray", linestyle="--", label="target")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(picture, dpi=120)


def plot_confusion(result: dict[str, Any], picture: Path) -> None:
    """Draw the confusion matrix of a result, each row divided by its sum.

    Classes ascend; where the benchmark derives coarser labels from them, such as crystal systems from space groups,
    lines part those of the first kind, which are named at the top.
    """
    from matplotlib.figure import Figure

    classes = result["details"]["confusion"]["classes"]
    counts = np.array(result["details"]["confusion"]["counts"], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(0, len(classes), math.ceil(len(classes) / TICKS))
    size = 7 if len(ticks) > FEW_TICKS else 10
    names = [literal(str(classes[i])) for i in ticks]
    axes.set_xticks(ticks, names, rotation=90, fontsize=size)
    axes.set_yticks(ticks, names, fontsize=size)
    title = literal(f"{result['dataset']}, {result['split']} split")
    axes.set(xlabel="predicted class", ylabel="true class", title=title)
    _part(axes, classes, getattr(find(result["dataset"])[0].task, "coarser", {}))
    for i, j in np.argwhere(counts) if len(classes) <= WITH_COUNTS else ():
        share = f"\n{100 * shares[i, j]:.1f} %" if len(classes) <= WITH_SHARES else ""
        colour = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, f"{counts[i, j]:,.0f}{share}", ha="center", va="center", color=colour)
    figure.colorbar(image, label="share of the true class")
    figure.savefig(picture, dpi=120)


def _part(axes: Any, classes: list[Any], coarser: Mapping[str, Mapping[str, int]]) -> None:
    """Draw lines between the classes of different coarser labels, and name these at the top."""
    names: dict[float, str] = {}
    first = 0
    for name, last in next(iter(coarser.values()), {}).items():
        end = sum(1 for number in classes if number <= last)
        if first < end:
            names[(first + end - 1) / 2] = name
        if 0 < end < len(classes):
            axes.axhline(end - 0.5, color="0.6", linewidth=0.6)
            axes.axvline(end - 0.5, color="0.6", linewidth=0.6)
        first = end
    if names:
        top = axes.secondary_xaxis("top")
        top.set_xticks(list(names), list(names.values()), rotation=30, ha="left", fontsize=8)
        top.tick_params(length=0)
