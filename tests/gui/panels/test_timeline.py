"""Tests of the timeline: where events lie, what a click does, what is repainted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from engine.graph.model import SavedTensor
from engine.graph.observation import Observation
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels import timeline_menu
from gui.panels.timeline import TimelinePanel
from gui.panels.timeline_painter import columns, joined, rows, tail_rect
from gui.panels.timeline_scale import Events, Scale, shorter
from gui.style import breakpoint_color
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
    updates=st.integers(0, 400),
    has_tail=st.booleans(),
    width=st.integers(80, 3000),
    zooms=st.lists(st.tuples(st.floats(0, 1), st.floats(0.3, 4)), max_size=4),
)
def test_the_event_under_the_middle_of_an_event_is_that_event(
    forward: int, backward: int, updates: int, has_tail: bool, width: int, zooms: list[tuple[float, float]]
) -> None:
    scale = Scale()
    scale.forward, scale.count, scale.width = forward, forward + backward + updates, float(width)
    scale.updates, scale.has_tail = updates, has_tail
    for where, factor in zooms:
        scale.zoom_about(where * width, factor)
    border = forward + backward
    for event in {0, forward - 1, forward, border - 1, border, border // 2, border + updates - 1}:
        if 0 <= event < scale.count:
            assert scale.event_at(scale.left(event) + scale.unit_px / 2) == event
    assert scale.zoom >= 1
    assert scale.scroll_px >= 0


@given(forward=st.integers(0, 20), backward=st.integers(0, 20), updates=st.integers(0, 5), scroll=st.floats(0, 50))
def test_many_events_lie_where_each_does(forward: int, backward: int, updates: int, scroll: float) -> None:
    scale = Scale()
    scale.forward, scale.updates, scale.count = forward, updates, forward + backward + updates
    scale.width, scale.scroll_px = 700.0, scroll
    events = np.arange(scale.count)
    assert scale.lefts(events).tolist() == pytest.approx([scale.left(event) for event in events.tolist()])


def test_neighbouring_columns_are_one_bar() -> None:
    assert joined([]) == []
    assert joined([3, 4, 5, 9, 11, 12]) == [(3, 3), (9, 1), (11, 2)]


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
    QTest.mouseMove(panel, middle(panel, 3))
    assert document.cursor == 0
    QTest.mouseMove(panel, middle(panel, 0))
    assert document.cursor == -3
    QTest.mouseMove(panel, QPoint(2, middle(panel, 0).y()))
    assert document.cursor == document.first == -4
    QTest.mouseRelease(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 0))
    QTest.mouseMove(panel, middle(panel, 4 + 4))
    assert document.cursor == -4


def test_click_on_an_operation_goes_there(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(2)
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 1))
    assert document.cursor == -2
    assert document.focus == panel.events.forward[1].id
    assert "Operation 2 of 4" in panel.accessibleDescription()


def test_updates_are_a_phase_of_their_own(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    trace = Neuron().trace()
    trace.step = 7
    document.set_trace(trace)
    tail = tail_rect(panel.scale, panel._rows()).center().toPoint()
    assert "No optimizer" in panel.describe(tail)
    leaves = tuple(node.id for node in trace.leaves())
    document.add_updates([Observation(kind="update", nodes=leaves, text="SGD", amounts=(0.25, None))])
    assert panel.scale.count == 12
    assert document.last == 8
    assert "SGD changed" in panel.describe(middle(panel, 10))
    assert "by 0.25" in panel.describe(middle(panel, 10))
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, pos=middle(panel, 11))
    assert document.cursor == 8
    assert "Update 2 of 2" in panel.accessibleDescription()
    assert colors(panel, 11) == LIGHT.leaf_text


def test_breakpoints_are_dots_that_can_be_clicked(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(Neuron().trace())
    document.breakpoints.add(Breakpoint(kind="condition", text="kind:leaf"))
    x = columns(panel.scale, document.breakpoints.positions)
    assert [round(panel.scale.cursor_x(position)) for position in (4, 6)] == x
    point = QPoint(x[0], int(panel._rows().track))
    assert panel.grab().toImage().pixelColor(point) == breakpoint_color(LIGHT)
    assert panel.describe(point) == "breakpoint: kind:leaf"
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, pos=point + QPoint(3, 0))
    assert document.cursor == 4
    document.breakpoints.clear()
    assert panel.grab().toImage().pixelColor(QPoint(x[1], point.y())) != breakpoint_color(LIGHT)


def test_the_menu_of_an_event(panel: TimelinePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(blocks(2, 3))
    menu = timeline_menu.build(panel, document, panel.events, 4, (("Show everything", panel.show_all),))
    actions = {action.text(): action for action in menu.actions()}
    assert {"Break on every mul", "Break when net.block1 is entered", "Show everything"} <= set(actions)
    actions["Run to here"].trigger()
    assert document.cursor == 4 - 6 + 1
    actions["Break when net.block1 is entered"].trigger()
    actions["Add a breakpoint on mul"].trigger()
    assert [item.kind for item in document.breakpoints.items] == ["module", "node"]
    document.undo_stack.undo()
    assert [item.kind for item in document.breakpoints.items] == ["module"]
    menu.close()
    assert timeline_menu.build(panel, document, panel.events, -1, ()).actions() == []


def test_saved_bytes_are_drawn_where_there_is_room(panel: TimelinePanel, document: Document) -> None:
    trace = Neuron().trace()
    mul = trace.graph.nodes[panel_first(trace)]
    mul.saved = [SavedTensor(name="self", shape=(), dtype="float32", nbytes=64, source=(mul.id, 0))]
    panel.resize(900, 160)
    document.set_trace(trace)
    place = panel._rows()
    assert place.curve_height > 0
    top, bottom = QPoint(middle(panel, 1).x(), int(place.curve) + 2), int(place.curve + place.curve_height) - 2
    image = panel.grab().toImage()
    assert image.pixelColor(top) != LIGHT.surface
    assert image.pixelColor(middle(panel, 9).x(), bottom) == LIGHT.surface
    assert rows(78, has_bands=True).curve_height == 0
    held = "{} are held for the backward pass; the most is 64 B."
    assert panel.describe(bottom_of(panel, 1)) == "After add, " + held.format("64 B")
    assert panel.describe(bottom_of(panel, 9)).endswith(held.format("0 B"))


def bottom_of(panel: TimelinePanel, event: int) -> QPoint:
    """A point of the curve below an event."""
    return QPoint(middle(panel, event).x(), int(panel._rows().curve) + 2)


def panel_first(trace: Trace) -> int:
    return next(node.id for node in trace.graph.nodes if node.kind == "op")


def test_segments_show_done_current_and_to_come(panel: TimelinePanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(3)
    assert colors(panel, 1) == LIGHT.data_soft
    assert colors(panel, 4) == LIGHT.accent_soft
    assert colors(panel, 6) == LIGHT.accent_fill
    assert colors(panel, 8) not in (LIGHT.accent_soft, LIGHT.accent_fill)


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


def test_a_narrow_segment_of_a_leaf_says_its_name() -> None:
    assert shorter("fc1.bias.grad +=") == "fc1.bias"
    assert shorter("w updated") == "w"
    assert shorter("addmm") == "addmm"
