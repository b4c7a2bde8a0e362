"""Speed of fetching beside curl, from an HTTP and an S3 server on this machine.

curl fetches as many files at a time, by one connection each, and writes them; `sciml fetch` does the same, hashes them,
syncs them to disk and renames them. At first sight it computes SHA-256 and, for files on S3, the MD5 that their ETag
gives; with known checksums it computes SHA-256 alone. Each round runs all ways one after another, in another order each
time; rates refer to the whole command, with its start. Servers run in processes of their own. A folder in memory shows
the transfer alone; on a disk curl, which does not wait for it, is also compared with a sync after it.

    python perf/fetch.py --rounds 3 --files 32 --megabytes 64 --folder /dev/shm
    python perf/fetch.py --rounds 3 --files 1000 --megabytes 0.18 --folder /dev/shm   (small files)
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
PREFIX = "es/cloud_slstr_ds1"
CURL, SYNCED = "curl", "curl and sync"
FIRST_SIGHT, KNOWN = "sciml fetch, first sight", "sciml fetch, known checksums"


def main() -> int:
    """Measure and print a table, or serve (``--serve``)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--megabytes", type=float, default=64, help="of a file, in units of 2^20 bytes")
    parser.add_argument("--jobs", type=int, default=8, help="files at a time")
    parser.add_argument("--servers", nargs="+", choices=("http", "s3"), default=("http", "s3"))
    parser.add_argument("--folder", help="where files are written (default: the system's folder for temporary files)")
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve[0], Path(args.serve[1]))
    size = args.files * int(args.megabytes * 2**20)
    print(f"{args.files} files of {args.megabytes:g} MiB, {args.jobs} at a time; {os.cpu_count()} cores")
    print(f"{'server':<8}{'way':<32}{'MB/s, median':>14}{'all':>24}{'of curl':>9}")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        names = write_files(Path(folder) / "mirror", args.files, size // args.files)
        for kind in args.servers:
            rates = measure(kind, Path(folder), names, size, args)
            for way in (CURL, SYNCED, FIRST_SIGHT, KNOWN):
                values = rates[way]
                median = statistics.median(values)
                ratio = median / statistics.median(rates[CURL])
                every = " ".join(f"{value:.0f}" for value in values)
                print(f"{kind:<8}{way:<32}{median:>14.0f}{every:>24}{ratio:>9.2f}")
    return 0


def write_files(folder: Path, files: int, size: int) -> list[str]:
    """Write files of random bytes, and return their names."""
    (folder / "training").mkdir(parents=True)
    names = [f"training/S3A_{number:03}.hdf" for number in range(files)]
    for name in names:
        (folder / name).write_bytes(os.urandom(size))
    return names


def measure(kind: str, folder: Path, names: list[str], size: int, args: argparse.Namespace) -> dict[str, list[float]]:
    """The rates in MB/s of each way and round."""
    from sciml_datasets.files.checksums import NAME, Checksum, write_list
    from sciml_datasets.files.hashing import sha256_of

    rates: dict[str, list[float]] = {}
    with server(kind, folder / "mirror") as url:
        base = f"{url}/sciml-datasets/{PREFIX}" if kind == "s3" else url
        source = f"s3://sciml-datasets/{PREFIX}" if kind == "s3" else url
        environment = {**os.environ, "AWS_ENDPOINT_URL": url, "PYTHONPATH": str(ROOT)}
        out = folder / "out"
        ours = [
            *(sys.executable, "-m", "sciml_datasets.cli.main", "fetch", "cloudmask", "--accept-terms"),
            *("--raw-dir", str(out), "--source", source, "--jobs", str(args.jobs)),
        ]
        theirs = curl(base, names, out / "cloudmask", args.jobs)
        commands = {CURL: theirs, SYNCED: theirs, FIRST_SIGHT: ours, KNOWN: ours}
        known = {name: Checksum(sha256_of(folder / "mirror" / name)) for name in names}
        for number in range(args.rounds):
            for way in sorted(commands, reverse=bool(number % 2)):
                if way == KNOWN:
                    (out / "cloudmask").mkdir(parents=True)
                    write_list(out / "cloudmask" / NAME, known)
                os.sync()
                started = time.perf_counter()
                subprocess.run(commands[way], check=True, capture_output=True, env=environment)
                if way == SYNCED:
                    os.sync()
                rates.setdefault(way, []).append(size / 1e6 / (time.perf_counter() - started))
                check(folder / "mirror", out / "cloudmask", names)
                shutil.rmtree(out)
    return rates


def curl(base: str, names: list[str], out: Path, jobs: int) -> list[str]:
    """The command of curl that fetches all files."""
    pairs = [word for name in names for word in ("-o", str(out / name), f"{base}/{name}")]
    return ["curl", "--silent", "--fail", "--create-dirs", "--parallel", "--parallel-max", str(jobs), *pairs]


def check(mirror: Path, out: Path, names: list[str]) -> None:
    """Make sure that all bytes have arrived."""
    for name in names:
        if not filecmp.cmp(out / name, mirror / name, shallow=False):
            raise SystemExit(f"{out / name} differs")


@contextmanager
def server(kind: str, folder: Path) -> Iterator[str]:
    """A context with the URL of a server in a process of its own."""
    command = [sys.executable, __file__, "--serve", kind, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.terminate()


def serve(kind: str, folder: Path) -> int:
    """Serve a folder until the parent has ended."""
    from fetch_servers import http_server, s3_server, upload

    with http_server(folder) if kind == "http" else s3_server() as url:
        if kind == "s3":
            upload(url, folder, PREFIX)
        print(url, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
