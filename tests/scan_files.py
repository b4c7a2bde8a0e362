"""Raw STEMDL files of form C made by hand, in either style of headers, whole or with one defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lmdb
import numpy as np

SCAN, IMAGE = (4, 16, 16), (1, 12, 12)
FILES = ("batch_train_0.db", "batch_eval_0.db", "batch_test_0.db")


def headers(*, old: bool = False) -> dict[str, bytes]:
    """Eight header entries, or the four of older exports."""
    found = {
        "input_dtype": b"float16",
        "output_dtype": b"float16",
        "input_shape": np.array(SCAN).tobytes(),
        "output_shape": np.array(IMAGE).tobytes(),
    }
    names = {"input_name": b"cbed_", "output_name": b"2d_potential_", "header_entries": np.array([6]).tobytes()}
    return found if old else found | names


def records(seed: int, *, count: int = 2, output_name: str = "2d_potential_") -> dict[str, np.ndarray]:
    """Scans and images of random half-precision numbers."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(count):
        found[f"cbed_{number}"] = rng.normal(size=SCAN).astype(np.float16)
        found[f"{output_name}{number}"] = rng.normal(size=IMAGE).astype(np.float16)
    return found


def write_file(path: Path, entries: dict[str, Any], *, folder: bool = False) -> Path:
    """An environment with these entries, in a file of its own or in a folder; None leaves an entry out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(path), subdir=folder, map_size=1 << 22) as environment, environment.begin(write=True) as writing:
        for key, value in entries.items():
            if value is not None:
                writing.put(key.encode(), value.tobytes() if isinstance(value, np.ndarray) else value)
    path.with_name(f"{path.name}-lock").unlink(missing_ok=True)
    return path


def write_raw(raw_dir: Path, **changes: Any) -> Path:
    """A raw folder with two samples in each split; the changes are made to the entries of the training file.

    Returns:
        The training file.
    """
    for seed, name in enumerate(FILES):
        entries = headers() | records(seed) | (changes if name == FILES[0] else {})
        write_file(raw_dir / "stemdl_reconstruction" / name, entries)
    return raw_dir / "stemdl_reconstruction" / FILES[0]
