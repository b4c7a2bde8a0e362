"""Which processes train together: from TF_CONFIG, MPI ranks, or the variables that Slurm sets.

Every process is one worker of tf.distribute's MultiWorkerMirroredStrategy.
"""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sciml_datasets.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

FIRST_PORT, PORTS = 20000, 12000
"""Ports that the workers of a Slurm job take: from one that follows from its id, upwards on each node. Linux gives out
other ports, from 32768 on."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The workers, and which of them this process is.

    Attributes:
        workers: host and port of each.
        index: number of this process, from 0.
    """

    workers: tuple[str, ...]
    index: int


def find_cluster(comm: MPI.Intracomm | None = None) -> Cluster:
    """The cluster that this process belongs to.

    Args:
        comm: MPI's ranks, where a launcher of MPI started this process; TF_CONFIG goes before it.

    Raises:
        InputError: nothing names one, or TF_CONFIG cannot be read.
    """
    if "TF_CONFIG" in os.environ:
        return from_tf_config(os.environ["TF_CONFIG"])
    if comm is not None:
        return from_ranks(comm)
    if "SLURM_STEP_NODELIST" in os.environ:
        return from_slurm(dict(os.environ))
    raise InputError(
        "strategy multiworker: no workers are named: set TF_CONFIG, or start with `mpiexec -n N sciml train ...` or "
        "`srun -n N sciml train ...`"
    )


def from_tf_config(text: str) -> Cluster:
    """As TensorFlow's TF_CONFIG says: ``{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker",
    "index": 0}}``; a chief counts as the first worker.

    Raises:
        InputError: the text is not of this form.
    """
    try:
        config = json.loads(text)
        chiefs, workers = (list(config["cluster"].get(kind, [])) for kind in ("chief", "worker"))
        kind, index = config["task"]["type"], int(config["task"]["index"])
        place = {"chief": index, "worker": len(chiefs) + index}[kind]
        addresses = tuple(map(str, chiefs + workers))
        if not 0 <= place < len(addresses):
            raise IndexError(f"task {kind} {index} of {len(addresses)} workers")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"TF_CONFIG {text!r} is not understood ({type(error).__name__}: {error}): expected "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from error
    return Cluster(addresses, place)


def from_ranks(comm: MPI.Intracomm) -> Cluster:
    """One worker for each rank: each finds a free port, which all receive."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        host = socket.gethostname()
        hosts = comm.allgather((host, listener.getsockname()[1]))
        comm.Barrier()  # all ports are known before the first is given up
    alone = len({name for name, _ in hosts}) == 1  # on one machine its name need not be known to its resolver
    return Cluster(tuple(f"{'127.0.0.1' if alone else name}:{port}" for name, port in hosts), comm.Get_rank())


def from_slurm(environment: dict[str, str]) -> Cluster:
    """One worker for each task of the job step; ports follow from job and task.

    Source: the output environment variables of srun(1).

    Raises:
        InputError: a variable is missing or not understood.
    """
    try:
        nodes = expand_nodes(environment["SLURM_STEP_NODELIST"])
        counts = expand_counts(environment["SLURM_STEP_TASKS_PER_NODE"])
        index = int(environment["SLURM_PROCID"])
        first = FIRST_PORT + int(environment["SLURM_JOB_ID"]) * 64 % PORTS
        addresses = tuple(
            f"{node}:{first + i}" for node, count in zip(nodes, counts, strict=True) for i in range(count)
        )
        return Cluster(addresses, index)
    except (KeyError, ValueError) as error:
        raise InputError(f"the variables of Slurm are not understood ({error}): set TF_CONFIG instead") from error


def expand_nodes(text: str) -> list[str]:
    """``gpu[01-03,7],login`` to its names, in order.

    Raises:
        ValueError: the brackets do not match.
    """
    names: list[str] = []
    for item in re.findall(r"(?:[^,\[\]]|\[[^\[\]]*\])+", text):
        found = re.fullmatch(r"([^\[\]]*)(?:\[([^\[\]]*)\])?([^\[\]]*)", item)
        if not found:
            raise ValueError(f"node list {text!r}")
        before, ranges, after = found.groups()
        if ranges is None:
            names.append(before)
            continue
        for part in ranges.split(","):
            low, _, high = part.partition("-")
            names += [f"{before}{i:0{len(low)}d}{after}" for i in range(int(low), int(high or low) + 1)]
    return names


def expand_counts(text: str) -> list[int]:
    """``2(x3),1`` to [2, 2, 2, 1].

    Raises:
        ValueError: it has another form.
    """
    counts: list[int] = []
    for item in text.split(","):
        found = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", item)
        if not found:
            raise ValueError(f"tasks per node {text!r}")
        counts += [int(found[1])] * int(found[2] or 1)
    return counts
