"""What can be done with a tensor that is shown: copy, export, show as a picture, compare with another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from engine.graph.numbers import MINUS

from .heat_map import Floats
from .tensor_parts import has_picture

if TYPE_CHECKING:
    from .tensor_view import TensorView


class TensorMenu(QObject):
    """The actions of one `TensorView`."""

    remembered: ClassVar[tuple[str, Floats] | None] = None
    """What tensors are compared with, and what it is called: the same in every view of the window."""

    def __init__(self, view: TensorView) -> None:
        super().__init__(view)
        self._view = view
        self._cell: tuple[int, int] | None = None
        self.copy = self._action("Copy as text", self._on_copy_triggered)
        self.copy_code = self._action("Copy as torch.tensor(…)", self._on_copy_code_triggered)
        self.copy_cell = self._action("Copy this element", self._on_copy_cell_triggered)
        self.export = self._action("Export as .npy…", self._on_export_triggered)
        self.picture = self._action("Show as a picture", self._on_picture_triggered)
        self.picture.setCheckable(True)
        self.remember = self._action("Compare others with this", self._on_remember_triggered)
        self.compare = self._action("Compare", self._on_compare_triggered)
        self.compare.setCheckable(True)

    def _action(self, text: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.triggered.connect(slot)
        return action

    def popup(self, position: QPoint) -> None:
        """Open the menu at a place of the screen."""
        self.prepare()
        menu = QMenu(self._view)
        menu.addActions([self.copy, self.copy_code, self.copy_cell, self.export])
        menu.addSeparator()
        menu.addActions([self.picture, self.remember, self.compare])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)

    def prepare(self) -> None:
        """Enable what can be done now."""
        view, values, that = self._view, self._view.values, TensorMenu.remembered
        for action in (self.copy, self.copy_code, self.export, self.remember):
            action.setEnabled(values is not None)
        self._cell = view.cell
        self.copy_cell.setEnabled(values is not None and self._cell is not None)
        self.picture.setEnabled(values is not None and has_picture(values.shape))
        self.picture.setChecked(view.is_picture)
        self.compare.setText("Compare" if that is None else f"Compare with {that[0]}")
        self.compare.setEnabled(values is not None and that is not None and that[1].shape == values.shape)
        self.compare.setChecked(view.is_difference)

    def _on_copy_triggered(self) -> None:
        QGuiApplication.clipboard().setText(self._view.as_text())

    def _on_copy_code_triggered(self) -> None:
        try:
            QGuiApplication.clipboard().setText(self._view.as_code())
        except ValueError as error:
            self._view.say(str(error))

    def _on_copy_cell_triggered(self) -> None:
        if self._cell is not None:
            text = self._view.cell_text(*self._cell).partition("] ")[2]
            QGuiApplication.clipboard().setText(text.replace(MINUS, "-"))

    def _on_export_triggered(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self._view, "Export the tensor", "tensor.npy", "NumPy array (*.npy)")
        if not path:
            return
        path = path if path.endswith(".npy") else f"{path}.npy"
        try:
            self._view.save_npy(path)
        except OSError as error:
            self._view.say(f"Not written: {error.strerror or error}. Choose another place.")
        else:
            self._view.say(f"Saved as {Path(path).name}.")

    def _on_picture_triggered(self) -> None:
        self._view.set_picture(not self._view.is_picture)

    def _on_remember_triggered(self) -> None:
        if self._view.values is not None:
            TensorMenu.remembered = self._view.title, self._view.values

    def _on_compare_triggered(self) -> None:
        that = TensorMenu.remembered
        self._view.show_difference(None if self._view.is_difference or that is None else that[1])
