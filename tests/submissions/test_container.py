"""The container in which the workflows of a results repository run `sciml`: what it is started with."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

WORKFLOWS = Path(__file__).parents[2] / "examples" / "results-repository" / ".github" / "workflows"
DATA_DIR = "/data/prepared folder"
ARGUMENTS = ["check", "submissions", "--only", "a name with\na line", "$(id)"]


@pytest.fixture(scope="module", params=["check.yml", "site.yml"])
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, list[str]]:
    """A workflow, the checkout, and what its `sciml` starts docker with, in whose place a program records it."""
    name, folder = request.param, tmp_path_factory.mktemp("checkout")
    steps = [step for job in yaml.safe_load((WORKFLOWS / name).read_text())["jobs"].values() for step in job["steps"]]
    (script,) = (step["run"] for step in steps if step.get("name") == "Let sciml run in a container")
    runner, programs = folder / "runner", folder / "programs"
    runner.mkdir()
    programs.mkdir()
    (programs / "docker").write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$RECORD"\n')
    (programs / "docker").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "RUNNER_TEMP": str(runner), "GITHUB_PATH": str(folder / "path")}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    subprocess.run(shell, cwd=folder, env=environment, check=True)
    assert (folder / "path").read_text() == f"{runner}/bin\n"
    environment |= {"RECORD": str(folder / "record"), "DATA_DIR": DATA_DIR, "GITHUB_TOKEN": "secret"}
    subprocess.run([runner / "bin" / "sciml", *ARGUMENTS], cwd=folder, env=environment, check=True)
    return name, folder, (folder / "record").read_text().split("\0")[:-1]


def values(command: list[str], flag: str) -> list[str]:
    """The values of a flag that is given once or several times."""
    return [value for name, value in pairwise(command) if name == flag]


def test_the_container_has_no_network_no_rights_and_no_secret(started: tuple[str, Path, list[str]]) -> None:
    _, _, command = started
    assert command[0] == "run"
    assert values(command, "--network") == ["none"]
    assert values(command, "--cap-drop") == ["ALL"]
    assert values(command, "--security-opt") == ["no-new-privileges"]
    assert values(command, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert values(command, "--env") == ["HOME=/tmp", "PYTHONPATH=/packages", "PYTHONSAFEPATH=1"]
    assert "--read-only" in command
    assert "--privileged" not in command


def test_the_container_writes_the_site_alone(started: tuple[str, Path, list[str]]) -> None:
    name, folder, command = started
    volumes = values(command, "--volume")
    assert f"{folder}:/repository:ro" in volumes
    assert f"{DATA_DIR}:{DATA_DIR}:ro" in volumes
    site = folder / "runner" / "site"
    expected = [f"{site}:{site}"] if name == "site.yml" else []
    assert [volume for volume in volumes if not volume.endswith(":ro")] == expected


def test_arguments_reach_the_command_unchanged(started: tuple[str, Path, list[str]]) -> None:
    _, _, command = started
    assert command[-len(ARGUMENTS) - 3 :] == ["python", "-m", "sciml_datasets.cli.main", *ARGUMENTS]
