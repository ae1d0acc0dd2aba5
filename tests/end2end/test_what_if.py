"""The real window with a real worker: programs are edited, and what that changes is read from the panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QMenu
from pytestqt.qtbot import QtBot

from gui.canvas.widget import GraphCanvas
from gui.editing import Editing
from gui.opening import classify
from gui.theme import DARK, LIGHT
from gui.widgets.text import LinkButton
from gui.window import MainWindow

pytestmark = pytest.mark.end2end
START_MS = 60_000


def _open(window: MainWindow, qtbot: QtBot, target: str) -> Editing:
    window.workspace.run(classify(target))
    qtbot.waitUntil(lambda: window.document.trace is not None, timeout=START_MS)
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    return window.workspace.editing


def _canvas(window: MainWindow) -> GraphCanvas:
    assert window.canvas is not None
    return window.canvas


def _node(window: MainWindow, name: str) -> int:
    trace = window.document.trace
    assert trace is not None
    return next(node.id for node in trace.graph.nodes if node.name == name)


def _wait(qtbot: QtBot, editing: Editing) -> None:
    """Until the newest edit has been tried."""
    qtbot.waitUntil(lambda: not editing.is_running, timeout=START_MS)
    qtbot.wait(20)  # the inspector follows once everything else is painted


def _grad(window: MainWindow, name: str) -> float | None:
    trace = window.document.trace
    assert trace is not None
    gradient = trace.grad(_node(window, name))
    return None if gradient is None else float(gradient)


def _neuron(w: float) -> tuple[float, float]:
    """Loss and dL/dw as torch says."""
    weight, b = torch.tensor(w, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    loss = F.binary_cross_entropy(torch.sigmoid(torch.tensor(1.1) * weight + b), torch.tensor(1.0))
    loss.backward()
    assert weight.grad is not None
    return loss.item(), weight.grad.item()


def test_the_weight_of_the_neuron_by_the_slider(window: MainWindow, qtbot: QtBot) -> None:
    editing = _open(window, qtbot, "demo:neuron")
    canvas, document = _canvas(window), window.document
    document.move_to_end()
    document.select(_node(window, "w"))
    camera, scene = canvas.camera, canvas.scene
    assert window.panels is not None
    section, inspector = window.panels.edit_section, window.panels.inspector
    qtbot.waitUntil(section.number.isVisible)
    assert section.number.value == pytest.approx(2.2, abs=1e-6)
    slider = section.number.slider
    slider.setSliderDown(True)
    for place in range(slider.value(), -200, -9):  # dragged: far more places than runs
        slider.setValue(place)
    slider.setValue(-200)
    slider.setSliderDown(False)
    _wait(qtbot, editing)
    w = section.number.value
    assert w < 0
    loss, gradient = _neuron(w)
    trace = document.trace
    assert trace is not None
    assert trace.loss == loss
    assert _grad(window, "w") == gradient
    qtbot.waitUntil(lambda: inspector.value.gradient.number.accessibleName().split()[-1] == str(np.float32(gradient)))
    assert window.panels.badge.isVisible()
    # Nothing else has moved.
    assert document.cursor == document.length
    assert document.selection == _node(window, "w")
    assert canvas.camera == camera
    assert scene is not None
    assert canvas.scene is not None
    assert canvas.scene.drawing is scene.drawing
    # One drag is one change.
    qtbot.keyClick(canvas, Qt.Key.Key_T)
    assert not editing.is_shown
    assert _grad(window, "w") == pytest.approx(-0.0898263, abs=1e-7)
    document.undo_stack.undo()
    assert not editing.entries
    assert not window.panels.badge.isVisible()
    document.undo_stack.redo()
    _wait(qtbot, editing)
    assert _grad(window, "w") == gradient
    # Links take the colours of another theme.
    for theme in (DARK, LIGHT):
        window.themes.choose("dark" if theme is DARK else "light")
        qtbot.wait(20)
        for widget in (window.panels.badge, window.panels.edits, section):
            colors = {link.color.name() for link in widget.findChildren(LinkButton) if not link.isHidden()}
            assert colors
            assert colors <= {theme.written(role).name() for role in ("accent", "data", "muted", "text")}


def test_a_cut_edge_leaves_the_leaf_without_a_gradient(window: MainWindow, qtbot: QtBot) -> None:
    editing = _open(window, qtbot, "demo:neuron")
    canvas, document = _canvas(window), window.document
    document.move_to_end()
    w = _node(window, "w")
    assert canvas.scene is not None
    menu = canvas.menu_for(canvas.scene.item_of(w))
    _trigger(menu, "Cut w → mul")
    _wait(qtbot, editing)
    assert _grad(window, "w") is None
    assert _grad(window, "b") == pytest.approx(-0.0816603, abs=1e-7)
    assert window.panels is not None
    inspector = window.panels.inspector
    document.select(w)
    qtbot.waitUntil(lambda: "None: the backward pass never reaches it." in inspector.value.gradient.note.text())
    assert [row.words.whole_text for row in window.panels.edits.rows] == ["cut w → mul"]
    boxes = [box for box in window.panels.edit_section.findChildren(QCheckBox) if box.text() == "Cut w → mul"]
    assert boxes[0].isChecked()
    window.panels.edits.rows[0].check.setChecked(False)  # left out, it stays in the list
    assert _grad(window, "w") == pytest.approx(-0.0898263, abs=1e-7)
    assert len(window.panels.edits.rows) == 1


def test_gradients_and_requires_grad_by_keys(window: MainWindow, qtbot: QtBot) -> None:
    editing = _open(window, qtbot, "demo:neuron")
    canvas, document = _canvas(window), window.document
    document.select(_node(window, "x"))
    qtbot.keyClick(canvas, Qt.Key.Key_G)
    _wait(qtbot, editing)
    document.move_to_end()
    assert _grad(window, "x") == pytest.approx(-0.1796526, abs=1e-6)
    document.select(_node(window, "a"))
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ShiftModifier)
    _wait(qtbot, editing)
    assert _grad(window, "w") == 0.0
    assert len(editing.entries) == 2
    window.actions_["reset_edits"].trigger()
    assert _grad(window, "x") is None
    assert _grad(window, "w") == pytest.approx(-0.0898263, abs=1e-7)


def test_a_pasted_matrix_and_one_that_does_not_fit(window: MainWindow, qtbot: QtBot) -> None:
    editing = _open(window, qtbot, "demo:simplenet")
    inputs = _node(window, "inputs")
    window.document.select(inputs)
    assert window.panels is not None
    matrix = window.panels.edit_section.matrix
    qtbot.waitUntil(matrix.isVisible)
    QGuiApplication.clipboard().setText("\t".join(["0.5"] * 10))
    matrix.paste()
    _wait(qtbot, editing)
    trace = window.document.trace
    assert trace is not None
    np.testing.assert_array_equal(trace.value(inputs), np.full((1, 10), 0.5, np.float32))
    QGuiApplication.clipboard().setText("[[1, 2, 3]]")
    matrix.paste()
    _wait(qtbot, editing)
    assert editing.failure is not None
    assert "mat1 and mat2" in editing.failure.message
    assert window.document.trace is trace  # the last good one stays
    node = window.document.selection
    assert node is not None
    assert trace.graph.nodes[node].op == "aten.addmm.default"
    assert any("mat1 and mat2" in told.message for told in window.notifications.shown)
    window.document.undo_stack.undo()
    _wait(qtbot, editing)
    assert editing.failure is None


def test_a_step_of_a_training_script(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "import torch\n"
        "w = torch.tensor(2.0, requires_grad=True)\n"
        "optimizer = torch.optim.SGD([w], lr=0.1)\n"
        "for step in range(3):\n"
        "    optimizer.zero_grad()\n"
        "    loss = (w - 5) ** 2\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
    )
    editing = _open(window, qtbot, str(path))
    window.document.select(_node(window, "w"))
    assert window.panels is not None
    qtbot.waitUntil(window.panels.edit_section.number.isVisible)
    window.panels.edit_section.number.spin.setValue(4.0)
    _wait(qtbot, editing)
    assert _grad(window, "w") == -2.0


def _trigger(menu: QMenu, text: str) -> None:
    next(action for action in menu.actions() if action.text() == text).trigger()
    menu.close()


def test_a_failing_edit_leaves_the_keyboard_in_its_editor(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "pick.py"
    path.write_text(
        "import torch\n"
        "def loss():\n"
        "    w = torch.tensor(1.0, requires_grad=True)\n"
        "    x = torch.arange(4.0) * w\n"
        "    return torch.narrow(x, 0, int(w), 1).sum()\n"
    )
    editing = _open(window, qtbot, f"{path}:loss")
    document, canvas = window.document, _canvas(window)
    assert window.panels is not None
    window.activateWindow()
    w = _node(window, "w")
    document.select(w)
    spin = window.panels.edit_section.number.spin
    qtbot.waitUntil(spin.isVisible)
    spin.setFocus()
    spin.selectAll()
    qtbot.keyClicks(spin, "9")
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    _wait(qtbot, editing)
    assert editing.failure is not None
    assert editing.failure.node is not None
    assert editing.failure.node != w
    assert spin.hasFocus()
    assert spin.isVisible()
    assert document.selection == w
    assert canvas.spotlight.hits == (editing.failure.node,)
    spin.selectAll()
    qtbot.keyClicks(spin, "2")
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    _wait(qtbot, editing)
    assert editing.failure is None
    assert not canvas.spotlight.is_on
    assert spin.hasFocus()
