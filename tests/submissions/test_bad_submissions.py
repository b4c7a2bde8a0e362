"""A corpus of bad submissions, one defect each, with the rule that must flag it; and bytes that are anything."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from alterations import (
    PDF,
    PNG,
    Change,
    archive,
    bomb,
    chunk,
    claimed,
    config,
    damaged,
    exchanged,
    external_link,
    external_storage,
    extra_dataset,
    fill,
    group,
    huge_chunk,
    log,
    logged,
    many_references_to_a_long_id,
    moved,
    nested,
    pdf,
    plugin_filter,
    predicted,
    put,
    reached,
    references,
    replaced,
    result,
    several,
    soft_link,
    special,
    state_hash,
    stopped,
    swapped,
    taken,
    timed,
    twice,
    unwritten,
    virtual,
    with_archive,
    with_bytes,
    without,
    without_first,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from submission_files import at_hand, change_json, make_run, make_submission

from sciml_datasets.prepared.members import read_members
from sciml_datasets.submissions import RULES, DataAtHand, check


@pytest.fixture(scope="module")
def good(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with two submissions: ``first`` of one run and ``second`` of two."""
    root = tmp_path_factory.mktemp("good")
    runs = [make_run(root / f"run-{seed}", data_dir, seed=seed) for seed in (0, 1, 2)]
    make_submission(root / "all", runs[:1], "first")
    make_submission(root / "all", runs[1:], "second")
    return root / "all"


@pytest.fixture(scope="module")
def data(data_dir: Path) -> DataAtHand:
    return at_hand(data_dir)


@pytest.fixture
def tree(good: Path, tmp_path: Path) -> Path:
    """A tree with ``first`` only, to be altered."""
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    return tmp_path / "all"


def folder_of(tree: Path, descriptor: str = "first") -> Path:
    return tree / "Example-Lab" / "stemdl" / "laptop" / descriptor


