"""Frames of the canvas on big graphs: medians, 95th percentiles, and how a naive repaint of everything compares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter
from pytest_benchmark.fixture import BenchmarkFixture

from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import ThemeManager
from tests.gui.canvas import builders

WIDTH, HEIGHT = 1600, 900
FRAMES = 90


@pytest.fixture(params=[3_000, 10_000], scope="module")
def canvas(request: pytest.FixtureRequest, qapp: object) -> Iterator[GraphCanvas]:
    """A fully open graph of about so many nodes, half of its backward pass done."""
    trace = builders.blocks(request.param // 16, 8)
    canvas = GraphCanvas(Document(), ThemeManager())
    canvas.resize(WIDTH, HEIGHT)
    canvas.show()
    canvas.document.set_trace(trace)
    canvas.unfold_all()
    settle(canvas)
    canvas.document.move_to(len(trace.backward) // 2)
    canvas.follow_cursor = False
    yield canvas
    canvas.wait_for_layout()
    canvas.close()


def settle(canvas: GraphCanvas) -> None:
    from PySide6.QtWidgets import QApplication

    while canvas.is_laying_out:
        QApplication.processEvents()
        time.sleep(0.01)
    canvas.fit()
    canvas.view.rest()


def measure(canvas: GraphCanvas, image: QImage, change: Callable[[int], None]) -> list[float]:
    """Milliseconds of each frame, the change before it included."""
    times = []
    for frame in range(FRAMES):
        began = time.perf_counter()
        change(frame)
        canvas.render(image)
        times.append((time.perf_counter() - began) * 1000)
    return times


def naive(canvas: GraphCanvas, image: QImage) -> float:
    """Milliseconds of painting every box and link at full quality, one by one, culled by nothing."""
    scene, stage, stepper = canvas.scene, canvas._stage, canvas.document.stepper
    assert scene is not None
    assert stage._scenes is not None
    assert stepper is not None
    states, cards = scene.states(stepper), stage._scenes.cards
    began = time.perf_counter()
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, WIDTH, HEIGHT), canvas.theme.background)
    painter.translate(canvas.camera.dx, canvas.camera.dy)
    painter.scale(canvas.camera.scale, canvas.camera.scale)
    for link in range(len(scene.routes)):
        stage._scenes.paint_route(painter, scene.routes.rounded(np.array([link])), canvas.theme.edge, 1.5)
    for index in scene.boxes.tolist():
        cards.paint(painter, scene, index, states, stepper)
    painter.end()
    return (time.perf_counter() - began) * 1000


def pan(canvas: GraphCanvas, frame: int) -> None:
    canvas.pan_by(17 if frame % 60 < 30 else -17, 9 if frame % 40 < 20 else -9)


def zoom(canvas: GraphCanvas, frame: int) -> None:
    canvas.zoom_at(1.06 if frame % 60 < 30 else 1 / 1.06, QPointF(700, 400))


def step(canvas: GraphCanvas, frame: int) -> None:
    canvas.document.move_to(canvas.document.cursor + (1 if frame % 60 < 40 else -1))


@pytest.mark.parametrize("view", ["all of it", "a part", "cards"])
@pytest.mark.parametrize("change", [pan, zoom, step])
def test_frames(
    canvas: GraphCanvas, benchmark: BenchmarkFixture, change: Callable[[GraphCanvas, int], None], view: str
) -> None:
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    canvas.fit()
    if view != "all of it":
        wanted = 0.2 if view == "a part" else 0.8
        canvas.zoom_by(wanted / canvas.camera.scale)
    canvas.view.rest()
    canvas.render(image)
    times: list[float] = []

    def run() -> None:
        times.extend(measure(canvas, image, lambda frame: change(canvas, frame)))

    benchmark.pedantic(run, rounds=2, iterations=1)  # type: ignore[no-untyped-call]  # it has no annotations
    assert canvas.scene is not None
    slow = naive(canvas, image)
    median, high = float(np.median(times)), float(np.percentile(times, 95))
    benchmark.extra_info.update(median_ms=median, p95_ms=high, naive_ratio=slow / median)
    print(
        f"\n{len(canvas.scene)} items, {view}, {change.__name__}: median {median:.2f} ms, p95 {high:.2f} ms, "
        f"max {max(times):.1f} ms; naive {slow:.0f} ms = {slow / median:.0f}×"
    )
