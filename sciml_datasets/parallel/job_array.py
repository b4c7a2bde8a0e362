"""Shares of a work for processes that a batch system starts on their own, at different times, without MPI.

Such are the tasks of a job array, which Slurm describes in their environment (https://slurm.schedmd.com/job_array.html).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from sciml_datasets.errors import InputError

SLURM = "slurm"
"""The text for the share of this task of a job array of Slurm."""
VARIABLES = tuple(f"SLURM_ARRAY_TASK_{part}" for part in ("ID", "MIN", "MAX", "COUNT"))
GIVEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Share:
    """One of equal shares of a list: every ``count``-th item of it.

    Attributes:
        index: number of the share, from 0.
        count: number of shares.
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, place: int) -> bool:
        """Whether the item at a place, from 0, belongs to this share."""
        return place % self.count == self.index


def share_of(text: str) -> Share:
    """The share of a text: ``3/16`` is the fourth of 16, ``slurm`` that of this task of a job array.

    Tasks are counted by their places: of ``--array=10-40:10`` task 30 has the share 2/4.

    Raises:
        InputError: the text is none of these, there is no such share, or this is no task of a job array of Slurm.
    """
    if text == SLURM:
        return _of_slurm(os.environ.get)
    found = GIVEN.fullmatch(text)
    if found is None or not int(found[1]) < int(found[2]):
        raise InputError(
            f"share {text!r}: expected the number of a share from 0 and the number of all, as in 3/16, or {SLURM}"
        )
    return Share(int(found[1]), int(found[2]))


def _of_slurm(value_of: Callable[[str], str | None]) -> Share:
    """The share of a task.

    Args:
        value_of: function from the name of an environment variable to its value.

    Raises:
        InputError: a variable is missing, or the numbers of the tasks are not evenly spaced: Slurm does not list them.
    """
    given = {name: value_of(name) or "" for name in VARIABLES}
    for name, value in given.items():
        if not value.isdecimal():
            raise InputError(
                f"share {SLURM}: {name} is {value!r}, expected a number, as Slurm gives it to each task of "
                "`sbatch --array=0-15`: start it that way, or name the share, as in 3/16"
            )
    number, first, last, count = map(int, given.values())
    step = (last - first) // max(1, count - 1) or 1
    place, rest = divmod(number - first, step)
    if rest or first + step * (count - 1) != last:
        raise InputError(
            f"share {SLURM}: {count} tasks from {first} to {last} are not evenly spaced, so that the share of task "
            f"{number} is not known: submit the whole array again, which keeps finished shards, or one task at a time"
        )
    return Share(place, count)
