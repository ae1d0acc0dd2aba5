"""The graph in the real window: depths, folding, overlays, layouts, walking, dragging and undoing, as users do it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.canvas.look import Role
from gui.canvas.overlay import OVERLAYS
from gui.canvas.widget import GraphCanvas
from gui.finding import everything
from gui.settings import Settings
from gui.view_menus import layout_choices
from gui.window import MainWindow
from tests.gui.canvas import builders


@pytest.fixture
def canvas(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> GraphCanvas:
    """The window's graph with a trace of function calls."""
    path = tmp_path / "calls.retrograd"
    builders.calls().save(path)
    window.open_target(str(path))
    qtbot.waitUntil(lambda: window.document.trace is not None and window.canvas is not None)
    assert window.canvas is not None
    window.canvas.setFocus()
    return window.canvas


def functions(canvas: GraphCanvas) -> int:
    assert canvas.scene is not None
    return int((canvas.scene.roles == Role.FUNCTION).sum())


def test_keys_menu_palette_and_toolbar_choose_the_depth(window: MainWindow, canvas: GraphCanvas) -> None:
    QTest.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.folding.depth == "modules"
    QTest.keyClick(canvas, Qt.Key.Key_2)
    assert canvas.folding.depth == "functions"
    assert functions(canvas) == 2
    assert "functions" in window.toolbar.depth_menu.toolTip()
    assert window.actions_["show_functions"].isChecked()
    QTest.keyClick(canvas, Qt.Key.Key_3)
    assert functions(canvas) == 0
    in_menu = {action.text(): action for action in window.toolbar.depth_menu.menu_.actions()}
    in_menu["Show functions"].trigger()
    assert functions(canvas) == 2
    in_menu["Fold all"].trigger()
    assert canvas.folding.depth == "modules"
    in_menu["Unfold all"].trigger()
    assert functions(canvas) == 2, "unfolding keeps the function boxes"
    entries = {entry.title: entry for entry in everything(window)[0]}
    entries["Show operations"].run()
    assert functions(canvas) == 0
    assert window.actions_["show_operations"].isChecked()
    entries["Show functions"].run()
    assert functions(canvas) == 2


def test_only_the_picked_path_stays_open(window: MainWindow, canvas: GraphCanvas) -> None:
    window.document.select(5)
    QTest.keyClick(canvas, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.folds.paths == {("net",)}
    window.document.select(5)
    QTest.keyClick(canvas, Qt.Key.Key_O)
    assert canvas.folds.hidden_in(("net",)) is None


def test_keys_walk_along_the_edges(window: MainWindow, canvas: GraphCanvas) -> None:
    window.document.select(5)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert window.document.selection == 4
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert window.document.selection == 7
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert canvas.folds.hidden_in(("net",)) == ("net",), "Enter folds what is around"
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert canvas.folds.hidden_in(("net",)) is None


def chosen(window: MainWindow, title: str) -> dict[object, QAction]:
    assert window.panels is not None
    found = next(actions for name, _, actions in window.panels.choices() if name == title)
    return {action.data(): action for action in found}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_is_chosen_in_the_menu_and_explained(window: MainWindow, canvas: GraphCanvas, name: str) -> None:
    chosen(window, "Overlay")[name].trigger()
    canvas.grab()
    assert canvas.overlay == name
    assert not canvas.chrome.legend.place.isEmpty()
    assert window.settings.values.overlay == name


@pytest.mark.parametrize("name", [name for name, _, _ in layout_choices()])
def test_every_layout_draws_the_graph(window: MainWindow, canvas: GraphCanvas, qtbot: QtBot, name: str) -> None:
    chosen(window, "Layout")[name].trigger()
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    assert canvas.method == name
    assert canvas.scene is not None
    canvas.grab()
    rects = canvas.scene.rects[canvas.scene.boxes]
    for place, (x, y, right, bottom) in enumerate(rects.tolist()):
        others = rects[place + 1 :]
        hits = (others[:, 0] < right) & (others[:, 2] > x) & (others[:, 1] < bottom) & (others[:, 3] > y)
        assert not hits.any(), "boxes lie apart"


def test_a_box_is_dragged_and_put_back_by_undo(window: MainWindow, canvas: GraphCanvas) -> None:
    canvas.zoom_by(0.9 / canvas.camera.scale)
    assert canvas.scene is not None
    item = canvas.scene.item_of(5)
    assert item is not None
    x, y, _, _ = canvas.scene.rect_of(item)
    canvas.view.centre(x, y)
    before = canvas.scene.rects.copy()
    start = QPoint(canvas.width() // 2 + 10, canvas.height() // 2 + 10)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for distance in (10, 20, 30):
        QTest.mouseMove(canvas, start + QPoint(0, distance))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(0, 30))
    moved = canvas.scene.rects[item] - before[item]
    assert moved[1] > 5
    assert window.actions_["undo"].isEnabled()
    window.actions_["undo"].trigger()
    assert (canvas.scene.rects == before).all()
    window.actions_["redo"].trigger()
    assert (canvas.scene.rects[item] - before[item] == moved).all()
    window.actions_["reset_positions"].trigger()
    assert (canvas.scene.rects == before).all()


def test_legend_and_map_are_small_by_key_and_stay_so(window: MainWindow, canvas: GraphCanvas) -> None:
    canvas.grab()
    assert canvas.chrome.legend.is_shown or canvas.chrome.legend.is_open is None
    was_shown = canvas.chrome.legend.is_shown
    window.actions_["toggle_legend"].trigger()
    canvas.grab()
    assert canvas.chrome.legend.is_shown is not was_shown
    window.actions_["toggle_map"].trigger()
    assert not canvas.chrome.minimap.is_open
    values = Settings(window.settings.path).values
    assert values.legend_is_open is canvas.chrome.legend.is_shown
    assert not values.map_is_open
