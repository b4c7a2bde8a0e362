"""The engines that simulate diffraction, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.stemdl import box_multislice, kinematic, zone_multislice
from sciml_datasets.stemdl.crystals import Crystal, Floats

Pattern = Callable[[float, float, float, int], NDArray[np.float32]]
"""Function from semi-angle in rad, thickness in angstrom, energy in keV and number of pixels to a pattern (pixels,
pixels)."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A method that simulates convergent-beam patterns.

    Attributes:
        view: function from a crystal, a frame (3, 3), zone indices (3,) and a random generator to a `Pattern`: work
            that does not depend on the energy is done once.
        thickness: least and largest thickness of simulated materials in angstrom.
    """

    view: Callable[[Crystal, Floats, NDArray[np.int64], np.random.Generator], Pattern]
    thickness: tuple[float, float]


def _zolz(crystal: Crystal, frame: Floats, zone: NDArray[np.int64], rng: np.random.Generator) -> Pattern:
    reflections = zone_multislice.zone_of(crystal, frame, zone)
    return lambda *exposure: zone_multislice.cbed_pattern(reflections, *exposure)


def _box(crystal: Crystal, frame: Floats, zone: NDArray[np.int64], rng: np.random.Generator) -> Pattern:
    def pattern(semi_angle_rad: float, thickness: float, energy_kev: float, pixels: int) -> NDArray[np.float32]:
        return box_multislice.cbed_pattern(crystal, frame, semi_angle_rad, thickness, energy_kev, pixels, rng)

    return pattern


def _kinematic(crystal: Crystal, frame: Floats, zone: NDArray[np.int64], rng: np.random.Generator) -> Pattern:
    return lambda *exposure: kinematic.cbed_pattern(crystal, frame, *exposure)


ENGINES = {
    "zolz": Engine(_zolz, (100.0, 250.0)),
    "box": Engine(_box, (100.0, 100.0)),
    "kinematic": Engine(_kinematic, (100.0, 100.0)),
}
"""Engines by name. ``zolz``: multislice in the zero-order Laue zone; ``box``: multislice in STEMDL's own geometry;
``kinematic``: one scattering event, the fastest."""
