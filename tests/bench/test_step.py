"""From a key press to the painted frame, with the whole window open: steps and scrubbing on GPT-2 and 10 000 nodes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from engine import trace
from engine.graph.breakpoints import Breakpoint, Stops
from engine.graph.conditions import parse
from engine.graph.event_columns import EventColumns
from gui.app import make_application, make_window
from gui.crash import CrashReporter
from gui.panels.following import IN_A_ROW_MS
from gui.window import MainWindow

from .gpt2 import gpt2_step
from .large import ten_thousand_nodes

STEPS = 120

pytestmark = pytest.mark.benchmark(group="step")


def _open(path: Path, folder: Path) -> tuple[MainWindow, CrashReporter, float]:
    """The window with a trace open, and the seconds from opening the file to the painted graph."""
    make_application()
    window, crash = make_window(settings_path=folder / "settings.json", warm_up=False)
    window.resize(1600, 900)
    window.show()
    window.build_panels()
    _settle(0.2)
    started = time.perf_counter()
    window.open_target(str(path))
    while window.document.trace is None or window.canvas is None or window.canvas.is_laying_out:
        QApplication.processEvents()
    QApplication.processEvents()
    seconds = time.perf_counter() - started
    for name in ("engine", "breakpoints"):  # one panel in front in every corner
        window.docks.raise_(name)
    _settle(0.5)
    return window, crash, seconds


def _settle(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        QApplication.processEvents()
        time.sleep(0.01)


def _close(window: MainWindow, crash: CrashReporter) -> None:
    window.close_now()
    crash.uninstall()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture(params=["gpt2", "10 000 nodes"])
def window(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MainWindow]:
    path = tmp_path / "bench.retrograd"
    (trace(gpt2_step()[0]) if request.param == "gpt2" else ten_thousand_nodes()).save(path)
    window, crash, seconds = _open(path, tmp_path)
    print(f"\n{request.param}: opened, laid out and painted in {seconds:.2f} s")
    yield window
    _close(window, crash)


def _press(window: MainWindow, key: Qt.Key) -> tuple[float, float]:
    """Seconds from the key press to the painted frame, and until the panels that follow it are painted too."""
    started = time.perf_counter()
    QTest.keyClick(window, key)
    QApplication.sendPostedEvents()
    painted = time.perf_counter()
    for _ in range(3):  # the inspector's turn, its layout, its painting
        QApplication.processEvents()
    return painted - started, time.perf_counter() - started


def _report(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    print(
        f"\n{what}: median {statistics.median(ordered) * 1e3:.1f} ms, "
        f"p95 {ordered[int(len(ordered) * 0.95)] * 1e3:.1f} ms, max {ordered[-1] * 1e3:.1f} ms"
    )


def test_key_press_to_painted_frame(benchmark: Any, window: MainWindow) -> None:
    document = window.document
    for name, key, begin in (
        ("forward", Qt.Key.Key_Right, 100),
        ("back", Qt.Key.Key_Left, 300),
        ("in the forward pass", Qt.Key.Key_Right, document.first + 50),
    ):
        document.move_to(begin)
        _settle(0.2)
        times = []
        for _ in range(STEPS):
            times.append(_press(window, key))
            _settle(2 * IN_A_ROW_MS / 1e3)  # single steps: of many in a row the panels show the last one alone
        assert document.cursor - begin == (STEPS if key is Qt.Key.Key_Right else -STEPS)
        _report(f"step {name}, frame", [row[0] for row in times])
        _report(f"step {name}, with the panels that follow", [row[1] for row in times])
    benchmark.pedantic(lambda: _press(window, Qt.Key.Key_Right), rounds=20)


def test_scrubbing_from_end_to_end(benchmark: Any, window: MainWindow) -> None:
    assert window.panels is not None
    timeline = window.panels.timeline
    y = int(timeline._rows().segments + 5)
    QTest.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(14, y))
    times = []
    for x in range(14, timeline.width() - 14, 5):
        started = time.perf_counter()
        QTest.mouseMove(timeline, QPoint(x, y))
        QApplication.processEvents()
        times.append(time.perf_counter() - started)
    QTest.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(timeline.width() - 14, y))
    assert window.document.cursor > window.document.length * 0.9
    _report("scrubbing, frame", times)
    benchmark.pedantic(lambda: _press(window, Qt.Key.Key_Left), rounds=5)


def test_a_conditions_first_and_second_answer(benchmark: Any) -> None:
    recorded = ten_thousand_nodes()
    for text in ("grad.norm() > 10", "isnan", 'op == "addmm" and shape == (4, 32)', '"relu" or kind:leaf'):
        stops = Stops(recorded)
        item = Breakpoint(kind="condition", text=text)
        started = time.perf_counter()
        count = len(stops.positions(item))
        first = time.perf_counter() - started
        started = time.perf_counter()
        stops.positions(Breakpoint(kind="condition", text=text + " and step > 0"))
        print(f"\n{text}: {count} stops, {first * 1e3:.1f} ms; changed {(time.perf_counter() - started) * 1e3:.1f} ms")
    columns = EventColumns(recorded)
    condition = parse("grad.norm() > 10 and not isnan")
    condition.holds(columns)
    benchmark(lambda: condition.holds(columns))
