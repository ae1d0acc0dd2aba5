"""Wheel, trackpad, chevrons, tooltips and the minimap."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QInputDevice, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGestureEvent, QPinchGesture
from pytestqt.qtbot import QtBot

from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show

NO_BUTTON, NO_KEY = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


def minimap(canvas: GraphCanvas) -> QRectF:
    return canvas.chrome.map_place()


def wheel(
    canvas: GraphCanvas,
    pixels: QPoint,
    angle: QPoint,
    modifiers: Qt.KeyboardModifier = NO_KEY,
    phase: Qt.ScrollPhase = Qt.ScrollPhase.NoScrollPhase,
) -> None:
    place = QPointF(300, 200)
    event = QWheelEvent(place, canvas.mapToGlobal(place), pixels, angle, NO_BUTTON, modifiers, phase, False)
    QApplication.sendEvent(canvas, event)


def test_the_wheel_zooms_under_the_pointer(show: Show) -> None:
    canvas = show(builders.neuron())
    before, scale = canvas.camera.to_scene(300, 200), canvas.camera.scale
    wheel(canvas, QPoint(), QPoint(0, 120))
    assert canvas.camera.scale == pytest.approx(scale * 1.0015**120)
    assert canvas.camera.to_scene(300, 200) == pytest.approx(before, abs=1.0)
    wheel(canvas, QPoint(), QPoint(0, -120))
    assert canvas.camera.scale == pytest.approx(scale)


def test_two_fingers_pan_and_with_control_zoom(show: Show) -> None:
    canvas = show(builders.neuron())
    before = canvas.camera
    wheel(canvas, QPoint(-12, 30), QPoint(-24, 60), phase=Qt.ScrollPhase.ScrollUpdate)
    assert (canvas.camera.dx - before.dx, canvas.camera.dy - before.dy) == (-12, 30)
    assert canvas.camera.scale == before.scale
    wheel(canvas, QPoint(0, 30), QPoint(0, 60), Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.ScrollUpdate)
    assert canvas.camera.scale > before.scale


def test_shift_and_wheel_move_sideways(show: Show) -> None:
    canvas = show(builders.neuron())
    before = canvas.camera
    wheel(canvas, QPoint(), QPoint(0, 120), Qt.KeyboardModifier.ShiftModifier)
    assert (canvas.camera.dx - before.dx, canvas.camera.dy - before.dy) == (60, 0)


def test_a_pinch_zooms(show: Show) -> None:
    canvas = show(builders.neuron())
    scale, place = canvas.camera.scale, QPointF(300, 200)
    device = QInputDevice.primaryKeyboard()
    pointer = QPointingDevice.primaryPointingDevice()
    assert device is not None
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, pointer, 2, place, place, canvas.mapToGlobal(place), 0.1, QPointF()
    )
    QApplication.sendEvent(canvas, event)
    assert canvas.camera.scale == pytest.approx(scale * 1.1)


def test_the_chevron_folds_with_one_click(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(("block0",))
    assert item is not None
    x, y = canvas.camera.to_screen(*(canvas.scene.rects[item, :2] + [14, 18]).tolist())
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, QPointF(x, y).toPoint())
    assert ("block0",) not in canvas.folds


def test_tips_say_what_lies_under_the_pointer(show: Show) -> None:
    canvas = show(builders.neuron())
    scene = canvas.scene
    assert scene is not None
    item = scene.item_of(4)
    assert item is not None
    x, y, right, bottom = scene.rects[item].tolist()
    tip = canvas._hands.tip_text(QPointF(*canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)))
    for part in ("<b>z  add</b>", "AddBackward0", "value 2.42", "gradient −0.08166", "neuron.py, line 10"):
        assert part in tip
    link = next(k for k, link in enumerate(scene.drawing.links) if scene.trace.graph.edges[link.edges[0]].source == 0)
    points = scene.drawing.links[link].points
    place = (points[0] + points[1]) / 2
    tip = canvas._hands.tip_text(QPointF(*canvas.camera.to_screen(*place.tolist())))
    assert "x → mul" in tip
    assert "no gradient: x is no leaf" in tip
    assert canvas._hands.tip_text(QPointF(2, 2)) == ""


def test_names_are_no_markup_in_tips(show: Show) -> None:
    trace = builders.neuron()
    trace.graph.nodes[4].name = "<img src=x>&"
    canvas = show(trace)
    scene = canvas.scene
    assert scene is not None
    item = scene.item_of(4)
    assert item is not None
    x, y, right, bottom = scene.rects[item].tolist()
    tip = canvas._hands.tip_text(QPointF(*canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)))
    assert "<img" not in tip
    assert "&lt;img src=x&gt;&amp;" in tip


def test_the_minimap_appears_when_it_is_of_use_and_moves_the_view(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    canvas.fit()
    assert minimap(canvas).isEmpty()
    canvas.unfold_all()
    canvas.zoom_by(1 / canvas.camera.scale)
    place = minimap(canvas)
    assert not place.isEmpty()
    assert canvas.rect().contains(place.toRect())
    canvas.grab()
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, NO_KEY, (place.topLeft() + QPointF(12, 12)).toPoint())
    first = canvas.view.region
    QTest.mouseMove(canvas, (place.bottomRight() - QPointF(12, 12)).toPoint())
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, NO_KEY, (place.bottomRight() - QPointF(12, 12)).toPoint())
    assert canvas.view.region[1] > first[1] + 100
    assert canvas.document.selection is None


def test_two_fingers_on_a_screen_zoom_about_the_point_between_them(show: Show) -> None:
    canvas = show(builders.neuron())
    middle = QPointF(300, 200)
    under = canvas.camera.to_scene(middle.x(), middle.y())
    pinch = QPinchGesture(canvas)
    pinch.setScaleFactor(1.5)
    pinch.setCenterPoint(QPointF(canvas.mapToGlobal(middle)))
    pinch.setLastCenterPoint(pinch.centerPoint())
    before = canvas.camera.scale
    assert QApplication.sendEvent(canvas, QGestureEvent([pinch]))
    assert canvas.camera.scale == pytest.approx(1.5 * before)
    assert canvas.camera.to_screen(*under) == pytest.approx((300, 200), abs=1.0)
