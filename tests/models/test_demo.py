"""`sciml demo` from raw files to a score and a picture."""

from __future__ import annotations

import json
from pathlib import Path

from tensorflow_processes import Forked


def demo(arguments: list[str], answer: Path) -> int:
    """Run the command, its standard output in a file."""
    import contextlib

    from sciml_datasets.cli.main import main

    with answer.open("w") as file, contextlib.redirect_stdout(file):
        return main(["demo", *arguments])


def test_a_demo_ends_with_a_score_and_a_picture_and_says_what_comes(raw_dir: Path, tmp_path: Path) -> None:
    name, out = "candle_uno_demo", tmp_path / "out"
    (out / "raw").mkdir(parents=True)
    (out / "raw" / name).symlink_to(raw_dir / name)
    arguments = [name, "--out", str(out), "--json"]
    run = Forked.start(demo, (arguments, tmp_path / "answer"), tmp_path / "errors", {})
    lines = run.reported().splitlines()
    assert run.process.exitcode == 0, lines
    assert lines[0] == "1 of 4 demos, on two cores: candle_uno_demo 30 s"
    steps = [line.partition("] ")[2] for line in lines if line.startswith("[")]
    assert steps == [
        f"{name} 1/4: raw files are there",
        f"{name} 2/4: preparing",
        f"{name} 3/4: training and scoring",
        f"{name} 4/4: drawing samples and predictions",
    ]
    assert lines[-1].startswith("left: ")
    assert lines[-1].endswith(f": sciml demo --all --out {out}")
    assert "cloudmask_demo 1 min" in lines[-1]
    (made,) = json.loads((tmp_path / "answer").read_text())
    assert made["result"]["dataset"] == name
    assert made["result"]["criteria"][0]["score"] is not None
    assert Path(made["picture"]).read_bytes().startswith(b"\x89PNG")
    assert {place.name for place in out.iterdir()} == {"raw", "data", "runs", f"{name}.png"}
