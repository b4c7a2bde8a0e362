"""Model of a radiometer like SLSTR over a surface below a layer of water or ice cloud and a layer of cirrus.

Reflectance rises and temperature falls with optical depth. Layers are grey and flat: there are no gas absorption lines,
no shadows and no three-dimensional transport. Channels: S1 to S6 at 0.555, 0.659, 0.868, 1.375, 1.613 and 2.256
micrometres, S7 to S9 at 3.742, 10.854 and 12.023 (Sentinel-3 SLSTR user guide).

Units: kelvin, kilometres, micrometres; reflectance 1 is a white surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask.random_fields import Field

RADIATION_CONSTANT = 14387.77
"""Second radiation constant hc/k in micrometre kelvin (CODATA 2018)."""
POWERS = tuple(RADIATION_CONSTANT / (wavelength * 285) for wavelength in (3.742, 10.854, 12.023))
"""Exponents hc / (lambda k T) of S7 to S9: near 285 K Planck's law is such a power of the temperature."""
SUN_AT_S7 = 7.5
"""Sunlight at 3.74 micrometres from a white surface, over the emission of a black body of 300 K: 10.3 / pi over 0.44
W m-2 sr-1 um-1 (Planck's law; the sun as a black body of 5770 K)."""
SURFACES = np.array(
    [
        (0.06, 0.035, 0.02, 0.0002, 0.01, 0.006, 0.01),  # sea
        (0.10, 0.07, 0.33, 0.0003, 0.21, 0.10, 0.03),  # vegetation
        (0.18, 0.23, 0.30, 0.0004, 0.37, 0.32, 0.12),  # bare soil
        (0.86, 0.84, 0.77, 0.0006, 0.11, 0.07, 0.02),  # snow and ice
    ],
    np.float32,
)
"""Reflectance by kind and channel S1 to S7: round values of spectral libraries, with scattering by air, and at S4 seen
through water vapour."""
SEA, VEGETATION, SOIL, SNOW = range(4)
DROPLETS = (1.0, 1.0, 1.0, 1.0, 0.86, 0.68, 0.16)
CRYSTALS = (1.0, 1.0, 1.0, 1.0, 0.50, 0.36, 0.04)
"""Reflectance of a cloud in S1 to S7 over that in S1: water absorbs from 1.6 micrometres on, ice more than droplets."""
WATER_VAPOUR = (0.03, 0.06, 0.10)
"""Absorption of a mean atmosphere in S7 to S9."""


@dataclass(frozen=True, slots=True)
class View:
    """The true state of a part of a scene: arrays (r, C).

    Attributes:
        kind: kind of the surface, an index into SURFACES.
        albedo: reflectance of the surface over that in SURFACES.
        ground: temperature of the surface in kelvin.
        glint: reflectance of the sun's mirror image.
        depth, height, temperature: optical depth, height and temperature of the cloud.
        crystals: share of ice in the cloud.
        cirrus_depth, cirrus_height, cirrus_temperature: optical depth, height and temperature of the cirrus.
    """

    kind: NDArray[np.intp]
    albedo: Field
    ground: Field
    glint: Field
    depth: Field
    height: Field
    temperature: Field
    crystals: Field
    cirrus_depth: Field
    cirrus_height: Field
    cirrus_temperature: Field


def reflectance(view: View, channel: int, moisture: float) -> Field:
    """The reflectance (r, C) of channel 0 to 6 (S1 to S7).

    A layer of optical depth t reflects 0.13 t / (1 + 0.13 t) (Lacis and Hansen 1974, doi
    10.1175/1520-0469(1974)031<0118:APFTAO>2.0.CO;2, for the asymmetry of droplets); layers reflect each other.
    """
    cloud = 0.13 * view.depth / (1 + 0.13 * view.depth)
    cirrus = 0.13 * view.cirrus_depth / (1 + 0.13 * view.cirrus_depth)
    from_cloud = cloud * (DROPLETS[channel] + (CRYSTALS[channel] - DROPLETS[channel]) * view.crystals)
    from_cirrus = cirrus * CRYSTALS[channel]
    surface = view.albedo * SURFACES[:, channel][view.kind]
    if channel == 3:  # seen through the vapour above, twice
        from_cloud = from_cloud * _clear_above(view.height, moisture)
        from_cirrus = from_cirrus * _clear_above(view.cirrus_height, moisture)
    else:
        surface = surface + view.glint
    below = from_cloud + (1 - cloud) ** 2 * surface / (1 - cloud * surface)
    return np.asarray(from_cirrus + (1 - cirrus) ** 2 * below / (1 - cirrus * below))


def brightness_temperature(view: View, channel: int, moisture: float, sun: float) -> Field:
    """The brightness temperature (r, C) of channel 0 to 2 (S7 to S9); by day S7 also receives sunlight.

    Args:
        view: the scene.
        channel: number of the channel, 0 to 2.
        moisture: water vapour over that of a mean atmosphere.
        sun: cosine of the sun zenith angle, 0 by night.
    """
    power = POWERS[channel]
    vapour = WATER_VAPOUR[channel] * moisture
    seen = (1 - vapour) * _emission(view.ground, power) + vapour * _emission(view.ground - 12, power)
    # Clouds absorb about half as much thermal radiation as they scatter light; ice more at 12 than at 11 micrometres.
    for temperature, depth, share in (
        (view.temperature, view.depth, (0.42, 0.5, 0.52)[channel]),
        (view.cirrus_temperature, view.cirrus_depth, (0.40, 0.45, 0.55)[channel]),
    ):
        passed = np.exp(-share * depth)
        seen = seen * passed + _emission(temperature, power) * (1 - passed)
    if channel == 0 and sun > 0:
        seen = seen + SUN_AT_S7 * sun * reflectance(view, 6, moisture)
    return np.asarray(300 * np.exp(np.log(seen) / power))


def _emission(temperature: Field, power: float) -> Field:
    """The emission over that of a black body of 300 K."""
    return np.asarray(np.exp(power * np.log(temperature / 300)))


def _clear_above(height: Field, moisture: float) -> Field:
    """The share of light of 1.375 micrometres that returns from a height through vapour with a scale height of 2 km."""
    return np.asarray(np.exp(-6 * moisture * np.exp(-height / 2)))
