"""The watch list follows the cursor, is edited with undo, keeps its order, and leads to the nodes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.graph.numbers import format_number
from gui.document import Document
from gui.panels.inspector import InspectorPanel
from gui.panels.rows import MARGIN
from gui.panels.watch import WatchPanel
from gui.panels.watch_delegate import ROW_PX, WatchDelegate
from gui.theme import DARK, LIGHT, ThemeManager
from gui.watching import Watch, WatchModel

from .programs import Neuron, matrices

W, Z, A = 1, 4, 5


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    document = Document()
    document.set_trace(Neuron().trace())
    return document


@pytest.fixture
def model(document: Document) -> WatchModel:
    return WatchModel(document)


@pytest.fixture
def panel(qtbot: QtBot, document: Document, model: WatchModel) -> WatchPanel:
    panel = WatchPanel(document, model, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.resize(320, 300)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def test_it_follows_the_cursor(panel: WatchPanel, model: WatchModel, document: Document) -> None:
    neuron = Neuron()
    model.toggle(Watch(Z))
    model.toggle(Watch(W, is_gradient=True))
    assert panel.texts() == [
        f"z (add), value · scalar · float32: {format_number(neuron.z)}",
        "w (leaf), gradient · scalar · float32: still to come",
    ]
    document.move_to_end()
    QCoreApplication.processEvents()
    assert panel.texts()[1].endswith(f": {format_number(neuron.grad_w)}")
    document.move_to(1)
    assert panel.texts()[1].endswith(": still to come")


def test_every_edit_can_be_undone(panel: WatchPanel, model: WatchModel, document: Document) -> None:
    first, second = Watch(Z), Watch(A)
    model.toggle(first)
    model.toggle(second)
    panel.list.setCurrentIndex(panel.list.model().index(1, 0))
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert list(model.items) == [second, first]
    assert panel.current == second, "the moved row stays current"
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert list(model.items) == [first]
    for expected in ((second, first), (first, second), (first,), ()):
        document.undo_stack.undo()
        assert tuple(model.items) == expected
    document.undo_stack.redo()
    assert list(model.items) == [first]


def test_rows_are_dragged_to_another_place(panel: WatchPanel, model: WatchModel) -> None:
    items = [Watch(node) for node in (W, Z, A)]
    for item in items:
        model.toggle(item)
    rows = panel.list.model()
    data = rows.mimeData([rows.index(0, 0)])
    rows.dropMimeData(data, Qt.DropAction.MoveAction, 3, 0, rows.index(-1, -1))
    assert list(model.items) == [items[1], items[2], items[0]]


def test_enter_leads_to_the_node(panel: WatchPanel, model: WatchModel, qtbot: QtBot) -> None:
    model.toggle(Watch(A))
    panel.list.setCurrentIndex(panel.list.model().index(0, 0))
    panel.list.setFocus()
    with qtbot.waitSignal(panel.node_activated) as blocker:
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
    assert blocker.args == [A]


def test_another_step_of_the_same_program_keeps_the_list(model: WatchModel, document: Document) -> None:
    model.toggle(Watch(Z))
    document.set_trace(Neuron(x=3.0).trace())
    assert list(model.items) == [Watch(Z)]
    assert model.reading(Watch(Z)).info is not None
    document.set_trace(matrices())
    assert not model.items


def test_the_inspector_pins_what_it_shows(qtbot: QtBot, model: WatchModel, document: Document) -> None:
    inspector = InspectorPanel(document, ThemeManager(document))
    qtbot.addWidget(inspector)
    inspector.set_watching(model)
    document.move_to(3)
    inspector.value.gradient.pin.click()
    assert list(model.items) == [Watch(Z, 0, is_gradient=True)]
    assert inspector.value.gradient.pin.whole_text == "Unpin"
    inspector.value.gradient.pin.click()
    assert not model.items
    assert inspector.value.gradient.pin.whole_text == "Pin"


def test_rows_are_drawn_in_both_themes(panel: WatchPanel, model: WatchModel, document: Document) -> None:
    document.set_trace(matrices(20, 30))
    document.move_to_end()
    model.toggle(Watch(0))
    model.toggle(Watch(0, is_gradient=True))
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        panel._themes.choose("light" if name == "light" else "dark")
        image = panel.list.viewport().grab().toImage()
        colors = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, 92, 3)}
        assert theme.surface.name() in colors
        assert len(colors) > 20, "thumbnails and numbers"


def test_a_thumbnail_of_few_elements_has_no_colours_between_them(
    panel: WatchPanel, model: WatchModel, document: Document
) -> None:
    document.set_trace(matrices(2, 3))
    document.move_to_end()
    model.toggle(Watch(0))
    image = panel.list.viewport().grab().toImage()
    right = panel.list.viewport().width() - MARGIN
    strip = {image.pixelColor(x, ROW_PX // 2 - 6).name() for x in range(right - 54, right - 2)}
    assert len(strip) <= 3


def test_number_name_and_form_stand_apart_and_the_form_has_the_whole_width() -> None:
    delegate = WatchDelegate(LIGHT)
    inner = QRect(16, 4, 200, 38)
    number, name, form = delegate.places(inner, inner.right() + 1, "norm 9.01e+15", is_number=True)
    assert not any(one.intersects(other) for one, other in ((number, name), (number, form), (name, form)))
    assert form.width() == inner.width()
    assert number.right() == inner.right()


def test_the_empty_list_says_how_it_is_filled(panel: WatchPanel) -> None:
    text = panel.findChild(QLabel, "emptyNote")
    assert isinstance(text, QLabel)
    assert text.isVisible()
    assert all(word in text.text() for word in ("inspector", "P", "Shift+P"))
