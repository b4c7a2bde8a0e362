"""Speed of reading prepared data from an object store, beside obstore alone, from one server on this machine.

The server, in a process of its own (see ``perf/bucket_server.py``), is the same small part of all ways. It answers at
once and as fast as it can, or like a store behind a network: ``--latency`` seconds before each answer, and ``--rate``
MB/s for each connection. obstore alone asks for parts of 8 MiB, or for the places of
records, by 8 threads, and drops what comes. `sciml` writes it into an empty cache, compares SHA-256 or checksums, and
gives examples. All ways of a round run one after another, each in a new process; its start, and the opening of the data
set, are not timed.

    python perf/object_stores.py --rounds 5 --samples 150 --folder /dev/shm
    python perf/object_stores.py --rounds 5 --samples 150 --folder /dev/shm --latency 0.02 --rate 50
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

from bucket_server import KEYS, server

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
NAME, BUCKET, IN_FLIGHT = "stemdl", "bucket", 8
BATCH = 32
PART = 8 << 20


def main() -> int:
    """Measure and print a table, or run one way in this process (``--way``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=150, help="simulated samples, of 3 MB each (default: 150)")
    parser.add_argument("--folder", help="where data and cache are (default: the system's folder for temporary files)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer (default: 0)")
    parser.add_argument("--rate", type=float, default=0.0, help="MB/s of a connection (default: as fast as it goes)")
    parser.add_argument("--only", default="", help="measure the ways with this word, and those that they are beside")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        seconds, size = WAYS[args.way](args.data)
        print(json.dumps({"seconds": seconds, "bytes": size}))
        return 0
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        table(Path(folder), args)
    return 0


def table(folder: Path, args: argparse.Namespace) -> None:
    """Simulate, prepare, read by all ways in turns, print the rates and their ratios."""
    from sciml_datasets import prepare, simulate

    simulate(NAME, folder / "raw", args.samples, jobs=os.cpu_count() or 1, engine="kinematic")
    prepare(NAME, folder / "raw", folder / BUCKET / "data", num_shards=4)
    shutil.rmtree(folder / "raw")
    wanted = {way for way in WAYS if args.only in way}
    wanted |= {BESIDE[way] for way in wanted if way in BESIDE}
    rates: dict[str, list[float]] = {way: [] for way in WAYS if way in wanted}
    with server(folder, args.latency, args.rate) as endpoint:
        environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": endpoint, "SCIML_CACHE_DIR": str(folder / "cache")}
        for _ in range(args.rounds):
            for way in rates:
                if "second" not in way:
                    shutil.rmtree(folder / "cache", ignore_errors=True)
                data = str(folder / BUCKET / "data") if "folder" in way else f"s3://{BUCKET}/data"
                command = [sys.executable, __file__, "--way", way, "--data", data]
                done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
                found = json.loads(done.stdout.splitlines()[-1])
                rates[way].append(found["bytes"] / 1e6 / found["seconds"])
    floor = f"{args.latency:g} s before an answer, {args.rate:g} MB/s a connection" if args.rate else "at once"
    print(f"{args.samples} samples of {NAME}, {os.cpu_count()} cores, {IN_FLIGHT} in flight; the server: {floor}\n")
    print(f"{'way':<44}{'MB/s, median':>14}{'all':>34}{'ratio':>8}  of")
    for way, values in rates.items():
        median, beside = statistics.median(values), BESIDE.get(way, way)
        every = " ".join(f"{value:.0f}" for value in values)
        ratio = statistics.median(one / other for one, other in zip(values, rates[beside], strict=True))
        print(f"{way:<44}{median:>14.0f}{every:>34}{ratio:>8.2f}  {beside if beside != way else ''}")


def train_shards(data: str) -> list[tuple[str, int]]:
    """Name and size of the shards of the training split, by the manifest."""
    from obstore.store import from_url

    manifest = json.loads(bytes(from_url(data, client_options={"allow_http": True}).get(manifest_name()).bytes()))
    return [(one["name"], one["bytes"]) for one in manifest["shards"] if "-train." in one["name"]]


