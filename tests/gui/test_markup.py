"""Names that look like markup, everywhere a program can bring them: shown as they are, never rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QInputDialog, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from engine.graph.breakpoints import Breakpoint
from engine.graph.model import Source
from engine.graph.observation import Observation
from gui.opening import classify
from gui.widgets.questions import CloseQuestion, ConflictQuestion, may_run
from gui.window import MainWindow
from tests.engine.traces import ADD, MUL, SMALL_FILE, W, small_trace

NAME = "<b>x</b><img src=a>"


@pytest.fixture
def marked(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """The neuron, all of whose texts look like HTML."""
    trace = small_trace()
    for node in trace.graph.nodes:
        node.name = NAME
        node.scope = (NAME,)
        if node.source is not None:
            node.put_at((Source(SMALL_FILE, node.source.line, NAME),) * 2)
    trace.graph.nodes[ADD].params = {NAME: 1}
    trace.notes.append(f"a note about {NAME}")
    trace.observations.append(Observation(kind="update", nodes=(W,), text=NAME, amounts=(0.5,)))
    path = tmp_path / "i x i.retrograd"
    trace.save(path)
    window.open_target(str(path))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out)
    return window


def offenders(window: QWidget) -> list[str]:
    """Labels that would render the name, and tooltips that hold it unescaped."""
    found = [
        f"{type(label.parent()).__name__}: {label.text()[:60]}"
        for label in window.findChildren(QLabel)
        if "<b>x" in label.text() and label.textFormat() is not Qt.TextFormat.PlainText
    ]
    found += [
        f"tooltip of {type(widget).__name__}: {widget.toolTip()[:60]}"
        for widget in window.findChildren(QWidget)
        if "<b>x" in widget.toolTip()
    ]
    return found


def test_no_label_and_no_tooltip_of_the_window_renders_a_name(marked: MainWindow, qtbot: QtBot) -> None:
    document, panels = marked.document, marked.panels
    assert panels is not None
    assert document.trace is not None
    panels.inspector.follows_later = False
    document.breakpoints.add(Breakpoint(kind="module", text=NAME))
    document.breakpoints.add(Breakpoint(kind="condition", text=f'name == "{NAME}'))
    for name in (
        "code",
        "lesson",
        "tree",
        "engine",
        "inspector",
        "watch",
        "problems",
        "compare",
        "breakpoints",
        "edits",
    ):
        marked.docks.raise_(name)
        for position in (document.first, 0, 3, document.last):
            document.move_to(position)
            document.select_edge(1)
            assert offenders(marked) == [], (name, position)
    panels.problems.explain(MUL)
    document.move_to(0)
    document.run(6)  # a breakpoint of the module stops it
    assert offenders(marked) == []


def test_tooltips_of_graph_code_and_lists_escape_it(marked: MainWindow) -> None:
    canvas, panels, document = marked.canvas, marked.panels, marked.document
    assert canvas is not None
    assert panels is not None
    assert canvas.scene is not None
    seen = 0
    for item in range(len(canvas.scene)):
        x, y, right, bottom = canvas.scene.rect_of(item)
        place = QPointF(*canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2))
        text = canvas._hands.tip_text(place)
        assert "<b>x" not in text
        seen += "&lt;b&gt;x" in text
    assert seen
    assert "<b>x" not in panels.source._describe(7, "")
    document.breakpoints.add(Breakpoint(kind="module", text=NAME))
    model = panels.breakpoints.model
    assert "<b>x" not in str(model.item(0, 0).toolTip())
    files = panels.source.files
    assert "<qt>" in str(files.itemData(0, Qt.ItemDataRole.ToolTipRole))


def test_questions_and_dialogs_do_not_render_it(marked: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "<b>x.py"
    path.write_text("print(1)\n")
    boxes = (may_run(classify(str(path)), marked), CloseQuestion(NAME, marked), ConflictQuestion(path, marked))
    for box in boxes:
        assert offenders(box) == []
        box.deleteLater()
    dialog = marked.node_edits._dialog("Scale", f"Multiply the gradient at {NAME}")
    assert isinstance(dialog, QInputDialog)
    assert "<b>x" not in dialog.labelText()
    dialog.close()
    dialog.deleteLater()


def test_menus_show_it_with_its_signs(marked: MainWindow) -> None:
    canvas = marked.canvas
    assert canvas is not None
    assert canvas.scene is not None
    menu: QMenu = canvas.menu_for(canvas.scene.item_of(ADD))
    assert not any("<b>x" in (action.toolTip() if menu.toolTipsVisible() else "") for action in menu.actions())
    menu.popup(canvas.mapToGlobal(QPoint(0, 0)))
    menu.close()
