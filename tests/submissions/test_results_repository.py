"""The workflows of a results repository, run for real on a git repository, and the example submissions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from alterations import config
from submission_files import at_hand

from sciml_datasets import BENCHMARKS, prepare, simulate
from sciml_datasets.submissions import check

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "submissions"
AUTHOR = "ada-l"
WORKFLOWS = ROOT / "examples" / "results-repository" / ".github" / "workflows"


def workflow(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((WORKFLOWS / name).read_text()))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A results repository with the examples merged, and a `sciml` on the PATH that is this one."""
    shutil.copytree(EXAMPLES, tmp_path / "repository" / "submissions")
    config("maintainers", value=[AUTHOR])(example(tmp_path / "repository"))
    git(tmp_path / "repository", "init", "-q", "-b", "main")
    commit(tmp_path / "repository")
    shim = tmp_path / "bin" / "sciml"
    shim.parent.mkdir()
    call = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from sciml_datasets.cli.main import main; sys.exit(main())"
    shim.write_text(f"#!{sys.executable} -P\n{call}\n")
    shim.chmod(0o755)
    return tmp_path / "repository"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


def run_check(repository: Path, base: str, author: str = AUTHOR) -> subprocess.CompletedProcess[str]:
    """The step of check.yml that checks, as GitHub runs it."""
    (script,) = (step["run"] for step in workflow("check.yml")["jobs"]["check"]["steps"] if step.get("id") == "check")
    path = f"{repository.parent / 'bin'}:{os.environ['PATH']}"
    (repository.parent / "temp").mkdir(exist_ok=True)
    given = {"BASE": base, "AUTHOR": author, "DATA_DIR": "", "RUNNER_TEMP": str(repository.parent / "temp")}
    environment = {**os.environ, "PATH": path, **given}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)


def findings(repository: Path) -> str:
    return (repository.parent / "temp" / "findings.txt").read_text()


def example(repository: Path) -> Path:
    return next((repository / "submissions").glob("*/stemdl/*/*"))


def test_a_sound_change_passes(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    (example(repository) / "notes.md").write_text("more\n")
    commit(repository)
    done = run_check(repository, base)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accepted" in done.stdout
    assert "1 submission(s)" in done.stdout  # the others were not changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "model.pkl").write_bytes(b"x"), "must [pickle] model.pkl"),
        (lambda folder: (folder / "a\nb.txt").write_text("x"), "must [file-name]"),
        (lambda folder: (folder.parents[2] / "stray.txt").write_text("x"), "must [path-shape]"),
        (lambda folder: (folder.parents[3] / "notes.md").write_text("x"), "must [path-shape]"),
        (lambda folder: (folder.parent / "link").symlink_to("/etc"), "must [symlink]"),
        (lambda folder: (folder.parents[4] / "tool.py").write_text("x"), "also changes files outside of submissions/"),
    ],
)
def test_a_bad_change_fails_and_says_why(repository: Path, change: Any, message: str) -> None:
    base = git(repository, "rev-parse", "HEAD")
    change(example(repository))
    (example(repository) / "notes.md").write_text("more\n")
    commit(repository)
    done = run_check(repository, base)
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in findings(repository)