def manifest_name() -> str:
    """The name of the manifest below the URL."""
    from sciml_datasets.benchmarks import find

    return f"sciml/{NAME}/{find(NAME)[1].version}/manifest.json"


def asked(data: str, parts: list[tuple[str, int, int]]) -> tuple[float, int]:
    """Seconds and bytes of requests for parts of objects by obstore alone."""
    import obstore
    from obstore.store import from_url

    store = from_url(data, client_options={"allow_http": True})
    base = manifest_name().rpartition("/")[0]

    def get(part: tuple[str, int, int]) -> int:
        return len(memoryview(obstore.get_range(store, f"{base}/{part[0]}", start=part[1], end=part[2])))

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        started = time.perf_counter()
        size = sum(pool.map(get, parts))
        return time.perf_counter() - started, size


def obstore_in_order(data: str) -> tuple[float, int]:
    """All shards of the training split in parts, by obstore alone."""
    parts = [(name, at, min(at + PART, size)) for name, size in train_shards(data) for at in range(0, size, PART)]
    return asked(data, parts)


def fetched(data: str) -> tuple[float, int]:
    """The shards of the training split into the cache, compared with their SHA-256: what ``tfds.load`` does first."""
    from sciml_datasets import Prepared
    from sciml_datasets.prepared.remote import have_whole

    prepared = Prepared.open(NAME, data)
    shards = train_shards(data)
    started = time.perf_counter()
    have_whole(prepared.folder / name for name, _ in shards)
    return time.perf_counter() - started, sum(size for _, size in shards)


def epoch(data: str) -> tuple[float, int]:
    """An epoch of ``tfds.load``."""
    import tensorflow_datasets as tfds

    from sciml_datasets import Prepared

    builder = Prepared.open(NAME, data).builder
    tfds.as_numpy(builder.as_dataset(split="test").take(1))  # TensorFlow starts
    started = time.perf_counter()
    size = sum(example["cbed_stack"].nbytes for example in tfds.as_numpy(builder.as_dataset(split="train")))
    return time.perf_counter() - started, size


def obstore_at_random(data: str) -> tuple[float, int]:
    """The records of the training split in random order, by obstore alone."""
    import numpy as np
    import obstore
    from obstore.store import from_url

    store = from_url(data, client_options={"allow_http": True})
    base, parts = manifest_name().rpartition("/")[0], []
    for name, _ in train_shards(data):
        offsets = np.frombuffer(bytes(obstore.get(store, f"{base}/{name}.offsets").bytes()), "<u8").tolist()
        parts += [(name, start, end) for start, end in pairwise(offsets)]
    random.Random(0).shuffle(parts)
    return asked(data, parts)


def at_random(data: str) -> tuple[float, int]:
    """The examples of the training split in random order, in batches of a ``tfds.data_source``."""
    from sciml_datasets import Prepared

    source = Prepared.open(NAME, data).builder.as_data_source("train")
    order = list(range(len(source)))
    random.Random(0).shuffle(order)
    started, size = time.perf_counter(), 0
    for at in range(0, len(order), BATCH):
        size += sum(example["cbed_stack"].nbytes for example in source.__getitems__(order[at : at + BATCH]))
    return time.perf_counter() - started, size


WAYS: dict[str, Callable[[str], tuple[float, int]]] = {
    "obstore alone, in order": obstore_in_order,
    "into the cache": fetched,
    "tfds.load, first epoch": epoch,
    "tfds.load, second epoch": epoch,
    "tfds.load, local folder": epoch,
    "obstore alone, at random": obstore_at_random,
    "data_source at random": at_random,
    "data_source at random, second epoch": at_random,
    "data_source at random, local folder": at_random,
}
BESIDE = {
    "into the cache": "obstore alone, in order",
    "tfds.load, first epoch": "obstore alone, in order",
    "tfds.load, second epoch": "tfds.load, local folder",
    "data_source at random": "obstore alone, at random",
    "data_source at random, second epoch": "data_source at random, local folder",
}


if __name__ == "__main__":
    sys.exit(main())
