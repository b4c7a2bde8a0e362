"""Raw CloudMask files made by hand, whole or with one defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROWS, COLUMNS = 32, 40


def granule(*, date: str = "20190613", start: str = "004900", orbit: int = 359, frame: int = 1080) -> str:
    """The name of a granule of three minutes or less that does not end after midnight."""
    stop = f"{start[:4]}59"
    return f"S3A_SL_1_RBT____{date}T{start}_{date}T{stop}_{date}T235959_0179_045_{orbit:03d}_{frame:04d}_LN2_O_NR_003"


def scene(**changes: Any) -> dict[str, Any]:
    """The data sets of one valid day scene, with changes; None leaves a data set out."""
    rng = np.random.default_rng(0)
    return {
        "refs": rng.uniform(0.1, 0.9, (ROWS, COLUMNS, 6)).astype(np.float32),
        "bts": rng.uniform(220, 300, (ROWS, COLUMNS, 3)).astype(np.float32),
        "bayes": rng.choice(np.array([0, 1, 2, 3], np.uint8), (ROWS, COLUMNS, 1)),
    } | changes


def write_scene(path: Path, **changes: Any) -> Path:
    """A scene file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in scene(**changes).items():
            if values is not None:
                file[name] = values
    return path


def write_raw(folder: Path) -> Path:
    """A raw folder of ten training passes of one scene each and one inference scene."""
    for orbit in range(1, 11):
        write_scene(folder / "training" / f"{granule(orbit=orbit)}.hdf")
    write_scene(folder / "inference" / f"{granule(date='20191001')}.hdf")
    return folder
