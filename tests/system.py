"""Says which system packages the tests need and do not find: `python -m tests.system`."""

from __future__ import annotations

import ctypes
import shutil
import sys

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}


def missing_packages() -> dict[str, str]:
    """What is missing, and the Debian package that brings it."""
    missing = {}
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing[library] = package
    if shutil.which("Xvfb") is None:
        missing["Xvfb"] = "xvfb"
    return missing


def main() -> int:
    missing = missing_packages() if sys.platform.startswith("linux") else {}
    if not missing:
        return 0
    print(f"The tests need {', '.join(missing)}. On Debian or Ubuntu: apt-get install {' '.join(missing.values())}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
