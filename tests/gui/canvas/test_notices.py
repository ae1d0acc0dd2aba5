"""What the canvas says while a layout takes its time: how far it is, and how to give it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.drawing import Drawing
from engine.graph.layout import LayoutCancelledError
from gui.canvas import content, job, notices
from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show


def endless(
    _graph: object, *, is_cancelled: Callable[[], bool], on_progress: Callable[[float], None], **_: Any
) -> Drawing:
    """A layout that has done 40 per cent and goes no further."""
    on_progress(0.4)
    while not is_cancelled():
        pass
    raise LayoutCancelledError("The layout was cancelled.")


def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines on plates that are painted from now on."""
    painted: list[str] = []
    paint = notices.paint_text

    def paint_text(*arguments: Any) -> None:
        painted.append(arguments[4])
        paint(*arguments)

    monkeypatch.setattr(notices, "paint_text", paint_text)
    return painted


def frame(canvas: GraphCanvas) -> QImage:
    return canvas.grab().toImage()


def test_a_slow_layout_over_a_drawing_says_how_far_it_is(
    show: Show, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = show(builders.blocks(400, 8))
    before = canvas.scene
    painted = words(monkeypatch)
    monkeypatch.setattr(content, "layout", endless)
    canvas.unfold_all()
    assert canvas.is_laying_out
    frame(canvas)
    assert painted == [], "it may be done at once"
    qtbot.waitUntil(lambda: "Laying out … 40 % · Esc cancels" in painted)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    painted.clear()
    frame(canvas)
    assert painted == []
    assert canvas.scene is before
    canvas.wait_for_layout()


def test_a_slow_first_layout_says_how_far_it_is(show: Show, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "layout", endless)
    monkeypatch.setattr(job, "PATIENCE_S", 0.0)
    canvas = show()
    canvas.document.set_trace(builders.blocks(400, 8))
    blank = frame(canvas)
    qtbot.waitUntil(lambda: frame(canvas) != blank)
    assert notices.laying_out(40).title == "Laying out the graph … 40 %"
    assert notices.laying_out(None).title == ""
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    canvas.wait_for_layout()