BAD: list[tuple[str, Change, str]] = [
    # Where it lies and what lies there
    ("a benchmark that does not exist", moved("Example-Lab", "mnist", "laptop", "first"), "benchmark-unknown"),
    ("a folder too few", moved("Example-Lab", "stemdl", "stray"), "path-shape"),
    ("a hidden folder name", moved("Example-Lab", "stemdl", "laptop", ".first"), "file-name"),
    ("a file between the folders", lambda folder: put("../notes.md")(folder), "path-shape"),
    ("no configuration", lambda folder: (folder / "config.yaml").unlink(), "file-missing"),
    ("no README", lambda folder: (folder / "README.md").unlink(), "file-missing"),
    ("no result", lambda folder: (folder / "result.json").unlink(), "file-missing"),
    ("no log", lambda folder: (folder / "result-1.txt").unlink(), "file-missing"),
    ("no contribution", lambda folder: (folder / PDF).unlink(), "file-missing"),
    (
        "both spellings",
        lambda folder: shutil.copy(folder / PDF, folder / "sientific_contribution.pdf"),
        "name-collision",
    ),
    ("names that differ by case", put("readme.md"), "name-collision"),
    ("a hidden workflow", put(".github/workflows/x.yaml"), "file-name"),
    ("a name with a newline", put("a\nb.txt"), "file-name"),
    ("a name with a bidirectional override", put("a\u202egpj.txt"), "file-name"),
    ("an unknown ending", put("tool.xyz"), "file-kind"),
    ("an SVG, which may hold scripts", put("plot.svg", b"<svg/>"), "file-kind"),
    ("a link to a file", special(lambda path: Path(path).symlink_to("/etc/passwd")), "symlink"),
    ("a link to a folder", special(lambda path: Path(path).symlink_to("/")), "symlink"),
    (
        "a link in place of the README",
        several(lambda f: (f / "README.md").unlink(), lambda f: (f / "README.md").symlink_to("/etc/passwd")),
        "symlink",
    ),
    ("a named pipe", special(os.mkfifo), "special-file"),
    ("a socket", special(lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)), "special-file"),
    ("too many files", lambda folder: [put(f"many/{i}.txt")(folder) for i in range(201)], "too-many-files"),
    ("folders too deep", put("a/b/c/d/e.txt"), "too-deep"),
    ("a text that is too large", put("long.txt", b"x" * ((1 << 20) + 1)), "too-large"),
    ("a configuration that is too large", put("config.yaml", b"a: " + b"x" * 70_000), "too-large"),
    ("a pickle", put("model.pkl", b"\x80\x04N."), "pickle"),
    (
        "a pickle by another name",
        put("notes.txt", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94."),
        "pickle",
    ),
    ("NumPy objects", put("values.npy", b"\x93NUMPY"), "pickle"),
    ("a Keras model", put("model.keras", b"PK\x03\x04"), "model-file"),
    ("weights in HDF5", put("weights.h5", b"\x89HDF\r\n\x1a\n"), "model-file"),
    ("an archive", put("code.zip", b"PK\x03\x04"), "archive"),
    ("an archive by another name", put("code.txt", b"\x1f\x8b\x08\x00"), "archive"),
    ("a shared library", put("fast.so", b"\x7fELF"), "executable"),
    ("a binary by another name", put("run.sh", b"\x7fELF\x02\x01\x01"), "executable"),
    ("a picture that is none", put("plot.png", b"<script>"), "content-kind"),
    ("a script behind the first bytes of a picture", put("plot.png", PNG[:8] + b"<script>"), "content-kind"),
    ("something behind a picture", put("plot.png", PNG + b"<script>"), "content-kind"),
    ("a picture cut short", put("plot.png", PNG[:-6]), "content-kind"),
    ("a picture with a wrong checksum", put("plot.png", PNG[:-1] + b"x"), "content-kind"),
    ("an archive in a picture", put("plot.png", PNG[:-12] + chunk(b"tEXt", archive()) + PNG[-12:]), "archive"),
    ("an archive behind a PDF", with_bytes(PDF, lambda content: content + archive()), "archive"),
    ("a pickle that is text", put("notes.csv", b"cos\nsystem\n(S'true'\ntR."), "pickle"),
    ("a pickle that is text, of an instance", put("notes.txt", b"(S'true'\nios\nsystem\n."), "pickle"),
    ("a photograph, which may hold anything", put("photo.jpg", b"\xff\xd8\xff"), "file-kind"),
    ("a byte order mark", put("notes.txt", b"\xef\xbb\xbfhello\n"), "text-encoding"),
    ("letters without a width", put("notes.txt", "a\u200bb\n".encode()), "text-encoding"),
    ("text that is not UTF-8", put("notes.txt", b"caf\xe9\n"), "text-encoding"),
    ("control characters", put("notes.txt", b"\x1b[2J\n"), "text-encoding"),
    # config.yaml
    ("YAML that is none", put("config.yaml", b"a: [1\n"), "yaml-syntax"),
    ("YAML that is a list", put("config.yaml", b"- 1\n"), "yaml-syntax"),
    ("a tag that runs code", put("config.yaml", b"a: !!python/object/apply:os.system ['true']\n"), "yaml-tag"),
    ("a harmless tag", put("config.yaml", b"a: !!str 1\n"), "yaml-tag"),
    ("a billion laughs", put("config.yaml", b"a: &a [x]\nb: &b [*a, *a]\n"), "yaml-alias"),
    ("a merge of an alias", put("config.yaml", b"a: &a {x: 1}\nb: {<<: *a}\n"), "yaml-alias"),
    ("deep YAML", put("config.yaml", b"a: " + nested(1000).encode()), "too-nested"),
    ("a key twice", put("config.yaml", b"a: 1\na: 2\n"), "repeated-key"),
    ("a date", config("github", "tag", value=__import__("datetime").date(2026, 1, 1)), "yaml-type"),
    ("not a number", put("config.yaml", b"a: .nan\n"), "yaml-type"),
    ("half a character behind an escape", put("config.yaml", b'a: "\\ud800"\n'), "text-encoding"),
    ("a control character behind an escape", put("config.yaml", b'"\\e[2J": 1\n'), "text-encoding"),
    ("a turn of the writing behind an escape", put("config.yaml", b'a: ["\\u202e"]\n'), "text-encoding"),
    ("a whole number of many digits in base 16", put("config.yaml", b"a: 0x" + b"f" * 30_000), "yaml-type"),
    ("a whole number of many digits in base 60", put("config.yaml", b"a: " + b":".join([b"59"] * 9000)), "yaml-type"),
    ("a key that is such a number", put("config.yaml", b"? 0x" + b"f" * 30_000 + b"\n: 1"), "yaml-type"),
    ("a number with a million digits", put("config.yaml", b"a: " + b"9" * 5000), "yaml-type"),
    ("no tag of the code", config("github", "tag"), "config-incomplete"),
    ("no hyperparameters", config("hyperparameters", value={}), "config-incomplete"),
    ("no predictions named", config("runs", 0, "predictions"), "config-incomplete"),
    ("an unknown division", config("submission", "division", value="secret"), "config-value"),
    ("a SHA-256 that is none", config("runs", 0, "predictions", "sha256", value="abc"), "config-value"),
    ("a short commit", config("github", "commit", value="abc123"), "commit-format"),
    ("a commit in capitals", config("github", "commit", value="ABCDEF" + "0" * 34), "commit-format"),
    ("a version that is none", config("github", "version", value="newest!"), "version-format"),
    ("a repository that runs a script", config("github", "repo", value="javascript:alert(1)"), "repository-format"),
    (
        "a repository with a password",
        config("github", "repo", value="https://me:secret@example.org/x"),
        "repository-format",
    ),
    ("data as text", config("data", value="wget something"), "data-commands"),
    ("a data command over two lines", config("data", value=["a\nb"]), "data-commands"),
    ("predictions outside", config("runs", 0, "predictions", "file", value="../../../x.h5"), "path-escape"),
    ("the benchmark of another folder", config("benchmark", value="cloudmask"), "config-differs"),
    ("another organisation", config("submission", "organisation", value="Someone"), "config-differs"),
    ("another model", config("model", value="large"), "config-differs"),
    ("another number of parameters", config("parameters", value=1), "config-differs"),
    ("a commit of zeros", config("github", "commit", value="0" * 40), "commit-format"),
    ("a branch that is an option", config("github", "branch", value="--upload-pack=x"), "repository-format"),
    ("a tag that is a command", config("github", "tag", value="$(true)"), "repository-format"),
    ("a host of another script", config("github", "repo", value="https://gith\u057db.com/x"), "repository-format"),
    ("another digest", config("plan_digest", value="0" * 64), "config-differs"),
    # result-1.txt
    ("a line that is no MLLOG", put("result-1.txt", b':::MLLOG {"key": \n'), "log-syntax"),
    ("an MLLOG line that is a list", put("result-1.txt", b":::MLLOG [1]\n"), "log-syntax"),
    (
        "an MLLOG line without a time",
        put("result-1.txt", b':::MLLOG {"key": "a", "value": 1, "metadata": {}}\n'),
        "log-syntax",
    ),
    ("a deep MLLOG line", put("result-1.txt", b":::MLLOG " + nested(9000).encode()), "log-syntax"),
    ("a very long MLLOG line", put("result-1.txt", b":::MLLOG " + b" " * 70_000), "log-syntax"),
    ("a gap between the logs", lambda folder: (folder / "result-1.txt").rename(folder / "result-2.txt"), "log-count"),
    ("no organisation logged", log(without("submission_org")), "log-key-missing"),
    (
        "no version logged in either spelling",
        log(lambda lines: without("submissiom_version")(without("submission_version")(lines))),
        "log-key-missing",
    ),
    ("no result logged", log(without("result")), "log-key-missing"),
    ("the division logged twice", log(twice("submission_division")), "log-key-repeated"),
    (
        "no initialization logged",
        log(lambda lines: without("init_start")(without("init_stop")(lines))),
        "log-key-missing",
    ),
    ("no number of samples logged", log(without("train_samples")), "log-key-missing"),
    ("a number of samples in words", log(logged("eval_samples", "many")), "log-value"),
    ("fewer samples than are trained on", log(logged("train_samples", 1)), "log-value"),
    ("more samples than there are", log(logged("eval_samples", 99_999_999)), "log-value"),
    ("caches that are cleared in words", log(logged("cache_clear", "yes")), "log-value"),
    ("caches of which nothing is known", log(logged("cache_clear", None)), "log-value"),
    ("caches that are a mapping", log(logged("cache_clear", {})), "log-value"),
    ("no evaluation logged", log(without("eval_accuracy")), "log-evaluation"),
    ("an epoch without an evaluation", log(without_first("eval_accuracy")), "log-evaluation"),
    ("an evaluation in words", log(logged("eval_accuracy", "good")), "log-evaluation"),
    ("a result after the run", log(exchanged("result", "run_stop")), "log-order"),
    ("samples after the initialization", log(exchanged("train_samples", "init_stop")), "log-order"),
    ("another benchmark logged", log(logged("submission_benchmark", "uno")), "log-value"),
    ("the version of the code logged", log(logged("submission_version", "0.1.0")), "log-value"),
    ("a run that starts before it is initialized", log(exchanged("run_start", "init_stop")), "log-order"),
    ("a cache that is cleared within the run", log(exchanged("run_start", "cache_clear")), "log-order"),
    ("another division logged", log(logged("submission_division", "closed")), "log-value"),
    ("another platform logged", log(logged("submission_platform", "moon")), "log-value"),
    ("a result that is a number", log(logged("result", "0.9")), "log-value"),
    ("no commit logged", log(logged("submission_github_commit_version", "main")), "commit-format"),
    ("an epoch that is never closed", log(without("run_stop")), "log-intervals"),
    ("intervals that cross", log(swapped), "log-intervals"),
    ("an end without a beginning", log(without("run_start")), "log-intervals"),
    ("times that go back", log(lambda lines: [*lines[:3], lines[-1].replace("run_stop", "x"), *lines[3:]]), "log-time"),
    ("times before all clocks", replaced("result-1.txt", '"time_ms": 1', '"time_ms": 0.1'), "log-time"),
    ("times in the future", timed(lambda _, f: f.update(time_ms=f["time_ms"] + 3 * 86_400_000)), "log-time"),
    ("times as text", timed(lambda _, f: f.update(time_ms=str(f["time_ms"]))), "log-syntax"),
    ("a run that was stopped", stopped(status="aborted"), "log-status"),
    ("a run that does not say how it ended", stopped(), "log-status"),
    ("another seed logged", log(logged("seed", 7)), "log-result"),
    ("a training longer than its log", result(lambda r: r["durations"].update(training=90.0)), "log-duration"),
    (
        "a training shorter than its epochs",
        several(
            timed(lambda n, f: f.update(time_ms=f["time_ms"] - 9000) if f["key"] == "epoch_start" else None),
            timed(lambda n, f: f.update(time_ms=f["time_ms"] - 9000) if n < 15 else None),
            result(lambda r: r["durations"].update(training=0.5)),
        ),
        "log-duration",
    ),
    ("a target reached in an epoch that is not logged", reached(9, 14.0), "log-duration"),
    ("a target reached sooner than logged", reached(2, 1.0), "log-duration"),
    ("another target reached", reached(2, 14.0, target=0.1), "log-duration"),
    (
        "a target reached with a score that is logged as less",
        several(
            reached(2, 14.0),
            timed(
                lambda _, f: f["metadata"].update(criterion="macro_f1") if f["key"] == "eval_accuracy" else None,
            ),
        ),
        "log-duration",
    ),
    ("another result logged", log(logged("result", {"top1_accuracy": {"value": 0.99}})), "log-result"),
    # result.json
    ("JSON that is none", put("result.json", b"{"), "json-syntax"),
    ("JSON with NaN", put("result.json", b'{"a": NaN}'), "json-syntax"),
    ("JSON with an endless number", put("result.json", b'{"a": 1e999}'), "json-syntax"),
    ("JSON with a key twice", put("result.json", b'{"a": 1, "a": 2}'), "repeated-key"),
    ("JSON with half a character", result(lambda r: r["model"].update(name="\ud800")), "text-encoding"),
    ("JSON with a control character", result(lambda r: r["model"].update(name="\x1b[2J")), "text-encoding"),
    ("a result of another benchmark", result(lambda r: r.update(dataset="cloudmask_demo")), "result-data"),
    ("a score above the highest there is", claimed("top1_accuracy", 1.5), "score-range"),
    ("a score below the lowest there is", claimed("macro_f1", -0.1), "score-range"),
    ("fewer right in five guesses than in one", claimed("top5_accuracy", 0.0), "score-range"),
    ("endless parameters", result(lambda r: r["model"].update(parameters=1e308)), "result-schema"),
    ("deep JSON", put("result.json", nested(100_000).encode()), "too-nested"),
    ("a result of another schema", result(lambda r: r.update(schema_version=1)), "result-schema"),
    ("an entry too many", result(lambda r: r.update(prize="first")), "result-schema"),
    (
        "a confusion matrix that is none",
        result(lambda r: r["details"].update(confusion={"classes": 5})),
        "result-schema",
    ),
    (
        "an interval that runs backwards",
        result(lambda r: r["intervals"]["scores"].update(top1_accuracy=[0.5, 0.4])),
        "score-range",
    ),
    (
        "an interval beyond what there can be",
        result(lambda r: r["intervals"]["scores"].update(top1_accuracy=[0.5, 1.4])),
        "score-range",
    ),
    (
        "an interval of few groups",
        result(lambda r: r["intervals"]["groups"].update(material=4)),
        "score-range",
    ),
    ("intervals by another grouping", result(lambda r: r["intervals"].update(groups={"id": 60})), "score-range"),
    ("more groups than samples", result(lambda r: r["intervals"]["groups"].update(material=99)), "score-range"),
    ("a method of one's own", result(lambda r: r["intervals"].update(method="<img onerror>")), "result-schema"),
    ("another level", result(lambda r: r["intervals"].update(level=0.5)), "result-schema"),
    ("other resamples", result(lambda r: r["intervals"].update(resamples=2)), "result-schema"),
    ("a group with markup", result(lambda r: r["intervals"]["groups"].update({"<b>": 60})), "result-schema"),
    ("old criteria", result(lambda r: r.update(criteria_version="0.9")), "result-criteria"),
    ("a result of another version of the data", result(lambda r: r.update(dataset_version="0.0.1")), "result-data"),
    ("a result of the validation split", result(lambda r: r.update(split="validation")), "result-data"),
    ("another target", result(lambda r: r["criteria"][1]["target"].update(value=0.1)), "result-published"),
    (
        "another best known value",
        result(lambda r: r["criteria"][0]["best_known"].update(value=0.1)),
        "result-published",
    ),
    ("an invented criterion", result(lambda r: r["criteria"][0].update(name="beauty")), "result-published"),
    ("a missed target that is met", result(lambda r: r["criteria"][1].update(met=True)), "result-arithmetic"),
    (
        "a score that is another one in the table",
        result(lambda r: r["scores"].update(top1_accuracy=0.9)),
        "result-arithmetic",
    ),
    ("no score of the primary criterion", result(lambda r: r["criteria"].pop(0)), "result-primary"),
    ("another seed", result(lambda r: r.update(seed=99)), "result-runs"),
    ("a score without any error", claimed("top1_accuracy", 1.0), "claim-implausible"),
    # Predictions
    ("no predictions and no place", lambda folder: (folder / "predictions.h5").unlink(), "predictions-missing"),
    (
        "other predictions than stated",
        lambda folder: put("predictions.h5", (folder / "predictions.h5").read_bytes() + b"x")(folder),
        "predictions-hash",
    ),
    (
        "predictions that no run names",
        lambda folder: shutil.copy(folder / "predictions.h5", folder / "predictions-7.h5"),
        "predictions-hash",
    ),
    ("predictions cut short", damaged, "hdf5-damaged"),
    ("predictions that are text", several(put("predictions.h5", b"id,prediction\n"), state_hash), "hdf5-damaged"),
    ("an external link", predicted(external_link), "hdf5-link"),
    ("a soft link", predicted(soft_link), "hdf5-link"),
    ("external storage", predicted(external_storage), "hdf5-external"),
    ("a virtual data set", predicted(virtual), "hdf5-external"),
    ("a compressed bomb", predicted(bomb), "hdf5-size"),
    ("values that were never written", predicted(unwritten), "hdf5-size"),
    ("a chunk that fills the memory", predicted(huge_chunk), "hdf5-size"),
    ("a filter that loads a plugin", predicted(plugin_filter), "hdf5-filter"),
    ("a third data set", predicted(extra_dataset), "hdf5-content"),
    ("a group", predicted(group), "hdf5-content"),
    ("references", predicted(references), "predictions-type"),
    (
        "numbers for ids",
        predicted(
            lambda file, ids, values: (
                file.create_dataset("id", data=range(len(ids))),
                file.create_dataset("prediction", data=values),
            )
        ),
        "predictions-type",
    ),
    ("an id of 2,000 bytes", predicted(many_references_to_a_long_id), "predictions-ids"),
    ("an id twice", predicted(lambda file, ids, values: fill(file, [ids[0], *ids[:-1]], values)), "predictions-ids"),
    ("an id too few", predicted(lambda file, ids, values: fill(file, ids[1:], values[1:])), "predictions-ids"),
    (
        "an unknown id",
        predicted(lambda file, ids, values: fill(file, [b"test/mine", *ids[1:]], values)),
        "predictions-ids",
    ),
    ("the wrong shape", predicted(lambda file, ids, values: fill(file, ids, values[:, :7])), "predictions-format"),
    ("NaN", predicted(lambda file, ids, values: fill(file, ids, values * np.nan)), "predictions-format"),
    (
        "more ids than predictions",
        predicted(lambda file, ids, values: fill(file, ids, values[1:])),
        "predictions-format",
    ),
    (
        "other predictions than scored",
        predicted(lambda file, ids, values: fill(file, ids, values[::-1])),
        "score-differs",
    ),
    (
        "intervals over another number of groups",
        result(lambda r: r["intervals"]["groups"].update(material=r["intervals"]["groups"]["material"] - 1)),
        "score-differs",
    ),
    ("no intervals", result(lambda r: r.update(intervals=None)), "score-differs"),
    ("a score that is a little better", claimed("top1_accuracy", 0.9), "score-differs"),
    (
        "a result of other data",
        several(config("plan_digest", value="0" * 64), result(lambda r: r.update(plan_digest="0" * 64))),
        "data-differs",
    ),
    (
        "predictions of someone else in another order, precision and compression",
        taken(lambda file, ids, values: fill(file, ids[::-1], values[::-1].astype("f8"), compression="lzf")),
        "copy",
    ),
    ("predictions of someone else, doubled", taken(lambda f, ids, values: fill(f, ids, 2 * values)), "same-scores"),
    (
        "a script before the predictions",
        with_bytes("predictions.h5", lambda content: b"#!/bin/sh\n".ljust(512) + content),
        "hdf5-damaged",
    ),
    ("something behind the predictions", with_bytes("predictions.h5", lambda content: content + b"x"), "hdf5-content"),
    ("an archive in the predictions", predicted(with_archive), "archive"),
    # Documents
    ("a README without commands", put("README.md", b"# Ours\n\nJust run it.\n"), "readme-instructions"),
    ("an unanswered question", put("README.md", b"```\nrun\n```\n(replace this line)\n"), "unanswered"),
    ("a PDF that is none", put(PDF, b"Hello\n"), "pdf-format"),
    ("a PDF cut short", lambda folder: (folder / PDF).write_bytes((folder / PDF).read_bytes()[:-2000]), "pdf-format"),
    ("a PDF of words only", put(PDF, b"%PDF-1.7 hello startxref\n9\n%%EOF"), "pdf-format"),
    ("a PDF without a page", put(PDF, pdf(b"<</Type /Catalog>>", b"<</Type /Pages>>")), "pdf-format"),
    ("something behind a PDF", with_bytes(PDF, lambda content: content + b"<script>"), "pdf-format"),
    ("a PDF with a script", put(PDF, pdf(b"<< /S /JavaScript /JS (app.alert(1)) >>")), "pdf-active"),
    ("a PDF with a hidden script", put(PDF, pdf(b"<< /S /J#61vaScript >>")), "pdf-active"),
    ("a PDF with an embedded file", put(PDF, pdf(b"<< /Type /EmbeddedFile >>")), "pdf-active"),
    ("a PDF that acts when opened", put(PDF, pdf(b"<< /OpenAction << /S /URI >> >>")), "pdf-active"),
    ("a PDF that acts when a page opens", put(PDF, pdf(b"<< /AA << /O 3 0 R >> >>")), "pdf-active"),
    ("a PDF that opens another file", put(PDF, pdf(b"<< /S /GoToR >>")), "pdf-active"),
    ("a PDF with objects behind a filter", put(PDF, pdf(b"<</Type/Obj#53tm/Filter[/A85/Fl]>>")), "pdf-active"),
    ("a PDF that is not of its Markdown", put(PDF, pdf(b"<</Type /Catalog>>")), "pdf-outdated"),
    ("a PDF older than its Markdown", put("scientific_contribution.md", b"# New\n"), "pdf-outdated"),
]


