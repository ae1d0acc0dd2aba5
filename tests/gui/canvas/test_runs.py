"""Runs of repeated calls: one stacked card, taken apart in place, put together again."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from gui.canvas import menu, tooltip
from gui.canvas.group_labels import GROUP_HEIGHT, STACK

from . import builders
from .conftest import Show


def test_a_run_is_a_stack_that_says_what_it_holds(show: Show) -> None:
    canvas = show(builders.blocks(12))
    canvas.folding.collapse(("block1",))
    scene, labels = canvas.scene, canvas.labels
    assert scene is not None
    assert labels is not None
    item = scene.item_of_scope(("block0",))
    assert item is not None
    assert scene.item_of_scope(("block7",)) == item, "every call of the run is found in its box"
    shown = scene.items[item]
    assert labels.group_names(shown) == ("block0 – block11", "Block", "×12")
    assert labels.sizes(shown)[1] == GROUP_HEIGHT + STACK
    assert "double click to show each" in tooltip.item_text(scene, labels, item)
    texts = {run.text for run in labels.runs(shown, 344, GROUP_HEIGHT + STACK, canvas.document.stepper)}  # type: ignore[arg-type] # there is one
    assert "72 ops · 86.4M parameters" in texts
    canvas.grab()


def test_enter_takes_a_run_apart_and_the_menu_puts_it_together(show: Show) -> None:
    canvas = show(builders.blocks(12))
    canvas.folding.collapse(("block1",))
    assert canvas.scene is not None
    canvas.pick(canvas.scene.item_of_scope(("block0",)))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert len({canvas.scene.item_of_scope((f"block{k}",)) for k in range(12)}) == 12
    assert all((f"block{k}",) in canvas.folds for k in range(12)), "each is still folded"
    built = menu.build(canvas, canvas.scene.item_of_scope(("block3",)))
    found = {action.text(): action for action in built.actions()}
    found["Show repeats as one box"].trigger()
    built.close()
    assert canvas.scene.item_of_scope(("block0",)) == canvas.scene.item_of_scope(("block11",))
