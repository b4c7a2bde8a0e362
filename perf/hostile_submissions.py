"""Hostile submissions against the real ``sciml check`` and ``sciml leaderboard``, one row each.

Every case alters a sound submission, or adds one beside it, in a git repository in which an honest submission was
merged first. The bars: no traceback, the site is made, the honest submission alone is first on its board, the time and
the size of the site stay bounded for each submission, and the defect is told where the case names a rule.

    python perf/hostile_submissions.py [CASE ...]
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
CLI = "import sys; from sciml_datasets.cli.main import main; sys.exit(main(sys.argv[1:]))"
DATASET = "stemdl_demo"
HONEST, HOSTILE = "Example-Lab/stemdl/laptop/honest", "Example-Lab/stemdl/laptop/hostile"
MOST_SECONDS, MOST_BYTES = 60.0, 8 << 20
"""Bars of a case: wall time of one command, and size of the site; for each further submission SECONDS_EACH, BYTES_EACH
more."""
SECONDS_EACH, BYTES_EACH = 1.0, 100_000


@dataclass(frozen=True, slots=True)
class Case:
    """One attack.

    Attributes:
        name: the attack in words.
        change: function of the tree of submissions, in which the sound submission HOSTILE is altered.
        rule: rule that must be told; empty where the submission is harmless and may stand.
        data: whether prepared data are at hand.
        more: number of submissions that it adds.
    """

    name: str
    change: Callable[[Path], object]
    rule: str = ""
    data: bool = False
    more: int = 0


def main() -> int:
    """Print one row for each case; exit code 1 where a bar is missed."""
    chosen = sys.argv[1:]
    print(f"{'case':58s} {'check':>6s} {'board':>6s} {'seconds':>8s} {'site kB':>8s}  verdict")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        base, data = prepared(Path(folder))
        for case in cases():
            if chosen and not any(word in case.name for word in chosen):
                continue
            row, faults = attempt(case, base, data, Path(folder) / "case")
            missed += bool(faults)
            print(f"{row}  {'; '.join(faults) or 'held'}", flush=True)
    print(f"{missed} case(s) missed a bar")
    return 1 if missed else 0


def prepared(folder: Path) -> tuple[Path, Path]:
    """A repository with an honest submission that was merged first and a sound one beside it; and prepared data."""
    from submission_files import make_run, make_submission

    from sciml_datasets import prepare, simulate

    simulate(DATASET, folder / "raw", num_samples=60, seed=7)
    prepare(DATASET, folder / "raw", folder / "data")
    repository = folder / "repository"
    runs = [make_run(folder / f"run-{n}", folder / "data", seed=n, right=0.55) for n in range(4)]
    make_submission(repository / "submissions", runs[:2], "honest")
    git(repository, "init", "-q", "-b", "main")
    commit(repository)
    make_submission(repository / "submissions", runs[2:3], "hostile")
    return repository, folder / "data"


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(repository: Path) -> None:
    """Commit everything."""
    git(repository, "add", "--all")
    git(repository, "commit", "-q", "-m", "merge")


def attempt(case: Case, base: Path, data: Path, work: Path) -> tuple[str, list[str]]:
    """The row of a case and the bars that it misses."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work, symlinks=True)
    tree, site = work / "submissions", work / "site"
    case.change(tree)
    commit(work)
    known = ["--data-dir", str(data)] if case.data else []
    began = time.perf_counter()
    checked = sciml("check", tree, *known)
    middle = time.perf_counter()
    made = sciml("leaderboard", tree, "--out", site, *known)
    seconds = max(middle - began, time.perf_counter() - middle)
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    row = f"{case.name:58s} {checked.returncode:6d} {made.returncode:6d} {seconds:8.1f} {size // 1000:8d}"
    return row, list(faults(case, checked, made, site, seconds, size))


def faults(
    case: Case,
    checked: subprocess.CompletedProcess[str],
    made: subprocess.CompletedProcess[str],
    site: Path,
    seconds: float,
    size: int,
) -> Iterator[str]:
    """A clause for each bar that is missed."""
    told = checked.stdout + checked.stderr + made.stdout + made.stderr
    if "Traceback" in told or 70 in (checked.returncode, made.returncode):
        yield "traceback"
    if made.returncode != 0 or not (site / "leaderboard.json").is_file():
        yield "no site"
        return
    if case.rule and f"[{case.rule}]" not in told:
        yield f"{case.rule} is not told"
    if seconds > MOST_SECONDS + case.more * SECONDS_EACH:
        yield "too long"
    if size > MOST_BYTES + case.more * BYTES_EACH:
        yield "too large a site"
    first = [ranks(board) for board in json.loads((site / "leaderboard.json").read_text())]
    if not any([path for path, place in found.items() if place == 1] == [HONEST] for found in first):
        yield "the honest submission is not first"
    if "cheats" in "".join(path.read_text() for path in site.rglob("*.html")):
        yield "a claim is shown as a published value"


def ranks(board: dict[str, Any]) -> dict[str, int]:
    """Path of each submission of a board to its rank."""
    names = ("organization", "benchmark", "system", "descriptor")
    return {"/".join(row[name] for name in names): row["rank"] for row in board["submissions"]}


