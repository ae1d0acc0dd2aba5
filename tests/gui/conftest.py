"""What every test of the window gets: a check that it leaves no widget, timer or thread of Qt, and ready windows."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from gui.app import make_window
from gui.garbage import Collector
from gui.window import MainWindow
from gui.windows import Windows
from tests.engine.traces import small_trace

Runs = list[tuple[str, tuple[str, ...], int | None]]
"""Targets, arguments and the step to pause at."""


@pytest.fixture(autouse=True)
def _no_qt_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test after which a timer still runs, a QThread lives, or a window is open."""
    started: weakref.WeakSet[QTimer | QThread] = weakref.WeakSet()

    def tracked(start: Callable[..., None]) -> Callable[..., None]:
        def wrapper(self: QTimer | QThread, *args: object) -> None:
            started.add(self)
            start(self, *args)

        return wrapper

    monkeypatch.setattr(QTimer, "start", tracked(QTimer.start))
    monkeypatch.setattr(QThread, "start", tracked(QThread.start))
    before = {id(widget) for widget in QApplication.topLevelWidgets()} if QCoreApplication.instance() else set()
    yield
    if QCoreApplication.instance() is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    application = QApplication.instance()
    if isinstance(application, QApplication) and application.styleSheet():
        application.setStyleSheet("")  # of a window that is gone: the next test draws what it asks for
    left = [widget for widget in QApplication.topLevelWidgets() if id(widget) not in before]
    names = [f"{type(widget).__name__} {widget.objectName() or widget.windowTitle()!r}" for widget in left]
    names = [name for name in names if not name.startswith("QTipLabel")]
    for item in list(started):
        if isValid(item) and isinstance(item.parent(), Collector):
            continue  # belongs to the application, which the first test that needs it makes
        if isValid(item) and (item.isActive() if isinstance(item, QTimer) else item.isRunning()):
            names.append(f"{type(item).__name__} of {item.parent()}")
    if names:
        pytest.fail(f"the test left behind: {', '.join(names)}")


@pytest.fixture
def windows(qtbot: QtBot) -> Iterator[Windows]:
    """One window, with its panels, and what keeps it."""
    first, crash = make_window(warm_up=False)
    first.show()
    first.build_panels()
    windows = Windows(first, crash, warm_up=False)
    yield windows
    windows.close_all()
    left = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow)]
    crash.uninstall()
    for item in (windows, *left):
        if isValid(item):
            item.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    """A saved trace: one neuron, six backward steps."""
    path = tmp_path / "neuron.retrograd"
    small_trace().save(path)
    return path


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """The real main window, shown, with its panels; no worker is started."""
    window, crash = make_window(warm_up=False)
    window.show()
    qtbot.waitExposed(window)
    window.build_panels()
    yield window
    window.close_now()
    crash.uninstall()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def runs(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """What the supervisor is asked to run; nothing runs really."""
    asked: Runs = []
    monkeypatch.setattr(
        window.workspace.bridge.supervisor,
        "run",
        lambda target, arguments, pause_at=None: asked.append((target, arguments, pause_at)),
    )
    return asked


@pytest.fixture
def opened(window: MainWindow, trace_file: Path, qtbot: QtBot) -> MainWindow:
    """The main window with the saved trace open and laid out."""
    window.open_target(str(trace_file))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)
    return window
