"""Tells a program's files from what they were when it ran: who runs it again must not mix two versions. No torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from ..errors import TargetError


def digests(sources: Mapping[str, str]) -> dict[str, str]:
    """For each file a digest of its text."""
    return {path: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for path, text in sources.items()}


def expect_unchanged(sources: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Raise TargetError where a file is not what it was; files that `expected` does not name may be anything."""
    for path, digest in digests(sources).items():
        if expected.get(path, digest) != digest:
            raise TargetError(
                f"{os.path.basename(path)} has changed since it ran. Run the program again, then ask again."
            )
