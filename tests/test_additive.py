"""States that add up."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from test_parallel import MPIEXEC, needs_mpi

from sciml_datasets.metrics.classification import Classification
from sciml_datasets.metrics.segmentation import Segmentation
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
