"""A list whose every edit can be undone: what breakpoints and watches have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

T = TypeVar("T")


class UndoList(QObject, Generic[T]):
    """Items in an order. Edits are pushed to an undo stack; `set_items` alone goes past it."""

    changed = Signal()
    """Another list."""

    def __init__(self, undo_stack: QUndoStack, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._undo_stack = undo_stack
        self._items: tuple[T, ...] = ()

    @property
    def items(self) -> tuple[T, ...]:
        return self._items

    def set_items(self, items: tuple[T, ...]) -> None:
        """Another list, without undo."""
        if items != self._items:
            self._items = items
            self._settle()
            self.changed.emit()

    def _settle(self) -> None:
        """The list is another one: forget what was worked out from the last."""

    def _push(self, items: Iterable[T], text: str) -> None:
        """Another list, with a way back; `text` says in the menu what was done."""
        found = tuple(items)
        if found != self._items:
            self._undo_stack.push(_Change(self, found, text))


class _Change(QUndoCommand, Generic[T]):
    def __init__(self, model: UndoList[T], items: tuple[T, ...], text: str) -> None:
        super().__init__(text)
        self._model, self._before, self._after = model, model.items, items

    def redo(self) -> None:
        self._model.set_items(self._after)

    def undo(self) -> None:
        self._model.set_items(self._before)