def test_the_corpus_is_large_and_covers_nearly_every_rule() -> None:
    assert len(BAD) >= 60
    assert len({name for name, *_ in BAD}) == len(BAD)
    # Tested below: a leak needs ids of the data, a stop a process that dies, a repeated log several runs.
    assert RULES.keys() - {rule for *_, rule in BAD} == {"leak", "check-stopped", "log-repeated"}


def test_the_sound_ones_have_no_findings(good: Path, data: DataAtHand) -> None:
    assert [one.findings for one in check([good], data)] == [(), ()]


@pytest.mark.parametrize(("change", "rule"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_a_defect_is_flagged_by_its_rule(tree: Path, data: DataAtHand, change: Change, rule: str) -> None:
    change(folder_of(tree))
    findings = [finding for one in check([tree], data) for finding in one.findings]
    assert rule in {finding.rule for finding in findings}
    for finding in findings:
        told = finding.as_json()
        assert told["what"].isprintable()
        assert told["file"].isprintable()
        assert told["mend"]


def test_an_order_that_is_another_is_told_beside_the_right_one(tree: Path) -> None:
    log(exchanged("run_start", "cache_clear"))(folder_of(tree))
    found = [finding.what for finding in check([folder_of(tree)])[0].findings if finding.rule == "log-order"]
    expected = "expected cache_clear, init_start, init_stop, run_start"
    assert found == [f"the order is run_start, init_start, init_stop, cache_clear, {expected}"]


def test_predictions_for_training_samples_are_a_leak(tree: Path, data: DataAtHand, data_dir: Path) -> None:
    training = read_members(data_dir / "sciml" / "stemdl_demo" / "3.0.0", "train")["id"][0].encode()
    predicted(lambda file, ids, values: fill(file, [training, *ids[1:]], values))(folder_of(tree))
    (first,) = check([tree], data)
    assert [finding.rule for finding in first.findings] == ["leak"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda folder: (folder / "result-2.json").unlink(), "result-runs"),
        (lambda folder: change_json(folder / "result-2.json", lambda r: r.update(seed=9)), "result-runs"),
        (
            lambda folder: change_json(folder / "result-2.json", lambda r: r.update(split_sha256="0" * 64)),
            "result-runs",
        ),
        (
            lambda folder: change_json(folder / "result.json", lambda r: r["runs"][0].update(seed=7)),
            "result-arithmetic",
        ),
        (
            lambda folder: change_json(folder / "result.json", lambda r: r["criteria"][0].update(interval=[0, 1])),
            "result-arithmetic",
        ),
        (lambda folder: shutil.copy(folder / "predictions-1.h5", folder / "predictions-2.h5"), "predictions-hash"),
        (lambda folder: (folder / "result-2.txt").unlink(), "log-count"),
        (lambda folder: shutil.copy(folder / "result-1.txt", folder / "result-2.txt"), "log-repeated"),
        (
            several(
                config("runs", 1, "seed", value=1),
                lambda folder: change_json(folder / "result-2.json", lambda r: r.update(seed=1)),
            ),
            "result-runs",
        ),
    ],
)
def test_a_defect_between_runs_is_flagged(
    good: Path, tmp_path: Path, data: DataAtHand, change: Change, rule: str
) -> None:
    folder = folder_of(tmp_path / "all", "second")
    shutil.copytree(folder_of(good, "second"), folder)
    change(folder)
    assert rule in {finding.rule for finding in check([folder], data)[0].findings}


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7\n" + b"stream\n" * 10**6, b"%PDF-1.7\n" + b"1 0 obj<<" * 10**6, b"%PDF-1.7\n" + b"/AA #4" * 10**6],
)
def test_a_pdf_that_a_search_could_get_lost_in_is_refused_as_any_other(tree: Path, content: bytes) -> None:
    put(PDF, content + b"%%EOF\n")(folder_of(tree))
    assert [finding.rule for finding in check([folder_of(tree)])[0].findings] == ["pdf-format"]


