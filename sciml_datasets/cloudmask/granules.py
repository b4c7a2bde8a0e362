"""Names of SLSTR granules, and the split that follows from a name.

A name such as ``S3A_SL_1_RBT____20190612T004900_20190612T005200_20190612T030639_0179_045_359_1080_LN2_O_NR_003`` gives
satellite, start, stop and creation (UTC), duration in seconds, cycle, relative orbit (1 to 385), frame, centre and
class. Source: Sentinel-3 PDGS File Naming Convention, GMES-S3GS-EOPG-TN-09-0009.

The frame is the time in seconds since the ascending node, where the relative orbit begins (in the manifest of a real
product, orbit epoch plus frame equals the start to the millisecond). So the name of any frame gives the date on which
its pass began, and a pass over midnight remains one pass.

Names of the reprocessed archive have ``____`` for the frame. The satellites of the series share ground tracks and local
time, so that a relative orbit begins at the same time of the day for each satellite and year: it gives the node, and
the date of the pass is the same as from names with a frame. (In 13 names of products of 2018 to 2025 node and frame
agree to 2.5 minutes.) Only where a node is that close to midnight may two names of one pass give two dates: a raw
folder that holds both is refused.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sciml_datasets.errors import InputError

RELATIVE_ORBITS = 385
"""Number of orbits of a repeat cycle of 27 days (Sentinel-3 SLSTR user guide)."""
NODE = datetime(2021, 8, 27, 6, 52, 36, tzinfo=UTC), 75, 320
"""Time of an ascending node of Sentinel-3A, its cycle and relative orbit (manifest of
S3A_SL_1_RBT____20210827T074336...)."""
ORBIT = timedelta(days=27) / RELATIVE_ORBITS
"""Duration of an orbit."""
VALIDATION_SHARE = 0.2
"""Share of passes in validation, as in the reference, which draws files instead (mlcommons/science,
benchmarks/cloudmask)."""

_NAME = re.compile(
    r"(?P<satellite>S3[A-D])_SL_1_RBT____(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_\d{8}T\d{6}"
    r"_\d{4}_(?P<cycle>\d{3})_(?P<orbit>\d{3})_(?P<frame>\d{4}|____)_[A-Z0-9_]{3}_[A-Z]_[A-Z0-9]{2}_[A-Z0-9_]{3}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Granule:
    """The facts in the name of a granule.

    Attributes:
        name: the name without extension.
        satellite: ``S3A`` to ``S3D``.
        start, stop: start and stop of the measurement, UTC.
        cycle: number of the repeat cycle.
        relative_orbit: number of the orbit within the cycle, 1 to 385.
        frame: seconds since the ascending node; None where the name does not state it.
    """

    name: str
    satellite: str
    start: datetime
    stop: datetime
    cycle: int
    relative_orbit: int
    frame: int | None

    @property
    def start_time(self) -> str:
        """The start as ISO 8601 text: ``2019-06-12T00:49:00Z``."""
        return self.start.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def orbit(self) -> tuple[str, int, int]:
        """The satellite, cycle and relative orbit, which no two passes share."""
        return self.satellite, self.cycle, self.relative_orbit

    @property
    def orbit_pass(self) -> str:
        """The pass, by the date of its ascending node and its relative orbit: ``2019-06-12 orbit 359``."""
        node = self._usual_node() if self.frame is None else self.start - timedelta(seconds=self.frame)
        return f"{node:%Y-%m-%d} orbit {self.relative_orbit:03d}"

    def _usual_node(self) -> datetime:
        """The time of the ascending node of the orbit, to some minutes."""
        day = timedelta(days=1)
        time, _, orbit = NODE
        nearest = self.start - ORBIT / 2  # a frame is between 0 and ORBIT
        apart = (time + (self.relative_orbit - orbit) * ORBIT - nearest) % day
        return nearest + (apart if apart < day / 2 else apart - day)


def is_granule(path: Path) -> bool:
    """Whether a file has the name of a granule, with any ending."""
    return bool(_NAME.fullmatch(path.stem))


def granule_of(path: Path) -> Granule:
    """Read the name of a scene file or product folder; its extension is ignored.

    Raises:
        InputError: it is not the name of a granule, or its times or orbit do not exist.
    """
    found = _NAME.fullmatch(path.stem)
    if found is None:
        raise InputError(
            f"{path}: not the name of a granule, expected "
            "S3A_SL_1_RBT____<start>_<stop>_<created>_<duration>_<cycle>_<orbit>_<frame>_<centre>_<class> (or S3B "
            "to S3D, or ____ for the frame): give the file its original name or remove it"
        )
    try:
        start, stop = (datetime.strptime(found[key], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for key in ("start", "stop"))
    except ValueError as error:
        raise InputError(
            f"{path}: the name holds a time that does not exist: give the file its original name"
        ) from error
    orbit = int(found["orbit"])
    if stop <= start or not 1 <= orbit <= RELATIVE_ORBITS:
        raise InputError(
            f"{path}: the name says start {found['start']}, stop {found['stop']} and relative orbit {orbit}, expected "
            f"a later stop and an orbit from 1 to {RELATIVE_ORBITS}: give the file its original name"
        )
    frame = int(found["frame"]) if found["frame"].isdigit() else None
    return Granule(path.stem, found["satellite"], start, stop, int(found["cycle"]), orbit, frame)


def split_of(granule: Granule, *, held_out: bool) -> str:
    """The split of a scene: test for the inference scenes, else train or validation by the hash of its pass.

    Neighbouring frames of a pass show the same clouds, so all frames of a pass are in the same split. It is the same on
    every machine and does not depend on other files.

    Args:
        granule: granule of the scene.
        held_out: whether it is one of the inference scenes.
    """
    if held_out:
        return "test"
    digest = hashlib.sha256(granule.orbit_pass.encode()).digest()
    return "validation" if int.from_bytes(digest[:8], "big") < VALIDATION_SHARE * 2**64 else "train"
