"""Replacing a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import SaveError

_ADVICE = {
    errno.ENOSPC: "the disk is full. Make room, or save to another disk",
    errno.EDQUOT: "your disk quota is used up. Make room, or save elsewhere",
    errno.EROFS: "the file system is read-only. Save to another folder",
    errno.EACCES: "you may not write there. Save to a folder of your own",
    errno.EPERM: "you may not write there. Save to a folder of your own",
    errno.ENOENT: "the folder does not exist. Make it first, or save to another folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder. Save to another folder",
    errno.EISDIR: "there is a folder of that name. Choose another name",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.EFBIG: "the file is larger than the file system allows. Save to another disk",
    errno.EIO: "the disk reported an error. Save to another disk",
}


def write_atomically(
    path: str | os.PathLike[str],
    chunks: Iterable[bytes | memoryview[Any]],
    before_replacing: Callable[[], None] | None = None,
) -> None:
    """Write `chunks`, one after the other, as the file `path`.

    They go to a temporary file in the same folder first, which is flushed to the disk and then renamed. A symbolic link
    is followed, and the permissions of a file that is replaced are kept.

    Parameters
    ----------
    before_replacing : called when everything is written and only the renaming is left; what it raises stops that, and
        is raised here.

    Raises
    ------
    SaveError
        When anything fails; the old file is then intact and the temporary file is gone.
    """
    shown = os.fspath(path)
    try:
        target = os.path.realpath(shown)
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if os.path.exists(target) and not os.path.isfile(target):
            raise OSError(errno.EINVAL, "it is a device or a pipe")
        _write_and_rename(target, chunks, before_replacing)
    except (OSError, ValueError) as error:
        raise SaveError(f"{shown!r} could not be saved: {_reason(error)}. {_before(shown)}", path=shown) from error


def _write_and_rename(
    target: str, chunks: Iterable[bytes | memoryview[Any]], before_replacing: Callable[[], None] | None
) -> None:
    folder, name = os.path.split(target)
    # The name is cut: with the random part it must not become longer than a file name may be.
    temporary = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with contextlib.suppress(OSError):  # nothing to take over: the file is new, or the system has no such modes
                os.chmod(temporary, os.stat(target).st_mode & 0o7777)
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if before_replacing is not None:
            before_replacing()
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Make the renaming itself survive a power cut, where the system lets a folder be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno in _ADVICE:
        return _ADVICE[error.errno]
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{text}. Choose another name or folder"


def _before(shown: str) -> str:
    try:
        stands = os.path.isfile(shown)
    except ValueError:  # a name that no file can have
        stands = False
    return "The file that was there before is unchanged." if stands else "Nothing was written."
