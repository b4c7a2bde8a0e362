"""States that add up."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deferred import tf
from hypothesis import given
from hypothesis import strategies as st
from processes import MPIEXEC, needs_mpi
from tensorflow_processes import Forked

from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.rank_correlation import RankCorrelation
from sciml_datasets.metrics.segmentation import Segmentation
from sciml_datasets.metrics.state import Additive, repeated
from sciml_datasets.metrics.surrogate import Surrogate

TRUTH = np.arange(40) % 5
PREDICTED = np.arange(40) % 7 % 5

REDUCE = """
import sys; import numpy as np; from mpi4py import MPI
from sciml_datasets.metrics.classification import Classification
comm = MPI.COMM_WORLD
truth, predicted = np.arange(40) % 5, np.arange(40) % 7 % 5
mine = slice(comm.Get_rank(), None, comm.Get_size())
state = Classification(5)
state.update(truth[mine], predicted[mine])
total = comm.allreduce(state)
if comm.Get_rank() == 0:
    print(total.confusion.tolist())
"""


def state() -> Classification:
    found = Classification(5)
    found.update(TRUTH, PREDICTED)
    return found


@needs_mpi
def test_ranks_of_mpi_reduce_to_the_state_of_one() -> None:
    done = subprocess.run(
        [str(MPIEXEC), "-n", "2", sys.executable, "-c", REDUCE], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == str(state().confusion.tolist())


def test_replicas_of_tf_distribute_reduce_to_the_scores_of_one(tmp_path: Path) -> None:
    replicas = Forked.start(reduce_replicas, (tmp_path / "differences.txt",), tmp_path / "errors.txt", {})
    reported = replicas.reported(120)
    assert replicas.process.exitcode == 0, reported
    differences = [float(line) for line in (tmp_path / "differences.txt").read_text().splitlines()]
    assert all(difference <= 1e-12 for difference in differences)
    assert len(differences) == 2


def reduce_replicas(out: Path) -> None:
    """Write, for each of two states, how far its scores are from those of one when two replicas add it up."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    def of_replicas(parts: Sequence[Any]) -> Any:
        return strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )

    def reduced(states: Sequence[Additive], total: Additive) -> dict[str, float]:
        sums = strategy.reduce("SUM", of_replicas([state.arrays() for state in states]), axis=None)
        maxima = {
            name: strategy.gather(of_replicas([state.maxima()[name][None] for state in states]), axis=0)
            .numpy()
            .max(axis=0)
            for name in total.maxima()
        }
        total.add_arrays(sums, maxima)
        return total.result()

    rng = np.random.default_rng(0)
    truth = 1e6 + rng.normal(size=(6, 8, 8))
    predicted = truth + rng.normal(size=truth.shape)
    masks, probability = truth > 1e6, np.clip(predicted - 1e6, 0, 1)
    fields, scenes = [Surrogate((1.0, 1.0)) for _ in range(3)], [Segmentation(6) for _ in range(3)]
    for i, part in enumerate(([0, 2, 3, 5], [1, 4], range(6))):
        part = np.array(part)
        fields[i].update(truth[part], predicted[part])
        scenes[i].update(part, masks[part], probability[part], np.ones_like(masks[part]))
    lines = []
    for (*replicas, whole), total in ((fields, Surrogate((1.0, 1.0))), (scenes, Segmentation(6))):
        expected = whole.result()
        found = reduced(replicas, total)
        lines.append(f"{max(abs(value - expected[name]) for name, value in found.items())}\n")
    out.write_text("".join(lines))


def test_arrays_without_their_maxima_or_of_another_state_are_refused() -> None:
    one, two = Surrogate((1.0,)), Surrogate((1.0,))
    one.update(np.linspace(0, 1, 8)[None], np.zeros((1, 8)))
    assert one.maxima().keys() == {"highest", "lowest", "max_error"}
    assert not one.maxima().keys() & one.arrays().keys()
    with pytest.raises(ValueError, match=r"maxima {} cannot be added to Surrogate: expected {'highest'"):
        two.add_arrays(one.arrays())
    with pytest.raises(ValueError, match=r"arrays .* cannot be added to Classification"):
        state().add_arrays(Classification(6).arrays())
    assert not two.arrays()["slopes"].any()


def test_maxima_of_states_within_states_are_not_added() -> None:
    @dataclass(eq=False)
    class Fields(Additive):
        surrogates: tuple[Surrogate, ...] = field(init=False, default_factory=lambda: (Surrogate((1.0,)),))

    one, two = Fields(), Fields()
    for fields in (one, two):
        fields.surrogates[0].update(np.linspace(0, 1, 8)[None], np.zeros((1, 8)))
    assert (one + two).surrogates[0].result()["max_error"] == 1
    assert one.maxima()["surrogates.0.max_error"] == 1


def test_adding_leaves_both_states_alone() -> None:
    one, two = state(), state()
    both = one + two
    assert both.confusion.sum() == 80
    assert one.confusion.sum() == two.confusion.sum() == 40


def test_states_within_states_are_named_and_merged() -> None:
    one = Segmentation(2)
    one.update([0], np.ones((1, 2, 2)), np.full((1, 2, 2), 0.9), np.ones((1, 2, 2)))
    assert one.arrays()["ranking.0.histogram"].sum() == 4
    two = Segmentation(2)
    two.merge(one)
    assert two.arrays()["ranking.0.histogram"].sum() == 4


def test_maxima_are_not_added() -> None:
    one, two = Surrogate((1.0,)), Surrogate((1.0,))
    truth = np.linspace(0, 1, 8)[None]
    one.update(truth, truth + 0.25)
    two.update(truth, truth + 0.5)
    assert (one + two).result()["max_error"] == pytest.approx(0.5)


def test_states_of_other_kinds_or_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be added"):
        state().merge(Classification(6))


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(0, 1), min_size=10, max_size=10))
def test_what_is_repeated_was_given_before_or_stands_twice(positions: list[int], before: list[int]) -> None:
    expected = [place for place in sorted(set(positions)) if before[place] + positions.count(place) > 1]
    assert repeated(np.array(positions, np.int64), np.array(before)).tolist() == expected


def test_a_batch_takes_no_more_than_its_own_size_however_large_the_split() -> None:
    ranks, scenes = RankCorrelation(1_000_000), Segmentation(1_000_000)
    mask = np.ones((1, 2, 2))
    tracemalloc.start()
    try:
        ranks.update(np.array([7, 999_999]), np.zeros(2), np.ones(2))
        scenes.update([7], mask, mask == 1, mask)
        assert tracemalloc.get_traced_memory()[1] < 100_000  # a byte for each sample would be ten times as much
    finally:
        tracemalloc.stop()
