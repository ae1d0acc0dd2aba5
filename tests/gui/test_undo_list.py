"""A list whose edits can be undone and done again."""

from __future__ import annotations

from PySide6.QtGui import QUndoStack
from pytestqt.qtbot import QtBot

from gui.undo_list import UndoList


class Letters(UndoList[str]):
    """Counts how often it settled."""

    settled = 0

    def add(self, letter: str) -> None:
        self._push([*self.items, letter], f"Add {letter}")

    def _settle(self) -> None:
        self.settled += 1


def test_edits_are_undone_and_done_again(qtbot: QtBot) -> None:
    stack = QUndoStack()
    letters = Letters(stack)
    letters.add("a")
    letters.add("b")
    assert list(letters.items) == ["a", "b"]
    assert stack.undoText() == "Add b"
    with qtbot.waitSignal(letters.changed):
        stack.undo()
    assert list(letters.items) == ["a"]
    stack.redo()
    assert list(letters.items) == ["a", "b"]
    assert letters.settled == 4


def test_what_changes_nothing_is_no_edit(qtbot: QtBot) -> None:
    stack = QUndoStack()
    letters = Letters(stack)
    letters._push((), "Nothing")
    with qtbot.assertNotEmitted(letters.changed):
        letters.set_items(())
    assert stack.count() == 0
    letters.set_items(("x",))
    assert stack.count() == 0, "without a way back"
