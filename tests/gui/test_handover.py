"""gui.handover and gui.folders: who is the first start, what a later one sends, and whom neither listens to."""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gui.folders import MEETING_NAME_LENGTH, meeting_folder
from gui.handover import (
    MAX_MESSAGE_BYTES,
    Answer,
    Listener,
    MeetingPlace,
    Request,
    is_secret,
    meet,
    pack,
    unpack,
)

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder() -> Path:
    found = meeting_folder()
    assert found == Path(os.environ["XDG_RUNTIME_DIR"], "retrograd")
    return found


@pytest.fixture
def short() -> Path:
    """A folder in which a socket's path is never too long, as it may be in pytest's own."""
    return Path(os.environ["XDG_RUNTIME_DIR"])


@pytest.fixture
def first(folder: Path) -> Iterator[Listener]:
    listener = meet(Request())
    assert isinstance(listener, Listener)
    yield listener
    listener.close()


def _served(listener: Listener, *, is_taken: bool) -> tuple[threading.Thread, list[Request]]:
    """Answers one caller in a thread, as a window would."""
    heard: list[Request] = []

    def serve() -> None:
        listener.socket.setblocking(True)
        connection, _ = listener.socket.accept()
        with connection:
            data, request = b"", None
            while request is None:
                data += connection.recv(4096)
                request = unpack(data, Request)
            heard.append(request)
            connection.sendall(pack(Answer(is_taken=is_taken)))

    thread = threading.Thread(target=serve)
    thread.start()
    return thread, heard


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_later_start_gives_its_target_to_the_first(first: Listener, is_taken: bool) -> None:
    thread, heard = _served(first, is_taken=is_taken)
    request = Request(target="a b.py", arguments=("--lr", "ä"), folder="/tmp")
    assert meet(request) is is_taken
    thread.join()
    assert heard == [msgspec.structs.replace(request, secret=first.secret)]


def test_nothing_is_left_when_the_first_leaves_and_the_next_is_first_again(folder: Path) -> None:
    for _ in range(3):
        listener = meet(Request())
        assert isinstance(listener, Listener)
        assert len(list(folder.iterdir())) == 3
        listener.close()
        listener.close()
        assert list(folder.iterdir()) == []


def test_what_a_killed_start_leaves_is_no_obstacle(folder: Path) -> None:
    code = (
        "import os; from gui.handover import *; kept = meet(Request()); print(type(kept).__name__, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (-9, "Listener")
    assert len(list(folder.iterdir())) == 3
    listener = meet(Request())
    assert isinstance(listener, Listener)
    listener.close()


def test_a_first_start_that_hangs_is_no_obstacle(first: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MeetingPlace.ask, "__defaults__", (0.05,))
    assert meet(Request(target="demo:neuron")) is False


def test_files_that_are_no_socket_and_no_lock_are_no_obstacle(folder: Path) -> None:
    place = MeetingPlace(folder)
    place.socket_path.write_text("I am no socket")
    place.secret_path.write_text("I am no secret")
    place.lock_path.write_text("")
    listener = meet(Request())
    assert isinstance(listener, Listener)
    listener.close()
    place.lock_path.mkdir()
    assert meet(Request()) is False  # nothing can be agreed on: everybody has a window of their own


@pytest.mark.parametrize("name", ["RETROGRAD_SETTINGS_DIR", "DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_other_settings_or_another_display_have_a_first_start_of_their_own(
    first: Listener, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "elsewhere")
    other = meet(Request())
    assert isinstance(other, Listener)
    other.close()


def test_another_environment_has_a_first_start_of_its_own(first: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/another/venv")
    other = meet(Request())
    assert isinstance(other, Listener)
    other.close()


# Other users


def test_only_the_user_may_enter_and_read(first: Listener, folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.suffix: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}
    assert modes == {".lock": 0o600, ".socket": 0o600, ".secret": 0o600}


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_cannot_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as base:
        os.chmod(base, 0o711)  # so that it is our own folder alone that keeps the others out
        os.mkdir(runtime := os.path.join(base, "run"), 0o711)
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        folder = meeting_folder()
        assert folder is not None
        listener = meet(Request())
        assert isinstance(listener, Listener)
        try:
            _expect_refusal(MeetingPlace(folder))
        finally:
            listener.close()


def _expect_refusal(place: MeetingPlace) -> None:
    code = (
        "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
        "for attempt in (lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[1]), lambda: open(sys.argv[2])):\n"
        "    try: attempt()\n    except PermissionError: print('refused')\n"
    )
    arguments = [sys.executable, "-c", code, str(place.socket_path), str(place.secret_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", "refused"]


def test_a_folder_that_others_may_enter_or_that_is_a_link_is_not_used(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short / "none"))
    open_folder, linked = short / "open", short / "linked"
    (open_folder / "retrograd").mkdir(parents=True)
    (open_folder / "retrograd").chmod(0o755)
    linked.mkdir()
    (short / "private").mkdir(mode=0o700)
    (linked / "retrograd").symlink_to(short / "private")
    for runtime in (open_folder, linked, short / "missing", Path("relative")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        assert meeting_folder() is None
        assert meet(Request()) is False


def test_the_temporary_files_have_a_folder_for_each_user(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(short))
    assert meeting_folder() == short / f"retrograd-{os.getuid()}"


def test_a_folder_whose_name_is_too_long_for_a_socket_is_not_used(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep := short / ("ä" * 50)).mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr("tempfile.tempdir", str(short))
    found = short / f"retrograd-{os.getuid()}"
    assert meeting_folder() == found
    assert list(deep.iterdir()) == []
    place = MeetingPlace(found)
    paths = (place.lock_path, place.socket_path, place.secret_path)
    assert max(len(os.fsencode(path.name)) for path in paths) == MEETING_NAME_LENGTH
    listener = meet(Request())
    assert isinstance(listener, Listener)
    listener.close()


# Messages


def test_messages_come_whole_or_not_yet() -> None:
    request = Request(target="x.py", arguments=("a",), folder="/")
    data = pack(request)
    assert [unpack(data[:length], Request) for length in range(len(data))] == [None] * len(data)
    assert unpack(data, Request) == request


def _framed(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        struct.pack("<I", MAX_MESSAGE_BYTES + 1),
        pack(Request()) + b"more",
        _framed(b"not json"),
        _framed(b"\x80\x04K\x01."),  # a pickle
        _framed(b"[" * 100_000),
        _framed(b'{"target": 7}'),
        _framed(b'{"run": "rm"}'),
        _framed(b'{"target": "' + b"x" * 40_000 + b'"}'),
        _framed(b""),
    ],
)
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        unpack(data, Request)


def test_a_request_that_is_too_long_gets_a_window_of_its_own(first: Listener) -> None:
    with pytest.raises(ValueError, match="too long"):
        pack(Request(arguments=("x" * 30_000,) * 40))
    assert meet(Request(arguments=("x" * 30_000,) * 40)) is False


def test_the_secret_is_compared_whole(first: Listener) -> None:
    assert is_secret(first.secret, first.secret)
    for wrong in ("", first.secret[:-1], first.secret + "0", "\udc80", "ä"):
        assert not is_secret(wrong, first.secret)


def test_the_socket_is_of_the_users_kind(first: Listener) -> None:
    assert first.socket.family == socket.AF_UNIX
    assert not first.socket.get_inheritable()
