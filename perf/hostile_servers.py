"""Hostile and broken publishers: what `sciml fetch` does with each, in seconds, memory, exit code and sentence.

A server on this machine serves a small CloudMask by HTTP or S3, and one of the attacks below instead of some responses.
Each is met by one `sciml fetch` into an empty raw folder with `--timeout 1 --retries 1`; then a server without attacks
is asked for the same files into the same folder. Required of each attack: exit code 0, 1 or 2, no traceback, no secret
in anything that is printed or written, at most LONGEST seconds and MOST_MEMORY, no file outside the raw folder, and the
fetch after it ends with exit code 0 and all files, byte-identical, with their checksums recorded.

    python perf/hostile_servers.py
    python perf/hostile_servers.py --only 's3*' --verbose
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostile_server import Attack

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
LONGEST = 75.0
"""Largest number of seconds of a fetch with ``--timeout 1 --retries 1``: 60 timeouts and the start of S3's client."""
MOST_MEMORY = 1000
"""Largest resident set in MB."""
GIVEN_UP = 120.0
"""Number of seconds after which a fetch is ended and counts as a hang."""


@dataclass(frozen=True)
class Run:
    """The course of one fetch: seconds, MB of memory at most, exit code and everything that was printed."""

    seconds: float
    memory: float
    code: int
    printed: str


def fetch(raw: Path, kind: str, source: str, certificate: Path) -> Run:
    """One fetch in a process of its own."""
    from fetch_servers import BUCKET, PREFIX

    endpoint = source if kind == "s3" else ""
    place = f"s3://{BUCKET}/{PREFIX}" if kind == "s3" else source
    command = [sys.executable, "-X", "faulthandler", "-m", "sciml_datasets.cli.main", "fetch", "cloudmask"]
    flags = ["--raw-dir", str(raw), "--source", place, "--accept-terms", "--timeout", "1", "--retries", "1"]
    trusted = {"SSL_CERT_FILE": str(certificate), "AWS_CA_BUNDLE": str(certificate)} if certificate.exists() else {}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": endpoint, **trusted}
    if not endpoint:
        environment.pop("AWS_ENDPOINT_URL")
    with tempfile.TemporaryFile() as printed:
        began = time.monotonic()
        process = subprocess.Popen([*command, *flags], stdout=printed, stderr=printed, env=environment, cwd=raw.parent)
        timer = threading.Timer(GIVEN_UP, process.send_signal, (signal.SIGKILL,))
        timer.start()
        memory = 0.0
        while process.poll() is None:
            memory = max(memory, resident(process.pid))
            time.sleep(0.05)
        timer.cancel()
        printed.seek(0)
        text = printed.read().decode("utf-8", "replace")
    return Run(time.monotonic() - began, memory, process.returncode, text)


def resident(process: int) -> float:
    """Largest resident set of a process so far in MB; 0 at its end. That of `wait4` begins with the parent's."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1000 if found else 0.0


def meet(attack: Attack, folder: Path) -> tuple[Run, list[str]]:
    """Meet an attack, and fetch honestly afterwards; the course of the former, and what should not have been."""
    from hostile_attacks import SECRET
    from hostile_server import HOST, serving

    raw, certificate = folder / "raw", folder / "certificate.pem"
    raw.mkdir()
    with serving(attack, certificate) as port:
        address = f"http{'s' if attack.secure else ''}://{HOST}:{port}"
        source = attack.source.replace("PORT", str(port)) or address
        run = fetch(raw, attack.kind, source, certificate)
    wrong = [f"exit code {run.code}"] if run.code not in (0, 1, 2) else []
    wrong += [f"{run.seconds:.0f} s"] if run.seconds > LONGEST else []
    wrong += [f"{run.memory:.0f} MB"] if run.memory > MOST_MEMORY else []
    wrong += ["traceback"] if re.search("Traceback|an error of sciml|Unclosed|never retrieved", run.printed) else []
    wrong += ["control characters"] if re.search("[^\n\t\r -~\u00a0-\u1fff]", run.printed) else []
    written = b"".join(path.read_bytes() for path in raw.rglob("*") if path.is_file())
    wrong += ["secret shown"] if SECRET in run.printed else []
    wrong += ["secret written"] if SECRET.encode() in written else []
    wrong += ["files outside"] if {path.name for path in folder.iterdir()} - {"raw", "certificate.pem"} else []
    wrong += whole_afterwards(raw, folder)
    return run, wrong


def whole_afterwards(raw: Path, folder: Path) -> list[str]:
    """What is wrong with the raw folder after a fetch from a publisher without attacks."""
    from hostile_server import FILES, HOST, Attack, send, serving

    with serving(Attack("", "http", "nothing at all", send()), folder / "certificate.pem") as port:
        run = fetch(raw, "http", f"http://{HOST}:{port}", folder / "none")
    wrong = [] if run.code == 0 else [f"afterwards exit code {run.code}: {run.printed[-300:]}"]
    lines = (raw / "cloudmask/checksums.tsv").read_text().split("\n") if run.code == 0 else []
    for name, body in FILES.items():
        path = raw / "cloudmask" / name
        if not path.is_file() or path.read_bytes() != body:
            wrong.append(f"afterwards {name} is not whole")
        elif sum(line.startswith(f"{name}\t{sha256(body).hexdigest()}\t5120") for line in lines) != 1 and run.code == 0:
            wrong.append(f"afterwards {name} is not recorded")
    return wrong


def main() -> int:
    """Meet the attacks and print a table."""
    from hostile_attacks import ATTACKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", help="glob pattern of KIND NAME")
    parser.add_argument("--verbose", action="store_true", help="print everything that a fetch prints")
    args = parser.parse_args()
    chosen = [attack for attack in ATTACKS if fnmatchcase(f"{attack.kind} {attack.name}", args.only)]
    print(f"{'attack':<50}{'s':>6}{'MB':>6}{'code':>5}  sentence, or what is wrong")
    bad = 0
    for attack in chosen:
        with tempfile.TemporaryDirectory() as folder:
            run, wrong = meet(attack, Path(folder))
        bad += bool(wrong)
        last = ["nothing was printed", *run.printed.strip().splitlines()][-1]
        said = f"WRONG: {'; '.join(wrong)}" if wrong else last.replace(folder, "")
        print(
            f"{attack.kind + ' ' + attack.name:<50}{run.seconds:>6.1f}{run.memory:>6.0f}{run.code:>5}  {said[:200]!r}",
            flush=True,
        )
        if args.verbose:
            print(run.printed[-3000:])
    print(f"{len(chosen)} attacks, {bad} with something wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
