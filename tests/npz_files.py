"""Raw STEMDL files of form B made by hand, and the reference's transform as it is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FOLDERS = ("training", "validation", "testing", "inference")


def reference_transform(stack: np.ndarray) -> np.ndarray:
    """The formula as the reference states it, for (3, 512, 512) intensities."""
    with np.errstate(divide="ignore"):
        scaled = np.clip((np.maximum(-17, np.log(stack)) + 17) * 10, 0, 255)
    return scaled.reshape(3, 128, 4, 128, 4).mean(axis=(2, 4))


def write_npz(path: Path, **arrays: Any) -> Path:
    """A file of form B: a seeded stack of group 2, with changes; None leaves an array out."""
    rng = np.random.default_rng(list(path.name.encode()))
    data = (255 * rng.random((3, 128, 128))).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"data": data, "label": np.array([2])} | arrays
    np.savez(path, **{name: array for name, array in kept.items() if array is not None})
    return path


def write_raw(raw_dir: Path) -> Path:
    """A raw folder with one valid sample in each of form B's folders."""
    for name in FOLDERS:
        write_npz(raw_dir / "stemdl_preprocessed" / name / "0.npz")
    return raw_dir / "stemdl_preprocessed"
