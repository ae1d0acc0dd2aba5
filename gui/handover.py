"""One window for several starts: a later start gives its target to the first and is done. No Qt: both ends are light.

The first start holds a lock, which dies with it whatever happens, and listens at a socket in a folder that only its
user can enter. A later one of the same user, settings, environment and display finds the lock held, and sends a
bounded message with the secret of that folder. Where anything of this fails, a start has a window of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec

from gui.folders import default_path, meeting_folder

MAX_MESSAGE_BYTES: Final = 1 << 20
ANSWER_S: Final = 5.0
"""A window that has not answered after so long hangs: whoever asked gets a window of its own."""
_START_S: Final = 1.0
"""Between taking the lock and listening, the first start needs far less."""
_RETRY_S: Final = 0.02
_FORMAT = "1"
_LENGTH = struct.Struct("<I")
_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")

_Text = Annotated[str, msgspec.Meta(max_length=32_768)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a later start wants.

    `target` is None where only a window is wanted; `folder` is the one it was started in; `activation` lets a window
    come to the front under Wayland.
    """

    secret: _Text = ""
    target: _Text | None = None
    arguments: tuple[_Text, ...] = ()
    folder: _Text = ""
    activation: _Text = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the first start takes the request; where it does not, the later one goes on by itself."""

    is_taken: bool = False


_M = TypeVar("_M", Request, Answer)


class Listener:
    """The first start's end: the lock, the socket (already listening) and the secret; `close` leaves no file."""

    def __init__(self, place: MeetingPlace, lock: int) -> None:
        self._place = place
        self._lock = lock
        self.secret = secrets.token_hex(16)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove(place.socket_path, place.secret_path)  # of a start that was killed
            with open(os.open(place.secret_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(self.secret)
            self.socket.bind(str(place.socket_path))
            os.chmod(place.socket_path, 0o600)
            self.socket.listen(16)
            self.socket.setblocking(False)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening; the next start is the first one again."""
        if self._lock < 0:
            return
        self.socket.close()
        _remove(self._place.socket_path, self._place.secret_path, self._place.lock_path)
        os.close(self._lock)
        self._lock = -1


class MeetingPlace:
    """The files at which the starts of one user with the same settings, environment and display meet."""

    def __init__(self, folder: Path) -> None:
        here = [str(default_path().absolute()), sys.prefix, _FORMAT, *(os.environ.get(name, "") for name in _DISPLAY)]
        name = hashlib.sha256("\0".join(here).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.lock_path = folder / f"{name}.lock"
        self.socket_path = folder / f"{name}.socket"
        self.secret_path = folder / f"{name}.secret"

    def take(self) -> Listener | None:
        """Be the first; None where somebody else is. Raises OSError where nobody can be."""
        import fcntl

        while True:
            lock = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            except OSError:
                os.close(lock)
                raise
            if _is_still(lock, self.lock_path):
                return Listener(self, lock)
            os.close(lock)  # the first one removed it between our opening and our locking

    def ask(self, request: Request, timeout_s: float = ANSWER_S) -> Answer:
        """Send a request to the first start. Raises OSError where it does not answer."""
        secret = self.secret_path.read_text("ascii")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(self.socket_path))
            connection.sendall(pack(msgspec.structs.replace(request, secret=secret)))
            data = b""
            while True:
                part = connection.recv(4096)
                data += part
                message = unpack(data, Answer)
                if isinstance(message, Answer):
                    return message
                if not part:
                    raise ConnectionError("the other window hung up")


def meet(request: Request) -> Listener | bool:
    """Give `request` to the first start, or be the first.

    Returns
    -------
    Listener or bool
        A listener where this start is the first; True where another one took the request; False where this start goes
        on by itself, with nobody to hear of it.
    """
    folder = meeting_folder()
    if folder is None or not hasattr(socket, "AF_UNIX"):
        return False
    place = MeetingPlace(folder)
    deadline_s = time.monotonic() + _START_S
    try:
        while True:
            listener = place.take()
            if listener is not None:
                return listener
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
                return place.ask(request).is_taken
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_RETRY_S)  # it is just starting or just leaving
    except (OSError, ValueError, msgspec.MsgspecError):
        return False


def pack(message: Request | Answer) -> bytes:
    """A message with its length before it; raises ValueError where it is too long to be sent."""
    body = msgspec.json.encode(message)
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError("the target and its arguments are too long to be handed over")
    return _LENGTH.pack(len(body)) + body


def unpack(data: bytes, kind: type[_M]) -> _M | None:
    """The message in `data`; None while it is not whole.

    Raises
    ------
    ValueError
        Where it can never become one: it is too long, or not what it should be.
    """
    if len(data) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data)
    if length > MAX_MESSAGE_BYTES or len(data) > _LENGTH.size + length:
        raise ValueError("the message is longer than it may be")
    if len(data) < _LENGTH.size + length:
        return None
    try:
        return msgspec.json.decode(data[_LENGTH.size :], type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the message is not what it should be: {error}") from error


def is_secret(given: str, secret: str) -> bool:
    """Whether a request comes from somebody who may read the secret; takes as long for any wrong one."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("ascii"))


def _is_still(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), os.lstat(path))
    except OSError:
        return False


def _remove(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
