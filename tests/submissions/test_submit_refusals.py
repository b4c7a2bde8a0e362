"""Refusals of submissions: one sentence, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import resource
from pathlib import Path
from typing import Any

import pytest
from processes import signature_of_ended
from submission_files import beyond_texts, contents, make_run, make_submission

from sciml_datasets import InputError
from sciml_datasets.parallel.processes import signature
from sciml_datasets.submissions import check
from sciml_datasets.submissions.file_list import write_new
from sciml_datasets.submissions.logs import TOKEN


def relog(run: Path, key: str, value: Any) -> None:
    """Give the log of a run another value."""
    log = run / "result-1.txt"
    lines = [line for line in log.read_text().splitlines(keepends=True) if f'"key": "{key}"' not in line]
    before, token, content = lines[0].partition(TOKEN)
    lines.insert(0, before + token + json.dumps(json.loads(content) | {"key": key, "value": value}) + "\n")
    log.write_text("".join(lines))


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
    lives = folder.with_name(f".first.incomplete-{signature()}")
    killed = folder.with_name(f".first.incomplete-{signature_of_ended()}")
    elsewhere.rename(lives)
    folder.rename(killed)
    make_submission(tmp_path, runs[:1])
    assert {path.name for path in folder.parent.iterdir()} == {"first", lives.name}
    assert (lives / "config.yaml").is_file()


def test_of_two_first_submissions_at_once_the_second_is_warned_of_the_first(runs: list[Path], tmp_path: Path) -> None:
    folder = make_submission(tmp_path, runs[:1])
    before = contents(folder)
    reported = f"{re.escape(str(folder))} exists: choose another --descriptor, or give --update"
    with pytest.raises(InputError, match=reported):  # it was not there yet when this one looked
        write_new(folder, {"README.md": runs[0] / "config.yaml"}, "a: 1\n")
    assert contents(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_full_disk_is_reported_with_what_was_to_be_written_and_leaves_no_folders(
    runs: list[Path], tmp_path: Path
) -> None:
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
    assert {finding.rule for finding in beyond_texts(checked)} == {"unanswered"}
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
    data_dir: Path, tmp_path: Path, change: Any, said: dict[str, Any], message: str
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