def test_a_submission_is_changed_only_by_its_maintainers(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    (example(repository) / "notes.md").write_text("more\n")
    commit(repository)
    assert run_check(repository, base, "mallory").returncode == 1
    assert "must [not-maintainer] config.yaml: mallory changes it" in findings(repository)


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def renamed(folder: Path) -> None:
    folder.rename(folder.with_name("other"))


@pytest.mark.parametrize("change", [removed, renamed])
def test_only_maintainers_remove_submissions(repository: Path, change: Any) -> None:
    base, folder = git(repository, "rev-parse", "HEAD"), example(repository)
    change(folder)
    commit(repository)
    done = run_check(repository, base)
    assert done.returncode == 1
    assert f"removed: {folder.relative_to(repository)}; maintainers" in findings(repository)


def test_nothing_is_smuggled_in_below_a_folder_that_lacks_what_submissions_have(repository: Path) -> None:
    base, folder = git(repository, "rev-parse", "HEAD"), example(repository)
    smuggled = folder.with_name("empty")
    shutil.copytree(folder, smuggled / "Other-Lab" / "stemdl" / "laptop" / "copy")
    (smuggled / "tool.bin").write_bytes(b"x")
    commit(repository)
    assert run_check(repository, base).returncode == 1
    reported = findings(repository)
    assert "must [file-missing]" in reported
    assert "must [model-file] tool.bin" in reported
    assert "must [too-deep]" in reported


def test_a_linked_folder_of_submissions_is_not_followed(repository: Path, tmp_path: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    (repository / "submissions").rename(tmp_path / "elsewhere")
    (repository / "submissions").symlink_to(tmp_path / "elsewhere")
    commit(repository)
    assert run_check(repository, base).returncode == 1
    assert "submissions is a link" in findings(repository)


@pytest.mark.parametrize("name", ["findings.txt", "changed", "others"])
def test_a_link_in_the_pull_request_is_never_written_through(repository: Path, tmp_path: Path, name: str) -> None:
    base = git(repository, "rev-parse", "HEAD")
    (tmp_path / "precious").write_text("mine")
    (repository / name).symlink_to(tmp_path / "precious")
    commit(repository)
    run_check(repository, base)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_file_name_is_no_command_to_the_runner(repository: Path) -> None:
    base, folder = git(repository, "rev-parse", "HEAD"), example(repository)
    (folder.parents[3] / "x\n::add-mask::a").write_text("x")
    (folder / "y\n::add-mask::b").write_text("x")
    commit(repository)
    done = run_check(repository, base)
    assert done.returncode == 1
    assert "add-mask::a" in done.stdout
    begin, *reported, end = done.stdout.splitlines()
    assert begin.startswith("::stop-commands::")
    assert end == f"::{begin.removeprefix('::stop-commands::')}::"
    assert not any(line.lstrip().startswith("::") for line in reported)


@pytest.mark.parametrize(("name", "job"), [("check.yml", "check"), ("site.yml", "build")])
def test_packages_are_installed_before_the_strangers_files_are_there(name: str, job: str) -> None:
    steps = workflow(name)["jobs"][job]["steps"]
    reported = [step.get("run", step.get("uses")) for step in steps]
    (install,) = (i for i, step in enumerate(reported) if "pip install" in step)
    (listed, checkout) = (i for i, step in enumerate(reported) if step.startswith("actions/checkout"))
    assert listed < install < checkout
    names = steps[listed]["with"]["sparse-checkout"].split()
    assert names == ["/.github/requirements.txt", "/.github/sciml-datasets.txt"]  # and no file beside them
    assert not any("python" in step for step in reported[checkout:])


def test_the_packages_of_a_check_are_those_of_the_protected_branch() -> None:
    listed = next(step for step in workflow("check.yml")["jobs"]["check"]["steps"] if "Fetch" in step.get("name", ""))
    assert listed["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("audit.yml", {"audit": {"contents": "read"}}),
        ("check.yml", {"check": {"contents": "read"}}),
        ("comment.yml", {"comment": {"actions": "read", "pull-requests": "write"}}),
        ("site.yml", {"build": {"contents": "read"}, "publish": {"pages": "write", "id-token": "write"}}),
    ],
)
def test_a_workflow_has_the_least_rights(name: str, rights: dict[str, dict[str, str]]) -> None:
    assert workflow(name)["permissions"] == {}
    assert {job: content["permissions"] for job, content in workflow(name)["jobs"].items()} == rights
    text = (WORKFLOWS / name).read_text()
    assert "pull_request_target" not in text
    assert "secrets." not in text


def test_the_job_that_may_publish_reads_nothing_of_a_stranger() -> None:
    (step,) = workflow("site.yml")["jobs"]["publish"]["steps"]
    assert step["uses"].startswith("actions/deploy-pages@")


def test_what_a_stranger_writes_is_never_part_of_a_script() -> None:
    for path in WORKFLOWS.glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")


COMMENT = """
const calls = [];
const pull = { number: 7, head: { sha: "abc" } };
const issues = { createComment: async (comment) => calls.push(comment.body) };
const github = { rest: { issues, pulls: { list: async () => ({ data: [pull] }) } }, paginate: async () => [] };
const run = { head_repository: { owner: { login: "x" } }, head_branch: "b", head_sha: "abc" };
const context = { repo: { owner: "o", repo: "r" }, payload: { workflow_run: run } };
comment(github, context).then(() => console.log(calls.join()));
"""
"""GitHub as far as the script of comment.yml asks it."""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js")
def test_a_comment_shows_findings_and_never_what_a_link_leads_to(tmp_path: Path) -> None:
    script = workflow("comment.yml")["jobs"]["comment"]["steps"][1]["with"]["script"]
    (tmp_path / "comment.js").write_text(f"async function comment(github, context) {{\n{script}\n}}\n{COMMENT}")
    findings = tmp_path / "findings.txt"
    findings.write_text("must [pickle] @all\n")
    command = ["node", "comment.js"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "\n    must [pickle] @all\n" in shown.stdout  # indented: no markup and no mention
    findings.rename(tmp_path / "token")
    findings.symlink_to(tmp_path / "token")
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "findings.txt is no plain file" in refused.stderr
    assert "pickle" not in refused.stdout


def test_there_is_an_example_for_each_benchmark_and_none_has_findings() -> None:
    checked = check([EXAMPLES])
    assert {one.place.benchmark for one in checked} == set(BENCHMARKS)
    assert [finding.as_text() for one in checked for finding in one.findings] == []


def test_scores_of_the_example_are_found_again(tmp_path: Path) -> None:
    # Responses are the same on every machine, and soon made; simulated cloud masks may differ in a pixel.
    simulate("candle_uno_demo", tmp_path / "raw", num_samples=3000, seed=7)
    prepare("candle_uno_demo", tmp_path / "raw", tmp_path / "data")
    checked = check(list(EXAMPLES.glob("*/candle_uno/*/*")), at_hand(tmp_path / "data"))
    assert checked
    assert all(one.facts["recomputed"] and not one.findings for one in checked)


def test_examples_are_better_than_trivial_predictors() -> None:
    for path in EXAMPLES.glob("*/*/*/*/result.json"):
        primary = json.loads(path.read_text())["criteria"][0]
        sign = 1 if primary["direction"] == "higher" else -1
        assert all(sign * (primary["score"] - trivial) > 0 for trivial in primary["baselines"].values()), path


def test_examples_are_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 3e6
