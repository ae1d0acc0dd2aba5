"""gui.reloading: a program's file is edited, deleted or replaced while it is open; what ran stays, and is offered."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.session.messages import Failed, Started, TrainingChanged
from engine.session.outcome import Outcome
from gui.opening import classify
from gui.reloading import KEY
from gui.settings import Settings
from gui.widgets.notification import Notification, NotificationBar
from gui.window import MainWindow
from tests.engine.traces import small_trace

from .conftest import Runs

RAN = "import torch\nw = torch.ones(3, requires_grad=True)\n(w * 2).sum().backward()\n"


@pytest.fixture
def script(window: MainWindow, runs: Runs, tmp_path: Path) -> Path:
    """An open script that has run."""
    path = tmp_path / "train.py"
    path.write_text(RAN)
    window.workspace.run(classify(str(path)), ("--fast",))
    _begin(window, path, RAN)
    trace = small_trace()
    trace.sources = {str(path): RAN}
    window.workspace.bridge.trace_received.emit(trace, 0, "first")
    window.workspace.bridge._is_running = False
    window.workspace.bridge.exited.emit(Outcome(kind="finished", message="Over.", exit_code=0))
    return path


def _begin(window: MainWindow, path: Path, text: str) -> None:
    """The worker says that it runs this text."""
    window.workspace.bridge.started.emit(Started(target=str(path), title=path.name, sources={str(path): text}))


def _bar(window: MainWindow) -> NotificationBar | None:
    return next((bar for bar in window.notifications.bars if bar.notification.key == KEY), None)


def _wait_for_bar(window: MainWindow, qtbot: QtBot) -> NotificationBar:
    qtbot.waitUntil(lambda: _bar(window) is not None)
    bar = _bar(window)
    assert bar is not None
    return bar


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.tmp")
    new.write_text(text)
    os.replace(new, path)


def _move_and_write(path: Path, text: str) -> None:
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


@pytest.mark.parametrize("save", [_write, _replace, _move_and_write])
def test_an_edited_script_is_offered_and_the_code_that_ran_stays(
    window: MainWindow, script: Path, runs: Runs, qtbot: QtBot, save: Callable[[Path, str], None]
) -> None:
    assert window.panels is not None
    trace = window.document.trace
    save(script, RAN.replace("2", "3"))
    bar = _wait_for_bar(window, qtbot)
    assert "train.py changed since it ran" in bar.notification.message
    assert len(runs) == 1
    assert window.document.trace is trace
    assert window.document.sources == {str(script): RAN}
    assert "w * 2" in window.panels.source.view.toPlainText()
    QTest.mouseClick(bar.buttons["Run again (F5)"], Qt.MouseButton.LeftButton)
    assert runs[1:] == [(str(script), ("--fast",), None)]
    _begin(window, script, RAN.replace("2", "3"))
    assert _bar(window) is None
    # The new one is watched as the old one was.
    save(script, RAN.replace("2", "4"))
    _wait_for_bar(window, qtbot)
    assert window.document.sources == {str(script): RAN.replace("2", "3")}


def test_the_key_that_the_bar_names_runs_it_again(window: MainWindow, script: Path, runs: Runs, qtbot: QtBot) -> None:
    _write(script, "x = 1\n")
    _wait_for_bar(window, qtbot)
    QTest.keyClick(window, Qt.Key.Key_F5)
    assert len(runs) == 2
    assert _bar(window) is None


def test_a_storm_of_saves_is_one_offer(
    window: MainWindow, script: Path, runs: Runs, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    show = window.notifications.show_notification

    def tell(notification: Notification) -> None:
        told.append(notification.message)
        show(notification)

    monkeypatch.setattr(window.notifications, "show_notification", tell)
    for number in range(100):
        (_write, _replace, _move_and_write)[number % 3](script, f"x = {number}\n")
    _wait_for_bar(window, qtbot)
    qtbot.wait(500)
    assert len(told) == 1
    assert len(runs) == 1


def test_text_that_comes_back_takes_the_offer_back(window: MainWindow, script: Path, qtbot: QtBot) -> None:
    _write(script, "x = 1\n")
    _wait_for_bar(window, qtbot)
    _replace(script, RAN)
    qtbot.waitUntil(lambda: _bar(window) is None)
    os.utime(script)  # touched, and the same
    qtbot.wait(400)
    assert _bar(window) is None


def test_a_dismissed_offer_comes_again_only_with_the_next_save(window: MainWindow, script: Path, qtbot: QtBot) -> None:
    _write(script, "x = 1\n")
    bar = _wait_for_bar(window, qtbot)
    window.notifications.dismiss(KEY)
    window.reloading.check()
    assert _bar(window) is None
    _write(script, "x = 2\n")
    assert _wait_for_bar(window, qtbot) is not bar


def test_a_deleted_script_is_said_and_comes_back(window: MainWindow, script: Path, runs: Runs, qtbot: QtBot) -> None:
    assert window.panels is not None
    script.unlink()
    bar = _wait_for_bar(window, qtbot)
    assert "no longer there" in bar.notification.message
    assert set(bar.buttons) == set()
    assert "w * 2" in window.panels.source.view.toPlainText()
    script.write_text("x = 1\n")
    qtbot.waitUntil(lambda: "changed" in getattr(_bar(window), "notification", bar.notification).message)
    script.write_text(RAN)
    qtbot.waitUntil(lambda: _bar(window) is None)
    assert len(runs) == 1


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00", b"# coding: no-such\n", b"\x00", b"", b"x" * 100_000],
    ids=["bytes", "coding", "null", "empty", "long"],
)
def test_whatever_stands_in_the_file_now_is_only_a_change(
    window: MainWindow, script: Path, qtbot: QtBot, data: bytes
) -> None:
    script.write_bytes(data)
    assert "changed" in _wait_for_bar(window, qtbot).notification.message


def test_a_script_replaced_by_a_folder_is_a_change(window: MainWindow, script: Path, qtbot: QtBot) -> None:
    script.unlink()
    script.mkdir()
    assert "changed" in _wait_for_bar(window, qtbot).notification.message


def test_line_ends_and_encodings_are_compared_as_python_reads_them(
    window: MainWindow, script: Path, qtbot: QtBot
) -> None:
    script.write_bytes(RAN.replace("\n", "\r\n").encode("utf-8-sig"))
    window.reloading.check()
    assert _bar(window) is None


def test_a_training_goes_on_with_its_code(
    window: MainWindow, script: Path, runs: Runs, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.reloading.set_automatic(True)
    monkeypatch.setattr(type(window.workspace), "is_running", property(lambda _: True))
    window.workspace.bridge.training_changed.emit(TrainingChanged(state="running", step=5))
    _write(script, "x = 1\n")
    bar = _wait_for_bar(window, qtbot)
    assert "goes on with the code that it began with" in bar.notification.where
    assert len(runs) == 1  # not ended by itself, whatever is chosen


def test_run_again_when_saved(window: MainWindow, script: Path, runs: Runs, qtbot: QtBot) -> None:
    _write(script, "x = 1\n")
    bar = _wait_for_bar(window, qtbot)
    QTest.mouseClick(bar.buttons["Run again whenever it is saved"], Qt.MouseButton.LeftButton)
    assert len(runs) == 2  # this change, too
    assert window.actions_["rerun_when_saved"].isChecked()
    assert Settings(window.settings.path).values.rerun_when_saved
    _begin(window, script, "x = 1\n")
    _replace(script, "x = 2\n")
    qtbot.waitUntil(lambda: len(runs) == 3)
    assert _bar(window) is None
    # It does not even begin, because it is no Python: that is said once, and tried again at the next save only.
    window.workspace.bridge.failed.emit(Failed(message="SyntaxError at train.py:1"))
    window.workspace.bridge.exited.emit(Outcome(kind="failed", message="SyntaxError at train.py:1"))
    window.reloading.check()
    window.reloading.check()
    assert len(runs) == 3
    _write(script, "x = 3\n")
    qtbot.waitUntil(lambda: len(runs) == 4)
    window.actions_["rerun_when_saved"].trigger()
    assert not Settings(window.settings.path).values.rerun_when_saved
    assert not window.actions_["rerun_when_saved"].isChecked()
    _write(script, "x = 4\n")
    _wait_for_bar(window, qtbot)
    assert len(runs) == 4


def test_a_function_of_a_file_and_an_exported_model_are_watched_too(
    window: MainWindow, runs: Runs, tmp_path: Path, qtbot: QtBot
) -> None:
    module, model = tmp_path / "model.py", tmp_path / "model.pt2"
    module.write_text(RAN)
    model.write_bytes(b"exported")
    window.workspace.run(classify(f"{module}:loss"))
    _begin(window, module, RAN)
    _replace(module, "x = 1\n")
    assert "model.py" in _wait_for_bar(window, qtbot).notification.message
    window.workspace.run(classify(str(model)))
    window.workspace.bridge.started.emit(Started(target=str(model), title="model.pt2", sources={}))
    assert _bar(window) is None
    _replace(model, "exported anew")
    assert "model.pt2" in _wait_for_bar(window, qtbot).notification.message


def test_nothing_is_watched_once_it_is_closed(window: MainWindow, script: Path, qtbot: QtBot) -> None:
    _write(script, "x = 1\n")
    _wait_for_bar(window, qtbot)
    window.actions_["close_target"].trigger()
    assert _bar(window) is None
    assert window.reloading.watch.paths == frozenset()
    window.workspace.run(classify("demo:neuron"))
    assert window.reloading.watch.paths == frozenset()
