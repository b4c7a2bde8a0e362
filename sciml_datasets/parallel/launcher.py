"""The MPI world, where a launcher such as mpiexec or srun has started several ranks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
"""Environment variables in which MPICH and its relatives, Open MPI and Slurm give the number of ranks they started."""
RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""Environment variables in which they give the number of this rank."""


def speaks() -> bool:
    """Whether this process reports for all ranks: there is no launcher, or it is the first rank."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def ranks_started() -> int:
    """Number of ranks that a launcher started this process with; 1 without one."""
    return max((int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdecimal()), default=1)


def world() -> MPI.Intracomm | None:
    """MPI's world communicator, or None without a launcher; mpi4py is imported only with a launcher.

    Raises:
        InputError: a launcher started several ranks, but mpi4py is missing or sees one rank only.
    """
    started = ranks_started()
    if started < 2:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"{started} ranks were started, but mpi4py cannot be used ({error}): install it for this MPI, or mpich "
            "with `pip install sciml-datasets[mpi]`, or use --jobs instead of a launcher"
        ) from error
    if MPI.COMM_WORLD.Get_size() < 2:
        raise InputError(
            f"{started} ranks were started, but MPI sees one: use the launcher of the MPI that mpi4py loads "
            f"({MPI.Get_library_version().splitlines()[0].strip()}); with Slurm, srun --mpi=pmi2 or --mpi=pmix"
        )
    return MPI.COMM_WORLD
