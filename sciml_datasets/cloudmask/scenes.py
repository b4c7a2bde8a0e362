"""Simulated scenes: weather and surface from Gaussian random fields, and a noisy Bayesian mask.

A single pixel is ambiguous: seas and lands are warm or cold, bright or dark depending on their climate, snow is as
bright as a cloud, low cloud as warm as the ground. The neighbourhood resolves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.cloudmask.radiometer import SEA, SNOW, SOIL, VEGETATION, View, brightness_temperature, reflectance
from sciml_datasets.cloudmask.random_fields import Field, gaussian_fields

LAPSE_RATE = 6.5
"""Lapse rate in kelvin per kilometre, up to the tropopause (ICAO standard atmosphere)."""
TROPOPAUSE = 11.0
"""Height of the tropopause in kilometres (ICAO standard atmosphere)."""
NOISE = (0.03, 0.03, 0.03, 0.01, 0.03, 0.03), (0.8, 0.5, 0.5)
"""Standard deviations of the noise of S1 to S6 and, in kelvin, of S7 to S9. They exceed the instrument's (some 0.002
and 0.05 K), since they represent all variation that the scene is too simple for."""
CLOUDY = 0.35
"""Optical depth at which the mask calls cloud and clear equally often."""
SLOPES = {
    "coast": 3.6,
    "mountains": 3.2,
    "warmth": 3.4,
    "fine": 8 / 3,
    "coarse": 4.0,
    "height": 3.4,
    "veil": 3.0,
    "doubt": 3.0,
}
"""Names of the fields of a scene, with the slopes of their spectra: coasts, elevation, temperature; small and large
shapes of the cloud, its height; cirrus; the mask's error."""
_BLOCK = 32
"""Number of rows at a time: intermediate arrays stay in the cache."""


@dataclass(frozen=True, slots=True)
class Climate:
    """The conditions that the scenes of one pass share.

    Attributes:
        sea, land: temperatures of the sea surface and of low land, kelvin.
        albedo: reflectance of the land over that of a typical one.
        land_share, cover, cirrus: expected shares of the area.
        cloud_height: typical height of cloud tops, kilometres.
        moisture: water vapour over that of a mean atmosphere.
        glint: reflectance in the middle of the sun's mirror image.
        sun: cosine of the sun zenith angle; 0 by night.
    """

    sea: float
    land: float
    albedo: float
    land_share: float
    cover: float
    cirrus: float
    cloud_height: float
    moisture: float
    glint: float
    sun: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, day: bool) -> Climate:
        """Draw a latitude from the equator to 75 degrees and conditions that are possible there."""
        latitude = rng.uniform(0, 75)
        sea = max(271.5, 301 - 30 * (latitude / 75) ** 1.5 + rng.normal(0, 1.5))
        land = sea + rng.normal(-latitude / 12, 6) + (rng.uniform(0, 12) if day else rng.uniform(-8, 0))
        return cls(
            sea=sea,
            land=land,
            albedo=rng.uniform(0.6, 1.5),
            land_share=rng.uniform(0.05, 0.95),
            cover=rng.uniform(0.25, 0.75),
            cirrus=rng.uniform(0.02, 0.3),
            cloud_height=float(rng.choice([1.0, 1.8, 4.0])),
            moisture=min(2.5, float(np.exp((sea - 288) / 15))),
            glint=rng.uniform(0, 0.35),
            sun=float(np.cos(np.radians(0.6 * latitude + rng.uniform(10, 30)))) if day else 0.0,
        )


