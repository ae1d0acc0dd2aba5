"""From a moved slider to the new trace on screen, in the real window with the real worker."""

from __future__ import annotations

import statistics
import time

import pytest
from PySide6.QtWidgets import QApplication
from pytest_benchmark.fixture import BenchmarkFixture
from pytestqt.qtbot import QtBot

from gui.opening import classify
from gui.window import MainWindow
from tests.gui.conftest import _no_qt_left_behind, window

__all__ = ["_no_qt_left_behind", "window"]
ROUNDS = 60


@pytest.mark.parametrize(("target", "leaf"), [("demo:neuron", "w"), ("demo:simplenet", "fc1.weight")])
def test_edit_to_new_trace_on_screen(
    target: str, leaf: str, window: MainWindow, qtbot: QtBot, benchmark: BenchmarkFixture
) -> None:
    window.workspace.run(classify(target))
    document, editing = window.document, window.workspace.editing
    qtbot.waitUntil(lambda: document.trace is not None and not window.workspace.is_running, timeout=60_000)
    trace = document.trace
    assert trace is not None
    document.move_to_end()
    document.select(next(node.id for node in trace.graph.nodes if node.name == leaf))
    panels = window.panels
    assert panels is not None
    canvas = panels.canvas
    slider = panels.edit_section.number.slider
    qtbot.waitUntil(slider.isVisible)
    slider.setValue(50)
    qtbot.waitUntil(lambda: editing.edited is not None and not editing.is_running, timeout=60_000)
    received: list[float] = []
    place = [0]

    def edit() -> float:
        place[0] += 1
        before, began_s = document.trace, time.perf_counter()
        slider.setValue(60 + 7 * (place[0] % 30))
        while document.trace is before:
            QApplication.processEvents()
        received.append(1000 * (time.perf_counter() - began_s))
        QApplication.processEvents()  # panels follow
        canvas.repaint()
        took_ms = 1000 * (time.perf_counter() - began_s)
        while editing.is_running:
            QApplication.processEvents()
        return took_ms

    took = [edit() for _ in range(ROUNDS)]
    benchmark.pedantic(edit, rounds=10)  # type: ignore[no-untyped-call]  # pytest-benchmark is not annotated
    for what, times in (("new trace", sorted(received[:ROUNDS])), ("painted", sorted(took))):
        print(f"{target}: {what} median {statistics.median(times):.1f} ms, p95 {times[round(0.95 * ROUNDS)]:.1f} ms")
