"""The context menu."""

from __future__ import annotations

from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from gui.canvas import menu
from gui.canvas.widget import GraphCanvas
from gui.command_list import COMMANDS

from . import builders
from .conftest import Show


def actions(canvas: GraphCanvas, item: int | None) -> tuple[QMenu, dict[str, QAction]]:
    made = menu.build(canvas, item)
    return made, {action.text().split("\t")[0]: action for action in made.actions() if action.text()}


def test_a_node_can_be_run_to_and_its_name_copied(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    assert canvas.scene is not None
    made, found = actions(canvas, canvas.scene.item_of(4))
    assert canvas.document.selection == 4
    found["Copy name"].trigger()
    assert QGuiApplication.clipboard().text() == "z"
    found["Select producer"].trigger()
    assert canvas.document.selection == 2
    found["Run to here"].trigger()
    assert canvas.document.cursor == 3
    made.close()
    _, found = actions(canvas, canvas.scene.item_of(0))
    assert not found["Run to here"].isEnabled()
    assert not found["Select producer"].isEnabled()
    assert "Fold all" not in found, "that is about everything"
    _, found = actions(canvas, None)
    assert not found["Fold all"].isEnabled()


def test_a_group_can_be_unfolded_and_folded(show: Show) -> None:
    canvas = show(builders.blocks(12))
    assert canvas.scene is not None
    _, found = actions(canvas, canvas.scene.item_of_scope(("block2",)))
    found["Unfold"].trigger()
    assert ("block2",) not in canvas.folds
    _, found = actions(canvas, canvas.scene.item_of_scope(("block2",)))
    found["Fold"].trigger()
    assert ("block2",) in canvas.folds
    _, found = actions(canvas, None)
    found["Unfold all"].trigger()
    assert not canvas.folds.paths
    found["Fold all"].trigger()
    assert len(canvas.folds.paths) == 12


def test_menus_do_not_pile_up(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    for _ in range(3):
        made, _ = actions(canvas, None)
        made.popup(canvas.mapToGlobal(canvas.rect().center()))
        made.close()
    qtbot.waitUntil(lambda: not canvas.findChildren(QMenu))


def test_an_entry_says_the_keys_that_do_the_same(show: Show) -> None:
    canvas = show(builders.blocks(3))
    canvas.unfold_all()
    canvas.wait_for_layout()
    assert canvas.scene is not None
    of_commands = {key for entry in COMMANDS for key in entry.shortcuts}
    own = {"Return"}  # the canvas's, as the arrows are
    for item in (None, canvas.scene.item_of(4), canvas.scene.item_of_scope(("block1",))):
        made = menu.build(canvas, item)
        said = [action.text().partition("\t")[2] for action in made.actions()]
        assert sum(map(bool, said)) >= 5
        known = {QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in of_commands | own}
        assert {key for key in said if key} <= known