def sciml(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-c", CLI, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


def cases() -> Sequence[Case]:
    """All attacks."""
    from alterations import log, logged, put, result, several, timed

    def altered(change: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda tree: change(tree / HOSTILE)

    def epoch(value: float) -> Callable[[int, dict[str, Any]], object]:
        return lambda _, fields: fields["metadata"].update(epoch_num=value) if "epoch_num" in fields["metadata"] else 0

    hardware = {"processor": "x", "cores": 1, "memory_bytes": 1, "accelerators": [], "processes": 1}
    confusion = {"classes": list(range(1000)), "counts": [[1] * 1000] * 1000}
    return (
        Case("a logged score of 1e308", altered(log(logged("eval_accuracy", 1e308))), "number-range"),
        Case("an epoch 1e17", altered(timed(epoch(1e17))), "number-range"),
        Case(
            "30,000 accelerators of as many kinds",
            altered(result(lambda r: r.update(hardware=hardware | {"accelerators": [f"A{i}" for i in range(30_000)]}))),
        ),
        Case(
            "a processor with a name of 5 MB",
            altered(result(lambda r: r.update(hardware=hardware | {"processor": "x" * 5_000_000}))),
            "too-long",
        ),
        Case(
            "a confusion matrix of 1,000 classes", altered(result(lambda r: r["details"].update(confusion=confusion)))
        ),
        Case("a log of 4 MB of evaluations", altered(many_evaluations)),
        Case("a README of 1 MB of quotation marks", altered(put("README.md", b"```\nrun\n```\n" + b'"' * 1_000_000))),
        Case("two runs with 0.1 +- 0.7 and a better mean", wide_interval),
        Case("baselines called 'NVIDIA cheats'", altered(several(false_baseline))),
        Case("predictions of the honest one plus noise of 1e-6", near_copy, "near-copy", data=True),
        Case("predictions of the honest one", exact_copy, "copy"),
        Case("an organization that differs in case", other_case, "name-collision"),
        Case("a descriptor called CON", altered(lambda folder: folder.rename(folder.with_name("CON"))), "file-name"),
        Case("300 submissions with the same scores", many_alike, more=300),
    )


def many_evaluations(folder: Path) -> None:
    """As many evaluations as a log holds."""
    path = folder / "result-1.txt"
    lines = path.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if '"eval_accuracy"' in line)
    path.write_text(
        "".join([*lines[:at], *[lines[at]] * ((4_100_000 - path.stat().st_size) // len(lines[at])), *lines[at:]])
    )


def wide_interval(tree: Path) -> None:
    """One good run and a very bad one have a wide interval around a mean that is no better than a narrow one's end."""
    from submission_files import make_run, make_submission

    shutil.rmtree(tree / HOSTILE)
    data, runs = tree.parents[1] / "data", tree.parents[1] / "wide"
    shutil.rmtree(runs, ignore_errors=True)
    make_submission(
        tree, [make_run(runs / str(i), data, seed=50 + i, right=r) for i, r in enumerate((0.9, 0.4))], "hostile"
    )


def false_baseline(folder: Path) -> None:
    """A baseline with a name of one's own."""
    from submission_files import change_json

    change_json(
        folder / "result.json", lambda r: [row["baselines"].update({"NVIDIA cheats": 0.01}) for row in r["criteria"]]
    )


def near_copy(tree: Path) -> None:
    """The predictions of the honest submission with noise, scored and logged as one's own."""
    copied(tree, lambda values: values + np.random.default_rng(9).normal(0, 1e-6, values.shape).astype(np.float32))


def exact_copy(tree: Path) -> None:
    """The predictions of the honest submission in another compression."""
    copied(tree, lambda values: values)


def copied(tree: Path, change: Callable[[Any], Any]) -> None:
    """The predictions of the honest submission, changed, as those of a run of one's own."""
    from submission_files import make_run, make_submission

    with h5py.File(tree / HONEST / "predictions-1.h5") as file:
        ids, values = file["id"][:], file["prediction"][:]
    shutil.rmtree(tree / HOSTILE)
    folder = tree.parents[1] / "copied"
    shutil.rmtree(folder, ignore_errors=True)
    run = make_run(folder / "run", tree.parents[1] / "data", seed=77, given=(ids, change(values)))
    make_submission(tree, [run], "hostile")


def other_case(tree: Path) -> None:
    """The folder of the honest organization in other letters."""
    from alterations import config, log, logged

    folder = tree / HOSTILE.replace("Example-Lab", "example-lab")
    folder.parent.mkdir(parents=True)
    (tree / HOSTILE).rename(folder)
    config("submission", "organisation", value="example-lab")(folder)
    log(logged("submission_org", "example-lab"))(folder)


def many_alike(tree: Path) -> None:
    """The sound submission 300 times, each with another SHA-256 of predictions that lie elsewhere."""
    from submission_files import change_yaml

    (tree / HOSTILE / "predictions.h5").unlink()
    for number in range(300):
        folder = (tree / HOSTILE).with_name(f"hostile-{number}")
        shutil.copytree(tree / HOSTILE, folder)
        facts = {"sha256": f"{number:064x}", "place": "https://example.org/predictions.h5"}
        change_yaml(folder / "config.yaml", lambda c, f=facts: c["runs"][0]["predictions"].update(f))
    shutil.rmtree(tree / HOSTILE)


if __name__ == "__main__":
    sys.exit(main())
