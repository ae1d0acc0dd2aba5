"""Runs `main.py` as a user does: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "resources" / "samples"


def run(*arguments: str, timeout_s: float = 110, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line and wait for it; stdout and stderr are captured as text."""
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_json(*arguments: str) -> Any:
    """The one JSON object that a command prints."""
    finished = run(*arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
