"""Frames of the canvas on recorded networks of 3, 10 and 50 thousand nodes: wall and CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytest_benchmark.fixture import BenchmarkFixture

from gui.canvas import highlight
from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import ThemeManager
from tests.bench.canvases import settle

from ..engine.graph import networks

WIDTH, HEIGHT = 1600, 900
FRAMES = 90
LAYERS = {3_000: 70, 10_000: 232, 50_000: 1_162}
"""Layers of a GPT with about so many nodes."""


class Opened(NamedTuple):
    """A canvas that shows everything of a recorded network."""

    canvas: GraphCanvas
    nodes: int


@pytest.fixture(params=list(LAYERS), scope="module")
def opened(request: pytest.FixtureRequest, qapp: object) -> Iterator[Opened]:
    trace = networks.gpt(LAYERS[request.param])
    canvas = GraphCanvas(Document(), ThemeManager())
    canvas.resize(WIDTH, HEIGHT)
    canvas.show()
    canvas.document.set_trace(trace)
    settle(canvas)
    canvas.unfold_all()
    settle(canvas)
    canvas.follow_cursor = False
    canvas.document.move_to(len(trace.backward) // 2)
    canvas.grab()
    yield Opened(canvas, len(trace.graph.nodes))
    canvas.wait_for_layout()
    canvas.close()


class Times:
    """Milliseconds of each frame, the change before it included: by the clock, and of this process alone."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def frames(self, canvas: GraphCanvas, image: QImage, change: Callable[[GraphCanvas, int], None]) -> None:
        for frame in range(FRAMES):
            wall, cpu = time.perf_counter(), time.process_time()
            change(canvas, frame)
            canvas.render(image)
            self.wall.append((time.perf_counter() - wall) * 1000)
            self.cpu.append((time.process_time() - cpu) * 1000)

    def __str__(self) -> str:
        texts = []
        for name, times in (("wall", self.wall), ("CPU", self.cpu)):
            median, high = np.percentile(times, (50, 95))
            texts.append(f"{name} median {median:.2f} p95 {high:.2f} max {max(times):.1f} ms")
        return f"{len(self.wall)} paints: {'; '.join(texts)}"


@pytest.mark.parametrize("scale", [None, 0.2, 0.4, 0.9], ids=["all of it", "shapes", "names", "texts"])
def test_step_highlight(opened: Opened, benchmark: BenchmarkFixture, scale: float | None) -> None:
    """One step with the cursor in view: the parts of the widget that changed, and of that the highlight alone."""
    canvas = opened.canvas
    canvas.set_overlay("kind")
    canvas.fit()
    scene, stepper = canvas.scene, canvas.document.stepper
    assert scene is not None
    assert stepper is not None
    if scale is not None:
        canvas.zoom_by(scale / canvas.camera.scale)
        item = scene.item_of(canvas.document.focus or 0)
        assert item is not None
        x, y, right, bottom = scene.rect_of(item)
        canvas.view.centre((x + right) / 2, (y + bottom) / 2)
    canvas.view.rest()
    QApplication.processEvents()
    frames, marks = Times(), Times()
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)

    def run() -> None:
        for frame in range(FRAMES):
            wall, cpu = time.perf_counter(), time.process_time()
            canvas.document.move_to(canvas.document.cursor + (1 if frame % 10 < 5 else -1))
            QApplication.processEvents()
            frames.wall.append((time.perf_counter() - wall) * 1000)
            frames.cpu.append((time.process_time() - cpu) * 1000)
            moment = canvas._stage._moments.now(scene, stepper)
            scenes = canvas._stage._scenes
            assert scenes is not None
            painter = QPainter(image)
            painter.translate(canvas.camera.dx, canvas.camera.dy)
            painter.scale(canvas.camera.scale, canvas.camera.scale)
            wall, cpu = time.perf_counter(), time.process_time()
            highlight.paint(painter, scenes, moment, canvas.view.region, canvas.camera.scale)
            marks.wall.append((time.perf_counter() - wall) * 1000)
            marks.cpu.append((time.process_time() - cpu) * 1000)
            painter.end()

    benchmark.pedantic(run, rounds=1)  # type: ignore[no-untyped-call]  # it has no annotations
    print(f"\n{opened.nodes} nodes, step: whole frame, {frames}\n{opened.nodes} nodes, step: highlight alone, {marks}")


