"""Fault drill: fetch over links that break in every way, kill the fetch, and check the files that it left.

Each transfer fetches a small mirror from an HTTP or an S3 server through a proxy that, drawn by a seed, cuts
connections, flips a bit, stalls, trickles, answers 429, 500 or 503, sends a web page, or ignores ranges; some transfers
are killed (SIGKILL) up to three times, and a last run is not disturbed. After every kill and at the end each file with
its final name must equal the original to the byte, and the recorded checksums must be right. The last run must end with
exit code 0 and all files, or with 1 and a sentence on each missing file, or with 2 and one sentence. Where a file is
missing, one more run over a good link must fetch it.

    python perf/fetch_faults.py --transfers 200 --seed 0
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main() -> int:
    """Run the drill and print what happened."""
    from fetch_drill import drill

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transfers", type=int, default=200)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the faults and of the moments of the kills (default: 0)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="transfers at a time (default: 2)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = drill(Path(folder), args.transfers, args.seed, args.jobs)
    print(result.summary())
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
