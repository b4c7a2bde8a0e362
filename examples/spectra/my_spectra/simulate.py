"""Simulated spectra: Lorentzian lines of three minerals, five spectra of each specimen, and noise."""

import h5py
import numpy as np

from my_spectra.data import POINTS, SHIFTS

LINES = ((128, 206, 464), (155, 282, 712, 1086), (415, 493, 619, 1008))
"""Raman shifts of the strongest lines of quartz, calcite and gypsum, in 1 / cm (rruff.info)."""
WIDTH, OF_A_SPECIMEN = 12.0, 5


def write_raw(folder, name, *, num_samples, seed, jobs, noise=0.1):
    random = np.random.default_rng(seed)
    specimen = np.arange(num_samples) // OF_A_SPECIMEN
    mineral = specimen % len(LINES)
    moved = random.normal(0, 8, specimen.max() + 1)  # lines of a specimen are off alike
    spectra = random.normal(0, noise, (num_samples, POINTS))
    for spectrum, own, kind in zip(spectra, moved[specimen], mineral, strict=True):
        for line in LINES[kind]:
            spectrum += random.uniform(0.2, 1) / (1 + ((SHIFTS - line - own) / WIDTH) ** 2)
    folder.mkdir()
    with h5py.File(folder / "spectra.h5", "w") as file:
        file.update({"spectrum": spectra.astype(np.float32), "mineral": mineral, "specimen": specimen})
