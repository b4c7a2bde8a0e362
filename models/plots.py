"""Plots of a run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np


def plot_history(history: Path, picture: Path) -> None:
    """Draw loss and validation accuracy over epochs from ``history.csv``."""
    from matplotlib.figure import Figure

    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [float(row["loss"]) for row in rows], marker=".")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    for key in (key for key in rows[0] if key.startswith("validation_")):
        right.plot(
            epochs,
            [float(row[key]) for row in rows],
            marker=".",
            label=key.removeprefix("validation_").replace("_", " "),
        )
    right.set(xlabel="epoch", ylabel="validation score", ylim=(0, 1))
    right.legend()
    figure.savefig(picture, dpi=120)


def plot_confusion(result: dict[str, Any], picture: Path) -> None:
    """Draw the confusion matrix of a result, each row divided by its sum."""
    from matplotlib.figure import Figure

    classes = result["details"]["confusion"]["classes"]
    counts = np.array(result["details"]["confusion"]["counts"], float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = np.arange(0, len(classes), max(1, len(classes) // 30))
    axes.set_xticks(ticks, [str(classes[i]) for i in ticks], rotation=90)
    axes.set_yticks(ticks, [str(classes[i]) for i in ticks])
    axes.set(xlabel="predicted class", ylabel="true class", title=f"{result['dataset']}, {result['split']} split")
    figure.colorbar(image, label="share of the true class")
    figure.savefig(picture, dpi=120)
