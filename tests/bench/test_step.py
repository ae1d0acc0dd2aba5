"""From a key press to the painted frame, with the whole window open: a backward step on GPT-2's graph."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine import trace
from gui.app import make_application, make_window
from gui.window import MainWindow

from .test_trace import gpt2_step

pytestmark = pytest.mark.benchmark(group="step")


@pytest.fixture
def window(tmp_path: Path) -> Iterator[MainWindow]:
    path = tmp_path / "gpt2.retrograd"
    trace(gpt2_step()[0]).save(path)
    make_application()
    window, crash = make_window(settings_path=tmp_path / "settings.json", warm_up=False)
    window.resize(1600, 900)
    window.show()
    window.build_panels()
    window.open_target(str(path))
    while window.document.trace is None or window.canvas is None or window.canvas.is_laying_out:
        QApplication.processEvents()
    for _ in range(50):
        QApplication.processEvents()
        time.sleep(0.01)
    yield window
    window.close_now()
    crash.uninstall()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _press(window: MainWindow, key: Qt.Key) -> tuple[float, float]:
    """Seconds from the key press to the painted frame, and until the inspector, which follows, is painted too."""
    started = time.perf_counter()
    QTest.keyClick(window, key)
    QApplication.sendPostedEvents()
    painted = time.perf_counter()
    for _ in range(3):  # the inspector's turn, its layout, its painting
        QApplication.processEvents()
    return painted - started, time.perf_counter() - started


def test_key_press_to_painted_frame(benchmark: Any, window: MainWindow) -> None:
    for name, key in (("forward", Qt.Key.Key_Right), ("back", Qt.Key.Key_Left)):
        times = []
        for _ in range(300):
            times.append(_press(window, key))
            time.sleep(0.002)
        for what, column in (("frame", 0), ("with the inspector", 1)):
            ordered = sorted(row[column] for row in times)
            print(
                f"\nstep {name}, {what}: median {statistics.median(ordered) * 1e3:.1f} ms, "
                f"p95 {ordered[285] * 1e3:.1f} ms, max {ordered[-1] * 1e3:.1f} ms"
            )
    assert window.document.cursor == 0
    benchmark.pedantic(lambda: _press(window, Qt.Key.Key_Right), rounds=20)
