"""gui.finding: queries in the palette, hits one after the other, questions by keys, in the real window."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui import finding
from gui.window import MainWindow
from tests.engine.traces import MUL, W
from tests.gui.canvas import builders


def test_names_in_the_palette_are_plain_and_short() -> None:
    trace = builders.neuron()
    for node, name in enumerate(("<b>x</b>", "a\nb", "\u202egnp", "\x00", "x" * 1_000_000)):
        trace.graph.nodes[node].name = name
    texts = finding.texts_of(trace)
    assert len(texts.titles) == len(texts.details) == len(trace.graph.nodes)
    for title, detail in zip(texts.titles, texts.details, strict=True):
        assert len(title) <= finding.MAX_TEXT + 1
        assert not {"\n", "\u202e", "\x00"} & set(title + detail)


def test_a_query_finds_nodes_and_f3_goes_on(opened: MainWindow, qtbot: QtBot) -> None:
    document, canvas, palette = opened.document, opened.canvas, opened.palette_
    assert canvas is not None
    QTest.keyClick(canvas, Qt.Key.Key_Slash)
    QTest.keyClicks(palette.field, "kind:leaf")
    assert [entry.icon for entry in palette.results] == ["variable", "variable"]
    assert palette.note.text().startswith("2 nodes")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert canvas.spotlight.hits == (1, 3)
    assert document.selection == 1
    QTest.keyClick(canvas, Qt.Key.Key_F3)
    assert document.selection == 3
    QTest.keyClick(canvas, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert document.selection == 1
    QTest.keyClick(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert document.selection == 3
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not canvas.spotlight.is_on
    assert not opened.actions_["find_next"].isEnabled()


def test_a_variable_typed_in_full_comes_first_and_keys_walk_on_from_it(opened: MainWindow) -> None:
    canvas, palette = opened.canvas, opened.palette_
    assert canvas is not None
    opened.activateWindow()
    QTest.keyClick(canvas, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(palette.field, "w")
    assert palette.results[0].name == "w"
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert opened.document.selection == W
    assert canvas.hasFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert opened.document.selection == MUL


def test_escape_gives_the_keyboard_back_and_leaves_a_field(opened: MainWindow) -> None:
    assert opened.panels is not None
    assert opened.canvas is not None
    opened.activateWindow()
    field = opened.panels.lesson.predict.entry
    opened.docks.raise_("lesson")
    field.setFocus()
    opened.show_palette()
    QTest.keyClick(opened.palette_.field, Qt.Key.Key_Escape)
    assert field.hasFocus()
    opened.document.select(W)
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert opened.canvas.hasFocus()
    assert opened.document.selection == W
    QTest.keyClick(opened.canvas, Qt.Key.Key_Escape)
    assert opened.document.selection is None


def test_a_graph_that_arrives_does_not_take_the_keyboard_from_who_writes(opened: MainWindow, qtbot: QtBot) -> None:
    document, canvas, palette = opened.document, opened.canvas, opened.palette_
    trace = document.trace
    assert canvas is not None
    opened.activateWindow()
    document.set_trace(None)
    opened.show_palette()
    QTest.keyClicks(palette.field, "Demo")
    document.set_trace(trace)
    QTest.keyClicks(palette.field, ": a")
    assert palette.isVisible()
    assert palette.field.text() == "Demo: a"
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    document.set_trace(None)
    document.set_trace(trace)
    assert canvas.hasFocus(), "where nobody writes it has the keyboard"


def test_a_click_beside_the_palette_has_the_keyboard(opened: MainWindow) -> None:
    assert opened.canvas is not None
    opened.activateWindow()
    opened.show_palette()
    QTest.mouseClick(opened.canvas, Qt.MouseButton.LeftButton, pos=QPoint(5, opened.canvas.height() - 90))
    assert not opened.palette_.isVisible()
    assert opened.canvas.hasFocus()


def test_a_faulty_query_says_where_and_all_can_be_outlined(opened: MainWindow, qtbot: QtBot) -> None:
    palette = opened.palette_
    opened.show_palette()
    palette.field.setText("mul grad>x")
    assert "At character 10" in palette.note.text()
    palette.field.setText("kind:op")
    QTest.keyClick(palette.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert not palette.isVisible()
    assert opened.canvas is not None
    assert opened.canvas.spotlight.hits == (2, 4, 5, 7)
    assert opened.document.selection is None


def test_keys_ask_the_graph_and_escape_clears(opened: MainWindow, qtbot: QtBot) -> None:
    canvas = opened.canvas
    assert canvas is not None
    opened.document.select(4)
    for key, modifiers, expected in (
        (Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier, {0, 1, 2, 3, 4}),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier, {4, 5, 7}),
        (Qt.Key.Key_L, Qt.KeyboardModifier.NoModifier, {4, 5, 7}),
    ):
        QTest.keyClick(canvas, key, modifiers)
        assert canvas.spotlight.lit == frozenset(expected)
    QTest.keyClick(canvas, Qt.Key.Key_B)
    opened.document.select(7)
    QTest.keyClick(canvas, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.spotlight.lit == frozenset({4, 5, 7})
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.spotlight.lit is None
    assert opened.document.selection == 7


def test_the_tree_and_the_graph_are_in_step(opened: MainWindow, qtbot: QtBot) -> None:
    assert opened.panels is not None
    tree = opened.panels.tree
    opened.docks.raise_("tree")
    qtbot.waitUntil(tree.isVisible)
    opened.document.select(4)
    assert tree.model.node_at(tree.view.currentIndex()) == 4
    tree.view.setFocus()
    QTest.keyClick(tree.view, Qt.Key.Key_Down)
    assert opened.document.selection == 5


def test_moving_a_box_is_undone_from_the_menu(opened: MainWindow, qtbot: QtBot) -> None:
    canvas = opened.canvas
    assert canvas is not None
    opened.document.select(4)
    canvas.carrier.nudge(64, 0)
    assert opened.actions_["reset_positions"].isEnabled()
    opened.actions_["undo"].trigger()
    assert not canvas.carrier.has_moved
    assert not opened.actions_["reset_positions"].isEnabled()
    assert opened.actions_["redo"].isEnabled()


def test_modules_are_found_by_path_and_by_class(opened: MainWindow, qtbot: QtBot) -> None:
    canvas, palette = opened.canvas, opened.palette_
    assert canvas is not None
    opened.document.set_trace(builders.blocks(40, 8, depth=2))
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    path = ("stage0", "block17")
    canvas.fold_all()
    qtbot.waitUntil(lambda: canvas.scene is not None and canvas.scene.item_of_scope(path) is None)
    opened.activateWindow()
    QTest.keyClick(canvas, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(palette.field, "stage0.block17")
    assert palette.results[0].title == "stage0.block17 · Block"
    assert "9,600,000 parameters" in palette.results[0].detail
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: canvas.picked_scope == path)
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(path)
    assert item is not None
    assert canvas.folds.sharing_box(path) == (path,)
    place = canvas.scene.rect_of(item)
    qtbot.waitUntil(lambda: canvas.view.touches(place))
    assert canvas.hasFocus()
    QTest.keyClick(canvas, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(palette.field, "Stage")
    assert palette.results[0].title == "stage0 · Stage"
