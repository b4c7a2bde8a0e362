"""Raw STEMDL files made by hand, whole or with one defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

PIXELS = 128


def write_file(path: Path, samples: dict[str, dict[str, Any]]) -> Path:
    """An HDF5 file with one group per sample; ``cbed_stack`` None leaves the data set out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, sample in samples.items():
            group = file.create_group(name)
            if sample["cbed_stack"] is not None:
                group["cbed_stack"] = sample["cbed_stack"]
            for key, value in sample.items():
                if key != "cbed_stack" and value is not None:
                    group.attrs[key] = value
    return path


def sample(crystal: str, *, pixels: int = PIXELS, **changes: Any) -> dict[str, Any]:
    """One valid sample, seeded by its crystal's name, with changes."""
    rng = np.random.default_rng(list(crystal.encode()))
    return {
        "cbed_stack": rng.random((3, pixels, pixels), dtype=np.float32),
        "space_group": np.bytes_(b"2"),
        "material": np.bytes_(crystal.encode()),
        "energy_keV": 100,
    } | changes


def write_raw(raw_dir: Path, *, train: dict[str, dict[str, Any]] | None = None, dev: str = "dev") -> Path:
    """A raw folder with a valid ``stemdl_demo`` of one sample per split; ``train`` replaces the training samples."""
    folder = raw_dir / "stemdl_demo"
    write_file(folder / "train" / "batch_train_0.h5", {"sample_0_0": sample("mp-1")} if train is None else train)
    write_file(folder / dev / "batch_dev_0.h5", {"sample_0_0": sample("mp-2")})
    write_file(folder / "test" / "batch_test_0.h5", {"sample_0_0": sample("mp-3")})
    return folder
