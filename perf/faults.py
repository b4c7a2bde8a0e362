"""Fault drill: one system call of a command fails, once; then the command is run again.

Each case runs a command with a small library of ours loaded before all others (``LD_PRELOAD``; gcc builds it), which
fails one call, drawn by a seed: an open, read, write, fsync, rename, link, unlink, mkdir, rmdir, listing, stat,
truncate or the close of a file that was written, with ENOSPC, EIO, EDQUOT, EACCES, EINTR, ESTALE, ENOSYS or EINVAL.

The command must end with the right bytes, or with an exit code that says no and one sentence that has the system's
reason and names the file. There is no traceback, and nothing half-made has a final name. The command that is run again
must end with the bytes of a run that nothing disturbed, with nothing lost, changed or left over.

    python perf/faults.py --faults 1000 --seed 0
    python perf/faults.py --faults 100 --commands fetch stage

    python perf/faults.py --faults 300 --kill

With ``--kill`` the process that would make the call is killed there, and only the second run must end well.
TMPDIR=/dev/shm makes it quicker. ``perf/kills.py`` kills preparations of several ranks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "cloudmask")]


def main() -> int:
    """Run the drill and print what happened."""
    from fault_drill import drill

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=1000, help="number of cases (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the calls and errors (default: 0)")
    parser.add_argument("--commands", nargs="+", default=[], help="names of rows of the table (default: all)")
    parser.add_argument("--kill", action="store_true", help="kill the process where the call would fail")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = drill(Path(folder), args.faults, args.seed, args.commands, partial(print, flush=True), kill=args.kill)
    print(result.table())
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
