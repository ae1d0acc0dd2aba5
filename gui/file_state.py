"""Which content of a file is meant: told apart by identity, size and time, so that another program's writing shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class FileState(NamedTuple):
    """A file as it stood at some moment. Replaced or written since, it has another state."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """The state of the file now (of what a symbolic link leads to); None where there is none or it is hidden."""
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
