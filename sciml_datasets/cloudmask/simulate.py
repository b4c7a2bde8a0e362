"""Simulated raw CloudMask files: scenes of `scenes`, the official HDF5 layout, the names of a real orbit.

Differences from the original: invented weather, a mask by a rule of thumb (see `scenes`), and frames of a pass that
share a climate but do not continue each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sciml_datasets.cloudmask.granules import NODE, ORBIT, RELATIVE_ORBITS, granule_of, split_of
from sciml_datasets.cloudmask.raw import SIZES
from sciml_datasets.cloudmask.scenes import Climate, simulated_scene
from sciml_datasets.errors import InputError
from sciml_datasets.files.hdf5_writing import written
from sciml_datasets.parallel.processes import mapped
from sciml_datasets.parallel.progress import progress
from sciml_datasets.raw_format import SPLITS

FIRST_NODES = {"training": datetime(2019, 6, 1, tzinfo=UTC), "inference": datetime(2019, 10, 1, tzinfo=UTC)}
"""Day of the first pass of each folder, by name; the original's inference scenes are of October 2019 as well."""
FRAME_SECONDS = 180
DAY_FRAMES, NIGHT_FRAMES = (2520, 2700, 2880), (180, 360, 540)
"""Times of frames in seconds after the ascending node; the satellite descends over the day side at 10:00."""
TEST_SHARE, VALIDATION_SHARE = 1 / 6, 1 / 8
MIN_PIXELS = 32
WRITTEN = re.compile(r"training|inference")
"""Pattern of the names of all that is written directly into the raw folder."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """One file to write; it depends on the seed, the number, the pass, day and the size alone."""

    path: Path
    number: int
    orbit: int
    day: bool
    seed: int
    rows: int
    columns: int


def write_raw(
    folder: Path,
    name: str,
    *,
    num_samples: int,
    seed: int,
    jobs: int,
    rows: int | None = None,
    columns: int | None = None,
) -> None:
    """Write ``{training,inference}/S3A_SL_1_RBT____*.hdf`` below ``folder``.

    Passes have up to three frames, by day and by night in turn; those are taken whose split, by the rule of the
    benchmark, still needs scenes.

    Raises:
        InputError: there are fewer than 3 samples (one per split), or fewer than MIN_PIXELS rows or columns.
    """
    rows, columns = rows or SIZES[name][0], columns or SIZES[name][1]
    if num_samples < 3:
        raise InputError(f"{num_samples} samples: expected at least 3, one for each split")
    if min(rows, columns) < MIN_PIXELS:
        raise InputError(f"{rows} x {columns} pixels: expected at least {MIN_PIXELS} rows and columns")
    scenes = [
        _Scene(folder / place / f"{granule}.hdf", number, orbit, day, seed, rows, columns)
        for number, (place, granule, orbit, day) in enumerate(_granules(num_samples))
    ]
    for place in FIRST_NODES:
        (folder / place).mkdir(parents=True)
    with progress("Simulating", num_samples, " scenes") as advance:
        for _ in mapped(_write_scene, scenes, jobs):
            advance(1)


def _granules(num_samples: int) -> Iterator[tuple[str, str, int, bool]]:
    """Yield folder, granule name, orbit and day of all scenes, split by split."""
    wanted = {
        "test": max(1, round(num_samples * TEST_SHARE)),
        "validation": max(1, round(num_samples * VALIDATION_SHARE)),
    }
    wanted["train"] = num_samples - sum(wanted.values())
    for split in SPLITS:
        place = "inference" if split == "test" else "training"
        # The number of the orbit, counted from the beginning of cycle 0.
        orbit = NODE[1] * RELATIVE_ORBITS + NODE[2] - (NODE[0] - FIRST_NODES[place]) // ORBIT
        left, day = wanted[split], True
        while left:
            frames = (DAY_FRAMES if day else NIGHT_FRAMES)[:left]
            names = [_name(orbit, frame) for frame in frames]
            if split_of(granule_of(Path(names[0])), held_out=split == "test") == split:
                yield from ((place, granule, orbit, day) for granule in names)
                left -= len(frames)
                day = not day
            orbit += 1


def _name(orbit: int, frame: int) -> str:
    """The name of the granule of a frame, with the orbit counted from the beginning of cycle 0."""
    date, cycle, relative = NODE
    node = date + (orbit - cycle * RELATIVE_ORBITS - relative) * ORBIT
    start = node.replace(microsecond=0) + timedelta(seconds=frame)
    times = (start, start + timedelta(seconds=FRAME_SECONDS), start + timedelta(days=1))
    start_stop_made = "_".join(f"{time:%Y%m%dT%H%M%S}" for time in times)
    cycle, relative = divmod(orbit - 1, RELATIVE_ORBITS)
    return f"S3A_SL_1_RBT____{start_stop_made}_0179_{cycle:03d}_{relative + 1:03d}_{frame:04d}_SIM_D_NT_001"


def _write_scene(scene: _Scene) -> None:
    climate = Climate.draw(np.random.default_rng([scene.seed, 0, scene.orbit]), day=scene.day)
    rng = np.random.default_rng([scene.seed, 1, scene.number])
    refs, bts, bayes = simulated_scene(rng, climate, scene.rows, scene.columns)
    with written(scene.path) as h5:
        h5["refs"], h5["bts"], h5["bayes"] = refs, bts, bayes
        h5.attrs["engine"] = "gaussian random fields"
