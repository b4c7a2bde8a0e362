"""Simulated crystals: of the requested group, with distances and cells like nature's."""

from __future__ import annotations

import numpy as np
import pytest

from sciml_datasets.stemdl.crystals import (
    ENANTIOMORPHS,
    LARGE_AXIS,
    MAX_AXIS,
    MIN_DISTANCE,
    centring_translations,
    crystal_system,
    detected_space_group,
    point_group,
    random_crystal,
    space_group_type,
    symmetry_operations,
)
from sciml_datasets.stemdl.simulate import FREQUENT


@pytest.mark.parametrize("space_group", sorted({*range(1, 231, 9), 2, 14, 62, 225, 227, 230}))
def test_spglib_finds_the_requested_group(space_group: int) -> None:
    crystal = random_crystal(space_group, np.random.default_rng(space_group))
    assert crystal.space_group == detected_space_group(crystal) == space_group
    assert crystal.lengths.max() < (MAX_AXIS if space_group in FREQUENT else LARGE_AXIS)
    difference = crystal.positions[:, None] - crystal.positions[None]
    distances = np.linalg.norm((difference - np.round(difference)) @ crystal.lattice, axis=-1)
    assert distances[~np.eye(len(distances), dtype=bool)].min() > MIN_DISTANCE - 1e-9


def test_a_seed_decides_the_crystal() -> None:
    first, again, other = (random_crystal(62, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.positions, again.positions)
    assert first.symbols == again.symbols
    assert first.lattice.tolist() != other.lattice.tolist()


def test_there_are_as_many_groups_of_each_crystal_system_as_in_the_international_tables() -> None:
    systems = [crystal_system(group) for group in range(1, 231)]
    assert {system: systems.count(system) for system in dict.fromkeys(systems)} == {
        "triclinic": 2,
        "monoclinic": 13,
        "orthorhombic": 59,
        "tetragonal": 68,
        "trigonal": 25,
        "hexagonal": 27,
        "cubic": 36,
    }


def test_there_are_32_point_groups() -> None:
    assert len({point_group(group) for group in range(1, 231)}) == 32
    assert [point_group(group) for group in (2, 14, 166, 216, 225)] == ["-1", "2/m", "-3m", "-43m", "m-3m"]


def test_the_11_enantiomorphic_pairs_differ_in_the_sense_of_a_screw_alone() -> None:
    assert len(ENANTIOMORPHS) == 11
    mirror = str.maketrans("123456", "654321")
    for left, right in ENANTIOMORPHS.items():
        # 4_1 becomes 4_3, 3_1 3_2, 6_1 6_5 and 6_2 6_4: the number of the screw is subtracted from its order.
        first, second = (space_group_type(group).international_short for group in (left, right))
        axis = int(first[1])
        subscripts = [int(symbol.split("_")[1][0]) for symbol in (first, second)]
        assert first.translate(mirror)[0] == second.translate(mirror)[0]
        assert sum(subscripts) == axis
        assert point_group(left) == point_group(right)


@pytest.mark.parametrize(("space_group", "points"), [(14, 1), (139, 2), (166, 3), (225, 4)])
def test_a_centred_cell_holds_several_lattice_points(space_group: int, points: int) -> None:
    assert len(centring_translations(space_group)) == points
    assert len(symmetry_operations(space_group)[0]) % points == 0


def test_a_group_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="space group 231 does not exist: expected 1 to 230"):
        space_group_type(231)
