"""Tests of the timeline: where events lie, what a click does, what is repainted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.timeline import TimelinePanel
from gui.panels.timeline_scale import Events, Scale
from gui.theme import DARK, LIGHT, ThemeManager
from tests.engine.graph.builder import GraphBuilder, neuron
from tests.gui.panels.programs import Neuron


def blocks(count: int, per_block: int) -> Trace:
    """A chain of multiplications in `count` modules inside one."""
    build = GraphBuilder()
    x = build.tensor("input", "x")
    build.enter("net")
    for number in range(count):
        build.enter(f"block{number}")
        for _ in range(per_block):
            x = build.op("mul", x, build.tensor("leaf", "w"))
        build.leave()
    return build.trace(x)


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(document: Document, qtbot: QtBot) -> Iterator[TimelinePanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = TimelinePanel(document, themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(900, 110)
    panel.show()
    yield panel
    panel.close()


def middle(panel: TimelinePanel, event: int) -> QPoint:
    place = panel._rows()
    return QPoint(
        int((panel.scale.left(event) + panel.scale.right(event)) / 2),
        int(place.segments + place.segment_height / 2),
    )


def colors(panel: TimelinePanel, event: int) -> QColor:
    """Colour at the lower part of a segment's middle, where no label is."""
    image: QImage = panel.grab().toImage()
    ratio = image.devicePixelRatio()
    place = panel._rows()
    x = panel.scale.right(event) - 3
    return image.pixelColor(int(x * ratio), int((place.segments + place.segment_height - 3) * ratio))


@given(
    forward=st.integers(0, 3000),
    backward=st.integers(0, 3000),
    width=st.integers(80, 3000),
    zooms=st.lists(st.tuples(st.floats(0, 1), st.floats(0.3, 4)), max_size=4),
)
def test_the_event_under_the_middle_of_an_event_is_that_event(
    forward: int, backward: int, width: int, zooms: list[tuple[float, float]]
) -> None:
    scale = Scale()
    scale.forward, scale.count, scale.width = forward, forward + backward, float(width)
    for where, factor in zooms:
        scale.zoom_about(where * width, factor)
    for event in {0, forward - 1, forward, forward + backward - 1, (forward + backward) // 2}:
        if 0 <= event < scale.count:
            assert scale.event_at(scale.left(event) + scale.unit_px / 2) == event
    assert scale.zoom >= 1
    assert scale.scroll_px >= 0


def test_zoom_keeps_what_is_under_the_pointer() -> None:
    scale = Scale()
    scale.forward, scale.count, scale.width = 500, 1500, 800.0
    event = scale.event_at(600.0)
    scale.zoom_about(600.0, 6.0)
    assert scale.event_at(600.0) == event
    assert scale.zoom == 6.0


def test_labels_name_leaves_by_their_gradient() -> None:
    build, loss = neuron()
    events = Events(build.trace(loss))
    names = [events.label(event) for event in range(len(events))]
    assert names[:4] == ["mul", "add", "sigmoid", "binary_cross_entropy"]
    assert {"w.grad +=", "b.grad +="} <= set(names[4:])


def test_bands_leave_out_the_module_around_everything() -> None:
    trace = blocks(3, 2)
    events = Events(trace)
    assert [band.name for band in events.bands][:3] == ["block0", "block1", "block2"]
    assert [band.name for band in events.bands][3:] == ["block2", "block1", "block0"]
    assert events.bands[0][:2] == (0, 1)
    assert events.bands[-1].last == len(events) - 1


def test_click_and_drag_scrub(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 4 + 2))
    assert document.cursor == 3
    QTest.mousePress(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 4))
    QTest.mouseMove(panel, middle(panel, 4 + 4))
    assert document.cursor == 5
    QTest.mouseMove(panel, middle(panel, 0))
    assert document.cursor == 0
    QTest.mouseRelease(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 0))
    QTest.mouseMove(panel, middle(panel, 4 + 4))
    assert document.cursor == 0


def test_click_on_an_operation_selects_it(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(2)
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 1))
    assert document.selection == panel.events.forward[1].id
    assert document.cursor == 2


def test_segments_show_done_current_and_to_come(panel: TimelinePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(3)
    assert colors(panel, 1) == LIGHT.data_soft
    assert colors(panel, 4) == LIGHT.accent_soft
    assert colors(panel, 6) == LIGHT.accent
    assert colors(panel, 8) not in (LIGHT.accent_soft, LIGHT.accent)


@pytest.mark.parametrize("moves", [[1, 2, 3], [6, 0], [2, 5, 4, 1], [3, 3, 6, 2]])
def test_partial_repaints_leave_what_a_whole_one_would(
    panel: TimelinePanel, document: Document, moves: list[int], qtbot: QtBot
) -> None:
    document.set_trace(Neuron().trace())
    qtbot.waitExposed(panel)
    for position in moves:
        document.move_to(position)
        QApplication.processEvents()
    screen = panel.screen()
    assert screen is not None
    shown = screen.grabWindow(panel.winId()).toImage().convertToFormat(QImage.Format.Format_RGB32)
    whole = panel.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    assert shown == whole


def test_wheel_zooms_and_double_click_shows_everything(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(blocks(4, 200))
    point = QPointF(600, 60)
    event = panel.scale.event_at(600)
    wheel = QWheelEvent(
        point, panel.mapToGlobal(point), QPoint(), QPoint(0, 960), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    panel.wheelEvent(wheel)
    assert panel.scale.zoom > 4
    assert panel.scale.event_at(600) == event
    document.move_to_end()
    assert 0 <= panel.scale.cursor_x(document.length) <= panel.width()
    document.move_to_start()
    assert 0 <= panel.scale.cursor_x(0) <= panel.width()
    QTest.mouseDClick(panel, Qt.MouseButton.LeftButton, pos=QPoint(600, 60))
    assert panel.scale.zoom == 1


def test_tooltip_and_accessible_description(panel: TimelinePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(3)
    text = panel.describe(middle(panel, 6))
    assert "backward step 3 of 6 · AddBackward0" in text
    assert "z (add)" in text
    assert "neuron.py:8  z = x * w + b" in text
    assert "gradient norm 0.08166" in text
    assert "AddBackward0" in panel.accessibleDescription()
    assert "3 of 6" in panel.accessibleDescription()


def test_marks_are_painted_and_explained(panel: TimelinePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    color = QColor("#123456")
    panel.set_marks([(5, color, "vanishes here")])
    point = QPoint(int(panel.scale.cursor_x(5)), int(panel._rows().track))
    assert panel.grab().toImage().pixelColor(point) == color
    assert panel.describe(point) == "vanishes here"
    document.set_trace(None)
    assert panel.marks == []


@pytest.mark.parametrize("size", [(160, 78), (300, 300), (2560, 120)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_size_can_be_painted(panel: TimelinePanel, document: Document, size: tuple[int, int], theme: str) -> None:
    panel._themes.choose("dark" if theme == "dark" else "light")
    background = (DARK if theme == "dark" else LIGHT).surface
    panel.resize(*size)
    for trace in (None, Neuron().trace(), blocks(12, 100), Trace(Neuron().trace().graph)):
        document.set_trace(trace)
        document.move_to_end()
        assert panel.grab().toImage().pixelColor(0, 1) == background
