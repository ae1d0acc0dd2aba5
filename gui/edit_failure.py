"""An edit with which the program raises is shown at its operation, without taking the editor from whoever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from gui.canvas.spotlight import Spotlight
from gui.document import Document
from gui.editing import Editing

if TYPE_CHECKING:
    from gui.canvas.widget import GraphCanvas

_TITLE = "The program raises here"


class EditFailure(QObject):
    """Selects the operation that raised. Where the keyboard is in the editors of a node, it is outlined instead:

    another selection would take the editor away in which the number is to be put right.

    Parameters
    ----------
    editors : the widget that the editors are in.
    """

    def __init__(self, document: Document, editing: Editing, canvas: GraphCanvas, editors: QWidget) -> None:
        super().__init__(canvas)
        self._document, self._editing = document, editing
        self._canvas, self._editors = canvas, editors
        self._outlined: tuple[int, ...] = ()
        editing.refused.connect(self._on_editing_refused)
        editing.changed.connect(self._on_editing_changed)

    @property
    def _spotlight(self) -> Spotlight:
        return self._canvas.spotlight

    def _on_editing_refused(self, node: int) -> None:
        focus = QApplication.focusWidget()
        if focus is None or not self._editors.isAncestorOf(focus):
            self._document.select(node)
            return
        self._outlined = (node,)
        self._spotlight.show_hits(_TITLE, self._outlined, node)
        item = None if self._canvas.scene is None else self._canvas.scene.item_of(node)
        if item is not None:
            self._canvas.reveal(item)

    def _on_editing_changed(self) -> None:
        """The edit was taken back, or is another one: nothing raises any more."""
        if self._outlined and self._editing.failure is None:
            if self._spotlight.hits == self._outlined:
                self._spotlight.clear()
            self._outlined = ()
