"""gui.closing: a window that is closed while a training runs asks first, and nothing ends a training by mistake."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from engine.session.outcome import Outcome
from gui.window import MainWindow


def test_enter_ends_no_training_after_the_theme_has_changed(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(type(window.workspace), "is_training", property(lambda _: True))
    assert not window.close()
    (box,) = window.findChildren(QMessageBox)
    qtbot.waitUntil(lambda: any(button.hasFocus() for button in box.buttons()))
    qtbot.wait(50)
    window.themes.choose("dark" if not window.themes.theme.is_dark else "light")  # as the system does in the evening
    qtbot.wait(50)  # Qt chooses the default button again
    pressed: list[str] = []
    box.buttonClicked.connect(lambda button: pressed.append(button.text()))
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, Qt.Key.Key_Return)
    assert pressed == ["Keep running"]
    assert window.isVisible()
    assert window.isMinimized()


def test_closing_in_the_middle_of_a_training_asks_first(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(type(window.workspace), "is_training", property(lambda _: True))
    assert not window.close()
    assert not window.close()  # a second try asks no second time
    (box,) = window.findChildren(QMessageBox)
    assert "still training" in box.text()
    qtbot.waitUntil(lambda: box.focusWidget() is not None)
    focus = box.focusWidget()
    assert isinstance(focus, QPushButton)
    assert focus.text() == "Keep running", "Enter ends no training"
    box.reject()
    assert window.isVisible()
    qtbot.waitUntil(lambda: not window.findChildren(QMessageBox))
    window.close()
    (box,) = window.findChildren(QMessageBox)
    with qtbot.waitSignal(window.closed):
        QTest.mouseClick(next(button for button in box.buttons() if "Stop" in button.text()), Qt.MouseButton.LeftButton)
    assert not window.isVisible()


def test_a_training_is_kept_running_until_it_is_over(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(window.workspace), "is_training", property(lambda _: True))
        assert not window.close()
        (box,) = window.findChildren(QMessageBox)
        QTest.mouseClick(next(button for button in box.buttons() if "Keep" in button.text()), Qt.MouseButton.LeftButton)
        assert window.isMinimized()
    with qtbot.waitSignal(window.closed):
        window.workspace.bridge.exited.emit(Outcome(kind="finished", message="Over.", exit_code=0))


def test_a_window_that_was_kept_and_brought_back_stays(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(window.workspace), "is_training", property(lambda _: True))
        window.close()
        (box,) = window.findChildren(QMessageBox)
        QTest.mouseClick(next(button for button in box.buttons() if "Keep" in button.text()), Qt.MouseButton.LeftButton)
    window.showNormal()
    window.workspace.bridge.exited.emit(Outcome(kind="finished", message="Over.", exit_code=0))
    assert window.isVisible()


def test_end_of_the_session_is_not_held_up_by_a_question(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(window.workspace), "is_training", property(lambda _: True))
    window.close_now()
    assert not window.isVisible()
    assert window.findChildren(QMessageBox) == []
