"""Speed of a preparation from bucket to bucket beside a plain copy of the same objects through obstore.

Raw files of simulated STEMDL lie in a bucket of an S3 server on this machine, in a process of its own. The copy reads
each range of at most 8 MiB of the raw files and writes each file by one request, 8 requests at a time. The preparation
reads the parts of the HDF5 files that it needs, checks, encodes and hashes them, and writes shards. Each round runs all
ways one after another, each in a process of its own; times begin after the imports.

    python perf/prepare_bucket.py --samples 96 --rounds 3
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
NAME, BUCKET = "stemdl", "s3://perf"
WAYS = ("copy", "1", "2")
"""A plain copy, and a preparation by so many processes."""


def main() -> int:
    """Measure and print a table, or go one way (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=96, help="of 512 x 512, 3.1 MB each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=4, help="of each split")
    parser.add_argument("--way", nargs=2, metavar=("WAY", "PLACE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        return go(*args.way, args.shards)
    from kills import at_a_bucket

    from sciml_datasets import simulate

    with tempfile.TemporaryDirectory() as folder, at_a_bucket("perf") as bucket:
        raw = simulate(NAME, folder, args.samples, jobs=os.cpu_count() or 1)
        size = sum(path.stat().st_size for path in raw.rglob("*") if path.is_file())
        bucket.upload(raw, f"raw/{NAME}")
        print(f"{args.samples} samples, {size / 1e6:.0f} MB raw, {os.cpu_count()} cores")
        rates: dict[str, list[float]] = {way: [] for way in WAYS}
        for number in range(args.rounds):
            for way in WAYS:
                rates[way].append(size / 1e6 / run(way, f"out-{number}-{way}", args.shards))
                for name in bucket.names("out-"):
                    bucket.client.delete_object(Bucket=bucket.name, Key=name)
        for way, values in rates.items():
            title = "a copy by obstore" if way == "copy" else f"sciml prepare, {way} process{'es' * (way != '1')}"
            median, all_of = statistics.median(values), " ".join(f"{value:.0f}" for value in values)
            print(
                f"{title:<30}{median:>8.0f} MB/s ({all_of}), {median / statistics.median(rates['copy']):.2f} of a copy"
            )
    return 0


def run(way: str, place: str, shards: int) -> float:
    """The seconds that a way takes in a process of its own."""
    words = [sys.executable, __file__, "--shards", str(shards), "--way", way, place]
    return float(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def go(way: str, place: str, shards: int) -> int:
    """Go one way, and print the seconds that it takes."""
    from sciml_datasets import prepare
    from sciml_datasets.object_stores.store import Store

    if way == "copy":
        source, target = Store(f"{BUCKET}/raw"), Store(f"{BUCKET}/{place}")
        started = time.perf_counter()
        copy(source, target)
    else:
        importlib.import_module("tensorflow_datasets")
        started = time.perf_counter()
        prepare(NAME, f"{BUCKET}/raw", f"{BUCKET}/{place}", jobs=int(way), num_shards=shards)
    print(time.perf_counter() - started)
    return 0


def copy(source: Any, target: Any) -> None:
    """Copy the objects of a store to another one."""
    from sciml_datasets.object_stores.store import pieces

    for stored in source.listed():
        parts = source.each(lambda part, name=stored.name: source.get_range(name, *part), pieces(0, stored.size))
        target.put(stored.name, b"".join(parts))


if __name__ == "__main__":
    sys.exit(main())