def pan(canvas: GraphCanvas, frame: int) -> None:
    canvas.pan_by(17 if frame % 60 < 30 else -17, 9 if frame % 40 < 20 else -9)


def zoom(canvas: GraphCanvas, frame: int) -> None:
    canvas.zoom_at(1.06 if frame % 60 < 30 else 1 / 1.06, QPointF(700, 400))


def step(canvas: GraphCanvas, frame: int) -> None:
    canvas.document.move_to(canvas.document.cursor + (1 if frame % 60 < 40 else -1))


OVERLAYS = ("gradient norm", "time", "dtype", "kind")


def recolour(canvas: GraphCanvas, frame: int) -> None:
    canvas.set_overlay(OVERLAYS[frame % len(OVERLAYS)])


@pytest.mark.parametrize("scale", [None, 0.2, 0.4, 0.9], ids=["all of it", "shapes", "names", "texts"])
@pytest.mark.parametrize("change", [pan, zoom, step, recolour])
def test_frames(
    opened: Opened, benchmark: BenchmarkFixture, change: Callable[[GraphCanvas, int], None], scale: float | None
) -> None:
    canvas, image = opened.canvas, QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    canvas.set_overlay("kind")
    canvas.fit()
    if scale is not None:
        canvas.zoom_by(scale / canvas.camera.scale)
    canvas.view.rest()
    canvas.render(image)
    assert canvas.scene is not None
    in_view = len(canvas.scene.visible(*canvas.view.region)[0])
    times = Times()
    benchmark.pedantic(  # type: ignore[no-untyped-call]  # it has no annotations
        lambda: times.frames(canvas, image, change), rounds=1, iterations=1
    )
    median, high = np.percentile(times.wall, (50, 95))
    benchmark.extra_info.update(nodes=opened.nodes, in_view=in_view, median_ms=float(median), p95_ms=float(high))
    print(f"\n{opened.nodes} nodes, {in_view} boxes in view, {change.__name__}, {times}")


def test_painting_everything_naively_takes_longer(opened: Opened, benchmark: BenchmarkFixture) -> None:
    canvas, image = opened.canvas, QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    canvas.set_overlay("kind")
    settle(canvas)

    def afresh() -> None:
        canvas._stage._layer.forget()
        canvas.render(image)

    began = time.perf_counter()
    naive(canvas, image)
    slow = time.perf_counter() - began
    benchmark(afresh)
    fast = float(benchmark.stats.stats.median) if benchmark.stats is not None else slow
    benchmark.extra_info["naive_ratio"] = slow / fast
    print(
        f"\n{opened.nodes} nodes from afar, nothing kept: {fast * 1e3:.1f} ms; naively {slow / fast:.0f} times as long"
    )


def naive(canvas: GraphCanvas, image: QImage) -> None:
    """Every box and link at full quality, one by one, culled by nothing."""
    scene, scenes, stepper = canvas.scene, canvas._stage._scenes, canvas.document.stepper
    assert scene is not None
    assert scenes is not None
    assert stepper is not None
    states = scene.states(stepper)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, WIDTH, HEIGHT), canvas.theme.background)
    painter.translate(canvas.camera.dx, canvas.camera.dy)
    painter.scale(canvas.camera.scale, canvas.camera.scale)
    for link in range(len(scene.routes)):
        scenes.paint_route(painter, scene.routes.rounded(np.array([link])), canvas.theme.edge, 1.5)
    for index in scene.boxes.tolist():
        scenes.cards.paint(painter, scene, index, states, stepper)
    painter.end()
