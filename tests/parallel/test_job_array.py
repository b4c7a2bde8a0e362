"""Shares of a work: what a task of a job array is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_datasets import InputError
from sciml_datasets.parallel.job_array import Share, share_of


def of_slurm(monkeypatch: pytest.MonkeyPatch, number: int, tasks: list[int]) -> Share:
    """The share of a task of an array of tasks of these numbers, in the environment that Slurm makes."""
    given = {"ID": number, "MIN": min(tasks), "MAX": max(tasks), "COUNT": len(tasks)}
    for part, value in given.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{part}", str(value))
    return share_of("slurm")


@given(st.integers(1, 50), st.integers(0, 200))
def test_every_item_belongs_to_exactly_one_share(count: int, items: int) -> None:
    shares = [Share(index, count) for index in range(count)]
    assert all(sum(share.has(place) for share in shares) == 1 for place in range(items))


@pytest.mark.parametrize(
    "tasks", [[0, 1, 2, 3], [1, 2, 3, 4], [10, 20, 30], [5], [3, 7]], ids=lambda tasks: "-".join(map(str, tasks))
)
def test_tasks_of_slurm_have_the_shares_of_their_places(monkeypatch: pytest.MonkeyPatch, tasks: list[int]) -> None:
    shares = [of_slurm(monkeypatch, number, tasks) for number in tasks]
    assert shares == [Share(place, len(tasks)) for place in range(len(tasks))]


def test_a_task_whose_place_slurm_does_not_tell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"3 tasks from 1 to 7 are not evenly spaced.* submit the whole array again"):
        of_slurm(monkeypatch, 2, [1, 2, 7])


def test_outside_of_a_job_array_the_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    with pytest.raises(InputError, match=r"SLURM_ARRAY_TASK_ID is '', expected a number"):
        share_of("slurm")


def test_a_share_is_given_by_its_number_and_the_number_of_all() -> None:
    assert share_of("3/16") == Share(3, 16)


@pytest.mark.parametrize("text", ["", "3", "16/16", "-1/4", "1/0", "a/b", "1/2/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"expected the number of a share from 0 and the number of all, as in 3/16"):
        share_of(text)
