"""Crystals that textbooks know."""

from __future__ import annotations

import numpy as np

from sciml_datasets.stemdl.crystals import Crystal, symmetry_operations

FACES = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def silicon() -> Crystal:
    return Crystal(227, np.eye(3) * 5.4309, np.concatenate([FACES, FACES + 0.25]), ("Si",) * 8)


def gallium_arsenide() -> Crystal:
    return Crystal(216, np.eye(3) * 5.6533, np.concatenate([FACES, FACES + 0.25]), ("Ga",) * 4 + ("As",) * 4)


def gold() -> Crystal:
    return Crystal(225, np.eye(3) * 4.0782, FACES, ("Au",) * 4)


def rutile() -> Crystal:
    u = 0.3053
    oxygen = [[u, u, 0], [-u, -u, 0], [0.5 - u, 0.5 + u, 0.5], [0.5 + u, 0.5 - u, 0.5]]
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0.5], *oxygen]) % 1.0
    return Crystal(136, np.diag([4.5937, 4.5937, 2.9587]), positions, ("Ti",) * 2 + ("O",) * 4)


def quartz(space_group: int) -> Crystal:
    """Right-handed (154) or left-handed (152) quartz: Levien, Prewitt and Weidner 1980, Am. Mineral. 65, 920."""
    rotations, translations = symmetry_operations(space_group)
    silicon_site, oxygen_site = np.array([0.4697, 0, 2 / 3]), np.array([0.4133, 0.2672, 0.1188 + 2 / 3])
    positions, symbols = [], []
    for site, symbol in ((silicon_site, "Si"), (oxygen_site, "O")):
        if space_group == 152:
            site = site * [1, 1, -1]
        images = (rotations @ site + translations) % 1.0
        images = images[np.sort(np.unique(np.round(images, 6) % 1.0, axis=0, return_index=True)[1])]
        positions.append(images)
        symbols += [symbol] * len(images)
    lattice = np.array([[4.9137, 0, 0], [-4.9137 / 2, 4.9137 * np.sqrt(0.75), 0], [0, 0, 5.4047]])
    return Crystal(space_group, lattice, np.concatenate(positions), tuple(symbols))
