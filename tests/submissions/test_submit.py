"""``sciml submit``: from run folders to the folder that the Science rules ask for."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from submission_files import COMMIT, at_hand, change_yaml, make_run, make_submission

from sciml_datasets import InputError
from sciml_datasets.cli.main import main
from sciml_datasets.metrics.mllog import read_log
from sciml_datasets.parallel.processes import signature
from sciml_datasets.submissions import Statement, check, submit
from sciml_datasets.submissions.file_list import write_new
from sciml_datasets.submissions.logs import TOKEN


@pytest.fixture(scope="module")
def runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    return [make_run(root / str(seed), data_dir, seed=seed) for seed in (0, 1, 2)]


def test_one_run_becomes_the_files_of_the_rules(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    assert folder == tmp_path / "Example-Lab" / "stemdl" / "laptop" / "first"
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "config.yaml",
        "result-1.txt",
        "result.json",
        "predictions.h5",
        "README.md",
        "scientific_contribution.md",
        "scientific_contribution.pdf",
    }


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_written_has_no_findings_and_its_scores_are_found_again(
    runs: list[Path], tmp_path: Path, data_dir: Path, count: int
) -> None:
    folder = make_submission(tmp_path, runs[:count])
    (checked,) = check([folder], at_hand(data_dir))
    assert checked.findings == ()
    assert checked.facts["recomputed"] is True


def test_the_version_of_the_code_is_that_of_what_trained_or_is_given(runs: list[Path], tmp_path: Path) -> None:
    own = shutil.copytree(runs[0], tmp_path / "own")
    change_yaml(own / "config.yaml", lambda config: config.pop("software"))
    for number, (run, given, version) in enumerate(((runs[0], None, "0.1.0"), (own, None, "1.0"), (own, "2.1", "2.1"))):
        folder = make_submission(tmp_path / str(number), [run], version=given)
        github = yaml.safe_load((folder / "config.yaml").read_text())["github"]
        assert (github["version"], github["tag"]) == (version, f"v{version}")
        assert {finding.rule for finding in check([folder])[0].findings} <= {"unanswered"}
    with pytest.raises(InputError, match=r"the version of the code is 'new': give --code-version, such as 1\.0"):
        make_submission(tmp_path, [own], version="new")


def test_segmentations_are_submitted_as_well(data_dir: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, name="cloudmask_demo", right=0.45)
    (checked,) = check([make_submission(tmp_path / "all", [run])], at_hand(data_dir))
    assert checked.findings == ()
    assert checked.facts["recomputed"] is True


def test_the_configuration_tells_code_data_settings_and_runs(runs: list[Path], tmp_path: Path) -> None:
    config = yaml.safe_load((make_submission(tmp_path, runs) / "config.yaml").read_text())
    assert config["github"]["commit"] == COMMIT
    assert config["github"]["tag"] == "v0.1.0"
    assert config["data"] == [
        "sciml simulate stemdl_demo --out raw",
        "sciml prepare stemdl_demo --raw-dir raw --data-dir data",
    ]
    assert config["hyperparameters"] == {"epochs": 2, "batch_size": 8, "learning_rate": 0.001}
    assert [run["seed"] for run in config["runs"]] == [0, 1, 2]
    sha256 = hashlib.sha256((runs[1] / "predictions.h5").read_bytes()).hexdigest()
    assert config["runs"][1]["predictions"]["sha256"] == sha256


def test_the_logs_name_the_organization_and_pass_the_parser(runs: list[Path], tmp_path: Path) -> None:
    lines = read_log(make_submission(tmp_path, runs[:1]) / "result-1.txt")
    values = {line["key"]: line["value"] for line in lines}
    assert values["submission_org"] == "Example Lab"
    assert values["submission_github_commit_version"] == COMMIT


def test_several_runs_are_averaged(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs)
    result = json.loads((folder / "result.json").read_text())
    assert len(result["runs"]) == 3
    assert "interval" in result["criteria"][0]


def test_the_readme_has_the_commands_that_repeat_the_runs(runs: list[Path], tmp_path: Path) -> None:
    text = (make_submission(tmp_path, runs[:2]) / "README.md").read_text()
    assert "sciml train stemdl_demo --data-dir data --out run-2 --seed 1 --epochs 2 --batch-size 8" in text


def test_predictions_may_stay_elsewhere(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    folder = make_submission(tmp_path, runs[:1], predictions_at="https://example.org/ours/")
    assert not list(folder.glob("*.h5"))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["runs"][0]["predictions"]["place"] == "https://example.org/ours/predictions.h5"
    (checked,) = check([folder], at_hand(data_dir))
    assert checked.findings == ()
    assert checked.facts["recomputed"] is False


def test_the_same_contribution_gives_the_same_pdf(runs: list[Path], tmp_path: Path) -> None:
    one, other = (make_submission(tmp_path / name, runs[:1]) / "scientific_contribution.pdf" for name in "ab")
    assert one.read_bytes() == other.read_bytes()


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
    assert json.loads(done.stdout)["findings"] == []
    assert "the folder of Example Lab is called Example-Lab" in done.stderr
    assert markdown.read_text().startswith("# Ours")
    sha256 = hashlib.sha256(markdown.read_bytes()).hexdigest()
    assert f"made of sha256:{sha256}".encode() in (folder / "scientific_contribution.pdf").read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def add_own_files(folder: Path) -> dict[str, bytes]:
    """What docs/submitting.md lets a submitter add and edit."""
    (folder / "notebooks").mkdir()
    (folder / "plots").mkdir(exist_ok=True)
    picture = (Path(__file__).parents[1] / "abtem_patterns.npz").read_bytes()[:100]
    for name in ("train.py", "notebooks/look.ipynb", "plots/mine.png", "README.md"):
        (folder / name).write_bytes(picture if name.endswith("png") else b"mine\n```\nrun\n```\n")
    (folder / "scientific_contribution.md").write_text("# Mine\n\nText.\n")
    names = ("train.py", "notebooks/look.ipynb", "plots/mine.png", "README.md", "scientific_contribution.md")
    return {name: (folder / name).read_bytes() for name in names}


def relog(run: Path, key: str, value: Any) -> None:
    """Let the log of a run tell another value."""
    log = run / "result-1.txt"
    lines = [line for line in log.read_text().splitlines(keepends=True) if f'"key": "{key}"' not in line]
    before, token, content = lines[0].partition(TOKEN)
    lines.insert(0, before + token + json.dumps(json.loads(content) | {"key": key, "value": value}) + "\n")
    log.write_text("".join(lines))


def update(root: Path, runs: list[Path], **said: Any) -> Path:
    return submit(runs, root, Statement("Example Lab", "laptop", "first", **said), update=True)


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
    remedy = f"restore config.yaml, for example from git, or move {folder} elsewhere and submit anew"
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


def test_pictures_of_the_submitter_are_set(runs: list[Path], tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    folder = make_submission(tmp_path, runs[:1])
    (folder / "pictures").mkdir()
    Figure(figsize=(1, 1)).savefig(folder / "pictures" / "mine.png")
    (folder / "scientific_contribution.md").write_text("# Mine\n\n![mine](pictures/mine.png)\n")
    update(tmp_path, runs[:1])
    assert b"/Image" in (folder / "scientific_contribution.pdf").read_bytes()


def test_a_folder_of_the_user_that_looks_like_a_work_folder_stays(runs: list[Path], tmp_path: Path) -> None:
    parent = tmp_path / "Example-Lab" / "stemdl" / "laptop"
    for name in (".first.incomplete", ".first.incomplete-0123456789ab"):
        (parent / name).mkdir(parents=True)
        (parent / name / "mine.txt").write_text("mine")
    make_submission(tmp_path, runs[:1])
    assert len(list(parent.glob(".first.*/mine.txt"))) == 2


def test_of_first_submissions_beside_only_those_that_were_killed_are_cleared_away(
    runs: list[Path], tmp_path: Path
) -> None:
    folder, elsewhere = make_submission(tmp_path, runs[:1]), make_submission(tmp_path / "other", runs[:1])
    with subprocess.Popen(["true"]) as ended:
        pass
    lives = folder.with_name(f".first.incomplete-{signature()}")
    killed = folder.with_name(f".first.incomplete-{signature()}".replace(f"-{os.getpid()}-", f"-{ended.pid}-"))
    elsewhere.rename(lives)
    folder.rename(killed)
    make_submission(tmp_path, runs[:1])
    assert {path.name for path in folder.parent.iterdir()} == {"first", lives.name}
    assert (lives / "config.yaml").is_file()


def test_of_two_first_submissions_at_once_the_second_is_told_of_the_first(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    before = contents(folder)
    told = f"{re.escape(str(folder))} exists: choose another --descriptor, or give --update"
    with pytest.raises(InputError, match=told):  # it was not there yet when this one looked
        write_new(folder, {"README.md": runs[0] / "config.yaml"}, "a: 1\n")
    assert contents(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_full_disk_is_told_of_what_was_to_be_written_and_leaves_no_folders(runs: list[Path], tmp_path: Path) -> None:
    predictions = tmp_path / "predictions.h5"
    predictions.write_bytes(bytes(1 << 17))
    folder = tmp_path / "all" / "lab" / "first"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            write_new(folder, {predictions.name: predictions}, "a: 1\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(folder / predictions.name)
    assert not (tmp_path / "all").exists()


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


def test_a_picture_outside_of_the_submission_is_not_read(runs: list[Path], tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from sciml_datasets.submissions.pdf import markdown_to_pdf

    for source in ("../secret.png", "https://example.org/x.png"):
        with pytest.raises(InputError, match="no such picture"):
            markdown_to_pdf(f"![x]({source})".encode(), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))


def test_characters_that_the_pdf_cannot_show_are_named(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from sciml_datasets.submissions.pdf import markdown_to_pdf

    with pytest.raises(InputError, match=r"fonts lack \(U\+4E2D CJK UNIFIED IDEOGRAPH-4E2D\): replace them"):
        markdown_to_pdf("# From \u4e2d".encode(), tmp_path, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_run_of_another_framework_is_asked_for_its_commands(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    run = make_run(tmp_path / "run", data_dir, seed=9)
    (run / "config.yaml").write_text("model: small\nsettings: {depth: 4}\n")
    (checked,) = check([make_submission(tmp_path / "all", [run])])
    assert {finding.rule for finding in checked.findings} == {"unanswered"}
    assert {finding.file for finding in checked.findings} == {"README.md", "scientific_contribution.md"}


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        (lambda run: (run / "predictions.h5").unlink(), {}, r"predictions\.h5 is missing"),
        (lambda run: (run / "config.yaml").write_text("a: [1"), {}, "cannot be read"),
        (lambda run: (run / "config.yaml").write_text("a: 1"), {}, "has no settings"),
        (lambda run: (run / "result.json").write_text("{}"), {}, "not a result of this version"),
        (lambda run: (run / "result-1.txt").write_text("nothing\n"), {}, "give --commit"),
        (
            lambda run: relog(run, "seed", 7),
            {},
            r"result\.json is not .* logs \(the seed is 7, in the result file 0\): put",
        ),
        (
            lambda run: relog(run, "result", {"top1_accuracy": 2}),
            {},
            "top1_accuracy is 2, in the result file 0.*correct the entry",
        ),
        (lambda run: ((run / "plots").mkdir(), os.mkfifo(run / "plots" / "a.png")), {}, r"a\.png is a FIFO"),
        (lambda run: None, {"commit": "abc"}, "--commit is 'abc': give --commit with 40 hexadecimal digits"),
        (lambda run: None, {"descriptor": "../up"}, r"cannot be a folder"),
        (lambda run: None, {"predictions_at": "here"}, "expected an address"),
    ],
)
def test_what_cannot_be_submitted_is_one_sentence_and_leaves_nothing(
    data_dir: Path, tmp_path: Path, change: Any, said: dict[str, str], message: str
) -> None:
    run = make_run(tmp_path / "run", data_dir)
    change(run)
    with pytest.raises(InputError, match=message):
        make_submission(tmp_path / "all", [run], **said)
    assert not list((tmp_path / "all").rglob("*"))


def test_runs_that_do_not_belong_together_are_refused(runs: list[Path], tmp_path: Path, data_dir: Path) -> None:
    other = make_run(tmp_path / "run", data_dir, seed=5)
    (other / "config.yaml").write_text((other / "config.yaml").read_text().replace("batch_size: 8", "batch_size: 9"))
    with pytest.raises(InputError, match="differ in settings"):
        make_submission(tmp_path / "all", [runs[0], other])
    with pytest.raises(InputError, match="give each run once"):
        make_submission(tmp_path / "all", [runs[0], runs[0]])


def test_evaluate_keeps_the_files_of_a_run(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", data_dir)
    before = contents(run)
    (tmp_path / "link.json").symlink_to(run / "result.json")
    command = ["evaluate", "stemdl_demo", "--data-dir", str(data_dir), "--predictions", str(run / "predictions.h5")]
    for out in (run / "result.json", run / "config.yaml", run / "result-1.txt", tmp_path / "link.json"):
        assert main([*command, "--out", str(out)]) == 2
        assert f"--out {out} is a file of a run, which would be lost: name another file" in capsys.readouterr().err
    assert contents(run) == before
    assert main([*command, "--out", str(run / "scores.json")]) == 0
