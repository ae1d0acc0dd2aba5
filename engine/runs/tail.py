"""Following a file that grows, is cut, is replaced, or is gone for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 8 << 20
_FINGERPRINT = 256
_QUIET_S = 60.0
_BLOCK = 4096


class Tail:
    """Gives the bytes of a file once, in order, however often it is asked.

    The file counts as a new one when it has another identity (device and inode), has become shorter, or begins with
    other bytes than before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.offset = 0
        self.error: str | None = None
        """Why the file could not be read the last time; None if it could, or is just not there."""
        self._identity: tuple[int, int] | None = None
        self._begin = b""
        self._modified = float("inf")

    @property
    def seems_complete(self) -> bool:
        """Whether what is there is likely all that there will be: nobody has written for a while.

        Programs that hand over their output in blocks leave a file cut at a multiple of these, however long they take
        to the next one.
        """
        return time.time() - self._modified > _QUIET_S and self.offset % _BLOCK != 0

    def chunks(self) -> Iterator[tuple[bytes, bool]]:
        """New bytes in pieces, each with whether it begins the file anew (then what was read before is void)."""
        self.error = None
        try:
            with open(self.path, "rb") as file:
                yield from self._chunks(file)
        except FileNotFoundError:
            return
        except OSError as error:
            self.error = f"{self.path!r} cannot be read: {error.strerror or error}. Check its permissions."

    def _chunks(self, file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
        state = os.fstat(file.fileno())
        identity = (state.st_dev, state.st_ino)
        begin = file.read(_FINGERPRINT)
        is_new = self._identity is not None and (
            identity != self._identity or state.st_size < self.offset or not begin.startswith(self._begin)
        )
        if is_new:
            self.offset = 0
        self._identity, self._begin, self._modified = identity, begin, state.st_mtime
        file.seek(self.offset)
        if is_new:
            yield b"", True
        while chunk := file.read(_CHUNK):
            self.offset += len(chunk)
            yield chunk, False


class Lines:
    """Cuts bytes into whole lines; what follows the last line break waits."""

    def __init__(self, limit: int = 16 << 20) -> None:
        self.limit = limit
        self.number = 0
        """Number of the line that was given last, counted from 1."""
        self.too_long: list[int] = []
        """Numbers of lines longer than `limit` bytes, which were skipped."""
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Whole lines without their line break."""
        pieces = chunk.split(b"\n")
        for piece in pieces[:-1]:
            self.number += 1
            self._hold(piece)
            line = b"".join(self._parts)
            size, self._parts, self._size = self._size, [], 0
            if size > self.limit:
                self.too_long.append(self.number)
            else:
                yield line.removesuffix(b"\r")
        self._hold(pieces[-1])

    @property
    def rest(self) -> bytes:
        """What has come since the last line break, as long as it is no longer than `limit`."""
        return b"".join(self._parts)

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self.limit:
            self._parts = []
        elif piece:
            self._parts.append(piece)
