"""All hostile servers, then all hostile submissions, each in a process of its own; the worse exit code.

python perf/hostile.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PARTS = ("hostile_servers.py", "hostile_submissions.py")

if __name__ == "__main__":
    scripts = [Path(__file__).with_name(part) for part in PARTS]
    sys.exit(max([abs(subprocess.run([sys.executable, str(script)], check=False).returncode) for script in scripts]))
