"""Benchmark: painting the timeline of ten thousand events, whole and after one step."""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QImage, QRegion
from pytestqt.qtbot import QtBot

from gui.document import Document
from gui.panels.timeline import TimelinePanel
from gui.theme import ThemeManager
from tests.engine.graph.builder import GraphBuilder

EVENTS = 10_000
FRAME_S = 1 / 60


def make(qtbot: QtBot) -> tuple[Document, TimelinePanel]:
    build = GraphBuilder()
    x = build.tensor("input", "x")
    for block in range(40):
        build.enter(f"block{block}")
        for _ in range(EVENTS // 40 // 3):
            x = build.op("mul", x, build.tensor("leaf", "w"))
        build.leave()
    document = Document()
    document.set_trace(build.trace(x))
    panel = TimelinePanel(document, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.resize(1600, 110)
    panel.show()
    return document, panel


def report(benchmark: Any, what: str) -> None:
    if benchmark.stats is not None:
        print(f"\n{what}: {benchmark.stats.stats.median / FRAME_S:.3f} of a frame (60 Hz)")


def test_whole_timeline(qtbot: QtBot, benchmark: Any) -> None:
    _, panel = make(qtbot)

    def paint() -> None:
        panel._drop_layers()
        panel.render(image)

    image = QImage(panel.size(), QImage.Format.Format_RGB32)
    benchmark(paint)
    report(benchmark, "everything anew")


def test_one_step(qtbot: QtBot, benchmark: Any) -> None:
    document, panel = make(qtbot)
    image = QImage(panel.size(), QImage.Format.Format_RGB32)
    panel.render(image)

    def step() -> None:
        document.move_to((document.cursor + 1) % document.length)
        area = panel._area(document.cursor)
        panel.render(image, area.topLeft(), QRegion(area))

    benchmark(step)
    report(benchmark, "one step")
