"""Simulated diffraction of STEMDL beside abTEM's (https://abtem.github.io): disk intensities of known crystals.

    python perf/diffraction.py                         residuals of the engine zolz, from stored numbers of abTEM
    python perf/diffraction.py --make                  make the numbers again; where abTEM (GPL) is installed as well
    python perf/diffraction.py --make --full           print instead what the mean over depth leaves out, by abTEM alone

The numbers are in tests/abtem_disks.json: 100 angstrom of crystal at 100 keV, the intensity of each reflection up to
2.56 / angstrom, a mean over three tilts within the cone, in millionths of the beam. abTEM used Peng's potentials with
B = 0.5 square angstrom, their mean along the beam, slices of 0.5 angstrom, and a grid that holds
5.3 / angstrom. The residual is the sum of absolute differences over the sum of abTEM's intensities, without the direct
beam.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from stemdl_crystals import gallium_arsenide, gold, quartz, rutile

from sciml_datasets.stemdl.crystals import Crystal, centring_translations
from sciml_datasets.stemdl.diffraction import K_MAX, indices, reciprocal

FILE = Path(__file__).parents[1] / "tests" / "abtem_disks.json"
CASES = {
    "TiO2 [001]": (rutile(), (0, 0, 1), (0, 1, 0)),
    "GaAs [110]": (gallium_arsenide(), (1, 1, 0), (0, 0, 1)),
    "Au [001]": (gold(), (0, 0, 1), (0, 1, 0)),
    "quartz 152 [211]": (quartz(152), (2, 1, 1), (0, 1, 0)),
    "quartz 154 [211]": (quartz(154), (2, 1, 1), (0, 1, 0)),
}
"""Crystal, direct-lattice indices of the zone axis z, and of the direction y at a right angle to it, by name."""
THICKNESS, KEV, B_FACTOR = 100.0, 100.0, 0.5
REPEATS = 8
"""Number of projected cells along each side: tilts are multiples of one eighth of their reciprocal edges."""
TILTS = ((0, 0), (2, 1), (-1, 2))
SLICE = 0.5
SAMPLING = 1 / 16
"""Distance of grid points in angstrom: abTEM's band limit is two thirds of 8 / angstrom."""
LEAST = 10
"""Least stored intensity in millionths of the beam; fainter reflections are left out."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """A rectangular cell of a projected crystal.

    Attributes:
        frame: (3, 3) rows x, y, z in crystal space.
        size: (3,) edges of the projected cell, and the period along z, in angstrom.
    """

    frame: Floats
    size: Floats

    @property
    def tilts(self) -> Floats:
        """(k, 2) tilts x and y in 1/angstrom."""
        return np.array(TILTS) / (REPEATS * self.size[:2])


def box_of(crystal: Crystal, zone: tuple[int, ...], y_direction: tuple[int, ...]) -> Box:
    """The smallest box whose edges are periods of the projected crystal."""
    z, y = (np.array(uvw) @ crystal.lattice for uvw in (zone, y_direction))
    z, y = z / np.linalg.norm(z), y / np.linalg.norm(y)
    frame = np.array([np.cross(y, z), y, z])
    steps = np.arange(-4, 5)
    cells = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    periods = ((cells + centring_translations(crystal.space_group)).reshape(-1, 3)) @ crystal.lattice @ frame.T
    flat = np.abs(periods) < 1e-6
    edges = [flat[:, 1] & ~flat[:, 0], flat[:, 0] & ~flat[:, 1], flat[:, 0] & flat[:, 1] & ~flat[:, 2]]
    return Box(frame, np.array([np.abs(periods[edge, axis]).min() for axis, edge in enumerate(edges)]))


def reflections(crystal: Crystal, box: Box) -> tuple[NDArray[np.int64], Floats]:
    """(n, 3) Miller indices of the zone up to K_MAX, and (n, 2) their x and y."""
    hkl = indices(crystal, K_MAX)
    g = hkl @ reciprocal(crystal) @ box.frame.T
    flat = np.abs(g[:, 2]) < 1e-6
    return hkl[flat], g[flat, :2]


def of_abtem(crystal: Crystal, box: Box, thickness: float = THICKNESS, *, full: bool = False) -> Floats:
    """(n,) intensities of `reflections` by abTEM, as shares of the beam; with ``full``, for whole periods along it."""
    import abtem
    from ase import Atoms

    points = [2 * round(edge / SAMPLING / 2) for edge in box.size[:2]]
    positions, symbols = atoms_in(crystal, box)
    atoms = Atoms(symbols, positions=positions, cell=box.size, pbc=True)
    slices = round(box.size[2] / SLICE) if full else 1
    potential = abtem.Potential(
        atoms,
        gpts=points,
        slice_thickness=box.size[2] / slices,
        projection="infinite",
        parametrization="peng",
    ).build(lazy=False)
    k = [np.fft.fftfreq(n, edge / n) for n, edge in zip(points, box.size, strict=False)]
    smear = np.exp(-B_FACTOR * (k[0][:, None] ** 2 + k[1] ** 2) / 4)
    cell = np.fft.ifft2(np.fft.fft2(np.asarray(potential.array)) * smear).real
    if full:
        layers = np.tile(cell, (round(thickness / box.size[2]), REPEATS, REPEATS))
        depth = box.size[2] / slices
    else:
        count = round(thickness / SLICE)
        depth = thickness / count
        layers = np.repeat(np.tile(cell, (1, REPEATS, REPEATS)) * (depth / box.size[2]), count, axis=0)
    extent = tuple(REPEATS * box.size[:2])
    specimen = abtem.PotentialArray(
        layers.astype(np.float32),
        slice_thickness=depth,
        sampling=tuple(edge / n for edge, n in zip(box.size, points, strict=False)),
    )
    _, g = reflections(crystal, box)
    x, y = (np.arange(n) / n for n in layers.shape[1:])
    total = np.zeros(len(g))
    for tilt in TILTS:
        wave = abtem.PlaneWave(energy=1e3 * KEV, gpts=layers.shape[1:], extent=extent).build(lazy=False)
        wave._array = np.exp(2j * np.pi * (tilt[0] * x[:, None] + tilt[1] * y)).astype(np.complex64)
        found = np.abs(np.fft.fft2(np.asarray(wave.multislice(specimen).array))) ** 2 / (x.size * y.size) ** 2
        places = np.round(g * extent).astype(int) + tilt
        total += found.squeeze()[places[:, 0], places[:, 1]]
    return total / len(TILTS)


def atoms_in(crystal: Crystal, box: Box) -> tuple[Floats, list[str]]:
    """(n, 3) positions x, y and z in angstrom of the atoms in a box, and their symbols."""
    vectors = crystal.lattice @ box.frame.T
    reach = np.ceil(np.linalg.norm(box.size) * np.linalg.norm(np.linalg.inv(vectors), axis=0)).astype(int) + 1
    cells = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), axis=-1).reshape(-1, 3)
    places = ((cells[:, None] + crystal.positions) @ vectors).reshape(-1, 3)
    inside = ((places >= -1e-6) & (places < box.size - 1e-6)).all(axis=1)
    return places[inside], [str(symbol) for symbol in np.tile(crystal.symbols, len(cells))[inside]]


def of_zolz(crystal: Crystal, zone: tuple[int, ...], box: Box) -> Floats:
    """(n,) intensities of `reflections` by the engine zolz, as shares of the beam."""
    from sciml_datasets.stemdl.zone_multislice import exit_waves, zone_of

    beams = zone_of(crystal, box.frame, np.array(zone), B_FACTOR)
    intensity = (np.abs(exit_waves(beams, box.tilts, THICKNESS, KEV)) ** 2).mean(axis=1)
    _, g = reflections(crystal, box)
    distance = np.linalg.norm(beams.g[None] - g[:, None], axis=2)
    return np.where(distance.min(axis=1) < 1e-6, intensity[distance.argmin(axis=1)], 0.0)


def residual(found: Floats, expected: Floats, hkl: NDArray[np.int64]) -> float:
    """The sum of absolute differences over the sum of the expected values, without the direct beam."""
    scattered = hkl.any(axis=1)
    return float(np.abs(found - expected)[scattered].sum() / expected[scattered].sum())


def main() -> None:
    """Print a table, or write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    if args.make:
        made = {}
        for name, (crystal, zone, y_direction) in CASES.items():
            box = box_of(crystal, zone, y_direction)
            hkl, _ = reflections(crystal, box)
            if args.full:
                if not name.startswith("quartz"):  # its projected cell has no right angle to its periods
                    thickness = box.size[2] * round(THICKNESS / box.size[2])
                    mean, full = (of_abtem(crystal, box, thickness, full=full) for full in (False, True))
                    print(name, f"{residual(mean, full, hkl):.3f}", flush=True)
                continue
            intensity = of_abtem(crystal, box)
            millionths = np.round(1e6 * intensity).astype(int)
            made[name] = {
                " ".join(map(str, index)): int(value)
                for index, value in zip(hkl.tolist(), millionths, strict=True)
                if value >= LEAST
            }
        if made:
            FILE.write_text(json.dumps(made, indent=0) + "\n", encoding="utf-8")
        return
    print("| crystal and axis | residual | with every position negated | correlation |\n| --- | ---: | ---: | ---: |")
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    for name, (crystal, zone, y_direction) in CASES.items():
        box = box_of(crystal, zone, y_direction)
        hkl, _ = reflections(crystal, box)
        expected = np.array([stored[name].get(" ".join(map(str, index)), 0) for index in hkl.tolist()]) / 1e6
        inverted = Crystal(crystal.space_group, crystal.lattice, -crystal.positions % 1.0, crystal.symbols)
        found, other = of_zolz(crystal, zone, box), of_zolz(inverted, zone, box)
        scattered = hkl.any(axis=1)
        r = np.corrcoef(found[scattered], expected[scattered])[0, 1]
        print(f"| {name} | {residual(found, expected, hkl):.3f} | {residual(other, expected, hkl):.2f} | {r:.4f} |")


if __name__ == "__main__":
    main()
