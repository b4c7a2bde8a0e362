"""Seeded transfers over links that break, with kills; see ``perf/fetch_faults.py`` for what is required of them."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from fetch_servers import BUCKET, Fault, Request, http_server, proxy, s3_server, upload, write_mirror

from sciml_datasets.files.checksums import NAME, Checksum, read_list, write_list

ROOT = Path(__file__).parents[1]
SIZES = {
    "training/S3A_large.hdf": 9_000_001,
    "training/S3A_middle.hdf": 4_500_000,
    "training/S3A_small.hdf": 70_000,
    "inference/S3A_tiny.hdf": 1,
    "inference/S3A_empty.hdf": 0,
}
FAULTS = ("cut", "cut", "corrupt", "stall", "trickle", "status", "page", "whole")
STATUSES = (429, 500, 503)
LINKS = ((0.0, 1), (0.2, 4), (0.5, 5), (1.0, 1))
"""Shares of answers that are broken, and weights with which such links are drawn."""
FLAGS = ("--accept-terms", "--timeout", "0.4", "--retries", "2")
LAST_MOMENT = 2.0
"""Seconds after the start of the latest possible kill."""
ENDS = {0: "all files, byte-identical", 1: "an error for each missing file", 2: "one error before any file"}
LONGEST = 120
"""Largest number of seconds of a run."""


@dataclass
class Result:
    """The outcome of a drill.

    Attributes:
        counts: counts of outcomes, kills and faults.
        wrong: sentences on events that should never happen.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def summary(self) -> str:
        lines = [f"{number:>7}  {what}" for what, number in sorted(self.counts.items())]
        return "\n".join([*lines, f"{len(self.wrong):>7}  wrong", *self.wrong])


def drill(folder: Path, transfers: int, seed: int, jobs: int) -> Result:
    """Run transfers, each in a folder of its own below ``folder``."""
    mirror = write_mirror(folder / "mirror", SIZES, seed)
    hashes = {name: hashlib.sha256((mirror / name).read_bytes()).hexdigest() for name in SIZES}
    result = Result()
    with http_server(mirror) as http, s3_server() as s3, ThreadPoolExecutor(jobs) as pool:
        upload(s3, mirror, "drill")  # where ETags identify the content; over HTTP a list does
        write_list(mirror / NAME, {name: Checksum(hashes[name], size) for name, size in SIZES.items()})
        servers = {"http": http, "s3": s3}

        def one(number: int) -> None:
            draw = random.Random(f"{seed} {number}")
            kind = draw.choice(("http", "s3"))
            raw = folder / f"raw-{number}"
            found = _Transfer(kind, servers[kind], raw, mirror, hashes, draw, result).run()
            result.wrong += [f"transfer {number} of seed {seed} ({kind}): {sentence}" for sentence in found]
            shutil.rmtree(raw, ignore_errors=True)

        list(pool.map(one, range(transfers)))
    return result


@dataclass
class _Transfer:
    kind: str
    server: str
    raw: Path
    mirror: Path
    hashes: dict[str, str]
    draw: random.Random
    result: Result

    def run(self) -> list[str]:
        """Fetch with faults and kills, then without; what is wrong."""
        shares, weights = zip(*LINKS, strict=True)
        share, hostile = self.draw.choices(shares, weights)[0], self.draw.random() < 0.2
        kills = self.draw.choice((0, 0, 1, 2, 3))

        def decide(request: Request) -> Fault:
            name = next((name for name in SIZES if request.path.endswith(name)), None)
            if hostile and name == "training/S3A_large.hdf":
                fault = Fault("corrupt", 5)
            elif self.draw.random() < share and (name is not None or self.draw.random() < 0.2):
                fault = self._fault(name)
            else:
                fault = Fault()
            self.result.count(f"answers: {fault.kind}")
            return fault

        wrong: list[str] = []
        with proxy(self.server, decide, delay=0.005 if kills else 0.0) as front:
            for _ in range(kills):
                wrong += self._killed(front.url)
            code, reported = self._left_alone(front.url)
        self.result.count(f"transfers that ended with {ENDS.get(code, code)}")
        wrong += self._judge(code, reported)
        if code:
            code, reported = self._left_alone(self.server)
            self.result.count(f"of those, over a good link: {ENDS.get(code, code)}")
            wrong += (
                self._judge(code, reported) if code == 0 else [f"over a good link it ended with {code}: {reported}"]
            )
        return wrong

    def _fault(self, name: str | None) -> Fault:
        kind = self.draw.choice(FAULTS if name is not None else ("cut", "stall", "status", "page"))
        size = SIZES[name] if name is not None else 200
        return Fault(kind, self.draw.randrange(max(size, 1)), self.draw.choice(STATUSES))

    def _command(self, url: str) -> tuple[list[str], dict[str, str]]:
        source = url if self.kind == "http" else f"s3://{BUCKET}/drill"
        command = [sys.executable, "-m", "sciml_datasets.cli.main", "fetch", "cloudmask", "--raw-dir", str(self.raw)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": url}
        return [*command, "--source", source, *FLAGS], environment

    def _killed(self, url: str) -> list[str]:
        command, environment = self._command(url)
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(self.draw.uniform(0.2, LAST_MOMENT))
            alive = process.poll() is None
            process.send_signal(signal.SIGKILL)
        self.result.count("kills of a running fetch" if alive else "kills that came too late")
        return self._looks_whole_but_is_not()

    def _left_alone(self, url: str) -> tuple[int, str]:
        command, environment = self._command(url)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False)
        return done.returncode, done.stdout + done.stderr

    def _judge(self, code: int, reported: str) -> list[str]:
        folder = self.raw / "cloudmask"
        missing = [name for name in SIZES if not (folder / name).exists()]
        wrong = self._looks_whole_but_is_not()
        if code == 0:
            wrong += [f"exit code 0, but {name} is missing" for name in missing]
            wrong += ["exit code 0, but .fetch is still there"] if (folder / ".fetch").exists() else []
        elif code == 1:
            wrong += [
                f"nothing is said of {name}: {reported}" for name in missing if f"{folder / name}: " not in reported
            ]
            wrong += [] if missing else ["exit code 1, but all is here"]
        elif code != 2 or reported.count("sciml fetch: ") != 1 or "Traceback" in reported:
            wrong.append(f"exit code {code}: {reported}")
        return wrong

    def _looks_whole_but_is_not(self) -> list[str]:
        folder = self.raw / "cloudmask"
        wrong = []
        for path in folder.rglob("*") if folder.exists() else ():
            name = path.relative_to(folder).as_posix()
            ours = name.startswith(".fetch/") or name in (NAME, "TERMS.txt") or name.endswith(".mismatch")
            if path.is_dir() or ours or ".incomplete-" in name:
                continue
            if name not in SIZES or path.read_bytes() != (self.mirror / name).read_bytes():
                wrong.append(f"{name} looks whole and is not")
        recorded = read_list(folder / NAME)
        wrong += [
            f"{name} is recorded with {known.sha256}"
            for name, known in recorded.items()
            if self.hashes.get(name) != known.sha256
        ]
        return wrong
