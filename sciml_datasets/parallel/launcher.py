"""The MPI world, where a launcher such as mpiexec or srun has started several ranks."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
"""Environment variables in which MPICH and its relatives, Open MPI and Slurm give the number of ranks they started."""
RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""Environment variables in which they give the number of this rank."""
LIBRARY = re.compile(r"/libmpi[^/\n]*\.so")
"""Path of an MPI library in the list of what a process has mapped."""


def variables() -> dict[str, str]:
    """The variables of a launcher in the environment of this process; none where it is a program that a rank has
    started, which inherits them and is no rank."""
    found = {name: os.environ[name] for name in (*SIZES, *RANKS) if name in os.environ}
    return {} if found and _parent_is_rank(found) else found


def speaks() -> bool:
    """Whether this process reports for all ranks: there is no launcher, or it is the first rank."""
    found = variables()
    return all(found.get(name, "0") == "0" for name in RANKS)


def ranks_started() -> int:
    """Number of ranks that a launcher started this process with; 1 without one."""
    found = variables()
    return max((int(found[name]) for name in SIZES if found.get(name, "").isdecimal()), default=1)


def without_launcher() -> str:
    """A clause on what makes this process no rank, where it is none: in the shell of a rank all commands look like it.

    Example:
        >>> import os
        >>> from sciml_datasets.parallel.launcher import without_launcher
        >>> os.environ["SLURM_PROCID"] = "0"
        >>> without_launcher()
        'in a shell that a launcher has started, as srun --pty does, `unset SLURM_PROCID`'
        >>> del os.environ["SLURM_PROCID"]
    """
    return f"in a shell that a launcher has started, as srun --pty does, `unset {' '.join(variables())}`"


def _parent_is_rank(found: Mapping[str, str]) -> bool:
    """Whether the parent of this process is the rank with these variables: it has loaded MPI, as no launcher does."""
    parent = Path(f"/proc/{os.getppid()}")
    try:
        inherited = (parent / "environ").read_bytes().split(b"\0")
        if not all(f"{name}={value}".encode() in inherited for name, value in found.items()):
            return False
        return LIBRARY.search((parent / "maps").read_text(errors="replace")) is not None
    except OSError:  # it has ended or is of another user, as a launcher may be, or this system does not say
        return False


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
            f"({MPI.Get_library_version().splitlines()[0].strip()}); with Slurm, srun --mpi=pmi2 or --mpi=pmix; "
            + without_launcher()
        )
    return MPI.COMM_WORLD
