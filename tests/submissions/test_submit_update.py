"""Submissions brought up to date: files of the submitter stay, ours are replaced."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from submission_files import COMMIT, REPOSITORY, contents, make_submission, make_written, update

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.submissions import Statement, submit


def test_an_update_keeps_what_the_submitter_wrote_and_sets_it(runs: list[Path], tmp_path: Path, sciml: Any) -> None:
    folder = make_submission(tmp_path, runs[:1])
    markdown = folder / "scientific_contribution.md"
    markdown.write_text("# Ours\n\nWith *all* `forms`: x → é ≤ 2, [a link](https://example.org).\n\n1. one\n2. two\n")
    arguments = ["submit", runs[0], "--organization", "Example Lab", "--system", "laptop", "--descriptor", "first"]
    again = sciml(*arguments, "--to", tmp_path)
    assert again.returncode == 2
    assert again.stderr.startswith(f"sciml submit: {folder} exists: choose another --descriptor, or give --update")
    done = sciml(*arguments, "--to", tmp_path, "--update", "--json", "--repository", "https://example.org/code")
    assert done.returncode == 0, done.stderr
    assert {finding["rule"] for finding in json.loads(done.stdout)["findings"]} == {"untouched"}
    assert "the folder of Example Lab is called Example-Lab" in done.stderr
    assert markdown.read_text().startswith("# Ours")
    sha256 = hashlib.sha256(markdown.read_bytes()).hexdigest()
    assert f"made of sha256:{sha256}".encode() in (folder / "scientific_contribution.pdf").read_bytes()


def test_an_update_keeps_the_facts_of_the_code_that_are_not_given_again(runs: list[Path], tmp_path: Path) -> None:
    run = shutil.copytree(runs[0], tmp_path / "run")
    log = run / "result-1.txt"  # of a run outside of a git checkout
    log.write_text("".join(line for line in log.read_text().splitlines(True) if "commit" not in line))
    said = {"repository": "https://example.org/mine", "branch": "work", "tag": "v7", "commit": COMMIT}
    folder = make_submission(tmp_path / "all", [run], **said)
    before = yaml.safe_load((folder / "config.yaml").read_text())["github"]
    submit([run], tmp_path / "all", Statement("Example Lab", "laptop", "first"), update=True)
    assert yaml.safe_load((folder / "config.yaml").read_text())["github"] == before
    assert before.items() >= {"repo": said["repository"], "branch": "work", "tag": "v7", "commit": COMMIT}.items()


def test_without_a_public_git_remote_the_package_is_named_and_told(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["submit", str(runs[0]), "--organization", "Example Lab", "--system", "laptop", "--descriptor", "first"]
    assert main([*words, "--to", str(tmp_path / "all")]) == 0
    assert "https://pypi.org/project/sciml-datasets/ is named as the place of the code" in capsys.readouterr().err
    (config,) = (tmp_path / "all").rglob("config.yaml")
    assert yaml.safe_load(config.read_text())["github"]["repo"] == "https://pypi.org/project/sciml-datasets/"


def test_what_is_next_names_only_the_texts_that_are_to_be_written(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_written(tmp_path, runs[:1], "first")
    command = ["submit", "--organization", "Example Lab", "--system", "laptop", "--to", str(tmp_path)]
    command += ["--repository", REPOSITORY, "--update", "--descriptor"]
    texts = "edit README.md and scientific_contribution.md, repeat with --update, "
    for run, descriptor, edit in ((runs[0], "first", ""), (runs[1], "second", texts)):
        assert main([*command, descriptor, str(run)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"next: {edit}`sciml check`, pull request"


def add_own_files(folder: Path) -> dict[str, bytes]:
    """Make the additions and edits that docs/submitting.md allows a submitter."""
    (folder / "notebooks").mkdir()
    (folder / "plots").mkdir(exist_ok=True)
    picture = (Path(__file__).parents[1] / "abtem_patterns.npz").read_bytes()[:100]
    for name in ("train.py", "notebooks/look.ipynb", "plots/mine.png", "README.md"):
        (folder / name).write_bytes(picture if name.endswith("png") else b"mine\n```\nrun\n```\n")
    (folder / "scientific_contribution.md").write_text("# Mine\n\nText.\n")
    names = ("train.py", "notebooks/look.ipynb", "plots/mine.png", "README.md", "scientific_contribution.md")
    return {name: (folder / name).read_bytes() for name in names}


def test_an_update_leaves_every_file_of_the_submitter_as_it_is(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs)
    mine = add_own_files(folder)
    inode = folder.stat().st_ino
    update(tmp_path, runs[:1], user="Somebody")
    found = contents(folder)
    assert {name: found[name] for name in mine} == mine
    assert folder.stat().st_ino == inode
    assert yaml.safe_load(found["config.yaml"])["submission"]["user"] == "Somebody"
    written = {"config.yaml", "result.json", "result-1.txt", "predictions.h5", "scientific_contribution.pdf"}
    assert found.keys() == written | mine.keys()
    assert (
        hashlib.sha256(mine["scientific_contribution.md"]).hexdigest().encode() in found["scientific_contribution.pdf"]
    )


@pytest.mark.parametrize("name", ["scientific_contribution.pdf", "sientific_contribution.pdf"])
@pytest.mark.parametrize("keeps_markdown", [True, False])
def test_a_pdf_of_the_submitter_takes_the_place_of_ours(
    runs: list[Path], tmp_path: Path, name: str, keeps_markdown: bool
) -> None:
    folder = make_submission(tmp_path, runs[:1])
    (folder / "scientific_contribution.pdf").unlink()
    (folder / name).write_bytes(b"%PDF-1.4 mine")
    if not keeps_markdown:
        (folder / "scientific_contribution.md").unlink()
    for _ in range(2):
        update(tmp_path, runs[:2])
        assert (folder / name).read_bytes() == b"%PDF-1.4 mine"
        assert len(list(folder.glob("*.pdf"))) == 1
        assert (folder / "scientific_contribution.md").exists() == keeps_markdown


@pytest.mark.parametrize("name", ["result-2.txt", "predictions-1.h5", "result.json"])
def test_a_file_of_ours_that_was_edited_is_named_and_nothing_is_written(
    runs: list[Path], tmp_path: Path, name: str
) -> None:
    folder = make_submission(tmp_path, runs[:2])
    (folder / name).write_bytes(b"# mine\n" + (folder / name).read_bytes())
    before = contents(folder)
    with pytest.raises(InputError, match=f"{name} was not written by this command, or has changed since: move it"):
        update(tmp_path, runs[:1])
    assert contents(folder) == before
    (folder / name).rename(tmp_path / "elsewhere")
    update(tmp_path, runs[:2])
    assert contents(folder).keys() == before.keys()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "# mine\n" + text,
        lambda text: text + 'notes: "my own 3 hours of notes"\n',
        lambda text: text + "# a note at the end\n",
        lambda text: text + f"  mine.txt: {'0' * 64}\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "seen: 2026-99-99\n",
        lambda text: text.rstrip("\n"),
    ],
)
def test_a_configuration_that_was_edited_anywhere_is_named_with_what_helps(
    runs: list[Path], tmp_path: Path, change: Any
) -> None:
    folder = make_submission(tmp_path, runs[:1])
    config = folder / "config.yaml"
    config.write_bytes(change(config.read_text()).encode())
    before = contents(folder)
    remedy = f"restore config.yaml, for example from git, or move {folder} elsewhere and submit again"
    with pytest.raises(
        InputError, match=f"config.yaml was not written by .*, or has changed since: {re.escape(remedy)}"
    ):
        update(tmp_path, runs[:1])
    assert contents(folder) == before
    folder.rename(tmp_path / "elsewhere")
    update(tmp_path, runs[:1])


def test_without_its_list_a_submission_is_not_written_over(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    (folder / "config.yaml").unlink()
    before = contents(folder)
    lacks = "would be replaced, and config.yaml, which lists the files that this command wrote, is missing: restore"
    with pytest.raises(InputError, match=rf"result-1\.txt {lacks}"):
        update(tmp_path, runs[1:2])
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (os.mkfifo, r"is a FIFO \(named pipe\), expected a file: remove it"),
        (os.mkdir, "is a folder, expected a file: remove it"),
        (lambda path: path.symlink_to("nowhere"), "is a symbolic link to nowhere, which does not exist: correct"),
        (lambda path: path.write_text("![p](l.png)"), r"l\.png: no such picture in .*first: put it there"),
        (
            lambda path: path.write_text("![p](t.png)"),
            r"t\.png cannot be read as a picture, expected",
        ),
        (lambda path: path.write_bytes(b"# caf\xe9"), r"is not UTF-8 \(at byte 5\): save it as UTF-8"),
    ],
)
def test_a_contribution_that_cannot_be_read_is_a_sentence(
    runs: list[Path], tmp_path: Path, put: Any, message: str
) -> None:
    folder = make_submission(tmp_path, runs[:1])
    (folder / "l.png").symlink_to("l.png")
    (folder / "t.png").write_text("no picture")
    (folder / "scientific_contribution.md").unlink()
    put(folder / "scientific_contribution.md")
    with pytest.raises(InputError, match=message):
        update(tmp_path, runs[:1])


def test_a_pdf_that_is_not_listed_is_known_by_its_metadata(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    (folder / "config.yaml").unlink()
    (folder / "scientific_contribution.md").write_text("# Mine\n")
    before = (folder / "scientific_contribution.pdf").read_bytes()
    update(tmp_path, runs[:1])
    assert (folder / "scientific_contribution.pdf").read_bytes() != before
    assert "scientific_contribution.pdf" in yaml.safe_load((folder / "config.yaml").read_text())["files"]


def test_a_kill_at_any_moment_of_an_update_loses_nothing(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs)
    mine = add_own_files(folder)
    random.seed(1)
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                while True:  # until it is killed
                    update(tmp_path, runs)
                    update(tmp_path, runs[1:], status="preview")
            finally:
                os._exit(1)
        time.sleep(random.uniform(0.05, 0.6))
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = contents(folder)
        assert {name: found[name] for name in mine} == mine
    update(tmp_path, runs[:1])
    written = {"config.yaml", "result.json", "result-1.txt", "predictions.h5", "scientific_contribution.pdf"}
    assert contents(folder).keys() == written | mine.keys()
