"""Small commands for the fault drill, each with its inputs, made once, and what it makes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fetch_servers import http_server, write_mirror

DEMOS = {
    "stemdl_demo": {"num_samples": 30, "engine": "kinematic"},
    "cloudmask_demo": {"num_samples": 4},
    "candle_uno_demo": {"num_samples": 100, "genes": 20, "descriptors": 20},
    "stemdl_reconstruction_demo": {"num_samples": 3},
}
"""Data sets, and how they are simulated."""
MIRROR = {"training/S3A_a.hdf": 3_000_000, "training/S3A_b.hdf": 70_000, "inference/S3A_c.hdf": 1}
PRODUCT = "S3A_SL_1_RBT____20210827T074336_20210827T074636_20210827T094954_0179_075_320_3060_LN2_O_NR_004"
WHO = ("--organization", "Example Lab", "--system", "laptop", "--descriptor", "first")


SHARE = 5
"""Number of cases of most commands for one case of a command that takes long."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what is to be seen of it.

    Attributes:
        name: name of the row of the table.
        arguments: its arguments; ``{out}`` is the folder of the case, ``{inputs}`` that of the inputs.
        whole: path below ``out`` of a folder that appears when it is complete; empty where files appear one by one.
        refuses: whether it refuses to run when its output is there already.
        begin: lays what is there before, given the inputs and ``out``.
        codes: exit codes of a command that tells of trouble.
    lists: paths below ``out`` of lists that name what was and what will be while files change.
    varies: patterns of paths below ``out`` of files that differ from run to run.
    share: number of its cases, of SHARE at most, for one case of a command that takes long.
    """

    name: str
    arguments: tuple[str, ...]
    whole: str = ""
    refuses: bool = False
    begin: Callable[[Path, Path], object] = field(default=lambda inputs, out: None)
    codes: tuple[int, ...] = (2,)
    lists: tuple[str, ...] = ()
    varies: tuple[str, ...] = ()
    share: int = SHARE


def _simulate(name: str, options: str) -> Command:
    arguments = ("simulate", name, "--out", "{out}/raw", "--jobs", "1", *options.split())
    share = 1 if name == "stemdl_reconstruction_demo" else SHARE
    return Command(f"simulate {name}", arguments, whole=f"raw/{name}", refuses=True, share=share)


def _prepare(name: str, version: str, *options: str) -> Command:
    arguments = ("prepare", name, "--raw-dir", "{inputs}/raw", "--data-dir", "{out}/data", *options)
    return Command(" ".join(("prepare", name, *options)), arguments, whole=f"data/sciml/{name}/{version}")


SIMULATIONS = {
    "stemdl_demo": "--samples 3 --pixels 16 --engine kinematic",
    "cloudmask_demo": "--samples 3 --rows 128 --columns 128",
    "candle_uno_demo": "--samples 100 --genes 20 --descriptors 20",
    "stemdl_reconstruction_demo": "--samples 3",
}
"""Data set to what is simulated of it when that is the command: less, or more quickly."""


def _earlier_submission(inputs: Path, out: Path) -> None:
    shutil.copytree(inputs / "submissions", out / "submissions")


def _earlier_site(inputs: Path, out: Path) -> None:
    shutil.copytree(inputs / "site", out / "site")


SITE = ("leaderboard", "{inputs}/submissions", "--out", "{out}/site")
FIRST = "submissions/Example-Lab/stemdl/laptop/first"
SUBMIT = ("submit", "{inputs}/run-0", *WHO, "--to", "{out}/submissions", "--repository", "https://example.org/code")
COMMANDS = (
    *map(_simulate, SIMULATIONS, SIMULATIONS.values()),
    _prepare("stemdl_demo", "3.0.0", "--jobs", "1"),
    _prepare("stemdl_demo", "3.0.0", "--jobs", "2"),
    _prepare("cloudmask_demo", "1.0.0", "--jobs", "1"),
    _prepare("candle_uno_demo", "2.0.0", "--jobs", "1"),
    _prepare("stemdl_reconstruction_demo", "2.0.0", "--jobs", "1"),
    Command(
        "fetch",
        ("fetch", "cloudmask_demo", "--raw-dir", "{out}/raw", "--source", "{mirror}", "--accept-terms"),
        codes=(1, 2),
    ),
    Command(
        "stage",
        ("stage", "cloudmask_demo", "--data-dir", "{inputs}/data", "--to", "{out}/node"),
        whole="node/sciml/cloudmask_demo/1.0.0",
    ),
    Command("verify", ("verify", "cloudmask_demo", "--data-dir", "{inputs}/data", "--jobs", "1")),
    Command(
        "evaluate",
        (
            "evaluate",
            "stemdl_demo",
            "--data-dir",
            "{inputs}/data",
            "--predictions",
            "{inputs}/run-0/predictions.h5",
            "--out",
            "{out}/result.json",
        ),
    ),
    Command("submit", SUBMIT, refuses=True, share=3, whole=FIRST, codes=(1, 2)),
    Command(
        "submit --update",
        (*SUBMIT, "--branch", "other", "--update"),
        codes=(1, 2),
        begin=_earlier_submission,
        share=3,
        lists=(f"{FIRST}/config.yaml",),
    ),
    Command("check", ("check", "{inputs}/submissions", "--data-dir", "{inputs}/data")),
    Command("leaderboard", SITE, lists=("site/leaderboard.sha256",), share=3),
    Command("leaderboard again", SITE, begin=_earlier_site, lists=("site/leaderboard.sha256",), share=3),
    Command(
        "convert improve",
        ("convert", "improve", "{inputs}/raw/candle_uno_demo", "--out", "{out}/improve"),
        refuses=True,
        whole="improve",
    ),
    Command(
        "convert csv",
        ("convert", "csv", "{inputs}/study/response.csv", "--out", "{out}/study"),
        refuses=True,
        whole="study",
    ),
    Command(
        "train",
        (
            "train",
            "candle_uno_demo",
            "--data-dir",
            "{inputs}/data",
            "--out",
            "{out}/run",
            "--epochs",
            "2",
            "--batch-size",
            "16",
        ),
        refuses=True,
        varies=("run/result-1.txt", "run/result.json", "run/history.csv", "run/model.keras", "run/plots/*"),
        share=4,
    ),
    Command(
        "convert slstr",
        ("convert", "slstr", f"{{inputs}}/{PRODUCT}.SEN3", "--out", "{out}/scene.hdf"),
        refuses=True,
    ),
)


@contextmanager
def inputs_of_all(folder: Path) -> Iterator[str]:
    """Make the inputs of all commands; the URL of a server to fetch from, while the context lasts."""
    from slstr_files import write_product
    from study_files import write_drevalpy
    from submission_files import make_run, make_submission

    from sciml_datasets import prepare, simulate
    from sciml_datasets.leaderboard import write_site
    from sciml_datasets.submissions import check_tree

    for name, options in DEMOS.items():
        simulate(name, folder / "raw", **options)
        prepare(name, folder / "raw", folder / "data")
    make_run(folder / "run-0", folder / "data")
    make_run(folder / "run-1", folder / "data", seed=1)
    make_submission(folder / "submissions", [folder / "run-0"], repository="https://example.org/code")
    write_site(check_tree(folder / "submissions"), folder / "site")
    make_submission(folder / "submissions", [folder / "run-1"], descriptor="second")
    write_drevalpy(folder / "study")
    write_product(folder, name=PRODUCT)
    with http_server(write_mirror(folder.parent / "mirror", MIRROR)) as url:
        yield url
