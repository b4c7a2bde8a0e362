"""The workers of a run, as TF_CONFIG and Slurm name them; MPI ranks are tested with real ones."""

from __future__ import annotations

import json

import pytest

from sciml_datasets import InputError
from sciml_datasets.models.cluster import expand_counts, expand_nodes, find_cluster, from_slurm, from_tf_config
from sciml_datasets.models.workers import join

SLURM = {
    "SLURM_STEP_NODELIST": "gpu[08-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
    "SLURM_PROCID": "3",
    "SLURM_JOB_ID": "7",
}


def test_tf_config_names_workers_and_a_chief_before_them() -> None:
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    found = from_tf_config(json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}}))
    assert found.workers == ("a:1", "b:2", "c:3")
    assert found.index == 2
    assert from_tf_config(json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}})).index == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}']
)
def test_a_tf_config_of_another_form_is_shown_the_right_one(text: str) -> None:
    with pytest.raises(InputError, match=r'expected \{"cluster": \{"worker"'):
        from_tf_config(text)


def test_slurm_names_a_worker_for_each_task() -> None:
    found = from_slurm(SLURM)
    assert [address.split(":")[0] for address in found.workers] == ["gpu08", "gpu08", "gpu09", "gpu09", "gpu10"]
    assert len(set(found.workers)) == 5
    assert found.index == 3


def test_slurm_variables_that_do_not_fit_are_told() -> None:
    with pytest.raises(InputError, match="set TF_CONFIG instead"):
        from_slurm(SLURM | {"SLURM_STEP_TASKS_PER_NODE": "2"})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("login", ["login"]),
        ("a1,b[1-2]", ["a1", "b1", "b2"]),
        ("gpu[01-02,07],login", ["gpu01", "gpu02", "gpu07", "login"]),
        ("r[1-2]n", ["r1n", "r2n"]),
    ],
)
def test_node_lists_are_expanded(text: str, names: list[str]) -> None:
    assert expand_nodes(text) == names


def test_tasks_per_node_are_expanded() -> None:
    assert expand_counts("2(x3),1") == [2, 2, 2, 1]


def test_no_cluster_tells_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_CONFIG", "SLURM_STEP_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="mpiexec -n N sciml train"):
        find_cluster()


def test_workers_are_joined_before_tensorflow_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    tf.constant(0)
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(InputError, match="give a function that makes the model in place of the model"):
        join("multiworker")
