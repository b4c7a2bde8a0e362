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

TICKS, FEW_TICKS = 48, 24
"""Classes that are named along an axis at most, and up to which their names are written large."""


def plot_history(history: Path, criterion: Criterion, picture: Path, loss_unit: str = "") -> None:
    """Draw the training loss, in its unit, and a criterion on the validation split with its target, over epochs."""
    from matplotlib.figure import Figure

    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [float(row["loss"]) for row in rows], marker=".")
    loss = f"loss, {loss_unit}" if loss_unit else "loss"
    left.set(xlabel="epoch", title=loss, ylabel="training split", ylim=(0, None))
    right.plot(epochs, [float(row.get(f"validation_{criterion.name}", "nan")) for row in rows], marker=".")
    right.set(xlabel="epoch", title=literal(criterion.title), ylabel="validation split")
    if criterion.target:
        right.axhline(criterion.target.value, color="gray", linestyle="--", label="target")
        right.legend(loc="center right")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
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
