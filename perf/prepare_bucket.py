"""Speed of a preparation from bucket to bucket beside a plain copy of the same objects through obstore.

Raw files of simulated STEMDL lie in a bucket of a server on this machine, in a process of its own (see
``perf/bucket_server.py``), which answers at once or like a store behind a network. The copy reads each range of at most
8 MiB of the raw files and writes each file in parts of 8 MiB, 8 requests at a time. The preparation reads the parts of
the HDF5 files that it needs, checks, encodes and hashes them, and writes shards. Each round runs all ways one after
another, each in a process of its own; times begin after the imports. Of a preparation the requests are told, and the
bytes that are read and written for each raw byte.

    python perf/prepare_bucket.py --samples 160 --rounds 3 --folder /dev/shm
    python perf/prepare_bucket.py --samples 160 --rounds 3 --folder /dev/shm --latency 0.02 --rate 30
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import logging
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bucket_server import KEYS, server

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
NAME, BUCKET = "stemdl", "perf"
WAYS = ("copy", "1", "2")
"""A plain copy, and a preparation by so many processes."""
TOLD = re.compile(r"object stores: ([\d,]+) requests, ([\d.]+) MB received, ([\d.]+) MB sent")


def main() -> int:
    """Measure and print a table, or go one way (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=96, help="of 512 x 512, 3.1 MB each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shards", type=int, default=4, help="of each split")
    parser.add_argument("--folder", help="where the buckets are (default: the system's folder for temporary files)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer (default: 0)")
    parser.add_argument("--rate", type=float, default=0.0, help="MB/s of a connection (default: as fast as it goes)")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        return go(args.way, args.shards)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        table(Path(folder), args)
    return 0


def table(folder: Path, args: argparse.Namespace) -> None:
    """Simulate, go all ways in turns, print the rates and their ratios."""
    from sciml_datasets import simulate

    raw = simulate(NAME, folder / BUCKET / "raw", args.samples, jobs=os.cpu_count() or 1, engine="kinematic")
    size = sum(path.stat().st_size for path in raw.rglob("*") if path.is_file()) / 1e6
    print(f"{args.samples} samples, {size:.0f} MB raw, {os.cpu_count()} cores")
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    traffic = dict.fromkeys(WAYS, "")
    with server(folder, args.latency, args.rate) as endpoint:
        environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": endpoint}
        for _ in range(args.rounds):
            for way in WAYS:
                words = [sys.executable, __file__, "--shards", str(args.shards), "--way", way]
                done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment)
                found = json.loads(done.stdout.splitlines()[-1])
                rates[way].append(size / found["seconds"])
                if told := TOLD.search(found["told"]):
                    read, written = float(told[2]) / size, float(told[3]) / size
                    traffic[way] = f"; {told[1]} requests, {read:.2f} bytes read and {written:.2f} written a raw byte"
                shutil.rmtree(folder / BUCKET / "out")
    for way, values in rates.items():
        title = "a copy by obstore" if way == "copy" else f"sciml prepare, {way} process{'es' * (way != '1')}"
        median, every = statistics.median(values), " ".join(f"{value:.0f}" for value in values)
        ratio = statistics.median(one / other for one, other in zip(values, rates["copy"], strict=True))
        print(f"{title:<30}{median:>8.0f} MB/s ({every}), {ratio:.2f} of a copy{traffic[way]}")


def go(way: str, shards: int) -> int:
    """Go one way, and print the seconds that it takes and what is told of requests."""
    from sciml_datasets import prepare
    from sciml_datasets.object_stores.store import Store
    from sciml_datasets.object_stores.writable_store import WritableStore

    told = io.StringIO()
    logger = logging.getLogger("sciml_datasets")
    logger.addHandler(logging.StreamHandler(told))
    logger.setLevel("INFO")
    if way == "copy":
        source, target = Store(f"s3://{BUCKET}/raw"), WritableStore(f"s3://{BUCKET}/out")
        started = time.perf_counter()
        copy(source, target)
    else:
        importlib.import_module("tensorflow_datasets")
        started = time.perf_counter()
        prepare(NAME, f"s3://{BUCKET}/raw", f"s3://{BUCKET}/out", jobs=int(way), num_shards=shards)
    print(json.dumps({"seconds": time.perf_counter() - started, "told": told.getvalue()}))
    return 0


def copy(source: Any, target: Any) -> None:
    """Copy the objects of a store to another one."""
    from sciml_datasets.object_stores.store import pieces

    for stored in source.listed():
        parts = source.each(lambda part, name=stored.name: source.get_range(name, *part), pieces(0, stored.size))
        target.put(stored.name, b"".join(parts))


if __name__ == "__main__":
    sys.exit(main())