def test_a_pdf_of_another_program_may_take_the_place_of_the_markdown(tree: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    figure.savefig(folder_of(tree) / PDF)
    (folder_of(tree) / "scientific_contribution.md").unlink()
    assert check([folder_of(tree)])[0].findings == ()


@pytest.mark.parametrize("content", [b"a: [1\n", b"a: !!str 1\n", b'a: "\\ud800"\n'])
def test_a_configuration_that_cannot_be_read_is_one_finding(tree: Path, content: bytes) -> None:
    put("config.yaml", content)(folder_of(tree))
    assert len(check([folder_of(tree)])[0].findings) == 1


NAMES = ("config.yaml", "result.json", "result-1.txt", "README.md", PDF, "predictions.h5")


@given(name=st.sampled_from(NAMES), content=st.binary(max_size=400))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_findings_and_never_a_crash(good: Path, tmp_path: Path, name: str, content: bytes) -> None:
    shutil.rmtree(tmp_path / "all", ignore_errors=True)
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    put(name, content)(folder_of(tmp_path / "all"))
    rules = {finding.rule for finding in check([folder_of(tmp_path / "all")])[0].findings}
    assert rules
    assert "check-stopped" not in rules


@given(name=st.sampled_from(NAMES), place=st.floats(0, 1), mask=st.integers(1, 255), length=st.integers(1, 8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_flipped_bytes_are_findings_or_harmless(
    good: Path, data: DataAtHand, tmp_path: Path, name: str, place: float, mask: int, length: int
) -> None:
    shutil.rmtree(tmp_path / "all", ignore_errors=True)
    shutil.copytree(folder_of(good), folder_of(tmp_path / "all"))
    path = folder_of(tmp_path / "all") / name
    content = bytearray(path.read_bytes())
    start = int(place * (len(content) - 1))
    for i in range(start, min(start + length, len(content))):
        content[i] ^= mask
    path.write_bytes(content)
    if name == "predictions.h5":
        state_hash(path.parent)
    stopped = [f.what for f in check([path.parent], data)[0].findings if f.rule == "check-stopped"]
    assert not [what for what in stopped if "the checker failed" in what]
