"""gui.windows and gui.instance: what another start hands over opens in the right window; strangers are not heard."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from gui.handover import Listener, MeetingPlace, Request, meet, pack
from gui.instance import MAX_CALLERS, HandOverServer
from gui.window import MainWindow
from gui.windows import Windows
from tests.engine.traces import small_trace

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def server(windows: Windows) -> Iterator[HandOverServer]:
    listener = meet(Request())
    assert isinstance(listener, Listener)
    server = HandOverServer(listener, windows.takes, windows.take, windows)
    yield server
    server.close()


def _start(qtbot: QtBot, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Starts the program once more, as a user does, while this process goes on being a window."""
    done: list[subprocess.CompletedProcess[str]] = []

    def start() -> None:
        command = [sys.executable, str(ROOT / "main.py"), *arguments]
        done.append(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60))

    thread = threading.Thread(target=start)
    thread.start()
    qtbot.waitUntil(lambda: bool(done), timeout=60_000)
    thread.join()
    return done[0]


def _is_open(window: MainWindow, path: Path) -> bool:
    target = window.workspace.target
    return target is not None and target.path == path and window.document.trace is not None


def test_a_second_start_opens_its_target_in_the_window_that_is_there(
    windows: Windows, server: HandOverServer, trace_file: Path, qtbot: QtBot
) -> None:
    (window,) = windows.windows
    window.showMinimized()
    done = _start(qtbot, trace_file.name, folder=trace_file.parent)  # its own folder, not this process's
    assert (done.returncode, done.stderr) == (0, "")
    assert "--new-window" in done.stdout
    qtbot.waitUntil(lambda: _is_open(window, trace_file))
    assert windows.windows == [window]
    assert not window.isMinimized()
    assert window.isVisible()


def test_what_is_open_stays_open_and_another_target_gets_a_window(
    windows: Windows, trace_file: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    (first,) = windows.windows
    windows.take(Request(target=str(trace_file)))
    qtbot.waitUntil(lambda: _is_open(first, trace_file))
    first.document.move_to(3)
    other = tmp_path / "other.retrograd"
    Trace.load(trace_file).save(other)
    windows.take(Request(target="other.retrograd", folder=str(tmp_path)))
    assert len(windows.windows) == 2
    second = windows.windows[1]
    qtbot.waitUntil(lambda: _is_open(second, other))
    assert first.document.cursor == 3
    # The same one again only comes to the front, as it is.
    windows.take(Request(target=str(trace_file)))
    assert len(windows.windows) == 2
    assert first.document.cursor == 3
    # They share settings and theme, and closing one leaves the other as it is.
    assert second.settings is first.settings
    second.actions_["theme_dark"].trigger()
    assert first.themes.theme.is_dark
    first.close()
    assert windows.windows == [second]
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    second.actions_["theme_light"].trigger()
    assert not second.themes.theme.is_dark
    assert second.settings.values.theme == "light"
    assert _is_open(second, other)


def test_new_window_by_key(windows: Windows, qtbot: QtBot) -> None:
    (first,) = windows.windows
    qtbot.keyClick(first, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert len(windows.windows) == 2
    second = windows.windows[1]
    qtbot.waitUntil(lambda: second.panels is not None)
    assert second.isVisible()
    second.close()
    assert windows.windows == [first]


def test_a_start_without_a_target_shows_the_window(windows: Windows, server: HandOverServer, qtbot: QtBot) -> None:
    done = _start(qtbot)
    assert done.returncode == 0
    assert len(windows.windows) == 1


def test_a_script_of_this_folder_is_taken_and_asked_for_and_one_of_another_is_not(
    windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (window,) = windows.windows
    script = tmp_path / "train.py"
    script.write_text("import torch\n")
    request = Request(target="train.py", folder=str(tmp_path))
    assert not windows.takes(request)  # it would run in another folder than it was started in
    assert windows.takes(Request(target="demo:neuron", folder=str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    assert windows.takes(request)
    windows.take(request)
    box = window.findChild(QMessageBox)
    assert box is not None
    assert "train.py" in box.text()
    box.reject()
    assert not window.workspace.is_running


def test_what_does_not_exist_is_said_in_the_window(windows: Windows, tmp_path: Path) -> None:
    windows.take(Request(target="nothing.retrograd", folder=str(tmp_path)))
    (window,) = windows.windows
    assert "nothing.retrograd" in window.notifications.shown[0].message


def test_strangers_are_not_heard(windows: Windows, server: HandOverServer, trace_file: Path, qtbot: QtBot) -> None:
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "retrograd")
    place = MeetingPlace(folder)
    secret = place.secret_path.read_text()
    for data in (
        pack(Request(target=str(trace_file))),
        pack(Request(target=str(trace_file), secret=secret[:-1] + "x")),
        b"\xff" * 4096,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x80\x04K\x01.",
    ):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(place.socket_path))
            caller.sendall(data)
            caller.setblocking(False)
            assert _hears_nothing(caller, qtbot)
    (window,) = windows.windows
    assert window.workspace.target is None
    assert window.notifications.shown == []


def _hears_nothing(caller: socket.socket, qtbot: QtBot) -> bool:
    """Whether the window hangs up without a word."""
    heard: list[bytes] = []

    def is_over() -> bool:
        try:
            heard.append(caller.recv(64))
        except BlockingIOError:
            return False
        except ConnectionResetError:
            heard.append(b"")
        return True

    qtbot.waitUntil(is_over)
    return heard == [b""]


def test_callers_that_say_nothing_hold_nobody_up(
    windows: Windows, server: HandOverServer, trace_file: Path, qtbot: QtBot
) -> None:
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "retrograd")
    silent = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CALLERS - 1)]
    for caller in silent:
        caller.connect(str(MeetingPlace(folder).socket_path))
    assert _start(qtbot, str(trace_file)).returncode == 0
    qtbot.waitUntil(lambda: _is_open(windows.windows[0], trace_file))
    for caller in silent:
        caller.close()


def test_a_caller_that_hung_up_asks_for_nothing(windows: Windows, server: HandOverServer, qtbot: QtBot) -> None:
    folder = Path(os.environ["XDG_RUNTIME_DIR"], "retrograd")
    place = MeetingPlace(folder)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(place.socket_path))
        caller.sendall(pack(Request(target="nothing.retrograd", secret=place.secret_path.read_text())))
    qtbot.waitUntil(lambda: not server._callers)
    qtbot.wait(50)
    assert windows.windows[0].notifications.shown == []


def test_what_must_not_end_a_training_opens_in_another_window(windows: Windows, tmp_path: Path, qtbot: QtBot) -> None:
    (first,) = windows.windows
    path = tmp_path / "neuron.retrograd"
    small_trace().save(path)
    first.open_elsewhere_requested.emit(str(path), ())
    _, second = windows.windows
    qtbot.waitUntil(lambda: second.document.trace is not None)
    assert second.workspace.title == path.name
    assert first.workspace.target is None
