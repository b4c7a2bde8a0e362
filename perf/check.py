"""Time and memory of checking many submissions with predictions, scores computed again.

Makes the data, two runs' worth of files and N submissions of STEMDL's demo in a temporary folder, then runs
``sciml check`` in a process of its own and measures that process with its children; with the sandbox, in which each
submission is read, and without one, as nobody else can run it.

    python perf/check.py --submissions 200
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> None:
    """Print the measurements, one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--samples", type=int, default=400, help="of stemdl_demo, all splits together (default: 400)")
    parser.add_argument("--scenes", type=int, default=12, help="of cloudmask_demo, all splits together (default: 12)")
    parser.add_argument("--keep", metavar="DIR", help="use these raw files and data again where they exist")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(args.keep or temporary)
        make_data(work, args.samples, args.scenes)
        tree, size = make_tree(Path(temporary), work / "data", args.submissions)
        print(f"{args.submissions} submissions, {size / 1e6:.0f} MB of predictions")
        for with_data, enclosed in ((False, True), (False, False), (True, True), (True, False)):
            seconds, computed, peak, found = measure(tree, work / "data" if with_data else None, enclosed=enclosed)
            how = "scores computed again" if with_data else "without data"
            print(f"{how}, {'in the sandbox' if enclosed else 'without one'}: {seconds:.1f} s, ", end="")
            print(f"{computed:.1f} s of a processor, {peak / 1e6:.0f} MB at most in one process, {found} findings")


def make_data(work: Path, samples: int, scenes: int) -> None:
    """Simulate and prepare the data sets that do not exist yet."""
    from sciml_datasets import prepare, simulate

    for name, count in (("stemdl_demo", samples), ("cloudmask_demo", scenes)):
        if not (work / "data" / "sciml" / name).exists():
            simulate(name, work / "raw", num_samples=count)
            prepare(name, work / "raw", work / "data")


def make_tree(folder: Path, data_dir: Path, count: int) -> tuple[Path, int]:
    """Make submissions with predictions of their own, half of them masks; return the folder and their bytes."""
    from submission_files import make_run, make_submission

    tree, size = folder / "all", 0
    for number in range(count):
        name, right = ("stemdl_demo", 0.5) if number % 2 else ("cloudmask_demo", 0.45)
        run = make_run(folder / "run", data_dir, name=name, seed=number, right=right)
        submission = make_submission(tree, [run], f"experiment-{number}")
        size += (submission / "predictions.h5").stat().st_size
        shutil.rmtree(run)
    return tree, size


def measure(tree: Path, data_dir: Path | None, *, enclosed: bool) -> tuple[float, float, int, int]:
    """The seconds, those of a processor, the bytes of the largest process, and the findings of ``sciml check``."""
    code = "import sys; from sciml_datasets.cli.main import main; from sciml_datasets.submissions import check; "
    code += "" if enclosed else "check.in_sandbox = lambda work, **limits: work(); "
    code += "sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "check", str(tree), "--json"]
    command += ["--data-dir", str(data_dir)] if data_dir else []
    # A process inherits the peak memory of the one that forks it: a small process is started between them.
    between = (
        "import json, resource, subprocess, sys;"
        "out = subprocess.run(sys.argv[1:], capture_output=True, text=True).stdout;"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([json.loads(out)['num_findings'], used.ru_maxrss, used.ru_utime + used.ru_stime]))"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-S", "-c", between, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - started
    findings, kib, computed = json.loads(done.stdout)
    return seconds, computed, kib * 1024, findings


if __name__ == "__main__":
    main()