def simulated_scene(
    rng: np.random.Generator, climate: Climate, rows: int, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """Draw a scene.

    Returns:
        ``refs`` (R, C, 6), ``bts`` (R, C, 3) in kelvin and ``bayes`` (R, C, 1), as in a raw file. Outside the swath
        everything and by night ``refs`` is missing: zero or NaN, one of them throughout the scene.
    """
    missing = np.float32(rng.choice([0, np.nan]))
    glint = _glint(rng, climate, columns)
    outside = _outside(rng, rows, columns)
    fields = dict(zip(SLOPES, gaussian_fields(rng, rows, columns, SLOPES.values()), strict=True))
    refs = np.full((rows, columns, 6), missing, np.float32)
    bts = np.empty((rows, columns, 3), np.float32)
    bayes = np.empty((rows, columns, 1), np.uint8)
    for start in range(0, rows, _BLOCK):
        block = slice(start, start + _BLOCK)
        part = {name: field[block] for name, field in fields.items()}
        view = _view(part, climate, glint)
        if climate.sun > 0:
            for channel, noise in enumerate(NOISE[0]):
                seen = reflectance(view, channel, climate.moisture)
                refs[block, :, channel] = seen + noise * rng.standard_normal(seen.shape, np.float32)
        for channel, noise in enumerate(NOISE[1]):
            seen = brightness_temperature(view, channel, climate.moisture, climate.sun)
            bts[block, :, channel] = seen + noise * rng.standard_normal(seen.shape, np.float32)
        bayes[block, :, 0] = _bits(rng, view, part["doubt"])
    refs[outside], bts[outside], bayes[outside] = missing, missing, 0
    return refs, bts, bayes


def _view(fields: dict[str, Field], climate: Climate, glint: Field) -> View:
    coast, mountains, warmth = fields["coast"], fields["mountains"], fields["warmth"]
    land = coast > _exceeded_by(climate.land_share)
    hills = np.maximum(mountains - 0.5, 0)
    ground = np.where(land, climate.land + 3 * warmth - LAPSE_RATE * hills, climate.sea + warmth)
    frozen = ground < np.where(land, np.float32(271), np.float32(270.5))
    kind = np.where(frozen, SNOW, np.where(land, np.where(mountains > warmth, SOIL, VEGETATION), SEA))

    # Two fields are combined, fine texture on fronts; 0.75^2 + 0.66^2 = 1.
    excess = 0.75 * fields["fine"] + 0.66 * fields["coarse"] - _exceeded_by(climate.cover)
    height = climate.cloud_height * (1 + 0.5 * fields["height"]) + 2 * np.maximum(excess - 0.8, 0)
    height = np.clip(height, 0.3, TROPOPAUSE)
    air = (climate.sea + climate.land) / 2
    temperature = air - LAPSE_RATE * height
    veil = fields["veil"] - _exceeded_by(climate.cirrus)
    cirrus_height = np.clip(8.5 + 0.8 * fields["height"], 6, TROPOPAUSE)
    return View(
        kind=kind,
        albedo=np.where((kind == VEGETATION) | (kind == SOIL), climate.albedo * np.exp(0.25 * mountains), 1),
        ground=ground,
        glint=np.where(kind == SEA, glint * np.maximum(1 + 0.3 * fields["fine"], 0), 0),
        depth=4 * np.expm1(1.3 * np.clip(excess, 0, 2.5)),
        height=height,
        temperature=temperature,
        crystals=1 / (1 + np.exp((temperature - 253) / 4)),
        cirrus_depth=0.8 * np.expm1(np.clip(veil, 0, 1.8)),
        cirrus_height=cirrus_height,
        cirrus_temperature=air - LAPSE_RATE * cirrus_height,
    )


def _exceeded_by(share: float) -> float:
    """The value that a normal variable exceeds with this probability."""
    return NormalDist().inv_cdf(1 - share)


def _bits(rng: np.random.Generator, view: View, doubt: Field) -> NDArray[np.uint8]:
    """The bits of a mask that is right on thick clouds and open sky, uncertain between, and often takes snow for cloud.

    Args:
        rng: source of the noise.
        view: the scene.
        doubt: (r, C) smooth error of the prior, in units of the logarithm of the odds.
    """
    odds = 1.6 * np.log((view.depth + 1.2 * view.cirrus_depth + 0.02) / CLOUDY) + doubt + (view.kind == SNOW)
    bits = np.zeros(odds.shape, np.uint8)
    quarter = odds.shape[1] // 4
    for columns, low, moderate in (
        (slice(None), 1, 2),
        (slice(quarter, -quarter), 4, 8),
    ):  # half of the swath is in both views
        noisy = odds[:, columns] + 0.35 * rng.standard_normal(odds[:, columns].shape, np.float32)
        bits[:, columns] |= np.where(noisy > 0, np.uint8(moderate), 0) | np.where(noisy > 1.5, np.uint8(low), 0)
    return bits


def _glint(rng: np.random.Generator, climate: Climate, columns: int) -> Field:
    """(C,) reflectance of the sun's mirror image on the sea, a stripe along the track."""
    across = np.linspace(-1, 1, columns, dtype=np.float32)
    return np.asarray(climate.glint * np.exp(-(((across - rng.uniform(-0.8, 0.8)) / 0.25) ** 2)))


def _outside(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.bool_]:
    """(R, C) mask of the pixels beside the swath, whose edges vary by a few hundredths of the width."""
    phase = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(rows)[:, None] / rows
    edge = 0.02 * columns * (1 + 0.6 * np.sin(phase))
    column = np.arange(columns)[None]
    return np.asarray((column < edge) | (column > columns - 1 - 0.7 * edge))
