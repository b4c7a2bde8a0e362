"""Crystals that textbooks know."""

from __future__ import annotations

import numpy as np

from sciml_datasets.stemdl.crystals import Crystal

FACES = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def silicon() -> Crystal:
    return Crystal(227, np.eye(3) * 5.4309, np.concatenate([FACES, FACES + 0.25]), ("Si",) * 8)


def gallium_arsenide() -> Crystal:
    return Crystal(216, np.eye(3) * 5.6533, np.concatenate([FACES, FACES + 0.25]), ("Ga",) * 4 + ("As",) * 4)
