"""Simulated spectra: Lorentzian lines of three minerals, five spectra of each specimen, and noise."""

import h5py
import numpy as np

from my_spectra.data import POINTS, SHIFTS

# Raman shifts of strong lines of quartz, calcite and gypsum, and the half width of all, in 1 / cm (rruff.info).
LINES, WIDTH = ((128, 206, 464), (155, 282, 712, 1086), (415, 493, 619, 1008)), 12.0
OF_A_SPECIMEN = 5


def write_raw(folder, name, *, num_samples, seed, jobs, noise=0.6):
    random = np.random.default_rng(seed)
    specimen = np.arange(num_samples) // OF_A_SPECIMEN
    mineral = specimen % len(LINES)
    moved = random.normal(0, 8, specimen.max() + 1)[specimen]  # the lines of a specimen are off alike
    spectra = random.normal(0, noise, (num_samples, POINTS))
    for spectrum, own, kind in zip(spectra, moved, mineral, strict=True):
        spectrum += sum(random.uniform(0.2, 1) / (1 + ((SHIFTS - line - own) / WIDTH) ** 2) for line in LINES[kind])
    folder.mkdir()
    with h5py.File(folder / "spectra.h5", "w") as file:
        file.update({"spectrum": spectra.astype(np.float32), "mineral": mineral, "specimen": specimen})
