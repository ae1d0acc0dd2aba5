"""gui.crash: what nobody caught is logged and told; a panel that cannot paint itself is switched off."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.crash import PAINT_FAILURES, CrashReporter
from gui.window import MainWindow


@pytest.fixture
def reporter(qapp: object, tmp_path: Path) -> Iterator[CrashReporter]:
    reporter = CrashReporter(tmp_path / "log" / "window.log")
    reporter.install()
    yield reporter
    reporter.uninstall()


def _explode() -> None:
    raise ValueError("the slot broke")


def test_exception_in_a_slot_is_logged_and_told(reporter: CrashReporter, qtbot: QtBot) -> None:
    with qtbot.captureExceptions(), qtbot.waitSignal(reporter.reported) as told:
        reporter.install()
        hook = sys.excepthook
        sys.excepthook = reporter.report
        QTimer.singleShot(0, _explode)
        qtbot.wait(20)
        sys.excepthook = hook
    summary, details = told.args
    assert "the slot broke" in summary
    assert "_explode" in details
    assert "_explode" in reporter.log_path.read_text()


def test_exception_in_a_thread_is_told_on_the_windows_thread(reporter: CrashReporter, qtbot: QtBot) -> None:
    seen: list[threading.Thread] = []
    reporter.reported.connect(lambda *_: seen.append(threading.current_thread()))
    hook = threading.excepthook
    threading.excepthook = reporter._report_thread
    thread = threading.Thread(target=_explode)
    thread.start()
    thread.join()
    threading.excepthook = hook
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [threading.main_thread()]


def test_same_exception_is_told_once_and_logged_each_time(reporter: CrashReporter, qtbot: QtBot) -> None:
    told: list[str] = []
    reporter.reported.connect(lambda summary, _: told.append(summary))
    for _ in range(5):
        reporter.report(ValueError, ValueError("again"), None)
    qtbot.wait(20)
    assert len(told) == 1
    assert reporter.log_path.read_text().count("ValueError: again") == 5


def test_log_that_cannot_be_written_hides_nothing(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").touch()
    reporter = CrashReporter(tmp_path / "file" / "window.log")
    with qtbot.waitSignal(reporter.reported):
        reporter.report(ValueError, ValueError("still told"), None)


class _Broken(QWidget):
    def paintEvent(self, event: QPaintEvent) -> None:
        raise ZeroDivisionError("cannot paint")


def test_panel_that_cannot_paint_is_switched_off(opened: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    reporter = CrashReporter(tmp_path / "window.log")
    reporter.widget_failed.connect(opened._on_crash_widget_failed)
    broken = _Broken()
    opened.docks.docks["loss"].setWidget(broken)
    failures = 0
    for _ in range(PAINT_FAILURES):
        try:
            broken.paintEvent(QPaintEvent(broken.rect()))
        except ZeroDivisionError as error:
            failures += 1
            reporter.report(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: opened.docks.docks["loss"].widget() is not broken)
    assert failures == PAINT_FAILURES
    assert "Loss" in opened.notifications.shown[0].message
    assert opened.docks.docks["inspector"].widget().isVisible()


def test_uninstall_gives_the_hooks_back(qapp: object) -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    reporter = CrashReporter()
    reporter.install()
    assert sys.excepthook == reporter.report
    reporter.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_a_graph_that_is_switched_off_says_so_and_shows_no_rubbish(opened: MainWindow) -> None:
    canvas = opened.canvas
    assert canvas is not None
    opened._on_crash_widget_failed(canvas)
    for size in (canvas.size(), canvas.size() / 2):
        canvas.resize(size)
        picture = canvas.grab().toImage()
        corners = [picture.pixelColor(1, 1), picture.pixelColor(picture.width() - 2, picture.height() - 2)]
        assert corners == [opened.themes.theme.background] * 2
