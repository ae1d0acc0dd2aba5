"""Takes the pictures that README shows, of the real window: `make screenshots`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
GPT2 = "resources/samples/gpt2.py:loss"
PICTURES: dict[str, list[str]] = {
    "neuron.png": ["demo:neuron", "--step", "3"],
    "neuron-dark.png": ["demo:neuron", "--step", "3", "--theme", "dark"],
    "gpt2-folded.png": [GPT2, "--step", "27"],
    "gpt2-block.png": [GPT2, "--step", "27", "--unfold", "h.11"],
    "loop.png": ["demo:loop", "--train", "200", "--step", "5"],
}


def main() -> int:
    """Take every picture; returns the number of those that failed."""
    failures = 0
    for name, arguments in PICTURES.items():
        command = [sys.executable, "main.py", "screenshot", *arguments, "-o", str(FOLDER / name)]
        failures += subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return failures


if __name__ == "__main__":
    sys.exit(main())
