"""After an update the window shows the leaves as they are then: graph, inspector, code, watch list, tree, engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from pytestqt.qtbot import QtBot

from engine.graph.numbers import format_number
from engine.graph.observation import Observation
from engine.graph.stepper import NodeState
from engine.graph.timeline import NOT_KEPT
from engine.graph.values import Values
from gui.panels.tree_model import STATE, VALUE
from gui.window import MainWindow
from tests.engine.traces import B, W, small_trace
from tests.gui.test_debugger import press

OLD, NEW = -0.5, -0.4375


@pytest.fixture
def updated(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """The neuron with two updates after its backward pass: of w, whose new value is known, and of b."""
    trace = small_trace()
    seen = Observation(
        kind="update", nodes=(W, B), text="SGD", amounts=(0.0625, 0.125), after=(Values.of(np.float32(NEW)), None)
    )
    trace.observations.append(seen)
    path = tmp_path / "updated.retrograd"
    trace.save(path)
    window.open_target(str(path))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)
    assert (window.document.length, window.document.last) == (6, 8)
    return window


def words(window: MainWindow, node: int) -> str:
    """What the graph writes on a node's box now."""
    canvas, stepper = window.canvas, window.document.stepper
    assert canvas is not None
    assert stepper is not None
    assert canvas.scene is not None
    assert canvas.labels is not None
    item = canvas.scene.item_of(node)
    assert item is not None
    x, y, right, bottom = canvas.scene.rect_of(item)
    runs = canvas.labels.runs(canvas.scene.items[item], right - x, bottom - y, stepper)
    return " ".join(run.text for run in runs)


def test_the_graph_shows_the_value_after_the_update(updated: MainWindow) -> None:
    document = updated.document
    document.move_to(6)
    assert format_number(NEW) not in words(updated, W)
    press(updated, Qt.Key.Key_Right)
    assert format_number(NEW) in words(updated, W)
    assert "grad" not in words(updated, W)
    press(updated, Qt.Key.Key_Right)
    assert document.stepper is not None
    assert document.stepper.states[W] == NodeState.UPDATED
    assert format_number(NEW) in words(updated, W)
    assert f"Δ {format_number(0.125, 3)}" in words(updated, B), "its new value is not known, by how much it changed is"
    press(updated, Qt.Key.Key_Left)
    assert "Δ" not in words(updated, B)


def test_the_painted_box_follows_there_and_back(updated: MainWindow) -> None:
    canvas, document = updated.canvas, updated.document
    assert canvas is not None
    assert canvas.scene is not None
    pictures = []
    for position in (5, 7, 8, 5):
        document.move_to(position)
        x, y, right, bottom = canvas.scene.rect_of(canvas.scene.item_of(W) or 0)
        left, top = canvas.camera.to_screen(x, y)
        size = QSize(round((right - x) * canvas.camera.scale), round((bottom - y) * canvas.camera.scale))
        pictures.append(canvas.grab(QRect(QPoint(round(left), round(top)), size)).toImage())
    fills = [picture.pixelColor(picture.width() // 4, picture.height() // 2).name() for picture in pictures]
    before, here, after, again = fills
    assert len({before, here, after}) == 3, "to come, here, updated"
    assert again == before


def test_the_inspector_shows_before_change_and_after(updated: MainWindow, qtbot: QtBot) -> None:
    assert updated.panels is not None
    inspector, document = updated.panels.inspector, updated.document
    inspector.follows_later = False
    document.move_to(6)
    document.select(W)
    assert "still to come" in inspector.update_.texts()[-1]
    assert inspector.value.value.number.text == format_number(OLD)
    document.move_to(8)
    document.select(W)
    assert inspector.value.value.number.text == format_number(NEW)
    assert inspector.value.value._heading.text() == "Value after the update"
    text = " ".join(inspector.update_.texts())
    for number in (OLD, NEW - OLD, NEW):
        assert format_number(number) in text
    document.select(B)
    text = " ".join(inspector.update_.texts())
    assert "not kept" in text
    assert NOT_KEPT in text
    assert format_number(0.125) in text
    assert inspector.value.value.number.isHidden()
    assert not inspector.value.value.fetch_link.isVisible(), "a run of the program has no such value"


def test_code_watch_and_tree_say_it_too(updated: MainWindow) -> None:
    assert updated.panels is not None
    document, panels = updated.document, updated.panels
    document.move_to(6)
    document.select(W)
    press(updated, Qt.Key.Key_P)
    updated.docks.raise_("watch")
    assert format_number(OLD) in panels.watch.texts()[0]
    updated.docks.raise_("code")
    assert 4 not in panels.source.view.margin_texts or "→" not in panels.source.view.margin_texts[4]
    document.move_to(7)
    assert format_number(NEW) in panels.watch.texts()[0]
    assert panels.source.view.margin_texts[4] == f"→ {format_number(NEW)}"
    assert f"{format_number(OLD)} → {format_number(NEW)}" in panels.source._describe(4, "w").replace("&nbsp;", " ")
    updated.docks.raise_("tree")
    model = panels.tree.model
    entry = model.index_of_node(W)
    assert model.data(entry.siblingAtColumn(VALUE)) == format_number(NEW)
    document.move_to(8)
    assert model.data(entry.siblingAtColumn(STATE)) == "updated"


def test_the_engine_names_the_new_value(updated: MainWindow) -> None:
    assert updated.panels is not None
    updated.docks.raise_("engine")
    updated.document.move_to(8)
    updated.panels.engine.refresh()
    section = next(s for s in updated.panels.engine.model.sections if s.title.startswith("Updated"))
    assert [row.detail for row in section.rows] == ["by 0.125", f"now {format_number(NEW)}"]
