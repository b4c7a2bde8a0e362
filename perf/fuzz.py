"""Fuzzing: every parser of bytes from outside, on mutated inputs, in processes with limits.

A case is a small sound input with one mutation: of bytes, of a table or a document, or of the structure of a file
(HDF5, ZIP, LMDB). Each is read in a child process that may take 10 s and 2 GB. It is well when the content is that of
the sound input, or other content where the mutated bytes hold it, or a sentence that refuses it; everything else is a
fault: an exception without a sentence, a crash, a hang, a lack of memory, and other content in spite of checksums.

    python perf/fuzz.py                                  all parsers, 20,000 cases each
    python perf/fuzz.py stemdl_hdf5 --cases 500 --seed 1
    python perf/fuzz.py stemdl_hdf5 --seed 1 --case 37 --keep case   one case, here, its files kept

Another parser is a `fuzz_cases.Target` in the tuple TARGETS of a module ``fuzz_targets_<kind>.py`` beside this one,
which is found by its name:

    TARGETS = (
        Target(
            "uno_tables",
            make=lambda folder: write_tables(folder),         # a small sound input, by a simulator or writer
            read=lambda folder: [read_tables(folder)],        # all content that the project's function reads from it
            files=("*.tsv",),                                 # the files that are mutated
            mutations=(*BYTES, *LINES),                       # of fuzz_mutations, fuzz_hdf5, fuzz_archives, or others
        ),
    )
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz_cases import ALLOWED, OUTCOMES, Case, Target, cases, digest, mutate, read

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests"), str(HERE.parent / "tests" / "cloudmask")]
SHOWN = 20
"""Number of faults of a target that are printed."""


def main() -> int:
    """Print one row a target and a line on each fault; the exit code is 1 where there is one."""
    known = targets()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(known)}")
    parser.add_argument("--cases", type=int, default=20_000, help="cases a target (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="of all mutations (default: 0)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no case of a target after that time")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: 0)")
    parser.add_argument("--case", type=int, help="read this case alone, in this process, and show its traceback")
    parser.add_argument("--keep", type=Path, help="new folder for the files of --case")
    args = parser.parse_args()
    if unknown := set(args.targets) - {*known}:
        parser.error(f"there is no target {', '.join(unknown)}: choose of {', '.join(known)}")
    chosen = [known[name] for name in args.targets or known]
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        if args.case is not None:
            return one(chosen[0], Path(folder), args.seed, args.case, args.keep)
        print(f"{'target':24}{'cases':>8}{''.join(f'{name:>11}' for name in OUTCOMES)}{'seconds':>9}")
        faults = []
        for target in chosen:
            numbers = range(args.first, args.first + args.cases)
            faults += row(target, Path(folder) / target.name, args.seed, numbers, args.seconds)
    return 1 if faults else 0


def targets() -> dict[str, Target]:
    """All targets by name, of the modules ``fuzz_targets_*.py``."""
    modules = [importlib.import_module(path.stem) for path in sorted(HERE.glob("fuzz_targets_*.py"))]
    return {target.name: target for module in modules for target in module.TARGETS}


def row(target: Target, folder: Path, seed: int, numbers: range, seconds: float) -> list[Case]:
    """Read the cases of a target and print its row; return the faults."""
    started = time.monotonic()
    in_time = itertools.takewhile(lambda _: time.monotonic() - started < seconds, numbers)
    counted: Counter[str] = Counter()
    faults = []
    (folder / "sound").mkdir(parents=True)
    for case in cases(target, folder, seed, in_time):
        counted[case.outcome] += 1
        if case.outcome not in ALLOWED:
            faults.append(case)
    columns = "".join(f"{counted[name]:11}" for name in OUTCOMES)
    print(f"{target.name:24}{counted.total():8}{columns}{time.monotonic() - started:9.0f}", flush=True)
    for case in faults[:SHOWN]:
        print(f"  {target.name} --seed {seed} --case {case.number}: {case.outcome}: {case.detail[:300]}", flush=True)
    if faults[SHOWN:]:
        print(f"  and {len(faults) - SHOWN} more", flush=True)
    shutil.rmtree(folder)
    return faults


def one(target: Target, work: Path, seed: int, number: int, keep: Path | None) -> int:
    """Read one case in this process; print its outcome, or let its exception through."""
    sound, folder = work / "sound", keep or work / "case"
    sound.mkdir()
    target.make(sound)
    shutil.copytree(sound, folder, symlinks=True)
    print(mutate(target, folder, seed, number), flush=True)
    outcome, detail = read(target, folder, digest(target.read(sound)), raises=True)
    print(f"{outcome}: {detail}")
    return 0 if outcome in ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
